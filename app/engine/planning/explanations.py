"""Explanations of a plan: one line for each shift that is not with the people the cycle gives it.

Strategy: only what is known is explained, nothing is guessed. The person in turn is away, or the
shift is fixed, or a constraint forbids it (``blocks.py``); or the shift could go back to them, but
that would make something worse (``turns_back.py``), and then that is why. Of a role slot that
nobody can take, everybody's reasons are told.
"""

from collections.abc import Mapping, Sequence

from app.engine.planning.assignment import Assignment
from app.engine.planning.blocks import (
    ABSENCES,
    ROLES,
    RULES,
    Block,
    Blocks,
)
from app.engine.planning.constraints import Constraints
from app.engine.planning.request import PlanningRequest, Vacancy
from app.engine.planning.round_robin import AssignedTurn
from app.engine.planning.turns_back import Reason, TurnsBack

Phrases = dict[int, list[str]]
"""What there is to say about each shift."""

VACANCIES_EXPLAINED, PEOPLE_EXPLAINED = 500, 20
"""The most role slots, and for each the most people, whose reasons are told; 10,000 slots of 1,000
people would be an answer of a gigabyte."""
MOST_NAMED = 3
"""The most people who are named in a line."""

_PURPOSES: Mapping[Reason | None, str] = {
    Reason.HOURS: "to even out hours",
    Reason.HOLIDAYS: "to even out holidays",
    Reason.WEEKENDS: "to even out weekends",
    Reason.NIGHTS: "to even out nights",
}


class Explanations:
    """Writer of the explanations of one assignment; shifts are numbered from 1 in them.

    ``vacancy_reasons`` says of the first ``vacancies`` why people cannot take them, by name, and
    ``vacancy_rules`` names what that comes from.
    """

    def __init__(
        self,
        request: PlanningRequest,
        assignment: Assignment,
        constraints: Constraints,
        vacancies: Sequence[Vacancy],
    ) -> None:
        self._roles, self._vacancies = request.roles, vacancies
        self._assignment, self._problem = assignment, assignment.problem
        self._blocks = Blocks(request, constraints)
        self._turns_back = TurnsBack(assignment, constraints)
        self._fixed = {(item.shift, item.person) for item in request.fixed}
        blocked = [
            {
                name: self._blocks.of(assignment, person, shift)
                for person, name in enumerate(self._problem.people[:PEOPLE_EXPLAINED])
            }
            for shift, _ in vacancies[:VACANCIES_EXPLAINED]
        ]
        rules = {block.rule for people in blocked for blocks in people.values() for block in blocks}
        self.vacancy_rules = [rule for rule in RULES if rule in rules]
        self.vacancy_reasons = [
            {name: in_words(blocks) for name, blocks in people.items()} for people in blocked
        ]

    def of_stints(self, phrases: Mapping[int, Sequence[str]]) -> list[str]:
        """Write what there is to say of shifts whose roles are staggered, and of fixed ones."""
        return self._lines({shift: list(texts) for shift, texts in phrases.items()})

    def of_round_robin(self, changed_turns: Sequence[AssignedTurn]) -> list[str]:
        """Explain each shift that was not plainly the next turn of the round robin."""
        phrases: Phrases = {}
        names = self._problem.people
        for shift, person in sorted(self._fixed):
            phrases.setdefault(shift, []).append(f"{person}, as fixed")
        for turn in changed_turns:
            text = f"{names[turn.person]}, who is owed a turn"
            if turn.passed_over:
                others = [
                    f"{names[other]}, who {self._why_passed_over(other, turn.shift)}"
                    for other in turn.passed_over
                ]
                others += [f"{turn.more:,} more"] if turn.more else []
                text = f"{names[turn.person]} instead of {' and '.join(others)}"
                if turn.owing:
                    owed = "turns are" if turn.owing > 1 else "turn is"
                    text = f"{text}; the {owed} owed back"
            phrases.setdefault(turn.shift, []).append(text)
        return self._lines(phrases)

    def of_assignment(self, slots: Sequence[tuple[int | None, ...]]) -> list[str]:
        """Explain each shift that somebody has whose turn it is not."""
        phrases: Phrases = {}
        problem = self._problem
        for shift, people in enumerate(slots):
            wanted = problem.in_turn(shift)
            extra = [person for person in people if person is not None and person not in wanted]
            missing = [person for person in wanted if person not in people]
            for person, other in zip(extra, missing, strict=False):
                phrases.setdefault(shift, []).append(self._instead(person, other, shift))
        return self._lines(phrases)

    def _why_passed_over(self, person: int, shift: int) -> str:
        return self._blocks.why_passed_over(self._assignment, person, shift)

    def _instead(self, person: int, other: int, shift: int) -> str:
        names = self._problem.people
        return f"{names[person]} instead of {names[other]}, {self._why(person, other, shift)}"

    def _why(self, person: int, other: int, shift: int) -> str:
        """Write why ``person`` has ``shift`` and not ``other``, whose turn it is."""
        reason = self._turns_back.reason(shift, person, other)
        if reason is Reason.FIXED:
            return "as fixed"
        if reason in (Reason.AWAY, Reason.CONSTRAINT):
            return f"who {self._blocks.why_not(self._assignment, other, shift, person)}"
        if reason is Reason.IN_A_ROW:
            before = self._assignment.held[other] & 1 << shift >> 1
            return "who had the shift before" if before else "who has the shift after"
        return _PURPOSES[reason]

    def _lines(self, phrases: Phrases) -> list[str]:
        for place, (shift, role) in enumerate(self._vacancies):
            text = f"nobody can be {self._roles[role]}" if self._roles else "nobody can take it"
            if place < len(self.vacancy_reasons):
                text = f"{text}: {self._everybody(self.vacancy_reasons[place])}"
            phrases.setdefault(shift, []).append(text)
        return [f"Shift {shift + 1}: {'; '.join(phrases[shift])}." for shift in sorted(phrases)]

    def _everybody(self, reasons: Mapping[str, str]) -> str:
        """Write the reasons of the first people, and how many people there are beyond them."""
        told = [f"{name} {reason}" for name, reason in reasons.items()][:MOST_NAMED]
        more = len(self._problem.people) - len(told)
        return ", ".join([*told, f"{more:,} more"] if more else told)


def in_words(blocks: Sequence[Block]) -> str:
    """Write the reasons of one person, and after those by a constraint which it is."""
    rules_of: dict[str, list[str]] = {}
    for rule, text in blocks:
        rules_of.setdefault(text, []).append(rule)
    texts_of: dict[str, list[str]] = {}
    for text, rules in rules_of.items():
        texts_of.setdefault(", ".join(rules), []).append(text)
    return " and ".join(
        " and ".join(texts) + (f" ({rule})" if rule not in (ABSENCES, ROLES) else "")
        for rule, texts in texts_of.items()
    )
