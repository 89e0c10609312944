"""The recipes of ``docs/recipes.md``, run against stand-ins of the tools that they are for.

A stand-in takes what the tool's documentation says that it takes, and refuses everything else.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest
from ical.calendar_stream import IcsCalendarStream

from tests.support.examples import FOLDER
from tests.support.processes import ROOT, answers_ok, environment, free_port, running

V1, V2 = "/api/v1", "/api/v2/oncall"
Answer = tuple[int, Any]
Serve = Callable[[str, str, dict[str, str], Any], Answer]


class Tool(ThreadingHTTPServer):
    """A stand-in: ``serve`` takes the method, the path, the query and the body of a request."""

    def __init__(self, serve: Serve, authorization: str) -> None:
        self.serve, self.authorization = serve, authorization
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Tool

    def answer(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != self.server.authorization:
            status, answer = 401, {"error": "unauthorized"}
        elif "json" in self.headers.get("Content-Type", ""):
            status, answer = self.server.serve(self.command, parts.path, query, json.loads(sent))
        else:
            form = {name: values[0] for name, values in parse_qs(sent.decode()).items()}
            status, answer = self.server.serve(self.command, parts.path, query, form)
        body = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def tool(serve: Serve, authorization: str) -> Iterator[str]:
    with Tool(serve, authorization) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()


class Kept:
    """A served organisation whose schedules the recipes read."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        self.http = httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=60)
        for name in ("ann", "bob", "cat"):
            body = {"id": name, "name": name.title(), "email": f"{name.title()}@example.com"}
            self.made(f"{V2}/users", body)

    def made(self, path: str, body: Any) -> Any:
        response = self.http.post(path, json=body)
        assert response.status_code in (200, 201), response.text
        return response.json()["data"]

    def schedule(self, name: str, people: list[str]) -> None:
        body = {
            "id": name,
            "name": name,
            "team_id": name,
            "timezone": "Europe/Brussels",
            "rotation_type": "weekly",
            "participants": people,
        }
        self.made(f"{V2}/schedules", body)

    def override(self, name: str, person: str, hours: float, until: float) -> None:
        times = [
            f"{datetime.now(UTC) + timedelta(hours=each):%Y-%m-%dT%H:%M:%SZ}"
            for each in (hours, until)
        ]
        body = {"user_id": person, "start_at": times[0], "end_at": times[1]}
        self.made(f"{V1}/schedules/{name}/overrides", body)

    def final(self, name: str, **window: str) -> list[dict[str, Any]]:
        answer = self.http.get(f"{V2}/schedules/{name}/final-schedule", params=window)
        found: list[dict[str, Any]] = answer.json()["data"]["segments"]
        return found

    def run(self, recipe: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(FOLDER / "recipes" / recipe)]
        return subprocess.run(
            command,
            env=environment(ONCALL_URL=self.url, KEY=self.key, **variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("recipes")
    database = f"sqlite:///{folder / 'oncall.db'}"
    url = f"http://127.0.0.1:{free_port()}"
    environ = environment(ONCALL_DATABASE_URL=database, ONCALL_PAYMENTS="off")
    with running(
        [sys.executable, "-m", "app", "serve", "--port", url.rpartition(":")[2]],
        log=folder / "service.log",
        ready=partial(answers_ok, f"{url}/readyz"),
        environ=environ,
    ):
        scopes = [
            word
            for each in ("oncall:read", "oncall:write", "schedules")
            for word in ("--scope", each)
        ]
        made = subprocess.run(
            [sys.executable, "-m", "app", "keys", "create", "--org", "Acme", *scopes],
            env=environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        served = Kept(url, made.stdout.strip())
        yield served
        served.http.close()


def test_slack_user_group(kept: Kept) -> None:
    kept.schedule("slack", ["ann"])
    kept.schedule("slack-too", ["bob"])
    members: list[str] = []
    ids = {"Ann@example.com": "UANN", "Bob@example.com": "UBOB"}

    def serve(method: str, path: str, _: object, body: Any) -> Answer:
        if (method, path) == ("POST", "/api/users.lookupByEmail"):
            if body["email"] not in ids:
                return 200, {"ok": False, "error": "users_not_found"}
            return 200, {"ok": True, "user": {"id": ids[body["email"]]}}
        assert (method, path) == ("POST", "/api/usergroups.users.update")
        assert body["usergroup"] == "S1"
        members[:] = body["users"].split(",")
        return 200, {"ok": True, "usergroup": {"id": "S1", "users": members}}

    with tool(serve, "Bearer xoxb-1") as url:
        variables = {"SLACK_URL": url, "SLACK_TOKEN": "xoxb-1", "USER_GROUP": "S1"}
        done = kept.run("slack_user_group.py", TEAM="slack", **variables)
        assert done.returncode == 0, done.stderr
        assert members == ["UANN"]
        kept.override("slack", "bob", -1, 1)
        assert kept.run("slack_user_group.py", TEAM="slack", **variables).returncode == 0
        assert members == ["UBOB"]
        kept.override("slack", "cat", -1, 1)
        unknown = kept.run("slack_user_group.py", TEAM="slack", **variables)
        assert (unknown.returncode, "users_not_found" in unknown.stderr) == (1, True)
        kept.schedule("slack-nobody", [])
        nobody = kept.run("slack_user_group.py", TEAM="slack-nobody", **variables)
        assert (nobody.returncode, "stays as it is" in nobody.stderr) == (1, True)
        assert members == ["UBOB"]


def test_grafana_contact_point(kept: Kept) -> None:
    kept.schedule("grafana", ["ann"])
    points: list[dict[str, Any]] = []

    def serve(method: str, path: str, query: Any, body: Any) -> Answer:
        folder = "/api/v1/provisioning/contact-points"
        if (method, path) == ("GET", folder):
            return 200, [each for each in points if each["name"] == query["name"]]
        assert body["type"] == "email"
        assert body["settings"]["addresses"]
        if (method, path) == ("POST", folder):
            points.append({**body, "uid": "abc", "disableResolveMessage": False})
            return 202, points[-1]
        assert (method, path) == ("PUT", f"{folder}/{points[0]['uid']}")
        points[0] = body
        return 202, {"message": "contactpoint updated"}

    with tool(serve, "Bearer glsa_1") as url:
        variables = {"GRAFANA_URL": url, "GRAFANA_TOKEN": "glsa_1", "CONTACT_POINT": "oncall"}
        first = kept.run("grafana_contact_point.py", TEAM="grafana", **variables)
        assert first.returncode == 0, first.stderr
        assert points[0]["settings"] == {"addresses": "Ann@example.com"}
        kept.override("grafana", "bob", -1, 1)
        assert kept.run("grafana_contact_point.py", TEAM="grafana", **variables).returncode == 0
        assert points == [
            {
                "name": "oncall",
                "type": "email",
                "settings": {"addresses": "Bob@example.com"},
                "uid": "abc",
                "disableResolveMessage": False,
            }
        ]
        kept.schedule("grafana-nobody", [])
        assert kept.run("grafana_contact_point.py", TEAM="grafana-nobody", **variables).returncode


class PagerDuty:
    """Overrides of one schedule: of two at once the newer wins, as PagerDuty has it."""

    def __init__(self) -> None:
        self.overrides: dict[str, dict[str, Any]] = {}
        self.count = 0

    def serve(self, method: str, path: str, query: Any, body: Any) -> Answer:
        folder = "/schedules/P1/overrides"
        if (method, path) == ("GET", "/users"):
            people = [
                {"id": f"P{name}", "email": f"{name.lower()}@example.com"}
                for name in ("ANN", "BOB", "CAT")
            ]
            return 200, {
                "users": [each for each in people if each["email"] == query["query"].lower()]
            }
        if (method, path) == ("GET", folder):
            since, until = (datetime.fromisoformat(query[name]) for name in ("since", "until"))
            shown = [
                {"id": key, **each}
                for key, each in self.overrides.items()
                if self.end_of(each) > since and datetime.fromisoformat(each["start"]) < until
            ]
            return 200, {"overrides": shown}
        if (method, path) == ("POST", folder):
            for each in body["overrides"]:
                assert each["user"]["type"] == "user_reference"
                assert datetime.fromisoformat(each["start"]) < self.end_of(each)
                self.count += 1
                self.overrides[f"O{self.count}"] = each
            return 201, [{"status": 201, "override": each} for each in body["overrides"]]
        assert method == "DELETE"
        override = self.overrides[path.removeprefix(f"{folder}/")]
        now = datetime.now(UTC)
        if datetime.fromisoformat(override["start"]) < now:
            override["end"] = now.isoformat()
            return 200, None
        del self.overrides[path.removeprefix(f"{folder}/")]
        return 204, None

    def end_of(self, override: dict[str, Any]) -> datetime:
        return datetime.fromisoformat(override["end"])

    def on_call_at(self, at: datetime) -> str | None:
        having = [
            each["user"]["id"]
            for each in self.overrides.values()
            if datetime.fromisoformat(each["start"]) <= at < self.end_of(each)
        ]
        return having[-1] if having else None


def test_pagerduty_overrides(kept: Kept) -> None:
    kept.schedule("pagerduty", ["ann", "bob"])
    duty = PagerDuty()

    def follows() -> bool:
        """Whether PagerDuty has, at every hour of the days to come, who is on call here."""
        start = datetime.now(UTC) + timedelta(minutes=1)
        window = {
            "from": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "to": f"{start + timedelta(days=13):%Y-%m-%dT%H:%M:%SZ}",
        }
        segments = kept.final("pagerduty", **window, timezone="UTC")
        return all(
            duty.on_call_at(at) == f"P{segment['user_id'].upper()}"
            for segment in segments
            for at in [datetime.fromisoformat(segment["start"]) + timedelta(seconds=30)]
        )

    with tool(duty.serve, "Token token=t") as url:
        variables = {
            "PAGERDUTY_URL": url,
            "PAGERDUTY_TOKEN": "t",
            "PAGERDUTY_SCHEDULE": "P1",
            "SCHEDULE": "pagerduty",
        }
        first = kept.run("pagerduty_overrides.py", **variables)
        assert first.returncode == 0, first.stderr
        assert follows()
        made = dict(duty.overrides)
        kept.run("pagerduty_overrides.py", **variables)
        assert list(made)[:-1] == list(duty.overrides)[:-1]  # the last one ends with the day
        kept.override("pagerduty", "cat", -1, 24)
        kept.override("pagerduty", "cat", 48, 50)
        changed = kept.run("pagerduty_overrides.py", **variables)
        assert changed.returncode == 0, changed.stderr
        assert follows()


def test_google_calendar_by_its_api(kept: Kept) -> None:
    kept.schedule("google", ["ann", "bob"])
    events: dict[str, dict[str, Any]] = {}
    deleted: set[str] = set()
    writes: list[str] = []

    def serve(method: str, path: str, query: Any, body: Any) -> Answer:
        folder = "/calendar/v3/calendars/team@group.calendar.google.com/events"
        path = unquote(path)
        if method == "GET":
            assert query["privateExtendedProperty"] == "oncallSchedule=google"
            earliest = datetime.fromisoformat(query["timeMin"])
            return 200, {"items": [each for each in events.values() if end_of(each) > earliest]}
        writes.append(method)
        if method == "DELETE":
            event_id = path.removeprefix(f"{folder}/")
            del events[event_id]
            deleted.add(event_id)
            return 204, None
        assert set(body["id"]) <= set("0123456789abcdefghijklmnopqrstuv")
        if method == "POST" and body["id"] in deleted:
            return 409, {"error": {"code": 409}}
        assert path == (folder if method == "POST" else f"{folder}/{body['id']}")
        events[body["id"]] = body
        return 200, body

    def end_of(event: dict[str, Any]) -> datetime:
        return datetime.fromisoformat(event["end"]["dateTime"])

    def shown() -> list[str]:
        return [each["summary"] for each in sorted(events.values(), key=end_of)]

    with tool(serve, "Bearer ya29") as url:
        variables = {
            "GOOGLE_URL": url,
            "GOOGLE_TOKEN": "ya29",
            "CALENDAR_ID": "team@group.calendar.google.com",
            "SCHEDULE": "google",
        }
        first = kept.run("google_calendar.py", **variables)
        assert first.returncode == 0, first.stderr
        before = shown()
        assert before[:2] == ["On call: Ann", "On call: Bob"]
        writes.clear()
        kept.run("google_calendar.py", **variables)
        assert (shown(), writes) == (before, [])
        kept.override("google", "cat", -1, 24)
        assert kept.run("google_calendar.py", **variables).returncode == 0
        assert "On call: Cat" in shown()
        [override] = kept.http.get(f"{V1}/schedules/google/overrides").json()["data"]
        path = f"{V1}/schedules/google/overrides/{override['id']}"
        assert kept.http.delete(path).status_code == 204
        assert kept.run("google_calendar.py", **variables).returncode == 0
        assert shown().count("On call: Bob") == before.count("On call: Bob")


def test_google_calendar_by_address(kept: Kept) -> None:
    """What Google fetches: the address alone, without a key, again with the ETag that it got."""
    kept.schedule("feed", ["ann", "bob"])
    token = kept.made(f"{V2}/schedules/feed/feed-tokens", {})
    path = token["url"].partition("/api/")[1] + token["url"].partition("/api/")[2]
    fetched = httpx.get(kept.url + path, headers={"User-Agent": "Google-Calendar-Importer"})
    events = IcsCalendarStream.calendar_from_ics(fetched.text).events
    assert {event.summary for event in events} >= {"On call: Ann", "On call: Bob"}
    again = httpx.get(kept.url + path, headers={"If-None-Match": fetched.headers["ETag"]})
    assert again.status_code == 304


def test_a_spreadsheet_by_address(kept: Kept) -> None:
    kept.schedule("sheet", ["ann"])
    token = kept.made(f"{V2}/schedules/sheet/feed-tokens", {})["token"]
    path = f"{V2}/schedules/sheet/final-schedule?token={token}&format=csv"
    lines = httpx.get(kept.url + path).text.splitlines()
    assert lines[0].startswith("start,end,user_id")
    assert ",ann,Ann,layer," in lines[1]


def test_every_recipe_is_in_the_document() -> None:
    text = (ROOT / "docs" / "recipes.md").read_text()
    for script in sorted(Path(FOLDER / "recipes").glob("*.py")):
        assert f"examples/recipes/{script.name}" in text
