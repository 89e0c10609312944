"""The bars of a picture: a lane for each person, and never more bars than fit."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.formats.svg.bars import APART, LANES, THINNEST, Scale, absence_bars, gap_bars, lanes
from app.formats.timeline import TimelineItem

SCALE = Scale(0, 1_000, 100, 600)  # half a pixel an instant


def item(person: str | None, start: int, end: int) -> TimelineItem:
    return TimelineItem(start, start, end, person)


def test_a_scale_is_linear() -> None:
    assert [SCALE.x(at) for at in (0, 500, 1_000)] == [100, 350, 600]


def test_each_person_has_a_lane_in_order() -> None:
    items = [item("b", 0, 400), item("a", 400, 600), item("b", 600, 1_000)]
    found = lanes({"a": "1 shift", "b": "2 shifts", "c": "0 shifts"}, items, SCALE)
    assert [
        (lane.person, lane.words, [(bar.left, bar.right) for bar in lane.bars]) for lane in found
    ] == [
        ("a", "1 shift", [(300, 400)]),
        ("b", "2 shifts", [(100, 300), (400, 600)]),
        ("c", "0 shifts", []),
    ]


@pytest.mark.parametrize(
    ("spans", "bars"),
    [
        pytest.param([(0, 100), (100, 200)], [(100, 150, 1), (150, 200, 1)], id="neighbours-stay"),
        pytest.param([(0, 2), (2, 4)], [(100, 102, 2)], id="thin-neighbours-are-joined"),
        pytest.param([(0, 100), (100, 102)], [(100, 151, 2)], id="thin-after-wide"),
        pytest.param([(0, 2), (4, 6)], [(100, 103, 2)], id="thin-and-hardly-apart"),
        pytest.param([(0, 2), (5, 7)], [(100, 101, 1), (102.5, 103.5, 1)], id="thin-and-apart"),
        pytest.param([(0, 1)], [(100, 101, 1)], id="never-thinner-than-a-pixel"),
        pytest.param([(0, 1), (1, 2), (2, 3)], [(100, 102, 3)], id="three"),
    ],
)
def test_what_cannot_be_told_apart_is_joined(
    spans: list[tuple[int, int]], bars: list[tuple[float, float, int]]
) -> None:
    [lane] = lanes({"a": ""}, [item("a", *span) for span in spans], SCALE)
    assert [(bar.left, bar.right, bar.count) for bar in lane.bars] == bars
    assert (lane.bars[0].first.start_at, lane.bars[-1].last.end_at) == (spans[0][0], spans[-1][1])


def test_gaps_are_bars_of_nobody() -> None:
    items = [item("a", 0, 400), item(None, 400, 600), item("a", 600, 1_000)]
    assert [(bar.left, bar.right) for bar in gap_bars(items, SCALE)] == [(300, 400)]


@pytest.mark.parametrize(
    ("spans", "bars"),
    [
        pytest.param([(200, 400)], [(200, 300, 1)], id="one"),
        pytest.param([(-500, 100), (900, 5_000)], [(100, 150, 1), (550, 600, 1)], id="cut"),
        pytest.param([(-500, 0), (1_000, 2_000)], [], id="before and after"),
        pytest.param([(300, 500), (100, 400)], [(150, 350, 2)], id="overlapping, in any order"),
        pytest.param([(100, 500), (200, 300)], [(150, 350, 2)], id="one within another"),
        pytest.param([(0, 2), (4, 6)], [(100, 103, 2)], id="thin"),
    ],
)
def test_absences_are_bars_beside_the_shifts(
    spans: list[tuple[int, int]], bars: list[tuple[float, float, int]]
) -> None:
    rows = lanes({"a": "", "b": ""}, [], SCALE)
    found = absence_bars(rows, [item("a", *span) for span in spans], SCALE)
    assert [(bar.left, bar.right, bar.count) for bar in found["a"]] == bars
    assert found["b"] == []


def test_absences_of_people_without_a_lane_are_not_drawn() -> None:
    people = {str(number): "" for number in range(LANES + 2)}
    busy = [item(name, 0, 1_000) for name in people]
    found = absence_bars(lanes(people, busy, SCALE), [item(str(LANES), 0, 500)], SCALE)
    assert len(found) == LANES
    assert not any(found.values())


def test_many_absences_are_few_bars() -> None:
    rows = lanes({"a": ""}, [], SCALE)
    many = [item("a", number % 997, number % 997 + 1 + number % 3) for number in range(10_000)]
    assert len(absence_bars(rows, many, SCALE)["a"]) <= 500 / (THINNEST + APART)


def test_too_many_people_share_the_last_lane() -> None:
    people = {f"p{number}": "x" for number in range(LANES + 2)}
    items = [item(person, at, at + 10) for at, person in zip(range(0, 1_000, 10), people)]  # noqa: B905
    *shown, rest = lanes(people, items, SCALE)
    assert [lane.person for lane in shown] == list(people)[:LANES]
    assert (rest.person, rest.others, len(rest.bars)) == (None, 2, 2)


def test_of_too_many_people_those_without_a_shift_are_left_out() -> None:
    people = {f"p{number}": "x" for number in range(LANES + 5)}
    items = [item(f"p{LANES + 4}", 0, 500), item("p7", 500, 1_000)]
    found = lanes(people, items, SCALE)
    assert [(lane.person, lane.others) for lane in found] == [
        ("p7", 0),
        (f"p{LANES + 4}", 0),
        (None, LANES + 3),
    ]
    assert found[-1].bars == []


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 40)), min_size=1, max_size=300))
def test_bars_are_bounded_and_stand_for_every_item(parts: list[tuple[str, int]]) -> None:
    items, at = [], 0
    for person, length in parts:
        items.append(item(person, at, at + length))
        at += length
    scale = Scale(0, at, 0, 100)
    found = lanes({"a": "", "b": ""}, items, scale)
    assert sum(bar.count for lane in found for bar in lane.bars) == len(items)
    for lane in found:
        assert len(lane.bars) <= 100 / (THINNEST + APART) + 1
        assert all(bar.right <= later.left + THINNEST for bar, later in pairwise(lane.bars))
