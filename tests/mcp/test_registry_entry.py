"""``server.json``: valid for the MCP registry, and true to the service."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from app import __version__
from app.errors import ConfigurationError
from app.main import create_app
from app.mcp.registry_entry import server_entry, server_entry_bytes
from tests.support.services import settings

URL = "https://oncall.example.com"
SCHEMA = json.loads((Path(__file__).parent / "mcp_server.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)


def entry(url: str = URL) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(server_entry_bytes(url))
    return document


def test_it_is_valid_by_the_registrys_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    VALIDATOR.validate(entry())


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("name", "oncall"),
        ("description", "x" * 101),
        ("version", None),
        ("remotes", [{"type": "streamable-http", "url": "oncall.example.com"}]),
        ("icons", [{"src": "http://oncall.example.com/icon.png"}]),
    ],
)
def test_the_schema_refuses_what_the_registry_refuses(name: str, wrong: object) -> None:
    with pytest.raises(ValidationError):
        VALIDATOR.validate({**entry(), name: wrong})


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (URL, "com.example.oncall/oncall-rotation"),
        ("https://Example.org:8443", "org.example/oncall-rotation"),
    ],
)
def test_the_name_is_the_domain_turned_round(url: str, name: str) -> None:
    assert server_entry(url)["name"] == name
    VALIDATOR.validate(entry(url))


def test_it_says_what_the_service_is() -> None:
    document = entry()
    assert document["version"] == __version__
    assert document["websiteUrl"] == URL
    assert document["remotes"] == [{"type": "streamable-http", "url": f"{URL}/mcp"}]
    for word in ("absences", "zones", "proof", "calendar", "x402"):
        assert word in document["description"]


@pytest.mark.anyio
async def test_its_addresses_are_served() -> None:
    transport = httpx.ASGITransport(create_app(settings(public_url=URL)))
    document = entry()
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        icon = await client.get(document["icons"][0]["src"])
        assert icon.headers["Content-Type"] == document["icons"][0]["mimeType"]
        called = await client.post(
            document["remotes"][0]["url"],
            json={"jsonrpc": "2.0", "id": 1, "method": "ping"},
            headers={"Accept": "application/json, text/event-stream"},
        )
        assert called.status_code != httpx.codes.NOT_FOUND


@pytest.mark.parametrize(
    "url",
    [
        "http://oncall.example.com",
        "https://localhost",
        "https://192.0.2.1",
        "https://[2001:db8::1]",
    ],
)
def test_an_address_that_the_registry_does_not_list_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        server_entry(url)
    assert refused.value.problems[0].startswith("ONCALL_PUBLIC_URL: the MCP registry lists")
