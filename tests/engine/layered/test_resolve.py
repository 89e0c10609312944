"""Schedules are resolved: rules 8 to 10 of ``schedules.md``, and properties of every answer."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.layered.limits import EARLIEST_AT, LATEST_AT
from app.engine.layered.model import (
    Entry,
    FinalSchedule,
    Gap,
    Layer,
    OnCallAssignment,
    Override,
    Restriction,
    Schedule,
)
from app.engine.layered.resolve import final_schedule, on_call_at
from tests.support.schedule_documents import (
    DAY,
    MINUTE,
    PLACES,
    Document,
    at,
    iso,
    places_and_documents,
    schedule_of,
)

HOUR = 3_600_000
DAY_MS = 24 * HOUR
SEVERAL = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PAGE = Schedule(
    "America/Los_Angeles",
    (
        Layer(
            "Weekday business hours", ("usr_alice", "usr_bob", "usr_carol"), "weeks", 1,
            at("2026-01-06T09:00:00-08:00"), 9 * HOUR, 0,
            (Restriction(9 * HOUR, 17 * HOUR, (0, 1, 2, 3, 4)),),
        ),
        Layer("After-hours", ("usr_dave", "usr_eve")),
    ),
)  # fmt: skip
T = at("2025-06-02T00:00+00:00")


def hours(*values: float) -> Iterable[int]:
    return (T + round(value * HOUR) for value in values)


def override(user: str, start: float, end: float) -> Override:
    return Override(user, *hours(start, end))


def rows(final: FinalSchedule) -> list[tuple[float, float, str, str]]:
    return [
        ((part.start_at - T) / HOUR, (part.end_at - T) / HOUR, part.user_id, part.source)
        for part in final.segments
    ]


def test_the_page_on_a_friday_noon() -> None:
    answer = on_call_at(PAGE, at("2026-04-24T19:00:00Z"))
    assert (answer.user_id, answer.assignment and answer.assignment.layer) == (
        "usr_alice",
        "Weekday business hours",
    )
    assert iso(answer.since or 0) == "2026-04-24T16:00:00Z"
    assert iso(answer.until or 0) == "2026-04-25T00:00:00Z"


def test_the_page_on_a_friday_evening() -> None:
    answer = on_call_at(PAGE, at("2026-04-25T03:00:00Z"))
    assert (answer.user_id, answer.assignment and answer.assignment.layer) == (
        "usr_eve",
        "After-hours",
    )
    assert iso(answer.until or 0) == "2026-04-25T07:00:00Z"
    assert answer.next
    assert answer.next[:2] == ("usr_dave", answer.until)


BASE = Layer("base", ("base",), start_at=T)
COVERED = [
    ("an override wins over the layer", [override("x", 1, 2)], [],
     [(0, 1, "base", "layer"), (1, 2, "x", "override"), (2, 8, "base", "layer")]),
    ("an entry wins over the layer", [], [Entry("y", *hours(1, 2))],
     [(0, 1, "base", "layer"), (1, 2, "y", "entry"), (2, 8, "base", "layer")]),
    ("an override wins over an entry", [override("x", 2, 3)], [Entry("y", *hours(1, 4))],
     [(0, 1, "base", "layer"), (1, 2, "y", "entry"), (2, 3, "x", "override"),
      (3, 4, "y", "entry"), (4, 8, "base", "layer")]),
    ("the override created last wins", [override("x", 1, 4), override("z", 2, 3)], [],
     [(0, 1, "base", "layer"), (1, 2, "x", "override"), (2, 3, "z", "override"),
      (3, 4, "x", "override"), (4, 8, "base", "layer")]),
    ("also if it starts first", [override("x", 2, 4), override("z", 1, 3)], [],
     [(0, 1, "base", "layer"), (1, 3, "z", "override"), (3, 4, "x", "override"),
      (4, 8, "base", "layer")]),
    ("one hidden altogether is not seen", [override("x", 2, 3), override("z", 1, 4)], [],
     [(0, 1, "base", "layer"), (1, 4, "z", "override"), (4, 8, "base", "layer")]),
    ("touching overrides of one person stay two", [override("x", 1, 2), override("x", 2, 3)], [],
     [(0, 1, "base", "layer"), (1, 2, "x", "override"), (2, 3, "x", "override"),
      (3, 8, "base", "layer")]),
    ("an empty override covers nothing", [override("x", 3, 3), override("x", 5, 4)], [],
     [(0, 8, "base", "layer")]),
    ("overrides outside the window", [override("x", -5, 0), override("x", 8, 9)], [],
     [(0, 8, "base", "layer")]),
    ("an override over the whole window", [override("x", -5, 9)], [], [(0, 8, "x", "override")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("overrides", "entries", "expected"),
    [row[1:] for row in COVERED],
    ids=[row[0] for row in COVERED],
)
def test_precedence(
    overrides: list[Override], entries: list[Entry], expected: list[tuple[float, float, str, str]]
) -> None:
    schedule = Schedule("UTC", (BASE,), tuple(overrides), tuple(entries))
    final = final_schedule(schedule, *hours(0, 8))
    assert rows(final) == expected
    assert final.gaps == ()
    for part in final.segments:
        answer = on_call_at(schedule, part.start_at)
        assert answer.assignment == part[2:9]


def test_the_first_layer_that_has_somebody_wins() -> None:
    top = Layer("top", ("t",), restrictions=(Restriction(HOUR, 2 * HOUR),))
    silent = Layer("silent", ())
    hidden = Layer("hidden", ("h", "i"), "hours")
    schedule = Schedule("UTC", (silent, top, BASE, hidden))
    assert rows(final_schedule(schedule, *hours(0, 3))) == [
        (0, 1, "base", "layer"), (1, 2, "t", "layer"), (2, 3, "base", "layer"),
    ]  # fmt: skip


def test_a_segment_names_its_layer_or_its_override() -> None:
    sick = replace(override("x", 1, 2), reason="sick", id="ovr_1")
    final = final_schedule(Schedule("UTC", (BASE,), (sick,)), *hours(0, 3))
    assert [(part.layer, part.override) for part in final.segments] == [
        ("base", None), (None, sick), ("base", None),
    ]  # fmt: skip


def test_a_layer_that_starts_as_its_window_closes_was_never_active_before() -> None:
    closed = replace(BASE, start_at=T + 17 * HOUR, restrictions=(Restriction(9 * HOUR, 17 * HOUR),))
    answer = on_call_at(Schedule("UTC", (closed,)), T + 18 * HOUR)
    assert (answer.user_id, answer.since, answer.until) == (None, None, T + 33 * HOUR)


def test_before_its_start_a_layer_is_silent() -> None:
    later = replace(BASE, start_at=T + HOUR)
    final = final_schedule(Schedule("UTC", (later,)), *hours(0, 2))
    assert final.gaps == (Gap(*hours(0, 1)),)
    assert rows(final) == [(1, 2, "base", "layer")]
    assert final_schedule(Schedule("UTC", (later,)), *hours(-2, 1)).segments == ()


def test_a_window_says_that_it_cuts() -> None:
    schedule = Schedule("UTC", (Layer("x", ("a", "b"), start_at=T),))
    whole = final_schedule(schedule, T, T + 2 * DAY_MS)
    inner = final_schedule(schedule, T + HOUR, T + 2 * DAY_MS - HOUR)
    assert [(part.starts_before, part.ends_after) for part in whole.segments] == [
        (False, False), (False, False),
    ]  # fmt: skip
    assert [(part.starts_before, part.ends_after) for part in inner.segments] == [
        (True, False), (False, True),
    ]  # fmt: skip


NOBODY = [
    ("no layers", Schedule("UTC"), (None, None, None, None)),
    ("no participants", Schedule("UTC", (Layer("x", ()),)), (None, None, None, None)),
    ("one person for ever", Schedule("UTC", (Layer("x", ("a",)),)), ("a", None, None, None)),
    ("one person from a start on", Schedule("UTC", (BASE,)), ("base", 0, None, None)),
    ("a start to come", Schedule("UTC", (replace(BASE, start_at=T + 9 * HOUR),)),
     (None, None, 9, ("base", 9))),
    ("an override to come", Schedule("UTC", (), (override("x", 5, 6),)), (None, None, 5, ("x", 5))),
    ("an override that was", Schedule("UTC", (), (override("x", -2, -1),)), (None, -1, None, None)),
    ("the last override of all", Schedule("UTC", (), (override("x", -1, 3),)), ("x", -1, 3, None)),
    ("a gap, then somebody", Schedule("UTC", (), (override("x", -1, 3), override("y", 4, 5))),
     ("x", -1, 3, ("y", 4))),
    ("a window before the start", Schedule("UTC", (replace(
        BASE, start_at=T - HOUR, restrictions=(Restriction(9 * HOUR, 10 * HOUR),)),)),
     (None, None, 9, ("base", 9))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "expected"), [row[1:] for row in NOBODY], ids=[row[0] for row in NOBODY]
)
def test_null_where_nothing_changes(
    schedule: Schedule, expected: tuple[str | None, float | None, float | None, object]
) -> None:
    answer = on_call_at(schedule, T)

    def hour(instant: int | None) -> float | None:
        return None if instant is None else (instant - T) / HOUR

    follows = answer.next and (answer.next.user_id, hour(answer.next.at))
    assert (answer.user_id, hour(answer.since), hour(answer.until), follows) == expected


@pytest.mark.parametrize("year", [3, 1500, 1900, 2100, 5000, 9997])
def test_far_years_are_answered(year: int) -> None:
    instant = at("2000-06-01T12:00+00:00") + (year - 2000) * 31_556_952_000
    for layer in (*PAGE.layers, Layer("m", ("a", "b"), "months")):
        answer = on_call_at(Schedule("America/Los_Angeles", (layer, PAGE.layers[1])), instant)
        assert answer.user_id
        assert (answer.since or 0) <= instant < (answer.until or 0)


@SEVERAL
@given(places_and_documents(), st.lists(st.integers(0, 4 * DAY - 1), min_size=2, max_size=2))
def test_cutting_a_window_changes_nothing(placed: tuple[int, Document], cuts: list[int]) -> None:
    middle, document = placed
    schedule, begin = schedule_of(document), (middle - 2 * DAY) * MINUTE
    whole = final_schedule(schedule, begin, begin + 4 * DAY_MS)
    first, end = (begin + cut * MINUTE for cut in (min(cuts), max(cuts) + 1))
    cut = final_schedule(schedule, first, end)
    clipped = [
        part._replace(
            start_at=max(part.start_at, first),
            end_at=min(part.end_at, end),
            starts_before=part.starts_before or part.start_at < first,
            ends_after=part.ends_after or part.end_at > end,
            passed_over=tuple(
                each._replace(start_at=max(each.start_at, first), end_at=min(each.end_at, end))
                for each in part.passed_over
                if each.start_at < end and first < each.end_at
            ),
        )
        for part in whole.segments
        if part.start_at < end and first < part.end_at
    ]
    assert list(cut.segments) == clipped
    assert cut.gaps == tuple(
        Gap(max(gap.start_at, first), min(gap.end_at, end), gap.override)
        for gap in whole.gaps
        if gap.start_at < end and first < gap.end_at
    )


@SEVERAL
@given(places_and_documents())
def test_segments_and_gaps_tile_the_window(placed: tuple[int, Document]) -> None:
    middle, document = placed
    begin, end = (middle - 30 * DAY) * MINUTE, (middle + 30 * DAY) * MINUTE
    final = final_schedule(schedule_of(document), begin, end)
    tiles = sorted([part[:2] for part in final.segments] + [gap[:2] for gap in final.gaps])
    assert [start for start, _ in tiles] == [begin, *(stop for _, stop in tiles[:-1])]
    assert tiles[-1][1] == end
    assert all(start < stop for start, stop in tiles)


@SEVERAL
@given(places_and_documents(), st.integers(0, 4 * DAY_MS - 1))
def test_an_instant_is_answered_as_the_segment_that_holds_it(
    placed: tuple[int, Document], offset: int
) -> None:
    middle, document = placed
    schedule, begin = schedule_of(document), (middle - 2 * DAY) * MINUTE
    answer = on_call_at(schedule, begin + offset)
    final = final_schedule(schedule, begin, begin + 4 * DAY_MS)
    held = next((part for part in final.segments if part.start_at <= answer.at < part.end_at), None)
    assert (answer.assignment and answer.assignment[:6]) == (held and held[2:8])
    if held and not held.starts_before:
        assert answer.since == held.start_at
    if held and not held.ends_after:
        assert answer.until == held.end_at


@pytest.mark.parametrize(("zone", "day"), PLACES, ids=[f"{z} {d // DAY}" for z, d in PLACES])
def test_a_window_is_what_instants_say_one_after_the_other(zone: str, day: int) -> None:
    schedule = replace(PAGE, timezone=zone, overrides=(override("x", 1, 2),))
    at_last, end = (day - 40 * DAY) * MINUTE, (day + 40 * DAY) * MINUTE
    final = final_schedule(schedule, at_last, end)
    for part in final.segments:
        answer = on_call_at(schedule, part.start_at)
        assert answer.assignment == part[2:9]
        assert min(answer.until or end, end) == part.end_at


def test_many_overlapping_overrides_agree_with_instants() -> None:
    overrides = tuple(
        override(f"u{i}", (i * 37) % 100, (i * 37) % 100 + i % 13) for i in range(200)
    )
    schedule = Schedule("UTC", (BASE,), overrides)
    final = final_schedule(schedule, *hours(-5, 130))
    for part in final.segments:
        for instant in (part.start_at, part.end_at - 1):
            answer = on_call_at(schedule, instant)
            assert answer.assignment == part[2:9]
            assert answer.until == part.end_at or part.ends_after


def test_what_touches_the_ends_of_time_has_no_end_there() -> None:
    from_ever = Schedule("UTC", (), (Override("x", EARLIEST_AT, T), Override("y", T, LATEST_AT)))
    assert on_call_at(from_ever, T - 1)[2:5] == (None, T, ("y", T, ()))
    assert on_call_at(from_ever, T)[2:5] == (T, None, None)
    always = Schedule("UTC", (Layer("base", ("a",)),), (Override("x", T, LATEST_AT),))
    assert on_call_at(always, T)[2:5] == (T, None, None)
    later = (Override("x", T, T + 1), Override("y", LATEST_AT, LATEST_AT + 1))
    assert on_call_at(Schedule("UTC", (), later), T)[2:5] == (T, T + 1, None)


def test_an_assignment_holds_the_override_or_the_entry_that_makes_it() -> None:
    override, entry = Override("x", T, T + 2), Entry("y", T, T + 4)
    both = Schedule("UTC", (), (override,), (entry,))
    for at_, assignment in (
        (T, OnCallAssignment("x", "override", None, override, None)),
        (T + 2, OnCallAssignment("y", "entry", None, None, entry)),
    ):
        assert on_call_at(both, at_).assignment == assignment
