"""Schedules that many tests begin with. Instants are in June 2026, in UTC where nothing is said."""

from typing import Any

from tests.support.stored import V1, V2, Caller, Stored

START = "2026-06-01T00:00:00Z"
DAILY: dict[str, Any] = {
    "id": "daily",
    "name": "Daily",
    "team_id": "team",
    "timezone": "UTC",
    "rotation_type": "daily",
    "participants": ["ann", "bob"],
    "start_at": "2026-06-01T00:00:00Z",
}
"""ann has odd days of June 2026, bob even ones."""

EMPTY: dict[str, Any] = {
    "id": "empty",
    "name": "By hand",
    "team_id": "team",
    "timezone": "UTC",
    "rotation_type": "weekly",
}
"""Nobody, but by entries."""


def june(day: int, hour: int = 0) -> str:
    """Return an instant of June 2026, as v1 writes it."""
    return f"2026-06-{day:02}T{hour:02}:00:00Z"


def local(day: int, hour: int = 0) -> str:
    """Return an instant of June 2026, as v2 writes it in UTC."""
    return f"2026-06-{day:02}T{hour:02}:00:00+00:00"


async def scene(stored: Stored, *schedules: dict[str, Any], at: str = START) -> Caller:
    """Create four users and ``schedules`` at the time ``at``."""
    stored.at(at)
    await stored.me.add_users("ann", "bob", "cat", "dan")
    for schedule in schedules:
        await stored.me.create(f"{V2}/schedules", schedule)
    return stored.me


async def entry(
    me: Caller, user_id: str, start: str, end: str, schedule: str = "daily", **more: str
) -> str:
    """Create an entry and return its id."""
    body = {"user_id": user_id, "start": start, "end": end, **more}
    made: dict[str, str] = await me.create(f"{V2}/schedules/{schedule}/entries", body)
    return made["id"]


async def override(me: Caller, user_id: str, start: str, end: str, schedule: str = "daily") -> str:
    """Create an override and return its id."""
    body = {"user_id": user_id, "start_at": start, "end_at": end}
    made: dict[str, str] = await me.create(f"{V1}/schedules/{schedule}/overrides", body)
    return made["id"]


async def who(me: Caller, at: str, schedule: str = "daily") -> str | None:
    """Return who is on call at an instant."""
    found: dict[str, str | None] = await me.read(f"{V1}/schedules/{schedule}/on-call?at={at}")
    return found["user_id"]


async def shifts(
    me: Caller, first: int, last: int, schedule: str = "daily"
) -> list[dict[str, Any]]:
    """Return the entries of days of June 2026, ``first`` and ``last`` included."""
    days = f"start_date=2026-06-{first:02}&end_date=2026-06-{last:02}&limit=100"
    found: list[dict[str, Any]] = await me.read(f"{V2}/schedules/{schedule}/entries?{days}")
    return found


def entry_lines(entries: list[dict[str, Any]]) -> list[str]:
    """Return each entry as ``user start end``, in days and hours of June."""
    return [
        f"{each['user_id']} {each['start'][8:13]} {each['end'][8:13]}".replace("T", ":")
        for each in entries
    ]
