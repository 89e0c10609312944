"""The tools whose schedules are read: how each one's documents are known, and what reads them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.engine.layered.limits import check_schedule
from app.errors import FieldError, InvalidRequest
from app.moving import (
    goalert,
    grafana_oncall,
    icalendar,
    opsgenie,
    pagerduty,
    pagerduty_shifts,
    splunk_oncall,
)
from app.moving.conversion import Conversion
from app.moving.people import with_plain_ids
from app.moving.reading import Source
from app.similar import most_similar

MAX_NAMED = 20


@dataclass(frozen=True)
class Tool:
    """A tool: its name in words, what its documents look like, and what reads them.

    ``schedules`` is the member of a document, if there is one, that may be a list of schedules, and
    ``names`` are the members of a schedule by which it is told from the others.
    """

    words: str
    form: str
    is_form_of: Callable[[object], bool]
    read: Callable[[Source, int], Conversion]
    schedules: Sequence[str] = ()
    names: Sequence[str] = ("name", "id")


TOOLS: Mapping[str, Tool] = {
    "pagerduty": Tool(
        "PagerDuty",
        "a schedule with `schedule_layers`",
        pagerduty.is_pagerduty,
        pagerduty.read_pagerduty,
        ("schedules",),
    ),
    "pagerduty-shifts": Tool(
        "PagerDuty's shift-based schedules",
        "a schedule with `rotations` of `events`",
        pagerduty_shifts.is_pagerduty_shifts,
        pagerduty_shifts.read_pagerduty_shifts,
        ("schedules",),
    ),
    "opsgenie": Tool(
        "Opsgenie",
        "a schedule with `rotations` that have a `startDate`",
        opsgenie.is_opsgenie,
        opsgenie.read_opsgenie,
        ("data",),
    ),
    "grafana-oncall": Tool(
        "Grafana OnCall",
        "a schedule with `shifts` that have a `type` and a `duration`",
        grafana_oncall.is_grafana_oncall,
        grafana_oncall.read_grafana_oncall,
    ),
    "goalert": Tool(
        "GoAlert",
        "a schedule with `targets` that have `rules`, and its `rotations`",
        goalert.is_goalert,
        goalert.read_goalert,
    ),
    "splunk-oncall": Tool(
        "Splunk On-Call",
        "a rotation group with `shifts` that have `shiftMembers`",
        splunk_oncall.is_splunk_oncall,
        splunk_oncall.read_splunk_oncall,
        splunk_oncall.GROUPS,
        ("label", "slug"),
    ),
    "icalendar": Tool(
        "iCalendar",
        "a text that begins with BEGIN:VCALENDAR",
        icalendar.is_calendar,
        icalendar.read_calendar,
    ),
}
"""The tools by the name of their form, in the order in which a document is looked at."""


def convert(
    document: object,
    read_at: int,
    *,
    tool: str = "",
    schedule: str = "",
    timezone: str = "",
    pointer: str = "",
    is_quick: bool = False,
) -> tuple[str, Conversion]:
    """Return the name of a document's tool, and its schedule in layers.

    ``read_at`` is the instant, in milliseconds, at which the document was read from the tool, and
    ``pointer`` is where it stands in the request. ``schedule`` names one of several, and
    ``timezone`` is the zone of a calendar's times without one. What ``is_quick`` is read for its
    errors alone: overrides and entries may lack, and what is lost. Raises ``InvalidRequest`` with
    every error, and ``OutOfBounds`` for more than a schedule may have.
    """
    name = tool or tool_of(document)
    if not name:
        raise InvalidRequest([FieldError(pointer, _unknown())])
    picked = _picked(document, TOOLS[name], schedule, pointer)
    source = Source(picked, pointer, is_quick=is_quick)
    if not isinstance(source.root.value, str if name == "icalendar" else dict):
        kind = "a text" if name == "icalendar" else "an object"
        raise InvalidRequest([FieldError(pointer, f"is not {kind}: {TOOLS[name].form}")])
    if name == "icalendar":
        read = icalendar.read_calendar(source, read_at, timezone)
    else:
        read = TOOLS[name].read(source, read_at)
        if not is_quick:
            source.lose_unread()
    if source.errors:
        raise InvalidRequest(source.errors)
    conversion = with_plain_ids(replace(read, lost=source.lost), source.people)
    check_schedule(conversion.schedule)
    return name, conversion


def tool_of(document: object) -> str:
    """Return the name of the tool that a document is of; an empty text if it is of none."""
    return next((name for name, tool in TOOLS.items() if tool.is_form_of(_first(document))), "")


def schedule_names(document: object, tool: str) -> list[str]:
    """Return the names of the schedules in a document; none if it does not hold a list of them."""
    _, items = _listed(document, TOOLS[tool])
    return [_names_of(item, TOOLS[tool])[0] for item in items]


def _first(document: object) -> object:
    """Return the document, or the first schedule of a list of PagerDuty's."""
    listed = document.get("schedules") if isinstance(document, dict) else None
    return listed[0] if isinstance(listed, list) and listed else document


def _unknown() -> str:
    forms = "; ".join(f"{tool.words}: {tool.form}" for tool in TOOLS.values())
    return f"is of no form that is known. Wanted is one of: {forms}"


def _listed(document: object, tool: Tool) -> tuple[str, Sequence[object]]:
    """Return the member of a document that is a list of schedules, and these."""
    if isinstance(document, dict):
        for name in tool.schedules:
            if isinstance(document.get(name), list):
                return name, document[name]
    return "", ()


def _names_of(item: object, tool: Tool) -> list[str]:
    """Return the names by which a schedule is known, the first one for people."""
    given = [item.get(name) for name in tool.names] if isinstance(item, dict) else []
    return [name for name in given if isinstance(name, str)] or [""]


def _picked(document: object, tool: Tool, wanted: str, pointer: str) -> object:
    """Return a document with the one schedule that is wanted; the places of others are null."""
    member, items = _listed(document, tool)
    if not member:
        return document
    picked: dict[str, Any] = dict(document) if isinstance(document, dict) else {}
    if wanted or len(items) != 1:
        found = [index for index, item in enumerate(items) if wanted in _names_of(item, tool)]
        if not wanted or len(found) != 1:
            raise InvalidRequest([_which(items, tool, wanted, f"{pointer}/{member}")])
        items = [item if index == found[0] else None for index, item in enumerate(items)]
    picked[member] = items
    return picked


def _which(items: Sequence[object], tool: Tool, wanted: str, pointer: str) -> FieldError:
    """Return the error of a document with several schedules, or none, of which one is wanted."""
    if not items:
        return FieldError(pointer, "has no schedule")
    names = [_names_of(item, tool)[0][:80] for item in items]
    if not wanted:
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        told = ", ".join(names[:MAX_NAMED]) + more
        return FieldError("/schedule", f"is required: the document has {told}")
    similar = most_similar(wanted, names)
    hint = f"; did you mean {similar!r}?" if similar else ""
    return FieldError("/schedule", f"is not the name of one schedule in the document{hint}")
