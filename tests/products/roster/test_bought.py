"""Rosters over HTTP: solved once for a payment, whatever is asked for again, and refused free."""

from typing import Any

import pytest

from app.products.roster.endpoint import roster_endpoint
from tests.support.pools import recorded_jobs
from tests.support.services import Service, service, settings
from tests.support.wallets import Wallet

pytestmark = pytest.mark.anyio

ROSTER: dict[str, Any] = {
    "timezone": "Europe/Berlin",
    "from": "2026-12-01",
    "to": "2026-12-20",
    "pattern": [{"start": "09:00", "end": "09:00"}],
    "people": [{"name": name} for name in ("ana", "ben", "eva")],
    "rules": {"maxConsecutive": 2},
}


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """The names of the jobs that workers are given, and their processor time."""
    return recorded_jobs(monkeypatch)


def shop() -> Service:
    sold = service(settings())
    sold.path = roster_endpoint().path
    return sold


async def test_an_answer_is_solved_once_and_sent_again(jobs: list[tuple[str, float]]) -> None:
    sold = shop()
    payment = await Wallet().payment(await sold.terms())
    jobs.clear()
    first = await sold.ask(ROSTER, payment)
    assert first.status_code == 200
    assert all(each["optimal"] for each in first.json()["fairness"])
    again = await sold.ask(ROSTER, payment)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert jobs == [("answer_to", roster_endpoint().cpu_seconds)]


async def test_the_terms_say_how_it_was_understood(jobs: list[tuple[str, float]]) -> None:
    response = await shop().ask(ROSTER)
    assert response.status_code == 402
    understood = response.json()["understood"]
    assert (understood["slots"], understood["choices"], understood["seconds"]) == (20, 60, 2)
    assert [name for name, _ in jobs] == ["examine_document"]


async def test_what_only_slots_can_show_is_refused_before_payment() -> None:
    response = await shop().ask({**ROSTER, "fixed": [{"slot": 21, "person": "ana"}]})
    assert response.status_code == 400
    assert response.json()["errors"] == [
        {"pointer": "/fixed/0", "detail": "is after the last slot, 20"}
    ]
