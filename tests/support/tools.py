"""The MCP tools as a client lists them, without a session."""

from collections.abc import Sequence

from mcp import types

from app.checkout.purchase import ProductCheckout
from app.checkout.setup import PaymentService
from app.http.rate_limits import RateLimits
from app.mcp.tools import tool_of
from app.metrics import Metrics
from app.products.endpoint import Endpoint
from app.products.registry import paid_endpoints
from app.workers.pool import WorkerPool
from tests.support.services import settings


def listed_tools(endpoints: Sequence[Endpoint] = ()) -> list[types.Tool]:
    """The tools of ``endpoints``, or of all products, where they are paid for."""
    payments = PaymentService(settings(), float, Metrics(), None, None)
    limits = RateLimits(float)
    return [
        tool_of(ProductCheckout(each, limits, WorkerPool(), payments.context(each), float))
        for each in endpoints or paid_endpoints()
    ]
