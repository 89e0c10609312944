"""Validation of JSON documents against msgspec structs, with every error named at once.

Strategy: msgspec converts a whole document quickly, but stops at the first error. If, and only if,
that fails, the document is walked along its type and each part is converted separately. There is
one set of types and one set of rules: the walk adds pointers, not checks. Each model has its own
rules across fields (``cross_field_errors``), at any depth.
"""

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import accumulate, islice
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import Struct

from app.errors import (
    BodyTooLarge,
    FieldError,
    InvalidRequest,
    MalformedBody,
    NamedFieldError,
    OutOfBounds,
)
from app.http.scalars import MAX_NAME, decoded_scalar
from app.similar import most_similar

JSON_TYPES = {
    "float": "a number",
    "int": "a whole number",
    "str": "a string",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}

MAX_DEPTH = 100
"""How deep arrays and objects may be nested. Python's own limit is another one in each version, and
a library under the x402 SDK (py_ecc) raises it to more than the stack can hold."""

MAX_BRACKETS = 50_000
"""The most opening brackets in a body. Each can cost 200 bytes and half a microsecond; the largest
documents that are valid have half as many."""

NO_MARKS = bytes({*range(256)} - {*b'[]{}"'})
TEXT_WITH_BRACKETS = re.compile(rb'"[^"]*"?')
STEPS: Mapping[int, int] = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}

MAX_ITEMS_WALKED = 1_000
"""The most items of a list that are examined. Otherwise a megabyte of wrong items would be
answered, free of charge, with a hundred megabytes."""

MAX_ERRORS = 200
"""The number of errors after which no other part of a document is examined, for the same reason.
If there are more, that is told instead."""

MAX_UNKNOWN_NAMED = 100
"""The most unknown fields that are named, each with a similar known field. The rest are counted."""

MAX_REPORTED = 20
"""The most errors of one kind that are named where a rule is about several fields."""

MAX_DETAIL = 200
"""The most characters of msgspec's message that are told."""

AT_PATH = " - at `$"
"""The text between msgspec's message and the path to the wrong part, if the part is nested."""

QUOTED = re.compile(r"`([^`]+)`")

PATTERN = re.compile(r" matching regex '.*'", re.DOTALL)
"""msgspec's words for a pattern, which the description of the field says better."""

STEP = re.compile(r"\[(\d+)\]|\.(\w+)")

SEPARATORS = re.compile(r"[-_ ]")
"""What the parts of a field's name may be separated by, in the words of other APIs."""

_INVALID = object()


class ValidItems(dict[int | str, Any]):
    """The valid items, by index or name, of a list or an object that has invalid ones."""


RequestModelT = TypeVar("RequestModelT", bound="RequestModel")


class RequestModel(Struct, frozen=True):
    """The base class of request documents, and of their parts that have rules across fields.

    ``nullable`` are fields in which ``null`` has a meaning. ``synonyms`` are names that callers use
    for some of the fields, in lower case and without separators. An ``is_open`` document may have
    more fields, which are ignored. ``as_shown`` are fields that are there because other APIs show
    them: short descriptions leave them out.
    """

    nullable: ClassVar[Collection[str]] = ()
    synonyms: ClassVar[Mapping[str, str]] = {}
    is_open: ClassVar[bool] = False
    as_shown: ClassVar[Collection[str]] = ()

    @property
    def is_heavy(self) -> bool:
        """Whether the answer takes more than some milliseconds of a processor."""
        return False

    @property
    def is_examined(self) -> bool:
        """Whether it has parts that are read by more than validation, before anybody pays."""
        return False

    @property
    def later(self) -> Sequence[FieldError]:
        """What of it is only examined after payment, because that costs more than is free."""
        return ()

    @property
    def understood(self) -> Struct | None:
        """What was read from the document beyond its words; ``None`` if that is nothing."""
        return None

    @classmethod
    def depends_on_now(cls, value: object) -> bool:  # noqa: ARG003 - a hook
        """Whether the document ``value`` means another thing at another time."""
        return False

    @classmethod
    def completed(cls, value: dict[str, Any], now: int | None) -> dict[str, Any]:  # noqa: ARG003 - a hook
        """Return the document ``value`` with what its callers may leave to us, before it is read.

        ``now`` is in milliseconds; ``None`` if nothing may depend on it.
        """
        return value

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:  # noqa: ARG003 - a hook
        """Return the errors of fields that are each valid alone and wrong together.

        ``values`` holds the valid fields by their Python names, defaults included. ``valid_items``
        returns the valid items of a list, also of a list that has invalid ones. Pointers start at
        this document, also if it is part of a larger one.
        """
        return ()


def first_errors(
    checks: Iterable[Callable[[Mapping[str, Any]], Iterator[FieldError]]],
    values: Mapping[str, Any],
) -> Iterator[FieldError]:
    """Yield the first ``MAX_REPORTED`` errors that each of the ``checks`` finds in ``values``.

    The last error says that there are more, if any of the checks finds more.
    """
    has_more = False
    for check in checks:
        errors = check(values)
        yield from islice(errors, MAX_REPORTED)
        has_more |= next(errors, None) is not None
    if has_more:
        yield FieldError("", f"has more errors: of one kind the first {MAX_REPORTED} are named")


def parsed_json(body: bytes) -> object:
    """Parse ``body`` as JSON. Raises ``MalformedBody`` or ``BodyTooLarge``."""
    require_few_brackets(body)
    try:
        return json_decoder.decode(body)
    except UnicodeDecodeError as error:
        raise MalformedBody("is not UTF-8") from error
    except msgspec.DecodeError as error:
        raise MalformedBody(str(error).partition(AT_PATH)[0]) from error


MAX_WHOLE = 2**53
"""Beyond it, a number with a fraction may have lost one."""


def _number(text: str) -> float:
    """Read a number with a fraction or an exponent. Raises ``ValueError`` beyond the range.

    ``3.0`` is 3, as JSON Schema has it and as some languages write it. msgspec's own parser takes
    21 µs for ``1e308``, so that a megabyte of them would take 5 s.
    """
    number = float(text)
    if -MAX_WHOLE <= number <= MAX_WHOLE:
        return int(number) if number.is_integer() else number
    if math.isinf(number):
        raise ValueError("Number out of range")
    return number


json_decoder = msgspec.json.Decoder(float_hook=_number)
"""Reads JSON of callers that has no type, in whatever place it stands."""


def require_few_brackets(body: bytes) -> None:
    """Raise ``MalformedBody`` if ``body`` is nested too deeply to parse, or ``BodyTooLarge``."""
    opening = body.count(b"[") + body.count(b"{")
    if opening > MAX_BRACKETS:
        raise BodyTooLarge(f"at most {MAX_BRACKETS:,} arrays and objects")
    if opening > MAX_DEPTH:
        steps = map(STEPS.__getitem__, _brackets_in(body))
        if max(accumulate(steps), default=0) > MAX_DEPTH:
            raise MalformedBody(f"is nested more than {MAX_DEPTH} deep")


def _brackets_in(body: bytes) -> bytes:
    """Return the brackets in ``body`` that are not part of a text, in a few passes of C code."""
    if b"\\" in body:
        body = body.replace(rb"\\", b"").replace(rb"\"", b"")
    marks = body.translate(None, NO_MARKS)
    return TEXT_WITH_BRACKETS.sub(b"", marks.replace(b'""', b""))


def validated(value: object, kind: type[RequestModelT], now: int | None = None) -> RequestModelT:
    """Return ``value`` as a ``kind``; ``null`` counts as absent, unless it has a meaning.

    ``now`` is in milliseconds, for what is asked about the present. An unknown field is an error,
    since it may be misspelt, unless ``kind`` is open. Raises ``InvalidRequest`` with every error;
    if all of them are of one named class, that class.
    """
    given = value
    if isinstance(value, dict):
        given = kind.completed(
            {
                name: item
                for name, item in value.items()
                if item is not None or name in kind.nullable
            },
            now,
        )
    errors: list[FieldError] = []
    document = _read(given, kind, "", errors)
    kinds = {getattr(error, "error", InvalidRequest) for error in errors}
    if len(kinds) == 1 and kinds != {InvalidRequest}:
        raise kinds.pop()(errors)
    if len(errors) > MAX_ERRORS:
        more = FieldError("", f"has more errors than these {MAX_ERRORS}")
        errors = [*errors[:MAX_ERRORS], more]
    if not kind.is_open:
        errors += unknown_field_errors(value, kind)
    if errors:
        raise InvalidRequest(errors)
    return cast(RequestModelT, document)


def valid_items(values: Mapping[str, Any], name: str) -> Iterable[tuple[int, Any]]:
    """Yield the valid items of a list in ``values``, each with its index."""
    return enumerate(values[name] or ()) if name in values else values.get(_items(name), {}).items()


def valid_members(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the valid members of an object in ``values`` that has names of the caller's."""
    members: Mapping[str, Any] = values.get(name) or values.get(_items(name), {})
    return members


def _items(name: str) -> str:
    """Return the key in ``values`` of the valid items of a list that has invalid ones."""
    return f"{name}[]"


def unknown_field_errors(value: object, kind: type[Struct]) -> Iterator[FieldError]:
    """Yield the unknown fields in ``value``, at any depth, each with the known field it may mean.

    The first that resembles none is told with all that there are.
    """
    unknown, listed = _unknown_members(value, kind, ""), False
    for pointer, name, holder in islice(unknown, MAX_UNKNOWN_NAMED):
        similar = similar_field(name, holder)
        hint = f"; did you mean {similar!r}?" if similar else ""
        if not similar and not listed:
            hint, listed = f"; known are {', '.join(known_fields(holder))}", True
        yield FieldError(pointer_to(pointer, name), f"is not a known field{hint}")
    more = sum(1 for _ in unknown)
    if more:
        yield FieldError("", f"has {more} more fields that are not known")


def similar_field(name: str, kind: type[Struct]) -> str | None:
    """Return the field of ``kind`` that the unknown ``name`` may mean; ``None`` if none is like it.

    Words of other APIs for a field come first, then what is spelt alike.
    """
    if issubclass(kind, RequestModel) and len(name) <= MAX_NAME:
        meant = kind.synonyms.get(SEPARATORS.sub("", name).lower())
        if meant:
            return meant
    return most_similar(name, _types_of(kind))


def _unknown_members(
    value: object, kind: Any, pointer: str
) -> Iterator[tuple[str, str, type[Struct]]]:
    """Yield the object's pointer, the name and the object's type for each unknown field."""
    plain = plain_type(kind)
    if isinstance(value, list | dict) and _holds_structs(plain, type(value)):
        *_, item_kind = get_args(plain)
        for index, item in islice(_numbered(value), meta_of(kind, "max_length")):
            yield from _unknown_members(item, item_kind, _pointer_at(pointer, index))
    elif isinstance(value, dict) and _is_struct(plain):
        types = _types_of(plain)
        for name, member in value.items():
            if name not in types:
                yield pointer, name, plain
            elif isinstance(member, dict | list):
                yield from _unknown_members(member, types[name], f"{pointer}/{name}")


def known_fields(kind: type[Struct]) -> Sequence[str]:
    """Return the names of the fields of ``kind``, as callers write them."""
    return list(_types_of(kind))


@cache
def _types_of(kind: type[Struct]) -> Mapping[str, Any]:
    """Return the field types of a struct by their JSON names."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


@cache
def _parts_of(kind: type[Struct]) -> Sequence[tuple[str, str]]:
    """Return the fields of a struct that hold structs, each with its JSON name."""
    return [
        (field.name, field.encode_name)
        for field in msgspec.structs.fields(kind)
        if _is_struct(plain_type(field.type))
        or _holds_structs(plain_type(field.type), list)
        or _holds_structs(plain_type(field.type), dict)
    ]


# --- reading, part by part ------------------------------------------------------------------


def _read(value: object, kind: Any, pointer: str, errors: list[FieldError]) -> Any:
    """Return ``value`` as a ``kind``, or add its errors to ``errors`` and return ``_INVALID``.

    For a list with invalid items the result is its valid ones, as ``ValidItems``.
    """
    before, valid = len(errors), _INVALID
    try:
        wanted = kind if value is None else _present(kind)
        read = msgspec.convert(value, wanted, dec_hook=decoded_scalar)
    except msgspec.ValidationError as error:
        valid = _read_parts(value, kind, pointer, errors)
        if len(errors) == before:
            errors.append(_field_error(error, value, kind, pointer))
    else:
        errors += islice(_errors_within(read, pointer), MAX_ERRORS + 1)
    return valid if len(errors) > before else read


def _read_parts(value: object, kind: Any, pointer: str, errors: list[FieldError]) -> object:
    plain = plain_type(kind)
    if isinstance(value, dict) and _is_struct(plain):
        _read_members(value, plain, pointer, errors)
    elif isinstance(value, list | dict) and get_origin(plain) is type(value):
        return _read_items(value, kind, pointer, errors)
    return _INVALID


def _read_members(
    value: dict[str, Any], kind: type[Struct], pointer: str, errors: list[FieldError]
) -> None:
    valid: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        where = f"{pointer}/{field.encode_name}"
        if field.encode_name in value:
            valid[field.name] = _read(value[field.encode_name], field.type, where, errors)
        elif field.required:
            errors.append(FieldError(where, f"is required. Wanted: {_rule(field.type)}."))
        else:
            given = field.default is not msgspec.NODEFAULT
            valid[field.name] = field.default if given else field.default_factory()
    if issubclass(kind, RequestModel):
        values = {
            _items(name) if isinstance(item, ValidItems) else name: item
            for name, item in valid.items()
            if item is not _INVALID
        }
        errors += _with_prefix(kind.cross_field_errors(values), pointer)


def _read_items(
    value: list[Any] | dict[str, Any], kind: Any, pointer: str, errors: list[FieldError]
) -> ValidItems:
    valid = ValidItems()
    try:
        msgspec.convert(value, _of_anything(kind))
    except msgspec.ValidationError as error:
        errors.append(_field_error(error, value, kind, pointer))
    *_, item_kind = get_args(plain_type(kind))
    most = min(meta_of(kind, "max_length") or MAX_ITEMS_WALKED, MAX_ITEMS_WALKED)
    for index, item in islice(_numbered(value), most):
        if len(errors) > MAX_ERRORS:
            break
        read = _read(item, item_kind, _pointer_at(pointer, index), errors)
        if read is not _INVALID and not isinstance(read, ValidItems):
            valid[index] = read
    return valid


def _numbered(value: list[Any] | dict[str, Any]) -> Iterable[tuple[int | str, Any]]:
    """Return the items of a list with their indices, or the members of an object by name."""
    return value.items() if isinstance(value, dict) else enumerate(value)


def _errors_within(read: object, pointer: str) -> Iterator[FieldError]:
    """Yield the errors across fields of a converted value, those of its parts first."""
    if isinstance(read, list):
        for index, item in enumerate(read if read and isinstance(read[0], RequestModel) else ()):
            yield from _errors_within(item, f"{pointer}/{index}")
    elif isinstance(read, dict):
        holds_models = isinstance(next(iter(read.values()), None), RequestModel)
        for name, item in read.items() if holds_models else ():
            yield from _errors_within(item, pointer_to(pointer, name))
    elif isinstance(read, RequestModel):
        values = msgspec.structs.asdict(read)
        for name, encoded in _parts_of(type(read)):
            within = _errors_within(values[name], f"{pointer}/{encoded}")
            found = list(islice(within, MAX_ERRORS + 1))
            if found:
                del values[name]
            yield from found
        yield from _with_prefix(read.cross_field_errors(values), pointer)


def _with_prefix(errors: Iterable[FieldError], pointer: str) -> Iterator[FieldError]:
    """Return ``errors`` with ``pointer``, their document's own, before each of their pointers."""
    return (replace(error, pointer=pointer + error.pointer) for error in errors)


def _field_error(
    error: msgspec.ValidationError, value: object, kind: Any, pointer: str
) -> FieldError:
    """Return msgspec's error as a field error; a bound may have a named one."""
    named = (meta_of(kind, "extra") or {}).get("error")
    if named and isinstance(value, list) and len(value) > meta_of(kind, "max_length"):
        return NamedFieldError(pointer, f"has {len(value)} items. {named.title}", named)
    before, found, after = str(error).rpartition(AT_PATH)
    detail, rule = (before, "") if found else (after, _rule(kind))
    if len(detail) > MAX_DETAIL and not error.__cause__:  # it repeats what the caller wrote
        detail = f"{detail[:MAX_DETAIL]}…"
    if not found and get_origin(plain_type(kind)) is Literal:
        choices = get_args(plain_type(kind))
        if not all(str(choice) in rule for choice in choices):
            detail = f"{detail}: write {_one_of(choices)}"
    where = pointer + (STEP.sub(r"/\1\2", after.rstrip("`")) if found else "")
    end = "" if detail.endswith("?") else "."
    text = _in_json_words(detail) + (f"{end} Wanted: {rule}." if rule else "")
    cause = error.__cause__ and error.__cause__.__cause__
    return (
        NamedFieldError(where, text, type(cause))
        if isinstance(cause, OutOfBounds)
        else FieldError(where, text)
    )


def _one_of(choices: Sequence[object]) -> str:
    """Return the choices in words, as JSON writes them."""
    *others, last = (msgspec.json.encode(choice).decode() for choice in choices)
    return f"{', '.join(others)} or {last}" if others else last


def _in_json_words(message: str) -> str:
    """Return msgspec's message with JSON's names for its types."""
    words = QUOTED.sub(lambda types: " or ".join(map(_json_word, types[1].split(" | "))), message)
    return PATTERN.sub(" of another form", re.sub(r"\b(\d+)\.0\b", r"\1", words))


def _json_word(name: str) -> str:
    return JSON_TYPES.get(name, f"`{name}`")


def _rule(kind: Any) -> str:
    """Return the rule of a field in words: the description of its type."""
    return meta_of(kind, "description") or ""


def meta_of(kind: Any, name: str) -> Any:
    """Return an attribute of the metadata of a field's type; ``None`` if it has none."""
    metas = getattr(_present(kind), "__metadata__", ())
    return next((getattr(meta, name) for meta in metas if getattr(meta, name)), None)


def _of_anything(kind: Any) -> Any:
    """Return the list or object type ``kind`` without the rules for its items: with its bounds."""
    metas = getattr(_present(kind), "__metadata__", ())
    plain = get_origin(plain_type(kind))
    return Annotated[(plain, *metas)] if metas else plain


def _present(kind: Any) -> Any:
    """Return ``kind`` without ``None``."""
    if get_origin(kind) in (Union, UnionType):
        [kind] = [option for option in get_args(kind) if option is not type(None)]
    return kind


@cache
def plain_type(kind: Any) -> Any:
    """Return ``kind`` without ``None`` and without metadata."""
    kind = _present(kind)
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _is_struct(plain: Any) -> bool:
    return isinstance(plain, type) and issubclass(plain, Struct)


@cache
def _holds_structs(plain: Any, of: type) -> bool:
    """Tell whether a type is a list of structs, or an object of structs by name."""
    return get_origin(plain) is of and _is_struct(plain_type(get_args(plain)[-1]))


def _pointer_at(pointer: str, index: int | str) -> str:
    """Return the pointer to an item of the list, or to a member of the object, at ``pointer``."""
    return f"{pointer}/{index}" if isinstance(index, int) else pointer_to(pointer, index)


def pointer_to(pointer: str, name: str) -> str:
    """Return the pointer to the member ``name`` of the object at ``pointer`` (RFC 6901).

    A name that is longer than any known one is cut off: an answer does not repeat it at any length.
    """
    shown = name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}…"
    return f"{pointer}/{shown.replace('~', '~0').replace('/', '~1')}"
