"""``create_app``: the only place where the parts are put together. Nothing is built at import."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from app.checkout.http_route import Counter, EndpointApp
from app.checkout.purchase import Sale
from app.checkout.sandbox_wallet import PATH as SANDBOX_PAY
from app.checkout.sandbox_wallet import sandbox_pay
from app.checkout.setup import Clock, Desk, Facilitator, faults_in
from app.discovery.api_reference import reference_routes
from app.discovery.operator_routes import operator_routes
from app.discovery.pages import Pages, not_found
from app.discovery.well_known import discovery_routes
from app.errors import ConfigurationError
from app.http.problems import problem_of_defect, problem_of_http
from app.http.rate_limits import RateLimits
from app.mcp.route import PATH as MCP_PATH
from app.mcp.route import McpRoute
from app.metrics import Metrics
from app.payments.claims.memory import Claims
from app.products.registry import paid_endpoints
from app.server.graceful_shutdown import Stopping
from app.server.middleware import Edge
from app.settings import Settings
from app.shelf import PREFIX as SHELF
from app.shelf import Shelf

log = structlog.get_logger()

HANDLERS: Mapping[Any, Callable[[Request, Exception], Any]] = {
    HTTPStatus.NOT_FOUND: not_found,
    HTTPException: problem_of_http,
    Exception: problem_of_defect,
}


def create_app(
    settings: Settings,
    *,
    clock: Clock = time.time,
    facilitator: Facilitator | None = None,
    claims: Claims | None = None,
) -> ASGIApp:
    """The service as an ASGI application. ``clock`` tells seconds since 1970.

    ``facilitator`` and ``claims`` replace what ``settings`` would choose. Raises
    ``ConfigurationError`` for settings that cannot work.
    """
    endpoints = paid_endpoints()
    limits = RateLimits(clock, settings.redis_url or None)
    metrics = Metrics()
    metrics.watch_limits(limits)
    stopping = Stopping(settings.drain_seconds)
    desk = None
    if settings.payments != "off":
        faults = list(faults_in(settings))
        if faults:
            raise ConfigurationError(faults)
        desk = Desk(settings, clock, metrics, facilitator, claims)
    sales = [Sale(each, limits, desk.till(each) if desk else None) for each in endpoints]
    shelf = Shelf(settings, clock, limits)
    tools = McpRoute(
        [replace(sale, till=desk.tool_till(sale.endpoint)) for sale in sales] if desk else sales,
        settings.public_url,
        settings.trusted_proxies,
    )

    def checks() -> Mapping[str, str | None]:
        parts = desk.checks() if desk else {}
        return {"process": stopping.problem, **parts, "limits": limits.problem, **shelf.checks()}

    app = Starlette(
        routes=[
            *discovery_routes(endpoints, settings.public_url),
            *reference_routes(),
            *_pages(sales, settings).routes(),
            *operator_routes(checks, metrics.text),
        ],
        exception_handlers=HANDLERS,
        lifespan=lambda _: _lifespan(settings, desk, limits, stopping, tools, shelf),
    )
    app.router.redirect_slashes = False  # a path is served as it is written or not at all
    app.state.catalog_paths = {endpoint.path: endpoint.catalog_path for endpoint in endpoints}
    counter = Counter(app, _counted(sales, tools, limits, settings), {SHELF: shelf})
    return Edge(counter, stopping, metrics.request)


def _counted(
    sales: Sequence[Sale], tools: McpRoute, limits: RateLimits, settings: Settings
) -> list[Route]:
    """The endpoints, the tools, and where no money moves a wallet that pays the endpoints."""
    proxies = settings.trusted_proxies
    routes = [Route(sale.endpoint.path, EndpointApp(sale, proxies)) for sale in sales]
    routes.append(Route(MCP_PATH, tools.counted(limits)))
    if settings.payments == "sandbox":
        offers = [sale.till.offer for sale in sales if sale.till]
        routes.append(Route(SANDBOX_PAY, sandbox_pay(offers, limits, proxies)))
    return routes


def _pages(sales: Sequence[Sale], settings: Settings) -> Pages:
    return Pages(
        [sale.endpoint for sale in sales],
        settings.public_url,
        {sale.endpoint.slug: sale.till.offer for sale in sales if sale.till},
        sandbox=settings.payments == "sandbox",
    )


@contextlib.asynccontextmanager
async def _lifespan(
    settings: Settings,
    desk: Desk | None,
    limits: RateLimits,
    stopping: Stopping,
    tools: McpRoute,
    shelf: Shelf,
) -> AsyncIterator[None]:
    """Connect before the first request; let settlements under way finish after the last."""
    if settings.payments != "facilitator":
        log.warning("no money moves", payments=settings.payments)
    async with contextlib.AsyncExitStack() as closing:
        closing.enter_context(stopping.awaited())
        closing.push_async_callback(limits.aclose)
        if desk is not None:
            await closing.enter_async_context(desk.open())
        closing.push_async_callback(tools.aclose)
        await closing.enter_async_context(shelf.open())
        yield
