"""A payment on Solana from the terms to the receipt, with scripted facilitators and nodes."""

import json
from typing import Any

import pytest
from x402.schemas import ResourceInfo

from app.errors import InvalidPayment, PaymentRefused, SettlementUnknown
from app.payments.authorization import Payment
from app.payments.chain import AuthorizationState, ChainRecord
from app.payments.claims.claimed_payment import ClaimedPayment
from app.payments.claims.memory import MemoryClaims
from app.payments.facilitators.facilitator_request import EchoingPayload
from app.payments.settlement import Charge, SettlementService
from app.payments.solana.chain import SolanaChain
from app.payments.solana.networks import LIFETIME_SECONDS
from app.payments.solana.transaction import Transfer
from app.payments.terms import PaymentTerms, resource_server
from app.payments.terms_text import terms_lines
from app.payments.verification import (
    HeaderPayment,
    MessagePayment,
    identity_of,
    network_in,
    payment_in,
)
from tests.conftest import Clock
from tests.support.settling import Facilitator, settled
from tests.support.solana_payments import FEE_PAYER, NETWORK, PAYER, PRICE, TERMS, name_on_chain
from tests.support.solana_payments import payload as signed_payload
from tests.support.virtual_time import run_in_virtual_time
from tests.support.wallets import header_of

URL = "https://oncall.test/x"
BARE = PaymentTerms([TERMS.model_copy(update={"extra": {}})], ResourceInfo(url=URL))
"""The terms as the settings make them: nobody knows yet who pays the fees."""
OURS = BARE.with_fee_payers({NETWORK: str(FEE_PAYER.pubkey())})
SERVER = resource_server({NETWORK: Facilitator(NETWORK)})
REQUEST, ANSWER = b"a request", b"an answer"


def message(payload: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    """A payment as a client sends it."""
    return {
        "x402Version": 2,
        "payload": payload or signed_payload(),
        "accepted": OURS.accepts[0].model_dump(by_alias=True),
        "resource": {"url": URL},
        **changes,
    }


def read(sent: dict[str, Any], terms: PaymentTerms = OURS) -> Payment:
    return payment_in(terms, HeaderPayment([header_of(sent)]), SERVER, version_1=())


# --- terms ----------------------------------------------------------------------------------


def test_terms_name_who_pays_the_fees_once_that_is_known() -> None:
    assert BARE.solana_networks == [NETWORK]
    assert OURS.accepts == [TERMS]
    assert BARE.with_fee_payers({}).accepts == []
    assert OURS.version_1 == {}
    [line] = terms_lines(OURS.payment_required())
    assert line.startswith("0.02 USDC on Solana Devnet (test money) to ")


# --- what is read ---------------------------------------------------------------------------


def test_a_payment_is_made_of_what_was_checked() -> None:
    payload = signed_payload()
    payment = read(message({**payload, "more": "else"}))
    assert payment.signed.payer == payment.signed.payer_key == str(PAYER.pubkey())
    assert payment.signed.amount == str(PRICE)
    assert (payment.wallet_signed, payment.verified, payment.network) == (False, False, NETWORK)
    assert isinstance(payment.payload, EchoingPayload)
    sent = json.loads(payment.payload.request_body)
    assert sent["paymentPayload"]["payload"] == payload
    assert sent["paymentRequirements"] == TERMS.model_dump(by_alias=True)
    payment.signed.require_valid_at(0.0)


def test_its_identity_is_read_where_its_network_is_sold_on() -> None:
    sent = message()
    payment = read(sent)
    for carried in (HeaderPayment([header_of(sent)]), MessagePayment(sent)):
        assert identity_of(carried, [NETWORK]) == payment.identity
        assert identity_of(carried, ["solana:other"]) is None
        assert identity_of(carried) is None
    for broken in (message({"transaction": "AA=="}), message(accepted={}), {"x402Version": 2}):
        assert identity_of(HeaderPayment([header_of(broken)]), [NETWORK]) is None
    assert network_in(sent) == NETWORK
    assert network_in({"accepted": 7}) is None


def test_an_identifier_is_the_payers_own() -> None:
    extensions = json.loads(json.dumps(OURS.extensions))
    extensions["payment-identifier"]["info"]["id"] = "an-id-of-16-letters"
    payment = read(message(extensions=extensions))
    assert payment.identifier_key == f"id:{NETWORK}:{PAYER.pubkey()}:an-id-of-16-letters"


def test_what_does_not_suffice_is_refused() -> None:
    with pytest.raises(PaymentRefused) as refused:
        read(message(signed_payload(amount=1)))
    assert refused.value.reason == "invalid_exact_svm_payload_amount_mismatch"
    with pytest.raises(InvalidPayment):
        read(message({"transaction": "AA=="}))
    with pytest.raises(PaymentRefused, match="payment_terms_mismatch"):
        read(message(), BARE.with_fee_payers({NETWORK: str(PAYER.pubkey())}))


# --- what is settled ------------------------------------------------------------------------


class Node(SolanaChain):
    """A node that says one thing of every payment, and another of every transaction."""

    def __init__(
        self,
        state: AuthorizationState = AuthorizationState.UNKNOWN,
        transaction: str = "",
        *,
        failed: bool = False,
    ) -> None:
        super().__init__("http://127.0.0.1:9", NETWORK)
        self.record = ChainRecord(state, transaction)
        self.failed = failed
        self.asked: list[float] = []

    async def record_of(self, transfer: Transfer, *, valid_before: float) -> ChainRecord:
        assert transfer.amount == str(PRICE)
        self.asked.append(valid_before)
        return self.record

    async def shows_failure(self, transaction: str) -> bool:
        return self.failed


class Till:
    """A settlement service for Solana over a scripted facilitator and node."""

    def __init__(self, clock: Clock, node: Node | None = None) -> None:
        self.facilitator = Facilitator(NETWORK)
        server = resource_server({NETWORK: self.facilitator})
        self.claims = MemoryClaims(clock)
        self.service = SettlementService(
            server,
            self.claims,
            clock=clock,
            deadline_seconds=30,
            record_outcome=lambda *_: None,
            chains={NETWORK: node} if node else {},
        )

    def charged(self, payment: Payment, *settlements: Any) -> Charge:
        self.facilitator.settlements = list(settlements)
        return run_in_virtual_time(self.service.charge(payment, REQUEST, ANSWER))


def paid(payload: dict[str, str], **changes: Any) -> Any:
    """A facilitator's word that a payment was settled."""
    answer = {"transaction": name_on_chain(payload), "network": NETWORK, **changes}
    return settled(**answer)


def not_paid(reason: str) -> Any:
    return settled(success=False, error_reason=reason, network=NETWORK, transaction="")


@pytest.mark.parametrize("payer", [None, str(PAYER.pubkey()), str(FEE_PAYER.pubkey())])
def test_it_is_settled_whoever_is_called_its_payer(clock: Clock, payer: str | None) -> None:
    payload, node = signed_payload(), Node()
    charge = Till(clock, node).charged(read(message(payload)), paid(payload, payer=payer))
    assert (charge.receipt.payer, charge.receipt.amount) == (str(PAYER.pubkey()), str(PRICE))
    assert (charge.receipt.network, charge.receipt.transaction) == (NETWORK, name_on_chain(payload))


def test_a_name_that_is_not_the_transactions_is_not_passed_on(clock: Clock) -> None:
    payload = signed_payload()
    other = name_on_chain(signed_payload())
    charge = Till(clock).charged(read(message(payload)), paid(payload, transaction=other))
    assert charge.receipt.transaction == ""


def test_a_settlement_that_failed_on_chain_is_not_believed(clock: Clock) -> None:
    payload, node = signed_payload(), Node(AuthorizationState.FAILED, failed=True)
    till, payment = Till(clock, node), read(message(payload))
    with pytest.raises(PaymentRefused) as refused:
        till.charged(payment, paid(payload), not_paid("duplicate_settlement"))
    assert refused.value.reason == "duplicate_settlement"
    assert node.asked == [clock() + LIFETIME_SECONDS]


def test_a_lost_receipt_is_found_on_chain(clock: Clock) -> None:
    payload = signed_payload()
    node = Node(AuthorizationState.PAID_US, name_on_chain(payload))
    lost = SettlementUnknown(retry_after=5)
    charge = Till(clock, node).charged(
        read(message(payload)), lost, not_paid("transaction_simulation_failed")
    )
    assert charge.receipt.transaction == name_on_chain(payload)


def test_an_absence_counts_by_the_first_claim(clock: Clock) -> None:
    """Asking again does not make a payment live longer."""
    payload, node = signed_payload(), Node(AuthorizationState.EXPIRED)
    till, payment = Till(clock, node), read(message(payload))
    first = clock()
    with pytest.raises(SettlementUnknown):
        till.charged(payment, SettlementUnknown(retry_after=5))
    clock.advance(LIFETIME_SECONDS + 5)
    with pytest.raises(SettlementUnknown):
        till.charged(payment, not_paid("transaction_failed"))
    clock.advance(2)
    with pytest.raises(PaymentRefused):
        till.charged(payment, not_paid("transaction_failed"))
    assert set(node.asked) == {first + LIFETIME_SECONDS}


def test_a_payment_that_nobody_asks_for_again_is_looked_up_on_chain(clock: Clock) -> None:
    payload = signed_payload()
    node = Node(AuthorizationState.PAID_US, name_on_chain(payload))
    till, payment = Till(clock, node), read(message(payload))
    key, kept = payment.identity.key, ClaimedPayment.of(payment, "oncall-now", "req-16")

    async def work() -> tuple[str, list[str]]:
        claim = await till.claims.claim(key, b"bound", clock() + 900, kept)
        await till.claims.mark_unknown(key, claim.holder)
        [found] = (await till.claims.due_claims(9)).open
        outcome = await till.service.look_up(found)
        lines = [each.settlement for each in await till.claims.settlements()]
        return outcome, [text for each in lines for text in (each.transaction, each.pay_to)]

    pay_to = payment.requirements_v2.pay_to
    assert run_in_virtual_time(work()) == ("settled", [name_on_chain(payload), pay_to])
    assert node.asked == [clock() + LIFETIME_SECONDS]
    assert till.facilitator.names == []
