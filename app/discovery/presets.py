"""The presets of the forms: what a button fills in at once.

``docs/roster.md`` has those of rosters as templates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Preset:
    """Fields of a request that belong together.

    The request begins on the next Monday at ``time``, local; ``days`` later its window ends, if it
    has one. A field of ``fields`` that is null or empty is emptied. ``people`` are how many there
    are at least, and what each must have: whoever is in the form keeps their name and absences.
    """

    label: str
    fields: Mapping[str, Any]
    time: str = "00:00"
    days: int = 28
    people: Sequence[Mapping[str, Any]] = field(default=())


NAMES = ("ana", "ben", "chloe", "dan", "eva", "finn")
TEAM = tuple({"name": name} for name in NAMES)
REGIONS = ("apac", "emea", "amer")


def _rotation(label: str, time: str, shifts: int, length: Mapping[str, Any]) -> Preset:
    empty = {"shiftLengthHours": None, "handoffTimes": None}
    return Preset(label, {**empty, **length, "shifts": shifts}, time)


def _roster(
    label: str,
    pattern: Sequence[Mapping[str, Any]],
    people: Sequence[Mapping[str, Any]] = TEAM[:4],
    **others: Any,
) -> Preset:
    empty = {"slots": None, "points": None, "rules": None}
    return Preset(label, {**empty, "pattern": pattern, **others}, people=people)


PRESETS: Mapping[str, Sequence[Preset]] = {
    "sched-oncall-rotation": (
        _rotation("Every week, Monday 09:00", "09:00", 13, {"shiftLengthHours": 168}),
        _rotation("Every day at 09:00", "09:00", 14, {"shiftLengthHours": 24}),
        # elapsed hours would move with the clock
        _rotation("12 hours, 08:00 and 20:00", "08:00", 28, {"handoffTimes": ["08:00", "20:00"]}),
    ),
    "sched-oncall-roster": (
        _roster(
            "A week each",
            [{"days": ["mon"], "start": "09:00", "end": "mon 09:00", "kind": "week"}],
        ),
        _roster(
            "Weekdays and weekends",
            [
                {"days": ["mon"], "start": "09:00", "end": "fri 17:00", "kind": "weekdays"},
                {"days": ["fri"], "start": "17:00", "end": "mon 09:00", "kind": "weekend"},
            ],
            points={"weekend": 2},
        ),
        _roster(
            "12 hours, day and night",
            [
                {"start": "08:00", "end": "20:00", "kind": "day"},
                {"start": "20:00", "end": "08:00", "kind": "night"},
            ],
            rules={
                "minRestHours": 11,
                "maxConsecutive": 4,
                "minDaysOff": [{"count": 1, "days": 7}],
            },
        ),
        _roster(
            "Follow the sun",
            [
                {"start": "00:00", "end": "08:00", "kind": "apac", "skills": ["apac"]},
                {"start": "08:00", "end": "16:00", "kind": "emea", "skills": ["emea"]},
                {"start": "16:00", "end": "24:00", "kind": "amer", "skills": ["amer"]},
            ],
            [{**who, "skills": [REGIONS[at % 3]]} for at, who in enumerate(TEAM)],
            rules={"minDaysOff": [{"count": 2, "days": 7}]},
        ),
        _roster(
            "A ward, nights and weekends",
            [
                {
                    "days": ["mon", "tue", "wed", "thu", "sun"],
                    "start": "20:00",
                    "end": "08:00",
                    "kind": "night",
                },
                {"days": ["fri", "sat"], "start": "20:00", "end": "08:00", "kind": "weekend"},
            ],
            TEAM,
            rules={
                "restAfter": [{"kind": "night", "hours": 24}, {"kind": "weekend", "hours": 24}],
                "maxSlots": [
                    {"kind": "night", "count": 1, "days": 3},
                    {"kind": "weekend", "count": 1, "days": 21},
                ],
            },
        ),
    ),
}
"""By the slug of the product."""
