"""The query of a request as a document, read by the same types and rules as a body.

Strategy: callers send the same queries again and again, so the documents of short ones are cached.
"""

import re
from collections import Counter
from functools import lru_cache
from typing import TypeVar
from urllib.parse import parse_qsl

from app.errors import FieldError, InvalidFields, InvalidRequest
from app.http.validation import RequestModel, validated
from app.teams.null_characters import null_character_errors

RequestModelT = TypeVar("RequestModelT", bound=RequestModel)

MAX_PARAMETERS = 100
NUMBERS = ("limit", "offset", "ahead")
NUMBER = re.compile(r"-?[0-9]{1,9}")
MAX_CACHED_BYTES = 128
"""The longest query, in bytes, whose document is cached."""


def query_in(query: bytes, kind: type[RequestModelT]) -> RequestModelT:
    """Return the parameters of a query. Raises ``InvalidRequest`` with an error for each fault."""
    read = _read_cached if len(query) <= MAX_CACHED_BYTES else _read
    document: RequestModelT = read(query, kind)
    return document


def _read(query: bytes, kind: type[RequestModelT]) -> RequestModelT:
    try:
        pairs = parse_qsl(
            query.decode("ascii", "replace"),
            keep_blank_values=True,
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:
        raise InvalidRequest(
            [FieldError("query", f"at most {MAX_PARAMETERS} parameters")]
        ) from None
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        raise InvalidRequest([FieldError(name, "is given more than once") for name in twice])
    nulls = list(null_character_errors(dict(pairs)))
    try:
        if nulls:
            raise InvalidRequest(nulls)
        return validated({name: _value(name, text) for name, text in pairs}, kind)
    except InvalidFields as error:
        errors = [FieldError(each.pointer.lstrip("/"), each.detail) for each in error.errors]
        raise InvalidRequest(errors) from error


_read_cached = lru_cache(maxsize=2048)(_read)


def _value(name: str, text: str) -> int | str:
    """Return numbers as numbers and every other parameter as text."""
    return int(text) if name in NUMBERS and NUMBER.fullmatch(text) else text
