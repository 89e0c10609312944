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
LAYER_RULES = (
    "The document is that of the v1 schedules API, and what v1 or v2 answer can be sent as "
    "it is: layers are read from top to bottom and the "
    "first that has somebody wins, entries win over layers and overrides over all. Times of day "
    "are in the schedule's zone, exact across clock changes. Note: the v1 page's sample answer "
    "for 2026-04-24T19:00:00Z (a Friday noon in Los Angeles) shows the After-hours layer, which "
    "the page's own rules contradict; by the rules, which this API follows, it is usr_alice of "
    "Weekday business hours until 2026-04-25T00:00:00Z."
)
LAYER_TAGS = ("scheduling", "on-call", "schedule", "layers", "overrides", "timezone", "agents")
