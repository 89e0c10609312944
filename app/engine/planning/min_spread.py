"""The smallest spread of loads, with its proof.

Strategy: the narrowest window of loads in which there is an assignment (``windowing.py``) is found
by moving its two ends. Three stages, each of which may show that nothing is left to find: the deal
is levelled; the smallest maximum and the largest minimum are found on their own, and their
difference is a lower bound; then the windows narrower than the best are refuted one by one, first
with odd shifts at their best, which is quick and a bound, then exactly.
"""

from contextlib import suppress
from dataclasses import dataclass

from app.engine.planning.assignment import Deal, OutOfTime, Pace
from app.engine.planning.greedy import level
from app.engine.planning.load_window import Windows


@dataclass(frozen=True, slots=True)
class Evened:
    """A deal, and a bound: no deal with as few vacancies has a smaller spread."""

    deal: Deal
    lower_bound: int

    @property
    def proven(self) -> bool:
        return self.deal.spread == self.lower_bound


def evened(deal: Deal, pace: Pace) -> Evened:
    """The deal with the smallest spread that can be found from ``deal``, and a lower bound.

    ``deal`` is changed. With time enough, and few shifts of odd lengths, the two are equal.
    """
    try:
        level(deal, pace)
        search = _Search(Windows(deal, pace))
    except OutOfTime:
        return Evened(deal, 0)
    with suppress(OutOfTime):
        search.run()
    return Evened(search.windows.best, search.bound)


class _Search:
    """The best deal (in ``windows``) and the best bound so far."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self.bound = 0

    def run(self) -> None:
        """Raises ``OutOfTime``; what was found until then is kept."""
        least_high, most_low = self._least_high(), self._most_low()
        self.bound = least_high - most_low
        for exact in (False, True):
            self.bound = self._narrowest(least_high, most_low, exact=exact)

    def _least_high(self) -> int:
        """No deal has a smaller maximum."""
        high = max(self.windows.best.loads)
        while (lower := self.windows.below(high)) >= 0:
            found = self.windows.fit(0, lower, exact=False)
            if found is None:
                break
            high = min(lower, max(found.loads))
        return high

    def _most_low(self) -> int:
        """No deal has a larger minimum."""
        low = min(self.windows.best.loads)
        while found := self.windows.fit(
            higher := self.windows.above(low), self.windows.beyond, exact=False
        ):
            low = max(higher, min(found.loads))
        return low

    def _narrowest(self, least_high: int, most_low: int, *, exact: bool) -> int:
        """No deal has its loads in a narrower window."""
        windows, width = self.windows, self.windows.best.spread
        low = windows.above(least_high - width)
        while low <= most_low and width > self.bound:
            high = windows.below(low + width)
            found = windows.fit(low, high, exact=exact)
            if found is None:
                low = windows.above(low)
            else:
                width = min(high - low, found.spread)
                low = max(low, windows.above(least_high - width))
        return width
