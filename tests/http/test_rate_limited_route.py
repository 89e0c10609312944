"""What every rate-limited POST route does around its own work."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from ipaddress import ip_network
from typing import Any

import pytest
from limits import parse
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import Message, Scope

from app.errors import BodyTooLarge, EmptyWindow, OncallError, RateLimited
from app.http.large_bodies import OWN_BYTES
from app.http.rate_limited_route import Exchange
from app.http.rate_limits import RateLimits
from app.http.request_body import MAX_BODY_BYTES, MAX_BODY_SECONDS
from tests.conftest import Clock

pytestmark = pytest.mark.anyio

ANN, BEN = "192.0.2.1", "192.0.2.2"
LIMIT = parse("2/minute")


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    return RateLimits(clock, per_address=parse("3/minute"))


class Sent:
    """A connection that keeps what is sent to its client."""

    def __init__(
        self,
        method: str = "POST",
        client: str = ANN,
        headers: Sequence[tuple[bytes, bytes]] = (),
        content: bytes = b"",
    ) -> None:
        self.content = content
        app = Starlette()
        app.state.catalog_paths = {"/paid": "/catalog/paid"}
        self.scope: Scope = {
            "type": "http",
            "method": method,
            "path": "/paid",
            "headers": list(headers),
            "client": (client, 50_000),
            "app": app,
        }
        self.messages: list[Message] = []

    async def receive(self) -> Message:
        return {"type": "http.request", "body": self.content, "more_body": False}

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    def exchange(self, most_bytes: int = MAX_BODY_BYTES) -> Exchange:
        return Exchange(self.scope, self.receive, self.send, most_bytes)

    @property
    def status(self) -> int:
        status: int = self.messages[0]["status"]
        return status

    @property
    def body(self) -> bytes:
        body: bytes = self.messages[1]["body"]
        return body

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}


async def served(
    limits: RateLimits, sent: Sent, work: Any = None, *, counted: bool = False
) -> Sent:
    """Serve one request as a route does: admit it, count it if ``counted``, then do its work."""
    async with sent.exchange() as exchange:
        exchange.admit(limits)
        if counted:
            await exchange.count(limits, "/paid", LIMIT, paying=False)
        if work is not None:
            raise work
        exchange.response = PlainTextResponse("done")
    return sent


async def test_the_response_states_the_limit_that_was_counted_last(limits: RateLimits) -> None:
    by_address = await served(limits, Sent())
    assert (by_address.status, by_address.body) == (200, b"done")
    assert by_address.headers["ratelimit"] == '"per-address";r=2;t=60'
    assert by_address.headers["content-type"] == "text/plain; charset=utf-8"
    by_client = await served(limits, Sent(), counted=True)
    assert by_client.headers["ratelimit"] == '"without-payment";r=1;t=60'
    assert by_client.headers["ratelimit-policy"] == '"without-payment";q=2;w=60'


@pytest.mark.parametrize("method", ["GET", "post"])
async def test_another_method_is_told_what_is_served(limits: RateLimits, method: str) -> None:
    sent = await served(limits, Sent(method))
    assert (sent.status, sent.headers["allow"]) == (405, "POST, OPTIONS")
    assert f"{method} /paid is not served: use POST.".encode() in sent.body
    assert b'"catalog":"/catalog/paid"' in sent.body
    assert "ratelimit" not in sent.headers
    assert limits.spend_address(ANN).remaining == 2  # it was not counted


async def test_sizes_are_looked_at_before_anything_is_counted(limits: RateLimits) -> None:
    sent = await served(limits, Sent(headers=[(b"content-length", b"9000000")]))
    assert sent.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert limits.spend_address(ANN).remaining == 2


async def test_an_address_that_sends_too_much_is_refused(limits: RateLimits) -> None:
    for _ in range(3):
        assert (await served(limits, Sent())).status == 200
    refused = await served(limits, Sent())
    assert (refused.status, refused.headers["retry-after"]) == (429, "60")
    assert refused.headers["ratelimit"] == '"per-address";r=0;t=60'
    assert (await served(limits, Sent(client=BEN))).status == 200


async def test_the_routes_own_limit_is_of_one_client_and_one_path(limits: RateLimits) -> None:
    for _ in range(2):
        assert (await served(limits, Sent(), counted=True)).status == 200
    assert (await served(limits, Sent(), counted=True)).status == 429
    assert (await served(limits, Sent(client=BEN), counted=True)).status == 200
    async with Sent(client=BEN).exchange() as exchange:
        exchange.admit(limits)
        await exchange.count(limits, "/other", LIMIT, paying=False)
        assert exchange.allowance is not None
        assert exchange.allowance.remaining == 1
        await exchange.count(limits, "/paid", LIMIT, paying=True)
        assert exchange.allowance.policy == "with-payment"
        exchange.response = PlainTextResponse("done")


async def test_the_client_is_the_one_behind_our_proxies(clock: Clock) -> None:
    limits = RateLimits(clock, proxies=[ip_network("10.0.0.0/8")])
    exchange = Sent(client="10.0.0.1", headers=[(b"x-forwarded-for", ANN.encode())]).exchange()
    head = exchange.admit(limits)
    assert (exchange.client, head.peer) == (ANN, "10.0.0.1")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (EmptyWindow(), 400),
        (BodyTooLarge("at most 1 byte"), 413),
        (HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"}), 405),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_an_error_within_is_answered_as_its_problem(
    limits: RateLimits, error: Exception, status: int
) -> None:
    sent = await served(limits, Sent(), error)
    assert sent.status == status
    assert sent.headers["content-type"] == "application/problem+json"
    assert sent.headers["ratelimit"] == '"per-address";r=2;t=60'


async def test_a_client_that_disconnected_is_sent_nothing(limits: RateLimits) -> None:
    assert (await served(limits, Sent(), ClientDisconnect())).messages == []


async def test_a_defect_goes_on_to_the_caller(limits: RateLimits) -> None:
    sent = Sent()
    with pytest.raises(ZeroDivisionError):
        await served(limits, sent, ZeroDivisionError())
    assert sent.messages == []


@pytest.mark.parametrize("error", [None, EmptyWindow(), ClientDisconnect(), ZeroDivisionError()])
async def test_the_memory_of_a_large_body_is_given_back_however_it_ends(
    clock: Clock, error: Exception | None
) -> None:
    limits = RateLimits(clock)
    for _ in range(2 * OWN_BYTES // MAX_BODY_BYTES):
        sent = Sent(content=bytes(MAX_BODY_BYTES))
        with suppress(ZeroDivisionError):
            async with sent.exchange() as exchange:
                exchange.admit(limits)
                assert len(await exchange.body(limits)) == MAX_BODY_BYTES
                if error is not None:
                    raise error
                exchange.response = PlainTextResponse("done")
        assert [message["status"] for message in sent.messages[:1]] != [503]
    assert limits.large_bodies._by_client == {}


async def test_too_much_of_one_client_is_refused(clock: Clock) -> None:
    limits = RateLimits(clock)
    limits.large_bodies.grow(ANN, OWN_BYTES)
    for client, status in ((ANN, 503), (BEN, 200)):
        sent = Sent(client=client, content=bytes(MAX_BODY_BYTES))
        async with sent.exchange() as exchange:
            exchange.admit(limits)
            await exchange.body(limits)
            exchange.response = PlainTextResponse("done")
        assert sent.status == status


async def test_errors_of_admission_have_names(limits: RateLimits) -> None:
    errors: list[type[OncallError]] = []
    for headers in ([], [], [], [], [(b"content-length", b"9000000")]):
        try:
            Sent(headers=headers).exchange().admit(limits)
        except OncallError as error:
            errors.append(type(error))
    assert errors == [RateLimited, BodyTooLarge]


async def test_the_body_has_the_limit_of_its_route(limits: RateLimits) -> None:
    told = Sent(headers=[(b"content-length", b"4")], content=b"1234")
    assert told.exchange(4).admit(limits).bodiless is False
    with pytest.raises(BodyTooLarge):
        told.exchange(3).admit(limits)
    assert await Sent(content=b"1234").exchange(4).body(limits) == b"1234"
    with pytest.raises(BodyTooLarge):
        await Sent(content=b"1234").exchange(3).body(limits)


async def test_only_a_body_that_is_still_to_arrive_is_timed(
    limits: RateLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed: list[float | None] = []
    timeout = asyncio.timeout

    def noted(seconds: float | None) -> asyncio.Timeout:
        timed.append(seconds)
        return timeout(seconds)

    monkeypatch.setattr("app.http.request_body.asyncio.timeout", noted)
    assert await Sent(content=b"1234").exchange().body(limits, arrived=True) == b"1234"
    assert timed == []
    assert await Sent(content=b"1234").exchange().body(limits) == b"1234"
    assert timed == [MAX_BODY_SECONDS]
