"""Documents that are the same for every caller, with an ETag and a time in caches.

Strategy: a document is made at its first request and then kept, so that a start does not wait for
documents that nobody may read. It is made in a thread, because a page takes 50 ms. If a path has
several representations, ``Accept`` chooses.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response

from app.errors import NotAcceptable
from app.http.negotiation import negotiated

FOR_MINUTES = "public, max-age=300"
FOR_EVER = "public, max-age=31536000, immutable"

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

    def response(self, request: Request, **headers: str) -> Response:
        """Answer with the document, or 304 if the caller has it (RFC 9110, 13.1.2)."""
        etag = f'"{self.digest}"'
        sent = {"Cache-Control": FOR_MINUTES, "ETag": etag, **self.headers, **headers}
        had = ",".join(request.headers.getlist("if-none-match"))
        if etag in (tag.strip().removeprefix("W/") for tag in had.split(",")) or had == "*":
            return Response(status_code=304, headers=sent)
        return Response(self.body, headers=sent, media_type=self.media_type)


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
            making = asyncio.to_thread(offered[media_type])
            made[media_type] = asyncio.ensure_future(making)
        return (await asyncio.shield(made[media_type])).response(request, Vary="Accept")

    return answer


def accepted_by(request: Request) -> str:
    """Return all ``Accept`` fields as one."""
    return ",".join(request.headers.getlist("accept"))
