"""JSON documents → msgspec structs, with every error named at once.

Strategy: msgspec converts a whole document and is fast, but stops at the first error. So when, and
only when, that fails, the document is walked along its type and each part converted alone. There is
one set of types and one set of rules; the walk adds pointers, not checks.
Rules across fields are each document's own (``cross_field_errors``), at any depth.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from itertools import islice
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct

from app.errors import FieldError, InvalidRequest, MalformedBody, NamedFieldError, OutOfBounds
from app.http.scalars import decoded_scalar

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

MAX_ERRORS = 1_000
"""No part of a document is looked at after more errors than this, for the same reason."""

MAX_UNKNOWN_NAMED = 100
"""So many unknown fields are named, each looked up among the known ones; the rest are counted."""

MAX_NAME_COMPARED = 50
"""So many characters of an unknown field's name are compared: a known one is never that long."""

AT_PATH = " - at `$"
"""What stands between msgspec's message and the path to where it applies, if that is deeper."""

QUOTED = re.compile(r"`([^`]+)`")

PATTERN = re.compile(r" matching regex '.*'", re.DOTALL)
"""What msgspec says of a pattern; the rule in words says it better."""

STEP = re.compile(r"\[(\d+)\]|\.(\w+)")

_WRONG = object()


class RightItems(dict[int, Any]):
    """What is right of a list that is not, by index."""


RequestModelT = TypeVar("RequestModelT", bound="RequestModel")


class RequestModel(Struct, frozen=True):
    """Base of request documents, and of their parts that have rules across their fields."""

    @classmethod
    def heavy_fields(cls) -> frozenset[str]:
        """Return the fields, by their names on the wire, that can keep a processor busy."""
        return frozenset()

    @property
    def is_heavy(self) -> bool:
        """Whether one of them is given."""
        return False

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:  # noqa: ARG003 - a hook
        """What is wrong with fields that are each right by themselves.

        ``values`` holds the fields, defaults included, that are right, under their Python names;
        ``valid_items`` has the right items of lists that are not right as a whole as well.
        Pointers are as seen from this document, wherever it stands in a larger one.
        """
        return ()


def parsed_json(body: bytes) -> object:
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


def validated(value: object, kind: type[RequestModelT], *, strict: bool = False) -> RequestModelT:
    """``value`` as a ``kind``; ``null`` counts as absent.

    ``strict``: a field that is not known is an error, too: it may be a misspelt one. Raises
    ``InvalidRequest`` with every error, or the named error that all of them are.
    """
    given = value
    if isinstance(value, dict):
        given = {name: item for name, item in value.items() if item is not None}
    errors: list[FieldError] = []
    document = _read(given, kind, "", errors)
    kinds = {getattr(error, "error", InvalidRequest) for error in errors}
    if len(kinds) == 1 and kinds != {InvalidRequest}:
        raise kinds.pop()(errors)
    if errors or strict:
        errors += unknown_field_errors(value, kind, strict=strict)
    if errors:
        raise InvalidRequest(errors)
    return cast(RequestModelT, document)


def valid_items(values: Mapping[str, Any], name: str) -> Iterable[tuple[int, Any]]:
    """The items of a list in ``values``, each with its index: those that are right."""
    return enumerate(values[name] or ()) if name in values else values.get(_items(name), {}).items()


def _items(name: str) -> str:
    """Where ``values`` has the right items of a list that has others, by index."""
    return f"{name}[]"


def unknown_field_errors(
    value: object, kind: type[Struct], *, strict: bool = False
) -> Iterator[FieldError]:
    """The members of objects that their types lack, each with the one it most resembles.

    What was not used of a request is only said where the rest of it may be: not if ``strict``.
    """
    was, were = ("", "") if strict else (" and was not used", " and were not used")
    unknown = _unknown_members(value, kind, "")
    for pointer, name, known in islice(unknown, MAX_UNKNOWN_NAMED):
        similar = get_close_matches(name[:MAX_NAME_COMPARED], known, n=1)
        hint = f"; did you mean {similar[0]!r}?" if similar else ""
        yield FieldError(pointer_to(pointer, name), f"is not a known field{was}{hint}")
    more = sum(1 for _ in unknown)
    if more:
        yield FieldError("", f"has {more} more fields that are not known{were}")


def _unknown_members(
    value: object, kind: Any, pointer: str
) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Where each of them stands, its name, and the names that are known there."""
    plain = _plain(kind)
    if isinstance(value, list) and _is_list_of_structs(plain):
        [item_kind] = get_args(plain)
        for index, item in enumerate(value):
            yield from _unknown_members(item, item_kind, f"{pointer}/{index}")
    elif isinstance(value, dict) and _is_struct(plain):
        types = _types_of(plain)
        for name, member in value.items():
            if name not in types:
                yield pointer, name, list(types)
            elif isinstance(member, dict | list):
                yield from _unknown_members(member, types[name], f"{pointer}/{name}")


@cache
def _types_of(kind: type[Struct]) -> Mapping[str, Any]:
    """Field types by their names on the wire."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


# --- reading, part by part ------------------------------------------------------------------


def _read(value: object, kind: Any, pointer: str, errors: list[FieldError]) -> Any:
    """``value`` as a ``kind``, or ``_WRONG`` after what is wrong has been added to ``errors``.

    Of a list that is wrong it is the items that are right, as ``RightItems``.
    """
    before, right = len(errors), _WRONG
    try:
        wanted = kind if value is None else _present(kind)
        read = msgspec.convert(value, wanted, dec_hook=decoded_scalar)
    except msgspec.ValidationError as error:
        right = _read_parts(value, kind, pointer, errors)
        if len(errors) == before:
            errors.append(_field_error(error, value, kind, pointer))
    else:
        errors += islice(_errors_within(read, pointer), MAX_ERRORS)
    return right if len(errors) > before else read


def _read_parts(value: object, kind: Any, pointer: str, errors: list[FieldError]) -> object:
    plain = _plain(kind)
    if isinstance(value, dict) and _is_struct(plain):
        _read_members(value, plain, pointer, errors)
    elif isinstance(value, list) and get_origin(plain) is list:
        return _read_items(value, kind, pointer, errors)
    return _WRONG


def _read_members(
    value: dict[str, Any], kind: type[Struct], pointer: str, errors: list[FieldError]
) -> None:
    right: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        where = f"{pointer}/{field.encode_name}"
        if field.encode_name in value:
            right[field.name] = _read(value[field.encode_name], field.type, where, errors)
        elif field.required:
            errors.append(FieldError(where, f"is required. Wanted: {_rule(field.type)}."))
        else:
            given = field.default is not msgspec.NODEFAULT
            right[field.name] = field.default if given else field.default_factory()
    if issubclass(kind, RequestModel):
        values = {
            _items(name) if isinstance(item, RightItems) else name: item
            for name, item in right.items()
            if item is not _WRONG
        }
        errors += _placed(kind.cross_field_errors(values), pointer)


def _read_items(value: list[Any], kind: Any, pointer: str, errors: list[FieldError]) -> RightItems:
    right = RightItems()
    try:
        msgspec.convert(value, _list_of_anything(kind))
    except msgspec.ValidationError as error:
        errors.append(_field_error(error, value, kind, pointer))
    [item_kind] = get_args(_plain(kind))
    most = min(_meta(kind, "max_length") or MAX_ITEMS_WALKED, MAX_ITEMS_WALKED)
    for index, item in enumerate(value[:most]):
        if len(errors) > MAX_ERRORS:
            break
        read = _read(item, item_kind, f"{pointer}/{index}", errors)
        if read is not _WRONG and not isinstance(read, RightItems):
            right[index] = read
    return right


def _errors_within(read: object, pointer: str) -> Iterator[FieldError]:
    """What is wrong across the fields of what could be read, its parts first."""
    if isinstance(read, list):
        for index, item in enumerate(read if read and isinstance(read[0], RequestModel) else ()):
            yield from _errors_within(item, f"{pointer}/{index}")
    elif isinstance(read, RequestModel):
        values = msgspec.structs.asdict(read)
        for name, encoded in zip(
            read.__struct_fields__, read.__struct_encode_fields__, strict=True
        ):
            if isinstance(values[name], list | RequestModel):
                found = list(
                    islice(_errors_within(values[name], f"{pointer}/{encoded}"), MAX_ERRORS)
                )
                if found:
                    del values[name]
                yield from found
        yield from _placed(read.cross_field_errors(values), pointer)


def _placed(errors: Iterable[FieldError], pointer: str) -> Iterator[FieldError]:
    """Faults as seen from the whole document."""
    return (replace(error, pointer=pointer + error.pointer) for error in errors)


def _field_error(
    error: msgspec.ValidationError, value: object, kind: Any, pointer: str
) -> FieldError:
    """What msgspec says, as an error; a bound that has a named error is that."""
    named = (_meta(kind, "extra") or {}).get("error")
    if named and isinstance(value, list) and len(value) > _meta(kind, "max_length"):
        return NamedFieldError(pointer, f"has {len(value)} items. {named.title}", named)
    before, found, after = str(error).rpartition(AT_PATH)
    detail, rule = (before, "") if found else (after, _rule(kind))
    where = pointer + (STEP.sub(r"/\1\2", after.rstrip("`")) if found else "")
    end = "" if detail.endswith("?") else "."
    text = _in_json_words(detail) + (f"{end} Wanted: {rule}." if rule else "")
    cause = error.__cause__ and error.__cause__.__cause__
    return (
        NamedFieldError(where, text, type(cause))
        if isinstance(cause, OutOfBounds)
        else FieldError(where, text)
    )


def _in_json_words(message: str) -> str:
    """msgspec's message with JSON's names for its types."""
    words = QUOTED.sub(lambda types: " or ".join(map(_json_word, types[1].split(" | "))), message)
    return PATTERN.sub(" of another form", re.sub(r"\b(\d+)\.0\b", r"\1", words))


def _json_word(name: str) -> str:
    return JSON_TYPES.get(name, f"`{name}`")


def _rule(kind: Any) -> str:
    """What a field wants, in words: the description its type carries."""
    return _meta(kind, "description") or ""


def _meta(kind: Any, name: str) -> Any:
    """What the type of a field says by its metadata, given or absent."""
    metas = getattr(_present(kind), "__metadata__", ())
    return next((getattr(meta, name) for meta in metas if getattr(meta, name)), None)


def _list_of_anything(kind: Any) -> Any:
    """``kind`` without its rules for items: what is left is how many there may be."""
    metas = getattr(_present(kind), "__metadata__", ())
    return Annotated[(list, *metas)] if metas else list


def _present(kind: Any) -> Any:
    """``kind`` without ``None``."""
    if get_origin(kind) in (Union, UnionType):
        [kind] = [option for option in get_args(kind) if option is not type(None)]
    return kind


@cache
def _plain(kind: Any) -> Any:
    """``kind`` without ``None`` and without metadata."""
    kind = _present(kind)
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _is_struct(plain: Any) -> bool:
    return isinstance(plain, type) and issubclass(plain, Struct)


@cache
def _is_list_of_structs(plain: Any) -> bool:
    return get_origin(plain) is list and _is_struct(_plain(get_args(plain)[0]))


def pointer_to(pointer: str, name: str) -> str:
    """The pointer to the member ``name`` of the object at ``pointer`` (RFC 6901)."""
    return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
