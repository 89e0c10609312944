"""The templates' filters: their output is escaped and can be read back."""

import ast
import json
from typing import Any

import pytest
from markupsafe import escape

from app.discovery.template_filters import (
    FILTERS,
    LINE_WIDTH,
    breakable,
    json_text,
    prose,
    undescribed,
)
from app.products.registry import paid_endpoints

HOSTILE = "<script>alert('x')</script>"


def filtered(value: object, name: str) -> str:
    """Return the text on a page whose template has ``value | name``."""
    return str(escape(FILTERS[name](value)))


def test_a_schema_without_descriptions_is_the_same_otherwise() -> None:
    described = {
        "description": "a thing",
        "properties": {"description": {"type": "string", "description": "its own words"}},
        "anyOf": [{"description": "one", "title": "no", "type": "null"}],
    }
    assert undescribed(described) == {
        "properties": {"description": {"type": "string"}},
        "anyOf": [{"type": "null"}],
    }


@pytest.mark.parametrize("name", ["code", "as_json", "prose", "breakable", "first_sentence"])
def test_nothing_gets_out_of_its_element(name: str) -> None:
    assert "<script" not in filtered(HOSTILE, name).lower()


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({}, id="empty"),
        pytest.param({"a": [], "b": None, "c": True, "d": "ä\n"}, id="short"),
        *(pytest.param(endpoint.example, id=endpoint.slug) for endpoint in paid_endpoints()),
    ],
)
def test_json_says_what_it_is_given(value: dict[str, Any]) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert max(map(len, text.splitlines())) <= LINE_WIDTH


def test_short_json_stays_on_its_line() -> None:
    assert json_text({"people": ["alice", "bob"]}) == '{"people": ["alice", "bob"]}'


def test_python_reads_back_a_literal() -> None:
    value = {"start": "it's", "people": ["a", 'b"'] * 20, "shifts": 3, "flag": True, "no": None}
    assert ast.literal_eval(json_text(value, write=repr)) == value


def test_prose_marks_code_and_joins_lines() -> None:
    assert prose("`end` plus\n    `a < b`.") == "<code>end</code> plus <code>a &lt; b</code>."


def test_an_address_may_be_broken_after_a_slash() -> None:
    assert breakable("/a/b") == "/<wbr>a/<wbr>b"
