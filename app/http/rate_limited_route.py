"""A POST route whose requests are counted: head → sizes → limit → its own work → answer or problem.

Every paid route is one, and so are the MCP tools and what the sandbox offers beside them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.errors import OncallError
from app.http.problems import problem_of, problem_of_http
from app.http.rate_limits import Proxy, RateLimits, client_of
from app.http.request_body import require_sizes
from app.http.request_head import Head, head_of


@dataclass(frozen=True)
class CountedPost:
    """The application at ``path``: of each client ``per_minute`` requests reach ``answer``."""

    path: str
    per_minute: int
    limits: RateLimits
    proxies: Sequence[Proxy]
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
        client = client_in(head, self.proxies)
        allowance = await self.limits.spend(client, self.path, self.per_minute, paying=head.paying)
        try:
            allowance.require()
            response = await self.answer(head, scope, receive)
        except OncallError as error:
            response = problem_of(error)
        response.raw_headers += allowance.fields
        return response


def client_in(head: Head, proxies: Sequence[Proxy]) -> str:
    """Who is asking, as far as our ``proxies`` can be believed."""
    return client_of(head.peer, head.values("x-forwarded-for"), proxies)
