"""A search for free requests that cost more than the known ones.

Strategy: Hypothesis makes requests of each family and is told what each cost in processor time, so
that it varies the dearest (``hypothesis.target``). A request is pieces that are repeated, so that a
few drawn choices fill a body of any size. The dearest of each family is written to
``abuse_found.json`` if it costs more than what stands there, and from then on it is a case of the
benchmark. The seed is fixed; the course still depends on the times measured.
"""

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis import strategies as st
from rich.console import Console

from app.http.large_bodies import LARGE_BYTES
from app.products.endpoint import FREE_BODY_BYTES
from bench import process_tree
from bench.abuse_budgets import FREE, PLANNED, Budget
from bench.abuse_cases import (
    BODY_BYTES,
    FOUND,
    HEADER_BYTES,
    MCP,
    NOW,
    PAYMENT,
    ROTATIONS,
    SCHEDULES,
    V1,
    V2,
    case_of,
)

if TYPE_CHECKING:
    from bench.abuse import Target

Recorded = dict[str, Any]
Pieces = Sequence[tuple[str, int]]

SEED = 15
REPEATS = 5
WORTH_MS = 5.0
"""A request that costs less is not kept."""
GAIN = 1.15
"""So many times what stands there must a request cost to take its place."""


class Enough(BaseException):
    """The time of a family is over."""


def search(service: "Target", seconds: float, only: str, console: Console) -> None:
    """Look for ``seconds`` through the families with ``only`` in their names; keep the dearest."""
    known = {each["name"]: each for each in json.loads(FOUND.read_text())} if FOUND.exists() else {}
    chosen = {name: family for name, family in FAMILIES.items() if only in name}
    for name, family in chosen.items():
        best, tried = _dearest(service, family, seconds / len(chosen))
        cost = _least_ms(service, best)
        before = _least_ms(service, known[name]) if name in known else WORTH_MS
        console.print(
            f"{name}: {tried:,} tried, {cost:.1f} ms; known {before:.1f} ms", highlight=False
        )
        if cost > before * GAIN:
            known[name] = {"name": name, "cpu_ms": round(cost, 1), **best}
    lines = ",\n".join(json.dumps(each) for each in known.values())
    FOUND.write_text(f"[\n{lines}\n]\n")


def _dearest(
    service: "Target", family: st.SearchStrategy[Recorded], seconds: float
) -> tuple[Recorded, int]:
    """The dearest request of a family that was found in ``seconds``, and how many were tried."""
    until = time.monotonic() + seconds
    best: tuple[float, Recorded] = (-1.0, {})
    tried = 0

    @seed(SEED)
    @settings(
        max_examples=1_000_000,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.target),
        suppress_health_check=list(HealthCheck),
    )
    @given(family)
    def trial(recorded: Recorded) -> None:
        nonlocal best, tried
        if time.monotonic() > until:
            raise Enough
        cost = _ms(service, recorded)
        if cost > best[0]:  # once more: other work on the machine only adds
            cost = min(cost, _ms(service, recorded))
        target(cost, label="processor time, ms")
        tried += 1
        best = max(best, (cost, recorded), key=lambda each: each[0])

    with contextlib.suppress(Enough):
        trial()
    return best[1], tried


def _least_ms(service: "Target", recorded: Mapping[str, Any]) -> float:
    return min(_ms(service, recorded) for _ in range(REPEATS))


def _ms(service: "Target", recorded: Mapping[str, Any]) -> float:
    """The processor time of one request, workers included."""
    ask = case_of(recorded).ask()
    before = process_tree.cpu_seconds(service.pid)
    service.send(ask)
    return (process_tree.cpu_seconds(service.pid) - before) * 1000


# --- what requests are made of ----------------------------------------------------------------

TIMES = st.sampled_from((1, 2, 3, 7, 20, 50, 100, 300, 1_000, 4_000, 20_000, 100_000, 400_000))


def _bounded(pieces: Sequence[tuple[str, int]], most: int) -> Pieces:
    """Pieces repeated less often where they would be longer than ``most`` together."""
    left = most
    kept = []
    for piece, times in pieces:
        length = max(len(piece.encode()) + 4 * ("{n}" in piece), 1)
        fits = min(times, max(left, 0) // length)
        if fits:
            kept.append((piece, fits))
            left -= fits * length
    return kept


def _recorded(
    path: str,
    body: Pieces = (),
    *,
    method: str = "POST",
    headers: Mapping[str, Pieces] | None = None,
    query: Pieces = (),
    charged_to: Budget = FREE,
) -> Recorded:
    return {
        "charged_to": charged_to.name,
        "method": method,
        "path": path,
        "query": query,
        "headers": headers or {},
        "body": body,
    }


TEXTS = st.sampled_from(
    (
        "a",
        "person {n}",
        "Europe/Berlin",
        "Europe/Brussel{n}",
        "2026-06-04",
        "2026-06-04T00:00:00Z",
        "2026-06-04T00:00:00.123456Z",
        "9999-12-31T23:59:59+23:59",
        "Mon 09:00",
        "25:99",
        "mon",
        "hours",
        "custom",
        "fair",
        "u1",
        "\\u0000",
        "\\ud800",
        "é",
        "x" * 199,
        " " * 300,
        "9" * 300,
        "ab" * 99 + "{n}",
        "%00",
        "~1~0/",
    )
)
NUMBERS = st.sampled_from(
    ("0", "-0.0", "1e308", "1e-300", "0.1", "9" * 400, "1." + "3" * 300, "0.000001", "10000", "{n}")
)
SCALARS = st.one_of(
    TEXTS.map(lambda text: f'"{text}"'), NUMBERS, st.sampled_from(("null", "true", "[]", "{}"))
)
NAMES = {
    ROTATIONS: (
        "start",
        "people",
        "shifts",
        "shiftLengthHours",
        "timezone",
        "strategy",
        "unavailable",
        "weights",
        "carryOver",
        "roles",
        "avoidPairs",
        "fixed",
        "maxConsecutive",
        "unavailableIcs",
        "person",
        "end",
        "reason",
        "shift",
        "role",
        "x{n}",
        "shiftLenghtHours{n}",
    ),
    SCHEDULES: (
        "timezone",
        "layers",
        "overrides",
        "entries",
        "swaps",
        "from",
        "to",
        "at",
        "name",
        "rotation_type",
        "participants",
        "restrictions",
        "days",
        "start",
        "end",
        "start_at",
        "end_at",
        "handoff_time",
        "interval",
        "user_id",
        "swap_with_user_id",
        "turns_on",
        "x{n}",
        "handof_tiem{n}",
    ),
}
NAMES[NOW] = NAMES[SCHEDULES]
SKELETONS = {
    ROTATIONS: '"start":"2026-06-04T00:00:00Z","people":["a","u1"],"shifts":9',
    SCHEDULES: (
        '"timezone":"Europe/Berlin","from":"2026-01-01T00:00:00Z","to":"2027-12-31T00:00:00Z",'
        '"layers":[{"name":"a","rotation_type":"daily","participants":["u1","a"]}]'
    ),
    NOW: (
        '"timezone":"Europe/Berlin","at":"2026-01-01T00:00:00Z",'
        '"layers":[{"name":"a","rotation_type":"daily","participants":["u1","a"]}]'
    ),
}


def _item(names: Sequence[str]) -> st.SearchStrategy[str]:
    """A value within a list or an object: a scalar, or an object or list of some."""
    members = st.lists(
        st.tuples(st.sampled_from(names), SCALARS).map(lambda pair: f'"{pair[0]}":{pair[1]}'),
        max_size=5,
    )
    return st.one_of(
        SCALARS,
        members.map(lambda each: "{" + ",".join(each) + "}"),
        st.lists(SCALARS, max_size=4).map(lambda each: "[" + ",".join(each) + "]"),
    )


@st.composite
def _documents(draw: st.DrawFn, path: str, most: int) -> Recorded:
    """A document of the model of ``path``, with one to three fields filled with something."""
    names = NAMES[path]
    pieces: list[tuple[str, int]] = [("{" + SKELETONS[path], 1)]
    for _ in range(draw(st.integers(1, 3))):
        name, times = draw(st.sampled_from(names)), draw(TIMES)
        if draw(st.booleans()):
            item = draw(_item(names))
            pieces += [(f',"{name}":[{item}', 1), (f",{item}", times), ("]", 1)]
        else:
            key, item = draw(TEXTS), draw(_item(names))
            pieces += [
                (f',"{name}":{{"{key}":{item}', 1),
                (f',"{key}{{n}}":{item}', times),
                ("}", 1),
            ]
    return _recorded(path, [*_bounded(pieces, most - 200), ("}", 1)])


LINES = st.sampled_from(
    (
        "BEGIN:VEVENT",
        "END:VEVENT",
        "BEGIN:VALARM",
        "END:VALARM",
        "BEGIN:X",
        "END:X",
        "A:",
        "A;B=C:d",
        "BEGIN:VTODO",
        "END:VTODO",
        "BEGIN:VFREEBUSY",
        "END:VFREEBUSY",
        " ",
        " x",
        "UID:{n}",
        "DTSTART:20260101T000000Z",
        "DTSTART;TZID=Europe/Berlin:20260101T000000",
        "DTSTART;TZID=A/{n}:20260101T000000",
        "DTSTART;VALUE=DATE:20260101",
        "DTEND:x",
        "TRIGGER:-PT1M",
        "RRULE:FREQ=DAILY;BYHOUR=1,2,3;BYDAY=1MO,-1TU",
        "RRULE:FREQ=SECONDLY",
        "RRULE:X=1",
        "EXRULE:FREQ=DAILY",
        "RDATE:20260101T000000Z,20260102T000000Z",
        "RDATE;VALUE=PERIOD:20260101T000000Z/PT1H",
        "FREEBUSY:20260101T000000Z/PT1H,20260101T000000Z/PT1H",
        "EXDATE;TZID=US/Pacific:20260101T000000",
        'ATTENDEE;CN=\\"a,b\\";ROLE=X:mailto:a@b',
        "GEO:1.0;2.0",
        "CATEGORIES:a,b,c,d",
        "PRIORITY:1",
        "REQUEST-STATUS:2.0;x",
        "DURATION:P1DT1H1M1S",
        "SUMMARY:\\\\,\\\\;\\\\n",
        "ATTACH;ENCODING=BASE64;VALUE=BINARY:AAAA",
        'X-A;B=\\"c\\",\\"d\\",\\"e\\":f',
        "TZOFFSETFROM:+0100",
        "RECURRENCE-ID:20260101T000000Z",
        "N:a;b;c;d;e",
        "BEGIN:VCALENDAR",
        "END:VCALENDAR",
        "\\u00e9\\u4e00:\\ud83d\\ude00",
        "X:" + "\\\\n" * 30,
    )
)


@st.composite
def _calendars(draw: st.DrawFn) -> Recorded:
    """A rotation with a calendar, mostly of a size that is read before anybody pays."""
    lines = draw(st.lists(st.tuples(LINES, TIMES), min_size=1, max_size=7))
    most = draw(st.sampled_from((4_000, 8_000, 8_000, 15_000, 200_000)))
    ended = draw(st.sampled_from(("\\r\\n", "\\n")))
    head = "{" + SKELETONS[ROTATIONS] + ',"unavailableIcs":{"a":"'
    frame = f"BEGIN:VCALENDAR{ended}"
    pieces = _bounded([(line + ended, times) for line, times in lines], most)
    return _recorded(ROTATIONS, [(head + frame, 1), *pieces, (f"END:VCALENDAR{ended}" + '"}}', 1)])


FRAGMENTS = st.sampled_from(
    (
        "a/b",
        "*/*",
        ",",
        ";",
        "=",
        ";q=0.1",
        ";q=" + "0" * 50,
        "q=1",
        "application/json",
        "text/*",
        " ",
        "\t",
        '"',
        "\\",
        "x" * 40,
        "1",
        '"a',
        ",,",
        "W/",
        '"1"',
        "127.0.0.1",
        "10.0.0.1",
        ":",
        "[",
        "]",
        "{n}",
    )
)


@st.composite
def _heads(draw: st.DrawFn) -> Recorded:
    """A small request with a header field filled with something."""
    pieces = draw(st.lists(st.tuples(FRAGMENTS, TIMES), min_size=1, max_size=6))
    name = draw(
        st.sampled_from(
            ("Accept", "Content-Type", "Authorization", "If-None-Match", "Cookie", "Origin")
        )
    )
    path, method = draw(
        st.sampled_from(
            (
                (ROTATIONS, "POST"),
                ("/catalog", "GET"),
                ("/", "GET"),
                (f"{V1}/schedules", "GET"),
                (f"{V2}/users/u/calendar.ics", "GET"),
                (MCP, "POST"),
                ("/docs", "GET"),
            )
        )
    )
    body = [("{" + SKELETONS[ROTATIONS] + "}", 1)] if method == "POST" else ()
    shown = [(piece, times) for piece, times in pieces if piece.strip()] or [("a", 1)]
    headers = {name: [("a", 1), *_bounded(shown, HEADER_BYTES - 1_000), ("a", 1)]}
    return _recorded(path, body, method=method, headers=headers)


@st.composite
def _queries(draw: st.DrawFn) -> Recorded:
    """A GET with a long query or path."""
    fragments = st.sampled_from(
        (
            "limit=1&",
            "&",
            "=",
            "a=1&",
            "exclude=x&",
            "%20",
            "%ff",
            "+",
            "/",
            "token=x&",
            "..",
            "%2f",
            "offset={n}&",
        )
    )
    pieces = draw(st.lists(st.tuples(fragments, TIMES), min_size=1, max_size=5))
    path = draw(
        st.sampled_from(
            (
                "/readyz?",
                "/catalog?",
                "/catalog/",
                "/v1/",
                "/api/",
                f"{V1}/schedules?",
                f"{V2}/users/u/calendar.ics?token=x&",
                f"{V2}/schedules/x",
                "/metrics?",
                "/docs/",
            )
        )
    )
    return _recorded(path, method="GET", query=_bounded(pieces, 60_000))


@st.composite
def _payments(draw: st.DrawFn) -> Recorded:
    """A payment of up to 16 KB that is worth nothing."""
    names = (
        "x402Version",
        "payload",
        "accepted",
        "extensions",
        "resource",
        "signature",
        "authorization",
        "from",
        "to",
        "value",
        "validAfter",
        "validBefore",
        "nonce",
        "scheme",
        "network",
        "asset",
        "amount",
        "payTo",
        "maxTimeoutSeconds",
        "extra",
        "url",
        "x{n}",
    )
    pieces: list[tuple[str, int]] = [('{"x402Version":2', 1)]
    for _ in range(draw(st.integers(1, 3))):
        name, item, times = draw(st.sampled_from(names)), draw(_item(names)), draw(TIMES)
        kind = draw(st.sampled_from(("list", "object", "deep")))
        if kind == "list":
            pieces += [(f',"{name}":[{item}', 1), (f",{item}", times), ("]", 1)]
        elif kind == "object":
            pieces += [(f',"{name}":{{"a":{item}', 1), (f',"b{{n}}":{item}', times), ("}", 1)]
        else:
            depth = min(times, 2_000)
            pieces += [(f',"{name}":', 1), ('{"a":', depth), (item, 1), ("}", depth)]
    payment = [*_bounded(pieces, 11_500), ("}", 1)]
    body = [("{" + SKELETONS[ROTATIONS] + "}", 1)]
    return _recorded(ROTATIONS, body, headers={PAYMENT: payment})


@st.composite
def _messages(draw: st.DrawFn) -> Recorded:
    """An MCP message of up to a megabyte."""
    names = (
        *NAMES[ROTATIONS],
        "name",
        "arguments",
        "_meta",
        "progressToken",
        "capabilities",
        "x402/payment",
    )
    method = draw(
        st.sampled_from(("tools/call", "tools/call", "initialize", "ping", "tools/list", "x"))
    )
    head = f'{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"name":"sched-oncall-rotation"'
    pieces: list[tuple[str, int]] = [(head, 1)]
    for _ in range(draw(st.integers(1, 3))):
        name, item, times = draw(st.sampled_from(names)), draw(_item(names)), draw(TIMES)
        if draw(st.booleans()):
            pieces += [(f',"{name}":[{item}', 1), (f",{item}", times), ("]", 1)]
        else:
            pieces += [(f',"{name}":{{"a":{item}', 1), (f',"b{{n}}":{item}', times), ("}", 1)]
    accept: Pieces = [("application/json, text/event-stream", 1)]
    body = [*_bounded(pieces, BODY_BYTES - 200), ("}}", 1)]
    return _recorded(MCP, body, headers={"Accept": accept})


@st.composite
def _paid_schedules(draw: st.DrawFn, path: str) -> Recorded:
    """A valid schedule with a good payment; mostly a small one, which is computed at once."""
    most = draw(st.sampled_from((8_000, 15_500, 15_500, 100_000)))
    layers = draw(
        st.lists(st.tuples(_layers(), st.sampled_from((1, 1, 2, 10))), min_size=1, max_size=4)
    )
    pieces: list[tuple[str, int]] = [(f'{{"timezone":"{draw(ZONES)}"', 1)]
    if path == NOW:
        pieces.append((f',"at":"{draw(INSTANTS)}"', 1))
    else:
        year = draw(st.sampled_from((1971, 2026, 9990)))
        until = f"{year + draw(st.sampled_from((0, 1)))}-12-30"
        pieces.append((f',"from":"{year}-01-01T00:00:00Z","to":"{until}T00:00:00Z"', 1))
    first, *others = layers
    pieces += [(f',"layers":[{first[0]}', 1), *((f",{layer}", times) for layer, times in others)]
    pieces.append(("]", 1))
    for name, start, end in (("overrides", "start_at", "end_at"), ("entries", "start", "end")):
        times = draw(st.sampled_from((0, 0, 1, 20, 120, 2_000)))
        begins, ends = "2026-01-01T00:00:0{n}Z", "2027-01-01T00:00:00Z"
        item = f'{{"user_id":"u1","{start}":"{begins}","{end}":"{ends}"}}'
        if times:
            first_item = item.replace("{n}", "0")
            rest = item.replace("0{n}", "05") if times > 9 else item
            pieces += [(f',"{name}":[{first_item}', 1), (f",{rest}", times), ("]", 1)]
    swaps = draw(st.lists(st.integers(1, 28), unique=True, max_size=20))
    shown = [
        f'{{"start":"2026-02-{day:02}T00:00:00Z","end":"2026-02-{day:02}T01:00:00Z",'
        '"swap_with_user_id":"u2"}'
        for day in swaps
    ]
    if shown:
        pieces.append((f',"swaps":[{",".join(shown)}]', 1))
    return _recorded(path, [*_bounded(pieces, most), ("}", 1)], charged_to=PLANNED)


ZONES = st.sampled_from(("UTC", "America/New_York", "Africa/Casablanca", "Pacific/Apia"))
INSTANTS = st.sampled_from(
    ("0002-01-02T00:00:00Z", "1970-01-01T00:00:00Z", "2026-06-04T12:34:56Z", "9998-12-30T00:00:00Z")
)


@st.composite
def _layers(draw: st.DrawFn) -> str:
    """A valid layer."""
    unit, most = draw(st.sampled_from((("hours", 24), ("days", 30), ("weeks", 9), ("months", 12))))
    layer: dict[str, Any] = {
        "name": "a",
        "rotation_type": "custom",
        "interval": {"count": draw(st.integers(1, most)), "unit": unit},
        "participants": [f"u{number}" for number in range(draw(st.sampled_from((0, 1, 2, 400))))],
    }
    if draw(st.booleans()):
        layer["start_at"] = draw(INSTANTS)
    if draw(st.booleans()):
        layer["turns_on"] = "active"
    days = draw(st.sampled_from((None, ["mon"], ["sat", "sun"])))
    windows = [
        {
            "start": f"{at % 24:02}:{at % 60:02}",
            "end": f"{(at + draw(st.integers(0, 2))) % 24:02}:59",
        }
        for at in range(draw(st.sampled_from((0, 0, 1, 10, 100))))
    ]
    if windows:
        layer["restrictions"] = [window | ({"days": days} if days else {}) for window in windows]
    return json.dumps(layer, separators=(",", ":"))


@st.composite
def _paid_plans(draw: st.DrawFn) -> Recorded:
    """A valid rotation that needs a plan, with a good payment."""
    people = [f"p{number}" for number in range(draw(st.sampled_from((2, 5, 12, 30, 100))))]
    roles = draw(st.sampled_from((1, 1, 2, 3, 10)))
    shifts = draw(st.sampled_from((12, 50, 200, 999)))
    length = draw(st.sampled_from((0.5, 8, 12, 24, 168)))
    document: dict[str, Any] = {
        "start": "2026-01-01",
        "people": people,
        "shifts": shifts,
        "shiftLengthHours": length,
        "timezone": draw(ZONES),
        "strategy": draw(st.sampled_from(("fair", "fair", "round-robin"))),
        "roles": [f"r{number}" for number in range(roles)],
    }
    some = st.integers(0, len(people) - 1)
    if draw(st.booleans()):
        document["minRestHours"] = draw(st.sampled_from((1, 12, 48, 200)))
    if draw(st.booleans()):
        document["maxConsecutive"] = draw(st.integers(1, 5))
    if draw(st.booleans()):
        weights = draw(st.lists(st.integers(1, 10_000), min_size=1, max_size=20))
        document["weights"] = {
            name: weights[at % len(weights)] / 100 for at, name in enumerate(people)
        }
    if draw(st.booleans()):
        document["carryOver"] = {name: draw(st.integers(0, 999)) for name in people[:10]}
    if roles > 1 and draw(st.booleans()):
        pairs = draw(st.lists(st.tuples(some, some), max_size=60))
        document["avoidPairs"] = [[people[a], people[b]] for a, b in pairs if a != b]
    absences = draw(st.lists(st.tuples(some, st.integers(0, 300), st.integers(1, 60)), max_size=60))
    document["unavailable"] = [
        {"person": people[who], "start": _day(first), "end": _day(first + days)}
        for who, first, days in absences
    ]
    text = json.dumps(document, separators=(",", ":"))
    return _recorded(ROTATIONS, [(text, 1)], charged_to=PLANNED)


def _day(number: int) -> str:
    return str(date(2026, 1, 1) + timedelta(days=number))


FAMILIES: Mapping[str, st.SearchStrategy[Recorded]] = {
    "a calendar": _calendars(),
    "a rotation of 16 KB": _documents(ROTATIONS, LARGE_BYTES),
    "a rotation": _documents(ROTATIONS, FREE_BODY_BYTES),
    "a schedule of 16 KB": _documents(SCHEDULES, LARGE_BYTES),
    "a schedule": _documents(SCHEDULES, FREE_BODY_BYTES),
    "who is on call of 16 KB": _documents(NOW, LARGE_BYTES),
    "who is on call": _documents(NOW, FREE_BODY_BYTES),
    "a head": _heads(),
    "a query": _queries(),
    "a payment": _payments(),
    "an MCP message": _messages(),
    "a paid schedule": _paid_schedules(SCHEDULES),
    "a paid look at who is on call": _paid_schedules(NOW),
    "a paid plan": _paid_plans(),
}
