"""What was taken from the calendars of a request, as the answer tells it."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from app.products.numbers import InstantText

MAX_SUMMARY = 100
SHOWN = 100
"""The events of one calendar that are listed of each kind, the first ones."""


class CountedEvent(Struct, frozen=True, rename="camel"):
    """An absence that was taken from a calendar."""

    summary: Annotated[str, Meta(description=f"The event's, cut to {MAX_SUMMARY} characters.")]
    start: InstantText
    end: InstantText


class UncountedEvent(Struct, frozen=True, rename="camel"):
    """An event within the rotation that takes nobody away."""

    summary: Annotated[str, Meta(description=f"The event's, cut to {MAX_SUMMARY} characters.")]
    start: Annotated[InstantText, Meta(description="Of its first occurrence within the rotation.")]
    end: InstantText
    times: Annotated[int, Meta(description="Its occurrences within the rotation.")]
    why: Annotated[str, Meta(description="Why it does not count.")]


class UnderstoodCalendar(Struct, frozen=True, rename="camel"):
    """What was taken from one calendar."""

    person: str
    absences: Annotated[
        Sequence[CountedEvent], Meta(description=f"What counts, the first {SHOWN} of it.")
    ]
    absences_in_all: int
    not_counted: Annotated[
        Sequence[UncountedEvent], Meta(description=f"What does not, the first {SHOWN} of it.")
    ]
    not_counted_in_all: Annotated[int, Meta(description="Events; a series is one.")]
