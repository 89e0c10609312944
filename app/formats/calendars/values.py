"""Dates, times, durations and offsets as iCalendar writes them (RFC 5545, 3.3).

Words: a wall time is milliseconds since 1970-01-01T00:00 on some clock, as in
``engine/walltime.py``.
"""

import re
from datetime import date
from typing import NamedTuple

from app.engine.walltime import DAY, HOUR, MINUTE, SECOND
from app.formats.calendars.components import Property

EPOCH_DAY = date(1970, 1, 1).toordinal()

WHEN = re.compile(
    r"(\d{4})(\d{2})(\d{2})(?:T([01]\d|2[0-3])([0-5]\d)([0-5]\d|60)(Z?))?",
    re.ASCII | re.IGNORECASE,
)
NUMBER = r"(\d{1,7})"
DURATION = re.compile(
    rf"([+-]?)P(?=.)(?:{NUMBER}W)?(?:{NUMBER}D)?"
    rf"(?:T(?=.)(?:{NUMBER}H)?(?:{NUMBER}M)?(?:{NUMBER}S)?)?",
    re.ASCII | re.IGNORECASE,
)
OFFSET = re.compile(r"([+-])(\d{2})([0-5]\d)([0-5]\d)?", re.ASCII)
MAX_SHOWN = 40


class When(NamedTuple):
    """A date, or a time on the clock of ``zone``, in UTC, or on a clock that nobody names.

    ``zone`` is as the text writes it. A date has none, and its wall time is midnight.
    """

    wall: int
    is_date: bool = False
    is_utc: bool = False
    zone: str = ""


class Duration(NamedTuple):
    """Days by the clock on the wall, and milliseconds that pass (RFC 5545, 3.3.6)."""

    days: int = 0
    exact: int = 0


def when(given: Property, value: str | None = None) -> When:
    """Return the date or time that ``given`` says, or one ``value`` of its list."""
    written = (given.value if value is None else value).strip()
    found = WHEN.fullmatch(written)
    if found is None:
        raise ValueError(f"{_shown(written)} is not a date or a time such as 20260604T090000Z")
    year, month, day, hour, minute, second, utc = found.groups()
    wall = days_until(int(year), int(month), int(day)) * DAY
    if hour is None:
        return When(wall, is_date=True)
    wall += int(hour) * HOUR + int(minute) * MINUTE + min(int(second), 59) * SECOND
    return When(wall, is_utc=True) if utc else When(wall, zone=given.parameter("TZID"))


def days_until(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date. Raises ``ValueError`` if there is no such date."""
    try:
        return date(year, month, day).toordinal() - EPOCH_DAY
    except ValueError:
        raise ValueError(f"there is no date {year:04}{month:02}{day:02}") from None


def duration(value: str) -> Duration:
    """Return a duration such as ``P1DT12H``."""
    found = DURATION.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"{_shown(value)} is not a duration such as PT8H")
    sign = -1 if found[1] == "-" else 1
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in found.groups()[1:])
    exact = hours * HOUR + minutes * MINUTE + seconds * SECOND
    return Duration(sign * (weeks * 7 + days), sign * exact)


def offset(value: str) -> int:
    """Return an offset from UTC such as ``+0530``, in milliseconds."""
    found = OFFSET.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"{_shown(value)} is not an offset from UTC such as +0100")
    sign = -1 if found[1] == "-" else 1
    return sign * (int(found[2]) * HOUR + int(found[3]) * MINUTE + int(found[4] or 0) * SECOND)


def _shown(value: str) -> str:
    return repr(value[:MAX_SHOWN].encode(errors="replace").decode())
