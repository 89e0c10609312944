"""What people met with names of zones, clock changes and feeds, replayed where it is at hand.

The cases are in a folder beside the repository, which works without it: the same facts stand as
tests of their own in ``tests/engine``, ``tests/products`` and ``tests/teams``.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.engine.walltime import zone_names
from app.main import create_app
from tests.support.clock import Clock
from tests.support.scenes import override, scene
from tests.support.services import Service, settings
from tests.support.stored import V2, Stored

pytestmark = pytest.mark.anyio

FILE = Path(__file__).parents[2] / "shared" / "cases" / "field.json"
HERE = ("rot-02", "rot-03", "ics-04", "feed-")
"""Where the names of the cases begin that are about zones, clocks and feeds."""
QUOTED = re.compile(r'"([^"]+)"')


def cases(prefix: str) -> Sequence[Mapping[str, Any]]:
    every = json.loads(FILE.read_text("utf-8")) if FILE.exists() else []
    return [case for case in every if case["id"].startswith(HERE) and case["id"].startswith(prefix)]


def found_in(answer: httpx.Response, expected: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the answer has of what is expected, in the words of the cases."""
    body = answer.json()
    readers = {
        "status": lambda: answer.status_code,
        "starts_local": lambda: [shift["startLocal"][:16] for shift in body["rotation"]],
        "gap_starts": lambda: [gap["start"] for gap in body["gaps"]],
    }
    return {name: readers[name]() for name in expected if name != "suggests_only"}


def suggested(answer: httpx.Response) -> set[str]:
    """The zones that a refusal names."""
    details = " ".join(fault["detail"] for fault in answer.json().get("errors", ()))
    return {name for name in QUOTED.findall(details) if name in zone_names()}


@pytest.mark.parametrize("kind", ["rot", "ics"])
async def test_products(clock: Clock, kind: str) -> None:
    app = create_app(settings(payments="off"), clock=clock)
    for case in cases(kind):
        service = Service(app)
        service.path = case["endpoint"].removeprefix("POST ")
        answer = await service.ask(case["request"])
        expected = dict(case["expect"])
        allowed = expected.pop("suggests_only", None)
        assert found_in(answer, expected) == expected, case["says"]
        if allowed is not None:
            assert answer.status_code == 200 or suggested(answer) <= {*allowed}, case["says"]


async def test_feeds(stored: Stored) -> None:
    begins = "2026-06-03T00:00:00Z"
    weekly = {
        "id": "weekly",
        "name": "Weekly",
        "team_id": "team",
        "timezone": "UTC",
        "rotation_type": "weekly",
        "participants": ["ann", "bob"],
        "start_at": begins,
    }
    me = await scene(stored, weekly)
    path = f"{V2}/schedules/weekly/calendar.ics"
    before = first_event(await me.get(path))
    stored.at("2026-06-01T00:00:02Z")
    await override(me, "cat", begins, "2026-06-10T00:00:00Z", "weekly")
    after = first_event(await me.get(path))
    told = {
        "same_uid": before["UID"] == after["UID"],
        "dtstamp_changed": before["DTSTAMP"] != after["DTSTAMP"],
        "dtstamp_is_start": after["DTSTAMP"] == after["DTSTART"],
    }
    assert told == {"same_uid": True, "dtstamp_changed": True, "dtstamp_is_start": False}
    for case in cases("feed"):
        assert told == case["expect"], case["says"]


def first_event(answer: httpx.Response) -> Mapping[str, str]:
    event = answer.text.partition("BEGIN:VEVENT\r\n")[2].partition("END:VEVENT")[0]
    return dict(line.split(":", 1) for line in event.replace("\r\n ", "").splitlines())
