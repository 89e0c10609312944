"""nginx in front of the replicas: the addresses it trusts, the replicas it skips, its refusals."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from app.errors import (
    BodyTooLarge,
    HeadersTooLarge,
    OncallError,
    RateLimited,
    TooManyConnections,
)
from app.http.problems import problem_response
from app.http.request_body import MAX_BODY_BYTES, MAX_HEADER_BYTES
from app.payments.verification import MAX_HEADER_BYTES as MAX_PAYMENT_BYTES
from app.products.rotation.endpoint import BODY_BYTES
from tests.support.nginx_server import nginx_server
from tests.support.processes import environment, free_port, wait_until
from tests.support.services import EXAMPLE, PATH
from tests.support.workers import Worker

TRUSTED = "127.0.0.1"
JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A sandbox service as the only living one of three replicas."""
    logs = tmp_path_factory.mktemp("logs")
    worker = Worker(environment(ONCALL_TRUSTED_PROXIES=TRUSTED), logs)
    worker.start()
    with nginx_server([free_port(), worker.port, free_port()], logs) as url:
        wait_until(worker.is_ready)
        with httpx.Client(base_url=url, timeout=10) as http:
            yield http
    worker.kill()


def left(answer: httpx.Response) -> int:
    """How many requests the limit still allows."""
    return int(answer.headers["RateLimit"].partition("r=")[2].partition(";")[0])


def test_two_dead_replicas_are_skipped(proxied: httpx.Client) -> None:
    answers = [proxied.post(PATH, json=EXAMPLE) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [402] * len(answers)


def test_a_caller_cannot_choose_whom_to_be_counted_as(proxied: httpx.Client) -> None:
    forged = ("203.0.113.1", "203.0.113.2, 127.0.0.1", "127.0.0.1")
    counts = [left(proxied.post(PATH, headers={"X-Forwarded-For": name})) for name in forged]
    assert counts == [counts[0], counts[0] - 1, counts[0] - 2]


def test_callers_are_counted_apart(proxied: httpx.Client) -> None:
    proxied.post(PATH)
    transport = httpx.HTTPTransport(local_address="127.0.0.9")
    with httpx.Client(base_url=proxied.base_url, transport=transport) as other:
        assert left(other.post(PATH)) == 119


@pytest.mark.parametrize("times", [1, 3], ids=["ours", "nginx's"])
@pytest.mark.parametrize(("path", "most"), [(PATH, BODY_BYTES), ("/mcp", MAX_BODY_BYTES)])
def test_too_large_a_body_is_the_same_problem_whoever_finds_it(
    proxied: httpx.Client, path: str, most: int, times: int
) -> None:
    size = times * most + 1
    answer = proxied.post(path, content=b" " * size, headers=JSON)
    assert_is(answer, BodyTooLarge(f"at most {most} bytes, and it has {size}"))
    assert ("X-Request-Id" in answer.headers) == (times == 1)


@pytest.mark.parametrize("size", [MAX_HEADER_BYTES + 1, 30_000], ids=["ours", "nginx's"])
def test_too_large_headers_are_the_same_problem_whoever_finds_them(
    proxied: httpx.Client, size: int
) -> None:
    answer = proxied.post(PATH, headers={"X-Large": "a" * size})
    assert_is(answer, HeadersTooLarge(f"at most {MAX_HEADER_BYTES} bytes beside the payment"))


@pytest.mark.parametrize("size", [MAX_PAYMENT_BYTES, MAX_PAYMENT_BYTES + 1000])
def test_a_payment_header_of_any_permitted_size_reaches_the_service(
    proxied: httpx.Client, size: int
) -> None:
    answer = proxied.post(PATH, json=EXAMPLE, headers={"PAYMENT-SIGNATURE": "a" * size})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_payment")


def test_a_large_answer_passes(proxied: httpx.Client) -> None:
    terms = proxied.get("/openapi.full.json")
    assert len(terms.content) > 64 * 1024
    assert terms.json()["openapi"].startswith("3.1")


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_what_is_for_operators_is_not_for_callers(proxied: httpx.Client, path: str) -> None:
    answer = proxied.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["detail"].startswith(f"GET {path} is not served")


def test_slow_bodies_of_one_address_keep_nobody_out(tmp_path: Path) -> None:
    """An address used to have as many as it liked: every other caller was reset meanwhile."""
    worker = Worker(environment(ONCALL_TRUSTED_PROXIES=TRUSTED), tmp_path)
    worker.start()
    wait_until(worker.is_ready)
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{{".encode()
    ports = [worker.port, free_port(), free_port()]
    with contextlib.ExitStack() as open_, nginx_server(ports, tmp_path, connections=256) as url:
        open_.callback(worker.kill)
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        slow = [
            open_.enter_context(socket.create_connection(address, timeout=10)) for _ in range(400)
        ]
        for each in slow:
            with contextlib.suppress(ConnectionError):
                each.sendall(head)
        wait_until(lambda: len(select.select(slow, [], [], 0)[0]) >= 300)  # refused, or closed
        transport = httpx.HTTPTransport(local_address="127.0.0.9")
        with httpx.Client(base_url=url, transport=transport, timeout=5) as other:
            assert {other.post(PATH, json=EXAMPLE).status_code for _ in range(10)} == {402}
        with httpx.Client(base_url=url, timeout=5) as same:
            answer = same.post(PATH, json=EXAMPLE)
    assert_is(answer, TooManyConnections())
    assert answer.headers["Retry-After"] == "1"


def test_a_flood_of_one_address_is_told_to_come_back(tmp_path: Path) -> None:
    ports = [free_port() for _ in range(3)]
    with nginx_server(ports, tmp_path) as url, httpx.Client(base_url=url, timeout=5) as flood:
        answers = [flood.get("/healthz") for _ in range(600)]
        transport = httpx.HTTPTransport(local_address="127.0.0.9")
        with httpx.Client(base_url=url, transport=transport) as other:
            assert other.get("/healthz").status_code == 503
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {503, 429}
    assert_is(refused[0], RateLimited("at most 40 requests a second"))
    assert refused[0].headers["Retry-After"] == "10"


def test_without_any_replica_a_caller_is_told_when_to_come_back(tmp_path: Path) -> None:
    with nginx_server([free_port() for _ in range(3)], tmp_path) as url:
        answers = [httpx.post(url + PATH, json=EXAMPLE) for _ in range(5)]
    for answer in answers:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["retry"] == "same-payment"


def test_replicas_that_each_failed_once_are_asked_again_at_once(tmp_path: Path) -> None:
    """Three restarts within two seconds: each replica is taken out, and each is there again."""
    with ExitStack() as started:
        ports = [started.enter_context(failing_once()) for _ in range(3)]
        url = started.enter_context(nginx_server(ports, tmp_path))
        statuses = [httpx.post(f"{url}{PATH}", json=EXAMPLE).status_code for _ in range(3)]
    assert statuses == [200, 200, 200]


@contextlib.contextmanager
def failing_once() -> Iterator[int]:
    """The port of a server that closes the first connection unanswered, and answers every other."""

    class FailingOnce(BaseHTTPRequestHandler):
        failed = False

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if FailingOnce.failed:
                self.send_response(200)
                self.end_headers()
            FailingOnce.failed = True

    with ThreadingHTTPServer(("127.0.0.1", 0), FailingOnce) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            serving.join()


def assert_is(answer: httpx.Response, error: OncallError) -> None:
    """Assert that ``answer`` is the service's answer to ``error``."""
    ours = problem_response(error)
    assert (answer.status_code, answer.content) == (ours.status_code, ours.body)
    assert answer.headers["Content-Type"] == ours.headers["Content-Type"]
