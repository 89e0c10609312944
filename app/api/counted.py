"""A POST route whose requests are counted: sizes → limit → its own work → answer or problem.

Every paid route is one, and so is what the sandbox offers beside them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.bodies import require_sizes
from app.api.problems import problem_of, problem_of_http
from app.errors import OncallError
from app.limits import Allowance, Proxy, client_of
from app.payments.gate import PAYMENT_HEADER, PAYMENT_HEADER_V1


class Count(Protocol):
    """Counts a request of ``client`` and tells what is left of its limit."""

    def __call__(self, client: str, *, paying: bool) -> Awaitable[Allowance]: ...


@dataclass(frozen=True)
class CountedPost:
    """The application that lets what ``count`` grants through to ``answer``."""

    count: Count
    proxies: Sequence[Proxy]
    answer: Callable[[Request], Awaitable[Response]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._limited(request)
        except OncallError as error:
            response = problem_of(error)
        except HTTPException as error:
            response = problem_of_http(request, error)
        except ClientDisconnect:
            return  # nobody is left to answer, and nothing was charged: the body was incomplete
        await response(scope, receive, send)

    async def _limited(self, request: Request) -> Response:
        if request.method != "POST":
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST, OPTIONS"})
        require_sizes(request, payment_header=PAYMENT_HEADER.encode())
        peer = request.client.host if request.client else None
        client = client_of(peer, request.headers.getlist("x-forwarded-for"), self.proxies)
        allowance = await self.count(client, paying=is_paying(request))
        try:
            allowance.require()
            response = await self.answer(request)
        except OncallError as error:
            response = problem_of(error)
        response.headers.update(allowance.headers)
        return response


def is_paying(request: Request) -> bool:
    """Whether a request carries a payment, in either version of the protocol."""
    return PAYMENT_HEADER in request.headers or PAYMENT_HEADER_V1 in request.headers
