"""Exact cases at edges that random schedules hardly ever reach; each stopped a surviving mutant."""

import pytest

from app.engine.layered.layers import LayerSource
from app.engine.layered.model import Layer, Override, Restriction, Schedule
from app.engine.layered.resolve import final_schedule, on_call_at
from app.engine.layered.restrictions import overlaps, recurring_windows, window_at, windows_between
from app.engine.walltime import DAY, WALL_MONDAY, clock_of
from tests.support.schedule_documents import at, iso

HOUR = 3_600_000


def window(start: float, end: float, *days: int) -> Restriction:
    return Restriction(round(start * HOUR), round(end * HOUR), days)


def people(schedule: Schedule, *instants: str) -> list[str | None]:
    """Who is on call at each instant."""
    found = [on_call_at(schedule, at(instant)).assignment for instant in instants]
    return [each.user_id if each else None for each in found]


def schedule(layer: Layer, zone: str = "UTC") -> Schedule:
    return Schedule(timezone=zone, layers=(layer,))


# --- turns ----------------------------------------------------------------------------------


def test_active_turns_of_hours_are_counted_from_the_handoff_before_the_start() -> None:
    """Handoffs at 03:00, 11:00 and 19:00; active from 12:00 to 13:00 and from 20:00 to 21:00."""
    layer = Layer(
        "x",
        ("a", "b", "c"),
        "hours",
        8,
        at("2026-06-01T10:00+00:00"),
        3 * HOUR,
        restrictions=(window(12, 13), window(20, 21)),
        turns_on="active",
    )
    days = ("2026-06-01T12:30", "2026-06-01T20:30", "2026-06-02T12:30", "2026-06-02T20:30")
    assert people(schedule(layer), *(f"{day}+00:00" for day in days)) == ["a", "b", "c", "a"]


def test_a_month_is_counted_from_the_handoff_before_the_start() -> None:
    layer = Layer("x", ("a", "b"), "months", 1, at("2026-06-10T15:00+00:00"), 9 * HOUR)
    instants = ("2026-06-10T15:00", "2026-07-10T08:59", "2026-07-10T09:00")
    assert people(schedule(layer), *(f"{each}+00:00" for each in instants)) == ["a", "a", "b"]


def test_a_handoff_that_the_clock_skipped_is_at_the_start() -> None:
    """02:30 was skipped, so the handoff of that day is at 03:00 summer time."""
    start = "2026-03-29T03:00+02:00"
    layer = Layer("x", ("a", "b"), "days", 1, at(start), 5 * HOUR // 2)
    berlin = schedule(layer, "Europe/Berlin")
    instants = (start, "2026-03-30T02:29+02:00", "2026-03-30T02:30+02:00")
    assert people(berlin, *instants) == ["a", "a", "b"]


def test_a_first_turn_without_activity_is_one_with_the_next() -> None:
    """The layer starts at noon, after that day's window: its first turn ends with the next one."""
    start = at("2026-06-01T12:00+00:00")
    layer = Layer(
        "x",
        ("a", "b"),
        "days",
        1,
        start,
        0,
        restrictions=(window(9, 10),),
        turns_on="active",
    )
    turns = list(LayerSource(layer, clock_of("UTC")).turns.between(start - DAY, start + 3 * DAY))
    assert [(turn.number, iso(turn.start_at), turn.participant) for turn in turns] == [
        (0, "2026-06-01T12:00:00Z", "a"),
        (1, "2026-06-03T00:00:00Z", "b"),
        (2, "2026-06-04T00:00:00Z", "a"),
    ]


def test_a_first_turn_is_active_until_a_window_that_the_clock_repeats_is_over() -> None:
    """The layer starts at 01:45, after the window's end on the wall, and then 01:00 comes again."""
    start = "2025-11-02T01:45-04:00"
    layer = Layer(
        "x",
        ("a", "b", "c"),
        "days",
        1,
        at(start),
        0,
        restrictions=(window(1, 1.5),),
        turns_on="active",
    )
    new_york = schedule(layer, "America/New_York")
    begin, end = at("2025-11-02T00:00-04:00"), at("2025-11-05T00:00-05:00")
    on_call = on_call_at(new_york, at(start))
    assert (on_call.since, on_call.until) == (at(start), at("2025-11-02T01:30-05:00"))
    assert [
        (segment.user_id, iso(segment.start_at), iso(segment.end_at))
        for segment in final_schedule(new_york, begin, end).segments
    ] == [
        ("a", "2025-11-02T05:45:00Z", "2025-11-02T06:30:00Z"),
        ("a", "2025-11-03T06:00:00Z", "2025-11-03T06:30:00Z"),
        ("b", "2025-11-04T06:00:00Z", "2025-11-04T06:30:00Z"),
    ]


# --- windows --------------------------------------------------------------------------------


def test_before_a_layer_starts_nobody_is_on_call_until_it_is_active() -> None:
    layer = Layer(
        "x", ("a",), "days", 1, at("2026-06-01T00:00+00:00"), restrictions=(window(9, 17),)
    )
    answer = on_call_at(schedule(layer), at("2026-05-31T12:00+00:00"))
    assert (answer.since, answer.until) == (None, at("2026-06-01T09:00+00:00"))


def test_the_last_of_three_windows_may_run_into_the_first() -> None:
    recurring = recurring_windows([window(22, 2), window(1, 3), window(10, 11)])
    assert recurring is not None
    night = at("2026-06-01T23:00+00:00")
    assert window_at(recurring, clock_of("UTC"), night) == (
        at("2026-06-01T22:00+00:00"),
        at("2026-06-02T03:00+00:00"),
        True,
    )


@pytest.mark.parametrize("count", [2, 3])
def test_a_window_that_runs_into_the_day_of_a_clock_change_ends_on_the_wall(count: int) -> None:
    windows = [window(10, 11), window(13, 14), window(20, 4)][-count:]
    recurring = recurring_windows(windows)
    assert recurring is not None
    opens, closes = at("2026-03-28T20:00+01:00"), at("2026-03-29T04:00+02:00")
    assert (opens, closes) in windows_between(
        recurring, clock_of("Europe/Berlin"), opens - DAY, closes + DAY
    )


def test_a_window_ends_with_the_last_pass_of_an_hour_that_begins_then() -> None:
    recurring = recurring_windows([window(0, 2)])
    assert recurring is not None
    opens, closes = at("2026-10-25T00:00+02:00"), at("2026-10-25T02:00+01:00")
    laid_out = windows_between(
        recurring, clock_of("Europe/Berlin"), opens - 3 * DAY, closes + 3 * DAY
    )
    assert (opens, closes) in laid_out


def test_no_window_is_lost_around_a_clock_change() -> None:
    recurring = recurring_windows([window(1, 5)])
    assert recurring is not None
    begin, end = at("2026-03-20T00:00+01:00"), at("2026-04-05T00:00+02:00")
    laid_out = windows_between(recurring, clock_of("Europe/Berlin"), begin, end)
    inside = [start for start, _ in laid_out if begin <= start < end]
    assert inside == sorted(set(inside))
    assert len(inside) == 16


def test_a_night_window_covers_hours_after_midnight() -> None:
    recurring = recurring_windows([window(22, 6)])
    assert recurring is not None
    monday = WALL_MONDAY
    assert overlaps(recurring, monday + 2 * HOUR, monday + 4 * HOUR)
    assert overlaps(recurring, monday + 4 * HOUR, monday + 21 * HOUR)
    assert not overlaps(recurring, monday + 6 * HOUR, monday + 22 * HOUR)


# --- segments -------------------------------------------------------------------------------


def test_a_segment_of_a_millisecond_goes_on_after_the_window() -> None:
    begin = at("2026-06-01T00:00+00:00")
    end = begin + DAY
    override = Override("b", end - 1, end + HOUR)
    layer = Layer("x", ("a",), "days", 1, begin)
    made = final_schedule(
        Schedule(timezone="UTC", layers=(layer,), overrides=(override,)), begin, end
    )
    assert [(each.user_id, each.ends_after) for each in made.segments] == [
        ("a", False),
        ("b", True),
    ]
