"""The JSON answer with candidates for what is to be covered, and one set of covers for all of it.

What gives a candidate their place among those who can is told by the first number in which they
differ from the one before.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.engine.cover import Candidate, Share
from app.engine.cover_set import CoverSet, Place
from app.formats.instants import iso, local_iso_texts
from app.products.numbers import InstantText, Number, hours_text
from app.products.roster.check_answer import CheckViolation, violation_shown
from app.products.roster.cover_request import Covering, CoverRequest
from app.products.roster.held import HeldWork
from app.products.roster.loads import RosterLoad, in_hours, roster_loads
from app.products.roster.understood_held import UnderstoodHeld

MOST_BREAKS = 20
"""The most that is told of what one candidate would break."""
MEASURES = ("in all", "in nights", "on weekends", "on holidays")


class CoverShare(Struct, frozen=True):
    """What somebody has. Hours are elapsed time."""

    hours: Number
    nights: Annotated[Number, Meta(description="Hours from 22:00 to 06:00, local.")]
    weekends: Annotated[Number, Meta(description="Hours on Saturday and Sunday, local.")]
    holidays: Annotated[Number, Meta(description="Hours on their own public holidays.")]


class CoverCandidate(Struct, frozen=True, rename="camel", kw_only=True):
    """Somebody who could take a stretch over."""

    person: str
    able: Annotated[bool, Meta(description="Whether they would break nothing that holds.")]
    reason: Annotated[str, Meta(description="Why they stand here, in words.")]
    before: Annotated[CoverShare, Meta(description="What they have.")]
    after: Annotated[CoverShare, Meta(description="With the stretch.")]
    breaks: Annotated[
        Sequence[CheckViolation],
        Meta(description="What would be broken and is not now, as oncall-check has it: 20."),
    ]


class CoverStretch(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A stretch that is to be covered, and who could."""

    stretch: Annotated[int, Meta(description="Number of the stretch, from 1, in order of time.")]
    assignment: Annotated[str, Meta(description="The pointer of what it is a part of.")]
    start: InstantText
    end: InstantText
    start_local: InstantText
    end_local: InstantText
    kind: str | UnsetType = UNSET
    role: str | UnsetType = UNSET
    skill: str | UnsetType = UNSET
    person: Annotated[str, Meta(description="Who has it, and gives it away.")]
    cover: Annotated[str, Meta(description="Who is proposed; absent: nobody can.")] | UnsetType = (
        UNSET
    )
    able: Annotated[int, Meta(description="How many could, if it were the only one.")]
    candidates: Annotated[
        Sequence[CoverCandidate],
        Meta(description="The first to ask first, as many as limit says."),
    ]


class CoverOverride(Struct, frozen=True):
    """One override of a schedule, as oncall-schedule takes it."""

    user_id: str
    start_at: InstantText
    end_at: InstantText


class CoverAnswer(Struct, frozen=True, rename="camel", kw_only=True):
    """Who could cover what, and one proposal for all of it."""

    interpretation: str
    stretches: Sequence[CoverStretch]
    uncovered: Annotated[
        Sequence[int], Meta(description="The numbers of those for which nobody is left.")
    ]
    overrides: Annotated[
        Sequence[CoverOverride], Meta(description="They carry the proposal out, in order of time.")
    ]
    loads: Annotated[
        Mapping[str, RosterLoad], Meta(description="With the covers; a part is a slot.")
    ]
    warnings: Sequence[str]
    understood: UnderstoodHeld


def cover_answer(request: CoverRequest, found: CoverSet) -> CoverAnswer:
    """Return the answer to a request for which ``found`` was chosen."""
    covering = request.covering
    checked = covering.checked
    stretches = [
        _stretch(request, found, index, candidates)
        for index, candidates in enumerate(found.candidates)
    ]
    return CoverAnswer(
        interpretation=covers_in_words(covering, found),
        stretches=stretches,
        uncovered=[each.stretch for each in stretches if isinstance(each.cover, UnsetType)],
        overrides=[
            CoverOverride(each.cover, each.start, each.end)
            for each, place in zip(stretches, covering.given, strict=True)
            if not isinstance(each.cover, UnsetType) and place not in covering.at_once
        ],
        loads=roster_loads(checked.roster, found.assignment, checked.points),
        warnings=list(_warnings(covering)),
        understood=request.understood,
    )


def cover_of(covering: Covering, found: CoverSet, place: Place) -> str | None:
    """Return who is proposed for a place."""
    slot, number = place
    person = found.assignment[slot][number]
    return None if person is None else covering.checked.roster.people[person].name


def covers_in_words(covering: Covering, found: CoverSet) -> str:
    """Say how much is to be covered, and how much of it is."""
    count = len(covering.given)
    covered = sum(cover_of(covering, found, place) is not None for place in covering.given)
    what = f"{count:,} stretch{'' if count == 1 else 'es'} to cover"
    if covered == count:
        return f"{what}: somebody is proposed for {'it' if count == 1 else 'each'}."
    return f"{what}: somebody is proposed for {covered:,}, nobody is left for {count - covered:,}."


def _stretch(
    request: CoverRequest, found: CoverSet, index: int, candidates: Sequence[Candidate]
) -> CoverStretch:
    covering = request.covering
    place = covering.given[index]
    work = covering.work_of(place)
    start_local, end_local = local_iso_texts(
        covering.checked.held.clock, (work.start_at, work.end_at)
    )
    ordered = sorted(candidates, key=lambda each: not covering.is_able(each))
    return CoverStretch(
        stretch=index + 1,
        assignment=work.pointer,
        start=iso(work.start_at),
        end=iso(work.end_at),
        start_local=start_local,
        end_local=end_local,
        kind=work.kind or UNSET,
        role=work.role or UNSET,
        skill=work.skill or UNSET,
        person=work.person,
        cover=cover_of(covering, found, place) or UNSET,
        able=sum(map(covering.is_able, candidates)),
        candidates=list(_candidates(covering, ordered[: request.shown])),
    )


def _candidates(covering: Covering, ordered: Sequence[Candidate]) -> Iterator[CoverCandidate]:
    before: Candidate | None = None
    people = covering.checked.roster.people
    for each in ordered:
        breaks = [violation_shown(covering.checked, one) for one in each.breaks[:MOST_BREAKS]]
        yield CoverCandidate(
            person=people[each.person].name,
            able=covering.is_able(each),
            reason="; ".join(one.text for one in breaks) or _place(covering, before, each),
            before=_share(each.before),
            after=_share(each.after),
            breaks=breaks,
        )
        before = each


def _place(covering: Covering, before: Candidate | None, candidate: Candidate) -> str:
    """Say what gives somebody who breaks nothing their place."""
    people = covering.checked.roster.people
    who = people[candidate.person]
    own = candidate.after.by(who.weight)
    if before is None:
        return f"{who.name}: breaks nothing, and has the least then: {_hours(own[0])} h{_of(own)}"
    other = people[before.person]
    against = before.after.by(other.weight)
    differing = (n for n, (one, two) in enumerate(zip(own, against, strict=True)) if one != two)
    first = next(differing, None)
    if first is None:
        return f"{who.name}: breaks nothing, and has the same then as {other.name}, named before"
    return (
        f"{who.name}: breaks nothing, and has {_hours(own[first])} h {MEASURES[first]} then: "
        f"{other.name} has {_hours(against[first])}"
    )


def _of(share: Sequence[Fraction]) -> str:
    told = [f"{_hours(ms)} {name}" for ms, name in zip(share[1:], MEASURES[1:], strict=True) if ms]
    return f" ({', '.join(told)})" if told else ""


def _hours(ms: Fraction) -> str:
    return hours_text(in_hours(ms))


def _share(share: Share) -> CoverShare:
    return CoverShare(*map(in_hours, share))


def _warnings(covering: Covering) -> Iterator[str]:
    for place in covering.given:
        if place in covering.at_once:
            work: HeldWork = covering.work_of(place)
            yield (
                f"{work.person} shares the turn from {iso(work.start_at)}: an override would take "
                "the others off as well, so none is written."
            )
