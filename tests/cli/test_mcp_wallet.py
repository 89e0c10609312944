"""The wallet between a host and an MCP server that sells: what is paid, told and remembered."""

import asyncio
import contextlib
import html
import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from eth_account import Account
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import McpError

from app.cli.mcp_remote import MAX_PAGES, RemoteServer
from app.cli.mcp_wallet import PayingTools
from app.cli.spending import SpendingRecord
from app.cli.wallet import Wallet
from tests.support.mcp_agents import ROTATION, content_of, message, settled
from tests.support.mcp_clients import TYPESCRIPT, typescript
from tests.support.mcp_road import (
    Fault,
    Road,
    answers_instead,
    cuts_the_answer,
    forgets_itself,
    loses_the_answer,
    loses_the_request,
)
from tests.support.processes import ROOT, environment, free_port, printed
from tests.support.seed import EXAMPLE_RESPONSE
from tests.support.services import (
    EXAMPLE,
    PUBLIC_URL,
    Sandbox,
    ScriptedFacilitator,
    answers,
    living,
    service,
    settings,
)

pytestmark = pytest.mark.anyio

KEY = "0x" + "5" * 64
JSON = "application/json"
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "host", "version": "1"},
}
CALLING = (
    message("initialize", HELLO),
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    message("tools/call", {"name": ROTATION, "arguments": EXAMPLE}, id=2),
)
"""What a host writes to call a tool."""
SAME = {"retry": "same-payment", "detail": "It is not known yet.", "code": "settlement_unknown"}


class Host:
    """A host whose tools come from ``tools``."""

    def __init__(self, tools: PayingTools) -> None:
        self.tools = tools

    async def call(self, arguments: Any = EXAMPLE, tool: str = ROTATION) -> types.CallToolResult:
        params = types.CallToolRequestParams(name=tool, arguments=arguments)
        result = (await self.tools.called(types.CallToolRequest(params=params))).root
        assert isinstance(result, types.CallToolResult)
        return result


def wallet(most: str = "0.10", most_per_day: str = "1.00", key: str | None = KEY) -> Wallet:
    return Wallet.of(key, Decimal(most), Decimal(most_per_day))


@pytest.fixture
def record(tmp_path: Path) -> SpendingRecord:
    record = SpendingRecord(tmp_path / "payments.sqlite", time.time)
    record.create()
    return record


@contextlib.asynccontextmanager
async def road_to(served: Sandbox, *faults: Fault) -> AsyncIterator[Road]:
    async with living(served.app), Road(served, *faults) as road:
        yield road


def host_at(
    url: str, record: SpendingRecord, paying: Wallet | None = None, deadline_seconds: float = 20.0
) -> Host:
    remote = RemoteServer(url)
    return Host(PayingTools(remote, paying or wallet(), record, deadline_seconds, 0.01))


def last_text(result: types.CallToolResult) -> str:
    block = result.content[-1]
    assert isinstance(block, types.TextContent)
    return block.text


class TestBuying:
    async def test_a_call_is_paid_and_its_cost_is_told(self, record: SpendingRecord) -> None:
        async with road_to(served := Sandbox()) as road:
            result = await host_at(road.url, record).call()
        assert not result.isError
        assert result.structuredContent == json.loads(EXAMPLE_RESPONSE)
        assert result.content[0].text == json.dumps(  # type: ignore[union-attr]
            result.structuredContent, separators=(",", ":")
        )
        receipt = (result.meta or {})["x402/payment-response"]
        assert receipt["payer"] == Account.from_key(KEY).address
        cost = "Paid 0.02 USDC on Base Sepolia (test money), in transaction "
        assert last_text(result) == f"{cost}{receipt['transaction']}."
        assert served.transfers == 1

    async def test_each_call_that_was_answered_is_a_purchase_of_its_own(
        self, record: SpendingRecord
    ) -> None:
        async with road_to(served := Sandbox()) as road:
            host = host_at(road.url, record)
            assert [(await host.call()).isError for _ in range(2)] == [False, False]
        assert served.transfers == 2

    async def test_faults_of_the_arguments_are_shown_and_nothing_is_signed(
        self, record: SpendingRecord
    ) -> None:
        async with road_to(Sandbox()) as road:
            result = await host_at(road.url, record).call({"people": []})
        assert result.isError
        assert content_of(result)["code"] == "invalid_request"
        assert road.payments == []

    async def test_a_free_tool_is_handed_on(self, record: SpendingRecord) -> None:
        served = service(settings(payments="off"))
        async with road_to(served) as road:  # type: ignore[arg-type]
            result = await host_at(road.url, record).call()
        assert content_of(result) == json.loads(EXAMPLE_RESPONSE)

    async def test_tools_are_shown_without_a_schema_of_results(
        self, record: SpendingRecord
    ) -> None:
        served = service(settings(payments="off"))  # declares one for each
        async with road_to(served) as road:  # type: ignore[arg-type]
            listed = await host_at(road.url, record).tools.listed(types.ListToolsRequest())
        tools = listed.root.tools  # type: ignore[union-attr]
        assert tools[0].name == ROTATION
        assert tools[0].inputSchema["properties"].keys() >= {"start", "people", "shifts"}
        assert {tool.outputSchema for tool in tools} == {None}

    async def test_the_pages_of_a_long_list_have_an_end(self, record: SpendingRecord) -> None:
        async with ScriptedFacilitator(mcp=endless_list) as remote:
            host = host_at(f"{remote.url}/mcp", record)
            listed = await host.tools.listed(types.ListToolsRequest())
        assert len(listed.root.tools) == MAX_PAGES  # type: ignore[union-attr]

    async def test_a_server_may_stream_its_answers(self, record: SpendingRecord) -> None:
        async with ScriptedFacilitator(mcp=streams) as remote:
            result = await host_at(f"{remote.url}/mcp", record).call()
        assert content_of(result) == {"free": True}

    async def test_a_server_that_is_away_is_told(self, record: SpendingRecord) -> None:
        host = host_at(f"http://127.0.0.1:{free_port()}/mcp", record)
        with pytest.raises(McpError, match="the remote server did not answer: All connection"):
            await host.tools.listed(types.ListToolsRequest())
        told = last_text(await host.call())
        assert told.startswith("Not paid: the remote server did not answer")

    async def test_a_server_that_takes_too_long_is_told(self, record: SpendingRecord) -> None:
        async def sleeps(_: object) -> Any:
            await asyncio.sleep(30)

        async with ScriptedFacilitator(mcp=sleeps) as remote:
            host = host_at(f"{remote.url}/mcp", record, deadline_seconds=0.2)
            assert last_text(await host.call()).endswith("did not answer: it took too long")


class TestLimits:
    @pytest.mark.parametrize(
        ("most", "most_per_day", "reason"),
        [
            ("0.01", "1.00", "It asks 0.02 USDC on Base Sepolia"),
            ("0.10", "0.01", "it costs 0.02 USDC on Base Sepolia (test money), and $0 are signed"),
        ],
        ids=["call", "day"],
    )
    async def test_what_costs_more_is_not_paid(
        self, record: SpendingRecord, most: str, most_per_day: str, reason: str
    ) -> None:
        async with road_to(Sandbox()) as road:
            result = await host_at(road.url, record, wallet(most, most_per_day)).call()
        assert result.isError
        assert last_text(result).startswith(f"Not paid: {reason}")
        assert f"at most ${most} a call and ${most_per_day} a day (UTC)" in last_text(result)
        assert road.payments == []

    async def test_two_wallets_at_once_do_not_exceed_the_day(self, record: SpendingRecord) -> None:
        async with road_to(served := Sandbox()) as road:
            hosts = [host_at(road.url, record, wallet(most_per_day="0.06")) for _ in range(2)]
            orders = [{**EXAMPLE, "shifts": number} for number in range(1, 6)]
            calls = [host.call(order) for host in hosts for order in orders]
            results = await asyncio.gather(*calls)
        assert served.transfers == 3
        refused = [result for result in results if result.isError]
        assert all("signed today" in last_text(result) for result in refused)

    async def test_a_throw_away_wallet_pays_with_test_money_only(
        self, record: SpendingRecord
    ) -> None:
        terms = json.loads(json.dumps(await terms_of(Sandbox())).replace("84532", "8453"))
        terms["accepts"][0]["asset"] = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
        terms["accepts"][0]["extra"]["name"] = "USD Coin"
        async with ScriptedFacilitator(mcp=seller(terms)) as remote:
            keyless = host_at(f"{remote.url}/mcp", record, wallet(key=None))
            told = last_text(await keyless.call())
            paid = await host_at(f"{remote.url}/mcp", record).call()
        assert told.startswith("Not paid: It asks 0.02 USDC on Base to ")
        assert "PRIVATE_KEY is not set" in told
        assert not paid.isError
        assert last_text(paid) == "Paid 0.02 USDC on Base, without a receipt."

    async def test_terms_of_version_1_are_not_paid(self, record: SpendingRecord) -> None:
        terms = {
            "x402Version": 1,
            "error": "",
            "accepts": [
                {
                    "scheme": "exact",
                    "network": "base-sepolia",
                    "maxAmountRequired": "20000",
                    "resource": "http://sold.test",
                    "payTo": "0x" + "1" * 40,
                    "maxTimeoutSeconds": 60,
                    "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
                }
            ],
        }
        async with ScriptedFacilitator(mcp=seller(terms)) as remote:
            told = last_text(await host_at(f"{remote.url}/mcp", record).call())
        assert told.startswith("Not paid: it asks for a payment of x402 version 1")

    async def test_terms_that_cannot_be_signed_are_not_paid(self, record: SpendingRecord) -> None:
        terms = await terms_of(Sandbox())
        terms["accepts"][0]["maxTimeoutSeconds"] = 10**90
        async with ScriptedFacilitator(mcp=seller(terms)) as remote:
            told = last_text(await host_at(f"{remote.url}/mcp", record).call())
        assert told.startswith("Not paid: It asks 0.02 USDC")

    async def test_without_a_record_nothing_is_paid(self, record: SpendingRecord) -> None:
        record.path.write_bytes(b"not a database" * 100)
        async with road_to(Sandbox()) as road:
            result = await host_at(road.url, record).call()
        assert (
            last_text(result) == f"Not paid: {record.path} cannot be used: file is not a database"
        )
        assert (road.asked, road.payments) == (0, [])


class TestLost:
    """Whatever is lost, one payment is sent, as often as it takes."""

    @pytest.mark.parametrize(
        "fault",
        [
            loses_the_request,
            loses_the_answer,
            cuts_the_answer,
            forgets_itself,
            answers_instead(SAME),
        ],
        ids=["request", "answer", "cut", "proxy", "unknown"],
    )
    async def test_the_same_payment_is_sent_again(
        self, record: SpendingRecord, fault: Fault
    ) -> None:
        async with road_to(served := Sandbox(), fault, fault) as road:
            result = await host_at(road.url, record).call()
        assert not result.isError, last_text(result)
        assert len(road.payments) == 3
        assert all(payment == road.payments[0] for payment in road.payments)
        assert served.transfers == 1

    @pytest.mark.parametrize("fault", [loses_the_request, loses_the_answer, answers_instead(SAME)])
    async def test_a_later_call_sends_the_same_payment(
        self, record: SpendingRecord, fault: Fault
    ) -> None:
        """Another process, started after the first one was killed, does the same."""
        async with road_to(served := Sandbox(), *[fault] * 5) as road:
            lost = await host_at(road.url, record).call()
            again = SpendingRecord(record.path, time.time)
            again.create()
            result = await host_at(road.url, again).call(dict(reversed(EXAMPLE.items())))
            anew = await host_at(road.url, again).call()
        assert lost.isError
        assert "0.02 USDC on Base Sepolia (test money) was charged is not known" in last_text(lost)
        assert "the same payment" in last_text(lost)
        assert (result.isError, anew.isError) == (False, False)
        *same, other = road.payments
        assert len(same) == 6
        assert all(payment == same[0] for payment in same)
        assert other != same[0]
        assert served.transfers == 2

    async def test_a_call_that_its_host_gave_up_is_charged_once(
        self, record: SpendingRecord
    ) -> None:
        started = asyncio.Event()

        async def waits(_: object, forward: Any) -> Any:
            await forward()
            started.set()
            await asyncio.sleep(30)

        async with road_to(served := Sandbox(), waits) as road:
            call = asyncio.create_task(host_at(road.url, record).call())
            await started.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            result = await host_at(road.url, record).call()
        assert not result.isError
        assert road.payments[0] == road.payments[1]
        assert served.transfers == 1

    async def test_copies_of_a_call_share_a_payment(self, record: SpendingRecord) -> None:
        async with road_to(served := Sandbox()) as road:
            host = host_at(road.url, record)
            results = await asyncio.gather(*(host.call() for _ in range(5)))
        assert {result.isError for result in results} == {False}
        assert served.transfers == len({p["payload"]["signature"] for p in road.payments})
        assert served.transfers <= 2

    async def test_it_does_not_wait_beyond_its_deadline(self, record: SpendingRecord) -> None:
        fault = answers_instead({**SAME, "retryAfter": 3_600})
        async with road_to(Sandbox(), fault) as road:
            result = await host_at(road.url, record).call()
        assert "It is not known yet. Call the tool again" in last_text(result)
        assert len(road.payments) == 1

    async def test_an_answer_is_handed_on_even_if_the_record_is_lost(
        self, record: SpendingRecord, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async def breaks(_: object, forward: Any) -> Any:
            record.path.write_bytes(b"not a database" * 100)
            return await forward()

        async with road_to(Sandbox(), breaks) as road:
            result = await host_at(road.url, record).call()
        assert not result.isError
        assert last_text(result).startswith("Paid 0.02 USDC")
        assert "cannot be written: file is not a database" in capsys.readouterr().err


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ({"retry": "new-payment", "detail": "It was used."}, "It was used. It counts"),
            ({"retry": "no", "error": "other"}, "other. It counts"),
            ({"retry": "no"}, "no reason given. It counts"),
        ],
    )
    async def test_the_next_call_signs_a_new_one(
        self, record: SpendingRecord, content: object, reason: str
    ) -> None:
        async with road_to(served := Sandbox(), answers_instead(content)) as road:
            host = host_at(road.url, record)
            refused, bought = await host.call(), await host.call()
        assert refused.isError
        assert f"was refused: {reason}" in last_text(refused)
        assert not bought.isError
        assert road.payments[0] != road.payments[1]
        assert served.transfers == 1

    async def test_terms_stated_again_refuse_it(self, record: SpendingRecord) -> None:
        async with road_to(Sandbox()) as road:
            terms = await terms_of(road.served)
            road.faults += [loses_the_request, answers_instead({**terms, "error": "expired"})]
            refused = await host_at(road.url, record).call()
        assert "was refused: expired. It may have been charged before" in last_text(refused)
        assert len(road.payments) == 2

    async def test_a_failing_tool_leaves_it_open_until_it_expires(
        self, record: SpendingRecord, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fails = answers_instead("no such city")
        async with road_to(Sandbox(), fails, fails) as road:
            host = host_at(road.url, record)
            open_still = await host.call()
            monkeypatch.setattr(record, "_now", lambda: time.time() + 3_600)
            expired = await host.call()
            monkeypatch.undo()
            bought = await host.call()
        assert open_still.content[0].text == "no such city"  # type: ignore[union-attr]
        assert "is not known: the tool failed" in last_text(open_still)
        assert "was refused: no reason given. It may have been" in last_text(expired)
        assert not bought.isError
        first, second, third = road.payments
        assert first == second != third


async def terms_of(served: Sandbox) -> dict[str, Any]:
    """The terms of the rotation tool."""
    call = {"name": ROTATION, "arguments": EXAMPLE}
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {"Accept": "application/json, text/event-stream"}
    told = await served.http.post(f"{PUBLIC_URL}/mcp", json=asked, headers=headers)
    terms: dict[str, Any] = told.json()["result"]["structuredContent"]
    return terms


def seller(terms: object) -> Any:
    """An MCP server of somebody else: its tool asks for ``terms``, and answers whoever pays."""

    async def serves(request: Any) -> Any:
        params = (await request.json()).get("params") or {} if request.method == "POST" else {}
        paid = "x402/payment" in params.get("_meta", {})
        content = {"sold": True} if paid else terms
        text = [{"type": "text", "text": json.dumps(content)}]
        result = {"content": text, "structuredContent": content, "isError": not paid}
        return await rpc(request, result)

    return serves


async def streams(request: Any) -> Any:
    """An MCP server that sends a line of its log before each answer, as a stream of events."""
    told = await seller({"free": True})(request)
    if told.status != 200:
        return told
    log = {"level": "info", "data": "at work"}
    line = {"jsonrpc": "2.0", "method": "notifications/message", "params": log}
    events = "".join(f"data: {each}\n\n" for each in (json.dumps(line), told.body.decode()))
    return await answers(events.encode(), **{"Content-Type": "text/event-stream"})(request)


async def endless_list(request: Any) -> Any:
    """An MCP server whose list of tools never ends."""
    tool = {"name": "one", "inputSchema": {"type": "object"}}
    return await rpc(request, {"tools": [tool], "nextCursor": "on"})


async def rpc(request: Any, result: dict[str, Any]) -> Any:
    """Answer a request of the protocol, and ``result`` to whatever is not its beginning."""
    if request.method != "POST":
        return await answers(b"", 405)(request)
    body = await request.json()
    if body["method"] == "initialize":
        made = {"protocolVersion": "2025-06-18", "capabilities": {}}
        result = {**made, "serverInfo": {"name": "other", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": body.get("id"), "result": result}
    return await answers(message, 200 if "id" in body else 202, **{"Content-Type": JSON})(request)


@contextlib.asynccontextmanager
async def hosted(state: Path, *options: str, **variables: str) -> AsyncIterator[ClientSession]:
    """A host that has started the wallet as its configuration says."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "app", "mcp-wallet", *options],
        env=environment(XDG_STATE_HOME=str(state), **variables),
    )
    async with (
        stdio_client(command) as (incoming, outgoing),
        ClientSession(incoming, outgoing) as session,
    ):
        yield session


def configuration_of_page(address: str) -> str:
    text = httpx.get(f"{address}/catalog", headers={"Accept": "text/html"}).text
    code = re.findall(r"<code[^>]*>(.*?)</code>", text, re.DOTALL)  # with marks of its colours
    plain = [html.unescape(re.sub(r"<[^>]+>", "", each)) for each in code]
    [shown] = {each for each in plain if "mcpServers" in each}
    return shown


def configuration_of_document() -> str:
    text = (ROOT / "docs" / "discovery.md").read_text()
    [shown] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    return str(shown)


class TestRealProcess:
    async def test_a_host_lists_asks_and_buys(self, address: str, tmp_path: Path) -> None:
        before = settled(address)
        async with hosted(tmp_path, f"{address}/mcp", PRIVATE_KEY=KEY) as session:
            greeting = await session.initialize()
            listed = await session.list_tools()
            invalid = await session.call_tool(ROTATION, {})
            bought = await session.call_tool(ROTATION, EXAMPLE)
        assert f"the wallet {Account.from_key(KEY).address}" in str(greeting.instructions)
        assert "at most $0.10 a call and $1.00 a day (UTC)" in str(greeting.instructions)
        assert listed.tools[0].name == ROTATION
        assert (invalid.isError, bought.isError) == (True, False)
        assert bought.structuredContent == json.loads(EXAMPLE_RESPONSE)
        assert last_text(bought).startswith("Paid 0.02 USDC")
        assert settled(address) == before + 1

    async def test_the_day_outlives_the_process(self, address: str, tmp_path: Path) -> None:
        texts = []
        for _ in range(2):
            limit = ("--max-per-day", "0.03")
            async with hosted(tmp_path, f"{address}/mcp", *limit, PRIVATE_KEY=KEY) as session:
                await session.initialize()
                texts.append(last_text(await session.call_tool(ROTATION, EXAMPLE)))
        assert [text.partition(" ")[0] for text in texts] == ["Paid", "Not"]
        with contextlib.closing(sqlite3.connect(tmp_path / "oncall/payments.sqlite")) as record:
            assert record.execute("SELECT amount, open FROM payment").fetchall() == [(20_000, None)]

    async def test_killed_while_it_pays_it_goes_on_with_the_same_payment(
        self, tmp_path: Path
    ) -> None:
        sent = asyncio.Event()

        async def waits(_: object, forward: Any) -> Any:
            await forward()
            sent.set()
            await asyncio.sleep(30)

        async with road_to(served := Sandbox(), waits) as road:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "mcp-wallet", road.url),
                env=environment(XDG_STATE_HOME=str(tmp_path), PRIVATE_KEY=KEY),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
            )
            assert process.stdin is not None
            process.stdin.writelines(f"{json.dumps(each)}\n".encode() for each in CALLING)
            await sent.wait()
            process.kill()
            await process.wait()
            async with hosted(tmp_path, road.url, PRIVATE_KEY=KEY) as session:
                await session.initialize()
                bought = await session.call_tool(ROTATION, EXAMPLE)
        assert bought.structuredContent == json.loads(EXAMPLE_RESPONSE)
        assert road.payments[0] == road.payments[1]
        assert served.transfers == 1

    @pytest.mark.parametrize("place", ["page", "document"])
    async def test_the_configuration_that_is_shown_starts_it(
        self, address: str, tmp_path: Path, place: str
    ) -> None:
        shown = configuration_of_page(address) if place == "page" else configuration_of_document()
        server = json.loads(shown)["mcpServers"]["oncall"]
        assert server["command"] == "oncall"
        command, url, *options = server["args"]
        assert (command, urlsplit(url).path) == ("mcp-wallet", "/mcp")
        assert server.get("env", {}).keys() <= {"PRIVATE_KEY"}
        async with hosted(tmp_path, f"{address}/mcp", *options) as session:
            await session.initialize()
            bought = await session.call_tool(ROTATION, EXAMPLE)
        assert last_text(bought).startswith("Paid 0.02 USDC")

    @pytest.mark.process
    @pytest.mark.parametrize("library", TYPESCRIPT)
    def test_hosts_in_typescript(self, library: str, address: str, tmp_path: Path) -> None:
        wallet = (sys.executable, "-m", "app", "mcp-wallet", f"{address}/mcp")
        command = [*typescript("host.mjs", library), ROTATION, *wallet]
        answered = printed(command, EXAMPLE, XDG_STATE_HOME=str(tmp_path))  # no key: test money
        assert answered["tools"][0]["name"] == ROTATION
        assert answered["invalid"]["structuredContent"]["code"] == "invalid_request"
        assert answered["paid"]["structuredContent"] == json.loads(EXAMPLE_RESPONSE)
        assert answered["paid"]["content"][-1]["text"].startswith("Paid 0.02 USDC")


class TestCommand:
    @pytest.mark.parametrize(
        ("arguments", "variables", "complaint"),
        [
            (("sold.test/mcp",), {}, "'sold.test/mcp' is not an http(s) address"),
            (("http://sold.test/mcp", "--max", "lots"), {}, "Invalid value for --max: 'lots'"),
            (("http://sold.test/mcp", "--max-per-day", "all"), {}, "for --max-per-day: 'all'"),
            (("http://sold.test/mcp",), {"PRIVATE_KEY": "secret"}, "PRIVATE_KEY is not a private"),
            (("http://sold.test/mcp",), {"XDG_STATE_HOME": "/dev/null"}, "sqlite cannot be used:"),
        ],
        ids=["url", "max", "day", "key", "state"],
    )
    def test_what_is_wrong_is_told(
        self, tmp_path: Path, arguments: Any, variables: dict[str, str], complaint: str
    ) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "app", "mcp-wallet", *arguments],
            env=environment(**{"XDG_STATE_HOME": str(tmp_path), "COLUMNS": "200", **variables}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode != 0
        assert complaint in re.sub(r"[│\s]+", " ", done.stderr)
        assert "secret" not in done.stderr
