"""What was understood of requests about a roster that exists."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from app.formats.instants import iso, local_iso_texts
from app.products.holiday_fields import UnderstoodHoliday, understood_holidays
from app.products.numbers import InstantText
from app.products.roster.held import Held


class UnderstoodHeld(Struct, frozen=True, rename="camel"):
    """How the request was read: the zone, the time, and the holidays that count."""

    timezone: Annotated[str, Meta(description="Whose clock is meant.")]
    start: Annotated[InstantText, Meta(description="First instant of the window.")]
    end: Annotated[InstantText, Meta(description="First instant after it.")]
    start_local: Annotated[InstantText, Meta(description="`start` by that clock.")]
    end_local: Annotated[InstantText, Meta(description="`end` by that clock.")]
    people: Annotated[int, Meta(description="How many people there are.")]
    shifts: Annotated[int, Meta(description="How many stretches they have.")]
    holidays: Annotated[
        Sequence[UnderstoodHoliday],
        Meta(description="The first 100 public holidays that count, by calendar."),
    ]


def understood_held(held: Held, timezone: str) -> UnderstoodHeld:
    """Return what was understood of a request."""
    window = (held.start_at, held.end_at)
    start_local, end_local = local_iso_texts(held.clock, window)
    calendars = [code for code in dict.fromkeys(held.calendars.values()) if code]
    return UnderstoodHeld(
        timezone,
        iso(held.start_at),
        iso(held.end_at),
        start_local,
        end_local,
        len(held.people),
        len(held.work),
        understood_holidays(calendars, held.days),
    )
