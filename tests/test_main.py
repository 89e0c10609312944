"""Putting the parts together, and the life of the application."""

import asyncio
import importlib
import sys

import pytest

from app.checkout import setup
from app.errors import ConfigurationError
from app.main import create_app
from app.metrics import Metrics
from tests.support.services import (
    NETWORK,
    ScriptedFacilitator,
    Service,
    answers,
    living,
    remote_settings,
    settings,
)

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


@pytest.mark.anyio
async def test_a_facilitator_that_comes_up_later_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(setup, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(setup, "REFRESH_SECONDS", 0.01)
    down = answers(b"", 503)
    async with ScriptedFacilitator(supported=[down, down, answers(SUPPORTED)]) as script:
        configured = remote_settings(script.url)
        made = setup.Desk(configured, lambda: 0.0, Metrics(), None, None)
        async with made.open():
            assert made.checks()["facilitator"] == "the facilitator does not answer properly"
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
