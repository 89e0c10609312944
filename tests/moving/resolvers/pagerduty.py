"""PagerDuty's layers: the first in the list that has somebody; overrides above all."""

from datetime import datetime, timedelta
from typing import Any

from tests.moving.resolvers.clock import (
    DAY,
    WEEK,
    clock_time,
    into_day,
    into_week,
    local,
    parsed,
    within,
)


def on_call(document: dict[str, Any], at: datetime) -> set[str]:
    schedule = document.get("schedule", document)
    shown = schedule.get("overrides_subschedule", {}).get("rendered_schedule_entries", [])
    for override in reversed(document.get("overrides", shown)):
        if within(override["start"], override["end"], at):
            return {override["user"]["id"]}
    for layer in schedule["schedule_layers"]:
        user = _in_layer(layer, at, schedule["time_zone"])
        if user:
            return {user}
    return set()


def _in_layer(layer: dict[str, Any], at: datetime, zone: str) -> str | None:
    if at < parsed(layer["start"]) or (layer.get("end") and at >= parsed(layer["end"])):
        return None
    wall = local(at, zone)
    windows = layer.get("restrictions", [])
    if windows and not any(_is_open(window, wall) for window in windows):
        return None
    length = timedelta(seconds=layer["rotation_turn_length_seconds"])
    begin = parsed(layer["rotation_virtual_start"])
    passed = wall - local(begin, zone) if length % DAY == timedelta() else at - begin
    users = layer["users"]
    return users[passed // length % len(users)]["user"]["id"] if users else None


def _is_open(window: dict[str, Any], wall: datetime) -> bool:
    start = clock_time(window["start_time_of_day"])
    length = timedelta(seconds=window["duration_seconds"])
    if window["type"] == "daily_restriction":
        return (into_day(wall) - start) % DAY < length
    start += (window["start_day_of_week"] - 1) * DAY
    return (into_week(wall) - start) % WEEK < length
