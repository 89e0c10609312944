"""The JSON answer with what a roster breaks, its gaps, its overlaps and its loads."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.engine.intervals import Interval, merged, split
from app.engine.roster.carrying import carried_counters
from app.engine.roster.checker import Violation, violations
from app.engine.roster.model import MaxHours, Rest
from app.engine.roster.objectives import sums_of
from app.engine.roster.standard import SLOT
from app.engine.walltime import HOUR
from app.formats.instants import iso, local_iso_texts
from app.products.numbers import InstantText, Number, hours_text
from app.products.roster.check_request import Checked, CheckRequest
from app.products.roster.held import HeldWork
from app.products.roster.loads import RosterLoad, in_hours, roster_loads, rounded
from app.products.roster.understood_held import UnderstoodHeld

MOST = 1_000
"""The most violations, overlaps and gaps that are told, each."""


class CheckStretch(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A stretch of time in which nobody has anything, or that is one of nobody."""

    start: InstantText
    end: InstantText
    start_local: InstantText
    end_local: InstantText
    kind: str | UnsetType = UNSET
    assignment: (
        Annotated[str, Meta(description="The pointer of an assignment whose people are none.")]
        | UnsetType
    ) = UNSET


class CheckOverlap(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A stretch of time in which several people have one role, or none."""

    start: InstantText
    end: InstantText
    start_local: InstantText
    end_local: InstantText
    role: str | UnsetType = UNSET
    people: Sequence[str]


class CheckViolation(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """Something that the roster breaks."""

    rule: Annotated[
        str,
        Meta(
            description="The pointer of the rule; or overlap, away, skill, which hold without any."
        ),
    ]
    text: Annotated[str, Meta(description="It in words, with what would be enough.")]
    people: Sequence[str]
    start: InstantText
    end: InstantText
    start_local: InstantText
    end_local: InstantText
    assignments: Annotated[
        Sequence[str], Meta(description="The pointers of what is concerned, in order of time.")
    ]
    unit: Annotated[str, Meta(description="hours, slots, days, or times.")]
    amount: Annotated[Number, Meta(description="How much there is.")]
    allowed: Annotated[Number, Meta(description="What would be enough.")]
    over: Annotated[Number, Meta(description="By how much they differ.")]
    weight: Annotated[int, Meta(description="Of a soft rule.")] | UnsetType = UNSET


class CheckSpread(Struct, frozen=True):
    """How evenly something is shared, by weight."""

    of: Annotated[str, Meta(description="hours, nights, weekends, holidays, or a kind.")]
    spread: Annotated[Number, Meta(description="The largest share less the smallest.")]
    least: Annotated[str, Meta(description="Who has the smallest share.")]
    most: Annotated[str, Meta(description="Who has the largest.")]


class CheckAnswer(Struct, frozen=True, rename="camel", kw_only=True):
    """What a roster breaks, where it has gaps and overlaps, and how even it is."""

    interpretation: str
    valid: Annotated[bool, Meta(description="Whether no rule that holds is broken.")]
    violations: Annotated[Sequence[CheckViolation], Meta(description="The first 1,000.")]
    gaps: Annotated[
        Sequence[CheckStretch],
        Meta(
            description="When nobody has anything, from from to to, and assignments of nobody: "
            "the first 1,000."
        ),
    ]
    overlaps: Annotated[Sequence[CheckOverlap], Meta(description="The first 1,000.")]
    loads: Mapping[str, RosterLoad]
    fairness: Sequence[CheckSpread]
    understood: UnderstoodHeld


def check_answer(request: CheckRequest) -> CheckAnswer:
    """Return what is found in the roster of a request."""
    checked = request.checked
    found = violations(checked.roster, checked.assignment)
    told = [violation_shown(checked, each) for each in found[:MOST]]
    hard = sum(not checked.weight(each) for each in found)
    gaps = list(_gaps(checked))
    return CheckAnswer(
        interpretation=_in_words(checked, hard, len(found) - hard, len(gaps)),
        valid=not hard,
        violations=told,
        gaps=gaps[:MOST],
        overlaps=list(islice(_overlaps(checked), MOST)),
        loads=roster_loads(checked.roster, checked.assignment, checked.points),
        fairness=list(_fairness(checked)),
        understood=request.understood,
    )


def _in_words(checked: Checked, hard: int, soft: int, gaps: int) -> str:
    work, people = len(checked.held.work), len(checked.held.people)
    broken = f"{hard:,} violation(s)" if hard else "Nothing that holds is broken"
    softly = f", {soft:,} of soft rules" if soft else ""
    return (
        f"{work:,} shift(s) of {people:,} {'person' if people == 1 else 'people'}. "
        f"{broken}{softly}; {gaps:,} gap(s)."
    )


def violation_shown(checked: Checked, found: Violation) -> CheckViolation:
    """Return something that is broken as answers show it."""
    names = [checked.roster.people[person].name for person in found.people]
    in_time = isinstance(found.rule, Rest | MaxHours)
    amount, allowed = (
        in_hours(each) if in_time else each for each in (found.amount, found.allowed)
    )
    start_local, end_local = local_iso_texts(checked.held.clock, (found.start_at, found.end_at))
    rule, text, unit = _told(checked, found)
    amounts = f"{hours_text(amount)} of {hours_text(allowed)} {unit}"
    return CheckViolation(
        rule=rule,
        text=f"{' and '.join(names)}: {text}" + ("" if unit == "times" else f" ({amounts})"),
        people=names,
        start=iso(found.start_at),
        end=iso(found.end_at),
        start_local=start_local,
        end_local=end_local,
        assignments=list(_pointers(checked, found)),
        unit=unit,
        amount=amount,
        allowed=allowed,
        over=rounded(abs(amount - allowed)),
        weight=checked.weight(found) or UNSET,
    )


WITHOUT_A_RULE = {
    "overlap": "two at the same time: one of them would be enough",
    "away": "is away then",
    "skill": "lacks the skill that this asks for",
}


def _told(checked: Checked, found: Violation) -> tuple[str, str, str]:
    """Return the pointer of what is broken, it in words, and the unit of its amounts."""
    if isinstance(found.rule, str):
        return found.rule, WITHOUT_A_RULE[found.rule], "times"
    named = checked.rules[found.rule]
    return named.pointer, f"breaks {named.text}", UNITS[type(found.rule).__name__]


UNITS = {
    "Rest": "hours",
    "MaxHours": "hours",
    "MaxSlots": "slots",
    "MaxConsecutive": "days",
    "MinDaysOff": "days",
    "Apart": "times",
    "Together": "times",
}


def _pointers(checked: Checked, found: Violation) -> Iterator[str]:
    names = {checked.roster.people[person].name for person in found.people}
    for slot in found.slots:
        for work in checked.work[slot]:
            if work.person in names:
                yield work.pointer


def _gaps(checked: Checked) -> Iterator[CheckStretch]:
    held = checked.held
    told = merged(sorted((each.start_at, each.end_at) for each in [*held.work, *held.of_nobody]))
    gaps = [
        *((start, end, "", "") for start, end in split([(held.start_at, held.end_at)], told)[1]),
        *((each.start_at, each.end_at, each.kind, each.pointer) for each in held.of_nobody),
    ]
    for start, end, kind, pointer in sorted(gaps):
        start_local, end_local = local_iso_texts(held.clock, (start, end))
        yield CheckStretch(
            iso(start), iso(end), start_local, end_local, kind or UNSET, pointer or UNSET
        )


def _overlaps(checked: Checked) -> Iterator[CheckOverlap]:
    by_role: dict[str, list[HeldWork]] = defaultdict(list)
    for each in checked.held.work:
        by_role[each.role].append(each)
    for role, work in by_role.items():
        for (start, end), people in _shared(work):
            start_local, end_local = local_iso_texts(checked.held.clock, (start, end))
            yield CheckOverlap(
                start=iso(start),
                end=iso(end),
                start_local=start_local,
                end_local=end_local,
                role=role or UNSET,
                people=people,
            )


def _shared(work: Sequence[HeldWork]) -> Iterator[tuple[Interval, Sequence[str]]]:
    """Yield the stretches in which several people have something, with who they are."""
    edges = sorted(
        [(each.start_at, 1, each.person) for each in work]
        + [(each.end_at, -1, each.person) for each in work]
    )
    counts: dict[str, int] = {}
    since = 0
    for at, step, person in edges:
        now = [name for name, count in counts.items() if count > 0]
        if len(now) > 1 and at > since:
            yield (since, at), sorted(now)
        since = at
        counts[person] = counts.get(person, 0) + step


NAMES = {"holiday slots": "holidaySlots"}


def _fairness(checked: Checked) -> Iterator[CheckSpread]:
    roster = checked.roster
    for counter in carried_counters(roster) if roster.people else ():
        sums = sums_of(roster, counter, checked.assignment)
        shares = [total / who.weight for total, who in zip(sums, roster.people, strict=True)]
        least, most = shares.index(min(shares)), shares.index(max(shares))
        is_count = counter.name.startswith(("kind ", "holiday "))
        yield CheckSpread(
            NAMES.get(counter.name, counter.name.removeprefix("kind ")),
            rounded((shares[most] - shares[least]) / (SLOT if is_count else HOUR)),
            roster.people[least].name,
            roster.people[most].name,
        )
