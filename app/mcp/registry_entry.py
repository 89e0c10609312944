"""``server.json``: what the MCP registry lists of the server, in the registry's own format.

Strategy: the registry lets a name be published only by who has its domain, so the name is made of
the domain of the public address, turned round. Its schema is that of ``SCHEMA``, and the tests hold
the file against it.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from app import __version__
from app.discovery.bazaar import ICON_PATH
from app.errors import ConfigurationError
from app.mcp.tool_checkout import PATH

SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
NAME = "oncall-rotation"
TITLE = "On-call rotations"
DESCRIPTION = (
    "Fair on-call rotations and layered schedules: absences, zones, proof, calendar; paid by x402."
)
"""At most 100 characters, by the schema."""
NO_DOMAIN = (
    "ONCALL_PUBLIC_URL: the MCP registry lists servers at https addresses with a domain, such as "
    "https://oncall.example.com"
)


def server_entry(public_url: str) -> Mapping[str, Any]:
    """Return the entry of the server at ``public_url``.

    Raises ``ConfigurationError`` for an address that the registry does not list.
    """
    icon = {"src": public_url + ICON_PATH, "mimeType": "image/png", "sizes": ["256x256"]}
    return {
        "$schema": SCHEMA,
        "name": f"{_reversed_domain(public_url)}/{NAME}",
        "title": TITLE,
        "description": DESCRIPTION,
        "version": __version__,
        "websiteUrl": public_url,
        "icons": [icon],
        "remotes": [{"type": "streamable-http", "url": public_url + PATH}],
    }


def server_entry_bytes(public_url: str) -> bytes:
    """Return ``server.json``, formatted for people."""
    return msgspec.json.format(msgspec.json.encode(server_entry(public_url)), indent=2) + b"\n"


def _reversed_domain(public_url: str) -> str:
    parts = urlsplit(public_url)
    domain = (parts.hostname or "").lower()
    labels = domain.split(".")
    if parts.scheme != "https" or len(labels) < 2 or _is_ip_address(domain):
        raise ConfigurationError([NO_DOMAIN])
    return ".".join(reversed(labels))


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
