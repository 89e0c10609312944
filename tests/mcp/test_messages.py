"""What is sent to ``/mcp`` without being a call: methods, heads, and bytes that are no message."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.mcp.arguments import asked_in
from app.mcp.messages import message_in
from app.mcp.own_site import own_site
from app.products.endpoint import JSON as JSON_TYPE
from app.products.registry import paid_endpoints
from tests.support.mcp_agents import ROTATION, message, posted
from tests.support.services import PUBLIC_URL, Sandbox, Service, living, service
from tests.support.timing import least_seconds
from tests.test_fuzz import JSON

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
PING = message("ping")
CALL = {"name": ROTATION, "arguments": {}}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    served = Sandbox()
    async with living(served.app):
        yield served.http


@pytest.mark.anyio
class TestMessages:
    @pytest.mark.parametrize(
        ("body", "code"),
        [
            pytest.param(b"", PARSE_ERROR, id="nothing"),
            pytest.param(b"{", PARSE_ERROR, id="cut off"),
            pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', PARSE_ERROR, id="not UTF-8"),
            pytest.param(b"[" * 1_000, PARSE_ERROR, id="deep"),
            pytest.param(
                b'{"jsonrpc":"2.0","params":{"a":' + b"9" * 5_000 + b"}}",
                INVALID_REQUEST,
                id="a number without end",
            ),
            pytest.param(b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', PARSE_ERROR, id="NaN"),
            pytest.param([PING], INVALID_REQUEST, id="batch"),
            pytest.param([], INVALID_REQUEST, id="empty batch"),
            pytest.param("ping", INVALID_REQUEST, id="a string"),
            pytest.param({}, INVALID_REQUEST, id="an object"),
            pytest.param({**PING, "jsonrpc": "1.0"}, INVALID_REQUEST, id="version"),
            pytest.param({**PING, "id": 1.5}, INVALID_REQUEST, id="id"),
            pytest.param({**PING, "params": []}, INVALID_REQUEST, id="params"),
        ],
    )
    async def test_what_is_none_is_a_bad_request(
        self, http: httpx.AsyncClient, body: object, code: int
    ) -> None:
        response = await posted(http, body)
        assert response.status_code == 400
        answer = response.json()
        assert (answer["jsonrpc"], answer["id"], answer["error"]["code"]) == ("2.0", None, code)

    @pytest.mark.parametrize(
        ("request_", "code", "told"),
        [
            (message("resources/list"), METHOD_NOT_FOUND, "resources/list"),
            (message("tools/call"), INVALID_PARAMS, "params"),
            (message("tools/call", {}), INVALID_PARAMS, "params.name"),
            (message("tools/call", {**CALL, "arguments": 1}), INVALID_PARAMS, "params.arguments"),
            (message("tools/call", {**CALL, "_meta": 1}), INVALID_PARAMS, "params._meta"),
            (message("tools/call", {"name": "x" * 999}), INVALID_PARAMS, f"There are {ROTATION}"),
            (message("initialize", {}), INVALID_PARAMS, "params.protocolVersion"),
        ],
    )
    async def test_what_cannot_be_served_is_told_under_its_id(
        self, http: httpx.AsyncClient, request_: Any, code: int, told: str
    ) -> None:
        response = await posted(http, {**request_, "id": "mine"})
        assert response.status_code == 200
        answer = response.json()
        assert (answer["id"], answer["error"]["code"]) == ("mine", code)
        assert told in answer["error"]["message"]
        assert len(response.content) < 1_000

    @pytest.mark.parametrize(
        "request_",
        [
            pytest.param(message("tools/call", {**CALL, "_meta": {"x": "x" * 40_000}}), id="meta"),
            pytest.param(message("tools/call", {**CALL, "arguments": [0] * 20_000}), id="a list"),
            pytest.param(message("tools/call", {**CALL, "other": "x" * 40_000}), id="unknown"),
            pytest.param(message("initialize", {"capabilities": "x" * 40_000}), id="not a call"),
            pytest.param({**PING, "id": "x" * 40_000}, id="id"),
            pytest.param(message("x" * 40_000), id="method"),
        ],
    )
    async def test_only_arguments_may_be_large(
        self, http: httpx.AsyncClient, request_: Any
    ) -> None:
        response = await posted(http, request_)
        assert (response.status_code, response.json()["code"]) == (413, "body_too_large")

    async def test_little_of_what_was_wrong_is_repeated(self, http: httpx.AsyncClient) -> None:
        for request_ in (message("x" * 30_000), message("initialize", {"x" * 30_000: 1})):
            response = await posted(http, request_)
            assert len(response.content) < 1_000

    @pytest.mark.parametrize(
        "arguments",
        [
            pytest.param({"people": [1] * 40_000}, id="items"),
            pytest.param(
                {"weights": {"\x01" * 9_000 + str(n): 0 for n in range(2)}}, id="long names"
            ),
            pytest.param({f"{n}": n for n in range(8_000)}, id="unknown fields"),
            pytest.param({"strategy": "x" * 120_000}, id="an endless choice"),
        ],
    )
    async def test_faulty_arguments_get_a_short_answer(
        self, http: httpx.AsyncClient, arguments: Any
    ) -> None:
        sent = {"start": "2026-06-04T00:00:00Z", "people": ["ann"], "shifts": 0, **arguments}
        response = await posted(http, message("tools/call", {"name": ROTATION, "arguments": sent}))
        problem = response.json()["result"]["structuredContent"]
        assert (problem["code"], response.json()["id"]) == ("invalid_request", 1)
        assert len(response.content) < 100_000

    @pytest.mark.parametrize(
        "body",
        [
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "method": "no/such"},
            {"jsonrpc": "2.0", "id": 1, "result": {}},
        ],
        ids=["notification", "unknown notification", "response"],
    )
    async def test_what_wants_no_answer_gets_none(
        self, http: httpx.AsyncClient, body: object
    ) -> None:
        response = await posted(http, body)
        assert (response.status_code, response.content) == (202, b"")

    async def test_each_request_stands_alone(self, http: httpx.AsyncClient) -> None:
        """Without a handshake before it: any replica can answer."""
        response = await posted(http, message("tools/list"))
        assert len(response.json()["result"]["tools"]) == len(paid_endpoints())
        assert "Mcp-Session-Id" not in response.headers


def test_the_library_sees_no_arguments() -> None:
    arguments = {"people": ["ann"] * 100_000}
    call = {"name": ROTATION, "arguments": arguments, "_meta": {"x402/payment": {"a": 1}}, "b": 2}
    read = message_in(json.dumps(message("tools/call", call)).encode())
    assert json.loads(read.call.arguments) == arguments
    assert json.loads(read.json)["params"] == {
        "name": ROTATION,
        "arguments": {},
        "_meta": {"x402/payment": {"a": 1}},
    }


@pytest.mark.anyio
class TestHeads:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
    async def test_only_post_is_served(self, http: httpx.AsyncClient, method: str) -> None:
        response = await http.request(method, f"{PUBLIC_URL}/mcp")
        assert (response.status_code, response.headers["Allow"]) == (405, "POST, OPTIONS")

    async def test_browsers_may_ask(self, http: httpx.AsyncClient) -> None:
        preflight = await http.options(f"{PUBLIC_URL}/mcp")
        allowed = preflight.headers["Access-Control-Allow-Headers"].split(", ")
        assert {"Mcp-Protocol-Version", "Mcp-Session-Id", "Content-Type"} <= set(allowed)
        answer = await posted(http, PING, Origin="http://localhost:6274")
        assert answer.json()["result"] == {}
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["RateLimit-Policy"] == '"without-payment";q=600;w=60'

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"Host": "oncall.test:8443"}, 200),
            ({"Host": "ONCALL.test"}, 200),
            ({"Origin": PUBLIC_URL}, 200),
            ({"Origin": "http://localhost:6274"}, 200),
            ({"Content-Type": "text/plain"}, 415),
            ({"Accept": "text/html"}, 406),
            ({"Mcp-Protocol-Version": "1999-01-01"}, 400),
            ({"Mcp-Session-Id": "of another server"}, 200),
        ],
        ids=str,
    )
    async def test_where_a_request_comes_from_and_what_it_wants(
        self, http: httpx.AsyncClient, headers: dict[str, str], status: int
    ) -> None:
        assert (await posted(http, PING, **headers)).status_code == status

    @pytest.mark.parametrize(
        ("headers", "status", "code"),
        [
            ({"Host": "evil.test"}, 421, "misdirected_request"),
            ({"Host": "oncall.test.evil.test"}, 421, "misdirected_request"),
            ({"Host": "127.0.0.1"}, 421, "misdirected_request"),
            ({"Origin": "https://evil.test"}, 403, "origin_not_allowed"),
            ({"Origin": "https://oncall.test.evil.test"}, 403, "origin_not_allowed"),
            ({"Origin": "http://localhost.evil.test:80"}, 403, "origin_not_allowed"),
            ({"Origin": "null"}, 403, "origin_not_allowed"),
        ],
        ids=str,
    )
    async def test_what_is_of_another_site_is_refused_before_its_body_is_read(
        self, http: httpx.AsyncClient, headers: dict[str, str], status: int, code: str
    ) -> None:
        response = await posted(http, b"no message", **headers)
        assert response.status_code == status
        assert response.headers["Content-Type"] == "application/problem+json"
        problem = response.json()
        assert (problem["code"], problem["retry"]) == (code, "no")
        assert "evil" not in response.text

    async def test_a_large_body_is_not_read(self, http: httpx.AsyncClient) -> None:
        response = await posted(http, b" " * (1024 * 1024 + 1))
        assert (response.status_code, response.json()["code"]) == (413, "body_too_large")

    async def test_a_client_asks_so_often_and_no_more(self) -> None:
        served = service(clock=lambda: 0.0)
        responses = [await posted(served.http, b"") for _ in range(601)]
        assert [each.status_code for each in responses[598:]] == [400, 400, 429]
        assert responses[-1].headers["Retry-After"] == "60"
        assert responses[-1].json()["code"] == "rate_limited"


@pytest.mark.parametrize(
    ("public_url", "host"),
    [
        ("https://oncall.test", "oncall.test"),
        ("https://Oncall.test:8443", "oncall.test"),
        ("http://[2001:db8::1]:8402", "[2001:db8::1]"),
        ("http://[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_the_public_address_names_the_host(public_url: str, host: str) -> None:
    site = own_site(public_url)
    assert site.hosts == {host}
    assert f"{public_url.partition(':')[0]}://{host}" in site.origins


def test_on_this_machine_any_of_its_names_will_do() -> None:
    assert own_site("http://127.0.0.1:8402").hosts == {"127.0.0.1", "localhost", "[::1]"}


# --- anything at all -------------------------------------------------------------------------

METHODS = st.sampled_from(["initialize", "ping", "tools/list", "tools/call"]) | st.text(max_size=9)
PARAMS = JSON | st.fixed_dictionaries(
    {"name": st.just(ROTATION), "arguments": JSON}, optional={"_meta": JSON, "task": JSON}
)
PAID = PARAMS.map(lambda p: {**p, "_meta": {"x402/payment": p}} if isinstance(p, dict) else p)
MESSAGES = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "method": METHODS},
    optional={"id": st.integers() | st.text() | JSON, "params": PARAMS | PAID},
)
BODIES = st.binary(max_size=100) | (JSON | MESSAGES | st.lists(MESSAGES, max_size=2)).map(
    lambda value: json.dumps(value).encode()
)


LARGEST = b'{"a":[%b]}' % b",".join([b"1e308"] * 2_600)
"""Numbers that msgspec itself takes 20 µs each to read, within 16 KiB."""


def test_numbers_near_the_ends_are_read_quickly_beside_the_arguments() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":%b}' % LARGEST
    assert message_in(body).params == {"a": [1e308] * 2_600}
    assert least_seconds(lambda: message_in(body)) < 0.01


def test_numbers_near_the_ends_are_read_quickly_within_them() -> None:
    wanted = b'{"a":[%b]}' % b",".join([b"1e308"] * 2_600)
    [rotation, *_] = paid_endpoints()
    assert asked_in(b" " + LARGEST, rotation) == (JSON_TYPE, wanted)
    assert least_seconds(lambda: asked_in(b" " + LARGEST, rotation)) < 0.01


class Fuzzed:
    """A sandbox over ASGI whose limiter sees a new minute with every request."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.started = time.time()
        self.served: Service = service(clock=self._later)
        self.life = living(self.served.app)
        self.run(self.life.__aenter__())

    def _later(self) -> float:
        return time.time() + (time.time() - self.started) * 1e6

    def run(self, doing: Any) -> Any:
        return self.runner.run(doing)

    def close(self) -> None:
        self.run(self.life.__aexit__(None, None, None))
        self.runner.close()


@pytest.fixture(scope="module")
def fuzzed() -> Any:
    served = Fuzzed()
    yield served
    served.close()


@given(body=BODIES)
@hypothesis_settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_anything_at_all_is_answered(fuzzed: Fuzzed, body: bytes) -> None:
    response = fuzzed.run(posted(fuzzed.served.http, body))
    assert response.status_code in (200, 202, 400)
    if response.status_code != 202:
        answer = response.json()
        assert ("result" in answer) != ("error" in answer)
        assert answer.get("error", {}).get("code") not in (0, -32603)
        assert "internal_error" not in response.text
