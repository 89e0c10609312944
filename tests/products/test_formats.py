"""Four media types for one price: chosen by ``Accept``, named in the headers, bought one by one."""

from typing import Any

import pytest
from x402.http.utils import decode_payment_required_header

from app.checkout.http_route import ProductRoute
from app.checkout.purchase import ProductCheckout
from app.http.rate_limits import RateLimits
from app.products.endpoint import CALENDAR, CSV, JSON, SVG, Endpoint
from app.products.registry import paid_endpoints
from tests.support.formats import drawn, events, rows
from tests.support.pools import RecordingPool
from tests.support.services import EXAMPLE, PUBLIC_URL, Service, service, settings
from tests.support.timing import least_seconds
from tests.support.wallets import Wallet

pytestmark = pytest.mark.anyio

ROWS = paid_endpoints()
ROTATION, *_ = ROWS
MEDIA_TYPES = [JSON, CALENDAR, CSV, SVG]


def shop(endpoint: Endpoint = ROTATION, **changes: Any) -> Service:
    sold = service(settings(**changes))
    sold.path = endpoint.path
    return sold


async def bought(sold: Service, body: Any = EXAMPLE, **headers: str) -> Any:
    payment = await Wallet().payment(await sold.terms())
    return await sold.ask(body, payment, **headers)


@pytest.mark.parametrize(
    ("endpoint", "media_type"), [(row, media_type) for row in ROWS for media_type in row.formats]
)
async def test_the_example_is_sold_in_every_format(endpoint: Endpoint, media_type: str) -> None:
    response = await bought(shop(endpoint), endpoint.example, Accept=media_type)
    assert response.status_code == 200
    assert response.content == endpoint.answer_to(endpoint.example, media_type)
    assert "PAYMENT-RESPONSE" in response.headers
    assert response.headers["Vary"] == "Accept"


@pytest.mark.parametrize(
    ("media_type", "content_type", "disposition"),
    [
        (JSON, "application/json", None),
        (CALENDAR, "text/calendar; charset=utf-8", 'inline; filename="oncall-rotation.ics"'),
        (CSV, "text/csv; charset=utf-8; header=present", 'inline; filename="oncall-rotation.csv"'),
        (SVG, "image/svg+xml", 'inline; filename="oncall-rotation.svg"'),
    ],
)
async def test_headers(media_type: str, content_type: str, disposition: str | None) -> None:
    response = await shop(payments="off").ask(Accept=media_type)
    assert response.headers["Content-Type"] == content_type
    assert response.headers.get("Content-Disposition") == disposition
    assert response.headers["Cache-Control"] == "public, max-age=0"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        pytest.param("text/*;q=0.5, image/svg+xml", SVG, id="svg-before-text"),
        pytest.param("text/*;q=0.5, image/svg+xml;q=0.4", CALENDAR, id="text-before-svg"),
        pytest.param("text/*", CALENDAR, id="text"),
        pytest.param("text/*, text/calendar;q=0", CSV, id="text-but-no-calendar"),
        pytest.param("image/*", SVG, id="image"),
        pytest.param("*/*", JSON, id="anything"),
        pytest.param("text/html, image/webp, */*;q=0.8", JSON, id="a-browser"),
        pytest.param("application/json;q=0.1, text/csv;q=0.2", CSV, id="weights"),
    ],
)
async def test_accept_chooses(accept: str, chosen: str) -> None:
    response = await shop(payments="off").ask(Accept=accept)
    assert response.headers["Content-Type"].partition(";")[0] == chosen


@pytest.mark.parametrize("accept", ["text/html", "image/png", "text/csv;q=0", "application/xml"])
@pytest.mark.parametrize("endpoint", ROWS, ids=lambda row: row.slug)
async def test_anything_else_is_406_before_payment(endpoint: Endpoint, accept: str) -> None:
    sold = shop(endpoint)
    payment = await Wallet().payment(await sold.terms())
    response = await sold.ask(endpoint.example, payment, Accept=accept)
    assert response.status_code == 406
    assert response.json()["detail"] == f"offered are {', '.join(endpoint.formats)}"
    assert (await sold.ask(endpoint.example, payment)).status_code == 200


def test_what_draws_nothing_has_no_picture() -> None:
    offered = {row.path.rpartition("-")[2]: list(row.formats) for row in ROWS}
    every = ("rotation", "schedule", "now", "roster", "cover", "convert")
    assert offered == {
        **dict.fromkeys(every, MEDIA_TYPES),
        "check": [JSON],
        "report": [JSON, CSV],
    }


@pytest.mark.parametrize("endpoint", ROWS, ids=lambda row: row.slug)
async def test_the_price_is_the_same(endpoint: Endpoint) -> None:
    prices = set()
    for media_type in endpoint.formats:
        response = await shop(endpoint).ask(endpoint.example, Accept=media_type)
        [way] = decode_payment_required_header(response.headers["PAYMENT-REQUIRED"]).accepts
        prices.add(way.amount)
    assert prices == {str(int(endpoint.price_usd * 1_000_000))}


async def test_a_payment_buys_one_representation() -> None:
    sold = shop()
    payment = await Wallet().payment(await sold.terms())
    first = await sold.ask(EXAMPLE, payment, Accept=CALENDAR)
    other = await sold.ask(EXAMPLE, payment, Accept=CSV)
    assert (other.status_code, other.json()["code"]) == (409, "payment_already_used")
    again = await sold.ask(EXAMPLE, payment, Accept=CALENDAR)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == first.content


async def test_an_invalid_document_is_told_in_json() -> None:
    response = await shop().ask({**EXAMPLE, "shifts": 0}, Accept=CALENDAR)
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/problem+json"


async def test_the_three_others_say_what_json_says() -> None:
    free = shop(payments="off")
    shown = {name: (await free.ask(Accept=name)).content for name in (CALENDAR, CSV, SVG)}
    people = ["alice", "bob", "alice"]
    assert [event.summary for event in events(shown[CALENDAR])] == [f"On call: {p}" for p in people]
    assert [row["person"] for row in rows(shown[CSV])] == people
    assert [bar.person for bar in drawn(shown[SVG])] == people


async def test_a_planned_rotation_is_sold_in_every_form() -> None:
    free = shop(payments="off")
    away = {"person": "bob", "start": "2026-06-05", "end": "2026-06-06"}
    body = {**EXAMPLE, "strategy": "fair", "unavailable": [away], "shifts": 2}
    shown = {name: (await free.ask(body, Accept=name)).content for name in (CALENDAR, CSV, SVG)}
    people = ["bob", "alice"]
    assert [event.summary for event in events(shown[CALENDAR])] == [f"On call: {p}" for p in people]
    assert [row["person"] for row in rows(shown[CSV])] == people
    assert [bar.person for bar in drawn(shown[SVG])] == people


# --- beside the event loop ------------------------------------------------------------------


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
async def test_only_json_is_written_on_the_event_loop(media_type: str) -> None:
    pool = RecordingPool()
    checkout = ProductCheckout(ROTATION, RateLimits(lambda: 0.0), pool, None, lambda: 0.0)
    served = Service(ProductRoute(checkout, PUBLIC_URL))
    assert (await served.ask(Accept=media_type)).status_code == 200
    assert pool.jobs == ([] if media_type == JSON else [("answer_to", False)])


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_10_000_shifts_take_well_below_a_second(media_type: str) -> None:
    people = [f"person {number}" for number in range(1_000)]
    body = {**EXAMPLE, "people": people, "shifts": 10_000}
    assert len(ROTATION.answer_to(body, media_type)) > 20_000
    assert least_seconds(lambda: ROTATION.answer_to(body, media_type)) < 1
