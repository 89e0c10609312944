"""The bot of ``examples/handoffs.py`` over a day of 1,000 handoffs; it is killed five times."""

import json
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.examples import FOLDER
from tests.support.processes import ROOT, answers_ok, environment, free_port, running, wait_until

V1, V2 = "/api/v1", "/api/v2/oncall"
START, SPEED = "2026-06-01T00:00:00Z", 6_000
SCHEDULES, KILLS = 50, 5
PEOPLE = ["ann", "bob", "cat"]


class Webhook(ThreadingHTTPServer):
    """Takes down what is posted to it; each hundredth message is refused once."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.calls = 0
        super().__init__(("127.0.0.1", 0), Receiver)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class Receiver(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls += 1
        refused = self.server.calls % 100 == 0
        if not refused:
            self.server.posted.append(json.loads(body))
            self.server.keys.append(self.headers["Idempotency-Key"])
        self.send_response(503 if refused else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def key_of(database: str) -> str:
    scopes = [
        word
        for scope in ("oncall:read", "oncall:write", "schedules")
        for word in ("--scope", scope)
    ]
    done = subprocess.run(
        [sys.executable, "-m", "app", "keys", "create", "--org", "Acme", *scopes],
        env=environment(ONCALL_DATABASE_URL=database),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def fill(http: httpx.Client) -> None:
    """Make schedules that hand over every hour."""
    for name in PEOPLE:
        body = {"id": name, "name": name.title(), "email": f"{name}@example.com"}
        assert http.post(f"{V2}/users", json=body).status_code == 201
    for number in range(SCHEDULES):
        body = {
            "id": f"s{number}",
            "team_id": "team",
            "name": f"Schedule {number}",
            "timezone": "Europe/Brussels",
            "rotation_type": "custom",
            "interval": {"count": 1, "unit": "hours"},
            "participants": PEOPLE,
            "handoff_time": "00:00",
        }
        made = http.post(f"{V2}/schedules", json=body)
        assert made.status_code == 201, made.text


def now_of(http: httpx.Client) -> str:
    """The time of the service, as its answers have it."""
    at: str = http.get(f"{V1}/schedules/s0/on-call").json()["data"]["at"]
    return at


def handoffs(http: httpx.Client, from_at: str, to_at: str) -> set[tuple[str, str, str]]:
    """Every handoff in a window, by the final schedules."""
    found = set()
    for number in range(SCHEDULES):
        window = {"from": from_at, "to": to_at}
        answer = http.get(f"{V1}/schedules/s{number}/final-schedule", params=window)
        assert answer.status_code == 200, answer.text
        segments = answer.json()["data"]["segments"]
        found |= {(f"s{number}", each["start"], each["user_id"]) for each in segments[1:]}
    return found


@pytest.mark.slow
def test_no_handoff_of_a_day_is_missed(database_url: str, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    chance = random.Random(1)  # noqa: S311 - no secret
    key = key_of(database_url)
    arguments = [address.rpartition(":")[2], database_url, START, str(SPEED)]
    service = [sys.executable, "-m", "tests.support.fast_service", *arguments]
    with (
        webhook() as hook,
        running(
            service,
            log=tmp_path / "service.log",
            ready=partial(answers_ok, f"{address}/readyz"),
            environ=environment(),
        ),
        httpx.Client(base_url=address, headers={"X-API-Key": key}, timeout=60) as http,
    ):
        fill(http)
        state = tmp_path / "handoffs.json"
        environ = environment(KEY=key, WEBHOOK=hook.url, PAUSE="0.1")
        command = [sys.executable, str(FOLDER / "handoffs.py"), address, str(state)]

        def bot() -> "subprocess.Popen[bytes]":
            return subprocess.Popen(command, env=environ)

        process = bot()
        wait_until(state.exists)
        began = now_of(http)
        for _ in range(KILLS):
            time.sleep(chance.uniform(1.5, 3))
            process.kill()
            process.wait()
            at = now_of(http)
            body = {
                "user_id": chance.choice(PEOPLE),
                "start_at": at,
                "end_at": f"{at[:10]}T23:59:59Z",
            }
            http.post(f"{V1}/schedules/s{chance.randrange(SCHEDULES)}/overrides", json=body)
            process = bot()
        day = timedelta(hours=24, minutes=30)
        wait_until(lambda: instant(now_of(http)) > instant(began) + day)
        ended = now_of(http)
        wanted = handoffs(http, began, ended)
        try:
            wait_until(lambda: wanted <= {place(each) for each in hook.posted})
        finally:
            process.kill()
            process.wait()
    assert len(wanted) >= 1_000
    ids = defaultdict(set)
    for each in hook.posted:
        ids[place(each)].add(each["id"])
    assert all(len(each) == 1 for each in ids.values())
    assert len({each["id"] for each in hook.posted}) == len(ids)
    assert hook.keys == [each["id"] for each in hook.posted]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def place(change: dict[str, Any]) -> tuple[str, str, str]:
    return change["schedule_id"], change["at"], change["user_id"]


def test_it_has_forty_lines() -> None:
    code = (FOLDER / "handoffs.py").read_text().partition('"""\n\n')[2].splitlines()
    assert len([line for line in code if line.strip()]) <= 40
