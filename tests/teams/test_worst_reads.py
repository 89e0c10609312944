"""The most expensive reads of an organisation that has everything in the largest size."""

from pathlib import Path

import pytest

from bench.speed import slowness
from bench.stored_worst_reads import COVER, REQUESTS, V1, V2, Request, measured
from tests.support.timing import LONGEST_STRETCH_SECONDS

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

MIB = 1024 * 1024


async def test_their_bytes_and_their_memory(tmp_path: Path) -> None:
    took = {request: each async for request, each in measured(f"sqlite:///{tmp_path}/oncall.db")}
    assert took.keys() == set(REQUESTS)
    assert {path: each.status for (_, path), each in took.items() if each.status != 200} == {}
    assert {each: one for each, one in took.items() if one.answer_bytes > 16 * MIB} == {}
    assert {each: one for each, one in took.items() if one.peak_bytes > 64 * MIB} == {}


async def test_their_stretches_of_the_event_loop(tmp_path: Path) -> None:
    """The 90,000 shifts that keep two people from a stretch once took 0.13 s of the loop, 100 cover
    requests of 200 parts 0.06 s.
    """
    paths = [
        f"{V1}/schedules/restricted/on-call",
        f"{V2}/schedules/restricted/cover-candidates?{COVER}",
        f"{V2}/schedules/hourly_0/cover-candidates?{COVER}",
        f"{V2}/schedules/hourly_0/covers?limit=100",
    ]
    asked = [("GET", path) for path in paths]
    longest: dict[Request, float] = {}
    async for request, took in measured(f"sqlite:///{tmp_path}/oncall.db", asked * 3):
        assert took.status == 200
        seconds = took.loop_seconds / slowness()
        longest[request] = min(seconds, longest.get(request, seconds))
    assert {
        path: each for (_, path), each in longest.items() if each > LONGEST_STRETCH_SECONDS
    } == {}
