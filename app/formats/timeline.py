"""The timeline that a calendar and a picture show: the person on call in each period of time.

Strategy: each product converts its result to a ``Timeline``, so that each format is written once.
The items of a timeline follow each other without pauses, but for those of a roster, which may also
overlap; an item without a person is a gap.
Instants are milliseconds since 1970-01-01T00:00:00Z, and ranges are half open.

``Timeline.identity`` and ``TimelineItem.key`` together identify an item in two answers: a calendar
updates the event that has both. The person is not part of them, because a shift that another
person takes over stays the same shift.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

GAP_NOTE = "Nobody is on call."


class TimelineItem(NamedTuple):
    """A period ``[start_at, end_at)`` with one person, or with nobody (``None``).

    ``note`` is a sentence with the reason or with what comes next. ``goes_on_before`` and
    ``goes_on_after`` say that the period is longer than shown. ``role`` distinguishes people who
    are on call at the same time; ``others`` share the item with the person. ``changed_at`` is when
    the item was last changed, where that is known.
    """

    key: int
    start_at: int
    end_at: int
    person: str | None
    note: str = ""
    goes_on_before: bool = False
    goes_on_after: bool = False
    role: str = ""
    changed_at: int | None = None
    others: tuple[str, ...] = ()

    @property
    def people(self) -> Sequence[str]:
        """Everybody who is on call, in order."""
        return () if self.person is None else (self.person, *self.others)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A series of items in order, shown in the local time of ``timezone``.

    ``people`` has a few words for each person, in order. ``items`` are those of the first role, and
    ``beside`` those of all others. ``after`` has items that follow the requested ones; ``mark_at``
    is the requested instant, if an instant was requested. Handoffs are ``handoff_offset_ms`` after
    the items end. ``absences`` are when people cannot be on call, in any order; they may overlap,
    and may begin before the first item or end after the last. ``revision`` counts the changes of a
    timeline that is subscribed to; an answer has none. Where one item does not follow the other,
    nobody ``hands_over`` to anybody.
    """

    title: str
    summary: str
    timezone: str
    identity: Sequence[str]
    items: Sequence[TimelineItem]
    people: Mapping[str, str]
    beside: Sequence[TimelineItem] = ()
    after: Sequence[TimelineItem] = ()
    mark_at: int | None = None
    handoff_offset_ms: int = 0
    revision: int | None = None
    absences: Sequence[TimelineItem] = ()
    hands_over: bool = True


def shift_count_text(count: int) -> str:
    """Return a number of shifts in words, such as ``1 shift`` or ``2 shifts``."""
    return f"{count:,} shift{'' if count == 1 else 's'}"
