"""A real Prometheus scrapes the service: every query of the dashboard and every alert works."""

import asyncio
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from tests.support.processes import ROOT, answers_ok, free_port, running
from tests.support.requirements import require
from tests.support.services import EXAMPLE, PATH
from tests.support.wallets import Wallet

DEPLOY = ROOT / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "oncall.json").read_text())
QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}")
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]
RANGES = {"$__rate_interval": "40s", "$__range": "1m"}
"""The values that Grafana would fill in."""
CALENDAR = "text/calendar"
"""A form that a worker process makes."""
PATIENCE_SECONDS = 45.0
ALERTS = re.findall(r"- alert: (\w+)", (DEPLOY / "prometheus" / "alerts.yml").read_text())


@pytest.fixture(scope="module")
def prometheus(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL, once it has seen the service answer some of everything."""
    folder, url = tmp_path_factory.mktemp("prometheus"), f"http://127.0.0.1:{free_port()}"
    told = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    told = told.replace("127.0.0.1:8402", address.removeprefix("http://")).replace("15s", "2s")
    (folder / "prometheus.yml").write_text(told)
    shutil.copy(DEPLOY / "prometheus" / "alerts.yml", folder)
    command = [
        require("process", "prometheus", "prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={url.removeprefix('http://')}",
    ]
    with running(
        command, log=folder / "prometheus.log", ready=partial(answers_ok, f"{url}/-/ready")
    ):
        trade(address)
        await_scrapes(url, 2)
        trade(address)
        besiege(address)
        await_scrapes(url, 2)
        yield url


def trade(address: str) -> None:
    """Send a request without payment, a paid one, an invalid one and one to a wrong path."""
    with httpx.Client(base_url=address, timeout=PATIENCE_SECONDS) as client:
        offer = client.post(PATH)
        payment = asyncio.run(Wallet().payment(offer.headers["PAYMENT-REQUIRED"]))
        sale = client.post(
            PATH, json=EXAMPLE, headers={"PAYMENT-SIGNATURE": payment, "Accept": CALENDAR}
        )
        assert sale.status_code == 200, sale.text
        client.post(PATH, json={"people": []})
        client.get("/nowhere")


def besiege(address: str) -> None:
    """More requests than the limit grants."""
    with httpx.Client(base_url=address, timeout=PATIENCE_SECONDS) as client:
        statuses = [client.post(PATH).status_code for _ in range(130)]
    assert statuses[0] == 402
    assert statuses[-1] == 429


def answer(url: str, path: str, **parameters: str) -> Any:
    response = httpx.get(f"{url}/api/v1/{path}", params=parameters, timeout=PATIENCE_SECONDS)
    assert response.status_code == 200, response.text
    return response.json()["data"]


def await_scrapes(url: str, wanted: int) -> None:
    """Wait until that many more scrapes have succeeded."""
    count = 'sum_over_time(up{job="oncall"}[5m])'

    def scrapes() -> int:
        found = answer(url, "query", query=count)["result"]
        return int(found[0]["value"][1]) if found else 0

    before, deadline = scrapes(), time.monotonic() + PATIENCE_SECONDS
    while scrapes() < before + wanted:
        assert time.monotonic() < deadline, "the service is not scraped"
        time.sleep(0.2)


# --- the dashboard --------------------------------------------------------------------------


@pytest.mark.process
@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_dashboard_returns_numbers(prometheus: str, query: str) -> None:
    for name, duration in RANGES.items():
        query = query.replace(name, duration)
    result = answer(prometheus, "query", query=query)["result"]
    values = [float(each["value"][1]) for each in result]
    assert any(value >= 0 for value in values), f"{query}: {result}"  # NaN is not
    assert not any(value < 0 for value in values), f"{query}: {result}"


@pytest.mark.process
@pytest.mark.parametrize(
    ("query", "least"),
    [
        ('sum(oncall_requests_total{status="402"})', 100),
        ('sum(oncall_requests_total{status="429"})', 10),
        ('sum(oncall_settlements_total{outcome="settled"})', 2),
        ('sum(oncall_errors_total{code="invalid_request"})', 2),
        ("sum(oncall_jobs_total)", 2),
        ("sum(oncall_revenue_atomic_total)", 40_000),
        ("sum(oncall_rate_limit_refusals_total)", 10),
    ],
)
def test_the_numbers_are_those_of_the_trade(prometheus: str, query: str, least: int) -> None:
    [found] = answer(prometheus, "query", query=query)["result"]
    assert float(found["value"][1]) >= least


def test_every_metric_of_the_service_is_on_the_dashboard() -> None:
    """All that ``/metrics`` shows of its own; a metric that nobody sees helps nobody."""
    shown = " ".join(query.values[0] for query in QUERIES)  # type: ignore[misc]
    source = (ROOT / "app" / "metrics.py").read_text()
    own = set(re.findall(r'"(oncall_\w+)"', source))
    assert own
    assert all(name in shown for name in own), own


def test_the_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


# --- alerts ---------------------------------------------------------------------------------


@pytest.mark.process
def test_the_alerts_are_evaluated_and_silent(prometheus: str) -> None:
    [group] = answer(prometheus, "rules")["groups"]
    assert len(group["rules"]) == len(ALERTS)
    for rule in group["rules"]:
        assert (rule["health"], rule["state"]) in {("ok", "inactive"), ("unknown", "inactive")}, (
            rule
        )


@pytest.mark.process
def test_each_alert_fires_when_it_should_and_not_in_peace() -> None:
    done = subprocess.run(
        [require("process", "promtool", "prometheus"), "test", "rules", "alerts.yml"],
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
def test_every_alert_is_tried() -> None:
    tried = (ROOT / "tests" / "alerts.yml").read_text()
    assert ALERTS
    assert all(tried.count(f"alertname: {alert}") == 2 for alert in ALERTS)
