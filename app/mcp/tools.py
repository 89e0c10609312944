"""Each endpoint as an MCP tool: its description, and a call as a purchase.

Strategy: a call becomes a ``PurchaseRequest`` of its arguments and of the payment in its ``_meta``.
Its result has the form of x402's MCP transport: terms and problems are results with ``isError``,
because clients show a model nothing of a protocol error.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog
from mcp import types
from mcp.shared.exceptions import McpError
from x402.mcp import MCP_PAYMENT_META_KEY, MCP_PAYMENT_RESPONSE_META_KEY

from app.checkout.purchase import PaidAnswer, ProductCheckout, PurchaseRequest
from app.discovery.openapi import object_schema_of, payment_info
from app.errors import OncallError, Retryable
from app.http.problems import internal_problem_details, problem_details
from app.http.request_head import request_head
from app.mcp.messages import INVALID_PARAMS
from app.payments.terms import PaymentRequiredBody
from app.payments.verification import MessagePayment
from app.products.endpoint import JSON

log = structlog.get_logger()


class Tools:
    """The tools of ``checkouts``; ``request`` returns the HTTP request of the call under way."""

    def __init__(
        self,
        checkouts: Sequence[ProductCheckout],
        request: Callable[[], Any],
    ) -> None:
        self._checkouts = {each.endpoint.slug: each for each in checkouts}
        self._request = request
        self._list = types.ListToolsResult(tools=[tool_of(each) for each in checkouts])

    async def listed(self, _: types.ListToolsRequest) -> types.ServerResult:
        """Every tool, in catalogue order."""
        return types.ServerResult(self._list)

    async def called(self, request: types.CallToolRequest) -> types.ServerResult:
        """Call a tool; every failure is a result. Raises ``McpError`` only for an unknown tool."""
        checkout = self._checkouts.get(request.params.name)
        if checkout is None:
            known = ", ".join(self._checkouts)
            text = f"Unknown tool: {request.params.name[:100]}. There are {known}."
            raise McpError(types.ErrorData(code=INVALID_PARAMS, message=text))
        return types.ServerResult(await self._result_of(request.params, checkout))

    async def _result_of(
        self, params: types.CallToolRequestParams, checkout: ProductCheckout
    ) -> types.CallToolResult:
        try:
            return await self._purchased(params, checkout)
        except OncallError as error:
            waiting = {"retryAfter": error.retry_after} if isinstance(error, Retryable) else {}
            return _failure({**problem_details(error), **waiting}, checkout)
        except Exception:
            log.exception("unhandled")
            return _failure(internal_problem_details(), checkout)

    async def _purchased(
        self, params: types.CallToolRequestParams, checkout: ProductCheckout
    ) -> types.CallToolResult:
        carried = (params.meta.model_extra or {}).get(MCP_PAYMENT_META_KEY) if params.meta else None
        paying = carried is not None
        client = checkout.limits.client_in(request_head(self._request().scope))
        request = PurchaseRequest(
            f"mcp:{checkout.endpoint.path}",
            JSON,
            _body_of(params.arguments),
            client,
            MessagePayment(carried) if paying else None,
        )
        found = await checkout.find(request)
        outcome = found.outcome
        if outcome is None:
            allowance = await checkout.allowance(client, paying=paying)
            allowance.require()
            outcome = await checkout.outcome(request, found.claim)
        if isinstance(outcome, PaymentRequiredBody):
            return _failure(_content_of(outcome, refused=paying), checkout)
        return _success(outcome, checkout)


def tool_of(checkout: ProductCheckout) -> types.Tool:
    """The description of an endpoint for a client and its model."""
    endpoint = checkout.endpoint
    price = f" Costs ${endpoint.price_usd} a call, paid by x402." if checkout.payments else ""
    return types.Tool(
        name=endpoint.slug,
        title=endpoint.title,
        description=f"{endpoint.description} {endpoint.rules}{price}",
        inputSchema=object_schema_of(endpoint.request),
        outputSchema=object_schema_of(endpoint.answer),
        annotations=types.ToolAnnotations(
            readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=False
        ),
        _meta={"x-payment-info": payment_info(endpoint)} if checkout.payments else None,
    )


def _body_of(arguments: dict[str, Any] | None) -> bytes:
    """Arguments as a JSON document: the same bytes in whatever order their names come."""
    return b"" if arguments is None else msgspec.json.encode(arguments, order="deterministic")


def _content_of(body: PaymentRequiredBody, *, refused: bool) -> dict[str, Any]:
    """Terms as a result's content; those that refuse a payment say that nothing was settled."""
    content: dict[str, Any] = msgspec.json.decode(body.json)
    if refused:
        content[MCP_PAYMENT_RESPONSE_META_KEY] = {
            "success": False,
            "errorReason": content["error"],
            "transaction": "",
            "network": content["accepts"][0]["network"],
        }
    return content


def _failure(content: dict[str, Any], checkout: ProductCheckout) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=msgspec.json.encode(content).decode())],
        structuredContent=content,
        isError=True,
        _meta=dict(checkout.label_fields) or None,
    )


def _success(paid: PaidAnswer, checkout: ProductCheckout) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=paid.answer.decode())],
        structuredContent=msgspec.json.decode(paid.answer),
        _meta={**_receipt(paid), **checkout.label_fields} or None,
    )


def _receipt(paid: PaidAnswer) -> dict[str, Any]:
    """The receipt: what ``PAYMENT-RESPONSE`` and ``Idempotent-Replayed`` hold over HTTP."""
    if paid.charge is None:
        return {}
    replayed = {"Idempotent-Replayed": "true"} if paid.charge.replayed else {}
    return {MCP_PAYMENT_RESPONSE_META_KEY: paid.charge.receipt.settlement, **replayed}
