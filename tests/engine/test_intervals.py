"""Intervals are split at an instant."""

import pytest

from app.engine.intervals import Interval, split_at

SPLIT_AT = [
    ("inside an interval", 3, [(1, 3)], [(3, 4), (6, 8)]),
    ("where one begins", 6, [(1, 4)], [(6, 8)]),
    ("where one ends", 4, [(1, 4)], [(6, 8)]),
    ("between two", 5, [(1, 4)], [(6, 8)]),
    ("before all", 0, [], [(1, 4), (6, 8)]),
    ("after all", 9, [(1, 4), (6, 8)], []),
]


@pytest.mark.parametrize(
    ("at", "before", "after"), [row[1:] for row in SPLIT_AT], ids=[row[0] for row in SPLIT_AT]
)
def test_split_at(at: int, before: list[Interval], after: list[Interval]) -> None:
    assert split_at([(1, 4), (6, 8)], at) == (before, after)
