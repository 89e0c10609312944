"""The terms of a 402, in both versions of the protocol, and names of networks."""

import json
from base64 import b64decode
from decimal import Decimal
from typing import Any

import pytest
from x402.schemas import PaymentRequired, PaymentRequirements, ResourceInfo

from app.errors import PaymentRefused
from app.payments.facilitators.sandbox import SandboxFacilitator
from app.payments.terms import PaymentTerms, payment_terms_of, resource_server
from app.payments.terms_text import terms_lines
from tests.support.services import NETWORK, PAY_TO, USDC

RESOURCE = ResourceInfo(url="https://oncall.test/x", description="A test", mime_type="text/csv")


def terms(**changes: Any) -> PaymentTerms:
    facilitator = SandboxFacilitator(NETWORK, USDC, lambda: 0.0)
    options = {
        "price_usd": Decimal("0.02"),
        "payees": {NETWORK: PAY_TO},
        "resource": RESOURCE,
        **changes,
    }
    return payment_terms_of(resource_server({NETWORK: facilitator}), **options)


def test_what_is_asked_for() -> None:
    required = terms().accepts[0]
    assert required.model_dump(by_alias=True) == {
        "scheme": "exact",
        "network": NETWORK,
        "asset": USDC,
        "amount": "20000",
        "payTo": PAY_TO,
        "maxTimeoutSeconds": 300,
        "extra": {"name": "USDC", "version": "2"},
    }


@pytest.mark.parametrize(("price", "amount"), [("0.000001", "1"), ("1", "1000000")])
def test_a_price_in_atomic_units(price: str, amount: str) -> None:
    assert terms(price_usd=Decimal(price)).accepts[0].amount == amount


def test_extensions_are_the_identifier_and_what_describes_the_resource() -> None:
    made = terms(described={"bazaar": {"info": {}}})
    assert list(made.extensions) == ["payment-identifier", "bazaar"]
    assert made.extensions["payment-identifier"]["info"] == {"required": False}
    assert made.extensions["bazaar"] == {"info": {}}
    required = terms(identifier_required=True)
    assert required.extensions["payment-identifier"]["info"] == {"required": True}
    assert (required.identifier_required, made.identifier_required) == (True, False)
    assert list(terms().extensions) == ["payment-identifier"]


def test_what_is_told_beside_the_terms_stands_in_the_body_alone() -> None:
    made = terms()
    body = made.unpaid_with(warnings=[{"pointer": "/x"}], understood={"at": 1})
    assert body.header == made.unpaid_body.header
    assert json.loads(body.json) == {
        **json.loads(made.unpaid_body.json),
        "warnings": [{"pointer": "/x"}],
        "understood": {"at": 1},
    }


def test_a_402_says_the_same_in_its_header_and_its_body() -> None:
    made = terms()
    body = made.unpaid_body
    shown = json.loads(body.json)
    assert json.loads(b64decode(body.header)) == shown
    assert shown["error"] == "PAYMENT-SIGNATURE header is required"
    assert shown["resource"] == {
        "url": "https://oncall.test/x",
        "description": "A test",
        "mimeType": "text/csv",
    }
    assert shown["accepts"] == [made.accepts[0].model_dump(by_alias=True)]
    assert shown["x402Version"] == 2
    assert shown["extensions"] == made.extensions


def test_a_refusal_says_why_and_what_to_do() -> None:
    body = terms().refusal(PaymentRefused("some_code", "In words."))
    shown = json.loads(body.json)
    assert (shown["error"], shown["detail"], shown["retry"]) == (
        "some_code",
        "In words.",
        "new-payment",
    )
    header = json.loads(b64decode(body.header))
    assert header["error"] == "some_code"
    assert "detail" not in header


def test_members_stand_beside_the_terms() -> None:
    body = terms().body_with(warnings=[1])
    shown = json.loads(body.json)
    assert shown["warnings"] == [1]
    assert shown["error"] == "PAYMENT-SIGNATURE header is required"


def test_version_1_has_the_same_terms() -> None:
    _, required = terms().version_1["base-sepolia"]
    assert required is not None
    assert required.model_dump(by_alias=True, exclude_none=True) == {
        "scheme": "exact",
        "network": "base-sepolia",
        "maxAmountRequired": "20000",
        "resource": "https://oncall.test/x",
        "description": "A test",
        "mimeType": "text/csv",
        "payTo": PAY_TO,
        "maxTimeoutSeconds": 300,
        "asset": USDC,
        "extra": {"name": "USDC", "version": "2"},
    }


def test_a_line_of_terms_in_full() -> None:
    way = terms().accepts[0]
    other: PaymentRequirements = way.model_copy(update={"network": "eip155:1", "scheme": "upto"})
    lines = terms_lines(PaymentRequired(accepts=[way, other]))
    assert lines == [
        f"0.02 USDC on Base Sepolia (test money) to {PAY_TO}, signed for at most 300 s (exact)",
        f"20000 atomic units of {USDC} on eip155:1 to {PAY_TO}, signed for at most 300 s (upto)",
    ]
