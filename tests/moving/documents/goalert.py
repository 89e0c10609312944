"""Schedules of rules, as GoAlert's GraphQL API answers them."""

from typing import Any

WEEK = [False, True, True, True, True, True, False]
"""Work days, from Sunday on."""
ALL = [True] * 7
WEEKEND = [True, False, False, False, False, False, True]


def rule(days: list[bool] = ALL, start: str = "00:00", end: str = "00:00") -> dict[str, Any]:
    return {"id": "rule", "scheduleID": "s", "start": start, "end": end, "weekdayFilter": days}


def target(name: str, *rules: dict[str, Any], kind: str = "rotation") -> dict[str, Any]:
    return {
        "scheduleID": "s",
        "target": {"id": name, "type": kind, "name": f"The {name}"},
        "rules": list(rules or [rule()]),
    }


def rotation(
    name: str,
    users: str,
    start: str,
    kind: str = "weekly",
    zone: str = "America/Chicago",
    **more: Any,
) -> dict[str, Any]:
    return {
        "id": name,
        "name": f"The {name}",
        "description": "",
        "isFavorite": True,
        "type": kind,
        "start": start,
        "timeZone": zone,
        "shiftLength": 1,
        "activeUserIndex": 0,
        "userIDs": users.split(),
        "users": [
            {"id": user, "name": user, "email": f"{user}@example.com"} for user in users.split()
        ],
        **more,
    }


def schedule(
    *targets: dict[str, Any], zone: str = "America/Chicago", **more: Any
) -> dict[str, Any]:
    return {
        "id": "s",
        "name": "Ops",
        "description": "x",
        "timeZone": zone,
        "isFavorite": True,
        "targets": list(targets),
        "temporarySchedules": [],
        **more,
    }


def document(given: dict[str, Any], *rotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"data": {"schedule": given, "rotations": {"nodes": list(rotations)}, **more}}


def override(start: str, end: str, add: str = "", remove: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"id": "o", "start": start, "end": end}
    if add:
        found |= {"addUserID": add, "addUser": {"id": add, "name": add}}
    if remove:
        found |= {"removeUserID": remove}
    return found


def shift(user: str, start: str, end: str) -> dict[str, Any]:
    return {"userID": user, "start": start, "end": end, "truncated": False}


DOCUMENTS: dict[str, dict[str, Any]] = {
    "a rotation by the week": document(
        schedule(target("r")),
        rotation("r", "ana ben cy", "2025-09-01T14:00:00Z", activeUserIndex=1),
    ),
    "a rotation by the day, in office hours": document(
        schedule(target("r", rule(WEEK, "09:00", "17:00"))),
        rotation("r", "ana ben", "2025-12-01T15:00:00Z", "daily", activeUserIndex=1),
    ),
    "two weeks": document(
        schedule(target("r")),
        rotation("r", "ana ben cy", "2025-12-01T15:00:00Z", shiftLength=2, activeUserIndex=2),
    ),
    "twelve hours of the wall clock": document(
        schedule(target("r")),
        rotation(
            "r", "ana ben cy", "2025-12-01T14:00:00Z", "hourly", shiftLength=12, activeUserIndex=2
        ),
    ),
    "twelve hours, four people": document(
        schedule(target("r")),
        rotation("r", "ana ben cy dan", "2025-12-01T14:00:00Z", "hourly", shiftLength=12),
    ),
    "eight hours within office hours": document(
        schedule(target("r", rule(WEEK, "08:00", "20:00"))),
        rotation(
            "r", "ana ben", "2025-12-01T14:00:00Z", "hourly", shiftLength=8, activeUserIndex=1
        ),
    ),
    "five hours in UTC": document(
        schedule(target("r"), zone="UTC"),
        rotation("r", "ana ben", "2025-12-01T14:00:00Z", "hourly", "UTC", shiftLength=5),
    ),
    "two days, said in hours": document(
        schedule(target("r")),
        rotation(
            "r", "ana ben", "2025-12-01T14:00:00Z", "hourly", shiftLength=48, activeUserIndex=1
        ),
    ),
    "a rotation that begins later": document(
        schedule(target("r")),
        rotation("r", "ana ben cy", "2026-02-02T15:00:00Z", activeUserIndex=2),
    ),
    "months": document(
        schedule(target("r")),
        rotation("r", "ana ben", "2025-11-15T15:00:00Z", "monthly", activeUserIndex=1),
    ),
    "people and a rotation, at other times": document(
        schedule(
            target("r", rule(WEEK, "09:00", "17:00")),
            target("eve", rule(WEEK, "17:00", "09:00"), kind="user"),
            target("fay", rule(WEEKEND, "09:00", "09:00"), kind="user"),
        ),
        rotation("r", "ana ben", "2025-12-01T15:00:00Z"),
    ),
    "one takes another's place": document(
        schedule(target("r")),
        rotation("r", "ana ben", "2025-12-01T15:00:00Z"),
        userOverrides={
            "nodes": [override("2026-02-01T00:00:00Z", "2026-02-20T00:00:00Z", "eve", "ana")]
        },
    ),
    "a temporary schedule": document(
        schedule(
            target("r"),
            temporarySchedules=[
                {
                    "start": "2026-12-24T00:00:00Z",
                    "end": "2026-12-27T00:00:00Z",
                    "shifts": [
                        shift("eve", "2026-12-23T00:00:00Z", "2026-12-25T12:00:00Z"),
                        shift("fay", "2026-12-25T12:00:00Z", "2026-12-27T00:00:00Z"),
                    ],
                }
            ],
        ),
        rotation("r", "ana ben", "2025-12-01T15:00:00Z"),
    ),
    "rotations in a list, users apart": {
        "schedule": schedule(target("r"), zone="Europe/Berlin"),
        "rotations": [
            rotation("r", "ana ben", "2025-12-01T08:00:00Z", "daily", "Europe/Berlin")
            | {"users": []}
        ],
        "users": [{"id": "ana", "name": "Ana", "email": "ana@example.com"}],
    },
}
PARTLY: dict[str, tuple[dict[str, Any], Any]] = {
    "two at once": (
        document(
            schedule(target("r"), target("eve", kind="user")),
            rotation("r", "ana ben", "2025-12-01T15:00:00Z"),
        ),
        {"/data/schedule/targets/1": "it is a layer below: on call where that one has nobody"},
    ),
    "no rule, no users, a rotation of nobody's": (
        document(
            schedule(
                target("r"),
                target("q", rule([False] * 7)),
                target("eve", rule([False] * 7), kind="user"),
            ),
            rotation("r", "", "2025-12-01T15:00:00Z"),
            rotation("x", "ana", "2025-12-01T15:00:00Z"),
            rotation("q", "ana", "2025-12-01T15:00:00Z"),
        ),
        {
            "/data/rotations/nodes/0/users": "it was left out",
            "/data/schedule/targets/1/rules": "the target was left out",
            "/data/rotations/nodes/2": "it was left out",
            "/data/schedule/targets/2/rules": "the target was left out",
            "/data/rotations/nodes/1": "it was left out",
        },
    ),
    "overrides that add or remove": (
        document(
            schedule(target("r", rule(WEEK, "09:00", "17:00"))),
            rotation("r", "ana ben", "2025-12-01T15:00:00Z"),
            userOverrides={
                "nodes": [
                    override("2026-02-02T00:00:00Z", "2026-02-03T00:00:00Z", "eve"),
                    override("2026-02-02T00:00:00Z", "2026-02-03T00:00:00Z", "", "ana"),
                    override("2026-02-02T00:00:00Z", "2026-02-03T00:00:00Z", "eve", "zed"),
                ]
            },
        ),
        {
            "/data/userOverrides/nodes/0": "eve is on call where nobody else is",
            "/data/userOverrides/nodes/1": "it was left out",
            "/data/userOverrides/nodes/2": "it was left out",
        },
    ),
    "a temporary schedule with a hole and two at once": (
        document(
            schedule(
                target("r"),
                temporarySchedules=[
                    {
                        "start": "2026-12-24T00:00:00Z",
                        "end": "2026-12-27T00:00:00Z",
                        "shifts": [
                            shift("eve", "2026-12-24T00:00:00Z", "2026-12-25T12:00:00Z"),
                            shift("fay", "2026-12-25T00:00:00Z", "2026-12-26T00:00:00Z"),
                        ],
                    }
                ],
            ),
            rotation("r", "ana ben", "2025-12-01T15:00:00Z"),
        ),
        [
            ("/data/schedule/temporarySchedules/0/shifts", "where they are, whoever began last is"),
            ("/data/schedule/temporarySchedules/0/shifts", "there the schedule goes on as always"),
        ],
    ),
    "another zone, a day that months lack, hours that divide no day": (
        document(
            schedule(
                target("a", rule(WEEK, "00:00", "08:00")),
                target("b", rule(WEEK, "08:00", "16:00")),
                target("c", rule(WEEK, "16:00", "00:00")),
            ),
            rotation("a", "ana ben", "2025-12-01T15:00:00Z", zone="Europe/Berlin"),
            rotation("b", "ana ben", "2025-10-31T15:00:00Z", "monthly"),
            rotation("c", "ana ben", "2025-12-01T15:00:00Z", "hourly", shiftLength=5),
        ),
        {
            "/data/rotations/nodes/0/timeZone": "it hands over by the clock of America/Chicago",
            "/data/rotations/nodes/1/start": "in those months it hands over on the last day",
            "/data/rotations/nodes/2/shiftLength": "it hands over after as many hours, so after a "
            "clock change an hour off",
        },
    ),
}
