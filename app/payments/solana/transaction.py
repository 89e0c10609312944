"""A payment on Solana: a transaction that its payer signed and whose fees somebody else pays.

Strategy: ``solders`` decodes the transaction and checks signatures. Only one shape is read, that of
the ``exact`` scheme for ordinary wallets: one ``TransferChecked`` beside instructions that move
nothing, and two signatures, the payer's and the fee payer's. Everything that can be known of it
without asking anybody is checked here.

Invariants: what was signed is the message, and the message alone decides what is paid, to whom, and
which payment it is. The fee payer's signature, which its facilitator adds, is not read: whatever a
caller writes in its place changes nothing. A transaction that is read here ends with its blockhash:
one with a durable nonce, which could be kept for ever, needs the system program and is not.
"""

from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import SanitizeError, VersionedTransaction
from x402.mechanisms.svm.constants import (
    COMPUTE_BUDGET_PROGRAM_ADDRESS,
    ERR_MINT_MISMATCH,
    ERR_RECIPIENT_MISMATCH,
    LIGHTHOUSE_PROGRAM_ADDRESS,
    MEMO_PROGRAM_ADDRESS,
    TOKEN_2022_PROGRAM_ADDRESS,
    TOKEN_PROGRAM_ADDRESS,
)
from x402.schemas import PaymentRequirements

from app.errors import InvalidPayment, PaymentRefused
from app.payments.authorization import PaymentIdentity
from app.payments.solana.addresses import token_account_of
from app.payments.solana.networks import LIFETIME_SECONDS

MAX_BYTES = 1232
"""The most that a transaction may have on Solana."""
MAX_CHARACTERS = -(-MAX_BYTES // 3) * 4

TRANSFER_CHECKED = 12
"""The first byte of that instruction; the amount follows in 8 bytes, the decimals in one."""

TOKEN_PROGRAMS = frozenset({TOKEN_PROGRAM_ADDRESS, TOKEN_2022_PROGRAM_ADDRESS})
HARMLESS_PROGRAMS = frozenset(
    {COMPUTE_BUDGET_PROGRAM_ADDRESS, MEMO_PROGRAM_ADDRESS, LIGHTHOUSE_PROGRAM_ADDRESS}
)
"""Programs that move nothing; wallets add checks of their own by Lighthouse."""

FEE_PAYER_MISMATCH = "invalid_exact_svm_fee_payer_mismatch"
AMOUNT_MISMATCH = "invalid_exact_svm_payload_amount_mismatch"
SIGNATURE_INVALID = "invalid_exact_svm_payload_signature_invalid"

REFUSAL_TEXTS = {
    FEE_PAYER_MISMATCH: "The transaction's fee payer is not the feePayer of the terms.",
    ERR_MINT_MISMATCH: "The transaction transfers another token than the asset asked for.",
    ERR_RECIPIENT_MISMATCH: "The transaction does not pay the associated token account of payTo.",
    AMOUNT_MISMATCH: "The transaction does not transfer exactly the amount asked for.",
    SIGNATURE_INVALID: "The signature is not the payer's under this transaction.",
}
"""Our own refusals in words, by code; the codes are those of facilitators."""


class SignedTransaction(Struct, frozen=True):
    """A transaction in base64, signed by its payer: the ``payload`` of the ``exact`` scheme."""

    transaction: Annotated[str, Meta(max_length=MAX_CHARACTERS)]

    @property
    def transfer(self) -> "Transfer":
        """The transfer that it makes. Raises ``InvalidPayment``."""
        try:
            written = a2b_base64(self.transaction, strict_mode=True)
            decoded = VersionedTransaction.from_bytes(written)
            decoded.sanitize()
        except (ValueError, SanitizeError) as error:
            raise _unreadable("it is not a transaction") from error
        if bytes(decoded) != written:
            raise _unreadable("it is not a transaction alone")
        return _transfer_of(decoded)


class Transfer(Struct, frozen=True):
    """What a payer signed: ``amount`` atomic units of ``mint``, from one token account to another.

    Addresses are in base58. ``message`` is what was signed, ``signature`` the payer's 64 bytes
    under it. ``blockhash`` ends the transaction: it is valid for 150 blocks.
    """

    payer: str
    fee_payer: str
    source: str
    destination: str
    mint: str
    amount: str
    blockhash: str
    message: bytes
    signature: bytes

    @property
    def payer_key(self) -> str:
        return self.payer

    def require_valid_at(self, now: float) -> None:
        """Nothing: a message does not say until when its blockhash is valid."""

    def is_paid_by(self, address: str) -> bool:
        """Whether ``address`` is the payer's, or the fee payer's: facilitators name either."""
        return address in (self.payer, self.fee_payer)

    @property
    def payload(self) -> SignedTransaction:
        """The payment as it goes to a facilitator, made anew; the fee payer has yet to sign."""
        signatures = bytes([2]) + bytes(64) + self.signature
        return SignedTransaction(b64encode(signatures + self.message).decode())

    def identity(self, network: str, asset: str) -> PaymentIdentity:
        """The identity of the payment that this makes in ``asset`` on ``network`` (CAIP-2).

        A chain takes a message once, whoever signs it how often. Addresses on Solana differ by
        case, so nothing is put into lower case.
        """
        key = f"{network}:{asset}:{self.payer}:{sha256(self.message).hexdigest()}"
        fingerprint = sha256(self.message + self.signature).digest()
        return PaymentIdentity(key, fingerprint, self.payer.lower())

    def valid_before(self, claimed_at: float) -> float:
        """The instant from which it cannot be settled any more, claimed at ``claimed_at``.

        Both are in seconds since 1970. Its blockhash was known when it was claimed, so it had at
        most its lifetime left.
        """
        return claimed_at + LIFETIME_SECONDS

    def require_pays(self, requirements: PaymentRequirements) -> None:
        """Raise ``PaymentRefused`` unless it pays what ``requirements`` ask, as they ask it."""
        if self.fee_payer != requirements.extra.get("feePayer"):
            raise refused(FEE_PAYER_MISMATCH)
        if self.mint != requirements.asset:
            raise refused(ERR_MINT_MISMATCH)
        if self.destination != token_account_of(requirements.pay_to, requirements.network):
            raise refused(ERR_RECIPIENT_MISMATCH)
        if self.amount != requirements.amount:
            raise refused(AMOUNT_MISMATCH)
        if not self._is_signed_by(self.payer, self.signature):
            raise refused(SIGNATURE_INVALID)

    def is_named_by(self, transaction: str) -> bool:
        """Whether ``transaction`` is the name of this one on chain.

        That is the fee payer's signature under the message, so nothing else can have it.
        """
        try:
            signature = bytes(Signature.from_string(transaction))
        except ValueError:
            return False
        return self._is_signed_by(self.fee_payer, signature)

    def _is_signed_by(self, address: str, signature: bytes) -> bool:
        return Signature.from_bytes(signature).verify(Pubkey.from_string(address), self.message)


def transfer_in(payload: object) -> Transfer:
    """The transfer in a payload of the ``exact`` scheme. Raises ``InvalidPayment``."""
    try:
        return msgspec.convert(payload, SignedTransaction).transfer
    except msgspec.ValidationError as error:
        raise _unreadable(str(error)) from error


def refused(code: str) -> PaymentRefused:
    """Our own refusal for ``code``, with its text."""
    return PaymentRefused(code, REFUSAL_TEXTS[code])


def _transfer_of(decoded: VersionedTransaction) -> Transfer:
    message = decoded.message
    if isinstance(message, MessageV0) and message.address_table_lookups:
        raise _unreadable("its accounts must stand in it, and not in a lookup table")
    if message.header.num_required_signatures != 2:
        raise _unreadable("it must have two signatures, the payer's and the fee payer's")
    accounts = [str(account) for account in message.account_keys]
    named, data = _token_instruction(message, accounts)
    if len(named) != 4 or len(data) != 10 or data[0] != TRANSFER_CHECKED:
        raise _unreadable("it must move the token by TransferChecked")
    source, mint, destination, payer = (accounts[index] for index in named)
    if payer != accounts[1] or source == destination:
        raise _unreadable("its second signature must be that of the payer, who pays somebody else")
    return Transfer(
        payer=payer,
        fee_payer=accounts[0],
        source=source,
        destination=destination,
        mint=mint,
        amount=str(int.from_bytes(data[1:9], "little")),
        blockhash=str(message.recent_blockhash),
        message=to_bytes_versioned(message),
        signature=bytes(decoded.signatures[1]),
    )


def _token_instruction(
    message: Message | MessageV0, accounts: Sequence[str]
) -> tuple[bytes, bytes]:
    """The accounts, by index, and the data of the one instruction that moves a token."""
    found = []
    for instruction in message.instructions:
        program = accounts[instruction.program_id_index]
        if program in TOKEN_PROGRAMS:
            found.append((bytes(instruction.accounts), bytes(instruction.data)))
        elif program not in HARMLESS_PROGRAMS:
            raise _unreadable(f"it calls the program {program}")
    if len(found) != 1:
        raise _unreadable("it must have one transfer of a token")
    return found[0]


def _unreadable(why: str) -> InvalidPayment:
    return InvalidPayment(f"not a payment of the exact scheme on Solana: {why}")
