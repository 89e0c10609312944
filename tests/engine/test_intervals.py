"""Spans cut at an instant."""

import pytest

from app.engine.intervals import Span, cut

CUT = [
    ("inside a span", 3, [(1, 3)], [(3, 4), (6, 8)]),
    ("where one begins", 6, [(1, 4)], [(6, 8)]),
    ("where one ends", 4, [(1, 4)], [(6, 8)]),
    ("between two", 5, [(1, 4)], [(6, 8)]),
    ("before all", 0, [], [(1, 4), (6, 8)]),
    ("after all", 9, [(1, 4), (6, 8)], []),
]


@pytest.mark.parametrize(
    ("at", "before", "after"), [row[1:] for row in CUT], ids=[row[0] for row in CUT]
)
def test_cut(at: int, before: list[Span], after: list[Span]) -> None:
    assert cut([(1, 4), (6, 8)], at) == (before, after)
