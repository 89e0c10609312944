"""FastAPI behind the SDK's own payment middleware, as the SDK documents it.

The handler sends recorded bytes (``--answer``), so that only taking the payment is measured. With
``--redis-url`` each client's requests are counted before anything else, in a moving window of
``limits``, and a payment is good once.
"""

import argparse
import hashlib
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool, Redis
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from x402 import x402ResourceServer
from x402.http import FacilitatorConfig, HTTPFacilitatorClient, PaymentOption, RouteConfig
from x402.http.middleware.fastapi import PaymentMiddlewareASGI
from x402.mechanisms.evm.exact import ExactEvmServerScheme

from app.server.run import SERVER

MOST_CONNECTIONS = 1_000
REMEMBERED_SECONDS = 900


class Limited:
    """``app`` for clients, by ``X-Forwarded-For``, with fewer than 999,999 requests a minute."""

    def __init__(self, app: ASGIApp, storage: RedisStorage) -> None:
        self._app = app
        self._window = MovingWindowRateLimiter(storage)
        self._limit = RateLimitItemPerMinute(999_999)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http":
            client = Headers(scope=scope).get("x-forwarded-for", "")
            if not await self._window.hit(self._limit, client):
                app = Response(status_code=429)
        await app(scope, receive, send)


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
    redis = None
    if url := options.redis_url:
        pool = ConnectionPool.from_url(url, max_connections=MOST_CONNECTIONS)
        redis = Redis(connection_pool=pool)
        storage = RedisStorage(url, implementation="redispy", connection_pool=pool)
        app.add_middleware(Limited, storage=storage)
    answer = options.answer.read_bytes()

    @app.post(options.path)
    async def sold(request: Request) -> Response:
        if redis is not None:
            payment = hashlib.sha256(request.headers["PAYMENT-SIGNATURE"].encode()).hexdigest()
            if not await redis.set(f"payment:{payment}", 1, nx=True, ex=REMEMBERED_SECONDS):
                return Response(status_code=409)
        return Response(answer, media_type="application/json")

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    for name in ("--facilitator-url", "--network", "--pay-to", "--price", "--path"):
        parser.add_argument(name, required=True)
    parser.add_argument("--answer", type=Path, required=True)
    parser.add_argument("--redis-url")
    options = parser.parse_args()
    uvicorn.run(paid_app(options), port=options.port, **SERVER)


if __name__ == "__main__":
    main()
