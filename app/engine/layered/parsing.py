"""Texts of a schedule document parsed into the model's numbers.

Strategy: one function a field; each raises ``ValueError`` whose message is a full sentence for the
person who wrote the document: the field, what it held, what to write. The caller adds where it
stood.

Invariant: every value returned here is within what ``model.py`` asks for.
"""

import re

from app.engine.layered.model import Unit
from app.engine.walltime import HOUR, MINUTE

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS: tuple[Unit, ...] = ("hours", "days", "weeks", "months")
MAX_COUNTS = {"hours": 87_600, "days": 3_650, "weeks": 520, "months": 120}
"""The largest count of each unit: ten years."""

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_LOOSE_TIME = re.compile(r"\s*([0-9]{1,2})(?:[:.h]([0-9]{1,2}))?\s*", re.IGNORECASE)


def rotation_interval_of(
    rotation_type: str, count: int | None, unit: str | None
) -> tuple[Unit, int]:
    """Return unit and count of ``daily``, ``weekly`` or ``custom``.

    Only ``custom`` takes ``count`` and ``unit``, and needs both (rule 3 of ``schedules.md``).
    """
    if rotation_type in ("daily", "weekly"):
        if count is not None or unit is not None:
            raise ValueError('interval: leave it out, or write rotation_type "custom"')
        return ("days", 1) if rotation_type == "daily" else ("weeks", 1)
    if rotation_type != "custom":
        given = _short(rotation_type)
        raise ValueError(f'rotation_type "{given}": write "daily", "weekly" or "custom"')
    if count is None or unit is None:
        raise ValueError('interval: write {"count": 2, "unit": "weeks"} or the like')
    return _custom(count, unit)


def _custom(count: int, unit: str) -> tuple[Unit, int]:
    known = next((known for known in UNITS if known == unit), None)
    if known is None:
        raise ValueError(f'unit "{_short(unit)}": write "hours", "days", "weeks" or "months"')
    if not 1 <= count <= MAX_COUNTS[known]:
        raise ValueError(
            f"count {count}: write a whole number of {known} from 1 to {MAX_COUNTS[known]}"
        )
    return known, count


def handoff_of(text: str, unit: Unit) -> tuple[int | None, int]:
    """Return the weekday, 0 for Monday, and the time of day in milliseconds.

    The weekday is ``None`` unless the unit is weeks.
    """
    words = text.split(" ")
    if unit != "weeks":
        if len(words) == 1 and _TIME.fullmatch(text):
            return None, _milliseconds(text)
        raise ValueError(f'handoff_time "{_short(text)}": write "{_time_in(words[-1])}"')
    day = words[0].lower()
    if len(words) == 2 and day in WEEKDAYS and _TIME.fullmatch(words[1]):
        return WEEKDAYS.index(day), _milliseconds(words[1])
    nearest = (day[:3] if day[:3] in WEEKDAYS else "mon").capitalize()
    raise ValueError(f'handoff_time "{_short(text)}": write "{nearest} {_time_in(words[-1])}"')


def window_start_of(text: str) -> int:
    """Return ``HH:MM`` as milliseconds since local midnight."""
    if not _TIME.fullmatch(text):
        raise ValueError(f'start "{_short(text)}": write "{_time_in(text)}"')
    return _milliseconds(text)


def window_end_of(text: str) -> int:
    """Return ``HH:MM`` or ``24:00`` as milliseconds since local midnight."""
    if text != "24:00" and not _TIME.fullmatch(text):
        raise ValueError(f'end "{_short(text)}": write "{_time_in(text)}"')
    return _milliseconds(text)


def weekday_of(text: str) -> int:
    """Return the number of a weekday, 0 for Monday, from the first three letters of its name."""
    day = text.lower()
    if day in WEEKDAYS:
        return WEEKDAYS.index(day)
    known = (day[:3],) if day[:3] in WEEKDAYS else WEEKDAYS
    right = " or ".join(f'"{name}"' for name in known)
    raise ValueError(f'day "{_short(text)}": write {right}')


def _milliseconds(text: str) -> int:
    return int(text[:2]) * HOUR + int(text[3:]) * MINUTE


def _time_in(text: str) -> str:
    """Return the time of day that was probably meant."""
    match = _LOOSE_TIME.fullmatch(text)
    hours, minutes = (int(match[1]), int(match[2] or 0)) if match else (9, 0)
    fits = hours < 24 and minutes < 60
    return f"{hours:02}:{minutes:02}" if fits else "09:00"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
