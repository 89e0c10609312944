"""Schedules of rotations, as Opsgenie's API answers them."""

from typing import Any


def person(name: str) -> dict[str, Any]:
    if name == "none":
        return {"type": "none"}
    if name.startswith(("team-", "escalation-")):
        kind, _, called = name.partition("-")
        return {"type": kind, "id": f"t-{called}", "name": called}
    return {"type": "user", "id": f"u-{name}", "username": f"{name}@example.com"}


def rotation(
    names: str, start: str, kind: str = "weekly", length: int = 1, **more: Any
) -> dict[str, Any]:
    return {
        "id": f"r-{names.replace(' ', '-')}",
        "name": f"Rota {names}",
        "startDate": start,
        "type": kind,
        "length": length,
        "participants": [person(name) for name in names.split()],
        **more,
    }


def times(start: str, end: str) -> dict[str, Any]:
    return {"type": "time-of-day", "restriction": _window(start, end)}


def days(*windows: str) -> dict[str, Any]:
    """Return windows such as ``monday 09:00 friday 17:00``."""
    found = []
    for window in windows:
        start_day, start, end_day, end = window.split()
        found.append({"startDay": start_day, "endDay": end_day, **_window(start, end)})
    return {"type": "weekday-and-time-of-day", "restrictions": found}


def _window(start: str, end: str) -> dict[str, int]:
    (hour, minute), (end_hour, end_minute) = (map(int, text.split(":")) for text in (start, end))
    return {"startHour": hour, "startMin": minute, "endHour": end_hour, "endMin": end_minute}


def schedule(zone: str, *rotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "s-1",
        "name": "Support",
        "description": "",
        "timezone": zone,
        "enabled": True,
        "ownerTeam": {"id": "t-1", "name": "Support"},
        "rotations": list(rotations),
        **more,
    }


def override(name: str, start: str, end: str, *rotations: str) -> dict[str, Any]:
    return {
        "_parent": {"id": "s-1", "name": "Support", "enabled": True},
        "alias": f"o-{name}",
        "user": person(name),
        "startDate": start,
        "endDate": end,
        **({"rotations": [{"id": each, "name": each} for each in rotations]} if rotations else {}),
    }


WORK = [
    f"{day} 09:00 {day} 17:00" for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
]
NIGHT = rotation(
    "dan eve", "2026-01-01T19:00:00Z", "daily", timeRestriction=times("20:00", "08:00")
)
DOCUMENTS: dict[str, dict[str, Any]] = {
    "one rotation, as the API answers it": {
        "data": schedule("Europe/Berlin", rotation("ana ben cy", "2025-12-29T08:00:00Z")),
        "took": 0.1,
        "requestId": "x",
    },
    "a list of one": {
        "data": [
            schedule("America/New_York", rotation("ana ben", "2026-01-05T14:00:00Z", "daily"))
        ],
        "expandable": ["rotation"],
    },
    "two weeks each": schedule(
        "Europe/London", rotation("ana ben cy", "2025-12-15T09:00:00Z", "weekly", 2)
    ),
    "three days each": schedule(
        "Australia/Sydney", rotation("ana ben", "2026-01-01T22:00:00Z", "daily", 3)
    ),
    "six hours each": schedule("UTC", rotation("ana ben cy", "2026-01-01T00:00:00Z", "hourly", 6)),
    "days and nights": schedule(
        "Europe/Berlin",
        rotation("ana ben", "2026-01-05T07:00:00Z", timeRestriction=times("08:00", "20:00")),
        NIGHT,
    ),
    "work days": schedule(
        "Europe/Paris", rotation("ana ben", "2026-01-05T08:00:00Z", timeRestriction=days(*WORK))
    ),
    "a weekend in one restriction": schedule(
        "America/Chicago",
        rotation(
            "ana ben", "2026-01-02T23:00:00Z", timeRestriction=days("friday 17:00 monday 08:00")
        ),
    ),
    "all day by equal times": schedule(
        "Asia/Kolkata",
        rotation(
            "ana ben", "2026-01-01T03:30:00Z", "daily", timeRestriction=times("09:00", "09:00")
        ),
    ),
    "somebody twice": schedule("UTC", rotation("ana ben ana cy", "2026-01-01T09:00:00Z", "daily")),
    "an override of everything": {
        "schedule": schedule("Europe/Berlin", rotation("ana ben", "2025-12-29T08:00:00Z")),
        "overrides": [override("eve", "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z")],
    },
    "an override of one rotation": {
        "schedule": schedule(
            "Europe/Berlin",
            rotation("ana ben", "2026-01-05T07:00:00Z", timeRestriction=times("08:00", "20:00")),
            NIGHT,
        ),
        "overrides": [
            override("cy", "2026-02-01T00:00:00Z", "2026-02-05T00:00:00Z", "r-dan-eve"),
            override(
                "ben", "2026-02-08T00:00:00Z", "2026-02-09T00:00:00Z", "r-ana-ben", "r-dan-eve"
            ),
        ],
    },
    "turns of nobody": schedule(
        "Europe/Berlin",
        rotation("ana none ben none none", "2026-01-01T08:00:00Z", "daily"),
    ),
    "turns of nobody, with an override of the rotation": {
        "schedule": schedule(
            "Europe/Berlin",
            rotation(
                "ana none", "2026-01-01T08:00:00Z", "daily", timeRestriction=times("08:00", "20:00")
            ),
            NIGHT,
        ),
        "overrides": [override("cy", "2026-02-01T00:00:00Z", "2026-02-09T00:00:00Z", "r-ana-none")],
    },
    "rotations that follow each other": schedule(
        "Europe/Berlin",
        rotation("ana ben", "2026-01-01T08:00:00Z", endDate="2026-04-15T11:30:00Z"),
        rotation("cy none dan", "2026-04-15T11:30:00Z", "daily", endDate="2026-09-01T00:00:00Z"),
    ),
    "a rotation to come, and one that is over": schedule(
        "Europe/Berlin",
        rotation("ana ben", "2026-03-02T08:00:00Z"),
        rotation("cy", "2025-01-01T08:00:00Z", endDate="2025-12-31T08:00:00Z"),
    ),
}
PARTLY: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "two rotations at once": (
        schedule(
            "UTC",
            rotation("ana ben", "2026-01-01T08:00:00Z"),
            rotation("cy dan", "2026-01-01T08:00:00Z", "daily"),
        ),
        {"/rotations/1": "it is a layer below: on call where that one has nobody"},
    ),
    "only turns of nobody": (
        schedule("UTC", rotation("none none", "2026-01-01T08:00:00Z")),
        {"/rotations/0/participants": "the rotation was left out"},
    ),
    "a team and an escalation": (
        schedule("UTC", rotation("ana team-ops escalation-all", "2026-01-01T08:00:00Z")),
        {
            "/rotations/0/participants/1": "read as a turn of nobody",
            "/rotations/0/participants/2": "read as a turn of nobody",
        },
    ),
    "off": (
        schedule("UTC", rotation("ana", "2026-01-01T08:00:00Z", enabled=False), enabled=False),
        {"/enabled": "it was read as if it were on", "/rotations/0/enabled": "it was left out"},
    ),
    "an end before the beginning": (
        schedule("UTC", rotation("ana", "2026-06-01T08:00:00Z", endDate="2026-05-01T00:00:00Z")),
        {"/rotations/0/endDate": "it was left out"},
    ),
    "no participants": (
        schedule("UTC", rotation("", "2026-01-01T08:00:00Z")),
        {"/rotations/0/participants": "the rotation was left out"},
    ),
    "an override by a team, one of a rotation that is left out, one without effect": (
        {
            "schedule": schedule(
                "UTC",
                rotation("ana", "2026-03-01T08:00:00Z"),
                rotation("none", "2026-01-01T08:00:00Z"),
            ),
            "overrides": [
                override("team-ops", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"),
                override("ben", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", "r-none"),
                override("cy", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z", "r-ana", "r-none"),
            ],
        },
        {
            "/schedule/rotations/1/participants": "the rotation was left out",
            "/overrides/0/user": "read as a turn of nobody",
            "/overrides/0": "it was left out",
            "/overrides/1": "it was left out",
        },
    ),
}
