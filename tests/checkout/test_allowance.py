"""The limit of a purchase that does not come by a route of its own, as an MCP call."""

import pytest

from app.checkout.purchase import ProductCheckout
from app.http.rate_limits import RateLimits
from app.products.registry import paid_endpoints
from app.workers.pool import WorkerPool
from tests.conftest import Clock

pytestmark = pytest.mark.anyio

ANN, BEN = "192.0.2.1", "192.0.2.2"


async def test_it_is_of_one_client_one_product_and_with_or_without_a_payment(clock: Clock) -> None:
    limits = RateLimits(clock)
    first, second = (
        ProductCheckout(row, limits, WorkerPool(), None, lambda: 0.0)
        for row in paid_endpoints("3/minute")[:2]
    )
    spent = [await first.allowance(ANN, paying=False) for _ in range(4)]
    assert [each.granted for each in spent] == [True] * 3 + [False]
    assert spent[0].limit.amount == 3
    for checkout, client, paying in (
        (first, BEN, False),
        (second, ANN, False),
        (first, ANN, True),
    ):
        allowance = await checkout.allowance(client, paying=paying)
        assert (allowance.granted, allowance.remaining) == (True, 2)
        assert allowance.policy == ("with-payment" if paying else "without-payment")
