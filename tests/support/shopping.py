"""Buyers and a facilitator that keep books of one another.

Strategy: the facilitator moves a payment's money when it is first asked to, and answers later, so
that a replica can be ended between the two; asked again, it names the same transaction and moves
nothing. A ``Buyer`` does what a good client does: it sends the same payment until it has an answer,
waiting as long as each 503 says. What must never happen is checked at every answer.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import httpx
from aiohttp import web

from tests.support.services import (
    EXAMPLE,
    PATH,
    ScriptedFacilitator,
    answers,
    settlement,
    transaction_in,
)
from tests.support.wallets import Wallet, header_of

SETTLE_SECONDS = 0.15
PATIENCE_SECONDS = 40.0


class Ledger(ScriptedFacilitator):
    """What was settled: ``moved`` tells the transaction of each nonce.

    ``asked`` counts the calls for a nonce, ``answered`` those whose caller was still there to be
    answered. While it is held, money still moves and nobody is answered.
    """

    def __init__(self) -> None:
        super().__init__(settle=self._settle)
        self.moved: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.waiting = 0
        self._flowing = asyncio.Event()
        self._flowing.set()

    def hold(self) -> None:
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    async def has_waiting(self, count: int) -> None:
        """Wait until so many settlements are under way."""
        async with asyncio.timeout(15):
            while self.waiting < count:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)

    async def _settle(self, request: web.Request) -> web.StreamResponse:
        authorization = (await request.json())["paymentPayload"]["payload"]["authorization"]
        nonce = authorization["nonce"]
        self.asked[nonce] += 1
        transaction = self.moved.setdefault(nonce, f"0x{len(self.moved) + 1:064x}")
        self.waiting += 1
        await asyncio.sleep(SETTLE_SECONDS)
        await self._flowing.wait()
        self.waiting -= 1
        self.answered[nonce] += request.transport is not None and not request.transport.is_closing()
        paid = settlement(payer=authorization["from"], transaction=transaction)
        return await answers(paid)(request)


@dataclass
class Books:
    """What callers were told: every status, and the transaction of every nonce answered."""

    told: Counter[str] = field(default_factory=Counter)
    bought: dict[str, str] = field(default_factory=dict)

    def note(self, kind: str, answer: httpx.Response) -> None:
        """Count an answer and check what holds for every one, nginx's own included."""
        self.told[f"{kind} {answer.status_code}"] += 1
        assert answer.status_code in (200, 402, 429, 503), answer.text
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["retry"] == "same-payment"


def client(url: str, address: str) -> httpx.AsyncClient:
    """A caller at an address of its own: no two callers share a limit."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(base_url=url, transport=transport, timeout=60)


@dataclass
class Buyer:
    """Buys with a new wallet each time. ``payments`` are all it has made, by nonce."""

    http: httpx.AsyncClient
    books: Books
    payments: dict[str, dict[str, str]] = field(default_factory=dict)

    async def shop(self, until: asyncio.Event, pause_seconds: float) -> None:
        while not until.is_set():
            await self.buy()
            await asyncio.sleep(pause_seconds)

    async def buy(self) -> None:
        terms = await self._answered("unpaid", {}, wanted=402)
        payload = Wallet().signed(terms.headers["PAYMENT-REQUIRED"])
        nonce = payload["payload"]["authorization"]["nonce"]
        self.payments[nonce] = {"PAYMENT-SIGNATURE": header_of(payload)}
        self.books.bought[nonce] = transaction_in(await self.paid(nonce))

    async def paid(self, nonce: str) -> httpx.Response:
        """The answer that a payment buys, however often it is sent."""
        return await self._answered("paid", self.payments[nonce], wanted=200)

    async def _answered(self, kind: str, headers: dict[str, str], *, wanted: int) -> httpx.Response:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                answer = await self.http.post(PATH, json=EXAMPLE, headers=headers)
                self.books.note(kind, answer)
                if answer.status_code != 503:
                    assert answer.status_code == wanted, answer.text
                    return answer
                await asyncio.sleep(int(answer.headers["Retry-After"]))
