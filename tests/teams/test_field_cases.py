"""What people met when they changed kept schedules, replayed where the cases are present."""

import re
from typing import Any

import pytest

from app.engine.layered.limits import DAY_MS
from app.teams.times import utc_text
from tests.support.field_cases import Case, field_cases
from tests.support.stored import V2, Caller, Stored

pytestmark = pytest.mark.anyio

AGO = re.compile(r"<(\d+) days and (\d+) hours ago, at the full hour>")
HOUR_MS = 3_600_000
PAGES = "sto-13"
"""The case that reads a list page by page; all others edit a schedule."""


def at_the_hour_before(now: int, text: str) -> str:
    """Return the instant that a case describes, such as ``<65 days and 6 hours ago, …>``."""
    match = AGO.fullmatch(text)
    assert match, text
    days, hours = map(int, match.groups())
    return utc_text((now - days * DAY_MS - hours * HOUR_MS) // HOUR_MS * HOUR_MS)


async def on_call(me: Caller, team: str) -> dict[str, str]:
    found = (await me.get(f"{V2}/current/{team}")).json()
    return {name: found[name]["user_id"] for name in ("on_call", "next")}


async def edited(stored: Stored, case: Case) -> dict[str, Any]:
    """Return who was on call before and after the edit of a case."""
    document = case["request"]["create"]
    start_at = at_the_hour_before(stored.now, document["start_at"])
    made = await stored.me.create(f"{V2}/schedules", {**document, "start_at": start_at})
    before = await on_call(stored.me, document["team_id"])
    answer = await stored.me.patch(f"{V2}/schedules/{made['id']}", case["request"]["patch"])
    after = await on_call(stored.me, document["team_id"])
    return {"status": answer.status_code, "before": before, "after": after}


async def test_edits_move_nobody_in_the_middle_of_a_turn(stored: Stored) -> None:
    await stored.me.add_users("ana", "ben", "cy", "dee")
    wrong = {
        case["id"]: (case["says"], found)
        for case in field_cases(("sto",))
        if case["id"] != PAGES and (found := await edited(stored, case)) != case["expect"]
    }
    assert wrong == {}


async def test_who_pages_through_people_sees_all_that_stay(stored: Stored) -> None:
    """Where the cases are not present this is what ``sto-13`` says."""
    await stored.me.add_users(*(f"u{number:02}" for number in range(30)))
    first = (await stored.me.get(f"{V2}/users?limit=10")).json()
    await stored.me.delete_at(f"{V2}/users/u05")
    page = await stored.me.read(f"{V2}/users?limit=10&cursor={first['next_cursor']}")
    seen = [each["id"] for each in (*first["data"], *page)]
    found = {"u10_seen": "u10" in seen}
    assert found == {"u10_seen": True}
    for case in field_cases(("sto",)):
        assert case["id"] != PAGES or found == case["expect"], case["says"]
