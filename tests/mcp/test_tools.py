"""The tools as a client lists them: everything is the table's."""

import json
import subprocess
import sys
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from x402.extensions.bazaar import McpDiscoveryInfo, extract_discovery_info

from app.discovery.error_responses import RETRIES
from app.discovery.openapi import object_schema_of, openapi_document
from app.mcp.tool_schemas import arguments_schema, brief_schema
from app.mcp.tools import OUTPUT_SCHEMA
from app.products.registry import paid_endpoints
from tests.support.mcp_agents import agent_of, content_of
from tests.support.services import PUBLIC_URL, Sandbox, service, settings

TABLE = paid_endpoints()


@pytest.mark.anyio
async def test_each_endpoint_is_a_tool() -> None:
    async with agent_of(Sandbox()) as agent:
        listed = (await agent.session.list_tools()).tools
    assert [tool.name for tool in listed] == [row.slug for row in TABLE]
    for tool, row in zip(listed, TABLE, strict=True):
        assert tool.title == row.title
        assert (tool.description or "").startswith(row.description)
        assert tool.annotations is not None
        assert tool.annotations.readOnlyHint


@pytest.mark.anyio
async def test_the_price_is_the_tables_wherever_it_is_told() -> None:
    operations = openapi_document(TABLE)["paths"]
    async with agent_of(Sandbox()) as agent:
        for tool, row in zip((await agent.session.list_tools()).tools, TABLE, strict=True):
            assert f"${row.price_usd} a call" in (tool.description or "")
            assert tool.meta is not None
            told = tool.meta["x-payment-info"]
            assert told == operations[row.path]["post"]["x-payment-info"]
            [way] = content_of(await agent.ask(None, tool=row.slug))["accepts"]
            assert int(way["amount"]) == row.price_usd * 10**6


@pytest.mark.anyio
@pytest.mark.parametrize("payments", ["sandbox", "off"])
async def test_the_schemas_describe_the_example_and_its_answer(payments: Any) -> None:
    """A tool that is paid for declares no schema of its results: terms and problems are results."""
    async with agent_of(service(settings(payments=payments))) as agent:
        tools = (await agent.session.list_tools()).tools
    for tool, row in zip(tools, TABLE, strict=True):
        paid = tool.meta is not None
        assert paid == (payments == "sandbox")
        assert paid == (tool.outputSchema is None)
        answer = msgspec.json.decode(row.example_answer)
        output = tool.meta[OUTPUT_SCHEMA] if tool.meta else tool.outputSchema
        for schema, document in ((tool.inputSchema, row.example), (output, answer)):
            assert schema["type"] == "object"
            Draft202012Validator.check_schema(schema)
            Draft202012Validator(schema).validate(document)
        assert paid == all(f"`{name}`" in str(tool.description) for name in answer)


@pytest.mark.anyio
async def test_a_tool_says_what_to_do_after_a_problem() -> None:
    async with agent_of(Sandbox()) as agent:
        for tool in (await agent.session.list_tools()).tools:
            for retry, text in RETRIES.items():
                assert f"\n- {retry}: {text}" in (tool.description or "")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.slug)
def test_a_brief_schema_takes_what_the_whole_does(row: Any) -> None:
    whole, brief = object_schema_of(row.request), arguments_schema(row)
    assert brief["properties"].pop("format")["enum"][:1] == ["json"]
    assert brief["properties"].keys() == whole["properties"].keys()
    assert brief["additionalProperties"] is False
    nothing = dict.fromkeys(whole["properties"])
    for document in (*(each.example for each in row.samples), row.example, {}, nothing):
        validity = [Draft202012Validator(schema).is_valid(document) for schema in (whole, brief)]
        assert validity[0] == validity[1]
    for name in whole["properties"]:
        for value in (None, 1, "1", "x", [], {}, [{}], True, "fair", "UTC"):
            document = {**row.example, name: value}
            valid = [Draft202012Validator(schema).is_valid(document) for schema in (whole, brief)]
            assert valid[0] == valid[1], (name, value)


def test_a_brief_schema_has_neither_titles_nor_null_as_a_default() -> None:
    other = {"type": "string", "description": "d"}
    schema = {
        "title": "left out",
        "properties": {
            "title": {"anyOf": [other, {"type": "null"}], "default": None},
            "default": {"type": "number", "default": 0},
            "either": {"anyOf": [{"enum": ["a"]}, {"type": "null"}], "default": None},
            "part": {"anyOf": [{"$ref": "#/$defs/Part"}, {"type": "null"}], "default": None},
        },
        "required": ["title"],
    }
    assert brief_schema(schema) == {
        "properties": {
            "title": {"type": ["string", "null"], "description": "d"},
            "default": {"type": "number", "default": 0},
            "either": {"enum": ["a", None]},
            "part": {"anyOf": [{"$ref": "#/$defs/Part"}, {"type": "null"}]},
        },
        "required": ["title"],
    }


@pytest.mark.anyio
async def test_where_nothing_is_paid_a_tool_answers_at_once() -> None:
    async with agent_of(service(settings(payments="off"))) as agent:
        tool, *_ = (await agent.session.list_tools()).tools
        assert "$" not in (tool.description or "")
        assert tool.meta is None
        result = await agent.ask(TABLE[0].example)
    assert (result.isError, result.meta) == (False, None)
    assert content_of(result) == msgspec.json.decode(TABLE[0].example_answer)


def test_the_library_is_not_imported_before_it_is_asked_for() -> None:
    made = "import sys, app.main, app.settings as s; app.main.create_app(s.Settings())"
    told = subprocess.run(
        [sys.executable, "-c", f"{made}; print('mcp' in sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout == "False\n"


@pytest.mark.anyio
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.slug)
async def test_terms_describe_the_tool_for_those_who_list_it(row: Any) -> None:
    async with agent_of(Sandbox()) as agent:
        terms = content_of(await agent.ask(None, tool=row.slug))
        found = extract_discovery_info(await agent.payment(row.slug), {})
    assert len(json.dumps(terms)) <= 16 * 1024
    assert found is not None
    assert isinstance(found.discovery_info, McpDiscoveryInfo)
    assert (found.resource_url, found.tool_name) == (f"{PUBLIC_URL}/mcp", row.slug)
    assert found.discovery_info.input.transport == "streamable-http"
    assert found.discovery_info.input.example == row.example
