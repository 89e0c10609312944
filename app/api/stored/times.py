"""Instants and local dates as the stored APIs write and read them."""

from datetime import date

from app.engine.layered.limits import DAY_MS
from app.engine.walltime import MINUTE, clock_of
from app.formats.instants import iso

FIRST_YEAR, LAST_YEAR = 2, 9998
_EPOCH = date(1970, 1, 1)


def utc_text(at: int) -> str:
    """``2026-04-24T19:00:00Z``; decimals only where there are any."""
    return iso(at).replace(".000Z", "Z")


def local_text(at: int, timezone: str) -> str:
    """``2026-03-08T18:00:00+01:00`` by the clock of ``timezone``; UTC if its offset has seconds."""
    offset = clock_of(timezone).wall(at) - at
    if offset % MINUTE:
        return utc_text(at)
    minutes = abs(offset) // MINUTE
    sign = "-" if offset < 0 else "+"
    return f"{utc_text(at + offset)[:-1]}{sign}{minutes // 60:02}:{minutes % 60:02}"


def day_in_range(day: date) -> bool:
    """Whether all of a local day can be asked about."""
    return FIRST_YEAR <= day.year <= LAST_YEAR


def local_days(first: date, last: date, timezone: str) -> tuple[int, int]:
    """The instants ``[from, to)`` of whole local days, both included."""
    clock = clock_of(timezone)
    start, end = ((day - _EPOCH).days * DAY_MS for day in (first, last))
    return clock.first_at(start), clock.first_at(end + DAY_MS)
