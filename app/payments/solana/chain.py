"""The state of a payment on chain, which decides when a settlement's receipt was lost.

Strategy: a payment's transaction names the payer's token account, and a node lists what named that
account, each transaction with its result. Which one is ours needs no more asking: a transaction is
listed by its fee payer's signature, and that verifies under our message or it does not. The payer's
account is looked through, and not the payee's, because a payee that sells much has more
transactions in two minutes than a node lists, and because anybody can add to them.

Invariants: a state that decides is found positively. A success counts once it is confirmed, a
failure and an absence once they are final. Everything else is ``UNKNOWN``. Nothing that a node
sends raises an exception here but ``NodeError``, and that only from ``payee_problem``.
"""

from base64 import b64decode
from typing import Annotated, Any

from msgspec import Meta, Struct
from solders.token.state import TokenAccount, TokenAccountState

from app.payments.authorization import Payment
from app.payments.chain import AuthorizationState, ChainRecord
from app.payments.json_rpc import Node, NodeError
from app.payments.solana.addresses import token_account_of
from app.payments.solana.networks import FAMILY, LIFETIME_SECONDS, stablecoin, token_program
from app.payments.solana.transaction import Transfer

MOST_LISTED = 1_000
"""How many transactions a node lists at once."""

REFERENCE_LENGTH = 32
"""How much of the first block's hash names a network in CAIP-2."""

Hash = Annotated[str, Meta(pattern=r"\A[1-9A-HJ-NP-Za-km-z]{32,44}\Z")]
Slot = Annotated[int, Meta(ge=0, le=2**53)]
Seconds = Annotated[int, Meta(ge=0, le=2**53)]
CONFIRMED = frozenset({"confirmed", "finalized"})


class _Context(Struct):
    slot: Slot


class _BlockhashValidity(Struct):
    context: _Context
    value: bool


class _Listed(Struct, rename="camel"):
    """A transaction that named an account; ``err`` is why it failed, ``None`` if it did not."""

    signature: str
    err: Any
    block_time: Seconds | None
    confirmation_status: str | None


class _Status(Struct, rename="camel"):
    """The status of a transaction by its name; the members are those of ``_Listed``."""

    err: Any
    confirmation_status: str | None


class _Statuses(Struct):
    value: tuple[_Status | None]


class _Account(Struct):
    owner: str
    data: tuple[str, str]


class _AccountInfo(Struct):
    value: _Account | None


class SolanaChain(Node):
    """A node of the Solana ``network`` (its CAIP-2 name)."""

    def __init__(self, url: str, network: str, *, timeout_seconds: float = 5.0) -> None:
        super().__init__(url, network, timeout_seconds=timeout_seconds)
        self._network = network

    async def _chain_found(self) -> str:
        """The network's name, which begins with the hash of its first block."""
        genesis = await self._node.call(Hash, "getGenesisHash")
        return f"{FAMILY}:{genesis[:REFERENCE_LENGTH]}"

    async def record_for(self, payment: Payment, valid_before: float) -> ChainRecord:
        """The record of ``payment``, which ends at ``valid_before`` at the latest."""
        assert isinstance(payment.signed, Transfer)  # noqa: S101 - it is for this network
        return await self.record_of(payment.signed, valid_before=valid_before)

    async def record_of(self, transfer: Transfer, *, valid_before: float) -> ChainRecord:
        """The record of ``transfer``, which pays us if it succeeds.

        ``valid_before`` is when it ends at the latest, in seconds since 1970.
        """
        if self.is_another:
            return ChainRecord(AuthorizationState.UNKNOWN)
        try:
            return await self._record_of(transfer, valid_before)
        except NodeError:
            return ChainRecord(AuthorizationState.UNKNOWN)

    async def shows_failure(self, transaction: str) -> bool:
        """Whether the node shows that ``transaction``, which a facilitator calls settled, failed.

        There are facilitators that wait for a transaction and do not look at its result. ``False``
        also if the node does not know it, or does not answer.
        """
        if self.is_another:
            return False
        try:
            found = await self._node.call(_Statuses, "getSignatureStatuses", [transaction])
        except NodeError:
            return False
        [status] = found.value
        return (
            status is not None
            and status.err is not None
            and status.confirmation_status in CONFIRMED
        )

    async def payee_problem(self, pay_to: str) -> str | None:
        """Why a transfer to the wallet ``pay_to`` would fail; ``None`` if it would not.

        Raises ``NodeError`` if the node does not say.
        """
        address = token_account_of(pay_to, self._network)
        options = {"encoding": "base64", "commitment": "confirmed"}
        found = await self._node.call(_AccountInfo, "getAccountInfo", address, options)
        if found.value is None:
            return (
                f"the wallet {pay_to} has no account for the token {stablecoin(self._network)} "
                f"yet, so that nothing can be paid to it; receiving the token once makes it "
                f"({address})"
            )
        account = _token_account(found.value, self._network)
        if account.state != TokenAccountState.Initialized:
            return f"the token account of {pay_to} cannot receive anything: it is frozen"
        return None

    async def _record_of(self, transfer: Transfer, valid_before: float) -> ChainRecord:
        final = {"commitment": "finalized"}
        blockhash = await self._node.call(
            _BlockhashValidity, "isBlockhashValid", transfer.blockhash, final
        )
        # listed at that slot or later: what is not listed then came too late for its blockhash
        options = {
            "commitment": "confirmed",
            "limit": MOST_LISTED,
            "minContextSlot": blockhash.context.slot,
        }
        listed = await self._node.call(
            list[_Listed], "getSignaturesForAddress", transfer.source, options
        )
        for each in listed:
            if _may_be_of(each, valid_before) and transfer.is_named_by(each.signature):
                return _record_in(each)
        if blockhash.value or not _is_whole(listed, valid_before):
            return ChainRecord(AuthorizationState.UNKNOWN)
        time = await self._node.call(Seconds, "getBlockTime", blockhash.context.slot)
        # a blockhash that is not valid has ended, or the node has not seen it yet
        expired = time >= valid_before
        return ChainRecord(AuthorizationState.EXPIRED if expired else AuthorizationState.UNKNOWN)


def _earliest(valid_before: float) -> float:
    """Before this a transaction that ends at ``valid_before`` was not signed, clocks aside."""
    return valid_before - 3 * LIFETIME_SECONDS


def _may_be_of(each: _Listed, valid_before: float) -> bool:
    """Whether it is worth verifying that ``each`` is the transaction that is looked for."""
    return each.block_time is None or each.block_time >= _earliest(valid_before)


def _is_whole(listed: list[_Listed], valid_before: float) -> bool:
    """Whether a list holds everything that may be the transaction; the oldest stands last."""
    return len(listed) < MOST_LISTED or not _may_be_of(listed[-1], valid_before)


def _record_in(ours: _Listed) -> ChainRecord:
    """The record that a node's entry of our transaction shows."""
    if ours.err is None and ours.confirmation_status in CONFIRMED:
        return ChainRecord(AuthorizationState.PAID_US, ours.signature)
    if ours.confirmation_status == "finalized":
        return ChainRecord(AuthorizationState.FAILED)
    return ChainRecord(AuthorizationState.UNKNOWN)


def _token_account(account: _Account, network: str) -> TokenAccount:
    """The token account in an account. Raises ``NodeError`` if it holds another token, or none."""
    try:
        held = TokenAccount.from_bytes(b64decode(account.data[0]))
    except ValueError as error:
        raise NodeError from error
    if account.owner != token_program(network) or str(held.mint) != stablecoin(network):
        raise NodeError
    return held
