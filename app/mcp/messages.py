"""JSON-RPC messages as they arrive, checked before the MCP library gets them.

Strategy: the library answers bytes that are not UTF-8 with a 500 and logs what it cannot read,
payments included; so it is given only messages that it can read.
"""

from http import HTTPStatus
from typing import Any, Literal

import msgspec
from msgspec import Struct
from starlette.responses import Response

from app.errors import MalformedBody
from app.http.validation import parsed_json
from app.products.endpoint import JSON

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602


class Message(Struct, frozen=True):
    """A JSON-RPC message: with ``method`` and ``id`` a request, else a notification or response."""

    jsonrpc: Literal["2.0"]
    method: str | None = None
    id: int | str | None = None
    params: dict[str, Any] | None = None

    @property
    def is_request(self) -> bool:
        """Whether the message expects an answer."""
        return self.method is not None and self.id is not None


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
    """The one message of ``body``. Raises ``Refusal``."""
    try:
        value = parsed_json(body)
    except MalformedBody as error:
        raise Refusal(PARSE_ERROR, f"The body is not valid JSON: {error.detail}") from None
    if isinstance(value, list):
        raise Refusal(INVALID_REQUEST, "A batch is not served: send one message a request.")
    try:
        return msgspec.convert(value, Message)
    except msgspec.ValidationError as error:
        raise Refusal(INVALID_REQUEST, f"Not a JSON-RPC 2.0 message: {error}") from None
