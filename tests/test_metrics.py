"""The metrics: requests, refusals, settlements and money, with labels that no caller chooses."""

import re

import pytest
from limits import parse
from structlog.testing import capture_logs

from app.http.rate_limits import RateLimits
from app.metrics import SECONDS, Metrics
from app.payments.facilitators.call import Answer, FacilitatorCall
from app.workers.pool import OUTCOMES
from tests.conftest import Clock
from tests.support.services import NETWORK, PATH, Service, service
from tests.support.timing import least_seconds
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio


def value(text: str, sample: str) -> float | None:
    """The value of one sample, such as ``name{label="x"}``."""
    found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else None


async def numbers(served: Service) -> str:
    return (await served.http.get("/metrics")).text


def requests(route: str, status: object) -> str:
    return f'oncall_requests_total{{route="{route}",status="{status}"}}'


# --- counting -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "bound"),
    [(0.0, "0.001"), (0.001, "0.001"), (0.0011, "0.0025"), (59.0, "60.0"), (61.0, "+Inf")],
)
def test_a_request_is_in_every_bucket_from_its_own_on(seconds: float, bound: str) -> None:
    metrics = Metrics()
    metrics.count_request("/a", 200, seconds)
    bounds = [*(str(float(each)) for each in SECONDS), "+Inf"]
    found = [
        value(metrics.text().decode(), f'oncall_request_seconds_bucket{{le="{each}",route="/a"}}')
        for each in bounds
    ]
    own = bounds.index(bound)
    assert found == [0.0] * own + [1.0] * (len(bounds) - own)


def test_requests_add_up() -> None:
    metrics = Metrics()
    for status, seconds in ((200, 0.25), (200, 0.5), (402, 0.001), (None, 2.0)):
        metrics.count_request("/a", status, seconds)
    metrics.count_request("/b", 200, 1.0)
    text = metrics.text().decode()
    assert [value(text, requests("/a", status)) for status in (200, 402, "none")] == [2, 1, 1]
    assert value(text, requests("/b", 200)) == 1
    assert value(text, 'oncall_request_seconds_count{route="/a"}') == 4
    assert value(text, 'oncall_request_seconds_sum{route="/a"}') == 2.751


def test_errors_are_counted_by_code() -> None:
    metrics = Metrics()
    for code in ("busy", "busy", "claims_unavailable", ""):
        metrics.count_request("/a", 503, 0.1, code)
    text = metrics.text().decode()
    counts = {
        code: value(text, f'oncall_errors_total{{code="{code}",route="/a"}}')
        for code in ("busy", "claims_unavailable", "")
    }
    assert counts == {"busy": 2, "claims_unavailable": 1, "": None}


def test_jobs_are_counted_by_outcome_with_their_times() -> None:
    metrics = Metrics()
    metrics.count_job("ok", 0.2, 1.5)
    metrics.count_job("busy", 10.0, None)
    text = metrics.text().decode()
    counts = [value(text, f'oncall_jobs_total{{outcome="{name}"}}') for name in OUTCOMES]
    assert counts == [float(name in ("ok", "busy")) for name in OUTCOMES]
    assert value(text, "oncall_job_wait_seconds_sum") == 10.2
    assert value(text, "oncall_job_wait_seconds_count") == 2
    assert value(text, "oncall_job_run_seconds_sum") == 1.5
    assert value(text, "oncall_job_run_seconds_count") == 1


def test_what_may_happen_is_shown_before_it_does() -> None:
    metrics = Metrics()
    metrics.expect(NETWORK)
    text = metrics.text().decode()
    for outcome in ("settled", "refused", "unknown"):
        sample = f'oncall_settlements_total{{network="{NETWORK}",outcome="{outcome}"}}'
        assert value(text, sample) == 0
    assert value(text, f'oncall_revenue_atomic_total{{network="{NETWORK}"}}') == 0


async def test_refusals_are_counted_by_policy(clock: Clock) -> None:
    metrics, limits = Metrics(), RateLimits(clock)
    metrics.watch_limits(limits)
    for paying in (True, False, False, False):
        await limits.spend("a", "/x", parse("1/minute"), paying=paying)
    text = metrics.text().decode()
    assert [
        value(text, f'oncall_rate_limit_refusals_total{{policy="{policy}"}}')
        for policy in ("with-payment", "without-payment")
    ] == [0, 2]


def test_counting_a_request_takes_little() -> None:
    """Some 1.5 us on an idle machine; ten times that means that the way has changed."""
    metrics, count = Metrics(), 20_000

    def counted() -> None:
        for _ in range(count):
            metrics.count_request(PATH, 402, 0.0007)

    assert least_seconds(counted) < count * 15e-6


# --- of a running service -------------------------------------------------------------------


async def test_offers_sales_refusals_and_revenue() -> None:
    served = service()
    await served.ask(b"")
    await served.ask({"start": "never"})
    assert (await served.buy()).status_code == 200
    refused = Wallet().signed(await served.terms(), value="1")
    assert (await served.ask(payment=header_of(refused))).status_code == 402
    text = await numbers(served)
    assert [value(text, requests(PATH, status)) for status in (200, 400, 402)] == [1, 1, 4]
    settled = f'oncall_settlements_total{{network="{NETWORK}",outcome="settled"}}'
    assert value(text, settled) == 1
    assert value(text, f'oncall_revenue_atomic_total{{network="{NETWORK}"}}') == 20_000


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/healthz", "/healthz", 200),
        ("GET", PATH, PATH, 405),
        ("DELETE", "/healthz", "/healthz", 405),
        ("GET", "/docs/none.js", "/docs/{name}", 404),
        ("GET", "/nowhere/at-all", "other", 404),
        ("OPTIONS", "/nowhere", "other", 204),
    ],
)
async def test_routes_are_labels_and_paths_are_not(
    method: str, path: str, route: str, status: int
) -> None:
    served = service()
    await served.http.request(method, path)
    assert value(await numbers(served), requests(route, status)) == 1


async def test_errors_and_jobs_of_a_service() -> None:
    served = service()
    await served.ask({"start": "never"})
    payment = await Wallet().payment(await served.terms())
    assert (await served.ask(payment=payment, Accept="text/calendar")).status_code == 200
    await served.http.get("/api/v2/oncall/current/core")
    text = await numbers(served)
    assert value(text, f'oncall_errors_total{{code="invalid_request",route="{PATH}"}}') == 1
    assert value(text, 'oncall_jobs_total{outcome="ok"}') == 1
    assert value(text, "oncall_job_run_seconds_count") == 1


async def test_the_process_is_measured() -> None:
    assert (value(await numbers(service()), "process_resident_memory_bytes") or 0) > 1e6


# --- facilitators ---------------------------------------------------------------------------


def calls(status: str) -> str:
    return (
        f'oncall_facilitator_calls_total{{facilitator="cdp",operation="settle",status="{status}"}}'
    )


def test_calls_to_facilitators_are_counted_and_the_failing_ones_logged() -> None:
    metrics = Metrics()
    body = b'{"errorType":"forbidden","correlationId":"a-1","transaction":"0x12"}'
    answers = [Answer(200, b"{}"), Answer(403, body), Answer(308, b"", redirect="https://b/"), None]
    with capture_logs() as logs:
        for answer in answers:
            metrics.record_facilitator_call(
                FacilitatorCall("cdp", "settle", answer, "TimeoutError")
            )
    text = metrics.text().decode()
    assert [value(text, calls(each)) for each in ("200", "403", "308", "none")] == [1, 1, 1, 1]
    refused, redirected, lost = logs
    names = {"event": "facilitator", "log_level": "warning", "facilitator": "cdp"}
    assert refused == {
        **names,
        "operation": "settle",
        "status": 403,
        "error": "forbidden",
        "correlation_id": "a-1",
        "transaction": "0x12",
        "redirect": "",
    }
    assert (redirected["status"], redirected["redirect"]) == (308, "https://b/")
    assert lost == {**names, "operation": "settle", "status": None, "error": "TimeoutError"}
