"""The SDK's own facilitator as an HTTP server: /supported, /verify and /settle.

It settles on the EVM chain at ``--rpc-url``, on the Solana chain at ``--solana-rpc-url``, or on
both; its wallets' keys are in ``FACILITATOR_KEY`` and ``SOLANA_FACILITATOR_KEY``. Nothing of ours
decides anything here. What is not an ordinary facilitator's is asked for by name:

- ``--lose-answers N`` settles as ever but answers 500 the first N times, as a process does that
  dies at the worst moment;
- ``--answer-after SECONDS`` settles at once and answers later;
- ``--faults SEED`` lets every kind of ``Fault`` happen, chosen by the seed, the payment's nonce and
  how often it was seen: the same payments meet the same faults in every run. ``GET /faults`` counts
  them.
"""

import argparse
import asyncio
import os
import random
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from x402 import x402FacilitatorSync
from x402.mechanisms.evm.exact import ExactEvmFacilitatorScheme, ExactEvmSchemeConfig
from x402.mechanisms.evm.exact.v1.facilitator import ExactEvmSchemeV1
from x402.mechanisms.evm.signers import FacilitatorWeb3Signer
from x402.mechanisms.svm import FacilitatorKeypairSigner
from x402.mechanisms.svm.constants import SOLANA_DEVNET_CAIP2
from x402.mechanisms.svm.exact import register_exact_svm_facilitator
from x402.schemas import (
    PaymentPayload,
    PaymentPayloadV1,
    PaymentRequirements,
    PaymentRequirementsV1,
    SettleResponse,
    SupportedResponse,
    VerifyResponse,
)
from x402.schemas.helpers import parse_payment_payload, parse_payment_requirements

NETWORK = "eip155:84532"
NETWORK_V1 = "base-sepolia"
SOLANA_NETWORK = SOLANA_DEVNET_CAIP2

UPSTREAM_TEXT = "facilitator-internals-nobody-may-see"
"""Stands in what goes wrong here. A caller of the service must never read it."""
LATE_SECONDS = 3.0
"""Longer than the service under test waits for an answer (``ONCALL_FACILITATOR_TIMEOUT``)."""
FAULT_SHARE = 0.3


class Fault(StrEnum):
    """What may go wrong with one call of ``/settle``, in the words of the report."""

    FAILS_BEFORE = "500 before settling"
    CLOSES_BEFORE = "connection closed before settling"
    WAITS_BEFORE = "timed out, then settled"
    FAILS_AFTER = "500 after settling"
    CLOSES_AFTER = "connection closed after settling"
    WAITS_AFTER = "settled, then timed out"
    PENDING_AFTER = "settlement_pending after settling"
    UNCONFIRMED_200 = "confirmation timed out after settling (200, with a hash)"
    UNCONFIRMED_400 = "confirmation timed out after settling (400, with a hash)"
    NODE_FAILURE_BEFORE = "node failure before settling (400)"
    NODE_FAILURE_AFTER = "node failure after settling (200, without a hash)"
    STATE_AFTER = "invalid_transaction_state after settling (400, with a hash)"


BEFORE: Mapping[Fault | None, int] = {Fault.FAILS_BEFORE: 500, Fault.CLOSES_BEFORE: 200}
"""Faults without a settlement, and their status."""

NODE_FAILURE = "settle_exact_node_failure"
UNSURE: Mapping[Fault | None, tuple[int, str]] = {
    Fault.PENDING_AFTER: (200, "settlement_pending"),
    Fault.UNCONFIRMED_200: (200, "settle_exact_evm_transaction_confirmation_timed_out"),
    Fault.UNCONFIRMED_400: (400, "settle_exact_evm_transaction_confirmation_timed_out"),
    Fault.NODE_FAILURE_BEFORE: (400, NODE_FAILURE),
    Fault.NODE_FAILURE_AFTER: (200, NODE_FAILURE),
    Fault.STATE_AFTER: (400, "invalid_transaction_state"),
}
"""Faults that say "failed" of what may be settled: their status and reason (CDP's words)."""


class Faults:
    """Which call meets which fault. Without a ``seed`` none does."""

    def __init__(self, seed: int | None) -> None:
        self._seed = seed
        self._seen: Counter[str] = Counter()
        self.counts: Counter[Fault] = Counter()

    def next(self, nonce: str) -> Fault | None:
        """What happens to this call for the payment with ``nonce``."""
        self._seen[nonce] += 1
        chosen = random.Random(f"{self._seed}:{nonce}:{self._seen[nonce]}")  # noqa: S311 - repeatable
        if self._seed is None or chosen.random() > FAULT_SHARE:
            return None
        fault = chosen.choice(list(Fault))
        self.counts[fault] += 1
        return fault


def main() -> None:
    options = parsed_options()
    facilitator = x402FacilitatorSync()
    if options.rpc_url:
        signer = FacilitatorWeb3Signer(os.environ["FACILITATOR_KEY"], options.rpc_url)
        config = ExactEvmSchemeConfig(simulate_in_settle=options.simulate_in_settle)
        facilitator.register([NETWORK], ExactEvmFacilitatorScheme(signer, config))
        facilitator.register_v1([NETWORK_V1], ExactEvmSchemeV1(signer))
    if options.solana_rpc_url:
        key = os.environ["SOLANA_FACILITATOR_KEY"]
        solana_signer = FacilitatorKeypairSigner.from_base58(key, options.solana_rpc_url)
        register_exact_svm_facilitator(facilitator, solana_signer, SOLANA_NETWORK)
    app = facilitator_app(
        facilitator,
        Faults(options.faults),
        losses=options.lose_answers,
        answer_after=options.answer_after,
    )
    uvicorn.run(app, host="127.0.0.1", port=options.port)


def parsed_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rpc-url")
    parser.add_argument("--solana-rpc-url")
    parser.add_argument("--simulate-in-settle", action="store_true")
    parser.add_argument("--lose-answers", type=int, default=0)
    parser.add_argument("--answer-after", type=float, default=0.0)
    parser.add_argument("--faults", type=int)
    return parser.parse_args()


def facilitator_app(
    facilitator: x402FacilitatorSync, faults: Faults, *, losses: int, answer_after: float
) -> Starlette:
    """``facilitator`` over HTTP, which loses its first ``losses`` settlement answers."""
    lost = iter([True] * losses)

    async def supported(_: Request) -> Response:
        return _json(facilitator.get_supported())

    async def counted(_: Request) -> Response:
        return JSONResponse(faults.counts)

    async def verify(request: Request) -> Response:
        payload, requirements = _payment_in(await request.json())
        return _json(await run_in_threadpool(facilitator.verify, payload, requirements))

    async def settle(request: Request) -> Response:
        payload, requirements = _payment_in(await request.json())
        fault = faults.next(nonce_in(payload))
        if fault is Fault.NODE_FAILURE_BEFORE:
            return _unsure(SettleResponse(success=False, network="", transaction=""), fault)
        if fault in BEFORE:
            return _broken(BEFORE[fault])
        if fault is Fault.WAITS_BEFORE:
            await asyncio.sleep(LATE_SECONDS)
        settlement = await run_in_threadpool(facilitator.settle, payload, requirements)
        await asyncio.sleep(answer_after)
        return Response(status_code=500) if next(lost, False) else await _told(settlement, fault)

    return Starlette(
        routes=[
            Route("/supported", supported),
            Route("/faults", counted),
            Route("/verify", verify, methods=["POST"]),
            Route("/settle", settle, methods=["POST"]),
        ]
    )


async def _told(settlement: SettleResponse, fault: Fault | None) -> Response:
    """The answer about a settlement that was tried, as ``fault`` has it."""
    match fault:
        case Fault.FAILS_AFTER:
            return _broken(500)
        case Fault.CLOSES_AFTER:
            return _broken(200)
        case Fault.WAITS_AFTER:
            await asyncio.sleep(LATE_SECONDS)
        case _ if fault in UNSURE:
            return _unsure(settlement, fault)
    return _json(settlement)


def _unsure(settlement: SettleResponse, fault: Fault | None) -> Response:
    """ "Failed" in the words of ``fault``, of what may have been settled all the same."""
    status, reason = UNSURE[fault]
    said = {"success": False, "error_reason": reason, "error_message": UPSTREAM_TEXT}
    if reason == NODE_FAILURE:
        said["transaction"] = ""
    return _json(settlement.model_copy(update=said), status)


def _broken(status: int) -> Response:
    """An error whose text is none of a caller's business, or a connection closed half way."""
    if status == 200:
        return Response(UPSTREAM_TEXT, headers={"Content-Length": "1000"})  # uvicorn hangs up
    return JSONResponse({"error": UPSTREAM_TEXT, "errorReason": UPSTREAM_TEXT}, status)


def nonce_in(payload: PaymentPayload | PaymentPayloadV1) -> str:
    """What makes a payment one of its kind: on Solana it is the whole transaction."""
    signed = payload.payload
    return str(
        signed["transaction"] if "transaction" in signed else signed["authorization"]["nonce"]
    )


def _payment_in(
    document: Mapping[str, Any],
) -> tuple[PaymentPayload | PaymentPayloadV1, PaymentRequirements | PaymentRequirementsV1]:
    payload = parse_payment_payload(document["paymentPayload"])
    requirements = parse_payment_requirements(
        document["x402Version"], document["paymentRequirements"]
    )
    return payload, requirements


def _json(
    answer: SupportedResponse | VerifyResponse | SettleResponse, status: int = 200
) -> Response:
    return JSONResponse(answer.model_dump(by_alias=True, exclude_none=True), status)


if __name__ == "__main__":
    main()
