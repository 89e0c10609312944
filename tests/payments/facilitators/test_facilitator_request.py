"""What is read and written by hand, for speed, beside the SDK."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest
from x402 import x402ResourceServer
from x402.http import HTTPFacilitatorClient
from x402.http.utils import decode_payment_response_header, encode_payment_response_header
from x402.schemas import PaymentPayload, ResourceInfo

from app.errors import InvalidPayment, PaymentRefused
from app.payments import verification
from app.payments.authorization import Payment
from app.payments.facilitators.facilitator_request import EchoingPayload, request_body_of
from app.payments.facilitators.remote import RemoteFacilitator
from app.payments.terms import PaymentTerms, payment_terms_of, resource_server
from app.payments.verification import HeaderPayment
from tests.support.services import EXAMPLE, NETWORK, PAY_TO, service
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> x402ResourceServer:
    facilitator = RemoteFacilitator("http://x", network=NETWORK, headers={}, timeout_seconds=1)
    return resource_server({NETWORK: facilitator})


@pytest.fixture
def terms(server: x402ResourceServer) -> PaymentTerms:
    return payment_terms_of(
        server,
        price_usd=Decimal("0.02"),
        payees={NETWORK: PAY_TO},
        resource=ResourceInfo(url="https://oncall.test/x", description="Fair – ok", tags=[]),
        described={"bazaar": {"info": {"input": {"shifts": 3, "people": ["Zoë"]}}}},
    )


async def payload(terms: PaymentTerms, **changes: Any) -> dict[str, Any]:
    """A payment by the official client, with ``changes`` to what it says back."""
    header = await Wallet().payment(terms.unpaid_body.header)
    said: dict[str, Any] = json.loads(base64.b64decode(header))
    return {**said, **changes}


def outcome(
    terms: PaymentTerms, header: str, server: x402ResourceServer, *, by_hand: bool
) -> object:
    """What a header is taken for: by hand where that can be, or by the SDK."""
    try:
        if by_hand:
            return verification.payment_in_header(terms, HeaderPayment([header]), server)
        return verification.payment_for(terms, verification.payload_in([header]), server)
    except (InvalidPayment, PaymentRefused) as error:
        return type(error), str(error)


async def test_the_official_clients_payment_is_read_by_hand(terms: PaymentTerms) -> None:
    header = await Wallet().payment(terms.unpaid_body.header)
    assert verification._echo_in(terms, HeaderPayment([header])) is not None


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="as the client sends it"),
        pytest.param({"resource": None}, id="no resource"),
        pytest.param({"resource": {"url": "https://oncall.test/y"}}, id="another resource"),
        pytest.param({"resource": {"url": "https://oncall.test/x", "tags": 7}}, id="no tags"),
        pytest.param({"extensions": None}, id="no extensions"),
        pytest.param({"extensions": {"bazaar": {}}}, id="other extensions"),
        pytest.param({"accepted": {}}, id="no terms"),
        pytest.param({"x402Version": 1}, id="version 1"),
        pytest.param({"x402Version": 3}, id="version 3"),
        pytest.param({"x402Version": "2"}, id="version as text"),
        pytest.param({"payload": {}}, id="nothing signed"),
        pytest.param({"unknown": [None, 1e3]}, id="another member"),
    ],
)
async def test_what_is_said_is_taken_as_by_the_sdk(
    terms: PaymentTerms, server: x402ResourceServer, changes: dict[str, Any]
) -> None:
    header = header_of(await payload(terms, **changes))
    assert outcome(terms, header, server, by_hand=True) == outcome(
        terms, header, server, by_hand=False
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount", "1"),
        ("amount", 20000),
        ("payTo", PAY_TO.lower()),
        ("network", "eip155:8453"),
        ("scheme", "upto"),
        ("maxTimeoutSeconds", 300.0),
        ("maxTimeoutSeconds", "300"),
        ("extra", {}),
        ("further", True),
    ],
)
async def test_terms_said_otherwise_are_taken_as_by_the_sdk(
    terms: PaymentTerms, server: x402ResourceServer, name: str, value: object
) -> None:
    said = await payload(terms)
    said["accepted"][name] = value
    header = header_of(said)
    assert outcome(terms, header, server, by_hand=True) == outcome(
        terms, header, server, by_hand=False
    )


@pytest.mark.parametrize("layout", [{"indent": 1}, {"sort_keys": True}])
async def test_json_of_another_layout_is_taken_as_the_same(
    terms: PaymentTerms, server: x402ResourceServer, layout: dict[str, Any]
) -> None:
    said = await payload(terms)
    header = base64.b64encode(json.dumps(said, **layout).encode()).decode()
    carried = HeaderPayment([header])
    assert verification._echo_in(terms, carried) is None
    assert verification.payment_in_header(terms, carried, server).signed == (
        verification.payment_in_header(terms, HeaderPayment([header_of(said)]), server).signed
    )


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(lambda header: header[:-7], id="cut"),
        pytest.param(lambda header: f"{header[:40]}\t {header[40:]}", id="space within"),
        pytest.param(lambda header: header + "é", id="beyond ASCII"),
        pytest.param(lambda header: "!" + header, id="not base64"),
        pytest.param(lambda _: base64.b64encode(b'{"a":' * 3000).decode(), id="deep"),
        pytest.param(lambda header: header + "A" * 20_000, id="too long"),
        pytest.param(lambda _: "", id="empty"),
    ],
)
async def test_a_spoilt_header_is_taken_as_by_the_sdk(
    terms: PaymentTerms, server: x402ResourceServer, spoilt: Any
) -> None:
    header = spoilt(header_of(await payload(terms)))
    assert outcome(terms, header, server, by_hand=True) == outcome(
        terms, header, server, by_hand=False
    )


def sdk_request(asked: PaymentPayload, payment: Payment) -> bytes:
    """The body that the SDK's client sends."""
    with_terms = (
        model.model_dump(by_alias=True, exclude_none=True)
        for model in (asked, payment.requirements)
    )
    body = HTTPFacilitatorClient()._build_request_body(2, *with_terms)
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


async def test_a_settlement_is_asked_for_in_the_sdks_bytes(
    terms: PaymentTerms, server: x402ResourceServer
) -> None:
    carried = HeaderPayment([header_of(await payload(terms))])
    payment = verification.payment_in_header(terms, carried, server)
    assert isinstance(payment.payload, EchoingPayload)
    assert request_body_of(payment.payload, payment.requirements) == sdk_request(
        payment.payload, payment
    )


async def test_a_payload_of_the_sdks_own_is_asked_for_alike(
    terms: PaymentTerms, server: x402ResourceServer
) -> None:
    carried = HeaderPayment([header_of(await payload(terms))])
    payment = verification.payment_in_header(terms, carried, server)
    assert isinstance(payment.payload, PaymentPayload)
    plain = PaymentPayload(**dict(payment.payload))
    assert request_body_of(plain, payment.requirements) == sdk_request(plain, payment)


async def test_a_receipt_is_written_in_the_sdks_bytes() -> None:
    served = service()
    answer = await served.ask(EXAMPLE, await Wallet().payment(await served.terms()))
    header = answer.headers["PAYMENT-RESPONSE"]
    assert encode_payment_response_header(decode_payment_response_header(header)) == header
