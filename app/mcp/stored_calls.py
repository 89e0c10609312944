"""Calls of the stored tools: from arguments to a stored operation's request, and back to a result.

Strategy: a call becomes the HTTP request that it stands for and goes through the pipeline of the
stored APIs, so limits, scopes, quotas, idempotency and the audit are theirs. The operation is named
and never looked up by a path, so no argument can choose another one.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Raw, Struct
from starlette.responses import Response
from starlette.types import Message, Receive, Scope

from app.errors import BodyTooLarge, OncallError
from app.http.large_bodies import LARGE_BYTES
from app.http.request_head import RequestHead, request_head
from app.http.validation import parsed_json, validated
from app.mcp.stored_tools import IDEMPOTENCY_KEY, VERSION, StoredTool, query_fields, stored_tools
from app.teams.operation import Operation
from app.teams.pipeline import StoredApi
from app.teams.problems import WHOLE, error_response

HEADERS: Mapping[str, tuple[str, str]] = {
    VERSION: ("If-Match", '"{}"'),
    IDEMPOTENCY_KEY: ("Idempotency-Key", "{}"),
}
"""The arguments that are header fields of the request, and how they are written there."""
KEPT = frozenset((b"authorization", b"x-api-key", b"x-forwarded-for"))
"""The header fields that the request takes over: whose it is."""


class StoredResult(Struct, frozen=True):
    """The result of a call: a JSON object, whether it tells of a failure, and what else is told."""

    content: bytes
    is_error: bool
    meta: Mapping[str, Any]


class _Request(Struct, frozen=True):
    """The request that a call stands for; ``path`` has the parameters of the path."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class StoredCalls:
    """The stored tools over the stored APIs of a service."""

    def __init__(self, api: StoredApi) -> None:
        self._api = api

    @cached_property
    def by_name(self) -> Mapping[str, StoredTool]:
        """Every tool by its name."""
        return {each.name: each for each in stored_tools()}

    async def tools_for(self, head: RequestHead) -> Sequence[tuple[StoredTool, Operation]]:
        """Return the tools that the key of a request may call, each with its operation.

        The request is counted for the key. Raises ``OncallError``.
        """
        key = await self._api.key_of(head)
        await self._api.count(key)
        offered = ((each, each.operation_for(key.scopes)) for each in self.by_name.values())
        return [(tool, operation) for tool, operation in offered if operation is not None]

    async def result(self, tool: StoredTool, arguments: bytes, scope: Scope) -> StoredResult:
        """Call a tool with the key of a request; a failure is a result.

        Raises ``OncallError`` if there is no valid key.
        """
        key = await self._api.key_of(request_head(scope))
        operation = tool.operation_for(key.scopes) or tool.operations[0]
        try:
            request = _request(tool, operation, arguments)
        except OncallError as error:
            await self._api.count(key)
            return _result(error_response(error), _same_place)
        response = await self._api.answer(
            key,
            operation,
            request.path,
            _scope(scope, operation, request),
            _receive(request.body),
        )
        return _result(response, partial(_argument, tool))


def _request(tool: StoredTool, operation: Operation, arguments: bytes) -> _Request:
    """Return the request that a call stands for. Raises ``OncallError``."""
    # the message has been read once, so they are an object
    given = msgspec.json.decode(arguments or b"{}", type=dict[str, Raw])
    body = bytes(given.get(tool.document, b""))
    if len(arguments) - len(body) > LARGE_BYTES:
        raise BodyTooLarge(f"at most {LARGE_BYTES} bytes of arguments beside the document")
    # the operation itself reads the document, so that it has the same rules as over HTTP
    rest = {name: Raw(b"0") if name == tool.document else raw for name, raw in given.items()}
    values = parsed_json(msgspec.json.encode(rest))
    assert isinstance(values, dict)  # noqa: S101 - it was written as an object
    validated(values, tool.arguments_of(operation))
    sent = {name: value for name, value in values.items() if value is not None}
    named = [each.encode_name for each in query_fields(operation)]
    return _Request(
        {parameter: sent[argument] for parameter, argument in tool.path.items()},
        {name: str(sent[name]) for name in named if name in sent} | dict(tool.query),
        {HEADERS[each][0]: HEADERS[each][1].format(sent[each]) for each in HEADERS if each in sent},
        body,
    )


def _scope(outer: Scope, operation: Operation, request: _Request) -> Scope:
    """Return the scope of the request that a call stands for, on behalf of ``outer``."""
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(request.body)),
        **request.headers,
    }
    path = operation.path
    for parameter, value in request.path.items():
        path = path.replace(f"{{{parameter}}}", value)
    return {
        **outer,
        "method": operation.method,
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": urlencode(request.query).encode(),
        "headers": [
            *(each for each in outer["headers"] if each[0] in KEPT),
            *((name.lower().encode(), value.encode()) for name, value in headers.items()),
        ],
    }


def _receive(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _result(response: Response, place_of: Callable[[str], str]) -> StoredResult:
    """Return the result that tells what ``response`` tells; faults are named by ``place_of``."""
    if response.status_code < HTTPStatus.BAD_REQUEST:
        replayed = response.headers.get("idempotent-replayed")
        meta = {"Idempotent-Replayed": replayed} if replayed else {}
        return StoredResult(bytes(response.body), is_error=False, meta=meta)
    content = {**msgspec.json.decode(response.body), "status": response.status_code}
    if "fields" in content:
        content["fields"] = {place_of(place): text for place, text in content["fields"].items()}
    if "retry-after" in response.headers:
        content["retryAfter"] = int(response.headers["retry-after"])
    return StoredResult(msgspec.json.encode(content), is_error=True, meta={})


def _same_place(place: str) -> str:
    return place


def _argument(tool: StoredTool, place: str) -> str:
    """Return the pointer to the argument that a stored operation names by a place of its own."""
    if place == WHOLE:
        return f"/{tool.document}"
    if place.startswith("/"):
        return f"/{tool.document}{place}"
    headers = {header: argument for argument, (header, _) in HEADERS.items()}
    return f"/{headers.get(place, place)}"
