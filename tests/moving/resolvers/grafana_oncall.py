"""Grafana OnCall's shifts, laid out one by one: overrides, then the highest level with anybody."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from tests.moving.resolvers.clock import DAY

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
LAST = datetime(2027, 3, 1)  # noqa: DTZ001 - a wall clock


def on_call(document: dict[str, Any], at: datetime) -> set[str]:
    schedule = document.get("schedule", document)
    shifts = document.get("shifts") or document.get("results") or document.get("on_call_shifts")
    shifts = shifts or schedule["shifts"]
    zone = schedule.get("time_zone", "UTC")
    by_level: dict[int, set[str]] = {}
    for shift in shifts:
        level = shift.get("priority_level", shift.get("level", 0))
        if shift["type"] == "override":
            level = 1_000_000
        by_level.setdefault(level, set()).update(_users(shift, at, zone))
    return next(
        (by_level[level] for level in sorted(by_level, reverse=True) if by_level[level]), set()
    )


def _users(shift: dict[str, Any], at: datetime, schedule_zone: str) -> set[str]:
    zone = shift.get("time_zone") or schedule_zone
    wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    start = datetime.fromisoformat(shift["start"])
    length = timedelta(seconds=shift["duration"])
    groups = shift.get("rolling_users") or [shift.get("users") or []]
    if shift["type"] in ("single_event", "override"):
        return set(groups[0]) if start <= wall < start + length else set()
    if shift["type"] == "recurrent_event":
        groups = [shift["users"]]
    key = (
        *(shift["type"], shift["frequency"], shift.get("interval") or 1, start, length),
        *(tuple(shift.get("by_day") or ()), shift.get("week_start", "SU"), len(groups)),
        *(shift.get("start_rotation_from_user_index") or 0, shift.get("rotation_start")),
        *(shift.get("until"), zone),
    )
    return {
        user
        for begin, end, group in _laid_out(key)
        if begin <= wall < end
        for user in groups[group]
    }


@cache
def _laid_out(key: tuple[Any, ...]) -> list[tuple[datetime, datetime, int]]:  # noqa: C901, PLR0915 - the tool's rules in one place
    """Return every start and end, with the number of the group that is on call then."""
    kind, frequency, interval, start, length, days, week_start, groups, first, *ends = key
    rotation_start, until, zone = ends
    cut = datetime.fromisoformat(until) if until else LAST
    last = cut.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if kind == "recurrent_event":
        groups = 1
    known: set[int] = set()
    if rotation_start:
        begin = datetime.fromisoformat(rotation_start)
        step = {"hourly": timedelta(hours=1), "daily": DAY, "weekly": 7 * DAY}[frequency] * interval
        step = DAY if days else step
        while start + length <= begin:
            start += step
    if days and DAYS[start.weekday()] not in days:
        in_week = [DAYS[(DAYS.index(week_start) + index) % 7] for index in range(7)]
        wanted = next(day for day in in_week if day in days)
        if kind == "recurrent_event":
            wanted = next(
                DAYS[(start.weekday() + index) % 7]
                for index in range(7)
                if DAYS[(start.weekday() + index) % 7] in days
            )
        start += (DAYS.index(wanted) - start.weekday()) % 7 * DAY
    week = start - (start.weekday() - DAYS.index(week_start)) % 7 * DAY
    found, at, number = [], start, 0
    step = timedelta(hours=1) if frequency == "hourly" else DAY
    while at <= last:
        if days and DAYS[at.weekday()] not in days:
            at += DAY
            continue
        if frequency == "weekly":
            weeks = (at - week).days // 7
            due = bool(days) or at.weekday() == start.weekday()
            turn = weeks // interval
            due = due and weeks % interval == 0
        elif days:
            due, turn = True, number // interval
        else:
            due, turn = number % interval == 0, number // interval
        if due:
            group = (first + turn) % groups
            is_first = group not in known and not days
            known.add(group)
            found.append((at, min(at + length, cut) if is_first else at + length, group))
        at, number = at + step, number + 1
    return found
