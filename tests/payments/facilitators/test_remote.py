"""A remote facilitator: what is sent to it, and what each of its answers means."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from x402.schemas import (
    PaymentPayload,
    PaymentRequirements,
    SettleResponse,
    VerifyResponse,
)

from app.errors import ConfigurationError, FacilitatorUnavailable, SettlementUnknown
from app.payments.facilitators.call import FacilitatorCall
from app.payments.facilitators.remote import (
    MAX_ANSWER_BYTES,
    MAX_SUPPORTED_BYTES,
    REFUSED_SECONDS,
    RemoteFacilitator,
)
from tests.support.services import (
    NETWORK,
    PAY_TO,
    TRANSACTION,
    USDC,
    Handler,
    ScriptedFacilitator,
    answers,
    hangs_up,
    settlement,
)

pytestmark = pytest.mark.anyio

TERMS = PaymentRequirements(
    scheme="exact",
    network=NETWORK,
    asset=USDC,
    amount="20000",
    pay_to=PAY_TO,
    max_timeout_seconds=300,
    extra={},
)
PAYMENT = PaymentPayload(payload={"signature": "0x12"}, accepted=TERMS)

Ask = Callable[..., Awaitable[RemoteFacilitator]]


@pytest.fixture
async def connected() -> AsyncIterator[Ask]:
    """Connect to a scripted facilitator."""
    made = []

    async def connect(script: ScriptedFacilitator, **changes: Any) -> RemoteFacilitator:
        facilitator = remote(script.url, **changes)
        made.append(facilitator)
        await facilitator.connect()
        return facilitator

    yield connect
    for facilitator in made:
        await facilitator.aclose()


def remote(url: str, **changes: Any) -> RemoteFacilitator:
    options = {"network": NETWORK, "headers": {"X-Key": "secret"}, "timeout_seconds": 5, **changes}
    return RemoteFacilitator(url, **options)


def kinds(*rows: tuple[int, str, str]) -> Handler:
    listed = [
        {"x402Version": version, "scheme": scheme, "network": network}
        for version, scheme, network in rows
    ]
    return answers({"kinds": listed})


def test_version_1_is_not_taken_before_a_facilitator_lists_it() -> None:
    facilitator = RemoteFacilitator(
        "http://127.0.0.1:9", network=NETWORK, headers={}, timeout_seconds=1
    )
    assert facilitator.takes_version_1 is False


async def test_what_is_sent(connected: Ask) -> None:
    seen: list[web.Request] = []

    async def settle(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        return web.json_response(settlement())

    async with ScriptedFacilitator(settle=settle, verify=answers({"isValid": True})) as script:
        facilitator = await connected(script)
        await facilitator.settle(PAYMENT, TERMS)
        await facilitator.verify(PAYMENT, TERMS)
        assert script.calls == ["supported", "settle", "verify"]
        [request] = seen
        assert (request.method, request.path) == ("POST", "/settle")
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["X-Key"] == "secret"
        wanted = {
            "x402Version": 2,
            "paymentPayload": PAYMENT.model_dump(by_alias=True, exclude_none=True),
            "paymentRequirements": TERMS.model_dump(by_alias=True, exclude_none=True),
        }
        assert script.requests == [json.loads(json.dumps(wanted))] * 2


async def test_it_is_asked_what_it_supports_by_get(connected: Ask) -> None:
    async def supported(request: web.Request) -> web.StreamResponse:
        assert request.method == "GET"
        return await kinds((2, "exact", NETWORK))(request)

    async with ScriptedFacilitator(supported=supported) as script:
        assert (await connected(script)).problem is None


@pytest.mark.parametrize(
    ("rows", "takes_version_1"),
    [
        ([(2, "exact", NETWORK)], False),
        ([(2, "exact", "eip155:*")], False),
        ([(2, "exact", NETWORK), (1, "exact", "base-sepolia")], True),
        ([(2, "exact", NETWORK), (1, "exact", "base")], False),
        ([(2, "exact", NETWORK), (1, "upto", "base-sepolia")], False),
        ([(2, "exact", NETWORK), (2, "exact", "base-sepolia")], False),
        ([(2, "upto", NETWORK), (2, "exact", NETWORK)], False),
    ],
)
async def test_what_it_supports(
    connected: Ask, rows: list[tuple[int, str, str]], takes_version_1: bool
) -> None:
    async with ScriptedFacilitator(supported=kinds(*rows)) as script:
        facilitator = await connected(script)
        assert facilitator.problem is None
        assert facilitator.takes_version_1 == takes_version_1


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(1, "exact", NETWORK)],
        [(2, "upto", NETWORK)],
        [(2, "exact", "eip155:1")],
        [(2, "exact", "solana:*")],
        [(1, "exact", "base-sepolia")],
    ],
)
async def test_one_that_does_not_settle_our_payments_stops_the_start(
    connected: Ask, rows: list[tuple[int, str, str]]
) -> None:
    async with ScriptedFacilitator(supported=kinds(*rows)) as script:
        with pytest.raises(ConfigurationError) as failure:
            await connected(script)
        told = f"the facilitator does not support exact on {NETWORK} (x402 version 2)"
        assert failure.value.problems == (f"ONCALL_FACILITATOR: {told}",)


async def test_its_problem_is_told_and_goes_away() -> None:
    async with ScriptedFacilitator() as script:
        facilitator = remote(script.url)
        assert facilitator.problem == "the facilitator has not been reached yet"
        await facilitator.connect()
        assert facilitator.problem is None
        script.play("supported", answers(b"{"), answers({"kinds": []}, 500), hangs_up)
        for problem in (
            "does not answer properly (200)",
            "does not answer properly (500)",
            "cannot be reached",
        ):
            await facilitator.refresh()
            assert facilitator.problem == f"the facilitator {problem}"
        script.play("supported", kinds((2, "exact", "eip155:1")), kinds((2, "exact", NETWORK)))
        await facilitator.refresh()
        assert facilitator.problem is not None
        assert "does not support" in facilitator.problem
        await facilitator.refresh()
        assert facilitator.problem is None
        await facilitator.aclose()
    assert [kind.network for kind in facilitator.get_supported().kinds] == [NETWORK, "base-sepolia"]


async def test_before_it_is_connected_nothing_can_be_asked() -> None:
    facilitator = remote("http://127.0.0.1:9")
    for ask in (facilitator.verify, facilitator.settle):
        with pytest.raises(FacilitatorUnavailable) as failure:
            await ask(PAYMENT, TERMS)
        assert failure.value.retry_after == 5
    await facilitator.aclose()


def padded(size: int) -> bytes:
    return json.dumps(settlement()).encode().ljust(size)


PENDING = settlement(success=False, errorReason="settlement_pending")
CDP_REFUSED = {
    "success": False,
    "errorReason": "insufficient_funds",
    "errorMessage": "No.",
    "payer": "0x1",
}
LOCATION = settlement(success=False, errorReason="request_blocked_by_location")
REFUSED = settlement(success=False, errorReason="insufficient_funds", transaction="")


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        pytest.param(answers(settlement()), TRANSACTION, id="settled"),
        pytest.param(answers(REFUSED), "insufficient_funds", id="refused"),
        pytest.param(answers(REFUSED, 400), "insufficient_funds", id="refused as 400"),
        pytest.param(answers(REFUSED, 402), "insufficient_funds", id="refused as 402"),
        pytest.param(answers(REFUSED, 500), SettlementUnknown, id="refused as 500"),
        pytest.param(answers(REFUSED, 408), SettlementUnknown, id="refused as 408"),
        pytest.param(answers(REFUSED, 409), SettlementUnknown, id="refused as 409"),
        pytest.param(answers(settlement(), 400), SettlementUnknown, id="settled as 400"),
        pytest.param(answers(settlement(), 201), SettlementUnknown, id="settled as 201"),
        pytest.param(answers({"success": True}, 400), SettlementUnknown, id="success as 400"),
        pytest.param(answers({"success": False}, 400), FacilitatorUnavailable, id="nothing as 400"),
        pytest.param(answers({"success": 0}, 400), FacilitatorUnavailable, id="zero as 400"),
        pytest.param(answers([], 400), FacilitatorUnavailable, id="a list as 400"),
        pytest.param(answers({}, 429), FacilitatorUnavailable, id="an object as 429"),
        pytest.param(answers(b"no", 429), FacilitatorUnavailable, id="a text as 429"),
        pytest.param(answers({}, 200), SettlementUnknown, id="an object as 200"),
        pytest.param(answers(CDP_REFUSED, 400), "insufficient_funds", id="as CDP refuses"),
        pytest.param(answers(CDP_REFUSED), "insufficient_funds", id="so as 200"),
        pytest.param(answers(CDP_REFUSED, 500), SettlementUnknown, id="so as 500"),
        pytest.param(
            answers({"errorType": "kyt_risk_detected"}, 403), "kyt_risk_detected", id="kyt"
        ),
        pytest.param(
            answers({"errorType": "invalid_request"}, 400), FacilitatorUnavailable, id="a"
        ),
        pytest.param(answers({"errorType": {}}, 400), FacilitatorUnavailable, id="no code"),
        pytest.param(answers({"errorReason": 7}, 400), FacilitatorUnavailable, id="no text"),
        pytest.param(
            answers({**CDP_REFUSED, "transaction": 7}, 400), "insufficient_funds", id="no hash"
        ),
        pytest.param(answers(LOCATION, 403), FacilitatorUnavailable, id="not served here"),
        pytest.param(answers(REFUSED, 401), FacilitatorUnavailable, id="refused as 401"),
        pytest.param(answers(settlement(), 401), SettlementUnknown, id="settled as 401"),
        pytest.param(answers(b"no", 502), SettlementUnknown, id="a text as 502"),
        pytest.param(answers(b"", 307, Location="/other"), SettlementUnknown, id="a redirect"),
        pytest.param(answers(padded(MAX_ANSWER_BYTES)), TRANSACTION, id="as large as may be"),
        pytest.param(answers(padded(MAX_ANSWER_BYTES + 1)), SettlementUnknown, id="too large"),
        pytest.param(hangs_up, SettlementUnknown, id="hangs up"),
    ],
)
async def test_what_an_answer_to_settle_means(
    connected: Ask, handler: Handler, outcome: str | type[Exception]
) -> None:
    async with ScriptedFacilitator(settle=handler, other=answers(settlement())) as script:
        facilitator = await connected(script)
        if isinstance(outcome, str):
            settled: SettleResponse = await facilitator.settle(PAYMENT, TERMS)
            assert outcome == (settled.transaction if settled.success else settled.error_reason)
        else:
            with pytest.raises(outcome) as failure:
                await facilitator.settle(PAYMENT, TERMS)
            assert failure.value.retry_after == 5  # type: ignore[attr-defined]
        assert script.calls == ["supported", "settle"]


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_a_pending_settlement_names_its_transaction(connected: Ask, status: int) -> None:
    async with ScriptedFacilitator(settle=answers(PENDING, status)) as script:
        facilitator = await connected(script)
        with pytest.raises(SettlementUnknown) as failure:
            await facilitator.settle(PAYMENT, TERMS)
        assert (failure.value.transaction, failure.value.retry_after) == (TRANSACTION, 5)
        assert script.calls.count("settle") == 1


VALID, INVALID = {"isValid": True}, {"isValid": False, "invalidReason": "expired"}


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        pytest.param(answers(VALID), "", id="valid"),
        pytest.param(answers(INVALID), "expired", id="invalid"),
        pytest.param(answers(INVALID, 400), "expired", id="invalid as 400"),
        pytest.param(answers(INVALID, 499), "expired", id="invalid as 499"),
        pytest.param(answers(INVALID, 500), None, id="invalid as 500"),
        pytest.param(answers(VALID, 201), None, id="valid as 201"),
        pytest.param(answers(VALID, 400), None, id="valid as 400"),
        pytest.param(answers(b"{"), None, id="malformed"),
        pytest.param(answers(b"", 307, Location="/other"), None, id="a redirect"),
        pytest.param(answers(b" " * (MAX_ANSWER_BYTES + 1)), None, id="too large"),
        pytest.param(hangs_up, None, id="hangs up"),
    ],
)
async def test_what_an_answer_to_verify_means(
    connected: Ask, handler: Handler, outcome: str | None
) -> None:
    async with ScriptedFacilitator(verify=handler, other=answers(VALID)) as script:
        facilitator = await connected(script)
        if outcome is None:
            with pytest.raises(FacilitatorUnavailable) as failure:
                await facilitator.verify(PAYMENT, TERMS)
            assert failure.value.retry_after == 5
        else:
            verified: VerifyResponse = await facilitator.verify(PAYMENT, TERMS)
            assert (verified.is_valid, verified.invalid_reason or "") == (not outcome, outcome)


async def test_one_that_cannot_be_reached_was_sent_nothing(connected: Ask) -> None:
    async with ScriptedFacilitator() as script:
        facilitator = await connected(script)
    for ask in (facilitator.verify, facilitator.settle):  # the first finds the connection closed
        with pytest.raises(FacilitatorUnavailable) as failure:
            await ask(PAYMENT, TERMS)
        assert failure.value.retry_after == 5


async def test_an_answer_is_waited_for_as_long_as_was_asked_for(connected: Ask) -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with ScriptedFacilitator(settle=never, verify=never) as script:
        facilitator = await connected(script, timeout_seconds=0.1)
        with pytest.raises(SettlementUnknown):
            await facilitator.settle(PAYMENT, TERMS)
        with pytest.raises(FacilitatorUnavailable):
            await facilitator.verify(PAYMENT, TERMS)


async def test_many_are_settled_at_once(connected: Ask) -> None:
    """None waits for a connection: it would be unknown without having been sent."""
    arrived, count = asyncio.Event(), iter(range(150))

    async def together(_: web.Request) -> web.StreamResponse:
        if next(count) == 149:
            arrived.set()
        await arrived.wait()
        return web.json_response(settlement())

    async with ScriptedFacilitator(settle=together) as script:
        facilitator = await connected(script)
        outcomes = await asyncio.gather(*(facilitator.settle(PAYMENT, TERMS) for _ in range(150)))
        assert len(outcomes) == 150


# --- what the operator is told --------------------------------------------------------------

UNAUTHORIZED = {
    "errorType": "unauthorized",
    "errorMessage": "secret",
    "correlationId": "41deb8d59a9dc9a7-IAD",
}


@pytest.fixture
def calls() -> list[FacilitatorCall]:
    return []


async def test_each_call_is_recorded(connected: Ask, calls: list[FacilitatorCall]) -> None:
    refused = answers(
        {**CDP_REFUSED, "transaction": TRANSACTION}, 400, **{"X-Correlation-Id": "a-1"}
    )
    async with ScriptedFacilitator(settle=[refused, hangs_up], verify=answers(b"{", 502)) as script:
        facilitator = await connected(script, name="payai", record_call=calls.append)
        await facilitator.settle(PAYMENT, TERMS)
        with pytest.raises(SettlementUnknown):
            await facilitator.settle(PAYMENT, TERMS)
        with pytest.raises(FacilitatorUnavailable):
            await facilitator.verify(PAYMENT, TERMS)
    supported, settle, lost, verify = calls
    assert {call.facilitator for call in calls} == {"payai"}
    assert [call.operation for call in calls] == ["supported", "settle", "settle", "verify"]
    assert supported.answer is not None
    assert supported.answer.status == 200
    assert settle.answer is not None
    said = settle.answer
    assert (said.status, said.error_type, said.transaction) == (
        400,
        "insufficient_funds",
        TRANSACTION,
    )
    assert said.correlation_id == "a-1"
    assert (lost.answer, lost.failure) == (None, "ServerDisconnectedError")
    assert verify.answer is not None
    assert (verify.answer.status, verify.answer.error_type) == (502, "")


async def test_the_id_in_the_body_is_the_one_to_ask_about(
    connected: Ask, calls: list[FacilitatorCall]
) -> None:
    refusing = answers(UNAUTHORIZED, 401, **{"CF-Ray": "another"})
    async with ScriptedFacilitator(settle=refusing) as script:
        facilitator = await connected(script, record_call=calls.append)
        with pytest.raises(FacilitatorUnavailable) as failure:
            await facilitator.settle(PAYMENT, TERMS)
        assert "secret" not in str(failure.value)
    answer = calls[-1].answer
    assert answer is not None
    assert (answer.error_type, answer.correlation_id) == ("unauthorized", "41deb8d59a9dc9a7-IAD")


@pytest.mark.parametrize("operation", ["settle", "verify"])
@pytest.mark.parametrize("status", [401, 402, 403])
async def test_a_facilitator_that_refuses_our_calls_is_not_ready(
    connected: Ask, operation: str, status: int
) -> None:
    async with ScriptedFacilitator(**{operation: [answers(UNAUTHORIZED, status)]}) as script:
        facilitator = await connected(script)
        ask = getattr(facilitator, operation)
        with pytest.raises(FacilitatorUnavailable):
            await ask(PAYMENT, TERMS)
        told = f"the facilitator refuses our calls ({status} unauthorized)"
        assert facilitator.problem == told
        await facilitator.refresh()
        assert facilitator.problem == told, "what it supports says nothing of it"
        script.play("settle", answers(b"", 429))
        with pytest.raises(FacilitatorUnavailable):
            await facilitator.settle(PAYMENT, TERMS)
        assert facilitator.problem == told, "and neither does an answer to nobody"
        script.play("settle", answers(REFUSED, 402))
        await facilitator.settle(PAYMENT, TERMS)
        assert facilitator.problem is None


async def test_a_refusal_is_forgotten_after_a_while(
    connected: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nobody would get terms, or pay, and it would never be seen to take us again."""
    async with ScriptedFacilitator(settle=answers(UNAUTHORIZED, 401)) as script:
        facilitator = await connected(script)
        with pytest.raises(FacilitatorUnavailable):
            await facilitator.settle(PAYMENT, TERMS)
        loop = asyncio.get_running_loop()
        later = loop.time() + REFUSED_SECONDS
        monkeypatch.setattr(loop, "time", lambda: later)
        await facilitator.refresh()
        assert facilitator.problem is None


@pytest.mark.parametrize("status", [402, 403])
async def test_a_payer_that_is_refused_is_no_problem_of_the_facilitator(
    connected: Ask, status: int
) -> None:
    async with ScriptedFacilitator(
        settle=answers(REFUSED, status), verify=answers(INVALID, status)
    ) as script:
        facilitator = await connected(script)
        await facilitator.settle(PAYMENT, TERMS)
        await facilitator.verify(PAYMENT, TERMS)
        assert facilitator.problem is None


async def test_a_key_that_is_refused_at_the_start_is_told(connected: Ask) -> None:
    async with ScriptedFacilitator(supported=answers(UNAUTHORIZED, 401)) as script:
        facilitator = await connected(script)
        assert facilitator.problem == "the facilitator refuses our calls (401 unauthorized)"


@pytest.mark.parametrize(
    ("location", "target"),
    [
        (
            "https://www.x402.org/facilitator/supported",
            "https://www.x402.org/facilitator/supported",
        ),
        ("https://user:secret@other.example/x?key=secret", "https://other.example/x"),
        ("/elsewhere", "{url}/elsewhere"),
        ("https://a.example/" + "x" * 500, ("https://a.example/" + "x" * 500)[:200]),
    ],
)
async def test_a_redirect_names_its_target(connected: Ask, location: str, target: str) -> None:
    async with ScriptedFacilitator(supported=answers(b"", 308, Location=location)) as script:
        facilitator = await connected(script)
        told = f"the facilitator redirects to {target.format(url=script.url)}"
        assert facilitator.problem == f"{told}, and no redirect is followed"


@pytest.mark.parametrize("location", ["http://[", ""])
async def test_a_redirect_to_nowhere_is_no_answer(connected: Ask, location: str) -> None:
    async with ScriptedFacilitator(supported=answers(b"", 308, Location=location)) as script:
        facilitator = await connected(script)
        assert facilitator.problem == "the facilitator does not answer properly (308)"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "9" * 40}, 3600),
        ({"Retry-After": "soon"}, 5),
        ({"Retry-After": "-3"}, 5),
        (
            {
                "Retry-After": "Sun, 06 Nov 1994 08:49:57 GMT",
                "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
            },
            20,
        ),
        (
            {
                "Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT",
                "Date": "Sun, 06 Nov 1994 08:49:57 GMT",
            },
            1,
        ),
        ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT", "Date": "today"}, 5),
        ({}, 5),
    ],
)
@pytest.mark.parametrize(
    ("status", "failure"), [(429, FacilitatorUnavailable), (503, SettlementUnknown)]
)
async def test_how_long_it_wants_to_be_left_alone_is_handed_on(
    connected: Ask, headers: dict[str, str], seconds: int, status: int, failure: type[Exception]
) -> None:
    async with ScriptedFacilitator(settle=answers(b"", status, **headers)) as script:
        facilitator = await connected(script)
        with pytest.raises(failure) as raised:
            await facilitator.settle(PAYMENT, TERMS)
        assert raised.value.retry_after == seconds  # type: ignore[attr-defined]
        script.play("verify", answers(b"", status, **headers))
        with pytest.raises(FacilitatorUnavailable) as unavailable:
            await facilitator.verify(PAYMENT, TERMS)
        assert unavailable.value.retry_after == seconds


def listing(size: int) -> bytes:
    kind = {"x402Version": 2, "scheme": "exact", "network": NETWORK}
    return json.dumps({"kinds": [kind]}).encode().ljust(size)


async def test_a_facilitator_may_support_much(connected: Ask) -> None:
    async with ScriptedFacilitator(supported=answers(listing(MAX_SUPPORTED_BYTES))) as script:
        facilitator = await connected(script)
        assert facilitator.problem is None
        script.play("supported", answers(listing(MAX_SUPPORTED_BYTES + 1)))
        await facilitator.refresh()
        assert facilitator.problem == "the facilitator cannot be reached"


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (
            encoded({"bazaar": {"status": "rejected", "rejectedReason": "no output\nschema"}}),
            [("bazaar", "rejected", "no output schema")],
        ),
        (encoded({"bazaar": {"status": "processing"}}), [("bazaar", "processing", "")]),
        (
            encoded({"a": {"status": "rejected", "code": "x" * 300}, "b": "no object"}),
            [("a", "rejected", "x" * 200)],
        ),
        (encoded({"with blanks": {"status": 7, "reason": 8}}), [("", "", "")]),
        (encoded({str(n): {"status": "success"} for n in range(9)})[:2000], 8),
        (encoded(["bazaar"]), []),
        ("no base64", []),
        (encoded("[" * 5_000), []),
    ],
)
async def test_what_became_of_the_extensions(
    connected: Ask, calls: list[FacilitatorCall], header: str, said: list[Any] | int
) -> None:
    responses = {"EXTENSION-RESPONSES": header}
    async with ScriptedFacilitator(settle=answers(settlement(), 200, **responses)) as script:
        facilitator = await connected(script, record_call=calls.append)
        await facilitator.settle(PAYMENT, TERMS)
    answer = calls[-1].answer
    assert answer is not None
    found = [(each.extension, each.status, each.reason) for each in answer.extensions]
    assert (len(found) if isinstance(said, int) else found) == said
