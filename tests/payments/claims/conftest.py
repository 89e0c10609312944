"""A store of claims of either kind, and what a claim needs."""

import itertools
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from app.payments.claims.claim import PaymentClaims
from app.payments.claims.memory import MemoryClaims
from app.payments.claims.redis import RedisClaims
from tests.support.redis_server import redis_server

KEYS = itertools.count()


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
async def claims(request: pytest.FixtureRequest) -> AsyncIterator[PaymentClaims]:
    """A store that is empty."""
    store: PaymentClaims = MemoryClaims(time.time)
    if request.param == "redis":
        shared = RedisClaims(request.getfixturevalue("redis_url"), lease_seconds=60)
        await shared._redis.flushall()
        store = shared
    yield store
    await store.aclose()


@pytest.fixture
def key() -> str:
    return f"key-{next(KEYS)}"


@pytest.fixture
def soon() -> float:
    return time.time() + 60
