"""The construction of the application from its parts, and its start and end."""

import asyncio
import importlib
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.checkout import setup
from app.errors import ConfigurationError
from app.main import create_app
from app.metrics import Metrics
from app.products.registry import paid_endpoints
from tests.conftest import Clock
from tests.support.services import (
    NETWORK,
    ScriptedFacilitator,
    Service,
    answers,
    living,
    remote_settings,
    settings,
)

SOLD = {row.path: row.slug for row in paid_endpoints()}
SLUGS = list(SOLD.values())
SUPPORTED = {"kinds": [{"x402Version": 2, "scheme": "exact", "network": NETWORK}]}


@pytest.mark.anyio
@pytest.mark.parametrize("payments", ["sandbox", "off"])
async def test_it_starts_and_stops(payments: str) -> None:
    app = create_app(settings(payments=payments))
    async with living(app):
        assert (await Service(app).http.get("/readyz")).json()["status"] == "ready"


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="ONCALL_NETWORK"):
        create_app(settings(network="solana:mainnet"))


@pytest.mark.parametrize("payments", ["sandbox", "off"])
def test_a_limit_of_a_product_that_does_not_exist_is_refused(payments: str) -> None:
    with pytest.raises(ConfigurationError, match="did you mean sched-oncall-now"):
        create_app(settings(payments=payments, rate_limit="sched-oncal-now=1/minute"))


def test_where_nothing_is_paid_the_payee_is_not_looked_at() -> None:
    assert list(setup.setting_errors(settings(payments="off", pay_to="nobody"))) == []
    assert list(setup.setting_errors(settings(pay_to="nobody"))) != []


@pytest.mark.anyio
async def test_what_the_operator_sets_is_what_holds_and_what_is_told() -> None:
    limits = "5000/hour,sched-oncall-rotation=2/day"
    service = Service(create_app(settings(rate_limit=limits)))
    first, _, refused = [await service.ask(b"") for _ in range(3)]
    assert first.headers["RateLimit"] == '"without-payment";r=1;t=86400'
    assert first.headers["RateLimit-Policy"] == '"without-payment";q=2;w=86400'
    assert (first.status_code, refused.status_code) == (402, 429)
    assert refused.json()["detail"] == "at most 2 requests a day"
    assert int(refused.headers["Retry-After"]) > 80_000

    paths = (await service.http.get("/openapi.json")).json()["paths"]
    told = {path: paths[path]["post"]["description"].rpartition("; ")[2] for path in SOLD}
    assert list(told.values()) == [
        "at most 2 requests a day.",
        *["at most 5000 requests an hour."] * (len(SOLD) - 1),
    ]
    pages = [(await service.http.get(f"/catalog/{slug}")).json() for slug in SOLD.values()]
    assert [page["rateLimit"] for page in pages] == ["2/day", *["5000/hour"] * (len(SOLD) - 1)]
    for page in ("/llms.txt", "/skill.md"):
        text = (await service.http.get(page)).text
        assert (text.count("2 requests a day"), text.count("5000 requests an hour")) == (
            1,
            len(SOLD) - 1,
        )
        assert "a minute" not in text


@pytest.mark.anyio
async def test_one_limit_of_an_address_is_over_products_tools_and_stored_schedules(
    clock: Clock, tmp_path: Path
) -> None:
    stored = f"sqlite:///{tmp_path}/oncall.db"
    most = len(SOLD) + 5
    app = create_app(settings(address_limit=f"{most}/hour", database_url=stored), clock=clock)
    async with living(app):
        ann, ben = Service(app), Service(app, "203.0.113.8")
        paths = [*SOLD, "/mcp", "/sandbox/pay"]
        for path in paths:
            assert (await ann.http.post(path)).status_code != 429
        for path in ("/api/v1/schedules", "/api/v2/oncall/users", "/api/v1/schedules"):
            assert (await ann.http.get(path)).status_code == 401
        refused = [await ann.http.post(path) for path in paths]
        refused.append(await ann.http.get("/api/v1/schedules"))
        for answer in refused:
            assert answer.status_code == 429
            assert answer.headers["RateLimit"] == '"per-address";r=0;t=3600'
            assert answer.headers["RateLimit-Policy"] == f'"per-address";q={most};w=3600'
            assert answer.headers["Retry-After"] == "3600"
        detail = f"at most {most} requests an hour of everything from this address"
        assert refused[0].json()["detail"] == detail
        assert (await ann.http.get("/healthz")).status_code == 200
        assert (await ben.ask(b"")).status_code == 402


@pytest.mark.parametrize(
    ("limit", "below"),
    [
        ("119/minute", SLUGS),
        ("120/minute", []),
        ("", []),
        ("7200/hour", []),
        ("1/second", SLUGS),
    ],
)
def test_a_limit_of_an_address_below_that_of_a_product_is_warned_of(
    limit: str, below: list[str]
) -> None:
    with capture_logs() as logs:
        create_app(settings(address_limit=limit))
    warned = [each["below"] for each in logs if each["event"] == "address_limit"]
    assert warned == ([below] if below else [])


@pytest.mark.anyio
async def test_the_limit_of_an_address_follows_from_those_of_products(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.http.rate_limits.AT_LEAST_BY_ADDRESS", "1/day")
    served = Service(create_app(settings(rate_limit="1/day,sched-oncall-now=1/hour")))
    answers = [await served.ask(b"") for _ in range(11)]
    assert answers[9].headers["RateLimit-Policy"] == '"without-payment";q=1;w=86400'
    assert answers[10].headers["RateLimit-Policy"] == '"per-address";q=10;w=3600'


@pytest.mark.anyio
async def test_a_facilitator_that_comes_up_later_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(setup, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(setup, "REFRESH_SECONDS", 0.01)
    down = answers(b"", 503)
    async with ScriptedFacilitator(supported=[down, down, answers(SUPPORTED)]) as script:
        configured = remote_settings(script.url)
        made = setup.PaymentService(configured, lambda: 0.0, Metrics(), None, None)
        async with made.open():
            assert made.checks()["facilitator"] == "the facilitator does not answer properly (503)"
            async with asyncio.timeout(5):
                while made.checks()["facilitator"] is not None:  # noqa: ASYNC110 - nothing signals it
                    await asyncio.sleep(0.01)


@pytest.mark.anyio
async def test_the_asgi_module_builds_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.logs.configure_logs", lambda *_: None)
    app = importlib.import_module("app.asgi").app
    async with living(app):
        assert (await Service(app).http.get("/healthz")).status_code == 200


def test_the_asgi_module_says_in_words_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCALL_PAYMENTS", "shells")
    monkeypatch.delitem(sys.modules, "app.asgi", raising=False)
    with pytest.raises(SystemExit, match="ONCALL_PAYMENTS: 'shells' is not one of sandbox"):
        importlib.import_module("app.asgi")
