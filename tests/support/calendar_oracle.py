"""When somebody is busy, minute by minute: RFC 5545 written plainly, for small calendars.

It shares nothing with the code that it judges. A calendar is drawn as data; ``text_of`` writes it
as iCalendar, and ``busy_minutes`` walks over each minute of each day from the start of a series and
asks of each whether the rule holds there. ``zoneinfo`` alone turns local times into instants.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@dataclass
class DrawnRule:
    """A recurrence rule. ``by`` has the lists; that of BYDAY is of pairs, nth and weekday."""

    freq: str
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    by: dict[str, list[Any]] = field(default_factory=dict)
    wkst: int = 0


@dataclass
class DrawnChange:
    """What became of one occurrence: moved to ``start``, or cancelled."""

    of: datetime
    start: datetime
    minutes: int
    cancelled: bool = False


@dataclass
class DrawnEvent:
    """An event on the clock of ``zone``; all day where ``days`` is not 0, else so many minutes.

    ``nominal`` writes the length as a DURATION, otherwise there is a DTEND.
    """

    uid: str
    zone: str
    start: datetime
    minutes: int = 0
    days: int = 0
    nominal: bool = False
    transparent: bool = False
    rule: DrawnRule | None = None
    more: list[datetime] = field(default_factory=list)
    less: list[datetime] = field(default_factory=list)
    changes: list[DrawnChange] = field(default_factory=list)


def zone_of(key: str) -> ZoneInfo:
    """The zone of the pinned data."""
    with files("tzdata").joinpath("zoneinfo", *key.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=key)


def instant(local: datetime, zone: str) -> datetime:
    """The first time that clocks show ``local``; if they never do, by the offset before that."""
    return local.replace(tzinfo=zone_of(zone), fold=0).astimezone(UTC)


# --- what is busy ---------------------------------------------------------------------------


def busy_minutes(events: Sequence[DrawnEvent], first: datetime, last: datetime) -> set[datetime]:
    """The minutes in ``[first, last)``, in UTC, in which anything takes place."""
    busy: set[datetime] = set()
    for event in events:
        for start, end in _stretches(event, last):
            at = max(start, first)
            while at < min(end, last):
                busy.add(at)
                at += MINUTE
    return busy


def _stretches(event: DrawnEvent, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    changed = {change.of for change in event.changes}
    if not event.transparent:
        for start in starts(event, last):
            if start not in changed:
                yield _stretch(event, start)
    for change in event.changes:
        if not change.cancelled:
            at = instant(change.start, event.zone)
            yield at, at + timedelta(minutes=change.minutes)


def _stretch(event: DrawnEvent, start: datetime) -> tuple[datetime, datetime]:
    """Days are days of the clock, minutes are minutes that pass."""
    at = instant(start, event.zone)
    if event.days:
        return at, instant(start + event.days * DAY, event.zone)
    return at, at + timedelta(minutes=event.minutes)


def starts(event: DrawnEvent, last: datetime) -> list[datetime]:
    """The local starts, in order, before ``last`` and some time after it."""
    found = {event.start, *event.more}
    if event.rule is not None:
        found |= _by_rule(event.rule, event.start, last.replace(tzinfo=None) + 3 * DAY)
    return sorted(found - set(event.less))


def _by_rule(rule: DrawnRule, start: datetime, last: datetime) -> set[datetime]:
    matching = sorted({start, *(at for at in _picked(rule, start, last) if at > start)})
    if rule.until is not None:
        matching = [at for at in matching if at <= rule.until or at == start]
    return set(matching[: rule.count])


def _picked(rule: DrawnRule, start: datetime, last: datetime) -> Iterator[datetime]:
    """What the rule gives before ``last`` and some time after it, in no order."""
    periods: dict[int, list[datetime]] = defaultdict(list)
    for at in _matching(rule, start, last):
        periods[_period(rule, start, at)].append(at)
    positions = rule.by.get("BYSETPOS")
    for ats in periods.values():
        if not positions:
            yield from ats
        for position in positions or ():
            if abs(position) <= len(ats):
                yield ats[position - 1 if position > 0 else position]


def _matching(rule: DrawnRule, start: datetime, last: datetime) -> Iterator[datetime]:
    """Every minute of the periods around the series in which the rule holds, BYSETPOS aside."""
    day, end = start.date() - 32 * DAY, last.date() + 32 * DAY
    if rule.freq == "YEARLY":
        day, end = date(start.year, 1, 1), date(last.year, 12, 31)
    while day <= end:
        if day_matches(rule, start, day):
            for minute in range(1440):
                at = datetime.combine(day, time(minute // 60, minute % 60))
                if _time_matches(rule, start, at) and _in_step(rule, start, at):
                    yield at
        day += DAY


def _period(rule: DrawnRule, start: datetime, at: datetime) -> int:
    """The number of the year, month, week, day or hour in which ``at`` lies."""
    if rule.freq == "YEARLY":
        return at.year
    if rule.freq == "MONTHLY":
        return at.year * 12 + at.month
    if rule.freq == "WEEKLY":
        first = start.date() - (start.weekday() - rule.wkst) % 7 * DAY
        return (at.date() - first).days // 7
    if rule.freq == "DAILY":
        return at.toordinal()
    return at.toordinal() * 24 + at.hour


def _in_step(rule: DrawnRule, start: datetime, at: datetime) -> bool:
    return (_period(rule, start, at) - _period(rule, start, start)) % rule.interval == 0


def _time_matches(rule: DrawnRule, start: datetime, at: datetime) -> bool:
    hours = rule.by.get("BYHOUR") or ([] if rule.freq == "HOURLY" else [start.hour])
    minutes = rule.by.get("BYMINUTE") or [start.minute]
    return (not hours or at.hour in hours) and at.minute in minutes


def day_matches(rule: DrawnRule, start: datetime, day: date) -> bool:
    """Whether the rule holds on a day, by what it says and by what it leaves to the start."""
    if any(not numbers & set(rule.by.get(name) or numbers) for name, numbers in _numbers(day)):
        return False
    if rule.by.get("BYDAY"):
        return any(_is_nth(rule, day, nth, weekday) for nth, weekday in rule.by["BYDAY"])
    return all(given == own for given, own in _left_to_the_start(rule, start, day))


def _numbers(day: date) -> Iterator[tuple[str, set[int]]]:
    """The numbers that each part may call a day by, from the beginning and from the end."""
    length = ((day.replace(day=28) + 4 * DAY).replace(day=1) - DAY).day
    in_year, of_year = day.timetuple().tm_yday, date(day.year, 12, 31).timetuple().tm_yday
    year, week, _ = day.isocalendar()
    yield "BYMONTH", {day.month}
    yield "BYMONTHDAY", {day.day, day.day - length - 1}
    yield "BYYEARDAY", {in_year, in_year - of_year - 1}
    yield "BYWEEKNO", {week, week - date(year, 12, 28).isocalendar().week - 1}


def _left_to_the_start(
    rule: DrawnRule, start: datetime, day: date
) -> Iterator[tuple[object, object]]:
    """What of a day the rule does not say, beside what it is on the day of the start."""
    if rule.by.get("BYMONTHDAY") or rule.by.get("BYYEARDAY"):
        return
    if rule.freq == "WEEKLY" or rule.by.get("BYWEEKNO"):
        yield day.weekday(), start.weekday()
    elif rule.freq in ("MONTHLY", "YEARLY"):
        yield day.day, start.day
        if rule.freq == "YEARLY" and not rule.by.get("BYMONTH"):
            yield day.month, start.month


def _is_nth(rule: DrawnRule, day: date, nth: int, weekday: int) -> bool:
    if day.weekday() != weekday:
        return False
    if nth == 0:
        return True
    within = date(day.year, day.month, 1), (day.replace(day=28) + 4 * DAY).replace(day=1)
    if rule.freq == "YEARLY" and not rule.by.get("BYMONTH"):
        within = date(day.year, 1, 1), date(day.year + 1, 1, 1)
    all_ = [
        within[0] + number * DAY
        for number in range((within[1] - within[0]).days)
        if (within[0] + number * DAY).weekday() == weekday
    ]
    return abs(nth) <= len(all_) and all_[nth - 1 if nth > 0 else nth] == day


# --- as text --------------------------------------------------------------------------------


def text_of(events: Sequence[DrawnEvent], end: str = "\r\n") -> str:
    """The calendar as iCalendar."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:drawn"]
    for event in events:
        lines += _event_lines(event)
        for change in event.changes:
            lines += _change_lines(event, change)
    return end.join([*lines, "END:VCALENDAR", ""])


def _event_lines(event: DrawnEvent) -> Iterator[str]:
    yield from ("BEGIN:VEVENT", f"UID:{event.uid}", f"SUMMARY:{event.uid}")
    yield _time_line("DTSTART", event, event.start)
    if event.days:
        end = f"DURATION:P{event.days}D"
        yield end if event.nominal else _time_line("DTEND", event, event.start + event.days * DAY)
    elif event.nominal:
        yield f"DURATION:PT{event.minutes}M"
    else:
        _, end_at = _stretch(event, event.start)
        yield f"DTEND:{end_at:%Y%m%dT%H%M%SZ}"
    if event.rule is not None:
        yield f"RRULE:{rule_text(event.rule)}"
    yield from (_time_line("RDATE", event, at) for at in event.more)
    yield from (_time_line("EXDATE", event, at) for at in event.less)
    if event.transparent:
        yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _change_lines(event: DrawnEvent, change: DrawnChange) -> Iterator[str]:
    yield from ("BEGIN:VEVENT", f"UID:{event.uid}", "SUMMARY:changed")
    yield _time_line("RECURRENCE-ID", event, change.of)
    at = instant(change.start, event.zone)
    yield f"DTSTART:{at:%Y%m%dT%H%M%SZ}"
    yield f"DURATION:PT{change.minutes}M"
    if change.cancelled:
        yield "STATUS:CANCELLED"
    yield "END:VEVENT"


def _time_line(name: str, event: DrawnEvent, at: datetime) -> str:
    if event.days:
        return f"{name};VALUE=DATE:{at:%Y%m%d}"
    if event.zone == "UTC":
        return f"{name}:{at:%Y%m%dT%H%M%SZ}"
    return f"{name};TZID={event.zone}:{at:%Y%m%dT%H%M%S}"


def rule_text(rule: DrawnRule) -> str:
    """The rule as RRULE writes it."""
    parts = [f"FREQ={rule.freq}"]
    parts += [f"INTERVAL={rule.interval}"] if rule.interval > 1 else []
    parts += [f"COUNT={rule.count}"] if rule.count else []
    parts += [f"UNTIL={rule.until:%Y%m%dT%H%M%S}"] if rule.until else []
    for name, values in rule.by.items():
        written = [_day_text(*value) if name == "BYDAY" else str(value) for value in values]
        parts += [f"{name}={','.join(written)}"] if values else []
    parts += [f"WKST={WEEKDAYS[rule.wkst]}"] if rule.wkst else []
    return ";".join(parts)


def _day_text(nth: int, weekday: int) -> str:
    return f"{nth or ''}{WEEKDAYS[weekday]}"
