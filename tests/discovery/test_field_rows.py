"""The table of fields: all of them, read off the structs, in the three texts alike."""

from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec import Meta

from app.discovery.field_rows import (
    brief_lines,
    example_of,
    field_rows,
    field_tables,
    markdown_table,
)
from app.discovery.openapi import schema_of
from app.discovery.well_known import text_of
from app.http.scalars import Name
from app.http.validation import RequestModel
from app.products.registry import paid_endpoints
from tests.support.services import PUBLIC_URL
from tests.support.tools import listed_tools

ROWS = paid_endpoints()
ROTATION, SCHEDULE, NOW, *_ = ROWS
EACH = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.slug)


def paths(kind: type[RequestModel]) -> list[str]:
    return [row.path for row in field_rows(kind)]


# --- the rows -------------------------------------------------------------------------------


class Part(RequestModel, frozen=True):
    name: Annotated[Name, Meta(description="a name", examples=["x"])]
    note: Annotated[str, Meta(description="a note")] | None = None
    old: str | None = None

    as_shown = ("old",)


class Whole(RequestModel, frozen=True, rename="camel"):
    first_part: Annotated[Part, Meta(description="a part; the first")]
    parts: list[Part] | None = None
    choice: Annotated[Literal["b", "a"], Meta(title="which", description="b: or a")] = "b"
    number_of: Annotated[float, Meta(title="how many", description="1|2")] = 1
    shown: Annotated[str, Meta(extra_json_schema={"readOnly": True})] | None = None


def test_a_row_has_path_meaning_brief_and_example() -> None:
    part = ({"name": "x"}, "a part; the first", "a part")
    assert [tuple(row) for row in field_rows(Whole)] == [
        ("firstPart", True, *part[1:], part[0], ()),
        ("firstPart.name", True, "a name", "a name", "x", ()),
        ("firstPart.note", False, "a note", "a note", None, ()),
        ("parts[]", False, "", "", [part[0]], ()),
        ("parts[].name", True, "a name", "a name", "x", ()),
        ("parts[].note", False, "a note", "a note", None, ()),
        ("choice", False, "which: b: or a", "which", "b", ("b", "a")),
        ("numberOf", False, "how many: 1|2", "how many", None, ()),
    ]


def test_lines_and_tables_have_a_row_each() -> None:
    rows = [
        row for row in field_rows(Whole) if row.path in ("firstPart.name", "choice", "numberOf")
    ]
    assert brief_lines(rows).splitlines() == [
        '- firstPart.name (required): a name, e.g. "x"',
        '- choice: which: "b" or "a"',
        "- numberOf: how many, e.g. null",
    ]
    assert markdown_table(rows).splitlines()[2:] == [
        '| **`firstPart.name`** | a name | `"x"` |',
        '| `choice` | which: b: or a | `"b"` |',
        r"| `numberOf` | how many: 1\|2 | `null` |",
    ]


# --- of the products ------------------------------------------------------------------------


def described(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """What a schema refers to, without the alternative null."""
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return described(choice, definitions)
    return definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


@EACH
def test_every_field_of_the_schema_has_a_row(row: Any) -> None:
    definitions = schema_of(row.request)["$defs"]
    known = definitions[row.request.__name__]["properties"]
    told = {path.removesuffix("[]") for path in paths(row.request) if "." not in path}
    left_out = {
        name
        for name, schema in known.items()
        if name in row.request.as_shown or described(schema, definitions).get("readOnly")
    }
    assert told == known.keys() - left_out


@EACH
def test_every_row_says_something_and_has_a_valid_example(row: Any) -> None:
    schema = schema_of(row.request)
    for told in field_rows(row.request):
        assert told.meaning
        assert told.brief
        assert told.example is not None, f"{told.path} lacks examples"
        part = schema
        for step in told.path.replace("[]", ".").split("."):
            part = described(part, schema["$defs"])
            part = part["properties"][step] if step else part["items"]
        if told.path.endswith("[]"):
            assert isinstance(told.example, list)
            [example] = told.example
        else:
            example = told.example
        Draft202012Validator({**part, "$defs": schema["$defs"]}).validate(example)


def test_what_is_in_an_object_follows_it() -> None:
    told = paths(SCHEDULE.request)
    at = told.index("layers[].restrictions[]")
    assert told[at + 1 : at + 4] == [
        "layers[].restrictions[].start",
        "layers[].restrictions[].end",
        "layers[].restrictions[].days",
    ]
    assert not {"id", "pending", "rotation_type", "overrides[].cancelled_at"} & set(told)


def test_fields_that_an_earlier_product_has_alike_are_named_once() -> None:
    rotation, schedule, now, *_ = field_tables(ROWS)
    assert (rotation.like, schedule.like, now.like) == ("", "", SCHEDULE.title)
    assert [row.path for row in now.rows] == ["at"]
    assert now.shared == [
        *("timezone", "layers[]", "overrides[]", "entries[]", "swaps[]", "unavailable[]"),
    ]
    assert [table.like for table in field_tables([NOW, ROTATION])] == ["", ""]


def test_the_example_of_a_type_without_any_is_null() -> None:
    assert example_of(float) is None
    assert example_of(list[float]) == [None]


# --- in the texts ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["llms.txt", "skill.md"])
def test_a_text_has_a_row_for_each_field(name: str) -> None:
    lines = text_of(name, ROWS, PUBLIC_URL).splitlines()
    for table in field_tables(ROWS):
        wanted = markdown_table(table.rows).splitlines()
        assert set(wanted) <= set(lines)
        assert all(lines.count(line) == 1 for line in wanted[2:])


@EACH
def test_a_tool_has_a_line_for_each_field(row: Any) -> None:
    [tool] = [tool for tool in listed_tools() if tool.name == row.slug]
    assert brief_lines(field_rows(row.request)) in (tool.description or "")
    assert "- format: form of the answer, at the same price" in (tool.description or "")


def test_a_field_that_is_added_is_told_everywhere() -> None:
    class Further(ROTATION.request, frozen=True, rename="camel"):  # type: ignore[misc]
        moon_phase: Annotated[str, Meta(description="the phase", examples=["full"])] | None = None

    further = replace(ROTATION, request=Further)
    line = '| `moonPhase` | the phase | `"full"` |'
    for name in ("llms.txt", "skill.md"):
        assert line in text_of(name, [further], PUBLIC_URL)
    [tool] = listed_tools([further])
    assert '- moonPhase: the phase, e.g. "full"' in (tool.description or "")
    assert "moonPhase" in tool.inputSchema["properties"]


def test_an_object_told_before_is_not_told_again() -> None:
    text = text_of("llms.txt", ROWS, PUBLIC_URL)
    assert "; as `layers[]` in the Layered on-call schedule API |" in text
    assert text.count("restrictions[].days`") == 1
    assert "`giveAway[].start`" in text, "it has two fields, and another place has three"


# --- how large they are ---------------------------------------------------------------------


def test_the_texts_are_not_too_long() -> None:
    """What a model reads before it buys: a token is about four bytes."""
    assert len(text_of("llms.txt", ROWS, PUBLIC_URL).encode()) <= 40 * 1024
    assert len(text_of("skill.md", ROWS, PUBLIC_URL).encode()) <= 64 * 1024
    tools = [tool.model_dump(by_alias=True, exclude_none=True) for tool in listed_tools()]
    assert len(msgspec.json.encode(tools)) <= 226 * 1024
    assert all(len(tool["description"]) <= 12 * 1024 for tool in tools)
