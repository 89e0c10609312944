"""Search for an assignment with every load in a window.

Strategy: if all shifts have the same length, a window of loads is a range of counts for each
person. People below it are given shifts, then people above it hand some on, along augmenting paths;
where there is no path there is no assignment (``assignment.py``). *Odd* shifts, which have another
than the usual length, are decided one by one, depth first. A branch is pruned if somebody's range
of counts is empty even when all undecided shifts go their way, or if loads lack more, or exceed
more, than the undecided slots are longer, or shorter, than usual (``augmenting.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import mul

from app.engine.planning.assignment import Assignment, BudgetExhausted, SearchBudget
from app.engine.planning.augmenting import (
    ShiftCounts,
    lower_counts,
    minimum_excess,
    minimum_shortfall,
    raise_counts,
)
from app.engine.planning.capacities import capacities_of
from app.engine.planning.greedy import masks_by_length
from app.engine.planning.problem import AssignmentProblem, bits

MOST_ODD_SLOTS = 64
"""The most odd role slots that are decided one by one."""
MOST_SUMS = 500
"""The most different sums that the extra lengths of odd slots may add up to."""

BRANCH_STEPS = 8
"""The cost of a branch beside its flow, in steps for each person."""


@dataclass(frozen=True, slots=True)
class _Branch:
    """An assignment in which the first ``depth`` odd role slots are decided.

    ``extra`` is by person: how much longer than usual their decided shifts are, in milliseconds.
    ``last`` is the person who got the last of them.
    """

    assignment: Assignment
    extra: Sequence[int]
    depth: int
    last: int = -1


class LoadWindowSearch:
    """A search for assignments within windows of loads; ``best`` is the most even one found.

    Each search begins with ``best``. ``unreachable_load`` is above any load.
    """

    def __init__(self, assignment: Assignment, budget: SearchBudget) -> None:
        problem = assignment.problem
        self.best = assignment
        self.unreachable_load = (
            max(problem.carried_load) + max(problem.load_per_ms) * sum(problem.lengths) + 1
        )
        self._problem, self._budget = problem, budget
        self._usual = next(iter(masks_by_length(problem)), 1)
        self._odd = _odd_slots(problem, self._usual)
        self._fixed_extra_ms = [
            _extra_ms(problem, mask, self._usual) for mask in problem.fixed_shifts
        ]
        self._possible_sums = _possible_sums([extra for _, extra in self._odd])
        self._total = sum(map(mul, problem.lengths, problem.demand), 0)
        self._units = [load_per_ms * self._usual for load_per_ms in problem.load_per_ms]
        self._capacities = capacities_of(problem)

    def find_within(self, low: int, high: int, *, exact: bool) -> Assignment | None:
        """Find an assignment with every load from ``low`` to ``high``, both included.

        ``None`` is a proof that there is none. If not ``exact``, some loads may lie outside because
        of odd shifts. Raises ``BudgetExhausted``.
        """
        if exact and len(self._odd) > MOST_ODD_SLOTS:
            raise BudgetExhausted
        branch = _Branch(self.best.copy(), self._fixed_extra_ms, 0)
        return self._search(branch, low, high, exact=exact)

    def next_load_above(self, load: int) -> int:
        """Compute the smallest load above ``load`` that anybody could have."""
        return min(
            base + unit * max((load - base) // unit + 1, 0)
            for base, unit in self._load_progressions()
        )

    def next_load_below(self, load: int) -> int:
        """Compute the largest load below ``load`` that anybody could have; -1 if there is none."""
        steps = (
            (base, unit, -((base - load) // unit) - 1) for base, unit in self._load_progressions()
        )
        return max((base + unit * count for base, unit, count in steps if count >= 0), default=-1)

    def _load_progressions(self) -> Iterator[tuple[int, int]]:
        """Yield bases and units: every possible load is a base plus a multiple of its unit."""
        problem = self._problem
        self._budget.spend(len(self._units) * len(self._possible_sums[0]))
        for carried, load_per_ms, fixed, unit in zip(
            problem.carried_load,
            problem.load_per_ms,
            self._fixed_extra_ms,
            self._units,
            strict=True,
        ):
            for extra in self._possible_sums[0]:
                yield carried + load_per_ms * (fixed + extra), unit

    def _search(self, branch: _Branch, low: int, high: int, *, exact: bool) -> Assignment | None:
        assignment, left = branch.assignment, self._odd[branch.depth :]
        if left and not self._total_is_possible(branch, low, high):
            return None
        shorter = sum(-extra for _, extra in left if extra < 0)
        longer = sum(extra for _, extra in left if extra > 0)
        most, least = (
            self._most_counts(branch, high, shorter),
            self._least_counts(branch, low, longer),
        )
        if any(few > many for few, many in zip(least, most, strict=True)):
            return None
        if raise_counts(assignment, least, self._budget) or lower_counts(
            assignment, most, self._budget
        ):
            return None
        if assignment.load_range < self.best.load_range and self._is_within_hours(assignment):
            self.best = Assignment(assignment.problem, assignment.held)
        if left and not self._odd_shifts_suffice(branch, low, high, (least, most)):
            return None
        if not left or not exact:
            return assignment
        branches = self._branches(branch, low, high)
        found = (self._search(each, low, high, exact=True) for each in branches)
        return next(filter(None, found), None)

    def _is_within_hours(self, assignment: Assignment) -> bool:
        """Tell whether nobody has more hours than their limit, which undecided slots may bring."""
        return self._capacities.loads is None or self._capacities.hold(assignment)

    def _highs(self, high: int) -> Sequence[int]:
        """Return the largest load of each person that is ``high`` at most and within limits."""
        if self._capacities.loads is None:
            return [high] * len(self._units)
        return [min(high, most) for most in self._capacities.loads]

    def _total_is_possible(self, branch: _Branch, low: int, high: int) -> bool:
        """Tell whether loads in the window, each possible by itself, can add up to all there is."""
        problem, usual = self._problem, self._usual
        sums = self._possible_sums[branch.depth]
        self._budget.spend(len(branch.extra) * (len(sums) + BRANCH_STEPS))
        least = most = 0
        for carried, load_per_ms, held, most_load in zip(
            problem.carried_load,
            problem.load_per_ms,
            branch.extra,
            self._highs(high),
            strict=True,
        ):
            floor, ceiling = (
                max(0, -((carried - low) // load_per_ms)),
                (most_load - carried) // load_per_ms,
            )
            ends = [
                (first, last)
                for extra in sums
                if (first := floor + (held + extra - floor) % usual)
                <= (last := ceiling - (ceiling - held - extra) % usual)
            ]
            if not ends:
                return False
            least += min(first for first, _ in ends)
            most += max(last for _, last in ends)
        return bool(least <= self._total <= most)

    def _most_counts(self, branch: _Branch, high: int, shorter: int) -> ShiftCounts:
        """Compute the most shifts a person may hold if the undecided slots are ``shorter``."""
        problem = self._problem
        counts = [
            (most_load - carried - load_per_ms * (extra - shorter)) // unit
            for carried, load_per_ms, extra, unit, most_load in zip(
                problem.carried_load,
                problem.load_per_ms,
                branch.extra,
                self._units,
                self._highs(high),
                strict=True,
            )
        ]
        shifts = self._capacities.shifts
        return list(map(min, counts, shifts)) if shifts else counts

    def _least_counts(self, branch: _Branch, low: int, longer: int) -> ShiftCounts:
        """Compute the fewest shifts a person may hold if the undecided slots are ``longer``."""
        problem = self._problem
        return [
            max(0, -((carried + load_per_ms * (extra + longer) - low) // unit))
            for carried, load_per_ms, extra, unit in zip(
                problem.carried_load, problem.load_per_ms, branch.extra, self._units, strict=True
            )
        ]

    def _odd_shifts_suffice(
        self, branch: _Branch, low: int, high: int, limits: tuple[ShiftCounts, ShiftCounts]
    ) -> bool:
        """Tell whether the undecided slots can make up for what loads lack and exceed."""
        problem, left = self._problem, self._odd[branch.depth :]
        people = list(zip(problem.carried_load, problem.load_per_ms, branch.extra, strict=True))
        highs = self._highs(high)
        floors = [
            -((carried - low) // load_per_ms) - extra for carried, load_per_ms, extra in people
        ]
        ceilings = [
            (most_load - carried) // load_per_ms - extra
            for (carried, load_per_ms, extra), most_load in zip(people, highs, strict=True)
        ]
        longer = sum(extra for _, extra in left if extra > 0)
        shorter = sum(-extra for _, extra in left if extra < 0)
        usual, budget = self._usual, self._budget
        return (
            minimum_shortfall(branch.assignment, floors, limits, usual, budget) <= longer
            and minimum_excess(branch.assignment, ceilings, limits, usual, budget) <= shorter
        )

    def _branches(self, branch: _Branch, low: int, high: int) -> Iterator[_Branch]:
        """Give the next odd slot to each person who can take it, those whom it suits best first."""
        shift, extra = self._odd[branch.depth]
        same_shift = branch.depth > 0 and self._odd[branch.depth - 1][0] == shift
        eligible = [
            person
            for person, shifts in enumerate(self._problem.eligible_shifts)
            if shifts & ~branch.assignment.locked[person] & 1 << shift
            and not (same_shift and person < branch.last)
        ]
        counts = branch.assignment.counts()
        violation = {
            person: self._added_violation(branch, person, counts[person], extra, low, high)
            for person in eligible
        }
        for person in sorted(eligible, key=violation.__getitem__):
            yield self._branch_with(branch, person)

    def _added_violation(
        self, branch: _Branch, person: int, count: int, extra: int, low: int, high: int
    ) -> int:
        """Compute how much farther outside of the window ``extra`` puts the load of ``person``."""
        problem = self._problem
        load_per_ms, held = problem.load_per_ms[person], branch.extra[person]
        load = problem.carried_load[person] + load_per_ms * (self._usual * count + held)
        more = load + load_per_ms * extra
        return max(low - more, more - high, 0) - max(low - load, load - high, 0)

    def _branch_with(self, branch: _Branch, person: int) -> _Branch:
        """Return ``branch`` with its next odd slot given to ``person``."""
        shift, extra = self._odd[branch.depth]
        assignment, bit = branch.assignment.copy(), 1 << shift
        if not assignment.held[person] & bit:
            holders = bits(assignment.holders[shift])
            assignment.move(
                shift, next(one for one in holders if not assignment.locked[one] & bit), person
            )
        assignment.locked[person] |= bit
        extras = list(branch.extra)
        extras[person] += extra
        return _Branch(assignment, extras, branch.depth + 1, person)


def _odd_slots(problem: AssignmentProblem, usual: int) -> Sequence[tuple[int, int]]:
    """List the free role slots of odd shifts, each with its length beyond the usual one.

    The longest come first, and then those with the fewest people: they leave the least to try.
    """
    slots = []
    for shift, length in enumerate(problem.lengths):
        if length != usual:
            fixed = sum(held >> shift & 1 for held in problem.fixed_shifts)
            slots += [(shift, length - usual)] * (problem.demand[shift] - fixed)
    return sorted(
        slots, key=lambda slot: (-slot[1], problem.eligible_people[slot[0]].bit_count(), slot[0])
    )


def _extra_ms(problem: AssignmentProblem, mask: int, usual: int) -> int:
    """Compute how much longer than usual the shifts of ``mask`` are, in milliseconds."""
    return sum(problem.lengths[shift] - usual for shift in bits(mask))


def _possible_sums(extras: Sequence[int]) -> Sequence[Sequence[int]]:
    """Return for each place in ``extras`` the sums of any of those from there on, ascending.

    Raises ``BudgetExhausted`` if there are more than ``MOST_SUMS``.
    """
    found = [[0]]
    for extra in reversed(extras):
        found.append(sorted({*found[-1], *(extra + other for other in found[-1])}))
        if len(found[-1]) > MOST_SUMS:
            raise BudgetExhausted
    return found[::-1]
