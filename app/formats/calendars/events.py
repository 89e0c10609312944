"""What happens in a calendar, and when: each event and busy time within a window (RFC 5545).

Strategy: a text is read into entries (an event, a series, a change of one of its occurrences, a
busy time), and each entry yields its occurrences within the window. Changes are tied to their
series by UID and RECURRENCE-ID alone: several events that share a UID are several events.

What exporters write and RFC 5545 does not allow is read as everybody means it: dates where a time
is due (UNTIL, EXDATE, RECURRENCE-ID) mean the day, and an all-day event that ends on the day on
which it begins is that day. What could mean two things is an error that names the event.

Invariants: an occurrence has an exact length if its event has an end, and a nominal one if it has
a duration in days. Occurrences are half open and in milliseconds.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.engine.walltime import DAY, SECOND
from app.formats.calendars.components import Component, Property, calendars_in
from app.formats.calendars.recurrence import Rule, rule_of, starts_within
from app.formats.calendars.values import Duration, When, duration, when
from app.formats.calendars.zones import UTC_CLOCK, UTC_NAMES, Clock, FileClock, Zones

END_OF_DAY = DAY - SECOND
"""The time of day that some write to say "through that date"."""
OVER = 1 << 60
FARTHEST = 2 * DAY
"""More than any two clocks are apart."""
NO_START = "it has no DTSTART"
NEGATIVE = "it ends before it begins"
EVENT = ": the event "
MAX_NAME = 80
ALL_DAY = "X-MICROSOFT-CDO-ALLDAYEVENT"
BUSY_STATUS = "X-MICROSOFT-CDO-BUSYSTATUS"
FREE_BUSY = "busy time"
CHANGES_WHAT_FOLLOWS = "THISANDFUTURE"


class Facts(NamedTuple):
    """What an event says beside when it is.

    ``status`` is FREE, TENTATIVE, BUSY, OOF or what else ``X-MICROSOFT-CDO-BUSYSTATUS`` says; of a
    busy time it is FREE, BUSY, BUSY-TENTATIVE or BUSY-UNAVAILABLE. ``declined`` are the addresses
    of those who declined, in small letters. ``product`` is what wrote the calendar.
    """

    summary: str
    all_day: bool = False
    transparent: bool = False
    cancelled: bool = False
    status: str = ""
    declined: frozenset[str] = frozenset()
    product: str = ""


class Occurrence(NamedTuple):
    """One stretch ``[start_at, end_at)`` of an event."""

    start_at: int
    end_at: int
    facts: Facts


@dataclass(slots=True)
class Entry:
    """An event, a series or a busy time, with what it takes to lay it out."""

    facts: Facts
    component: Component
    zones: "CalendarClocks"
    uid: str = ""
    changed: When | None = None
    """The occurrence that this event stands for."""
    changes: Sequence[tuple[When, "Entry"]] = ()
    """The events that stand for occurrences of this one, each with that occurrence."""

    @property
    def recurs(self) -> bool:
        return any(map(self.component.first, ("RRULE", "RDATE")))

    @property
    def name(self) -> str:
        return self.facts.summary or self.uid or "without a name"


class _Text(NamedTuple):
    """The calendars in one text, and those of their zones that have been laid out."""

    calendars: Sequence[Component]
    laid_out: list[FileClock]


class CalendarClocks:
    """The clocks by which the times of one calendar are read.

    ``local`` is the clock of times without a zone, unless the calendar names the zone of its owner.
    UTC says nothing there, because exporters write it where they know no zone.
    """

    def __init__(self, calendar: Component, text: "_Text", local: Clock) -> None:
        self._zones = Zones(calendar, text.calendars, text.laid_out)
        self._own = calendar.get("X-WR-TIMEZONE").text
        self._local = local

    @property
    def owner(self) -> str:
        """The zone that the calendar names as its owner's; an empty text if it names none."""
        return "" if self._own.upper() in UTC_NAMES else self._own

    @property
    def local(self) -> Clock:
        if not self._own or self._own.upper() in UTC_NAMES:
            return self._local
        return self._zones.clock(self._own)

    def of(self, given: When) -> Clock:
        """Return the clock of a date or time. Raises ``UnknownZone``."""
        if given.is_utc:
            return UTC_CLOCK
        return self._zones.clock(given.zone) if given.zone else self.local


def entries_of(text: str, local: Clock) -> Sequence[Entry]:
    """Return what is in ``text``, changes of occurrences beside the series that they change.

    Raises ``ValueError`` for a text that is no calendar, or only half of one.
    """
    whole = _Text(calendars_in(text), [])
    entries = [
        entry
        for calendar in whole.calendars
        for entry in _entries_of(calendar, CalendarClocks(calendar, whole, local))
    ]
    return _tied(entries)


def _entries_of(calendar: Component, clocks: CalendarClocks) -> Iterator[Entry]:
    product = calendar.get("PRODID").text
    cancels = calendar.get("METHOD").keyword == "CANCEL"
    for component in calendar.within("VEVENT", "VFREEBUSY"):
        if component.name == "VFREEBUSY":
            yield Entry(Facts(FREE_BUSY, product=product), component, clocks)
        else:
            facts = _facts(component, product, cancels=cancels)
            entry = Entry(facts, component, clocks, component.get("UID").text)
            changed = component.first("RECURRENCE-ID")
            if changed is not None:
                with naming(entry):
                    entry.changed = when(changed)
            yield entry


def _facts(event: Component, product: str, *, cancels: bool) -> Facts:
    start = event.get("DTSTART")
    return Facts(
        summary=event.get("SUMMARY").text,
        all_day="T" not in start.keyword or event.get(ALL_DAY).keyword == "TRUE",
        transparent=event.get("TRANSP").keyword == "TRANSPARENT",
        cancelled=cancels or event.get("STATUS").keyword == "CANCELLED",
        status=event.get(BUSY_STATUS).keyword,
        declined=frozenset(_declined(event.every("ATTENDEE"))),
        product=product,
    )


def _declined(attendees: Iterable[Property]) -> Iterator[str]:
    """Yield the addresses of the attendees who have declined."""
    for attendee in attendees:
        if attendee.parameter("PARTSTAT").upper() == "DECLINED":
            yield attendee.value.strip().lower().removeprefix("mailto:")
            yield attendee.parameter("EMAIL").lower()


def _tied(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Give each event the changes under its UID; of two changes of one occurrence keep the last."""
    changes: dict[tuple[str, When, int], Entry] = {}
    for number, entry in enumerate(entries):
        if entry.changed is not None:
            key = (entry.uid, entry.changed, 0 if entry.uid else number)
            if key not in changes or _revision(entry) >= _revision(changes[key]):
                changes[key] = entry
    events = [entry for entry in entries if entry.changed is None]
    by_uid: dict[str, list[tuple[When, Entry]]] = defaultdict(list)
    for (uid, changed, _), change in changes.items():
        by_uid[uid].append((changed, change))
    for event in events:
        event.changes = by_uid.get(event.uid, ())
    return [*events, *changes.values()]


def _revision(entry: Entry) -> tuple[int, str]:
    sequence = entry.component.get("SEQUENCE").keyword
    return int(sequence) if sequence.isdecimal() else 0, entry.component.get(
        "LAST-MODIFIED"
    ).keyword


# --- looking for errors -----------------------------------------------------------------------


def check(entry: Entry) -> None:
    """Raise ``ValueError`` that names the event for a value that cannot be read.

    That takes little time, because nothing is laid out.
    """
    component = entry.component
    with naming(entry):
        for given, value in _listed(component, "RDATE", "EXDATE"):
            when(given, value.partition("/")[0])
        for given, value in _listed(component, "FREEBUSY"):
            _period(given, value)
        for given in (*component.every("RRULE"), *component.every("EXRULE")):
            rule_of(given.value)
        if component.name == "VEVENT":
            _check_ends(component)


def _listed(component: Component, *names: str) -> Iterator[tuple[Property, str]]:
    """Yield each value of the lists that properties of these names hold."""
    for name in names:
        for given in component.every(name):
            for value in filter(None, given.value.split(",")):
                yield given, value


def _check_ends(event: Component) -> None:
    """Raise ``ValueError`` for an event that does not begin, or that surely ends before it does."""
    given, ends, lasts = map(event.first, ("DTSTART", "DTEND", "DURATION"))
    if given is None:
        raise ValueError(NO_START)
    start, end = when(given), when(ends) if ends else None
    length = duration(lasts.value) if lasts else Duration()
    if end is not None:
        same = start._replace(wall=0) == end._replace(wall=0)
        length = Duration(0, end.wall - start.wall if same else 0)
    if length.days * DAY + length.exact < 0:
        raise ValueError(NEGATIVE)


def check_zones(entry: Entry) -> None:
    """Raise ``UnknownZone`` that names the event if nobody knows a clock that it goes by."""
    with naming(entry):
        for name in ("DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE", "FREEBUSY"):
            for given in entry.component.every(name):
                entry.zones.of(when(given, given.value.partition(",")[0].partition("/")[0]))


def may_touch(entry: Entry, from_at: int, to_at: int) -> bool:
    """Whether ``entry`` may have an occurrence within the window, by whatever clock."""
    given = entry.component.first("DTSTART")
    if given is None:
        return True
    start = when(given).wall
    return start < to_at + FARTHEST and _last_wall(entry, start) > from_at - FARTHEST


def _last_wall(entry: Entry, start: int) -> int:
    """Return a wall time that no occurrence of ``entry`` is after."""
    component = entry.component
    ends, lasts = component.first("DTEND"), component.first("DURATION")
    length = duration(lasts.value) if lasts else Duration(1)
    end = max(when(ends).wall if ends else 0, start + length.days * DAY + length.exact)
    if not entry.recurs:
        return end
    untils = [rule_of(given.value).until for given in component.every("RRULE")]
    if component.first("RDATE") or None in untils:
        return OVER
    return max(until.wall for until in untils if until) + DAY + end - start


# --- laying out -------------------------------------------------------------------------------


class naming:  # noqa: N801 - a context, as those of contextlib
    """Put the name of ``entry`` to each ``ValueError`` of the body."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, ValueError) and EVENT not in str(error):
            error.args = (f"{error}{in_words(self._entry)}",)


def in_words(entry: Entry) -> str:
    """Name the event, in words that follow those of an error."""
    return f"{EVENT}{entry.name[:MAX_NAME]!r}"


def occurrences(entry: Entry, from_at: int, to_at: int) -> Iterator[Occurrence]:
    """Yield the occurrences of ``entry`` that touch ``[from_at, to_at)``.

    Raises ``ValueError`` that names the event for what cannot be read.
    """
    with naming(entry):
        if entry.component.name == "VFREEBUSY":
            found = _busy_times(entry)
        else:
            found = _Series(entry).within(from_at, to_at)
        for start_at, end_at, facts in found:
            if start_at < to_at and (from_at < end_at or from_at <= start_at):
                yield Occurrence(start_at, end_at, facts)


def _busy_times(entry: Entry) -> Iterator[Occurrence]:
    for given, value in _listed(entry.component, "FREEBUSY"):
        status = given.parameter("FBTYPE").upper() or "BUSY"
        start, end, length = _period(given, value)
        start_at = entry.zones.of(start).instant(start.wall)
        end_at = entry.zones.of(end).instant(end.wall) if end else start_at
        end_at += length.days * DAY + length.exact
        yield Occurrence(start_at, end_at, entry.facts._replace(status=status))


def _period(given: Property, value: str) -> tuple[When, When | None, Duration]:
    """Return the start of a period and its end or its length."""
    start, slash, end = value.strip().partition("/")
    if not slash:
        raise ValueError(f"{value[:MAX_NAME]!r} is not a period")
    if end.upper().startswith(("P", "+P", "-P")):
        return when(given, start), None, duration(end)
    return when(given, start), when(given, end), Duration()


class _Length(NamedTuple):
    """How long an occurrence is: days by its clock, then milliseconds that pass."""

    days: int
    exact: int

    @property
    def most(self) -> int:
        return max(0, self.days * DAY + self.exact)


class _Series:
    """An event that is laid out: its start, its clock and its length.

    A single event is a series of one.
    """

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        component = entry.component
        given = component.first("DTSTART")
        if given is None:
            raise ValueError(NO_START)
        self.start = when(given)
        self.clock = entry.zones.of(self.start)
        self.start_at = self.clock.instant(self.start.wall)
        self.length = self._length()

    def _length(self) -> _Length:
        """Return the length. Raises ``ValueError`` if the event ends before it begins."""
        ends, lasts = self._entry.component.first("DTEND"), self._entry.component.first("DURATION")
        if ends is not None:
            length = self._length_to(when(ends))
        elif lasts is not None:
            length = _Length(*duration(lasts.value))
        else:
            length = _Length(0, 0)
        if length.days * DAY + length.exact < 0:
            raise ValueError(NEGATIVE)
        if self.start.is_date and not any(length):
            return _Length(1, 0)
        return length

    def _length_to(self, end: When) -> _Length:
        if not self.start.is_date:
            own = end.is_date and not self.start.is_utc  # then it is midnight there
            clock = self.clock if own else self._entry.zones.of(end)
            return _Length(0, clock.instant(end.wall) - self.start_at)
        wall = end.wall
        if end.is_utc or end.zone:
            wall = self.clock.wall(self._entry.zones.of(end).instant(wall))
        return _Length(-((self.start.wall - wall) // DAY), 0)

    def within(self, from_at: int, to_at: int) -> Iterator[Occurrence]:
        """Yield the occurrences that may touch the window, and others near it."""
        facts = self._entry.facts
        if not self._entry.recurs:
            if not self._excluded().holds(self.start_at, self.start.wall):
                yield Occurrence(self.start_at, self._end(self.start.wall, self.length), facts)
            return
        following = _Following.of(self)
        slack = max([self.length.most, *(each.reach for each in following)]) + 2 * DAY
        from_wall, to_wall = self.clock.wall(from_at) - slack, self.clock.wall(to_at) + slack
        excluded = self._excluded()
        for wall, end in self._walls(from_wall, to_wall):
            start_at = self.clock.instant(wall)
            if excluded.holds(start_at, wall):
                continue
            changed = next((each for each in following if each.from_at <= start_at), None)
            if changed is not None:
                yield changed.moved(wall)
            elif end is not None:
                yield Occurrence(start_at, end, facts)
            else:
                yield Occurrence(start_at, self._end(wall, self.length), facts)

    def _end(self, wall: int, length: _Length) -> int:
        return self.clock.instant(wall + length.days * DAY) + length.exact

    def _walls(self, from_wall: int, to_wall: int) -> Iterator[tuple[int, int | None]]:
        """Yield each start once, with its end if it has one of its own."""
        component = self._entry.component
        rules = [rule_of(given.value) for given in component.every("RRULE")]
        more = dict(self._dates_added())
        if len(rules) == 1 and not more and not component.every("EXRULE"):
            for wall in self._by_rule(rules[0], from_wall, to_wall):
                yield wall, None
            return
        walls = {self.start.wall, *more}
        for rule in rules:
            walls.update(self._by_rule(rule, from_wall, to_wall))
        for given in component.every("EXRULE"):
            walls.difference_update(self._by_rule(rule_of(given.value), from_wall, to_wall))
        for wall in sorted(walls):
            if from_wall <= wall < to_wall:
                yield wall, more.get(wall)

    def _by_rule(self, rule: Rule, from_wall: int, to_wall: int) -> Iterator[int]:
        until, until_at = rule.until, OVER
        if until is not None:
            last, until_at = self._last(until)
            to_wall = min(to_wall, last)
        for wall in starts_within(rule, self.start.wall, from_wall, to_wall):
            if until_at == OVER or self.clock.instant(wall) <= until_at:
                yield wall

    def _last(self, until: When) -> tuple[int, int]:
        """Return the wall time before which the series ends, and the last instant of a start."""
        if until.is_date:  # through that day
            return until.wall + DAY, OVER
        if self.start.is_date:
            return self._day(until) + DAY, OVER
        if until.is_utc:
            until_at = until.wall
            return self.clock.wall(until_at) + DAY, until_at
        return until.wall + 1, OVER

    def _day(self, given: When) -> int:
        """Return the wall time of the day that a time in a series of days means.

        Midnight and the last second say the day itself. What else is in UTC is a time by the clock
        of the series, whose midnight is 22:00 of the day before.
        """
        if given.is_utc and given.wall % DAY not in (0, END_OF_DAY):
            return self.clock.wall(given.wall) // DAY * DAY
        return given.wall // DAY * DAY

    def _dates_added(self) -> Iterator[tuple[int, int | None]]:
        for given, value in _listed(self._entry.component, "RDATE"):
            if "/" in value:
                start, end, length = _period(given, value)
                wall = self._wall(start)
                end_at = self._instant(end) if end else self._end(wall, _Length(*length))
                yield wall, end_at
            else:
                yield self._wall(when(given, value)), None

    def _wall(self, given: When) -> int:
        """Return the wall time of a start by the clock of the series."""
        if self.start.is_date:
            return self._day(given)
        if given.is_date:
            return given.wall + self.start.wall % DAY
        if given.is_utc or given.zone:
            return self.clock.wall(self._entry.zones.of(given).instant(given.wall))
        return given.wall

    def _instant(self, given: When) -> int:
        """Return the instant of a time that is by the clock of the series if it names no zone."""
        if given.is_utc or given.zone:
            return self._entry.zones.of(given).instant(given.wall)
        return self.clock.instant(given.wall)

    def _excluded(self) -> "_Excluded":
        excluded = _Excluded(set(), set())
        for given, value in _listed(self._entry.component, "EXDATE"):
            self._exclude(excluded, when(given, value))
        for changed, change in self._entry.changes:
            with naming(change):
                self._exclude(excluded, changed)
        return excluded

    def _exclude(self, excluded: "_Excluded", given: When) -> None:
        if self.start.is_date or given.is_date:
            excluded.days.add(self._day(given) // DAY)
        else:
            excluded.instants.add(self._instant(given))

    def changes_what_follows(self) -> Iterator[tuple[int, int, "_Series"]]:
        """Yield the changes of all that follows: from which instant, by how much, and to what."""
        for changed, change in self._entry.changes:
            given = change.component.get("RECURRENCE-ID")
            if given.parameter("RANGE").upper() == CHANGES_WHAT_FOLLOWS:
                with naming(change):
                    to = _Series(change)
                    wall = self._wall(changed)
                    yield self.clock.instant(wall), self.clock.wall(to.start_at) - wall, to

    @property
    def facts(self) -> Facts:
        return self._entry.facts


class _Excluded(NamedTuple):
    """The starts that a series leaves out: instants, and days by its clock."""

    instants: set[int]
    days: set[int]

    def holds(self, start_at: int, wall: int) -> bool:
        return start_at in self.instants or wall // DAY in self.days


class _Following(NamedTuple):
    """A change of an occurrence and of all that follow it: moved by ``by``, and like ``to``."""

    from_at: int
    by: int
    to: _Series
    clock: Clock

    @staticmethod
    def of(series: _Series) -> "Sequence[_Following]":
        """Return the changes of a series, the last first."""
        changes = sorted(series.changes_what_follows(), key=lambda change: change[0], reverse=True)
        return [_Following(*change, series.clock) for change in changes]

    @property
    def reach(self) -> int:
        """How far an occurrence reaches from where the series has it."""
        return abs(self.by) + self.to.length.most

    def moved(self, wall: int) -> Occurrence:
        """Return the occurrence that the series has at ``wall``."""
        length = self.to.length
        start_at = self.clock.instant(wall + self.by)
        end_at = self.clock.instant(wall + self.by + length.days * DAY) + length.exact
        return Occurrence(start_at, end_at, self.to.facts)
