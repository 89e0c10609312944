"""Documents that are the same for every caller, with an ETag and a time in caches.

Strategy: a document is made at its first request and then kept, so that a start does not wait for
documents that nobody may read. It is made in a thread, because a page takes 50 ms. If a path has
several representations, ``Accept`` chooses. Texts are compressed once, beside the document, for all
callers that take gzip; the compressed form has an ETag of its own (RFC 9110, 8.8.3.3).
"""

import asyncio
import gzip
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response

from app.errors import NotAcceptable
from app.http.negotiation import negotiated

FOR_MINUTES = "public, max-age=300"
FOR_EVER = "public, max-age=31536000, immutable"

COMPRESSED_FROM_BYTES = 1_000
"""What is shorter fits in one packet either way."""
TEXTS = re.compile(r"text/|application/(json|xml)$|image/svg\+xml$")
NO_GZIP = re.compile(r"gzip\s*;\s*q=0(\.0*)?\s*(,|$)")

MakeRepresentation = Callable[[], "Representation"]
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Representation:
    """One document in one media type."""

    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()[:16]

    @cached_property
    def compressed(self) -> bytes | None:
        """The body under gzip, the same bytes each time; ``None`` if that is not worth it."""
        coded = "Content-Encoding" in self.headers or not TEXTS.match(self.media_type)
        if coded or len(self.body) < COMPRESSED_FROM_BYTES:
            return None
        return gzip.compress(self.body, mtime=0)

    def response(self, request: Request, **headers: str) -> Response:
        """Answer with the document, or 304 if the caller has it (RFC 9110, 13.1.2)."""
        body, etag = self.body, f'"{self.digest}"'
        sent = {"Cache-Control": FOR_MINUTES, **self.headers, **headers}
        if self.compressed is not None:
            sent["Vary"] = ", ".join(filter(None, (sent.get("Vary"), "Accept-Encoding")))
            if accepts_gzip(request):
                body, etag = self.compressed, f'"{self.digest}-gzip"'
                sent["Content-Encoding"] = "gzip"
        sent["ETag"] = etag
        had = ",".join(request.headers.getlist("if-none-match"))
        if etag in (tag.strip().removeprefix("W/") for tag in had.split(",")) or had == "*":
            return Response(status_code=304, headers=sent)
        return Response(body, headers=sent, media_type=self.media_type)


def representation_handler(offered: Mapping[str, MakeRepresentation]) -> Handler:
    """Return a handler that answers with the representation that ``Accept`` prefers.

    ``offered`` is by media type. The first is for callers without ``Accept`` and for those who
    accept none: these documents never answer 406.
    """
    first, *_ = offered
    made: dict[str, asyncio.Future[Representation]] = {}

    async def answer(request: Request) -> Response:
        try:
            media_type = negotiated(accepted_by(request), tuple(offered))
        except NotAcceptable:
            media_type = first
        if media_type not in made:
            making = asyncio.to_thread(_prepared, offered[media_type])
            made[media_type] = asyncio.ensure_future(making)
        return (await asyncio.shield(made[media_type])).response(request, Vary="Accept")

    return answer


def _prepared(make: MakeRepresentation) -> Representation:
    """Make a document and its compressed form, which takes the longer the larger it is."""
    made = make()
    _ = made.compressed
    return made


def accepts_gzip(request: Request) -> bool:
    """Whether the caller takes an answer under gzip, which it must say (RFC 9110, 12.5.3)."""
    accepted = ",".join(request.headers.getlist("accept-encoding")).lower()
    return "gzip" in accepted and not NO_GZIP.search(accepted)


def accepted_by(request: Request) -> str:
    """Return all ``Accept`` fields as one."""
    return ",".join(request.headers.getlist("accept"))
