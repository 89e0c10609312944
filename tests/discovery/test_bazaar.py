"""The discovery extension: valid for the SDK and facilitators, and small enough for headers."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

import msgspec
import pytest
from eth_utils.address import to_checksum_address
from jsonschema import Draft202012Validator
from msgspec import Meta, Struct
from solders.keypair import Keypair
from x402 import PaymentRequired
from x402.extensions.bazaar import (
    extract_discovery_info,
    validate_and_extract,
    validate_discovery_extension,
    validate_discovery_extension_spec,
)
from x402.extensions.bazaar.types import BAZAAR, parse_discovery_extension
from x402.http.utils import (
    decode_payment_required_header,
    decode_payment_signature_header,
    encode_payment_signature_header,
)
from x402.schemas import PaymentPayload

from app.discovery.bazaar import (
    MAX_DESCRIPTION,
    UNLISTED,
    bazaar_extension,
    bazaar_tool_extension,
    outline,
    request_outline,
    resource_description,
)
from app.discovery.field_notes import FIELD_NOTES, MAX_CHARACTERS
from app.discovery.openapi import schema_of
from app.discovery.schema_tables import is_read_only
from app.main import create_app
from app.products.endpoint import CALENDAR, Endpoint
from app.products.registry import paid_endpoints
from app.settings import WayToPay
from tests.support.services import ScriptedFacilitator, Service, answers, living, service, settings
from tests.support.wallets import Wallet

pytestmark = pytest.mark.anyio

EACH = pytest.mark.parametrize("endpoint", paid_endpoints(), ids=lambda endpoint: endpoint.slug)
HEADER_LINE_BYTES = 8190
"""The longest header line for aiohttp (answers) and Apache (requests); nginx accepts 8192."""


def shop(endpoint: Endpoint) -> Service:
    """A service whose address is as long as addresses get."""
    long = service(settings(public_url=LONG_URL))
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
    assert not accepts({"input": {**call, "bodyType": "text"}})
    assert not accepts({"input": {**call, "body": {}}})


@EACH
def test_it_is_the_endpoints(endpoint: Endpoint) -> None:
    info = bazaar_extension(endpoint)[BAZAAR.key]["info"]
    brief = endpoint.brief_example
    call = {"type": "http", "method": "POST", "bodyType": "json", "body": brief}
    assert info["input"] == call
    example = msgspec.json.decode(endpoint.answer_to(brief))
    for name in UNLISTED:
        example.pop(name, None)
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


# --- the outlines ---------------------------------------------------------------------------


@EACH
def test_the_outline_of_a_request_has_every_field_and_takes_the_examples(
    endpoint: Endpoint,
) -> None:
    outlined = outline(endpoint.request)
    whole = schema_of(endpoint.request)["$defs"][endpoint.request.__name__]
    fields = whole["properties"]
    used = [name for name, field in fields.items() if not is_read_only(field)]
    assert list(outlined["properties"]) == used
    assert list(request_outline(endpoint)["properties"]) == [
        name for name in used if name not in endpoint.request.as_shown
    ]
    assert outlined["required"] == whole["required"]
    for example in (endpoint.example, endpoint.brief_example):
        Draft202012Validator(outlined).validate(example)


@EACH
def test_the_outline_of_an_answer_has_every_field_and_takes_the_answers(
    endpoint: Endpoint,
) -> None:
    outlined = outline(endpoint.answer, answer=True)
    whole = schema_of(endpoint.answer)["$defs"][endpoint.answer.__name__]
    unlisted = [name for name in whole["properties"] if name in UNLISTED]
    assert [*outlined["properties"], *unlisted] == list(whole["properties"])
    assert outlined["required"] == [name for name in whole["required"] if name not in UNLISTED]
    worked = [each.example for each in endpoint.worked]
    for example in (endpoint.example, endpoint.brief_example, *worked):
        answer = msgspec.json.decode(endpoint.answer_to(example))
        Draft202012Validator(outlined).validate(answer)


@EACH
def test_the_extension_has_the_outline_of_the_answer(endpoint: Endpoint) -> None:
    """Where the public validators look for a schema of the output."""
    schema = bazaar_extension(endpoint)[BAZAAR.key]["schema"]
    listed = schema["properties"]["output"]["properties"]["example"]
    assert listed == outline(endpoint.answer, answer=True)
    tool = bazaar_tool_extension(endpoint)[BAZAAR.key]["schema"]
    assert tool["properties"]["output"]["properties"]["example"] == listed


class Inner(Struct):
    b: str
    kind: Literal["x", "y"] = "x"


class Outer(Struct):
    """A description, which an outline leaves out."""

    words: Annotated[str, Meta(description="left out", max_length=3)]
    number: int | float
    inner: Inner
    items: list[Inner]
    nullable: str | None = None
    choice: Literal["a"] | None = None


INNER = {"b": {"type": "string"}, "kind": {"enum": ["x", "y"]}}


def test_the_outline_of_a_request_leaves_null_out() -> None:
    inner = {"type": "object", "required": ["b"], "properties": INNER}
    assert outline(Outer) == {
        "type": "object",
        "required": ["words", "number", "inner", "items"],
        "properties": {
            "words": {"type": "string"},
            "number": {"type": "number"},
            "inner": inner,
            "items": {"type": "array", "items": inner},
            "nullable": {"type": "string"},
            "choice": {"enum": ["a"]},
        },
    }


def test_the_outline_of_an_answer_has_null_and_lists_what_is_required_once() -> None:
    outlined = outline(Outer, answer=True)
    assert outlined["required"] == ["words", "number", "inner", "items"]
    properties = outlined["properties"]
    named = {**INNER, "b": {}}  # its type goes without saying, beside an example
    assert properties["inner"] == {"type": "object", "properties": named}
    assert properties["number"] == {"type": "number"}
    assert properties["nullable"] == {"type": ["string", "null"]}
    assert properties["choice"] == {"enum": ["a", None]}


# --- the notes ------------------------------------------------------------------------------


def noted_structs() -> dict[str, set[str]]:
    """The fields of every struct in a request, by its name."""
    definitions: dict[str, Any] = {}
    for endpoint in paid_endpoints():
        definitions |= schema_of(endpoint.request)["$defs"]
    return {name: set(struct.get("properties", ())) for name, struct in definitions.items()}


def test_every_note_is_of_a_field_and_short() -> None:
    structs = noted_structs()
    for name, notes in FIELD_NOTES.items():
        assert notes.keys() <= structs[name]
        assert all(len(note) <= MAX_CHARACTERS and note.isascii() for note in notes.values())


def test_notes_stand_in_the_extension() -> None:
    rotation, *_ = paid_endpoints()
    schema = bazaar_extension(rotation)[BAZAAR.key]["schema"]
    body = schema["properties"]["input"]["properties"]["body"]["properties"]
    assert body["timezone"] == {"type": "string", "description": "IANA"}
    assert body["minAbsenceHours"] == {"type": "number"}


@EACH
def test_the_description_says_what_it_can_do_in_500_characters(endpoint: Endpoint) -> None:
    """CDP refuses a payment whose terms have a longer one."""
    assert len(endpoint.description) <= 500
    formats = ["calendar (ICS)"] if CALENDAR in endpoint.formats else []
    for word in ("time zone", "Answers '", *formats):
        assert word in endpoint.description
    assert endpoint.description.isascii()


@EACH
async def test_terms_lead_to_every_field(endpoint: Endpoint) -> None:
    """In the description, because clients drop what the protocol does not know, and as a link."""
    response = await shop(endpoint).ask(b"")
    described = response.json()["resource"]["description"]
    assert described == f"{endpoint.description} Fields: {LONG_URL}/llms.txt"
    assert len(described) <= MAX_DESCRIPTION
    assert response.headers["Link"] == f'<{LONG_URL}/llms.txt>; rel="service-doc"'
    refused = await shop(endpoint).ask(endpoint.example, "x" * 100)
    assert "Link" not in refused.headers


async def test_a_refused_payment_leads_there_too() -> None:
    seller = shop(paid_endpoints()[0])
    payload = Wallet().signed(await seller.terms(), value="1")
    response = await seller.ask(payment=base64.b64encode(json.dumps(payload).encode()).decode())
    assert response.status_code == 402
    assert response.headers["Link"] == f'<{LONG_URL}/llms.txt>; rel="service-doc"'


@EACH
def test_an_address_that_is_too_long_is_left_out(endpoint: Endpoint) -> None:
    longest = MAX_DESCRIPTION - len(f"{endpoint.description} Fields: /llms.txt")
    assert len(resource_description(endpoint, "x" * longest)) == MAX_DESCRIPTION
    assert resource_description(endpoint, "x" * (longest + 1)) == endpoint.description
    assert longest > len(LONG_URL)


def test_the_rotation_says_that_its_fairness_is_proven() -> None:
    rotation, *_ = paid_endpoints()
    assert "proven optimal" in rotation.description


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


LONG_URL = "https://oncall-rotation-service.eu-west-1.example.com"
BASE, SOLANA = "eip155:8453", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
MAX_HEADER_BYTES, MAX_PAYMENT_BYTES = 8_000, 12_000
SMART_SIGNATURE_BYTES = 1_400
"""As long as one of a smart wallet with a passkey that is not deployed yet (ERC-6492)."""
SOLANA_TRANSACTION_BYTES = 1_232
"""The longest that Solana takes."""


@asynccontextmanager
async def paid_on_two_networks(endpoint: Endpoint) -> AsyncIterator[Service]:
    """A service that is paid on Base and on Solana, with an id of each payment."""
    fee_payer = {"feePayer": str(Keypair().pubkey())}
    exact = {"x402Version": 2, "scheme": "exact"}
    kinds = [{**exact, "network": BASE}, {**exact, "network": SOLANA, "extra": fee_payer}]
    payees = {BASE: to_checksum_address("0x" + "ab" * 20), SOLANA: str(Keypair().pubkey())}
    async with ScriptedFacilitator(supported=answers({"kinds": kinds})) as facilitator:
        ways = tuple(
            WayToPay(network=network, pay_to=payee, facilitator=facilitator.url)
            for network, payee in payees.items()
        )
        chosen = settings(
            payments="facilitator", accepts=ways, public_url=LONG_URL, payment_id="required"
        )
        app = create_app(chosen)
        async with living(app):
            seller = Service(app)
            seller.path = endpoint.path
            yield seller


@EACH
async def test_the_terms_of_two_networks_are_below_8000_bytes(endpoint: Endpoint) -> None:
    """aiohttp's client refuses an answer with a longer field than 8,190 bytes."""
    async with paid_on_two_networks(endpoint) as seller:
        header = await seller.terms()
        required = decode_payment_required_header(header)
        assert [way.network for way in required.accepts] == [BASE, SOLANA]
        assert len(header) < MAX_HEADER_BYTES


@EACH
async def test_payments_of_smart_wallets_and_on_solana_are_below_12000_bytes(
    endpoint: Endpoint,
) -> None:
    async with paid_on_two_networks(endpoint) as seller:
        required = decode_payment_required_header(await seller.terms())
        assert isinstance(required, PaymentRequired)
        authorization = Wallet().signed(await seller.terms(), BASE)["payload"]["authorization"]
        signature = "0x" + "ab" * SMART_SIGNATURE_BYTES
        transaction = base64.b64encode(bytes(SOLANA_TRANSACTION_BYTES)).decode()
        payloads = (
            {"signature": signature, "authorization": authorization},
            {"transaction": transaction},
        )
        for way, payload in zip(required.accepts, payloads, strict=True):
            payment = PaymentPayload(
                payload=payload,
                accepted=way,
                resource=required.resource,
                extensions=required.extensions,
            )
            assert len(encode_payment_signature_header(payment)) < MAX_PAYMENT_BYTES


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


async def test_the_resource_has_the_services_name_its_icon_and_a_few_tags() -> None:
    resource = (await service().ask(b"")).json()["resource"]
    assert (resource["serviceName"], len(resource["tags"])) == ("On-call rotations", 5)
    assert resource["iconUrl"] == "https://oncall.test/icon.png"
