"""Two processes' worth of services on one claim store, and a store that goes away half way."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from x402 import PaymentRequirements
from x402.schemas import PaymentPayloadV1, ResourceInfo

from app.errors import ClaimsUnavailable, PaymentRefused
from app.payments.claims.claim import Claim, PaymentClaims, Receipt
from app.payments.claims.memory import MemoryClaims
from app.payments.claims.redis import RedisClaims
from app.payments.facilitators.remote import RemoteFacilitator
from app.payments.terms import PaymentTerms
from app.payments.verification import payment_v1_for
from tests.conftest import Clock
from tests.support.redis_server import redis_server
from tests.support.services import (
    EXAMPLE,
    NETWORK,
    PAY_TO,
    ScriptedFacilitator,
    Service,
    remote_settings,
    service,
    settles,
    transaction_in,
)
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio


async def connected(script: ScriptedFacilitator, claims: PaymentClaims, deadline: float) -> Service:
    configured = remote_settings(script.url, settle_deadline_seconds=deadline)
    facilitator = RemoteFacilitator(script.url, network=NETWORK, headers={}, timeout_seconds=9)
    await facilitator.connect()
    served = service(configured, facilitator=facilitator, claims=claims)
    served.closing = facilitator.aclose, claims.aclose
    return served


async def closed(*services: Service) -> None:
    for served in services:
        for close in served.closing:
            await close()


@pytest.mark.parametrize(
    ("patience", "status"),
    [pytest.param(9, 200, id="waits"), pytest.param(0.1, 503, id="gives up")],
)
@pytest.mark.redis
async def test_a_copy_at_another_process_waits_for_the_same_settlement(
    tmp_path: Path, patience: float, status: int
) -> None:
    release = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await release.wait()
        return await settles(request)

    with redis_server(tmp_path) as url:
        async with ScriptedFacilitator(settle=slow) as script:
            here = await connected(script, RedisClaims(url, lease_seconds=60), 9)
            there = await connected(script, RedisClaims(url, lease_seconds=60), patience)
            payment = header_of(Wallet().signed(await here.terms()))
            first = asyncio.create_task(here.ask(EXAMPLE, payment))
            await script.called("settle")
            second = asyncio.create_task(there.ask(EXAMPLE, payment))
            await asyncio.sleep(0.4)
            release.set()
            answers = await first, await second
            assert [answer.status_code for answer in answers] == [200, status]
            if status == 200:
                assert transaction_in(answers[0]) == transaction_in(answers[1])
            assert script.calls.count("settle") == 1
            await closed(here, there)


class Forgetful(MemoryClaims):
    """A store that goes away after it has given a claim."""

    async def mark_settled(
        self, key: str, holder: str, receipt: Receipt, answer: bytes | None = None
    ) -> None:
        raise ClaimsUnavailable


class Broken(MemoryClaims):
    """A store with a defect."""

    async def claim(
        self, key: str, request_hash: bytes, expires_at: float, asked_at: int = 0
    ) -> Claim:
        raise ZeroDivisionError


async def test_what_is_paid_is_answered_even_if_it_cannot_be_remembered(clock: Clock) -> None:
    assert (await service(clock=clock, claims=Forgetful(clock)).buy()).status_code == 200


async def test_a_defect_of_ours_is_a_problem_document(clock: Clock) -> None:
    served = service(clock=clock, claims=Broken(clock))
    response = await served.ask(EXAMPLE, header_of(Wallet().signed(await served.terms())))
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert response.headers["X-Request-Id"]


async def test_the_metrics_count_what_was_settled() -> None:
    served = service()
    await served.buy()
    page = await served.http.get("/metrics")
    assert page.headers["Content-Type"].startswith("text/plain")
    for line in (
        f'oncall_settlements_total{{network="{NETWORK}",outcome="settled"}} 1.0',
        f'oncall_revenue_atomic_total{{network="{NETWORK}"}} 20000.0',
        "oncall_rate_limits_local 0.0",
    ):
        assert line in page.text


async def test_a_facilitator_that_was_never_connected_can_be_closed() -> None:
    url = "http://127.0.0.1:9"
    await RemoteFacilitator(url, network=NETWORK, headers={}, timeout_seconds=1).aclose()


def test_a_network_without_a_name_in_version_1_has_no_kind_there() -> None:
    facilitator = RemoteFacilitator("http://x", network="eip155:1", headers={}, timeout_seconds=1)
    assert [kind.x402_version for kind in facilitator.get_supported().kinds] == [2, 1]
    facilitator = RemoteFacilitator(
        "http://x", network="eip155:421614", headers={}, timeout_seconds=1
    )
    assert [kind.x402_version for kind in facilitator.get_supported().kinds] == [2]


def test_a_network_without_a_name_in_version_1_has_no_terms_there() -> None:
    requirements = PaymentRequirements(
        scheme="exact",
        network="eip155:421614",
        asset="0x" + "12" * 20,
        amount="1",
        pay_to=PAY_TO,
        max_timeout_seconds=60,
    )
    terms = PaymentTerms([requirements], ResourceInfo(url="https://oncall.test"))
    payload = PaymentPayloadV1(scheme="exact", network="arbitrum", payload={})
    assert terms.version_1 == {}
    with pytest.raises(PaymentRefused, match="version 2"):
        payment_v1_for(terms, payload, ["eip155:421614"])
