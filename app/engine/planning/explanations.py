"""Why a shift is not with whom the cycle has it, in a line each.

Strategy: what is known is told and nothing is guessed. Somebody is away because an absence says so,
and gives its reason; a shift is fixed because the request says so; what neither explains was done
for fairness, or because of a rule, if there are any.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from app.engine.planning.problem import Board, shifts_within, turns_at
from app.engine.planning.request import Vacancy, Wishes
from app.engine.planning.round_robin import Turn

Runs = Sequence[tuple[int, int, str]]
"""Shifts ``[first, last)`` in which somebody is away, in order, and why."""
Parts = dict[int, list[str]]
"""By shift, what there is to say."""


class Reasons:
    """The reasons of one request, by the number of its shifts."""

    def __init__(self, wishes: Wishes, board: Board) -> None:
        self._roles, self._board = wishes.roles, board
        self._away = _runs_by_person(wishes)
        self._fixed = {(item.shift, item.person) for item in wishes.fixed}

    def of_turns(self, turns: Sequence[Turn], vacancies: Sequence[Vacancy]) -> list[str]:
        """One line for each shift of a round robin that was not plainly the next turn."""
        parts: Parts = {}
        names = self._board.people
        for shift, person in sorted(self._fixed):
            parts.setdefault(shift, []).append(f"{person}, as fixed")
        for turn in turns:
            text = f"{names[turn.person]}, who is owed a turn"
            if turn.passed:
                passed = [f"{names[other]}{self._why(other, turn.shift)}" for other in turn.passed]
                passed += [f"{turn.more:,} more"] if turn.more else []
                owed = "turns are" if len(passed) > 1 else "turn is"
                text = (
                    f"{names[turn.person]} instead of {' and '.join(passed)}; the {owed} owed back"
                )
            parts.setdefault(turn.shift, []).append(text)
        return self._lines(parts, vacancies)

    def of_deal(
        self, seats: Sequence[tuple[int | None, ...]], vacancies: Sequence[Vacancy]
    ) -> list[str]:
        """One line for each shift that others have than those whose turn it is."""
        parts: Parts = {}
        board = self._board
        for shift, people in enumerate(seats):
            wanted = turns_at(board.cycle, board.seats, shift)
            extra = [person for person in people if person is not None and person not in wanted]
            missing = [person for person in wanted if person not in people]
            for person, other in zip(extra, missing, strict=False):
                parts.setdefault(shift, []).append(self._instead(person, other, shift))
        return self._lines(parts, vacancies)

    def _instead(self, person: int, other: int, shift: int) -> str:
        names = self._board.people
        if (shift, names[person]) in self._fixed:
            return f"{names[person]} instead of {names[other]}, as fixed"
        why = self._why(other, shift) or f", {self._purpose()}"
        return f"{names[person]} instead of {names[other]}{why}"

    def _purpose(self) -> str:
        evened = "even out hours, weekends and nights"
        return f"to keep the rules and {evened}" if self._board.ruled else f"to {evened}"

    def _why(self, person: int, shift: int) -> str:
        """Why somebody is away, if that is why."""
        runs = self._away.get(self._board.people[person], ())
        place = bisect_right(runs, shift, key=lambda run: run[0]) - 1
        if place < 0 or shift >= runs[place][1]:
            return ""
        reason = runs[place][2]
        return f", who is away ({reason})" if reason else ", who is away"

    def _lines(self, parts: Parts, vacancies: Sequence[Vacancy]) -> list[str]:
        for shift, role in vacancies:
            text = f"nobody can be {self._roles[role]}" if self._roles else "nobody can take it"
            if role < self._board.demand[shift]:  # absences are not why
                text += " under the rules"
            parts.setdefault(shift, []).append(text)
        return [f"Shift {shift + 1}: {'; '.join(parts[shift])}." for shift in sorted(parts)]


def _runs_by_person(wishes: Wishes) -> Mapping[str, Runs]:
    """When people are away, each shift told once: by the absence that began first."""
    runs: dict[str, list[tuple[int, int, str]]] = {}
    for absence in sorted(wishes.absences, key=lambda absence: absence.start_at):
        first, last = shifts_within(wishes.boundaries, absence.start_at, absence.end_at)
        known = runs.setdefault(absence.person, [])
        first = max(first, known[-1][1]) if known else first
        if first < last:
            known.append((first, last, absence.reason or ""))
    return runs
