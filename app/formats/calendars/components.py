"""The components of an iCalendar text and those of their properties that say when (RFC 5545, 3).

Strategy: lines are unfolded by replacement, and one regular expression finds the lines of the
properties that are wanted. All other lines, most of an exported calendar, are never looked at, so
2 MiB take some 0.1 s. What exporters get wrong and what has one meaning anyway is read: a byte
order mark, lines that end in LF or CR alone, lines that are not folded, several calendars in one
text, a zone's name with a colon that is not quoted.

Invariants: nothing is kept from one text to the next. A text that is cut off is an error, because
what it lacks could be an absence.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

ADDRESS = re.compile(r"\s*(?:https?|webcals?)://", re.IGNORECASE)
MAX_SHOWN = 40

KEPT = frozenset(("VCALENDAR", "VEVENT", "VFREEBUSY", "VTIMEZONE", "STANDARD", "DAYLIGHT"))
"""The components whose properties are read. What is in others (alarms, to-dos) is passed over."""

_TEXTS = ("SUMMARY", "UID", "TZID", "ATTENDEE", "X-WR-TIMEZONE", "PRODID")
_VALUES = (
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "EXRULE",
    "RDATE",
    "EXDATE",
    "RECURRENCE-ID",
    "FREEBUSY",
    "TRANSP",
    "STATUS",
    "METHOD",
    "SEQUENCE",
    "LAST-MODIFIED",
    "TZOFFSETFROM",
    "TZOFFSETTO",
    "X-MICROSOFT-CDO-BUSYSTATUS",
    "X-MICROSOFT-CDO-ALLDAYEVENT",
)
"""Properties whose values have no colon, so that the last colon of a line ends the parameters."""

LINE = re.compile(
    rf"^(BEGIN|END|{'|'.join((*_TEXTS, *_VALUES))})(?=[;:])(.*)$", re.IGNORECASE | re.MULTILINE
)
PARAMETERS = re.compile(r'(?:[^":]|"[^"]*")*')
PARAMETER = re.compile(r';([A-Za-z0-9-]+)=("[^"]*"|[^";]*)')
ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Property(NamedTuple):
    """The parameters of a property, as they are written, and its value."""

    parameters: str
    value: str

    def parameter(self, name: str) -> str:
        """Return a parameter without its quotes; an empty text if there is none."""
        for found, value in PARAMETER.findall(self.parameters):
            if found.upper() == name:
                return str(value).strip('"').strip()
        return ""

    @property
    def text(self) -> str:
        """The value as a text, in one line, without the backslashes that escape."""
        unescaped = ESCAPED.sub(lambda found: " " if found[1] in "nN" else found[1], self.value)
        return " ".join(unescaped.split()).encode(errors="replace").decode()

    @property
    def keyword(self) -> str:
        return self.value.strip().upper()


NOTHING = Property("", "")


@dataclass(slots=True)
class Component:
    """A component with its properties by name, and the components in it."""

    name: str
    properties: dict[str, list[Property]] = field(default_factory=dict)
    parts: list["Component"] = field(default_factory=list)

    def every(self, name: str) -> list[Property]:
        return self.properties.get(name, [])

    def first(self, name: str) -> Property | None:
        found = self.properties.get(name)
        return found[0] if found else None

    def get(self, name: str) -> Property:
        """Return the first property of that name; one without a value if there is none."""
        return self.first(name) or NOTHING

    def within(self, *names: str) -> Iterator["Component"]:
        """Yield the components directly in this one that have one of these names."""
        return (part for part in self.parts if part.name in names)


def calendars_in(text: str) -> list[Component]:
    """Return the calendars in ``text``. Raises ``ValueError`` if there is none, or half of one."""
    if ADDRESS.match(text):
        raise ValueError("this is an address: send the contents of the calendar that is there")
    calendars = list(_top_level(LINE.findall(unfolded(text))))
    if not calendars:
        raise ValueError(f"it begins with {_shown(text)!r}, an iCalendar text with BEGIN:VCALENDAR")
    return calendars


def unfolded(text: str) -> str:
    """Return ``text`` in lines that end in LF and are not folded, without byte order marks."""
    for written, read in (
        ("\ufeff", ""),
        ("\r\r\n", "\n"),
        ("\r\n", "\n"),
        ("\r", "\n"),
        ("\n ", ""),
        ("\n\t", ""),
    ):
        text = text.replace(written, read)
    return text


def _top_level(lines: Iterable[tuple[str, str]]) -> Iterator[Component]:
    """Yield each calendar when it ends."""
    open_: list[Component] = []
    for written, rest in lines:
        name = written.upper()
        if name == "BEGIN":
            open_.append(_begun(open_, rest[1:].strip().upper()))
        elif name == "END":
            _require_end(open_, rest[1:].strip().upper())
            component = open_.pop()
            if not open_:
                yield component
        elif open_ and open_[-1].name in KEPT:
            open_[-1].properties.setdefault(name, []).append(_property(name, rest))
    if open_:
        raise ValueError(f"it ends before END:{_shown(open_[-1].name)}: is it cut off?")


def _begun(open_: Sequence[Component], name: str) -> Component:
    """Return a new component, which is part of the one that was begun last."""
    component = Component(name)
    if open_:
        open_[-1].parts.append(component)
    elif name != "VCALENDAR":
        raise ValueError(f"BEGIN:{_shown(name)} is not within a VCALENDAR")
    return component


def _require_end(open_: list[Component], name: str) -> None:
    if not open_ or open_[-1].name != name:
        due = f", where END:{_shown(open_[-1].name)} is due" if open_ else ""
        raise ValueError(f"END:{_shown(name)} ends nothing{due}")


def _property(name: str, rest: str) -> Property:
    """Return the property whose line is ``name`` and ``rest``, which begins with ; or a colon."""
    if rest[0] == ":" and name in _TEXTS:
        return Property("", rest[1:])
    if name not in _TEXTS:
        parameters, _, value = rest.rpartition(":")
        return Property(parameters, value)
    before = PARAMETERS.match(rest)
    end = before.end() if before else 0
    return Property(rest[:end], rest[end + 1 :])


def _shown(text: str) -> str:
    return text[:MAX_SHOWN].encode(errors="replace").decode()
