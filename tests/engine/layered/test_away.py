"""Absences, groups, turns of nobody, ends of layers, and overrides of nobody, case by case."""

from dataclasses import replace

import pytest

from app.engine.layered.away import stretches_by_user
from app.engine.layered.limits import ABSENCES, LATEST_AT, check_work, steps_of
from app.engine.layered.model import (
    Absence,
    Entry,
    Gap,
    Layer,
    NextAssignment,
    Override,
    PassedOver,
    PassedOverStretch,
    Restriction,
    Schedule,
    Swap,
)
from app.engine.layered.overrides import SCANS, ManualAssignmentSource
from app.engine.layered.resolve import final_schedule, on_call_at
from app.engine.layered.shifts import shifts_between
from app.engine.layered.swaps import swap_overrides
from app.engine.layered.tally import tallies
from app.engine.layered.versions import ScheduleVersion
from app.engine.layered.versions import final_schedule as versions_final_schedule
from app.engine.walltime import FOREVER
from app.errors import InstantOutOfRange, TooMuchWork
from tests.support.schedule_documents import at

HOUR, DAY = 3_600_000, 86_400_000
T = at("2026-06-01T09:00:00+00:00")
DAILY = Layer("x", ("a", "b", "c"), start_at=T)


def schedule(layer: Layer = DAILY, *absences: Absence, below: tuple[Layer, ...] = ()) -> Schedule:
    return Schedule("UTC", (layer, *below), absences=absences)


def away(user_id: str, first: float, end: float, reason: str | None = None) -> Absence:
    """An absence in days after the first handoff."""
    return Absence(user_id, T + round(first * DAY), T + round(end * DAY), reason)


def rows(asked: Schedule, days: int = 4) -> list[tuple[float, float, str]]:
    final = final_schedule(asked, T, T + days * DAY)
    return [
        ((part.start_at - T) / DAY, (part.end_at - T) / DAY, " ".join(part.user_ids))
        for part in final.segments
    ]


def test_an_absence_within_another_one_hides_nobody_elses() -> None:
    found = stretches_by_user([away("a", 0, 2), away("a", 0.5, 1), away("b", 3, 4)])
    assert found == {
        "a": [(T, T + 2 * DAY, PassedOver("a", None))],
        "b": [(T + 3 * DAY, T + 4 * DAY, PassedOver("b", None))],
    }


def test_absences_of_one_reason_that_touch_are_one() -> None:
    ill = (away("a", 0, 1, "ill"), away("a", 0.5, 1, "leave"), away("a", 1, 2, "ill"))
    assert stretches_by_user(ill) == {"a": [(T, T + 2 * DAY, PassedOver("a", "ill"))]}


def test_a_shift_tells_whose_turn_it_is_and_who_is_passed_over_in_it() -> None:
    asked = schedule(replace(DAILY, participants=("b", "b", "a")), away("b", 0, 1.5))
    whole = [ScheduleVersion(-FOREVER, asked)]
    shifts = shifts_between(whole, T, T + 3 * DAY)
    assert [
        ((shift.start_at - T) / DAY, shift.user_id, shift.turn_user_id, shift.passed_over)
        for shift in shifts
    ] == [
        (0, "a", "b", (PassedOverStretch(T, T + DAY, "b", None),)),
        (1, "a", "b", (PassedOverStretch(T + DAY, T + 3 * DAY // 2, "b", None),)),
        (1.5, "b", "b", ()),
        (2, "a", "a", ()),
    ]


def test_shifts_have_the_others_of_a_group_and_leave_open_what_is_to_be_left_open() -> None:
    layer = replace(DAILY, participants=(("a", "b"), "c"))
    asked = replace(schedule(layer, away("c", 1, 1.5)), when_away="gap")
    shifts = shifts_between([ScheduleVersion(-FOREVER, asked)], T, T + 2 * DAY)
    assert [((shift.start_at - T) / DAY, shift.user_id, shift.others) for shift in shifts] == [
        (0, "a", ("b",)),
        (1.5, "c", ()),
    ]


def test_who_is_passed_over_from_the_end_of_a_shift_on_is_not_told_with_it() -> None:
    asked = schedule(replace(DAILY, participants=("a", "b")), away("b", 1, 2))
    shifts = shifts_between([ScheduleVersion(-FOREVER, asked)], T, T + 3 * DAY)
    told = [(shift.turn_user_id, len(shift.passed_over)) for shift in shifts]
    assert told == [("a", 0), ("b", 1), ("a", 0)]
    assert {shift.user_id for shift in shifts} == {"a"}


class TestAbsences:
    def test_the_next_has_exactly_the_absent_part(self) -> None:
        asked = schedule(DAILY, away("a", 3.25, 3.75, "dentist"))
        assert rows(asked, 5) == [
            (0, 1, "a"), (1, 2, "b"), (2, 3, "c"), (3, 3.25, "a"), (3.25, 3.75, "b"),
            (3.75, 4, "a"), (4, 5, "b"),
        ]  # fmt: skip
        answer = on_call_at(asked, T + 3 * DAY + DAY // 2)
        assert answer.assignment
        assert answer.assignment.passed_over == (PassedOver("a", "dentist"),)

    def test_a_turn_taken_over_before_the_own_one_is_one_segment(self) -> None:
        asked = schedule(DAILY, away("a", 0, 0.5, "leave"), away("a", 0.5, 2, "leave"))
        final = final_schedule(asked, T, T + 2 * DAY)
        assert [part.end_at for part in final.segments] == [T + 2 * DAY]
        assert final.segments[0].passed_over == (PassedOverStretch(T, T + DAY, "a", "leave"),)
        assert on_call_at(asked, T).until == T + 2 * DAY
        assert on_call_at(asked, T + DAY).since == T

    def test_reasons_follow_each_other_in_one_segment(self) -> None:
        asked = schedule(DAILY, away("a", 0, 0.5, "ill"), away("a", 0.25, 1, "leave"))
        [first, _] = final_schedule(asked, T, T + 3 * DAY).segments
        assert first.passed_over == (
            PassedOverStretch(T, T + DAY // 2, "a", "ill"),
            PassedOverStretch(T + DAY // 2, T + DAY, "a", "leave"),
        )

    def test_who_is_passed_over_for_longer_than_others_are_away_is_told_once(self) -> None:
        asked = schedule(DAILY, away("a", 0, 1), away("c", 0.25, 0.5))
        [part] = final_schedule(asked, T, T + DAY).segments
        assert part.passed_over == (PassedOverStretch(T, T + DAY, "a", None),)

    def test_who_is_passed_over_twice_is_told_twice(self) -> None:
        pair = replace(DAILY, participants=("a", "b"))
        [part, _] = final_schedule(schedule(pair, away("a", 0, 3)), T, T + 5 * DAY).segments
        assert part.passed_over == (
            PassedOverStretch(T, T + DAY, "a", None),
            PassedOverStretch(T + 2 * DAY, T + 3 * DAY, "a", None),
        )

    def test_an_absence_of_a_millisecond_ends_a_segment(self) -> None:
        asked = schedule(DAILY, Absence("a", T + HOUR, T + HOUR + 1))
        assert on_call_at(asked, T + HOUR + 1).since == T + HOUR + 1

    def test_all_who_are_passed_over_are_told(self) -> None:
        answer = on_call_at(schedule(DAILY, away("b", 0, 9), away("a", 0, 9)), T)
        assert answer.user_id == "c"
        assert answer.assignment
        assert answer.assignment.passed_over == (PassedOver("a", None), PassedOver("b", None))

    def test_where_all_are_away_the_layers_below_count(self) -> None:
        absences = (away("a", 0, 9), away("b", 1, 2), away("c", 0.5, 3))
        asked = schedule(DAILY, *absences, below=(Layer("y", ("z",)),))
        assert rows(asked) == [(0, 1, "b"), (1, 2, "z"), (2, 4, "b")]
        alone = schedule(DAILY, *absences)
        assert final_schedule(alone, T, T + 4 * DAY).gaps == (Gap(T + DAY, T + 2 * DAY),)
        answer = on_call_at(alone, T + DAY)
        assert (answer.user_id, answer.since, answer.until) == (None, T + DAY, T + 2 * DAY)
        assert answer.next == NextAssignment("b", T + 2 * DAY)

    def test_a_gap_in_place_of_the_next(self) -> None:
        asked = replace(schedule(DAILY, away("a", 0.5, 1.5)), when_away="gap")
        assert rows(asked, 2) == [(0, 0.5, "a"), (1, 2, "b")]

    def test_of_a_group_those_who_are_there_stay(self) -> None:
        asked = schedule(replace(DAILY, participants=(("a", "b"), "c")), away("a", 0, 0.5))
        assert rows(asked, 1) == [(0, 0.5, "b"), (0.5, 1, "a b")]
        both = schedule(
            replace(DAILY, participants=(("a", "b"), None, ("c", "a"))),
            away("a", 0, 1),
            away("b", 0, 1),
        )
        assert rows(both, 1) == [(0, 1, "c")]

    def test_absences_of_others_and_empty_ones_change_nothing(self) -> None:
        plain = schedule()
        for absence in (away("z", 0, 9), away("a", 2, 1)):
            assert rows(schedule(DAILY, absence)) == rows(plain)

    def test_overrides_and_entries_stand(self) -> None:
        by_hand = Schedule(
            "UTC",
            (DAILY,),
            (Override("a", T, T + HOUR),),
            (Entry("a", T + HOUR, T + 2 * HOUR),),
            (away("a", 0, 1),),
        )
        assert [part.user_id for part in final_schedule(by_hand, T, T + DAY).segments] == [
            "a", "a", "b",
        ]  # fmt: skip

    def test_an_absence_of_all_time_is_answered_at_once(self) -> None:
        layer = Layer("x", ("a", "b"), "hours", start_at=T)
        absences = (Absence("a", T, LATEST_AT - 1), Absence("b", T, LATEST_AT - 1))
        answer = on_call_at(schedule(layer, *absences), T + 5 * DAY)
        assert (answer.user_id, answer.since, answer.until) == (None, None, LATEST_AT - 1)

    def test_a_change_of_the_rules_joins_what_goes_on(self) -> None:
        asked = schedule(DAILY, away("a", 0, 1, "leave"))
        versions = [ScheduleVersion(-FOREVER, asked), ScheduleVersion(T + HOUR, asked, 2)]
        final = versions_final_schedule(versions, T, T + DAY)
        assert [part.user_id for part in final.segments] == ["b"]
        assert final.segments[0].passed_over == (
            PassedOverStretch(T, T + HOUR, "a", "leave"),
            PassedOverStretch(T + HOUR, T + DAY, "a", "leave"),
        )


class TestTurns:
    def test_a_turn_of_nobody_is_left_to_the_layers_below(self) -> None:
        layer = replace(DAILY, participants=("a", None, None, "b"))
        assert rows(schedule(layer)) == [(0, 1, "a"), (3, 4, "b")]
        asked = schedule(layer, below=(Layer("y", ("z",)),))
        assert rows(asked) == [(0, 1, "a"), (1, 3, "z"), (3, 4, "b")]
        answer = on_call_at(schedule(layer), T + DAY)
        assert (answer.since, answer.until) == (T + DAY, T + 3 * DAY)
        assert rows(schedule(replace(DAILY, participants=(None, None)))) == []

    def test_nobody_and_a_restriction_are_one_gap(self) -> None:
        ends = replace(DAILY, participants=("a", None), end_at=T + DAY)
        answer = on_call_at(schedule(ends), T + DAY)
        assert (answer.since, answer.until, answer.next) == (T + DAY, None, None)

    def test_a_layer_ends(self) -> None:
        layer = replace(DAILY, end_at=T + 2 * DAY + HOUR)
        asked = schedule(layer, below=(Layer("y", ("z",)),))
        assert [row[2] for row in rows(asked)] == ["a", "b", "c", "z"]
        assert on_call_at(asked, T + 2 * DAY).until == T + 2 * DAY + HOUR
        assert on_call_at(schedule(layer), T + 9 * DAY).since == T + 2 * DAY + HOUR
        assert final_schedule(schedule(layer), T + 3 * DAY, T + 4 * DAY).segments == ()
        with pytest.raises(InstantOutOfRange, match=r": end_at is outside"):
            on_call_at(schedule(replace(DAILY, end_at=LATEST_AT)), T)

    @pytest.mark.parametrize(("late", "since"), [(0, -16 * HOUR), (1, 1)])
    def test_after_its_end_a_layer_is_off_since_it_was_last_on(self, late: int, since: int) -> None:
        """It ends as a window opens: at 9:00, T, or a millisecond later."""
        office = Restriction(9 * HOUR, 17 * HOUR, ())
        ends = replace(DAILY, start_at=T - 9 * DAY, restrictions=(office,), end_at=T + late)
        assert on_call_at(schedule(ends), T + HOUR).since == T + since
        before = on_call_at(schedule(ends), T - HOUR)
        assert (before.since, before.until) == (T - 16 * HOUR, None if not late else T)

    def test_the_next_may_be_several(self) -> None:
        answer = on_call_at(schedule(replace(DAILY, participants=("a", ("b", "c")))), T)
        assert answer.next == NextAssignment("b", T + DAY, ("c",))

    def test_a_group_gives_and_is_counted_as_one(self) -> None:
        layer = replace(DAILY, participants=(("a", "b"), "c", ("c", "d")))
        asked = schedule(layer)
        swap = Swap(T, T + DAY, "c")
        assert swap_overrides(asked, swap, T) == (
            Override("c", T, T + DAY, "swap"),
            Override("a", T + DAY, T + 2 * DAY, "swap"),
        )
        only = replace(DAILY, participants=(("a", "b"), ("c", "d")))
        assert len(swap_overrides(schedule(only), swap, T)) == 1
        with pytest.raises(ValueError, match="nothing to swap"):
            swap_overrides(asked, Swap(T, T + DAY, "b"), T)
        tally = tallies(asked, final_schedule(asked, T, T + 3 * DAY))
        assert [(who.user_id, who.shifts, who.hours) for who in tally] == [
            ("a", 1, 24), ("b", 1, 24), ("c", 2, 48), ("d", 1, 24),
        ]  # fmt: skip


class TestNobody:
    CLOSED = Override(None, T + HOUR, T + 3 * HOUR, "holiday")

    def test_it_is_a_gap_that_says_why(self) -> None:
        asked = replace(schedule(), overrides=(self.CLOSED,))
        final = final_schedule(asked, T, T + 4 * HOUR)
        assert final.gaps == (Gap(T + HOUR, T + 3 * HOUR, self.CLOSED),)
        assert [part.user_id for part in final.segments] == ["a", "a"]
        answer = on_call_at(asked, T + HOUR)
        assert (answer.assignment, answer.closed) == (None, self.CLOSED)
        assert answer.user_ids == ()
        assert answer.next == NextAssignment("a", T + 3 * HOUR)

    def test_the_one_made_last_wins_either_way(self) -> None:
        open_ = Override("z", T + 2 * HOUR, T + 4 * HOUR)
        first = replace(schedule(), overrides=(self.CLOSED, open_))
        answer = on_call_at(first, T + 2 * HOUR)
        assert (answer.user_id, answer.closed) == ("z", None)
        last = replace(schedule(), overrides=(open_, self.CLOSED))
        assert on_call_at(last, T + 2 * HOUR).closed == self.CLOSED

    def test_the_next_is_found_behind_many(self) -> None:
        closed = tuple(
            Override(None, T + n * HOUR, T + (n + 1) * HOUR, str(n)) for n in range(3 * SCANS)
        )
        asked = Schedule("UTC", (), (*closed, Override("z", T + 99 * HOUR, T + 100 * HOUR)))
        answer = on_call_at(asked, T)
        assert (answer.since, answer.until) == (T, T + HOUR)
        assert answer.next == NextAssignment("z", T + 99 * HOUR)
        without = replace(asked, overrides=closed)
        assert on_call_at(without, T).next is None

    def test_many_looks_find_what_one_finds(self) -> None:
        overrides = tuple(Override("x", T + 2 * n * HOUR, T + (2 * n + 1) * HOUR) for n in range(3))
        instants = [T + n * HOUR // 2 for n in range(-2, 14)]
        often = ManualAssignmentSource(overrides)
        for _ in range(SCANS):
            often.interval_at(T)
        assert [often.interval_at(instant) for instant in instants] == [
            ManualAssignmentSource(overrides).interval_at(instant) for instant in instants
        ]


class TestLimits:
    def test_absences_count(self) -> None:
        with pytest.raises(TooMuchWork, match="10001 absences"):
            on_call_at(schedule(DAILY, *(away("a", 0, 1),) * (ABSENCES + 1)), T)
        assert on_call_at(schedule(DAILY, *(away("a", 0, 1),) * ABSENCES), T).user_id == "b"
        layers = (replace(DAILY, participants=tuple(f"u{n}" for n in range(500))),)
        assert steps_of(layers, 0, (), 2 * DAY, 3) == 2 * (2 + 3) + 3 * 504 // 4
        check_work(layers, 0, (), 700 * DAY, 400)
        with pytest.raises(TooMuchWork):
            check_work((replace(layers[0], unit="hours"),), 0, (), 700 * DAY, 400)
