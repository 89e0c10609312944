"""The endpoint table: an incomplete row cannot be built."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app.http.validation import validated
from app.products.endpoint import JSON, Endpoint
from app.products.examples import SCHEDULING
from app.products.registry import paid_endpoints, rate_limit_errors
from tests.support.seed import DESCRIPTION, EXAMPLE_REQUEST, EXAMPLE_RESPONSE, TAGS

ROTATION, SCHEDULE, NOW, *ROSTERS, CONVERT = paid_endpoints()
LAYERED = (SCHEDULE, NOW)
EVERY = paid_endpoints(workspaces=True)
NO_LIMIT = "is not a limit such as 120/minute or sched-oncall-workspace=10/second"

EMPTY = {
    "slug": "",
    "path": "",
    "category": None,
    "title": "",
    "description": "",
    "rules": "",
    "tags": (),
    "price_usd": Decimal(0),
    "rate_limit": "",
    "request": None,
    "answer": None,
    "compute": None,
    "formats": {},
    "example": {},
    "cpu_seconds": 0,
    "examine": None,
    "most_body_bytes": 0,
    "free_body_bytes": 0,
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("slug", "sched-oncall-rotation"),
        ("path", "/v1/scheduling/oncall-rotation"),
        ("category", SCHEDULING),
        ("title", "On-call rotation API"),
        ("description", DESCRIPTION),
        ("tags", tuple(TAGS)),
        ("price_usd", Decimal("0.02")),
        ("rate_limit", "120/minute"),
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
            [*LAYERED, *ROSTERS],
            [
                ("sched-oncall-schedule", "/v1/scheduling/oncall-schedule", Decimal("0.03")),
                ("sched-oncall-now", "/v1/scheduling/oncall-now", Decimal("0.01")),
                ("sched-oncall-roster", "/v1/scheduling/oncall-roster", Decimal("0.05")),
                ("sched-oncall-check", "/v1/scheduling/oncall-check", Decimal("0.02")),
                ("sched-oncall-cover", "/v1/scheduling/oncall-cover", Decimal("0.02")),
                ("sched-oncall-report", "/v1/scheduling/oncall-report", Decimal("0.03")),
            ],
            strict=True,
        )
    ],
)
def test_the_other_rows(row: Endpoint, slug: str, path: str, price: Decimal) -> None:
    assert (row.slug, row.path, row.price_usd, row.rate_limit) == (slug, path, price, "120/minute")


def test_the_row_of_conversions() -> None:
    assert (CONVERT.slug, CONVERT.path) == (
        "sched-oncall-convert",
        "/v1/scheduling/oncall-convert",
    )
    assert (CONVERT.price_usd, CONVERT.rate_limit) == (Decimal("0.02"), "120/minute")


@pytest.mark.parametrize("row", LAYERED, ids=lambda row: row.slug)
def test_rules_say_nothing_of_pages_that_buyers_have_not_seen(row: Endpoint) -> None:
    assert "page" not in row.rules


def test_slugs_and_paths_are_distinct() -> None:
    rows = paid_endpoints()
    assert len({row.slug for row in rows}) == len({row.path for row in rows}) == len(rows)


def test_example_answer_is_the_listings() -> None:
    assert msgspec.json.decode(ROTATION.example_answer) == msgspec.json.decode(EXAMPLE_RESPONSE)


def test_example_answer_is_computed() -> None:
    changed = replace(ROTATION, example={**ROTATION.example, "people": ["carol"]})
    assert msgspec.json.decode(changed.example_answer)["shiftCounts"] == {"carol": 3}


# --- how often ------------------------------------------------------------------------------


def test_a_row_whose_limit_is_none_fails() -> None:
    with pytest.raises(ValueError, match="rate limit string 'often'"):
        replace(ROTATION, rate_limit="often")


@pytest.mark.parametrize(
    ("told", "limits"),
    [
        pytest.param("", ["120/minute"] * 8, id="the-rows-own"),
        pytest.param("5000/hour", ["5000/hour"] * 8, id="one-for-all"),
        pytest.param(
            "sched-oncall-now=10/second",
            ["120/minute", "120/minute", "10/second", *["120/minute"] * 5],
            id="one-for-one",
        ),
        pytest.param(
            "sched-oncall-rotation=7/minute, 999999/day,",
            ["7/minute", *["999999/day"] * 7],
            id="the-named-and-all-others",
        ),
    ],
)
def test_limits_that_the_operator_sets(told: str, limits: list[str]) -> None:
    assert [row.rate_limit for row in paid_endpoints(told)] == limits
    assert list(rate_limit_errors(told)) == []


@pytest.mark.parametrize(
    "text",
    [
        *("120", "0/minute", "-1/minute", "1e3/minute", "1000000/hour", "7/week", "7/month"),
        *(
            "1\u0663/minute",
            "7/2minutes",
            "=7/minute",
            "a b=7/minute",
            "sched-oncall-now=",
            "7/minute;8/hour",
        ),
    ],
)
def test_what_is_not_a_limit(text: str) -> None:
    assert list(rate_limit_errors(text)) == [f"ONCALL_RATE_LIMIT: {text!r} {NO_LIMIT}"]


def test_everything_wrong_with_limits_is_named_at_once() -> None:
    text = "1/minute, x=1/hour, sched-oncal-now=1/minute, often, 2/minute, x=1/hour"
    assert list(rate_limit_errors(text)) == [
        f"ONCALL_RATE_LIMIT: {error}"
        for error in (
            f"x is not a product; there are {', '.join(row.slug for row in EVERY)}",
            "sched-oncal-now is not a product; did you mean sched-oncall-now?",
            f"'often' {NO_LIMIT}",
            "every product has two limits",
            "x has two limits",
        )
    ]


# --- what is lacking ------------------------------------------------------------------------


def test_every_field_has_an_empty_value_to_try() -> None:
    optional = {"worked", "samples", "brief", "keeps"}
    assert set(EMPTY) == {field.name for field in fields(Endpoint)} - optional


@pytest.mark.parametrize(("name", "empty"), EMPTY.items(), ids=EMPTY)
def test_a_row_that_lacks_something_fails(name: str, empty: Any) -> None:
    with pytest.raises(ValueError, match=f"lacks {name}$"):
        replace(ROTATION, **{name: empty})


def test_everything_that_is_lacking_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"^endpoint '/v1/x' lacks slug, title, tags$"):
        replace(ROTATION, slug="", path="/v1/x", title="", tags=())


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.slug)
def test_every_example_is_valid(row: Endpoint) -> None:
    shown = [each.example for each in (*row.worked, *row.samples)]
    for example in (row.example, row.brief_example, *shown):
        assert isinstance(validated(example, row.request), row.request)


def test_the_brief_example_is_the_example_unless_there_is_one() -> None:
    rotation, schedule, *_ = paid_endpoints()
    assert rotation.brief_example == rotation.example
    assert schedule.brief_example == schedule.brief != schedule.example
