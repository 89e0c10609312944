"""What was understood of requests about rosters, told with the terms and with the answer."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.engine.walltime import clock_of
from app.formats.instants import iso, local_iso_texts
from app.products.holiday_fields import UnderstoodHoliday, understood_holidays
from app.products.numbers import InstantText, Number, number
from app.products.roster.document import RosterDocument
from app.products.roster.translation import Translated


class UnderstoodRoster(Struct, frozen=True, rename="camel", omit_defaults=True):
    """How the request was read: the zone, the time, the slots, and the holidays."""

    timezone: Annotated[str, Meta(description="Whose clock is meant.")]
    start: Annotated[InstantText, Meta(description="First instant of the first slot.")]
    end: Annotated[InstantText, Meta(description="First instant after the last slot.")]
    start_local: Annotated[InstantText, Meta(description="`start` by that clock.")]
    end_local: Annotated[InstantText, Meta(description="`end` by that clock.")]
    slots: Annotated[int, Meta(description="How many slots there are.")]
    places: Annotated[int, Meta(description="How many places they have.")]
    choices: Annotated[
        int,
        Meta(
            description=(
                "Pairs of a place and a person who can take it, places of one slot and skill as "
                "one: at most 35,000."
            )
        ),
    ]
    seconds: Annotated[
        Number,
        Meta(
            description="The most deterministic time of the search: the same on every machine; a "
            "second of it is two to five of a processor."
        ),
    ]
    absences: Annotated[int, Meta(description="How many absences there are.")]
    holidays: Annotated[
        Sequence[UnderstoodHoliday],
        Meta(description="The first 100 public holidays that count, by calendar."),
    ] = ()
    kept: (
        Annotated[int, Meta(description="How many assignments stay, with keep must.")] | UnsetType
    ) = UNSET


def understood_roster(request: RosterDocument, known: Translated) -> UnderstoodRoster:
    """Return what was understood of a request for a roster."""
    roster = known.base
    start = roster.slots[0].start_at
    end = max(slot.end_at for slot in roster.slots)
    start_local, end_local = local_iso_texts(clock_of(roster.timezone), (start, end))
    must = request.previous is not None and request.previous.keep == "must"
    return UnderstoodRoster(
        str(roster.timezone),
        iso(start),
        iso(end),
        start_local,
        end_local,
        len(roster.slots),
        sum(len(slot.needs) for slot in roster.slots),
        known.choices,
        number(known.seconds),
        sum(len(person.unavailable or ()) for person in request.people),
        understood_holidays(known.calendars, known.days),
        len(known.kept) if must else UNSET,
    )
