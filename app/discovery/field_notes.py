"""A few words on the fields of a request, for listings, where every byte travels in a header.

Strategy: a note stands only where a field's name and type do not say enough. The whole rules are in
the descriptions of the fields, which ``openapi.json`` and the catalogue show.
"""

from collections.abc import Mapping

MAX_CHARACTERS = 45

_SCHEDULE = {
    "timezone": "IANA",
    "layers": "the first with somebody wins",
    "overrides": "win over entries and layers",
    "entries": "win over layers",
    "swaps": "the next shift goes back",
    "unavailable": "person, start, end",
}
"""The notes on the fields of a schedule that is not stored."""

FIELD_NOTES: Mapping[str, Mapping[str, str]] = {
    "RotationRequest": {
        "start": "instant; or local, with timezone",
        "shifts": "or until",
        "handoffTimes": "in place of a length: 08:00",
        "people": "in order of turns",
        "shiftLengthHours": "default 24",
        "timezone": "IANA",
        "strategy": "fair: hours, weekends, nights even",
        "unavailable": "absences",
        "unavailableIcs": "iCalendar text by person",
        "weights": "by person; 0.5: half the hours",
        "carryOver": "of the last answer",
        "holidays": "DE-BY: evened out",
        "joins": "by person, when",
        "leaves": "by person, when",
        "limits": "by person: shifts, hours, weekends",
        "minRestHours": "between one's shifts",
        "maxConsecutive": "shifts in a row",
        "roles": "all in each shift",
        "avoidPairs": "never together",
        "fixed": "decided shifts",
    },
    "OncallScheduleRequest": {
        **_SCHEDULE,
        "from": "default now",
        "to": "up to 2 years on",
    },
    "OncallNowRequest": {**_SCHEDULE, "at": "default now"},
    "OncallConvertRequest": {
        "document": "as its API answers it, or iCalendar text",
        "source": "known by its members if absent",
        "schedule": "which, of several",
        "timezone": "for a calendar without one",
        "at": "when it was read; default now",
    },
    "SoldLayer": {
        "participants": "user ids in order of turns",
        "start_at": "when turns begin",
        "handoff_time": "09:00 or Mon 09:00",
        "restrictions": "when active",
        "turns_on": "active: no turns outside",
    },
    "RosterRequest": {
        "timezone": "IANA",
        "pattern": "recurring, from..to",
        "holidays": "DE-BY; also by person",
        "points": "by kind",
        "previous": "carryOver, assignments, keep",
    },
    "PatternDocument": {"end": "09:00 or mon 09:00", "skills": "one a place"},
    "RulesDocument": {
        "maxHours": "hours, days, kind",
        "maxSlots": "count, days, kind",
    },
    "RestrictionDocument": {"start": "09:00"},
}
"""The notes by the name of a struct and of a field as it is sent."""
