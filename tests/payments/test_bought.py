"""What a payment has bought: looked up before anything else, and answered whatever has changed."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
from aiohttp import web
from eth_utils.address import to_checksum_address
from msgspec.structs import replace
from x402.mechanisms.evm.constants import ERR_NONCE_ALREADY_USED

from app.checkout.purchase import ProductCheckout
from app.checkout.setup import PaymentService
from app.errors import (
    ClaimsUnavailable,
    FacilitatorUnavailable,
    PaymentAlreadyUsed,
    PaymentRefused,
    SettlementUnknown,
)
from app.metrics import Metrics
from app.payments.authorization import Payment
from app.payments.claims.claim import Claim, PaymentClaims
from app.payments.claims.kept_answers import MAX_KEPT_BYTES, QUICK_BYTES
from app.payments.claims.memory import MemoryClaims
from app.payments.facilitators.remote import RemoteFacilitator
from app.payments.verification import (
    MAX_HEADER_BYTES,
    CarriedPayment,
    HeaderPayment,
    MessagePayment,
    identity_of,
    payment_in,
)
from app.products.registry import paid_endpoints
from tests.conftest import Clock
from tests.support.services import (
    EXAMPLE,
    NETWORK,
    Handler,
    ScriptedFacilitator,
    answers,
    hangs_up,
    refuses,
    remote_settings,
    service,
    settings,
    settles,
)
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio

REQUEST, OTHER_REQUEST = b"a request", b"another request"
ANSWER = b"an answer"


class Till:
    """A settlement service with the terms of one product, and payments for it."""

    def __init__(self, service: PaymentService) -> None:
        context = service.context(paid_endpoints()[0])
        self.settlement, self.terms, self._server = (
            service.settlement,
            context.terms,
            context.server,
        )

    def signed(self, **changes: Any) -> dict[str, Any]:
        return Wallet().signed(self.terms.unpaid_body.header, **changes)

    def payment(self, payload: Mapping[str, Any] | None = None) -> Payment:
        carried = carried_in(payload or self.signed())
        return payment_in(self.terms, carried, self._server, version_1=[NETWORK])

    async def found(self, payment: Payment, request: bytes = REQUEST) -> Claim | None:
        return await self.settlement.find(payment.identity, request)


def carried_in(payload: Mapping[str, Any]) -> CarriedPayment:
    return HeaderPayment([header_of(payload)])


def sandbox(clock: Clock, claims: PaymentClaims) -> Till:
    return Till(PaymentService(settings(), clock, Metrics(), None, claims))


def held(release: asyncio.Event, handler: Handler) -> Handler:
    """A settlement that does not end before ``release``."""

    async def slow(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return await handler(request)

    return slow


@pytest.fixture
def claims(clock: Clock) -> MemoryClaims:
    return MemoryClaims(clock)


@pytest.fixture
def till(clock: Clock, claims: MemoryClaims) -> Till:
    return sandbox(clock, claims)


Connect = Callable[..., Awaitable[Till]]


@pytest.fixture
async def connected(clock: Clock, claims: MemoryClaims) -> AsyncIterator[Connect]:
    """Connect a till to a scripted facilitator."""
    facilitators = []

    async def connect(script: ScriptedFacilitator, **changes: float) -> Till:
        configured = remote_settings(script.url, **{"settle_deadline_seconds": 0.6, **changes})
        facilitator = RemoteFacilitator(script.url, network=NETWORK, headers={}, timeout_seconds=9)
        facilitators.append(facilitator)
        await facilitator.connect()
        return Till(PaymentService(configured, clock, Metrics(), facilitator, claims))

    yield connect
    for facilitator in facilitators:
        await facilitator.aclose()


class TestAnswered:
    """Over HTTP: a replay is answered whatever window, terms or schema say today."""

    async def test_after_terms_and_window_have_changed(
        self, clock: Clock, claims: MemoryClaims
    ) -> None:
        async with ScriptedFacilitator() as script:
            changed = {"pay_to": to_checksum_address("0x" + "cd" * 20), "public_url": "https://new"}
            facilitator = RemoteFacilitator(
                script.url, network=NETWORK, headers={}, timeout_seconds=9
            )
            await facilitator.connect()
            before, after = (
                service(
                    remote_settings(script.url).model_copy(update=changes),
                    clock=clock,
                    claims=claims,
                    facilitator=facilitator,
                )
                for changes in ({}, changed)
            )
            payload = Wallet().signed(await before.terms(), validBefore=str(int(clock()) + 60))
            bought = await before.ask(EXAMPLE, header_of(payload))
            clock.advance(120)
            again = await after.ask(EXAMPLE, header_of(payload))
            other = await after.ask({**EXAMPLE, "shifts": 9}, header_of(payload))
            await facilitator.aclose()
        assert (bought.status_code, again.status_code) == (200, 200)
        assert again.content == bought.content
        assert again.headers["PAYMENT-RESPONSE"] == bought.headers["PAYMENT-RESPONSE"]
        assert again.headers["Idempotent-Replayed"] == "true"
        assert (other.status_code, other.json()["code"]) == (409, "payment_already_used")

    async def test_without_computing_it_again(
        self, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A schema that would refuse the document today is not asked, either."""
        served = service(clock=clock)
        payment = header_of(Wallet().signed(await served.terms()))
        bought = await served.ask(EXAMPLE, payment)
        monkeypatch.delattr(ProductCheckout, "_document")
        assert (await served.ask(EXAMPLE, payment)).content == bought.content

    async def test_one_that_was_not_kept_is_computed_again(self, clock: Clock) -> None:
        served = service(clock=clock, claims=MemoryClaims(clock, max_answer_bytes=0))
        payment = header_of(Wallet().signed(await served.terms()))
        bought = await served.ask(EXAMPLE, payment)
        again = await served.ask(EXAMPLE, payment)
        assert (again.status_code, again.content) == (200, bought.content)
        assert again.headers["Idempotent-Replayed"] == "true"


class TestFind:
    async def test_nothing_is_known_and_nothing_is_written(
        self, till: Till, claims: MemoryClaims
    ) -> None:
        assert await till.found(till.payment()) is None
        assert len(claims) == 0

    @pytest.mark.parametrize("size", [9, QUICK_BYTES + 1, 9 * MAX_KEPT_BYTES])
    async def test_the_receipt_and_the_answer(self, till: Till, size: int) -> None:
        payment, answer = till.payment(), (b"0123456789" * size)[:size]
        charge = await till.settlement.charge(payment, REQUEST, answer)
        found = await till.found(payment)
        assert found is not None
        assert (found.receipt, found.answer) == (charge.receipt, answer)

    async def test_too_large_an_answer_is_not_kept(self, till: Till) -> None:
        payment, answer = till.payment(), secrets.token_bytes(MAX_KEPT_BYTES + 1)
        await till.settlement.charge(payment, REQUEST, answer)
        found = await till.found(payment)
        assert found is not None
        assert found.receipt is not None
        assert found.answer is None

    async def test_a_settlement_under_way_is_waited_for(self, connected: Connect) -> None:
        release = asyncio.Event()
        async with ScriptedFacilitator(settle=held(release, settles)) as script:
            till = await connected(script, settle_deadline_seconds=9)
            payment = till.payment()
            charging = asyncio.create_task(till.settlement.charge(payment, REQUEST, ANSWER))
            await script.called("settle")
            finding = asyncio.create_task(till.found(payment))
            with pytest.raises(PaymentAlreadyUsed):
                await till.found(payment, OTHER_REQUEST)
            release.set()
            found, charge = await finding, await charging
            assert found == Claim(receipt=charge.receipt, answer=ANSWER)

    async def test_a_settlement_that_is_refused_is_refused_to_all(self, connected: Connect) -> None:
        release = asyncio.Event()
        refusing = held(release, refuses("insufficient_funds"))
        async with ScriptedFacilitator(settle=refusing) as script:
            till = await connected(script, settle_deadline_seconds=9)
            payment = till.payment()
            charging = asyncio.create_task(till.settlement.charge(payment, REQUEST, ANSWER))
            await script.called("settle")
            finding = asyncio.create_task(till.found(payment))
            await asyncio.sleep(0)
            release.set()
            with pytest.raises(PaymentRefused, match="insufficient_funds"):
                await finding
            with pytest.raises(PaymentRefused, match="insufficient_funds"):
                await charging

    async def test_one_that_another_process_is_settling_is_waited_for(
        self, connected: Connect, claims: MemoryClaims, clock: Clock
    ) -> None:
        async with ScriptedFacilitator() as script:
            till = await connected(script, settle_deadline_seconds=0.1)
            payment = till.payment()
            bound = payment.identity.bound_to(REQUEST)
            theirs = await claims.claim(payment.identity.key, bound, clock() + 60)
            with pytest.raises(SettlementUnknown):
                await till.found(payment)
            with pytest.raises(SettlementUnknown):
                await till.settlement.charge(payment, REQUEST, ANSWER)
            finding = asyncio.create_task(till.found(payment))
            charging = asyncio.create_task(till.settlement.charge(payment, REQUEST, ANSWER))
            await asyncio.sleep(0)
            await claims.release(payment.identity.key, theirs.holder)
            assert not (await charging).replayed
            found = await finding
            assert found is None or found.receipt == (await charging).receipt

    async def test_an_outcome_that_is_not_known(self, connected: Connect) -> None:
        async with ScriptedFacilitator(settle=hangs_up) as script:
            till = await connected(script)
            payment = till.payment()
            with pytest.raises(SettlementUnknown):
                await till.settlement.charge(payment, REQUEST, ANSWER)
            assert await till.found(payment) == Claim(sent=True)
            with pytest.raises(PaymentAlreadyUsed):
                await till.found(payment, OTHER_REQUEST)

    async def test_another_request_or_signature_gets_nothing(self, till: Till) -> None:
        payload = till.signed()
        payment = till.payment(payload)
        await till.settlement.charge(payment, REQUEST, ANSWER)
        with pytest.raises(PaymentAlreadyUsed):
            await till.found(payment, OTHER_REQUEST)
        payload["payload"]["signature"] = "0x" + "11" * 65
        with pytest.raises(PaymentAlreadyUsed):
            await till.settlement.find(identity_of(carried_in(payload)), REQUEST)


class TestIdentity:
    """Read off the form alone; ``payment_in`` says in words what is wrong with any other."""

    async def test_it_is_that_of_the_payment(self, till: Till) -> None:
        payload = till.signed()
        version_1 = {
            "x402Version": 1,
            "scheme": "exact",
            "network": "base-sepolia",
            "payload": payload["payload"],
        }
        payload["accepted"]["amount"] = "1"
        of_another_price = identity_of(carried_in(payload))
        payload["accepted"]["amount"] = "20000"
        wanted = till.payment(payload).identity
        assert wanted == of_another_price
        assert wanted == identity_of(carried_in(payload))
        assert wanted == identity_of(MessagePayment(payload))
        assert wanted == identity_of(HeaderPayment((), [header_of(version_1)]))

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"payload": {}}, id="nothing signed"),
            pytest.param({"payload": None}, id="null"),
            pytest.param({"accepted": {"network": NETWORK}}, id="no asset"),
            pytest.param({"accepted": {"network": "\ud800", "asset": "0x"}}, id="a surrogate"),
            pytest.param({"accepted": None}, id="no terms, and no network"),
            pytest.param({"accepted": None, "network": "mars"}, id="an unknown network"),
            pytest.param({"accepted": None, "network": "story"}, id="a network without an asset"),
            pytest.param({"padding": "x" * MAX_HEADER_BYTES}, id="too long"),
        ],
    )
    async def test_what_is_no_payment_has_none(self, till: Till, changes: dict[str, Any]) -> None:
        identity = identity_of(carried_in({**till.signed(), **changes}))
        assert identity is None
        assert await till.settlement.find(identity, REQUEST) is None

    @pytest.mark.parametrize(
        "carried",
        [
            HeaderPayment(["%%%"]),
            HeaderPayment(["e30="]),
            HeaderPayment([header_of([])]),
            HeaderPayment(),
            HeaderPayment(["e30=", "e30="]),
            HeaderPayment([], ["e30="]),
            MessagePayment(7),
            MessagePayment({"payload": []}),
        ],
    )
    def test_what_cannot_be_read_has_none(self, carried: CarriedPayment) -> None:
        assert identity_of(carried) is None


class TestBeforeComputing:
    async def test_a_payment_outside_of_its_window_is_refused(
        self, till: Till, clock: Clock
    ) -> None:
        for window in ({"validBefore": "1"}, {"validAfter": str(int(clock()) + 60)}):
            payment = till.payment(till.signed(**window))
            with pytest.raises(PaymentRefused):
                await till.settlement.require_chargeable(payment, REQUEST, None)

    async def test_one_that_expired_after_it_was_sent_is_not(
        self, till: Till, clock: Clock
    ) -> None:
        payment = till.payment(till.signed(validBefore=str(int(clock()))))
        await till.settlement.require_chargeable(payment, REQUEST, Claim(sent=True))
        with pytest.raises(PaymentRefused):
            await till.settlement.require_chargeable(payment, REQUEST, Claim())

    async def test_what_was_verified_is_not_verified_again(self, connected: Connect) -> None:
        async with ScriptedFacilitator() as script:
            till = await connected(script)
            payload = till.signed()
            payload["payload"]["signature"] += "00" * 31
            payment = await till.settlement.verify(till.payment(payload), REQUEST)
            assert payment.verified
            payment = await till.settlement.verify(payment, REQUEST)
            await till.settlement.charge(payment, REQUEST, ANSWER)
            assert script.calls == ["supported", "verify", "settle"]

    async def test_what_was_not_verified_is_verified_when_it_is_charged(
        self, connected: Connect, claims: MemoryClaims
    ) -> None:
        refused = answers({"isValid": False, "invalidReason": "undeployed_smart_wallet"})
        async with ScriptedFacilitator(verify=refused) as script:
            till = await connected(script)
            payload = till.signed()
            payload["payload"]["signature"] += "00" * 31
            with pytest.raises(PaymentRefused, match="undeployed_smart_wallet"):
                await till.settlement.charge(till.payment(payload), REQUEST, ANSWER)
            assert "settle" not in script.calls
            assert len(claims) == 0

    async def test_a_verification_that_takes_too_long_leaves_nothing_sent(
        self, connected: Connect, claims: MemoryClaims
    ) -> None:
        async def never(_: web.Request) -> web.StreamResponse:
            await asyncio.sleep(30)
            return web.Response()

        async with ScriptedFacilitator(verify=never) as script:
            till = await connected(script, settle_deadline_seconds=0.2)
            payload = till.signed()
            payload["payload"]["signature"] += "00" * 31
            with pytest.raises(FacilitatorUnavailable):
                await till.settlement.charge(till.payment(payload), REQUEST, ANSWER)
            assert "settle" not in script.calls
            assert len(claims) == 0

    async def test_once_a_settlement_was_sent_the_facilitator_is_not_asked(
        self, connected: Connect
    ) -> None:
        """It would say "used" of the nonce that we have used."""
        async with ScriptedFacilitator() as script:
            till = await connected(script)
            payment = await till.settlement.verify(till.payment(), REQUEST, Claim(sent=True))
            assert payment.verified
            assert "verify" not in script.calls

    async def test_a_nonce_that_a_copy_has_used_meanwhile_is_no_refusal(
        self, connected: Connect
    ) -> None:
        """Both found nothing; the copy was charged while this one was being computed."""
        used = answers({"isValid": False, "invalidReason": ERR_NONCE_ALREADY_USED})
        async with ScriptedFacilitator(verify=used) as script:
            till = await connected(script)
            payment = till.payment()
            with pytest.raises(PaymentRefused, match=ERR_NONCE_ALREADY_USED):
                await till.settlement.verify(payment, REQUEST)
            copied = await till.settlement.charge(payment, REQUEST, ANSWER)
            verified = await till.settlement.verify(payment, REQUEST)
            charge = await till.settlement.charge(verified, REQUEST, ANSWER)
            assert (charge.receipt, charge.replayed) == (copied.receipt, True)
            assert script.calls.count("settle") == 1


class TestIdentifier:
    """It is bound once its payment may be settled, and free again if that was not charged."""

    def identified(self, till: Till, wallet: Wallet, **changes: Any) -> dict[str, Any]:
        payload = wallet.signed(till.terms.unpaid_body.header, **changes)
        extensions = json.loads(json.dumps(till.terms.extensions))
        extensions["payment-identifier"]["info"]["id"] = "an-order-of-mine-17"
        return {**payload, "extensions": extensions}

    async def test_a_forged_payer_binds_nothing(
        self, connected: Connect, claims: MemoryClaims
    ) -> None:
        payer, invalid = Wallet(), answers({"isValid": False, "invalidReason": "no"})
        async with ScriptedFacilitator(verify=invalid) as script:
            till = await connected(script)
            forged = self.identified(till, Wallet(), **{"from": payer.address})
            with pytest.raises(PaymentRefused):
                await till.settlement.charge(till.payment(forged), OTHER_REQUEST, ANSWER)
            assert len(claims) == 0
            honest = till.payment(self.identified(till, payer))
            await till.settlement.require_chargeable(honest, REQUEST, None)
            assert not (await till.settlement.charge(honest, REQUEST, ANSWER)).replayed

    async def test_a_payment_outside_of_its_window_binds_nothing(
        self, till: Till, claims: MemoryClaims
    ) -> None:
        payment = till.payment(self.identified(till, Wallet(), validBefore="1"))
        with pytest.raises(PaymentRefused):
            await till.settlement.charge(payment, REQUEST, ANSWER)
        assert len(claims) == 0

    @pytest.mark.parametrize(
        ("settle", "error", "free"),
        [
            (refuses("insufficient_funds"), PaymentRefused, True),
            (answers(b"", 429), FacilitatorUnavailable, True),
            (hangs_up, SettlementUnknown, False),
        ],
        ids=["refused", "not sent", "unknown"],
    )
    async def test_it_is_free_again_if_nothing_was_charged(
        self, connected: Connect, settle: Any, error: type[Exception], free: bool
    ) -> None:
        wallet = Wallet()
        async with ScriptedFacilitator(settle=settle) as script:
            till = await connected(script)
            payment, other = (till.payment(self.identified(till, wallet)) for _ in range(2))
            with pytest.raises(error):
                await till.settlement.charge(payment, REQUEST, ANSWER)
            script.play("settle", settles)
            if free:
                await till.settlement.require_chargeable(other, REQUEST, None)
                await till.settlement.charge(other, REQUEST, ANSWER)
                return
            with pytest.raises(PaymentAlreadyUsed):
                await till.settlement.require_chargeable(other, REQUEST, None)
            with pytest.raises(PaymentAlreadyUsed):
                await till.settlement.charge(other, REQUEST, ANSWER)
            await till.settlement.charge(payment, REQUEST, ANSWER)

    async def test_of_two_payments_at_once_one_has_it(
        self, connected: Connect, claims: MemoryClaims
    ) -> None:
        wallet = Wallet()
        async with ScriptedFacilitator() as script:
            till = await connected(script)
            charging = (
                till.settlement.charge(till.payment(self.identified(till, wallet)), REQUEST, ANSWER)
                for _ in range(2)
            )
            outcomes = await asyncio.gather(*charging, return_exceptions=True)
            assert sorted(type(each).__name__ for each in outcomes) == [
                "Charge",
                "IdentifierAlreadyUsed",
            ]
            assert script.calls.count("settle") == 1
            assert len(claims) == 2, "the payment that was charged, and its identifier"

    async def test_a_store_that_cannot_bind_it_leaves_nothing_sent(self, clock: Clock) -> None:
        class HalfAway(MemoryClaims):
            async def claim(
                self, key: str, request_hash: bytes, expires_at: float, asked_at: int = 0
            ) -> Claim:
                if key.startswith("id:"):
                    raise ClaimsUnavailable
                return await super().claim(key, request_hash, expires_at, asked_at)

        claims = HalfAway(clock)
        till = sandbox(clock, claims)
        payment = till.payment(self.identified(till, Wallet()))
        with pytest.raises(ClaimsUnavailable):
            await till.settlement.charge(payment, REQUEST, ANSWER)
        assert len(claims) == 0


async def test_a_copy_joins_the_settlement_under_way_whatever_became_of_the_lease(
    connected: Connect, claims: MemoryClaims
) -> None:
    """The store would give the claim away: its holder seems dead."""
    release = asyncio.Event()
    async with ScriptedFacilitator(settle=held(release, settles)) as script:
        till = await connected(script, settle_deadline_seconds=9)
        payment = till.payment()
        first = asyncio.create_task(till.settlement.charge(payment, REQUEST, ANSWER))
        await script.called("settle")
        entry = claims._entries[payment.identity.key]
        claims._entries[payment.identity.key] = replace(entry, holder="", sent=True)
        second = asyncio.create_task(till.settlement.charge(payment, REQUEST, ANSWER))
        await asyncio.sleep(0)
        with pytest.raises(PaymentAlreadyUsed):
            await till.settlement.charge(payment, OTHER_REQUEST, ANSWER)
        release.set()
        charges = await first, await second
        assert [charge.replayed for charge in charges] == [False, True]
        assert charges[0].receipt == charges[1].receipt
        assert script.calls.count("settle") == 1


async def test_a_defect_of_the_store_after_a_settlement_is_not_hidden(clock: Clock) -> None:
    class Defective(MemoryClaims):
        async def mark_settled(self, *_: object) -> None:
            raise ZeroDivisionError

    till = sandbox(clock, Defective(clock))
    with pytest.raises(ZeroDivisionError):
        await till.settlement.charge(till.payment(), REQUEST, ANSWER)
