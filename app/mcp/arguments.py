"""The arguments of a call: the document that is asked about, and the form of the answer.

Strategy: ``format`` stands in place of the header ``Accept``, so it is taken out of the document
and the rest is what HTTP has as a body. Of large arguments only the names are read, on the event
loop, and each has to be a known one: an object of ten thousand unknown names takes 30 ms to take
apart, and is refused at its first.
"""

import contextlib
from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from app.errors import FieldError, InvalidRequest
from app.http.large_bodies import LARGE_BYTES
from app.http.validation import MAX_DETAIL, RequestModel, json_decoder, known_fields
from app.products.endpoint import JSON, Endpoint

FORMAT = "format"
"""The argument that chooses the form of the answer."""
FORMAT_KEY = b'"format"'
MAX_FORMAT_BYTES = 100
"""More than any format has, of which the value is not read."""


def asked_in(arguments: bytes, endpoint: Endpoint) -> tuple[str, bytes]:
    """Return the media type that ``arguments`` ask for, and the rest of them as JSON.

    That is the same bytes in whatever order the names of small arguments come. What is malformed
    is left as it is. Raises ``InvalidRequest`` for an unknown format.
    """
    with contextlib.suppress(msgspec.DecodeError):
        if len(arguments) > LARGE_BYTES:
            return _asked_in_large(arguments, endpoint)
        document = json_decoder.decode(arguments)
        media_type = _media_type(document.pop(FORMAT, None), endpoint)
        return media_type, msgspec.json.encode(document, order="deterministic")
    return JSON, arguments


def _asked_in_large(arguments: bytes, endpoint: Endpoint) -> tuple[str, bytes]:
    if FORMAT_KEY not in arguments:
        return JSON, arguments
    try:
        document = _named_decoder(endpoint.request).decode(arguments)
    except msgspec.ValidationError as error:  # an unknown field
        raise InvalidRequest([FieldError("", str(error)[:MAX_DETAIL])]) from None
    if document.format is UNSET:
        return JSON, arguments
    name = bytes(document.format)
    short = msgspec.json.decode(name) if len(name) <= MAX_FORMAT_BYTES else name
    media_type = _media_type(short, endpoint)
    document.format = UNSET
    return media_type, msgspec.json.encode(document)


@cache
def _named_decoder(request: type[RequestModel]) -> "msgspec.json.Decoder[Any]":
    """Return a decoder that tells the fields of a document apart and reads none of them."""
    names = {f"field_{number}": name for number, name in enumerate(known_fields(request))}
    fields = [(name, Raw | UnsetType, UNSET) for name in (*names, FORMAT)]
    document = msgspec.defstruct("Document", fields, rename=names, forbid_unknown_fields=True)
    return msgspec.json.Decoder(document)


def _media_type(name: object, endpoint: Endpoint) -> str:
    """Return the media type of the format ``name``; ``None`` is JSON."""
    if name is None:
        return JSON
    known = endpoint.formats_by_name
    if not isinstance(name, str) or name not in known:
        raise InvalidRequest([FieldError(f"/{FORMAT}", f"is not one of {', '.join(known)}")])
    return known[name]
