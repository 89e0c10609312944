"""Layered schedules as frozen data: the question and the answer.

Strategy: texts are parsed before they get here (``parsing.py``), so every field is a number, a name
or a tuple of them. Instants (``…_at``) are whole milliseconds since 1970-01-01T00:00:00Z, may be
negative, and every range is half open (rule 1 of ``schedules.md``). Times of day are milliseconds
since local midnight; weekdays count from 0, Monday.

Invariant: nothing here computes; answers are built by ``resolve.py``, ``tally.py``, ``swaps.py``.
Answers are named tuples, because a window builds them by the hundred thousand.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

Unit = Literal["hours", "days", "weeks", "months"]
SourceKind = Literal["layer", "override", "entry"]
TurnsOn = Literal["all", "active"]
WhenAway = Literal["next", "gap"]
"""What becomes of a turn while the person who has it is away: the next participant of the layer who
is there takes it, or the layer has nobody."""
Participant = str | tuple[str, ...] | None
"""Who has a turn: one person, several at once, or nobody: the layer leaves it to those below."""

NOBODY = ""
"""In place of a person, within the engine, where an override says that nobody is on call."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """A wall-clock window on named days (rule 7 of ``schedules.md``).

    It holds from ``start`` to ``end`` on each day of ``days``, or on every day if ``days`` is
    empty. With ``end <= start`` it runs into the next day and belongs to the day it starts on.
    ``start`` is in ``[0, 24 h)`` and ``end`` in ``[0, 24 h]``, in milliseconds since local
    midnight.
    """

    start: int
    end: int
    days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Layer:
    """A rotation with restrictions (rules 3 to 7 of ``schedules.md``).

    ``participants`` take turns in order, ``count`` × ``unit`` each; a name given twice takes two
    turns. With ``start_at`` the layer is silent before it; without, turns are counted from
    1970-01-05, months from 1970-01-01, and there was no time before the layer. ``handoff_time`` is
    the time of day of handoffs and ``handoff_day`` their weekday, for weeks only; without them,
    both are those of ``start_at``. ``turns_on`` says whether all turns count or only active ones
    (rule 6). ``counted_from`` is another wall time to count from: that of a ``start_at`` which the
    clock skips, or the one from which a stored layer was counted before it was 1970-01-01. The turn
    that holds ``first_turn_at``, which is not before ``start_at``, is the first participant's;
    without it that is the turn from which turns are counted. From ``end_at`` on the layer is
    silent. Layers of one ``role`` are a schedule of their own (``roles.py``).
    """

    name: str
    participants: tuple[Participant, ...]
    unit: Unit = "days"
    count: int = 1
    start_at: int | None = None
    handoff_time: int | None = None
    handoff_day: int | None = None
    restrictions: tuple[Restriction, ...] = ()
    turns_on: TurnsOn = "all"
    first_turn_at: int | None = None
    counted_from: int | None = None
    end_at: int | None = None
    role: str | None = None

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who takes turns, each once, in the order of the list."""
        members = (name for each in self.participants for name in members_of(each))
        return tuple(dict.fromkeys(members))


def members_of(participant: Participant) -> tuple[str, ...]:
    """Return the people of a turn, in order."""
    if isinstance(participant, str):
        return (participant,)
    return participant or ()


@dataclass(frozen=True, slots=True)
class Override:
    """One person, or nobody (``None``), for ``[start_at, end_at)``, above entries and layers.

    ``id`` is the caller's, and may be absent. Without a ``role`` it is of the first role, and one
    of nobody is of all.
    """

    user_id: str | None
    start_at: int
    end_at: int
    reason: str | None = None
    id: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A created shift (v2) for ``[start_at, end_at)``, above layers and below overrides.

    Without a ``role`` it is of the first role.
    """

    user_id: str
    start_at: int
    end_at: int
    id: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Swap:
    """A swap of ``[start_at, end_at)`` with ``with_user_id``, who takes it over (``swaps.py``).

    Without a ``role`` it is of the first role.
    """

    start_at: int
    end_at: int
    with_user_id: str
    id: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """A stretch ``[start_at, end_at)`` in which a person takes no turns of layers."""

    user_id: str
    start_at: int
    end_at: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Layers from top to bottom, with overrides and entries in the order of their creation.

    ``absences`` are in any order and may overlap.
    """

    timezone: str
    layers: tuple[Layer, ...] = ()
    overrides: tuple[Override, ...] = ()
    entries: tuple[Entry, ...] = ()
    absences: tuple[Absence, ...] = ()
    when_away: WhenAway = "next"


class PassedOver(NamedTuple):
    """A person who is away, so that somebody else has the turn, and why."""

    user_id: str
    reason: str | None


class PassedOverStretch(NamedTuple):
    """A person who is away in ``[start_at, end_at)`` of a segment, and why."""

    start_at: int
    end_at: int
    user_id: str
    reason: str | None


class OnCallAssignment(NamedTuple):
    """A person who is on call, and the source that says so.

    Of ``layer`` (a name), ``override`` and ``entry`` only the one that ``source`` names is set.
    ``others`` are on call with the person, where a turn belongs to several. ``passed_over`` are
    those who would have had the turn before the person, and are away; a segment goes on where only
    they are others.
    """

    user_id: str
    source: SourceKind
    layer: str | None
    override: Override | None
    entry: Entry | None
    others: tuple[str, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()

    @property
    def user_ids(self) -> tuple[str, ...]:
        """Everybody who is on call."""
        return (self.user_id, *self.others)

    def continues(self, other: "OnCallAssignment | None") -> bool:
        """Return whether the same people are on call by the same source."""
        return other is not None and self[:PASSED_OVER] == other[:PASSED_OVER]


def goes_on(before: OnCallAssignment | None, after: OnCallAssignment | None) -> bool:
    """Return whether the same people, or nobody, are on call by the same source."""
    return before is after or (before is not None and before.continues(after))


PASSED_OVER = 6
"""The place of ``passed_over`` in an assignment."""


AssignmentInterval = tuple[int, int, OnCallAssignment | None]
"""The maximal ``[start, end)`` with one assignment, or with none."""


class Segment(NamedTuple):
    """A maximal interval ``[start_at, end_at)`` of one source, cut to the window.

    ``starts_before`` and ``ends_after`` say that the window cut it. The rest is that of an
    ``OnCallAssignment``.
    """

    start_at: int
    end_at: int
    user_id: str
    source: SourceKind
    layer: str | None
    override: Override | None
    entry: Entry | None
    others: tuple[str, ...] = ()
    passed_over: tuple[PassedOverStretch, ...] = ()
    starts_before: bool = False
    ends_after: bool = False

    @property
    def user_ids(self) -> tuple[str, ...]:
        """Everybody who is on call."""
        return (self.user_id, *self.others)

    def continues(self, before: "Segment") -> bool:
        """Return whether it follows at once with the same people, by the same source."""
        return (
            before.end_at == self.start_at
            and before[2 : 2 + PASSED_OVER] == (self[2 : 2 + PASSED_OVER])
        )


def segment_of(
    start_at: int,
    end_at: int,
    why: OnCallAssignment,
    passed_over: Iterable[PassedOverStretch] = (),
) -> Segment:
    """Return an assignment over ``[start_at, end_at)`` as a segment."""
    user_id, source, layer, override, entry, others, _ = why
    return Segment(
        *(start_at, end_at, user_id, source, layer, override, entry, others),
        tuple(passed_over),
    )


class Gap(NamedTuple):
    """A maximal interval ``[start_at, end_at)`` with nobody on call, cut to the window.

    ``override`` is the one that says so, if one does; where another says so, another gap begins.
    """

    start_at: int
    end_at: int
    override: Override | None = None


class FinalSchedule(NamedTuple):
    """The segments and gaps of a window ``[from_at, to_at)``, which they tile exactly.

    Both are in order. ``since_at`` is the instant at which the first of them began, if the window
    cuts it; ``EARLIEST_AT`` if it has no beginning.

    Where layers have roles, ``roles`` are the final schedules of each, of which these are all
    segments and gaps together; then it is they that tile the window, where there is such a role.
    """

    from_at: int
    to_at: int
    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...]
    since_at: int | None = None
    role: str | None = None
    roles: tuple["FinalSchedule", ...] = ()

    @property
    def parts(self) -> tuple["FinalSchedule", ...]:
        """The final schedule of each role, or the whole where there are no roles."""
        return self.roles or (self,)

    def part_of(self, role: str | None) -> "FinalSchedule | None":
        """Return the final schedule of a role, of the first one if it is ``None``.

        Return ``None`` for a role that there is not in the window.
        """
        known = (part for part in self.parts if role in (None, part.role))
        return next(known, None)

    @property
    def segments_and_roles(self) -> list[tuple[Segment, str | None]]:
        """The segments in order, each with its role, if it has one."""
        found = [(segment, part.role) for part in self.parts for segment in part.segments]
        return sorted(found, key=_start_of) if self.roles else found

    @property
    def gaps_and_roles(self) -> list[tuple[Gap, str | None]]:
        """The gaps in order, each with its role, if it has one."""
        found = [(gap, part.role) for part in self.parts for gap in part.gaps]
        return sorted(found, key=_start_of) if self.roles else found


def _start_of(placed: tuple[Segment | Gap, str | None]) -> int:
    return placed[0].start_at


class NextAssignment(NamedTuple):
    """The person of the next segment, and the instant at which it starts.

    ``others`` are on call with the person.
    """

    user_id: str
    at: int
    others: tuple[str, ...] = ()

    @property
    def user_ids(self) -> tuple[str, ...]:
        """Everybody of the next segment."""
        return (self.user_id, *self.others)


class OnCall(NamedTuple):
    """The person on call at an instant, since when, until when, and who is next.

    ``[since, until)`` is the segment that holds ``at``, or the gap if ``assignment`` is ``None``:
    then nobody is on call, and ``closed`` is the override that says so, if one does. ``since`` is
    ``None`` where it was always so, ``until`` and ``next`` where nothing will ever change.

    Where layers have roles, this is the answer of the first ``role``, and ``roles`` are those of
    each, the first included.
    """

    at: int
    assignment: OnCallAssignment | None
    since: int | None
    until: int | None
    next: NextAssignment | None
    closed: Override | None = None
    role: str | None = None
    roles: tuple["OnCall", ...] = ()

    @property
    def parts(self) -> tuple["OnCall", ...]:
        """The answer of each role, or the whole where there are no roles."""
        return self.roles or (self,)

    @property
    def user_id(self) -> str | None:
        return self.assignment.user_id if self.assignment else None

    @property
    def user_ids(self) -> tuple[str, ...]:
        """Everybody who is on call."""
        return self.assignment.user_ids if self.assignment else ()
