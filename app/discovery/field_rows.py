"""The fields of a request as rows: path, meaning and an example, read off its struct.

Strategy: one walk along the types, so a field that is declared is told in every text at once. A
field of an object in a list is named as it is reached: ``layers[].restrictions[].start``. A field's
``title`` says what it is for, where the rule in its description does not. What is accepted and not
used, or there because other APIs show it, has no row.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, get_args, get_origin

import msgspec
from msgspec import Struct

from app.http.validation import RequestModel, meta_of, plain_type
from app.products.endpoint import Endpoint

CLAUSE_ENDS = ("; ", ": ", " (")
"""What ends the first clause of a rule."""
FEWEST_REPEATED = 3
"""An object of fewer fields is told again."""
BAR = r"\|"
"""A bar within the cell of a table."""


class FieldRow(NamedTuple):
    """One field: its ``path`` from the root of the document, and an ``example`` of its value.

    ``meaning`` is all that is said of it, ``brief`` a few words of that. ``choices`` are its values
    if there are only some.
    """

    path: str
    required: bool
    meaning: str
    brief: str
    example: Any
    choices: Sequence[Any] = ()


class FieldTable(NamedTuple):
    """The rows of a product. ``shared`` are the fields that it has as the product ``like``."""

    rows: Sequence[FieldRow]
    shared: Sequence[str] = ()
    like: str = ""


def field_tables(endpoints: Sequence[Endpoint]) -> list[FieldTable]:
    """Return a table for each product.

    What the one before has alike that has the most alike is named and not repeated, if that is more
    than half. So is an object whose fields are those of an object told before.
    """
    tables: list[FieldTable] = []
    told: list[tuple[str, Sequence[FieldRow]]] = []
    for endpoint in endpoints:
        rows = field_rows(endpoint.request)
        found = FieldTable(rows)
        for title, known in told:
            own = [row for row in rows if row not in known]
            if 2 * len(own) < len(rows) and len(own) < len(found.rows):
                shared = [row.path for row in rows if row in known and "." not in row.path]
                found = FieldTable(own, shared, title)
        tables.append(found._replace(rows=_without_repeats(found.rows, told)))
        told.append((endpoint.title, rows))
    return tables


def field_rows(request: type[RequestModel]) -> list[FieldRow]:
    """Return a row for each field of ``request``; those of an object follow it."""
    return list(_rows(request, ""))


def brief_lines(rows: Sequence[FieldRow]) -> str:
    """Return a line for each row, for a reader who has the rules in a schema as well."""
    return "\n".join(map(_brief_line, rows))


def markdown_table(rows: Sequence[FieldRow]) -> str:
    """Return the rows as a table in Markdown."""
    lines = ["| field | meaning and form | example |", "| --- | --- | --- |"]
    for row in rows:
        name = f"**`{row.path}`**" if row.required else f"`{row.path}`"
        cells = (name, row.meaning, f"`{_json(row.example)}`")
        lines.append(f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |")
    return "\n".join(lines)


def _brief_line(row: FieldRow) -> str:
    name = f"{row.path} (required)" if row.required else row.path
    if row.choices:
        return f"- {name}: {row.brief}: {' or '.join(map(_json, row.choices))}"
    return f"- {name}: {row.brief}, e.g. {_json(row.example)}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _without_repeats(
    rows: Sequence[FieldRow], told: Sequence[tuple[str, Sequence[FieldRow]]]
) -> list[FieldRow]:
    """Return ``rows``, where an object like one of a product before refers to that one."""
    kept: list[FieldRow] = []
    left_out = ""
    for row in rows:
        if left_out and row.path.startswith(left_out):
            continue
        place = _place_of(_fields_of(row, rows), told)
        left_out = f"{row.path}." if place else ""
        kept.append(row._replace(meaning=f"{row.meaning}; {place}") if place else row)
    return kept


def _place_of(
    fields: Sequence[FieldRow], told: Sequence[tuple[str, Sequence[FieldRow]]]
) -> str | None:
    """Return where an object of these fields has been told; ``None`` if nowhere, or it is small."""
    if len(fields) < FEWEST_REPEATED:
        return None
    places = (
        f"as `{row.path}` in the {title}"
        for title, rows in told
        for row in rows
        if _fields_of(row, rows) == fields
    )
    return next(places, None)


def _fields_of(of: FieldRow, rows: Sequence[FieldRow]) -> list[FieldRow]:
    """Return the fields of an object, by their paths within it."""
    start = f"{of.path}."
    return [
        row._replace(path=row.path.removeprefix(start))
        for row in rows
        if row.path.startswith(start)
    ]


def _rows(kind: type[Struct], path: str) -> Iterator[FieldRow]:
    for field in msgspec.structs.fields(kind):
        if _is_only_shown(kind, field):
            continue
        of, is_list = _object_in(field.type)
        where = f"{path}{field.encode_name}{'[]' if of and is_list else ''}"
        title, rule = meta_of(field.type, "title"), meta_of(field.type, "description") or ""
        yield FieldRow(
            where,
            field.required,
            f"{title}: {rule}" if title else rule,
            title or _first_clause(rule),
            example_of(field.type),
            _choices(field.type),
        )
        if of:
            yield from _rows(of, f"{where}.")


def _is_only_shown(kind: type[Struct], field: msgspec.structs.FieldInfo) -> bool:
    """Whether a field is there because other APIs show it."""
    is_read_only = (meta_of(field.type, "extra_json_schema") or {}).get("readOnly", False)
    return is_read_only or field.encode_name in getattr(kind, "as_shown", ())


def example_of(kind: Any) -> Any:
    """Return a value of a field's type: its own example, or one made of those of its parts."""
    examples, plain = meta_of(kind, "examples"), plain_type(kind)
    if examples:
        return examples[0]
    if get_origin(plain) is Literal:
        return get_args(plain)[0]
    if get_origin(plain) is list:
        return [example_of(get_args(plain)[0])]
    if isinstance(plain, type) and issubclass(plain, Struct):
        needed = [field for field in msgspec.structs.fields(plain) if field.required]
        return {field.encode_name: example_of(field.type) for field in needed}
    return None


def _object_in(kind: Any) -> tuple[type[Struct] | None, bool]:
    """Return the struct in a field, or in its list, and whether it is a list."""
    plain = plain_type(kind)
    is_list = get_origin(plain) is list
    inner = plain_type(get_args(plain)[0]) if is_list else plain
    is_struct = isinstance(inner, type) and issubclass(inner, Struct)
    return (inner if is_struct else None), is_list


def _choices(kind: Any) -> Sequence[Any]:
    plain = plain_type(kind)
    return get_args(plain) if get_origin(plain) is Literal else ()


def _first_clause(rule: str) -> str:
    """Return ``rule`` up to its first break."""
    ends = [at for mark in CLAUSE_ENDS if (at := rule.find(mark)) > 0]
    return rule[: min(ends, default=len(rule))]
