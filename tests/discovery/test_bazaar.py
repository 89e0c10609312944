"""The discovery extension: valid for the SDK and facilitators, and small enough for headers."""

import base64
import json
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from x402.extensions.bazaar import (
    extract_discovery_info,
    validate_and_extract,
    validate_discovery_extension,
    validate_discovery_extension_spec,
)
from x402.extensions.bazaar.types import BAZAAR, parse_discovery_extension
from x402.http.utils import decode_payment_signature_header
from x402.schemas import PaymentPayload

from app.discovery.bazaar import bazaar_extension, outline, request_outline
from app.discovery.openapi import schema_of
from app.discovery.schema_tables import is_read_only
from app.products.endpoint import Endpoint
from app.products.registry import paid_endpoints
from tests.support.services import Service, service, settings
from tests.support.wallets import Wallet

pytestmark = pytest.mark.anyio

EACH = pytest.mark.parametrize("endpoint", paid_endpoints(), ids=lambda endpoint: endpoint.slug)
HEADER_LINE_BYTES = 8190
"""The longest header line for aiohttp (answers) and Apache (requests); nginx accepts 8192."""


def shop(endpoint: Endpoint) -> Service:
    """A service whose address is as long as addresses get."""
    long = service(settings(public_url="https://oncall-rotation-service.eu-west-1.example.com"))
    long.path = endpoint.path
    return long


# --- what it says ---------------------------------------------------------------------------


@EACH
def test_it_is_valid_by_the_sdk_and_by_its_own_schema(endpoint: Endpoint) -> None:
    extension = bazaar_extension(endpoint)[BAZAAR.key]
    Draft202012Validator.check_schema(extension["schema"])
    Draft202012Validator(extension["schema"]).validate(extension["info"])
    assert validate_discovery_extension_spec(extension).valid
    assert validate_discovery_extension(parse_discovery_extension(extension)).valid
    assert validate_and_extract(extension).valid


@EACH
def test_its_schema_refuses_another_method_and_a_body_that_lacks_a_field(
    endpoint: Endpoint,
) -> None:
    extension = bazaar_extension(endpoint)[BAZAAR.key]
    accepts = Draft202012Validator(extension["schema"]).is_valid
    call = extension["info"]["input"]
    assert not accepts({"input": {**call, "method": "GET"}})
    assert not accepts({"input": {**call, "body": {}}})


@EACH
def test_it_is_the_endpoints(endpoint: Endpoint) -> None:
    info = bazaar_extension(endpoint)[BAZAAR.key]["info"]
    call = {"type": "http", "method": "POST", "bodyType": "json", "body": endpoint.example}
    assert info["input"] == call
    example = msgspec.json.decode(endpoint.example_answer())
    example.pop("understood", None)
    assert info["output"] == {"type": "json", "example": example}


@EACH
def test_a_facilitator_finds_it_in_the_payment(endpoint: Endpoint) -> None:
    """As a client echoes it, by the SDK's own reader."""
    from_terms = bazaar_extension(endpoint)
    payload = PaymentPayload.model_validate(
        {
            "x402Version": 2,
            "payload": {},
            "accepted": {
                "scheme": "exact",
                "network": "eip155:84532",
                "asset": "0x",
                "amount": "1",
                "payTo": "0x",
                "maxTimeoutSeconds": 1,
                "extra": {},
            },
            "resource": {"url": f"https://oncall.test{endpoint.path}"},
            "extensions": from_terms,
        }
    )
    found = extract_discovery_info(payload, payload.accepted)
    assert found is not None
    assert (found.method, found.resource_url) == ("POST", f"https://oncall.test{endpoint.path}")


# --- the outline ----------------------------------------------------------------------------


@EACH
def test_the_outline_has_every_field_and_takes_the_example(endpoint: Endpoint) -> None:
    schema = schema_of(endpoint.request)
    outlined = outline(schema)
    fields = schema["$defs"][endpoint.request.__name__]["properties"]
    shown = [name for name, field in fields.items() if is_read_only(field)]
    assert list(outlined["properties"]) == [name for name in fields if name not in shown]
    assert list(request_outline(endpoint)["properties"]) == [
        name for name in fields if name not in {*shown, *endpoint.request.as_shown}
    ]
    Draft202012Validator(outlined).validate(endpoint.example)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({"type": "string", "description": "x"}, {"type": "string"}, id="words"),
        pytest.param({"enum": ["a"], "default": "a"}, {"enum": ["a"]}, id="choices"),
        pytest.param(
            {"anyOf": [{"type": "null"}, {"type": "number"}]}, {"type": "number"}, id="nullable"
        ),
        pytest.param(
            {"type": "array", "items": {"type": "string", "pattern": "x"}, "maxItems": 3},
            {"type": "array", "items": {"type": "string"}},
            id="list",
        ),
        pytest.param(
            {
                "$ref": "#/$defs/A",
                "$defs": {
                    "A": {
                        "type": "object",
                        "required": ["b"],
                        "properties": {"b": {"$ref": "#/$defs/B"}},
                    },
                    "B": {"type": "object", "required": [], "properties": {}},
                },
            },
            {
                "type": "object",
                "required": ["b"],
                "properties": {"b": {"type": "object", "properties": {}}},
            },
            id="references",
        ),
    ],
)
def test_outline(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert outline(schema) == expected


# --- on the wire ----------------------------------------------------------------------------


@EACH
async def test_a_402_carries_it_and_is_small(endpoint: Endpoint) -> None:
    response = await shop(endpoint).ask(b"")
    terms = response.json()
    assert terms == json.loads(base64.b64decode(response.headers["PAYMENT-REQUIRED"]))
    assert terms["extensions"][BAZAAR.key] == bazaar_extension(endpoint)[BAZAAR.key]
    line = len("PAYMENT-REQUIRED: ") + len(response.headers["PAYMENT-REQUIRED"])
    head = sum(len(name) + len(value) + 4 for name, value in response.headers.raw)
    assert line <= HEADER_LINE_BYTES
    assert head + len(response.content) <= 16 * 1024


@EACH
async def test_the_payment_that_echoes_it_fits_and_buys(endpoint: Endpoint) -> None:
    seller = shop(endpoint)
    payment = await Wallet().payment(await seller.terms())
    echoed = decode_payment_signature_header(payment)
    assert isinstance(echoed, PaymentPayload)
    assert echoed.extensions is not None
    assert echoed.extensions[BAZAAR.key] == bazaar_extension(endpoint)[BAZAAR.key]
    assert len("PAYMENT-SIGNATURE: ") + len(payment) <= HEADER_LINE_BYTES
    assert (await seller.ask(endpoint.example, payment)).status_code == 200


@EACH
async def test_a_refusal_carries_it_too(endpoint: Endpoint) -> None:
    seller = shop(endpoint)
    terms = await seller.terms()
    payload = Wallet().signed(terms, value="1")
    header = base64.b64encode(json.dumps(payload).encode()).decode()
    response = await seller.ask(endpoint.example, header)
    assert response.status_code == 402
    assert BAZAAR.key in response.json()["extensions"]
    assert len("PAYMENT-REQUIRED: ") + len(response.headers["PAYMENT-REQUIRED"]) <= (
        HEADER_LINE_BYTES
    )


@EACH
async def test_an_echo_that_was_changed_is_refused(endpoint: Endpoint) -> None:
    seller = shop(endpoint)
    extension = bazaar_extension(endpoint)
    extension[BAZAAR.key]["info"]["input"]["method"] = "GET"
    payload = {**Wallet().signed(await seller.terms()), "extensions": extension}
    header = base64.b64encode(json.dumps(payload).encode()).decode()
    response = await seller.ask(endpoint.example, header)
    assert (response.status_code, response.json()["error"]) == (
        402,
        "extension_echo_mismatch: bazaar",
    )


async def test_the_resource_has_the_services_name_and_a_few_tags() -> None:
    resource = (await service().ask(b"")).json()["resource"]
    assert (resource["serviceName"], len(resource["tags"])) == ("On-call rotations", 5)
