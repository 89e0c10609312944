"""Each endpoint as a tool: its description, and a call as a sale.

Strategy: a call is an ``Order`` of its arguments and the payment in its ``_meta``. What comes of
it is written as x402's MCP transport wants it: terms and problems are results with ``isError``,
because clients show a model nothing of a protocol error.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
import structlog
from mcp import types
from mcp.shared.exceptions import McpError
from x402.mcp import MCP_PAYMENT_META_KEY, MCP_PAYMENT_RESPONSE_META_KEY

from app.checkout.purchase import Order, Sale, Sold, Till
from app.discovery.openapi import object_schema_of, payment_info
from app.errors import OncallError, Retryable
from app.http.problems import internal_problem, problem_in
from app.http.rate_limited_route import client_in
from app.http.rate_limits import Proxy
from app.http.request_head import head_of
from app.mcp.messages import INVALID_PARAMS
from app.payments.authorization import Payment
from app.payments.terms import Terms
from app.payments.verification import payload_of, payment_for
from app.products.endpoint import JSON

log = structlog.get_logger()


class Tools:
    """The tools that sell ``sales``; ``request`` is the HTTP request of the call under way."""

    def __init__(
        self, sales: Sequence[Sale], proxies: Sequence[Proxy], request: Callable[[], Any]
    ) -> None:
        self._sales = {sale.endpoint.slug: sale for sale in sales}
        self._proxies = proxies
        self._request = request
        self._list = types.ListToolsResult(tools=[tool_of(sale) for sale in sales])

    async def listed(self, _: types.ListToolsRequest) -> types.ServerResult:
        return types.ServerResult(self._list)

    async def called(self, request: types.CallToolRequest) -> types.ServerResult:
        """The result of a call, whatever goes wrong. Raises ``McpError`` for an unknown tool."""
        sale = self._sales.get(request.params.name)
        if sale is None:
            known = ", ".join(self._sales)
            text = f"Unknown tool: {request.params.name[:100]}. There are {known}."
            raise McpError(types.ErrorData(code=INVALID_PARAMS, message=text))
        return types.ServerResult(await self._result_of(request.params, sale))

    async def _result_of(
        self, params: types.CallToolRequestParams, sale: Sale
    ) -> types.CallToolResult:
        try:
            return await self._sold(params, sale)
        except OncallError as error:
            waiting = {"retryAfter": error.retry_after} if isinstance(error, Retryable) else {}
            return _failure({**problem_in(error), **waiting}, sale)
        except Exception:
            log.exception("unhandled")
            return _failure(internal_problem(), sale)

    async def _sold(self, params: types.CallToolRequestParams, sale: Sale) -> types.CallToolResult:
        carried = (params.meta.model_extra or {}).get(MCP_PAYMENT_META_KEY) if params.meta else None
        paying = carried is not None
        client = client_in(head_of(self._request().scope), self._proxies)
        allowance = await sale.allowance(client, paying=paying)
        allowance.require()
        order = Order(f"mcp:{sale.endpoint.path}", JSON, _body_of(params.arguments))
        outcome = await sale.outcome(order, partial(_payment_of, carried) if paying else None)
        if isinstance(outcome, Terms):
            return _failure(_terms(outcome, refused=paying), sale)
        return _success(outcome, sale)


def tool_of(sale: Sale) -> types.Tool:
    """How a client and its model see an endpoint."""
    endpoint = sale.endpoint
    price = f" Costs ${endpoint.price_usd} a call, paid by x402." if sale.till else ""
    return types.Tool(
        name=endpoint.slug,
        title=endpoint.title,
        description=f"{endpoint.description} {endpoint.rules}{price}",
        inputSchema=object_schema_of(endpoint.request),
        outputSchema=object_schema_of(endpoint.answer),
        annotations=types.ToolAnnotations(
            readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=False
        ),
        _meta={"x-payment-info": payment_info(endpoint)} if sale.till else None,
    )


def _body_of(arguments: dict[str, Any] | None) -> bytes:
    """Arguments as a document; the order of their names does not make another request."""
    return b"" if arguments is None else msgspec.json.encode(arguments, order="deterministic")


def _payment_of(carried: object, till: Till) -> Payment:
    return payment_for(till.offer, payload_of(carried), till.server)


def _terms(terms: Terms, *, refused: bool) -> dict[str, Any]:
    """Terms as a result's content; those that refuse a payment say that nothing was settled."""
    content: dict[str, Any] = msgspec.json.decode(terms.body)
    if refused:
        content[MCP_PAYMENT_RESPONSE_META_KEY] = {
            "success": False,
            "errorReason": content["error"],
            "transaction": "",
            "network": content["accepts"][0]["network"],
        }
    return content


def _failure(content: dict[str, Any], sale: Sale) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=msgspec.json.encode(content).decode())],
        structuredContent=content,
        isError=True,
        _meta=dict(sale.label) or None,
    )


def _success(sold: Sold, sale: Sale) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=sold.answer.decode())],
        structuredContent=msgspec.json.decode(sold.answer),
        _meta={**_receipt(sold), **sale.label} or None,
    )


def _receipt(sold: Sold) -> dict[str, Any]:
    """What HTTP says in ``PAYMENT-RESPONSE`` and ``Idempotent-Replayed``."""
    if sold.purchase is None:
        return {}
    replayed = {"Idempotent-Replayed": "true"} if sold.purchase.replayed else {}
    return {MCP_PAYMENT_RESPONSE_META_KEY: sold.purchase.receipt.settlement, **replayed}
