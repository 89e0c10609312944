"""Tables of fields, made from the JSON Schema that the API publishes, so a page cannot differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]


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


def tables_of(schema: Schema) -> Sequence[Table]:
    """Return a table for the document and one for each object in it."""
    return [
        Table(name, definition.get("description", ""), list(_fields(definition)))
        for name, definition in schema["$defs"].items()
    ]


def is_read_only(field: Schema) -> bool:
    """Whether a field is one that other APIs show, and that is accepted and not used."""
    return bool(without_null(field).get("readOnly"))


def _fields(definition: Schema) -> Iterator[Field]:
    required = definition.get("required", ())
    for name, field in definition["properties"].items():
        plain = without_null(field)
        yield Field(
            name,
            _kind(plain),
            name_of(plain) or name_of(plain.get("items", {})),
            name in required,
            field.get("default"),
            ": ".join(filter(None, (plain.get("title"), plain.get("description")))),
        )


def without_null(field: Schema) -> Schema:
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
    kind = name_of(field) or str(field["type"])
    return f"{kind} of {_kind(field['items'])}" if "items" in field else kind


def name_of(schema: Schema) -> str:
    """Return the name that a reference refers to; an empty text without a reference."""
    return str(schema.get("$ref", "")).rpartition("/")[2]
