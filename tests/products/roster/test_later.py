"""What of rosters costs more than a free request may is only worked out after payment."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from app.errors import FieldError
from app.products.endpoint import AFTER_SIGNING, JSON
from app.products.jobs import answer_to, examine_document
from app.products.roster import people
from app.products.roster.fields import FREE_BODY_BYTES
from app.products.roster.request import FREE_PAIRS, FREE_SLOTS

YEAR = {"timezone": "UTC", "from": "2026-01-01", "to": "2026-12-31"}
DAY = {"start": "09:00", "end": "10:00"}
SHIFT = {"start": "2026-01-01T09:00", "end": "2026-01-01T10:00"}
HELD = {"person": "ana", **SHIFT}
LAYER = {"name": "a", "rotation_type": "custom", "interval": {"count": 1, "unit": "hours"}}
HOURLY = {**YEAR, "schedule": {"layers": [{**LAYER, "participants": ["ana", "ben"]}] * 9}}
CALENDARS = ["AT", "BE", "CH", "DE", "DE-BY", "ES"]


def later(slug: str, document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is told of a document before payment; it is understood only if that is nothing."""
    body = json.dumps(document).encode()
    assert len(body) < FREE_BODY_BYTES
    examined = examine_document(f"sched-oncall-{slug}", body, 0)
    assert (examined.understood is None) == bool(examined.warnings)
    return [(each.pointer, each.detail) for each in examined.warnings]


@pytest.mark.parametrize(
    ("slots_a_day", "count"), [(FREE_SLOTS // 365, 3), (FREE_SLOTS // 365 + 1, 3), (1, 12)]
)
def test_slots_of_people_are_laid_out_up_to_a_number(slots_a_day: int, count: int) -> None:
    crew = [{"name": f"p{number}"} for number in range(count)]
    document = {**YEAR, "people": crew, "pattern": [DAY] * slots_a_day}
    slots = 365 * slots_a_day
    told = f"asks for about {slots:,} slots of {count} people, which are laid out {AFTER_SIGNING}"
    is_free = slots <= FREE_SLOTS and slots * count <= FREE_PAIRS
    assert later("roster", document) == ([] if is_free else [("", told)])


def test_single_slots_count_as_well() -> None:
    crew = [{"name": f"p{number}"} for number in range(200)]
    few, many = ({"timezone": "UTC", "people": crew, "slots": [SHIFT] * n} for n in (20, 21))
    assert later("roster", few) == []
    assert [pointer for pointer, _ in later("roster", many)] == [""]


@pytest.mark.parametrize(
    ("slug", "fields"),
    [
        ("roster", {"slots": [SHIFT]}),
        ("check", {"assignments": [HELD]}),
        ("report", {"assignments": [HELD], "rates": [{"name": "usual", "rate": 1}]}),
    ],
)
def test_calendars_of_holidays_are_read_up_to_a_number(slug: str, fields: Any) -> None:
    crew = [{"name": f"p{n}", "holidays": code} for n, code in enumerate(CALENDARS)]
    assert len(crew) == people.FREE_CALENDARS + 1
    document = {**YEAR, **fields, "people": [*crew, {"name": "ana"}]}
    told = f"have 6 calendars of holidays, which are read {AFTER_SIGNING}"
    assert later(slug, document) == [("/people", told)]
    assert later(slug, {**document, "people": [*crew[1:], {"name": "ana"}]}) == []


@pytest.mark.parametrize("slug", ["check", "cover", "report"])
def test_a_schedule_is_laid_out_up_to_its_light_steps(slug: str) -> None:
    more = {
        "cover": {"giveAway": [{"person": "ana", "start": "2026-01-02", "end": "2026-01-02"}]},
        "report": {"rates": [{"name": "usual", "rate": 1}]},
    }
    document = {**HOURLY, **more.get(slug, {})}
    told = f"is so much that it is laid out {AFTER_SIGNING}"
    assert later(slug, document) == [("/schedule", told)]
    assert later(slug, {**document, "to": "2026-01-03"}) == []


@pytest.mark.parametrize(("people", "is_free"), [(2, True), (20, False)])
def test_everybody_of_a_turn_counts(people: int, *, is_free: bool) -> None:
    group = [f"p{number}" for number in range(people)]
    layers = [{**LAYER, "participants": [group, "ana", None]}]
    document = {**YEAR, "to": "2026-01-30", "schedule": {"layers": layers}}
    assert [pointer for pointer, _ in later("check", document)] == ["/schedule"] * (not is_free)


def test_what_was_paid_for_is_understood_whatever_it_takes() -> None:
    body = json.dumps(HOURLY | {"to": "2026-02-01"}).encode()
    assert examine_document("sched-oncall-check", body, 0).warnings == [
        FieldError("/schedule", f"is so much that it is laid out {AFTER_SIGNING}")
    ]
    answer = json.loads(answer_to("sched-oncall-check", body, JSON, 0))
    assert answer["understood"]["people"] == 2
