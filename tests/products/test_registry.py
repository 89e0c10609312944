"""The endpoint table: a row that lacks anything does not come to be."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app.errors import InvalidRequest
from app.products.endpoint import JSON, Endpoint
from app.products.registry import paid_endpoints
from tests.support.seed import DESCRIPTION, EXAMPLE_REQUEST, EXAMPLE_RESPONSE, TAGS

ROTATION, *LAYERED = paid_endpoints()

EMPTY = {
    "slug": "",
    "path": "",
    "category": "",
    "title": "",
    "description": "",
    "rules": "",
    "tags": (),
    "price_usd": Decimal(0),
    "per_minute": 0,
    "request": None,
    "answer": None,
    "compute": None,
    "formats": {},
    "example": {},
    "work": "",
    "examine": None,
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("slug", "sched-oncall-rotation"),
        ("path", "/v1/scheduling/oncall-rotation"),
        ("category", "Scheduling"),
        ("title", "On-call rotation API"),
        ("description", DESCRIPTION),
        ("tags", tuple(TAGS)),
        ("price_usd", Decimal("0.02")),
        ("per_minute", 120),
        ("example", msgspec.json.decode(EXAMPLE_REQUEST)),
        ("method", "POST"),
        ("catalog_path", "/catalog/sched-oncall-rotation"),
    ],
)
def test_the_rotations_row_is_the_listings(name: str, expected: object) -> None:
    assert getattr(ROTATION, name) == expected


@pytest.mark.parametrize("row", paid_endpoints(), ids=lambda row: row.slug)
def test_json_is_the_default_format(row: Endpoint) -> None:
    assert next(iter(row.formats)) == JSON


@pytest.mark.parametrize(
    ("row", "slug", "path", "price"),
    [
        pytest.param(row, *told, id=told[0])
        for row, told in zip(
            LAYERED,
            [
                ("sched-oncall-schedule", "/v1/scheduling/oncall-schedule", Decimal("0.03")),
                ("sched-oncall-now", "/v1/scheduling/oncall-now", Decimal("0.01")),
            ],
            strict=True,
        )
    ],
)
def test_the_layered_rows(row: Endpoint, slug: str, path: str, price: Decimal) -> None:
    assert (row.slug, row.path, row.price_usd, row.per_minute) == (slug, path, price, 120)
    assert row.work == "heavy"


@pytest.mark.parametrize("row", LAYERED, ids=lambda row: row.slug)
def test_the_contradiction_on_the_v1_page_is_told(row: Endpoint) -> None:
    assert "usr_alice of Weekday business hours until 2026-04-25T00:00:00Z" in row.rules


def test_slugs_and_paths_are_distinct() -> None:
    rows = paid_endpoints()
    assert len({row.slug for row in rows}) == len({row.path for row in rows}) == len(rows)


def test_example_answer_is_the_listings() -> None:
    assert msgspec.json.decode(ROTATION.example_answer()) == msgspec.json.decode(EXAMPLE_RESPONSE)


def test_example_answer_is_computed() -> None:
    changed = replace(ROTATION, example={**ROTATION.example, "people": ["carol"]})
    assert msgspec.json.decode(changed.example_answer())["shiftCounts"] == {"carol": 3}


def test_every_field_has_an_empty_value_to_try() -> None:
    assert set(EMPTY) == {field.name for field in fields(Endpoint)} - {"worked"}


@pytest.mark.parametrize(("name", "empty"), EMPTY.items(), ids=EMPTY)
def test_a_row_that_lacks_something_fails(name: str, empty: Any) -> None:
    with pytest.raises(ValueError, match=f"lacks {name}$"):
        replace(ROTATION, **{name: empty})


def test_everything_that_is_lacking_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"^endpoint '/v1/x' lacks slug, title, tags$"):
        replace(ROTATION, slug="", path="/v1/x", title="", tags=())


@pytest.mark.parametrize(
    ("example", "pointer"),
    [
        pytest.param({"start": "2026-06-04", "people": ["a"]}, "/shifts", id="field-missing"),
        pytest.param({**ROTATION.example, "shifts": 0}, "/shifts", id="field-wrong"),
        pytest.param(
            {**ROTATION.example, "handoffOffsetHours": 25}, "/handoffOffsetHours", id="fields-wrong"
        ),
    ],
)
def test_a_row_whose_example_is_not_valid_fails(example: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        replace(ROTATION, example=example)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
