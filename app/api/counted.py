"""A POST route whose requests are counted: head → sizes → limit → its own work → answer or problem.

Every paid route is one, and so is what the sandbox offers beside them. A failure is an
``OncallError`` raised at its step and written once, here.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.bodies import require_sizes
from app.api.head import Head, head_of
from app.api.problems import problem_of, problem_of_http
from app.errors import OncallError
from app.limits import Allowance, Proxy, client_of


class Count(Protocol):
    """Counts a request of ``client`` and tells what is left of its limit."""

    def __call__(self, client: str, *, paying: bool) -> Awaitable[Allowance]: ...


@dataclass(frozen=True)
class CountedPost:
    """The ASGI application that lets what ``count`` grants through to ``answer``."""

    count: Count
    proxies: tuple[Proxy, ...]
    answer: Callable[[Head, Receive], Awaitable[Response]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._limited(head_of(scope), receive)
        except OncallError as error:
            response = problem_of(error)
        except HTTPException as error:
            response = problem_of_http(Request(scope), error)
        except ClientDisconnect:
            return  # nobody is left to answer, and nothing was charged: the body was incomplete
        await response(scope, receive, send)

    async def _limited(self, head: Head, receive: Receive) -> Response:
        if head.method != "POST":
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST, OPTIONS"})
        require_sizes(head)
        client = client_of(head.peer, head.values("x-forwarded-for"), self.proxies)
        allowance = await self.count(client, paying=head.paying)
        try:
            allowance.require()
            response = await self.answer(head, receive)
        except OncallError as error:
            response = problem_of(error)
        response.raw_headers += allowance.fields
        return response
