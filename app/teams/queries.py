"""The query of a request as a document, read by the same types and rules as a body.

Strategy: callers send the same queries again and again, so the documents of short ones are cached.
"""

import re
from collections import Counter
from functools import lru_cache
from typing import TypeVar
from urllib.parse import parse_qsl

from app.errors import Fault, Faulty, InvalidRequest
from app.http.validation import Document, document_of
from app.teams.null_characters import null_faults

DocumentT = TypeVar("DocumentT", bound=Document)

MAX_PARAMETERS = 100
NUMBERS = ("limit", "offset")
NUMBER = re.compile(r"-?[0-9]{1,9}")
MAX_CACHED_BYTES = 128
"""The longest query, in bytes, whose document is cached."""


def query_in(query: bytes, kind: type[DocumentT]) -> DocumentT:
    """Return the parameters of a query. Raises ``InvalidRequest`` with the faults of each."""
    read = _read_cached if len(query) <= MAX_CACHED_BYTES else _read
    document: DocumentT = read(query, kind)
    return document


def _read(query: bytes, kind: type[DocumentT]) -> DocumentT:
    try:
        pairs = parse_qsl(
            query.decode("ascii", "replace"),
            keep_blank_values=True,
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:
        raise InvalidRequest([Fault("query", f"at most {MAX_PARAMETERS} parameters")]) from None
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        raise InvalidRequest([Fault(name, "is given more than once") for name in twice])
    nulls = list(null_faults(dict(pairs)))
    try:
        if nulls:
            raise InvalidRequest(nulls)
        return document_of({name: _value(name, text) for name, text in pairs}, kind, strict=True)
    except Faulty as error:
        faults = [Fault(fault.pointer.lstrip("/"), fault.detail) for fault in error.faults]
        raise InvalidRequest(faults) from error


_read_cached = lru_cache(maxsize=2048)(_read)


def _value(name: str, text: str) -> int | str:
    """Return a page's numbers as numbers and every other parameter as text."""
    return int(text) if name in NUMBERS and NUMBER.fullmatch(text) else text
