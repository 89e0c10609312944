"""Settling through a facilitator that misbehaves: what the caller sees, and what is kept."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import ClassVar

import pytest
from aiohttp import web
from x402.http.utils import decode_payment_response_header

from app.errors import ConfigurationError
from app.payments.claims.memory import MemoryClaims
from app.payments.facilitators.remote import RemoteFacilitator
from tests.conftest import Clock
from tests.support.services import (
    EXAMPLE,
    NETWORK,
    PATH,
    TRANSACTION,
    Handler,
    ScriptedFacilitator,
    Service,
    answers,
    hangs_up,
    refuses,
    remote_settings,
    service,
    settlement,
    settles,
    transaction_in,
)
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio

USED = "invalid_exact_evm_nonce_already_used"
REVERTED = "transaction_failed"
EXPIRED = "invalid_exact_evm_payload_authorization_valid_before"
EMPTY = "invalid_exact_evm_insufficient_balance"
PENDING = "settlement_pending"
OTHER_TRANSACTION = "0x" + "22" * 32


Connect = Callable[..., Awaitable[Service]]


@pytest.fixture
async def connected() -> AsyncIterator[Connect]:
    """Connect a service to a scripted facilitator, with short deadlines unless told otherwise."""
    facilitators = []

    async def connect(
        script: ScriptedFacilitator, clock: Clock | None = None, **changes: float
    ) -> Service:
        chosen = {"facilitator_timeout_seconds": 0.4, "settle_deadline_seconds": 0.6, **changes}
        configured = remote_settings(script.url, **chosen)
        facilitator = RemoteFacilitator(
            script.url,
            network=NETWORK,
            headers={"Authorization": "Bearer secret"},
            timeout_seconds=configured.facilitator_timeout_seconds,
        )
        facilitators.append(facilitator)
        await facilitator.connect()
        for _ in range(3):  # a busy machine may take longer than the short deadline
            if facilitator.problem:
                script.calls.clear()
                await facilitator.refresh()
        return service(configured, facilitator=facilitator, clock=clock)

    yield connect
    for facilitator in facilitators:
        await facilitator.aclose()


async def never(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def drips(request: web.Request) -> web.StreamResponse:
    """A byte now and then, without end."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(300):
        await asyncio.sleep(0.1)
        await response.write(b" ")
    return response


async def for_another_payer(_: web.Request) -> web.StreamResponse:
    return await answers(settlement(payer="0x" + "77" * 20))(_)


class TestSettled:
    async def test_one_call_settles(self, connected: Connect) -> None:
        async with ScriptedFacilitator() as script:
            response = await (await connected(script)).buy()
            assert (response.status_code, transaction_in(response)) == (200, TRANSACTION)
            assert "X-Payments" not in response.headers
            assert script.calls == ["supported", "settle"]
            [request] = script.requests
            assert request["x402Version"] == 2
            assert request["paymentRequirements"]["amount"] == "20000"

    async def test_a_smart_wallet_signature_is_verified_first(self, connected: Connect) -> None:
        async with ScriptedFacilitator() as script:
            served = await connected(script)
            payload = Wallet().signed(await served.terms())
            payload["payload"]["signature"] += "00" * 31
            response = await served.ask(EXAMPLE, header_of(payload))
            assert response.status_code == 200
            assert script.calls == ["supported", "verify", "settle"]


def unverified(reason: str) -> Handler:
    return answers({"isValid": False, "invalidReason": reason})


UNSETTLED = [
    pytest.param(never, id="accepts, then times out"),
    pytest.param(hangs_up, id="hangs up"),
    pytest.param(drips, id="drips bytes"),
    pytest.param(answers(b"<html>", 500), id="500"),
    pytest.param(answers({"success": True}, 502), id="502"),
    pytest.param(answers(settlement(), 400), id="400 that says success"),
    pytest.param(answers({"success": True}, 429), id="429 that says success, and nothing else"),
    pytest.param(answers(b"{", 200), id="malformed JSON"),
    pytest.param(answers({"success": True}), id="an answer without a network"),
    pytest.param(answers(b" " * 70_000), id="a huge answer"),
    pytest.param(answers(b"", 307, Location="http://127.0.0.1:9/settle"), id="a redirect"),
    pytest.param(answers(settlement(network="eip155:1")), id="settled on another network"),
    pytest.param(answers(settlement(amount="1")), id="settled another amount"),
    pytest.param(for_another_payer, id="settled for another payer"),
    pytest.param(refuses(PENDING, 200, TRANSACTION), id="pending as 200"),
    pytest.param(refuses(PENDING, 500, TRANSACTION), id="pending as 500"),
]


class TestOutcomeUnknown:
    @pytest.mark.parametrize("handler", UNSETTLED)
    async def test_the_caller_is_told_to_retry_with_the_same_payment(
        self, handler: Handler, connected: Connect
    ) -> None:
        async with ScriptedFacilitator(settle=handler) as script:
            response = await (await connected(script)).buy()
            assert response.status_code == 503
            assert response.json()["code"] == "settlement_unknown"
            assert response.json()["retry"] == "same-payment"
            assert int(response.headers["Retry-After"]) > 0
            assert "rotation" not in response.json()
            assert set(script.calls[1:]) == {"settle"}

    @pytest.mark.parametrize("handler", UNSETTLED)
    async def test_it_is_settled_within_the_deadline(
        self, handler: Handler, connected: Connect
    ) -> None:
        async with ScriptedFacilitator(settle=[handler, settles]) as script:
            served = await connected(script, settle_deadline_seconds=10)
            response = await served.buy()
            assert (response.status_code, transaction_in(response)) == (200, TRANSACTION)
            first, *more = script.requests
            assert all(request == first for request in more)

    @pytest.mark.parametrize("reason", [USED, REVERTED, EXPIRED])
    async def test_a_used_nonce_alone_is_not_ours(self, connected: Connect, reason: str) -> None:
        """Its payer may have spent it meanwhile, and without a node nobody can tell."""
        async with ScriptedFacilitator(settle=hangs_up, verify=unverified(USED)) as script:
            served = await connected(script)
            payment = await Wallet().payment(await served.terms())
            assert (await served.ask(EXAMPLE, payment)).status_code == 503
            script.play("settle", refuses(reason, transaction=OTHER_TRANSACTION))
            response = await served.ask(EXAMPLE, payment)
            assert (response.status_code, response.json()["code"]) == (503, "settlement_unknown")
            script.play("settle", settles)
            assert transaction_in(await served.ask(EXAMPLE, payment)) == TRANSACTION

    @pytest.mark.parametrize("reason", [USED, REVERTED, EXPIRED])
    async def test_the_transaction_of_an_earlier_attempt_is_remembered(
        self, connected: Connect, reason: str
    ) -> None:
        pending = refuses(PENDING, 500, OTHER_TRANSACTION)
        async with ScriptedFacilitator(settle=pending, verify=unverified(USED)) as script:
            served = await connected(script)
            payment = await Wallet().payment(await served.terms())
            assert (await served.ask(EXAMPLE, payment)).status_code == 503
            script.play("settle", refuses(reason))
            response = await served.ask(EXAMPLE, payment)
            assert (response.status_code, transaction_in(response)) == (200, OTHER_TRANSACTION)
            again = await served.ask(EXAMPLE, payment)
            assert again.headers["PAYMENT-RESPONSE"] == response.headers["PAYMENT-RESPONSE"]

    async def test_what_is_not_a_hash_names_no_transaction(self, connected: Connect) -> None:
        pending = refuses(PENDING, 500, "see our log")
        script = ScriptedFacilitator(settle=[pending, refuses(USED)], verify=unverified(USED))
        async with script:
            response = await (await connected(script)).buy()
            assert response.json()["code"] == "settlement_unknown"

    async def test_a_pending_transaction_is_named_in_the_receipt(self, connected: Connect) -> None:
        pending = refuses(PENDING, 500, OTHER_TRANSACTION)
        async with ScriptedFacilitator(
            settle=[pending, refuses(REVERTED)], verify=unverified(USED)
        ) as script:
            served = await connected(script, settle_deadline_seconds=10)
            assert transaction_in(await served.buy()) == OTHER_TRANSACTION

    async def test_a_nonce_used_by_somebody_else_is_a_refusal(self, connected: Connect) -> None:
        async with ScriptedFacilitator(settle=refuses(USED)) as script:
            response = await (await connected(script)).buy()
            assert (response.status_code, response.json()["error"]) == (402, USED)

    async def test_a_retry_that_verifies_is_settled(self, connected: Connect) -> None:
        script = ScriptedFacilitator(settle=[hangs_up, refuses(REVERTED), settles])
        async with script:
            response = await (await connected(script, settle_deadline_seconds=10)).buy()
            assert response.status_code == 200

    @pytest.mark.parametrize(
        "verify",
        [
            pytest.param(unverified(EXPIRED), id="expired, which says nothing of the nonce"),
            pytest.param(unverified(EMPTY), id="empty, perhaps since ours went through"),
            pytest.param(hangs_up, id="verify fails, too"),
        ],
    )
    async def test_what_cannot_be_told_stays_unknown(
        self, connected: Connect, verify: Handler
    ) -> None:
        pending = refuses(PENDING, 500, OTHER_TRANSACTION)
        script = ScriptedFacilitator(settle=[pending, refuses(EXPIRED)], verify=verify)
        async with script:
            response = await (await connected(script)).buy()
            assert (response.status_code, response.json()["code"]) == (503, "settlement_unknown")

    async def test_a_facilitator_that_goes_away_meanwhile_stays_unknown(
        self, connected: Connect
    ) -> None:
        turned_away = answers(b"", 429)
        async with ScriptedFacilitator(settle=[hangs_up, turned_away]) as script:
            response = await (await connected(script)).buy()
            assert response.json()["code"] == "settlement_unknown"

    async def test_an_unknown_payment_does_not_buy_anything_else(self, connected: Connect) -> None:
        async with ScriptedFacilitator(settle=hangs_up) as script:
            served = await connected(script)
            payment = await Wallet().payment(await served.terms())
            await served.ask(EXAMPLE, payment)
            response = await served.ask({**EXAMPLE, "shifts": 9}, payment)
            assert response.status_code == 409


class TestExpiredMeanwhile:
    """An authorization whose settlement was sent while it was valid, asked for after it expired."""

    @pytest.mark.parametrize("signature", ["", "00" * 31], ids=["a wallet's", "another"])
    async def test_it_is_taken_over(self, connected: Connect, clock: Clock, signature: str) -> None:
        async with ScriptedFacilitator(settle=hangs_up) as script:
            served = await connected(script, clock=clock)
            payload = Wallet().signed(await served.terms(), validBefore=str(int(clock()) + 60))
            payload["payload"]["signature"] += signature
            payment = header_of(payload)
            assert (await served.ask(EXAMPLE, payment)).status_code == 503
            clock.advance(61)
            script.play("settle", settles)
            script.play("verify", unverified(EXPIRED))
            assert (await served.ask(EXAMPLE, payment)).status_code == 200

    async def test_one_that_was_never_sent_is_refused(
        self, connected: Connect, clock: Clock
    ) -> None:
        async with ScriptedFacilitator(settle=answers(b"", 429)) as script:
            served = await connected(script, clock=clock)
            payload = Wallet().signed(await served.terms(), validBefore=str(int(clock()) + 60))
            assert (await served.ask(EXAMPLE, header_of(payload))).status_code == 503
            clock.advance(61)
            script.play("settle", settles)
            response = await served.ask(EXAMPLE, header_of(payload))
            assert (response.status_code, response.json()["error"]) == (402, EXPIRED)


class TestNumbers:
    """Numbers with leading zeros: signed alike, and spelt by nobody else so."""

    SPELT: ClassVar = {"value": "020000", "validAfter": "00", "validBefore": "099999999999"}
    PLAIN: ClassVar = {"value": "20000", "validAfter": "0", "validBefore": "99999999999"}

    async def test_everybody_is_told_them_plainly(self, connected: Connect) -> None:
        async with ScriptedFacilitator(settle=answers(settlement(amount="20000"))) as script:
            served = await connected(script)
            payload = Wallet().signed(await served.terms(), **self.SPELT)
            response = await served.ask(EXAMPLE, header_of(payload))
            assert response.status_code == 200
            [request] = script.requests
            told = request["paymentPayload"]["payload"]["authorization"]
            assert {name: told[name] for name in self.PLAIN} == self.PLAIN
            receipt = decode_payment_response_header(response.headers["PAYMENT-RESPONSE"])
            assert receipt.amount == "20000"

    async def test_either_spelling_is_the_same_payment(self, connected: Connect) -> None:
        async with ScriptedFacilitator() as script:
            served = await connected(script)
            payload = Wallet().signed(await served.terms(), **self.SPELT)
            assert (await served.ask(EXAMPLE, header_of(payload))).status_code == 200
            payload["payload"]["authorization"].update(self.PLAIN)
            again = await served.ask(EXAMPLE, header_of(payload))
            assert again.headers["Idempotent-Replayed"] == "true"


class TestNothingSent:
    async def test_a_facilitator_that_is_gone(self, connected: Connect) -> None:
        async with ScriptedFacilitator() as script:
            served = await connected(script)
            payment = await Wallet().payment(await served.terms())
        response = await served.ask(EXAMPLE, payment)
        assert response.status_code == 503
        assert response.json()["code"] == "facilitator_unavailable"
        assert response.headers["Retry-After"] == "5"

    @pytest.mark.parametrize("status", [401, 404, 429])
    @pytest.mark.parametrize("body", [b"no, secret", b'["secret"]', b'{"a":' * 9_000, b"{}"])
    async def test_a_call_that_is_turned_away(
        self, status: int, body: bytes, connected: Connect
    ) -> None:
        async with ScriptedFacilitator(settle=answers(body, status)) as script:
            response = await (await connected(script)).buy()
            assert response.json()["code"] == "facilitator_unavailable"
            assert "secret" not in response.text

    @pytest.mark.parametrize(
        "handler",
        [
            pytest.param(answers(b"", 500), id="500"),
            pytest.param(answers(b"{"), id="malformed"),
            pytest.param(answers({"isValid": True}, 503), id="503"),
            pytest.param(answers({"isValid": True}, 400), id="400 that says valid"),
            pytest.param(hangs_up, id="hangs up"),
            pytest.param(never, id="times out"),
        ],
    )
    async def test_verify_failing_is_before_anything_was_sent(
        self, handler: Handler, connected: Connect
    ) -> None:
        async with ScriptedFacilitator(verify=handler) as script:
            served = await connected(script)
            payload = Wallet().signed(await served.terms())
            payload["payload"]["signature"] += "00" * 31
            response = await served.ask(EXAMPLE, header_of(payload))
            assert response.json()["code"] == "facilitator_unavailable"
            assert "settle" not in script.calls


class TestRefused:
    async def test_the_reason_code_is_passed_on(self, connected: Connect) -> None:
        async with ScriptedFacilitator(settle=refuses("insufficient_funds", 400)) as script:
            response = await (await connected(script)).buy()
            assert (response.status_code, response.json()["error"]) == (402, "insufficient_funds")

    async def test_free_text_is_not_and_refuses_nothing(self, connected: Connect) -> None:
        async with ScriptedFacilitator(settle=refuses("RPC http://10.0.0.1 said <no>")) as script:
            response = await (await connected(script)).buy()
            assert response.json()["code"] == "settlement_unknown"
            assert "10.0.0.1" not in response.text

    async def test_a_verification_that_fails(self, connected: Connect) -> None:
        refused = answers({"isValid": False, "invalidReason": "undeployed_smart_wallet"})
        async with ScriptedFacilitator(verify=refused) as script:
            served = await connected(script)
            payload = Wallet().signed(await served.terms())
            payload["payload"]["signature"] += "00" * 31
            response = await served.ask(EXAMPLE, header_of(payload))
            assert response.json()["error"] == "undeployed_smart_wallet"
            assert "settle" not in script.calls


class TestHangUp:
    async def test_the_settlement_runs_to_its_end(self, connected: Connect) -> None:
        release = asyncio.Event()

        async def slow(request: web.Request) -> web.StreamResponse:
            await release.wait()
            return await settles(request)

        async with ScriptedFacilitator(settle=slow) as script:
            served = await connected(
                script, facilitator_timeout_seconds=10, settle_deadline_seconds=10
            )
            payment = await Wallet().payment(await served.terms())
            asking = asyncio.create_task(served.ask(EXAMPLE, payment))
            await script.called("settle")
            asking.cancel()
            release.set()
            response = await served.ask(EXAMPLE, payment)
            assert response.status_code == 200
            assert response.headers["Idempotent-Replayed"] == "true"
            assert script.calls.count("settle") == 1

    async def test_a_refusal_nobody_waits_for_is_quiet(self, connected: Connect) -> None:
        async with ScriptedFacilitator(settle=refuses("insufficient_funds")) as script:
            served = await connected(script)
            payment = await Wallet().payment(await served.terms())
            asking = asyncio.create_task(served.ask(EXAMPLE, payment))
            await script.called("settle")
            asking.cancel()
            await asyncio.sleep(0.05)

    async def test_copies_of_a_refused_payment_are_all_refused(self, connected: Connect) -> None:
        async with ScriptedFacilitator(settle=refuses("insufficient_funds")) as script:
            served = await connected(script)
            payment = await Wallet().payment(await served.terms())
            responses = await asyncio.gather(*(served.ask(EXAMPLE, payment) for _ in range(10)))
            assert {response.status_code for response in responses} == {402}


class TestFacilitatorAtStart:
    async def test_one_that_is_down_is_a_problem_and_not_a_failure(self) -> None:
        async with ScriptedFacilitator() as script:
            url = script.url
        facilitator = RemoteFacilitator(url, network=NETWORK, headers={}, timeout_seconds=1)
        await facilitator.connect()
        served = service(remote_settings(url), facilitator=facilitator)
        assert (await served.ask(b"")).json()["code"] == "facilitator_unavailable"
        assert (await served.ask({"people": []})).status_code == 400
        ready = await served.http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"]["facilitator"] == "the facilitator cannot be reached"
        await facilitator.aclose()

    async def test_one_that_does_not_support_our_network_stops_the_start(self) -> None:
        kinds = {"kinds": [{"x402Version": 2, "scheme": "exact", "network": "eip155:1"}]}
        async with ScriptedFacilitator(supported=answers(kinds)) as script:
            facilitator = RemoteFacilitator(
                script.url, network=NETWORK, headers={}, timeout_seconds=1
            )
            with pytest.raises(ConfigurationError, match="does not support exact on eip155:84532"):
                await facilitator.connect()

    @pytest.mark.parametrize(
        "handler",
        [
            pytest.param(answers(b"{"), id="malformed"),
            pytest.param(answers({"kinds": []}, 500), id="500"),
            pytest.param(answers(b" " * 70_000), id="huge"),
        ],
    )
    async def test_one_that_answers_nonsense_is_a_problem(
        self, handler: Handler, connected: Connect
    ) -> None:
        async with ScriptedFacilitator(supported=handler) as script:
            served = await connected(script)
            assert (await served.ask(b"")).status_code == 503

    async def test_a_family_of_networks_counts(self, connected: Connect) -> None:
        kinds = {"kinds": [{"x402Version": 2, "scheme": "exact", "network": "eip155:*"}]}
        async with ScriptedFacilitator(supported=answers(kinds)) as script:
            assert (await (await connected(script)).ask(b"")).status_code == 402

    async def test_it_is_asked_nothing_before_it_is_connected(self, connected: Connect) -> None:
        facilitator = RemoteFacilitator(
            "http://127.0.0.1:9", network=NETWORK, headers={}, timeout_seconds=1
        )
        served = service(remote_settings("http://127.0.0.1:9"), facilitator=facilitator)
        assert (await served.ask(b"")).status_code == 503
        async with ScriptedFacilitator() as script:
            terms = await (await connected(script)).terms()
        assert (await served.ask(EXAMPLE, await Wallet().payment(terms))).status_code == 503
        await facilitator.aclose()


class TestClaims:
    async def test_a_full_store_refuses_and_forgets_nothing(self, clock: Clock) -> None:
        claims = MemoryClaims(clock, max_claims=2)
        served = service(clock=clock, claims=claims)
        terms = await served.terms()
        payments = [header_of(Wallet().signed(terms)) for _ in range(3)]
        answers = [await served.ask(EXAMPLE, payment) for payment in payments]
        assert [answer.status_code for answer in answers] == [200, 200, 503]
        assert answers[2].json()["code"] == "overloaded"
        assert (await served.ask(EXAMPLE, payments[0])).headers["Idempotent-Replayed"] == "true"

    async def test_a_claim_lives_at_most_a_day(self, clock: Clock) -> None:
        claims = MemoryClaims(clock)
        served = service(clock=clock, claims=claims)
        years = str(int(clock()) + 10 * 365 * 86_400)
        payment = header_of(Wallet().signed(await served.terms(), validBefore=years))
        assert (await served.ask(EXAMPLE, payment)).status_code == 200
        clock.advance(86_401)
        response = await served.ask(EXAMPLE, payment)
        assert (response.status_code, response.json()["error"]) == (402, USED)


async def test_the_answer_is_withheld_until_the_settlement_is_known(connected: Connect) -> None:
    async with ScriptedFacilitator(settle=refuses("insufficient_funds")) as script:
        response = await (await connected(script)).buy({**EXAMPLE, "people": ["zoe"]})
        assert "zoe" not in response.text
        assert PATH in json.dumps(response.json())
