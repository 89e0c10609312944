"""Layers of several roles: each role is answered as if there were no other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.layered import resolve, versions
from app.engine.layered.edits import Rotations, edited, matched
from app.engine.layered.model import (
    Entry,
    FinalSchedule,
    Layer,
    OnCall,
    Override,
    Restriction,
    Schedule,
    Swap,
)
from app.engine.layered.roles import (
    final_schedule,
    first_role,
    on_call_at,
    role_at,
    roles_between,
    roles_of,
    schedule_of_role,
)
from app.engine.layered.shifts import ScheduleShift, shifts_between
from app.engine.layered.swaps import with_swaps
from app.engine.layered.tally import balanced, tallies, tallies_by_role
from app.engine.layered.versions import ScheduleVersion
from app.engine.walltime import FOREVER
from app.errors import TooManySegments
from tests.support.schedule_documents import (
    MINUTE,
    at,
    places_and_documents,
    places_and_versions,
    schedule_of,
)

HOUR = 3_600_000
DAY = 24 * HOUR
T = at("2026-06-01T00:00+00:00")
SOME = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ROLES = st.sampled_from(["primary", "secondary", "third"])


def hour(value: float) -> int:
    return T + round(value * HOUR)


def layer(users: str, role: str | None, name: str = "x", **more: Any) -> Layer:
    return Layer(name, tuple(users), start_at=T - 9 * DAY, role=role, **more)


PAIR = (layer("ab", "primary"), layer("cd", "secondary"))
"""ab from an odd day on: a has the hours before T, b those from T on; c and d likewise."""


def always(schedule: Schedule) -> list[ScheduleVersion]:
    return [ScheduleVersion(-FOREVER, schedule)]


def changed(*rules: tuple[float, tuple[Layer, ...]], **manual: Any) -> list[ScheduleVersion]:
    numbered = [
        ScheduleVersion(hour(begins), Schedule("UTC", layers, **manual), number)
        for number, (begins, layers) in enumerate(rules, 1)
    ]
    return [numbered[0]._replace(from_at=-FOREVER), *numbered[1:]]


def rows(found: Sequence[ScheduleVersion], first: float = 0, end: float = 24) -> list[Any]:
    final = final_schedule(found, hour(first), hour(end))
    parts = [(part[:2], role, part.user_id) for part, role in final.segments_and_roles]
    gaps = [(gap[:2], role, "nobody") for gap, role in final.gaps_and_roles]
    return sorted(
        (
            ((start - T) / HOUR, (until - T) / HOUR, role, who)
            for (start, until), role, who in [*parts, *gaps]
        ),
        key=lambda row: (row[0], row[2] or ""),
    )


P, S = "primary", "secondary"
X = Override("x", hour(9), hour(15))
CLOSED = Override(None, hour(9), hour(15), "holiday")
SCHEDULES = [
    ("each role has somebody", Schedule("UTC", PAIR), [(0, 24, P, "b"), (0, 24, S, "d")]),
    ("an override of a role", Schedule("UTC", PAIR, (replace(X, role=S),)),
     [(0, 24, P, "b"), (0, 9, S, "d"), (9, 15, S, "x"), (15, 24, S, "d")]),
    ("an override without a role is of the first", Schedule("UTC", PAIR, (X,)),
     [(0, 9, P, "b"), (0, 24, S, "d"), (9, 15, P, "x"), (15, 24, P, "b")]),
    ("an entry without a role is of the first",
     Schedule("UTC", PAIR, (), (Entry("e", T, T + DAY),)),
     [(0, 24, P, "e"), (0, 24, S, "d")]),
    ("an entry of a role", Schedule("UTC", PAIR, (), (Entry("e", T, T + DAY, role=S),)),
     [(0, 24, P, "b"), (0, 24, S, "e")]),
    ("nobody closes all roles", Schedule("UTC", PAIR, (CLOSED,)),
     [(0, 9, P, "b"), (0, 9, S, "d"), (9, 15, P, "nobody"), (9, 15, S, "nobody"),
      (15, 24, P, "b"), (15, 24, S, "d")]),
    ("nobody of a role closes that", Schedule("UTC", PAIR, (replace(CLOSED, role=S),)),
     [(0, 24, P, "b"), (0, 9, S, "d"), (9, 15, S, "nobody"), (15, 24, S, "d")]),
    ("layers of one role fill each other's holes",
     Schedule("UTC", (layer("a", P, restrictions=(Restriction(0, 12 * HOUR),)), layer("b", S),
                      layer("c", P))),
     [(0, 12, P, "a"), (0, 24, S, "b"), (12, 24, P, "c")]),
    ("one person in two roles at once", Schedule("UTC", (layer("a", P), layer("a", S))),
     [(0, 24, P, "a"), (0, 24, S, "a")]),
    ("a role that nobody takes turns in", Schedule("UTC", (layer("a", P), layer("", S))),
     [(0, 24, P, "a"), (0, 24, S, "nobody")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "expected"), [row[1:] for row in SCHEDULES], ids=[row[0] for row in SCHEDULES]
)
def test_a_schedule_of_roles(schedule: Schedule, expected: list[Any]) -> None:
    assert rows(always(schedule)) == expected
    for start, end, role, who in expected:
        answer = on_call_at(always(schedule), hour((start + end) / 2))
        [part] = [part for part in answer.roles if part.role == role]
        assert (part.user_id or "nobody") == who
    assert answer.role == answer.roles[0].role == first_role(schedule)


EDITS = [
    ("roles begin", changed((0, (layer("b", None),)), (12, PAIR)),
     [(0, 12, None, "b"), (12, 24, P, "b"), (12, 24, S, "d")]),
    ("a role is added", changed((0, PAIR[:1]), (12, PAIR)), [(0, 24, P, "b"), (12, 24, S, "d")]),
    ("a role is gone", changed((0, PAIR), (12, PAIR[:1])), [(0, 24, P, "b"), (0, 12, S, "d")]),
    ("roles are gone", changed((0, PAIR), (12, (layer("b", None),))),
     [(0, 12, P, "b"), (0, 12, S, "d"), (12, 24, None, "b")]),
    ("a role comes back", changed((0, PAIR), (6, PAIR[:1]), (12, PAIR)),
     [(0, 24, P, "b"), (0, 6, S, "d"), (12, 24, S, "d")]),
    ("roles change places", changed((0, PAIR), (12, PAIR[::-1]), overrides=(X,)),
     [(0, 9, P, "b"), (0, 12, S, "d"), (9, 12, P, "x"), (12, 24, P, "b"), (12, 15, S, "x"),
      (15, 24, S, "d")]),
    ("an override of a role ends with it", changed((0, PAIR), (12, PAIR[:1]),
                                                   overrides=(replace(X, role=S),)),
     [(0, 24, P, "b"), (0, 9, S, "d"), (9, 12, S, "x")]),
    ("an override goes on as roles begin", changed((0, (layer("b", None),)), (12, PAIR),
                                                   overrides=(X,)),
     [(0, 9, None, "b"), (9, 12, None, "x"), (12, 15, P, "x"), (12, 24, S, "d"), (15, 24, P, "b")]),
    ("all are closed as roles begin", changed((0, (layer("b", None),)), (12, PAIR),
                                              overrides=(CLOSED,)),
     [(0, 9, None, "b"), (9, 12, None, "nobody"), (12, 15, P, "nobody"), (12, 15, S, "nobody"),
      (15, 24, P, "b"), (15, 24, S, "d")]),
    ("nothing is left", changed((0, PAIR), (12, ())),
     [(0, 12, P, "b"), (0, 12, S, "d"), (12, 24, None, "nobody")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "expected"), [row[1:] for row in EDITS], ids=[row[0] for row in EDITS]
)
def test_an_edit_of_roles(found: list[ScheduleVersion], expected: list[Any]) -> None:
    assert sorted(rows(found), key=str) == sorted(expected, key=str)


def test_a_role_begins_and_ends_with_its_edits() -> None:
    found = changed((0, PAIR[:1]), (12, PAIR), (20, PAIR[:1]))
    final = final_schedule(found, hour(0), hour(24))
    assert [part.role for part in final.parts] == [P, S]
    [_, second] = final.parts
    assert [part[:2] + part[9:] for part in second.segments] == [(hour(12), hour(20), False, False)]
    assert (second.gaps, second.since_at) == ((), None)
    answer = on_call_at(found, hour(13)).roles[1]
    assert (answer.since, answer.until, answer.next) == (hour(12), hour(20), None)
    assert [part.role for part in on_call_at(found, hour(11)).roles] == [P]
    assert roles_between(found, hour(0), hour(12)) == [P]
    assert roles_between(found, hour(0), hour(13)) == [P, S]


def test_a_role_is_answered_from_its_first_millisecond_to_its_last() -> None:
    found = changed((0, PAIR[:1]), (12, PAIR), (20, PAIR[:1]))
    for instant, roles in ((12, [P, S]), (20, [P])):
        assert [part.role for part in on_call_at(found, hour(instant)).roles] == roles
    assert [part.role for part in on_call_at(found, hour(12) - 1).roles] == [P]
    assert [part.role for part in on_call_at(found, hour(20) - 1).roles] == [P, S]


def test_what_begins_at_once_is_in_the_order_of_the_roles() -> None:
    final = final_schedule(always(Schedule("UTC", PAIR, (replace(X, role=S),))), hour(0), hour(24))
    assert [segment.user_id for segment in final.segments] == ["b", "d", "x", "d"]
    final = final_schedule(always(Schedule("UTC", PAIR, (CLOSED,))), hour(0), hour(24))
    assert [gap[:2] for gap in final.gaps] == [(hour(9), hour(15))] * 2
    both = (replace(CLOSED, role=P), replace(CLOSED, role=S, end_at=hour(12)))
    final = final_schedule(always(Schedule("UTC", PAIR, both)), hour(0), hour(24))
    assert [gap.end_at for gap in final.gaps] == [hour(15), hour(12)]


def test_a_layer_without_a_role_is_of_the_first_one() -> None:
    morning = layer("a", P, restrictions=(Restriction(0, 12 * HOUR),))
    found = always(Schedule("UTC", (morning, layer("b", S), layer("c", None))))
    assert rows(found) == [(0, 12, P, "a"), (0, 24, S, "b"), (12, 24, P, "c")]


def test_a_role_that_ends_in_a_window_is_told_since_when_somebody_has_it() -> None:
    final = final_schedule(changed((0, PAIR), (12, PAIR[:1])), hour(6), hour(24))
    assert [(part.role, part.since_at) for part in final.parts] == [(P, hour(0)), (S, hour(0))]


def test_before_the_first_version_its_own_role_counts() -> None:
    first, second = changed((0, (layer("b", None),)), (12, PAIR))
    assert role_at([first._replace(from_at=hour(0)), second], hour(-1)) is None


def test_a_window_before_roles_has_none() -> None:
    found = changed((0, (layer("b", None),)), (12, PAIR))
    before = final_schedule(found, hour(0), hour(6))
    assert (before.roles, before.role, before.parts) == ((), None, (before,))
    assert before.segments[0].ends_after
    assert before.segments_and_roles == [(before.segments[0], None)]
    answer = on_call_at(found, hour(3))
    assert (answer.role, answer.roles, answer.until) == (None, (), hour(12))
    assert (role_at(found, hour(3)), role_at(found, hour(12))) == (None, P)
    assert role_at([found[1]], hour(3)) == P


def test_an_empty_window_has_the_roles_of_the_last_version() -> None:
    found = changed((0, PAIR), (6, PAIR[:1]), (12, PAIR[1:]))
    assert roles_between(found, hour(6), hour(6)) == [S]


def test_what_is_made_for_a_role_that_no_layer_has_changes_nothing() -> None:
    by_hand = Override("z", hour(3), hour(6), role=P)
    assert rows(always(Schedule("UTC", (layer("a", None),), (by_hand,)))) == [(0, 24, None, "a")]


def test_segments_of_all_roles_are_counted_together() -> None:
    odd = tuple(Restriction(n * 20 * MINUTE, (n * 20 + 10) * MINUTE) for n in range(72))
    busy = [layer("a", role, restrictions=odd) for role in (P, S)]
    found = always(Schedule("UTC", tuple(busy)))
    with pytest.raises(TooManySegments):
        final_schedule(found, T, T + 700 * DAY)
    with pytest.raises(TooManySegments):
        shifts_between(found, T, T + 700 * DAY)


def test_shifts_have_their_roles() -> None:
    entries = (Entry("e", hour(6), hour(9), "one"), Entry("f", hour(6), hour(9), "two", S))
    found = changed((0, (layer("b", None),)), (12, PAIR), entries=entries)
    shown = [
        ((each.start_at - T) / HOUR, (each.end_at - T) / HOUR, each.role, each.user_id)
        for each in shifts_between(found, hour(0), hour(24))
    ]
    assert shown == [
        (0, 6, None, "b"), (6, 9, None, "e"), (6, 9, S, "f"), (9, 12, None, "b"),
        (12, 24, P, "b"), (12, 24, S, "d"),
    ]  # fmt: skip
    keys = {each.key() for each in shifts_between(found, hour(12), hour(24))}
    assert keys == {f"2.0~9~{hour(12)}", f"2.1~9~{hour(12)}"}


def test_a_swap_stays_in_its_role() -> None:
    schedule = Schedule("UTC", PAIR)
    first = with_swaps(schedule, [Swap(T, T + DAY, "a")], T)
    assert {(made.user_id, made.role) for made in first.overrides} == {("a", P), ("b", P)}
    second = with_swaps(schedule, [Swap(T, T + DAY, "a", role=S)], T)
    assert [(made.user_id, made.role) for made in second.overrides] == [("a", S)]
    assert rows(always(second)) == [(0, 24, P, "b"), (0, 24, S, "a")]
    with pytest.raises(ValueError, match="nobody else"):
        with_swaps(schedule, [Swap(T, T + DAY, "b")], T)


def test_a_tally_of_each_role() -> None:
    schedule = Schedule("UTC", (layer("ab", P), layer("ac", S)))
    final = final_schedule(always(schedule), T, T + 3 * DAY)
    found = [(each.role, each.user_id, each.shifts) for each in tallies_by_role(schedule, final)]
    assert found == [(P, "a", 1), (P, "b", 2), (S, "a", 1), (S, "c", 2)]
    assert balanced(tallies_by_role(schedule, final))
    twice = final_schedule(always(schedule), T, T + 2 * DAY)
    assert [each.total_ms // DAY for each in tallies(schedule, twice)] == [2, 1, 1]
    lone = Schedule("UTC", (layer("ab", P), layer("c", S, end_at=T + DAY)))
    uneven = tallies_by_role(lone, final_schedule(always(lone), T, T + 3 * DAY))
    assert [each.shifts for each in uneven] == [1, 2, 1]
    assert balanced(uneven)
    assert not balanced([*uneven, uneven[0]._replace(shifts=9)])


def test_layers_of_one_name_are_matched_by_role() -> None:
    before = [layer("ab", P), layer("cd", S)]
    assert [each.before for each in matched(before, before[::-1])] == [1, 0]
    assert [each.before for each in matched(before, [layer("cd", "backup"), before[0]])] == [1, 0]
    assert [each.before for each in matched(before, [layer("cd", None)])] == [0]


def test_who_has_a_turn_keeps_it_when_the_layer_is_given_a_role() -> None:
    [plain, *_] = changed((0, (layer("abc", None),)))
    rotations = Rotations("UTC", plain.schedule.layers)
    given = Rotations("UTC", (layer("abc", P),))
    [(_, after)] = edited(rotations, given, hour(3))
    assert after == given


@st.composite
def with_roles(draw: st.DrawFn, schedule: Schedule) -> Schedule:
    """Draw a role for every layer, and for some of what is made by hand."""
    manual = st.none() | ROLES
    return replace(
        schedule,
        layers=tuple(replace(each, role=draw(ROLES)) for each in schedule.layers),
        overrides=tuple(replace(each, role=draw(manual)) for each in schedule.overrides),
        entries=tuple(replace(each, role=draw(manual)) for each in schedule.entries),
    )


def only(schedule: Schedule, role: str) -> Schedule:
    """Return a schedule that has nothing but what is of a role, as somebody would write it."""
    first = schedule.layers[0].role
    return replace(
        schedule,
        layers=tuple(each for each in schedule.layers if each.role == role),
        overrides=tuple(
            each
            for each in schedule.overrides
            if (each.role or (role if each.user_id is None else first)) == role
        ),
        entries=tuple(each for each in schedule.entries if (each.role or first) == role),
    )


def plain(answer: Any) -> Any:
    return answer._replace(role=None)


@SOME
@given(places_and_documents().flatmap(lambda placed: st.tuples(
    st.just(placed[0] * MINUTE), with_roles(schedule_of(placed[1]))
)))  # fmt: skip
def test_each_role_is_answered_as_a_schedule_of_that_role_alone(
    placed: tuple[int, Schedule],
) -> None:
    middle, schedule = placed
    begin, end = middle - 2 * DAY, middle + 2 * DAY
    found = always(schedule)
    final, answer = final_schedule(found, begin, end), on_call_at(found, middle)
    roles = roles_of(schedule.layers)
    if not roles:
        assert final == resolve.final_schedule(unnamed(schedule), begin, end)
        assert answer == resolve.on_call_at(unnamed(schedule), middle)
        return
    assert [part.role for part in final.parts] == [part.role for part in answer.roles] == roles
    for role, part, now in zip(roles, final.parts, answer.roles, strict=True):
        alone = only(schedule, role)
        assert plain(part) == resolve.final_schedule(alone, begin, end)
        assert plain(now) == resolve.on_call_at(alone, middle)
        assert people(shifts_between(found, begin, end), role) == people(
            shifts_between(always(alone), begin, end), role
        )
        assert tallies(schedule_of_role(schedule, role), part) == tallies(alone, plain(part))
    assert plain(answer._replace(roles=())) == plain(answer.roles[0])
    together = [each for part in final.parts for each in part.segments]
    assert sorted(final.segments, key=str) == sorted(together, key=str)


def people(shifts: Sequence[ScheduleShift], role: str) -> list[Any]:
    """Return the shifts of a role, without the places of their layers."""
    first = [each[:3] + each[9:11] for each in shifts if each.role in (None, role)]
    return sorted(first, key=str)


@st.composite
def places_and_edits(draw: st.DrawFn) -> tuple[int, list[ScheduleVersion]]:
    """Draw versions of which each has roles or none; what is made by hand is that of the last."""
    middle, found = draw(places_and_versions())
    made = draw(with_roles(found[-1].schedule))
    return middle, [
        each._replace(
            schedule=replace(
                draw(st.just(each.schedule) | with_roles(each.schedule)),
                overrides=made.overrides,
                entries=made.entries,
            )
        )
        for each in found
    ]


@SOME
@given(places_and_edits(), st.lists(st.integers(0, 2 * DAY - 1), min_size=3, max_size=3))
def test_an_instant_is_answered_by_the_version_that_holds_it(
    placed: tuple[int, list[ScheduleVersion]], offsets: list[int]
) -> None:
    middle, found = placed
    begin, end = middle - DAY, middle + DAY
    final = final_schedule(found, begin, end)
    for offset in offsets:
        instant = begin + offset
        [*_, holds] = [version.schedule for version in found if version.from_at <= instant]
        roles = roles_of(holds.layers)
        answer = on_call_at(found, instant)
        assert [part.role for part in answer.parts] == list(roles or [None])
        for part in answer.parts:
            alone = only(holds, part.role) if part.role else unnamed(holds)
            expected = resolve.on_call_at(alone, instant)
            assert (part.user_ids, part.closed) == (expected.user_ids, expected.closed) or (
                cut(part, expected)
            )
            assert holder(final, part.role, instant) == part.user_ids


def unnamed(schedule: Schedule) -> Schedule:
    """Return what concerns a version without roles."""
    return replace(
        schedule,
        overrides=tuple(each for each in schedule.overrides if each.role is None),
        entries=tuple(each for each in schedule.entries if each.role is None),
    )


def cut(part: OnCall, expected: OnCall) -> bool:
    """Return whether they differ in nothing but that an override was cut to its role's time."""
    both = part.closed, expected.closed
    return part.user_ids == expected.user_ids and all(both) and both[0].reason == both[1].reason  # type: ignore[union-attr]


def holder(final: FinalSchedule, role: str | None, instant: int) -> tuple[str, ...]:
    [part] = [each for each in final.parts if each.role == role]
    held = [each for each in part.segments if each.start_at <= instant < each.end_at]
    gaps = [each for each in part.gaps if each.start_at <= instant < each.end_at]
    assert len(held) + len(gaps) == 1
    return held[0].user_ids if held else ()


def test_without_roles_nothing_is_done() -> None:
    schedule = Schedule("UTC", (layer("ab", None),))
    found = always(schedule)
    assert final_schedule(found, T, T + DAY) == versions.final_schedule(found, T, T + DAY)
    assert schedule_of_role(schedule, None) is schedule


def test_the_part_of_a_role() -> None:
    whole = FinalSchedule(T, T + DAY, (), ())
    assert whole.part_of(None) == whole
    assert whole.part_of("primary") is None
    primary, secondary = (
        FinalSchedule(T, T + DAY, (), (), role=role) for role in ("primary", "secondary")
    )
    both = FinalSchedule(T, T + DAY, (), (), roles=(primary, secondary))
    assert both.part_of(None) == both.part_of("primary") == primary
    assert both.part_of("secondary") == secondary
    assert both.part_of("third") is None
