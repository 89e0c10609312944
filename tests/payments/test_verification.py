"""What a payment is held against before anybody is asked, and what each fault is called."""

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from x402.schemas import ResourceInfo

from app.errors import InvalidPayment, PaymentRefused
from app.payments.authorization import REFUSAL_TEXTS, Payment
from app.payments.facilitators.facilitator_request import EchoingPayload
from app.payments.facilitators.sandbox import SandboxFacilitator
from app.payments.terms import PaymentTerms, payment_terms_of, resource_server
from app.payments.verification import (
    MAX_HEADER_BYTES,
    CarriedPayment,
    HeaderPayment,
    MessagePayment,
    identity_of,
    payment_in,
)
from app.products.registry import paid_endpoints
from tests.conftest import Clock
from tests.support.services import NETWORK, PAY_TO, USDC
from tests.support.wallets import Wallet, header_of, malleated

SERVER = resource_server({NETWORK: SandboxFacilitator(NETWORK, USDC, Clock(1_780_531_200.0))})
TERMS = payment_terms_of(
    SERVER,
    price_usd=paid_endpoints()[0].price_usd,
    payees={NETWORK: PAY_TO},
    resource=ResourceInfo(url="https://oncall.test/x", description="A test"),
)
UNREADABLE = "the payment header is not a base64 encoded x402 version 2 PaymentPayload in JSON"


def signed(wallet: Wallet | None = None, **changes: Any) -> dict[str, Any]:
    return (wallet or Wallet()).signed(TERMS.unpaid_body.header, **changes)


def echoed(payload: dict[str, Any]) -> dict[str, Any]:
    """``payload`` as the official clients send it: it repeats all that the terms say."""
    required = TERMS.payment_required().model_dump(by_alias=True, exclude_none=True)
    return {**payload, "resource": required["resource"], "extensions": required["extensions"]}


def version_1(payload: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "x402Version": 1,
        "scheme": "exact",
        "network": "base-sepolia",
        "payload": payload["payload"],
        **changes,
    }


def read(
    payload: object, terms: PaymentTerms = TERMS, carried: CarriedPayment | None = None
) -> Payment:
    return payment_in(
        terms, carried or HeaderPayment([header_of(payload)]), SERVER, version_1=[NETWORK]
    )


def refusal(payload: object, terms: PaymentTerms = TERMS) -> str:
    with pytest.raises(PaymentRefused) as failure:
        read(payload, terms)
    return failure.value.reason


def fault(carried: CarriedPayment, terms: PaymentTerms = TERMS) -> str:
    with pytest.raises(InvalidPayment) as failure:
        payment_in(terms, carried, SERVER, version_1=[NETWORK])
    return failure.value.detail


# --- what is read ---------------------------------------------------------------------------


@pytest.mark.parametrize("echo", [True, False], ids=["as official clients", "by hand"])
def test_a_payment_is_made_of_what_was_checked(echo: bool) -> None:
    wallet = Wallet()
    payload = signed(wallet)
    payload["payload"]["more"] = payload["payload"]["authorization"]["more"] = "else"
    payment = read(echoed(payload) if echo else payload)
    assert payment.authorization.payer == wallet.address
    assert payment.signed.signature == payload["payload"]["signature"]
    assert (payment.wallet_signed, payment.verified, payment.identifier) == (True, False, None)
    assert payment.requirements is payment.requirements_v2 is TERMS.accepts[0]
    assert isinstance(payment.payload, EchoingPayload)
    sent = json.loads(payment.payload.request_body)
    assert sent["paymentRequirements"] == TERMS.encoded[NETWORK].accepted_value
    assert sent["paymentPayload"]["resource"]["url"] == "https://oncall.test/x"
    assert set(sent["paymentPayload"]["payload"]) == {"authorization", "signature"}
    assert len(sent["paymentPayload"]["payload"]["authorization"]) == 6


def test_the_sdk_reads_only_what_does_not_repeat_our_terms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.payments.verification.decode_payment_signature_header", None)
    payload = echoed(signed())
    assert read(payload).wallet_signed
    for changes in (
        {"x402Version": 3},
        {"accepted": {**payload["accepted"], "amount": "1"}},
        {"resource": {**payload["resource"], "description": "Another"}},
        {"extensions": {**payload["extensions"], "more": {}}},
        {"extensions": {}},
    ):
        assert fault(HeaderPayment([header_of({**payload, **changes})])) == UNREADABLE
    required = replace(TERMS, identifier_required=True)
    assert fault(HeaderPayment([header_of(payload)]), required) == UNREADABLE


def test_version_2_is_read_where_both_came() -> None:
    payload = signed()
    carried = HeaderPayment([header_of(payload)], [header_of(version_1(signed()))])
    assert read(None, carried=carried).payload.x402_version == 2
    assert identity_of(carried) == read(payload).identity


def test_a_payment_of_version_1() -> None:
    payload = signed()
    payment = read(None, carried=HeaderPayment((), [header_of(version_1(payload))]))
    assert payment.wallet_signed
    assert payment.requirements == TERMS.version_1["base-sepolia"][1]
    assert payment.requirements_v2 == TERMS.accepts[0]
    assert payment.identity == read(payload).identity
    assert payment.payload.model_dump(by_alias=True) == version_1(payload)


def test_a_payment_that_an_mcp_call_carries() -> None:
    payload = signed()
    carried = MessagePayment(payload)
    assert read(None, carried=carried).identity == read(payload).identity == identity_of(carried)


# --- what cannot be read --------------------------------------------------------------------

TOO_LONG = "x" * (MAX_HEADER_BYTES + 1)


@pytest.mark.parametrize(
    ("carried", "words"),
    [
        (HeaderPayment(["e30=", "e30="]), "PAYMENT-SIGNATURE is given more than once"),
        (HeaderPayment([TOO_LONG]), f"the payment header is over {MAX_HEADER_BYTES} bytes"),
        (HeaderPayment([TOO_LONG[1:]]), UNREADABLE),
        (HeaderPayment(["%%%"]), UNREADABLE),
        (HeaderPayment([header_of([])]), UNREADABLE),
        (HeaderPayment([header_of({"x402Version": 2})]), UNREADABLE),
        (
            HeaderPayment([header_of(version_1(signed()))]),
            "PAYMENT-SIGNATURE carries x402 version 2 only",
        ),
        (
            HeaderPayment([header_of({**signed(), "x402Version": 3})]),
            "PAYMENT-SIGNATURE carries x402 version 2 only",
        ),
        (MessagePayment({"x": TOO_LONG}), f"the payment is over {MAX_HEADER_BYTES} bytes"),
        (MessagePayment(7), "the payment is not an x402 PaymentPayload"),
        (MessagePayment({**signed(), "x402Version": 3}), "x402 version 2 only"),
    ],
)
def test_a_payment_that_cannot_be_read_is_told_why(carried: CarriedPayment, words: str) -> None:
    assert fault(carried) == words


def test_a_header_of_the_largest_size_is_read() -> None:
    text = header_of(signed())
    room = (MAX_HEADER_BYTES - len(text)) * 3 // 4
    for more, readable in ((room - 40, True), (room + 40, False)):
        padded = HeaderPayment([header_of({**signed(), "more": "x" * more})])
        assert (identity_of(padded) is not None) == readable
        if readable:
            assert read(None, carried=padded).wallet_signed
        else:
            assert fault(padded) == f"the payment header is over {MAX_HEADER_BYTES} bytes"


def test_a_message_of_the_largest_size_is_read() -> None:
    payload = {**signed(), "more": ""}
    room = MAX_HEADER_BYTES - len(msgspec.json.encode(payload))
    assert read(None, carried=MessagePayment({**payload, "more": "x" * room})).wallet_signed
    too_large = MessagePayment({**payload, "more": "x" * (room + 1)})
    assert fault(too_large) == f"the payment is over {MAX_HEADER_BYTES} bytes"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"value": str(2**256)}, "a number is over 256 bits"),
        ({"validAfter": str(2**256)}, "a number is over 256 bits"),
        ({"validBefore": str(2**256)}, "a number is over 256 bits"),
        ({"nonce": "0x12"}, "Expected `str` matching regex"),
        ({"to": "ann"}, "Expected `str` matching regex"),
    ],
)
def test_what_is_not_an_eip_3009_payment_is_told_why(changes: dict[str, str], words: str) -> None:
    payload = signed()
    payload["payload"]["authorization"].update(changes)
    told = fault(HeaderPayment([header_of(payload)]))
    assert told.startswith("not an EIP-3009 payment: ")
    assert words in told


def test_the_largest_number_is_one() -> None:
    assert read(signed(validBefore=str(2**256 - 1))).wallet_signed


@pytest.mark.parametrize(
    "carried",
    [
        HeaderPayment(),
        HeaderPayment((), ["e30=", "e30="]),
        HeaderPayment((), ["%%%"]),
        HeaderPayment((), [header_of(signed())]),
        HeaderPayment((), [header_of(version_1(signed(), network="base"))]),
        HeaderPayment((), [header_of(version_1(signed(), scheme="upto"))]),
    ],
)
def test_version_1_is_asked_for_version_2_if_it_does_not_suffice(carried: CarriedPayment) -> None:
    with pytest.raises(PaymentRefused) as failure:
        read(None, carried=carried)
    assert failure.value.reason == "x402_version_2_required"
    assert failure.value.detail.startswith("Pay by x402 version 2")


def test_version_1_where_it_is_not_taken() -> None:
    carried = HeaderPayment((), [header_of(version_1(signed()))])
    with pytest.raises(PaymentRefused, match="Pay by x402 version 2"):
        payment_in(TERMS, carried, SERVER, version_1=())


# --- what does not suffice ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "0x" + "cd" * 20}, "invalid_exact_evm_payload_recipient_mismatch"),
        ({"value": "19999"}, "invalid_exact_evm_payload_authorization_value_mismatch"),
        ({"value": "20001"}, "invalid_exact_evm_payload_authorization_value_mismatch"),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_it_must_pay_us_the_price(changes: dict[str, str], code: str, version: int) -> None:
    payload = signed(**changes)
    carried = HeaderPayment([header_of(payload)])
    if version == 1:
        carried = HeaderPayment((), [header_of(version_1(payload))])
    with pytest.raises(PaymentRefused) as failure:
        read(None, carried=carried)
    assert failure.value.reason in REFUSAL_TEXTS
    assert failure.value.detail == REFUSAL_TEXTS[failure.value.reason]
    assert code.split("_")[-2:] == failure.value.reason.split("_")[-2:]


@pytest.mark.parametrize("spelt", [str.lower, str.upper])
def test_the_payee_may_be_spelt_otherwise(spelt: Any) -> None:
    assert read(signed(to="0x" + spelt(PAY_TO[2:]))).wallet_signed


def test_a_malleated_signature_is_refused() -> None:
    payload = signed()
    payload["payload"]["signature"] = malleated(payload["payload"]["signature"])
    assert "signature" in refusal(payload)


def test_a_signature_of_another_key_may_be_a_smart_wallets() -> None:
    other = signed(**{"from": Wallet().address})
    assert not read(other).wallet_signed
    longer = signed()
    longer["payload"]["signature"] += "00"
    assert not read(longer).wallet_signed


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"amount": "1"}, "amount"),
        ({"payTo": "0x" + "cd" * 20, "amount": "1"}, "amount, payTo"),
        ({"network": "eip155:1"}, "network"),
    ],
)
def test_other_terms_are_named(changes: dict[str, str], names: str) -> None:
    payload = signed()
    payload["accepted"].update(changes)
    told = refusal(payload)
    assert told.startswith("payment_terms_mismatch: ")
    assert sorted(told.partition(": ")[2].split(", ")) == names.split(", ")


def test_another_resource_is_named() -> None:
    payload = {**signed(), "resource": {"url": "https://oncall.test/y"}}
    assert refusal(payload) == "payment_terms_mismatch: resource"
    payload["accepted"]["amount"] = "1"
    assert refusal(payload) == "payment_terms_mismatch: amount, resource"
    assert read({**signed(), "resource": None}).wallet_signed


def test_terms_that_the_sdk_takes_for_ours_are_ours() -> None:
    payload = signed()
    payload["accepted"]["extra"] = {**payload["accepted"]["extra"], "more": "else"}
    assert read(payload).wallet_signed


def test_an_extension_that_is_not_as_we_declared_it_is_named() -> None:
    payload = echoed(signed())
    payload["extensions"] = json.loads(json.dumps(payload["extensions"]))
    payload["extensions"]["payment-identifier"]["info"]["required"] = True
    assert refusal(payload).endswith(": payment-identifier")


# --- the identifier -------------------------------------------------------------------------


def with_id(identifier: object) -> dict[str, Any]:
    payload = json.loads(json.dumps(echoed(signed())))
    payload["extensions"]["payment-identifier"]["info"]["id"] = identifier
    return dict(payload)


def test_an_identifier_is_the_payers_own() -> None:
    payment = read(with_id("an-Order-of-mine-17"))
    assert payment.identifier == "an-Order-of-mine-17"
    payer = payment.authorization.payer.lower()
    assert payment.identifier_key == f"id:{NETWORK}:{payer}:an-Order-of-mine-17"
    assert read(signed()).identifier_key is None


@pytest.mark.parametrize("identifier", ["x" * 15, "x" * 129, "an order of mine 17", 17, ""])
def test_an_identifier_of_another_form_is_told(identifier: object) -> None:
    assert fault(HeaderPayment([header_of(with_id(identifier))])) == (
        "the id of payment-identifier is not 16 to 128 letters, digits, hyphens and underscores"
    )


@pytest.mark.parametrize("extensions", [None, {}])
def test_without_an_identifier_there_is_none_unless_it_is_required(extensions: object) -> None:
    required = replace(TERMS, identifier_required=True)
    carried = HeaderPayment([header_of({**signed(), "extensions": extensions})])
    assert read(None, carried=carried).identifier is None
    assert fault(carried, required) == "the extension payment-identifier is required: add an id"


@pytest.mark.parametrize("extension", [7, {"info": 7}, {"info": {}}])
def test_an_extension_of_another_form_is_refused_by_the_sdk(extension: object) -> None:
    told = refusal({**signed(), "extensions": {"payment-identifier": extension}})
    assert told.endswith(": payment-identifier")
