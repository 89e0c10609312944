"""JSON-RPC messages as they arrive, checked before the MCP library gets them.

Strategy: the library answers bytes that are not UTF-8 with a 500 and logs what it cannot read,
payments included; so it is given only messages that it can read. It also parses a body twice,
validates it twice and writes every answer three times, on the event loop; so neither the arguments
of a call nor its result pass through it.
"""

from http import HTTPStatus
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from starlette.responses import Response

from app.errors import BodyTooLarge, MalformedBody
from app.http.validation import json_decoder, require_few_brackets
from app.products.endpoint import JSON

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
KEY_REFUSED = -32010
"""Ours: the API key of the request is not valid, or cannot be looked up at the moment."""


MAX_BESIDE_BYTES = 32 * 1024
"""The most bytes of a body beside the arguments of a call, twice what a payment may have. The MCP
library reads them several times over, which takes up to 10 ms."""

CALL = "tools/call"
OBJECT = b"{"


class ToolCall(Struct):
    """The part of a call that the library does not see: ``arguments`` and ``result``, as JSON."""

    arguments: bytes
    result: bytes = b""


class Message(Struct, frozen=True):
    """A JSON-RPC message: with ``method`` and ``id`` a request, else a notification or response.

    Of a call ``params`` holds empty arguments, and ``call`` those that were sent.
    """

    method: str | None
    id: int | str | None
    params: dict[str, Any] | None
    call: ToolCall

    @property
    def is_request(self) -> bool:
        """Whether the message expects an answer."""
        return self.method is not None and self.id is not None

    @property
    def json(self) -> bytes:
        """The message as JSON, for the library."""
        members = {"id": self.id, "method": self.method, "params": self.params}
        return msgspec.json.encode({"jsonrpc": "2.0", **members})


class _Sent(Struct, frozen=True):
    """A message of which the parameters have not been read."""

    jsonrpc: Literal["2.0"]
    method: str | None = None
    id: int | str | None = None
    params: Raw = Raw(b"null")


class _CallParams(Struct, rename={"meta": "_meta"}):
    """The parameters of a call, not read yet. Others are passed over."""

    name: Raw | UnsetType = UNSET
    arguments: Raw | UnsetType = UNSET
    meta: Raw | UnsetType = UNSET
    task: Raw | UnsetType = UNSET


class Refusal(Exception):
    """A message cannot be served: the code and text of a JSON-RPC error."""

    def __init__(self, code: int, message: str, request_id: int | str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id

    @property
    def response(self) -> Response:
        """The HTTP response: 200 for a message that has an id, else 400."""
        error = {"code": self.code, "message": self.message}
        body = {"jsonrpc": "2.0", "id": self.request_id, "error": error}
        status = HTTPStatus.BAD_REQUEST if self.request_id is None else HTTPStatus.OK
        headers = {"Cache-Control": "no-store"}
        return Response(msgspec.json.encode(body), status, headers, media_type=JSON)


def message_in(body: bytes) -> Message:
    """The one message of ``body``. Raises ``Refusal`` or ``BodyTooLarge``."""
    try:
        require_few_brackets(body)
        body.decode()
        return _message_in(body)
    except MalformedBody as error:
        raise _not_json(error.detail) from None
    except UnicodeDecodeError:
        raise _not_json("is not UTF-8") from None
    except msgspec.ValidationError as error:
        if body.lstrip().startswith(b"["):
            batch = "A batch is not served: send one message a request."
            raise Refusal(INVALID_REQUEST, batch) from None
        raise Refusal(INVALID_REQUEST, f"Not a JSON-RPC 2.0 message: {error}") from None
    except msgspec.DecodeError as error:
        raise _not_json(str(error)) from None


def _not_json(why: str) -> Refusal:
    return Refusal(PARSE_ERROR, f"The body is not valid JSON: {why}")


def _message_in(body: bytes) -> Message:
    sent = msgspec.json.decode(body, type=_Sent)
    params, arguments = bytes(sent.params), b""
    if sent.method == CALL and params.startswith(OBJECT):
        params, arguments = _without_arguments(params)
    if len(body) - len(arguments) > MAX_BESIDE_BYTES:
        raise BodyTooLarge(f"at most {MAX_BESIDE_BYTES} bytes beside the arguments of a call")
    read = msgspec.convert(json_decoder.decode(params), dict[str, Any] | None)
    return Message(sent.method, sent.id, read, ToolCall(arguments))


def _without_arguments(params: bytes) -> tuple[bytes, bytes]:
    """The parameters of a call with empty arguments, and the arguments that were sent."""
    call = msgspec.json.decode(params, type=_CallParams)
    arguments = b"" if call.arguments is UNSET else bytes(call.arguments)
    if not arguments.startswith(OBJECT):
        return msgspec.json.encode(call), b""
    call.arguments = Raw(b"{}")
    return msgspec.json.encode(call), arguments
