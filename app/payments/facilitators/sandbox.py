"""The embedded facilitator: real x402, real signatures, play money.

Strategy: the SDK's own facilitator and its ``exact`` EVM scheme run in process over a signer whose
chain is a dictionary: an EIP-3009 token with balances and used nonces. A faucet credits every new
address once, so any new wallet can pay. Nothing is sent anywhere.

Invariants: a nonce is spent once; balances never go below zero; the token is bounded (the oldest
addresses and nonces are forgotten first).
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from typing import Any

from x402 import x402Facilitator
from x402.mechanisms.evm.constants import FUNCTION_TRANSFER_WITH_AUTHORIZATION
from x402.mechanisms.evm.types import TransactionReceipt, TypedDataDomain, TypedDataField
from x402.mechanisms.evm.utils import get_evm_chain_id
from x402.schemas import (
    PaymentPayload,
    PaymentPayloadV1,
    PaymentRequirements,
    PaymentRequirementsV1,
    SettleResponse,
    SupportedResponse,
    VerifyResponse,
)

from app.payments.networks import supported_kinds, version_1_name

FAUCET_ATOMIC = 10_000_000
"""What a new address is given: 10 USDC."""
MAX_ADDRESSES = 100_000
MAX_NONCES = 100_000


class SandboxFacilitator:
    """An in-process facilitator for one network and one token.

    The SDK's facilitator comes with an Ethereum client, a second of imports: it is made beside the
    event loop, in ``connect`` or when it is first needed.
    """

    label = "sandbox"
    problem = None

    def __init__(self, network: str, asset: str, clock: Callable[[], float]) -> None:
        self.token = SandboxToken(asset, get_evm_chain_id(network), clock)
        self.takes_version_1 = version_1_name(network) is not None
        self._network = network
        self._loading: asyncio.Task[x402Facilitator] | None = None

    async def connect(self) -> None:
        """Nothing to connect to; begin to make the facilitator."""
        self._loading = asyncio.create_task(self._loaded())

    async def refresh(self) -> None:
        """Nothing to ask."""

    async def aclose(self) -> None:
        """Nothing to close."""
        if self._loading is not None:
            await self._loading

    def get_supported(self) -> SupportedResponse:
        return SupportedResponse(kinds=supported_kinds(self._network))

    async def verify(
        self,
        payload: PaymentPayload | PaymentPayloadV1,
        requirements: PaymentRequirements | PaymentRequirementsV1,
    ) -> VerifyResponse:
        return await (await self._loaded()).verify(payload, requirements)

    async def settle(
        self,
        payload: PaymentPayload | PaymentPayloadV1,
        requirements: PaymentRequirements | PaymentRequirementsV1,
    ) -> SettleResponse:
        return await (await self._loaded()).settle(payload, requirements)

    async def _loaded(self) -> x402Facilitator:
        if "_facilitator" not in vars(self):
            await asyncio.to_thread(getattr, self, "_facilitator")
        return self._facilitator

    @cached_property
    def _facilitator(self) -> x402Facilitator:
        from x402.mechanisms.evm.exact.facilitator import ExactEvmScheme
        from x402.mechanisms.evm.exact.v1.facilitator import ExactEvmSchemeV1

        facilitator = x402Facilitator()
        facilitator.register([self._network], ExactEvmScheme(self.token))
        network_v1 = version_1_name(self._network)
        if network_v1 is not None:
            facilitator.register_v1([network_v1], ExactEvmSchemeV1(self.token))
        return facilitator


class SandboxToken:
    """An EIP-3009 token in memory, as the SDK's ``FacilitatorEvmSigner``. Amounts are atomic."""

    def __init__(self, asset: str, chain_id: int, clock: Callable[[], float]) -> None:
        self._asset = asset.lower()
        self._chain_id = chain_id
        self._clock = clock
        self._balances: OrderedDict[str, int] = OrderedDict()
        self._used: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._receipts: OrderedDict[str, TransactionReceipt] = OrderedDict()
        self.transfers = 0

    def balance_of(self, address: str) -> int:
        """The balance of ``address``; asking for the first time fills it from the faucet."""
        return self._balances.get(address.lower(), FAUCET_ATOMIC)

    def transfer_with_authorization(self, *call: Any) -> str:
        """EIP-3009's function of that name, its signature already checked by the scheme.

        ``call`` is (from, to, value, validAfter, validBefore, nonce, …). Returns a transaction
        hash. Raises ``RuntimeError`` with the messages that USDC reverts with.
        """
        self._require_transferable(*call)
        payer, payee, value, nonce = call[0].lower(), call[1].lower(), call[2], call[5]
        self._used[payer, nonce] = None
        self._move(payer, payee, value)
        transaction = self._receipt(payer, payee, value)
        self._forget()
        return transaction

    def _require_transferable(self, *call: Any) -> None:
        payer, value, valid_after, valid_before, nonce = call[0].lower(), *call[2:6]
        if not valid_after <= self._clock() < valid_before:
            raise RuntimeError("execution reverted: FiatTokenV2: authorization is expired")
        if (payer, nonce) in self._used:
            raise RuntimeError("execution reverted: FiatTokenV2: authorization is used or canceled")
        if self.balance_of(payer) < value:
            raise RuntimeError("execution reverted: ERC20: transfer amount exceeds balance")

    def _move(self, payer: str, payee: str, value: int) -> None:
        self.transfers += 1
        for address, change in ((payer, -value), (payee, value)):
            self._balances[address] = self.balance_of(address) + change
            self._balances.move_to_end(address)

    def _receipt(self, payer: str, payee: str, value: int) -> str:
        from x402.mechanisms.evm.exact.eip3009_utils import ERC20_TRANSFER_EVENT_TOPIC

        transaction = "0x" + secrets.token_hex(32)
        topics = [ERC20_TRANSFER_EVENT_TOPIC, _word(payer), _word(payee)]
        event = {"address": self._asset, "topics": topics, "data": f"0x{value:064x}"}
        self._receipts[transaction] = TransactionReceipt(
            status=1, block_number=self.transfers, tx_hash=transaction, logs=[event]
        )
        return transaction

    def _forget(self) -> None:
        for kept, most in (
            (self._balances, MAX_ADDRESSES),
            (self._used, MAX_NONCES),
            (self._receipts, 1),  # each is read once, right after it is written
        ):
            while len(kept) > most:
                kept.popitem(last=False)

    # --- FacilitatorEvmSigner ---------------------------------------------------------------

    def get_addresses(self) -> list[str]:
        return ["0x0000000000000000000000000000000000000402"]

    def get_chain_id(self) -> int:
        return self._chain_id

    def get_code(self, address: str) -> bytes:
        """The token has code; every other address is a plain wallet."""
        return b"\x01" if address.lower() == self._asset else b""

    def get_balance(self, address: str, token_address: str) -> int:
        return self.balance_of(address) if token_address.lower() == self._asset else 0

    def read_contract(
        self,
        address: str,  # noqa: ARG002 - the SDK's protocol
        abi: list[dict[str, Any]],  # noqa: ARG002 - the SDK's protocol
        function_name: str,
        *args: Any,
    ) -> None:
        """Simulate a transfer; the sandbox knows no other call."""
        if function_name != FUNCTION_TRANSFER_WITH_AUTHORIZATION:
            raise RuntimeError("execution reverted")
        self._require_transferable(*args)

    def write_contract(
        self,
        address: str,  # noqa: ARG002 - the SDK's protocol
        abi: list[dict[str, Any]],  # noqa: ARG002 - the SDK's protocol
        function_name: str,  # noqa: ARG002 - the SDK's protocol
        *args: Any,
        data_suffix: str | None = None,  # noqa: ARG002 - the SDK's protocol
    ) -> str:
        return self.transfer_with_authorization(*args)

    def wait_for_transaction_receipt(self, tx_hash: str) -> TransactionReceipt:
        return self._receipts[tx_hash]

    def send_transaction(self, to: str, data: bytes) -> str:  # noqa: ARG002 - the SDK's protocol
        raise RuntimeError("execution reverted: the sandbox deploys no wallets")

    def verify_typed_data(
        self,
        address: str,
        domain: TypedDataDomain,
        types: dict[str, list[TypedDataField]],
        primary_type: str,
        message: dict[str, Any],
        signature: bytes,
    ) -> bool:
        from x402.mechanisms.evm.verify import verify_typed_data_strict

        fields: dict[str, list[TypedDataField | dict[Any, Any]]] = {
            name: [*items] for name, items in types.items()
        }
        return verify_typed_data_strict(
            self, address, domain, fields, primary_type, message, signature
        )


def _word(address: str) -> str:
    return "0x" + address.removeprefix("0x").rjust(64, "0")
