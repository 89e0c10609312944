"""Every tool's documents: who is on call over a year, by the tool's own rules and by ours."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from app.engine.layered.resolve import final_schedule
from app.http.validation import validated
from app.moving.conversion import Conversion
from app.moving.reading import Source
from app.moving.tools import TOOLS, convert, tool_of
from app.products.convert.answer import schedule_of
from app.products.layered.request import OncallScheduleRequest
from tests.moving import documents
from tests.moving.documents import (
    goalert,
    grafana_oncall,
    icalendar,
    opsgenie,
    pagerduty,
    pagerduty_shifts,
    splunk_oncall,
)
from tests.moving.resolvers import goalert as goalert_rules
from tests.moving.resolvers import grafana_oncall as grafana_oncall_rules
from tests.moving.resolvers import icalendar as icalendar_rules
from tests.moving.resolvers import opsgenie as opsgenie_rules
from tests.moving.resolvers import pagerduty as pagerduty_rules
from tests.moving.resolvers import pagerduty_shifts as pagerduty_shifts_rules
from tests.moving.resolvers import splunk_oncall as splunk_oncall_rules

READ_AT = datetime.fromisoformat(documents.READ_AT)
READ_MS = int(READ_AT.timestamp() * 1000)
YEAR_MS = 365 * 86_400_000

Rules = Callable[[Any, datetime], set[str]]
MODULES: dict[str, tuple[Any, Rules]] = {
    "pagerduty": (pagerduty, pagerduty_rules.on_call),
    "pagerduty-shifts": (pagerduty_shifts, pagerduty_shifts_rules.on_call),
    "opsgenie": (opsgenie, opsgenie_rules.on_call),
    "grafana-oncall": (grafana_oncall, grafana_oncall_rules.on_call),
    "goalert": (goalert, lambda given, at: goalert_rules.on_call(given, at, READ_AT)),
    "splunk-oncall": (splunk_oncall, splunk_oncall_rules.on_call),
    "icalendar": (icalendar, icalendar_rules.on_call),
}
WHOLE = [
    pytest.param(tool, document, id=f"{tool}: {name}")
    for tool, (module, _) in MODULES.items()
    for name, document in module.DOCUMENTS.items()
]
PARTLY = [
    pytest.param(tool, document, lost, id=f"{tool}: {name}")
    for tool, (module, _) in MODULES.items()
    for name, (document, lost) in module.PARTLY.items()
]
ALL = [*WHOLE, *(pytest.param(*each.values[:2], id=f"partly {each.id}") for each in PARTLY)]
AT_ONCE = ("at the same time", "at once", "beside")


def converted(tool: str, document: object) -> Conversion:
    found, conversion = convert(document, READ_MS)
    assert found == tool
    return conversion


def test_every_tool_has_twelve_documents() -> None:
    assert MODULES.keys() == TOOLS.keys()
    assert all(len(module.DOCUMENTS) >= 12 for module, _ in MODULES.values())


@pytest.mark.parametrize(("tool", "document"), WHOLE)
def test_the_final_schedule_of_a_year_is_the_tools_own(tool: str, document: object) -> None:
    conversion = converted(tool, document)
    _, rules = MODULES[tool]
    for at, ours in _samples(conversion):
        theirs = _ids(conversion, rules(document, at))
        assert theirs == ours, at


@pytest.mark.parametrize(("tool", "document", "lost"), PARTLY)
def test_what_cannot_be_said_is_told(tool: str, document: object, lost: Any) -> None:
    told = converted(tool, document).lost
    assert [(each.pointer, each.instead) for each in told] == (
        list(lost.items()) if isinstance(lost, dict) else lost
    )
    assert all(each.what for each in told)


@pytest.mark.parametrize(("tool", "document"), WHOLE)
def test_little_of_a_whole_document_is_lost(tool: str, document: object) -> None:
    lost = converted(tool, document).lost
    assert all(
        (each.instead == "it was left out" and "over" in each.what)
        or "ended" in each.what
        or "year of it" in each.instead
        for each in lost
    ), lost


@pytest.mark.parametrize(("tool", "document"), ALL)
def test_the_schedule_is_one_of_ours(tool: str, document: object) -> None:
    conversion = converted(tool, document)
    body = msgspec.to_builtins(schedule_of(conversion))
    asked = {**body, "from": "2026-01-05T12:00:00Z", "to": "2026-06-01T00:00:00Z"}
    request = validated(asked, OncallScheduleRequest)
    layers = [layer.layer(conversion.timezone) for layer in request.layers or ()]
    assert layers == list(conversion.layers)


@pytest.mark.parametrize(("tool", "document"), ALL)
def test_no_member_of_a_document_is_dropped_in_silence(tool: str, document: object) -> None:
    if isinstance(document, str):
        return
    marked, added = _with_strangers(document, "")
    source = Source(marked)
    TOOLS[tool].read(source, READ_MS)
    source.lose_unread()
    assert not source.errors
    told = {lost.pointer for lost in source.lost}
    silent = source.passed_over
    for pointer in added:
        parts = pointer.split("/")
        above = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        assert pointer in told or above & (silent | told), pointer


def _with_strangers(value: Any, pointer: str) -> tuple[Any, list[str]]:
    """Return a document with a member that nobody knows in every object, and where they are."""
    if isinstance(value, list):
        parts = [_with_strangers(item, f"{pointer}/{index}") for index, item in enumerate(value)]
        return [part for part, _ in parts], [each for _, found in parts for each in found]
    if not isinstance(value, dict) or not value:
        return value, []
    made: dict[str, Any] = {}
    added = [f"{pointer}/stranger"]
    for name, item in value.items():
        made[name], found = _with_strangers(item, f"{pointer}/{name}")
        added += found
    return {**made, "stranger": "who?"}, added


def _samples(conversion: Conversion) -> Iterator[tuple[datetime, set[str]]]:
    """Yield instants of a year with who is on call by the conversion.

    They are half past every hour, and those just before and at each change; but for the hours
    around a clock change, which a tool may read in its own way.
    """
    final = final_schedule(conversion.schedule, READ_MS, READ_MS + YEAR_MS)
    pieces = sorted(
        [(each.start_at, each.end_at, set(each.user_ids)) for each in final.segments]
        + [(gap.start_at, gap.end_at, set[str]()) for gap in final.gaps],
        key=lambda piece: piece[0],
    )
    zone = ZoneInfo(conversion.timezone)
    hour = 3_600_000
    for start, end, people in pieces:
        wanted = {start, end - 60_000, *range(start - start % hour + hour // 2, end, hour)}
        for ms in sorted(at for at in wanted if start <= at < end):
            at = datetime.fromtimestamp(ms / 1000, UTC)
            around = (at - timedelta(hours=2), at + timedelta(hours=2))
            if len({each.astimezone(zone).utcoffset() for each in around}) == 1:
                yield at, people


def _ids(conversion: Conversion, people: set[str]) -> set[str]:
    """Return the ids that the conversion gives people."""
    by_name = {person.name: person.id for person in conversion.people}
    known = {person.id for person in conversion.people}
    return {each if each in known else by_name.get(each, each) for each in people}


def test_a_document_is_known_by_its_form() -> None:
    for tool, (module, _) in MODULES.items():
        given = [*module.DOCUMENTS.values(), *(document for document, _ in module.PARTLY.values())]
        assert [tool_of(document) for document in given] == [tool] * len(given)
