"""The service under test: in process over ASGI, or behind a scripted facilitator on loopback."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self

import httpx
from aiohttp import web
from eth_utils.address import to_checksum_address
from starlette.types import ASGIApp, Message
from x402.http.utils import decode_payment_response_header

from app.main import create_app
from app.payments.claims.claim import PaymentClaims
from app.payments.facilitators.by_network import Facilitator
from app.payments.facilitators.sandbox import SandboxFacilitator
from app.settings import Settings
from tests.support.wallets import Wallet

PATH = "/v1/scheduling/oncall-rotation"
EXAMPLE: dict[str, Any] = {
    "start": "2026-06-04T00:00:00Z",
    "people": ["alice", "bob"],
    "shifts": 3,
    "shiftLengthHours": 24,
}
PUBLIC_URL = "https://oncall.test"
NETWORK = "eip155:84532"
USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
PAY_TO = to_checksum_address("0x" + "ab" * 20)
TRANSACTION = "0x" + "11" * 32

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Service:
    """One application over ASGI. ``ask`` sends a request to ``path``, ``buy`` pays for it."""

    path = PATH

    def __init__(self, app: Any, address: str = "203.0.113.7") -> None:
        self.app = app
        self.closing: tuple[Any, ...] = ()
        self.http = client_of(app, address)

    async def ask(
        self, body: Any = EXAMPLE, payment: str | None = None, *, query: str = "", **headers: str
    ) -> httpx.Response:
        """POST ``body`` (bytes as they are, all else as JSON) to the endpoint at ``path``."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **headers}
        if payment is not None:
            sent["PAYMENT-SIGNATURE"] = payment
        path = f"{self.path}?{query}" if query else self.path
        return await self.http.post(path, content=content, headers=sent)

    async def terms(self) -> str:
        response = await self.ask(b"")
        assert response.status_code == 402, response.text
        return response.headers["PAYMENT-REQUIRED"]

    async def buy(self, body: Any = EXAMPLE, wallet: Wallet | None = None) -> httpx.Response:
        return await self.ask(body, await (wallet or Wallet()).payment(await self.terms()))


def client_of(app: ASGIApp, address: str) -> httpx.AsyncClient:
    """Return a client of ``app`` that comes from ``address``; it holds nothing to close."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 40000))
    return httpx.AsyncClient(transport=transport, base_url="http://service.test")


def settings(**changes: Any) -> Settings:
    """Settings of a service that keeps nothing, unless ``changes`` name a database."""
    return Settings(**{"public_url": PUBLIC_URL, "database_url": "none", **changes})


def remote_settings(url: str, **changes: Any) -> Settings:
    return settings(
        payments="facilitator", facilitator_url=url, network=NETWORK, pay_to=PAY_TO, **changes
    )


def service(
    configured: Settings | None = None,
    *,
    clock: Callable[[], float] | None = None,
    facilitator: Facilitator | None = None,
    claims: PaymentClaims | None = None,
    address: str = "203.0.113.7",
) -> Service:
    parts = {"facilitator": facilitator, "claims": claims}
    chosen = {name: part for name, part in parts.items() if part is not None}
    if clock is not None:
        chosen["clock"] = clock  # type: ignore[assignment]
    return Service(create_app(configured or settings(), **chosen), address)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Serve ``handler`` on loopback; yields its address."""
    app = web.Application()
    app.router.add_route("*", "/", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@contextlib.asynccontextmanager
async def living(app: ASGIApp) -> AsyncIterator[None]:
    """``app`` between its start-up and its shutdown, as a server brings them about."""
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan", "state": {}}, inbox.get, outbox.put))
    for phase in ("startup", "shutdown"):
        await inbox.put({"type": f"lifespan.{phase}"})
        assert (await outbox.get())["type"] == f"lifespan.{phase}.complete"
        if phase == "startup":
            yield
    await life


class Sandbox(Service):
    """A sandbox service whose token can be looked at."""

    def __init__(self, clock: Callable[[], float] | None = None, **kwargs: Any) -> None:
        self.facilitator = SandboxFacilitator(NETWORK, USDC, clock or time.time)
        super().__init__(service(facilitator=self.facilitator, clock=clock, **kwargs).app)

    @property
    def transfers(self) -> int:
        return self.facilitator.token.transfers


def transaction_in(response: httpx.Response) -> str:
    return decode_payment_response_header(response.headers["PAYMENT-RESPONSE"]).transaction


class ScriptedFacilitator:
    """A facilitator on loopback that answers as its script says, call by call.

    ``script`` maps a path to handlers; the last one answers every further call. ``calls`` lists the
    paths that were called, ``settled`` the nonces that it claims to have settled.
    """

    def __init__(self, **script: Handler | list[Handler]) -> None:
        self._script: dict[str, list[Handler]] = {
            "supported": [answers(SUPPORTED)],
            "verify": [verifies],
            "settle": [settles],
        }
        for name, handlers in script.items():
            self._script[name] = handlers if isinstance(handlers, list) else [handlers]
        self.calls: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.url = ""
        self._arrival = asyncio.Condition()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{name}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        [address] = self._runner.addresses
        self.url = f"http://127.0.0.1:{address[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def called(self, name: str) -> None:
        """Wait until ``name`` has been called."""
        async with self._arrival, asyncio.timeout(10):
            await self._arrival.wait_for(lambda: name in self.calls)

    def play(self, name: str, *handlers: Handler) -> None:
        self._script[name] = list(handlers)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        async with self._arrival:
            self.calls.append(name)
            self._arrival.notify_all()
        if request.method == "POST":
            self.requests.append(await request.json())
        handlers = self._script[name]
        handler = handlers.pop(0) if len(handlers) > 1 else handlers[0]
        return await handler(request)


SUPPORTED = {"kinds": [{"x402Version": 2, "scheme": "exact", "network": NETWORK}]}


def answers(body: object, status: int = 200, **headers: str) -> Handler:
    """A handler that answers JSON, or bytes as they are."""

    async def handler(_: web.Request) -> web.StreamResponse:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(body=content, status=status, headers=headers)

    return handler


def refuses(reason: str, status: int = 200, transaction: str = "") -> Handler:
    """A settlement that failed because of ``reason``."""
    answer = {"success": False, "errorReason": reason, "transaction": transaction}
    return answers({**answer, "network": NETWORK}, status)


def settlement(**changes: object) -> dict[str, object]:
    return {"success": True, "transaction": TRANSACTION, "network": NETWORK, **changes}


async def settles(request: web.Request) -> web.StreamResponse:
    """A settlement that went well."""
    payload = (await request.json())["paymentPayload"]["payload"]
    return await answers(settlement(payer=payload["authorization"]["from"]))(request)


async def verifies(request: web.Request) -> web.StreamResponse:
    """A verification that went well."""
    payload = (await request.json())["paymentPayload"]["payload"]
    return await answers({"isValid": True, "payer": payload["authorization"]["from"]})(request)


async def hangs_up(request: web.Request) -> web.StreamResponse:
    """Takes the request and closes the connection."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()
