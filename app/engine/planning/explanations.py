"""Explanations of a plan: one line for each shift that is not with the people the cycle gives it.

Strategy: only what is known is explained, nothing is guessed. A person is away if an absence says
so, and the absence has the reason; a shift is fixed if the request says so; everything else was
done for fairness, or because of a constraint, if there are any.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from app.engine.planning.problem import AssignmentProblem, people_in_turn, shifts_within
from app.engine.planning.request import PlanningRequest, Vacancy
from app.engine.planning.round_robin import AssignedTurn

AwayShifts = Sequence[tuple[int, int, str]]
"""Ranges of shifts ``[first, last)`` in which a person is away, in order, with the reason."""
Phrases = dict[int, list[str]]
"""What there is to say about each shift."""


class Explanations:
    """Writer of the explanations for one request; shifts are numbered from 1 in them."""

    def __init__(self, request: PlanningRequest, problem: AssignmentProblem) -> None:
        self._roles, self._problem = request.roles, problem
        self._away = _away_shifts(request)
        self._fixed = {(item.shift, item.person) for item in request.fixed}

    def of_round_robin(
        self, changed_turns: Sequence[AssignedTurn], vacancies: Sequence[Vacancy]
    ) -> list[str]:
        """Explain each shift that was not plainly the next turn of the round robin."""
        phrases: Phrases = {}
        names = self._problem.people
        for shift, person in sorted(self._fixed):
            phrases.setdefault(shift, []).append(f"{person}, as fixed")
        for turn in changed_turns:
            text = f"{names[turn.person]}, who is owed a turn"
            if turn.passed_over:
                others = [
                    f"{names[other]}{self._why(other, turn.shift)}" for other in turn.passed_over
                ]
                others += [f"{turn.more:,} more"] if turn.more else []
                owed = "turns are" if len(others) > 1 else "turn is"
                instead = f"{names[turn.person]} instead of {' and '.join(others)}"
                text = f"{instead}; the {owed} owed back"
            phrases.setdefault(turn.shift, []).append(text)
        return self._lines(phrases, vacancies)

    def of_assignment(
        self, slots: Sequence[tuple[int | None, ...]], vacancies: Sequence[Vacancy]
    ) -> list[str]:
        """Explain each shift that somebody has whose turn it is not."""
        phrases: Phrases = {}
        problem = self._problem
        for shift, people in enumerate(slots):
            wanted = people_in_turn(problem.cycle, problem.slots_per_shift, shift)
            extra = [person for person in people if person is not None and person not in wanted]
            missing = [person for person in wanted if person not in people]
            for person, other in zip(extra, missing, strict=False):
                phrases.setdefault(shift, []).append(self._instead(person, other, shift))
        return self._lines(phrases, vacancies)

    def _instead(self, person: int, other: int, shift: int) -> str:
        names = self._problem.people
        if (shift, names[person]) in self._fixed:
            return f"{names[person]} instead of {names[other]}, as fixed"
        why = self._why(other, shift) or f", {self._purpose()}"
        return f"{names[person]} instead of {names[other]}{why}"

    def _purpose(self) -> str:
        purpose = "even out hours, weekends and nights"
        return f"to keep the rules and {purpose}" if self._problem.constrained else f"to {purpose}"

    def _why(self, person: int, shift: int) -> str:
        """Write that ``person`` is away in ``shift``, and why; empty if they are not."""
        runs = self._away.get(self._problem.people[person], ())
        place = bisect_right(runs, shift, key=lambda run: run[0]) - 1
        if place < 0 or shift >= runs[place][1]:
            return ""
        reason = runs[place][2]
        return f", who is away ({reason})" if reason else ", who is away"

    def _lines(self, phrases: Phrases, vacancies: Sequence[Vacancy]) -> list[str]:
        for shift, role in vacancies:
            text = f"nobody can be {self._roles[role]}" if self._roles else "nobody can take it"
            if role < self._problem.demand[shift]:  # absences are not why
                text += " under the rules"
            phrases.setdefault(shift, []).append(text)
        return [f"Shift {shift + 1}: {'; '.join(phrases[shift])}." for shift in sorted(phrases)]


def _away_shifts(request: PlanningRequest) -> Mapping[str, AwayShifts]:
    """Return the shifts in which people are away, each with the absence that began first."""
    runs: dict[str, list[tuple[int, int, str]]] = {}
    for absence in sorted(request.absences, key=lambda absence: absence.start_at):
        first, last = shifts_within(request.boundaries, absence.start_at, absence.end_at)
        known = runs.setdefault(absence.person, [])
        first = max(first, known[-1][1]) if known else first
        if first < last:
            known.append((first, last, absence.reason or ""))
    return runs
