"""The smallest load range of a problem without constraints, with its proof.

Strategy: the narrowest window of loads in which there is an assignment (``load_window.py``) is
found by moving its two ends. There are three stages, and each may show that nothing is left to
find. First the assignment is balanced greedily. Then the smallest maximum and the largest minimum
are found on their own, and their difference is a lower bound. Last, the windows narrower than the
best are refuted one by one: with odd shifts at their best, which is quick and gives a bound, and
then exactly.
"""

from contextlib import suppress
from dataclasses import dataclass

from app.engine.planning.assignment import Assignment, BudgetExhausted, SearchBudget
from app.engine.planning.greedy import balance_greedily
from app.engine.planning.load_window import LoadWindowSearch


@dataclass(frozen=True, slots=True)
class LoadRangeSolution:
    """An assignment, and a bound: none with as few vacancies has a smaller load range."""

    assignment: Assignment
    lower_bound: int


def minimise_load_range(assignment: Assignment, budget: SearchBudget) -> LoadRangeSolution:
    """Find the assignment with the smallest load range, starting with ``assignment``.

    ``assignment`` is changed. If the budget is enough and few shifts have odd lengths, the load
    range and the lower bound are equal; both are scaled.
    """
    try:
        balance_greedily(assignment, budget)
        search = _RangeSearch(LoadWindowSearch(assignment, budget))
    except BudgetExhausted:
        return LoadRangeSolution(assignment, 0)
    with suppress(BudgetExhausted):
        search.run()
    return LoadRangeSolution(search.window_search.best, search.bound)


class _RangeSearch:
    """The state of the search: the best assignment (in ``window_search``) and the best bound."""

    def __init__(self, window_search: LoadWindowSearch) -> None:
        self.window_search = window_search
        self.bound = 0

    def run(self) -> None:
        """Search to the end. Raises ``BudgetExhausted``; what was found until then is kept."""
        smallest_maximum, largest_minimum = self._smallest_maximum(), self._largest_minimum()
        self.bound = smallest_maximum - largest_minimum
        for exact in (False, True):
            self.bound = self._narrowest_window(smallest_maximum, largest_minimum, exact=exact)

    def _smallest_maximum(self) -> int:
        """Compute a lower bound of the largest load in any assignment."""
        high = max(self.window_search.best.loads)
        while (lower := self.window_search.next_load_below(high)) >= 0:
            found = self.window_search.find_within(0, lower, exact=False)
            if found is None:
                break
            high = min(lower, max(found.loads))
        return high

    def _largest_minimum(self) -> int:
        """Compute an upper bound of the smallest load in any assignment."""
        low = min(self.window_search.best.loads)
        while found := self.window_search.find_within(
            higher := self.window_search.next_load_above(low),
            self.window_search.unreachable_load,
            exact=False,
        ):
            low = max(higher, min(found.loads))
        return low

    def _narrowest_window(self, smallest_maximum: int, largest_minimum: int, *, exact: bool) -> int:
        """Compute a lower bound of the load range of any assignment; narrow the best on the way."""
        window_search, width = self.window_search, self.window_search.best.load_range
        low = window_search.next_load_above(smallest_maximum - width)
        while low <= largest_minimum and width > self.bound:
            high = window_search.next_load_below(low + width)
            found = window_search.find_within(low, high, exact=exact)
            if found is None:
                low = window_search.next_load_above(low)
            else:
                width = min(high - low, found.load_range)
                low = max(low, window_search.next_load_above(smallest_maximum - width))
        return width
