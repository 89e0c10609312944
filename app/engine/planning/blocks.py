"""What keeps a person from a shift: absences and constraints, in words.

Strategy: a *block* is what by itself forbids a person a shift in an assignment. All blocks of a
person are named, so that without them the person could take the shift.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from app.engine.planning.assignment import Assignment
from app.engine.planning.boundaries import shifts_within
from app.engine.planning.constraints import Constraints
from app.engine.planning.limits import Limits
from app.engine.planning.problem import bits
from app.engine.planning.request import PlanningRequest
from app.engine.rotation import HOUR_MS

ABSENCES, ROLES = "absences", "too few people"
JOINS, LEAVES = "joins", "leaves"
REST, RUN, PAIRS, LIMITS = "minRestHours", "maxConsecutive", "avoidPairs", "limits"
RULES = (ABSENCES, JOINS, LEAVES, REST, RUN, PAIRS, LIMITS, ROLES)
"""What a block can come from."""

AwayShifts = tuple[int, int, str]
"""A range of shifts ``[first, last)`` in which a person is away, and the reason, maybe empty."""


class Block(NamedTuple):
    """A block: where it comes from, and what it says of the person, such as ``is away``."""

    rule: str
    text: str


class Blocks:
    """The blocks of one request; shifts are numbered from 1 in them."""

    def __init__(self, request: PlanningRequest, constraints: Constraints) -> None:
        self._constraints, self._problem = constraints, constraints.problem
        self._rest = f"{request.min_rest_ms / HOUR_MS:g}h"
        self._away = _away_shifts(request)
        self._began_first = {name: _disjoint(runs) for name, runs in self._away.items()}

    def of(self, assignment: Assignment, person: int, shift: int) -> Sequence[Block]:
        """List all that keeps ``person`` from a role of ``shift`` that nobody has."""
        runs = self._away.get(self._problem.people[person], ())
        reasons = [reason for first, last, reason in runs if first <= shift < last]
        named = ", ".join(dict.fromkeys(reason for reason in reasons if reason))
        return [
            *([_absence(named)] if reasons else ()),
            *self._membership_blocks(person, shift),
            *self._constraint_blocks(
                person, shift, assignment.held[person], assignment.holders[shift]
            ),
        ]

    def _membership_blocks(self, person: int, shift: int) -> Iterator[Block]:
        """Yield a block if ``person`` does not belong to the team in all of ``shift``."""
        if self._problem.membership:
            first, last = self._problem.membership.spans[person]
            if shift < first:
                yield Block(JOINS, "has not joined yet")
            elif shift >= last:
                yield Block(LEAVES, "has left")

    def why_not(self, assignment: Assignment, person: int, shift: int, replacing: int) -> str:
        """Write why ``person`` may not have ``shift`` in the place of ``replacing``."""
        together = assignment.holders[shift] & ~(1 << replacing)
        return self._first(person, shift, assignment.held[person], together)

    def why_not_yet(self, assignment: Assignment, person: int, shift: int) -> str:
        """Write why ``person`` may not have an empty place in ``shift``."""
        return self._first(person, shift, assignment.held[person], assignment.holders[shift])

    def why_passed_over(self, assignment: Assignment, person: int, shift: int) -> str:
        """Write why ``person`` was passed over by a walk that came to ``shift``.

        Of the shifts after it only fixed ones counted then.
        """
        known = (1 << shift + 1) - 1 | self._problem.fixed_shifts[person]
        return self._first(
            person, shift, assignment.held[person] & known, assignment.holders[shift]
        )

    def _first(self, person: int, shift: int, held: int, together: int) -> str:
        """Write the first block: the absence that began first, or a constraint."""
        runs = self._began_first.get(self._problem.people[person], ())
        place = bisect_right(runs, shift, key=lambda run: run[0]) - 1
        if place >= 0 and shift < runs[place][1]:
            return _absence(runs[place][2]).text
        constraints = self._constraint_blocks(person, shift, held, together)
        return next(chain(self._membership_blocks(person, shift), constraints)).text

    def _constraint_blocks(
        self, person: int, shift: int, held: int, together: int
    ) -> Iterator[Block]:
        """Yield the blocks by constraints for a person with the shifts ``held``.

        ``together`` are the people with whom the shift would be shared.
        """
        others = held & ~(1 << shift)
        yield from self._rests(others, shift)
        yield from self._runs(others, shift)
        yield from self._company(person, together)
        if self._problem.limits:
            yield from self._limit_blocks(self._problem.limits, person, others, shift)

    def _rests(self, held: int, shift: int) -> Iterator[Block]:
        """Yield a block for the nearest shift before, and after, that leaves too little rest."""
        near = held & self._constraints.rest_conflicts[shift]
        before, after = near & (1 << shift) - 1, near >> shift << shift
        if before:
            last = before.bit_length() - 1
            beside = last == shift - 1
            far = f"had shift {last + 1} less than {self._rest} before"
            yield Block(REST, "had the shift before" if beside else far)
        if after:
            first = (after & -after).bit_length() - 1
            beside = first == shift + 1
            far = f"has shift {first + 1} less than {self._rest} after"
            yield Block(REST, "has the shift after" if beside else far)

    def _runs(self, held: int, shift: int) -> Iterator[Block]:
        """Yield a block if ``shift`` would make a run too long."""
        before, after = runs_beside(held, shift)
        if self._problem.max_consecutive and before + after + 1 > self._problem.max_consecutive:
            yield Block(RUN, beside_in_words(before, after))

    def _limit_blocks(self, limits: Limits, person: int, held: int, shift: int) -> Iterator[Block]:
        """Yield a block for each limit that ``shift`` would exceed beside the shifts ``held``."""
        lengths, count = self._problem.lengths, held.bit_count()
        if count >= limits.shifts[person]:
            yield Block(LIMITS, f"has {count:,} of at most {limits.shifts[person]:,} shifts")
        total = sum(lengths[each] for each in bits(held))
        if total + lengths[shift] > limits.total_ms[person]:
            hours, most = (f"{ms / HOUR_MS:.10g}h" for ms in (total, limits.total_ms[person]))
            yield Block(LIMITS, f"has {hours} of at most {most}")
        if not limits.allow_weekends(person, held, shift):
            weekends, most_weekends = limits.weekends_held(held), limits.weekends[person]
            yield Block(LIMITS, f"has {weekends:,} of at most {most_weekends:,} weekends")

    def _company(self, person: int, together: int) -> Iterator[Block]:
        """Yield a block for each of ``together`` who is never with ``person``, or is ``person``."""
        for other in bits(together & self._problem.avoided[person]):
            yield Block(PAIRS, f"is never on call with {self._problem.people[other]}")
        if together >> person & 1:
            yield Block(ROLES, "has another role in it")


def runs_beside(held: int, shift: int) -> tuple[int, int]:
    """Count the shifts of ``held`` in a row before ``shift``, and after it."""
    first, last = shift, shift + 1
    while first and held >> first - 1 & 1:
        first -= 1
    while held >> last & 1:
        last += 1
    return shift - first, last - shift - 1


def beside_in_words(before: int, after: int) -> str:
    """Say how many shifts a person has in a row before and after another."""
    if before and after:
        return "has the shifts before and after"
    count, side = (before, "had the {}before") if before else (after, "has the {}after")
    return side.format("shift " if count == 1 else f"{count} shifts ")


def _absence(reason: str) -> Block:
    return Block(ABSENCES, f"is away ({reason})" if reason else "is away")


def _away_shifts(request: PlanningRequest) -> dict[str, list[AwayShifts]]:
    """Return the shifts in which people are away, by when the absences began."""
    runs: dict[str, list[AwayShifts]] = {}
    for absence in sorted(request.absences, key=lambda absence: absence.start_at):
        first, last = shifts_within(request.boundaries, absence.start_at, absence.end_at)
        runs.setdefault(absence.person, []).append((first, last, absence.reason or ""))
    return runs


def _disjoint(runs: Sequence[AwayShifts]) -> Sequence[AwayShifts]:
    """Return the shifts of ``runs``, each with the absence that began first."""
    known: list[AwayShifts] = []
    for run_first, last, reason in runs:
        first = max(run_first, known[-1][1]) if known else run_first
        if first < last:
            known.append((first, last, reason))
    return known
