"""Calendars (RFC 5545): events that recur are layers, and all others entries.

Strategy: an event that recurs every day or week is a layer of one person. Events that recur every
``n`` days or weeks and follow each other are a rotation, as calendars of rotations are written. All
else (an event that is changed, ends or recurs in another way, and a single one) is laid out as
entries, a year from when the calendar was read. Ends are by the wall clock, as programs show them.
All events of a calendar are on call at once; a summary may begin with a level, as ``[L2]``.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from app.engine.layered.limits import OVERRIDES, check_work
from app.engine.layered.model import Entry as Shift
from app.engine.layered.model import Layer, Schedule, Segment
from app.engine.layered.resolve import final_schedule
from app.engine.walltime import DAY, WALL_MONDAY, WEEK, ZoneClock, clock_of
from app.engine.zone_names import zone_of_name
from app.formats.calendars.components import unfolded
from app.formats.calendars.events import Entry, check, check_zones, entries_of, occurrences
from app.formats.calendars.recurrence import Rule, rule_of
from app.formats.calendars.values import duration, when
from app.formats.calendars.zones import IanaClock, UnknownZone
from app.moving.conversion import Conversion
from app.moving.reading import MAX_FOUND, Source
from app.moving.recurring import NotSayable, RecurringShift, is_plain, layer_of, starting_from
from app.moving.together import PlacedLayer, tell_together, with_own_names

YEAR = 366 * DAY
USED = frozenset(
    (
        *("BEGIN", "END", "SUMMARY", "UID", "TZID", "ATTENDEE", "DTSTART", "DTEND", "DURATION"),
        *("RRULE", "EXRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "STATUS", "METHOD", "SEQUENCE"),
        *("LAST-MODIFIED", "TZOFFSETFROM", "TZOFFSETTO", "X-WR-TIMEZONE"),
    )
)
"""The properties that are read."""
NOT_ABOUT_TURNS = frozenset(
    (
        *("PRODID", "VERSION", "CALSCALE", "DTSTAMP", "CREATED", "DESCRIPTION", "LOCATION", "URL"),
        *("ORGANIZER", "CLASS", "TRANSP", "PRIORITY", "CATEGORIES", "COLOR", "IMAGE", "GEO"),
        *("TZNAME", "TZURL", "ACTION", "TRIGGER", "REPEAT", "ATTACH", "REFRESH-INTERVAL"),
        *("X-PUBLISHED-TTL", "X-WR-CALNAME", "X-WR-CALDESC", "X-WR-RELCALID", "NAME", "SOURCE"),
        *("COMMENT", "CONTACT", "FREEBUSY", "X-LIC-LOCATION"),
        *("X-MICROSOFT-CDO-BUSYSTATUS", "X-MICROSOFT-CDO-ALLDAYEVENT"),
    )
)
"""Properties that say nothing of who is on call."""
PARTS = frozenset(("VCALENDAR", "VEVENT", "VTIMEZONE", "STANDARD", "DAYLIGHT", "VALARM"))
"""The components that are read, or say nothing of who is on call."""
PROPERTY = re.compile(r"^([A-Za-z0-9-]+)[;:](.*)$", re.MULTILINE)
LEVEL = re.compile(r"\[L(\d{1,3})\]\s*")
WRAPPED = re.compile(r"On Call - (.+?)(?: - .*)?$")
ADDRESS = re.compile(r"mailto:(\S+@\S+)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Event:
    """An event with whom it puts on call."""

    entry: Entry
    user_id: str
    level: int


def is_calendar(document: object) -> bool:
    """Return whether a document is the text of a calendar."""
    return isinstance(document, str) and "BEGIN:VCALENDAR" in document[:1_000].upper()


def read_calendar(source: Source, read_at: int, timezone: str = "") -> Conversion:
    """Return the conversion of a calendar; ``timezone`` is that of times without a zone."""
    root = source.root
    text = root.value if isinstance(root.value, str) else ""
    local = timezone or "UTC"
    try:
        entries = entries_of(text, IanaClock(clock_of(local)))
        for entry in entries:
            check(entry)
            check_zones(entry)
    except (ValueError, UnknownZone) as error:
        root.fault(str(error))
        return Conversion("", local)
    _tell_unknown(source, text)
    events = [event for entry in entries if (event := _event(source, entry)) is not None]
    zone = _zone(events, local)
    sayable, others = _sorted_out(events, zone)
    placed, rest = _layers(source, sayable, clock_of(zone))
    named = with_own_names(each for each, _ in placed)
    layers = [each.layer for each in named]
    _tell_levels(source, placed, named)
    laid_out = [] if source.is_quick else [*others, *rest]
    shifts = _laid_out(source, laid_out, read_at, zone, layers)
    return Conversion("Calendar", zone, layers, entries=shifts)


# --- reading ----------------------------------------------------------------------------------


def _tell_unknown(source: Source, text: str) -> None:
    """Tell of the properties and components that are not read."""
    told: set[str] = set()
    for line, (name, value) in enumerate(PROPERTY.findall(unfolded(text)), 1):
        word = name.upper()
        part = value.strip().upper() if word == "BEGIN" else ""
        if word not in USED | NOT_ABOUT_TURNS:
            key, what = word, f"the property {word[:40]}, first in line {line} when unfolded"
        elif part and part not in PARTS:
            key, what = part, f"the component {part[:40]}, first in line {line} when unfolded"
        else:
            continue
        if key not in told and len(told) < MAX_FOUND:
            told.add(key)
            source.lose(source.root.pointer, what, "it was not used")


def _event(source: Source, entry: Entry) -> _Event | None:
    """Return an event with its person; ``None`` if it puts nobody on call."""
    component = entry.component
    name = entry.name[:80]
    if component.name != "VEVENT":
        return None
    if entry.facts.cancelled:
        source.lose(source.root.pointer, f"the event {name!r} is cancelled", "it was left out")
        return None
    summary = entry.facts.summary
    found = LEVEL.match(summary)
    summary = LEVEL.sub("", summary, count=1) if found else summary
    wrapped = WRAPPED.fullmatch(summary)
    person = (wrapped[1] if wrapped else summary).strip()[:200]
    addresses = [ADDRESS.search(each.value.strip()) for each in component.every("ATTENDEE")]
    emails = [each[1] for each in addresses if each]
    person = person or (emails[0] if emails else "")
    if not person:
        source.lose(source.root.pointer, f"the event {name!r} names nobody", "it was left out")
        return None
    if len(emails) > 1:
        what = f"the event {name!r} has several attendees"
        source.lose(source.root.pointer, what, f"{person} is on call in it")
    source.add_person(person, person, emails[0] if len(emails) == 1 else "")
    return _Event(entry, person, int(found[1]) if found else 0)


def _zone_of(event: _Event, local: str) -> str:
    """Return the IANA zone of an event; an empty text if it has none that is known."""
    start = when(event.entry.component.get("DTSTART"))
    if start.is_utc:
        return "UTC"
    own = start.zone or event.entry.zones.owner
    return zone_of_name(own) or "" if own else local


def _zone(events: Sequence[_Event], local: str) -> str:
    """Return the zone that most events that recur are in, else most of all."""
    recurring = [event for event in events if event.entry.recurs] or events
    zones = [zone for event in recurring if (zone := _zone_of(event, local))]
    return max(zones, key=zones.count) if zones else local


# --- layers -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sayable:
    """An event that recurs, on the clock of the schedule, in a way that a layer may have."""

    event: _Event
    rule: Rule
    start: int
    length: int

    @property
    def days(self) -> tuple[int, ...]:
        """The weekdays on which it recurs; none if it does so on its own weekday."""
        days = tuple(sorted({day for _, day in self.rule.by_day}))
        own = (self.start - WALL_MONDAY) // DAY % 7
        return () if self.rule.frequency == "WEEKLY" and days == (own,) else days


def _sorted_out(events: Iterable[_Event], zone: str) -> tuple[list[_Sayable], list[_Event]]:
    """Return the events that may be layers, and those that are entries."""
    sayable, others = [], []
    for event in events:
        found = _sayable(event, zone)
        if found is None:
            others.append(event)
        else:
            sayable.append(found)
    return sayable, others


def _sayable(event: _Event, zone: str) -> _Sayable | None:
    component = event.entry.component
    rules = component.every("RRULE")
    odd = ("RDATE", "EXDATE", "EXRULE")
    if len(rules) != 1 or event.entry.changes or any(map(component.every, odd)):
        return None
    if event.entry.changed is not None or _zone_of(event, zone) != zone:
        return None
    rule = rule_of(rules[0].value)
    if rule.count or rule.until or not is_plain(rule):
        return None
    start = when(component.get("DTSTART"))
    return _Sayable(event, rule, start.wall, _wall_length(event.entry))


def _wall_length(entry: Entry) -> int:
    """Return how long an event is on the wall."""
    component = entry.component
    start = when(component.get("DTSTART"))
    ends, lasts = component.first("DTEND"), component.first("DURATION")
    if ends is not None:
        clock, end = entry.zones.of(start), when(ends)
        same = start._replace(wall=0) == end._replace(wall=0)
        at = end.wall if same else clock.wall(entry.zones.of(end).instant(end.wall))
        length = at - start.wall
    else:
        given = duration(lasts.value) if lasts else None
        length = given.days * DAY + given.exact if given else 0
    return DAY if start.is_date and not length else length


def _layers(
    source: Source, sayable: Sequence[_Sayable], clock: ZoneClock
) -> tuple[list[tuple[PlacedLayer, int]], list[_Event]]:
    """Return layers with their levels, the highest on top, and the events that are none."""
    placed: list[tuple[PlacedLayer, int]] = []
    rest: list[_Event] = []
    for number, group in enumerate(_rotations(sayable)):
        try:
            layer = layer_of(_shift(group), clock)
        except NotSayable:
            rest += [each.event for each in group]
        else:
            each = PlacedLayer(f"{source.root.pointer}#{number}", layer)
            placed.append((each, group[0].event.level))
    placed.sort(key=lambda item: -item[1])
    return placed, rest


def _rotations(sayable: Sequence[_Sayable]) -> list[list[_Sayable]]:
    """Return events in groups that may be rotations, each in the order of its starts."""
    groups: dict[tuple[object, ...], list[_Sayable]] = defaultdict(list)
    for number, each in enumerate(sayable):
        rule = each.rule
        unit = WEEK if rule.frequency == "WEEKLY" and not each.days else DAY
        phase = each.start % unit
        alone = number if rule.interval == 1 else -1
        key = (rule.frequency, rule.interval, each.length, phase, each.days, each.event.level)
        groups[(*key, alone)].append(each)
    return [sorted(group, key=lambda each: each.start) for group in groups.values()]


def _shift(group: Sequence[_Sayable]) -> RecurringShift:
    """Return a group of events as one shift whose people take turns. Raises ``NotSayable``."""
    first, size = group[0], len(group)
    rule = first.rule
    spacing, odd = divmod(rule.interval, size)
    if odd or (first.days and spacing != 1) or rule.frequency not in ("DAILY", "WEEKLY"):
        raise NotSayable
    shift = RecurringShift(
        " and ".join(dict.fromkeys(each.event.user_id for each in group))[:150],
        first.start,
        first.length,
        rule.frequency.lower(),
        [each.event.user_id for each in group],
        spacing,
        first.days,
        rule.week_start,
        by_period=rule.frequency == "WEEKLY",
    )
    if any(each.start != _start_after(shift, turns) for turns, each in enumerate(group)):
        raise NotSayable
    return shift


def _start_after(shift: RecurringShift, turns: int) -> int:
    """Return the wall time at which a shift begins after so many turns."""
    if not turns:
        return shift.start
    if not shift.days:
        return shift.start + turns * shift.interval * (WEEK if shift.frequency == "weekly" else DAY)
    into_week = (shift.start - WALL_MONDAY - shift.week_start * DAY) % WEEK // DAY * DAY
    return starting_from(shift, shift.start - into_week + turns * WEEK).start


def _tell_levels(
    source: Source, placed: Sequence[tuple[PlacedLayer, int]], named: Sequence[PlacedLayer]
) -> None:
    """Tell of layers of one level that are on call at the same time."""
    before = len(source.lost)
    for level in dict.fromkeys(level for _, level in placed):
        tell_together(
            source,
            [each for each, (_, own) in zip(named, placed, strict=True) if own == level],
        )
    pointer = source.root.pointer
    source.lost[before:] = [lost._replace(pointer=pointer) for lost in source.lost[before:]]


# --- entries ----------------------------------------------------------------------------------


def _laid_out(
    source: Source, events: Sequence[_Event], read_at: int, zone: str, layers: Sequence[Layer]
) -> list[Shift]:
    """Return events as entries of a year, and tell what of them is not said."""
    found: list[Shift] = []
    pointer = source.root.pointer
    for event in events:
        room = OVERRIDES - len(found)
        made = list(islice(_shifts_of(event, read_at), room + 1))
        name = f"the event {event.entry.name[:80]!r}"
        if len(made) > room:
            source.lose(pointer, f"{name} and those after it", f"only {OVERRIDES} entries are made")
            return [*found, *made[:room]]
        if event.entry.recurs:
            what = f"{name} recurs in a way that no layer does"
            source.lose(pointer, what, "a year of it was made entries, and nothing after that")
        elif not made:
            what = f"{name} is over, or more than a year ahead"
            source.lose(pointer, what, "it was left out")
        found += made
    found.sort(key=lambda shift: (shift.start_at, shift.end_at))
    _tell_beside(source, found, zone, layers)
    return found


def _shifts_of(event: _Event, read_at: int) -> Iterator[Shift]:
    entry = event.entry
    start = when(entry.component.get("DTSTART"))
    clock = entry.zones.of(start)
    length = _wall_length(entry)
    for found in occurrences(entry, read_at, read_at + YEAR):
        whole = found.end_at - found.start_at
        end_at = found.end_at
        if entry.recurs and abs(whole - length) <= DAY // 8:
            end_at = clock.instant(clock.wall(found.start_at) + length)
        if found.start_at < end_at:
            yield Shift(event.user_id, found.start_at, end_at)


def _tell_beside(
    source: Source, shifts: Sequence[Shift], zone: str, layers: Sequence[Layer]
) -> None:
    """Tell once if entries are on call beside each other, and once if beside layers."""
    pointer = source.root.pointer
    latest = None
    for shift in shifts:
        if latest and shift.start_at < latest.end_at and shift.user_id != latest.user_id:
            what = f"{shift.user_id} is on call at the same time as {latest.user_id}"
            source.lose(pointer, what, "of events at once, the one that begins last is on call")
            break
        latest = shift if latest is None or shift.end_at > latest.end_at else latest
    if not shifts or not layers:
        return
    from_at, to_at = shifts[0].start_at, min(shifts[-1].end_at, shifts[0].start_at + YEAR)
    check_work(layers, 0, (), to_at - from_at)
    final = final_schedule(Schedule(zone, tuple(layers)), from_at, to_at)
    if any(_is_beside(shift, final.segments) for shift in shifts):
        what = "events that are entries are on call at the same time as layers"
        source.lose(pointer, what, "the entries win")


def _is_beside(shift: Shift, segments: Sequence[Segment]) -> bool:
    """Return whether somebody else is on call in a part of a shift; segments are in order."""
    first = bisect_right(segments, shift.start_at, key=attrgetter("end_at"))
    last = bisect_left(segments, shift.end_at, key=attrgetter("start_at"))
    return any(segment.user_id != shift.user_id for segment in segments[first:last])
