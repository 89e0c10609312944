"""Facilitators by name, against stubs that read tokens as their vendors do."""

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from app import settings as app_settings
from app.payments.facilitators.credentials import ApiKey
from app.payments.facilitators.named import ADDRESSES, FacilitatorChoice, facilitator_from
from tests.support.services import (
    EXAMPLE,
    NETWORK,
    ScriptedFacilitator,
    Service,
    living,
    remote_settings,
    service,
)
from tests.support.vendors import (
    KEY_ID,
    CdpFacilitator,
    CdpKeys,
    PayAiFacilitator,
    PayAiKeys,
    TokenFacilitator,
)
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio

CDP, OTHER_CDP = CdpKeys(), CdpKeys()
PAYAI = PayAiKeys()
CDP_KEY = {"cdp_api_key_id": KEY_ID, "cdp_api_key_secret": CDP.ed25519}


@asynccontextmanager
async def selling(script: ScriptedFacilitator, **changes: Any) -> AsyncIterator[Service]:
    """A service that settles by the stub, which stands in the place of a vendor's address."""
    served = service(remote_settings(script.url, **changes))
    async with living(served.app):
        yield served


def contract_payment(terms: str) -> str:
    """A payment that only the facilitator can verify, so that it is called twice."""
    payload = Wallet().signed(terms)
    payload["payload"]["signature"] += "00" * 31
    return header_of(payload)


@pytest.mark.parametrize(
    "secret", [CDP.ed25519, CDP.ecdsa.replace("\n", "\\n")], ids=["Ed25519", "P-256"]
)
async def test_cdp_takes_our_tokens(secret: str) -> None:
    async with CdpFacilitator(CDP.public) as script:
        key = {"cdp_api_key_id": KEY_ID, "cdp_api_key_secret": secret}
        async with selling(script, facilitator="cdp", **key) as served:
            payment = contract_payment(await served.terms())
            assert (await served.ask(EXAMPLE, payment)).status_code == 200
        assert script.refused == []
        assert script.calls == ["supported", "verify", "settle"]
        assert len(set(script.tokens)) == 3, "each call has its own"


async def test_payai_takes_one_token_for_all_calls() -> None:
    key = {"payai_api_key_id": KEY_ID, "payai_api_key_secret": PAYAI.secret}
    async with PayAiFacilitator(PAYAI.public) as script:
        async with selling(script, facilitator="payai", **key) as served:
            assert (await served.buy()).status_code == 200
        assert script.refused == []
        assert len(set(script.tokens)) == 1


@pytest.mark.parametrize("name", ["payai", "x402.org"])
async def test_one_that_wants_no_key_is_shown_none(name: str) -> None:
    async with ScriptedFacilitator() as script:
        async with selling(script, facilitator=name) as served:
            assert (await served.buy()).status_code == 200
            metrics = (await served.http.get("/metrics")).text
        calls = f'facilitator="{name}",operation="settle",status="200"'
        assert f"oncall_facilitator_calls_total{{{calls}}} 1.0" in metrics


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"facilitator_headers": {"Authorization": "Bearer static"}}, "Not enough segments"),
        (
            {
                "facilitator": "cdp",
                **CDP_KEY,
                "cdp_api_key_secret": OTHER_CDP.ed25519,
            },
            "Signature verification failed",
        ),
        ({"facilitator": "cdp", **CDP_KEY, "cdp_api_key_id": "another"}, "kid"),
        (
            {
                "facilitator": "payai",
                "payai_api_key_id": KEY_ID,
                "payai_api_key_secret": PAYAI.secret,
            },
            "Signature verification failed",
        ),
    ],
    ids=["a static token", "another key", "another id", "a token of PayAI"],
)
async def test_cdp_refuses_every_other_token(changes: dict[str, Any], why: str) -> None:
    with capture_logs() as logs:
        async with CdpFacilitator(CDP.public) as script:
            async with selling(script, **changes) as served:
                assert (await served.ask(b"")).json()["code"] == "facilitator_unavailable"
                ready = await served.http.get("/readyz")
            told = "the facilitator refuses our calls (401 unauthorized)"
            assert ready.json()["checks"]["facilitator"] == told
            assert why in script.refused[0]
    [entry] = [each for each in logs if each["event"] == "facilitator"]
    assert (entry["status"], entry["error"]) == (401, "unauthorized")
    assert entry["correlation_id"] == "41deb8d59a9dc9a7-IAD"


@pytest.mark.parametrize("call", [("POST", "/verify"), ("GET", "/settle"), ("POST", "/supported")])
async def test_the_stub_refuses_a_token_of_another_call(call: tuple[str, str]) -> None:
    choice = FacilitatorChoice("cdp", cdp=ApiKey(KEY_ID, CDP.ed25519))
    fields = choice.credentials(time.time).fields(*call)
    async with CdpFacilitator(CDP.public) as script, httpx.AsyncClient() as http:
        response = await http.post(f"{script.url}/settle", json={}, headers=dict(fields))
        assert response.status_code == 401
        assert script.refused == ["uris"]


@pytest.mark.parametrize("late", [-300, 300])
async def test_the_stub_refuses_a_token_of_another_time(late: int) -> None:
    choice = FacilitatorChoice("cdp", cdp=ApiKey(KEY_ID, CDP.ed25519))
    fields = choice.credentials(lambda: time.time() + late).fields("POST", "/settle")
    async with CdpFacilitator(CDP.public) as script, httpx.AsyncClient() as http:
        response = await http.post(f"{script.url}/settle", json={}, headers=dict(fields))
        assert response.status_code == 401


async def test_no_token_shows_anywhere() -> None:
    """Not in logs, metrics or answers, whether the facilitator takes it or repeats it."""
    with capture_logs() as logs:
        async with (
            CdpFacilitator(OTHER_CDP.public) as script,
            selling(script, facilitator="cdp", **CDP_KEY) as served,
        ):
            shown = [
                (await served.ask(b"")).text,
                (await served.http.get("/readyz")).text,
                (await served.http.get("/metrics")).text,
            ]
    told = json.dumps([*shown, logs], default=repr)
    assert "eyJ" not in told
    assert CDP.ed25519[:20] not in told
    assert "is no good" not in told


# --- the choice -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "address", "label"),
    [
        (FacilitatorChoice("cdp"), ADDRESSES["cdp"], "cdp"),
        (FacilitatorChoice("payai"), ADDRESSES["payai"], "payai"),
        (FacilitatorChoice("x402.org"), "https://www.x402.org/facilitator", "x402.org"),
        (FacilitatorChoice("cdp", "http://127.0.0.1:9/x"), "http://127.0.0.1:9/x", "cdp"),
        (FacilitatorChoice("https://f.example:8/x"), "https://f.example:8/x", "f.example:8"),
    ],
)
def test_where_it_is_and_what_it_is_called(
    choice: FacilitatorChoice, address: str, label: str
) -> None:
    assert (choice.address, choice.label) == (address, label)


def test_the_names_that_settings_take_are_those_that_have_an_address() -> None:
    assert set(app_settings.FACILITATORS) == ADDRESSES.keys()


NO_ID = "CDP_API_KEY_ID is not set: ONCALL_FACILITATOR=cdp signs with it"
NO_SECRET = "CDP_API_KEY_SECRET is not set: ONCALL_FACILITATOR=cdp signs with it"
NO_KEY = (
    "CDP_API_KEY_SECRET: it is neither 64 bytes in base64 (Ed25519) nor a private key on P-256 in "
    "PEM"
)


@pytest.mark.parametrize(
    ("choice", "errors"),
    [
        (FacilitatorChoice("cdp", cdp=ApiKey(KEY_ID, CDP.ed25519)), []),
        (FacilitatorChoice("cdp"), [NO_ID, NO_SECRET]),
        (FacilitatorChoice("cdp", cdp=ApiKey(KEY_ID)), [NO_SECRET]),
        (FacilitatorChoice("cdp", cdp=ApiKey(KEY_ID, "s3cret")), [NO_KEY]),
        (FacilitatorChoice("cdp", cdp=ApiKey("", "s3cret")), [NO_ID, NO_KEY]),
        (FacilitatorChoice("payai"), []),
        (FacilitatorChoice("payai", payai=ApiKey(KEY_ID, PAYAI.secret)), []),
        (
            FacilitatorChoice("payai", payai=ApiKey(KEY_ID)),
            ["PAYAI_API_KEY_SECRET is not set: ONCALL_FACILITATOR=payai signs with it"],
        ),
        (
            FacilitatorChoice("payai", payai=ApiKey("", "s3cret")),
            [
                "PAYAI_API_KEY_ID is not set: ONCALL_FACILITATOR=payai signs with it",
                "PAYAI_API_KEY_SECRET: it is not an Ed25519 key in PKCS #8, in base64",
            ],
        ),
        (FacilitatorChoice("x402.org", cdp=ApiKey("", "s3cret")), []),
        (FacilitatorChoice("https://f.example", payai=ApiKey("x")), []),
    ],
)
def test_what_is_wrong_with_its_key(choice: FacilitatorChoice, errors: list[str]) -> None:
    assert list(choice.errors()) == errors


@pytest.mark.parametrize(
    "choice",
    [FacilitatorChoice("cdp", cdp=ApiKey(KEY_ID, "s3cret")), FacilitatorChoice("cdp")],
)
def test_a_wrong_key_makes_no_client(choice: FacilitatorChoice) -> None:
    with pytest.raises(ValueError, match="neither 64 bytes"):
        facilitator_from(choice, network=NETWORK, clock=time.time)


def test_a_client_may_be_made_for_each_of_several_networks(
    clock: Callable[[], float],
) -> None:
    choice = FacilitatorChoice("x402.org", headers={"X-Key": "s"}, timeout_seconds=3)
    made = [
        facilitator_from(choice, network=network, clock=clock)
        for network in ("eip155:8453", "eip155:137")
    ]
    assert [each.get_supported().kinds[0].network for each in made] == ["eip155:8453", "eip155:137"]
    assert [each._headers["X-Key"] for each in made] == ["s", "s"]


# --- extensions -----------------------------------------------------------------------------


async def test_why_a_marketplace_did_not_index_is_logged_and_counted() -> None:
    said = {"bazaar": {"status": "rejected", "rejectedReason": "description is too long"}}
    header = base64.b64encode(json.dumps({**said, "odd": {"status": "odd"}}).encode()).decode()

    class Marketplace(TokenFacilitator):
        async def _serve(self, request: Any) -> Any:
            response = await ScriptedFacilitator._serve(self, request)
            response.headers["EXTENSION-RESPONSES"] = header
            return response

    with capture_logs() as logs:
        async with Marketplace({}) as script, selling(script, facilitator="payai") as served:
            assert (await served.buy()).status_code == 200
            metrics = (await served.http.get("/metrics")).text
    entries = [each for each in logs if each["event"] == "extension"]
    assert [each["operation"] for each in entries] == ["supported", "supported", "settle", "settle"]
    assert (entries[2]["extension"], entries[2]["status"]) == ("bazaar", "rejected")
    assert entries[2]["reason"] == "description is too long"
    for labels in (
        'extension="bazaar",facilitator="payai",status="rejected"',
        'extension="other",facilitator="payai",status="other"',
    ):
        assert f"oncall_facilitator_extensions_total{{{labels}}} 2.0" in metrics
