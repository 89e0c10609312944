"""``openapi.json``: current, valid, complete in itself, and true to the endpoint table."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import __version__
from app.discovery.error_responses import ERROR_RESPONSES, error_responses
from app.discovery.openapi import (
    WHOLE_PATH,
    openapi_bytes,
    openapi_document,
    paid_bytes,
    paid_document,
    schema_of,
)
from app.discovery.publisher import Publisher
from app.errors import FieldError, InvalidRequest, MisdirectedRequest, OriginNotAllowed, RateLimited
from app.http.problems import STATUS, internal_error, problem_response
from app.http.validation import RequestModel
from app.products.registry import paid_endpoints
from app.products.rotation.answer import RotationAnswer
from app.teams.routes import stored_operations
from tests.support.seed import EXAMPLE_REQUEST, EXAMPLE_RESPONSE

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = msgspec.json.decode(openapi_bytes(paid_endpoints()))
ROTATION = DOCUMENT["paths"]["/v1/scheduling/oncall-rotation"]["post"]
PUBLISHER = Publisher("https://oncall.test")
PAID_DOCUMENT: dict[str, Any] = msgspec.json.decode(paid_bytes(paid_endpoints(), PUBLISHER))
PAID = [endpoint.path for endpoint in paid_endpoints()]
STORED = {
    f"{method.upper()} {path}": operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if path.startswith("/api/")
}
FREE = {
    path: operations["get"]
    for path, operations in DOCUMENT["paths"].items()
    if "get" in operations and not path.startswith("/api/")
}


def nodes(value: object) -> Iterator[dict[str, Any]]:
    """Every object within ``value``."""
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value
    for child in children if isinstance(value, dict | list) else ():
        yield from nodes(child)


def referred(reference: str) -> Any:
    """Return the target of a local reference."""
    found: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def followed(value: dict[str, Any]) -> dict[str, Any]:
    """Return ``value``, or the target if it is a reference."""
    return referred(value["$ref"]) if "$ref" in value else value


def test_no_description_depends_on_the_python_that_compiles_its_docstring() -> None:
    """Since 3.13 a docstring's indentation is taken off; the one that has some is assigned."""
    schemas = DOCUMENT["components"]["schemas"]
    indented = {
        name
        for name, schema in schemas.items()
        for node in nodes(schema)
        if "\n " in str(node.get("description", ""))
    }
    assert indented == {"SwapDocument"}


def validator(name: str) -> Draft202012Validator:
    """Validates against a component, whose references are within the document."""
    return Draft202012Validator({**DOCUMENT, "$ref": f"#/components/schemas/{name}"})


# --- the document ---------------------------------------------------------------------------


def test_the_committed_document_is_current() -> None:
    assert (ROOT / "openapi.json").read_bytes() == openapi_bytes(paid_endpoints(workspaces=True))


def test_it_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_it_is_the_same_each_time() -> None:
    assert openapi_bytes(paid_endpoints()) == openapi_bytes(paid_endpoints())


def test_every_reference_leads_somewhere() -> None:
    references = [node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node]
    assert references
    assert all(isinstance(referred(reference), dict) for reference in references)


def test_every_component_is_used_and_a_schema() -> None:
    used = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}
    used |= {
        f"#/components/securitySchemes/{name}"
        for operation in STORED.values()
        for scheme in operation["security"]
        for name in scheme
    }
    components = DOCUMENT["components"].items()
    assert used == {f"#/components/{kind}/{name}" for kind, named in components for name in named}
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


# --- the document of what is paid -----------------------------------------------------------


def test_the_paid_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(PAID_DOCUMENT).validate()


def test_it_has_the_paid_operations_and_no_others_as_the_whole_document_has_them() -> None:
    assert PAID_DOCUMENT["paths"] == {path: DOCUMENT["paths"][path] for path in PAID}
    for path in PAID:
        assert PAID_DOCUMENT["paths"][path]["post"]["security"] == []
    assert [tag["name"] for tag in PAID_DOCUMENT["tags"]] == ["Scheduling"]


def test_it_has_exactly_the_components_that_it_refers_to() -> None:
    used = {node["$ref"] for node in nodes(PAID_DOCUMENT) if "$ref" in node}
    components = PAID_DOCUMENT["components"]
    assert used == {
        f"#/components/{kind}/{name}" for kind, named in components.items() for name in named
    }
    for kind, named in components.items():
        assert named == {name: DOCUMENT["components"][kind][name] for name in named}


def test_it_names_the_whole_document_and_the_guidance() -> None:
    assert WHOLE_PATH in PAID_DOCUMENT["info"]["description"]
    guidance = PAID_DOCUMENT["x-agentcash-guidance"]
    assert guidance == {"llmsTxtUrl": "https://oncall.test/llms.txt"}


@pytest.mark.parametrize("make", [openapi_document, paid_document])
def test_contact_and_proofs_of_the_publisher(make: Callable[..., dict[str, Any]]) -> None:
    proofs = ("0x" + "ab" * 65,)
    said = make(paid_endpoints(), Publisher("https://oncall.test", "ops@oncall.test", proofs))
    silent = make(paid_endpoints(), PUBLISHER)
    assert said["info"]["contact"]["email"] == "ops@oncall.test"
    assert said["x-agentcash-provenance"] == {"ownershipProofs": list(proofs)}
    assert said["x-discovery"] == said["x-agentcash-provenance"]
    assert "email" not in silent["info"]["contact"]
    assert not {"x-agentcash-provenance", "x-discovery"} & silent.keys()


# --- operations -----------------------------------------------------------------------------


def test_operation_ids_are_distinct() -> None:
    names = [node["operationId"] for node in nodes(DOCUMENT["paths"]) if "operationId" in node]
    assert len(names) == len(set(names)) == len(FREE) + len(paid_endpoints()) + len(STORED)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("version", __version__), ("contact", {"name": "On-call rotation service"})],
)
def test_info(name: str, expected: object) -> None:
    assert DOCUMENT["info"][name] == expected


@pytest.mark.parametrize("words", ["402", "PAYMENT-REQUIRED", "PAYMENT-SIGNATURE", "charged once"])
def test_guidance_for_agents(words: str) -> None:
    assert words in DOCUMENT["info"]["x-guidance"]


def test_it_names_no_host() -> None:
    assert DOCUMENT["servers"] == [{"url": "/"}]
    text = openapi_bytes(paid_endpoints()).replace(b"http://www.w3.org/2000/svg", b"")  # a name
    assert b"http://" not in text
    assert b"https://" not in text


# --- operations -----------------------------------------------------------------------------


def test_every_paid_endpoint_is_described() -> None:
    described = {
        path
        for path, methods in DOCUMENT["paths"].items()
        if "x-payment-info" in methods.get("post", ())
    }
    assert described == {endpoint.path for endpoint in paid_endpoints()}


def test_every_stored_operation_is_described() -> None:
    assert set(STORED) == {f"{each.method} {each.path}" for each in stored_operations()}


@pytest.mark.parametrize("name", STORED)
def test_a_stored_operation_wants_a_key_and_names_its_scope(name: str) -> None:
    assert {"bearerKey": []} in STORED[name]["security"]
    assert {"apiKey": []} in STORED[name]["security"]
    assert re.search(r"Scope: `(schedules|oncall:read|oncall:write)`", STORED[name]["description"])


@pytest.mark.parametrize("name", STORED)
def test_a_stored_operations_example_is_valid(name: str) -> None:
    for content in STORED[name].get("requestBody", {"content": {}})["content"].values():
        component = content["schema"]["$ref"].rpartition("/")[2]
        validator(component).validate(content["example"])
        assert not validator(component).is_valid({**content["example"], "colour": "red"})


def test_payment_info() -> None:
    assert ROTATION["x-payment-info"] == {
        "price": {"mode": "fixed", "currency": "USD", "amount": "0.020000"},
        "protocols": [{"x402": {}}],
    }


def test_a_paid_operation_wants_a_payment_and_no_key() -> None:
    assert ROTATION["security"] == []
    assert "x-payment-info" in ROTATION


@pytest.mark.parametrize("path", FREE)
def test_a_free_operation_says_so(path: str) -> None:
    assert FREE[path]["security"] == []
    assert "x-payment-info" not in FREE[path]


@pytest.mark.parametrize(
    "path",
    [
        "/openapi.json",
        "/openapi.full.json",
        "/catalog",
        "/catalog/sched-oncall-rotation",
        "/catalog/sched-oncall-schedule",
        "/catalog/sched-oncall-now",
        "/catalog/sched-oncall-roster",
        "/catalog/sched-oncall-check",
        "/catalog/sched-oncall-cover",
        "/catalog/sched-oncall-report",
        "/healthz",
        "/readyz",
    ],
)
def test_free_paths(path: str) -> None:
    assert "200" in FREE[path]["responses"]


def test_only_readiness_may_be_refused_free_of_charge() -> None:
    assert [path for path in FREE if len(FREE[path]["responses"]) > 1] == ["/readyz"]


OF_MCP = {MisdirectedRequest, OriginNotAllowed}
"""The refusals of ``/mcp`` alone, which has a protocol of its own and is no operation here."""


def test_every_refusal_that_can_happen_is_described() -> None:
    possible = {str(STATUS[kind].value) for kind in STATUS.keys() - OF_MCP} | {"402", "405"}
    assert set(ERROR_RESPONSES) == possible
    assert set(ROTATION["responses"]) == possible | {"200"}


@pytest.mark.parametrize("path", PAID)
@pytest.mark.parametrize("status", [status for status in ERROR_RESPONSES if status != "402"])
def test_a_refusal_has_examples_that_validate(path: str, status: str) -> None:
    response = followed(DOCUMENT["paths"][path]["post"]["responses"][status])
    content = response["content"]["application/problem+json"]
    for code, example in content["examples"].items():
        validator("Problem").validate(example["value"])
        assert (example["value"]["code"], str(example["value"]["status"])) == (code, status)


def test_every_code_is_an_example_somewhere() -> None:
    everything = msgspec.json.decode(openapi_bytes(paid_endpoints(workspaces=True)))
    codes = {
        code
        for node in nodes(everything)
        for code in (node.get("examples") or ())
        if isinstance(node.get("examples"), dict)
    }
    assert codes == {kind.code for kind in STATUS.keys() - OF_MCP} | {"method_not_allowed"}


def test_bounds_of_schedules_are_not_the_rotations() -> None:
    [content] = ROTATION["responses"]["400"]["content"].values()
    bounds = {"takes_too_long", "answer_too_large"}
    own = {"invalid_request", "malformed_json", "invalid_payment"}
    assert set(content["examples"]) == own | bounds


class Undemanding(RequestModel, frozen=True):
    """A document without a required field."""

    start: str | None = None


def test_an_endpoint_that_takes_an_empty_document_needs_another_example() -> None:
    undemanding = replace(
        paid_endpoints()[0], request=Undemanding, example={"start": ""}, worked=(), samples=()
    )
    with pytest.raises(AssertionError, match="takes an empty document"):
        error_responses(undemanding)


def test_tags_are_described_and_used() -> None:
    described = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    assert described == {tag for node in nodes(DOCUMENT["paths"]) for tag in node.get("tags", ())}


def test_the_receipts_header_is_described() -> None:
    assert "PAYMENT-RESPONSE" in ROTATION["responses"]["200"]["headers"]
    assert [parameter["name"] for parameter in ROTATION["parameters"]] == ["PAYMENT-SIGNATURE"]


# --- examples and schemas -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "example"),
    [
        pytest.param(ROTATION["requestBody"]["content"], EXAMPLE_REQUEST, id="request"),
        pytest.param(ROTATION["responses"]["200"]["content"], EXAMPLE_RESPONSE, id="response"),
    ],
)
def test_examples_are_the_listings_and_validate(content: dict[str, Any], example: str) -> None:
    described = content["application/json"]
    assert described["example"] == msgspec.json.decode(example)
    validator(described["schema"]["$ref"].rpartition("/")[2]).validate(described["example"])


def test_every_example_in_a_schema_validates() -> None:
    tried = [
        Draft202012Validator({**DOCUMENT, **node}).validate(example)
        for node in nodes(DOCUMENT["components"])
        for example in node.get("examples", ())
    ]
    assert len(tried) >= 15


REQUEST: dict[str, Any] = msgspec.json.decode(EXAMPLE_REQUEST)


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        pytest.param({}, True, id="the-seed"),
        pytest.param({"colour": "red"}, False, id="unknown-field-the-schema-is-closed"),
        pytest.param({"shifts": 3.0}, True, id="3.0-shifts"),
        pytest.param({"start": "2026-06-04"}, True, id="bare-date"),
        pytest.param({"shifts": 0}, False, id="no-shifts"),
        pytest.param({"shifts": 10_001}, False, id="too-many-shifts"),
        pytest.param({"shifts": 3.5}, False, id="half-a-shift"),
        pytest.param({"shifts": "3"}, False, id="shifts-as-a-string"),
        pytest.param({"people": []}, False, id="nobody"),
        pytest.param({"people": ["a"] * 1_001}, False, id="1001-people"),
        pytest.param({"people": [" "]}, False, id="blank-name"),
        pytest.param({"shiftLengthHours": 0}, False, id="no-length"),
        pytest.param({"shiftLengthHours": 8_761}, False, id="over-a-year"),
        pytest.param({"handoffOffsetHours": -8_761}, False, id="offset-out-of-bounds"),
    ],
)
def test_the_request_schema_knows_the_rules(changes: dict[str, Any], *, valid: bool) -> None:
    assert validator("RotationRequest").is_valid({**REQUEST, **changes}) is valid


@pytest.mark.parametrize("missing", ["start", "people"])
def test_required_fields(missing: str) -> None:
    request = {name: value for name, value in REQUEST.items() if name != missing}
    assert not validator("RotationRequest").is_valid(request)


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(problem_response(RateLimited("slowly")), id="plain"),
        pytest.param(
            problem_response(InvalidRequest([FieldError("/start", "is odd")])), id="with-errors"
        ),
        pytest.param(internal_error(), id="internal"),
    ],
)
def test_problems_are_as_described(response: Any) -> None:
    validator("Problem").validate(msgspec.json.decode(response.body))


def test_a_schema_alone_is_complete_in_itself() -> None:
    Draft202012Validator(schema_of(RotationAnswer)).validate(msgspec.json.decode(EXAMPLE_RESPONSE))


LAYERED = ("/v1/scheduling/oncall-schedule", "/v1/scheduling/oncall-now")


@pytest.mark.parametrize("path", LAYERED)
def test_layered_examples_validate(path: str) -> None:
    operation = DOCUMENT["paths"][path]["post"]
    for content in (operation["requestBody"]["content"], operation["responses"]["200"]["content"]):
        described = content["application/json"]
        validator(described["schema"]["$ref"].rpartition("/")[2]).validate(described["example"])


@pytest.mark.parametrize(
    ("path", "changes", "valid"),
    [
        pytest.param(path, changes, valid, id=f"{path.rpartition('-')[2]}-{name}")
        for path in LAYERED
        for name, changes, valid in (
            ("null-is-absent", {"overrides": None}, True),
            ("closed", {"colour": "red"}, False),
            ("51-layers", {"layers": [{}] * 51}, False),
            ("no-zone", {"timezone": None}, False),
            ("no-zone", {"timezone": 3}, False),
        )
    ],
)
def test_the_layered_schemas_know_the_rules(
    path: str, changes: dict[str, Any], *, valid: bool
) -> None:
    described = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    name = described["schema"]["$ref"].rpartition("/")[2]
    assert validator(name).is_valid({**described["example"], **changes}) is valid


def test_layered_fields_are_snake_case() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    names = {
        name
        for schema in ("OncallScheduleRequest", "SoldLayer", "OncallNowAnswer", "PersonTally")
        for name in schemas[schema]["properties"]
    }
    assert {"rotation_type", "from", "to", "user_id", "night_hours"} <= names
    assert all(name == name.lower() for name in names)


def test_no_endpoints_no_paid_paths() -> None:
    assert not [
        path
        for path, methods in openapi_document(())["paths"].items()
        if "post" in methods and not path.startswith("/api/")
    ]
