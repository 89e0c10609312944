"""PagerDuty's recurring events, shift by shift: each is laid out and counted from its first."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from tests.moving.resolvers.clock import DAY, local, parsed, within

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
LAST = datetime(2027, 3, 1)  # noqa: DTZ001 - a wall clock


def on_call(document: dict[str, Any], at: datetime) -> set[str]:
    schedule = document.get("schedule", document)
    found: set[str] = set()
    for shift in document.get("custom_shifts", []):
        if within(shift["start_time"], shift["end_time"], at):
            found |= {each["member"]["user_id"] for each in shift["assignments"]}
    for rotation in schedule["rotations"]:
        users = {user for event in rotation["events"] for user in _users(event, at, schedule)}
        for override in document.get("overrides", []):
            mine = override.get("rotation_id") == rotation.get("id")
            away = override["overridden_member"].get("user_id")
            if mine and within(override["start_time"], override["end_time"], at) and away in users:
                users = (users - {away}) | {override["overriding_member"]["user_id"]}
        found |= users
    return found


def _users(event: dict[str, Any], at: datetime, schedule: dict[str, Any]) -> set[str]:
    zone = schedule["time_zone"]
    wall = local(at, zone)
    if event.get("effective_until") and at >= parsed(event["effective_until"]):
        return set()
    [rule] = [line for line in event["recurrence"] if line.startswith("RRULE:")]
    start = local(parsed(event["start_time"]["date_time"]), zone)
    end = local(parsed(event["end_time"]["date_time"]), zone)
    since = local(parsed(event["effective_since"]), zone) if event.get("effective_since") else start
    strategy = event["assignment_strategy"]
    members = [member.get("user_id") for member in strategy["members"]]
    found: set[str | None] = set()
    for number, begin in enumerate(_starts(rule, start, since, zone)):
        if begin > wall:
            break
        if begin <= wall < begin + (end - start):
            if strategy["type"].startswith("every"):
                found |= set(members)
            else:
                found.add(members[number // strategy.get("shifts_per_member", 1) % len(members)])
    return {user for user in found if user}


@cache
def _starts(rule: str, start: datetime, since: datetime, zone: str) -> list[datetime]:
    """Return every start of a shift from ``since`` on."""
    parts = dict(part.split("=") for part in rule.removeprefix("RRULE:").split(";"))
    interval = int(parts.get("INTERVAL", 1))
    step = {"HOURLY": timedelta(hours=1), "DAILY": DAY, "WEEKLY": DAY}[parts["FREQ"]]
    days = parts["BYDAY"].split(",") if "BYDAY" in parts else []
    if parts["FREQ"] == "WEEKLY":
        days = days or [DAYS[start.weekday()]]
    last = _last(parts.get("UNTIL"), zone)
    count = int(parts.get("COUNT", 100_000))
    monday = start - start.weekday() * DAY
    found, at, number = [], start, 0
    while at <= last and count:
        if parts["FREQ"] == "WEEKLY":
            in_period = (at - monday).days // 7 % interval == 0
        else:
            in_period = number % interval == 0
        if in_period and (not days or DAYS[at.weekday()] in days):
            count -= 1
            if at >= since:
                found.append(at)
        at, number = at + step, number + 1
    return found


def _last(until: str | None, zone: str) -> datetime:
    """Return the local time after which no shift starts."""
    if until is None:
        return LAST
    if "T" not in until:
        return datetime.fromisoformat(until) + DAY - timedelta(seconds=1)
    at = datetime.fromisoformat(until)
    return at if at.tzinfo is None else local(at, zone)
