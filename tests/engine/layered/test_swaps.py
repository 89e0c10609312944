"""Swaps become overrides, for the person who takes over and the shift in return."""

import pytest

from app.engine.layered.limits import LATEST_AT
from app.engine.layered.model import Layer, Override, Schedule, Swap
from app.engine.layered.resolve import final_schedule
from app.engine.layered.swaps import swap_overrides, with_swaps
from app.errors import TooManySwaps
from tests.support.schedule_documents import at

DAY = 86_400_000
T = at("2025-06-02T00:00+00:00")
DAILY = Schedule("UTC", (Layer("x", ("a", "b", "c"), start_at=T),))


def days(overrides: tuple[Override, ...]) -> list[tuple[str, float, float]]:
    return [(o.user_id, (o.start_at - T) / DAY, (o.end_at - T) / DAY) for o in overrides]


def swap(start: float, end: float, user: str) -> Swap:
    return Swap(T + round(start * DAY), T + round(end * DAY), user, "swp_1")


def test_the_next_shift_goes_back() -> None:
    added = swap_overrides(DAILY, swap(0, 1, "b"), T)
    assert days(added) == [("b", 0, 1), ("a", 1, 2)]
    assert {(o.reason, o.id) for o in added} == {("swap", "swp_1")}


def test_the_next_shift_may_be_far() -> None:
    weekly = Schedule("UTC", (Layer("x", ("a", *"defghi", "b"), "weeks", 1, T),))
    assert days(swap_overrides(weekly, swap(0, 7, "b"), T)) == [("b", 0, 7), ("a", 49, 56)]


ENDING = Schedule("UTC", (), tuple(
    Override(user, T + day * DAY, T + (day + 1) * DAY) for day, user in enumerate("bbab")
)[:3])  # fmt: skip


def test_without_a_next_shift_the_nearest_before_goes_back() -> None:
    assert days(swap_overrides(ENDING, swap(2, 3, "b"), T)) == [("b", 2, 3), ("a", 1, 2)]


def test_a_shift_that_has_started_does_not_go_back() -> None:
    now = T + DAY + 1
    assert days(swap_overrides(ENDING, swap(2, 3, "b"), now)) == [("b", 2, 3)]


def test_a_stranger_takes_over_and_gives_nothing_back() -> None:
    assert days(swap_overrides(DAILY, swap(0, 1, "z"), T + 2 * DAY)) == [("z", 0, 1)]


def test_an_endless_shift_does_not_go_back() -> None:
    endless = Schedule("UTC", (Layer("x", ("b",), start_at=T + DAY),), (Override("a", T, T + DAY),))
    assert days(swap_overrides(endless, swap(0, 1, "b"), T)) == [("b", 0, 1)]


def test_a_swap_at_the_end_of_time() -> None:
    last = Swap(LATEST_AT - DAY, LATEST_AT - 1, "z")
    assert swap_overrides(DAILY, last, LATEST_AT - DAY)[0].user_id == "z"


@pytest.mark.parametrize("stretch", [swap(-2, -1, "b"), swap(1, 2, "b")], ids=["nobody", "already"])
def test_nothing_to_swap(stretch: Swap) -> None:
    with pytest.raises(ValueError, match="nothing to swap"):
        swap_overrides(DAILY, stretch, T)


def test_swaps_have_a_limit() -> None:
    with pytest.raises(TooManySwaps):
        with_swaps(DAILY, [swap(0, 1, "b")] * 101, T)


def test_swaps_build_on_each_other_and_undo_by_leaving() -> None:
    swapped = with_swaps(DAILY, [swap(0, 1, "b"), swap(0, 1, "c")], T)
    final = final_schedule(swapped, T, T + 3 * DAY)
    assert [part.user_id for part in final.segments] == ["c", "a", "b"]
    assert with_swaps(DAILY, [], T) == DAILY


def test_why_there_is_nothing_to_swap() -> None:
    with pytest.raises(ValueError, match=r"^nobody else has any of this stretch: there is nothing"):
        swap_overrides(DAILY, swap(1, 2, "b"), T)


def test_the_nearest_of_several_shifts_before_goes_back() -> None:
    shifts = tuple(Override(user, T + n * DAY, T + (n + 1) * DAY) for n, user in enumerate("babca"))
    ending = Schedule("UTC", (), shifts)
    assert days(swap_overrides(ending, swap(4, 5, "b"), T)) == [("b", 4, 5), ("a", 2, 3)]


def test_swaps_of_a_request_know_what_has_started() -> None:
    swapped = with_swaps(ENDING, [swap(2, 3, "b")], T + DAY + 1)
    assert days(swapped.overrides[3:]) == [("b", 2, 3)]
    swapped = with_swaps(ENDING, [swap(2, 3, "b")], T + DAY)
    assert days(swapped.overrides[3:]) == [("b", 2, 3), ("a", 1, 2)]


def test_a_shift_that_ends_with_the_last_instant_may_go_back() -> None:
    """The last instant that a window may end at is the one before ``LATEST_AT``."""
    last = LATEST_AT - 1
    ending = Schedule("UTC", (), (Override("a", last - 2, last - 1), Override("b", last - 1, last)))
    added = swap_overrides(ending, Swap(last - 2, last - 1, "b"), last - 2)
    assert [(o.user_id, o.start_at, o.end_at) for o in added] == [
        ("b", last - 2, last - 1),
        ("a", last - 1, last),
    ]
