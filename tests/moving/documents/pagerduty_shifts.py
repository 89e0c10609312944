"""Schedules of recurring events, as PagerDuty's ``/v3/schedules`` answers them."""

from typing import Any


def members(names: str) -> list[dict[str, Any]]:
    return [
        {"type": "empty_member"}
        if name == "none"
        else {"type": "user_member", "user_id": f"P{name.upper()}", "name": name, "color": "blue"}
        for name in names.split()
    ]


def rotating(names: str, each: int = 1) -> dict[str, Any]:
    return {
        "type": "rotating_member_assignment_strategy",
        "shifts_per_member": each,
        "members": members(names),
    }


def every(names: str) -> dict[str, Any]:
    return {"type": "every_member_assignment_strategy", "members": members(names)}


def event(
    strategy: dict[str, Any],
    start: str,
    end: str,
    *recurrence: str,
    zone: str = "America/New_York",
    **more: Any,
) -> dict[str, Any]:
    return {
        "id": "E1",
        "type": "schedule_event",
        "name": "Coverage",
        "start_time": {"date_time": start, "time_zone": zone},
        "end_time": {"date_time": end, "time_zone": zone},
        "effective_since": start,
        "effective_until": None,
        "recurrence": [f"RRULE:{recurrence[0]}", *recurrence[1:]],
        "assignment_strategy": strategy,
        **more,
    }


def schedule(
    *events: dict[str, Any], zone: str = "America/New_York", **more: Any
) -> dict[str, Any]:
    return {
        "schedule": {
            "id": "S1",
            "type": "schedule",
            "name": "Ops",
            "time_zone": zone,
            "description": "x",
            "teams": [{"id": "T1", "type": "team_reference"}],
            "escalation_policies": [],
            "rotations": [
                {"id": f"R{index}", "type": "rotation", "events": [each]}
                for index, each in enumerate(events)
            ],
        },
        **more,
    }


DAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
WEEKLY = event(
    rotating("ana ben cy"), "2025-12-29T14:00:00Z", "2026-01-05T14:00:00Z", "FREQ=WEEKLY"
)
OFFICE = ("2026-01-05T14:00:00Z", "2026-01-05T22:00:00Z")
DOCUMENTS: dict[str, dict[str, Any]] = {
    "weeks": schedule(WEEKLY),
    "two weeks": schedule(
        event(
            rotating("ana ben"),
            "2025-12-29T14:00:00Z",
            "2026-01-12T14:00:00Z",
            "FREQ=WEEKLY;INTERVAL=2",
        )
    ),
    "weeks, two each": schedule(
        event(rotating("ana ben", 2), "2025-12-29T14:00:00Z", "2026-01-05T14:00:00Z", "FREQ=WEEKLY")
    ),
    "days": schedule(
        event(rotating("ana ben cy"), "2026-01-01T14:00:00Z", "2026-01-02T14:00:00Z", "FREQ=DAILY")
    ),
    "nights": schedule(
        event(rotating("ana ben"), "2026-01-02T01:00:00Z", "2026-01-02T13:00:00Z", "FREQ=DAILY")
    ),
    "work days, one each": schedule(event(rotating("ana ben cy"), *OFFICE, DAYS)),
    "work days, five each": schedule(event(rotating("ana ben", 5), *OFFICE, DAYS)),
    "three days a week, two each": schedule(
        event(rotating("ana ben cy", 2), *OFFICE, "FREQ=WEEKLY;BYDAY=MO,WE,FR;WKST=SU")
    ),
    "weekends as one shift": schedule(
        event(rotating("dan eve"), "2026-01-09T22:00:00Z", "2026-01-12T14:00:00Z", "FREQ=WEEKLY")
    ),
    "twelve hours": schedule(
        event(
            rotating("ana ben"),
            *("2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z", "FREQ=HOURLY;INTERVAL=12"),
            zone="UTC",
        ),
        zone="UTC",
    ),
    "office, nights and weekends": schedule(
        event(rotating("ana ben", 5), *OFFICE, DAYS),
        event(
            rotating("cy dan"),
            "2026-01-05T22:00:00Z",
            "2026-01-06T14:00:00Z",
            "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH",
        ),
        event(rotating("eve fay"), "2026-01-09T22:00:00Z", "2026-01-12T14:00:00Z", "FREQ=WEEKLY"),
    ),
    "every member, of whom there is one": schedule(
        event(every("ana"), *OFFICE, DAYS, effective_since=None),
    ),
    "all members at once": schedule(event(every("ana ben none ana"), *OFFICE, DAYS)),
    "turns of nobody": schedule(event(rotating("ana none ben", 2), *OFFICE, DAYS)),
    "until an instant, the last shift whole": schedule(
        event(rotating("ana ben"), *OFFICE, f"{DAYS};UNTIL=20260408T140000Z")
    ),
    "until a local time, and effective for less": schedule(
        event(
            *(rotating("ana ben"), *OFFICE, f"{DAYS};UNTIL=20260408T085959"),
            effective_until="2026-03-03T17:00:00Z",
        )
    ),
    "until a day, by the week": schedule(
        event(
            *(rotating("ana ben"), "2026-01-05T14:00:00Z", "2026-01-12T14:00:00Z"),
            "FREQ=WEEKLY;UNTIL=20260406",
        )
    ),
    "a number of times on work days": schedule(
        event(rotating("ana ben cy"), *OFFICE, f"{DAYS};COUNT=44")
    ),
    "a number of weeks, and others after it": schedule(
        event(
            *(rotating("ana ben"), "2026-01-05T14:00:00Z", "2026-01-12T14:00:00Z"),
            "FREQ=WEEKLY;COUNT=9",
        ),
        event(
            *(rotating("cy dan"), "2026-03-09T13:00:00Z", "2026-03-16T13:00:00Z"),
            "FREQ=WEEKLY;COUNT=5",
        ),
    ),
    "effective later than the first shift": schedule(
        event(rotating("ana ben"), *OFFICE, DAYS, effective_since="2026-01-14T00:00:00Z")
    ),
    "an override, and an event that is over": schedule(
        WEEKLY,
        event(rotating("zed"), *OFFICE, DAYS, effective_until="2026-01-01T00:00:00Z"),
        overrides=[
            {
                "id": "O1",
                "type": "override_shift",
                "rotation_id": "R0",
                "start_time": "2026-02-01T00:00:00Z",
                "end_time": "2026-02-20T00:00:00Z",
                "overridden_member": members("ana")[0],
                "overriding_member": members("eve")[0],
            }
        ],
    ),
}
LEFT_OUT = "the event was left out"
AT = "/schedule/rotations/0/events/0"
PARTLY: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "too many members at once": (
        schedule(event(every(" ".join(f"p{number}" for number in range(21))), *OFFICE, DAYS)),
        {f"{AT}/assignment_strategy/members": "the first 20 are"},
    ),
    "an override of one of several, and of a turn of nobody": (
        schedule(
            event(every("ana ben"), *OFFICE, DAYS),
            event(rotating("cy none"), *OFFICE, DAYS, effective_until="2026-01-20T00:00:00Z"),
            overrides=[
                {
                    "rotation_id": f"R{number}",
                    "start_time": "2026-02-01T00:00:00Z",
                    "end_time": "2026-02-05T00:00:00Z",
                    "overridden_member": members(who)[0],
                    "overriding_member": members("dan")[0],
                }
                for number, who in enumerate(("ben", "none"))
            ],
        ),
        {
            "/schedule/rotations/1/events/0": "it is a layer below: on call where that one has "
            "nobody",
            "/overrides/1": "is on call in place of everybody then",
            "/overrides/0": "it takes the place of all of them",
        },
    ),
    "two rotations at once": (
        schedule(WEEKLY, event(rotating("dan"), *OFFICE, DAYS)),
        {
            "/schedule/rotations/1/events/0": "it is a layer below: on call where that one has "
            "nobody"
        },
    ),
    "no members, and nobody": (
        schedule(event(rotating(""), *OFFICE, DAYS), event(every("none"), *OFFICE, DAYS)),
        {
            f"{AT}/assignment_strategy/members": "it was left out",
            "/schedule/rotations/1/events/0/assignment_strategy/members": "it was left out",
        },
    ),
    "every other week, with pauses": (
        schedule(event(rotating("ana ben"), *OFFICE, "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU")),
        {f"{AT}/recurrence": LEFT_OUT},
    ),
    "by the month": (
        schedule(event(rotating("ana ben"), *OFFICE, "FREQ=MONTHLY;BYMONTHDAY=1")),
        {f"{AT}/recurrence": LEFT_OUT},
    ),
    "single dates": (
        schedule(
            event(
                *(rotating("ana ben"), *OFFICE, f"{DAYS};UNTIL=20270101T000000Z"),
                *("EXDATE:20260201T140000Z", "RDATE:20260207T140000Z"),
                effective_until="2027-01-01T00:00:00Z",
            )
        ),
        {
            f"{AT}/recurrence/1": "it was left out",
            f"{AT}/recurrence/2": "it was left out",
        },
    ),
    "other zones of its times": (
        schedule(event(rotating("ana ben"), *OFFICE, DAYS, zone="Europe/Berlin")),
        {
            f"{AT}/start_time/time_zone": "later shifts are by the clock of America/New_York",
            f"{AT}/end_time/time_zone": "later shifts are by the clock of America/New_York",
        },
    ),
    "single shifts, and overrides that are no layers": (
        schedule(
            WEEKLY,
            custom_shifts=[
                {
                    "id": "C1",
                    "type": "custom_shift",
                    "start_time": "2026-02-01T00:00:00Z",
                    "end_time": "2026-02-02T00:00:00Z",
                    "assignments": [
                        {"id": "A1", "type": "shift_assignment", "member": members("eve")[0]}
                    ],
                }
            ],
            overrides=[
                {
                    "custom_shift_id": "C1",
                    "start_time": "2026-02-01T00:00:00Z",
                    "end_time": "2026-02-02T00:00:00Z",
                    "overridden_member": members("eve")[0],
                    "overriding_member": members("dan")[0],
                },
                {
                    "rotation_id": "R0",
                    "start_time": "2026-02-01T00:00:00Z",
                    "end_time": "2026-02-02T00:00:00Z",
                    "overridden_member": members("ana")[0],
                    "overriding_member": members("none")[0],
                },
            ],
        ),
        {
            "/custom_shifts/0/assignments/0": "is on call in their place",
            "/overrides/0": "it was left out",
            "/overrides/1": "it was left out",
        },
    ),
}
