"""One payment moves money once: replayed, copied, used by others, or with its receipt lost."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from x402.mechanisms.evm.constants import ERR_NONCE_ALREADY_USED
from x402.mechanisms.evm.types import ExactEIP3009Authorization
from x402.schemas import PaymentRequired

from tests.support.chain.books import PAID, UNMOVED, Books
from tests.support.chain.chain import Chain
from tests.support.chain.payments import authorization, payload, payment, signature_of
from tests.support.chain.service import (
    EXAMPLE,
    Service,
    local_facilitator,
    local_service,
    reason_in,
)

OpenBooks = Callable[[LocalAccount, Service], Books]
COPIES = 20


def test_replay_gets_the_same_answer(
    service: Service, payer: LocalAccount, open_books: OpenBooks
) -> None:
    books, paid = open_books(payer, service), payment(payer, service.terms())
    first, second = service.pay(paid), service.pay(paid)
    assert books.close(first.status_code, second.status_code) == PAID
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.content == first.content
    assert second.headers["PAYMENT-RESPONSE"] == first.headers["PAYMENT-RESPONSE"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"


def test_replay_with_another_body(
    service: Service, payer: LocalAccount, open_books: OpenBooks
) -> None:
    books, paid = open_books(payer, service), payment(payer, service.terms())
    first = service.pay(paid)
    second = service.pay(paid, EXAMPLE.replace(b'"shifts": 3', b'"shifts": 4'))
    assert books.close(first.status_code, second.status_code) == PAID
    assert (first.status_code, second.status_code) == (200, 409)
    assert reason_in(second) == "payment_already_used"


def test_copies_at_once(service: Service, payer: LocalAccount, open_books: OpenBooks) -> None:
    books, paid = open_books(payer, service), payment(payer, service.terms())
    with ThreadPoolExecutor(COPIES) as threads:
        answers = list(threads.map(service.pay, [paid] * COPIES))
    statuses = [answer.status_code for answer in answers]
    assert books.close(*statuses) == PAID
    assert statuses == [200] * COPIES
    assert len({answer.headers["PAYMENT-RESPONSE"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1


def test_hang_up_then_retry(service: Service, payer: LocalAccount, open_books: OpenBooks) -> None:
    books, paid = open_books(payer, service), payment(payer, service.terms())
    with (
        httpx.Client(timeout=httpx.Timeout(5, read=0.001)) as impatient,
        pytest.raises(httpx.ReadTimeout),
    ):
        replace(service, http=impatient).pay(paid)
    answer = service.pay(paid)
    assert books.close(answer.status_code) == PAID
    assert (answer.status_code, answer.headers["Idempotent-Replayed"]) == (200, "true")


@pytest.fixture
def asking(
    request: pytest.FixtureRequest, chain: Chain, facilitator_url: str, logs: Path
) -> Iterator[Service]:
    """A service that asks the chain what became of a payment, or has no node to ask."""
    node = {"ONCALL_RPC_URL": chain.url} if request.param else {}
    with local_service(facilitator_url, logs, ONCALL_SETTLE_DEADLINE="3", **node) as service:
        yield service


UNKNOWN = (503, "settlement_unknown")


@pytest.mark.parametrize(
    ("asking", "told"),
    [(True, (402, ERR_NONCE_ALREADY_USED)), (False, UNKNOWN)],
    ids=["node", "no node"],
    indirect=["asking"],
)
def test_nonce_used_by_somebody_else(
    chain: Chain,
    asking: Service,
    told: tuple[int, str],
    payer: LocalAccount,
    open_books: OpenBooks,
) -> None:
    """The facilitator's transfer fails, and only the chain can tell whom the nonce has paid."""
    terms = asking.terms()
    ours = spent_on_a_friend(chain, payer, terms)
    books = open_books(payer, asking)
    answer = asking.pay(payload(terms, ours, signature_of(payer, terms, ours)))
    assert books.close(answer.status_code) == UNMOVED
    assert (answer.status_code, reason_in(answer)) == told


@pytest.mark.parametrize(
    ("asking", "told"),
    [(True, (200, None)), (False, UNKNOWN)],
    ids=["node", "no node"],
    indirect=["asking"],
)
def test_authorization_handed_in_by_somebody_else(
    chain: Chain,
    asking: Service,
    told: tuple[int, str | None],
    payer: LocalAccount,
    open_books: OpenBooks,
) -> None:
    """Somebody handed in this very authorization past the service: its payer is not asked again."""
    terms = asking.terms()
    signed = authorization(payer, terms)
    signature = signature_of(payer, terms, signed)
    books = open_books(payer, asking)
    chain.transfer_with_authorization(signed, signature)
    answer = asking.pay(payload(terms, signed, signature))
    assert books.close(answer.status_code) == PAID
    assert (answer.status_code, reason_in(answer)) == told


SIMULATES = ("--lose-answers", "1", "--simulate-in-settle")
DEFAULT = ("--lose-answers", "1")
"""Does not simulate: a transfer that cannot succeed is sent and reverts, ``transaction_failed``."""


@pytest.fixture
def forgetful_service(
    flags: Sequence[str], node: bool, chain: Chain, logs: Path
) -> Iterator[Service]:
    """A service whose facilitator settles and loses its first answers; a ``node`` may know more."""
    settings = {"ONCALL_SETTLE_DEADLINE": "5", **({"ONCALL_RPC_URL": chain.url} if node else {})}
    with (
        local_facilitator(chain, logs, *flags) as facilitator_url,
        local_service(facilitator_url, logs, **settings) as service,
    ):
        yield service


@pytest.mark.parametrize("node", [True], ids=["with a node"])
@pytest.mark.parametrize("flags", [SIMULATES, DEFAULT], ids=["simulating", "default"])
def test_receipt_lost(
    forgetful_service: Service, payer: LocalAccount, open_books: OpenBooks
) -> None:
    """The payer gets what was paid for, and pays once."""
    service = forgetful_service
    books, paid = open_books(payer, service), payment(payer, service.terms())
    answer, again = service.pay(paid), service.pay(paid)
    assert books.close(answer.status_code, again.status_code) == PAID
    assert (answer.status_code, again.status_code) == (200, 200)
    assert again.content == answer.content


@pytest.mark.parametrize("node", [False], ids=["without a node"])
@pytest.mark.parametrize("flags", [SIMULATES, DEFAULT], ids=["simulating", "default"])
def test_receipt_lost_and_nobody_to_ask(
    forgetful_service: Service, payer: LocalAccount, open_books: OpenBooks
) -> None:
    """It cannot be told from a nonce that its payer spent elsewhere, so it stays unknown."""
    service = forgetful_service
    books = open_books(payer, service)
    answer = service.pay(payment(payer, service.terms()))
    assert books.close(answer.status_code) == PAID
    assert (answer.status_code, reason_in(answer)) == (503, "settlement_unknown")


@pytest.mark.parametrize("node", [False, True], ids=["without a node", "with a node"])
@pytest.mark.parametrize("flags", [SIMULATES, DEFAULT], ids=["simulating", "default"])
def test_receipt_lost_and_nonce_used_by_somebody_else(
    chain: Chain, forgetful_service: Service, payer: LocalAccount, open_books: OpenBooks
) -> None:
    """The lost answer was a failure: whatever the caller is told, nothing is given away."""
    service = forgetful_service
    terms = service.terms()
    ours = spent_on_a_friend(chain, payer, terms)
    books = open_books(payer, service)
    answer = service.pay(payload(terms, ours, signature_of(payer, terms, ours)))
    assert books.close(answer.status_code) == UNMOVED
    assert answer.status_code in (402, 503)


@pytest.mark.parametrize("node", [False, True], ids=["without a node", "with a node"])
@pytest.mark.parametrize("flags", [("--lose-answers", "4")], ids=["four answers"])
def test_receipts_lost_until_expiry(
    forgetful_service: Service, payer: LocalAccount, open_books: OpenBooks, node: bool
) -> None:
    """What cannot be learnt any more is not "refused, sign a new one"; a node learns it."""
    service = forgetful_service
    in_8_seconds = str(int(time.time()) + 8)  # refused from 6 seconds before, at the fifth attempt
    books = open_books(payer, service)
    answer = service.pay(payment(payer, service.terms(), valid_before=in_8_seconds))
    assert books.close(answer.status_code) == PAID
    assert answer.status_code == (200 if node else 503)


def spent_on_a_friend(
    chain: Chain, payer: LocalAccount, terms: PaymentRequired
) -> ExactEIP3009Authorization:
    """An authorization that pays us, whose nonce was spent on somebody else before."""
    ours = authorization(payer, terms)
    theirs = replace(ours, to=Account.create().address)
    chain.transfer_with_authorization(theirs, signature_of(payer, terms, theirs))
    return ours
