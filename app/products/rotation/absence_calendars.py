"""Absences from iCalendar texts, read in a worker process.

Strategy: ``icalendar`` parses the text and ``recurring-ical-events`` lays recurring events out.
Neither bounds its work: a rule may recur every second, or never and be searched for until the year
9999. So they are read once a payment is verified and before it is charged, in a worker whose time
is bounded. Without a payment only texts are parsed that certainly take little time; for the rest
there is a warning.
Transparent and cancelled events are no absences.

Invariants: dates and times without a zone are in the rotation's time zone. A text means the same
whatever was read before it. An unreadable text is an error that names the calendar, never a defect
of ours.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from app.engine.planning.request import Absence
from app.engine.walltime import DAY, ZoneClock
from app.errors import FieldError, InvalidRequest
from app.http.validation import pointer_to
from app.workers.limits import JobStopped

if TYPE_CHECKING:
    from icalendar import Component

QUICK_CHARACTERS = 8 * 1024
"""What is parsed before anybody pays, of all calendars together: about 20 ms of work."""
MOST_SLASHES = 3
"""In the name of a zone, such as /example.org/Europe/Berlin: each part of it is looked up."""
MAX_REASON = 200
MAX_NAME = 80
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

ENDLESS = "recurs too often, or is too long, to be laid out"
LATER = "is read after you have signed and before you are charged: {why}"
LONG = f"the calendars have more than {QUICK_CHARACTERS:,} characters"
OWN_ZONE = "it has a time zone of its own"
BAD_RULE = "a recurrence rule is not valid"
RECURS = "what recurs in it is laid out"


def absences_in(
    calendars: Mapping[str, str], clock: ZoneClock | None, from_at: int, to_at: int
) -> list[Absence]:
    """Return the absences within ``[from_at, to_at)`` in the calendars, which are by person.

    Raises ``InvalidRequest`` with the calendars that cannot be read, also if the worker's time is
    up: then with the one that was being read, and its event.
    """
    errors: list[FieldError] = []
    found: list[Absence] = []
    for person, text in calendars.items():
        where = pointer_to("/unavailableIcs", person)
        reading = _Reading()
        try:
            found += _absences(person, text, clock, from_at, to_at, reading)
        except JobStopped:
            endless = FieldError(where, f"{ENDLESS}{reading.event}")
            raise JobStopped(InvalidRequest([*errors, endless])) from None
        except Exception as error:  # noqa: BLE001 - the libraries raise anything for such texts
            errors.append(_unreadable(where, error))
    if errors:
        raise InvalidRequest(errors)
    return found


def parse_quick_calendars(calendars: Mapping[str, str]) -> list[FieldError]:
    """Parse the calendars that take little time; return a warning for each of the others.

    Raises ``InvalidRequest`` with those that cannot be parsed.
    """
    errors: list[FieldError] = []
    warnings: list[FieldError] = []
    left = QUICK_CHARACTERS
    for person, text in calendars.items():
        where = pointer_to("/unavailableIcs", person)
        left -= len(text)
        try:
            why = LONG if left < 0 else _parse_quickly(text)
        except Exception as error:  # noqa: BLE001 - as above
            errors.append(_unreadable(where, error))
        else:
            warnings += [FieldError(where, LATER.format(why=why))] if why else []
    if errors:
        raise InvalidRequest(errors)
    return warnings


def _parse_quickly(text: str) -> str | None:
    """Parse ``text``, and return why more of it is read later, or all of it."""
    from icalendar.parser import Contentlines  # noqa: PLC0415 - takes 60 ms, and few need it

    lines = Contentlines.from_ical(text)  # type: ignore[no-untyped-call]
    if any(map(_has_own_zone, lines)):
        return OWN_ZONE
    _calendar(text)
    return RECURS if any(line.upper().startswith(("RRULE", "RDATE")) for line in lines) else None


def _has_own_zone(line: str) -> bool:
    """Whether ``line`` defines a zone, whose rules are laid out at once, or has a long name."""
    upper = line.upper()
    return "VTIMEZONE" in upper or ("TZID" in upper and line.count("/") > MOST_SLASHES)


def _calendar(text: str) -> "Component":
    """Parse ``text``. A zone that another text defined is not known to it."""
    from icalendar import Calendar  # noqa: PLC0415 - as above
    from icalendar.timezone import tzp  # noqa: PLC0415 - as above

    tzp.use_default()
    return Calendar.from_ical(text)


@dataclass(slots=True)
class _Reading:
    """The event that is being laid out, in words that follow those of an error."""

    event: str = ""


def _absences(
    person: str, text: str, clock: ZoneClock | None, from_at: int, to_at: int, reading: _Reading
) -> Iterator[Absence]:
    # they take 120 ms, and few need them
    from recurring_ical_events import of  # noqa: PLC0415
    from recurring_ical_events.errors import BadRuleStringFormat  # noqa: PLC0415

    calendar = _calendar(text)
    window = (EPOCH + (from_at - DAY) * MILLISECOND, EPOCH + (to_at + DAY) * MILLISECOND)
    for series in _series(calendar):
        reading.event = _named(series)
        try:
            events = of(series).between(*window)
        except BadRuleStringFormat as error:
            raise ValueError(f"{BAD_RULE}: {_unescaped(error.rule)}") from error
        for event in events:
            start, end = (_instant(event[name].dt, clock) for name in ("DTSTART", "DTEND"))
            if _is_busy(event) and start < to_at and from_at < end:
                reason = str(event.get("SUMMARY", ""))[:MAX_REASON]
                yield Absence(person, start, end, reason or None)


def _series(calendar: "Component") -> Iterable["Component"]:
    """Return a calendar for each event, with the changes of single ones, which have its UID."""
    series: dict[str, Component] = {}
    for event in calendar.walk("VEVENT"):
        uid = str(event.get("UID", ""))
        if uid not in series:
            series[uid] = type(calendar)(calendar)  # with its properties: one is its time zone
        series[uid].add_component(event)
    return series.values()


def _named(series: "Component") -> str:
    event = series.subcomponents[0]
    name = " ".join(str(event.get("SUMMARY") or event.get("UID", "")).split())[:MAX_NAME]
    return f": the event {name.encode(errors='replace').decode()!r}"


def _unescaped(rule: str) -> str:
    return rule.replace("\\;", ";").replace("\\,", ",")


def _is_busy(event: "Component") -> bool:
    transparent = str(event.get("TRANSP", "")).upper() == "TRANSPARENT"
    return not transparent and str(event.get("STATUS", "")).upper() != "CANCELLED"


def _instant(when: date, clock: ZoneClock | None) -> int:
    """Return an instant in milliseconds. Without a zone it is local by ``clock``, or UTC."""
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day)  # noqa: DTZ001 - a local one
    if when.tzinfo is not None:
        return (when - EPOCH) // MILLISECOND
    wall = (when.replace(tzinfo=UTC) - EPOCH) // MILLISECOND
    return clock.first_at(wall) if clock else wall


def _unreadable(where: str, error: Exception) -> FieldError:
    """Return the error with the first words of a library's message."""
    words = " ".join(str(error).split())[:100] or type(error).__name__
    words = words.encode(errors="replace").decode()
    return FieldError(where, f"cannot be read as iCalendar: {words}")
