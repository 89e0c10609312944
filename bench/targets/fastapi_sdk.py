"""FastAPI behind the SDK's own payment middleware, as the SDK documents it.

The handler sends recorded bytes (``--answer``), so that only taking the payment is measured.
"""

import argparse
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response
from x402 import x402ResourceServer
from x402.http import FacilitatorConfig, HTTPFacilitatorClient, PaymentOption, RouteConfig
from x402.http.middleware.fastapi import PaymentMiddlewareASGI
from x402.mechanisms.evm.exact import ExactEvmServerScheme

from app.server.run import SERVER


def paid_app(options: argparse.Namespace) -> FastAPI:
    server = x402ResourceServer(
        HTTPFacilitatorClient(FacilitatorConfig(url=options.facilitator_url))
    )
    server.register(options.network, ExactEvmServerScheme())
    way = PaymentOption(
        scheme="exact", pay_to=options.pay_to, price=options.price, network=options.network
    )
    app = FastAPI()
    app.add_middleware(
        PaymentMiddlewareASGI,
        routes={f"POST {options.path}": RouteConfig(accepts=way, mime_type="application/json")},
        server=server,
    )
    answer = options.answer.read_bytes()

    @app.post(options.path)
    async def sold() -> Response:
        return Response(answer, media_type="application/json")

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    for name in ("--facilitator-url", "--network", "--pay-to", "--price", "--path"):
        parser.add_argument(name, required=True)
    parser.add_argument("--answer", type=Path, required=True)
    options = parser.parse_args()
    uvicorn.run(paid_app(options), port=options.port, **SERVER)


if __name__ == "__main__":
    main()
