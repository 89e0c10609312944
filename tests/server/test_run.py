"""The service as a process: behaviour that needs a real server on a real socket."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.errors import ConfigurationError
from app.server.run import grace_seconds, serve_forever
from app.settings import Settings
from tests.support.processes import NO_FILES, environment, free_port
from tests.support.services import EXAMPLE, PATH, PAY_TO, ScriptedFacilitator, answers
from tests.support.wallets import Wallet

BODY = json.dumps(EXAMPLE).encode()


def serve(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``serve`` that is expected to stop by itself."""
    return subprocess.run(
        [sys.executable, "-m", "app", "serve", *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def raw(address: str, request: bytes, *, wait: float = 15) -> bytes:
    """Return the server's answer to these bytes, until it closes or ``wait`` seconds pass."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait) as connection:
        connection.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received and (chunk := connection.recv(65536)):
            received += chunk
        return received


class TestGrace:
    def test_it_is_that_of_the_slowest_paid_request(self) -> None:
        """20 s to read it, 20 to verify it, 10 and 190 in the pool, 45 to settle it and 5 after."""
        assert grace_seconds(Settings()) == 290

    @pytest.mark.parametrize("setting", ["facilitator_timeout_seconds", "settle_deadline_seconds"])
    def test_it_follows_the_settings(self, setting: str) -> None:
        more = Settings(**{setting: getattr(Settings(), setting) + 7.5})  # type: ignore[arg-type]
        assert grace_seconds(more) == 298


class TestServe:
    def test_the_public_address_is_the_one_listened_on(self, address: str) -> None:
        assert httpx.post(address + PATH).json()["resource"]["url"] == address + PATH

    def test_a_paid_request_over_a_socket(self, address: str) -> None:
        terms = httpx.post(address + PATH).headers["PAYMENT-REQUIRED"]
        payment = asyncio.run(Wallet().payment(terms))
        response = httpx.post(address + PATH, json=EXAMPLE, headers={"PAYMENT-SIGNATURE": payment})
        assert (response.status_code, len(response.json()["rotation"])) == (200, 3)

    def test_a_forwarded_address_is_not_believed(self, address: str) -> None:
        seen = [
            httpx.post(address + PATH, headers={"X-Forwarded-For": f"192.0.2.{n}"}).headers[
                "RateLimit"
            ]
            for n in range(2)
        ]
        assert seen[0] != seen[1]

    def test_a_slow_body_is_408(self, address: str) -> None:
        started = time.monotonic()
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{{".encode()
        assert raw(address, head).startswith(b"HTTP/1.1 408")
        assert 9 < time.monotonic() - started < 14

    def test_a_body_without_end_is_413(self, address: str) -> None:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        assert raw(address, head + chunk * 65).startswith(b"HTTP/1.1 413")

    def test_a_caller_who_hangs_up_half_way_leaves_no_error(self, address: str) -> None:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(
                f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{{".encode()
            )
        assert httpx.get(address + "/healthz").status_code == 200

    @pytest.mark.parametrize(
        "request_line",
        [
            pytest.param(f"POST /%2e%2e{PATH} HTTP/1.1", id="dots"),
            pytest.param(f"POST {PATH}%00 HTTP/1.1", id="a zero byte"),
            pytest.param(f"POST {PATH}/%ff HTTP/1.1", id="not UTF-8"),
            pytest.param(f"POST {PATH.replace('/oncall', '%2foncall')}/ HTTP/1.1", id="%2f"),
        ],
    )
    def test_odd_paths_are_never_served_unpaid(self, address: str, request_line: str) -> None:
        head = f"{request_line}\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
        status = raw(address, head + BODY).split()[1]
        assert status in (b"400", b"402", b"404")


class TestConfiguration:
    def test_production_names_every_missing_variable(self) -> None:
        stopped = serve(ONCALL_ENV="production")
        assert stopped.returncode == 1
        for name in ("FACILITATOR", "NETWORK", "PAY_TO", "PUBLIC_URL", "REDIS_URL"):
            assert f"ONCALL_{name} is not set" in stopped.stderr
        assert "Traceback" not in stopped.stderr

    @pytest.mark.parametrize("payments", ["sandbox", "off"])
    def test_production_does_not_give_answers_away(self, payments: str) -> None:
        stopped = serve(ONCALL_ENV="production", ONCALL_PAYMENTS=payments)
        assert f"ONCALL_PAYMENTS={payments} gives paid answers away" in stopped.stderr

    def test_several_workers_need_a_store_they_share(self) -> None:
        assert "--workers 2" in serve("--workers", "2").stderr
        variables = {**production("http://127.0.0.1:9"), "ONCALL_ENV": "development"}
        del variables["ONCALL_REDIS_URL"]
        assert "set ONCALL_REDIS_URL" in serve("--workers", "2", **variables).stderr

    def test_an_address_without_its_checksum(self) -> None:
        stopped = serve(
            ONCALL_PAYMENTS="facilitator",
            ONCALL_FACILITATOR_URL="http://127.0.0.1:9",
            ONCALL_NETWORK="eip155:8453",
            ONCALL_PAY_TO=PAY_TO.lower(),
        )
        assert f"write {PAY_TO}" in stopped.stderr
        assert "Traceback" not in stopped.stderr


class TestDefaults:
    """The environment that ``serve`` passes to its workers. It never starts: its port is taken."""

    @pytest.fixture
    def handed_on(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[str, str]]]:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        with socket.create_server(("127.0.0.1", 0)) as taken:

            def serve(host: str = "127.0.0.1", **environ: str) -> dict[str, str]:
                port = taken.getsockname()[1]
                with pytest.raises(ConfigurationError, match="cannot be listened on"):
                    serve_forever(host, port, 1, environ)
                return {name: text.replace(str(port), "PORT") for name, text in environ.items()}

            yield serve

    def test_the_address_listened_on_and_words_for_a_person(
        self, handed_on: Callable[..., dict[str, str]]
    ) -> None:
        assert handed_on(**NO_FILES) == {
            **NO_FILES,
            "ONCALL_PUBLIC_URL": "http://127.0.0.1:PORT",
            "ONCALL_LOG_FORMAT": "text",
        }

    def test_an_ipv6_address_stands_in_brackets(
        self, handed_on: Callable[..., dict[str, str]]
    ) -> None:
        # of a network that no machine is in, so that it cannot be listened on
        assert handed_on("2001:db8::1", **NO_FILES)["ONCALL_PUBLIC_URL"] == (
            "http://[2001:db8::1]:PORT"
        )

    def test_what_a_file_says_goes_before(
        self, handed_on: Callable[..., dict[str, str]], tmp_path: Path
    ) -> None:
        file = tmp_path / "service.env"
        file.write_text("ONCALL_PUBLIC_URL=https://oncall.test\nONCALL_LOG_FORMAT=json")
        environ = {**NO_FILES, "ONCALL_ENV_FILE": str(file)}
        assert handed_on(**environ) == environ


@pytest.mark.anyio
class TestStart:
    async def test_a_facilitator_that_does_not_support_us_stops_the_start(self) -> None:
        async with ScriptedFacilitator(supported=answers({"kinds": []})) as script:
            stopped = await asyncio.to_thread(
                serve, "--port", str(free_port()), **production(script.url)
            )
        assert stopped.returncode != 0
        assert "does not support exact on eip155:84532" in stopped.stderr


def production(facilitator_url: str) -> dict[str, str]:
    return {
        "ONCALL_ENV": "production",
        "ONCALL_FACILITATOR_URL": facilitator_url,
        "ONCALL_PAYMENTS": "facilitator",
        "ONCALL_NETWORK": "eip155:84532",
        "ONCALL_PAY_TO": PAY_TO,
        "ONCALL_PUBLIC_URL": "https://oncall.test",
        "ONCALL_REDIS_URL": "redis://127.0.0.1:9/0",
    }
