"""What is looked at when the service starts: Redis's policy, the lease, and the node."""

from pathlib import Path

import httpx
import pytest
import redis
import structlog

from app.checkout.setup import PaymentService, claims_of
from app.errors import ConfigurationError
from app.main import create_app
from app.metrics import Metrics
from app.payments.claims.redis import TIMEOUT_SECONDS, TRIES, RedisClaims
from tests.conftest import Clock
from tests.support.redis_server import redis_server
from tests.support.services import ScriptedFacilitator, Service, living, remote_settings, settings

pytestmark = pytest.mark.anyio


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
        [("", "none", ["no_chain"]), ("http://127.0.0.1:9", "ok", [])],
    )
    async def test_whether_there_is_one_is_told(
        self, rpc_url: str, told: str, warnings: list[str]
    ) -> None:
        async with ScriptedFacilitator() as script:
            app = create_app(remote_settings(script.url, rpc_url=rpc_url))
            with structlog.testing.capture_logs() as logs:
                async with living(app):
                    ready = await Service(app).http.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["chain"]) == (200, told)
        assert [each["event"] for each in logs if each["log_level"] == "warning"] == warnings

    async def test_a_sandbox_needs_none(self) -> None:
        app = create_app(settings())
        async with living(app):
            ready: httpx.Response = await Service(app).http.get("/readyz")
        assert "chain" not in ready.json()["checks"]
