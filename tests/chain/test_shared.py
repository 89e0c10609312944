"""Several processes, one Redis: a payment moves money once, a limit is one limit.

Strategy: the processes are real, and so are the ways they end. Copies are spread over two of them;
one is killed between settling and answering, the worst moment there is; Redis itself is stopped and
started again. What counts is read on the chain.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import httpx
import pytest
import redis
from eth_account import Account
from eth_account.signers.local import LocalAccount
from x402.schemas import PaymentPayload

from tests.support.chain.books import PAID, UNMOVED, Books
from tests.support.chain.chain import Chain
from tests.support.chain.payments import payment
from tests.support.chain.service import EXAMPLE, Service, local_facilitator, reason_in
from tests.support.processes import answers_ok, free_port, running, wait_until
from tests.support.redis_server import redis_server
from tests.support.workers import Worker, service_command, service_environ, workers

OpenBooks = Callable[[LocalAccount, Service], Books]
COPIES = 50
PER_MINUTE = 120
RETRY_DEADLINE_SECONDS = 60.0
ANSWER_AFTER_SECONDS = "2"
SETTLE_DEADLINE_SECONDS = "3"
LEASE_SECONDS = 13.0
"""A claim's lease is 10 seconds more: so long a dead process's claim is in the way."""


@dataclass(frozen=True)
class Fleet:
    """Workers paid to one address, and each of them as a caller sees it."""

    workers: Sequence[Worker]
    services: Sequence[Service]


@pytest.fixture(scope="module")
def redis_url(logs: Path) -> Iterator[str]:
    with redis_server(logs) as url:
        yield url


@pytest.fixture(autouse=True)
def _nothing_counted(redis_url: str) -> None:
    """Each test begins with a Redis that remembers nothing."""
    with redis.Redis.from_url(redis_url) as server:
        server.flushall()


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    limits = httpx.Limits(max_connections=COPIES)
    with httpx.Client(timeout=30, limits=limits) as client:
        yield client


@pytest.fixture(scope="module")
def fleet(facilitator_url: str, redis_url: str, logs: Path, http: httpx.Client) -> Iterator[Fleet]:
    """Two workers on one Redis."""
    payee = Account.create().address
    with workers(2, facilitator_url, payee, redis_url, logs) as started:
        yield Fleet(started, [Service(worker.url, payee, http) for worker in started])


def test_50_copies_over_two_workers(
    fleet: Fleet, payer: LocalAccount, open_books: OpenBooks
) -> None:
    """One settlement, and fifty answers that are equal byte for byte."""
    here, _ = fleet.services
    books, paid = open_books(payer, here), payment(payer, here.terms())
    with ThreadPoolExecutor(COPIES) as threads:
        calls = [threads.submit(s.pay, paid) for s in islice(cycle(fleet.services), COPIES)]
    answers = [call.result() for call in calls]
    statuses = [answer.status_code for answer in answers]
    assert books.close(*statuses) == PAID
    assert statuses == [200] * COPIES
    assert len({(a.content, a.headers["PAYMENT-RESPONSE"]) for a in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1


def test_the_121st_request_over_two_workers(fleet: Fleet) -> None:
    """Both workers together ask the first 120 to pay; the next is too many for either."""
    statuses = [s.post(EXAMPLE).status_code for s in islice(cycle(fleet.services), PER_MINUTE)]
    assert statuses == [402] * PER_MINUTE
    refused = [service.post(EXAMPLE) for service in fleet.services]
    assert [answer.status_code for answer in refused] == [429, 429]
    assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)


def test_serve_with_two_workers(
    facilitator_url: str,
    redis_url: str,
    logs: Path,
    http: httpx.Client,
    payer: LocalAccount,
    open_books: OpenBooks,
) -> None:
    """``python -m app serve --workers 2``, as an operator writes it."""
    port, payee = free_port(), Account.create().address
    url = f"http://127.0.0.1:{port}"
    environ = service_environ(facilitator_url, payee, ONCALL_REDIS_URL=redis_url)
    command = service_command(port, "--workers", "2")
    ready = partial(answers_ok, f"{url}/readyz")
    with running(command, log=logs / "serve.log", ready=ready, environ=environ):
        service = Service(url, payee, http)
        books, paid = open_books(payer, service), payment(payer, service.terms())
        with ThreadPoolExecutor(COPIES) as threads:
            answers = list(threads.map(service.pay, [paid] * COPIES))
        statuses = [answer.status_code for answer in answers]
        assert books.close(*statuses) == PAID
        assert statuses == [200] * COPIES
        assert len({answer.headers["PAYMENT-RESPONSE"] for answer in answers}) == 1


def test_serve_with_two_workers_and_no_redis(facilitator_url: str) -> None:
    """It does not start, and says what to set."""
    payee = Account.create().address
    refused = subprocess.run(
        service_command(free_port(), "--workers", "2"),
        env=service_environ(facilitator_url, payee),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode != os.EX_OK
    assert "ONCALL_REDIS_URL" in refused.stderr


@pytest.mark.parametrize("node", [False, True], ids=["without a node", "with a node"])
def test_killed_between_settling_and_answering(
    node: bool,
    chain: Chain,
    redis_url: str,
    logs: Path,
    http: httpx.Client,
    payer: LocalAccount,
    open_books: OpenBooks,
) -> None:
    """The same payment gets its answer after the restart, and is not charged again.

    Without a node nobody knows whom the nonce has paid: the outcome stays unknown.
    """
    payee = Account.create().address
    settings = {"ONCALL_SETTLE_DEADLINE": SETTLE_DEADLINE_SECONDS}
    if node:
        settings["ONCALL_RPC_URL"] = chain.url
    with (
        local_facilitator(chain, logs, "--answer-after", ANSWER_AFTER_SECONDS) as facilitator_url,
        workers(1, facilitator_url, payee, redis_url, logs, **settings) as [worker],
        ThreadPoolExecutor(1) as thread,
    ):
        service = Service(worker.url, payee, http)
        books, paid = open_books(payer, service), payment(payer, service.terms())
        call: Future[httpx.Response] = thread.submit(service.pay, paid)
        wait_until(lambda: bool(chain.transfers(payer.address)))
        worker.kill()
        with pytest.raises(httpx.TransportError):
            call.result()
        worker.start()
        wait_until(worker.is_ready)
        answer = retried(service, paid) if node else taken_over(service, paid)
        again = service.pay(paid)
        assert books.close(answer.status_code, again.status_code) == PAID
        assert (answer.status_code, again.status_code) == ((200, 200) if node else (503, 503))
        if not node:
            return
        assert again.headers["PAYMENT-RESPONSE"] == answer.headers["PAYMENT-RESPONSE"]


def test_redis_away(
    facilitator_url: str,
    tmp_path: Path,
    logs: Path,
    http: httpx.Client,
    payer: LocalAccount,
    open_books: OpenBooks,
) -> None:
    """Without a memory nothing moves; the same payment works when Redis is back."""
    port, payee = free_port(), Account.create().address
    with ExitStack() as running_redis, ExitStack() as running_worker:
        url = running_redis.enter_context(redis_server(tmp_path, port))
        [worker] = running_worker.enter_context(workers(1, facilitator_url, payee, url, logs))
        service = Service(worker.url, payee, http)
        books, paid = open_books(payer, service), payment(payer, service.terms())
        running_redis.close()
        refused = service.pay(paid)
        assert (refused.status_code, reason_in(refused)) == (503, "claims_unavailable")
        assert refused.json()["retry"] == "same-payment"
        assert int(refused.headers["Retry-After"]) >= 1
        assert books.close(refused.status_code) == UNMOVED
        assert service.post(EXAMPLE).status_code == 402  # counted by this process alone
        unready = http.get(f"{worker.url}/readyz")
        assert unready.status_code == 503
        assert {"claims", "limits"} <= unready_parts(unready)
        running_redis.enter_context(redis_server(tmp_path, port))
        books = open_books(payer, service)
        answer = retried(service, paid)
        assert books.close(answer.status_code) == PAID
        assert answer.status_code == 200
        wait_until(lambda: service.post(EXAMPLE).status_code == 402 and worker.is_ready())


def taken_over(service: Service, paid: PaymentPayload) -> httpx.Response:
    """The answer once the dead process's claim is not in the way any more."""
    deadline = time.monotonic() + LEASE_SECONDS
    while time.monotonic() < deadline:
        answer = service.pay(paid)
        assert reason_in(answer) == "settlement_unknown"
    return service.pay(paid)


def unready_parts(answer: httpx.Response) -> set[str]:
    """What ``/readyz`` says is not well."""
    return {part for part, problem in answer.json()["checks"].items() if problem != "ok"}


def retried(service: Service, paid: PaymentPayload) -> httpx.Response:
    """The answer, as a client gets it that does what a 503 says."""
    deadline = time.monotonic() + RETRY_DEADLINE_SECONDS
    while (answer := service.pay(paid)).status_code == 503:
        assert time.monotonic() < deadline, answer.text
        assert answer.json()["retry"] == "same-payment"
        time.sleep(min(float(answer.headers["Retry-After"]), 1))
    return answer
