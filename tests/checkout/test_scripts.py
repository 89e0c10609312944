"""How many scripts each kind of request runs in Redis, and where limits and claims are."""

from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from app.ledger.ledger import Ledger
from tests.support.redis_server import redis_server
from tests.support.services import EXAMPLE, living, service, settings
from tests.support.wallets import Wallet, header_of

pytestmark = [pytest.mark.anyio, pytest.mark.redis]


@pytest.fixture(autouse=True)
def requests_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No script but those of requests: the ledger's task does not look for open claims."""

    async def look_up(_: Ledger) -> None:
        return

    monkeypatch.setattr(Ledger, "look_up", look_up)


SCRIPTS = ("eval", "evalsha")


def scripts_run(url: str) -> int:
    """How many scripts the Redis at ``url`` has run since this was last asked."""
    with redis.Redis.from_url(url) as server:
        stats = server.info("commandstats")
        server.config_resetstat()
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in SCRIPTS)


async def test_each_kind_of_request_runs_so_many_scripts(tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        served = service(settings(redis_url=url))
        async with living(served.app):
            assert (await served.buy()).status_code == 200  # from now on Redis knows all scripts
            terms = await served.terms()
            scripts_run(url)
            assert (await served.ask(EXAMPLE)).status_code == 402
            assert scripts_run(url) == 1
            payment = header_of(Wallet().signed(terms))
            assert (await served.ask(EXAMPLE, payment)).status_code == 200
            assert scripts_run(url) == 4  # find, limit, claim, settled
            again = await served.ask(EXAMPLE, payment)
            assert again.headers["Idempotent-Replayed"] == "true"
            assert scripts_run(url) == 1


async def test_limits_may_have_a_redis_of_their_own(tmp_path: Path) -> None:
    with ExitStack() as stack:
        folders = [tmp_path / name for name in ("claims", "limits")]
        for folder in folders:
            folder.mkdir()
        claims, limits = (stack.enter_context(redis_server(folder)) for folder in folders)
        served = service(settings(redis_url=claims, limits_redis_url=limits))
        async with living(served.app):
            assert (await served.buy()).status_code == 200
        with redis.Redis.from_url(claims) as server:
            assert {key.split(b":")[1] for key in server.scan_iter()} == {
                b"claim",
                b"payer",
                b"settlements",
            }
        with redis.Redis.from_url(limits) as server:
            assert {key.split(b":")[1] for key in server.scan_iter()} == {b"limit"}
