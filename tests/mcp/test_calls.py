"""Calls over streamable HTTP: terms, answers, receipts, refusals, and what was charged."""

import asyncio
import json
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs
from x402.http.utils import decode_payment_response_header

from app.checkout.purchase import ProductCheckout
from app.discovery.html import html_page
from app.http.rate_limits import RateLimits
from app.mcp.route import McpRoute
from app.payments.claims.memory import MemoryClaims
from app.products.registry import paid_endpoints
from app.teams.app import TeamsApp
from app.workers.pool import WorkerPool
from tests.support.ledger import settlements_of
from tests.support.mcp_agents import (
    ROTATION,
    agent,
    agent_of,
    content_of,
    message,
    posted,
    receipt_in,
    settled,
)
from tests.support.seed import EXAMPLE_RESPONSE
from tests.support.services import (
    EXAMPLE,
    PUBLIC_URL,
    TRANSACTION,
    Sandbox,
    ScriptedFacilitator,
    Service,
    answers,
    living,
    remote_settings,
    service,
    settings,
    settles,
)
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio

MCP_URL = PUBLIC_URL + "/mcp"


@pytest.fixture
def served() -> Sandbox:
    return Sandbox()


def code_in(content: dict[str, Any]) -> str:
    """A problem's code, or why terms are stated again."""
    return str(content.get("code") or content["error"])


class TestWithoutPayment:
    @pytest.mark.parametrize("arguments", [None, {}, EXAMPLE], ids=["absent", "empty", "valid"])
    async def test_a_call_gets_the_terms(self, served: Sandbox, arguments: Any) -> None:
        async with agent_of(served) as agent:
            result = await agent.ask(arguments)
        assert result.isError
        assert result.meta == {"X-Payments": "sandbox"}
        terms = content_of(result)
        assert terms["x402Version"] == 2
        assert terms["resource"]["url"] == MCP_URL
        [way] = terms["accepts"]
        assert (way["amount"], way["network"]) == ("20000", "eip155:84532")
        assert "x402/payment" in terms["error"]
        assert "x402/payment-response" not in terms

    async def test_an_unknown_argument_is_refused(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            problem = content_of(await agent.ask({**EXAMPLE, "shiftLenghtHours": 12}))
        assert problem["code"] == "invalid_request"
        assert problem["errors"][0]["pointer"] == "/shiftLenghtHours"

    async def test_warnings_stand_beside_the_terms(self, served: Sandbox) -> None:
        daily = (
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20260601\r\n"
            "RRULE:FREQ=DAILY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        )
        async with agent_of(served) as agent:
            terms = content_of(await agent.ask({**EXAMPLE, "unavailableIcs": {"alice": daily}}))
        assert terms["accepts"]
        assert terms["warnings"][0]["pointer"] == "/unavailableIcs/alice"

    @pytest.mark.parametrize("paying", [False, True])
    async def test_every_invalid_argument_is_named(self, served: Sandbox, *, paying: bool) -> None:
        async with agent_of(served) as agent:
            payment = await agent.payment() if paying else None
            result = await agent.ask({"start": "soon", "people": [], "shifts": 0}, payment)
        problem = content_of(result)
        assert result.isError
        assert (problem["code"], problem["retry"]) == ("invalid_request", "no")
        assert {error["pointer"] for error in problem["errors"]} == {"/start", "/people", "/shifts"}
        assert served.transfers == 0


class TestPaid:
    async def test_the_seed_example_is_answered_exactly(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            result = await agent.buy(EXAMPLE)
        assert not result.isError
        assert json.dumps(content_of(result)) == json.dumps(json.loads(EXAMPLE_RESPONSE))
        receipt = receipt_in(result)
        assert (receipt["success"], receipt["payer"]) == (True, agent.wallet.address)
        assert served.transfers == 1
        assert served.facilitator.token.balance_of(agent.wallet.address) == 10_000_000 - 20_000

    @pytest.mark.parametrize("row", paid_endpoints(), ids=lambda row: row.slug)
    async def test_it_is_the_answer_of_the_http_route(self, served: Sandbox, row: Any) -> None:
        served.path = row.path
        bought = await served.buy(row.example)
        async with agent_of(served) as agent:
            result = await agent.buy(dict(row.example), row.slug)
        assert result.content[0].text == bought.text  # type: ignore[union-attr]
        assert content_of(result) == bought.json()
        told = decode_payment_response_header(bought.headers["PAYMENT-RESPONSE"])
        assert receipt_in(result).keys() == told.model_dump(exclude_none=True).keys()

    async def test_the_same_call_again_is_answered_again(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            payment = await agent.payment()
            first = await agent.ask(EXAMPLE, payment)
            again = await agent.ask(dict(reversed(EXAMPLE.items())), payment)
        assert (first.isError, again.isError) == (False, False)
        assert content_of(again) == content_of(first)
        assert receipt_in(again) == receipt_in(first)
        assert "Idempotent-Replayed" not in (first.meta or {})
        assert (again.meta or {})["Idempotent-Replayed"] == "true"
        assert served.transfers == 1

    async def test_a_large_document_is_sold_and_answered_again(self, served: Sandbox) -> None:
        large = {**EXAMPLE, "people": [f"person {number:04}" for number in range(1_000)]}
        async with agent_of(served) as agent:
            payment = await agent.payment()
            first = await agent.ask(large, payment)
            again = await agent.ask(large, payment)
        assert content_of(again) == content_of(first)
        assert content_of(first)["rotation"][0]["person"] == "person 0000"
        assert (again.meta or {})["Idempotent-Replayed"] == "true"
        assert served.transfers == 1

    async def test_a_very_large_answer_is_written_once(
        self, served: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with agent_of(served) as agent:
            payment = await agent.payment()
            monkeypatch.setattr("app.mcp.tools.MAX_TEXT_BYTES", 100)
            result = await agent.ask(EXAMPLE, payment)
        assert result.structuredContent == json.loads(EXAMPLE_RESPONSE)
        assert "structuredContent" in result.content[0].text  # type: ignore[union-attr]

    async def test_a_number_without_end_is_told(self, served: Sandbox) -> None:
        async with living(served.app):
            start = b"9" * 5_000
            call = b'{"name":"%s","arguments":{"start":%s}}' % (ROTATION.encode(), start)
            body = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":%s}' % call
            response = await posted(served.http, body)
        assert response.json()["result"]["structuredContent"]["code"] == "malformed_json"

    async def test_a_payment_buys_one_call(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            payment = await agent.payment()
            await agent.ask(EXAMPLE, payment)
            problem = content_of(await agent.ask({**EXAMPLE, "shifts": 4}, payment))
        assert (problem["code"], problem["retry"]) == ("payment_already_used", "new-payment")
        assert served.transfers == 1

    async def test_the_receipt_has_the_id_of_the_http_request(self) -> None:
        claims = MemoryClaims(lambda: 0.0)
        served = service(claims=claims)
        async with agent_of(served) as agent:
            params = {"name": ROTATION, "arguments": EXAMPLE}
            paid = {**params, "_meta": {"x402/payment": await agent.payment()}}
            response = await posted(served.http, message("tools/call", paid))
        [receipt] = await settlements_of(claims)
        assert receipt.request_id == response.headers["X-Request-Id"]

    async def test_any_replica_can_answer(self) -> None:
        claims = MemoryClaims(lambda: 0.0)
        async with (
            agent_of(service(claims=claims)) as one,
            agent_of(service(claims=claims), one.wallet) as other,
        ):
            payment = await one.payment()
            first = await one.ask(EXAMPLE, payment)
            again = await other.ask(EXAMPLE, payment)
        assert receipt_in(again) == receipt_in(first)
        assert (again.meta or {})["Idempotent-Replayed"] == "true"


class TestOverBoth:
    """One payment buys over HTTP or over MCP, even if it does not say what for (none signs it)."""

    async def test_used_over_http_it_buys_no_call(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            payment = bare(await agent.payment())
            assert (await served.ask(EXAMPLE, header_of(payment))).status_code == 200
            problem = content_of(await agent.ask(EXAMPLE, payment))
        assert problem["code"] == "payment_already_used"
        assert served.transfers == 1

    async def test_used_for_a_call_it_buys_nothing_over_http(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            payment = bare(await agent.payment())
            assert not (await agent.ask(EXAMPLE, payment)).isError
            response = await served.ask(EXAMPLE, header_of(payment))
        assert (response.status_code, response.json()["code"]) == (409, "payment_already_used")
        assert served.transfers == 1

    async def test_terms_of_the_one_are_other_terms_for_the_other(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            over_http = await agent.wallet.payment(await served.terms())
            content = content_of(await agent.ask(EXAMPLE, json.loads(b64decode(over_http))))
            response = await served.ask(EXAMPLE, header_of(await agent.payment()))
        assert content["error"] == "payment_terms_mismatch: resource"
        assert response.status_code == 402
        assert response.json()["error"] == "payment_terms_mismatch: resource"
        assert served.transfers == 0


def bare(payment: dict[str, Any]) -> dict[str, Any]:
    """``payment`` without what says where its terms come from."""
    return {name: payment[name] for name in ("x402Version", "accepted", "payload")}


class TestRefused:
    @pytest.mark.parametrize(
        "payment",
        [
            "a string",
            7,
            [],
            {},
            {"x402Version": 1, "scheme": "exact", "network": "base-sepolia", "payload": {}},
            {"x402Version": 2, "payload": {"signature": "0x"}},
            {"padding": "x" * 16 * 1024},
        ],
        ids=lambda payment: str(payment)[:40],
    )
    async def test_what_is_no_payment_is_told(self, served: Sandbox, payment: object) -> None:
        async with agent_of(served) as agent:
            problem = content_of(await agent.ask(EXAMPLE, payment))
        assert (problem["code"], problem["retry"]) == ("invalid_payment", "new-payment")

    async def test_another_version_of_the_protocol_is_no_payment(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            payment = {**await agent.payment(), "x402Version": 3}
            problem = content_of(await agent.ask(EXAMPLE, payment))
        assert problem["code"] == "invalid_payment"

    async def test_a_payment_for_other_terms_gets_the_terms_again(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            payment = await agent.payment()
            payment["accepted"]["payTo"] = Wallet().address
            result = await agent.ask(EXAMPLE, payment)
        terms = content_of(result)
        assert result.isError
        assert terms["error"] == "payment_terms_mismatch: payTo"
        assert terms["accepts"][0]["amount"] == "20000"
        assert terms["x402/payment-response"] == {
            "success": False,
            "errorReason": "payment_terms_mismatch: payTo",
            "transaction": "",
            "network": "eip155:84532",
        }
        assert served.transfers == 0

    async def test_a_payment_for_one_tool_is_none_for_another(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            payment = await agent.payment("sched-oncall-now")
            terms = content_of(await agent.ask(EXAMPLE, payment))
        assert terms["error"] == "payment_terms_mismatch: amount"
        assert served.transfers == 0

    async def test_a_client_calls_so_often_over_mcp_and_http_together(self) -> None:
        served = service(clock=lambda: 0.0)
        async with agent_of(served) as agent:
            for _ in range(60):
                await agent.ask(None)
                await served.ask(b"")
            problem = content_of(await agent.ask(None))
            assert (problem["code"], problem["status"]) == ("rate_limited", 429)
            assert problem["retryAfter"] == 60
            assert (await served.ask(b"")).status_code == 429
            assert code_in(content_of(await agent.ask(EXAMPLE, {}))) == "invalid_payment"
            assert (await agent.ask(None, tool="sched-oncall-now")).structuredContent is not None

    async def test_a_payer_who_has_paid_is_counted_by_itself(self) -> None:
        served = service(settings(rate_limit="2/day"))
        async with agent_of(served) as ann:
            paid = [await ann.ask(EXAMPLE, await ann.payment()) for _ in range(2)]
            others = [await ann.ask(EXAMPLE, {}) for _ in range(2)]
        assert [each.isError for each in paid] == [False, False]
        codes = [code_in(content_of(each)) for each in others]
        assert codes == ["invalid_payment", "rate_limited"]


class TestSettling:
    async def test_a_facilitator_that_is_away(self) -> None:
        async with (
            ScriptedFacilitator(supported=answers(b"", 503)) as script,
            agent_of(service(remote_settings(script.url))) as agent,
        ):
            problem = content_of(await agent.ask(EXAMPLE))
        assert (problem["code"], problem["retry"]) == ("facilitator_unavailable", "same-payment")
        assert problem["retryAfter"] == 5

    async def test_an_unknown_settlement_is_reconciled_by_the_same_call(self) -> None:
        deadlines = {"facilitator_timeout_seconds": 0.5, "settle_deadline_seconds": 0.5}
        async with (
            ScriptedFacilitator(settle=answers(b"", 503)) as script,
            agent_of(service(remote_settings(script.url, **deadlines))) as agent,
        ):
            payment = await agent.payment()
            problem = content_of(await agent.ask(EXAMPLE, payment))
            script.play("settle", settles)
            result = await agent.ask(EXAMPLE, payment)
        assert (problem["code"], problem["retry"]) == ("settlement_unknown", "same-payment")
        assert receipt_in(result)["transaction"] == TRANSACTION

    async def test_a_defect_is_logged_and_not_shown(self) -> None:
        def broken(_: object) -> object:
            raise RuntimeError("secret")

        row = replace(paid_endpoints()[0], compute=broken)
        limits = RateLimits(lambda: 0.0)
        workers = WorkerPool()
        teams = TeamsApp(settings(), lambda: 0.0, limits, workers, html_page)
        route = McpRoute(
            [ProductCheckout(row, limits, workers, None, lambda: 0.0)], teams, limits, PUBLIC_URL
        )
        with capture_logs() as logs:
            call = message("tools/call", {"name": ROTATION, "arguments": EXAMPLE})
            response = await posted(Service(route).http, call)
        await route.aclose()
        content = response.json()["result"]["structuredContent"]
        assert (content["code"], content["status"]) == ("internal_error", 500)
        assert "secret" not in response.text
        assert [entry["event"] for entry in logs] == ["unhandled"]


class TestRealProcess:
    async def test_an_agent_buys_from_a_service_process(self, address: str) -> None:
        async with agent(address) as one:
            assert content_of(await one.buy(EXAMPLE)) == json.loads(EXAMPLE_RESPONSE)

    async def test_fifty_copies_at_once_are_charged_once(self, address: str) -> None:
        before = settled(address)
        async with agent(address) as one:
            payment = await one.payment()
            results = await asyncio.gather(*(one.ask(EXAMPLE, payment) for _ in range(50)))
        assert {result.isError for result in results} == {False}
        assert len({receipt_in(result)["transaction"] for result in results}) == 1
        assert len({json.dumps(content_of(result)) for result in results}) == 1
        assert settled(address) == before + 1
