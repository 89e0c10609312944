"""The catalogue: the seed's page, field for field."""

import json
import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from app.discovery.catalog import product_list, product_page
from app.products.registry import paid_endpoints
from tests.support.seed import DESCRIPTION, EXAMPLE_REQUEST, EXAMPLE_RESPONSE, INPUT_SCHEMA, TAGS

ROTATION, *_ = paid_endpoints()
PUBLIC_URL = "https://x402.hexl.dev"
PAGE: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(product_page(ROTATION, PUBLIC_URL)))
SEED_SCHEMA: dict[str, Any] = json.loads(INPUT_SCHEMA)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the target of the reference at the root of a schema."""
    return schema["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("slug", "sched-oncall-rotation"),
        ("category", "Scheduling"),
        ("title", "On-call rotation API"),
        ("description", DESCRIPTION),
        ("price", {"amount": "0.02", "currency": "USD", "per": "request"}),
        ("method", "POST"),
        ("route", "/v1/scheduling/oncall-rotation"),
        ("status", "Live"),
        ("mimeType", "application/json"),
        ("formats", ["application/json", "text/calendar", "text/csv", "image/svg+xml"]),
        ("rateLimit", "120/minute"),
        ("cache", "0s public"),
        ("tags", TAGS),
        ("apiUrl", "https://x402.hexl.dev/v1/scheduling/oncall-rotation"),
        ("integrationDocs", "https://x402.hexl.dev/openapi.json"),
        ("exampleRequest", json.loads(EXAMPLE_REQUEST)),
        ("exampleResponse", json.loads(EXAMPLE_RESPONSE)),
    ],
    ids=lambda cell: cell if isinstance(cell, str) and len(cell) < 20 else "",
)
def test_field_of_the_seed(field: str, expected: object) -> None:
    assert PAGE[field] == expected


def test_nothing_else_is_on_the_page() -> None:
    assert list(PAGE)[-2:] == ["inputSchema", "outputSchema"]
    assert len(PAGE) == 18 + len({"formats", "workedExamples"})


@pytest.mark.parametrize(
    ("field", "example"),
    [("exampleRequest", EXAMPLE_REQUEST), ("exampleResponse", EXAMPLE_RESPONSE)],
)
def test_examples_keep_the_seeds_key_order(field: str, example: str) -> None:
    assert json.dumps(PAGE[field]) == json.dumps(json.loads(example))


def test_the_example_response_is_computed() -> None:
    endpoint = replace(ROTATION, example={**ROTATION.example, "shifts": 1})
    assert len(product_page(endpoint, PUBLIC_URL)["exampleResponse"]["rotation"]) == 1


# --- schemas --------------------------------------------------------------------------------


def test_the_input_schemas_required_fields_are_the_seeds() -> None:
    or_until = [name for name in SEED_SCHEMA["required"] if name != "shifts"]
    assert resolved(PAGE["inputSchema"])["required"] == or_until


def test_the_input_schemas_properties_begin_with_the_seeds_in_order() -> None:
    seeds = list(SEED_SCHEMA["properties"])
    assert list(resolved(PAGE["inputSchema"])["properties"])[: len(seeds)] == seeds


@pytest.mark.parametrize("name", SEED_SCHEMA["properties"])
def test_an_input_property_says_all_that_the_seeds_does(name: str) -> None:
    wanted = SEED_SCHEMA["properties"][name]
    found = resolved(PAGE["inputSchema"])["properties"][name]
    [found] = [each for each in found.get("anyOf", [found]) if each["type"] != "null"]
    assert found["type"] == wanted["type"]
    assert found["examples"] == wanted["examples"]
    assert found.get("items", {}).get("type") == wanted.get("items", {}).get("type")


def test_the_input_schema_is_closed_because_nothing_is_ignored() -> None:
    schema = resolved(PAGE["inputSchema"])
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False


def test_the_output_schema_is_open_as_the_seeds_is() -> None:
    schema = resolved(PAGE["outputSchema"])
    assert schema["type"] == "object"
    assert schema.get("additionalProperties", True) is True


@pytest.mark.parametrize(
    ("schema", "example"),
    [("inputSchema", "exampleRequest"), ("outputSchema", "exampleResponse")],
)
def test_the_pages_examples_validate(schema: str, example: str) -> None:
    Draft202012Validator.check_schema(PAGE[schema])
    Draft202012Validator(PAGE[schema]).validate(PAGE[example])


def test_the_worked_example_shows_two_people_away() -> None:
    [worked] = PAGE["workedExamples"]
    absent = {item["person"] for item in worked["request"]["unavailable"]}
    assert len(absent | worked["request"]["unavailableIcs"].keys()) == 2
    told = " ".join(worked["response"]["fairness"]["explanations"])
    assert {"who is away (holiday)", "who is away (training)"} <= set(
        re.findall(r"who is away \(\w+\)", told)
    )
    assert worked["response"]["fairness"]["optimal"] is True


def test_the_worked_example_validates() -> None:
    [worked] = PAGE["workedExamples"]
    Draft202012Validator(PAGE["inputSchema"]).validate(worked["request"])
    Draft202012Validator(PAGE["outputSchema"]).validate(worked["response"])


# --- the list -------------------------------------------------------------------------------


def test_the_list_leads_to_the_page() -> None:
    assert product_list([ROTATION], "http://127.0.0.1:8402") == {
        "products": [
            {
                "slug": "sched-oncall-rotation",
                "title": "On-call rotation API",
                "description": DESCRIPTION,
                "price": {"amount": "0.02", "currency": "USD", "per": "request"},
                "apiUrl": "http://127.0.0.1:8402/v1/scheduling/oncall-rotation",
                "catalogUrl": "http://127.0.0.1:8402/catalog/sched-oncall-rotation",
            }
        ]
    }


def test_no_products() -> None:
    assert product_list([], PUBLIC_URL) == {"products": []}
