"""A store of claims of either kind, and what a claim needs."""

import itertools
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from app.payments.claims.claim import PaymentClaims
from app.payments.claims.memory import MemoryClaims
from app.payments.claims.redis import RedisClaims
from tests.support.redis_server import redis_server
from tests.support.redis_servers import emptied, redis_cluster

KEYS = itertools.count()


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="module")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster.url


REDIS = {"redis": "redis_url", "cluster": "cluster_url"}
"""The fixtures with the addresses."""


@pytest.fixture(params=["memory", *(pytest.param(kind, marks=pytest.mark.redis) for kind in REDIS)])
async def claims(request: pytest.FixtureRequest) -> AsyncIterator[PaymentClaims]:
    """A store that is empty."""
    store: PaymentClaims = MemoryClaims(time.time)
    if request.param in REDIS:
        shared = RedisClaims(request.getfixturevalue(REDIS[request.param]), lease_seconds=60)
        await emptied(shared._redis)
        store = shared
    yield store
    await store.aclose()


@pytest.fixture
def key() -> str:
    """The key of a claim, or the beginning of the keys of several by one payer."""
    return f"eip155:84532:usdc:payer-{next(KEYS)}:nonce"


@pytest.fixture
def soon() -> float:
    return time.time() + 60
