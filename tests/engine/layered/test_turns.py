"""Handoffs and turns as tables of instants: rules 3 to 6 of ``schedules.md``."""

from datetime import UTC, date, datetime

import pytest

from app.engine.layered.handoff_grid import monthly_from
from app.engine.layered.layers import LayerSource
from app.engine.layered.model import Layer, Restriction
from app.engine.walltime import clock_of
from tests.support.schedule_documents import at, iso

HOUR = 3_600_000
DAY = 24 * HOUR
NINE = 9 * HOUR
FIFTH = 4 * DAY
WEEKDAYS = (Restriction(9 * HOUR, 17 * HOUR, (0, 1, 2, 3, 4)),)


def layer(unit: str, count: int, start: str | None, time: int | None = None, day: int | None = None,
          people: str = "abc", **more: object) -> Layer:  # fmt: skip
    start_at = None if start is None else at(start)
    return Layer("x", tuple(people), unit, count, start_at, time, day, **more)  # type: ignore[arg-type]


HANDOFFS = [
    ("daily keeps its wall time in spring", "America/New_York",
     layer("days", 1, "2025-03-08T09:00-05:00"),
     ["2025-03-08T14:00:00Z", "2025-03-09T13:00:00Z", "2025-03-10T13:00:00Z"]),
    ("daily in the gap is after it", "America/New_York",
     layer("days", 1, "2025-03-08T02:30-05:00"),
     ["2025-03-08T07:30:00Z", "2025-03-09T07:00:00Z", "2025-03-10T06:30:00Z"]),
    ("daily from a start in the gap, as it was written", "America/New_York",
     layer("days", 1, "2025-03-09T02:30-05:00", counted_from=at("2025-03-09T02:30+00:00")),
     ["2025-03-09T07:30:00Z", "2025-03-10T06:30:00Z", "2025-03-11T06:30:00Z"]),
    ("weekly from a start at a midnight that was skipped", "America/Santiago",
     layer("weeks", 1, "2025-09-07T00:00-04:00", counted_from=at("2025-09-07T00:00+00:00")),
     ["2025-09-07T04:00:00Z", "2025-09-14T03:00:00Z", "2025-09-21T03:00:00Z"]),
    ("monthly from a start in the gap", "Europe/Berlin",
     layer("months", 1, "2026-03-29T02:30+01:00", counted_from=at("2026-03-29T02:30+00:00")),
     ["2026-03-29T01:30:00Z", "2026-04-29T00:30:00Z", "2026-05-29T00:30:00Z"]),
    ("another clock than the one that skipped the start", "UTC",
     layer("days", 1, "2025-03-09T02:30-05:00", counted_from=at("2025-03-09T02:30+00:00")),
     ["2025-03-09T07:30:00Z", "2025-03-10T07:30:00Z"]),
    ("daily in the repeated hour is its first pass", "America/New_York",
     layer("days", 1, "2025-11-01T01:30-04:00"),
     ["2025-11-01T05:30:00Z", "2025-11-02T05:30:00Z", "2025-11-03T06:30:00Z"]),
    ("daily at a midnight that was skipped", "America/Santiago",
     layer("days", 1, "2025-09-05T00:00-04:00", 0),
     ["2025-09-05T04:00:00Z", "2025-09-06T04:00:00Z", "2025-09-07T04:00:00Z"]),
    ("start in the second pass, handoff in the first", "America/New_York",
     layer("days", 1, "2025-11-02T01:45-05:00", HOUR + HOUR // 2),
     ["2025-11-02T06:45:00Z", "2025-11-03T06:30:00Z"]),
    ("start in a second pass across midnight", "America/St_Johns",
     layer("days", 1, "2006-10-29T03:20+00:00", 30_000),
     ["2006-10-29T03:20:00Z", "2006-10-30T03:30:30Z"]),
    ("daily over a day that never was", "Pacific/Apia",
     layer("days", 1, "2011-12-28T09:00-10:00"),
     ["2011-12-28T19:00:00Z", "2011-12-29T19:00:00Z", "2011-12-30T10:00:00Z",
      "2011-12-30T19:00:00Z"]),
    ("a turn that never was", "Pacific/Apia",
     layer("days", 1, "2011-12-29T00:00-10:00"),
     ["2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"]),
    ("weekly cuts its first turn short", "America/Los_Angeles",
     layer("weeks", 1, "2026-01-06T09:00-08:00", NINE, 0),
     ["2026-01-06T17:00:00Z", "2026-01-12T17:00:00Z", "2026-01-19T17:00:00Z"]),
    ("a start on a handoff gets a whole turn", "America/Los_Angeles",
     layer("weeks", 1, "2026-01-05T09:00-08:00", NINE, 0),
     ["2026-01-05T17:00:00Z", "2026-01-12T17:00:00Z"]),
    ("weekly without a handoff time is as at the start", "Europe/London",
     layer("weeks", 1, "2025-03-26T10:00+00:00"),
     ["2025-03-26T10:00:00Z", "2025-04-02T09:00:00Z"]),
    ("fortnights from the handoff before the start", "UTC",
     layer("weeks", 2, "2025-06-04T00:00+00:00", NINE, 0),
     ["2025-06-04T00:00:00Z", "2025-06-16T09:00:00Z", "2025-06-30T09:00:00Z"]),
    ("three days from the handoff before the start", "UTC",
     layer("days", 3, "2025-06-04T08:00+00:00", NINE),
     ["2025-06-04T08:00:00Z", "2025-06-06T09:00:00Z", "2025-06-09T09:00:00Z"]),
    ("hours are elapsed time", "America/New_York",
     layer("hours", 12, "2025-03-09T00:00-05:00"),
     ["2025-03-09T05:00:00Z", "2025-03-09T17:00:00Z", "2025-03-10T05:00:00Z"]),
    ("hours counted from a handoff time", "UTC",
     layer("hours", 8, "2025-06-04T20:00+00:00", NINE),
     ["2025-06-04T20:00:00Z", "2025-06-05T01:00:00Z", "2025-06-05T09:00:00Z"]),
    ("a month that lacks the day uses its last", "UTC",
     layer("months", 1, "2024-01-31T10:00+00:00"),
     ["2024-01-31T10:00:00Z", "2024-02-29T10:00:00Z", "2024-03-31T10:00:00Z",
      "2024-04-30T10:00:00Z"]),
    ("months from the handoff before the start", "UTC",
     layer("months", 2, "2025-01-31T08:00+00:00", NINE),
     ["2025-01-31T08:00:00Z", "2025-02-28T09:00:00Z", "2025-04-30T09:00:00Z"]),
    ("months with the handoff on the start", "UTC",
     layer("months", 1, "2025-12-31T09:00+00:00", NINE),
     ["2025-12-31T09:00:00Z", "2026-01-31T09:00:00Z", "2026-02-28T09:00:00Z"]),
    ("a quarter-hour zone", "Asia/Kathmandu",
     layer("days", 1, "2025-06-01T00:00+05:45"),
     ["2025-05-31T18:15:00Z", "2025-06-01T18:15:00Z"]),
    ("before 1970", "America/New_York",
     layer("days", 1, "1965-04-24T09:00-05:00"),
     ["1965-04-24T14:00:00Z", "1965-04-25T13:00:00Z"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "rotation", "starts"),
    [row[1:] for row in HANDOFFS],
    ids=[row[0] for row in HANDOFFS],
)
def test_turns_begin(zone: str, rotation: Layer, starts: list[str]) -> None:
    turns = LayerSource(rotation, clock_of(zone)).turns
    found = list(turns.between(at(starts[0]) - DAY, at(starts[-1]) + 1))
    assert [iso(turn.start_at) for turn in found] == starts
    assert [turn.end_at for turn in found[:-1]] == [turn.start_at for turn in found[1:]]
    assert [turns.number_at(turn.start_at) for turn in found] == [turn.number for turn in found]


ALWAYS = [
    ("the count begins on 1970-01-05", layer("days", 1, None), "1970-01-05T12:00+00:00", "a"),
    ("the day before is the last person's", layer("days", 1, None), "1970-01-04T12:00+00:00", "c"),
    ("days before 1970", layer("days", 1, None), "1960-01-04T00:00+00:00", None),
    ("days in 2100", layer("days", 1, None), "2100-02-28T23:59+00:00", None),
    ("a handoff later that day", layer("days", 1, None, NINE), "1970-01-05T08:59+00:00", "a"),
    ("after that handoff", layer("days", 1, None, NINE), "1970-01-05T09:00+00:00", "b"),
    ("weeks are from Monday", layer("weeks", 1, None), "1970-01-12T00:00+00:00", "b"),
    ("weeks with a handoff", layer("weeks", 1, None, NINE, 2), "1970-01-07T09:00+00:00", "b"),
    ("months are from the first", layer("months", 1, None), "1970-02-01T00:00+00:00", "b"),
    ("months until the first", layer("months", 1, None), "1970-02-28T23:59+00:00", "b"),
    ("months before", layer("months", 1, None), "1969-12-01T00:00+00:00", "c"),
    ("months with a handoff", layer("months", 1, None, NINE), "1970-01-01T08:59+00:00", "a"),
    ("months after that handoff", layer("months", 1, None, NINE), "1970-01-01T09:00+00:00", "b"),
    (
        "months as they were",
        layer("months", 1, None, counted_from=FIFTH),
        "1970-03-04T23:59+00:00",
        "b",
    ),
    (
        "months before, as they were",
        layer("months", 1, None, counted_from=FIFTH),
        "1969-12-05T00:00+00:00",
        "c",
    ),
    (
        "months with a handoff, as they were",
        layer("months", 1, None, NINE, counted_from=FIFTH),
        "1970-01-05T09:00+00:00",
        "b",
    ),
    ("hours", layer("hours", 8, None), "1970-01-05T16:00+00:00", "c"),
]


@pytest.mark.parametrize(
    ("rotation", "when", "user"), [row[1:] for row in ALWAYS], ids=[row[0] for row in ALWAYS]
)
def test_without_a_start_turns_are_counted_from_1970(
    rotation: Layer, when: str, user: str | None
) -> None:
    instant = at(when)
    if user is None:
        days = datetime.fromtimestamp(instant / 1000, UTC).date() - date(1970, 1, 5)
        user = "abc"[days.days % 3]
    start, end, found = LayerSource(rotation, clock_of("UTC")).turns.run_at(instant)
    assert found == user
    assert start <= instant < end


@pytest.mark.parametrize("years", [0, 1, 50, 100, 900])
def test_the_turn_is_found_at_any_distance(years: int) -> None:
    turns = LayerSource(layer("days", 1, "1975-01-01T00:00+00:00"), clock_of("UTC")).turns
    instant = at(f"{1975 + years}-01-01T12:00+00:00")
    number = (date(1975 + years, 1, 1) - date(1975, 1, 1)).days
    assert turns.number_at(instant) == number
    assert turns.begins_at(number) == instant - DAY // 2


MONDAY = "2025-06-02T00:00+00:00"
ACTIVE = [
    (
        "a weekday layer spends no turn on a weekend",
        layer("days", 1, MONDAY),
        "abcab--cabca--bcabc",
    ),
    ("with two people, as on paper", layer("days", 1, MONDAY, people="ab"), "ababa--babab--a"),
    ("days two by two", layer("days", 2, MONDAY), "aabbc--abbcc--a"),
    ("a start at the weekend", layer("days", 1, "2025-05-31T00:00+00:00"), "abcab--c"),
    ("a week is always counted", layer("weeks", 1, MONDAY), "aaaaa--bbbbb--c"),
    ("weeks from a weekend", layer("weeks", 1, "2025-05-31T00:00+00:00", 0, 0), "aaaaa--b"),
    (
        "a first turn cut to its evening",
        layer("days", 1, "2025-06-01T18:00+00:00", NINE),
        "abcab--c",
    ),
    ("a month cut to an hour", layer("months", 1, "2025-06-01T08:00+00:00", NINE), "aaaaa--a"),
    ("elapsed days", layer("hours", 24, MONDAY), "abcab--c"),
    ("windows that leave nothing out", None, "abcabcab"),
]


@pytest.mark.parametrize(
    ("rotation", "expected"), [row[1:] for row in ACTIVE], ids=[row[0] for row in ACTIVE]
)
def test_turns_on_active(rotation: Layer | None, expected: str) -> None:
    """Noon of each day from Monday 2025-06-02 on has one user; a dash where the layer is silent."""
    windows = WEEKDAYS if rotation else (Restriction(0, 0),)
    of = rotation or layer("days", 1, MONDAY)
    counted = Layer(of.name, of.participants, of.unit, of.count, of.start_at, of.handoff_time,
                    of.handoff_day, windows, "active")  # fmt: skip
    turns = LayerSource(counted, clock_of("UTC")).turns
    for day, user in enumerate(expected):
        assert user in ("-", turns.run_at(at(MONDAY) + day * DAY + DAY // 2)[2]), day


def test_without_a_start_active_turns_are_counted_from_1970() -> None:
    counted = layer("days", 1, None, restrictions=WEEKDAYS, turns_on="active")
    turns = LayerSource(counted, clock_of("UTC")).turns
    noon = at("1970-01-05T12:00+00:00")
    assert turns.number_at(noon) == 0
    assert turns.number_at(noon - 3 * DAY) == -1  # the Friday before
    assert turns.begins_at(-1) <= noon - 3 * DAY < turns.begins_at(0) == noon - 2 * DAY - DAY // 2
    assert turns.number_at(noon + 52 * 7 * DAY) == 52 * 5


def test_hours_are_counted_by_the_clock_at_the_start() -> None:
    """Eight hours from 09:00: one of three a weekday is counted, also after the clocks went on."""
    counted = layer("hours", 8, "2025-03-03T09:00-05:00", restrictions=WEEKDAYS, turns_on="active")
    turns = LayerSource(counted, clock_of("America/New_York")).turns
    assert turns.run_at(at("2025-03-03T12:00-05:00"))[2] == "a"
    assert turns.run_at(at("2025-03-07T12:00-05:00"))[2] == "b"
    assert turns.run_at(at("2025-03-10T12:00-04:00"))[2] == "c"
    assert turns.number_at(at("2025-03-10T12:00-04:00")) == 5


def test_a_run_joins_turns_of_one_person() -> None:
    turns = LayerSource(layer("days", 1, MONDAY, people="aab"), clock_of("UTC")).turns
    assert turns.run_at(at(MONDAY)) == (at(MONDAY), at(MONDAY) + 2 * DAY, "a")
    assert turns.run_at(at(MONDAY) + 4 * DAY) == (at(MONDAY) + 3 * DAY, at(MONDAY) + 5 * DAY, "a")


def test_a_run_of_one_person_never_ends() -> None:
    turns = LayerSource(layer("days", 1, MONDAY, people="aa"), clock_of("UTC")).turns
    assert turns.run_at(at(MONDAY))[0] == at(MONDAY)
    assert turns.run_at(at(MONDAY))[1] > at("9999-01-01T00:00+00:00")


def test_a_grid_of_months_from_a_wall_time_is_that_of_a_layer_that_starts_then() -> None:
    clock = clock_of("Europe/Berlin")
    start_at = at("2026-01-31T09:30+01:00")
    grid = monthly_from(clock, clock.wall(start_at), 2)
    turns = LayerSource(layer("months", 2, "2026-01-31T09:30+01:00"), clock).turns
    assert grid.handoff_at(0) == start_at
    for number in range(7):
        assert turns.begins_at(number) == grid.handoff_at(number)
        assert grid.cell_at(grid.handoff_at(number)) == number
        assert grid.cell_at(grid.handoff_at(number) - 1) == number - 1
