"""JSON documents → msgspec structs, with every fault named at once.

Strategy: msgspec converts a whole document and is fast, but stops at the first fault. So when, and
only when, that fails, the document is walked along its type and each part converted alone. There is
one set of types and one set of rules; the walk adds pointers, not checks.
"""

import contextlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from app.api.scalars import decoded_scalar
from app.errors import Fault, InvalidRequest, MalformedBody

JSON_TYPES = {
    "float": "a number",
    "int": "a whole number",
    "str": "a string",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}

RECURSION_LIMIT = 1_000
"""Python's own, at which msgspec stops reading. A library under the x402 SDK (py_ecc) raises it to
100,000 for the whole process, which is deeper than the C stack: a body of brackets would end it."""

MAX_ITEMS_WALKED = 1_000
"""Of a longer list only so many items are looked at: a megabyte of wrong items would otherwise be
answered, free of charge, with a hundred."""

MAX_UNKNOWN_NAMED = 100
"""So many unknown fields are named, each looked up among the known ones; the rest are counted."""

MAX_NAME_COMPARED = 50
"""So many characters of an unknown field's name are compared: a known one is never that long."""

DocumentT = TypeVar("DocumentT", bound="Document")


class Document(Struct, frozen=True):
    """Base of request documents."""

    @classmethod
    def faults_across(cls, values: Mapping[str, Any]) -> Iterable[Fault]:  # noqa: ARG003 - a hook
        """What is wrong with fields that are each right by themselves.

        ``values`` holds the fields, defaults included, that are right, under their Python names.
        """
        return ()


def parsed(body: bytes) -> object:
    """The JSON value of ``body``. Raises ``MalformedBody``."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(min(limit, RECURSION_LIMIT))
    try:
        return msgspec.json.decode(body)
    except RecursionError as error:
        raise MalformedBody("is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise MalformedBody("is not UTF-8") from error
    except msgspec.DecodeError as error:
        raise MalformedBody(str(error)) from error
    finally:
        sys.setrecursionlimit(limit)


def document_of(value: object, kind: type[DocumentT]) -> DocumentT:
    """``value`` as a ``kind``; ``null`` counts as absent. Raises ``InvalidRequest``."""
    if isinstance(value, dict):
        value = {name: item for name, item in value.items() if item is not None}
    try:
        document = msgspec.convert(value, kind, dec_hook=decoded_scalar)
        faults, values = [], msgspec.structs.asdict(document)
    except msgspec.ValidationError:
        faults, values = list(_faults(value, kind, "")), _right_fields(value, kind)
    faults += kind.faults_across(values)
    if faults:
        raise InvalidRequest([*faults, *unknown_fields(value, kind)])
    return document


def unknown_fields(value: object, kind: type[Struct]) -> Iterator[Fault]:
    """The members of an object that ``kind`` does not have, each with the one it most resembles."""
    known = [field.encode_name for field in msgspec.structs.fields(kind)]
    unknown = [name for name in value if name not in known] if isinstance(value, dict) else []
    for name in unknown[:MAX_UNKNOWN_NAMED]:
        similar = get_close_matches(name[:MAX_NAME_COMPARED], known, n=1)
        hint = f"; did you mean {similar[0]!r}?" if similar else ""
        yield Fault(f"/{_escaped(name)}", f"is not a known field and was not used{hint}")
    if len(unknown) > MAX_UNKNOWN_NAMED:
        more = len(unknown) - MAX_UNKNOWN_NAMED
        yield Fault("", f"has {more} more fields that are not known and were not used")


def _faults(value: object, kind: Any, pointer: str) -> Iterator[Fault]:
    """What is wrong with ``value``, found by converting its parts one by one."""
    plain = _without_metadata(kind)
    if isinstance(value, dict) and isinstance(plain, type) and issubclass(plain, Struct):
        yield from _member_faults(value, plain, pointer)
        return
    found: list[Fault] = []
    if isinstance(value, list) and get_origin(plain) is list:
        found += _own_faults(value, _list_of_anything(kind), pointer)
        [item_kind] = get_args(plain)
        for index, item in enumerate(value[:MAX_ITEMS_WALKED]):
            found += _faults(item, item_kind, f"{pointer}/{index}")
    yield from found or _own_faults(value, kind, pointer)


def _member_faults(value: dict[str, Any], kind: type[Struct], pointer: str) -> Iterator[Fault]:
    for field in msgspec.structs.fields(kind):
        where = f"{pointer}/{field.encode_name}"
        if field.encode_name in value:
            yield from _faults(value[field.encode_name], field.type, where)
        elif field.required:
            yield Fault(where, f"is required. Wanted: {_rule(field.type)}.")


def _own_faults(value: object, kind: Any, pointer: str) -> Sequence[Fault]:
    try:
        msgspec.convert(value, kind, dec_hook=decoded_scalar)
    except msgspec.ValidationError as error:
        detail, rule = _in_json_words(str(error).split(" - at `")[0]), _rule(kind)
        return [Fault(pointer, f"{detail}. Wanted: {rule}." if rule else detail)]
    return []


def _in_json_words(message: str) -> str:
    """msgspec's message with JSON's names for its types."""
    for ours, theirs in JSON_TYPES.items():
        message = message.replace(f"`{ours}`", theirs)
    return re.sub(r"\b(\d+)\.0\b", r"\1", message)


def _right_fields(value: object, kind: type[Struct]) -> dict[str, Any]:
    """The fields of ``value`` that are right by themselves, and the defaults of the absent ones."""
    members = value if isinstance(value, dict) else {}
    right = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in members:
            right[field.name] = None if field.required else field.default
        else:
            with contextlib.suppress(msgspec.ValidationError):
                right[field.name] = msgspec.convert(
                    members[field.encode_name], field.type, dec_hook=decoded_scalar
                )
    return right


def _rule(kind: Any) -> str:
    """What a field wants, in words: the description its type carries."""
    metas = getattr(kind, "__metadata__", ())
    return next((meta.description for meta in metas if meta.description), "")


def _list_of_anything(kind: Any) -> Any:
    """``kind`` without its rules for items: what is left is how many there may be."""
    metas = getattr(kind, "__metadata__", ())
    return Annotated[(list, *metas)] if metas else list


def _without_metadata(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        [kind] = [option for option in get_args(kind) if option is not type(None)]
        return _without_metadata(kind)
    return kind


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
