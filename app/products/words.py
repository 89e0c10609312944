"""Words by which callers mean a field of ours: those of the other product, and those of other APIs.

They are only for advice: a field has one name, and each of these is refused with that name.
``glossary.md`` says which names are fixed by pages that we honour.
"""

from collections.abc import Mapping

PERSON = ("person", "user", "userid", "name", "who", "member", "participant", "assignee")
PEOPLE = ("people", "users", "members", "names", "team", "persons", "userids")
START = ("start", "startat", "starttime", "startdate", "from", "since", "begin")
END = ("end", "endat", "endtime", "enddate", "to", "until", "till")
LENGTH = ("shiftlength", "length", "duration", "every", "turnlength")
RHYTHM = ("frequency", "cadence", "type", "rotation", "strategy")
HANDOFF = ("handoff", "handoffs", "handofftimes", "handoffat", "time")
HOURS = ("hours", "days", "windows", "when", "schedule", "active", "activehours", "businesshours")
INSTANT = ("now", "instant", "time", "when", "datetime", "from", "start")


def meant_by(words: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    """Return the field by each word that means it, from the words by field."""
    return {word: field for field, meant in words.items() for word in meant}
