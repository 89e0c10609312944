"""Planning a kept schedule anew, in a worker process.

Strategy: what people have in and around the window becomes a roster. Stretches of the window are
its slots, each with one place; what lies around them, and what several have together, is fixed, so
that rules and loads count it. The solver of rosters then finds who takes what, with as few changes
as coverage and soft rules allow. What nobody can take stays as it is, and is told.

Other schedules keep people from stretches that they would take over, and from none that they have.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from app.database.ids import new_id
from app.engine.intervals import Interval, merged, split
from app.engine.layered.model import FinalSchedule
from app.engine.roster.keeping import still_possible
from app.engine.roster.model import Person, Proof, Roster, Slot, Solution
from app.engine.roster.reasons import why_gaps
from app.engine.roster.standard import Wishes, levels_named
from app.errors import FieldError, InvalidRequest
from app.products.roster.reasons import gap_reason
from app.products.roster.rules import RulesDocument, named_rules
from app.teams.covers.candidates import unpacked
from app.teams.on_call.store import History, final_schedule_in
from app.teams.overrides.store import ManualAssignment, ManualAssignmentFields, new_assignment
from app.teams.schedules.previews import (
    ChangesOfUser,
    OnCallPreview,
    changes_between,
    on_call_preview,
)

SECONDS = 0.5
"""The deterministic time of the solver: two seconds of a processor, or less."""
MOST_PAIRS = 5_000
"""The most pairs of a stretch and a person who are planned at once."""
REASON = "replan"
HAS_ROLES = (
    "layers of this schedule have roles in the window or within 28 days of it, and a schedule with "
    "roles cannot be planned anew: see cover-candidates, and make overrides for a role"
)


class Asked(NamedTuple):
    """What is asked for: a window of a schedule, by whom it may be covered, and what holds.

    ``away`` and ``busy`` are by person: absences, and shifts of other schedules.
    """

    schedule_id: str
    window: Interval
    names: Sequence[str]
    away: Mapping[str, Sequence[Interval]]
    busy: Mapping[str, Sequence[Interval]]
    rules: RulesDocument | None
    keep: Literal["prefer", "must"]
    now: int


class Stretch(NamedTuple):
    """What somebody has, or several together; what is open may change hands."""

    start_at: int
    end_at: int
    user_ids: tuple[str, ...]
    is_open: bool


class Uncovered(NamedTuple):
    """A stretch of somebody who cannot have it, since nobody can, and why."""

    stretch: Stretch
    why: Sequence[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to change: overrides, each in place of one person."""

    made: Sequence[tuple[ManualAssignment, str]]
    uncovered: Sequence[Uncovered]
    changes: Sequence[ChangesOfUser]
    proofs: Sequence[Proof]
    before: OnCallPreview
    after: OnCallPreview


def plan_around(history: History, from_at: int, to_at: int, asked: Asked, obstacles: bytes) -> Plan:
    """Plan as ``plan_in`` does, around obstacles as well, which ``packed`` has written."""
    away, busy = (
        defaultdict(list, {name: [*each] for name, each in given.items()})
        for given in (asked.away, asked.busy)
    )
    for name, found in unpacked(obstacles).items():
        for each in found:
            (away if each.what == "away" else busy)[name].append(each[:2])
    return plan_in(history, from_at, to_at, asked._replace(away=away, busy=busy))


def plan_in(history: History, from_at: int, to_at: int, asked: Asked) -> Plan:
    """Plan a window of a schedule anew; ``[from_at, to_at)`` has what lies around it as well.

    Raises ``InvalidRequest`` if layers have roles or there is too much to plan, and the engine's
    limits.
    """
    final = final_schedule_in(history, from_at, to_at)
    if final.roles:
        raise InvalidRequest([FieldError("", HAS_ROLES)])
    stretches = list(stretches_of(final, asked.window))
    planning = _Planning(history, stretches, asked)
    made: list[tuple[ManualAssignment, str]] = []
    uncovered: list[Uncovered] = []
    proofs: Sequence[Proof] = ()
    if any(stretch.is_open for stretch in stretches):
        solution = planning.solution()
        made, uncovered = planning.handovers(solution), planning.uncovered(solution)
        proofs = solution.proofs
    changed = replace(history, assignments=[*history.assignments, *(each for each, _ in made)])
    after = final_schedule_in(changed, from_at, to_at)
    return Plan(
        made,
        uncovered,
        changes_between(final, after),
        proofs,
        on_call_preview(history, asked.window[0]),
        on_call_preview(changed, asked.window[0]),
    )


def stretches_of(final: FinalSchedule, window: Interval) -> Iterator[Stretch]:
    """Yield what people have, and whether it is of the window.

    Of what has begun before the window only the rest is of it; what goes on beyond ``final`` ends
    with the window.
    """
    from_at, to_at = window
    for segment in final.segments:
        start, end, *_ = segment
        is_open = start < to_at and from_at < end and not segment.others
        if is_open:
            start = max(start, from_at)
            end = to_at if segment.ends_after and end == final.to_at else end
        yield Stretch(start, end, segment.user_ids, is_open)


class _Planning:
    """The roster of a plan, and what its solution means."""

    def __init__(self, history: History, stretches: Sequence[Stretch], asked: Asked) -> None:
        self._stretches, self._asked = stretches, asked
        holders = (name for stretch in stretches for name in stretch.user_ids)
        self._names = list(dict.fromkeys([*asked.names, *holders]))
        self._require_bounded()
        numbers = {name: number for number, name in enumerate(self._names)}
        self._rules = named_rules(asked.rules, numbers)
        self._roster = self._roster_of(numbers, _timezone(history, asked.window[0]))

    def _require_bounded(self) -> None:
        pairs = sum(each.is_open for each in self._stretches) * len(self._names)
        if pairs > MOST_PAIRS:
            raise InvalidRequest(
                [
                    FieldError(
                        "/to",
                        f"there are {pairs:,} pairs of a stretch and a person who may take it: at "
                        f"most {MOST_PAIRS:,} are planned at once. Ask for less time",
                    )
                ]
            )

    def _roster_of(self, numbers: Mapping[str, int], timezone: str) -> Roster:
        held: Mapping[str, list[Interval]] = defaultdict(list)
        for stretch in self._stretches:
            for name in stretch.user_ids:
                held[name].append(stretch[:2])
        pairs = [
            (number, numbers[name], stretch.is_open)
            for number, stretch in enumerate(self._stretches)
            for name in stretch.user_ids
        ]
        before = [(slot, person) for slot, person, is_open in pairs if is_open]
        roster = Roster(
            [Slot(s.start_at, s.end_at, needs=(None,) * len(s.user_ids)) for s in self._stretches],
            [Person(name, away=self._kept_from(name, held[name])) for name in self._names],
            (),
            tuple(dict.fromkeys(rule.rule for rule in self._rules if not rule.weight)),
            frozenset((slot, person) for slot, person, is_open in pairs if not is_open),
            timezone,
        )
        if self._asked.keep == "must":
            roster = replace(roster, fixed=roster.fixed | still_possible(roster, before))
        soft = [(named.rule, named.weight) for named in self._rules if named.weight]
        known = frozenset((person, slot) for slot, person in before)
        names = ["coverage", *(["rules"] if soft else []), "stability", "load", "kinds"]
        levels = levels_named(roster, Wishes(soft=soft, before=known), names)
        return replace(roster, levels=levels)

    def _kept_from(self, name: str, held: Sequence[Interval]) -> tuple[Interval, ...]:
        """Return when somebody can take nothing over, or cannot have what they have."""
        asked = self._asked
        if name not in asked.names:
            return ((self._stretches[0].start_at, self._stretches[-1].end_at),)
        _, busy = split(merged(sorted(asked.busy.get(name, ()))), merged(held))
        return tuple(merged(sorted([*asked.away.get(name, ()), *busy])))

    def solution(self) -> Solution:
        """Let the solver find who takes what."""
        from app.solver.roster import solve_roster  # noqa: PLC0415 - loads OR-Tools, for workers only

        return solve_roster(self._roster, SECONDS)

    def handovers(self, solution: Solution) -> list[tuple[ManualAssignment, str]]:
        """Return the overrides that carry a solution out, each with who had the stretch."""
        asked = self._asked
        made = []
        for stretch, taken in self._open(solution):
            [holder] = stretch.user_ids
            if taken is not None and self._names[taken] != holder:
                given = ManualAssignmentFields(self._names[taken], *stretch[:2], REASON)
                override = new_assignment(
                    "override", new_id(asked.now), asked.schedule_id, given, asked.now
                )
                made.append((override, holder))
        return made

    def uncovered(self, solution: Solution) -> list[Uncovered]:
        """Return what nobody can take, and why."""
        whys = why_gaps(self._roster, solution.assignment)
        rules = {each.rule: each for each in self._rules}
        return [
            Uncovered(
                self._stretches[slot],
                [gap_reason(reason, self._roster, rules).text for reason in why.because],
            )
            for (slot, _), why in whys.items()
        ]

    def _open(self, solution: Solution) -> Iterator[tuple[Stretch, int | None]]:
        for stretch, people in zip(self._stretches, solution.assignment, strict=True):
            if stretch.is_open:
                yield stretch, people[0]


def _timezone(history: History, at: int) -> str:
    """Return the zone of the rules that hold at an instant."""
    return [each for each in history.versions() if each.from_at <= at][-1].schedule.timezone
