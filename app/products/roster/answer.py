"""The JSON answer with a roster."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.engine.roster.carrying import carry_over
from app.engine.roster.model import Solution
from app.engine.roster.objectives import broken_by
from app.engine.roster.reasons import Why, why_gaps
from app.engine.walltime import clock_of
from app.engine.zone_names import clock_in_words
from app.formats.instants import iso_texts
from app.products.numbers import InstantText, Number
from app.products.roster.loads import (
    CarriedLoad,
    RosterLoad,
    carried_loads,
    roster_loads,
    rounded,
)
from app.products.roster.reasons import GapReason, gap_reason, in_words
from app.products.roster.translation import Translated, local_texts
from app.products.roster.understood import UnderstoodRoster

MAX_EXPLANATIONS = 500
MAX_EXPLAINED_GAPS = 500
MAX_EXPLAINED_PEOPLE = 20


class RosterPlace(Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """Who has a place of a slot."""

    person: str
    skill: Annotated[str, Meta(description="What the place asks for.")] | UnsetType = UNSET


class RosterSlot(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A slot, and who has it."""

    slot: Annotated[int, Meta(description="Number of the slot, from 1, in order of their start.")]
    start: InstantText
    end: InstantText
    start_local: InstantText
    end_local: InstantText
    kind: str | UnsetType = UNSET
    people: Annotated[
        Sequence[RosterPlace], Meta(description="Those who have it; places left empty are gaps.")
    ]


class RosterGap(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A place that nobody has."""

    slot: int
    start: InstantText
    end: InstantText
    start_local: InstantText
    end_local: InstantText
    kind: str | UnsetType = UNSET
    skill: str | UnsetType = UNSET
    why: Annotated[
        Sequence[GapReason],
        Meta(
            description="The fewest facts that together keep everybody out of it, all else being "
            "as assigned: without any one of them somebody could take it. Empty if that is the "
            "better by an objective."
        ),
    ]
    reasons: (
        Annotated[
            Mapping[str, Sequence[str]],
            Meta(
                description="By person, all that keeps them out: the first 20 people, in the first "
                "500 gaps."
            ),
        ]
        | UnsetType
    ) = UNSET


class RosterObjective(Struct, frozen=True):
    """How good the roster is by one objective, the ones before it being held."""

    objective: str
    value: Number
    bound: Annotated[Number, Meta(description="No roster that is as good before has less.")]
    optimal: Annotated[bool, Meta(description="Whether the value is proven to be the least.")]


class RosterChange(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A slot whose people are others than before."""

    slot: int
    before: Sequence[str]
    after: Sequence[str]


class RosterAnswer(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A roster: who has which slot, how good that is, and why what is empty is empty."""

    interpretation: Annotated[str, Meta(description="What was computed, in a few sentences.")]
    assignments: Annotated[Sequence[RosterSlot], Meta(description="All slots, in order.")]
    gaps: Sequence[RosterGap]
    loads: Mapping[str, RosterLoad]
    fairness: Annotated[Sequence[RosterObjective], Meta(description="In the order of objectives.")]
    explanations: Annotated[
        Sequence[str], Meta(description="Wishes that are not met and soft rules that are broken.")
    ]
    changes: (
        Annotated[Sequence[RosterChange], Meta(description="With previous.assignments.")]
        | UnsetType
    ) = UNSET
    carry_over: Annotated[
        Mapping[str, CarriedLoad],
        Meta(
            description="What each has above the least burdened, by weight: previous.carryOver of "
            "the next request."
        ),
    ]
    warnings: Sequence[str]
    understood: UnderstoodRoster


def roster_answer(
    known: Translated, solution: Solution, understood: UnderstoodRoster
) -> RosterAnswer:
    """Return the answer with a solution."""
    roster, assignment = known.roster, solution.assignment
    slots = list(roster_slots(known, solution))
    gaps = list(_gaps(known, solution, slots))
    return RosterAnswer(
        interpretation=roster_in_words(known, solution),
        assignments=slots,
        gaps=gaps,
        loads=roster_loads(roster, assignment, known.points),
        fairness=[
            RosterObjective(proof.name, rounded(proof.value), rounded(proof.bound), proof.optimal)
            for proof in solution.proofs
        ],
        explanations=list(islice(_explanations(known, solution), MAX_EXPLANATIONS)),
        changes=list(_changes(known, solution)) if known.has_previous else UNSET,
        carry_over=carried_loads(
            [person.name for person in roster.people], carry_over(roster, assignment)
        ),
        warnings=known.warnings,
        understood=understood,
    )


def roster_in_words(known: Translated, solution: Solution) -> str:
    """Describe a roster in a few sentences."""
    roster = known.roster
    places = [place for held in solution.assignment for place in held]
    empty = places.count(None)
    slots, people = len(roster.slots), len(roster.people)
    text = (
        f"{slots:,} slot(s) with {len(places):,} place(s) for {people:,} "
        f"{'person' if people == 1 else 'people'}, by the clock of "
        f"{clock_in_words(roster.timezone)}."
    )
    if empty:
        text += f" {empty:,} {'place stays' if empty == 1 else 'places stay'} empty."
    unproven = [proof.name for proof in solution.proofs if not proof.optimal]
    if unproven:
        return f"{text} The best that was found; not proven for {', '.join(unproven)}."
    return f"{text} Proven to be the best by every objective."


def roster_slots(known: Translated, solution: Solution) -> Iterator[RosterSlot]:
    """Yield every slot with who has it."""
    roster = known.roster
    starts = iso_texts(slot.start_at for slot in roster.slots)
    ends = iso_texts(slot.end_at for slot in roster.slots)
    local = local_texts(clock_of(roster.timezone), roster.slots)
    for number, (slot, held) in enumerate(zip(roster.slots, solution.assignment, strict=True)):
        places = zip(held, slot.needs, strict=True)
        yield RosterSlot(
            slot=number + 1,
            start=starts[number],
            end=ends[number],
            start_local=local[number][0],
            end_local=local[number][1],
            kind=slot.kind or UNSET,
            people=[
                RosterPlace(roster.people[person].name, skill or UNSET)
                for person, skill in places
                if person is not None
            ],
        )


def _gaps(
    known: Translated, solution: Solution, slots: Sequence[RosterSlot]
) -> Iterator[RosterGap]:
    whys = why_gaps(known.roster, solution.assignment)
    for count, ((slot, place), why) in enumerate(whys.items()):
        shown = slots[slot]
        yield RosterGap(
            slot=shown.slot,
            start=shown.start,
            end=shown.end,
            start_local=shown.start_local,
            end_local=shown.end_local,
            kind=shown.kind,
            skill=known.roster.slots[slot].needs[place] or UNSET,
            why=[gap_reason(reason, known.roster, known.rules) for reason in why.because],
            reasons=_by_person(known, why) if count < MAX_EXPLAINED_GAPS else UNSET,
        )


def _by_person(known: Translated, why: Why) -> Mapping[str, Sequence[str]]:
    shown = islice(why.by_person.items(), MAX_EXPLAINED_PEOPLE)
    return {
        known.roster.people[person].name: [
            gap_reason(reason, known.roster, known.rules).text for reason in reasons
        ]
        for person, reasons in shown
    }


def gap_in_words(why: Sequence[GapReason]) -> str:
    """Return why a place is empty as a sentence."""
    return f"Nobody can take it, because of {in_words(why)}." if why else "Left empty."


def _explanations(known: Translated, solution: Solution) -> Iterator[str]:
    """Yield a line for each slot that is not wished for, and for each soft rule that is broken."""
    roster = known.roster
    starts = local_texts(clock_of(roster.timezone), roster.slots)
    for slot, held in enumerate(solution.assignment):
        for person in held:
            if person is not None and known.wishes.costs.get((person, slot)) == 1:
                when = starts[slot][0][:16].replace("T", " ")
                yield f"slot {slot + 1} ({when}): {roster.people[person].name} would rather not"
    for named in known.soft:
        times = broken_by(roster, named.rule, solution.assignment)
        if times:
            yield f"{named.pointer} ({named.text}) is broken {times:,} time(s)"


def _changes(known: Translated, solution: Solution) -> Iterator[RosterChange]:
    before: dict[int, list[str]] = {}
    for person, slot in sorted(known.before):
        before.setdefault(slot, []).append(known.roster.people[person].name)
    for slot, held in enumerate(solution.assignment):
        people = sorted(person for person in held if person is not None)
        after = [known.roster.people[person].name for person in people]
        had = before.get(slot, [])
        if slot in known.slots_before and had != after:
            yield RosterChange(slot + 1, had, after)
