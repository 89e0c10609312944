"""Each endpoint as an MCP tool: its description, and a call as a purchase.

Strategy: a call becomes a ``PurchaseRequest`` of its arguments and of the payment in its ``_meta``.
Its result has the form of x402's MCP transport: terms and problems are results with ``isError``,
because clients show a model nothing of a protocol error. The arguments and the result stand in the
scope of the request, so that the library copies neither.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import structlog
from mcp import types
from mcp.shared.exceptions import McpError
from msgspec import Raw
from starlette.types import Scope
from x402.mcp import MCP_PAYMENT_META_KEY, MCP_PAYMENT_RESPONSE_META_KEY

from app.checkout.purchase import PaidAnswer, ProductCheckout, PurchaseRequest
from app.discovery.openapi import object_schema_of, payment_info
from app.errors import OncallError, Retryable
from app.http.large_bodies import LARGE_BYTES
from app.http.problems import internal_problem_details, problem_details
from app.http.request_head import request_head
from app.http.validation import json_decoder
from app.mcp.messages import CALL, INVALID_PARAMS, ToolCall
from app.payments.terms import PaymentRequiredBody
from app.payments.verification import MessagePayment, network_in
from app.products.endpoint import JSON

OUTPUT_SCHEMA = "x-output-schema"
"""The member of a paid tool's ``_meta`` that holds the JSON Schema of its answer."""
MAX_TEXT_BYTES = 4 * 1024 * 1024
IN_STRUCTURED_CONTENT = "The answer is in structuredContent: it is too large to be written twice."

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
        scope = self._request().scope
        call: ToolCall = scope[CALL]
        call.result = await self._result_of(call.arguments, request.params.meta, scope, checkout)
        return types.ServerResult(types.CallToolResult(content=[]))  # `call` has what is sent

    async def _result_of(
        self,
        arguments: bytes,
        meta: types.RequestParams.Meta | None,
        scope: Scope,
        checkout: ProductCheckout,
    ) -> bytes:
        try:
            return await self._purchased(arguments, meta, scope, checkout)
        except OncallError as error:
            waiting = {"retryAfter": error.retry_after} if isinstance(error, Retryable) else {}
            return _failure({**problem_details(error), **waiting}, checkout)
        except Exception:
            log.exception("unhandled")
            return _failure(internal_problem_details(), checkout)

    async def _purchased(
        self,
        arguments: bytes,
        meta: types.RequestParams.Meta | None,
        scope: Scope,
        checkout: ProductCheckout,
    ) -> bytes:
        carried = (meta.model_extra or {}).get(MCP_PAYMENT_META_KEY) if meta else None
        paying = carried is not None
        client = checkout.limits.client_in(request_head(scope))
        request = PurchaseRequest(
            f"mcp:{checkout.endpoint.path}",
            JSON,
            _body_of(arguments),
            client,
            MessagePayment(carried) if paying else None,
        )
        found = await checkout.find(request)
        outcome = found.outcome
        if outcome is None:
            allowance = await checkout.allowance(found.payer or client, paying=paying)
            allowance.require()
            outcome = await checkout.outcome(request, found)
        if isinstance(outcome, PaymentRequiredBody):
            return _failure(_content_of(outcome, carried), checkout)
        return _success(outcome, checkout)


def tool_of(checkout: ProductCheckout) -> types.Tool:
    """The description of an endpoint for a client and its model.

    A tool that is paid for declares no ``outputSchema``: clients hold every result against it, and
    terms and problems are results, too. Its ``_meta`` has the schema of the answer.
    """
    endpoint = checkout.endpoint
    answer = object_schema_of(endpoint.answer)
    paid = checkout.payments is not None
    return types.Tool(
        name=endpoint.slug,
        title=endpoint.title,
        description=f"{endpoint.description} {endpoint.rules}{_sold(checkout, answer)}",
        inputSchema=object_schema_of(endpoint.request),
        outputSchema=None if paid else answer,
        annotations=types.ToolAnnotations(
            readOnlyHint=True, destructiveHint=False, idempotentHint=True, openWorldHint=False
        ),
        _meta={"x-payment-info": payment_info(endpoint), OUTPUT_SCHEMA: answer} if paid else None,
    )


def _sold(checkout: ProductCheckout, answer: Mapping[str, Any]) -> str:
    """What a paid tool costs and answers, in words."""
    if checkout.payments is None:
        return ""
    fields = ", ".join(f"`{name}`" for name in answer["properties"])
    return (
        f" Costs ${checkout.endpoint.price_usd} a call, paid by x402. The answer is a JSON object "
        f'of {fields}; its schema is _meta["{OUTPUT_SCHEMA}"].'
    )


def _body_of(arguments: bytes) -> bytes:
    """Arguments as a JSON document: the same bytes in whatever order their names come.

    Large ones are left as they are, and so is what is malformed.
    """
    if len(arguments) > LARGE_BYTES:
        return arguments
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.encode(json_decoder.decode(arguments), order="deterministic")
    return arguments


def _content_of(body: PaymentRequiredBody, refused: object) -> dict[str, Any]:
    """Terms as a result's content; they say that nothing was settled if a payment was refused.

    ``refused`` is the JSON value of that payment; ``None`` if there was none.
    """
    content: dict[str, Any] = msgspec.json.decode(body.json)
    if refused is not None:
        networks = [way["network"] for way in content["accepts"]]
        asked = network_in(refused)
        content[MCP_PAYMENT_RESPONSE_META_KEY] = {
            "success": False,
            "errorReason": content["error"],
            "transaction": "",
            "network": asked if asked in networks else networks[0],
        }
    return content


def _failure(content: dict[str, Any], checkout: ProductCheckout) -> bytes:
    return _result(msgspec.json.encode(content), checkout.label_fields, is_error=True)


def _success(paid: PaidAnswer, checkout: ProductCheckout) -> bytes:
    return _result(paid.answer, {**_receipt(paid), **checkout.label_fields}, is_error=False)


def _result(content: bytes, meta: Mapping[str, Any], *, is_error: bool) -> bytes:
    """The result of a call, a ``CallToolResult`` as JSON; ``content`` is JSON as well."""
    text = content.decode() if len(content) <= MAX_TEXT_BYTES else IN_STRUCTURED_CONTENT
    return msgspec.json.encode(
        {
            **({"_meta": meta} if meta else {}),
            "content": [{"type": "text", "text": text}],
            "structuredContent": Raw(content),
            "isError": is_error,
        }
    )


def _receipt(paid: PaidAnswer) -> dict[str, Any]:
    """The receipt: what ``PAYMENT-RESPONSE`` and ``Idempotent-Replayed`` hold over HTTP."""
    if paid.charge is None:
        return {}
    replayed = {"Idempotent-Replayed": "true"} if paid.charge.replayed else {}
    return {MCP_PAYMENT_RESPONSE_META_KEY: paid.charge.receipt.settlement, **replayed}
