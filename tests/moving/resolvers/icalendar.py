"""Calendars: everybody of whom an event runs, with ``dateutil`` for the rules."""

import re
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

LAST = datetime(2027, 3, 1)  # noqa: DTZ001 - a wall clock


def on_call(text: str, at: datetime, timezone: str = "UTC") -> set[str]:
    levels: dict[int, set[str]] = {}
    for zone, person, level, starts, length in _events(text, timezone):
        wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        if any(start <= wall < start + length for start in starts):
            levels.setdefault(level, set()).add(person)
    return levels[max(levels)] if levels else set()


@cache
def _events(text: str, timezone: str) -> list[tuple[str, str, int, list[datetime], timedelta]]:
    found = []
    text = re.sub(r"\r?\n[ \t]", "", text)
    changed = re.findall(
        r"UID:(\S+)[^§]*?RECURRENCE-ID[^:]*:(\S+)", text.replace("END:VEVENT", "§")
    )
    for body in re.findall(r"BEGIN:VEVENT(.*?)END:VEVENT", text, re.DOTALL):
        fields = dict(
            re.findall(r"^([A-Z-]+)((?:;[^:]*)?:.*)$", body.replace("\r", ""), re.MULTILINE)
        )
        if "CANCELLED" in fields.get("STATUS", ""):
            continue
        start, zone = _when(fields["DTSTART"], timezone)
        end, _ = _when(fields["DTEND"], timezone)
        summary = fields["SUMMARY"][1:]
        level = re.match(r"\[L(\d+)\] *", summary)
        person = summary[level.end() :] if level else summary
        starts = [start]
        if "RRULE" in fields:
            rule = rrulestr(fields["RRULE"][1:].replace("Z", ""), dtstart=start)
            starts = list(rule.between(start, LAST, inc=True))
        gone = [_when(fields["EXDATE"], timezone)[0]] if "EXDATE" in fields else []
        if "RECURRENCE-ID" not in fields:
            gone += [
                _when(f":{day}", timezone)[0] for uid, day in changed if f":{uid}" == fields["UID"]
            ]
        found.append(
            (
                zone,
                person,
                int(level[1]) if level else 0,
                [s for s in starts if s not in gone],
                end - start,
            )
        )
    return found


def _when(field: str, timezone: str) -> tuple[datetime, str]:
    parameters, _, value = field.partition(":")
    zone = re.search(r"TZID=([^;:]+)", parameters)
    if len(value) == 8:
        day = date.fromisoformat(f"{value[:4]}-{value[4:6]}-{value[6:]}")
        return datetime(day.year, day.month, day.day), timezone  # noqa: DTZ001 - a wall clock
    at = datetime.strptime(value.rstrip("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall clock
    return at, "UTC" if value.endswith("Z") else zone[1] if zone else timezone
