"""The command ``mcp-wallet``: a local MCP server that shows a remote one's tools and pays for them.

Strategy: a call goes out without a payment first. If terms come back, they are signed once, the
payment is entered in the record, and the call is sent with it. Where the answer is lost or the
outcome unknown, the same payment is sent again: in this call, and in every later one that is the
same, also by another process, until the seller says what became of it. A call of the host signs at
most one payment.
"""

import asyncio
import hashlib
import json
import logging
import sqlite3
import sys
import time
from dataclasses import dataclass
from typing import Any

from mcp import types
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import McpError
from x402 import PaymentRequired
from x402.mcp import MCP_PAYMENT_RESPONSE_META_KEY, MCPToolResult
from x402.mcp.utils import extract_payment_required_from_result

from app import __version__
from app.cli.mcp_remote import RemoteServer, failure_text
from app.cli.spending import OverDailyLimit, SignedPayment, SpendingRecord
from app.cli.wallet import NotPaid, Wallet, dollars_text, millionths, price_of
from app.payments.terms_text import AnyPaymentRequired

DEADLINE_SECONDS = 50.0
"""A call is answered within this time: hosts wait a minute, and what comes later is lost."""
FREE_SECONDS = 20.0
"""How long an answer without a payment may take."""
ATTEMPTS = 5
FIRST_WAIT_SECONDS = 1.0

REFUSED = frozenset({"new-payment", "no"})
"""What a problem's ``retry`` says of a payment that was not used."""


@dataclass(frozen=True)
class ToolCall:
    """A call of a remote tool, to be answered before ``ends_at``, an instant of ``monotonic``."""

    name: str
    arguments: dict[str, Any] | None
    ends_at: float

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.ends_at - time.monotonic())

    def identity(self, url: str) -> str:
        """Return a text that calls have in common if they are the same."""
        call = json.dumps([url, self.name, self.arguments or {}], sort_keys=True)
        return hashlib.sha256(call.encode()).hexdigest()


@dataclass(frozen=True)
class PayingTools:
    """The tools of ``remote``, whose calls ``wallet`` pays for and ``record`` remembers."""

    remote: RemoteServer
    wallet: Wallet
    record: SpendingRecord
    deadline_seconds: float = DEADLINE_SECONDS
    first_wait_seconds: float = FIRST_WAIT_SECONDS

    async def listed(self, _: types.ListToolsRequest) -> types.ServerResult:
        """Return the remote tools. None has an output schema, as refusals are results, too."""
        try:
            tools = await self.remote.tools(FREE_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever it is, the host is told
            told = types.ErrorData(code=types.INTERNAL_ERROR, message=failure_text(error))
            raise McpError(told) from None
        for tool in tools:
            tool.outputSchema = None
        return types.ServerResult(types.ListToolsResult(tools=tools))

    async def called(self, request: types.CallToolRequest) -> types.ServerResult:
        """Call a tool, pay if that is asked for, and say in the result what it cost."""
        ends_at = time.monotonic() + self.deadline_seconds
        call = ToolCall(request.params.name, request.params.arguments, ends_at)
        try:
            result = await self._answer(call)
        except NotPaid as refusal:
            result = _failure(f"Not paid: {refusal}")
        except sqlite3.Error as error:
            result = _failure(f"Not paid: {self.record.path} cannot be used: {error}")
        return types.ServerResult(result)

    async def _answer(self, call: ToolCall) -> types.CallToolResult:
        payer, identity = self.wallet.address, call.identity(self.remote.url)
        earlier = self.record.open_payment(payer, identity)
        if earlier is not None:
            return await self._pay(call, earlier, sent_before=True)
        seconds = min(FREE_SECONDS, call.seconds_left)
        try:
            result = await self.remote.call(call.name, call.arguments, seconds)
        except Exception as error:  # noqa: BLE001 - whatever it is, the host is told
            raise NotPaid(failure_text(error)) from None
        required = _terms_in(result)
        if required is None:
            return result
        if not isinstance(required, PaymentRequired):
            raise NotPaid("it asks for a payment of x402 version 1; the wallet pays by version 2")
        return await self._pay(call, await self._signed(identity, required), sent_before=False)

    async def _signed(self, identity: str, required: PaymentRequired) -> SignedPayment:
        """Sign a payment and enter it in the record. Raises ``NotPaid``."""
        payment = await self.wallet.sign(required)
        payer, limit = self.wallet.address, millionths(self.wallet.most_per_day)
        try:
            return self.record.enter(payer, identity, payment, limit)
        except OverDailyLimit as full:
            raise NotPaid(
                f"it costs {price_of(payment.payload)}, and {dollars_text(full.spent)} are signed "
                f"today; the wallet pays {self.wallet.limits}. Wait for tomorrow, or raise "
                "--max-per-day"
            ) from None

    async def _pay(
        self, call: ToolCall, payment: SignedPayment, *, sent_before: bool
    ) -> types.CallToolResult:
        """Send ``payment`` with the call; the same one again while its outcome is not known."""
        reason, wait = "", self.first_wait_seconds
        for attempt in range(ATTEMPTS):
            if attempt:
                if wait >= call.seconds_left:
                    break
                await asyncio.sleep(wait)
                wait, sent_before = wait * 2, True
            try:
                result = await self.remote.call(
                    call.name, call.arguments, call.seconds_left, payment.payload
                )
            except Exception as error:  # noqa: BLE001 - it may have been charged
                reason = failure_text(error)
                continue
            problem = (result.isError and result.structuredContent) or {}
            if problem.get("retry") != "same-payment":
                return self._concluded(payment, result, problem, sent_before=sent_before)
            reason = _reason(problem)
            wait = max(wait, _number(problem.get("retryAfter")))
        return _failure(_unknown(payment, reason))

    def _concluded(
        self,
        payment: SignedPayment,
        result: types.CallToolResult,
        problem: dict[str, Any],
        *,
        sent_before: bool,
    ) -> types.CallToolResult:
        """Say what became of ``payment``, and close it unless ``result`` leaves that open."""
        if not result.isError:
            self._close(payment)
            return _told(result, f"Paid {price_of(payment.payload)}, {_receipt_text(result)}.")
        refused = _terms_in(result) is not None or problem.get("retry") in REFUSED
        if not (refused or self.record.is_expired(payment)):
            return _told(result, _unknown(payment, "the tool failed"))
        self._close(payment)
        earlier = (
            " It may have been charged before, when an answer was lost." if sent_before else ""
        )
        refusal = (
            f"The payment of {price_of(payment.payload)} was refused: {_reason(problem)}.{earlier} "
            "It counts towards the limit of the day, charged or not. The next call signs a new one."
        )
        return _told(result, refusal)

    def _close(self, payment: SignedPayment) -> None:
        """Close ``payment``. If that fails it stays open, by which nothing is charged twice."""
        try:
            self.record.close(payment)
        except sqlite3.Error as error:
            tell(f"{self.record.path} cannot be written: {error}")


async def run_mcp_wallet(url: str, wallet: Wallet, record: SpendingRecord) -> None:
    """Serve the tools of the MCP server at ``url`` over standard input and output."""
    logging.getLogger("mcp").setLevel(logging.CRITICAL)  # a result says what failed
    tell(f"wallet {wallet.address} pays {wallet.limits} for {url}; record {record.path}")
    instructions = (
        f"The tools of {url}. Calls that cost something are paid by the wallet {wallet.address}: "
        f"{wallet.limits}. The last text of a result says what was paid."
    )
    server: Server = Server("oncall-mcp-wallet", __version__, instructions)
    tools = PayingTools(RemoteServer(url), wallet, record)
    server.request_handlers[types.ListToolsRequest] = tools.listed
    server.request_handlers[types.CallToolRequest] = tools.called
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def tell(line: str) -> None:
    """Write a line for the operator: standard output belongs to the protocol."""
    sys.stderr.write(line + "\n")


def _terms_in(result: types.CallToolResult) -> AnyPaymentRequired | None:
    read = MCPToolResult(
        content=[block.model_dump() for block in result.content],
        is_error=result.isError,
        structured_content=result.structuredContent,
    )
    return extract_payment_required_from_result(read)


def _unknown(payment: SignedPayment, reason: str) -> str:
    return (
        f"Whether the payment of {price_of(payment.payload)} was charged is not known: "
        f"{reason.rstrip('.')}. Call the tool again with the same arguments: that sends the same "
        "payment, which is charged once at most."
    )


def _receipt_text(result: types.CallToolResult) -> str:
    receipt = (result.meta or {}).get(MCP_PAYMENT_RESPONSE_META_KEY)
    transaction = receipt.get("transaction") if isinstance(receipt, dict) else None
    return f"in transaction {transaction}" if transaction else "without a receipt"


def _reason(problem: dict[str, Any]) -> str:
    return str(problem.get("error") or problem.get("detail") or "no reason given").rstrip(".")


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _told(result: types.CallToolResult, line: str) -> types.CallToolResult:
    """Return ``result`` with a line for the model behind its content."""
    result.content.append(types.TextContent(type="text", text=line))
    return result


def _failure(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], isError=True)
