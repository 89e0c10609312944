"""Schedules of layers, as PagerDuty's REST API answers them."""

from typing import Any

DAY, WEEK = 86_400, 604_800


def user(name: str) -> dict[str, Any]:
    return {
        "user": {
            "id": f"P{name.upper()}",
            "type": "user_reference",
            "summary": name.capitalize(),
            "self": f"https://api.example.com/users/P{name.upper()}",
            "html_url": None,
        }
    }


def layer(
    names: str, start: str, length: int = WEEK, virtual: str = "", **more: Any
) -> dict[str, Any]:
    return {
        "id": "PL1",
        "name": f"Layer of {names}",
        "start": start,
        "end": None,
        "rotation_virtual_start": virtual or start,
        "rotation_turn_length_seconds": length,
        "users": [user(name) for name in names.split()],
        "restrictions": [],
        "rendered_schedule_entries": [],
        "rendered_coverage_percentage": None,
        **more,
    }


def daily(start: str, hours: float) -> dict[str, Any]:
    seconds = int(hours * 3_600)
    return {"type": "daily_restriction", "start_time_of_day": start, "duration_seconds": seconds}


def weekly(day: int, start: str, hours: float) -> dict[str, Any]:
    return {**daily(start, hours), "type": "weekly_restriction", "start_day_of_week": day}


def schedule(zone: str, *layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "schedule": {
            "id": "PSCHED1",
            "type": "schedule",
            "summary": "Ops",
            "self": "https://api.example.com/schedules/PSCHED1",
            "html_url": "https://example.com/schedules/PSCHED1",
            "name": "Ops",
            "description": "Everything",
            "time_zone": zone,
            "escalation_policies": [{"id": "PE1", "type": "escalation_policy_reference"}],
            "teams": [],
            "users": [{"id": "PANA", "summary": "Ana A.", "email": "ana@example.com"}],
            "schedule_layers": list(layers),
            "final_schedule": None,
            **more,
        }
    }


WEEKDAYS = [weekly(day, "09:00:00", 8) for day in range(1, 6)]
DOCUMENTS: dict[str, dict[str, Any]] = {
    "one rotation by the week": schedule(
        "Europe/Berlin", layer("ana ben cy", "2025-12-29T08:00:00Z")
    ),
    "a virtual start before the start": schedule(
        "America/New_York",
        layer("ana ben cy", "2026-01-02T15:30:00-05:00", virtual="2025-11-10T09:00:00-05:00"),
    ),
    "days, from between two handoffs": schedule(
        "Europe/London",
        layer("ana ben", "2026-01-03T13:00:00Z", DAY, "2025-06-01T07:00:00Z"),
    ),
    "nights over a rotation": schedule(
        "Europe/Berlin",
        layer("dan eve", "2026-01-01T20:00:00Z", DAY, restrictions=[daily("20:00:00", 12)]),
        layer("ana ben", "2025-12-01T08:00:00Z"),
    ),
    "weekdays over weekends": schedule(
        "America/Los_Angeles",
        layer("ana ben", "2026-01-05T09:00:00-08:00", restrictions=WEEKDAYS),
        layer("cy dan eve", "2026-01-05T09:00:00-08:00", 2 * WEEK),
    ),
    "a weekend in one restriction": schedule(
        "Europe/Paris",
        layer("ana ben", "2026-01-02T16:00:00Z", restrictions=[weekly(5, "17:00:00", 63)]),
    ),
    "twelve hours": schedule("UTC", layer("ana ben cy", "2026-01-01T08:00:00Z", DAY // 2)),
    "three days": schedule(
        "Australia/Sydney", layer("ana ben cy dan", "2026-01-02T22:00:00Z", 3 * DAY)
    ),
    "a restriction over the end of the week": schedule(
        "Asia/Kolkata",
        layer(
            "ana ben", "2026-01-01T00:00:00+05:30", DAY, restrictions=[weekly(7, "22:30:00", 10)]
        ),
    ),
    "somebody twice": schedule(
        "Europe/Berlin", layer("ana ben ana cy", "2025-12-01T08:00:00Z", DAY)
    ),
    "overrides that are shown": schedule(
        "Europe/Berlin",
        layer("ana ben", "2025-12-29T08:00:00Z"),
        overrides_subschedule={
            "name": "Overrides",
            "rendered_schedule_entries": [
                {
                    "id": "Q1",
                    "start": "2026-02-01T10:00:00+01:00",
                    "end": "2026-02-03T10:00:00+01:00",
                    **user("eve"),
                },
                {
                    "start": "2026-02-02T10:00:00+01:00",
                    "end": "2026-02-02T12:00:00+01:00",
                    **user("dan"),
                },
            ],
            "rendered_coverage_percentage": 3.1,
        },
    ),
    "overrides that are listed": {
        **schedule(
            "Europe/Berlin",
            layer("ana ben", "2025-12-29T08:00:00Z"),
            users=[None, {"id": 7}, {"id": "PANA", "name": "Ana", "email": "ana@example.com"}],
            overrides_subschedule={
                "rendered_schedule_entries": [
                    {
                        "start": "2026-07-01T10:00:00Z",
                        "end": "2026-07-03T10:00:00Z",
                        **user("eve"),
                    }
                ]
            },
        ),
        "overrides": [
            {
                "id": "Q1",
                "start": "2026-07-01T10:00:00Z",
                "end": "2026-07-03T10:00:00Z",
                **user("eve"),
            }
        ],
    },
    "two weeks, begun at a handoff": schedule(
        "America/Sao_Paulo",
        layer("ana ben cy", "2026-01-12T12:00:00Z", 2 * WEEK, "2025-12-01T12:00:00Z"),
    ),
    "a layer that ends in the middle of a turn, over one that follows": schedule(
        "Europe/Berlin",
        layer("ana ben", "2025-12-29T08:00:00Z", end="2026-05-06T13:20:00Z"),
        layer("cy dan", "2026-05-06T13:20:00Z", WEEK, "2026-05-04T08:00:00Z"),
    ),
    "a layer that ends, and then nobody": schedule(
        "America/New_York",
        layer("ana ben", "2025-12-29T08:00:00Z", end="2026-03-20T08:00:00Z"),
    ),
    "a layer that has ended below one that goes on": schedule(
        "Europe/Berlin",
        layer("ana ben", "2025-12-29T08:00:00Z"),
        layer("cy", "2025-01-01T08:00:00Z", end="2025-12-29T08:00:00Z"),
    ),
}
PARTLY: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "turns of ninety minutes": (
        schedule("UTC", layer("ana ben", "2026-01-01T08:00:00Z", 5_400)),
        {"/schedule/schedule_layers/0/rotation_turn_length_seconds": "the layer was left out"},
    ),
    "nobody in a layer": (
        schedule("UTC", layer("", "2026-01-01T08:00:00Z")),
        {"/schedule/schedule_layers/0/users": "it was left out"},
    ),
    "an end before the beginning": (
        schedule("UTC", layer("ana", "2026-06-01T08:00:00Z", end="2026-05-01T00:00:00Z")),
        {"/schedule/schedule_layers/0/end": "it was left out"},
    ),
    "an end that is over": (
        schedule("UTC", layer("ana", "2025-01-01T08:00:00Z", end="2025-06-01T00:00:00Z")),
        {"/schedule/schedule_layers/0/end": "it was left out"},
    ),
    "two weeks, begun between two handoffs": (
        schedule("UTC", layer("ana ben", "2026-01-12T08:00:00Z", 2 * WEEK, "2026-01-05T08:00:00Z")),
        {
            "/schedule/schedule_layers/0/start": "it begins at the handoff before, at "
            "2026-01-05T08:00:00.000Z"
        },
    ),
    "seconds": (
        schedule(
            "UTC",
            layer("ana", "2026-01-01T08:00:00Z", restrictions=[daily("09:00:30", 8)]),
        ),
        {"/schedule/schedule_layers/0/restrictions": "seconds were cut off"},
    ),
}
