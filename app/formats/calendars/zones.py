"""The clocks that the times of a calendar are on: those of zones, and those that a file defines.

Strategy: a zone that the file defines (VTIMEZONE) is that zone for this file, whatever we know
under its name. Other names are those that ``engine/zone_names.py`` knows: of IANA zones in the
pinned ``tzdata``, with or without a path before them, and of zones in Windows. A name that is none
of these is an error.

Invariants: nothing that a file defines is kept when it has been read. A time that a clock change
skips is read by the offset before the change, and one that it repeats is the first (RFC 5545,
3.3.5), so 02:30 of a night without it is 03:30.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from app.engine.walltime import DAY, SECOND, ZoneClock, clock_of
from app.engine.zone_names import zone_of_name
from app.formats.calendars.components import Component
from app.formats.calendars.recurrence import Rule, rule_of, starts_within
from app.formats.calendars.values import offset, when

UTC_NAMES = frozenset(("UTC", "ETC/UTC", "Z", "GMT", "ETC/GMT", "TZONE://MICROSOFT/UTC"))
MAX_NAME = 80
MAX_CHANGES = 20_000
"""The changes of one zone's offset: more than any that ever was, and few enough to keep."""

MOST_LAID_OUT = 16
"""The zones of one text whose changes are kept, those that were met last."""


class UnknownZone(ValueError):
    """A time is on the clock of a zone that is neither known nor defined."""


class Clock(Protocol):
    """What converts between wall times and instants, both in milliseconds."""

    def instant(self, wall: int) -> int:
        """Return the instant of a wall time."""
        ...

    def wall(self, at: int) -> int:
        """Return the wall time at an instant."""
        ...


class FixedClock:
    """A clock that is always as far from UTC."""

    __slots__ = ("_offset",)

    def __init__(self, offset_ms: int = 0) -> None:
        self._offset = offset_ms

    def instant(self, wall: int) -> int:
        return wall - self._offset

    def wall(self, at: int) -> int:
        return at + self._offset


UTC_CLOCK = FixedClock()


class IanaClock:
    """The clock of an IANA zone. It remembers the offset that it used last."""

    __slots__ = ("_clock", "_from", "_offset", "_to")

    def __init__(self, clock: ZoneClock) -> None:
        self._clock = clock
        self._from = self._to = self._offset = 0

    def instant(self, wall: int) -> int:
        if not self._from <= wall < self._to:
            self._from, self._to, self._offset = self._clock.unambiguous_range(wall)
            if not self._from <= wall < self._to:
                return self._at_a_change(wall)
        return wall - self._offset

    def wall(self, at: int) -> int:
        return self._clock.wall(at)

    def _at_a_change(self, wall: int) -> int:
        first_at = self._clock.first_at(wall)
        if self._clock.wall(first_at) <= wall:
            return first_at
        return first_at + wall - (self._clock.wall(first_at - 1) + 1)  # skipped


class _Change(NamedTuple):
    """From ``wall`` on, the offset is ``after``; the instant of the change is ``at``."""

    at: int
    wall: int
    before: int
    after: int


class _Observance(NamedTuple):
    """A part of a definition: the wall times at which it begins, and the offsets around them."""

    start: int
    before: int
    after: int
    rules: Sequence[Rule]
    dates: Sequence[int]


def _observance(given: Component) -> _Observance:
    """Read ``given``. Raises ``ValueError``."""
    return _Observance(
        when(given.get("DTSTART")).wall,
        offset(given.get("TZOFFSETFROM").value),
        offset(given.get("TZOFFSETTO").value),
        [rule_of(rule.value) for rule in given.every("RRULE")],
        [
            when(dates, value.partition("/")[0]).wall
            for dates in given.every("RDATE")
            for value in dates.value.split(",")
        ],
    )


class FileClock:
    """The clock of a zone that a file defines. Raises ``ValueError`` if that cannot be read.

    Its changes are laid out as far as they are needed, again from the beginning if that is further.
    """

    def __init__(self, definition: Component) -> None:
        self._observances = list(map(_observance, definition.within("STANDARD", "DAYLIGHT")))
        self._changes: list[_Change]
        self._known_to: int
        self.forget()

    def forget(self) -> None:
        """Forget the changes: they are laid out again when they are needed."""
        self._changes = []
        self._known_to = -(1 << 60)

    def instant(self, wall: int) -> int:
        changes = self._changes_to(wall)
        index = bisect_right(changes, wall, key=lambda change: change.wall) - 1
        return wall - (changes[index].after if index >= 0 else changes[0].before)

    def wall(self, at: int) -> int:
        changes = self._changes_to(at)
        index = bisect_right(changes, at, key=lambda change: change.at) - 1
        return at + (changes[index].after if index >= 0 else changes[0].before)

    def _changes_to(self, wall: int) -> list[_Change]:
        if wall + 2 * DAY > self._known_to:
            self._known_to = wall + 800 * DAY
            found: list[_Change] = []
            for observance in self._observances:
                found += _changes(observance, self._known_to, MAX_CHANGES - len(found))
            self._changes = sorted(found)
        return self._changes


def _changes(observance: _Observance, to_wall: int, room: int) -> Iterator[_Change]:
    """Yield the changes to ``observance`` before ``to_wall``, and the first however late it is."""
    _, before, after, _, _ = observance
    for wall in _onsets(observance, to_wall):
        room -= 1
        if room < 0:
            raise ValueError(f"a time zone changes its clock more than {MAX_CHANGES:,} times")
        yield _Change(wall - before, wall + max(0, after - before), before, after)


def _onsets(observance: _Observance, to_wall: int) -> Iterator[int]:
    """Yield the wall times, by the offset before, at which ``observance`` begins."""
    start = observance.start
    yield start
    for rule in observance.rules:
        last = to_wall
        if rule.until:
            east = observance.before if rule.until.is_utc else 0
            last = min(last, rule.until.wall + east + SECOND)
        yield from starts_within(rule, start, start + 1, last)
    yield from observance.dates


class Zones:
    """The zones of one calendar: those that it defines, then those of the same text, then ours."""

    def __init__(
        self, own: Component, all_: Iterable[Component], laid_out: list[FileClock] | None = None
    ) -> None:
        self._laid_out = laid_out if laid_out is not None else []
        self._defined = {**_definitions(all_), **_definitions((own,))}
        self._clocks: dict[str, Clock | None] = {}

    def clock(self, name: str) -> Clock:
        """Return the clock of a zone by its name in the text. Raises ``UnknownZone``."""
        if name not in self._clocks:
            self._clocks[name] = self._found(name)
        clock = self._clocks[name]
        if clock is None:
            shown = name[:MAX_NAME].encode(errors="replace").decode()
            raise UnknownZone(f"the time zone {shown!r} is neither known nor defined in the text")
        return clock

    def _found(self, name: str) -> Clock | None:
        definition = self._defined.get(name)
        if definition is None:
            return known_clock(name)
        clock = FileClock(definition)
        self._laid_out.append(clock)
        if len(self._laid_out) > MOST_LAID_OUT:
            self._laid_out.pop(0).forget()
        return clock


def _definitions(calendars: Iterable[Component]) -> Mapping[str, Component]:
    """Return the definitions that say anything, by the names of their zones."""
    return {
        definition.get("TZID").text: definition
        for calendar in calendars
        for definition in calendar.within("VTIMEZONE")
        if any(definition.within("STANDARD", "DAYLIGHT"))
    }


def known_clock(name: str) -> Clock | None:
    """Return the clock of a zone that we know by ``name``; ``None`` if we do not."""
    if name.upper() in UTC_NAMES:
        return UTC_CLOCK
    key = zone_of_name(name)
    return IanaClock(clock_of(key)) if key else None
