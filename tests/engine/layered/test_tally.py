"""Shifts, hours, nights and weekends of each person."""

import pytest
from hypothesis import given, settings

from app.engine.layered.model import Layer, Override, Schedule
from app.engine.layered.resolve import final_schedule
from app.engine.layered.tally import balanced, tallies
from tests.support.schedule_documents import (
    DAY,
    MINUTE,
    Document,
    at,
    places_and_documents,
    schedule_of,
)

HOUR = 3_600_000


def test_a_week_of_two_people() -> None:
    start = at("2025-06-02T00:00+02:00")
    schedule = Schedule(
        "Europe/Berlin",
        (Layer("x", ("a", "b", "idle", "idle"), start_at=start), Layer("y", ("never",))),
        (Override("c", start + 25 * HOUR, start + 26 * HOUR),),
    )
    tally = tallies(schedule, final_schedule(schedule, start, start + 48 * HOUR))
    assert [(who.user_id, who.shifts, who.hours, who.night_hours) for who in tally] == [
        ("a", 1, 24, 8), ("b", 2, 23, 7), ("idle", 0, 0, 0), ("never", 0, 0, 0), ("c", 1, 1, 1),
    ]  # fmt: skip
    assert {who.weekend_hours for who in tally} == {0}
    assert not balanced(tally)
    assert balanced(tally[:2])
    assert balanced(())


@pytest.mark.parametrize(
    ("start", "hours", "night", "weekend"),
    [
        ("2025-03-08T22:00-05:00", 7, 7, 7),  # the night that lacks an hour
        ("2025-11-01T22:00-04:00", 9, 9, 9),  # the night that has one more
        ("2025-06-06T22:00-04:00", 8, 8, 6),  # into Saturday
        ("2025-06-08T22:00-04:00", 8, 8, 2),  # out of Sunday
        ("2025-06-09T05:30-04:00", 1, 0.5, 0),
    ],
)
def test_nights_and_weekends_are_local(
    start: str, hours: float, night: float, weekend: float
) -> None:
    schedule = Schedule("America/New_York", (Layer("x", ("a",)),))
    final = final_schedule(schedule, at(start), at(start) + round(hours * HOUR))
    (only,) = tallies(schedule, final)
    assert (only.hours, only.night_hours, only.weekend_hours) == (hours, night, weekend)


@settings(max_examples=100, deadline=None)
@given(places_and_documents())
def test_hours_and_gaps_add_up_to_the_window(placed: tuple[int, Document]) -> None:
    middle, document = placed
    schedule, begin = schedule_of(document), (middle - 2 * DAY) * MINUTE
    final = final_schedule(schedule, begin, begin + 4 * DAY * MINUTE)
    tally = tallies(schedule, final)
    gaps = sum(gap.end_at - gap.start_at for gap in final.gaps)
    together = sum(len(part.others) * (part.end_at - part.start_at) for part in final.segments)
    assert sum(who.total_ms for who in tally) + gaps == 4 * DAY * MINUTE + together
    assert all(0 <= who.night_ms <= who.total_ms >= who.weekend_ms for who in tally)
    assert sum(who.shifts for who in tally) == sum(len(part.user_ids) for part in final.segments)
