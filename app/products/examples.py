"""The long texts of the endpoints: rules in words, and requests that show them."""

from collections.abc import Mapping
from typing import Any

from app.products.endpoint import Category, WorkedExample

SCHEDULING = Category(
    "Scheduling", "On-call rotations and layered schedules, paid per request by x402."
)

V1_SCHEDULE: Mapping[str, Any] = {
    "timezone": "America/Los_Angeles",
    "layers": [
        {
            "name": "Weekday business hours",
            "rotation_type": "weekly",
            "start_at": "2026-01-06T09:00:00-08:00",
            "handoff_time": "Mon 09:00",
            "participants": ["usr_alice", "usr_bob", "usr_carol"],
            "restrictions": [
                {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}
            ],
        },
        {
            "name": "After-hours",
            "rotation_type": "daily",
            "participants": ["usr_dave", "usr_eve"],
        },
    ],
}
"""The schedule of the v1 page, without its id and name."""

BRIEF_SCHEDULE: Mapping[str, Any] = {
    "timezone": "Europe/Berlin",
    "layers": [
        {
            "name": "Office",
            "rotation_type": "daily",
            "participants": ["ana", "ben"],
            "restrictions": [{"start": "09:00", "end": "17:00"}],
        }
    ],
}
"""A schedule for listings: one layer with a restriction, which leaves gaps."""

V1_OVERRIDE: Mapping[str, Any] = {
    "user_id": "usr_frank",
    "start_at": "2026-04-25T00:00:00Z",
    "end_at": "2026-04-25T08:00:00Z",
    "reason": "Alice PTO; covering.",
}
"""The override of the v1 page."""

ROTATION_RULES = (
    "Shifts are back to back: each starts when the one before ends. `nextHandoff` is a shift's end "
    "plus `handoffOffsetHours`; it never moves a shift. A field that is not known is an "
    "error. With any field from `timezone` on, the rotation is planned around absences, "
    "weights, roles, rest and fixed shifts, and the answer says how even it is and whether that is "
    'proven to be the best: `strategy` "fair" shares hours, weekends and nights out, "round-robin" '
    "passes turns on and owes them back. Shifts nobody can take are `person: null` and listed in "
    "`gaps`. Send `carryOver` of the answer with the next request to stay fair over months."
)
TWO_AWAY = WorkedExample(
    "Two are away",
    "Four people share nine days on a local clock, with a clock change in them. Ben is on holiday, "
    "Chloe's training stands in her calendar, Dan works half time, and Ana has hours carried over.",
    {
        "start": "2026-03-23T09:00:00",
        "timezone": "Europe/Berlin",
        "people": ["ana", "ben", "chloe", "dan"],
        "shifts": 9,
        "strategy": "fair",
        "unavailable": [
            {"person": "ben", "start": "2026-03-24", "end": "2026-03-27", "reason": "holiday"}
        ],
        "unavailableIcs": {
            "chloe": "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//EN\nBEGIN:VEVENT\nUID:1\n"
            "DTSTAMP:20260301T000000Z\nDTSTART;VALUE=DATE:20260325\nRRULE:FREQ=WEEKLY;COUNT=2\n"
            "SUMMARY:training\nEND:VEVENT\nEND:VCALENDAR\n"
        },
        "weights": {"dan": 0.5},
        "carryOver": {"ana": 24},
    },
)
FAIR_WEEKENDS = WorkedExample(
    "Daily shifts for June from 09:00 Berlin time; Ben is away from 8 to 14 June; weekends fair",
    "30 shifts, none of Ben's from 8 to 14 June, and 48 weekend hours for each of the four; "
    "`fairness.optimal` is true and `fairness.explanations` says which shifts moved and why.",
    {
        "timezone": "Europe/Berlin",
        "start": "2026-06-01T09:00",
        "until": "2026-06-30",
        "people": ["Ana", "Ben", "Chloe", "Dan"],
        "strategy": "fair",
        "unavailable": [
            {"person": "Ben", "start": "2026-06-08", "end": "2026-06-14", "reason": "holiday"}
        ],
    },
)
TWO_ROLES = WorkedExample(
    "A primary and a secondary, weekly from Monday 1 June; Ana and Ben never together, and nobody "
    "two weeks in a row",
    "8 weeks, `roles` of each with who is `primary` and `secondary`, and four weeks for each of "
    "the four.",
    {
        "timezone": "Europe/Berlin",
        "start": "2026-06-01T09:00",
        "shifts": 8,
        "shiftLength": {"count": 1, "unit": "weeks"},
        "people": ["Ana", "Ben", "Chloe", "Dan"],
        "roles": ["primary", "secondary"],
        "avoidPairs": [["Ana", "Ben"]],
        "maxConsecutive": 1,
        "strategy": "fair",
    },
)
LOCAL_HOURS = WorkedExample(
    "Ana and Ben weekly in office hours, Chloe and Dan daily at all other hours, 1 to 14 June",
    "`final_schedule` without `gaps`: Ana on weekdays from 09:00 to 17:00 Berlin time in the first "
    "week and Ben in the second, Chloe and Dan in turns from 17:00 on and at weekends.",
    {
        "timezone": "Europe/Berlin",
        "from": "2026-06-01",
        "to": "2026-06-14",
        "layers": [
            {
                "name": "Office hours",
                "rotation_type": "weekly",
                "start_at": "2026-06-01T09:00",
                "participants": ["Ana", "Ben"],
                "restrictions": [
                    {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}
                ],
            },
            {
                "name": "Other hours",
                "rotation_type": "daily",
                "start_at": "2026-06-01",
                "handoff_time": "17:00",
                "participants": ["Chloe", "Dan"],
            },
        ],
    },
)
LAYER_RULES = (
    "The document is that of `/api/v1/schedules`, and what that or `/api/v2` answers can be sent "
    "as it is. Layers are read from top to bottom and the first that has somebody wins; entries "
    "win over layers and overrides over all. A user id is any name that you use. Times of day are "
    "in the schedule's zone, exact across clock changes."
)
LAYER_TAGS = ("scheduling", "on-call", "schedule", "layers", "overrides", "timezone", "agents")

PAGERDUTY_SOURCE: Mapping[str, Any] = {
    "schedule": {
        "name": "Database on-call",
        "time_zone": "Europe/Berlin",
        "schedule_layers": [
            {
                "name": "Nights",
                "start": "2026-06-01T18:00:00Z",
                "rotation_virtual_start": "2026-06-01T18:00:00Z",
                "rotation_turn_length_seconds": 86400,
                "users": [
                    {"user": {"id": "PCHLOE1", "summary": "Chloe"}},
                    {"user": {"id": "PDAN001", "summary": "Dan"}},
                ],
                "restrictions": [
                    {
                        "type": "daily_restriction",
                        "start_time_of_day": "20:00:00",
                        "duration_seconds": 43200,
                    }
                ],
            },
            {
                "name": "Weekly",
                "start": "2026-06-01T08:00:00Z",
                "rotation_virtual_start": "2026-06-01T07:00:00Z",
                "rotation_turn_length_seconds": 604800,
                "users": [
                    {"user": {"id": "PANA001", "summary": "Ana", "email": "ana@example.com"}},
                    {"user": {"id": "PBEN001", "summary": "Ben", "email": "ben@example.com"}},
                ],
                "restrictions": [],
            },
        ],
        "final_schedule": {
            "rendered_schedule_entries": [
                {
                    "start": "2026-06-02T06:00:00Z",
                    "end": "2026-06-02T18:00:00Z",
                    "user": {"id": "PANA001", "summary": "Ana"},
                },
                {
                    "start": "2026-06-02T18:00:00Z",
                    "end": "2026-06-03T06:00:00Z",
                    "user": {"id": "PDAN001", "summary": "Dan"},
                },
            ]
        },
    },
    "overrides": [
        {
            "start": "2026-06-10T08:00:00Z",
            "end": "2026-06-10T16:00:00Z",
            "user": {"id": "PCHLOE1", "summary": "Chloe"},
        }
    ],
}
"""A schedule as PagerDuty's API answers it: two layers, an override, and what it shows."""

BRIEF_SOURCE: Mapping[str, Any] = {
    "name": "Ops",
    "timezone": "Europe/Berlin",
    "rotations": [
        {
            "type": "weekly",
            "startDate": "2026-06-01T07:00:00Z",
            "participants": [{"type": "user", "id": "ana"}, {"type": "user", "id": "ben"}],
        }
    ],
}
"""A schedule of another tool for listings: one rotation of Opsgenie's."""

CONVERT_RULES = (
    "Send the schedule as the other tool's API answers it; lists of overrides, and GoAlert's "
    "rotations, stand beside it. `schedule` of the answer is a request of the v1 schedules API, "
    "and with `overrides`, `entries` and a window one of oncall-schedule. Nothing is dropped in "
    "silence: what is not in the schedule is in `lost`, unless it says nothing of who is on call "
    "(links, colours, teams). Where a tool has several people on call at once, the first one is, "
    "and the others are layers below, or lost. What was over by `at` is left out."
)
