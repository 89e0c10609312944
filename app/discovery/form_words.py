"""What a form says and a schema does not: labels, short hints, and which input picks a value best.

Keys are the paths of fields, or the last one or two names of one where they mean the same
everywhere. A field without an entry has its name as label, and its rule as hint.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Words:
    """The words for one field. What is empty is taken from the schema.

    ``hint`` is a sentence, or an empty text for none. ``add`` is the button that adds a row.
    Advanced fields are folded away. A field that ``is_empty_by_default`` does not show its default,
    because another may be given in its place.
    """

    label: str = ""
    hint: str | None = None
    kind: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    add: str = ""
    is_advanced: bool = False
    is_empty_by_default: bool = False


DAYS = {
    "mon": "Mon",
    "tue": "Tue",
    "wed": "Wed",
    "thu": "Thu",
    "fri": "Fri",
    "sat": "Sat",
    "sun": "Sun",
}
YES_OR_NO = {"true": "yes", "false": "no"}
WORDS: Mapping[str, Words] = {
    # A rotation
    "start": Words("First shift starts", "By the clock of the time zone.", "moment"),
    "people": Words("People", "One a line, in the order of their turns."),
    "shifts": Words("Number of shifts", "1 to 10,000."),
    "until": Words("Until", "In place of a number of shifts.", "moment", is_advanced=True),
    "shiftLengthHours": Words(
        "Hours in a shift", "24 if empty; 168 is a week.", is_empty_by_default=True
    ),
    "shiftLength": Words("Length in units", "In place of hours.", is_advanced=True),
    "shiftLength/count": Words("How many", ""),
    "shiftLength/unit": Words("Unit", ""),
    "handoffTimes": Words(
        "Handoff times", "One a line, such as 08:00; in place of hours.", is_advanced=True
    ),
    "timezone": Words("Time zone", "Shifts keep their local hour across clock changes.", "zone"),
    "strategy": Words(
        "How to share",
        "Fair also evens out weekends and nights.",
        options={"fair": "fair", "round-robin": "in turns"},
    ),
    "unavailable": Words("Time away", "Nobody gets a shift while away.", add="Add time away"),
    "unavailable/person": Words("Who", ""),
    "unavailable/start": Words("First day away", "", "first-day"),
    "unavailable/end": Words("Last day away", "", "last-day"),
    "unavailable/reason": Words("Reason", ""),
    "unavailableIcs": Words(
        "Calendars", "A person's calendar file: who is busy in it is away.", add="Add a calendar"
    ),
    "unavailableIcs/*": Words("Calendar file (.ics)", "", "calendar"),
    "weights": Words("Part-time", "0.5 is half of the others' hours.", add="Add a share"),
    "weights/*": Words("Share", ""),
    "joins": Words(
        "Joins the team", "Nothing is owed for the time before.", add="Add a date", is_advanced=True
    ),
    "joins/*": Words("First day", "", "first-day"),
    "leaves": Words(
        "Leaves the team", "Nothing is owed for the time after.", add="Add a date", is_advanced=True
    ),
    "leaves/*": Words("Last day", "", "last-day"),
    "limits": Words("At most", "In the whole rotation.", add="Add a limit", is_advanced=True),
    "limits/*/shifts": Words("Shifts", ""),
    "limits/*/hours": Words("Hours", ""),
    "limits/*/weekends": Words("Weekends", ""),
    "key": Words("Who", ""),
    "roles": Words("Roles", "One a line, such as primary and secondary; leave empty for one."),
    "roleOrder": Words(
        "Order of roles",
        "Staggered: whoever is second is first in the next shift.",
        options={"even": "evened out", "staggered": "staggered"},
        is_advanced=True,
    ),
    "minRestHours": Words("Hours of rest", "Between two shifts of one person, at least."),
    "maxConsecutive": Words("Shifts in a row", "Of one person, at most."),
    "avoidPairs": Words(
        "Never together", "Two people who are not on call at once.", add="Add a pair"
    ),
    "0": Words("One", ""),
    "1": Words("Other", ""),
    "fixed": Words(
        "Shifts that are decided",
        "They stand, whatever else is asked for.",
        add="Add a shift",
        is_advanced=True,
    ),
    "fixed/shift": Words("Number of the shift", ""),
    "fixed/person": Words("Who", ""),
    "fixed/role": Words("Role", ""),
    "carryOver": Words(
        "Hours carried over",
        "`carryOver` of the answer before.",
        add="Add hours",
        is_advanced=True,
    ),
    "carryOver/*": Words("Hours", ""),
    "carryOverHolidays": Words(
        "Hours on holidays carried over",
        "`carryOverHolidays` of the answer before.",
        add="Add hours",
        is_advanced=True,
    ),
    "carryOverHolidays/*": Words("Hours", ""),
    "handoffOffsetHours": Words(
        "Handoff after the shift's end", "In hours; negative is before.", is_advanced=True
    ),
    # A layered schedule
    "layers": Words("Layers", "The first layer that has somebody wins.", add="Add a layer"),
    "layers/name": Words("Name", ""),
    "layers/rotation_type": Words("Turns change", ""),
    "layers/participants": Words("People", "One a line, in the order of their turns."),
    "layers/start_at": Words("Turns count from", "", "moment"),
    "first_turn_at": Words("First turn at", "The turn then is the first person's.", "moment"),
    "layers/handoff_time": Words("Handoff", 'Such as "09:00" or "Mon 09:00".'),
    "layers/interval": Words("Interval", "For custom turns only."),
    "interval/count": Words("Every", ""),
    "layers/interval/count": Words("Every", ""),
    "layers/interval/unit": Words("Unit", ""),
    "layers/restrictions": Words("Active only", "None: always.", add="Add hours"),
    "layers/restrictions/start": Words("From", "", "time"),
    "layers/restrictions/end": Words("To", "", "time"),
    "layers/restrictions/days": Words("Starts on", "None: every day.", options=DAYS),
    "layers/turns_on": Words("Turns pass", "", options={"all": "always", "active": "when active"}),
    "overrides": Words("Overrides", "Win over everything else.", add="Add an override"),
    "entries": Words(
        "Entries", "Shifts made by hand: win over layers.", add="Add an entry", is_advanced=True
    ),
    "swaps": Words("Swaps", add="Add a swap", is_advanced=True),
    "user_id": Words("Who", ""),
    "swap_with_user_id": Words("With whom", ""),
    "start_at": Words("From", "", "moment"),
    "end_at": Words("To", "", "moment"),
    "entries/start": Words("From", "", "moment"),
    "entries/end": Words("To", "", "moment"),
    "swaps/start": Words("From", "", "moment"),
    "swaps/end": Words("To", "", "moment"),
    "overrides/reason": Words("Reason", ""),
    "from": Words("From", "By the clock of the time zone; empty: now.", "moment"),
    "to": Words("To", "At most two years later.", "moment"),
    "document": Words("Document", "As the other product exports it.", "document"),
    "at": Words("When", "By the clock of the time zone; empty: now.", "moment"),
}
ROSTERS = frozenset(("RosterRequest", "CheckRequest", "CoverRequest", "ReportRequest"))
ROSTER_WORDS: Mapping[str, Words] = {
    "timezone": Words("Time zone", "Dates and times of day are by its clock.", "zone"),
    "people": Words("People", "", add="Add a person"),
    "people/name": Words("Name", ""),
    "people/skills": Words("Skills", "One a line."),
    "people/weight": Words("Share", "0.5 is half of the others' load.", is_advanced=True),
    "people/holidays": Words("Own holidays", "Such as DE-BY.", is_advanced=True),
    "people/unavailable": Words("Away", "", add="Add time away"),
    "people/unavailable/start": Words("First day away", "", "first-day"),
    "people/unavailable/end": Words("Last day away", "", "last-day"),
    "people/joins": Words("Joins on", "", "first-day", is_advanced=True),
    "people/leaves": Words("Leaves after", "", "last-day", is_advanced=True),
    "people/targetHours": Words("Hours to have", "In place of a share.", is_advanced=True),
    "avoid": Words("Would rather not", "", add="Add a wish"),
    "prefer": Words("Would rather", "", add="Add a wish"),
    "from": Words("First day", "", "first-day"),
    "to": Words("Last day", "", "last-day"),
    "pattern": Words("Slots that recur", "By the wall clock.", add="Add a pattern"),
    "pattern/start": Words("Starts at", "", "time"),
    "pattern/end": Words("Ends at", 'Such as "09:00" or "mon 09:00".'),
    "days": Words("On", "None: every day.", options=DAYS),
    "rates/when/days": Words("On", "None: every day.", options=DAYS),
    "kind": Words("Kind", "Such as night."),
    "need": Words("People needed", "1 if empty."),
    "pattern/skills": Words(
        "Skill of each place", "One a line; an empty one is for anybody.", is_advanced=True
    ),
    "slots": Words("Single slots", "", add="Add a slot"),
    "slots/skills": Words(
        "Skill of each place", "One a line; an empty one is for anybody.", is_advanced=True
    ),
    "start": Words("From", "", "moment"),
    "end": Words("To", "", "moment"),
    "holidays": Words("Public holidays", "A country or a part of it: DE, DE-BY."),
    "points": Words("Points", "By kind; holiday is a kind, too.", add="Add a kind"),
    "points/*": Words("Points", ""),
    "key": Words("Which", ""),
    "fixed": Words("Slots that are decided", "", add="Add a slot", is_advanced=True),
    "slot": Words("Number of the slot", ""),
    "objectives": Words("Objectives", "In the usual order if empty.", is_advanced=True),
    "rules": Words("Rules", ""),
    "maxConsecutive": Words("Days in a row", "On which slots of a person start, at most."),
    "maxHours": Words("Hours at most", "", add="Add a limit"),
    "maxSlots": Words("Slots at most", "", add="Add a limit"),
    "minDaysOff": Words("Free days", "", add="Add a rule"),
    "restAfter": Words("Rest after a kind", "", add="Add a kind"),
    "apart": Words("Never at the same time", "", add="Add a pair"),
    "together": Words("Only together", "In slots of several places.", add="Add a pair"),
    "soft": Words("Rules that may be broken", "Each at a cost.", add="Add a rule"),
    "rule": Words("Rule", ""),
    "hours": Words("Hours", ""),
    "count": Words("How many", ""),
    "maxHours/days": Words("In days", "In a row; empty: in all."),
    "maxSlots/days": Words("In days", "In a row; empty: in all."),
    "minDaysOff/days": Words("In days", "In a row."),
    "assignments": Words("Who has what", "", add="Add a stretch"),
    "assignments/person": Words("Who", ""),
    "assignments/people": Words("Several people", "", add="Add a person", is_advanced=True),
    "assignments/kind": Words("Kind", "Such as night.", is_advanced=True),
    "assignments/role": Words("Role", "Such as primary.", is_advanced=True),
    "person": Words("Who", ""),
    "unavailable": Words("Time away", "", add="Add time away"),
    "unavailable/start": Words("First day away", "", "first-day"),
    "unavailable/end": Words("Last day away", "", "last-day"),
    "giveAway": Words("Given away", "", add="Add a stretch"),
    "limit": Words("Candidates shown", "25 if empty.", is_advanced=True),
    "previous": Words("The roster before", "", is_advanced=True),
    "schedule": Words("A layered schedule", "In place of assignments.", is_advanced=True),
    "rates": Words("Rates", "The first that time is for has it.", add="Add a rate"),
    "rate": Words("Base rate", "An hour; multipliers are of it."),
    "holiday": Words("On holidays", "", options=YES_OR_NO),
    "weekend": Words("On weekends", "", options=YES_OR_NO),
    "between": Words("Between", "Two times of day, one a line."),
}
"""The words for documents of rosters, by path, or by the last names of one."""


def words_for(root: str, path: str) -> Words:
    """Return the words for the field at ``path`` of a document whose type is ``root``."""
    keys = (path, "/".join(path.split("/")[-2:]), path.rpartition("/")[2])
    own = ROSTER_WORDS if root in ROSTERS else {}
    found = (table.get(key) for table in (own, WORDS) for key in keys)
    return next(filter(None, found), Words())


UNASKED = frozenset(("overrides/cancelled_at", "schedule/overrides/cancelled_at"))
"""The fields that only copies of what other APIs show have."""
PEOPLE = frozenset(("person", "user_id", "swap_with_user_id", "key", "0", "1"))
"""The fields that name somebody who stands elsewhere in the form."""
