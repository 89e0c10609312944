"""Schedules of shifts, as Grafana OnCall's API answers them."""

from typing import Any


def shift(kind: str, start: str, hours: float, **more: Any) -> dict[str, Any]:
    return {
        "id": "O1",
        "name": f"shift from {start}",
        "type": kind,
        "team_id": None,
        "time_zone": None,
        "level": 0,
        "start": start,
        "duration": int(hours * 3_600),
        **more,
    }


def rolling(groups: str, start: str, hours: float, frequency: str, **more: Any) -> dict[str, Any]:
    """Return a shift of groups such as ``ana,ben cy``."""
    return shift(
        *("rolling_users", start, hours),
        frequency=frequency,
        rolling_users=[group.split(",") for group in groups.split()],
        by_month=None,
        by_monthday=None,
        **{
            "interval": 1,
            "week_start": "MO",
            "start_rotation_from_user_index": 0,
            "until": None,
            "by_day": None,
            **more,
        },
    )


def schedule(*shifts: dict[str, Any], zone: str = "Europe/Berlin", **more: Any) -> dict[str, Any]:
    return {
        "schedule": {
            "id": "S1",
            "team_id": None,
            "name": "Ops",
            "type": "web",
            "time_zone": zone,
            "slack": {"channel_id": "C"},
            "on_call_now": ["ana"],
            "shifts": [f"O{index}" for index in range(len(shifts))],
        },
        "shifts": list(shifts),
        **more,
    }


WORK = ["MO", "TU", "WE", "TH", "FR"]
DOCUMENTS: dict[str, dict[str, Any]] = {
    "weeks": schedule(rolling("ana ben cy", "2025-12-29T09:00:00", 168, "weekly")),
    "weeks, from the second group on": schedule(
        rolling(
            "ana ben cy", "2025-12-29T09:00:00", 168, "weekly", start_rotation_from_user_index=1
        )
    ),
    "two weeks": schedule(rolling("ana ben", "2025-12-29T09:00:00", 336, "weekly", interval=2)),
    "work days, by the week": schedule(
        rolling("ana ben", "2026-01-05T09:00:00", 8, "weekly", by_day=WORK)
    ),
    "work days, by the week, from a Wednesday on": schedule(
        rolling("ana ben cy", "2025-12-31T09:00:00", 8, "weekly", by_day=WORK, week_start="SU")
    ),
    "work days, by the day": schedule(
        rolling("ana ben cy", "2026-01-05T09:00:00", 8, "daily", by_day=WORK)
    ),
    "work days, two each": schedule(
        rolling("ana ben cy", "2026-01-05T09:00:00", 8, "daily", by_day=WORK, interval=2)
    ),
    "nights, by the day": schedule(rolling("ana ben", "2026-01-01T20:00:00", 12, "daily")),
    "six hours": schedule(
        rolling("ana ben cy", "2026-01-01T00:00:00", 6, "hourly", interval=6), zone="UTC"
    ),
    "levels": schedule(
        rolling("ana ben", "2025-12-29T09:00:00", 168, "weekly", level=1),
        rolling("dan eve", "2026-01-02T17:00:00", 63, "weekly", level=2),
        shift(
            "recurrent_event", "2026-01-07T10:00:00", 2, level=3, users=["fay"], frequency="weekly"
        ),
    ),
    "a day off the list to begin with": schedule(
        rolling("ana ben", "2025-12-31T09:00:00", 8, "weekly", by_day=["MO", "FR"])
    ),
    "overrides and a single event on top": schedule(
        rolling("ana ben", "2025-12-29T09:00:00", 168, "weekly", level=1),
        shift(
            "override",
            "2026-02-01T10:00:00",
            30,
            rolling_users=[["eve"]],
            rotation_start="2026-02-01T10:00:00",
        ),
        shift("single_event", "2026-03-01T10:00:00", 30, users=["dan"], level=2),
    ),
    "shifts of the web in UTC, from a later rotation start": schedule(
        rolling(
            *("ana ben cy", "2025-12-29T08:00:00", 24, "daily"),
            time_zone="UTC",
            priority_level=2,
            rotation_start="2026-01-14T12:00:00",
            source=0,
        ),
        zone="UTC",
    ),
    "shifts within the schedule": {
        "id": "S1",
        "name": "Ops",
        "type": "calendar",
        "time_zone": "America/New_York",
        "shifts": [rolling("ana ben", "2025-12-29T09:00:00", 168, "weekly")],
    },
    "groups": schedule(rolling("ana,ben cy dan,ana", "2025-12-29T09:00:00", 168, "weekly")),
    "all of a shift without turns": schedule(
        shift(
            *("recurrent_event", "2026-01-01T09:00:00", 8),
            users=["ana", "ben"],
            frequency="daily",
            interval=1,
        )
    ),
    "an end in the middle of a shift, which runs whole": schedule(
        rolling("ana ben", "2025-12-29T09:00:00", 168, "weekly", until="2026-05-06T10:00:00")
    ),
    "an end on work days, and another rotation from then on": schedule(
        rolling(
            *("ana ben", "2025-12-31T09:00:00", 8, "daily"),
            by_day=WORK,
            until="2026-05-09T12:00:00",
        ),
        rolling("cy dan", "2026-05-09T12:00:00", 24, "daily", until="2026-07-01T11:59:59"),
    ),
    "an end in each week": schedule(
        rolling(
            *("ana ben", "2025-12-29T09:00:00", 8, "weekly"),
            by_day=["MO", "WE"],
            until="2026-05-06T08:59:00",
        )
    ),
    "an end in UTC, before the shift of that day": schedule(
        rolling("ana ben", "2025-12-29T09:00:00", 24, "daily", until="2026-05-06T10:00:00"),
        zone="America/New_York",
    ),
    "an end in the first round, at which the shift is cut": schedule(
        rolling("ana ben cy", "2026-01-05T09:00:00", 336, "weekly", interval=2, level=1)
        | {"until": "2026-01-21T12:00:00"},
        rolling("dan", "2025-12-29T09:00:00", 168, "weekly"),
    ),
    "several at a single event, and at an override": schedule(
        rolling("ana ben", "2025-12-29T09:00:00", 168, "weekly", level=1),
        rolling("cy dan", "2025-12-29T09:00:00", 8, "daily", level=3),
        shift("single_event", "2026-03-01T06:00:00", 30, users=["dan", "eve"], level=2),
        shift("override", "2026-04-01T06:00:00", 30, rolling_users=[["eve", "fay"]]),
    ),
    "work days, each week the same": schedule(
        shift(
            *("recurrent_event", "2025-12-31T09:00:00", 8),
            users=["ana"],
            frequency="weekly",
            interval=1,
            week_start="SU",
            by_day=["MO", "TU", "FR"],
        )
    ),
}
CROWD = ",".join(f"p{number}" for number in range(21))
LEFT_OUT = "the shift was left out"
PARTLY: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "groups that are too large": (
        schedule(
            rolling(f"{CROWD} cy", "2025-12-29T09:00:00", 168, "weekly"),
            shift(
                *("recurrent_event", "2026-01-05T09:00:00", 8),
                users=CROWD.split(","),
                frequency="daily",
                level=1,
            ),
        ),
        {
            "/shifts/0/rolling_users/0": "the first 20 are",
            "/shifts/1/users": "the first 20 are",
        },
    ),
    "two of one level": (
        schedule(
            rolling("ana", "2025-12-29T09:00:00", 168, "weekly"),
            rolling("ben", "2025-12-29T09:00:00", 24, "daily"),
        ),
        {"/shifts/1": "it is a layer below: on call where that one has nobody"},
    ),
    "nobody, by the month, with pauses, over": (
        schedule(
            shift("recurrent_event", "2026-01-05T09:00:00", 8, users=[], frequency="daily"),
            shift("recurrent_event", "2026-01-05T09:00:00", 8, users=["ana"], frequency="monthly"),
            shift(
                "recurrent_event",
                "2026-01-05T09:00:00",
                8,
                users=["ana"],
                frequency="weekly",
                by_month=[1],
            ),
            rolling("ana ben", "2026-01-05T09:00:00", 8, "daily", interval=2),
            rolling("ana ben", "2025-01-06T09:00:00", 168, "weekly", until="2025-06-01T00:00:00"),
        ),
        {
            "/shifts/0": LEFT_OUT,
            "/shifts/1": LEFT_OUT,
            "/shifts/2/by_month": LEFT_OUT,
            "/shifts/3": LEFT_OUT,
            "/shifts/4/until": "it was left out",
        },
    ),
    "an end to come, and a single event below": (
        schedule(
            rolling(
                "ana", "2025-12-29T09:00:00", 168, "weekly", level=3, until="2027-06-01T00:00:00"
            ),
            shift("single_event", "2026-03-01T10:00:00", 30, users=["dan"], level=2),
            shift("single_event", "2025-03-01T10:00:00", 30, users=["dan", "eve"], level=2),
        ),
        {
            "/shifts/2/start": "it was left out",
            "/shifts/1/level": "it wins over all layers",
        },
    ),
    "zones, and calendars elsewhere": (
        {
            "schedule": {
                "name": "Ops",
                "time_zone": "Europe/Berlin",
                "ical_url_primary": "https://example.com/a.ics",
            },
            "on_call_shifts": [
                rolling("ana", "2025-12-29T09:00:00", 8, "daily", time_zone="UTC"),
                rolling("ben", "2025-12-29T18:00:00", 8, "daily", time_zone="UTC"),
                rolling(
                    "cy", "2025-12-29T04:00:00", 2, "daily", time_zone="America/New_York", level=1
                ),
            ],
        },
        {
            "/schedule/ical_url_primary": "it was not read: convert its text",
            "/schedule/time_zone": "all is by the clock of UTC",
            "/on_call_shifts/2/time_zone": "later shifts are by the clock of UTC",
        },
    ),
}
