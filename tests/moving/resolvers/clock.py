"""Local times for the resolvers."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def parsed(text: str) -> datetime:
    """Return an instant with an offset."""
    return datetime.fromisoformat(text)


def local(at: datetime, zone: str) -> datetime:
    """Return the wall clock of a zone at an instant, without an offset."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def into_day(wall: datetime) -> timedelta:
    """Return the time since local midnight."""
    return wall - wall.replace(hour=0, minute=0, second=0, microsecond=0)


def into_week(wall: datetime) -> timedelta:
    """Return the time since Monday 00:00."""
    return wall.weekday() * DAY + into_day(wall)


def within(start: str, end: str, at: datetime) -> bool:
    """Return whether an instant is in ``[start, end)``."""
    return parsed(start) <= at < parsed(end)


def clock_time(text: str) -> timedelta:
    """Return ``HH:MM`` or ``HH:MM:SS`` as a time since midnight."""
    hours, minutes, *seconds = map(int, text.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds[0] if seconds else 0)


def ids(nodes: list[dict[str, Any]], name: str) -> list[str]:
    """Return a member of each."""
    return [node[name] for node in nodes]
