"""A POST route whose requests are counted: head → sizes → limit → its own work → answer or problem.

Every paid route is one, and so are the MCP tools and what the sandbox offers beside them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

from limits import RateLimitItem
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.bodies import require_sizes
from app.api.head import Head, head_of
from app.api.problems import problem_of, problem_of_http
from app.errors import OncallError
from app.limits import RateLimits


@dataclass(frozen=True)
class CountedPost:
    """The application at ``path``: of a client only what ``limit`` permits reaches ``answer``."""

    path: str
    limit: RateLimitItem
    limits: RateLimits
    answer: Callable[[Head, Scope, Receive], Awaitable[Response]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._limited(scope, receive)
        except OncallError as error:
            response = problem_of(error)
        except HTTPException as error:
            response = problem_of_http(Request(scope), error)
        except ClientDisconnect:
            return  # nobody is left to answer, and nothing was charged: the body was incomplete
        await response(scope, receive, send)

    async def _limited(self, scope: Scope, receive: Receive) -> Response:
        head = head_of(scope)
        if head.method != "POST":
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST, OPTIONS"})
        require_sizes(head)
        client = self.limits.client_in(head)
        allowance = await self.limits.spend(client, self.path, self.limit, paying=head.paying)
        try:
            allowance.require()
            response = await self.answer(head, scope, receive)
        except OncallError as error:
            response = problem_of(error)
        response.raw_headers += allowance.fields
        return response
