"""Answers for schedules that were changed: tables, and properties of every answer."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.layered import resolve
from app.engine.layered.limits import EARLIEST_AT, LATEST_AT
from app.engine.layered.model import (
    Entry,
    Gap,
    Layer,
    OnCall,
    Override,
    Restriction,
    Schedule,
    Segment,
)
from app.engine.layered.versions import ScheduleVersion, final_schedule, on_call_at
from app.engine.walltime import FOREVER
from app.errors import EmptyWindow, InstantOutOfRange, TooManyLayers, TooManySegments, WindowTooLong
from tests.support.schedule_documents import MINUTE, at, places_and_versions

HOUR = 3_600_000
DAY = 24 * HOUR
QUARTER = 15 * MINUTE
T = at("2025-06-02T00:00+00:00")
SOME = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def hour(value: float) -> int:
    return T + round(value * HOUR)


def layer(users: str, name: str = "base", **more: Any) -> Layer:
    return Layer(name, tuple(users), start_at=more.pop("start_at", T), **more)


def changed(
    *versions: tuple[float, tuple[Layer, ...]], zone: str = "UTC", **manual: Any
) -> list[ScheduleVersion]:
    """Versions from hours after T on; the first holds for all time before."""
    numbered = [
        ScheduleVersion(hour(begins), Schedule(zone, layers, **manual), number)
        for number, (begins, layers) in enumerate(versions, 1)
    ]
    return [numbered[0]._replace(from_at=-FOREVER), *numbered[1:]]


def rows(
    versions: list[ScheduleVersion], first: float, end: float
) -> list[tuple[float, float, str | None]]:
    final = final_schedule(versions, hour(first), hour(end))
    return sorted(
        ((part.start_at - T) / HOUR, (part.end_at - T) / HOUR, user)
        for part, user in [
            *((part, part.user_id) for part in final.segments),
            *((gap, "nobody") for gap in final.gaps),
        ]
    )


MORNING = Restriction(0, 12 * HOUR)
OVER = {"overrides": (Override("x", hour(9), hour(15)),)}
ENTRY = {"entries": (Entry("e", hour(9), hour(12)),)}
CHANGED = [
    ("somebody else from the change on", changed((0, (layer("a"),)), (12, (layer("b"),))),
     [(0, 12, "a"), (12, 24, "b")]),
    ("the same person goes on", changed((0, (layer("a"),)), (12, (layer("ab"),))),
     [(0, 24, "a")]),
    ("in a layer of another name a segment ends",
     changed((0, (layer("a"),)), (12, (layer("a", "other"),))), [(0, 12, "a"), (12, 24, "a")]),
    ("a layer that moved down is the same",
     changed((0, (layer("a"),)), (12, (layer("", "top"), layer("a")))), [(0, 24, "a")]),
    ("a gap goes on", changed((0, ()), (12, (layer("a", start_at=hour(18)),))),
     [(0, 18, "nobody"), (18, 24, "a")]),
    ("a gap begins", changed((0, (layer("a"),)), (12, ())), [(0, 12, "a"), (12, 24, "nobody")]),
    ("an override goes over the change", changed((0, (layer("a"),)), (12, (layer("b"),)), **OVER),
     [(0, 9, "a"), (9, 15, "x"), (15, 24, "b")]),
    ("an entry ends with the change", changed((0, (layer("a"),)), (12, (layer("a"),)), **ENTRY),
     [(0, 9, "a"), (9, 12, "e"), (12, 24, "a")]),
    ("of two changes at once the later holds",
     changed((0, (layer("a"),)), (12, (layer("b"),)), (12, (layer("c"),))),
     [(0, 12, "a"), (12, 24, "c")]),
    ("what was changed back at once goes on",
     changed((0, (layer("a"),)), (12, (layer("b"),)), (12, (layer("a"),))), [(0, 24, "a")]),
    ("it goes on over many changes", changed(*((n, (layer("a"),)) for n in range(24))),
     [(0, 24, "a")]),
    ("a change as a window ends", changed((0, (layer("a", restrictions=(MORNING,)),)), (12, ())),
     [(0, 12, "a"), (12, 24, "nobody")]),
    ("changes before and after the window",
     changed((-9, (layer("z"),)), (-5, (layer("a"),)), (30, (layer("z"),))), [(0, 24, "a")]),
    ("a layer hidden before the change",
     changed((0, (layer("a", "top"), layer("b"))), (12, (layer("b"),))),
     [(0, 12, "a"), (12, 24, "b")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("versions", "expected"), [row[1:] for row in CHANGED], ids=[row[0] for row in CHANGED]
)
def test_a_change_of_the_schedule(
    versions: list[ScheduleVersion], expected: list[tuple[float, float, str]]
) -> None:
    assert rows(versions, 0, 24) == expected
    for (start, end, user), follows in pairwise([*expected, (24, 24, "")]):
        for instant in (start, (start + end) / 2, end - 1 / HOUR):
            answer = on_call_at(versions, hour(instant))
            assert (answer.user_id or "nobody") == user
            assert start == 0 or answer.since == hour(start)
            assert end == 24 or answer.until == hour(end)
            if end < 24 and follows[2] != "nobody":
                assert answer.next
                assert answer.next[:2] == (follows[2], hour(follows[0]))


A_THEN_B = changed((0, (layer("a", start_at=T - 9 * DAY),)), (12, (layer("b"),)))
NOBODY_AT_LAST = changed((0, ()), (6, (layer("a"),)), (9, ()))
ANSWERED = [
    ("before the change", A_THEN_B, 1,
     ("a", hour(-9 * 24), hour(12), ("b", hour(12)))),
    ("after it, for ever", A_THEN_B, 13, ("b", hour(12), None, None)),
    ("before the layer began", A_THEN_B, -9.5 * 24,
     (None, None, hour(-9 * 24), ("a", hour(-9 * 24)))),
    ("nobody until the first change", NOBODY_AT_LAST, 1, (None, None, hour(6), ("a", hour(6)))),
    ("who follows comes after a gap", changed((0, (layer("a"),)), (6, ()), (8, ()),
     (9, (layer("b"),))), 1, ("a", T, hour(6), ("b", hour(9)))),
    ("nobody follows", NOBODY_AT_LAST, 7, ("a", hour(6), hour(9), None)),
    ("nobody any more", NOBODY_AT_LAST, 10, (None, hour(9), None, None)),
    ("always the same",
     changed((0, (Layer("base", ("a",)),)), (6, (Layer("base", ("a", "a")),))), 1,
     ("a", None, None, None)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("versions", "when", "expected"),
    [row[1:] for row in ANSWERED],
    ids=[row[0] for row in ANSWERED],
)
def test_since_until_and_next(versions: list[ScheduleVersion], when: float, expected: Any) -> None:
    answer = on_call_at(versions, hour(when))
    follows = answer.next and answer.next[:2]
    assert (answer.user_id, answer.since, answer.until, follows) == expected


def test_a_window_says_what_it_cuts_beyond_a_change() -> None:
    versions = changed(
        (0, (layer("a", start_at=T - DAY),)), (12, (layer("a"),)), (20, (layer("b"),))
    )
    inside = final_schedule(versions, hour(13), hour(14))
    assert [part[:3] + part[9:] for part in inside.segments] == [
        (hour(13), hour(14), "a", True, True)
    ]
    assert inside.since_at == T - DAY
    at_ends = final_schedule(versions, T - DAY, hour(20))
    assert [part[9:] for part in at_ends.segments] == [(False, False)]
    assert at_ends.since_at is None


def test_a_gap_that_was_always_there() -> None:
    final = final_schedule(NOBODY_AT_LAST, hour(1), hour(6))
    assert (final.gaps, final.since_at) == ((Gap(hour(1), hour(6)),), EARLIEST_AT)


def test_each_era_has_its_own_zone() -> None:
    daily = Layer("base", ("a", "b"))
    versions = [
        ScheduleVersion(-FOREVER, Schedule("UTC", (daily,))),
        ScheduleVersion(hour(36), Schedule("Asia/Kolkata", (daily,)), 2),
    ]
    ends = [(part.end_at - T) / HOUR for part in final_schedule(versions, T, T + 4 * DAY).segments]
    assert ends == [24, 42.5, 66.5, 90.5, 96]


def test_one_era_is_answered_by_its_schedule() -> None:
    schedule = A_THEN_B[0].schedule
    versions = [ScheduleVersion(-FOREVER, schedule)]
    assert on_call_at(versions, hour(5)) == resolve.on_call_at(schedule, hour(5))
    assert final_schedule(versions, T, hour(50)) == resolve.final_schedule(schedule, T, hour(50))


@pytest.mark.parametrize("when", [EARLIEST_AT, LATEST_AT - 1], ids=["first", "last"])
def test_the_ends_of_time_are_answered(when: int) -> None:
    assert isinstance(on_call_at(A_THEN_B, when), OnCall)


ODD = tuple(Restriction(n * 20 * MINUTE, (n * 20 + 10) * MINUTE) for n in range(72))
BUSY = (layer("a", restrictions=ODD), layer("b"))  # 144 segments a day
WRONG = [
    ("an instant too early", InstantOutOfRange, lambda: on_call_at(A_THEN_B, EARLIEST_AT - 1)),
    ("an empty window", EmptyWindow, lambda: final_schedule(A_THEN_B, T, T)),
    ("a window too long", WindowTooLong, lambda: final_schedule(A_THEN_B, T, T + 732 * DAY)),
    ("layers of a version that is over", TooManyLayers,
     lambda: on_call_at(changed((0, (layer("a"),) * 51), (1, ())), T + DAY)),
    ("a zone of a version that is over", ValueError,
     lambda: on_call_at([A_THEN_B[0]._replace(schedule=Schedule("Mars/Base")), *A_THEN_B[1:]],
                        T + DAY)),
    ("segments of all versions", TooManySegments,
     lambda: final_schedule(changed((0, BUSY), (365 * 24, BUSY)), T, T + 730 * DAY)),
]  # fmt: skip


@pytest.mark.parametrize(("error", "asked"), [row[1:] for row in WRONG], ids=[r[0] for r in WRONG])
def test_errors_are_those_of_one_schedule(error: type[Exception], asked: Any) -> None:
    with pytest.raises(error):
        asked()


def quarters(start: int, end: int) -> range:
    return range(-(-start // QUARTER) * QUARTER, end, QUARTER)


@SOME
@given(places_and_versions())
def test_a_window_agrees_with_the_eras_one_by_one(
    placed: tuple[int, list[ScheduleVersion]],
) -> None:
    middle, versions = placed
    begin, end = middle - DAY, middle + DAY
    walked = {}
    for quarter in quarters(begin, end):
        [*_, schedule] = [version.schedule for version in versions if version.from_at <= quarter]
        answer = resolve.on_call_at(schedule, quarter)
        walked[quarter] = (answer.assignment or (answer.closed,))[:6]
    final = final_schedule(versions, begin, end)
    tiles = [*final.segments, *final.gaps]
    found = {q: tile[2:8] for tile in tiles for q in quarters(*tile[:2])}
    assert found == walked


@SOME
@given(places_and_versions())
def test_nothing_ends_at_a_change_and_goes_on(placed: tuple[int, list[ScheduleVersion]]) -> None:
    middle, versions = placed
    begin, end = middle - 30 * DAY, middle + 30 * DAY
    final = final_schedule(versions, begin, end)
    tiles = sorted([*final.segments, *final.gaps])
    assert [tile[0] for tile in tiles] == [begin, *(tile[1] for tile in tiles[:-1])]
    assert tiles[-1][1] == end
    edges = {version.from_at for version in versions}
    for part, following in pairwise(tiles):
        assert part[1] not in edges or part[2:8] != following[2:8]


@SOME
@given(places_and_versions(), st.lists(st.integers(0, 4 * DAY - 1), min_size=3, max_size=3))
def test_an_instant_is_answered_as_the_segment_that_holds_it(
    placed: tuple[int, list[ScheduleVersion]], offsets: list[int]
) -> None:
    middle, versions = placed
    begin = middle - 2 * DAY
    final = final_schedule(versions, begin, begin + 4 * DAY)
    tiles = sorted([*final.segments, *final.gaps])
    for offset in offsets:
        answer = on_call_at(versions, begin + offset)
        index = next(i for i, tile in enumerate(tiles) if tile[0] <= answer.at < tile[1])
        assert (answer.assignment or (answer.closed,))[:6] == tiles[index][2:8]
        assert index == 0 or answer.since == tiles[index][0]
        assert index == len(tiles) - 1 or answer.until == tiles[index][1]
        following = next((tile for tile in tiles[index + 1 :] if isinstance(tile, Segment)), None)
        assert following is None or (
            answer.next and answer.next[:2] == (following[2], following[0])
        )


@SOME
@given(places_and_versions(), st.lists(st.integers(0, 4 * DAY - 1), min_size=2, max_size=2))
def test_cutting_a_window_says_what_it_cut(
    placed: tuple[int, list[ScheduleVersion]], cuts: list[int]
) -> None:
    middle, versions = placed
    begin = middle - 2 * DAY
    first, end = begin + min(cuts), begin + max(cuts) + 1
    final = final_schedule(versions, first, end)
    before, after = on_call_at(versions, first), on_call_at(versions, end - 1)
    if final.segments and final.segments[0].start_at == first:
        assert final.segments[0].starts_before == (before.since != first)
    if final.segments and final.segments[-1].end_at == end:
        assert final.segments[-1].ends_after == (after.until != end)
    assert (final.since_at is None) == (before.since == first)
    assert final.since_at in {None, before.since or EARLIEST_AT}


def test_an_assignment_of_a_millisecond_is_continued_over_the_beginning_of_a_version() -> None:
    brief = (layer("a", start_at=T - 1), layer("b", "low", start_at=T - DAY))
    versions = changed((-DAY, brief), (0, (layer("a", start_at=T - DAY),)))
    assert on_call_at(versions, T).since == on_call_at(versions, T - 1).since == T - 1
    assert on_call_at(versions, T - 2).until == T - 1
