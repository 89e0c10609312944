"""The engine agrees with the oracle, minute by minute: person, source, since and until."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.layered.model import (
    Entry,
    FinalSchedule,
    OnCallAssignment,
    Override,
    Schedule,
    Segment,
)
from app.engine.layered.resolve import final_schedule, on_call_at
from tests.support.schedule_documents import (
    DAY,
    MINUTE,
    PLACES,
    Document,
    places_and_documents,
    schedule_of,
)
from tests.support.schedule_oracle import Oracle, forget_walks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def walks() -> Iterator[None]:
    """Leave none of the oracle's minutes to the tests that follow."""
    yield
    forget_walks()


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
MANY = settings(max_examples=300, deadline=None, suppress_health_check=QUIET)
CHANGES = PLACES[:4] + PLACES[5:15]


def named(schedule: Schedule, assignment: OnCallAssignment | Segment | None) -> Any:
    """Return an assignment as the oracle names it: its list, its index there, the person."""
    if assignment is None or assignment.source == "layer":
        passed = assignment and tuple(map(tuple, assignment.passed_over))
        return assignment and ("layers", assignment.layer, assignment.user_ids, passed)
    made = assignment.override or assignment.entry
    return (*placed(schedule, made), assignment.user_ids, ())


def placed(schedule: Schedule, made: Override | Entry | None) -> tuple[str, int]:
    source = "overrides" if isinstance(made, Override) else "entries"
    manual: Sequence[Override | Entry] = getattr(schedule, source)
    return source, next(i for i, known in enumerate(manual) if known is made)


def closed(schedule: Schedule, override: Override | None) -> Any:
    """Return an override of nobody as the oracle names it."""
    return override and (*placed(schedule, override), (), ())


def rows_of(schedule: Schedule, final: FinalSchedule) -> list[Any]:
    """Return a final schedule as the oracle writes it, one row a minute."""
    rows: list[Any] = [None] * ((final.to_at - final.from_at) // MINUTE)
    for segment in final.segments:
        first, end = segment.start_at - final.from_at, segment.end_at - final.from_at
        assert first % MINUTE == end % MINUTE == 0
        for minute in range(first // MINUTE, end // MINUTE):
            at = final.from_at + minute * MINUTE
            passed = tuple(each[2:] for each in segment.passed_over if each[0] <= at < each[1])
            rows[minute] = named(schedule, segment._replace(passed_over=passed))
    for gap in final.gaps:
        first, end = gap.start_at - final.from_at, gap.end_at - final.from_at
        rows[first // MINUTE : end // MINUTE] = [closed(schedule, gap.override)] * (
            (end - first) // MINUTE
        )
    return rows


def with_layer_numbers(document: Document) -> Document:
    layers = [{**layer, "name": number} for number, layer in enumerate(document["layers"])]
    return {**document, "layers": layers}


def edges_of(rows: list[Any]) -> list[int]:
    """Return where the runs of equal rows begin, and the end of all."""
    return [0, *(i for i in range(1, len(rows)) if who(rows[i]) != who(rows[i - 1])), len(rows)]


def who(row: Any) -> Any:
    """Return a row without those who were passed over."""
    return row and row[:3]


def agrees_at(
    schedule: Schedule, rows: list[Any], edges: list[int], begin: int, index: int
) -> None:
    """Compare person, source, since and until at one minute, as far as the walk can see."""
    answer = on_call_at(schedule, (begin + index) * MINUTE)
    run = bisect_right(edges, index)
    first, end = edges[run - 1], edges[run]
    since = -inf if answer.since is None else answer.since // MINUTE - begin
    until = inf if answer.until is None else answer.until // MINUTE - begin
    assert (named(schedule, answer.assignment) or closed(schedule, answer.closed)) == rows[index]
    assert since == first if first > 0 else since <= 0
    assert until == end if end < len(rows) else until >= len(rows)
    coming = next((i for i in range(end, len(rows)) if rows[i] and rows[i][2]), None)
    if coming is not None:
        first, *others = rows[coming][2]
        assert answer.next == (first, (begin + coming) * MINUTE, tuple(others))


def agrees(document: Document, begin: int, end: int, minutes: Iterable[int]) -> None:
    document = with_layer_numbers(document)
    schedule = schedule_of(document)
    rows = Oracle(document, begin, end).walked()
    assert rows_of(schedule, final_schedule(schedule, begin * MINUTE, end * MINUTE)) == rows
    edges = edges_of(rows)
    for minute in minutes:
        agrees_at(schedule, rows, edges, begin, minute)


@pytest.mark.timeout(900)
@MANY
@given(places_and_documents(), st.lists(st.integers(0, 4 * DAY - 1), min_size=3, max_size=3))
def test_random_schedules_agree_with_the_minute_walk(
    placed: tuple[int, Document], minutes: list[int]
) -> None:
    middle, document = placed
    agrees(document, middle - 2 * DAY, middle + 2 * DAY, minutes)


@pytest.mark.parametrize(("zone", "day"), CHANGES, ids=[f"{z}-{d // DAY}" for z, d in CHANGES])
@pytest.mark.parametrize("turns_on", ["all", "active"])
@pytest.mark.parametrize("start", [0, 30, 75, 1410], ids=["00:00", "00:30", "01:15", "23:30"])
def test_the_day_of_a_clock_change_agrees_with_the_minute_walk(
    zone: str, day: int, turns_on: str, start: int
) -> None:
    windows = [
        {"days": [0, 2, 4, 6], "start": start, "end": start + 15},
        {"days": [1, 3, 5, 6], "start": start + 15, "end": start},
    ]
    layer = {
        "name": "", "participants": ["a", "b", "c"], "restrictions": windows, "turns_on": turns_on,
        "unit": "days", "count": 1, "handoff_day": None, "handoff_time": start,
        "start_at": day - 9 * DAY,
    }  # fmt: skip
    under = {**layer, "participants": ["d", "e"], "unit": "hours", "count": 5, "restrictions": []}
    document = {
        "timezone": zone, "layers": [layer, under], "overrides": [], "entries": [],
        "absences": [], "when_away": "next",
    }  # fmt: skip
    agrees(document, day - DAY, day + 2 * DAY, range(0, 3 * DAY, 45))
