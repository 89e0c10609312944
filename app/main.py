"""The application, put together from its parts by ``create_app``. Nothing is built at import."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from app.checkout.http_route import ProductRoute
from app.checkout.purchase import ProductCheckout
from app.checkout.sandbox_wallet import PATH as SANDBOX_PAY
from app.checkout.sandbox_wallet import SandboxWallet
from app.checkout.setup import PaymentService, setting_errors
from app.discovery.api_reference import reference_routes
from app.discovery.html import html_page
from app.discovery.operator_routes import operator_routes
from app.discovery.pages import Pages, not_found
from app.discovery.publisher import Publisher
from app.discovery.well_known import discovery_routes
from app.engine.zone_names import load_names
from app.errors import ConfigurationError
from app.http.exact_path_router import ExactPathRouter
from app.http.problems import defect_response, http_problem_response
from app.http.rate_limits import RateLimits, address_limit, in_words, products_beyond
from app.ledger.ledger import Ledger
from app.mcp.route import McpRoute
from app.mcp.tool_checkout import PATH as MCP_PATH
from app.metrics import Metrics
from app.payments.claims.claim import PaymentClaims
from app.payments.facilitators.by_network import Facilitator
from app.products.registry import paid_endpoints
from app.server.graceful_shutdown import GracefulShutdown
from app.server.middleware import OuterMiddleware
from app.settings import Settings
from app.teams.app import PREFIX as TEAMS_PREFIX
from app.teams.app import TeamsApp
from app.teams.workspaces.orders import WorkspaceOrders
from app.workers.pool import WorkerPool

log = structlog.get_logger()

HANDLERS: Mapping[Any, Callable[[Request, Exception], Any]] = {
    HTTPStatus.NOT_FOUND: not_found,
    HTTPException: http_problem_response,
    Exception: defect_response,
}


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    facilitator: Facilitator | None = None,
    claims: PaymentClaims | None = None,
) -> ASGIApp:
    """Build the service as an ASGI application. ``clock`` returns seconds since 1970.

    ``facilitator`` and ``claims`` replace what ``settings`` would choose. Raises
    ``ConfigurationError`` for settings that cannot work.
    """
    endpoints = paid_endpoints(settings.rate_limit, workspaces=settings.sells_workspaces)
    per_address = address_limit(settings.address_limit, [each.limit for each in endpoints])
    shared = settings.limits_redis_url or settings.redis_url
    limits = RateLimits(clock, shared or None, settings.trusted_proxies, per_address)
    beyond = products_beyond(per_address, {each.slug: each.limit for each in endpoints})
    if beyond:
        log.warning("address_limit", limit=in_words(per_address), below=beyond)
    metrics = Metrics()
    metrics.watch_limits(limits)
    workers = WorkerPool(metrics.count_job)
    shutdown = GracefulShutdown(settings.drain_seconds, workers.stop_free_work)
    payments = None
    if settings.payments != "off":
        errors = list(setting_errors(settings))
        if errors:
            raise ConfigurationError(errors)
        payments = PaymentService(settings, clock, metrics, facilitator, claims)
    teams = TeamsApp(settings, clock, limits, workers, html_page)
    orders = WorkspaceOrders(settings.workspace_secret, teams.database, clock)
    checkouts = [
        ProductCheckout(
            each,
            limits,
            workers,
            payments.context(each) if payments else None,
            clock,
            orders if each.keeps else None,
        )
        for each in endpoints
    ]
    tools = McpRoute(checkouts, teams, limits, settings.public_url)
    ledger = None
    if payments is not None:
        database = teams.database if settings.store_url else None
        ledger = Ledger(
            payments.claims, payments.settlement, database, clock=clock, metrics=metrics
        )

    def checks() -> Mapping[str, str | None]:
        parts = payments.checks() if payments else {}
        return {"process": shutdown.problem, **parts, "limits": limits.problem, **teams.checks()}

    app = Starlette(
        routes=[
            *discovery_routes(endpoints, _publisher(settings)),
            *reference_routes(),
            *_pages(checkouts, settings).routes(),
            *operator_routes(checks, metrics.text),
        ],
        exception_handlers=HANDLERS,
        lifespan=lambda _: _lifespan(settings, payments, ledger, limits, shutdown, tools, teams),
    )
    app.router.redirect_slashes = False  # a path is served as written, or not at all
    app.state.catalog_paths = {endpoint.path: endpoint.catalog_path for endpoint in endpoints}
    router = ExactPathRouter(
        app, _rate_limited_routes(checkouts, tools, limits, settings), {TEAMS_PREFIX: teams}
    )
    return OuterMiddleware(router, shutdown, metrics.count_request)


def _rate_limited_routes(
    checkouts: Sequence[ProductCheckout], tools: McpRoute, limits: RateLimits, settings: Settings
) -> list[Route]:
    """Return the routes of the endpoints and tools; in the sandbox also its wallet's route."""
    routes = [
        Route(each.endpoint.path, ProductRoute(each, settings.public_url)) for each in checkouts
    ]
    routes.append(Route(MCP_PATH, tools))
    if settings.payments == "sandbox":
        terms = [each.payments.terms for each in checkouts if each.payments]
        routes.append(Route(SANDBOX_PAY, SandboxWallet(terms, limits)))
    return routes


def _publisher(settings: Settings) -> Publisher:
    return Publisher(settings.public_url, settings.contact_email, settings.ownership_proofs)


def _pages(checkouts: Sequence[ProductCheckout], settings: Settings) -> Pages:
    return Pages(
        [each.endpoint for each in checkouts],
        settings.public_url,
        {each.endpoint.slug: each.payments.terms for each in checkouts if each.payments},
        sandbox=settings.payments == "sandbox",
        contact=settings.contact_email,
    )


@contextlib.asynccontextmanager
async def _lifespan(
    settings: Settings,
    payments: PaymentService | None,
    ledger: Ledger | None,
    limits: RateLimits,
    shutdown: GracefulShutdown,
    tools: McpRoute,
    teams: TeamsApp,
) -> AsyncIterator[None]:
    """Connect before the first request, and finish running settlements after the last."""
    if settings.payments != "facilitator":
        log.warning("no money moves", payments=settings.payments)
    async with contextlib.AsyncExitStack() as closing:
        closing.enter_context(shutdown.handling_signals())
        closing.push_async_callback(limits.aclose)
        await closing.enter_async_context(teams.open())
        if payments is not None:
            await closing.enter_async_context(payments.open())
        if ledger is not None:  # it ends before the claims and the database that it needs
            await closing.enter_async_context(ledger.open())
        closing.push_async_callback(tools.aclose)
        loading = asyncio.create_task(asyncio.to_thread(load_names))
        yield
        await loading
