"""Rotation groups, as Splunk On-Call's API answers them."""

from typing import Any

DAYS = ("m", "t", "w", "th", "f", "sa", "su")


def mask(days: str, start: str = "0:00", end: str = "0:00") -> dict[str, Any]:
    (hour, minute), (end_hour, end_minute) = (map(int, text.split(":")) for text in (start, end))
    return {
        "day": {day: day in days.split() for day in DAYS},
        "time": [
            {
                "start": {"hour": hour, "minute": minute},
                "end": {"hour": end_hour, "minute": end_minute},
            }
        ],
    }


ALWAYS = mask("m t w th f sa su")


def shift(names: str, start: str, days: int = 7, kind: str = "std", **more: Any) -> dict[str, Any]:
    return {
        "label": f"shift of {names}",
        "timezone": "America/Toronto",
        "start": start,
        "duration": days,
        "shifttype": kind,
        "mask": ALWAYS,
        "periods": [],
        "current": {},
        "next": {},
        "shiftMembers": [
            {"username": name, "slug": f"rtm-{index}"} for index, name in enumerate(names.split())
        ],
        **more,
    }


def group(*shifts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"label": "Ops", "totalMembersInRotation": 3, "shifts": list(shifts), **more}


def taken(name: str, by: str, start: str, end: str) -> dict[str, Any]:
    return {
        "origOnCallUser": {"username": name},
        "overrideOnCallUser": {"username": by},
        "start": start,
        "end": end,
        "policy": {"name": "Ops", "slug": "pol-1"},
    }


def now(name: str, start: str, end: str, slug: str = "") -> dict[str, Any]:
    found = {"start": start, "end": end, "username": name, "isRoll": False}
    return {**found, "memberSlug": slug} if slug else found


DAY_SHIFT = shift(
    "ana ben", "2026-01-05T14:00:00Z", 7, "pho", mask=mask("m t w th f", "9:00", "17:30")
)
DOCUMENTS: dict[str, dict[str, Any]] = {
    "all the time": group(shift("ana ben cy", "2025-12-29T14:00:00Z")),
    "every day": group(shift("ana ben", "2026-01-01T13:00:00Z", 1)),
    "two weeks": group(shift("ana ben cy", "2025-12-22T14:00:00Z", 14)),
    "three days": group(shift("ana ben", "2026-01-01T14:00:00Z", 3)),
    "office hours": group(DAY_SHIFT),
    "office hours and the rest": group(
        DAY_SHIFT,
        shift("cy dan", "2026-01-05T22:30:00Z", 1, "pho", mask=mask("m t w th", "17:30", "9:00")),
        shift(
            *("eve fay", "2026-01-09T22:30:00Z", 7, "cstm"),
            mask=mask("f", "17:30", "0:00"),
            mask2=mask("sa su"),
            mask3=mask("m", "0:00", "9:00"),
        ),
    ),
    "several days in a row": group(
        shift(
            *("ana ben", "2026-01-07T22:00:00Z", 7, "cstm"),
            mask=mask("w", "17:00", "0:00"),
            mask2=mask("th f"),
            mask3=mask("sa", "0:00", "9:00"),
        )
    ),
    "whose turn it is": group(
        shift(
            "ana ben cy",
            "2025-09-01T13:00:00Z",
            current=now("cy", "2026-01-05T14:00:00Z", "2026-01-12T14:00:00Z"),
        )
    ),
    "whose turn it is, by slug": group(
        shift(
            "ana ben ana cy",
            "2025-09-01T13:00:00Z",
            1,
            current=now("ana", "2026-01-05T14:00:00Z", "2026-01-06T14:00:00Z", "rtm-2"),
        )
    ),
    "a list of one group, with overrides": {
        "rotations": [group(shift("ana ben", "2025-12-29T14:00:00Z"))],
        "overrides": [
            taken("ana", "eve", "2026-02-01T00:00:00Z", "2026-02-20T00:00:00Z"),
            taken("ben", "fay", "2026-03-01T00:00:00Z", "2026-03-10T00:00:00Z"),
        ],
        "policy": {"name": "Ops", "slug": "pol-1"},
        "schedule": [],
        "team": {"name": "First team"},
    },
    "a list of one group": {
        "rotationGroups": [group(shift("ana ben cy", "2026-02-02T14:00:00Z", 7))]
    },
    "one of several groups": {
        "rotations": [group(shift("ana ben", "2026-01-01T14:00:00Z", slug="s-1"))]
    },
    "nights by one who is always there": group(
        shift(
            "ana", "2026-01-01T01:00:00Z", 1, "pho", mask=mask("m t w th f sa su", "20:00", "8:15")
        )
    ),
}
PARTLY: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "two shifts at once": (
        group(shift("ana", "2026-01-01T14:00:00Z"), shift("ben", "2026-01-01T14:00:00Z")),
        {"/shifts/1": "it is a layer below: on call where that one has nobody"},
    ),
    "no members": (
        group(shift("", "2026-01-01T14:00:00Z")),
        {"/shifts/0/shiftMembers": "it was left out"},
    ),
    "a stranger's turn": (
        group(
            shift(
                "ana",
                "2026-01-01T14:00:00Z",
                current=now("zed", "2026-01-05T14:00:00Z", "2026-01-06T14:00:00Z"),
            )
        ),
        {"/shifts/0/current": "the first member's turn is the first"},
    ),
    "another zone": (
        group(
            shift("ana", "2026-01-01T14:00:00Z", 1, "pho", mask=mask("m", "9:00", "17:00")),
            shift(
                "ben",
                "2026-01-01T14:00:00Z",
                1,
                "pho",
                mask=mask("t", "9:00", "17:00"),
                timezone="UTC",
            ),
        ),
        {"/shifts/1/timezone": "its times of day are read by the clock of America/Toronto"},
    ),
    "an override of somebody who is not on call": (
        {
            "rotations": [group(shift("ana", "2026-01-01T14:00:00Z"))],
            "overrides": [taken("zed", "ben", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z")],
        },
        {"/overrides/0": "it was left out"},
    ),
}
