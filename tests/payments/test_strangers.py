"""What a payer or a stranger may try around a claim: nothing is given away, nothing is taken."""

import pytest

from app.payments.claims.memory import MemoryClaims
from app.payments.facilitators.remote import RemoteFacilitator
from tests.conftest import Clock
from tests.support.services import (
    EXAMPLE,
    NETWORK,
    ScriptedFacilitator,
    Service,
    answers,
    hangs_up,
    refuses,
    remote_settings,
    service,
    settlement,
    settles,
)
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio

JUNK = ["0x" + "ab" * 66, "0x" + "00" * 65, "0x" + "11" * 64 + "1b"]


async def connected(script: ScriptedFacilitator, claims: MemoryClaims) -> Service:
    configured = remote_settings(script.url, settle_deadline_seconds=0.5)
    facilitator = RemoteFacilitator(script.url, network=NETWORK, headers={}, timeout_seconds=0.3)
    await facilitator.connect()
    served = service(configured, facilitator=facilitator, claims=claims)
    served.close = facilitator.aclose  # type: ignore[attr-defined]
    return served


class TestStranger:
    @pytest.mark.parametrize("signature", JUNK)
    async def test_payer_and_nonce_alone_open_no_receipt(
        self, clock: Clock, signature: str
    ) -> None:
        served = service(clock=clock)
        payload = Wallet().signed(await served.terms())
        assert (await served.ask(EXAMPLE, header_of(payload))).status_code == 200
        payload["payload"]["signature"] = signature
        assert (await served.ask(EXAMPLE, header_of(payload))).status_code == 409

    @pytest.mark.parametrize("signature", JUNK)
    async def test_a_payment_of_unknown_outcome_cannot_be_released_by_a_stranger(
        self, clock: Clock, signature: str
    ) -> None:
        async with ScriptedFacilitator(settle=hangs_up) as script:
            served = await connected(script, MemoryClaims(clock))
            payload = Wallet().signed(await served.terms())
            assert (await served.ask(EXAMPLE, header_of(payload))).status_code == 503
            script.play("settle", refuses("invalid_exact_evm_payload_signature"))
            honest, payload["payload"]["signature"] = payload["payload"]["signature"], signature
            assert (await served.ask(EXAMPLE, header_of(payload))).status_code == 409
            script.play("settle", settles)
            payload["payload"]["signature"] = honest
            assert (await served.ask(EXAMPLE, header_of(payload))).status_code == 200
            await served.close()  # type: ignore[attr-defined]


class TestPayer:
    @pytest.mark.parametrize("member", ["extensions", "resource", "accepted", "payload"])
    async def test_what_a_payer_adds_never_reaches_the_facilitator(
        self, clock: Clock, member: str
    ) -> None:
        """A lone surrogate used to break the call and to mark the payment as sent."""
        async with ScriptedFacilitator() as script:
            served = await connected(script, MemoryClaims(clock))
            payload = Wallet().signed(await served.terms())
            inside = payload.setdefault(member, {})
            (inside["extra"] if member == "accepted" else inside)["x"] = "\ud800"
            response = await served.ask(EXAMPLE, header_of(payload))
            assert response.status_code == 200
            # As `str` shows a lone surrogate; "d800" alone stands in some signatures.
            assert "\\ud800" not in str(script.requests)
            await served.close()  # type: ignore[attr-defined]

    async def test_unverified_payments_leave_no_claims(self, clock: Clock) -> None:
        claims = MemoryClaims(clock)
        refused = answers({"isValid": False, "invalidReason": "invalid_signature"})
        async with ScriptedFacilitator(verify=refused) as script:
            served = await connected(script, claims)
            terms = await served.terms()
            for _ in range(20):
                payload = Wallet().signed(terms)
                payload["payload"]["signature"] = JUNK[0]
                payload["payload"]["z"] = "\ud800"
                assert (await served.ask(EXAMPLE, header_of(payload))).status_code == 402
            assert len(claims) == 0
            await served.close()  # type: ignore[attr-defined]


async def test_what_a_facilitator_adds_never_reaches_the_payer(clock: Clock) -> None:
    chatty = answers(
        settlement(extensions={"x": "y" * 50_000}, errorMessage="rpc at 10.0.0.1", extra={"k": "v"})
    )
    async with ScriptedFacilitator(settle=chatty) as script:
        served = await connected(script, MemoryClaims(clock))
        response = await served.buy()
        assert response.status_code == 200
        assert len(response.headers["PAYMENT-RESPONSE"]) < 500
        await served.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [408, 409, 425, 499])
async def test_a_status_that_proves_nothing_leaves_it_unknown(clock: Clock, status: int) -> None:
    async with ScriptedFacilitator(settle=answers(b"", status)) as script:
        served = await connected(script, MemoryClaims(clock))
        assert (await served.buy()).json()["code"] == "settlement_unknown"
        await served.close()  # type: ignore[attr-defined]
