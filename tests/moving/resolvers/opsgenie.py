"""Opsgenie's rotations: everybody whose turn it is; an override takes a rotation's place."""

from datetime import datetime, timedelta
from typing import Any

from tests.moving.resolvers.clock import DAY, WEEK, into_day, into_week, local, parsed, within

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
LENGTHS = {"daily": DAY, "weekly": WEEK, "hourly": timedelta(hours=1)}


def on_call(document: dict[str, Any], at: datetime) -> set[str]:  # noqa: C901 - the tool's rules in one place
    schedule = document.get("data", document.get("schedule", document))
    if isinstance(schedule, list):
        [schedule] = schedule
    found: set[str] = set()
    replaced: set[str] = set()
    everywhere = False
    for override in document.get("overrides", schedule.get("overrides", [])):
        if within(override["startDate"], override["endDate"], at):
            rotations = {rotation["id"] for rotation in override.get("rotations", [])}
            by = override["user"].get("id") or override["user"]["username"]
            if rotations:
                if any(
                    _user(each, at, schedule)
                    for each in schedule["rotations"]
                    if each["id"] in rotations
                ):
                    found.add(by)
                replaced |= rotations
            else:
                found, everywhere = {by}, True
    if everywhere:
        return found
    for rotation in schedule["rotations"]:
        user = _user(rotation, at, schedule)
        if user and rotation.get("id") not in replaced:
            found.add(user)
    return found


def _user(rotation: dict[str, Any], at: datetime, schedule: dict[str, Any]) -> str | None:
    if at < parsed(rotation["startDate"]) or rotation.get("enabled") is False:
        return None
    if rotation.get("endDate") and at >= parsed(rotation["endDate"]):
        return None
    zone = schedule.get("timezone", "UTC")
    wall = local(at, zone)
    if not _is_open(rotation.get("timeRestriction"), wall):
        return None
    length = LENGTHS[rotation["type"]] * rotation.get("length", 1)
    start = parsed(rotation["startDate"])
    passed = at - start if rotation["type"] == "hourly" else wall - local(start, zone)
    people = rotation["participants"]
    chosen = people[passed // length % len(people)]
    return (chosen.get("id") or chosen["username"]) if chosen["type"] == "user" else None


def _is_open(restriction: dict[str, Any] | None, wall: datetime) -> bool:
    if not restriction:
        return True
    if restriction["type"] == "time-of-day":
        window = restriction["restriction"]
        start, end = _time(window, "start"), _time(window, "end")
        return (into_day(wall) - start) % DAY < ((end - start) % DAY or DAY)
    for window in restriction["restrictions"]:
        start = DAYS.index(window["startDay"].lower()) * DAY + _time(window, "start")
        end = DAYS.index(window["endDay"].lower()) * DAY + _time(window, "end")
        if (into_week(wall) - start) % WEEK < ((end - start) % WEEK or WEEK):
            return True
    return False


def _time(window: dict[str, Any], word: str) -> timedelta:
    return timedelta(hours=window[f"{word}Hour"], minutes=window.get(f"{word}Min", 0))
