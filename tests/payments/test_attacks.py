"""Attacks on the checkout, one row each. Nothing here may be answered unpaid or charged twice.

Forms of headers and authorizations are tried one by one in
``tests/checkout/test_http_route.py``; here stand
the attacks that combine, race, break off or go round.
"""

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from aiohttp import web

from app.payments.facilitators.remote import RemoteFacilitator
from app.products.endpoint import Endpoint
from app.products.registry import paid_endpoints
from tests.support.services import (
    EXAMPLE,
    NETWORK,
    PATH,
    ScriptedFacilitator,
    Service,
    remote_settings,
    service,
    settles,
)
from tests.support.wallets import Wallet, header_of, malleated

pytestmark = pytest.mark.anyio

BODY = json.dumps(EXAMPLE).encode()
Tamper = Callable[[dict[str, Any]], object]


def set_in(*path: str, to: object) -> Tamper:
    """Replace one member of a payload."""

    def tamper(payload: dict[str, Any]) -> None:
        for name in path[:-1]:
            payload = payload[name]
        payload[path[-1]] = to

    return tamper


def sign_high(payload: dict[str, Any]) -> None:
    payload["payload"]["signature"] = malleated(payload["payload"]["signature"])


@pytest.fixture
async def scripted() -> AsyncIterator[tuple[Service, ScriptedFacilitator]]:
    """A service and the facilitator that settles whatever it is asked to settle."""
    async with ScriptedFacilitator() as script:
        configured = remote_settings(script.url)
        facilitator = RemoteFacilitator(script.url, network=NETWORK, headers={}, timeout_seconds=5)
        await facilitator.connect()
        yield service(configured, facilitator=facilitator), script
        await facilitator.aclose()


Scripted = tuple[Service, ScriptedFacilitator]


class TestTampered:
    """The facilitator would settle all of these: it is the gate that must not ask it to."""

    @pytest.mark.parametrize(
        ("tamper", "status"),
        [
            pytest.param(set_in("accepted", "amount", to="1"), 402, id="a lower price"),
            pytest.param(set_in("accepted", "amount", to="020000"), 402, id="the price respelt"),
            pytest.param(set_in("accepted", "payTo", to="0x" + "12" * 20), 402, id="payee"),
            pytest.param(set_in("accepted", "asset", to="0x" + "12" * 20), 402, id="a play token"),
            pytest.param(set_in("accepted", "network", to="eip155:1"), 402, id="another chain"),
            pytest.param(set_in("accepted", "scheme", to="upto"), 402, id="another scheme"),
            pytest.param(set_in("accepted", "extra", to={}), 402, id="no EIP-712 domain"),
            pytest.param(set_in("accepted", "maxTimeoutSeconds", to=1), 402, id="timeout"),
            pytest.param(
                set_in("resource", "url", to="https://oncall.test/v1/other"), 402, id="resource"
            ),
            pytest.param(set_in("x402Version", to=1), 400, id="version 1 in the version 2 header"),
            pytest.param(
                set_in("payload", "authorization", "value", to="1"), 402, id="a lower value"
            ),
            pytest.param(
                set_in("payload", "authorization", "to", to="0x" + "12" * 20), 402, id="to a friend"
            ),
            pytest.param(
                set_in("payload", "authorization", "validBefore", to="1"), 402, id="expired"
            ),
            pytest.param(
                set_in("payload", "authorization", "validAfter", to="99999999998"),
                402,
                id="not yet valid",
            ),
            pytest.param(
                set_in("payload", "permit2Authorization", to={}), 200, id="permit2 beside it"
            ),
            pytest.param(set_in("payload", "authorization", to=[]), 400, id="no authorization"),
            pytest.param(sign_high, 402, id="the malleable twin of the signature"),
        ],
    )
    async def test_one_part(self, scripted: Scripted, tamper: Tamper, status: int) -> None:
        service, script = scripted
        payload = Wallet().signed(await service.terms())
        tamper(payload)
        response = await service.ask(EXAMPLE, header_of(payload))
        assert response.status_code == status
        assert ("settle" in script.calls) == (status == 200)

    async def test_a_signature_for_another_chain_is_left_to_verify(
        self, scripted: Scripted
    ) -> None:
        """It may be a smart wallet's for all we know here, so nothing is settled unverified."""
        service, script = scripted
        terms = await service.terms()
        payload, other = Wallet().signed(terms), Wallet().signed(terms)
        payload["payload"]["signature"] = other["payload"]["signature"]
        await service.ask(EXAMPLE, header_of(payload))
        assert script.calls[1] == "verify"


class TestReplayed:
    async def test_at_once_and_for_different_bodies(self, scripted: Scripted) -> None:
        service, script = scripted
        payment = header_of(Wallet().signed(await service.terms()))
        bodies = [{**EXAMPLE, "shifts": 1 + turn % 5} for turn in range(50)]
        answers = await asyncio.gather(*(service.ask(body, payment) for body in bodies))
        assert sorted({answer.status_code for answer in answers}) == [200, 409]
        assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
        assert script.calls.count("settle") == 1

    @pytest.mark.parametrize(
        "respell",
        [
            pytest.param(str.upper, id="nonce in capitals"),
            pytest.param(str.lower, id="nonce in small letters"),
        ],
    )
    async def test_respelt(self, scripted: Scripted, respell: Callable[[str], str]) -> None:
        service, script = scripted
        payload = Wallet().signed(await service.terms())
        assert (await service.ask(EXAMPLE, header_of(payload))).status_code == 200
        authorization = payload["payload"]["authorization"]
        authorization["nonce"] = "0x" + respell(authorization["nonce"][2:])
        response = await service.ask({**EXAMPLE, "shifts": 9}, header_of(payload))
        assert response.status_code == 409
        assert script.calls.count("settle") == 1

    async def test_with_the_other_spelling_of_v(self, scripted: Scripted) -> None:
        service, script = scripted
        payload = Wallet().signed(await service.terms())
        await service.ask(EXAMPLE, header_of(payload))
        signature = payload["payload"]["signature"]
        payload["payload"]["signature"] = f"{signature[:-2]}{int(signature[-2:], 16) - 27:02x}"
        assert (await service.ask({**EXAMPLE, "shifts": 9}, header_of(payload))).status_code == 409
        assert script.calls.count("settle") == 1


class TestAnotherRoute:
    @pytest.mark.parametrize(
        ("bought_at", "spent_at"),
        list(itertools.permutations(paid_endpoints(), 2)),
        ids=lambda endpoint: endpoint.slug,
    )
    async def test_a_payment_for_one_buys_no_other(
        self, scripted: Scripted, bought_at: Endpoint, spent_at: Endpoint
    ) -> None:
        """Its terms and its resource are others."""
        service, script = scripted
        terms = (await service.http.post(bought_at.path)).headers["PAYMENT-REQUIRED"]
        payload = Wallet().signed(terms)
        headers = {"PAYMENT-SIGNATURE": header_of(payload)}
        refused = await service.http.post(spent_at.path, json=spent_at.example, headers=headers)
        assert refused.status_code == 402
        other = "resource" if bought_at.price_usd == spent_at.price_usd else "amount, resource"
        assert refused.json()["error"] == f"payment_terms_mismatch: {other}"
        assert "settle" not in script.calls
        bought = await service.http.post(bought_at.path, json=bought_at.example, headers=headers)
        assert bought.status_code == 200


class TestHangUp:
    async def test_at_every_await(self, scripted: Scripted) -> None:
        """Cancelled after each number of steps: a retry always gets the one answer, paid once."""
        service, script = scripted
        terms, steps, finished = await service.terms(), 0, False
        while not finished:
            steps += 1
            payment = header_of(Wallet().signed(terms))
            before = script.calls.count("settle")
            asking = asyncio.create_task(service.ask(EXAMPLE, payment))
            for _ in range(steps):
                await asyncio.sleep(0)
            finished = asking.done()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            retried = await service.ask(EXAMPLE, payment)
            assert retried.status_code == 200
            assert script.calls.count("settle") == before + 1
            assert steps < 200, "a request takes far fewer steps"
        assert steps > 3


def talk(address: str, request: bytes) -> bytes:
    """Everything the server says to these bytes within a second of its last word."""
    host, port = address.removeprefix("http://").split(":")
    said = b""
    with socket.create_connection((host, int(port)), timeout=1) as connection:
        try:
            connection.sendall(request)
            while chunk := connection.recv(65536):
                said += chunk
        except (TimeoutError, ConnectionError):
            pass
    return said


def request(*headers: str, line: str = f"POST {PATH} HTTP/1.1", body: bytes = BODY) -> bytes:
    return "\r\n".join([line, "Host: x", *headers, "", ""]).encode() + body


SMUGGLED = request(f"Content-Length: {len(BODY)}")
LENGTH = f"Content-Length: {len(BODY)}"


class TestOnTheWire:
    @pytest.mark.parametrize(
        "shape",
        [
            pytest.param(
                request("Content-Length: 4", "Transfer-Encoding: chunked", body=b"0\r\n\r\n")
                + SMUGGLED,
                id="a length and chunks",
            ),
            pytest.param(request(LENGTH, "Content-Length: 0"), id="two lengths"),
            pytest.param(request("Content-Length: +4"), id="a signed length"),
            pytest.param(request("Content-Length: 4, 4"), id="a list of lengths"),
            pytest.param(request("Transfer-Encoding: xchunked"), id="an unknown encoding"),
            pytest.param(request("X: a\r\n b", LENGTH), id="a folded header"),
            pytest.param(request(f"Content-Length : {len(BODY)}"), id="a space before the colon"),
            pytest.param(request("X: a\0b", LENGTH), id="a zero byte"),
            pytest.param(request(LENGTH).replace(b"\r\n", b"\n"), id="bare line feeds"),
            pytest.param(
                request("Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n0\r\n\r\n"),
                id="a chunk of no size",
            ),
            pytest.param(request(LENGTH, line=f"POST {PATH} HTTP/9.9"), id="a version to come"),
            pytest.param(
                request(LENGTH, line=f"POST http://evil.test{PATH} HTTP/1.1"), id="absolute form"
            ),
            pytest.param(request(LENGTH, "Host: evil.test"), id="two hosts"),
        ],
    )
    def test_odd_shapes_are_never_answered_with_a_rotation(
        self, address: str, shape: bytes
    ) -> None:
        said = talk(address, shape)
        assert b"HTTP/1.1 200" not in said
        assert b"HTTP/1.1 500" not in said
        assert b"evil.test" not in said
        assert httpx.get(address + "/healthz").status_code == 200

    def test_a_header_bomb_is_refused(self, address: str) -> None:
        bomb = [f"X-{number}: {'x' * 1000}" for number in range(40)]
        assert talk(address, request(*bomb, LENGTH)).startswith(b"HTTP/1.1 431")

    async def test_a_slow_reader_holds_nobody_up_and_is_charged_once(self, address: str) -> None:
        body = json.dumps({**EXAMPLE, "shifts": 10_000}).encode()
        async with httpx.AsyncClient(base_url=address) as http:
            terms = (await http.post(PATH)).headers["PAYMENT-REQUIRED"]
            payment = header_of(Wallet().signed(terms))
            host, port = address.removeprefix("http://").split(":")
            with socket.socket() as reader:
                reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                reader.connect((host, int(port)))
                reader.sendall(
                    request(
                        f"Content-Length: {len(body)}", f"PAYMENT-SIGNATURE: {payment}", body=body
                    )
                )
                await asyncio.sleep(0.3)
                for _ in range(20):
                    assert (await http.get("/healthz", timeout=2)).status_code == 200
                assert reader.recv(15) == b"HTTP/1.1 200 OK"
            again = await http.post(PATH, content=body, headers={"PAYMENT-SIGNATURE": payment})
            assert again.headers["Idempotent-Replayed"] == "true"


class TestCaches:
    async def test_nothing_is_fresh_in_a_shared_cache(self) -> None:
        served = service()
        bought = await served.buy()
        assert bought.headers["Cache-Control"] == "public, max-age=0"
        assert "ETag" not in bought.headers
        for refused in (await served.ask(b""), await served.ask({}), await served.http.get(PATH)):
            assert refused.headers["Cache-Control"] == "no-store"


async def test_a_settlement_in_progress_cannot_be_bought_out_from_under(scripted: Scripted) -> None:
    """While a payment is being settled for one body, another body does not wait for it."""
    service, script = scripted
    release = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return await settles(request)

    script.play("settle", slow)
    payment = header_of(Wallet().signed(await service.terms()))
    first = asyncio.create_task(service.ask(EXAMPLE, payment))
    await script.called("settle")
    assert (await service.ask({**EXAMPLE, "shifts": 9}, payment)).status_code == 409
    release.set()
    assert (await first).status_code == 200
