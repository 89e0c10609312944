"""Every failure that a facilitator may answer with, and that none ends in a second charge.

The facilitator is real HTTP, and lies as badly as it can: where its answer leaves room for it, it
has moved the money all the same. The payer does what ``retry`` says until it is answered.
"""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from x402.mechanisms.evm import constants as evm

from app.payments.facilitators.reasons import FAMILIES, FINAL, UNDER_WAY, is_final
from tests.support.services import (
    EXAMPLE,
    NETWORK,
    TRANSACTION,
    ScriptedFacilitator,
    Service,
    answers,
    living,
    remote_settings,
    service,
    settlement,
    transaction_in,
)
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio

OTHER_TRANSACTION = "0x" + "22" * 32
TIMED_OUT = "settle_exact_evm_transaction_confirmation_timed_out"
ABSENT = "absent"
"""No ``transaction`` in the answer, nor a network: so CDP refuses with 400."""

UNCERTAIN = [
    # issue's rows: what CDP and the SDK say although the payment may arrive
    (TIMED_OUT, 400, TRANSACTION),
    (TIMED_OUT, 200, TRANSACTION),
    (TIMED_OUT, 500, TRANSACTION),
    (TIMED_OUT, 400, ABSENT),
    ("settle_exact_node_failure", 400, ABSENT),
    ("settle_exact_node_failure", 200, TRANSACTION),
    ("settle_exact_node_failure", 200, ""),
    ("settle_exact_svm_transaction_confirmation_timed_out", 400, ABSENT),
    ("settle_exact_svm_transaction_confirmation_timed_out", 200, TRANSACTION),
    ("settle_exact_svm_block_height_exceeded", 400, ABSENT),
    ("invalid_exact_evm_verification_failed", 400, ABSENT),
    ("invalid_transaction_state", 400, TRANSACTION),
    ("invalid_transaction_state", 200, TRANSACTION),
    ("invalid_transaction_state", 200, ""),
    ("settlement_pending", 500, TRANSACTION),
    ("transaction_failed", 200, TRANSACTION),
    ("transaction_failed", 200, ""),
    ("invalid_exact_evm_transfer_event_mismatch", 200, TRANSACTION),
    ("duplicate_settlement", 200, ""),
    ("unexpected_settle_error", 400, ""),
    ("unexpected_settle_error", 500, ABSENT),
    ("unknown_error", 400, ABSENT),
    ("a_code_of_tomorrow", 402, ""),
    ("Transaction timed out after 30 s", 200, ""),
    (None, 200, ""),
    (None, 200, TRANSACTION),
    # final by its code, but something was broadcast
    ("insufficient_funds", 200, TRANSACTION),
    ("invalid_payload", 400, TRANSACTION),
    ("insufficient_funds", 500, ""),
]
CERTAIN = [
    ("insufficient_funds", 400, ABSENT),
    ("insufficient_funds", 402, ""),
    ("insufficient_funds", 200, ""),
    ("invalid_payload", 400, ABSENT),
    ("kyt_risk_detected", 403, ABSENT),
    ("settle_exact_failed_onchain", 400, TRANSACTION),
    ("settle_exact_failed_onchain", 200, TRANSACTION),
    ("invalid_exact_evm_payload_signature", 400, ABSENT),
    ("invalid_exact_svm_payload_transaction_amount_mismatch", 400, ABSENT),
    ("invalid_exact_evm_nonce_already_used", 200, ""),
    ("smart_wallet_deployment_failed", 400, ABSENT),
]


def failure(reason: str | None, transaction: str) -> dict[str, Any]:
    body: dict[str, Any] = {"success": False, "errorReason": reason, "errorMessage": "No."}
    if transaction != ABSENT:
        body |= {"transaction": transaction, "network": NETWORK}
    return body


class Facilitator(ScriptedFacilitator):
    """Fails for each nonce once, and then tells of what it has settled.

    ``moves`` says that the failing call moved the money. ``charges`` counts transfers by nonce.
    """

    def __init__(self, reason: str | None, status: int, transaction: str, *, moves: bool) -> None:
        super().__init__(settle=self._settle)
        self._failing = answers(failure(reason, transaction), status)
        self._moves = moves
        self.asked: Counter[str] = Counter()
        self.charges: set[str] = set()
        self.forgets = False

    async def _settle(self, request: web.Request) -> web.StreamResponse:
        signed = (await request.json())["paymentPayload"]["payload"]["authorization"]
        nonce = signed["nonce"]
        self.asked[nonce] += 1
        if sum(self.asked.values()) == 1:
            if self._moves:
                self.charges.add(nonce)
            return await self._failing(request)
        if self.forgets and nonce in self.charges:  # as CDP says of a nonce that is used
            return await answers(failure("invalid_payload", ABSENT), 400)(request)
        self.charges.add(nonce)
        return await answers(settlement(payer=signed["from"]))(request)


class Payer:
    """Asks, pays, and does what it is told, at most five times."""

    def __init__(self, served: Service) -> None:
        self._served = served
        self._wallet = Wallet()
        self.told: list[tuple[int, str]] = []

    async def buy(self) -> Any:
        terms = await self._served.terms()
        payment = header_of(self._wallet.signed(terms))
        for _ in range(5):
            response = await self._served.ask(EXAMPLE, payment)
            if response.status_code == 200:
                return response
            self.told.append((response.status_code, response.json()["retry"]))
            if response.json()["retry"] == "new-payment":
                payment = header_of(self._wallet.signed(terms))
        return response


@pytest.fixture
async def serving() -> AsyncIterator[Any]:
    """Serve with a facilitator until the test has ended."""
    opened: list[Any] = []

    async def serve(script: Facilitator, seconds: float = 0.1) -> Service:
        served = service(remote_settings(script.url, settle_deadline_seconds=seconds))
        life = living(served.app)
        await life.__aenter__()
        opened.append(life)
        return served

    yield serve
    for life in opened:
        await life.__aexit__(None, None, None)


@pytest.mark.parametrize(("reason", "status", "transaction"), UNCERTAIN)
@pytest.mark.parametrize("moves", [True, False], ids=["moved", "not moved"])
async def test_a_failure_that_is_not_final_is_charged_once(
    serving: Any, reason: str | None, status: int, transaction: str, moves: bool
) -> None:
    async with Facilitator(reason, status, transaction, moves=moves) as script:
        payer = Payer(await serving(script))
        response = await payer.buy()
        assert (response.status_code, transaction_in(response)) == (200, TRANSACTION)
        assert set(payer.told) == {(503, "same-payment")}  # once, unless the machine is busy
        assert len(script.charges) == len(script.asked) == 1


@pytest.mark.parametrize(("reason", "status", "transaction"), UNCERTAIN)
async def test_it_is_settled_while_the_payer_waits(
    serving: Any, reason: str | None, status: int, transaction: str
) -> None:
    async with Facilitator(reason, status, transaction, moves=True) as script:
        payer = Payer(await serving(script, seconds=10))
        assert (await payer.buy()).status_code == 200
        assert payer.told == []
        assert len(script.charges) == 1


@pytest.mark.parametrize(("reason", "status", "transaction"), UNCERTAIN)
async def test_a_facilitator_that_forgot_it_never_asks_for_a_new_payment(
    serving: Any, reason: str | None, status: int, transaction: str
) -> None:
    async with Facilitator(reason, status, transaction, moves=True) as script:
        script.forgets = True
        payer = Payer(await serving(script))
        await payer.buy()
        assert set(payer.told) == {(503, "same-payment")}
        assert len(script.charges) == len(script.asked) == 1


async def test_the_hash_of_a_transaction_under_way_is_kept(serving: Any) -> None:
    """By it a used nonce is known as ours, where the facilitator has lost its answer."""
    async with Facilitator(TIMED_OUT, 400, OTHER_TRANSACTION, moves=True) as script:
        script.forgets = True
        used = {"isValid": False, "invalidReason": evm.ERR_NONCE_ALREADY_USED}
        script.play("verify", answers(used))
        assert transaction_in(await Payer(await serving(script)).buy()) == OTHER_TRANSACTION
        assert len(script.charges) == 1


async def test_the_hash_of_one_that_failed_proves_nothing(serving: Any) -> None:
    """Its nonce may have been used elsewhere: that is why it failed."""
    async with Facilitator("transaction_failed", 200, OTHER_TRANSACTION, moves=False) as script:
        used = {"isValid": False, "invalidReason": evm.ERR_NONCE_ALREADY_USED}
        script.play("verify", answers(used))
        failing = answers(failure("transaction_failed", OTHER_TRANSACTION))
        script.play("settle", failing)
        payer = Payer(await serving(script))
        assert (await payer.buy()).status_code == 503
        assert set(payer.told) == {(503, "same-payment")}


@pytest.mark.parametrize(("reason", "status", "transaction"), CERTAIN)
async def test_a_failure_that_is_final_is_told_and_a_new_payment_is_charged(
    serving: Any, reason: str, status: int, transaction: str
) -> None:
    async with Facilitator(reason, status, transaction, moves=False) as script:
        served = await serving(script)
        payer = Payer(served)
        assert (await payer.buy()).status_code == 200
        assert payer.told == [(402, "new-payment")]
        assert len(script.charges) == 1
        assert (await served.http.get("/readyz")).json()["checks"]["facilitator"] == "ok"


# --- the list -------------------------------------------------------------------------------

SDK_NOT_FINAL = {
    "settlement_pending",
    "transaction_failed",
    "invalid_exact_evm_transfer_event_mismatch",
}


def test_every_code_of_the_sdks_scheme_is_sorted() -> None:
    """A code that a later SDK adds fails here, and is looked at."""
    other_schemes = ("PERMIT2", "UPTO", "ERC20")
    codes = {
        value
        for name, value in vars(evm).items()
        if name.startswith("ERR_") and not any(other in name for other in other_schemes)
    }
    assert {code for code in codes if not is_final(code, "")} == SDK_NOT_FINAL


@pytest.mark.parametrize("reason", sorted({*FINAL, *FAMILIES} - {"settle_exact_failed_onchain"}))
def test_what_was_broadcast_is_not_final(reason: str) -> None:
    assert is_final(reason, "")
    assert not is_final(reason, TRANSACTION)


def test_nothing_that_is_under_way_is_final() -> None:
    assert not any(is_final(reason, "") or is_final(reason, TRANSACTION) for reason in UNDER_WAY)
