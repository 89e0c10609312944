"""Each endpoint as an MCP tool: its description, and a call as a purchase; and the stored tools.

Strategy: a call becomes a ``PurchaseRequest`` of its arguments and of the payment in its ``_meta``.
Its result has the form of x402's MCP transport: terms and problems are results with ``isError``,
because clients show a model nothing of a protocol error. The arguments and the result stand in the
scope of the request, so that the library copies neither.

Callers with an API key are shown the tools of the kept schedules as well. A key that is not valid
is a protocol error: it is the host's to mend and not the model's.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from mcp import types
from mcp.shared.exceptions import McpError
from msgspec import Raw, structs
from starlette.types import Scope
from x402.mcp import MCP_PAYMENT_META_KEY, MCP_PAYMENT_RESPONSE_META_KEY

from app.checkout.purchase import PaidAnswer, ProductCheckout, PurchaseRequest
from app.discovery.error_responses import RETRIES
from app.discovery.field_rows import brief_lines, field_rows
from app.discovery.openapi import payment_info
from app.errors import OncallError, Retryable
from app.http.problems import internal_problem_details, problem_details
from app.http.request_head import request_head
from app.mcp.arguments import asked_in
from app.mcp.messages import CALL, INVALID_PARAMS, KEY_REFUSED, ToolCall
from app.mcp.tool_schemas import answer_schema, arguments_schema, brief_schema, format_row
from app.payments.terms import PaymentRequiredBody
from app.payments.verification import MessagePayment, network_in
from app.products.endpoint import JSON, Endpoint
from app.teams.app import TeamsApp
from app.teams.presented_keys import has_key
from app.teams.problems import error_body, status_of

if TYPE_CHECKING:  # it is loaded when somebody has a key
    from app.mcp.stored_calls import StoredCalls
    from app.mcp.stored_tools import StoredTool
    from app.teams.operation import Operation

OUTPUT_SCHEMA = "x-output-schema"
"""The member of a paid tool's ``_meta`` that holds the JSON Schema of its answer."""
MAX_TEXT_BYTES = 4 * 1024 * 1024
IN_STRUCTURED_CONTENT = "The answer is in structuredContent: it is too large to be written twice."

log = structlog.get_logger()


class Tools:
    """The tools of ``checkouts`` and, for callers with a key, of the stored APIs of ``teams``.

    ``request`` returns the HTTP request of the call under way.
    """

    def __init__(
        self,
        checkouts: Sequence[ProductCheckout],
        teams: TeamsApp,
        request: Callable[[], Any],
    ) -> None:
        self._checkouts = {each.endpoint.slug: each for each in checkouts}
        self._teams = teams
        self._request = request
        self._list = types.ListToolsResult(tools=[tool_of(each) for each in checkouts])

    async def listed(self, _: types.ListToolsRequest) -> types.ServerResult:
        """Every tool, in catalogue order; then those that the key of the request may call.

        Raises ``McpError`` for a key that is not valid or cannot be looked up.
        """
        head = request_head(self._request().scope)
        if not has_key(head):
            return types.ServerResult(self._list)
        with _protocol_errors():
            stored = await (await self._stored()).tools_for(head)
        tools = [*self._list.tools, *(stored_tool_of(*each) for each in stored)]
        return types.ServerResult(types.ListToolsResult(tools=tools))

    async def called(self, request: types.CallToolRequest) -> types.ServerResult:
        """Call a tool; every failure is a result.

        Raises ``McpError`` only for an unknown tool, and for a stored one without a valid key.
        """
        name = request.params.name
        checkout = self._checkouts.get(name)
        scope = self._request().scope
        call: ToolCall = scope[CALL]
        if checkout is not None:
            call.result = await self._result_of(
                call.arguments, request.params.meta, scope, checkout
            )
        else:
            call.result = await self._stored_result(name, call.arguments, scope)
        return types.ServerResult(types.CallToolResult(content=[]))  # `call` has what is sent

    async def _stored_result(self, name: str, arguments: bytes, scope: Scope) -> bytes:
        """The result of a stored tool, which without a key is not known."""
        known = list(self._checkouts)
        if has_key(request_head(scope)):
            with _protocol_errors():
                stored = await self._stored()
                tool = stored.by_name.get(name)
                if tool is not None:
                    result = await stored.result(tool, arguments, scope)
                    return _result(result.content, result.meta, is_error=result.is_error)
            known += stored.by_name
        text = f"Unknown tool: {name[:100]}. There are {', '.join(known)}."
        raise McpError(types.ErrorData(code=INVALID_PARAMS, message=text))

    async def _stored(self) -> "StoredCalls":
        """The stored tools. Raises ``NotFound`` where nothing is stored."""
        api = await self._teams.api()
        from app.mcp.stored_calls import StoredCalls  # noqa: PLC0415 - what it needs is loaded now

        return StoredCalls(api)

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
        media_type, body = asked_in(arguments, checkout.endpoint)
        request = PurchaseRequest(
            f"mcp:{checkout.endpoint.path}",
            media_type,
            body,
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
        if media_type == JSON:
            return _success(outcome, checkout)
        return _file(outcome, media_type, checkout, await self._structured(request, checkout))

    async def _structured(self, request: PurchaseRequest, checkout: ProductCheckout) -> bytes:
        """The JSON answer beside a file, where a tool declares the schema of its results.

        A paid tool does not, so there it is empty: a payment buys one form of an answer.
        """
        if checkout.payments is not None:
            return b""
        answered = await checkout.outcome(structs.replace(request, media_type=JSON))
        return answered.answer if isinstance(answered, PaidAnswer) else b""


def tool_of(checkout: ProductCheckout) -> types.Tool:
    """The description of an endpoint for a client and its model.

    A tool that is paid for declares no ``outputSchema``: clients hold every result against it, and
    terms and problems are results, too. Its ``_meta`` has the schema of the answer.
    """
    endpoint = checkout.endpoint
    answer = answer_schema(endpoint)
    paid = checkout.payments is not None
    return types.Tool(
        name=endpoint.slug,
        title=endpoint.title,
        description="\n\n".join(_description(checkout, answer)),
        inputSchema=arguments_schema(endpoint),
        outputSchema=None if paid else answer,
        annotations=types.ToolAnnotations(
            readOnlyHint=not endpoint.keeps,
            destructiveHint=False,
            idempotentHint=True,
            openWorldHint=False,
        ),
        _meta={"x-payment-info": payment_info(endpoint), OUTPUT_SCHEMA: answer} if paid else None,
    )


def stored_tool_of(tool: "StoredTool", operation: "Operation") -> types.Tool:
    """The description of a stored tool for a key that may call ``operation`` by it."""
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        inputSchema=brief_schema(tool.schema_of(operation)),
        annotations=types.ToolAnnotations(
            readOnlyHint=tool.reads,
            destructiveHint=tool.replaces,
            idempotentHint=tool.reads,
            openWorldHint=False,
        ),
    )


@contextlib.contextmanager
def _protocol_errors() -> Iterator[None]:
    """Turn a failure into a protocol error, which says no more than over HTTP."""
    try:
        yield
    except OncallError as error:
        data = {"error": error_body(error)["error"], "status": status_of(type(error)).value}
        if isinstance(error, Retryable):
            data["retryAfter"] = error.retry_after
        told = types.ErrorData(code=KEY_REFUSED, message=error.detail, data=data)
        raise McpError(told) from None


def _description(checkout: ProductCheckout, answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paragraphs about a tool: what it does, its fields, requests, and what may fail.

    Each field is told in a few words here, because its whole rule stands in the schema.
    """
    endpoint, paid = checkout.endpoint, checkout.payments is not None
    yield f"{endpoint.description}{_sold(endpoint, answer) if paid else ''}"
    rows = [*field_rows(endpoint.request), format_row(endpoint)]
    yield f"Arguments; times may be local to `timezone`:\n{brief_lines(rows)}"
    for sample in endpoint.samples:
        yield f"{sample.title}:\n{msgspec.json.encode(sample.example).decode()}"
    yield endpoint.rules
    if paid:
        yield "\n".join(
            ("Problems are results with isError. What to do, by `retry`:", *_retry_lines())
        )


def _retry_lines() -> Iterator[str]:
    for retry, text in RETRIES.items():
        yield f"- {retry}: {text}"


def _sold(endpoint: Endpoint, answer: Mapping[str, Any]) -> str:
    """What a paid tool costs and answers, in words."""
    fields = ", ".join(f"`{name}`" for name in answer["properties"])
    return (
        f" Costs ${endpoint.price_usd} a call, paid by x402; a call without payment gets the "
        f"terms, or every fault of its arguments, free of charge. The answer is a JSON object of "
        f'{fields} (schema: _meta["{OUTPUT_SCHEMA}"]), or with `format` a file.'
    )


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


def _file(paid: PaidAnswer, media_type: str, checkout: ProductCheckout, structured: bytes) -> bytes:
    """The result with a file as an embedded resource, and ``structured`` content if there is any.

    Every file is a text.
    """
    name = checkout.endpoint.file_name(media_type)
    meta = {**_receipt(paid), **checkout.label_fields}
    resource = {
        "uri": f"oncall:///{name}",
        "mimeType": media_type,
        "text": paid.answer.decode(),
    }
    return msgspec.json.encode(
        {
            **({"_meta": meta} if meta else {}),
            "content": [{"type": "resource", "resource": resource}],
            **({"structuredContent": Raw(structured)} if structured else {}),
            "isError": False,
        }
    )


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
