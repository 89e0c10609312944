"""The steps that every rate-limited POST route takes around its own work.

    head → sizes → limit → (the route's own work) → response or problem

The paid products, the MCP tools and the sandbox's wallet are such routes.
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
from app.http.problems import http_problem_response, problem_response
from app.http.rate_limits import Allowance, RateLimits
from app.http.request_body import require_sizes
from app.http.request_head import RequestHead, request_head


class Exchange(Struct):
    """One request to a rate-limited route and its response, as an asynchronous context.

    The body of the context calls ``admit`` first and sets ``response``. Leaving the context sends
    that response, or the problem that describes the ``OncallError`` or ``HTTPException`` raised
    within. Nothing is sent to a client that disconnected: its body was incomplete, so nothing was
    charged. Every other exception is a defect and goes on to the caller.
    """

    scope: Scope
    receive: Receive
    send: Send
    allowance: Allowance | None = None
    response: Response | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> bool:
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

    async def admit(self, limits: RateLimits, path: str, limit: RateLimitItem) -> RequestHead:
        """Return the request's head, after checking its method and sizes and counting it.

        Of each client, ``limit`` requests to ``path`` pass. Raises ``HTTPException`` for a
        method other than POST, ``BodyTooLarge``, ``HeadersTooLarge`` or ``RateLimited``.
        """
        head = request_head(self.scope)
        if head.method != "POST":
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST, OPTIONS"})
        require_sizes(head)
        client = limits.client_in(head)
        self.allowance = await limits.spend(client, path, limit, paying=head.paying)
        self.allowance.require()
        return head
