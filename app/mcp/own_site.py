"""Whether a request for the MCP server was sent to this service, and from where.

A page of a stranger can point a name of his own at a private address, so that a browser takes this
service for his (DNS rebinding). So a request must name us as its ``Host``; where it has an
``Origin``, as browsers' have, that must be ours or this machine's. Ports are ignored: a proxy may
listen on another one.
"""

import re
from urllib.parse import urlsplit

from msgspec import Struct

from app.errors import MisdirectedRequest, OriginNotAllowed
from app.http.request_head import RequestHead

LOOPBACK = frozenset(("127.0.0.1", "localhost", "[::1]"))
PORT = re.compile(r":[0-9]*\Z")


class OwnSite(Struct, frozen=True):
    """The hosts and origins that are ours, without ports."""

    hosts: frozenset[str]
    origins: frozenset[str]

    def require(self, head: RequestHead) -> None:
        """Raise ``MisdirectedRequest`` or ``OriginNotAllowed`` if ``head`` names another site."""
        if _without_port(head.value("host")) not in self.hosts:
            raise MisdirectedRequest("Host is not the name of this service")
        origin = head.value("origin")
        if origin and _without_port(origin) not in self.origins:
            raise OriginNotAllowed("Origin is neither this service nor the machine it runs on")


def own_site(public_url: str) -> OwnSite:
    """Return the site at ``public_url``. On this machine any of its names will do."""
    scheme, netloc = urlsplit(public_url.lower())[:2]
    host = _without_port(netloc)
    return OwnSite(
        LOOPBACK if host in LOOPBACK else frozenset((host,)),
        frozenset((f"{scheme}://{host}", *(f"http://{name}" for name in LOOPBACK))),
    )


def _without_port(text: str) -> str:
    return PORT.sub("", text.lower())
