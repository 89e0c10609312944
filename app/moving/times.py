"""Times of day and local times, as other tools write them."""

import re
from datetime import datetime, timedelta

from app.engine.walltime import HOUR, MINUTE, SECOND
from app.moving.reading import Node

MIDNIGHT = 0
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall time


def time_of_day(node: Node, name: str) -> int:
    """Return ``HH:MM`` or ``HH:MM:SS`` as milliseconds since midnight; 0 where it is wrong."""
    given = node.text(name, required=True)
    match = _TIME.fullmatch(given)
    if match is None:
        if given:
            node.fault(f"{given[:40]!r} is not a time of day such as 09:00", name)
        return MIDNIGHT
    return int(match[1]) * HOUR + int(match[2]) * MINUTE + int(match[3] or 0) * SECOND


def local_time(node: Node, name: str, *, required: bool = True) -> int | None:
    """Return a date and time without an offset as a wall time; ``None`` if there is none."""
    given = node.text(name, required=required)
    if not given:
        return None
    wall = _wall_of(given.removesuffix("Z"))
    if wall is None:
        node.fault(f"{given[:40]!r} is not a local time such as 2026-01-05T09:00:00", name)
    return wall


def _wall_of(text: str) -> int | None:
    try:
        at = datetime.fromisoformat(text) if _LOCAL.fullmatch(text) else None
    except ValueError:
        return None
    return None if at is None else (at - _EPOCH) // timedelta(milliseconds=1)
