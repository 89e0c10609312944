"""The rules of ``rotation.md``, one table a rule, and the invariants as properties."""

from fractions import Fraction
from itertools import cycle, islice
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.engine.rotation import (
    FIRST_INSTANT_MS,
    HOUR_MS,
    LAST_INSTANT_MS,
    Rotation,
    rotation_errors,
    rotation_of,
)
from app.errors import FieldError, InvalidRequest

START = 1_780_531_200_000
"""2026-06-04T00:00:00.000Z"""

TOO_SHORT = FieldError("/shiftLengthHours", "is shorter than a millisecond")
TOO_LONG = FieldError("/handoffOffsetHours", "is longer than a shift: at most shiftLengthHours")
TOO_LATE = FieldError("/shifts", "the last shift or its handoff is after the year 9999")


def rotation(**changes: Any) -> Rotation:
    """The seed's rotation, changed."""
    usual: dict[str, Any] = {
        "start_at": START,
        "people": ["alice", "bob"],
        "shifts": 3,
        "length_hours": 24,
        "offset_hours": 0,
    }
    return rotation_of(**{**usual, **changes})


# --- who ------------------------------------------------------------------------------------

TURNS = [
    pytest.param(["alice", "bob"], 3, "alice bob alice", {"alice": 2, "bob": 1}, id="the-seed"),
    pytest.param(["alice", "bob"], 4, "alice bob alice bob", {"alice": 2, "bob": 2}, id="even"),
    pytest.param(["alice"], 3, "alice alice alice", {"alice": 3}, id="one-person"),
    pytest.param(["a", "b", "a"], 3, "a b a", {"a": 2, "b": 1}, id="name-twice-takes-two-turns"),
    pytest.param(["a", "b", "a"], 4, "a b a a", {"a": 3, "b": 1}, id="name-twice-second-cycle"),
    pytest.param(["a", "a"], 3, "a a a", {"a": 3}, id="only-one-name-twice"),
    pytest.param(["a", "b", "c"], 1, "a", {"a": 1, "b": 0, "c": 0}, id="zero-counts-are-kept"),
    pytest.param(["b", "a", "b"], 1, "b", {"b": 1, "a": 0}, id="first-seen-order-kept"),
    pytest.param(["z", "m", "a"], 3, "z m a", {"z": 1, "m": 1, "a": 1}, id="order-not-sorted"),
    pytest.param(["Al", "al"], 2, "Al al", {"Al": 1, "al": 1}, id="names-differ-by-case"),
    pytest.param(
        ["\u00e9", "e\u0301"], 2, "\u00e9 e\u0301", {"\u00e9": 1, "e\u0301": 1}, id="code-points"
    ),
]


@pytest.mark.parametrize(("people", "shifts", "turns", "_counts"), TURNS)
def test_people_take_turns(
    people: list[str], shifts: int, turns: str, _counts: dict[str, int]
) -> None:
    assert list(rotation(people=people, shifts=shifts).people) == turns.split()


@pytest.mark.parametrize(("people", "shifts", "_turns", "counts"), TURNS)
def test_turns_are_counted_in_first_seen_order(
    people: list[str], shifts: int, _turns: str, counts: dict[str, int]
) -> None:
    found = rotation(people=people, shifts=shifts).counts
    assert list(found.items()) == list(counts.items())


def test_people_can_be_read_twice() -> None:
    found = rotation()
    assert list(found.people) == list(found.people) == ["alice", "bob", "alice"]


@pytest.mark.parametrize(
    ("people", "shifts", "balanced"),
    [
        pytest.param(["a", "b"], 2, True, id="equal"),
        pytest.param(["a", "b"], 3, True, id="differ-by-one"),
        pytest.param(["a", "b", "a"], 3, True, id="name-twice-differs-by-one-in-a-cycle"),
        pytest.param(["a", "b", "a"], 6, False, id="name-twice-differs-by-two-in-two-cycles"),
        pytest.param(["a", "a", "b"], 2, False, id="zero-counts-count"),
        pytest.param(["a", "b", "c"], 1, True, id="one-shift-for-many"),
        pytest.param(["a"], 10_000, True, id="one-person-is-always-balanced"),
    ],
)
def test_balanced(people: list[str], shifts: int, *, balanced: bool) -> None:
    assert rotation(people=people, shifts=shifts).balanced is balanced


# --- when -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "step_ms"),
    [
        pytest.param(24, 86_400_000, id="a-day"),
        pytest.param(24.0, 86_400_000, id="a-day-as-float"),
        pytest.param(0.5, 1_800_000, id="half-an-hour"),
        pytest.param(1 / 3, 1_200_000, id="a-third-is-20-minutes"),
        pytest.param(0.1, 360_000, id="a-tenth-is-not-binary"),
        pytest.param(7.123, 25_642_800, id="seven-and-a-bit"),
        pytest.param(1 / 3_600_000, 1, id="a-millisecond"),
        pytest.param(0.6 / 3_600_000, 1, id="rounds-up-to-a-millisecond"),
        pytest.param(1.4 / 3_600_000, 1, id="rounds-down-to-a-millisecond"),
        pytest.param(8_760, 31_536_000_000, id="a-year"),
    ],
)
def test_shift_length_to_the_millisecond(hours: float, step_ms: int) -> None:
    found = rotation(length_hours=hours, shifts=2)
    assert list(found.boundaries) == [START, START + step_ms, START + 2 * step_ms]


def test_fractions_do_not_drift() -> None:
    found = rotation(length_hours=1 / 3, shifts=9_999)
    assert found.boundaries[-1] == START + 3_333 * HOUR_MS


@pytest.mark.parametrize(
    ("offset_hours", "first_handoff_ms"),
    [
        pytest.param(0, START + 24 * HOUR_MS, id="none-is-the-end"),
        pytest.param(0.5, START + 24 * HOUR_MS + HOUR_MS // 2, id="positive-is-an-overlap"),
        pytest.param(-0.5, START + 24 * HOUR_MS - HOUR_MS // 2, id="negative-is-before-the-end"),
        pytest.param(24, START + 48 * HOUR_MS, id="a-whole-shift-after"),
        pytest.param(-24, START, id="a-whole-shift-before-is-its-start"),
        pytest.param(-0.0, START + 24 * HOUR_MS, id="minus-zero"),
        pytest.param(1e-12, START + 24 * HOUR_MS, id="under-a-millisecond"),
    ],
)
def test_handoff_is_the_end_plus_the_offset(offset_hours: float, first_handoff_ms: int) -> None:
    found = rotation(offset_hours=offset_hours).handoffs
    assert list(found) == [first_handoff_ms + shift * 24 * HOUR_MS for shift in range(3)]


@pytest.mark.parametrize("offset_hours", [-24, -0.25, 0, 0.25, 24])
def test_offset_never_moves_a_boundary(offset_hours: float) -> None:
    assert rotation(offset_hours=offset_hours).boundaries == rotation().boundaries


def test_lengths_are_kept_as_asked() -> None:
    found = rotation(length_hours=0.1, offset_hours=-0.05)
    assert (found.shift_length_hours, found.handoff_offset_hours) == (0.1, -0.05)


def test_a_large_rotation_is_arithmetic() -> None:
    found = rotation(shifts=10_000, people=[f"p{n}" for n in range(1_000)])
    assert found.shifts == 10_000
    assert set(found.counts.values()) == {10}


# --- what cannot be -------------------------------------------------------------------------

HOUR_BEFORE_THE_END = LAST_INSTANT_MS - HOUR_MS


@pytest.mark.parametrize(
    ("start_at", "shifts", "length_hours", "offset_hours", "errors"),
    [
        pytest.param(START, 3, 24, 0, [], id="nothing"),
        pytest.param(FIRST_INSTANT_MS, 1, 1, -1, [], id="handoff-at-the-first-instant"),
        pytest.param(START, 3, 24, 24, [], id="offset-as-long-as-a-shift"),
        pytest.param(START, 3, 24, -24, [], id="offset-as-long-before"),
        pytest.param(START, 3, 24, 24.000001, [TOO_LONG], id="offset-longer"),
        pytest.param(START, 3, 24, -24.000001, [TOO_LONG], id="offset-longer-before"),
        pytest.param(START, 3, 1 / 3, 1 / 3, [], id="offset-equal-in-fractions"),
        pytest.param(START, 3, 1e-10, 0, [TOO_SHORT], id="no-millisecond"),
        pytest.param(START, 3, 0.4 / HOUR_MS, 0, [TOO_SHORT], id="rounds-to-no-millisecond"),
        pytest.param(START, 3, 5e-324, 0, [TOO_SHORT], id="smallest-float"),
        pytest.param(START, 3, 1e-10, 1, [TOO_SHORT, TOO_LONG], id="two-errors-at-once"),
        pytest.param(HOUR_BEFORE_THE_END, 1, 1, 0, [], id="ends-at-the-last-millisecond"),
        pytest.param(HOUR_BEFORE_THE_END + 1, 1, 1, 0, [TOO_LATE], id="ends-a-millisecond-late"),
        pytest.param(HOUR_BEFORE_THE_END, 2, 1, 0, [TOO_LATE], id="one-shift-too-many"),
        pytest.param(HOUR_BEFORE_THE_END, 1, 1, 1 / HOUR_MS, [TOO_LATE], id="handoff-too-late"),
        pytest.param(HOUR_BEFORE_THE_END, 1, 1, -1, [], id="earlier-handoff-is-no-excuse-needed"),
        pytest.param(HOUR_BEFORE_THE_END, 2, 1, -1, [TOO_LATE], id="nor-an-excuse"),
        pytest.param(START, 10_000, 8_760, 0, [TOO_LATE], id="the-largest-request"),
        pytest.param(None, 3, 1e-10, 0, [TOO_SHORT], id="length-without-a-start"),
        pytest.param(None, None, 24, 25, [TOO_LONG], id="offset-without-a-start"),
        pytest.param(None, 10_000, 8_760, 0, [], id="no-start-no-last-end"),
        pytest.param(LAST_INSTANT_MS, None, 8_760, 0, [], id="no-shifts-no-last-end"),
        pytest.param(LAST_INSTANT_MS, 3, None, 25, [], id="no-length-no-rule"),
        pytest.param(LAST_INSTANT_MS, 3, 24, None, [], id="no-offset-no-last-handoff"),
        pytest.param(START, 3, 1e-10, None, [TOO_SHORT], id="length-without-an-offset"),
        pytest.param(START, 3.0, 24, 0, [], id="whole-float-of-shifts"),
    ],
)
def test_cross_field_errors(
    start_at: int | None,
    shifts: float | None,
    length_hours: float | None,
    offset_hours: float | None,
    errors: list[FieldError],
) -> None:
    assert list(rotation_errors(start_at, shifts, length_hours, offset_hours)) == errors


def test_errors_are_raised_together() -> None:
    with pytest.raises(InvalidRequest) as caught:
        rotation(length_hours=1e-10, offset_hours=1)
    assert caught.value.errors == (TOO_SHORT, TOO_LONG)


# --- for all rotations ----------------------------------------------------------------------

HOURS = st.one_of(st.integers(1, 8_760), st.floats(1 / HOUR_MS, 8_760))


@st.composite
def rotations(draw: st.DrawFn) -> Rotation:
    length_hours = draw(HOURS)
    arguments: dict[str, Any] = {
        "start_at": draw(st.integers(FIRST_INSTANT_MS, LAST_INSTANT_MS)),
        "people": draw(st.lists(st.text("abcd", min_size=1, max_size=2), min_size=1, max_size=9)),
        "shifts": draw(st.integers(1, 60)),
        "length_hours": length_hours,
        "offset_hours": draw(st.floats(-length_hours, length_hours)),
    }
    assume(not list(rotation_errors(*(arguments[name] for name in ERROR_ARGUMENTS))))
    return rotation_of(**arguments)


ERROR_ARGUMENTS = ("start_at", "shifts", "length_hours", "offset_hours")


@given(rotations())
def test_shifts_are_back_to_back_and_equally_long(found: Rotation) -> None:
    length_ms = round(Fraction(found.shift_length_hours) * HOUR_MS)
    starts, ends = found.boundaries[:-1], found.boundaries[1:]
    assert list(starts[1:]) == list(ends[:-1])
    assert {end - start for start, end in zip(starts, ends, strict=True)} == {length_ms}


@given(rotations())
def test_counts_are_what_a_walk_counts(found: Rotation) -> None:
    walked = dict.fromkeys(found.cycle, 0)
    for person in islice(cycle(found.cycle), found.shifts):
        walked[person] += 1
    assert list(found.counts.items()) == list(walked.items())
    assert sum(found.counts.values()) == found.shifts


@given(rotations())
def test_distinct_names_are_always_balanced(found: Rotation) -> None:
    assert found.balanced or len(set(found.cycle)) < len(found.cycle)


@given(rotations())
def test_every_instant_can_be_written(found: Rotation) -> None:
    instants = [*found.boundaries, *found.handoffs]
    assert min(instants) >= FIRST_INSTANT_MS
    assert max(instants) <= LAST_INSTANT_MS


@given(rotations())
def test_a_handoff_a_shift_within_a_shift_of_its_end(found: Rotation) -> None:
    assert len(found.handoffs) == found.shifts
    distances = {
        handoff - end for handoff, end in zip(found.handoffs, found.boundaries[1:], strict=True)
    }
    [distance] = distances
    assert abs(distance) <= found.boundaries.step
    assert abs(distance - Fraction(found.handoff_offset_hours) * HOUR_MS) <= Fraction(1, 2)


@given(rotations(), st.integers(1, 59))
def test_a_shorter_rotation_is_the_beginning_of_a_longer(found: Rotation, shifts: int) -> None:
    assume(shifts <= found.shifts)
    shorter = rotation_of(
        start_at=found.boundaries[0],
        people=found.cycle,
        shifts=shifts,
        length_hours=found.shift_length_hours,
        offset_hours=found.handoff_offset_hours,
    )
    assert list(shorter.people) == list(found.people)[:shifts]
    assert shorter.boundaries == found.boundaries[: shifts + 1]
    assert shorter.handoffs == found.handoffs[:shifts]
