"""Work is done in the order of its cost: nothing heavy for a payment that would be refused."""

import json
import secrets
from typing import Any

import pytest

from app.http.large_bodies import LARGE_BYTES
from app.products.endpoint import AFTER_SIGNING, FREE_BODY_BYTES
from app.products.registry import paid_endpoints
from app.products.rotation.absence_calendars import LATER, LONG, QUICK_CHARACTERS, RECURS
from tests.support.pools import RecordingPool
from tests.support.services import (
    EXAMPLE,
    Sandbox,
    ScriptedFacilitator,
    answers,
    living,
    remote_settings,
    service,
    settings,
)
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio

PLAN: dict[str, Any] = {**EXAMPLE, "strategy": "fair"}
LARGE = json.dumps(EXAMPLE).encode() + b" " * LARGE_BYTES
ANSWERED = ("answer_to", False)


def calendar(*lines: str) -> str:
    event = ("BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z", *lines, "END:VEVENT")
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *event, "END:VCALENDAR", ""))


def later(why: str) -> dict[str, str]:
    """Return the warning about Alice's calendar, which is read after signing."""
    return {"pointer": "/unavailableIcs/alice", "detail": LATER.format(why=why)}


DAYS_THAT_NO_YEAR_HAS = calendar(
    "DTSTART:20260602T090000Z", "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"
)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> RecordingPool:
    """The pool of every service that is made from now on."""
    made = RecordingPool()
    monkeypatch.setattr("app.main.WorkerPool", lambda *_: made)
    return made


# --- a payment that would be refused --------------------------------------------------------


@pytest.mark.parametrize("body", [PLAN, LARGE], ids=["plan", "large"])
async def test_a_payment_outside_of_its_window_computes_nothing(
    pool: RecordingPool, body: Any
) -> None:
    sandbox = Sandbox()
    terms = await sandbox.terms()
    for window in ({"validBefore": "1"}, {"validAfter": "99999999998"}):
        response = await sandbox.ask(body, header_of(Wallet().signed(terms, **window)))
        assert response.status_code == 402
    assert pool.jobs == []


async def test_a_made_up_signature_of_a_smart_wallet_computes_nothing(pool: RecordingPool) -> None:
    sandbox = Sandbox()
    payload = Wallet().signed(await sandbox.terms())
    payload["payload"]["signature"] = "0x" + secrets.token_hex(70)
    response = await sandbox.ask(PLAN, header_of(payload))
    assert response.status_code == 402
    assert pool.jobs == []


@pytest.mark.parametrize(
    ("body", "calls"),
    [
        pytest.param(EXAMPLE, ["settle"], id="light"),
        pytest.param(PLAN, ["verify", "settle"], id="plan"),
        pytest.param(LARGE, ["verify", "settle"], id="large"),
    ],
)
async def test_the_facilitator_verifies_before_heavy_work(body: Any, calls: list[str]) -> None:
    async with ScriptedFacilitator() as facilitator:
        shop = service(remote_settings(facilitator.url))
        async with living(shop.app):
            assert (await shop.buy(body)).status_code == 200
        assert [call for call in facilitator.calls if call != "supported"] == calls


async def test_what_the_facilitator_refuses_computes_nothing(pool: RecordingPool) -> None:
    poor = answers({"isValid": False, "invalidReason": "insufficient_funds"})
    async with ScriptedFacilitator(verify=poor) as facilitator:
        shop = service(remote_settings(facilitator.url))
        async with living(shop.app):
            response = await shop.buy(PLAN)
        assert (response.status_code, response.json()["error"]) == (402, "insufficient_funds")
        assert "settle" not in facilitator.calls
    assert pool.jobs == []


# --- what was bought ------------------------------------------------------------------------


@pytest.mark.parametrize("body", [PLAN, LARGE], ids=["plan", "large"])
async def test_what_was_bought_is_not_computed_again(pool: RecordingPool, body: Any) -> None:
    sandbox = Sandbox()
    payment = await Wallet().payment(await sandbox.terms())
    first = await sandbox.ask(body, payment)
    again = await sandbox.ask(body, payment)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert pool.jobs == [ANSWERED]
    assert sandbox.transfers == 1


async def test_what_was_bought_is_answered_beyond_the_limit() -> None:
    sandbox = Sandbox(configured=settings(rate_limit="2/day"))
    terms = await sandbox.terms()
    payment = await Wallet().payment(terms)
    bought = [await sandbox.ask(EXAMPLE, payment) for _ in range(5)]
    others = [await sandbox.ask(EXAMPLE, await Wallet().payment(terms)) for _ in range(2)]
    assert [each.status_code for each in (*bought, *others)] == [*[200] * 6, 429]
    assert sandbox.transfers == 2


async def test_an_answer_too_large_to_be_kept_is_computed_again_within_the_limit(
    monkeypatch: pytest.MonkeyPatch, pool: RecordingPool
) -> None:
    monkeypatch.setattr("app.payments.claims.kept_answers.MAX_KEPT_BYTES", 10)
    sandbox = Sandbox(configured=settings(rate_limit="2/day"))
    payment = await Wallet().payment(await sandbox.terms())
    answers_to_it = [await sandbox.ask(PLAN, payment) for _ in range(4)]
    assert [each.status_code for each in answers_to_it] == [200, 200, 200, 429]
    assert answers_to_it[0].content == answers_to_it[1].content
    assert pool.jobs == [ANSWERED] * 3
    assert sandbox.transfers == 1


# --- what is too much to check for nothing --------------------------------------------------


async def test_a_calendar_is_not_laid_out_before_anybody_pays(pool: RecordingPool) -> None:
    sandbox = Sandbox()
    body = {**EXAMPLE, "unavailableIcs": {"alice": DAYS_THAT_NO_YEAR_HAS}}
    response = await sandbox.ask(body)
    assert response.status_code == 402
    assert response.json()["warnings"] == [later(RECURS)]
    assert pool.jobs == [("examine_document", True)]


async def test_a_calendar_that_is_only_read_after_signing_says_so_and_charges_nothing() -> None:
    sandbox = Sandbox()
    long = calendar("DTSTART:no time", "DESCRIPTION:" + "x" * QUICK_CHARACTERS)
    body = {**EXAMPLE, "unavailableIcs": {"alice": long}}
    unpaid = await sandbox.ask(body)
    assert unpaid.status_code == 402
    assert unpaid.json()["warnings"] == [later(LONG)]
    payment = await Wallet().payment(unpaid.headers["PAYMENT-REQUIRED"])
    refused = await sandbox.ask(body, payment)
    assert refused.status_code == 400
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/unavailableIcs/alice"]
    assert sandbox.transfers == 0
    assert (await sandbox.ask(EXAMPLE, payment)).status_code == 200  # it was not used up


async def test_a_very_large_body_is_only_read_after_signing(pool: RecordingPool) -> None:
    sandbox = Sandbox()
    wrong = json.dumps({**EXAMPLE, "shifts": 0}).encode() + b" " * FREE_BODY_BYTES
    unpaid = await sandbox.ask(wrong)
    assert unpaid.status_code == 402
    told = f"has more than {FREE_BODY_BYTES:,} bytes, so it is read {AFTER_SIGNING}"
    assert unpaid.json()["warnings"] == [{"pointer": "", "detail": told}]
    assert pool.jobs == []
    payment = await Wallet().payment(unpaid.headers["PAYMENT-REQUIRED"])
    refused = await sandbox.ask(wrong, payment)
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/shifts"]
    assert sandbox.transfers == 0
    right = json.dumps(EXAMPLE).encode() + b" " * FREE_BODY_BYTES
    assert (await sandbox.ask(right, payment)).status_code == 200


@pytest.mark.parametrize("endpoint", paid_endpoints(), ids=lambda each: each.slug)
async def test_an_empty_body_with_a_payment_is_an_error_and_charges_nothing(endpoint: Any) -> None:
    sandbox = Sandbox()
    sandbox.path = endpoint.path
    payment = await Wallet().payment(await sandbox.terms())
    response = await sandbox.ask(b"", payment)
    assert (response.status_code, response.json()["code"]) == (400, "malformed_json")
    assert sandbox.transfers == 0
