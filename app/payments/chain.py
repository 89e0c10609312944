"""The state of an authorization on chain, which decides when a settlement's receipt was lost.

Strategy: a few JSON-RPC calls, made only when it is not known whether a settlement happened. That
the node is of our chain is asked at the start and every minute. The event ``AuthorizationUsed``
names the transaction that used the nonce, and its receipt shows the ``Transfer`` that goes with it.
Tokens emit the two one after the other, so that each nonce has its own transfer, however many a
transaction holds.

Invariants: a state that decides is found positively, in what the node shows. Everything else is
``UNKNOWN``: a node that lags, a receipt that is not there yet, answers of another shape, errors.
Nothing that a node sends raises an exception here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from eth_utils.crypto import keccak
from msgspec import Meta, Struct
from x402.schemas import PaymentRequirements

from app.payments.authorization import Address, Authorization, Payment
from app.payments.json_rpc import Node, NodeError

LOOKBACK_BLOCKS = 9_000
"""How far back a use is searched: five hours on Base, within what public nodes answer."""

AUTHORIZATION_STATE = "0x" + keccak(text="authorizationState(address,bytes32)")[:4].hex()
AUTHORIZATION_USED = "0x" + keccak(text="AuthorizationUsed(address,bytes32)").hex()
AUTHORIZATION_CANCELED = "0x" + keccak(text="AuthorizationCanceled(address,bytes32)").hex()
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()

UNUSED = "0x" + "0" * 64
"""What ``authorizationState`` returns for a nonce that is neither used nor canceled."""

Quantity = Annotated[str, Meta(pattern=r"\A0x[0-9a-fA-F]{1,16}\Z")]
Word = Annotated[str, Meta(pattern=r"\A0x[0-9a-fA-F]{64}\Z")]
Bytes = Annotated[str, Meta(pattern=r"\A0x([0-9a-fA-F]{2})*\Z")]


class AuthorizationState(Enum):
    """What the chain says of an authorization.

    ``EXPIRED`` is unused in a block in which it cannot be used any more. ``FAILED`` is a Solana
    transaction that a block holds and that moved nothing. ``UNKNOWN`` is everything that does not
    decide, also an authorization that may still be used.
    """

    PAID_US = "paid us"
    SPENT_ELSEWHERE = "spent elsewhere"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ChainRecord:
    """An authorization's state on chain; ``transaction`` is the hash of the one that paid us."""

    state: AuthorizationState
    transaction: str = ""


class _Block(Struct):
    number: Quantity
    timestamp: Quantity


class _Event(Struct, rename="camel"):
    """A log of a mined transaction."""

    address: Address
    topics: list[Word]
    data: Bytes
    transaction_hash: Word
    block_hash: Word
    log_index: Quantity
    removed: bool = False

    def is_like(self, address: str, topics: Sequence[str]) -> bool:
        """Whether it is the event of that contract with these topics, in any spelling."""
        return (
            not self.removed
            and self.address.lower() == address.lower()
            and [topic.lower() for topic in self.topics] == [topic.lower() for topic in topics]
        )


class _TransactionReceipt(Struct, rename="camel"):
    transaction_hash: Word
    block_hash: Word
    status: Quantity
    logs: list[_Event]


class Chain(Node):
    """A node of the EVM ``network`` (such as eip155:8453)."""

    def __init__(self, url: str, network: str, *, timeout_seconds: float = 5.0) -> None:
        super().__init__(
            url, f"chain {network.rpartition(':')[2]}", timeout_seconds=timeout_seconds
        )

    async def _chain_found(self) -> str:
        return f"chain {int(await self._node.call(Quantity, 'eth_chainId'), 16)}"

    async def record_for(self, payment: Payment, valid_before: float) -> ChainRecord:  # noqa: ARG002 - as on Solana
        """The record of ``payment``, which names its own end."""
        return await self.record_of(payment.authorization, payment.requirements_v2)

    async def record_of(
        self, signed: Authorization, requirements: PaymentRequirements
    ) -> ChainRecord:
        """The record of ``signed``, which meets ``requirements``."""
        if self.is_another:
            return ChainRecord(AuthorizationState.UNKNOWN)
        try:
            return await self._record_of(signed, requirements)
        except NodeError:
            return ChainRecord(AuthorizationState.UNKNOWN)

    async def _record_of(
        self, signed: Authorization, requirements: PaymentRequirements
    ) -> ChainRecord:
        block = await self._node.call(_Block, "eth_getBlockByNumber", "latest", False)  # noqa: FBT003
        who = [_word(signed.payer), signed.nonce]
        events = await self._node.call(
            list[_Event],
            "eth_getLogs",
            {
                "address": requirements.asset,
                "topics": [[AUTHORIZATION_USED, AUTHORIZATION_CANCELED], *who],
                "fromBlock": hex(max(int(block.number, 16) - LOOKBACK_BLOCKS, 0)),
                "toBlock": "latest",
            },
        )
        for event in events:
            for kind in (AUTHORIZATION_USED, AUTHORIZATION_CANCELED):
                if event.is_like(requirements.asset, [kind, *who]):
                    return await self._record_in(event, signed, requirements)
        data = AUTHORIZATION_STATE + _word(signed.payer)[2:] + signed.nonce[2:]
        call = {"to": requirements.asset, "data": data}
        # in the block whose time is known: a node may be behind, and its latest block old
        state = await self._node.call(Word, "eth_call", call, block.number)
        expired = int(block.timestamp, 16) >= int(signed.valid_before)
        if state == UNUSED and expired:
            return ChainRecord(AuthorizationState.EXPIRED)
        return ChainRecord(AuthorizationState.UNKNOWN)

    async def _record_in(
        self, use: _Event, signed: Authorization, requirements: PaymentRequirements
    ) -> ChainRecord:
        """The record that the receipt of the transaction with ``use`` shows."""
        receipt = await self._node.call(
            _TransactionReceipt, "eth_getTransactionReceipt", use.transaction_hash
        )
        is_whole = (
            receipt.transaction_hash.lower() == use.transaction_hash.lower()
            and receipt.block_hash.lower() == use.block_hash.lower()
            and int(receipt.status, 16) == 1
        )
        state = AuthorizationState.UNKNOWN
        if is_whole:
            state = _state_shown(receipt.logs, use, signed, requirements)
        paid_us = state is AuthorizationState.PAID_US
        return ChainRecord(state, use.transaction_hash if paid_us else "")


def _state_shown(
    logs: Sequence[_Event], use: _Event, signed: Authorization, requirements: PaymentRequirements
) -> AuthorizationState:
    """What the transaction with ``use`` did with the authorization.

    The transfer of a nonce is the token's next event after the nonce's own. A transfer to us
    elsewhere in the transaction belongs to another nonce.
    """
    token = [event for event in logs if event.address.lower() == requirements.asset.lower()]
    token.sort(key=lambda event: int(event.log_index, 16))
    positions = [n for n, event in enumerate(token) if event.is_like(use.address, use.topics)]
    if len(positions) != 1:
        return AuthorizationState.UNKNOWN
    if use.topics[0].lower() == AUTHORIZATION_CANCELED:
        return AuthorizationState.SPENT_ELSEWHERE
    for event in token[positions[0] + 1 : positions[0] + 2]:
        transfer = [TRANSFER, _word(signed.payer)]
        paid = f"0x{int(requirements.amount):064x}"
        if event.is_like(use.address, [*transfer, _word(requirements.pay_to)]):
            if event.data.lower() == paid:
                return AuthorizationState.PAID_US
            return AuthorizationState.SPENT_ELSEWHERE
        if event.is_like(use.address, [*transfer, *event.topics[2:]]):
            return AuthorizationState.SPENT_ELSEWHERE
    return AuthorizationState.UNKNOWN


def _word(address: str) -> str:
    return "0x" + address[2:].rjust(64, "0")
