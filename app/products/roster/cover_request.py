"""The request for covers in a roster that exists, and what it is to the engine."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from operator import itemgetter
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from app.engine.cover import Candidate
from app.engine.cover_set import CoverSet, Place, cover_set
from app.engine.intervals import Interval, split
from app.engine.roster.model import PersonRule, held_slots
from app.errors import FieldError, InvalidRequest
from app.http.validation import RequestModel, valid_items
from app.products.roster.check_request import (
    Checked,
    CheckRequest,
    checked_of,
    known_names,
    with_absences,
)
from app.products.roster.document import unknown_names
from app.products.roster.fields import End, PersonName, Start, stretch_errors
from app.products.roster.held import Held, HeldWork

STRETCHES = 100
"""The most stretches that are covered at once."""
WORK = 6_000_000
"""The most that all rankings may look at, two for each stretch: about 20 s of a processor."""
SPARE = 50
"""So many rankings more are made, within ``WORK``, where a choice has to be taken back."""
SHOWN = 25


class GivenDocument(RequestModel, frozen=True):
    """What somebody gives away; they take nothing else then."""

    person: PersonName
    start: Start
    end: End

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        return stretch_errors(values)


class CoverRequest(CheckRequest, frozen=True, kw_only=True, dict=True, rename="camel"):
    """A roster that exists, and what of it is to be covered."""

    give_away: (
        Annotated[
            list[GivenDocument],
            Meta(max_length=STRETCHES, description="what else is to be covered, by person"),
        ]
        | None
    ) = None
    limit: (
        Annotated[
            float,
            Meta(
                ge=1,
                le=200,
                multiple_of=1,
                description="the most candidates that are shown of each stretch, 25 if absent",
                examples=[5],
            ),
        ]
        | None
    ) = None

    synonyms: ClassVar[Mapping[str, str]] = {
        **CheckRequest.synonyms,
        "give": "giveAway",
        "handover": "giveAway",
        "swap": "giveAway",
        "covers": "giveAway",
    }

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        yield from chain(super().cross_field_errors(values), _asked_errors(values))
        if {"assignments", "people", "schedule"} <= values.keys():
            names = (
                (f"/giveAway/{index}/person", str(given.person))
                for index, given in valid_items(values, "give_away")
            )
            yield from unknown_names(names, known_names(values))

    @cached_property
    def covering(self) -> "Covering":
        """What is to be covered. Raises ``InvalidRequest``."""
        return _covering(self)

    @property
    def shown(self) -> int:
        """The most candidates that are shown of each stretch."""
        return SHOWN if self.limit is None else int(self.limit)


@dataclass(frozen=True)
class Covering:
    """A roster whose slots are cut at what is given away, and the places that this is.

    ``at_once`` has the places for which an override would take others off as well.
    """

    checked: Checked
    given: Sequence[Place]
    at_once: frozenset[Place]

    def work_of(self, place: Place) -> HeldWork:
        """Return who has a place, and where it stands in the request."""
        slot, number = place
        return self.checked.work[slot][number]

    def is_able(self, candidate: Candidate) -> bool:
        """Tell whether somebody would break nothing that holds."""
        return all(map(self.checked.weight, candidate.breaks))

    def covers(self) -> CoverSet:
        """Rank the candidates, and choose one for each place together."""
        checked = self.checked
        spare = min(SPARE, WORK // ranking_work(checked) - 2 * len(self.given))
        return cover_set(checked.roster, checked.assignment, self.given, self.is_able, spare)


def _asked_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for a request that says of nobody that they are away."""
    if not {"unavailable", "give_away", "people"} <= values.keys():
        return
    people = values["people"] or ()
    away = any(who.unavailable or who.joins or who.leaves for who in people)
    if not values["unavailable"] and not values["give_away"] and not away:
        yield FieldError("/unavailable", "is required, or giveAway: nothing is to be covered")


def _covering(request: CoverRequest) -> Covering:
    held = request.checked.held
    errors = [
        FieldError(f"/giveAway/{index}", f"is of nothing: {each.person} has nothing then")
        for index, each in enumerate(request.give_away or ())
        if not _meets(held, str(each.person), (each.start, each.end))
    ]
    if errors:
        raise InvalidRequest(errors)
    held = with_absences(held, request.give_away or ())
    _require_few(sum(_pieces(each, held.people[each.person].away) for each in held.work))
    checked = checked_of(request, replace(held, work=list(_cut(held))))
    places = [
        (slot, number)
        for slot, own in enumerate(checked.work)
        for number, each in enumerate(own)
        if _inside(each, held.people[each.person].away)
    ]
    together = request.schedule is not None
    at_once = {(slot, n) for slot, n in places if together and len(checked.work[slot]) > 1}
    found = Covering(checked, places, frozenset(at_once))
    _refuse(found)
    return found


def _require_few(count: int) -> None:
    """Raise ``InvalidRequest`` for nothing to cover, or too many stretches, before any is cut."""
    if not count:
        nothing = "meets nothing that they have: there is nothing to cover"
        raise InvalidRequest([FieldError("/unavailable", nothing)])
    if count > STRETCHES:
        more = f"has {count:,} stretches to cover: at most {STRETCHES} are covered at once"
        raise InvalidRequest([FieldError("", more)])


def _pieces(work: HeldWork, away: Sequence[Interval]) -> int:
    """Count the pieces that absences, which are in order and do not touch, cut from somebody's."""
    first = bisect_right(away, work.start_at, key=itemgetter(1))
    return bisect_left(away, work.end_at, key=itemgetter(0)) - first


def _refuse(found: Covering) -> None:
    """Raise ``InvalidRequest`` for more than can be ranked."""
    count = len(found.given)
    work = 2 * count * ranking_work(found.checked)
    if work > WORK:
        more = (
            f"is too much to rank: {work:,} steps, at most {WORK:,}; they grow with stretches, "
            "people, slots and rules. Ask for fewer stretches, or send less of the roster"
        )
        raise InvalidRequest([FieldError("", more)])


def ranking_work(checked: Checked) -> int:
    """Return what one ranking looks at, rule by rule: all slots, and pairs of each one's own."""
    held = held_slots(checked.roster, checked.assignment)
    slots = len(checked.roster.slots)
    rules = 1 + sum(isinstance(rule, PersonRule) for rule in checked.roster.rules)
    return rules * sum(slots + len(own) ** 2 for own in held)


def _meets(held: Held, person: str, span: Interval) -> bool:
    return any(each.person == person and _inside(each, [span]) for each in held.work)


def _inside(work: HeldWork, spans: Sequence[Interval]) -> bool:
    return bool(split([(work.start_at, work.end_at)], spans)[0])


def _cut(held: Held) -> Iterator[HeldWork]:
    """Yield who has what, cut where something that they cannot do begins or ends."""
    for each in held.work:
        away = held.people[each.person].away
        inside, outside = split([(each.start_at, each.end_at)], away)
        for start, end in sorted([*inside, *outside]):
            yield replace(each, start_at=start, end_at=end)
