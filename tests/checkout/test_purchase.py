"""A purchase without its transport: what is computed where, what is charged, and what is known."""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import pytest
from x402.extensions.payment_identifier import append_payment_identifier_to_extensions
from x402.schemas import ResourceInfo, VerifyResponse

from app.checkout.purchase import (
    KEPT_BODY_BYTES,
    Found,
    OrderMaker,
    PaidAnswer,
    PaymentContext,
    ProductCheckout,
    PurchaseRequest,
)
from app.errors import (
    BodyTooLarge,
    FacilitatorUnavailable,
    FieldError,
    IdentifierAlreadyUsed,
    InvalidRequest,
    MalformedBody,
    SettlementUnknown,
)
from app.http.large_bodies import LARGE_BYTES
from app.http.rate_limits import RateLimits
from app.payments.authorization import PaymentIdentity
from app.payments.claims.claim import Claim
from app.payments.claims.memory import MemoryClaims
from app.payments.facilitators.by_network import Facilitators
from app.payments.settlement import Charge, SettlementService
from app.payments.terms import PaymentRequiredBody, payment_terms_of, resource_server
from app.payments.verification import CarriedPayment, HeaderPayment
from app.products.endpoint import AFTER_SIGNING, FREE_BODY_BYTES, JSON, Endpoint
from app.products.registry import paid_endpoints
from app.products.workspace.endpoint import workspace_endpoint
from app.workers.pool import WorkerPool
from tests.conftest import Clock
from tests.support import solana_payments
from tests.support.ledger import settlements_of
from tests.support.services import EXAMPLE, NETWORK, PAY_TO, TRANSACTION
from tests.support.settling import Facilitator, Later, failed, settled, unknown
from tests.support.virtual_time import run_in_virtual_time
from tests.support.wallets import Wallet, header_of
from tests.support.workspaces import order

T = TypeVar("T")

ENDPOINT = paid_endpoints()[0]
BODY = json.dumps(EXAMPLE).encode()
PLAN = json.dumps({**EXAMPLE, "strategy": "fair"}).encode()
ANN = "192.0.2.1"
START = 1_780_531_200


class Here(WorkerPool):
    """A pool that runs its jobs in this process, and notes for whom."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[tuple[str, str, float, bool]] = []
        self.payers: list[str] = []

    async def run(
        self,
        job: Callable[..., T],
        *arguments: object,
        caller: str,
        cpu_seconds: float,
        unpaid: bool = False,
        payer: str = "",
    ) -> T:
        self.payers.append(payer)
        self.jobs.append((job.__name__, caller, cpu_seconds, unpaid))
        return job(*arguments)


class State(Facilitator):
    """A facilitator as a checkout sees it."""

    label = "sandbox"
    problem: str | None = None
    takes_version_1 = True
    fee_payer = ""


class Shop:
    """A checkout of one product, with everything that stands behind it."""

    def __init__(
        self,
        clock: Clock,
        claims: MemoryClaims | None = None,
        endpoint: Endpoint = ENDPOINT,
        *,
        network: str = NETWORK,
        pay_to: str = PAY_TO,
        orders: OrderMaker | None = None,
    ) -> None:
        self.facilitator = State(network)
        self.claims = MemoryClaims(clock) if claims is None else claims
        self.server = resource_server({network: self.facilitator})
        self.terms = payment_terms_of(
            self.server,
            price_usd=endpoint.price_usd,
            payees={network: pay_to},
            resource=ResourceInfo(url="https://oncall.test/x"),
        )
        settlement = SettlementService(
            self.server,
            self.claims,
            clock=clock,
            deadline_seconds=60,
            record_outcome=lambda *_: None,
        )
        self.pool = Here()
        payments = PaymentContext(
            self.terms, self.server, settlement, Facilitators({network: self.facilitator})
        )
        self.free = ProductCheckout(endpoint, RateLimits(clock), self.pool, None, clock)
        self.checkout = replace(self.free, payments=payments, orders=orders)

    def payment(
        self, *, contract: bool = False, wallet: Wallet | None = None, **changes: Any
    ) -> CarriedPayment:
        payload = (wallet or Wallet()).signed(self.terms.unpaid_body.header, **changes)
        if contract:
            payload["payload"]["signature"] += "00" * 31
        return HeaderPayment([header_of(payload)])

    async def buy(self, request: PurchaseRequest) -> PaidAnswer | PaymentRequiredBody:
        """Do as a transport does."""
        found = await self.checkout.find(request)
        return found.outcome or await self.checkout.outcome(request, found)

    def bought(self, request: PurchaseRequest) -> PaidAnswer:
        answer = run_in_virtual_time(self.buy(request))
        assert isinstance(answer, PaidAnswer), answer
        return answer

    def told(self, request: PurchaseRequest) -> dict[str, Any]:
        """The 402."""
        terms = run_in_virtual_time(self.buy(request))
        assert isinstance(terms, PaymentRequiredBody)
        told: dict[str, Any] = json.loads(terms.json)
        return told


@pytest.fixture
def shop(clock: Clock) -> Shop:
    return Shop(clock)


def asked(payment: CarriedPayment | None = None, body: bytes = BODY) -> PurchaseRequest:
    return PurchaseRequest(ENDPOINT.path, JSON, body, ANN, payment)


# --- where it is computed -------------------------------------------------------------------


def test_a_light_answer_is_computed_at_once(shop: Shop) -> None:
    paid = shop.bought(asked(shop.payment()))
    assert len(json.loads(paid.answer)["rotation"]) == 3
    assert run_in_virtual_time(shop.free.outcome(asked())) == PaidAnswer(paid.answer)
    assert shop.pool.jobs == []


@pytest.mark.parametrize(
    ("body", "worker"),
    [
        pytest.param(BODY.ljust(LARGE_BYTES), False, id="as large as a light one may be"),
        pytest.param(BODY.ljust(LARGE_BYTES + 1), True, id="larger"),
        pytest.param(PLAN, True, id="a plan"),
    ],
)
def test_heavy_work_is_done_in_a_worker_for_its_caller(
    shop: Shop, body: bytes, worker: bool
) -> None:
    wallet = Wallet()
    paid = shop.bought(asked(shop.payment(wallet=wallet), body))
    assert shop.pool.jobs == [("answer_to", ANN, ENDPOINT.cpu_seconds, False)] * worker
    assert shop.pool.payers == [wallet.account.address.lower()] * worker
    assert run_in_virtual_time(shop.free.outcome(asked(body=body))).answer == paid.answer
    assert shop.pool.payers[worker:] == [""] * worker
    assert shop.facilitator.names == ["verify", "settle"][not worker :]


@pytest.mark.parametrize(
    ("body", "worker"),
    [
        pytest.param(b"", False, id="no body"),
        pytest.param(BODY.ljust(LARGE_BYTES), False, id="as large as a light one may be"),
        pytest.param(BODY.ljust(LARGE_BYTES + 1), True, id="larger"),
        pytest.param(BODY.ljust(FREE_BODY_BYTES), True, id="as large as a free one may be"),
        pytest.param(PLAN, False, id="a plan with nothing to look at"),
    ],
)
def test_a_body_is_examined_before_anybody_pays(shop: Shop, body: bytes, worker: bool) -> None:
    told = shop.told(asked(body=body))
    assert "warnings" not in told
    assert shop.pool.jobs == [("examine_document", ANN, 1.0, True)] * worker


def test_a_body_too_large_to_be_examined_is_read_later(shop: Shop) -> None:
    told = shop.told(asked(body=BODY.ljust(FREE_BODY_BYTES + 1)))
    [warning] = told["warnings"]
    told = f"has more than {FREE_BODY_BYTES:,} bytes, so it is read {AFTER_SIGNING}"
    assert FieldError(warning["pointer"], warning["detail"]) == FieldError("", told)
    assert shop.pool.jobs == []


def test_a_member_that_is_not_understood_is_refused_before_anybody_pays(shop: Shop) -> None:
    with pytest.raises(InvalidRequest, match="/shift: is not a known field; did you mean 'shifts'"):
        shop.told(asked(body=json.dumps({**EXAMPLE, "shift": 1}).encode()))


@pytest.mark.parametrize(("size", "kept"), [(KEPT_BODY_BYTES, 1), (KEPT_BODY_BYTES + 1, 0)])
def test_a_small_document_is_kept_for_the_payment_that_follows(
    shop: Shop, size: int, kept: int
) -> None:
    body = BODY.ljust(size)
    shop.told(asked(body=body))
    shop.bought(asked(shop.payment(), body))
    documents = shop.checkout._kept.cache_info()  # type: ignore[attr-defined]
    assert (documents.currsize, documents.hits) == (kept, kept)


def test_nothing_is_sold_for_an_empty_body(shop: Shop) -> None:
    with pytest.raises(MalformedBody) as failure:
        run_in_virtual_time(shop.buy(asked(shop.payment(), b"")))
    assert failure.value.detail == "the body is empty"
    assert shop.facilitator.names == []


def test_while_nothing_can_be_settled_nothing_is_offered(shop: Shop) -> None:
    shop.facilitator.problem = "it is away"
    with pytest.raises(FacilitatorUnavailable) as failure:
        run_in_virtual_time(shop.buy(asked()))
    assert failure.value.retry_after == 5


# --- what was bought before -----------------------------------------------------------------


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "too large to be kept"])
def test_a_replay_gets_answer_and_receipt(clock: Clock, kept: bool) -> None:
    shop = Shop(clock, None if kept else MemoryClaims(clock, max_answer_bytes=0))
    request = asked(shop.payment())
    first = shop.bought(request)
    assert first.charge is not None
    again = shop.bought(request)
    assert again == PaidAnswer(first.answer, Charge(first.charge.receipt, replayed=True))
    assert shop.facilitator.names == ["settle"]
    found = run_in_virtual_time(shop.checkout.find(request))
    if kept:
        assert found == Found(again)
    else:
        assert found.outcome is None
        assert found.claim == Claim(receipt=first.charge.receipt, asked_at=START * 1_000)


def test_without_a_payment_nothing_is_known(shop: Shop) -> None:
    assert run_in_virtual_time(shop.checkout.find(asked())) == Found()
    assert run_in_virtual_time(shop.free.find(asked(shop.payment()))) == Found()


def test_a_copy_of_a_payment_that_is_refused_is_refused_too(shop: Shop) -> None:
    request = asked(shop.payment())
    shop.facilitator.settlements = [Later(1, failed("insufficient_funds"))]

    async def both() -> tuple[Any, Found]:
        buying = asyncio.create_task(shop.buy(request))
        await asyncio.sleep(0.5)
        return await asyncio.gather(buying, shop.checkout.find(request))

    refusal, found = run_in_virtual_time(both())
    assert json.loads(refusal.json)["error"] == "insufficient_funds"
    assert found == Found(refusal)


@pytest.mark.parametrize("contract", [True, False], ids=["a contract", "a wallet"])
def test_what_was_sent_in_its_window_is_taken_over_after_it(
    shop: Shop, clock: Clock, contract: bool
) -> None:
    request = asked(shop.payment(contract=contract, validBefore=str(START + 60)))
    shop.facilitator.settlements = [unknown()]
    with pytest.raises(SettlementUnknown):
        run_in_virtual_time(shop.buy(request))
    clock.advance(90)
    shop.facilitator.settlements = [settled()]
    shop.facilitator.verifications = [VerifyResponse(is_valid=False, invalid_reason="expired")]
    asked_before = shop.facilitator.names.count("verify")
    charge = shop.bought(request).charge
    assert charge is not None
    assert (charge.receipt.transaction, charge.replayed) == (TRANSACTION, False)
    assert shop.facilitator.names.count("verify") == asked_before


def test_a_payment_of_version_1_where_it_is_taken(shop: Shop) -> None:
    payload = Wallet().signed(shop.terms.unpaid_body.header)
    version_1 = {
        "x402Version": 1,
        "scheme": "exact",
        "network": "base-sepolia",
        "payload": payload["payload"],
    }
    request = asked(HeaderPayment((), [header_of(version_1)]))
    shop.facilitator.takes_version_1 = False
    assert shop.told(request)["error"] == "x402_version_2_required"
    shop.facilitator.takes_version_1 = True
    shop.facilitator.settlements = [settled(network="base-sepolia")]
    assert shop.bought(request).charge is not None


# --- what is about the present --------------------------------------------------------------

WHO = {
    "timezone": "UTC",
    "rotation_type": "daily",
    "participants": ["a"],
}
WHO_NOW = json.dumps(WHO).encode()
HEAVY_WHO_NOW = WHO_NOW.ljust(LARGE_BYTES + 1)


def at_of(answer: bytes) -> str:
    """The instant that an answer of ``oncall-now`` is about."""
    told: str = json.loads(answer)["at"]
    return told[:19]


def shop_of_now(clock: Clock, claims: MemoryClaims | None = None) -> Shop:
    return Shop(clock, claims, paid_endpoints()[2])


@pytest.mark.parametrize("body", [WHO_NOW, HEAVY_WHO_NOW], ids=["small", "large"])
def test_the_terms_tell_what_is_understood(clock: Clock, body: bytes) -> None:
    shop = shop_of_now(clock)
    for second in range(2):
        told = shop.told(asked(body=body))
        assert told["understood"]["at"] == f"2026-06-04T00:00:0{second}.000Z"
        assert "understood" not in json.loads(base64.b64decode(shop.terms.unpaid_body.header))
        clock.advance(1)


@pytest.mark.parametrize("body", [WHO_NOW, HEAVY_WHO_NOW], ids=["small", "large"])
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "too large to be kept"])
def test_a_replay_is_about_the_first_now(clock: Clock, kept: bool, body: bytes) -> None:
    shop = shop_of_now(clock, None if kept else MemoryClaims(clock, max_answer_bytes=0))
    request = asked(shop.payment(), body)
    first = shop.bought(request)
    clock.advance(60)
    assert shop.bought(request).answer == first.answer
    assert at_of(first.answer) == "2026-06-04T00:00:00"
    assert at_of(run_in_virtual_time(shop.free.outcome(asked(body=body))).answer) == (
        "2026-06-04T00:01:00"
    )


def test_a_settlement_that_was_not_known_is_for_the_first_now(clock: Clock) -> None:
    shop = shop_of_now(clock)
    request = asked(shop.payment(), WHO_NOW)
    shop.facilitator.settlements = [unknown()]
    with pytest.raises(SettlementUnknown):
        run_in_virtual_time(shop.buy(request))
    clock.advance(90)
    shop.facilitator.settlements = [settled()]
    assert at_of(shop.bought(request).answer) == "2026-06-04T00:00:00"


@pytest.mark.parametrize("body", [WHO_NOW, HEAVY_WHO_NOW], ids=["small", "large"])
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "too large to be kept"])
def test_two_at_once_get_one_answer(clock: Clock, kept: bool, body: bytes) -> None:
    """The other process looked before the first one claimed, and computed a second later."""
    claims = MemoryClaims(clock, max_answer_bytes=10**6 if kept else 0)
    here, there = (shop_of_now(clock, claims) for _ in range(2))
    request = asked(here.payment(), body)
    found = run_in_virtual_time(there.checkout.find(request))
    first = here.bought(request)
    clock.advance(1)
    second = run_in_virtual_time(there.checkout.outcome(request, found))
    assert isinstance(second, PaidAnswer)
    assert second.charge is not None
    assert (second.answer, second.charge.replayed) == (first.answer, True)
    assert len(there.pool.jobs) == (0 if body == WHO_NOW else 1 if kept else 2)


def test_two_at_once_get_their_own_answer_where_the_first_now_is_not_known(clock: Clock) -> None:
    """The claim is of a version that did not store what an answer was about."""

    class Older(MemoryClaims):
        async def claim(self, *arguments: Any) -> Claim:
            *known, _ = arguments
            return await super().claim(*known)

    claims = Older(clock, max_answer_bytes=0)
    here, there = (shop_of_now(clock, claims) for _ in range(2))
    request = asked(here.payment(), WHO_NOW)
    found = run_in_virtual_time(there.checkout.find(request))
    here.bought(request)
    clock.advance(1)
    second = run_in_virtual_time(there.checkout.outcome(request, found))
    assert isinstance(second, PaidAnswer)
    assert at_of(second.answer) == "2026-06-04T00:00:01"


def test_two_at_once_with_nothing_to_compare_keep_theirs(clock: Clock) -> None:
    claims = MemoryClaims(clock, max_answer_bytes=0)
    here, there = Shop(clock, claims), Shop(clock, claims)
    request = asked(here.payment())
    found = run_in_virtual_time(there.checkout.find(request))
    first = here.bought(request)
    second = run_in_virtual_time(there.checkout.outcome(request, found))
    assert isinstance(second, PaidAnswer)
    assert second.answer == first.answer


# --- what is kept for the payer -------------------------------------------------------------

WORKSPACE = workspace_endpoint()
SECRET = json.dumps(order()).encode()


class Opening(NamedTuple):
    """An order whose answer names the payer and the request."""

    identity: PaymentIdentity
    document: Any

    async def prepare(self) -> None: ...

    async def cancel(self) -> None: ...

    async def complete(self) -> bytes:
        return f"{self.identity.payer} {self.document.secret}".encode()


def shop_of_workspaces(clock: Clock, **changes: Any) -> Shop:
    return Shop(clock, None, WORKSPACE, orders=Opening, **changes)


def ordered(payment: CarriedPayment, body: bytes = SECRET) -> PurchaseRequest:
    return PurchaseRequest(WORKSPACE.path, JSON, body, ANN, payment)


def test_an_order_is_of_the_payer_and_in_the_ledger(clock: Clock) -> None:
    shop, wallet = shop_of_workspaces(clock), Wallet()
    paid = shop.bought(ordered(shop.payment(wallet=wallet)))
    assert paid.answer == f"{wallet.address.lower()} {json.loads(SECRET)['secret']}".encode()
    [settlement] = run_in_virtual_time(settlements_of(shop.claims))
    assert settlement.product == WORKSPACE.slug


def test_an_order_is_completed_again_after_the_window_of_its_payment(clock: Clock) -> None:
    shop = shop_of_workspaces(clock)
    request = ordered(shop.payment(validBefore=str(START + 60)))
    first = shop.bought(request)
    clock.advance(90)
    again = shop.bought(request)
    assert again.charge is not None
    assert (again.answer, again.charge.replayed) == (first.answer, True)


def test_an_order_paid_for_on_solana_is_completed_again_for_another_fee_payer(clock: Clock) -> None:
    shop = shop_of_workspaces(clock, network=solana_payments.NETWORK, pay_to=solana_payments.PAYEE)
    fee_payer = str(solana_payments.FEE_PAYER.pubkey())
    shop.facilitator.fee_payer = fee_payer
    payload = solana_payments.payload(amount=round(WORKSPACE.price_usd * 10**6))
    [way] = shop.terms.with_fee_payers({solana_payments.NETWORK: fee_payer}).accepts
    paying = {"x402Version": 2, "payload": payload, "accepted": way.model_dump(by_alias=True)}
    transaction = solana_payments.name_on_chain(payload)
    shop.facilitator.settlements = [
        settled(network=solana_payments.NETWORK, transaction=transaction)
    ]
    request = ordered(HeaderPayment([header_of(paying)]))
    first = shop.bought(request)
    shop.facilitator.fee_payer = solana_payments.OTHER
    assert shop.bought(request).answer == first.answer


def test_an_order_whose_settlement_was_not_known_is_charged_after_its_window(clock: Clock) -> None:
    shop = shop_of_workspaces(clock)
    request = ordered(shop.payment(validBefore=str(START + 60)))
    shop.facilitator.settlements = [unknown()]
    with pytest.raises(SettlementUnknown):
        run_in_virtual_time(shop.buy(request))
    clock.advance(90)
    shop.facilitator.settlements = [settled()]
    assert shop.bought(request).charge is not None


def test_an_identifier_is_of_one_order(clock: Clock) -> None:
    shop, wallet = shop_of_workspaces(clock), Wallet()

    def identified() -> CarriedPayment:
        payload = wallet.signed(shop.terms.unpaid_body.header)
        extensions = {"payment-identifier": {"info": {"required": False}}}
        append_payment_identifier_to_extensions(extensions, "an_order_of_mine_17")
        return HeaderPayment([header_of({**payload, "extensions": extensions})])

    assert shop.bought(ordered(identified())).charge is not None
    with pytest.raises(IdentifierAlreadyUsed):
        run_in_virtual_time(shop.buy(ordered(identified())))


@pytest.mark.parametrize(
    ("body", "error", "detail"),
    [
        (b"", MalformedBody, "the body is empty"),
        (SECRET.ljust(LARGE_BYTES + 1), BodyTooLarge, f"at most {LARGE_BYTES:,} bytes"),
    ],
    ids=["empty", "larger than an order may be"],
)
def test_an_order_that_cannot_be_read_is_not_charged(
    clock: Clock, body: bytes, error: type[MalformedBody | BodyTooLarge], detail: str
) -> None:
    shop = shop_of_workspaces(clock)
    with pytest.raises(error) as failure:
        run_in_virtual_time(shop.buy(ordered(shop.payment(), body)))
    assert failure.value.detail == detail
    assert shop.facilitator.names == []


def test_an_order_as_large_as_it_may_be(clock: Clock) -> None:
    shop = shop_of_workspaces(clock)
    assert shop.bought(ordered(shop.payment(), SECRET.ljust(LARGE_BYTES))).charge is not None
