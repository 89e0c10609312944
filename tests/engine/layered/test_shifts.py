"""Shifts over a window: tables, their keys, and properties of every list of them."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.intervals import merged
from app.engine.layered.limits import EARLIEST_AT, LATEST_AT
from app.engine.layered.model import Entry, Layer, Override, Restriction, Schedule
from app.engine.layered.shifts import ScheduleShift, shifts_between, start_of_shift_key
from app.engine.layered.versions import ScheduleVersion, final_schedule, on_call_at
from app.engine.walltime import FOREVER
from app.errors import EmptyWindow, InstantOutOfRange, TooManyLayers, TooManySegments, WindowTooLong
from tests.support.schedule_documents import MINUTE, at, places_and_versions

HOUR = 3_600_000
DAY = 24 * HOUR
T = at("2025-06-02T00:00+00:00")
SOME = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def hour(value: float) -> int:
    return T + round(value * HOUR)


def layer(users: str, **more: Any) -> Layer:
    return Layer("base", tuple(users), **{"start_at": T, **more})


def window(start: float, end: float, *days: int) -> Restriction:
    return Restriction(round(start * HOUR), round(end * HOUR), days)


def entry(user: str, start: float, end: float) -> Entry:
    return Entry(user, hour(start), hour(end), f"entry_{user}")


def always(*layers: Layer, **manual: Any) -> list[ScheduleVersion]:
    return [ScheduleVersion(-FOREVER, Schedule("UTC", layers, **manual))]


def changed(*versions: tuple[float, tuple[Layer, ...]], **manual: Any) -> list[ScheduleVersion]:
    """Versions numbered from 1; the first, whatever its hour, holds for all time before."""
    numbered = [
        ScheduleVersion(hour(begins), Schedule("UTC", layers, **manual), number)
        for number, (begins, layers) in enumerate(versions, 1)
    ]
    return [numbered[0]._replace(from_at=-FOREVER), *numbered[1:]]


def shift_of_key(versions: list[ScheduleVersion], key: str) -> ScheduleShift | None:
    """Return the shift of a key, found where the key says that it begins."""
    at = start_of_shift_key(versions, key)
    around = [] if at is None else shifts_between(versions, at, at + 1)
    return next((each for each in around if each.entry is None and each.key() == key), None)


def rows(
    versions: list[ScheduleVersion], first: float, end: float
) -> list[tuple[float, float, str, str]]:
    """Return start and end in hours after T, the user, and the key or the id of the entry."""
    return [
        (
            (shift.start_at - T) / HOUR,
            (shift.end_at - T) / HOUR,
            shift.user_id,
            (shift.entry.id or "") if shift.entry else key_of(shift),
        )
        for shift in shifts_between(versions, hour(first), hour(end))
    ]


def key_of(shift: ScheduleShift) -> str:
    """Return the key, with the start of a piece in hours after T."""
    parts = shift.key().split("~")
    return "~".join([*parts[:2], *(f"{(int(part) - T) / HOUR:g}h" for part in parts[2:])])


BASE = layer("ab")
OFFICE = layer("cd", restrictions=(window(9, 17),))
MONTHS = layer("mn", unit="months", count=120)
A_DAY = [(0, 24, "a", "1.0~0"), (24, 48, "b", "1.0~1")]
ENTRIES = (entry("x", 30, 36), entry("w", -9, 6))
LAID = [
    ("turns as they are", always(BASE), (0, 48), A_DAY),
    ("a window cuts none", always(BASE), (12, 25), A_DAY),
    ("a window of a millisecond", always(BASE), (24, 24 + 1 / HOUR), A_DAY[1:]),
    ("what only touches the window is not in it", always(BASE), (48, 72),
     [(48, 72, "a", "1.0~2")]),
    ("turns of one person stay apart", always(layer("aa")), (0, 48),
     [(0, 24, "a", "1.0~0"), (24, 48, "a", "1.0~1")]),
    ("before its start a layer has none", always(BASE), (-9, 1), A_DAY[:1]),
    ("a window before its start", always(BASE), (-9, 0), []),
    ("a layer that starts amid its first turn", always(layer("ab", start_at=hour(6),
     handoff_time=0)), (0, 48), [(6, 24, "a", "1.0~0"), (24, 48, "b", "1.0~1")]),
    ("without a start, turns before 1970 are negative", always(Layer("base", ("a", "b"))),
     ((at("1970-01-03T00:00Z") - T) / HOUR, (at("1970-01-03T01:00Z") - T) / HOUR),
     [((at("1970-01-03T00:00Z") - T) / HOUR, (at("1970-01-04T00:00Z") - T) / HOUR, "a",
       "1.0~-2")]),
    ("windows cut turns to pieces", always(layer("cd", restrictions=(window(0, 3), window(9, 17)),
     unit="weeks")), (2, 26), [(0, 3, "c", "1.0~0"), (9, 17, "c", "1.0~0~9h"),
     (24, 27, "c", "1.0~0~24h")]),
    ("a handoff cuts a window", always(layer("cd", restrictions=(window(22, 6),))), (20, 40),
     [(22, 24, "c", "1.0~0~22h"), (24, 30, "d", "1.0~1")]),
    ("an upper layer cuts a lower one", always(OFFICE, BASE), (1, 30),
     [(0, 9, "a", "1.1~0"), (9, 17, "c", "1.0~0~9h"), (17, 24, "a", "1.1~0~17h"),
      (24, 33, "b", "1.1~1")]),
    ("an upper layer hides a lower one", always(layer("c"), BASE), (0, 24),
     [(0, 24, "c", "1.0~0")]),
    ("a silent layer keeps its number", always(layer(""), BASE), (0, 24), [(0, 24, "a", "1.1~0")]),
    ("entries are as they stand", always(entries=(entry("x", 1, 9), entry("y", 2, 3),
     entry("z", 2, 4), entry("w", 0, 1))), (2, 3),
     [(1, 9, "x", "entry_x"), (2, 3, "y", "entry_y"), (2, 4, "z", "entry_z")]),
    ("entries that only touch the window are not in it",
     always(entries=(entry("x", 0, 5), entry("y", 9, 12))), (5, 9), []),
    ("an empty entry is none", always(BASE, entries=(entry("x", 5, 5), entry("y", 7, 6))), (0, 24),
     A_DAY[:1]),
    ("entries cut turns", always(BASE, entries=ENTRIES), (0, 48),
     [(-9, 6, "w", "entry_w"), (6, 24, "a", "1.0~0~6h"), (24, 30, "b", "1.0~1"),
      (30, 36, "x", "entry_x"), (36, 48, "b", "1.0~1~36h")]),
    ("a window inside an entry", always(BASE, entries=ENTRIES), (31, 32),
     [(30, 36, "x", "entry_x")]),
    ("an entry outside the window cuts what meets it", always(BASE, entries=ENTRIES), (10, 11),
     [(6, 24, "a", "1.0~0~6h")]),
    ("overrides play no part", always(BASE, overrides=(Override("z", hour(3), hour(4)),)), (0, 24),
     A_DAY[:1]),
    ("a new version cuts", changed((0, (BASE,)), (30, (BASE,))), (0, 48),
     [(0, 24, "a", "1.0~0"), (24, 30, "b", "1.0~1"), (30, 48, "b", "2.0~1~30h")]),
    ("a change at a handoff does not", changed((0, (BASE,)), (24, (BASE,))), (0, 48),
     [(0, 24, "a", "1.0~0"), (24, 48, "b", "2.0~1")]),
    ("a change beyond the window cuts what meets it", changed((0, (BASE,)), (5, (BASE,)),
     (20, (OFFICE,))), (6, 7), [(5, 20, "a", "2.0~0~5h")]),
    ("of two changes at once the later holds", changed((0, ()), (24, (OFFICE,)), (24, (BASE,))),
     (0, 48), [(24, 48, "b", "3.0~1")]),
    ("an entry goes over a change", changed((0, (BASE,)), (12, (BASE,)),
     entries=(entry("x", 6, 24),)), (0, 24), [(0, 6, "a", "1.0~0"), (6, 24, "x", "entry_x")]),
    ("a turn of ten years", always(MONTHS), (30, 31),
     [(0, (at("2035-06-02T00:00Z") - T) / HOUR, "m", "1.0~0")]),
    ("nobody", always(), (0, 1), []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("versions", "asked", "expected"), [row[1:] for row in LAID], ids=[row[0] for row in LAID]
)
def test_shifts(versions: list[ScheduleVersion], asked: tuple[float, float], expected: Any) -> None:
    assert rows(versions, *asked) == expected


def test_a_clock_change_makes_a_shift_longer() -> None:
    versions = [ScheduleVersion(-FOREVER, Schedule("America/New_York", (Layer("base", ("a",)),)))]
    (shift,) = shifts_between(versions, *(at(f"2025-11-02T1{n}:00Z") for n in (0, 1)))
    assert (shift.end_at - shift.start_at) / HOUR == 25


def test_active_turns_are_numbered_without_the_days_off() -> None:
    weekdays = layer("ab", restrictions=(window(0, 24, 0, 1, 2, 3, 4),), turns_on="active")
    found = [(row[0] / 24, row[2], row[3]) for row in rows(always(weekdays), 4 * 24, 8 * 24)]
    assert found == [(4, "a", "1.0~4"), (7, "b", "1.0~5~168h")]


@pytest.mark.parametrize("edge", ["first", "last"])
def test_the_ends_of_time_cut(edge: str) -> None:
    versions = always(Layer("base", ("a",), "months", 120))
    asked = (EARLIEST_AT, EARLIEST_AT + 1) if edge == "first" else (LATEST_AT - 2, LATEST_AT - 1)
    (shift,) = shifts_between(versions, *asked)
    assert EARLIEST_AT <= shift.start_at < shift.end_at <= LATEST_AT
    assert shift_of_key(versions, shift.key()) == shift


WRONG = [
    ("an empty window", EmptyWindow, always(BASE), (0, 0)),
    ("a window too long", WindowTooLong, always(BASE), (0, 732 * 24)),
    ("too early", InstantOutOfRange, always(BASE), (-(10**9), 0)),
    ("too many layers", TooManyLayers, always(*[BASE] * 51), (0, 1)),
    ("an unknown zone", ValueError, [ScheduleVersion(-FOREVER, Schedule("Mars/Base"))], (0, 1)),
    ("too many shifts", TooManySegments, always(
        layer("a", restrictions=tuple(window(n / 3, n / 3 + 1 / 6) for n in range(72))),
        layer("b")), (0, 731 * 24)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "versions", "asked"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_errors(
    error: type[Exception], versions: list[ScheduleVersion], asked: tuple[float, float]
) -> None:
    with pytest.raises(error):
        shifts_between(versions, hour(asked[0]), hour(asked[1]))


TWO = changed((0, (BASE,)), (30, (OFFICE, layer(""), BASE)), entries=(entry("x", 50, 60),))
FOUND = [
    ("1.0~0", (0, 24, "a", "1.0~0")),
    ("1.0~1", (24, 30, "b", "1.0~1")),
    (f"2.2~1~{hour(30)}", (30, 33, "b", "2.2~1~30h")),
    (f"2.0~1~{hour(33)}", (33, 41, "d", "2.0~1~33h")),
    ("2.2~2", (48, 50, "a", "2.2~2")),
]


@pytest.mark.parametrize(("key", "expected"), FOUND, ids=[row[0][:5] for row in FOUND])
def test_a_key_finds_its_shift(key: str, expected: Any) -> None:
    shift = shift_of_key(TWO, key)
    assert shift
    assert shift in shifts_between(TWO, shift.start_at, shift.start_at + 1)
    assert ((shift.start_at - T) / HOUR, (shift.end_at - T) / HOUR) == expected[:2]
    assert (shift.user_id, key_of(shift)) == expected[2:]


NONE = {
    "empty": "",
    "words": "entry_x",
    "no turn": "1.0~",
    "more": "1.0~0~0~0",
    "a newline": "1.0~0\n",
    "a line before": "\n1.0~0",
    "a sign": "1.0~+0",
    "a space": "1.0~ 0",
    "other digits": "1.0~\u0660",
    "a zero before": "1.0~00",
    "minus zero": "1.0~-0",
    "a version with a zero before": "01.0~0",
    "its start beside a whole turn": f"1.0~0~{T}",
    "another start": f"2.2~1~{hour(31)}",
    "a start in an entry": f"2.2~2~{hour(55)}",
    "an entry's start": f"2.2~2~{hour(50)}",
    "a start as the version ends": f"1.0~1~{hour(30)}",
    "a start in another version": f"1.0~1~{hour(31)}",
    "a start before all time": f"1.0~0~-{10**17}",
    "a start after all time": f"1.0~0~{10**17}",
    "no such version": "3.0~0",
    "no such layer": "1.1~0",
    "a silent layer": "2.1~0",
    "before the layer": "1.0~-1",
    "a turn after this version": "1.0~2",
    "a turn of a later version": "1.0~9",
    "a turn before this version": "2.2~0",
    "a turn that began before this version": "2.2~1",
    "a turn that is not active as it begins": "2.0~2",
    "a turn beyond all time": f"2.2~{10**18 - 1}",
    "too many digits": f"2.2~{10**30}",
    "very many digits": "1.0~" + "9" * 5000,
}


@pytest.mark.parametrize("key", NONE.values(), ids=NONE)
def test_other_keys_find_nothing(key: str) -> None:
    assert shift_of_key(TWO, key) is None


def test_a_turn_the_clock_skipped_is_none() -> None:
    apia = [ScheduleVersion(-FOREVER, Schedule("Pacific/Apia", (Layer("base", ("a", "b", "c")),)))]
    before, after = shifts_between(apia, *(at(f"2011-12-30T{n}:00Z") for n in ("09:59", "10:01")))
    assert (before.turn, after.turn, before.end_at) == (after.turn - 2, after.turn, after.start_at)
    assert shift_of_key(apia, f"1.0~{after.turn - 1}") is None


def test_a_shift_that_would_begin_as_its_version_ends_is_none() -> None:
    versions = changed((0, (OFFICE,)), (9, (OFFICE,)))
    assert shift_of_key(versions, f"1.0~0~{hour(9)}") is None
    assert shift_of_key(versions, f"2.0~0~{hour(9)}")


@SOME
@given(st.text(st.sampled_from("0123.~-9")))
def test_any_text_may_come_as_a_key(key: str) -> None:
    shift = shift_of_key(TWO, key)
    assert shift is None or shift.key() == key


@SOME
@given(places_and_versions())
def test_shifts_tile_what_the_layers_cover_outside_entries(
    placed: tuple[int, list[ScheduleVersion]],
) -> None:
    middle, versions = placed
    begin, end = middle - 10 * DAY, middle + 10 * DAY
    shifts = shifts_between(versions, begin, end)
    generated = [shift[:2] for shift in shifts if not shift.entry]
    assert all(start < stop for start, stop in generated)
    assert all(one[1] <= other[0] for one, other in pairwise(generated))
    plain = [version._replace(schedule=without_overrides(version.schedule)) for version in versions]
    segments = final_schedule(plain, begin, end).segments
    assert merged(cut_to(generated, begin, end)) == merged(
        [part[:2] for part in segments if part.source == "layer"]
    )


def without_overrides(schedule: Schedule) -> Schedule:
    return replace(schedule, overrides=())


def cut_to(spans: list[tuple[int, int]], begin: int, end: int) -> list[tuple[int, int]]:
    return [(max(start, begin), min(stop, end)) for start, stop in spans]


@SOME
@given(places_and_versions(), st.integers(0, 8 * DAY), st.integers(1, 8 * DAY))
def test_a_window_cuts_no_shift_and_misses_none(
    placed: tuple[int, list[ScheduleVersion]], offset: int, length: int
) -> None:
    middle, versions = placed
    begin = middle - 4 * DAY + offset
    around = shifts_between(versions, middle - 100 * DAY, middle + 100 * DAY)
    assert shifts_between(versions, begin, begin + length) == [
        shift for shift in around if shift.start_at < begin + length and begin < shift.end_at
    ]
    assert [shift.start_at for shift in around] == sorted(shift.start_at for shift in around)


@SOME
@given(places_and_versions())
def test_every_generated_shift_is_found_by_its_key(
    placed: tuple[int, list[ScheduleVersion]],
) -> None:
    middle, versions = placed
    shifts = [
        s for s in shifts_between(versions, middle - 9 * DAY, middle + 9 * DAY) if not s.entry
    ]
    assert len({shift.key() for shift in shifts}) == len(shifts)
    for shift in shifts:
        assert shift_of_key(versions, shift.key()) == shift


@SOME
@given(places_and_versions(), st.lists(st.integers(0, 8 * DAY), min_size=4, max_size=4))
def test_who_has_the_shift_is_on_call(
    placed: tuple[int, list[ScheduleVersion]], offsets: list[int]
) -> None:
    middle, versions = placed
    plain = [version._replace(schedule=without_overrides(version.schedule)) for version in versions]
    for instant in (middle - 4 * DAY + offset for offset in offsets):
        holding = shifts_between(versions, instant, instant + 1)
        made = [
            made for made in versions[-1].schedule.entries if made in [s.entry for s in holding]
        ]
        user = made[-1].user_id if made else next((s.user_id for s in holding), None)
        assert on_call_at(plain, instant).user_id == user


def test_many_shifts_of_a_long_window() -> None:
    often = always(*(layer("ab", unit="hours", start_at=T + n * 11 * MINUTE) for n in range(50)))
    assert len(shifts_between(often, T, T + 731 * DAY)) == 731 * 24


WEEKLY = layer("cd", unit="weeks")


@pytest.mark.parametrize(
    ("before", "after", "first", "end", "found"),
    [
        pytest.param(BASE, WEEKLY, 0, 24, [(0, 24, "a", "1.0~0")], id="the one that begins then"),
        pytest.param(WEEKLY, BASE, 24, 48, [(24, 48, "b", "2.0~1")], id="the one that ends then"),
    ],
)
def test_a_version_that_only_touches_the_window_has_no_shift_in_it(
    before: Layer,
    after: Layer,
    first: float,
    end: float,
    found: list[tuple[float, float, str, str]],
) -> None:
    assert rows(changed((0, (before,)), (24, (after,))), first, end) == found


def test_shifts_of_one_start_are_in_the_order_of_their_creation() -> None:
    entries = (entry("z", 0, 24), entry("y", 0, 12), entry("x", 0, 18))
    assert [row[2] for row in rows(always(BASE, entries=entries), 0, 24)] == ["z", "y", "x"]


def test_an_entry_is_the_turn_of_whoever_has_it() -> None:
    [shift, _] = shifts_between(always(BASE, entries=(entry("z", 0, 12),)), T, T + DAY)
    assert (shift.user_id, shift.turn_user_id) == ("z", "z")
