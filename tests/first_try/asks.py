"""Sixteen asks in words, each with the request that a capable reader sends first.

``holds`` says of the answer whether it is what was asked for. An ask with ``lacking`` needs what
there is not yet: its request is refused free of charge, and never sold wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from app.errors import InvalidFields
from app.http.validation import validated
from app.products.endpoint import JSON
from app.products.registry import paid_endpoints

ROTATION, SCHEDULE, ON_CALL_NOW, *_ = paid_endpoints()
NOW = 1_797_411_600_000
"""2026-12-16T09:00:00Z, a Wednesday."""
TEAM = ["ana", "ben", "chloe"]
BERLIN = {"timezone": "Europe/Berlin"}
DAY_LAYER = {"name": "Team", "rotation_type": "daily", "participants": TEAM}


@dataclass(frozen=True)
class Ask:
    """An ask, the request for it, and what must hold of the answer."""

    words: str
    product: Any
    request: Mapping[str, Any]
    holds: Callable[[Any], bool] = bool
    lacking: str = ""

    @property
    def outcome(self) -> str:
        """What becomes of the request: right, refused free, or charged and wrong."""
        try:
            document = validated(self.request, self.product.request, NOW)
        except InvalidFields:
            return "refused free"
        answer = msgspec.json.decode(self.product.written(document, JSON))
        return "right" if self.holds(answer) else "charged and wrong"


def locals_of(answer: Any) -> list[str]:
    return [shift["startLocal"][:16] for shift in answer["rotation"]]


def people_of(answer: Any) -> list[str]:
    return [shift["person"] for shift in answer["rotation"]]


ASKS = [
    Ask(
        "weekly from next Monday 9:00 Berlin, Ben away 1-14 January, nobody two weeks in a row",
        ROTATION,
        {
            **BERLIN, "start": "2026-12-21T09:00", "people": TEAM, "shifts": 8,
            "shiftLength": {"count": 1, "unit": "weeks"}, "maxConsecutive": 1,
            "unavailable": [{"person": "ben", "start": "2027-01-01", "end": "2027-01-14"}],
        },
        lambda answer: (
            locals_of(answer)[:2] == ["2026-12-21T09:00", "2026-12-28T09:00"]
            and answer["understood"]["absences"][0]["endLocal"][:16] == "2027-01-15T00:00"
        ),
    ),
    Ask(
        "daily for a month with fair weekends",
        ROTATION,
        {**BERLIN, "start": "2027-01-01", "until": "2027-01-31", "people": TEAM,
         "strategy": "fair"},
        lambda answer: len(answer["rotation"]) == 31 and answer["fairness"]["optimal"],
    ),
    Ask(
        "primary and secondary, Ana and Ben never together",
        ROTATION,
        {**BERLIN, "start": "2027-01-01", "shifts": 6, "people": [*TEAM, "dan"],
         "roles": ["primary", "secondary"], "avoidPairs": [["ana", "ben"]], "strategy": "fair"},
        lambda answer: not any(
            {"ana", "ben"} <= set(shift["roles"].values()) for shift in answer["rotation"]
        ),
    ),
    Ask(
        "12-hour shifts 08/20 with 24 h rest over a clock change",
        ROTATION,
        {**BERLIN, "start": "2027-03-27T08:00", "until": "2027-03-29", "minRestHours": 24,
         "people": [*TEAM, "dan"], "handoffTimes": ["08:00", "20:00"]},
        lambda answer: {text[11:] for text in locals_of(answer)} == {"08:00", "20:00"},
    ),
    Ask(
        "monthly for a year",
        ROTATION,
        {**BERLIN, "start": "2027-01-01", "people": TEAM, "shifts": 12,
         "shiftLength": {"count": 1, "unit": "months"}},
        lambda answer: {text[8:] for text in locals_of(answer)} == {"01T00:00"},
    ),
    Ask(
        "Zoe joins on 4 January",
        ROTATION,
        {**BERLIN, "start": "2026-12-21", "people": [*TEAM, "zoe"], "shifts": 30,
         "joins": {"zoe": "2027-01-04"}},
        lambda answer: (
            "zoe" in people_of(answer)
            and "zoe" not in people_of(answer)[:14]
            and answer["shiftCounts"]["zoe"] <= 16 / 4
        ),
    ),
    Ask(
        "Tom works half time",
        ROTATION,
        {**BERLIN, "start": "2027-01-04", "people": ["ana", "tom"], "shifts": 9,
         "strategy": "fair", "weights": {"tom": 0.5}},
        lambda answer: answer["shiftCounts"] == {"ana": 6, "tom": 3},
    ),
    Ask(
        "weekends only, fair over a quarter",
        SCHEDULE,
        {**BERLIN, "from": "2027-01-01", "to": "2027-03-31",
         "layers": [{**DAY_LAYER, "rotation_type": "weekly", "turns_on": "active",
                     "restrictions": [{"start": "00:00", "end": "24:00",
                                       "days": ["sat", "sun"]}]}]},
        lambda answer: all(
            person["hours"] == person["weekend_hours"] for person in answer["tally"]
        ),
    ),
    Ask(
        "follow the sun with local business hours",
        SCHEDULE,
        {"timezone": "UTC", "from": "2027-01-04", "to": "2027-01-08",
         "layers": [{**DAY_LAYER, "timezone": "Asia/Tokyo"},
                    {**DAY_LAYER, "name": "US", "timezone": "America/New_York"}]},
        lacking="a time zone of each layer",
    ),
    Ask(
        "office and off-hours with December gaps",
        SCHEDULE,
        {**BERLIN, "from": "2026-12-01", "to": "2026-12-31",
         "layers": [{**DAY_LAYER, "restrictions": [
             {"start": "09:00", "end": "17:00", "days": ["mon", "tue", "wed", "thu", "fri"]}]}]},
        lambda answer: answer["gaps"][0]["start"] == "2026-11-30T23:00:00.000Z",
    ),
    Ask(
        "who is on call now",
        ON_CALL_NOW,
        {**BERLIN, "layers": [DAY_LAYER]},
        lambda answer: answer["at"] == "2026-12-16T09:00:00.000Z",
    ),
    Ask(
        "Chloe is sick this week, keep the rest",
        ROTATION,
        {**BERLIN, "start": "2026-12-14", "people": TEAM, "shifts": 14,
         "unavailable": [{"person": "chloe", "start": "2026-12-14", "end": "2026-12-20"}],
         "keep": True},
        lacking="the rotation that is to be kept",
    ),
    Ask(
        "swap two people's shifts",
        SCHEDULE,
        {**BERLIN, "layers": [DAY_LAYER], "from": "2026-12-14", "to": "2026-12-20",
         "swaps": [{"start": "2026-12-15", "end": "2026-12-15", "swap_with_user_id": "ana"}]},
        lambda answer: any(
            segment["override"] and segment["override"]["user_id"] == "ana"
            for segment in answer["final_schedule"]
        ),
    ),
    Ask(
        "go on from last quarter",
        ROTATION,
        {**BERLIN, "start": "2027-01-01", "people": TEAM, "shifts": 9, "strategy": "fair",
         "carryOver": {"ana": 48}},
        lambda answer: answer["shiftCounts"]["ana"] < 3,
    ),
    Ask(
        "absences from a calendar text",
        ROTATION,
        {**BERLIN, "start": "2027-01-04", "people": TEAM, "shifts": 3,
         "unavailableIcs": {"ana": (
             "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\n"
             "DTSTART;VALUE=DATE:20270104\nSUMMARY:leave\nEND:VEVENT\nEND:VCALENDAR\n"
         )}},
        lambda answer: people_of(answer)[0] == "ben",
    ),
    Ask(
        "until the end of February",
        ROTATION,
        {**BERLIN, "start": "2027-01-04T09:00", "until": "2027-02-28", "people": TEAM,
         "shiftLength": {"count": 1, "unit": "weeks"}},
        lambda answer: locals_of(answer)[-1] == "2027-02-22T09:00",
    ),
]  # fmt: skip
