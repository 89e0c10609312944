"""The inputs of forms: one for each field of the published schema, filled with the example."""

import json
from typing import Any

import pytest

from app.discovery.form_inputs import CONTAINERS, Input, inputs_of
from app.discovery.form_words import UNASKED, WORDS
from app.discovery.home_example import HOME_EXAMPLE
from app.discovery.openapi import schema_of
from app.discovery.schema_tables import is_read_only, name_of, without_null
from app.products.registry import paid_endpoints

ROTATION, SCHEDULE, NOW, ROSTER, *_, CONVERT = paid_endpoints()


def form(endpoint: Any, example: Any = None) -> dict[str, Input]:
    inputs = inputs_of(
        schema_of(endpoint.request), endpoint.example if example is None else example
    )
    return {each.name: each for each in inputs}


def only(field: dict[str, Any], value: Any = None, **parts: Any) -> Input:
    """The input of the only field of a document."""
    document = {"properties": {"first": field}}
    schema = {"$ref": "#/$defs/Order", "$defs": {"Order": document, **parts}}
    [found] = inputs_of(schema, {} if value is None else {"first": value})
    return found


@pytest.mark.parametrize("endpoint", paid_endpoints(), ids=lambda each: each.slug)
def test_every_field_of_every_object_has_an_input(endpoint: Any) -> None:
    objects = schema_of(endpoint.request)["$defs"]

    def compare(inputs: Any, of: str) -> None:
        fields = objects[of]["properties"]
        unasked = {*endpoint.request.as_shown, *(path.rpartition("/")[2] for path in UNASKED)}
        used = [name for name, each in fields.items() if not is_read_only(each)]
        top = of == endpoint.request.__name__
        assert [each.name for each in inputs] == [
            name for name in used if not (name in unasked and (top or name == "cancelled_at"))
        ]
        for each in inputs:
            field = without_null(objects[of]["properties"][each.name])
            inner = name_of(field) or name_of(field.get("items", {}))
            if inner:
                compare(each.parts, inner)
            assert each.label
            assert (each.kind in CONTAINERS) == bool(each.parts)

    schema, unasked = schema_of(endpoint.request), endpoint.request.as_shown
    compare(inputs_of(schema, endpoint.example, unasked), endpoint.request.__name__)


def test_the_fields_of_a_rotation_that_people_see_first() -> None:
    found = [each for each in form(ROTATION, HOME_EXAMPLE).values() if not each.is_advanced]
    shown = [(each.label, each.kind, each.value) for each in found if each.kind not in CONTAINERS]
    assert shown[:6] == [
        ("First shift starts", "moment", "2026-06-01T09:00"),
        ("People", "lines", "Ana\nBen\nChloe\nDan\nEva"),
        ("Number of shifts", "number", "20"),
        ("Hours in a shift", "number", ""),  # 24 as if absent: other fields may say it
        ("Time zone", "zone", "Europe/Berlin"),
        ("How to share", "choice", "fair"),
    ]


def test_an_absence_is_shown_by_its_first_and_last_day() -> None:
    [ben, _] = form(ROTATION, HOME_EXAMPLE)["unavailable"].value
    assert [(each.label, each.kind, each.value) for each in ben] == [
        ("Who", "text", "Ben"),
        ("First day away", "first-day", "2026-06-05"),
        ("Last day away", "last-day", "2026-06-09"),
        ("Reason", "text", "holiday"),
    ]
    assert ben[0].names_a_person


def test_a_date_is_the_last_day_itself() -> None:
    away = [{"person": "Ben", "start": "2026-06-05", "end": "2026-06-09"}]
    [ben] = form(ROTATION, {**HOME_EXAMPLE, "unavailable": away})["unavailable"].value
    assert [each.value for each in ben] == ["Ben", "2026-06-05", "2026-06-09", ""]


def test_instants_are_shown_by_the_schedules_clock() -> None:
    found = form(SCHEDULE)
    assert (found["from"].value, found["to"].value) == ("2026-04-24T00:00", "2026-04-27T00:00")
    [days, nights] = found["layers"].value
    weekly = {each.name: each for each in days}
    assert weekly["start_at"].value == "2026-01-06T09:00"
    [hours] = weekly["restrictions"].value
    assert [(each.kind, each.value) for each in hours] == [
        ("time", "09:00"),
        ("time", "17:00"),
        ("checks", ("mon", "tue", "wed", "thu", "fri")),
    ]
    assert {each.name: each for each in nights}["restrictions"].value == []


@pytest.mark.parametrize(
    ("field", "value", "kind", "shown"),
    [
        pytest.param({"type": "string"}, "a", "text", "a", id="text"),
        pytest.param({"type": "integer"}, 3, "number", "3", id="number"),
        pytest.param({"type": "number", "default": 24}, None, "number", "24", id="default"),
        pytest.param({"enum": ["a", "b"]}, "b", "choice", "b", id="choice"),
        pytest.param(
            {"type": "array", "items": {"type": "string"}}, ["a", "b"], "lines", "a\nb", id="lines"
        ),
        pytest.param(
            {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
            ["a", None, "b"],
            "places",
            "a\n\nb",
            id="lines-or-null",
        ),
        pytest.param({"type": "boolean"}, False, "flag", "false", id="flag"),
        pytest.param(
            {"type": "array", "items": {"enum": ["a", "b"]}}, None, "checks", (), id="checks"
        ),
        pytest.param(
            {"type": "string", "format": "date-time"},
            "2026-06-04T09:00:00Z",
            "moment",
            "2026-06-04T09:00",
            id="instant",
        ),
        pytest.param(
            {"type": "string", "pattern": "^([01][0-9]|2[0-3])$"}, "24:00", "time", "00:00", id="24"
        ),
        pytest.param(
            {"anyOf": [{"type": "string"}, {"type": "number"}]}, 1, "text", "1", id="either"
        ),
    ],
)
def test_a_new_field_has_an_input_by_its_schema(
    field: dict[str, Any], value: Any, kind: str, shown: Any
) -> None:
    found = only(field, value)
    assert (found.label, found.kind, found.value) == ("First", kind, shown)


@pytest.mark.parametrize("held", [{"a": [1, "b"]}, "BEGIN:VCALENDAR"])
def test_a_document_is_its_text(held: Any) -> None:
    found = form(CONVERT, {"document": held})["document"]
    assert found.kind == "document"
    assert (found.value if isinstance(held, str) else json.loads(found.value)) == held


def test_what_few_ask_for_is_folded_in_rows() -> None:
    first, *_ = form(ROSTER)["people"].value
    shown = [each.name for each in first if not each.is_advanced]
    assert shown == ["name", "skills", "unavailable", "avoid", "prefer"]


def test_a_limit_says_of_its_days_how_many_they_are() -> None:
    rules = {each.name: each for each in form(ROSTER)["rules"].parts}
    [limit] = rules["maxSlots"].value
    assert [each.label for each in limit] == ["How many", "In days", "Kind"]


PART = {"properties": {"count": {"type": "number"}, "unit": {"enum": ["hours", "days"]}}}
A_PART = {"$ref": "#/$defs/Part"}


def test_a_new_object_has_its_parts() -> None:
    found = only(A_PART, {"count": 2, "unit": "days"}, Part=PART)
    assert found.kind == "object"
    assert [(each.name, each.value) for each in found.parts] == [("count", "2"), ("unit", "days")]


def test_a_new_object_by_person_has_a_key_and_its_parts() -> None:
    by_person = {"type": "object", "additionalProperties": A_PART}
    found = only(by_person, {"ana": {"count": 3}}, Part=PART)
    assert (found.kind, [each.name for each in found.parts]) == ("keyed", ["count", "unit"])
    assert found.key is not None
    assert found.key.names_a_person
    [(name, parts)] = found.value
    assert (name, [each.value for each in parts]) == ("ana", ["3", ""])


def test_a_new_value_by_person_has_one_input() -> None:
    found = only({"type": "object", "additionalProperties": {"type": "number"}}, {"ana": 0.5})
    [(name, [share])] = found.value
    assert (name, share.name, share.kind, share.value) == ("ana", "*", "number", "0.5")


def test_pairs_have_two_inputs() -> None:
    pairs = form(ROTATION)["avoidPairs"]
    assert (pairs.kind, [each.label for each in pairs.parts]) == ("pairs", ["One", "Other"])


def test_a_rule_is_the_hint_where_there_is_no_shorter_one() -> None:
    assert only({"type": "string", "description": "one or two"}).hint == "One or two."
    assert only({"type": "string"}).hint == ""
    assert form(ROTATION)["shifts"].hint == WORDS["shifts"].hint


def test_only_a_single_example_is_a_placeholder() -> None:
    assert only({"type": "string", "examples": ["09:00"]}).placeholder == "09:00"
    assert only({"type": "string", "examples": [["a"]]}).placeholder == ""
