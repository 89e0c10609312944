"""Absences from iCalendar texts, parsed with a limit on the work for any text.

Strategy: ``icalendar`` parses the text and ``recurring-ical-events`` expands recurring events.
Neither limits its work: a rule may recur every second, or never and be searched for until the year
9999. So both run under a profile function that counts their calls and stops them after ``STEPS``,
for all calendars of a request together. Equal texts stop at the same step. Transparent and
cancelled events are no absences.

Invariants: dates and times without a zone are in the rotation's time zone. An unreadable text is an
error that names the calendar, never a defect of ours.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING, Any

from app.engine.planning.request import Absence
from app.engine.walltime import DAY, ZoneClock
from app.errors import FieldError, InvalidRequest
from app.http.validation import pointer_to

if TYPE_CHECKING:
    from icalendar import Component

STEPS = 4_000_000
"""The most calls and returns of functions: some thousand events, or about a second of work."""
MAX_REASON = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class _TooManySteps(BaseException):
    """The work exceeds its limit."""


def absences_in(
    calendars: Mapping[str, str], clock: ZoneClock | None, from_at: int, to_at: int
) -> list[Absence]:
    """Return the absences within ``[from_at, to_at)`` in the calendars, which are by person.

    Raises ``InvalidRequest`` with the calendars that cannot be read or take too much work.
    """
    if not calendars:
        return []
    import recurring_ical_events  # noqa: F401, PLC0415 - takes 120 ms, few need it, not counted

    errors: list[FieldError] = []
    found: list[Absence] = []
    left = [STEPS]
    for person, text in calendars.items():
        where = pointer_to("/unavailableIcs", person)
        try:
            with _bounded(left):
                found += _absences(person, text, clock, from_at, to_at)
        except _TooManySteps:
            errors.append(FieldError(where, "recurs too often, or is too long, to be laid out"))
            break
        except Exception as error:  # noqa: BLE001 - the libraries raise anything for such texts
            errors.append(FieldError(where, f"cannot be read as iCalendar: {_message(error)}"))
    if errors:
        raise InvalidRequest(errors)
    return found


@contextmanager
def _bounded(left: list[int]) -> Iterator[None]:
    """Raise ``_TooManySteps`` in this thread's work after the steps that are ``left``."""

    def count(_: FrameType, __: str, ___: Any) -> None:  # pragma: no cover - runs untraced
        left[0] -= 1
        if left[0] < 0:
            raise _TooManySteps

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)


def _absences(
    person: str, text: str, clock: ZoneClock | None, from_at: int, to_at: int
) -> Iterator[Absence]:
    from icalendar import Calendar  # noqa: PLC0415 - loaded by now
    from recurring_ical_events import of  # noqa: PLC0415 - as above

    calendar = Calendar.from_ical(text)
    window = (EPOCH + (from_at - DAY) * MILLISECOND, EPOCH + (to_at + DAY) * MILLISECOND)
    for event in of(calendar).between(*window):
        start, end = (_instant(event[name].dt, clock) for name in ("DTSTART", "DTEND"))
        if _is_busy(event) and start < to_at and from_at < end:
            yield Absence(person, start, end, str(event.get("SUMMARY", ""))[:MAX_REASON] or None)


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


def _message(error: Exception) -> str:
    """Return the first words of a library's message."""
    words = " ".join(str(error).split())[:100] or type(error).__name__
    return words.encode(errors="replace").decode()
