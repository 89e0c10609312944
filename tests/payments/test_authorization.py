"""What was signed: its numbers, its window, and the identity under which it is claimed."""

import hashlib
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from x402.schemas import PaymentPayload, ResourceInfo

from app.errors import PaymentRefused
from app.payments.authorization import (
    REFUSAL_TEXTS,
    Authorization,
    Payment,
    PaymentIdentity,
    SignedAuthorization,
    refused,
)
from app.payments.facilitators.sandbox import SandboxFacilitator
from app.payments.terms import payment_terms_of, resource_server
from app.products.registry import paid_endpoints
from tests.conftest import Clock
from tests.support.services import NETWORK, PAY_TO, USDC

PAYER, PAYEE = "0x" + "Aa" * 20, "0x" + "bB" * 20
NONCE, SIGNATURE = "0x" + "Cc" * 32, "0x" + "Dd" * 64 + "1b"


def authorization(**changes: str) -> Authorization:
    fields = {
        "from": PAYER,
        "to": PAYEE,
        "value": "20000",
        "validAfter": "100",
        "validBefore": "200",
        "nonce": NONCE,
    }
    return msgspec.convert({**fields, **changes}, Authorization)


def identity(signature: str = SIGNATURE, **changes: str) -> PaymentIdentity:
    return SignedAuthorization(authorization(**changes), signature).identity(NETWORK, USDC)


def payment(**changes: Any) -> Payment:
    server = resource_server({NETWORK: SandboxFacilitator(NETWORK, USDC, Clock(0.0))})
    terms = payment_terms_of(
        server,
        price_usd=paid_endpoints()[0].price_usd,
        payees={NETWORK: PAY_TO},
        resource=ResourceInfo(url="https://oncall.test/x"),
    )
    payload = PaymentPayload(payload={}, accepted=terms.accepts[0])
    signed = SignedAuthorization(authorization(**changes), SIGNATURE)
    return Payment(terms.accepts[0], terms.accepts[0], payload, signed, wallet_signed=True)


# --- numbers and window ---------------------------------------------------------------------


def test_numbers_are_written_without_leading_zeros() -> None:
    signed = authorization(value="0020000", validAfter="00", validBefore="0200")
    assert signed.numbers == ("20000", "0", "200")


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (99, "invalid_exact_evm_payload_authorization_valid_after"),
        (99.999, "invalid_exact_evm_payload_authorization_valid_after"),
        (100, None),
        (194, None),
        (194.001, "invalid_exact_evm_payload_authorization_valid_before"),
        (201, "invalid_exact_evm_payload_authorization_valid_before"),
    ],
)
def test_it_can_be_settled_within_its_window_but_not_in_its_last_six_seconds(
    now: float, code: str | None
) -> None:
    if code is None:
        payment().require_valid_at(now)
        return
    with pytest.raises(PaymentRefused) as failure:
        payment().require_valid_at(now)
    assert failure.value.reason == code
    assert failure.value.detail == REFUSAL_TEXTS[code]


def test_every_refusal_of_ours_has_a_text() -> None:
    for code, text in REFUSAL_TEXTS.items():
        error = refused(code)
        assert (error.reason, error.detail) == (code, text)
        assert text.endswith(".")


# --- identity -------------------------------------------------------------------------------


def test_a_claim_is_named_by_network_asset_payer_and_nonce() -> None:
    assert identity().key == f"{NETWORK}:{USDC}:{PAYER}:{NONCE}".lower()


def test_a_fingerprint_is_of_all_that_was_signed_and_of_the_signature() -> None:
    text = "|".join([PAYER, PAYEE, "20000", "100", "200", NONCE, SIGNATURE]).lower()
    assert identity().fingerprint == hashlib.sha256(text.encode()).digest()


@pytest.mark.parametrize(
    ("signature", "changes"),
    [
        (SIGNATURE.upper().replace("0X", "0x"), {}),
        (SIGNATURE[:-2] + "00", {}),
        (SIGNATURE, {"from": PAYER.lower(), "to": PAYEE.lower(), "nonce": NONCE.lower()}),
        (SIGNATURE, {"value": "020000"}),
    ],
)
def test_other_spellings_are_the_same_payment(signature: str, changes: dict[str, str]) -> None:
    assert identity(signature, **changes) == identity()


def test_both_spellings_of_the_other_recovery_are_the_same() -> None:
    assert identity(SIGNATURE[:-2] + "01") == identity(SIGNATURE[:-2] + "1c") != identity()


@pytest.mark.parametrize(
    ("signature", "changes"),
    [
        (SIGNATURE[:-2] + "02", {}),
        (SIGNATURE + "00", {}),
        (SIGNATURE[:-2] + "1b1b", {}),
        (SIGNATURE, {"to": PAYER}),
        (SIGNATURE, {"value": "20001"}),
        (SIGNATURE, {"validAfter": "101"}),
        (SIGNATURE, {"validBefore": "201"}),
    ],
)
def test_anything_else_is_another(signature: str, changes: dict[str, str]) -> None:
    other = identity(signature, **changes)
    assert other.key == identity().key
    assert other.fingerprint != identity().fingerprint


def test_only_a_signature_of_65_bytes_has_two_spellings() -> None:
    assert identity(SIGNATURE[:-2] + "aa00") != identity(SIGNATURE[:-2] + "aa1b")


def test_it_is_bound_to_one_request() -> None:
    bound = identity().bound_to(b"request")
    assert bound == hashlib.sha256(identity().fingerprint + b"request").digest()


def test_an_identifier_is_of_one_payer_on_one_network() -> None:
    assert payment().identifier_key is None
    identified = replace(payment(), identifier="My-Order")
    assert identified.identifier_key == f"id:{NETWORK}:{PAYER.lower()}:My-Order"
