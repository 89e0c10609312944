"""The shifts of a schedule (v2 entries): created entries, and the turns of its layers.

Strategy: a created entry is a shift as it stands. The rest of the window is cut where versions
begin; in each version the layers take the parts in which they are active, from top to bottom, and
a part is cut where the turns of its layer begin. First the window is widened to hold the whole of
the generated shifts at its two ends; one look at each layer finds them, however long they are.

Invariants: generated shifts overlap neither each other nor an entry, and together they are the time
in which the layers have somebody and no entry does. Each is maximal for its turn and its version,
so it does not depend on the window asked about. All lie in the years 2 to 9998, cut there if need
be.
"""

import re
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from app.engine.intervals import Interval, merged, split, split_at
from app.engine.layered.layers import LayerSource
from app.engine.layered.limits import (
    EARLIEST_AT,
    LATEST_AT,
    check_schedule,
    check_segments,
    check_window,
)
from app.engine.layered.model import (
    NOBODY,
    Entry,
    PassedOverStretch,
    Segment,
    members_of,
    segment_of,
)
from app.engine.layered.overrides import ManualAssignmentSource
from app.engine.layered.resolve import absences_by_user
from app.engine.layered.roles import role_at, roles_between, versions_of_role
from app.engine.layered.turns import LayerTurn
from app.engine.layered.versions import ScheduleVersion, validity_intervals
from app.engine.walltime import clock_of

_KEY = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})~(-?[0-9]{1,18})(?:~(-?[0-9]{1,18}))?")


class ScheduleShift(NamedTuple):
    """A shift ``[start_at, end_at)``, not cut to the window asked about.

    ``user_id`` has the turn or the entry, before any override. ``entry`` is ``None`` for a
    generated shift. ``layer`` is then the index of its layer, ``turn`` the number of its turn and
    ``version`` that of its version; ``piece`` says that it does not begin with its turn.
    ``turn_user_id`` is whose turn it is, who may be away, or the first of those; ``others``,
    ``passed_over`` and ``role`` are those of a ``Segment``.
    """

    start_at: int
    end_at: int
    user_id: str
    entry: Entry | None
    layer: int = 0
    turn: int = 0
    version: int = 0
    piece: bool = False
    turn_user_id: str = NOBODY
    others: tuple[str, ...] = ()
    passed_over: tuple[PassedOverStretch, ...] = ()
    role: str | None = None

    def key(self) -> str:
        """Return the key of a generated shift, unique among those of its schedule."""
        key = f"{self.version}.{self.layer}~{self.turn}"
        return f"{key}~{self.start_at}" if self.piece else key


def shifts_between(
    versions: Sequence[ScheduleVersion], from_at: int, to_at: int
) -> list[ScheduleShift]:
    """Return the shifts that overlap ``[from_at, to_at)``, in order of start, role and creation.

    ``versions`` are in order, and there is at least one. The cost is the number of shifts and of
    windows of restrictions between them. Raises the errors of ``check_window`` and
    ``check_schedule``, ``TooManySegments``, and ``ValueError`` for an unknown time zone.
    """
    check_window(from_at, to_at)
    shifts = [
        ScheduleShift(
            entry.start_at,
            entry.end_at,
            entry.user_id,
            entry,
            turn_user_id=entry.user_id,
            role=entry.role or role_at(versions, entry.start_at),
        )
        for entry in _entries_between(versions, from_at, to_at)
    ]
    for role in roles_between(versions, from_at, to_at):
        for some in _generated(versions_of_role(versions, role), from_at, to_at):
            shifts += some if role is None else [each._replace(role=role) for each in some]
            check_segments(len(shifts))
    return sorted(shifts, key=attrgetter("start_at"))


def _entries_between(
    versions: Sequence[ScheduleVersion], from_at: int, to_at: int
) -> Iterator[Entry]:
    """Yield the created entries that overlap a window."""
    for entry in versions[-1].schedule.entries:
        if from_at < entry.end_at and entry.start_at < min(to_at, entry.end_at):
            yield entry


def _generated(
    versions: Sequence[ScheduleVersion], from_at: int, to_at: int
) -> Iterator[list[ScheduleShift]]:
    """Yield the generated shifts of one role that overlap a window, layer by layer."""
    generators = [
        _VersionShifts(version, interval)
        for version, interval in zip(versions, validity_intervals(versions), strict=True)
        if interval[0] < to_at and from_at < interval[1]
    ]
    first, last = generators[0].shift_at(from_at), generators[-1].shift_at(to_at - 1)
    window = (first.start_at if first else from_at, last.end_at if last else to_at)
    entries = _entries_between(versions, from_at, to_at)  # the ends added here hold no entry
    taken = merged(sorted((entry.start_at, entry.end_at) for entry in entries))
    _, free = split([window], taken)
    for generator in generators:
        own, free = split_at(free, generator.to_at)
        yield from generator.shifts_in(own)


def start_of_shift_key(versions: Sequence[ScheduleVersion], key: str) -> int | None:
    """Return the instant at which the generated shift with a key begins, if there is such a shift.

    Returns ``None`` for any text that is no key of one. Entries, which may cut the shift, are not
    looked at. Raises the errors of ``check_schedule``, and ``ValueError`` for an unknown time zone.
    """
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    number, layer, turn = map(int, match.groups()[:3])
    for version, interval in zip(versions, validity_intervals(versions), strict=True):
        if version.number == number:
            at = (
                int(match[4])
                if match[4]
                else _VersionShifts(version, interval).begins_at(layer, turn)
            )
            if EARLIEST_AT <= at < LATEST_AT:
                return at
    return None


class _VersionShifts:
    """The generated shifts of one version."""

    __slots__ = ("_entries", "_from_at", "_layers", "_number", "to_at")

    def __init__(self, version: ScheduleVersion, interval: Interval) -> None:
        schedule = version.schedule
        check_schedule(schedule)
        clock = clock_of(schedule.timezone)
        self._number = version.number
        self._from_at, self.to_at = max(interval[0], EARLIEST_AT), min(interval[1], LATEST_AT)
        self._entries = ManualAssignmentSource(schedule.entries)
        absences = absences_by_user(schedule)
        self._layers = {
            index: LayerSource(
                layer,
                clock,
                [each for name in layer.people for each in absences[name]] if absences else (),
                schedule.when_away,
            )
            for index, layer in enumerate(schedule.layers)
            if any(layer.participants)
        }

    def begins_at(self, index: int, number: int) -> int:
        """Return the instant at which a turn of a layer begins, in this version or not.

        Returns ``LATEST_AT`` if there is no such layer.
        """
        layer = self._layers.get(index)
        return layer.turns.begins_at(number) if layer else LATEST_AT

    def shift_at(self, at: int) -> ScheduleShift | None:
        """Return the generated shift that holds an instant of this version, if any does."""
        start, end, entry = self._entries.interval_at(at)
        if entry:
            return None
        start, end = max(start, self._from_at), min(end, self.to_at)
        for index, layer in self._layers.items():
            opens_at, closes_at, turn, assignment = layer.shift_at(at)
            start, end = max(start, opens_at), min(end, closes_at)
            if turn and assignment:
                return self._shift(segment_of(start, end, assignment), index, turn)
        return None

    def shifts_in(self, free: list[Interval]) -> Iterator[list[ScheduleShift]]:
        """Yield the shifts inside free intervals, layer by layer."""
        for index, layer in self._layers.items():
            if not free:
                break
            segments, free = layer.segments_in(free)
            yield [
                self._shift(segment, index, turn)
                for segment in segments
                for turn in layer.turns.between(segment.start_at, segment.end_at)
            ]

    def _shift(self, segment: Segment, index: int, turn: LayerTurn) -> ScheduleShift:
        """Return the part of a turn in a segment as a shift."""
        number, turn_start, turn_end, participant = turn
        start, piece = segment.start_at, segment.start_at > turn_start
        start, end = max(start, turn_start), min(segment.end_at, turn_end)
        return ScheduleShift(
            *(start, end, segment.user_id, None, index, number, self._number, piece),
            turn_user_id=members_of(participant)[0],
            others=segment.others,
            passed_over=tuple(
                each._replace(start_at=max(each.start_at, start), end_at=min(each.end_at, end))
                for each in segment.passed_over
                if each.start_at < end and start < each.end_at
            ),
        )
