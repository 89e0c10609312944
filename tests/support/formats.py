"""Readers of what the service writes, none of which wrote it.

Calendars are read by ``vobject`` (of Radicale) and by ``ical`` (of Home Assistant), tables by the
standard library, pictures by their titles.
"""

import csv
import io
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, fromstring

import vobject
from ical.calendar_stream import IcsCalendarStream

from app.products.csv import RISKY

SVG = "{http://www.w3.org/2000/svg}"
MOMENT = r"(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d(?:\.\d{3})?)?) (UTC|[+-]\d\d:\d\d)"
TITLE = re.compile(rf"(.*): {MOMENT} to {MOMENT}\. ?(.*)", re.DOTALL)
JOINED = re.compile(rf"([\d,]+) stretches, {MOMENT} to {MOMENT}\.")


class Event(NamedTuple):
    """An event; instants are whole seconds since 1970."""

    uid: str
    start: int
    end: int
    summary: str
    description: str


class Drawn(NamedTuple):
    """A bar; instants are milliseconds since 1970, the person ``Nobody`` for a gap."""

    person: str
    start: int
    end: int
    note: str


def events_by_vobject(calendar: bytes) -> list[Event]:
    return [
        Event(
            event.uid.value,
            seconds(event.dtstart.value),
            seconds(event.dtend.value if hasattr(event, "dtend") else event.dtstart.value),
            event.summary.value,
            event.description.value,
        )
        for event in vobject.readOne(calendar.decode()).vevent_list
    ]


def events_by_ical(calendar: bytes) -> list[Event]:
    return [
        Event(
            event.uid,
            seconds(event.dtstart),
            seconds(event.dtend or event.dtstart),
            event.summary,
            event.description,
        )
        for event in IcsCalendarStream.calendar_from_ics(calendar.decode()).events
    ]


def events(calendar: bytes) -> list[Event]:
    """What both readers found, who must agree."""
    found = events_by_vobject(calendar)
    assert events_by_ical(calendar) == found
    return found


def rows(table: bytes) -> list[dict[str, str]]:
    """The rows of a table, with the apostrophes taken off that keep formulas from working."""
    reader = csv.DictReader(io.StringIO(table.decode(), newline=""), strict=True)
    return [{name: unguarded(cell) for name, cell in row.items()} for row in reader]


def unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and RISKY.match(cell[1:]) else cell


def drawn(picture: bytes) -> list[Drawn]:
    """Every shift and gap of a picture in which none is joined, in order of time."""
    found = []
    for title in titles(picture):
        if " is away: " in title:
            continue
        match = TITLE.fullmatch(title)
        assert match, title
        person, start, start_offset, end, end_offset, note = match.groups()
        found.append(Drawn(person, instant(start, start_offset), instant(end, end_offset), note))
    return sorted(found, key=lambda bar: bar.start)


def stretches(picture: bytes) -> int:
    """For how many stretches the bars of a picture stand."""
    shown = [title for title in titles(picture) if " is away: " not in title]
    joined = [JOINED.fullmatch(title) for title in shown]
    return sum(int(match[1].replace(",", "")) if match else 1 for match in joined)


def titles(picture: bytes) -> list[str]:
    """The title of every bar."""
    found = [rect.find(f"{SVG}title") for rect in root_of(picture).iter(f"{SVG}rect")]
    return [title.text or "" for title in found if title is not None]


def texts(picture: bytes) -> list[str]:
    """What is written in a picture, in order."""
    return [element.text or "" for element in root_of(picture).iter(f"{SVG}text")]


def root_of(picture: bytes) -> Element:
    return fromstring(picture)  # noqa: S314 - our own


def instant(wall: str, offset: str) -> int:
    zone = "+00:00" if offset == "UTC" else offset
    return milliseconds(f"{wall.replace(' ', 'T')}{zone}")


def milliseconds(text: str) -> int:
    """An ISO 8601 instant as milliseconds since 1970."""
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


def seconds(value: Any) -> int:
    return milliseconds(value.isoformat()) // 1_000
