"""GoAlert's rules: everybody whom a rule has on call; whose turn it is, is known of one instant."""

from datetime import datetime, timedelta
from typing import Any

from tests.moving.resolvers.clock import DAY, clock_time, into_day, local, parsed, within

HOURS = {"hourly": 1, "daily": 24, "weekly": 168}


def on_call(document: dict[str, Any], at: datetime, read_at: datetime) -> set[str]:  # noqa: C901 - the tool's rules in one place
    data = document.get("data", document)
    schedule = data.get("schedule", data)
    for temporary in schedule.get("temporarySchedules", []):
        if within(temporary["start"], temporary["end"], at):
            return {
                shift["userID"]
                for shift in temporary["shifts"]
                if within(shift["start"], shift["end"], at)
            }
    rotations = data.get("rotations", [])
    if isinstance(rotations, dict):
        rotations = rotations["nodes"]
    by_id = {rotation["id"]: rotation for rotation in rotations}
    found: set[str] = set()
    wall = local(at, schedule["timeZone"])
    for each in schedule["targets"]:
        if any(_is_open(rule, wall) for rule in each["rules"]):
            target = each["target"]
            found.add(
                target["id"]
                if target["type"] == "user"
                else _turn(by_id[target["id"]], at, read_at)
            )
    for override in data.get("userOverrides", {}).get("nodes", []):
        if within(override["start"], override["end"], at):
            added, removed = override.get("addUserID"), override.get("removeUserID")
            if removed and added and removed in found:
                found = (found - {removed}) | {added}
            elif not removed and added:
                found.add(added)
    return found


def _is_open(rule: dict[str, Any], wall: datetime) -> bool:
    start, end = clock_time(rule["start"]), clock_time(rule["end"])
    length = (end - start) % DAY or DAY
    for back in (0, 1):
        day = wall - back * DAY
        is_on = rule["weekdayFilter"][(day.weekday() + 1) % 7]
        if is_on and timedelta() <= into_day(wall) + back * DAY - start < length:
            return True
    return False


def _turn(rotation: dict[str, Any], at: datetime, read_at: datetime) -> str:
    people = rotation.get("userIDs") or [user["id"] for user in rotation["users"]]
    handoffs = _passed(rotation, at) - _passed(rotation, read_at)
    return str(people[(rotation["activeUserIndex"] + handoffs) % len(people)])


def _passed(rotation: dict[str, Any], at: datetime) -> int:
    """Return how many turns have passed since the rotation's start, on its wall clock."""
    start = local(parsed(rotation["start"]), rotation["timeZone"])
    wall = local(at, rotation["timeZone"])
    length = rotation.get("shiftLength", 1)
    if rotation["type"] == "monthly":
        months = (wall.year - start.year) * 12 + wall.month - start.month
        if (wall.day, wall.time()) < (start.day, start.time()):
            months -= 1
        return months // length
    return (wall - start) // timedelta(hours=HOURS[rotation["type"]] * length)
