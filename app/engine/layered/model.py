"""The words of layered schedules as frozen data: what is asked for, and what is answered.

Strategy: texts are read before they get here (``texts.py``), so every field is a number, a name or
a tuple of them. Instants (``…_at``) are whole milliseconds since 1970-01-01T00:00:00Z, may be
negative, and every range is half open (rule 1 of ``schedules.md``). Times of day are milliseconds
since local midnight; weekdays count from 0, Monday.

Invariant: nothing here computes; answers are built by ``resolve.py``, ``tally.py``, ``swaps.py``.
Answers are named tuples, because a window builds them by the hundred thousand.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Unit = Literal["hours", "days", "weeks", "months"]
Source = Literal["layer", "override", "entry"]
TurnsOn = Literal["all", "active"]


@dataclass(frozen=True, slots=True)
class Restriction:
    """A wall-clock window on named days (rule 7).

    It holds from ``start`` to ``end`` on each day of ``days`` (none: every day); ``end <= start``
    runs into the next day and belongs to the day it starts on. ``start`` is in ``[0, 24 h)`` and
    ``end`` in ``[0, 24 h]``, in milliseconds since local midnight.
    """

    start: int
    end: int
    days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """A rotation plus restrictions.

    ``participants`` take turns in order, ``count`` × ``unit`` each (rule 3); a name given twice
    takes two turns. ``start_at`` absent: turns are counted from 1970-01-05 and the layer was never
    silent (rule 3); present: silent before it (rule 4). ``handoff_time`` is the time of day of
    handoffs and ``handoff_day`` their weekday, for weeks only; absent: as at ``start_at``.
    ``turns_on`` is rule 6.
    """

    name: str
    participants: tuple[str, ...]
    unit: Unit = "days"
    count: int = 1
    start_at: int | None = None
    handoff_time: int | None = None
    handoff_day: int | None = None
    restrictions: tuple[Restriction, ...] = ()
    turns_on: TurnsOn = "all"


@dataclass(frozen=True, slots=True)
class Override:
    """One person for ``[start_at, end_at)``, above entries and layers. ``id``: whatever names
    it."""

    user_id: str
    start_at: int
    end_at: int
    reason: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A shift made by hand (v2) for ``[start_at, end_at)``: above layers, below overrides."""

    user_id: str
    start_at: int
    end_at: int
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Swap:
    """Who has the stretch ``[start_at, end_at)`` gives it to ``with_user_id`` (``swaps.py``)."""

    start_at: int
    end_at: int
    with_user_id: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Layers from top to bottom (rule 8), with overrides and entries in the order of creation."""

    timezone: str
    layers: tuple[Layer, ...] = ()
    overrides: tuple[Override, ...] = ()
    entries: tuple[Entry, ...] = ()


class Duty(NamedTuple):
    """Who is on call and why; ``layer`` (a name), ``override`` or ``entry`` as ``source`` says."""

    user_id: str
    source: Source
    layer: str | None
    override: Override | None
    entry: Entry | None


class Segment(NamedTuple):
    """A maximal stretch ``[start_at, end_at)`` with one person and one source, cut to the window.

    ``starts_before`` and ``ends_after`` say that the window cut it.
    """

    start_at: int
    end_at: int
    user_id: str
    source: Source
    layer: str | None
    override: Override | None
    entry: Entry | None
    starts_before: bool = False
    ends_after: bool = False


class Gap(NamedTuple):
    """A maximal stretch ``[start_at, end_at)`` with nobody on call, cut to the window."""

    start_at: int
    end_at: int


class FinalSchedule(NamedTuple):
    """The window ``[from_at, to_at)``: its segments and gaps, each in order, tile it exactly.

    ``since_at`` is when the first of them began, if the window cuts it; ``EARLIEST_AT`` if it was
    always so.
    """

    from_at: int
    to_at: int
    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...]
    since_at: int | None = None


class Following(NamedTuple):
    """The person of the next segment and the instant at which it starts."""

    user_id: str
    at: int


class OnCall(NamedTuple):
    """Who is on call at ``at``: the segment ``[since, until)`` that holds it, and who follows.

    ``duty`` is ``None`` when nobody is; ``since`` and ``until`` then bound the gap. ``since`` is
    ``None`` where it was always so, ``until`` and ``next`` where nothing will ever change.
    """

    at: int
    duty: Duty | None
    since: int | None
    until: int | None
    next: Following | None

    @property
    def user_id(self) -> str | None:
        return self.duty.user_id if self.duty else None
