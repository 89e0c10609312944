"""Floods of requests without a valid key: what each may cost, and who is not hindered by them."""

import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
from limits import parse
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.database import Database
from app.discovery.html import html_page
from app.errors import WorkersBusy
from app.http.rate_limits import RateLimits
from app.teams.pipeline import StoredApi
from app.teams.routes import stored_operations
from app.workers.pool import WorkerPool
from tests.support.clock import Clock
from tests.support.stored import V2, Stored

pytestmark = pytest.mark.anyio

PER_ADDRESS = 150
USERS = f"{V2}/users"
MADE_UP = "ak_live_{:0>10}_" + 43 * "x"


class Counted(Database):
    """A database that counts how often it is looked into."""

    reads = 0

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        self.reads += 1
        async with super().reading() as tx:
            yield tx


@pytest.fixture
async def database(stored: Stored) -> AsyncIterator[Counted]:
    counted = Counted(stored.url)
    await counted.open()
    yield counted
    await counted.aclose()


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    return RateLimits(clock, per_address=parse(f"{PER_ADDRESS}/minute"))


@pytest.fixture
def http(database: Counted, limits: RateLimits, clock: Clock) -> httpx.AsyncClient:
    """A client of the stored APIs, which count 150 requests a minute of its address."""
    api = StoredApi(
        stored_operations(),
        database,
        limits=limits,
        workers=WorkerPool(),
        public_url="https://x.test",
        clock=clock,
        render=html_page,
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://stored.test")


def refuse(*_: object) -> bool:
    raise WorkersBusy("too many", retry_after=1)


async def asked(http: httpx.AsyncClient, *keys: str, path: str = USERS) -> list[int]:
    answers = [await http.get(path, headers={"X-API-Key": key} if key else {}) for key in keys]
    return [answer.status_code for answer in answers]


async def test_made_up_keys_cost_a_look_each_up_to_the_limit_of_the_address(
    http: httpx.AsyncClient, database: Counted
) -> None:
    statuses = await asked(http, *(MADE_UP.format(number) for number in range(PER_ADDRESS + 50)))
    assert statuses == [401] * 120 + [429] * 80
    assert database.reads == PER_ADDRESS


@pytest.mark.parametrize(
    "key", ["", "x", "ak_live_", MADE_UP.format(1) + "x", MADE_UP.format("ä"), "x" * 8000]
)
async def test_what_cannot_be_a_key_costs_no_look(
    http: httpx.AsyncClient, database: Counted, key: str
) -> None:
    headers = {"X-API-Key": key.encode()} if key else {}
    for _ in range(3):
        assert (await http.get(USERS, headers=headers)).status_code == 401
    assert database.reads == 0


@pytest.mark.parametrize("token", ["", "x", "x" * 42, "x" * 44, "x" * 42 + "!"])
async def test_what_cannot_be_a_token_costs_no_look(
    http: httpx.AsyncClient, database: Counted, token: str
) -> None:
    path = f"{USERS}/ann/calendar.ics?token={token}"
    assert (await http.get(path)).status_code == 401
    assert database.reads == 0


async def test_a_key_behind_the_same_address_keeps_its_limit(
    http: httpx.AsyncClient, stored: Stored
) -> None:
    await asked(http, *(MADE_UP.format(number) for number in range(130)))
    answer = await http.get(USERS, headers=stored.me.headers)
    assert (answer.status_code, answer.headers["RateLimit"]) == (200, '"per-key";r=119;t=60')


async def test_an_address_beyond_its_limit_is_told_that_before_anything_else(
    http: httpx.AsyncClient, limits: RateLimits
) -> None:
    """It takes no place among the large bodies, and is refused whether there is one or not."""
    await asked(http, *[""] * PER_ADDRESS)
    limits.large_bodies.grow = refuse  # type: ignore[method-assign] # as when they are all taken
    answer = await http.post(USERS, content=b" " * 20_000)
    assert answer.status_code == 429
    assert answer.headers["RateLimit"].startswith('"per-address";r=0')
    assert answer.json()["error"] == "rate_limited"


async def test_what_is_not_served_counts_against_the_limit_of_the_address(
    http: httpx.AsyncClient, limits: RateLimits
) -> None:
    """It is logged and answered as any other request is, so it is no way around the limit."""
    asks = [("GET", f"{V2}/nothing"), ("DELETE", f"{V2}/users"), ("GET", "/api/v9")]
    statuses = [(await http.request(*ask)).status_code for ask in asks * (PER_ADDRESS // 3)]
    assert set(statuses) == {404, 405}
    refused = await http.get(f"{V2}/nothing")
    assert (refused.status_code, refused.json()["error"]) == (429, "rate_limited")
    assert limits.refusals["per-address"] == 1
