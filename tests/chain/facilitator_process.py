"""The SDK's own facilitator as an HTTP server: /supported, /verify and /settle.

Its wallet's key is in ``FACILITATOR_KEY``. Nothing of ours decides anything here. The one thing
that is not an ordinary facilitator's is asked for by name: ``--lose-answers N`` settles as ever but
answers 500 the first N times, as a process does that dies at the worst moment.
"""

import argparse
import os
from collections.abc import Mapping
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


def main() -> None:
    options = parsed_options()
    signer = FacilitatorWeb3Signer(os.environ["FACILITATOR_KEY"], options.rpc_url)
    config = ExactEvmSchemeConfig(simulate_in_settle=options.simulate_in_settle)
    facilitator = x402FacilitatorSync()
    facilitator.register([NETWORK], ExactEvmFacilitatorScheme(signer, config))
    facilitator.register_v1([NETWORK_V1], ExactEvmSchemeV1(signer))
    app = facilitator_app(facilitator, losses=options.lose_answers)
    uvicorn.run(app, host="127.0.0.1", port=options.port)


def parsed_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rpc-url", required=True)
    parser.add_argument("--simulate-in-settle", action="store_true")
    parser.add_argument("--lose-answers", type=int, default=0)
    return parser.parse_args()


def facilitator_app(facilitator: x402FacilitatorSync, losses: int) -> Starlette:
    """``facilitator`` over HTTP, which loses its first ``losses`` settlement answers."""
    lost = iter([True] * losses)

    async def supported(_: Request) -> Response:
        return _json(facilitator.get_supported())

    async def verify(request: Request) -> Response:
        payload, requirements = _payment_in(await request.json())
        return _json(await run_in_threadpool(facilitator.verify, payload, requirements))

    async def settle(request: Request) -> Response:
        payload, requirements = _payment_in(await request.json())
        settlement = await run_in_threadpool(facilitator.settle, payload, requirements)
        return Response(status_code=500) if next(lost, False) else _json(settlement)

    return Starlette(
        routes=[
            Route("/supported", supported),
            Route("/verify", verify, methods=["POST"]),
            Route("/settle", settle, methods=["POST"]),
        ]
    )


def _payment_in(
    document: Mapping[str, Any],
) -> tuple[PaymentPayload | PaymentPayloadV1, PaymentRequirements | PaymentRequirementsV1]:
    payload = parse_payment_payload(document["paymentPayload"])
    requirements = parse_payment_requirements(
        document["x402Version"], document["paymentRequirements"]
    )
    return payload, requirements


def _json(answer: SupportedResponse | VerifyResponse | SettleResponse) -> Response:
    return JSONResponse(answer.model_dump(by_alias=True, exclude_none=True))


if __name__ == "__main__":
    main()
