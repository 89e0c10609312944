"""The requests that ``compare_answers.py`` sends to two checkouts, in order, as data.

A request may name what an earlier one made: ``«name»`` in a path, a header, a body or an argument
is filled by what ``save`` read from that answer, on each side its own. Dates are fixed, far behind
or far ahead of any run; ids are given wherever an API takes them. One key is used for at most
``KEY_REQUESTS`` requests, which is below its limit of 120 a minute.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, product
from typing import Any

PUBLIC_URL = "http://127.0.0.1:8402"
"""What every service calls itself, wherever it listens: no port stands in an answer."""

Headers = Sequence[tuple[str, str]]
Read = Callable[[str], str]
"""What of an answer's body is kept."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What both sides are asked; ``area`` is a row of the table."""

    area: str
    service: str = "sandbox"
    save: Mapping[str, Read] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return type(self).__name__


@dataclass(frozen=True, kw_only=True)
class Exchange(Recorded):
    """An HTTP request, sent ``times`` times over one connection; the last answer counts."""

    method: str = "GET"
    path: str
    headers: Headers = ()
    body: str = ""
    times: int = 1

    @property
    def title(self) -> str:
        told = "; ".join(f"{name}: {value[:60]}" for name, value in self.headers)
        return f"{self.service} {self.method} {self.path} [{told}] {self.body[:200]!r}"


@dataclass(frozen=True, kw_only=True)
class Wire(Recorded):
    """Bytes of a connection; ``{client}`` stands for an address of its own."""

    sent: bytes

    @property
    def title(self) -> str:
        return f"{self.service} {self.sent[:200]!r}"


@dataclass(frozen=True, kw_only=True)
class Command(Recorded):
    """``python -m app`` with ``arguments``; ``{port}`` stands for the service's own."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"python -m app {' '.join(self.arguments)} {dict(self.environment) or ''}"


@dataclass(frozen=True, kw_only=True)
class File(Recorded):
    """A file of the checkout."""

    path: str

    @property
    def title(self) -> str:
        return self.path


def at(*path: str | int) -> Read:
    """What stands at ``path`` in an answer of JSON."""

    def read(body: str) -> str:
        value = json.loads(body)
        for step in path:
            value = value[step]
        return str(value)

    return read


def whole(body: str) -> str:
    """All of an answer."""
    return body


def text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


JSON = ("Content-Type", "application/json")
HTML = ("Accept", "text/html")
FORMATS = ("application/json", "text/calendar", "text/csv", "image/svg+xml")

# --- what is free ---------------------------------------------------------------------------

PAGES = (
    "/",
    "/catalog",
    "/catalog/sched-oncall-rotation",
    "/catalog/sched-oncall-schedule",
    "/catalog/sched-oncall-now",
    "/catalog/sched-oncall-convert",
)
DOCUMENTS = (
    "/openapi.json",
    "/openapi.full.json",
    "/.well-known/x402",
    "/llms.txt",
    "/skill.md",
    "/robots.txt",
    "/sitemap.xml",
    "/docs",
    "/healthz",
    "/readyz",
)
ASSETS = (
    "/static/favicon.svg",
    "/static/style.css",
    "/static/form.js",
    "/static/favicon.ico",
    "/favicon.ico",
    "/icon.png",
    "/docs/swagger-ui.css",
    "/docs/reference.css",
    "/docs/swagger-ui-bundle.js",
    "/docs/reference.js",
    *(f"{page}/example.svg" for page in PAGES[2:]),
)
FREE_ACCEPTS = ("application/json", "text/html", "*/*", "text/html;q=0.1, application/json", "a/b")
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def documents() -> Iterator[Recorded]:
    """What programs, people and operators fetch."""
    area = "documents"
    yield File(area=area, path="openapi.json")
    for path, accept in product(PAGES, FREE_ACCEPTS):
        yield Exchange(area=area, path=path, headers=[("Accept", accept)])
    for service, path in product(("sandbox", "off", "bare"), (*PAGES, *DOCUMENTS)):
        yield Exchange(area=area, service=service, path=path)
    for path in PAGES:
        yield Exchange(area=area, service="off", path=path, headers=[("Accept", BROWSER)])
    for path in (*PAGES, *DOCUMENTS):
        yield Exchange(area=area, method="HEAD", path=path)
        yield Exchange(area=area, path=path, headers=[("If-None-Match", "*")])
    for path in ASSETS:
        yield Exchange(area=area, path=path)
        yield Exchange(area=area, path=f"{path}?v=1", headers=[("Accept-Encoding", "gzip, br")])
    yield Exchange(area=area, path="/openapi.json", headers=[("If-None-Match", '"x", W/"y"')])
    yield Exchange(area=area, path="/readyz?exclude=facilitator")
    yield Exchange(area=area, path="/readyz?exclude=store&exclude=database")
    yield Exchange(area=area, path="/docs", headers=[("Accept-Encoding", "gzip")])


NOT_SERVED = (
    ("GET", "/v1/scheduling/oncall-rotation"),
    ("HEAD", "/v1/scheduling/oncall-rotation"),
    ("PUT", "/v1/scheduling/oncall-schedule"),
    ("DELETE", "/v1/scheduling/oncall-now"),
    ("PATCH", "/v1/scheduling/oncall-now"),
    ("POST", "/catalog"),
    ("POST", "/"),
    ("DELETE", "/openapi.json"),
    ("GET", "/v1/scheduling/oncall-rotation/"),
    ("POST", "/v1/scheduling/oncall-rotation/"),
    ("POST", "/v1/scheduling/oncall"),
    ("GET", "/catalog/nothing"),
    ("GET", "/catalog/"),
    ("GET", "/nothing"),
    ("GET", "//"),
    ("GET", "/%2e%2e/etc/passwd"),
    ("GET", "/static/nothing.css"),
    ("GET", "/docs/nothing.js"),
    ("GET", "/mcp"),
    ("DELETE", "/mcp"),
    ("GET", "/sandbox/pay"),
    ("POST", "/sandbox/payment"),
    ("GET", "/api"),
    ("GET", "/api/"),
    ("GET", "/api/v1"),
    ("GET", "/api/v3/oncall/schedules"),
    ("PUT", "/api/v1/schedules"),
    ("DELETE", "/api/v1/schedules"),
    ("PUT", "/api/v2/oncall/users/x"),
    ("POST", "/api/v2/oncall/current/team"),
    ("GET", "/api/v1/schedules/a/b/c"),
    ("GET", "/api/v2/oncall/swaps/x"),
    ("HEAD", "/api/v1/schedules"),
)


def not_served() -> Iterator[Recorded]:
    """Paths and methods that are not there, and preflights."""
    for method, path in NOT_SERVED:
        yield Exchange(area="404, 405, preflight", method=method, path=path)
    for path in ("/sandbox/pay", "/api/v1/schedules", "/mcp", "/docs"):
        for service in ("off", "bare"):
            yield Exchange(
                area="404, 405, preflight", service=service, method="POST", path=path, body="{}"
            )
    for path in ("/v1/scheduling/oncall-rotation", "/api/v1/schedules", "/mcp", "/nothing"):
        yield Exchange(
            area="404, 405, preflight",
            method="OPTIONS",
            path=path,
            headers=[
                ("Origin", "https://a.example"),
                ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", "payment-signature"),
            ],
        )


# --- documents of the products --------------------------------------------------------------

ROTATION: Mapping[str, Any] = {
    "start": "2026-06-04T00:00:00Z",
    "people": ["alice", "bob"],
    "shifts": 3,
    "shiftLengthHours": 24,
}
LAYERS: Mapping[str, Any] = {
    "timezone": "America/Los_Angeles",
    "layers": [
        {
            "name": "Weekday business hours",
            "rotation_type": "weekly",
            "start_at": "2026-01-06T09:00:00-08:00",
            "handoff_time": "Mon 09:00",
            "participants": ["usr_alice", "usr_bob", "usr_carol"],
            "restrictions": [
                {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}
            ],
        },
        {
            "name": "After-hours",
            "rotation_type": "daily",
            "participants": ["usr_dave", "usr_eve"],
        },
    ],
}
OVERRIDE: Mapping[str, Any] = {
    "user_id": "usr_frank",
    "start_at": "2026-04-25T00:00:00Z",
    "end_at": "2026-04-25T08:00:00Z",
    "reason": "Alice PTO; covering.",
}
WINDOW: Mapping[str, Any] = {"from": "2026-04-24T07:00:00Z", "to": "2026-04-27T07:00:00Z"}
SCHEDULE: Mapping[str, Any] = {**LAYERS, "overrides": [OVERRIDE], **WINDOW}
NOW: Mapping[str, Any] = {**LAYERS, "at": "2026-04-24T19:00:00Z"}
CONVERT: Mapping[str, Any] = {
    "document": {
        "name": "Ops",
        "timezone": "Europe/Berlin",
        "rotations": [
            {
                "type": "weekly",
                "startDate": "2026-06-01T07:00:00Z",
                "participants": [{"type": "user", "id": "ana"}, {"type": "none"}],
            }
        ],
    },
    "at": "2026-06-01T00:00:00Z",
}
PRODUCTS: Mapping[str, Mapping[str, Any]] = {
    "/v1/scheduling/oncall-rotation": ROTATION,
    "/v1/scheduling/oncall-schedule": SCHEDULE,
    "/v1/scheduling/oncall-now": NOW,
    "/v1/scheduling/oncall-convert": CONVERT,
}
ROTATION_PATH, SCHEDULE_PATH, NOW_PATH, CONVERT_PATH = PRODUCTS

ABSENCE = {"person": "ana", "start": "2026-03-27", "end": "2026-03-29", "reason": "holiday"}
PLAN: Mapping[str, Any] = {
    "start": "2026-03-27T09:00:00",
    "timezone": "Europe/Berlin",
    "people": ["ana", "ben", "chloe"],
    "shifts": 6,
    "strategy": "fair",
    "unavailable": [ABSENCE],
}
CALENDAR = (
    "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//EN\nBEGIN:VEVENT\nUID:1\n"
    "DTSTAMP:20260301T000000Z\nDTSTART;VALUE=DATE:20260328\nRRULE:FREQ=WEEKLY;COUNT=2\n"
    "SUMMARY:training\nEND:VEVENT\nEND:VCALENDAR\n"
)


def without(document: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


def with_layer(**changed: Any) -> Mapping[str, Any]:
    """A schedule of one layer, changed."""
    return {**SCHEDULE, "layers": [{**LAYERS["layers"][0], **changed}], "overrides": []}


ROTATIONS: Sequence[Mapping[str, Any]] = (
    ROTATION,
    {**ROTATION, "shifts": 30, "people": ["alice", "bob", "alice", "carol"]},
    {**ROTATION, "shiftLengthHours": 12.5, "handoffOffsetHours": -2},
    {**ROTATION, "shiftLengthHours": 0.001, "handoffOffsetHours": 0.0005},
    {**ROTATION, "start": "2026-06-04"},
    {**ROTATION, "start": "2026-06-04T02:00:00.123+05:30"},
    {**ROTATION, "start": "1970-01-01", "shifts": 1},
    {**ROTATION, "people": ["Zoë 🎉", "=1+1", "@b", "-c", "'=d", 'a,b"c', "x\ny"]},
    {**ROTATION, "extra": 1, "shiftLengthHour": 3, "PEOPLE": []},
    {**ROTATION, "shiftLengthHours": None, "handoffOffsetHours": None},
    without(ROTATION, "shiftLengthHours"),
    {**ROTATION, "shifts": 400, "shiftLengthHours": 168},
    PLAN,
    {**PLAN, "strategy": "round-robin"},
    {**PLAN, "weights": {"ben": 0.5}, "carryOver": {"ana": 24}},
    {**PLAN, "unavailableIcs": {"chloe": CALENDAR}, "shifts": 12},
    {**PLAN, "minRestHours": 24, "shifts": 9},
    {**PLAN, "maxConsecutive": 1, "fixed": [{"shift": 2, "person": "ana"}]},
    {
        **PLAN,
        "roles": ["primary", "secondary"],
        "avoidPairs": [["ana", "ben"]],
        "fixed": [{"shift": 1, "person": "ben", "role": "secondary"}],
    },
    {**PLAN, "people": ["ana"], "shifts": 3},
    {**without(PLAN, "timezone"), "start": "2026-03-27T09:00:00Z", "shiftLengthHours": 12},
    {**PLAN, "shiftLengthHours": 8, "shifts": 40},
    {**ROTATION, "strategy": "round-robin"},
    {**ROTATION, "timezone": "Asia/Kolkata"},
)
WEEKS = {"from": "2026-03-01T00:00:00Z", "to": "2026-05-01T00:00:00Z"}
ENTRY = {
    "user_id": "usr_carol",
    "start": "2026-04-26T00:00:00Z",
    "end": "2026-04-26T12:00:00+02:00",
}
SWAP = {
    "start": "2026-04-24T16:00:00Z",
    "end": "2026-04-25T00:00:00Z",
    "swap_with_user_id": "usr_bob",
}
SCHEDULES: Sequence[Mapping[str, Any]] = (
    SCHEDULE,
    {**SCHEDULE, **WEEKS},
    {**SCHEDULE, "entries": [ENTRY], "overrides": None},
    {**SCHEDULE, "swaps": [SWAP]},
    {**SCHEDULE, "timezone": "Europe/Lisbon", "unknown": True},
    {**SCHEDULE, "layers": []},
    {**SCHEDULE, "layers": [], "overrides": [], "entries": [ENTRY]},
    with_layer(participants=[]),
    with_layer(turns_on="active"),
    with_layer(rotation_type="custom", interval={"count": 12, "unit": "hours"}, handoff_time=None),
    with_layer(rotation_type="custom", interval={"count": 2, "unit": "months"}),
    with_layer(rotation_type="custom", interval={"count": 3, "unit": "days"}, handoff_time="08:30"),
    with_layer(restrictions=[{"start": "22:00", "end": "06:00"}], start_at=None),
    with_layer(restrictions=[{"days": ["sun"], "start": "00:00", "end": "24:00"}]),
    {**with_layer(start_at="2026-04-25T00:00:00Z", restrictions=None), **WINDOW},
)
NOWS: Sequence[Mapping[str, Any]] = (
    NOW,
    {**NOW, "at": "2026-04-25T03:00:00Z", "overrides": [OVERRIDE]},
    {**NOW, "at": "2026-03-29T01:30:00+01:00", "timezone": "Europe/Brussels"},
    {**NOW, "at": "0002-01-02T00:00:00Z"},
    {**NOW, "layers": []},
    {**NOW, "entries": [ENTRY], "at": "2026-04-26T05:00:00Z"},
    {**NOW, "swaps": [SWAP], "at": "2026-04-24T17:00:00Z", "what": None},
    {**NOW, "layers": [{"name": "one", "rotation_type": "daily", "participants": ["a"]}]},
)

BAD_BODIES = (
    "",
    " ",
    "{",
    "{} {}",
    "null",
    "[]",
    "1",
    '"text"',
    "{}",
    '{"a": NaN}',
    '{"a": 1e400}',
    '{"a": "\udcff"}',
    '{"a": "\\ud800"}',
    "\ufeff{}",
    "[" * 5_000,
    '{"a": 1,}',
)
BAD_ROTATIONS: Sequence[Mapping[str, Any]] = (
    {"start": "tomorrow", "shifts": 0},
    *({**ROTATION, "start": start} for start in (
        None, 5, "", "2026-02-30", "1969-12-31", "2026-06-04T00:00:00", "2026-06-04T00:00:00.1234Z",
        "2026-06-04 00:00:00Z", "2026-06-04T25:00:00Z", "9999-12-31T23:59:59Z",
    )),
    *({**ROTATION, "people": people} for people in (
        None, [], "alice", [""], [" "], [1], ["a" * 201], ["a", None], {"a": 1}, ["a\x00b"],
        [str(number) for number in range(1_001)],
    )),
    *({**ROTATION, "shifts": shifts} for shifts in (None, 0, -1, 1.5, 10_001, "3", True, [3])),
    *({**ROTATION, "shiftLengthHours": hours} for hours in (0, -1, 8_761, 1e-9, "24", 24.00000001)),
    *({**ROTATION, "handoffOffsetHours": hours} for hours in (25, -25, 8_761, "0")),
    {**ROTATION, "shifts": 10_000, "shiftLengthHours": 8_760},
    {**PLAN, "timezone": "Europe/Berln"},
    {**PLAN, "timezone": "CET+1"},
    {**PLAN, "strategy": "best"},
    {**PLAN, "unavailable": [{**ABSENCE, "person": "anna"}, {**ABSENCE, "end": "2026-03-20"}]},
    {**PLAN, "unavailable": [{"person": "ana"}, 5]},
    {**without(PLAN, "timezone"), "start": "2026-03-27T09:00:00Z",
     "unavailable": [{**ABSENCE, "start": "2026-03-27T09:00:00"}]},
    {**PLAN, "weights": {"ben": 0, "dan": 1, "ana": 0.001}},
    {**PLAN, "carryOver": {"ben": -1, "ana": "1"}},
    {**PLAN, "minRestHours": -1, "maxConsecutive": 0},
    {**PLAN, "roles": ["a", "a"], "avoidPairs": [["ana", "ana"], ["ana"]]},
    {**PLAN, "avoidPairs": [["ana", "ben"]]},
    {**PLAN, "fixed": [{"shift": 7, "person": "ana"}, {"shift": 1, "person": "ana", "role": "x"}]},
    {**PLAN, "fixed": [{"shift": 1, "person": "ana"}, {"shift": 1, "person": "ben"}]},
    {**PLAN, "unavailableIcs": {"chloe": "nothing", "ana": 5, "zed": CALENDAR}},
    {**PLAN, "shifts": 1_001},
    {**PLAN, "people": [f"p{number}" for number in range(101)], "unavailable": None},
)  # fmt: skip
BAD_SCHEDULES: Sequence[Mapping[str, Any]] = (
    {},
    without(SCHEDULE, "timezone"),
    {**SCHEDULE, "timezone": "Mars/Olympus"},
    {**SCHEDULE, "to": "2026-04-24T07:00:00Z"},
    {**SCHEDULE, "to": "2029-04-24T07:00:00Z"},
    {**SCHEDULE, "from": "0001-01-01T00:00:00Z", "to": "0001-01-02T00:00:00Z"},
    {**SCHEDULE, "from": "2026-04-24", "to": 5},
    {**SCHEDULE, "layers": [LAYERS["layers"][1]] * 51},
    {**SCHEDULE, "layers": {"name": "x"}},
    {**SCHEDULE, "layers": [{}, 5, {"name": ""}]},
    with_layer(participants=[f"u{number}" for number in range(501)]),
    with_layer(rotation_type="custom"),
    with_layer(rotation_type="custom", interval={"count": 0, "unit": "years"}),
    with_layer(rotation_type="custom", interval={"count": 121, "unit": "months"}),
    with_layer(interval={"count": 2, "unit": "weeks"}),
    with_layer(handoff_time="9am"),
    with_layer(handoff_time="Mon 25:00"),
    with_layer(rotation_type="daily", handoff_time="Mon 09:00"),
    with_layer(restrictions=[{"start": "25:00", "end": "x", "days": ["monday", "mon"]}]),
    with_layer(restrictions=[{"start": "09:00", "end": "17:00"}] * 101),
    with_layer(turns_on="sometimes"),
    {**SCHEDULE, "overrides": [{**OVERRIDE, "end_at": OVERRIDE["start_at"]}, {"user_id": ""}]},
    {**SCHEDULE, "overrides": [{**OVERRIDE, "reason": "x" * 1_001}]},
    {**SCHEDULE, "entries": [{**ENTRY, "end": ENTRY["start"]}]},
    {**SCHEDULE, "entries": [ENTRY] * 10_001},
    {**SCHEDULE, "swaps": [{**SWAP, "swap_with_user_id": "usr_alice"}]},
    {**SCHEDULE, "swaps": [SWAP] * 101},
    {**SCHEDULE, "from": "2026-01-01T00:00:00Z", "to": "2027-12-31T00:00:00Z", "layers": [
        {"name": str(number), "rotation_type": "custom", "participants": ["a"],
         "interval": {"count": 1, "unit": "hours"}} for number in range(50)
    ], "swaps": [SWAP]},
)  # fmt: skip
BAD_NOWS: Sequence[Mapping[str, Any]] = (
    {},
    LAYERS,
    {**NOW, "at": "now"},
    {**NOW, "at": "9999-01-01T00:00:00Z"},
    {**NOW, "at": None, "timezone": None, "layers": None},
    {**NOW, "swaps": [{**SWAP, "end": SWAP["start"]}]},
)


def posted(path: str, document: object, *headers: tuple[str, str], **more: Any) -> Exchange:
    """A document for a product."""
    return Exchange(method="POST", path=path, headers=[JSON, *headers], body=text(document), **more)


def terms() -> Iterator[Recorded]:
    """402s: what is asked for a valid document, or for none."""
    area = "terms (402)"
    for service, (path, example) in product(("sandbox", "identified"), PRODUCTS.items()):
        yield Exchange(area=area, service=service, method="POST", path=path)
        yield posted(path, example, area=area, service=service)
    for (path, example), accept in product(PRODUCTS.items(), FORMATS):
        yield posted(path, example, ("Accept", accept), area=area)
    for path, warned in zip(PRODUCTS, (ROTATIONS[8], SCHEDULES[4], NOWS[6]), strict=True):
        yield posted(path, warned, area=area)
    yield posted(ROTATION_PATH, PLAN, area=area)
    yield Exchange(
        area=area, method="POST", path=f"{ROTATION_PATH}?a=b", headers=[("Accept", "text/*")]
    )
    for content_type in ("application/json; charset=utf-8", "application/x+json", ""):
        yield Exchange(
            area=area,
            method="POST",
            path=ROTATION_PATH,
            headers=[("Content-Type", content_type)],
            body=text(ROTATION),
        )


def invalid() -> Iterator[Recorded]:
    """Documents with faults, without a payment; some where nothing is paid, too."""
    area = "invalid documents (400)"
    for path, body in product(PRODUCTS, BAD_BODIES[1:]):
        yield Exchange(area=area, method="POST", path=path, headers=[JSON], body=body)
    for body in BAD_BODIES:
        yield Exchange(
            area=area, service="off", method="POST", path=ROTATION_PATH, headers=[JSON], body=body
        )
    for path, documents in (
        (ROTATION_PATH, BAD_ROTATIONS),
        (SCHEDULE_PATH, BAD_SCHEDULES),
        (NOW_PATH, BAD_NOWS),
    ):
        for document in documents:
            yield posted(path, document, area=area)
    for path, documents in (
        (ROTATION_PATH, BAD_ROTATIONS[-9:]),
        (SCHEDULE_PATH, BAD_SCHEDULES[-9:]),
        (NOW_PATH, BAD_NOWS),
    ):
        for document in documents:
            yield posted(path, document, area=area, service="off")


def refused_requests() -> Iterator[Recorded]:
    """What is refused whatever the document says: form, size, type, rate."""
    area = "406, 413, 415, 429, 431"
    for path, service in product(PRODUCTS, ("sandbox", "off")):
        for headers in (
            [JSON, ("Accept", "text/plain")],
            [JSON, ("Accept", "application/json;q=0, text/html")],
            [("Content-Type", "text/plain")],
            [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "a/b")],
        ):
            yield Exchange(
                area=area,
                service=service,
                method="POST",
                path=path,
                headers=headers,
                body=text(PRODUCTS[path]),
            )
    large = text({"people": ["x" * 1024] * 1024})
    for path in (ROTATION_PATH, "/mcp", "/sandbox/pay", "/api/v1/schedules"):
        yield Exchange(area=area, method="POST", path=path, headers=[JSON], body=large)
        yield Exchange(
            area=area, method="POST", path=path, headers=[JSON, ("X-Long", "x" * 17_000)], body="{}"
        )
    for path in (ROTATION_PATH, "/sandbox/pay", "/mcp", "/api/v1/schedules"):
        yield Exchange(
            area=area,
            method="POST",
            path=path,
            headers=[JSON, ("X-Forwarded-For", f"198.51.100.{len(path)}")],
            body="{}",
            times=601 if path == "/mcp" else 121,
        )


# --- payments -------------------------------------------------------------------------------


def signed(area: str, path: str, name: str, **more: Any) -> Iterator[Recorded]:
    """Have the sandbox sign a payment for ``path``, to be had as ``«name»``."""
    yield Exchange(area=area, method="POST", path=path, save={"terms": whole}, **more)
    yield Exchange(
        area=area,
        method="POST",
        path="/sandbox/pay",
        headers=[JSON],
        body="«terms»",
        save={
            name: at("paymentSignature"),
            f"{name}_json": lambda body: decoded(at("paymentSignature")(body)),
        },
        **more,
    )


def decoded(header: str) -> str:
    return base64.b64decode(header).decode()


def paid(area: str, path: str, document: object, payment: str, *headers: tuple[str, str],
         **more: Any) -> Exchange:  # fmt: skip
    return posted(path, document, ("PAYMENT-SIGNATURE", payment), *headers, area=area, **more)


def changed_payment(*path: str, value: object) -> Read:
    """A payment with another value at ``path``, as it is sent."""

    def read(body: str) -> str:
        payment = json.loads(decoded(at("paymentSignature")(body)))
        inner = payment
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value
        return base64.b64encode(json.dumps(payment).encode()).decode()

    return read


TAMPERED: Mapping[str, Read] = {
    "cheaper": changed_payment("payload", "authorization", "value", value="1"),
    "elsewhere": changed_payment("payload", "authorization", "to", value="0x" + "11" * 20),
    "late": changed_payment("payload", "authorization", "validBefore", value="1000"),
    "early": changed_payment("payload", "authorization", "validAfter", value="99999999999"),
    "forged": changed_payment("payload", "signature", value="0x" + "22" * 65),
    "unsigned": changed_payment("payload", "signature", value=""),
    "short_nonce": changed_payment("payload", "authorization", "nonce", value="0x11"),
    "other_network": changed_payment("accepted", "network", value="eip155:1"),
    "other_amount": changed_payment("accepted", "amount", value="1"),
    "other_scheme": changed_payment("accepted", "scheme", value="upto"),
    "version_1": changed_payment("x402Version", value=1),
    "version_3": changed_payment("x402Version", value=3),
    "no_payload": changed_payment("payload", value={}),
    "no_accepted": changed_payment("accepted", value=None),
    "bad_id": changed_payment(
        "extensions", value={"payment-identifier": {"info": {"required": False, "id": "x"}}}
    ),
}


def purchases() -> Iterator[Recorded]:
    """Paid answers in every form, and the same payment again."""
    area = "purchases"
    for (path, example), accept in product(PRODUCTS.items(), FORMATS):
        yield from signed(area, path, "payment")
        for _ in range(2):
            yield paid(area, path, example, "«payment»", ("Accept", accept))
    for document in (ROTATIONS[8], PLAN, ROTATIONS[15]):
        yield from signed(area, ROTATION_PATH, "payment")
        yield paid(area, ROTATION_PATH, document, "«payment»")
    yield from signed(area, ROTATION_PATH, "payment")
    yield paid(area, ROTATION_PATH, BAD_ROTATIONS[0], "«payment»")
    yield paid(area, ROTATION_PATH, ROTATION, "«payment»", ("Accept", "text/html"))
    yield paid(area, SCHEDULE_PATH, SCHEDULE, "«payment»")
    yield paid(area, ROTATION_PATH, ROTATION, "«payment»")
    yield paid(area, ROTATION_PATH, {**ROTATION, "shifts": 4}, "«payment»")
    yield paid(area, ROTATION_PATH, ROTATION, "«payment»", ("Accept", "text/csv"))
    yield posted(ROTATION_PATH, ROTATION, ("X-PAYMENT", "«payment»"), area=area)
    yield paid(area, ROTATION_PATH, ROTATION, "«payment»", service="off")


def refused_payments() -> Iterator[Recorded]:
    """Payments that are not taken."""
    area = "refused payments"
    yield Exchange(area=area, method="POST", path=ROTATION_PATH, save={"terms": whole})
    yield Exchange(
        area=area,
        method="POST",
        path="/sandbox/pay",
        headers=[JSON],
        body="«terms»",
        save=TAMPERED,
    )
    for name in TAMPERED:
        yield paid(area, ROTATION_PATH, ROTATION, f"«{name}»")
    for header in (
        "",
        "x",
        "e30=",
        "bnVsbA==",
        "W10=",
        "a" * 9_000,
        base64.b64encode(b"{").decode(),
    ):
        yield paid(area, ROTATION_PATH, ROTATION, header)
        yield posted(ROTATION_PATH, ROTATION, ("X-PAYMENT", header), area=area)
    yield from signed(area, ROTATION_PATH, "anonymous", service="identified")
    yield paid(area, ROTATION_PATH, ROTATION, "«anonymous»", service="identified")
    yield Exchange(
        area=area,
        method="POST",
        path=ROTATION_PATH,
        headers=[JSON, ("PAYMENT-SIGNATURE", "e30="), ("PAYMENT-SIGNATURE", "e30=")],
        body=text(ROTATION),
    )


def sandbox_wallet() -> Iterator[Recorded]:
    """What the sandbox's wallet signs, and what it does not."""
    area = "sandbox wallet"
    for path in PRODUCTS:
        yield Exchange(area=area, method="POST", path=path, save={"terms": whole})
        for accept in ("application/json", "text/plain", "text/html"):
            yield Exchange(
                area=area,
                method="POST",
                path="/sandbox/pay",
                headers=[JSON, ("Accept", accept)],
                body="«terms»",
            )
    way = {"scheme": "exact", "network": "eip155:1", "amount": "1"}
    for document in (
        {},
        {"resource": {"url": "http://elsewhere.example"}, "accepts": []},
        {"resource": {"url": f"{PUBLIC_URL}{ROTATION_PATH}"}, "accepts": []},
        {"resource": {"url": f"{PUBLIC_URL}{ROTATION_PATH}"}, "accepts": [way]},
        {"resource": 5, "accepts": "x"},
    ):
        yield posted("/sandbox/pay", document, area=area)
    yield Exchange(area=area, method="POST", path="/sandbox/pay", headers=[JSON], body="{")
    yield Exchange(
        area=area,
        method="POST",
        path="/sandbox/pay",
        headers=[("Content-Type", "text/plain")],
        body="{}",
    )


def answers() -> Iterator[Recorded]:
    """Answers in every form where nothing is paid."""
    for path, documents in (
        (ROTATION_PATH, ROTATIONS),
        (SCHEDULE_PATH, SCHEDULES),
        (NOW_PATH, NOWS),
    ):
        for document, accept in product(documents, FORMATS):
            yield posted(path, document, ("Accept", accept), area="answers, unpaid", service="off")
    for path, example in PRODUCTS.items():
        yield posted(path, example, area="answers, unpaid", service="bare")


# --- MCP ------------------------------------------------------------------------------------

MCP_HEADERS = (JSON, ("Accept", "application/json, text/event-stream"))


def message(method: str, params: object = None, **more: Any) -> Mapping[str, Any]:
    given = {} if params is None else {"params": params}
    return {"jsonrpc": "2.0", "id": 1, "method": method, **given, **more}


def called(tool: str, arguments: object, payment: str = "") -> str:
    """A call of a tool; ``payment`` is JSON."""
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    if payment:
        params["_meta"] = {"x402/payment": "«here»"}
    return text(message("tools/call", params)).replace('"«here»"', payment)


INITIALIZE = message(
    "initialize",
    {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "recorded", "version": "1"},
    },
)
TOOLS = dict(
    zip(
        PRODUCTS,
        (
            "sched-oncall-rotation",
            "sched-oncall-schedule",
            "sched-oncall-now",
            "sched-oncall-convert",
        ),
        strict=True,
    )
)


def sent(body: object, *headers: tuple[str, str], service: str = "sandbox") -> Exchange:
    """A message to the MCP server, as text or to be written as JSON."""
    return Exchange(
        area="MCP",
        service=service,
        method="POST",
        path="/mcp",
        headers=[*MCP_HEADERS, *headers],
        body=body if isinstance(body, str) else text(body),
    )


def mcp() -> Iterator[Recorded]:
    """Messages to the MCP server: what it is and lists, and what it refuses."""
    listing = message("tools/list")
    for service, body in product(("sandbox", "off", "bare", "identified"), (INITIALIZE, listing)):
        yield sent(body, service=service)
    yield sent(message("ping"))
    yield sent({"jsonrpc": "2.0", "method": "notifications/initialized"})
    yield sent({"jsonrpc": "2.0", "id": 1, "result": {}})
    for method in ("prompts/list", "resources/list", "nothing", "tools/call", "initialize"):
        yield sent(message(method))
    for body in ("", "{", "[]", "[{}]", "{}", '{"jsonrpc": "1.0"}', '"x"', '{"a": "\udcff"}'):
        yield sent(body)
    for header in (
        ("Host", "evil.example"),
        ("Origin", "https://evil.example"),
        ("Origin", "http://localhost:3000"),
        ("Mcp-Protocol-Version", "2025-06-18"),
        ("Mcp-Protocol-Version", "1999-01-01"),
    ):
        yield sent(listing, header)
    for headers in ([JSON], [JSON, ("Accept", "text/html")], [("Content-Type", "text/plain")]):
        yield Exchange(area="MCP", method="POST", path="/mcp", headers=headers, body=text(listing))


def tool_calls() -> Iterator[Recorded]:
    """Calls of the tools: terms, faults, purchases and unpaid answers."""
    yield sent(message("tools/call", {"name": "nothing", "arguments": {}}))
    yield sent(message("tools/call", {"name": 5}))
    for path, example in PRODUCTS.items():
        tool = TOOLS[path]
        for arguments in (example, None, {}, {**example, "unknown": 1}):
            yield sent(called(tool, arguments))
            yield sent(called(tool, arguments), service="off")
        yield from signed("MCP", path, "payment")
        yield sent(called(tool, example, "«payment_json»"))
        yield sent(called(tool, example, "«payment_json»"))
        yield paid("MCP", path, example, "«payment»")
    for document in (*ROTATIONS[8:9], *ROTATIONS[12:16]):
        yield sent(called(TOOLS[ROTATION_PATH], document), service="off")
    for document in BAD_SCHEDULES[:8]:
        yield sent(called(TOOLS[SCHEDULE_PATH], document))
    yield sent(called(TOOLS[NOW_PATH], NOW, "{}"))
    yield sent(called(TOOLS[NOW_PATH], NOW, '"x"'))


# --- stored schedules -----------------------------------------------------------------------

V1, V2 = "/api/v1", "/api/v2/oncall"
KEY_REQUESTS = 100
KEYS = 5
"""So many keys share what is asked with every scope."""


def made_keys() -> Iterator[Recorded]:
    """Keys of two organisations, by command."""

    def made(name: str, org: str, *options: str) -> Command:
        arguments = ["keys", "create", "--org", org, "--name", name, *options]
        save = {name: whole, f"{name}_id": lambda key: key.split("_")[2]}
        return Command(area="command line", arguments=arguments, save=save)

    every = ["--scope", "schedules", "--scope", "oncall:read", "--scope", "oncall:write"]
    for number in range(KEYS):
        yield made(f"every_{number}", "Acme", *every)
    yield made("reader", "Acme", "--scope", "oncall:read")
    yield made("writer", "Acme", "--scope", "oncall:write")
    yield made("scheduler", "Acme", "--scope", "schedules", "--test")
    yield made("stranger", "Other", *every, "--expires", "2100-01-01")
    yield made("gone", "Acme", *every)
    for options in ([], ["--org", "Other"], ["--org", "Nobody"]):
        yield Command(area="command line", arguments=["keys", "list", *options])


_asked = count()


def asked(method: str, path: str, document: object = None, *headers: tuple[str, str],
          key: str = "", **more: Any) -> Exchange:  # fmt: skip
    """A request to a stored API; without ``key`` by one with every scope."""
    key = key or f"every_{next(_asked) // KEY_REQUESTS}"
    sent = [("Authorization", f"Bearer «{key}»"), *headers]
    if document is None:
        return Exchange(method=method, path=path, headers=sent, **more)
    body = document if isinstance(document, str) else text(document)
    return Exchange(method=method, path=path, headers=[JSON, *sent], body=body, **more)


PEOPLE: Sequence[Mapping[str, Any]] = (
    *(
        {"id": name, "name": name.removeprefix("usr_").title(), "email": f"{name}@example.com"}
        for name in ("usr_alice", "usr_bob", "usr_carol", "usr_dave", "usr_eve", "usr_frank")
    ),
    {
        "id": "user_012",
        "name": "Marie Laurent",
        "email": "marie@example.com",
        "team_ids": ["team_789"],
    },
    {"id": "user_034", "name": "Zoë 🎉", "email": "zoe@example.com", "team_ids": []},
)
BAD_PEOPLE: Sequence[object] = (
    {},
    {"name": "", "email": "x"},
    {"name": "A", "email": "a@b", "id": "a/b"},
    {"name": "A", "email": "a@b", "team": "x"},
    {"name": "A", "email": "a@b", "team_ids": ["", 5]},
    {"name": None, "email": 5, "id": "x" * 65},
    {"name": "A\x00", "email": "a@b"},
    [],
    "{",
    '{"a": "\\u0000"}',
)


def users() -> Iterator[Recorded]:
    """People: made, read, listed, changed, removed, and every refusal."""
    area, path = "stored: users", f"{V2}/users"
    for person in PEOPLE:
        yield asked("POST", path, person, area=area)
    yield asked("POST", path, PEOPLE[0], area=area)
    yield asked(
        "POST",
        path,
        {"name": "Made", "email": "made@example.com"},
        area=area,
        save={"user": at("data", "id")},
    )
    for document in BAD_PEOPLE:
        yield asked("POST", path, document, area=area)
    yield asked("GET", f"{path}/«user»", area=area)
    yield asked("GET", f"{path}/usr_alice", None, ("If-None-Match", '"1"'), area=area)
    yield asked("GET", f"{path}/nobody", area=area)
    for query in (
        "",
        "?limit=2",
        "?limit=3&offset=2",
        "?offset=100",
        "?limit=0",
        "?limit=101",
        "?limit=x&offset=-1",
        "?limit=1&limit=2",
        "?nothing=1",
        "?limit=",
        "?limit=%31",
    ):
        yield asked("GET", f"{path}{query}", area=area)
    for patch in (
        {"email": "marie.laurent@example.com"},
        {"team_ids": None},
        {"team_ids": ["team_789", "team_1"]},
        {},
        {"name": None},
        {"id": "other"},
        {"version": 9},
        {"nothing": 1},
        [],
    ):
        yield asked("PATCH", f"{path}/user_012", patch, area=area)
    yield asked("PATCH", f"{path}/user_012", {"name": "M"}, ("If-Match", '"1"'), area=area)
    yield asked("PATCH", f"{path}/user_034", {"name": "Zoe"}, ("If-Match", '"1"'), area=area)
    yield asked("PATCH", f"{path}/user_034", {"name": "Zoë"}, ("If-Match", "*"), area=area)
    yield asked("PATCH", f"{path}/user_034", {"name": "Z"}, ("If-Match", "2"), area=area)
    yield asked("PATCH", f"{path}/nobody", {"name": "N"}, area=area)
    yield asked("DELETE", f"{path}/«user»", None, ("If-Match", '"7"'), area=area)
    yield asked("DELETE", f"{path}/«user»", area=area)
    yield asked("DELETE", f"{path}/«user»", area=area)
    yield asked("GET", path, area=area)


V1_SCHEDULE: Mapping[str, Any] = {"id": "platform", "name": "Platform primary", **LAYERS}
V1_OVERRIDE: Mapping[str, Any] = {
    "id": "cover",
    "user_id": "usr_frank",
    "start_at": "2044-04-25T00:00:00Z",
    "end_at": "2044-04-25T08:00:00Z",
    "reason": "Alice PTO; covering.",
}


def v1_schedules() -> Iterator[Recorded]:
    """Schedules of layers."""
    area, path = "stored: v1", f"{V1}/schedules"
    one = f"{path}/platform"
    yield asked("POST", path, V1_SCHEDULE, area=area)
    yield asked("POST", path, V1_SCHEDULE, area=area)
    yield asked(
        "POST",
        path,
        {"name": "Empty", "timezone": "UTC", "layers": [], "team_id": "team_1"},
        area=area,
        save={"empty": at("data", "id")},
    )
    for document in (
        {},
        {**V1_SCHEDULE, "id": "p2", "timezone": "Mars"},
        {**V1_SCHEDULE, "id": "p2", "colour": "red"},
        {**V1_SCHEDULE, "id": "p2", "overrides": []},
        {**V1_SCHEDULE, "id": "p2", "layers": [{**LAYERS["layers"][1], "participants": ["x"]}]},
        {**V1_SCHEDULE, "id": "p2", "layers": [{"name": "a"}]},
        {**V1_SCHEDULE, "id": "p2", "layers": [LAYERS["layers"][1]] * 51},
        {**V1_SCHEDULE, "id": "-"},
    ):
        yield asked("POST", path, document, area=area)
    for query in ("", "?limit=1", "?limit=1&offset=1", "?team_id=team_1", "?team_id=", "?x=1"):
        yield asked("GET", f"{path}{query}", area=area)
    yield asked("GET", one, area=area)
    yield asked("GET", one, None, ("If-None-Match", '"1"'), area=area)
    yield asked("GET", one, None, ("If-None-Match", '"0", "2"'), area=area)
    yield asked("GET", f"{path}/«empty»", area=area)
    yield asked("GET", f"{path}/nothing", area=area)
    for at_ in ("2026-04-24T19:00:00Z", "2044-04-25T03:00:00Z", "2044-03-27T02:30:00%2B02:00"):
        yield asked("GET", f"{one}/on-call?at={at_}", area=area)
    yield asked("GET", f"{one}/on-call", area=area)
    for query in ("?at=now", "?at=", "?at=2044-04-25", "?when=1", "?at=9999-12-31T00:00:00Z"):
        yield asked("GET", f"{one}/on-call{query}", area=area)
    yield asked("GET", f"{path}/«empty»/on-call?at=2044-04-25T03:00:00Z", area=area)


def v1_overrides() -> Iterator[Recorded]:
    """Overrides, and what changes after them: answers, versions, the audit."""
    area, path = "stored: v1", f"{V1}/schedules"
    one = f"{path}/platform"
    yield asked("POST", f"{one}/overrides", V1_OVERRIDE, area=area)
    yield asked("POST", f"{one}/overrides", V1_OVERRIDE, area=area)
    yield asked(
        "POST",
        f"{one}/overrides",
        {**without(V1_OVERRIDE, "id"), "user_id": "usr_eve"},
        area=area,
        save={"override": at("data", "id")},
    )
    for document in (
        {},
        {**V1_OVERRIDE, "id": "c2", "user_id": "nobody"},
        {**V1_OVERRIDE, "id": "c2", "end_at": V1_OVERRIDE["start_at"]},
        {**V1_OVERRIDE, "id": "c2", "reason": 5},
        {**V1_OVERRIDE, "id": "c2", "start_at": "2044-04-25"},
    ):
        yield asked("POST", f"{one}/overrides", document, area=area)
    past = {**V1_OVERRIDE, "id": "past"}
    past |= {"start_at": "2020-01-01T00:00:00Z", "end_at": "2020-01-02T00:00:00Z"}
    yield asked("POST", f"{one}/overrides", past, ("If-Match", '"1"'), area=area)
    yield asked("POST", f"{one}/overrides", past, area=area)
    yield asked("GET", f"{one}/overrides", area=area)
    yield asked("GET", f"{one}/overrides?limit=1&offset=1", area=area)
    yield asked("GET", one, area=area)
    for window in (
        "from=2044-04-24T07:00:00Z&to=2044-04-27T07:00:00Z",
        "from=2020-01-01T00:00:00Z&to=2020-01-08T00:00:00Z",
        "from=2044-01-01T00:00:00Z&to=2044-03-01T00:00:00Z",
        "from=2044-04-24T07:00:00Z",
        "from=2044-04-24T07:00:00Z&to=2044-04-24T07:00:00Z",
        "from=2044-04-24T07:00:00Z&to=2048-04-24T07:00:00Z",
        "from=x&to=y&z=1",
    ):
        yield asked("GET", f"{one}/final-schedule?{window}", area=area)
    for patch in (
        {"name": "Platform primary (EU)"},
        {"team_id": "team_789"},
        {"timezone": "Europe/Brussels"},
        {"layers": [LAYERS["layers"][1]]},
        {"layers": None},
        {"name": 5},
        {"overrides": []},
        {"id": "x"},
        {},
    ):
        yield asked("PATCH", one, patch, area=area)
    yield asked("PATCH", one, {"name": "Late"}, ("If-Match", '"1"'), area=area)
    yield asked("DELETE", f"{one}/overrides/«override»", area=area)
    yield asked("DELETE", f"{one}/overrides/«override»", area=area)
    yield asked("DELETE", f"{one}/overrides/past", area=area)
    yield asked("DELETE", f"{one}/overrides/nothing", area=area)
    yield asked("DELETE", f"{path}/«empty»/overrides/cover", area=area)
    yield asked("GET", f"{one}/on-call?at=2044-04-25T03:00:00Z", area=area)
    yield asked("GET", f"{one}/audit", area=area)
    yield asked("GET", f"{one}/audit?limit=2&offset=1", area=area)
    yield asked("GET", f"{path}/nothing/audit", area=area)
    yield asked("GET", f"{V2}/schedules/platform", area=area)
    yield asked("GET", f"{V2}/schedules/«empty»", area=area)
    yield asked("DELETE", f"{path}/«empty»", None, ("If-Match", '"9"'), area=area)
    yield asked("DELETE", f"{path}/«empty»", area=area)
    yield asked("GET", f"{path}/«empty»", area=area)
    yield asked("DELETE", f"{V2}/users/usr_dave", area=area)


POLICY: Mapping[str, Any] = {
    "id": "policy",
    "name": "Platform",
    "steps": [
        {"targets": [{"type": "schedule", "id": "platform"}], "delay_minutes": 5},
        {"targets": [{"type": "user", "id": "usr_carol"}]},
    ],
}


def policies() -> Iterator[Recorded]:
    """Escalation policies."""
    area, path = "stored: policies", f"{V1}/escalation-policies"
    one = f"{path}/policy"
    yield asked("POST", path, POLICY, area=area)
    yield asked("POST", path, POLICY, area=area)
    for document in (
        {},
        {**POLICY, "id": "p2", "steps": []},
        {**POLICY, "id": "p2", "steps": [{"targets": []}]},
        {**POLICY, "id": "p2", "steps": [{"targets": [{"type": "team", "id": "x"}]}]},
        {**POLICY, "id": "p2", "steps": [{"targets": [{"type": "user", "id": "nobody"}]}]},
        {**POLICY, "id": "p2", "steps": [{"targets": [{"type": "schedule", "id": "none"}]}]},
        {**POLICY, "id": "p2", "steps": [{**POLICY["steps"][0], "delay_minutes": 2_000}]},
        {**POLICY, "id": "p2", "steps": POLICY["steps"] * 11},
    ):
        yield asked("POST", path, document, area=area)
    yield asked("GET", path, area=area)
    yield asked("GET", f"{path}?limit=1&offset=1", area=area)
    yield asked("GET", one, area=area)
    yield asked("GET", one, None, ("If-None-Match", '"1"'), area=area)
    yield asked("GET", f"{path}/nothing", area=area)
    yield asked("GET", f"{one}/resolve?at=2044-04-25T03:00:00Z", area=area)
    yield asked("GET", f"{one}/resolve", area=area)
    yield asked("GET", f"{one}/resolve?at=x", area=area)
    yield asked("GET", f"{path}/nothing/resolve", area=area)
    for patch in ({"name": "Nights"}, {"steps": POLICY["steps"][1:]}, {"steps": None}, {"x": 1}):
        yield asked("PATCH", one, patch, area=area)
    yield asked("PATCH", one, {"steps": POLICY["steps"]}, ("If-Match", '"3"'), area=area)
    yield asked("PATCH", one, {"name": "Late"}, ("If-Match", '"1"'), area=area)
    yield asked("DELETE", f"{V1}/schedules/platform", area=area)
    yield asked("DELETE", one, None, ("If-Match", '"1"'), area=area)
    yield asked("DELETE", one, area=area)
    yield asked("DELETE", one, area=area)


V2_SCHEDULE: Mapping[str, Any] = {
    "id": "support",
    "name": "Weekend Support",
    "team_id": "team_789",
    "timezone": "Europe/Brussels",
    "rotation_type": "weekly",
    "participants": ["user_012", "user_034", "usr_alice"],
    "start_at": "2026-01-05T09:00:00+01:00",
    "handoff_time": "Mon 09:00",
}
V2_ENTRY: Mapping[str, Any] = {
    "id": "entry",
    "user_id": "user_012",
    "start": "2044-03-15T18:00:00+01:00",
    "end": "2044-03-16T08:00:00+01:00",
}


def v2_schedules() -> Iterator[Recorded]:
    """Schedules of one rotation, and who is on call for a team."""
    area, path = "stored: v2", f"{V2}/schedules"
    one = f"{path}/support"
    yield asked("POST", path, V2_SCHEDULE, area=area)
    yield asked("POST", path, V2_SCHEDULE, area=area)
    yield asked("POST", path, {**without(V2_SCHEDULE, "participants"), "id": "silent"}, area=area)
    for document in (
        {},
        {**V2_SCHEDULE, "id": "s2", "participants": ["nobody", "user_012"]},
        {**V2_SCHEDULE, "id": "s2", "rotation_type": "monthly"},
        {**V2_SCHEDULE, "id": "s2", "rotation_type": "custom"},
        {**V2_SCHEDULE, "id": "s2", "handoff_time": "9"},
        {**V2_SCHEDULE, "id": "s2", "team_id": None},
        {**V2_SCHEDULE, "id": "s2", "layers": []},
    ):
        yield asked("POST", path, document, area=area)
    for query in ("", "?team_id=team_789", "?team_id=none", "?limit=1&offset=2"):
        yield asked("GET", f"{path}{query}", area=area)
    yield asked("GET", one, area=area)
    yield asked("GET", f"{path}/nothing", area=area)
    for query in ("?at=2044-03-15T18:30:00Z", "", "?at=x", "?limit=1"):
        yield asked("GET", f"{V2}/current/team_789{query}", area=area)
    yield asked("GET", f"{V2}/current/none?at=2044-03-15T18:30:00Z", area=area)
    for patch in (
        {"name": "After-Hours Network Support (Updated)", "timezone": "Europe/Paris"},
        {"handoff_time": "Tue 10:00"},
        {"participants": ["user_034", "user_012"]},
        {"rotation_type": "custom", "interval": {"count": 3, "unit": "days"}, "handoff_time": None},
        {"rotation_type": "daily", "interval": None, "handoff_time": "08:00"},
        {"team_id": None},
        {"team_id": "team_789"},
        {"rotation_type": "custom"},
        {"layered": True},
        {"nothing": 1},
    ):
        yield asked("PATCH", one, patch, area=area)
    yield asked("PATCH", one, {"name": "Late"}, ("If-Match", '"1"'), area=area)
    yield asked("PATCH", f"{path}/platform", {"name": "By v2"}, area=area)
    yield asked("PATCH", f"{path}/platform", {"participants": []}, area=area)


def v2_entries() -> Iterator[Recorded]:
    """Entries and swaps, and what changes after them."""
    area, path = "stored: v2", f"{V2}/schedules"
    one = f"{path}/support"
    yield asked("POST", f"{one}/entries", V2_ENTRY, area=area)
    yield asked("POST", f"{one}/entries", V2_ENTRY, area=area)
    second = {**V2_ENTRY, "id": "second", "user_id": "user_034"}
    second |= {"start": "2044-03-20T18:00:00Z", "end": "2044-03-21T08:00:00Z"}
    yield asked("POST", f"{one}/entries", second, area=area)
    yield asked("POST", f"{one}/entries", {**second, "id": "third"}, ("If-Match", '"1"'), area=area)
    for document in (
        {},
        {**V2_ENTRY, "id": "e2", "user_id": "nobody"},
        {**V2_ENTRY, "id": "e2", "end": V2_ENTRY["start"]},
        {**V2_ENTRY, "id": "e2", "end": "2050-01-01T00:00:00Z"},
        {**V2_ENTRY, "id": "e2", "start": "2044-03-15"},
    ):
        yield asked("POST", f"{one}/entries", document, area=area)
    for query in (
        "?start_date=2044-03-01&end_date=2044-03-31",
        "?start_date=2044-03-14&end_date=2044-03-16&user_id=user_012",
        "?start_date=2044-03-01&end_date=2044-03-31&limit=2&offset=3",
        "?start_date=2020-03-01&end_date=2020-03-03",
        "?start_date=2044-03-31&end_date=2044-03-01",
        "?start_date=2044-03-01&end_date=2050-03-01",
        "?start_date=x",
        "",
    ):
        yield asked("GET", f"{one}/entries{query}", area=area)
    yield asked(
        "GET",
        f"{one}/entries?start_date=2044-03-25&end_date=2044-03-25",
        area=area,
        save={"generated": at("data", 0, "id")},
    )
    yield asked("GET", f"{V2}/entries/entry", area=area)
    yield asked("GET", f"{V2}/entries/«generated»", area=area)
    yield asked("GET", f"{V2}/entries/nothing", area=area)
    yield asked(
        "POST",
        f"{one}/entries/entry/swap",
        {"swap_with_user_id": "user_034"},
        area=area,
        save={"swap": at("data", "id")},
    )
    for path_, document in (
        (f"{one}/entries/entry/swap", {"swap_with_user_id": "user_034"}),
        (f"{V2}/entries/second/swap", {"swap_with_user_id": "nobody"}),
        (f"{V2}/entries/second/swap", {}),
        (f"{V2}/entries/nothing/swap", {"swap_with_user_id": "user_034"}),
        (f"{path}/silent/entries/entry/swap", {"swap_with_user_id": "user_034"}),
        (f"{V2}/entries/«generated»/swap", {"swap_with_user_id": "usr_alice"}),
    ):
        yield asked("POST", path_, document, area=area)
    yield asked("GET", f"{one}/swaps", area=area)
    yield asked("GET", f"{one}/swaps?limit=1&offset=1", area=area)
    yield asked("GET", f"{V2}/entries/entry", area=area)
    yield asked("GET", f"{one}/entries?start_date=2044-03-14&end_date=2044-03-28", area=area)
    yield asked("GET", f"{V1}/schedules/support", area=area)
    yield asked("DELETE", f"{V2}/entries/entry", area=area)
    yield asked("DELETE", f"{V2}/swaps/«swap»", area=area)
    yield asked("DELETE", f"{V2}/swaps/«swap»", area=area)
    yield asked("DELETE", f"{V2}/swaps/nothing", area=area)
    yield asked("DELETE", f"{V2}/entries/«generated»", area=area)
    yield asked("DELETE", f"{V2}/entries/entry", None, ("If-Match", '"1"'), area=area)
    yield asked("DELETE", f"{V2}/entries/entry", area=area)
    yield asked("DELETE", f"{V2}/entries/entry", area=area)
    yield asked("GET", f"{one}/audit", area=area)
    yield asked("GET", f"{one}/audit?limit=3&offset=2", area=area)
    yield asked("GET", f"{V1}/schedules/support/on-call?at=2044-03-16T00:00:00Z", area=area)
    yield asked("DELETE", f"{V2}/users/user_012", area=area)
    yield asked("DELETE", f"{path}/silent", area=area)
    yield asked("DELETE", f"{path}/silent", area=area)


def feeds() -> Iterator[Recorded]:
    """Calendars, by key and by token."""
    area = "stored: calendars"
    for of in ("schedules/support", "users/user_012"):
        one = f"{V2}/{of}"
        yield asked("GET", f"{one}/calendar.ics", area=area)
        yield asked("GET", f"{one}/calendar.ics", None, ("If-None-Match", '"x"'), area=area)
        yield asked("GET", f"{one}/calendar.ics", None, ("If-None-Match", "*"), area=area)
        yield asked("GET", f"{one}/calendar.ics?token=wrong", area=area)
        yield asked(
            "POST",
            f"{one}/feed-tokens",
            {"name": "Marie's phone"},
            area=area,
            save={"token": at("data", "token"), "token_id": at("data", "id")},
        )
        yield asked("POST", f"{one}/feed-tokens", {}, area=area)
        yield asked("POST", f"{one}/feed-tokens", {"name": ""}, area=area)
        yield asked("POST", f"{one}/feed-tokens", None, area=area)
        yield asked("GET", f"{one}/feed-tokens", area=area)
        yield asked("GET", f"{one}/feed-tokens?limit=1&offset=1", area=area)
        opened = Exchange(area=area, path=f"{one}/calendar.ics?token=«token»")
        yield opened
        yield Exchange(area=area, path=f"{one}/calendar.ics?token=«token»&x=1")
        yield Exchange(area=area, path=f"{V2}/schedules/platform/calendar.ics?token=«token»")
        yield Exchange(area=area, path=f"{one}/calendar.ics?token=wrong")
        yield Exchange(area=area, path=f"{one}/calendar.ics")
        yield asked("DELETE", f"{V2}/feed-tokens/«token_id»", area=area)
        yield asked("DELETE", f"{V2}/feed-tokens/«token_id»", area=area)
        yield opened
    yield asked("GET", f"{V2}/schedules/nothing/calendar.ics", area=area)
    yield asked("GET", f"{V2}/users/nobody/feed-tokens", area=area)
    yield asked("GET", f"{V2}/schedules/support/audit?offset=10", area=area)


def idempotency() -> Iterator[Recorded]:
    """The same write twice under one key."""
    area, path = "stored: idempotency", f"{V2}/users"
    person = {"id": "once", "name": "Once", "email": "once@example.com"}
    for document, header in (
        (person, "a"),
        (person, "a"),
        ({**person, "name": "Twice"}, "a"),
        (person, "b"),
        (person, "b"),
        ({}, "c"),
        ({}, "c"),
        (person, ""),
        (person, "x" * 256),
        (person, "with space"),
    ):
        yield asked("POST", path, document, ("Idempotency-Key", header), area=area)
    shift = {**V2_ENTRY, "id": "once"}
    for _ in range(2):
        yield asked(
            "POST",
            f"{V2}/schedules/support/entries",
            shift,
            ("Idempotency-Key", "entry"),
            area=area,
        )
    yield asked("POST", path, person, ("Idempotency-Key", "a"), key="stranger", area=area)
    yield asked("PATCH", f"{path}/once", {"name": "P"}, ("Idempotency-Key", "d"), area=area)
    yield asked("DELETE", f"{path}/once", None, ("Idempotency-Key", "e"), area=area)


SOMEBODYS = (
    ("GET", f"{V1}/schedules", None),
    ("GET", f"{V1}/schedules/platform", None),
    ("GET", f"{V1}/schedules/platform/on-call?at=2044-03-15T18:30:00Z", None),
    ("POST", f"{V1}/schedules", {**V1_SCHEDULE, "id": "theirs"}),
    ("GET", f"{V1}/escalation-policies", None),
    ("GET", f"{V2}/schedules", None),
    ("GET", f"{V2}/schedules/support/swaps", None),
    ("GET", f"{V2}/users/user_012", None),
    ("POST", f"{V2}/users", {"id": "w", "name": "W", "email": "w@example.com"}),
    ("GET", f"{V2}/current/team_789?at=2044-03-15T18:30:00Z", None),
    ("GET", f"{V2}/schedules/support/calendar.ics", None),
    ("DELETE", f"{V2}/users/w", None),
)


def authorisation() -> Iterator[Recorded]:
    """What each scope and another organisation may do, and keys that are none."""
    area = "stored: authorisation"
    yield Command(
        area="command line",
        arguments=["keys", "revoke", "«gone_id»"],
    )
    for key, (method, path, document) in product(
        ("reader", "writer", "scheduler", "stranger"), SOMEBODYS
    ):
        yield asked(method, path, document, key=key, area=area)
    yield asked("GET", f"{V1}/schedules", key="gone", area=area)
    for headers in (
        [],
        [("Authorization", "Bearer ")],
        [("Authorization", "Bearer nothing")],
        [("Authorization", "Bearer ak_live_0123456789_x")],
        [("Authorization", "Basic eDp5")],
        [("Authorization", "«reader»")],
        [("Authorization", "bearer «reader»")],
        [("X-API-Key", "«reader»")],
        [("X-API-Key", "«reader»x")],
        [("X-API-Key", "«reader»"), ("Authorization", "Bearer «writer»")],
        [("X-API-Key", "«reader»"), ("X-API-Key", "«reader»")],
    ):
        yield Exchange(area=area, path=f"{V2}/users?limit=1", headers=headers)
        yield Exchange(area=area, path=f"{V2}/nothing", headers=headers)
    for content_type in ("text/plain", "application/merge-patch+json", ""):
        yield Exchange(
            area=area,
            method="PATCH",
            path=f"{V2}/users/user_034",
            headers=[("X-API-Key", "«writer»"), ("Content-Type", content_type)],
            body='{"name": "Zoë"}',
        )
    yield Exchange(
        area=area,
        path=f"{V2}/users",
        headers=[("X-API-Key", "«reader»")],
        times=121,
    )


def without_a_store() -> Iterator[Recorded]:
    """A database that has no tables any more, and one that has them again."""
    area = "stored: no tables"
    yield Command(area="command line", arguments=["migrate", "--check"])
    yield Command(area="command line", arguments=["migrate", "--to", "base"])
    for method, path, document in SOMEBODYS[:6]:
        yield asked(method, path, document, key="stranger", area=area)
    yield Exchange(area=area, path=f"{V1}/schedules")
    yield Exchange(area=area, path="/readyz")
    yield Command(area="command line", arguments=["migrate", "--check"])
    yield Command(area="command line", arguments=["keys", "list"])
    yield Command(area="command line", arguments=["migrate"])
    yield asked("GET", f"{V1}/schedules", key="stranger", area=area)


# --- the wire and the command line ----------------------------------------------------------


def wire() -> Iterator[Recorded]:
    """Bytes that no client library sends."""
    body = text(ROTATION).encode()
    head = b"Host: 127.0.0.1:8402\r\nX-Forwarded-For: {client}\r\nConnection: close\r\n"
    post = b"POST /v1/scheduling/oncall-rotation HTTP/1.1\r\n" + head
    for sent in (
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + head + b"\r\n",
        b"GET http://127.0.0.1:8402/healthz HTTP/1.1\r\n" + head + b"\r\n",
        b"OPTIONS * HTTP/1.1\r\n" + head + b"\r\n",
        b"FROB /healthz HTTP/1.1\r\n" + head + b"\r\n",
        b"GET /a%00b%FF HTTP/1.1\r\n" + head + b"\r\n",
        b"GET /healthz HTTP/1.1\r\n" + head + b"Bad Header: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + head + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing HTTP/1.1\r\n" + head + b"\r\n",
        post + b"Content-Length: x\r\n\r\n",
        post + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        post + b"Content-Length: 2000000\r\n\r\n",
        post + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n%b" % (len(body), body),
        post + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        post + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        post + b"Transfer-Encoding: gzip\r\n\r\n",
        post + b"Content-Length: 100\r\n\r\n{",  # slow: 408 after ten seconds
    ):
        yield Wire(area="wire", sent=sent)
    yield Wire(
        area="wire",
        sent=b"POST /api/v2/oncall/users HTTP/1.1\r\n"
        + head
        + b"X-API-Key: none\r\nContent-Length: 100\r\n\r\n{",
    )


def commands() -> Iterator[Recorded]:
    """What the commands say; what they refuse."""
    area = "command line"
    for arguments in (
        ["keys", "create", "--org", " ", "--scope", "all"],
        ["keys", "create", "--org", "A", "--scope", "schedules", "--expires", "yesterday"],
        ["keys", "create", "--org", "A", "--scope", "schedules", "--expires", "2000-01-01"],
        ["keys", "create"],
        ["keys", "revoke", "nothing"],
        ["migrate", "--to", "nothing"],
        ["receipts"],
        ["openapi", "--check"],
        ["pay", f"{PUBLIC_URL}/x", "--max", "x"],
        ["nothing"],
    ):
        yield Command(area=area, arguments=arguments)
    for environment in (
        {"ONCALL_PAYMENTS": "never"},
        {"ONCALL_ENV": "production"},
        {"ONCALL_NETWORK": "base"},
        {"ONCALL_PAYMENT": "off"},
        {"ONCALL_PUBLIC_URL": "x", "ONCALL_DRAIN": "-1", "ONCALL_TRUSTED_PROXIES": "a"},
        {"ONCALL_REDIS_URL": "http://x", "ONCALL_DATABASE_URL": "mysql://x"},
        {"ONCALL_FACILITATOR_URL": "https://user@x", "ONCALL_FACILITATOR_HEADERS": "[]"},
        {"ONCALL_PAY_TO": "0x000000000000000000000000000000000000DEAD"},
    ):
        yield Command(area=area, arguments=["serve", "--port", "{port}"], environment=environment)


def recorded() -> Iterator[Recorded]:
    """Everything, in order."""
    yield from documents()
    yield from not_served()
    yield from terms()
    yield from invalid()
    yield from refused_requests()
    yield from purchases()
    yield from refused_payments()
    yield from sandbox_wallet()
    yield from answers()
    yield from mcp()
    yield from tool_calls()
    yield from made_keys()
    yield from users()
    yield from v1_schedules()
    yield from v1_overrides()
    yield from policies()
    yield from v2_schedules()
    yield from v2_entries()
    yield from feeds()
    yield from idempotency()
    yield from authorisation()
    yield from wire()
    yield from commands()
    yield from without_a_store()
    yield Exchange(area="documents", path="/metrics")


RECORDED = tuple(recorded())
