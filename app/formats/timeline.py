"""What a calendar and a picture show: who is on call in which stretch of time.

Strategy: each product brings its result to one shape, ``Timeline``, so that a format is written
once. Its items are back to back; one with nobody is a gap. Instants are milliseconds since
1970-01-01T00:00:00Z, ranges are half open.

``identity`` and ``TimelineItem.key`` say what makes an item the same item in two answers: a
calendar updates the event that has both. Persons are not part of it: a shift that another person
takes over stays the same shift.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

GAP_NOTE = "Nobody is on call."


class TimelineItem(NamedTuple):
    """A stretch ``[start_at, end_at)`` with one person, or with nobody (``None``).

    ``note`` says why or what comes next, in a sentence. ``goes_on_before`` and ``goes_on_after``
    say that the stretch is longer than what is shown of it. ``role`` tells those apart who are on
    call at once.
    """

    key: int
    start_at: int
    end_at: int
    person: str | None
    note: str = ""
    goes_on_before: bool = False
    goes_on_after: bool = False
    role: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """TimelineItems back to back, in order, by the clock of ``timezone``.

    ``people`` has a few words for each person, in order. ``beside`` are the items of all roles but
    the first, which has its own in ``items``. ``after`` follows the last item without
    having been asked for; ``mark_at`` is the instant asked about, if it was one. Handoffs are
    ``handoff_offset_ms`` after the items end.
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


def shift_count_text(count: int) -> str:
    """Return a number of shifts in words, such as ``1 shift`` or ``2 shifts``."""
    return f"{count:,} shift{'' if count == 1 else 's'}"
