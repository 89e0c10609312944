"""Instants as text: ISO 8601 in UTC with exactly three decimals and ``Z``.

Strategy: texts are looked up and joined, not formatted. Times of day repeat (after one shift of
24 h, two of 36 h, 48 of 30 minutes), so a column mostly combines dates with the times of its first
period. Writing 10,000 shifts thereby costs little more than encoding the finished text
(``bench/rotation.py``).

Local times have the offset from UTC, so that the two occurrences of a repeated hour differ.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from math import gcd

from app.engine.walltime import MINUTE, SECOND, ZoneClock

DAY_MS = 86_400_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MINUTES = tuple(f"T{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60))
_SECONDS = tuple(f"{second:02}" for second in range(60))
_MILLISECONDS = tuple(f".{ms:03}Z" for ms in range(1000))


class _Dates(dict[int, str]):
    """A cache of dates as text by days since 1970-01-01, for 90 years at most."""

    def __missing__(self, day: int) -> str:
        if len(self) >= 1 << 15:
            self.clear()
        text = self[day] = date.fromordinal(_EPOCH_ORDINAL + day).isoformat()
        return text


_DATES = _Dates()


def iso(instant_ms: int) -> str:
    """Return an instant such as ``2026-06-04T00:00:00.000Z``, in the years 1 to 9999.

    Instants are milliseconds since 1970-01-01T00:00:00Z, here and below.
    """
    return iso_texts((instant_ms,))[0]


def iso_range(instants_ms: range) -> list[str]:
    """Return ``iso`` of each instant of an ascending range, in order."""
    step = instants_ms.step
    period = DAY_MS // gcd(step, DAY_MS)  # instants until the time of day repeats
    whole = len(instants_ms) // period * period
    texts = [""] * whole
    for turn, first in enumerate(instants_ms[: min(period, whole)]):
        days = range(first // DAY_MS, (first + whole * step) // DAY_MS, period * step // DAY_MS)
        time = iso(first)[10:]
        texts[turn::period] = [_DATES[day] + time for day in days]
    return texts + iso_texts(instants_ms[whole:])


def iso_texts(instants_ms: Iterable[int]) -> list[str]:
    """Return ``iso`` of each instant, in order."""
    return [
        f"{_DATES[(second := instant // 1000) // 86_400]}{_MINUTES[second // 60 % 1440]}"
        f"{_SECONDS[second % 60]}{_MILLISECONDS[instant % 1000]}"
        for instant in instants_ms
    ]


def local_iso_texts(clock: ZoneClock, instants: Sequence[int]) -> list[str]:
    """Return each instant in local time, such as ``2026-06-04T02:00:00.000+02:00``."""
    walls = [clock.wall(at) for at in instants]
    return [
        f"{text[:-1]}{_offset(wall - at)}"
        for text, wall, at in zip(iso_texts(walls), walls, instants, strict=True)
    ]


def _offset(ms: int) -> str:
    minutes, seconds = divmod(abs(ms) // SECOND, MINUTE // SECOND)
    rest = f":{seconds:02}" if seconds else ""
    return f"{'-' if ms < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}{rest}"
