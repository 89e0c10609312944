"""The settlement service alone, in virtual time: what it waits for, and what it says in the end."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import structlog
from msgspec.structs import replace
from structlog.testing import capture_logs
from x402.mechanisms.evm.constants import ERR_INSUFFICIENT_BALANCE, ERR_NONCE_ALREADY_USED
from x402.schemas import (
    PaymentRequirements,
    ResourceInfo,
    VerifyResponse,
)

from app.errors import (
    ClaimsUnavailable,
    FacilitatorUnavailable,
    PaymentAlreadyUsed,
    PaymentRefused,
    SettlementUnknown,
    TooManyClaims,
    WorkspacesUnavailable,
)
from app.payments.authorization import Authorization, Payment
from app.payments.chain import AuthorizationState, Chain, ChainRecord
from app.payments.claims.claim import Claim
from app.payments.claims.claimed_payment import ClaimedPayment, DueClaims, OpenClaim, Settlement
from app.payments.claims.memory import MemoryClaims
from app.payments.claims.receipt import Receipt
from app.payments.settlement import FIRST_LOOK_SECONDS, Charge, SettlementService
from app.payments.terms import payment_terms_of, resource_server
from app.payments.verification import HeaderPayment, payment_in
from app.products.registry import paid_endpoints
from tests.conftest import Clock
from tests.support.services import NETWORK, PAY_TO, TRANSACTION
from tests.support.settling import OTHER_TRANSACTION, Facilitator, Later, failed, settled, unknown
from tests.support.virtual_time import now, run_in_virtual_time
from tests.support.wallets import Wallet, header_of

REQUEST, ANSWER = b"a request", b"an answer"
DEADLINE = 60.0
START = 1_780_531_200.0
USED = ERR_NONCE_ALREADY_USED


class Node(Chain):
    """A node that says one thing of every authorization."""

    def __init__(self, record: ChainRecord) -> None:
        super().__init__("http://127.0.0.1:9", NETWORK)
        self.record = record
        self.asked: list[tuple[Authorization, PaymentRequirements]] = []

    async def record_of(
        self, signed: Authorization, requirements: PaymentRequirements
    ) -> ChainRecord:
        self.asked.append((signed, requirements))
        return self.record


class Till:
    """A settlement service, and payments for the terms of one product."""

    def __init__(
        self, clock: Clock, claims: MemoryClaims | None = None, chain: Chain | None = None
    ) -> None:
        self.clock = clock
        self.claims = MemoryClaims(clock) if claims is None else claims
        self.facilitator = Facilitator()
        self.outcomes: list[tuple[str, Payment, Receipt | BaseException]] = []
        self.server = resource_server({NETWORK: self.facilitator})
        self.service = SettlementService(
            self.server,
            self.claims,
            clock=clock,
            deadline_seconds=DEADLINE,
            record_outcome=lambda *outcome: self.outcomes.append(outcome),
            chains={NETWORK: chain} if chain else {},
        )
        self.terms = payment_terms_of(
            self.server,
            price_usd=paid_endpoints()[0].price_usd,
            payees={NETWORK: PAY_TO},
            resource=ResourceInfo(url="https://oncall.test/x"),
        )

    def payment(self, *, contract: bool = False, identifier: str = "", **changes: Any) -> Payment:
        """A payment; with ``contract`` its signature is a smart wallet's."""
        payload = Wallet().signed(self.terms.unpaid_body.header, **changes)
        if contract:
            payload["payload"]["signature"] += "00" * 31
        if identifier:
            extensions = json.loads(json.dumps(self.terms.extensions))
            extensions["payment-identifier"]["info"]["id"] = identifier
            payload["extensions"] = extensions
        return payment_in(
            self.terms, HeaderPayment([header_of(payload)]), self.server, version_1=()
        )

    async def charge(self, payment: Payment) -> Charge:
        return await self.service.charge(payment, REQUEST, ANSWER)

    async def found(self, payment: Payment) -> Claim | None:
        return await self.service.find(payment.identity, REQUEST)

    def bound(self, payment: Payment) -> bytes:
        return payment.identity.bound_to(REQUEST)


@pytest.fixture
def till(clock: Clock) -> Till:
    return Till(clock)


@pytest.fixture(autouse=True)
def request_id() -> Iterator[None]:
    with structlog.contextvars.bound_contextvars(request_id="req-17"):
        yield


def ends(work: Coroutine[None, None, object], error: type[Exception]) -> Any:
    """Run ``work``, which must end with ``error``, and return that."""
    with pytest.raises(error) as failure:
        run_in_virtual_time(work)
    return failure.value


# --- a settlement that goes well ------------------------------------------------------------


def test_the_receipt_says_who_paid_what_when_for_which_request(till: Till) -> None:
    payment = till.payment()
    charge = run_in_virtual_time(till.charge(payment))
    receipt, payer = charge.receipt, payment.authorization.payer
    assert not charge.replayed
    assert replace(receipt, header="") == Receipt(
        payer, "20000", NETWORK, TRANSACTION, "req-17", START, ""
    )
    assert json.loads(b64decode(receipt.header)) == {
        "success": True,
        "payer": payer,
        "transaction": TRANSACTION,
        "network": NETWORK,
        "amount": "20000",
    }
    assert till.outcomes == [("settled", payment, receipt)]
    assert till.facilitator.names == ["settle"]


def test_without_a_request_id_the_receipt_names_none(till: Till) -> None:
    structlog.contextvars.unbind_contextvars("request_id")
    assert run_in_virtual_time(till.charge(till.payment())).receipt.request_id == ""


@pytest.mark.parametrize("transaction", ["see our log", "0x12", TRANSACTION + "0", "0x" + "g" * 64])
def test_what_is_not_a_hash_is_not_in_the_receipt(till: Till, transaction: str) -> None:
    till.facilitator.settlements = [settled(transaction=transaction)]
    assert run_in_virtual_time(till.charge(till.payment())).receipt.transaction == ""


def test_a_copy_gets_the_receipt_and_later_the_answer_too(till: Till) -> None:
    payment = till.payment()

    async def charged_twice() -> None:
        first, second = await till.charge(payment), await till.charge(payment)
        assert (second.receipt, second.replayed) == (first.receipt, True)
        assert await till.found(payment) == Claim(receipt=first.receipt, answer=ANSWER)

    run_in_virtual_time(charged_twice())
    assert till.facilitator.names == ["settle"]


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({}, True),
        ({"amount": "20000"}, True),
        ({"amount": "20001"}, False),
        ({"network": "eip155:1"}, False),
        ({"payer": "0x" + "77" * 20}, False),
        ({"payer": ""}, True),
    ],
)
def test_a_settlement_is_ours_if_network_payer_and_amount_are(
    till: Till, changes: dict[str, str], ours: bool
) -> None:
    till.facilitator.settlements = [settled(**changes)]
    if ours:
        assert run_in_virtual_time(till.charge(till.payment())).receipt.transaction == TRANSACTION
    else:
        assert ends(till.charge(till.payment()), SettlementUnknown).transaction == ""


@pytest.mark.parametrize("spelt", [str.lower, str.upper])
def test_the_payer_may_be_spelt_otherwise(till: Till, spelt: Callable[[str], str]) -> None:
    payment = till.payment()
    payer = "0x" + spelt(payment.authorization.payer[2:])
    till.facilitator.settlements = [settled(payer=payer)]
    receipt = run_in_virtual_time(till.charge(payment)).receipt
    assert receipt.payer == payment.authorization.payer


# --- how long it is tried -------------------------------------------------------------------


def test_an_unknown_outcome_is_asked_for_again_until_the_deadline(till: Till) -> None:
    till.facilitator.settlements = [unknown(OTHER_TRANSACTION), unknown()]

    async def charged() -> float:
        with pytest.raises(SettlementUnknown) as failure:
            await till.charge(till.payment())
        assert (failure.value.retry_after, failure.value.transaction) == (5, OTHER_TRANSACTION)
        return now()

    assert run_in_virtual_time(charged()) == DEADLINE
    times = [round(at, 6) for _, at in till.facilitator.calls]
    assert times == [0, 0.2, 0.6, 1.4, 3, 6.2, *(11.2 + 5 * n for n in range(10))]


def test_it_is_settled_as_soon_as_the_outcome_is_known(till: Till) -> None:
    till.facilitator.settlements = [unknown(), settled(network="eip155:1"), failed(None), settled()]
    till.facilitator.verifications = [VerifyResponse(is_valid=False)]

    async def charged() -> float:
        await till.charge(till.payment())
        return now()

    assert run_in_virtual_time(charged()) == pytest.approx(1.4)


def test_a_copy_waits_for_another_process_for_twice_the_deadline(till: Till) -> None:
    payment = till.payment()

    async def waited(ask: Callable[[Payment], Coroutine[None, None, object]]) -> float:
        since = now()
        with pytest.raises(SettlementUnknown) as failure:
            await ask(payment)
        assert failure.value.retry_after == 5
        return now() - since

    async def both() -> None:
        await till.claims.claim(payment.identity.key, till.bound(payment), START + 999)
        assert await waited(till.charge) == pytest.approx(2 * DEADLINE)
        assert await waited(till.found) == pytest.approx(2 * DEADLINE)

    run_in_virtual_time(both())
    assert till.facilitator.names == []


def test_the_end_in_another_process_is_seen_within_fifty_milliseconds(till: Till) -> None:
    payment = till.payment()

    async def released_after_a_second() -> None:
        theirs = await till.claims.claim(payment.identity.key, till.bound(payment), START + 999)
        asking = [
            asyncio.create_task(till.charge(payment)),
            asyncio.create_task(till.found(payment)),
        ]
        await asyncio.sleep(1)
        receipt = Receipt("0xaa", "1", NETWORK, TRANSACTION, "", 1.0, "h")
        await till.claims.mark_settled(payment.identity.key, theirs.holder, receipt)
        charge, found = await asyncio.gather(*asking)
        assert 1 <= now() <= 1.051
        assert charge == Charge(receipt, replayed=True)
        assert found == Claim(receipt=receipt)

    run_in_virtual_time(released_after_a_second())


def test_a_verification_is_waited_for_until_the_deadline(till: Till) -> None:
    till.facilitator.verifications = [Later(1_000, VerifyResponse(is_valid=True))]

    async def charged() -> float:
        with pytest.raises(FacilitatorUnavailable) as failure:
            await till.charge(till.payment(contract=True))
        assert failure.value.retry_after == 5
        return now()

    assert run_in_virtual_time(charged()) == DEADLINE
    assert till.facilitator.names == ["verify"]
    assert len(till.claims) == 0


def test_shutdown_waits_for_settlements_and_their_failures(till: Till) -> None:
    async def finished() -> list[object]:
        till.facilitator.settlements = [Later(2, settled()), Later(1.5, PaymentRefused("no"))]
        charging = [asyncio.create_task(till.charge(till.payment())) for _ in range(2)]
        await asyncio.sleep(1)
        await till.service.finish()
        assert now() == 2
        return await asyncio.gather(*charging, return_exceptions=True)

    charge, refusal = run_in_virtual_time(finished())
    assert isinstance(charge, Charge)
    assert isinstance(refusal, PaymentRefused)


def test_shutdown_with_nothing_under_way_ends_at_once(till: Till) -> None:
    run_in_virtual_time(till.service.finish())


def test_a_caller_who_leaves_stops_nothing(till: Till) -> None:
    payment = till.payment()

    async def left() -> None:
        till.facilitator.settlements = [Later(2, settled())]
        asking = [
            asyncio.create_task(till.charge(payment)),
            asyncio.create_task(till.found(payment)),
        ]
        await asyncio.sleep(1)
        for each in asking:
            each.cancel()
        await till.service.finish()
        assert (await till.charge(payment)).replayed

    run_in_virtual_time(left())
    assert till.facilitator.names == ["settle"]


# --- what fails -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("insufficient_funds", "insufficient_funds"),
        ("a:b.c-9_", "a:b.c-9_"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "verification_failed"),
        ("two words", "verification_failed"),
        ("", "verification_failed"),
        (None, "verification_failed"),
    ],
)
def test_a_reason_code_of_a_verification_is_passed_on_and_free_text_is_not(
    till: Till, reason: str | None, told: str
) -> None:
    till.facilitator.verifications = [VerifyResponse(is_valid=False, invalid_reason=reason)]
    payment = till.payment(contract=True)
    refusal = ends(till.charge(payment), PaymentRefused)
    assert (refusal.reason, refusal.detail) == (told, told)
    assert till.outcomes == [("refused", payment, refusal)]
    assert len(till.claims) == 0
    assert till.facilitator.names == ["verify"]


def test_a_settlement_that_finally_failed_is_refused_with_its_reason(till: Till) -> None:
    till.facilitator.settlements = [failed("insufficient_funds")]
    payment = till.payment()
    refusal = ends(till.charge(payment), PaymentRefused)
    assert (refusal.reason, refusal.detail) == ("insufficient_funds", "insufficient_funds")
    assert till.outcomes == [("refused", payment, refusal)]
    assert len(till.claims) == 0


@pytest.mark.parametrize("reason", ["x" * 81, "two words", "", None, "a:b.c-9_"])
def test_a_failure_that_nobody_knows_is_not_final(till: Till, reason: str | None) -> None:
    till.facilitator.settlements = [failed(reason), settled()]
    assert run_in_virtual_time(till.charge(till.payment())).receipt.transaction == TRANSACTION
    assert till.facilitator.names == ["settle", "verify", "settle"]


def waits(till: Till, *settlements: object) -> tuple[SettlementUnknown, float]:
    """The failure of a charge whose outcome stays unknown, and when it was given up."""
    till.facilitator.settlements = list(settlements)

    async def charged() -> tuple[SettlementUnknown, float]:
        with pytest.raises(SettlementUnknown) as failure:
            await till.charge(till.payment())
        return failure.value, now()

    return run_in_virtual_time(charged())


def test_a_facilitator_that_wants_to_be_left_alone_is_left_alone(till: Till) -> None:
    busy = SettlementUnknown(retry_after=20)
    till.facilitator.settlements = [busy, FacilitatorUnavailable(retry_after=8), settled()]
    run_in_virtual_time(till.charge(till.payment()))
    assert [round(at, 6) for _, at in till.facilitator.calls] == [0, 20.2, 28.6]


def test_what_it_asks_for_is_handed_on_if_it_is_longer_than_the_deadline(till: Till) -> None:
    failure, at = waits(till, SettlementUnknown(retry_after=300))
    assert (failure.retry_after, at) == (300, 0)


def test_a_wait_that_is_no_longer_than_ours_changes_nothing(till: Till) -> None:
    failure, at = waits(till, SettlementUnknown(retry_after=5))
    assert (failure.retry_after, at) == (5, DEADLINE)
    assert till.facilitator.calls[1][1] == pytest.approx(0.2)


@pytest.mark.parametrize("error", [FacilitatorUnavailable(retry_after=7), PaymentRefused("no")])
def test_what_was_not_sent_is_forgotten(till: Till, error: Exception) -> None:
    till.facilitator.settlements = [error, settled()]
    payment = till.payment()
    assert ends(till.charge(payment), type(error)) is error
    assert till.outcomes == [("refused", payment, error)]
    assert len(till.claims) == 0
    assert not run_in_virtual_time(till.charge(payment)).replayed


def test_a_facilitator_that_goes_away_after_it_was_sent_is_asked_again(till: Till) -> None:
    till.facilitator.settlements = [unknown(), FacilitatorUnavailable(), settled()]
    assert run_in_virtual_time(till.charge(till.payment())).receipt.transaction == TRANSACTION


def test_a_settlement_of_something_else_may_have_moved_the_money(till: Till) -> None:
    """A failure after it is not believed."""
    till.facilitator.settlements = [settled(network="eip155:1"), failed("insufficient_funds")]
    assert ends(till.charge(till.payment()), SettlementUnknown).transaction == ""


def test_an_unknown_outcome_is_remembered_with_the_transaction_that_was_named(till: Till) -> None:
    till.facilitator.settlements = [unknown(OTHER_TRANSACTION)]
    payment = till.payment()
    error = ends(till.charge(payment), SettlementUnknown)
    assert till.outcomes == [("unknown", payment, error)]
    assert run_in_virtual_time(till.found(payment)) == Claim(
        sent=True, transaction=OTHER_TRANSACTION
    )


def test_a_defect_leaves_the_outcome_unknown(till: Till) -> None:
    till.facilitator.settlements = [ZeroDivisionError()]
    payment = till.payment()
    ends(till.charge(payment), ZeroDivisionError)
    assert [outcome for outcome, _, _ in till.outcomes] == ["unknown"]
    assert run_in_virtual_time(till.found(payment)) == Claim(sent=True)


def test_what_is_not_a_hash_names_no_transaction(till: Till) -> None:
    till.facilitator.settlements = [unknown(OTHER_TRANSACTION), unknown("see our log")]
    error = ends(till.charge(till.payment()), SettlementUnknown)
    assert error.transaction == OTHER_TRANSACTION


# --- after a settlement that was sent -------------------------------------------------------


def sent_before(till: Till, payment: Payment, transaction: str = OTHER_TRANSACTION) -> None:
    """An earlier request of ``payment`` whose outcome stayed unknown."""

    async def marked() -> None:
        key = payment.identity.key
        claim = await till.claims.claim(key, till.bound(payment), START + 999)
        await till.claims.mark_unknown(key, claim.holder, transaction)

    run_in_virtual_time(marked())


@pytest.mark.parametrize(
    ("transaction", "verification", "ours"),
    [
        pytest.param(OTHER_TRANSACTION, USED, True, id="used, and the facilitator named ours"),
        pytest.param("", USED, False, id="used, by whomever"),
        pytest.param(OTHER_TRANSACTION, "insufficient_funds", False, id="it failed otherwise"),
        pytest.param(OTHER_TRANSACTION, None, False, id="it says nothing"),
    ],
)
def test_without_a_node_a_used_nonce_is_ours_if_a_transaction_was_named(
    till: Till, transaction: str, verification: str | None, ours: bool
) -> None:
    payment = till.payment()
    sent_before(till, payment, transaction)
    till.facilitator.settlements = [failed("transaction_failed")]
    till.facilitator.verifications = [VerifyResponse(is_valid=False, invalid_reason=verification)]
    if ours:
        charge = run_in_virtual_time(till.charge(payment))
        assert charge.receipt.transaction == OTHER_TRANSACTION
    else:
        assert ends(till.charge(payment), SettlementUnknown).transaction == transaction


def test_without_a_node_a_facilitator_that_cannot_verify_is_asked_again(till: Till) -> None:
    payment = till.payment()
    sent_before(till, payment)
    till.facilitator.settlements = [failed("transaction_failed")]
    till.facilitator.verifications = [
        FacilitatorUnavailable(),
        VerifyResponse(is_valid=False, invalid_reason=USED),
    ]
    assert run_in_virtual_time(till.charge(payment)).receipt.transaction == OTHER_TRANSACTION
    assert till.facilitator.names == ["settle", "verify"] * 2


def test_what_was_sent_is_settled_again_after_it_expired_without_being_verified(
    till: Till, clock: Clock
) -> None:
    """Money may have moved: whatever the window says now, the payer must get what it bought."""
    payment = till.payment(contract=True, validBefore=str(int(START) + 60))
    sent_before(till, payment)
    clock.advance(90)
    assert run_in_virtual_time(till.charge(payment)).receipt.transaction == TRANSACTION
    assert till.facilitator.names == ["settle"]


@pytest.mark.parametrize(
    ("record", "late", "outcome"),
    [
        (ChainRecord(AuthorizationState.PAID_US, TRANSACTION), 0, TRANSACTION),
        (ChainRecord(AuthorizationState.PAID_US, "text"), 0, ""),
        (ChainRecord(AuthorizationState.SPENT_ELSEWHERE), 0, USED),
        (ChainRecord(AuthorizationState.EXPIRED), 7, "transaction_failed"),
        (ChainRecord(AuthorizationState.EXPIRED), 6, None),
        (ChainRecord(AuthorizationState.UNKNOWN), 7, None),
    ],
)
def test_with_a_node_the_chain_decides(
    clock: Clock, record: ChainRecord, late: int, outcome: str | None
) -> None:
    """A refused payment must be unused in a block after its end, and ended by our clock, too."""
    node = Node(record)
    till = Till(clock, chain=node)
    payment = till.payment(validBefore=str(int(START)))
    sent_before(till, payment)
    clock.advance(late)
    till.facilitator.settlements = [failed("transaction_failed")]
    if record.state is AuthorizationState.PAID_US:
        assert run_in_virtual_time(till.charge(payment)).receipt.transaction == outcome
    elif outcome is None:
        ends(till.charge(payment), SettlementUnknown)
    else:
        assert ends(till.charge(payment), PaymentRefused).reason == outcome
    assert node.asked[0] == (payment.authorization, payment.requirements_v2)
    assert "verify" not in till.facilitator.names


NO_FUNDS = VerifyResponse(is_valid=False, invalid_reason=ERR_INSUFFICIENT_BALANCE)
SPENT_IT = VerifyResponse(is_valid=False, invalid_reason="insufficient_funds")
"""Also of a payer who paid us all that he had: not everybody looks at the nonce first."""


def test_who_has_not_the_money_is_told_so_at_once(till: Till) -> None:
    """Some facilitators say only that the transfer failed, and name the one that was reverted."""
    for transaction in ("", TRANSACTION):
        till.facilitator.settlements = [failed("transaction_failed", transaction)]
        till.facilitator.verifications = [NO_FUNDS]
        assert ends(till.charge(till.payment()), PaymentRefused).reason == ERR_INSUFFICIENT_BALANCE
    assert till.facilitator.names == ["settle", "verify"] * 2


@pytest.mark.parametrize(
    ("verification", "settlement"),
    [
        (VerifyResponse(is_valid=True), failed("transaction_failed")),
        (FacilitatorUnavailable(), failed("transaction_failed")),
        (SPENT_IT, failed("transaction_failed")),
        (NO_FUNDS, failed("settle_exact_node_failure", TRANSACTION)),
        (NO_FUNDS, unknown()),
    ],
)
def test_a_payment_that_may_have_moved_money_is_not_refused_for_lack_of_it(
    till: Till, verification: Any, settlement: Any
) -> None:
    till.facilitator.settlements = [settlement, failed("transaction_failed")]
    till.facilitator.verifications = [verification]
    ends(till.charge(till.payment()), SettlementUnknown)


# --- the store ------------------------------------------------------------------------------


class Failing(MemoryClaims):
    """A store that fails as a claim ends."""

    error: Exception = ClaimsUnavailable("away")

    async def mark_settled(
        self, key: str, holder: str, receipt: Receipt, answer: bytes | None = None
    ) -> None:
        raise self.error

    async def mark_unknown(self, key: str, holder: str, transaction: str = "") -> None:
        raise self.error

    async def release(self, key: str, holder: str) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (settled(), None),
        (failed("insufficient_funds"), PaymentRefused),
        (ZeroDivisionError(), ZeroDivisionError),
    ],
)
def test_a_store_that_is_away_as_a_claim_ends_changes_no_outcome(
    clock: Clock, answer: object, error: type[Exception] | None
) -> None:
    till = Till(clock, Failing(clock))
    till.facilitator.settlements = [answer]
    with capture_logs() as logs:
        if error is None:
            assert run_in_virtual_time(till.charge(till.payment())).receipt
        else:
            ends(till.charge(till.payment()), error)
    [entry] = logs
    assert (entry["event"], entry["log_level"]) == ("claim_not_stored", "error")
    assert entry["exc_info"] is Failing.error


def test_a_defect_of_the_store_is_not_hidden(clock: Clock) -> None:
    claims = Failing(clock)
    claims.error = ZeroDivisionError()
    ends(Till(clock, claims).charge(Till(clock).payment()), ZeroDivisionError)


def test_a_full_store_charges_nothing(clock: Clock) -> None:
    till = Till(clock, MemoryClaims(clock, max_claims=0))
    ends(till.charge(till.payment()), TooManyClaims)
    assert till.facilitator.names == []


@pytest.mark.parametrize(
    ("valid_before", "seconds"),
    [(int(START) + 100, 700), (99_999_999_999, 86_400)],
    ids=["ten minutes more", "a day at most"],
)
def test_a_receipt_is_kept_a_while_longer_than_its_authorization_is_valid(
    till: Till, clock: Clock, valid_before: int, seconds: int
) -> None:
    payment = till.payment(validBefore=str(valid_before), identifier="an-order-of-mine-17")
    run_in_virtual_time(till.charge(payment))
    key = payment.identifier_key
    assert key is not None
    for name, bound in ((payment.identity.key, till.bound(payment)), (key, till.bound(payment))):
        clock.now = START + seconds
        assert run_in_virtual_time(till.claims.find(name, bound)) is not None
        clock.advance(1)
        assert run_in_virtual_time(till.claims.find(name, bound)) is None


@pytest.mark.parametrize(
    ("answer", "error", "free"),
    [
        (settled(), None, False),
        (failed("insufficient_funds"), PaymentRefused, True),
        (unknown(OTHER_TRANSACTION), SettlementUnknown, False),
    ],
    ids=["settled", "refused", "unknown"],
)
def test_an_identifier_is_bound_to_what_may_have_been_charged(
    till: Till, answer: object, error: type[Exception] | None, free: bool
) -> None:
    payment = till.payment(identifier="an-order-of-mine-17")
    till.facilitator.settlements = [answer]
    if error is None:
        run_in_virtual_time(till.charge(payment))
    else:
        ends(till.charge(payment), error)
    key = payment.identifier_key
    assert key is not None
    if free:
        assert run_in_virtual_time(till.claims.find(key, b"another")) is None
    else:
        ends(till.claims.find(key, b"another"), PaymentAlreadyUsed)
        found = run_in_virtual_time(till.claims.find(key, till.bound(payment)))
        assert found is not None
        assert (found.sent, found.receipt) == (True, None)


# --- before anything is computed ------------------------------------------------------------


def test_another_request_cannot_join_a_settlement_under_way(till: Till) -> None:
    payment = till.payment()

    async def joined() -> None:
        till.facilitator.settlements = [Later(1, settled())]
        charging = asyncio.create_task(till.charge(payment))
        await asyncio.sleep(0.5)
        with pytest.raises(PaymentAlreadyUsed):
            await till.service.charge(payment, b"another", ANSWER)
        with pytest.raises(PaymentAlreadyUsed):
            await till.service.find(payment.identity, b"another")
        assert await till.charge(payment) == Charge((await charging).receipt, replayed=True)
        assert now() == 1

    run_in_virtual_time(joined())


def test_a_payment_without_the_form_of_one_has_bought_nothing(till: Till) -> None:
    assert run_in_virtual_time(till.service.find(None, REQUEST)) is None


@pytest.mark.parametrize(
    ("known", "refused"),
    [(None, True), (Claim(), True), (Claim(sent=True), False)],
    ids=["unknown", "not sent", "sent"],
)
def test_a_window_that_has_passed_refuses_what_was_not_sent(
    till: Till, known: Claim | None, refused: bool
) -> None:
    payment = till.payment(validBefore=str(int(START)))
    asked = till.service.require_chargeable(payment, REQUEST, known)
    if refused:
        ends(asked, PaymentRefused)
    else:
        run_in_virtual_time(asked)


def test_an_identifier_of_another_request_is_refused_before_anything_is_computed(
    till: Till,
) -> None:
    payment = till.payment(identifier="an-order-of-mine-17")
    run_in_virtual_time(till.service.require_chargeable(payment, REQUEST, None))
    key = payment.identifier_key
    assert key is not None
    claim = run_in_virtual_time(till.claims.claim(key, till.bound(payment), START + 99))
    run_in_virtual_time(till.service.require_chargeable(payment, REQUEST, None))
    run_in_virtual_time(till.claims.release(key, claim.holder))
    run_in_virtual_time(till.claims.claim(key, b"another", START + 99))
    ends(till.service.require_chargeable(payment, REQUEST, None), PaymentAlreadyUsed)


@pytest.mark.parametrize(
    ("known", "asked"), [(None, 1), (Claim(), 1), (Claim(sent=True), 0)], ids=["", "no", "sent"]
)
def test_a_payment_is_verified_once_unless_it_was_sent(
    till: Till, known: Claim | None, asked: int
) -> None:
    async def verified() -> None:
        payment = await till.service.verify(till.payment(contract=True), REQUEST, known)
        assert payment.verified
        assert (await till.service.verify(payment, REQUEST)).verified
        await till.charge(payment)

    run_in_virtual_time(verified())
    assert till.facilitator.names == ["verify"] * asked + ["settle"]


def test_a_refusal_is_believed_unless_the_payment_is_known(till: Till) -> None:
    payment = till.payment(contract=True)
    till.facilitator.verifications = [VerifyResponse(is_valid=False, invalid_reason=USED)]
    assert ends(till.service.verify(payment, REQUEST), PaymentRefused).reason == USED
    sent_before(till, payment)
    assert run_in_virtual_time(till.service.verify(payment, REQUEST)).verified
    ends(till.service.verify(payment, b"another"), PaymentAlreadyUsed)


# --- what is kept for the payer -------------------------------------------------------------


class Unprepared:
    """An order that cannot be written down."""

    async def prepare(self) -> None:
        raise WorkspacesUnavailable(retry_after=7)

    async def cancel(self) -> None:
        raise AssertionError


def test_an_order_that_cannot_be_written_down_is_not_settled(till: Till) -> None:
    payment = till.payment()
    charging = till.service.charge(payment, REQUEST, None, order=Unprepared())
    assert ends(charging, WorkspacesUnavailable).retry_after == 7
    assert run_in_virtual_time(till.found(payment)) is None
    assert "settle" not in till.facilitator.names


def test_an_order_that_was_sent_before_and_cannot_be_written_down_stays_unknown(till: Till) -> None:
    payment = till.payment()
    sent_before(till, payment)
    error = ends(till.service.charge(payment, REQUEST, None, order=Unprepared()), SettlementUnknown)
    assert (error.retry_after, error.transaction) == (5, OTHER_TRANSACTION)
    kept = Claim(sent=True, transaction=OTHER_TRANSACTION)
    assert run_in_virtual_time(till.found(payment)) == kept
    assert "settle" not in till.facilitator.names


# --- what nobody knows, looked up beside the service ----------------------------------------


def left_open(till: Till, payment: Payment, transaction: str = "") -> OpenClaim:
    """The claim of ``payment`` as a process leaves it that was killed, or that gave up."""

    async def work() -> OpenClaim:
        key, kept = payment.identity.key, ClaimedPayment.of(payment, "oncall-now", "req-16")
        claim = await till.claims.claim(key, till.bound(payment), till.clock() + 900, kept)
        await till.claims.mark_unknown(key, claim.holder, transaction)
        [found] = (await till.claims.due_claims(9)).open
        return found

    return run_in_virtual_time(work())


def looked_up(till: Till, claim: OpenClaim) -> str:
    return run_in_virtual_time(till.service.look_up(claim))


def streamed(till: Till) -> list[Settlement]:
    found = run_in_virtual_time(till.claims.settlements())
    return [each.settlement for each in found]


def test_a_payment_that_the_chain_shows_is_settled_and_buys_its_answer(clock: Clock) -> None:
    till = Till(clock, chain=Node(ChainRecord(AuthorizationState.PAID_US, TRANSACTION)))
    payment = till.payment()
    claim = left_open(till, payment)
    clock.advance(60)
    with structlog.testing.capture_logs() as logs:
        assert looked_up(till, claim) == "settled"
    [line] = streamed(till)
    assert line == Settlement(
        payment=payment.identity.key,
        product="oncall-now",
        network=NETWORK,
        asset=payment.requirements_v2.asset,
        amount=payment.signed.amount,
        payer=payment.signed.payer,
        pay_to=PAY_TO,
        transaction=TRANSACTION,
        request_id="req-16",
        settled_at=clock(),
    )
    assert logs == [
        {
            "event": "claim_settled",
            "log_level": "info",
            "payer": payment.signed.payer,
            "amount": payment.signed.amount,
            "network": NETWORK,
            "transaction": TRANSACTION,
            "request_id": "req-16",
        }
    ]
    charge = run_in_virtual_time(till.charge(payment))
    assert (charge.replayed, charge.receipt.transaction) == (True, TRANSACTION)
    assert till.facilitator.names == []
    assert looked_up(till, claim) == "settled"
    assert len(streamed(till)) == 1
    assert run_in_virtual_time(till.claims.due_claims(9)) == DueClaims()


@pytest.mark.parametrize(
    ("state", "late", "outcome"),
    [
        (AuthorizationState.SPENT_ELSEWHERE, 0, "unpaid"),
        (AuthorizationState.FAILED, 0, "unpaid"),
        (AuthorizationState.EXPIRED, 7, "unpaid"),
        (AuthorizationState.EXPIRED, 6, "unknown"),
        (AuthorizationState.UNKNOWN, 7, "unknown"),
    ],
)
def test_what_did_not_reach_us_is_not_settled_and_its_claim_is_not_released(
    clock: Clock, state: AuthorizationState, late: int, outcome: str
) -> None:
    till = Till(clock, chain=Node(ChainRecord(state)))
    payment = till.payment(validBefore=str(int(START)))
    claim = left_open(till, payment)
    clock.advance(late)
    assert looked_up(till, claim) == outcome
    assert streamed(till) == []
    assert run_in_virtual_time(till.found(payment)) == Claim(sent=True)
    clock.advance(FIRST_LOOK_SECONDS)
    due = run_in_virtual_time(till.claims.due_claims(9))
    assert len(due.open) == (outcome == "unknown")
    assert till.facilitator.names == []


@pytest.mark.parametrize(
    ("named", "reason", "outcome", "calls"),
    [
        (OTHER_TRANSACTION, USED, "settled", ["verify"]),
        (OTHER_TRANSACTION, "insufficient_funds", "unknown", ["verify"]),
        ("", USED, "unknown", []),
    ],
)
def test_without_a_node_the_facilitator_is_asked_and_settles_nothing(
    till: Till, named: str, reason: str, outcome: str, calls: list[str]
) -> None:
    claim = left_open(till, till.payment(), named)
    till.facilitator.verifications = [VerifyResponse(is_valid=False, invalid_reason=reason)]
    assert looked_up(till, claim) == outcome
    assert [line.transaction for line in streamed(till)] == [named] * (outcome == "settled")
    assert till.facilitator.names == calls


def test_it_is_looked_up_ever_more_seldom(till: Till) -> None:
    claim = left_open(till, till.payment())
    waited = []
    for age in (0, 40, 100, 10_000):
        till.clock.advance(age)
        looked_up(till, claim)
        waited.append(till.claims._look_at[claim.key] - till.clock())
    assert waited == [10, 10, 35, 120]


def test_what_is_being_settled_here_is_not_looked_up(clock: Clock) -> None:
    till = Till(clock, chain=Node(ChainRecord(AuthorizationState.PAID_US, TRANSACTION)))
    payment = till.payment()
    claim = left_open(till, payment)
    till.facilitator.settlements = [Later(5, settled())]

    async def both() -> str:
        charging = asyncio.create_task(till.charge(payment))
        await asyncio.sleep(1)
        outcome = await till.service.look_up(claim)
        await charging
        return outcome

    assert run_in_virtual_time(both()) == "unknown"
    assert [line.product for line in streamed(till)] == [""]
