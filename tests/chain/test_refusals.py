"""Whatever is refused moves nothing on the chain."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from x402.mechanisms.evm.constants import (
    ERR_AUTHORIZATION_VALUE_MISMATCH,
    ERR_INSUFFICIENT_BALANCE,
    ERR_INVALID_SIGNATURE,
    ERR_RECIPIENT_MISMATCH,
    ERR_TRANSACTION_FAILED,
    ERR_VALID_AFTER_FUTURE,
    ERR_VALID_BEFORE_EXPIRED,
)
from x402.schemas import PaymentPayload, PaymentRequired

from tests.support.chain.books import PRICE, UNMOVED, Books
from tests.support.chain.chain import Chain
from tests.support.chain.payments import (
    authorization,
    malleable_twin,
    payload,
    payment,
    signature_of,
    with_terms,
)
from tests.support.chain.service import EXAMPLE, Service, reason_in

OTHER = "0x00000000000000000000000000000000000000AA"
Pay = Callable[[LocalAccount, PaymentRequired], PaymentPayload]


class Refusal(NamedTuple):
    case: str
    status: int
    reason: str
    payment: Pay
    body: bytes = EXAMPLE


def signed_by_another(wallet: LocalAccount, terms: PaymentRequired) -> PaymentPayload:
    signed = authorization(wallet, terms)
    return payload(terms, signed, signature_of(Account.create(), terms, signed))


def signed_for_another_chain(wallet: LocalAccount, terms: PaymentRequired) -> PaymentPayload:
    signed = authorization(wallet, terms)
    return payload(terms, signed, signature_of(wallet, terms, signed, network="eip155:8453"))


def signed_malleably(wallet: LocalAccount, terms: PaymentRequired) -> PaymentPayload:
    signed = authorization(wallet, terms)
    return payload(terms, signed, malleable_twin(signature_of(wallet, terms, signed)))


def for_another_resource(wallet: LocalAccount, terms: PaymentRequired) -> PaymentPayload:
    made = payment(wallet, terms)
    assert made.resource is not None
    elsewhere = made.resource.model_copy(update={"url": made.resource.url + "/other"})
    return made.model_copy(update={"resource": elsewhere})


def on_terms(**changes: Any) -> Pay:
    return lambda wallet, terms: with_terms(wallet, terms, **changes)


def authorizing(**changes: str) -> Pay:
    return lambda wallet, terms: payment(wallet, terms, **changes)


def in_seconds(seconds: int) -> str:
    return str(int(time.time()) + seconds)


REFUSALS = (
    Refusal("invalid body", 400, "invalid_request", payment, b'{"people": []}'),
    Refusal("body is not JSON", 400, "malformed_json", payment, b"{"),
    Refusal("terms: amount", 402, "payment_terms_mismatch: amount", on_terms(amount="1")),
    Refusal("terms: payee", 402, "payment_terms_mismatch: payTo", on_terms(pay_to=OTHER)),
    Refusal("terms: asset", 402, "payment_terms_mismatch: asset", on_terms(asset=OTHER)),
    Refusal("terms: network", 402, "payment_terms_mismatch: network", on_terms(network="eip155:1")),
    Refusal("terms: scheme", 402, "payment_terms_mismatch: scheme", on_terms(scheme="upto")),
    Refusal("terms: resource", 402, "payment_terms_mismatch: resource", for_another_resource),
    Refusal("signed for less", 402, ERR_AUTHORIZATION_VALUE_MISMATCH, authorizing(value="19999")),
    Refusal("signed for more", 402, ERR_AUTHORIZATION_VALUE_MISMATCH, authorizing(value="20001")),
    Refusal("signed to another", 402, ERR_RECIPIENT_MISMATCH, authorizing(to=OTHER)),
    Refusal("expired", 402, ERR_VALID_BEFORE_EXPIRED, authorizing(valid_before=in_seconds(-1))),
    Refusal(
        "not yet valid", 402, ERR_VALID_AFTER_FUTURE, authorizing(valid_after=in_seconds(3600))
    ),
    Refusal("signed by another", 402, ERR_INVALID_SIGNATURE, signed_by_another),
    Refusal("signed for another chain", 402, ERR_INVALID_SIGNATURE, signed_for_another_chain),
    Refusal("malleable signature", 402, ERR_INVALID_SIGNATURE, signed_malleably),
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.case)
def test_refused(
    refusal: Refusal,
    service: Service,
    payer: LocalAccount,
    open_books: Callable[..., Books],
) -> None:
    books = open_books(payer, service)
    answer = service.pay(refusal.payment(payer, service.terms()), refusal.body)
    assert books.close(answer.status_code) == UNMOVED
    assert (answer.status_code, reason_in(answer)) == (refusal.status, refusal.reason)


def test_refused_without_a_payment(
    service: Service, payer: LocalAccount, open_books: Callable[..., Books]
) -> None:
    books = open_books(payer, service)
    answer = service.post(EXAMPLE)
    assert books.close(answer.status_code) == UNMOVED
    assert answer.status_code == 402


def test_refused_insufficient_balance(
    chain: Chain, service: Service, open_books: Callable[..., Books]
) -> None:
    pauper: LocalAccount = Account.create()
    chain.mint(pauper.address, PRICE - 1)
    books = open_books(pauper, service)
    answer = service.pay(payment(pauper, service.terms()))
    assert books.close(answer.status_code) == UNMOVED
    assert answer.status_code == 402
    # Which of the two: a facilitator that does not simulate learns of it from a reverted transfer.
    assert reason_in(answer) in (ERR_INSUFFICIENT_BALANCE, ERR_TRANSACTION_FAILED)
