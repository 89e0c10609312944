"""What is looked at when the service starts: Redis's policy, the lease, and the node."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import structlog
from aiohttp import web

from app.checkout.setup import PaymentService, claims_of
from app.errors import ConfigurationError
from app.main import create_app
from app.metrics import Metrics
from app.payments.claims.redis import TIMEOUT_SECONDS, TRIES, RedisClaims
from tests.conftest import Clock
from tests.support.redis_server import redis_server
from tests.support.services import (
    ScriptedFacilitator,
    Service,
    living,
    remote_settings,
    serving,
    settings,
)

pytestmark = pytest.mark.anyio

AWAY = "the node cannot be reached or does not answer properly"


class TestEviction:
    @pytest.mark.redis
    async def test_production_does_not_start(self, tmp_path: Path, clock: Clock) -> None:
        with redis_server(tmp_path) as url:
            with redis.Redis.from_url(url) as server:
                server.config_set("maxmemory-policy", "allkeys-lru")
            async with ScriptedFacilitator() as script:
                configured = remote_settings(script.url, redis_url=url, environment="production")
                service = PaymentService(configured, clock, Metrics(), None, None)
                with pytest.raises(ConfigurationError, match=r"ONCALL_REDIS_URL: .* allkeys-lru"):
                    async with service.open():
                        pass
                assert script.calls == []

    @pytest.mark.redis
    async def test_elsewhere_it_says_so(self, tmp_path: Path) -> None:
        with redis_server(tmp_path) as url:
            with redis.Redis.from_url(url) as server:
                server.config_set("maxmemory-policy", "volatile-ttl")
            app = create_app(settings(redis_url=url))
            async with living(app):
                ready = await Service(app).http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"]["claims"] == (
            "Redis may drop claims: its maxmemory-policy is volatile-ttl, not noeviction"
        )

    @pytest.mark.redis
    async def test_a_safe_one_starts_in_production(self, tmp_path: Path, clock: Clock) -> None:
        with redis_server(tmp_path) as url:
            async with ScriptedFacilitator() as script:
                configured = remote_settings(script.url, redis_url=url, environment="production")
                service = PaymentService(configured, clock, Metrics(), None, None)
                async with service.open():
                    assert service.checks()["claims"] is None


@pytest.mark.parametrize("deadline", [0.5, 45])
def test_a_lease_is_longer_than_all_that_happens_under_it(clock: Clock, deadline: float) -> None:
    """Verifying and settling end at the deadline; then come two operations of the store."""
    url = "redis://127.0.0.1:9/0"
    claims = claims_of(settings(redis_url=url, settle_deadline_seconds=deadline), clock)
    assert isinstance(claims, RedisClaims)
    assert claims._lease_seconds > deadline + 2 * TRIES * TIMEOUT_SECONDS


class TestNode:
    @pytest.mark.parametrize(
        ("rpc_url", "told", "warnings"),
        [("", "none", ["no_chain"]), ("http://127.0.0.1:9", AWAY, [])],
    )
    async def test_whether_there_is_one_is_told(
        self, rpc_url: str, told: str, warnings: list[str]
    ) -> None:
        async with ScriptedFacilitator() as script:
            app = create_app(remote_settings(script.url, rpc_url=rpc_url))
            with structlog.testing.capture_logs() as logs:
                async with living(app):
                    ready = await Service(app).http.get("/readyz")
        assert ready.json()["checks"]["chain"] == told
        assert ready.status_code == (200 if told == "none" else 503)
        assert [each["event"] for each in logs if each["log_level"] == "warning"] == warnings

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ({"jsonrpc": "2.0", "id": 1, "result": "0x14a34"}, "ok"),
            ({"jsonrpc": "2.0", "id": 1, "result": "0x14A34"}, "ok"),
            ({"jsonrpc": "2.0", "id": 1, "result": 84532}, AWAY),
            ({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no"}}, AWAY),
        ],
    )
    async def test_it_is_asked_for_its_chain(self, answer: Any, told: str) -> None:
        asked: list[Any] = []

        async def node(request: web.Request) -> web.Response:
            asked.append(await request.json())
            return web.json_response(answer)

        async with ScriptedFacilitator() as script, serving(node) as url:
            app = create_app(remote_settings(script.url, rpc_url=url))
            async with living(app):
                ready = await Service(app).http.get("/readyz")
        assert ready.json()["checks"]["chain"] == told
        assert [(each["method"], each["params"]) for each in asked] == [("eth_chainId", [])]

    async def test_one_of_another_chain_keeps_the_service_from_starting(self, clock: Clock) -> None:
        async def node(_: web.Request) -> web.Response:
            return web.json_response({"jsonrpc": "2.0", "id": 1, "result": "0x1"})

        async with ScriptedFacilitator() as script, serving(node) as url:
            configured = remote_settings(script.url, rpc_url=url)
            service = PaymentService(configured, clock, Metrics(), None, None)
            with pytest.raises(ConfigurationError) as failure:
                async with service.open():
                    pass
        assert failure.value.problems == (
            "ONCALL_RPC_URL: the node is of chain 1, and payments are on chain 84532",
        )

    async def test_one_that_comes_and_changes_is_noticed(self, clock: Clock) -> None:
        results = ["", "0x14a34", "0x1"]

        async def node(_: web.Request) -> web.Response:
            return web.json_response({"jsonrpc": "2.0", "id": 1, "result": results.pop(0)})

        async with ScriptedFacilitator() as script, serving(node) as url:
            configured = remote_settings(script.url, rpc_url=url)
            service = PaymentService(configured, clock, Metrics(), None, None)
            async with service.open():
                problems = [service.checks()["chain"]]
                for _ in range(2):
                    await service.refresh()
                    problems.append(service.checks()["chain"])
        other = "the node is of chain 1, and payments are on chain 84532"
        assert problems == [AWAY, None, other]

    async def test_a_sandbox_needs_none(self) -> None:
        app = create_app(settings())
        async with living(app):
            ready: httpx.Response = await Service(app).http.get("/readyz")
        assert "chain" not in ready.json()["checks"]
