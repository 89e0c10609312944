"""Tables of fields, and the inputs of a form, made from a JSON Schema.

Strategy: both are made from the schema that the API publishes, so a page cannot differ from it. A
form has an input for each field that is a text, a number, a choice, a list of texts, or a list of
objects made of the first three. A document that requires another field is typed as JSON.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Schema = Mapping[str, Any]
InputKind = Literal["text", "number", "choice", "lines", "rows"]

INPUTS: Mapping[tuple[str, str], InputKind] = {
    ("string", ""): "text",
    ("number", ""): "number",
    ("array", "string"): "lines",
}
"""The input of a field by its type and the type of its items."""
CELLS = ("text", "number", "choice")
"""The inputs that fit in a row."""


@dataclass(frozen=True)
class Field:
    """A row of a table. ``of`` names the object in the field, or in its list."""

    name: str
    kind: str
    of: str
    required: bool
    default: object
    description: str


@dataclass(frozen=True)
class Table:
    """The table of one type of object."""

    name: str
    description: str
    fields: Sequence[Field]


@dataclass(frozen=True)
class Input:
    """An input of a form, filled with the example. Rows have ``columns`` and are empty at first."""

    name: str
    label: str
    kind: InputKind
    value: str
    hint: str
    required: bool
    placeholder: str = ""
    options: Sequence[str] = ()
    columns: Sequence["Input"] = ()


def tables_of(schema: Schema) -> Sequence[Table]:
    """Return a table for the document and one for each object in it."""
    return [
        Table(name, definition.get("description", ""), list(_fields(definition)))
        for name, definition in schema["$defs"].items()
    ]


def inputs_of(schema: Schema, example: Mapping[str, Any]) -> Sequence[Input]:
    """Return an input for each field that can have one.

    There are none if a field that is required, or is part of the example, cannot have one.
    """
    return _inputs(_name(schema), schema["$defs"], example)


def is_read_only(field: Schema) -> bool:
    """Whether a field is one that other APIs show, and that is accepted and not used."""
    return bool(_plain(field).get("readOnly"))


def _inputs(of: str, objects: Mapping[str, Schema], example: Mapping[str, Any]) -> Sequence[Input]:
    """Return an input for each field of one of the ``objects``, by the rules of ``inputs_of``."""
    required = objects[of].get("required", ())
    inputs = [
        _input(name, _plain(field), objects, example.get(name), required=name in required)
        for name, field in objects[of]["properties"].items()
        if not is_read_only(field)
    ]
    named = [each for each in inputs if each]
    return named if {*required, *example} <= {each.name for each in named} else ()


def _input(
    name: str, field: Schema, objects: Mapping[str, Schema], value: object, *, required: bool
) -> Input | None:
    columns = _columns(field, objects)
    kind: InputKind | None = "rows" if columns else _input_kind(field)
    return kind and Input(
        name,
        _label(name),
        kind,
        _text(field.get("default") if value is None else value),
        field.get("description", ""),
        required,
        _text(next(iter(field.get("examples", ())), None)),
        tuple(field.get("enum", ())),
        columns,
    )


def _columns(field: Schema, objects: Mapping[str, Schema]) -> Sequence[Input]:
    """Return the inputs of a row if a field is a list of objects that fit in one."""
    of = _name(field.get("items", {}))
    inputs = _inputs(of, objects, {}) if of else ()
    fits = all(each.kind in CELLS for each in inputs if each.required)
    return tuple(each for each in inputs if fits and each.kind in CELLS)


def _fields(definition: Schema) -> Iterator[Field]:
    required = definition.get("required", ())
    for name, field in definition["properties"].items():
        plain = _plain(field)
        yield Field(
            name,
            _kind(plain),
            _name(plain) or _name(plain.get("items", {})),
            name in required,
            field.get("default"),
            plain.get("description", ""),
        )


def _plain(field: Schema) -> Schema:
    """Return a field without the alternative ``null``, which means absent."""
    others = [kind for kind in field.get("anyOf", ()) if kind.get("type") != "null"]
    if len(others) != 1:
        return field
    return {**{name: value for name, value in field.items() if name != "anyOf"}, **others[0]}


def _kind(field: Schema) -> str:
    """Return the type in words."""
    if "enum" in field:
        return " or ".join(f'"{value}"' for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(_kind(kind) for kind in field["anyOf"])
    kind = _name(field) or str(field["type"])
    return f"{kind} of {_kind(field['items'])}" if "items" in field else kind


def _input_kind(field: Schema) -> InputKind | None:
    if "enum" in field:
        return "choice"
    return INPUTS.get((field.get("type", ""), field.get("items", {}).get("type", "")))


def _name(schema: Schema) -> str:
    """Return the name that a reference refers to; an empty text without a reference."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _label(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r" \1", name).capitalize()


def _text(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)
