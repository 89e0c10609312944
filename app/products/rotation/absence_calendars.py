"""Absences from iCalendar texts, read in a worker process.

Strategy: ``app/formats/calendars`` says what happens in a calendar and when, within the window of
the rotation. Here is what of it takes its person away: by default (``away``) what lasts the whole
day, what is out of office, and what lasts some hours; or everything that is busy. Without a payment
calendars are parsed up to so many characters, which takes little time, and what recurs is laid out
after it, in a worker whose time is bounded; there is a warning for each.

Invariants: dates and times without a zone are by the calendar's own zone, or else by that of the
rotation. A text means the same whatever was read before it. What cannot be read is an error that
names the calendar and the event, never a defect of ours and never a guess. What was taken and what
was not is told.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from app.engine.planning.request import Absence
from app.engine.rotation import HOUR_MS, LAST_INSTANT_MS
from app.engine.walltime import ZoneClock
from app.errors import FieldError, InvalidRequest
from app.formats.calendars.events import (
    Entry,
    Facts,
    Occurrence,
    check,
    check_zones,
    entries_of,
    in_words,
    may_touch,
    occurrences,
)
from app.formats.calendars.zones import UTC_CLOCK, IanaClock, UnknownZone
from app.formats.instants import iso
from app.formats.own_calendars import NOBODY, PRODUCT
from app.http.validation import pointer_to
from app.products.endpoint import AFTER_SIGNING
from app.products.numbers import hours_text
from app.products.rotation.planning_fields import MIN_ABSENCE_HOURS
from app.products.rotation.understood_calendars import (
    MAX_SUMMARY,
    SHOWN,
    CountedEvent,
    UncountedEvent,
    UnderstoodCalendar,
)
from app.workers.limits import JobStopped

Counted = Literal["away", "busy", "all"]
"""Which events take their person away: see rule 9 of ``rotation.md``."""

QUICK_CHARACTERS = 8 * 1024
"""What is parsed before anybody pays, of all calendars together: about 5 ms of work."""
OCCURRENCES = 50_000
"""The most occurrences of all calendars within a rotation."""
MOST_COUNTED = 250_000
"""Beyond so many occurrences nobody counts by how many there are too many."""
FIRST_WRITTEN_MS = -62_135_596_800_000
"""0001-01-01T00:00:00Z."""
MAX_REASON = 200
OUT_OF_OFFICE = frozenset(("OOF", "BUSY-UNAVAILABLE"))

ENDLESS = "recurs too often, or is too long, to be laid out"
LATER = f"is read {AFTER_SIGNING}: {{why}}"
LONG = f"the calendars have more than {QUICK_CHARACTERS:,} characters"
RECURS = "what recurs in it is laid out"
NO_TIME = "it takes no time"


@dataclass(frozen=True, slots=True)
class CalendarRules:
    """What of a calendar counts as an absence.

    ``min_absence_ms`` is for ``away``; ``emails`` are the owners' addresses by person, in small
    letters.
    """

    events: Counted = "away"
    min_absence_ms: int = MIN_ABSENCE_HOURS * HOUR_MS
    emails: Mapping[str, str] = field(default_factory=dict)


class CalendarsRead(Struct, frozen=True):
    """The absences in the calendars of a request, and what is told of each calendar."""

    absences: Sequence[Absence] = ()
    understood: Sequence[UnderstoodCalendar] = ()


def read_calendars(
    calendars: Mapping[str, str],
    clock: ZoneClock | None,
    window: tuple[int, int],
    rules: CalendarRules,
) -> CalendarsRead:
    """Return the absences within the window ``[from, to)`` in the calendars, which are by person.

    Raises ``InvalidRequest`` with the calendars that cannot be read, also if the worker's time is
    up: then with the one that was being read, and its event.
    """
    errors: list[FieldError] = []
    reading = _Reading(clock, window, rules)
    absences: list[Absence] = []
    understood: list[UnderstoodCalendar] = []
    for person, text in calendars.items():
        where = pointer_to("/unavailableIcs", person)
        try:
            read = reading.read(person, text)
        except JobStopped:
            endless = FieldError(where, f"{ENDLESS}{reading.event}")
            raise JobStopped(InvalidRequest([*errors, endless])) from None
        except ValueError as error:
            errors.append(_unreadable(where, error))
        else:
            absences += read.absences
            understood += read.understood
            if reading.occurrences > OCCURRENCES:
                errors.append(FieldError(where, _too_many(reading.occurrences)))
                break
    if errors:
        raise InvalidRequest(errors)
    return CalendarsRead(absences, understood)


def parse_quick_calendars(
    calendars: Mapping[str, str], window: tuple[int, int], rules: CalendarRules
) -> list[FieldError]:
    """Parse the calendars that take little time; return a warning for each of the others.

    Raises ``InvalidRequest`` with those that cannot be read.
    """
    errors: list[FieldError] = []
    warnings: list[FieldError] = []
    left = QUICK_CHARACTERS
    for person, text in calendars.items():
        where = pointer_to("/unavailableIcs", person)
        left -= len(text)
        try:
            why = LONG if left < 0 else _parse_quickly(text, window, rules)
        except ValueError as error:
            errors.append(_unreadable(where, error))
        else:
            warnings += [FieldError(where, LATER.format(why=why))] if why else []
    if errors:
        raise InvalidRequest(errors)
    return warnings


def _parse_quickly(text: str, window: tuple[int, int], rules: CalendarRules) -> str | None:
    """Parse ``text``, and return why more of it is read later."""
    why = None
    for entry in entries_of(text, UTC_CLOCK):
        check(entry)
        if not why_never_counted(entry.facts, rules, "") and may_touch(entry, *window):
            check_zones(entry)
        why = RECURS if entry.recurs else why
    return why


class _Reading:
    """The calendars of one request, while they are read: how much is in them all.

    ``event`` is the one that is being laid out, in words that follow those of an error.
    """

    def __init__(
        self, clock: ZoneClock | None, window: tuple[int, int], rules: CalendarRules
    ) -> None:
        self._clock = IanaClock(clock) if clock else UTC_CLOCK
        self._from_at, self._to_at = window
        self._rules = rules
        self.occurrences = 0
        self.event = ""

    def read(self, person: str, text: str) -> CalendarsRead:
        """Read the calendar of ``person``. Raises ``ValueError`` if that is not possible."""
        email = self._rules.emails.get(person, "")
        taken: list[Occurrence] = []
        passed: list[UncountedEvent] = []
        self.event = ""
        for entry in entries_of(text, self._clock):
            self.event = in_words(entry)
            left_out: dict[str, list[Occurrence]] = {}
            for found in self._occurrences(entry):
                why = why_not_counted(found, self._rules, email)
                (left_out.setdefault(why, []) if why else taken).append(found)
            passed += [_told_of(why, found) for why, found in left_out.items()]
        absences = [_absence(person, found) for found in sorted(taken, key=_by_time)]
        told = UnderstoodCalendar(
            person,
            [_told(absence) for absence in absences[:SHOWN]],
            len(absences),
            heapq.nsmallest(SHOWN, passed, key=lambda event: event.start),
            len(passed),
        )
        return CalendarsRead(absences, [told])

    def _occurrences(self, entry: Entry) -> Iterator[Occurrence]:
        """Yield the occurrences within the window. Those above the limit are only counted."""
        try:
            for found in occurrences(entry, self._from_at, self._to_at):
                self.occurrences += 1
                if self.occurrences <= OCCURRENCES:
                    yield found
                elif self.occurrences > MOST_COUNTED:
                    return
        except UnknownZone:
            never = why_never_counted(entry.facts, self._rules, "")
            if not never and may_touch(entry, self._from_at, self._to_at):
                raise


def why_not_counted(found: Occurrence, rules: CalendarRules, email: str) -> str:
    """Return why an occurrence is no absence; an empty text if it is one."""
    facts, length = found.facts, found.end_at - found.start_at
    why = why_never_counted(facts, rules, email) or (NO_TIME if length <= 0 else "")
    if why or rules.events != "away" or facts.all_day or facts.status in OUT_OF_OFFICE:
        return why
    if length >= rules.min_absence_ms:
        return ""
    return f"it is shorter than {hours_text(rules.min_absence_ms / HOUR_MS)} hours"


def why_never_counted(facts: Facts, rules: CalendarRules, email: str) -> str:
    """Return why no occurrence of an event counts; an empty text if one may."""
    if facts.cancelled:
        return "it is cancelled"
    if email and email in facts.declined:
        return "its owner has declined"
    if facts.product == PRODUCT and facts.summary.startswith(NOBODY):
        return "it is a gap of a rotation"
    if rules.events != "all" and (facts.transparent or facts.status == "FREE"):
        return "it is marked as free"
    return ""


def _by_time(found: Occurrence) -> tuple[int, int]:
    return found.start_at, found.end_at


def _absence(person: str, found: Occurrence) -> Absence:
    return Absence(person, found.start_at, found.end_at, found.facts.summary[:MAX_REASON] or None)


def _told(absence: Absence) -> CountedEvent:
    summary = (absence.reason or "")[:MAX_SUMMARY]
    return CountedEvent(summary, _iso(absence.start_at), _iso(absence.end_at))


def _told_of(why: str, stretches: Sequence[Occurrence]) -> UncountedEvent:
    first = min(stretches, key=_by_time)
    summary = first.facts.summary[:MAX_SUMMARY]
    return UncountedEvent(summary, _iso(first.start_at), _iso(first.end_at), len(stretches), why)


def _iso(at: int) -> str:
    """Return an instant as text, within the years that can be written."""
    return iso(min(max(at, FIRST_WRITTEN_MS), LAST_INSTANT_MS))


def _too_many(found: int) -> str:
    if found > MOST_COUNTED:
        return (
            f"has, with the calendars before it, more than {MOST_COUNTED:,} events within the "
            f"rotation, repetitions counted; at most {OCCURRENCES:,} are laid out"
        )
    return (
        f"has, with the calendars before it, {found:,} events within the rotation, repetitions "
        f"counted: {found - OCCURRENCES:,} more than the {OCCURRENCES:,} that are laid out"
    )


def _unreadable(where: str, error: Exception) -> FieldError:
    return FieldError(where, f"cannot be read as iCalendar: {error}")
