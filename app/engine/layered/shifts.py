"""The shifts of a schedule (v2 entries): those made by hand, and the turns of its layers.

Strategy: a created entry is a shift as it stands. What no entry covers is cut where eras begin;
in each era the layers take from it, from top to bottom, where they are active, and what a layer
takes is cut where its turns begin. A window is widened first to the whole of the generated shifts
that its two ends fall into, which one look at each layer finds, however long they are.

Invariants: generated shifts overlap neither each other nor an entry, and together they are where
the layers have somebody outside the entries. Each is maximal for its turn and its era, so the
window asked about never shows in it. All lie in the years 2 to 9998, cut there if need be.
"""

import re
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from app.engine.intervals import Span, cut, merged, parted
from app.engine.layered.layers import LayerSource
from app.engine.layered.limits import (
    EARLIEST_AT,
    LATEST_AT,
    check_schedule,
    check_segments,
    check_window,
)
from app.engine.layered.model import Entry
from app.engine.layered.overrides import CoverSource
from app.engine.layered.turns import Turn
from app.engine.layered.versions import Era, bounds_of
from app.engine.walltime import clock_of

_KEY = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})~(-?[0-9]{1,18})(?:~(-?[0-9]{1,18}))?")


class Shift(NamedTuple):
    """A shift ``[start_at, end_at)``, not cut to the window asked about.

    ``user_id`` is whose turn or entry it is, before any override. ``entry`` is the created entry,
    if it is one. Of a generated shift ``layer`` is the index of its layer, ``turn`` the number of
    its turn and ``rules`` that of its era; ``piece``: it does not begin with its turn.
    """

    start_at: int
    end_at: int
    user_id: str
    entry: Entry | None
    layer: int = 0
    turn: int = 0
    rules: int = 0
    piece: bool = False

    def key(self) -> str:
        """What names a generated shift among those of its schedule."""
        key = f"{self.rules}.{self.layer}~{self.turn}"
        return f"{key}~{self.start_at}" if self.piece else key


def shifts_between(eras: Sequence[Era], from_at: int, to_at: int) -> list[Shift]:
    """Every shift that meets ``[from_at, to_at)``, in order of start, then of creation.

    ``eras`` are those of ``history.py``. Costs the shifts and the windows of restrictions between
    them. Raises ``EmptyWindow``, ``WindowTooLong``, ``TooManySegments`` and the other named errors
    of ``bounds.py``, and ``ValueError`` for a zone.
    """
    check_window(from_at, to_at)
    shifts = [
        Shift(entry.start_at, entry.end_at, entry.user_id, entry)
        for entry in eras[-1].schedule.entries
        if from_at < entry.end_at and entry.start_at < min(to_at, entry.end_at)
    ]
    laid = [
        _Rules(era, span)
        for era, span in zip(eras, bounds_of(eras), strict=True)
        if span[0] < to_at and from_at < span[1]
    ]
    first, last = laid[0].shift_at(from_at), laid[-1].shift_at(to_at - 1)
    window = (first.start_at if first else from_at, last.end_at if last else to_at)
    taken = merged(sorted(shift[:2] for shift in shifts))  # what the window was widened by is free
    _, free = parted([window], taken)
    for rules in laid:
        own, free = cut(free, rules.to_at)
        for some in rules.shifts_in(own):
            shifts += some
            check_segments(len(shifts))
    return sorted(shifts, key=attrgetter("start_at"))


def start_of_key(eras: Sequence[Era], key: str) -> int | None:
    """The instant at which the generated shift with a key begins, if there is such a shift.

    ``None`` where there cannot be, whatever the text; entries, which may cut it, are not looked at.
    Raises the named errors of ``bounds.py`` for a schedule, and ``ValueError`` for a zone.
    """
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    number, layer, turn = map(int, match.groups()[:3])
    for era, span in zip(eras, bounds_of(eras), strict=True):
        if era.number == number:
            at = int(match[4]) if match[4] else _Rules(era, span).begins_at(layer, turn)
            if EARLIEST_AT <= at < LATEST_AT:
                return at
    return None


class _Rules:
    """The generated shifts of one era."""

    __slots__ = ("_entries", "_from_at", "_layers", "_number", "to_at")

    def __init__(self, era: Era, span: Span) -> None:
        schedule = era.schedule
        check_schedule(schedule)
        clock = clock_of(schedule.timezone)
        self._number = era.number
        self._from_at, self.to_at = max(span[0], EARLIEST_AT), min(span[1], LATEST_AT)
        self._entries = CoverSource(schedule.entries)
        self._layers = {
            index: LayerSource(layer, clock)
            for index, layer in enumerate(schedule.layers)
            if layer.participants
        }

    def begins_at(self, index: int, number: int) -> int:
        """The instant at which a turn of a layer begins, in this era or not; ``LATEST_AT`` if
        there is no such layer."""
        layer = self._layers.get(index)
        return layer.turns.begins_at(number) if layer else LATEST_AT

    def shift_at(self, at: int) -> Shift | None:
        """The shift that holds an instant of this era, if any does."""
        start, end, entry = self._entries.stretch_at(at)
        if entry:
            return None
        start, end = max(start, self._from_at), min(end, self.to_at)
        for index, layer in self._layers.items():
            opens_at, closes_at, active = layer.active_at(at)
            start, end = max(start, opens_at), min(end, closes_at)
            if active:
                return self._shift(start, end, index, next(layer.turns.between(at, at + 1)))
        return None

    def shifts_in(self, free: list[Span]) -> Iterator[list[Shift]]:
        """The shifts inside free spans, layer by layer."""
        for index, layer in self._layers.items():
            if not free:
                break
            active, free = layer.active_in(free)
            yield [
                self._shift(start, end, index, turn)
                for start, end in active
                for turn in layer.turns.between(start, end)
            ]

    def _shift(self, start: int, end: int, index: int, turn: Turn) -> Shift:
        """What of a turn is in ``[start, end)``."""
        number, turn_start, turn_end, user_id = turn
        start, piece = (start, True) if start > turn_start else (turn_start, False)
        return Shift(start, min(end, turn_end), user_id, None, index, number, self._number, piece)
