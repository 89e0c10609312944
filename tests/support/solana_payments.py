"""Payments on Solana: as the official client signs them, or different in one chosen way."""

import os
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from typing import Any

from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction
from x402.mechanisms.svm.constants import (
    COMPUTE_BUDGET_PROGRAM_ADDRESS,
    MEMO_PROGRAM_ADDRESS,
    SOLANA_DEVNET_CAIP2,
    TOKEN_PROGRAM_ADDRESS,
    USDC_DEVNET_ADDRESS,
)
from x402.mechanisms.svm.utils import derive_ata
from x402.schemas import PaymentRequirements

NETWORK = SOLANA_DEVNET_CAIP2
USDC = USDC_DEVNET_ADDRESS
PRICE = 20_000
FEE_PAYER = Keypair.from_seed(bytes([1]) * 32)
PAYEE = str(Keypair.from_seed(bytes([2]) * 32).pubkey())
PAYER = Keypair.from_seed(bytes([3]) * 32)
OTHER = str(Keypair.from_seed(bytes([4]) * 32).pubkey())

TERMS = PaymentRequirements(
    scheme="exact",
    network=NETWORK,
    asset=USDC,
    amount=str(PRICE),
    pay_to=PAYEE,
    max_timeout_seconds=60,
    extra={"feePayer": str(FEE_PAYER.pubkey())},
)


def instruction(program: str, data: bytes, *accounts: AccountMeta) -> Instruction:
    return Instruction(Pubkey.from_string(program), data, list(accounts))


def compute_budget() -> list[Instruction]:
    """The compute limit and the compute price that every payment begins with."""
    limit, price = (20_000).to_bytes(4, "little"), (1).to_bytes(8, "little")
    program = COMPUTE_BUDGET_PROGRAM_ADDRESS
    return [instruction(program, b"\x02" + limit), instruction(program, b"\x03" + price)]


def memo(text: bytes | None = None) -> Instruction:
    """A memo; a random one makes a payment differ from all others."""
    return instruction(
        MEMO_PROGRAM_ADDRESS, os.urandom(16).hex().encode() if text is None else text
    )


@dataclass(frozen=True)
class Order:
    """What to sign; the fields of a right payment of ``PAYER`` for ``TERMS`` if not given."""

    payer: Keypair = PAYER
    fee_payer: str = str(FEE_PAYER.pubkey())
    payee: str = PAYEE
    mint: str = USDC
    program: str = TOKEN_PROGRAM_ADDRESS
    amount: int = PRICE
    kind: int = 12
    source: str = ""
    destination: str = ""
    extra_accounts: tuple[AccountMeta, ...] = ()
    before: tuple[Instruction, ...] = field(default_factory=lambda: tuple(compute_budget()))
    after: tuple[Instruction, ...] = field(default_factory=lambda: (memo(),))
    blockhash: Hash = field(default_factory=Hash.new_unique)
    legacy: bool = False

    def transfer(self) -> Instruction:
        """The instruction that pays."""
        payer = self.payer.pubkey()
        source = self.source or derive_ata(str(payer), self.mint)
        destination = self.destination or derive_ata(self.payee, self.mint)
        data = bytes([self.kind]) + self.amount.to_bytes(8, "little") + bytes([6])
        return instruction(
            self.program,
            data,
            AccountMeta(Pubkey.from_string(source), is_signer=False, is_writable=True),
            AccountMeta(Pubkey.from_string(self.mint), is_signer=False, is_writable=False),
            AccountMeta(Pubkey.from_string(destination), is_signer=False, is_writable=True),
            AccountMeta(payer, is_signer=True, is_writable=False),
            *self.extra_accounts,
        )

    def message(self) -> Message | MessageV0:
        instructions = [*self.before, self.transfer(), *self.after]
        payer = Pubkey.from_string(self.fee_payer)
        if self.legacy:
            return Message.new_with_blockhash(instructions, payer, self.blockhash)
        return MessageV0.try_compile(payer, instructions, [], self.blockhash)


def signed(order: Order) -> VersionedTransaction:
    """The transaction, which its fee payer has yet to sign."""
    message = order.message()
    signature = order.payer.sign_message(to_bytes_versioned(message))
    others = [Signature.default()] * (message.header.num_required_signatures - 2)
    return VersionedTransaction.populate(message, [Signature.default(), signature, *others])


def payload(order: Order | None = None, **changes: Any) -> dict[str, str]:
    """The payload of a payment; ``changes`` are fields of the order."""
    return encoded(bytes(signed(replace(order or Order(), **changes))))


def encoded(transaction: bytes) -> dict[str, str]:
    return {"transaction": b64encode(transaction).decode()}


def decoded(payload: dict[str, str]) -> VersionedTransaction:
    return VersionedTransaction.from_bytes(b64decode(payload["transaction"]))


def name_on_chain(payload: dict[str, str], fee_payer: Keypair = FEE_PAYER) -> str:
    """The signature by which the chain lists it, once its fee payer has signed."""
    return str(fee_payer.sign_message(to_bytes_versioned(decoded(payload).message)))
