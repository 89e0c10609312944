"""Read the calendars of the corpus by two libraries and by ours, and write docs/calendars.md.

    .venv/bin/python scripts/calendar_corpus.py [--check]

Each file was written by us after what its exporter writes. Where the three differ, the case says
how RFC 5545 settles it. ``--check`` writes nothing and fails if the document is not current.
"""

import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events
from ical.calendar_stream import IcsCalendarStream

from app.engine.walltime import clock_of
from app.errors import InvalidRequest
from app.products.rotation.absence_calendars import CalendarRules, read_calendars

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "tests" / "products" / "rotation" / "calendars"
DOCUMENT = ROOT / "docs" / "calendars.md"
OWNER = "Europe/Berlin"
DAYS = 28
SHOWN = 4
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Stretch = tuple[datetime, datetime]
Case = Mapping[str, Any]

TITLE = "# Calendars as programs export them"
INTRODUCTION = (
    "What [rule 9 of `rotation.md`](rotation.md#rule-9-absences-are-hard) makes of {count} small "
    "calendars. They were written by us after what Google, Outlook, Exchange, Apple, Yahoo, "
    "Nextcloud, Fastmail, HR systems and others export, and are in "
    "`tests/products/rotation/calendars`. Each is read by `icalendar` {icalendar} with "
    "`recurring-ical-events` {recurring}, by `ical` {ical} (the reader of Home Assistant), and by "
    'us with `calendarEvents` "busy", for a person in {owner} and over four weeks. Starts are in '
    "UTC, with lengths in hours; – is nothing. Where they differ, RFC 5545 settles it. "
    "`scripts/calendar_corpus.py` writes this document, and a test holds it to the code."
)
COLUMNS = (
    "file",
    "exporter",
    "what it exercises",
    "`icalendar`",
    "`ical`",
    "ours",
    "settled by",
)


def cases() -> list[Case]:
    """The cases, with the text of each calendar."""
    listed = json.loads((CORPUS / "cases.json").read_text("utf-8"))
    return [
        {**case, "text": (CORPUS / f"{case['file']}.ics").read_bytes().decode()} for case in listed
    ]


def window(case: Case) -> Stretch:
    """The four weeks of a case, from midnight by the clock of the calendar's owner."""
    first = datetime.fromisoformat(case.get("from", "2026-07-13")).replace(tzinfo=ZoneInfo(OWNER))
    return first, first + timedelta(days=DAYS)


# --- three readers ----------------------------------------------------------------------------


def ours(case: Case, rules: CalendarRules | None = None) -> Sequence[Stretch]:
    """What we take for absences. Raises ``InvalidRequest``."""
    first, last = ((at - EPOCH) // timedelta(milliseconds=1) for at in window(case))
    rules = rules or CalendarRules("busy")
    read = read_calendars({"ana": case["text"]}, clock_of(OWNER), (first, last), rules)
    return [
        tuple(EPOCH + timedelta(milliseconds=at) for at in (found.start_at, found.end_at))
        for found in read.absences
    ]


def by_icalendar(case: Case) -> Iterator[Stretch]:
    """What ``icalendar`` parses and ``recurring-ical-events`` lays out, if it is opaque."""
    calendar = icalendar.Calendar.from_ical(case["text"])
    for event in recurring_ical_events.of(calendar).between(*window(case)):
        if not (event.get("TRANSP") == "TRANSPARENT" or event.get("STATUS") == "CANCELLED"):
            yield _stretch(event["DTSTART"].dt, event["DTEND"].dt)


def by_ical(case: Case) -> Iterator[Stretch]:
    """What ``ical`` lays out, if it is opaque."""
    for calendar in IcsCalendarStream.from_ics(case["text"]).calendars:
        timeline = calendar.timeline_tz(ZoneInfo(OWNER))
        for event in timeline.overlapping(*window(case)):
            if not (event.transparency == "TRANSPARENT" or event.status == "CANCELLED"):
                yield _stretch(event.start, event.end)


def _stretch(start: date, end: date) -> Stretch:
    return _instant(start), _instant(end)


def _instant(at: date) -> datetime:
    if not isinstance(at, datetime):
        at = datetime(at.year, at.month, at.day)  # noqa: DTZ001 - given its zone below
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(OWNER))).astimezone(UTC)


# --- the table --------------------------------------------------------------------------------


def told(read: Callable[[Case], Iterable[Stretch]], case: Case) -> str:
    """What a reader finds, in words; its error if it reads nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = sorted(read(case))
    except InvalidRequest as error:
        return f"refused: {error.errors[0].detail}"
    except Exception as error:  # noqa: BLE001 - a library raises anything
        return f"`{type(error).__name__}`"
    return in_words(found)


def in_words(found: Sequence[Stretch]) -> str:
    shown = [
        f"{start.day} {start:%b %H:%M} {(end - start) / timedelta(hours=1):g} h"
        for start, end in found[:SHOWN]
    ]
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return ", ".join([*shown, *more]) or "–"


def row(case: Case) -> Sequence[str]:
    """The cells of one case."""
    results = [told(read, case) for read in (by_icalendar, by_ical, ours)]
    return (case["file"], case["exporter"], case["exercises"], *results, case.get("settled", ""))


def document() -> str:
    """The document as it should be."""
    rows = [row(case) for case in cases()]
    introduction = INTRODUCTION.format(
        count=len(rows),
        icalendar=_version("icalendar"),
        recurring=_version("recurring-ical-events"),
        ical=_version("ical"),
        owner=OWNER,
    )
    table = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    lines = (" | ".join(cell.replace("|", "\\|") for cell in each) for each in table)
    return "\n".join([TITLE, "", introduction, "", *(f"| {line} |" for line in lines), ""])


def _version(package: str) -> str:
    from importlib.metadata import version  # noqa: PLC0415

    return ".".join(version(package).split(".")[:2])


def main() -> int:
    wanted = document()
    if "--check" in sys.argv:
        current = DOCUMENT.read_text("utf-8") == wanted
        print("current" if current else f"{DOCUMENT.name} is not current: run this without --check")
        return 0 if current else 1
    DOCUMENT.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
