"""The long texts of the products of rosters: rules in words, and requests that show them."""

from collections.abc import Mapping
from typing import Any

from app.products.endpoint import WorkedExample

ROSTER_RULES = (
    "Slots come from `pattern`, unfolded by the wall clock, and from `slots`; they are numbered "
    "from 1 in order of their start. Nobody has two slots at once. Objectives are made as good as "
    "can be one after the other, each held while the next is; the answer says of each what is "
    "proven. `fairness` compares people by weight, and only those who can take something. What "
    "nobody can take stays empty, with the fewest facts that explain it. Equal requests get equal "
    "answers. A search has 2 s of deterministic time, with more than 2,500 choices 8 s, which is "
    "up to 90 s of a processor; what is not proven then says `optimal: false`. Send `carryOver` "
    "with the next request. A field that is not known is an error."
)
ROSTER_TAGS = (
    "scheduling",
    "roster",
    "on-call",
    "shifts",
    "staffing",
    "optimization",
    "fairness",
    "holidays",
    "agents",
)

BRIEF_ROSTER: Mapping[str, Any] = {
    "timezone": "Europe/Berlin",
    "people": [{"name": "ana"}],
    "slots": [{"start": "2026-12-05", "end": "2026-12-06"}],
}

ROSTER: Mapping[str, Any] = {
    "timezone": "Europe/Berlin",
    "from": "2026-12-01",
    "to": "2026-12-13",
    "pattern": [
        {
            "days": ["mon", "tue", "wed", "thu"],
            "start": "17:00",
            "end": "09:00",
            "kind": "weeknight",
        },
        {
            "days": ["fri"],
            "start": "17:00",
            "end": "mon 09:00",
            "kind": "weekend",
            "skills": ["senior", None],
        },
    ],
    "people": [
        {
            "name": "ana",
            "skills": ["senior"],
            "unavailable": [{"start": "2026-12-07", "end": "2026-12-11"}],
        },
        {"name": "ben", "avoid": [{"days": ["wed"]}]},
        {"name": "chloe", "skills": ["senior"]},
        {"name": "dan", "prefer": [{"kind": "weekend"}]},
    ],
    "rules": {"minRestHours": 11, "maxSlots": [{"kind": "weekend", "count": 1, "days": 14}]},
}

MEDICAL = WorkedExample(
    "A ward, with holidays",
    "Twelve-hour days and nights in a hospital over Christmas: a free day after a night, at most "
    "every third night, one weekend in three, and public holidays by where people live.",
    {
        "timezone": "Europe/Berlin",
        "from": "2026-12-21",
        "to": "2026-12-27",
        "pattern": [
            {"start": "08:00", "end": "20:00", "kind": "day"},
            {"start": "20:00", "end": "08:00", "kind": "night"},
        ],
        "holidays": "DE",
        "people": [
            {"name": "ana"},
            {"name": "ben"},
            {"name": "chloe", "holidays": "DE-BY"},
            {"name": "dan", "holidays": "AT"},
            {"name": "eva", "unavailable": [{"start": "2026-12-24", "end": "2026-12-24"}]},
        ],
        "rules": {
            "restAfter": [{"kind": "night", "hours": 24}],
            "maxSlots": [{"kind": "night", "count": 1, "days": 3}],
            "minRestHours": 11,
        },
        "points": {"night": 2, "holiday": 3},
    },
)

REPORT_RULES = (
    "Who has what is `assignments`, as here or as oncall-roster answers, or a layered `schedule` "
    "from `from` to `to`. Each stretch of time goes to the first of `rates` that it is for, cut "
    "at midnights, at times of day and at holidays, so that the lines of a person add up to what "
    "they have; time is elapsed time, so a night of a clock change has an hour more or less. "
    "`perShift` pays once for each stretch that has a part in the rule. `multiplier` is of `rate`, "
    "or of the rule without `when`. What no rule is for is not paid, and named. Lines are rounded "
    "half up, and totals are sums of lines. Nothing legal is assumed. A field that is not known is "
    "an error."
)
REPORT_TAGS = ("scheduling", "on-call", "payroll", "hours", "holidays", "rates", "agents")

REPORT: Mapping[str, Any] = {
    "timezone": "Europe/Berlin",
    "holidays": "DE",
    "assignments": [
        {"person": "ana", "start": "2026-10-24T20:00", "end": "2026-10-25T08:00"},
        {"person": "ben", "start": "2026-12-24T20:00", "end": "2026-12-25T08:00"},
    ],
    "rates": [
        {"name": "holiday", "when": {"holiday": True}, "multiplier": 2},
        {"name": "weekend", "when": {"weekend": True}, "multiplier": 1.5},
        {"name": "night", "when": {"between": ["22:00", "06:00"]}, "multiplier": 1.25},
        {"name": "standby", "rate": 4.5},
    ],
    "currency": "EUR",
}
BRIEF_REPORT: Mapping[str, Any] = {
    "timezone": "Europe/Berlin",
    "assignments": [{"person": "ana", "start": "2026-12-05T20:00", "end": "2026-12-06T08:00"}],
    "rates": [{"rate": 4.5}],
}

CHECK_RULES = (
    "Who has what is `assignments`, as here or as oncall-roster answers, or a layered `schedule` "
    "from `from` to `to`. Each violation names the rule by its pointer, whom it concerns, when, "
    "how much it is over and what would be enough; of runs of days that follow each other and are "
    "all over a limit, the one that is most over it. `overlaps` are people with one role, or with "
    "none, at the same time; `gaps` are when nobody has anything. `rules.soft` is told with its "
    "weight. Nothing legal is assumed: whether standby is working time is for the caller to say. "
    "A field that is not known is an error."
)
CHECK_TAGS = ("scheduling", "on-call", "roster", "check", "rest", "compliance", "agents")

CHECK: Mapping[str, Any] = {
    "timezone": "Europe/Berlin",
    "assignments": [
        {"person": "ana", "start": "2026-12-01T17:00", "end": "2026-12-02T09:00"},
        {"person": "ana", "start": "2026-12-02T17:00", "end": "2026-12-03T09:00"},
        {"person": "ben", "start": "2026-12-03T17:00", "end": "2026-12-04T09:00"},
    ],
    "rules": {"minRestHours": 11},
    "unavailable": [{"person": "ben", "start": "2026-12-04", "end": "2026-12-06"}],
}
BRIEF_CHECK: Mapping[str, Any] = {
    "timezone": "Europe/Berlin",
    "assignments": [{"person": "ana", "start": "2026-12-05T20:00", "end": "2026-12-06T08:00"}],
    "rules": {"maxHours": [{"hours": 8}]},
}

COVER_RULES = (
    "Who has what is `assignments`, as here or as oncall-roster answers, or a layered `schedule` "
    "from `from` to `to`. What somebody has while `unavailable`, or of which `giveAway` says that "
    "they give it away, is to be covered: exactly that time, so shifts are cut where it begins and "
    "ends. Candidates are everybody else: first who breaks nothing, then who breaks the fewest "
    "rules, last who is away, on call already or lacks the skill; among equals by the hours that "
    "they have then, nights, weekends and holidays, each by weight. `cover` is one choice for all "
    "stretches together, by the same order, that leaves as few as it can find uncovered. "
    "`rules.soft` keep nobody from it. Nothing legal is assumed. A field that is not known is an "
    "error."
)
COVER_TAGS = ("scheduling", "on-call", "cover", "absence", "swap", "overrides", "agents")

COVER: Mapping[str, Any] = {
    "timezone": "Europe/Berlin",
    "assignments": [
        {"person": "ana", "start": "2026-12-01T17:00", "end": "2026-12-02T09:00"},
        {"person": "ben", "start": "2026-12-02T17:00", "end": "2026-12-03T09:00"},
        {"person": "chloe", "start": "2026-12-03T17:00", "end": "2026-12-04T09:00"},
        {"person": "ana", "start": "2026-12-04T17:00", "end": "2026-12-07T09:00"},
        {"person": "dan", "start": "2026-12-07T17:00", "end": "2026-12-08T09:00"},
    ],
    "rules": {"minRestHours": 11},
    "unavailable": [{"person": "ana", "start": "2026-12-01", "end": "2026-12-06"}],
}
BRIEF_COVER: Mapping[str, Any] = {
    "timezone": "Europe/Berlin",
    "assignments": [
        {"person": "ana", "start": "2026-12-05T20:00", "end": "2026-12-06T08:00"},
        {"person": "ben", "start": "2026-12-07T20:00", "end": "2026-12-08T08:00"},
    ],
    "unavailable": [{"person": "ana", "start": "2026-12-05", "end": "2026-12-06"}],
}
