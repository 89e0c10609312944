"""The steps that every rate-limited POST route takes around its own work.

    method → sizes → limit of the address → (the route's own work) → response or problem

The paid products, the MCP tools and the sandbox's wallet are such routes. When a route counts a
request against its own limit is up to the route, because some requests need not be counted there.
"""

from http import HTTPStatus
from types import TracebackType
from typing import Self

from limits import RateLimitItem
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.errors import OncallError
from app.http.large_bodies import BodyShare
from app.http.problems import http_problem_response, problem_response
from app.http.rate_limits import Allowance, RateLimits
from app.http.request_body import MAX_BODY_BYTES, read_body, require_sizes
from app.http.request_head import RequestHead, request_head


class Exchange(Struct):
    """One request to a rate-limited route and its response, as an asynchronous context.

    ``most_bytes`` is the limit of its body.
    The body of the context calls ``admit`` first, ``count`` where its own limit comes, and sets
    ``response``. Leaving the context sends that response, or the problem that describes the
    ``OncallError`` or ``HTTPException`` raised within. Either states the ``allowance`` of the limit
    that was counted last. Nothing is sent to a client that disconnected: its body was incomplete,
    so nothing was charged. Every other exception is a defect and goes on to the caller.
    """

    scope: Scope
    receive: Receive
    send: Send
    most_bytes: int = MAX_BODY_BYTES
    client: str = ""
    share: BodyShare | None = None
    allowance: Allowance | None = None
    response: Response | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> bool:
        try:
            return await self._respond(error)
        finally:
            if self.share is not None:
                self.share.give_back()

    async def _respond(self, error: BaseException | None) -> bool:
        response = self.response if error is None else self._problem_response(error)
        if response is None:
            return isinstance(error, ClientDisconnect)
        if self.allowance is not None:
            response.raw_headers += self.allowance.fields
        await response(self.scope, self.receive, self.send)
        return True

    def _problem_response(self, error: BaseException) -> Response | None:
        if isinstance(error, OncallError):
            return problem_response(error)
        if isinstance(error, HTTPException):
            return http_problem_response(Request(self.scope), error)
        return None

    def admit(self, limits: RateLimits) -> RequestHead:
        """Return the request's head, after checking its method and sizes and counting its address.

        Raises ``HTTPException`` for a method other than POST, ``BodyTooLarge``,
        ``HeadersTooLarge``, or ``RateLimited`` for an address that sends too much of everything.
        """
        head = request_head(self.scope)
        if head.method != "POST":
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST, OPTIONS"})
        require_sizes(head, self.most_bytes)
        self.client = limits.client_in(head)
        self.allowance = limits.spend_address(self.client)
        self.allowance.require()
        return head

    async def body(self, limits: RateLimits, *, arrived: bool = False) -> bytes:
        """Read the body, which is held until the request is answered. Raises as ``read_body``."""
        self.share = BodyShare(limits.large_bodies, self.client)
        return await read_body(
            self.receive, self.share, most_bytes=self.most_bytes, arrived=arrived
        )

    async def count(
        self,
        limits: RateLimits,
        path: str,
        limit: RateLimitItem,
        *,
        paying: bool,
        payer: str = "",
    ) -> None:
        """Count the request: of each client, ``limit`` requests to ``path`` pass.

        Requests that are ``paying`` are counted apart. ``payer`` is counted in place of the
        address; it is empty for those who are not known. Raises ``RateLimited``.
        """
        self.allowance = await limits.spend(payer or self.client, path, limit, paying=paying)
        self.allowance.require()
