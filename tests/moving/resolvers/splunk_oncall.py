"""Splunk On-Call's shifts: everybody whose turn it is; an override puts one in place of another."""

from datetime import datetime, timedelta
from typing import Any

from tests.moving.resolvers.clock import DAY, WEEK, into_week, local, parsed, within

DAYS = ["m", "t", "w", "th", "f", "sa", "su"]


def on_call(document: dict[str, Any], at: datetime) -> set[str]:
    groups = document.get("rotations", document.get("rotationGroups", [document]))
    found = {user for shift in groups[0]["shifts"] for user in _users(shift, at)}
    for override in document.get("overrides", []):
        away = override["origOnCallUser"]["username"]
        if within(override["start"], override["end"], at) and away in found:
            found = (found - {away}) | {override["overrideOnCallUser"]["username"]}
    return found


def _users(shift: dict[str, Any], at: datetime) -> list[str]:
    begin = parsed(shift["start"])
    if at < begin:
        return []
    zone = shift.get("timezone", "UTC")
    wall = local(at, zone)
    if shift["shifttype"] != "std" and not any(
        _is_open(shift[mask], wall) for mask in ("mask", "mask2", "mask3") if shift.get(mask)
    ):
        return []
    length = shift["duration"] * DAY
    members = shift["shiftMembers"]
    turn = (wall - local(begin, zone)) // length
    current = shift.get("current") or {}
    if current.get("username"):
        slugs = [member.get("slug") for member in members]
        names = [member["username"] for member in members]
        slug = current.get("memberSlug")
        place = slugs.index(slug) if slug in slugs else names.index(current["username"])
        turn += place - (local(parsed(current["start"]), zone) - local(begin, zone)) // length
    return [members[turn % len(members)]["username"]] if members else []


def _is_open(mask: dict[str, Any], wall: datetime) -> bool:
    for index, day in enumerate(DAYS):
        for window in mask["time"] if mask["day"].get(day) else []:
            start, end = (
                timedelta(hours=window[word]["hour"], minutes=window[word]["minute"])
                for word in ("start", "end")
            )
            if (into_week(wall) - index * DAY - start) % WEEK < ((end - start) % DAY or DAY):
                return True
    return False
