"""The command line, run as people run it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from eth_account import Account

from app.payments.ownership import proves_ownership
from app.products.endpoint import CALENDAR, CSV, SVG
from app.products.registry import paid_endpoints
from tests.support.processes import environment, free_port
from tests.support.services import EXAMPLE, PATH

BODY = json.dumps(EXAMPLE)
COMMANDS = ("serve", "demo", "pay", "openapi")


def run(
    *arguments: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env=environment(COLUMNS="220", **variables),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_help_names_every_command() -> None:
    told = run("--help")
    assert told.returncode == 0
    assert all(command in told.stdout for command in COMMANDS)


class TestDemo:
    def test_it_shows_the_whole_exchange(self, tmp_path: Path) -> None:
        # a demo depends neither on the environment nor on a file of settings
        (tmp_path / ".env").write_text("ONCALL_PAYMENTS=off")
        shown = run("demo", cwd=tmp_path, ONCALL_PAYMENTS="off")
        assert shown.returncode == 0, shown.stderr
        for text in (
            "402 Payment Required",
            "0.02 USDC on Base Sepolia",
            "200 OK",
            "2026-06-04 00:00Z",
            "████████████████················████████████████ 2",
            "Balanced: yes",
            "transaction 0x",
            "curl -i http://127.0.0.1:8402/v1/scheduling/oncall-rotation",
        ):
            assert text in shown.stdout
        rotation = paid_endpoints()[0]
        for extension, media_type in (("ics", CALENDAR), ("csv", CSV), ("svg", SVG)):
            path = tmp_path / "demo" / f"rotation.{extension}"
            assert str(path) in shown.stdout
            assert path.read_bytes() == rotation.answer_to(rotation.example, media_type)

    def test_a_service_that_does_not_start_is_told_with_its_log(self, tmp_path: Path) -> None:
        (tmp_path / "uvicorn.py").write_text("raise ImportError('no uvicorn today')")
        shown = run("demo", PYTHONPATH=str(tmp_path))
        assert shown.returncode == 1
        assert "did not start" in shown.stderr
        assert "no uvicorn today" in shown.stderr


class TestPay:
    def test_the_answer_goes_to_standard_output(self, address: str) -> None:
        paid = run("pay", address + PATH, "--body", BODY)
        assert paid.returncode == 0, paid.stderr
        assert json.loads(paid.stdout)["shiftCounts"] == {"alice": 2, "bob": 1}
        assert "asks 0.02 USDC on Base Sepolia" in paid.stderr
        assert "in transaction 0x" in paid.stderr

    def test_a_body_from_a_file_and_a_key(self, address: str, tmp_path: Path) -> None:
        file = tmp_path / "body.json"
        file.write_text(BODY)
        wallet = Account.create()
        paid = run(
            "pay", address + PATH, "--body", f"@{file}", X402_PRIVATE_KEY=wallet.key.to_0x_hex()
        )
        assert paid.returncode == 0, paid.stderr
        assert f"paid by {wallet.address}" in paid.stderr

    def test_it_refuses_to_pay_more_than_max(self, address: str) -> None:
        long = "\r\n".join(["BEGIN:VCALENDAR", *["X-A:b"] * 2_000, "END:VCALENDAR", ""])
        document = json.dumps({**EXAMPLE, "unavailableIcs": {"alice": long}})
        warned = run("pay", address + PATH, "--body", document)
        assert (warned.returncode, "warning: /unavailableIcs" in warned.stderr) == (0, True)
        refused = run("pay", address + PATH, "--body", BODY, "--max", "0.01")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "not paid" in refused.stderr

    def test_a_free_url_is_fetched(self, address: str) -> None:
        fetched = run("pay", address + "/healthz")
        assert (fetched.returncode, fetched.stdout) == (0, '{"status":"ok"}\n')

    def test_an_invalid_body_is_shown_and_not_paid(self, address: str) -> None:
        refused = run("pay", address + PATH, "--body", "{}")
        assert refused.returncode == 1
        assert "answered 400" in refused.stderr
        assert json.loads(refused.stdout)["code"] == "invalid_request"

    @pytest.mark.parametrize(
        ("arguments", "complaint"),
        [
            pytest.param(("--key", "secret"), "--key is not a private key", id="key"),
            pytest.param(("--max", "lots"), "is not an amount such as 0.10", id="max"),
            pytest.param(("--body", "@/nowhere"), "No such file", id="file"),
        ],
    )
    def test_a_wrong_option_is_explained(
        self, address: str, arguments: tuple[str, str], complaint: str
    ) -> None:
        refused = run("pay", address + PATH, *arguments)
        assert refused.returncode != 0
        assert complaint in re.sub(r"[│\s]+", " ", refused.stderr)

    def test_an_address_nobody_listens_on(self) -> None:
        refused = run("pay", f"http://127.0.0.1:{free_port()}/")
        assert refused.returncode == 1
        assert "cannot be reached" in refused.stderr


class TestProveOrigin:
    def test_the_signature_goes_to_standard_output_and_the_key_nowhere(self) -> None:
        key = "0x" + "11" * 32
        payee = Account.from_key(key).address
        url = "https://oncall.example.com"
        signed = run("prove-origin", PRIVATE_KEY=key, ONCALL_PUBLIC_URL=url, ONCALL_PAY_TO=payee)
        assert signed.returncode == 0, signed.stderr
        assert proves_ownership(signed.stdout.strip(), url, payee)
        assert f"{payee} signed {url}. For ONCALL_OWNERSHIP_PROOFS" in signed.stderr
        assert key[2:] not in signed.stdout + signed.stderr

    def test_a_key_of_nobody_who_is_paid_is_refused(self) -> None:
        key = "0x" + "11" * 32
        refused = run("prove-origin", PRIVATE_KEY=key, ONCALL_PUBLIC_URL="https://a.example.com")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "PRIVATE_KEY is that of 0x" in refused.stderr
        assert key[2:] not in refused.stderr


class TestServerJson:
    def test_it_is_written_for_the_public_address(self, tmp_path: Path) -> None:
        file, url = tmp_path / "server.json", "https://oncall.example.com"
        assert run("server-json", "--file", str(file), ONCALL_PUBLIC_URL=url).returncode == 0
        assert json.loads(file.read_bytes())["remotes"][0]["url"] == f"{url}/mcp"

    def test_an_address_without_a_domain_is_refused(self, tmp_path: Path) -> None:
        refused = run("server-json", "--file", str(tmp_path / "server.json"))
        assert refused.returncode == 1
        assert "the MCP registry lists servers at https addresses" in refused.stderr
        assert not (tmp_path / "server.json").exists()


class TestOpenapi:
    def test_the_committed_file_is_current(self) -> None:
        assert run("openapi", "--check").returncode == 0

    def test_a_stale_file_is_noticed_and_written(self, tmp_path: Path) -> None:
        file = tmp_path / "openapi.json"
        assert (
            "run `python -m app openapi`" in run("openapi", "--check", "--file", str(file)).stderr
        )
        file.write_text("{}")
        assert run("openapi", "--check", "--file", str(file)).returncode == 1
        assert run("openapi", "--file", str(file)).returncode == 0
        assert run("openapi", "--check", "--file", str(file)).returncode == 0


def test_a_person_at_a_terminal_gets_words() -> None:
    """Standard error is a terminal here; the answer of a free URL ends with a new line there."""
    main, terminal = os.openpty()
    environ = {**os.environ, "ONCALL_ENV": "production"}
    command = [sys.executable, "-m", "app", "serve"]
    subprocess.run(
        command,
        env=environ,
        stderr=terminal,
        timeout=60,
        check=False,
    )
    os.close(terminal)
    assert b"ONCALL_PAY_TO is not set" in os.read(main, 65536)
    os.close(main)


def test_a_port_that_is_taken_is_named_before_anything_starts(address: str) -> None:
    told = run("serve", "--port", address.rpartition(":")[2])
    assert told.returncode == 1
    assert "cannot be listened on (Address already in use): try another --port" in told.stderr
    assert "Traceback" not in told.stderr
