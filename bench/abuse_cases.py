"""The most expensive requests that anybody has thought of or found, by what they are charged to.

Strategy: a request is made by a function, because its body may be a megabyte. ``abuse_search``
looks for worse ones; what it found stands in ``abuse_found.json``, each body as pieces with the
number of times that each is repeated, and is asked with the rest.
"""

import base64
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import holidays

from app.http.large_bodies import LARGE_BYTES
from app.products.endpoint import CALENDAR, CSV, FREE_BODY_BYTES, JSON, SVG
from bench.abuse_budgets import (
    BUDGETS,
    COVERED,
    FREE,
    PLANNED,
    ROTATION,
    STORED_HEAVY,
    STORED_LIGHT,
    Budget,
)

FOUND = Path(__file__).with_name("abuse_found.json")
ROTATIONS, SCHEDULES, NOW = (
    f"/v1/scheduling/oncall-{name}" for name in ("rotation", "schedule", "now")
)
ROSTERS, CHECKS, COVERS, REPORTS, CONVERSIONS = (
    f"/v1/scheduling/oncall-{name}" for name in ("roster", "check", "cover", "report", "convert")
)
MCP = "/mcp"
PAYMENT = "PAYMENT-SIGNATURE"
V1, V2 = "/api/v1", "/api/v2/oncall"
BODY_BYTES = 1024 * 1024
HEADER_BYTES = 16 * 1024
Document = dict[str, Any]

_unwritten = itertools.count(5)
"""Of schedules to be written to, each once."""


@dataclass(frozen=True)
class Ask:
    """One HTTP request. ``payment`` says what payment it carries, and ``key`` that it has a key.

    A payment is ``good``, ``forged`` (another wallet signed), ``expired`` or a header as it is.
    """

    path: str
    body: bytes | None = None
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    payment: str = ""
    key: bool = False


@dataclass(frozen=True)
class Case:
    """A request, what it may cost, and a name. ``stored`` cases need the large organisation."""

    name: str
    budget: Budget
    ask: Callable[[], Ask]
    stored: bool = False


def cases() -> list[Case]:
    """All cases, free ones first, so that memory is measured in a process that has done little."""
    return [
        *_free_pages(),
        *_free_rotations(),
        *_free_calendars(),
        *_free_schedules(),
        *_free_rosters(),
        *_free_conversions(),
        *_free_payments(),
        *_free_tools(),
        *_free_stored(),
        *found(),
        *_paid_rotations(),
        *_paid_plans(),
        *_paid_schedules(),
        *_paid_rosters(),
        *_with_key(),
    ]


def found() -> Iterator[Case]:
    """The worst that the search found."""
    yield from map(case_of, json.loads(FOUND.read_text()) if FOUND.exists() else ())


def case_of(recorded: Mapping[str, Any]) -> Case:
    """A request as the search records it: pieces, each with the number of times it is repeated."""
    budget = next(each for each in BUDGETS if each.name == recorded["charged_to"])

    def ask() -> Ask:
        headers = {name: text_of(pieces) for name, pieces in recorded["headers"].items()}
        payment = "" if budget is FREE else "good"
        if text := headers.pop(PAYMENT, None):
            payment = base64.b64encode(text.encode()).decode()
        body = text_of(recorded["body"]).encode() if recorded["body"] else None
        path = recorded["path"] + text_of(recorded["query"])
        return Ask(path, body, recorded["method"], headers, payment)

    return Case(f"found: {recorded.get('name')}", budget, ask)


def text_of(pieces: Iterable[tuple[str, int]]) -> str:
    """Pieces as one text; ``{n}`` in one becomes the number of the repetition."""
    return "".join(
        "".join(piece.replace("{n}", str(number)) for number in range(times))
        if "{n}" in piece
        else piece * times
        for piece, times in pieces
    )


# --- free: pages ------------------------------------------------------------------------------


def _free_pages() -> Iterator[Case]:
    for path in ("/", "/catalog", "/catalog/sched-oncall-rotation", "/docs"):
        yield _get(f"GET {path}, for people", path, Accept="text/html")
    for path in (
        "/openapi.full.json",
        "/openapi.json",
        "/llms.txt",
        "/skill.md",
        "/sitemap.xml",
        "/readyz",
        "/metrics",
    ):
        yield _get(f"GET {path}", path)
    yield _get("an unknown path of 60 KB", "/v1/" + "oncall-rotatoin/" * 3_700)
    yield _get("16 KB of Accept for a page", "/catalog", Accept="text/x;q=0.5," * 1_200)


def _get(name: str, path: str, **headers: str) -> Case:
    return Case(name, FREE, lambda: Ask(path, method="GET", headers=headers))


# --- free: rotations --------------------------------------------------------------------------


def rotation(**fields: Any) -> Document:
    """A small rotation with ``fields``."""
    start = "2026-06-04T00:00:00Z"
    return {"start": start, "people": ["alice", "bob"], "shifts": 3, **fields}


def _people(count: int, length: int = 0) -> list[str]:
    return [f"person {number}".ljust(length, "x") for number in range(count)]


def _free(
    name: str, path: str, document: Callable[[], Document], media_type: str = JSON, **how: Any
) -> Case:
    headers = {"Accept": media_type}
    return Case(
        name, FREE, lambda: Ask(path, json.dumps(document()).encode(), headers=headers, **how)
    )


def _raw(name: str, path: str, body: Callable[[], bytes], **headers: str) -> Case:
    return Case(name, FREE, lambda: Ask(path, body(), headers=headers))


def _free_rotations() -> Iterator[Case]:
    yield _raw("the terms", ROTATIONS, lambda: b"")
    yield _free("20 unknown names of 199 characters beside 40 people", ROTATIONS, _unknown_names)
    yield _free("600 names nearly alike beside 20 unknown", ROTATIONS, _alike_names)
    yield _free("128 KB of absences", ROTATIONS, lambda: many_absences("alice", 2_000))
    yield _free(
        "128 KB of absences of strangers",
        ROTATIONS,
        lambda: many_absences("z", 2_140),
    )
    yield _free("128 KB of pairs that are one person", ROTATIONS, _pairs)
    yield _free("128 KB of fixed shifts", ROTATIONS, _fixed)
    yield _free("128 KB of unknown fields", ROTATIONS, lambda: _unknown_fields(4_100))
    yield _free("128 KB of people", ROTATIONS, lambda: rotation(people=_people(650, 190)))
    yield _free(
        "16 KB of unknown weights",
        ROTATIONS,
        lambda: rotation(weights=dict.fromkeys(_people(900), 0.0000001)),
    )
    yield _free(
        "an unknown zone of 60 KB", ROTATIONS, lambda: rotation(timezone="Europe/Brussel" * 4_000)
    )
    yield _free(
        "the holidays of 8,000 years",
        ROTATIONS,
        lambda: rotation(
            start="1970-01-01",
            timezone="UTC",
            holidays="US-HI",
            shifts=8_000,
            shiftLengthHours=8_760,
        ),
    )
    yield _raw("128 KB of brackets", ROTATIONS, lambda: b"[" * FREE_BODY_BYTES)
    yield _raw("128 KB of empty lists", ROTATIONS, lambda: _filled(b"[", b"[],", b"[]]"))
    yield _raw("128 KB of empty objects", ROTATIONS, lambda: _filled(b"[", b"{},", b"{}]"))
    yield _raw("a number of 128 KB", ROTATIONS, lambda: b'{"shifts":%b}' % (b"9" * 131_000))
    yield _raw("128 KB of escapes", ROTATIONS, lambda: _filled(b'{"start":"', b"\\u0000", b'"}'))
    yield _raw(
        "128 KB of short unknown members",
        ROTATIONS,
        lambda: b"{%b}" % b",".join(b'"%x":0' % number for number in range(14_200)),
    )
    yield _raw("16 KB of the largest numbers", ROTATIONS, lambda: _numbers(LARGE_BYTES))
    yield _raw("128 KB of the largest numbers", ROTATIONS, lambda: _numbers(FREE_BODY_BYTES))
    yield _raw(
        "4 MB of calendars, not paid for",
        ROTATIONS,
        lambda: json.dumps(_large_calendars(_short_events)).encode(),
    )
    yield _raw(
        "a megabyte that is not JSON",
        ROTATIONS,
        lambda: b"x" * BODY_BYTES,
        **{"Content-Type": "text/plain"},
    )


def _filled(head: bytes, piece: bytes, foot: bytes, size: int = FREE_BODY_BYTES) -> bytes:
    return head + piece * ((size - len(head) - len(foot)) // len(piece)) + foot


def _numbers(size: int) -> bytes:
    """Numbers near the largest there is, which some parsers find out digit by digit."""
    return _filled(b'{"shifts":[', b"1e308,", b"1e308]}", size)


def _unknown_names() -> Document:
    people = [f"{number:02}" + "ab" * 98 + "c" for number in range(40)]
    strangers = [f"{number:02}" + "ba" * 98 + "d" for number in range(20)]
    return rotation(people=people, weights=dict.fromkeys(strangers, 1))


def _alike_names() -> Document:
    return rotation(
        people=_people(600, 199), weights={f"persom {number}x": 1 for number in range(20)}
    )


def many_absences(person: str, count: int) -> Document:
    """A rotation in which one person is away so many times."""
    return rotation(
        unavailable=[
            {
                "person": person,
                "start": f"20{26 + at % 9}-01-0{1 + at % 8}",
                "end": "2036-01-01",
            }
            for at in range(count)
        ]
    )


def _pairs() -> Document:
    return rotation(
        people=_people(100), roles=["a", "b"], avoidPairs=[["person 1", "person 1"]] * 4_900
    )


def _fixed() -> Document:
    shifts = [{"shift": 1 + at, "person": f"person {at % 100}"} for at in range(3_200)]
    return rotation(people=_people(100), shifts=10_000, fixed=shifts)


def _unknown_fields(count: int) -> Document:
    return rotation(**{f"shiftLenghtHour{number}": number for number in range(count)})


# --- free: calendars --------------------------------------------------------------------------


def calendar(*lines: str) -> str:
    """An iCalendar text."""
    frame = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *lines, "END:VCALENDAR", "")
    return "\r\n".join(frame)


def event(*lines: str, number: int = 0) -> list[str]:
    """The lines of one event."""
    start = ("DTSTART:20260101T000000Z", "DTEND:20260101T010000Z")
    return [
        "BEGIN:VEVENT",
        f"UID:{number}",
        "DTSTAMP:20260101T000000Z",
        *start,
        *lines,
        "END:VEVENT",
    ]


def with_calendar(text: str) -> Document:
    """A request with one person's calendar."""
    return rotation(unavailableIcs={"alice": text})


def _free_calendars() -> Iterator[Case]:
    texts: Mapping[str, Callable[[], str]] = {
        "a yearly rule on 400 days that do not exist": _never,
        "40 events on a 30th that does not exist": lambda: _events(
            40, "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
        ),
        "a rule for every second": lambda: _events(1, "RRULE:FREQ=SECONDLY"),
        "a time zone whose rules never hold": _impossible_zone,
        "a time zone of 100 rules": _zone_of_rules,
        "4,000 dates to leave out": lambda: _events(1, "EXDATE:" + _dates(4_000)),
        "8 KB of empty components": lambda: calendar(*["BEGIN:X", "END:X"] * 500),
        "8 KB of components within each other": lambda: calendar(
            *["BEGIN:VEVENT"] * 300, *["END:VEVENT"] * 300
        ),
        "8 KB of folded lines": lambda: calendar(*event("SUMMARY:x" + "\r\n x" * 1_900)),
        "8 KB of parameters": lambda: calendar(*event("X-A;" + "A=B;" * 1_900 + "A=B:c")),
        "8 KB of the shortest lines": lambda: calendar(*event(*["A:"] * 1_900)),
        "8 KB of times": lambda: calendar(*event("RDATE:" + _dates(450))),
        "8 KB of durations": lambda: calendar(*event(*["DURATION:P1D"] * 550)),
        "8 KB of recurrence rules": lambda: calendar(*event(*["RRULE:FREQ=DAILY"] * 430)),
        "8 KB of zones by name": lambda: calendar(
            *event(*[f"RDATE;TZID=A/{number}:20260101T000000" for number in range(200)])
        ),
        "128 KB in one line": lambda: calendar(*event("SUMMARY:" + "x" * 125_000)),
    }
    for name, text in texts.items():
        yield _free(f"calendar: {name}", ROTATIONS, lambda text=text: with_calendar(text()))
    yield _free("calendars: 1,000 of nothing", ROTATIONS, _empty_calendars)


def _never() -> str:
    return _events(1, "RRULE:FREQ=YEARLY;BYYEARDAY=" + ",".join(map(str, range(1_000, 1_400))))


def _events(count: int, *lines: str) -> str:
    return calendar(*(line for number in range(count) for line in event(*lines, number=number)))


def _dates(count: int) -> str:
    return ",".join(f"2026{1 + at % 12:02}{1 + at % 28:02}T000000Z" for at in range(count))


def _impossible_zone() -> str:
    rule = "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
    return calendar(*_zone(rule), *event("DTSTART;TZID=Z:20260101T000000"))


def _zone_of_rules() -> str:
    rules = [f"RRULE:FREQ=DAILY;BYHOUR={hour}" for hour in range(24)] * 4
    return calendar(*_zone(*rules), *event("DTSTART;TZID=Z:20260101T000000"))


def _zone(*rules: str) -> list[str]:
    lines = ["BEGIN:VTIMEZONE", "TZID:Z"]
    for rule in rules:
        lines += ["BEGIN:STANDARD", "DTSTART:19700101T000000", rule]
        lines += ["TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "END:STANDARD"]
    return [*lines, "END:VTIMEZONE"]


def _empty_calendars() -> Document:
    people = _people(1_000)
    return rotation(people=people, unavailableIcs=dict.fromkeys(people, calendar()))


# --- free: schedules --------------------------------------------------------------------------


def schedule(layers: Sequence[Document], *, window: bool = True, **fields: Any) -> Document:
    """A request for a schedule of ``layers`` over two years, or for one instant of it."""
    when = {"from": "2026-01-01T00:00:00Z", "to": "2028-01-01T00:00:00Z"}
    asked = when if window else {"at": "2026-06-04T00:00:00Z"}
    return {"timezone": "America/New_York", "layers": list(layers), **asked, **fields}


def layer(**fields: Any) -> Document:
    """A layer of daily turns."""
    return {"name": "a", "rotation_type": "daily", "participants": ["u1", "u2"], **fields}


FIRST_DAY = date(2026, 1, 6)
HOURLY = {"rotation_type": "custom", "interval": {"count": 1, "unit": "hours"}}
WINDOWS = [
    {"start": f"{at % 24:02}:{at % 60:02}", "end": f"{at % 24:02}:{(at + 1) % 60:02}"}
    for at in range(100)
]


def _overrides(count: int, end: str = "2026-06-05T00:00:00Z") -> list[Document]:
    return [
        {"user_id": "u1", "start_at": f"2026-06-04T{at % 24:02}:{at % 60:02}:00Z", "end_at": end}
        for at in range(count)
    ]


def _swaps(count: int) -> list[Document]:
    """Swaps of every fourth day, all of them of ``u1``'s."""
    days = [FIRST_DAY + timedelta(days=4 * at) for at in range(count)]
    return [
        {
            "start": f"{day}T00:00:00Z",
            "end": f"{day + timedelta(days=1)}T00:00:00Z",
            "swap_with_user_id": "u2",
        }
        for day in days
    ]


def _free_schedules() -> Iterator[Case]:
    for path, window in ((SCHEDULES, True), (NOW, False)):
        what = path.rpartition("-")[2]
        yield _raw(f"{what}: the terms", path, lambda: b"")
        yield _free(
            f"{what}: 35 layers of 100 windows",
            path,
            lambda window=window: schedule([layer(restrictions=WINDOWS)] * 35, window=window),
        )
        yield _free(
            f"{what}: 18 layers of 500 people",
            path,
            lambda window=window: schedule([layer(participants=_people(500))] * 18, window=window),
        )
        yield _free(
            f"{what}: 128 KB of overrides",
            path,
            lambda window=window: schedule([layer()], overrides=_overrides(1_450), window=window),
        )
        yield _free(
            f"{what}: 128 KB of overrides that end first",
            path,
            lambda window=window: schedule(
                [layer()], overrides=_overrides(1_450, "2026-06-04T00:00:00Z"), window=window
            ),
        )
        yield _free(
            f"{what}: 16 KB of handoff times",
            path,
            lambda window=window: schedule([layer(handoff_time="Mon 09:0x")] * 50, window=window),
        )


# --- rosters ----------------------------------------------------------------------------------


A_NIGHT = {"start": "20:00", "end": "08:00", "kind": "night"}


def roster(people: Sequence[Document], **fields: Any) -> Document:
    """A request for a roster of a year of nights, or with ``fields`` of something else."""
    when = {"from": "2026-01-01", "to": "2026-12-31"}
    nights = {"pattern": [A_NIGHT]}
    return {"timezone": "America/New_York", **when, **nights, "people": people, **fields}


def held(stretches: int, people: int, **fields: Any) -> Document:
    """Stretches of six hours that are given to ``people`` in turn, and what is asked of them."""
    begin = datetime(2026, 1, 1)  # noqa: DTZ001 - by the clock of the time zone
    given = [
        {
            "person": f"p{at % people}",
            "start": f"{begin + timedelta(hours=6 * at):%Y-%m-%dT%H:%M}",
            "end": f"{begin + timedelta(hours=6 * at + 6):%Y-%m-%dT%H:%M}",
        }
        for at in range(stretches)
    ]
    return {"timezone": "America/New_York", "assignments": given, **fields}


RULES: Document = {
    "minRestHours": 11,
    "maxHours": [{"hours": 30 + days, "days": days} for days in range(7, 27)],
    "maxSlots": [{"count": days, "days": days} for days in range(7, 27)],
    "maxConsecutive": 3,
    "minDaysOff": [{"count": 2, "days": days} for days in range(7, 27)],
}
FEW_RULES = {
    **RULES,
    **{name: RULES[name][:1] for name in ("maxHours", "maxSlots", "minDaysOff")},
}
RATES: list[Document] = [
    {"name": f"r{at}", "when": {"between": [f"{at % 24:02}:{at:02}", "06:00"]}, "multiplier": 2}
    for at in range(49)
]
RATES.append({"name": "usual", "rate": 10})
TWENTY = [f"p{number}" for number in range(20)]
SKILLS = [f"s{number}" for number in range(20)]
REGIONS = [
    f"{country}-{part}"
    for country, parts in holidays.list_supported_countries(include_aliases=False).items()
    for part in parts
]


def _workers(count: int, **fields: Any) -> list[Document]:
    return [{"name": f"p{number}", **fields} for number in range(count)]


def _of_regions() -> list[Document]:
    """People who each have the public holidays of another country."""
    one_of_each = {name.partition("-")[0]: name for name in REGIONS}
    names = [*one_of_each.values(), *REGIONS][:200]
    return [{"name": f"p{number}", "holidays": name} for number, name in enumerate(names)]


def _away(times: int) -> list[Document]:
    return [{"start": f"2026-0{1 + at % 9}-07", "end": "2026-12-11"} for at in range(times)]


def _skilled(count: int) -> list[Document]:
    return [
        {"start": "2026-06-01T09:00", "end": "2026-06-02T09:00", "skills": [f"s{at}", None]}
        for at in range(count)
    ]


def _free_rosters() -> Iterator[Case]:
    for name, path in (("roster", ROSTERS), ("check", CHECKS), ("report", REPORTS)):
        yield _raw(f"{name}: the terms", path, lambda: b"")
    rosters: Mapping[str, Callable[[], Document]] = {
        "the holidays of 200 regions": lambda: roster(_of_regions()),
        "200 people, each away 27 times": lambda: roster(_workers(200, unavailable=_away(27))),
        "2,800 slots of two skills": lambda: roster(_workers(5), pattern=[], slots=_skilled(2_800)),
        "4 patterns, each of every day of two years": lambda: roster(
            _workers(5), to="2027-12-31", pattern=[{"start": "09:00", "end": "10:00"}] * 4
        ),
        "20 soft rules of 62 rules": lambda: roster(
            _workers(95), rules={"soft": [{"rule": RULES}] * 20}
        ),
        "800 slots that somebody had": lambda: roster(
            _workers(5),
            previous={"assignments": [{"slot": 1 + at % 365, "person": "z"} for at in range(800)]},
        ),
        "1,000 slots of four people": lambda: roster(
            _workers(4), pattern=[{"start": "09:00", "end": "10:00"}] * 2, to="2027-05-14"
        ),
        "20 slots of twenty skills of 200 people": lambda: roster(
            _workers(200, skills=SKILLS),
            to="2026-01-10",
            pattern=[{"start": "09:00", "end": "10:00", "need": 20, "skills": SKILLS}] * 2,
        ),
        "365 nights of ten people by 20 soft rules of 62 rules": lambda: roster(
            _workers(10), rules={"soft": [{"rule": RULES}] * 20}
        ),
    }
    for name, document in rosters.items():
        yield _free(f"roster: {name}", ROSTERS, document)
    for name, path in (("check", CHECKS), ("cover", COVERS), ("report", REPORTS)):
        yield _free(f"{name}: 400 stretches", path, lambda path=path: _asked(path, held(400, 200)))
        yield _free(f"{name}: 2,900 stretches", path, lambda: held(2_900, 200))
        yield _free(
            f"{name}: the holidays of 200 regions",
            path,
            lambda path=path: _asked(path, {**held(200, 200), "people": _of_regions()}),
        )
        yield _free(
            f"{name}: 9 layers by the hour for a year",
            path,
            lambda path=path: of_schedule([layer(**HOURLY, participants=TWENTY)] * 9, path),
        )

    for name, path in (("check", CHECKS), ("report", REPORTS)):
        turns = [TWENTY, "a", None]
        yield _free(
            f"{name}: 60 days of hourly turns of twenty people",
            path,
            lambda path=path, turns=turns: {
                **of_schedule([layer(**HOURLY, participants=turns)], path),
                "to": "2026-03-01",
            },
        )
    yield _free("cover: 60 long stretches within 220 absences", COVERS, _cut_often)
    yield _free(
        "roster: the holidays of 38 people in two years",
        ROSTERS,
        lambda: roster(
            _workers(38), to="2027-12-31", holidays="US-HI", pattern=[{**A_NIGHT, "days": ["mon"]}]
        ),
    )


def _cut_often() -> Document:
    hours = [datetime(2026, 1, 1) + timedelta(hours=2 * at) for at in range(220)]  # noqa: DTZ001
    away = [
        {"person": "p0", "start": f"{hour:%Y-%m-%dT%H:%M}", "end": f"{hour:%Y-%m-%dT%H:59}"}
        for hour in hours
    ]
    year = {"person": "p0", "start": "2026-01-01", "end": "2026-12-31"}
    return {"timezone": "UTC", "assignments": [year] * 60, "unavailable": away}


def _paid_rosters() -> Iterator[Case]:
    away = [{"person": f"p{at}", "start": "2026-01-01", "end": "2026-12-31"} for at in range(100)]
    yield _paid(
        "paid check: 5,000 stretches by 62 rules",
        PLANNED,
        CHECKS,
        lambda: held(5_000, 200, rules=RULES, unavailable=away),
    )
    yield _paid(
        "paid check: 5,000 stretches of the holidays of 200 regions",
        PLANNED,
        CHECKS,
        lambda: {**held(5_000, 200), "people": _of_regions()},
    )
    yield _paid(
        "paid report: 5,000 stretches at 50 rates",
        PLANNED,
        REPORTS,
        lambda: {**held(5_000, 200, rates=RATES, currency="EUR"), "people": _of_regions()},
    )
    yield _paid(
        "paid cover: 9 of 720 stretches by 5 rules",
        COVERED,
        COVERS,
        lambda: _given_away(held(720, 12, rules=FEW_RULES)),
    )


def of_schedule(layers: Sequence[Document], path: str) -> Document:
    """A request that takes who has what from a schedule of ``layers`` over a year."""
    when = {"from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z"}
    return _asked(path, {"timezone": "UTC", "schedule": {"layers": list(layers)}, **when})


def _asked(path: str, document: Document) -> Document:
    """A document with what its product needs beside who has what."""
    if path == REPORTS:
        return {**document, "rates": RATES, "currency": "EUR"}
    if path == COVERS:
        away = {"person": "p1", "start": "2026-01-01", "end": "2026-06-04"}
        return {**document, "unavailable": [away]}
    return document


def _given_away(document: Document) -> Document:
    return {**document, "giveAway": document["assignments"][:18:2]}


def _free_conversions() -> Iterator[Case]:
    users = [{"user": {"id": "a"}}] * 200
    start = "2026-01-01T00:00:00Z"
    turns = {"start": start, "rotation_virtual_start": start, "rotation_turn_length_seconds": 3600}
    layers = [{"users": users, **turns}] * 9
    text = "BEGIN:VCALENDAR\r\n" + "X-A:1\r\n" * 5_000 + "END:VCALENDAR\r\n"
    for name, document in (
        ("9 layers of 200 users", {"time_zone": "UTC", "schedule_layers": layers}),
        ("15,000 wrong users", {"schedule_layers": [{"users": [7] * 15_000}]}),
        ("a calendar of 5,000 lines", text),
        ("48 KB of members", {"schedule_layers": [], **{f"x{at}": 1 for at in range(4_000)}}),
    ):
        body = json.dumps({"document": document, "at": start}).encode()
        yield _raw(f"convert: {name}", CONVERSIONS, lambda body=body: body)


# --- free: heads, payments, tools, the stored APIs without a key ------------------------------


def _free_payments() -> Iterator[Case]:
    small = json.dumps(rotation()).encode()
    ranges = ",".join(f"a/{number};q=0.{number % 10}" for number in range(1_100))
    proxies = ",".join(["127.0.0.1"] * 1_500)
    yield _raw("15 KB of proxies", ROTATIONS, lambda: small, **{"X-Forwarded-For": proxies})
    yield _raw("16 KB of Accept", ROTATIONS, lambda: small, Accept=ranges)
    deep = base64.b64encode(b'{"a":' * 2_000 + b"[" * 2_000).decode()
    wide = base64.b64encode(b"{%b}" % b",".join(b'"%x":[]' % at for at in range(1_300))).decode()
    extensions = {
        "x402Version": 2,
        "payload": {},
        "accepted": {},
        "extensions": {str(number): {} for number in range(800)},
    }
    numbers = base64.b64encode(b'{"accepted":{"a":[%b1]}}' % (b"1e308," * 2_000)).decode()
    for name, text in {
        "of the largest numbers": numbers,
        "deep": deep,
        "wide": wide,
        "of extensions": base64.b64encode(json.dumps(extensions).encode()).decode(),
        "of noise": base64.b64encode(bytes(range(256)) * 47).decode(),
    }.items():
        yield Case(
            f"a payment of 16 KB, {name}",
            FREE,
            lambda text=text: Ask(ROTATIONS, small, payment=text[: HEADER_BYTES - 100]),
        )
    for payment in ("forged", "expired"):
        for name, document in _plans().items():
            yield _free(
                f"a payment that is {payment}: {name}", ROTATIONS, document, payment=payment
            )
        yield _free(
            f"a payment that is {payment}: a schedule's picture",
            SCHEDULES,
            _wide_schedule,
            SVG,
            payment=payment,
        )


def call(tool: str, arguments: Any, **params: Any) -> bytes:
    """An MCP call."""
    return message("tools/call", {"name": tool, "arguments": arguments, **params})


def message(method: str, params: Any) -> bytes:
    """An MCP request."""
    told = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return json.dumps(told).encode()


TOOL = {"Accept": "application/json, text/event-stream"}


def _free_tools() -> Iterator[Case]:
    bodies: Mapping[str, Callable[[], bytes]] = {
        "the tools": lambda: message("tools/list", {}),
        "initialize with 0.7 MB of capabilities": lambda: message(
            "initialize", {"capabilities": {"experimental": dict.fromkeys(_people(30_000), 7)}}
        ),
        "0.76 MB of faulty arguments": lambda: message(
            "tools/call", {"name": 1, "arguments": [0] * 250_000, "_meta": {"progressToken": []}}
        ),
        "an unknown tool of a megabyte": lambda: call("x" * 1_000_000, {}),
        "a megabyte of unknown arguments": lambda: call(
            "sched-oncall-rotation", _unknown_fields(34_000)
        ),
        "10,000 absences of strangers": lambda: call(
            "sched-oncall-rotation", many_absences("z", 10_000)
        ),
        "a megabyte of _meta": lambda: call(
            "sched-oncall-rotation", rotation(), _meta=dict.fromkeys(_people(50_000), 0)
        ),
        "a payment of a megabyte": lambda: call(
            "sched-oncall-rotation",
            rotation(),
            _meta={"x402/payment": {"accepted": dict.fromkeys(_people(50_000), 0)}},
        ),
        "a calendar": lambda: call("sched-oncall-rotation", with_calendar(_never())),
        "a megabyte of the largest numbers": lambda: _filled(
            b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"a":[',
            b"1e308,",
            b"1]}}}",
            BODY_BYTES,
        ),
        "half a million brackets": lambda: b"[" * (BODY_BYTES // 2),
        "arguments of 900 levels": lambda: (
            b'{"jsonrpc":"2.0","id":1,"method":"tools/call",'
            b'"params":{"name":"sched-oncall-rotation","arguments":'
            + b'{"a":' * 900
            + b"1"
            + b"}" * 902
        ),
        "a megabyte of messages": lambda: _filled(b"[", b"{},", b"{}]", BODY_BYTES),
    }
    for name, body in bodies.items():
        yield _raw(f"MCP: {name}", MCP, body, **TOOL)


def _free_stored() -> Iterator[Case]:
    yield _get("stored: no key", f"{V1}/schedules")
    key = "ak_live_" + "x" * 14_000
    yield _get("stored: a key of 14 KB", f"{V1}/schedules", **{"X-API-Key": key})
    yield _get("stored: an unknown path", f"{V2}/" + "schedules/" * 6_000)
    yield _get("stored: a query of 60 KB", f"{V2}/schedules?" + "limit=1&" * 7_000)
    yield _get("stored: a wrong token", f"{V2}/users/u/calendar.ics?token=" + "x" * 200)
    yield _get(
        "stored: a query of 60 KB with a token", f"{V2}/users/u/calendar.ics?" + "token=1&" * 7_000
    )


# --- paid -------------------------------------------------------------------------------------


def _paid(
    name: str, budget: Budget, path: str, document: Callable[[], Document], media_type: str = JSON
) -> Case:
    headers = {"Accept": media_type}
    return Case(
        name,
        budget,
        lambda: Ask(path, json.dumps(document()).encode(), headers=headers, payment="good"),
    )


FORMATS = {"JSON": JSON, "iCalendar": CALENDAR, "CSV": CSV, "SVG": SVG}


def _paid_rotations() -> Iterator[Case]:
    for name, media_type in FORMATS.items():
        yield _paid(
            f"paid rotation: 10,000 shifts of 1,000 people, {name}",
            ROTATION if media_type == JSON else PLANNED,
            ROTATIONS,
            lambda: rotation(people=_people(1_000, 199), shifts=10_000, shiftLengthHours=0.1),
            media_type,
        )
    yield Case(
        "paid rotation: 10,000 shifts, MCP",
        ROTATION,
        lambda: Ask(
            MCP,
            call("sched-oncall-rotation", rotation(people=_people(1_000), shifts=10_000)),
            headers=TOOL,
            payment="good",
        ),
    )


def _plans() -> Mapping[str, Callable[[], Document]]:
    return {
        "a fair plan": _fair,
        "turns around 10,000 absences": _around,
        "a yearly rule on 400 days that do not exist": lambda: with_calendar(_never()),
    }


def _fair() -> Document:
    people = _people(100)
    return {
        "start": "2026-06-04",
        "people": people,
        "shifts": 1_000,
        "shiftLengthHours": 12,
        "timezone": "America/New_York",
        "strategy": "fair",
        "roles": [f"role {number}" for number in range(10)],
        "minRestHours": 24,
        "maxConsecutive": 3,
        "weights": {name: (number % 100 + 1) / 100 for number, name in enumerate(people)},
        "carryOver": {name: number * 1.5 for number, name in enumerate(people)},
        "avoidPairs": [[people[at % 100], people[(at * 7 + 1) % 100]] for at in range(4_000)
                       if (at * 6 + 1) % 100],
        "unavailable": [
            {"person": people[at % 100], "start": f"2026-{7 + at % 6:02}-{1 + at % 28:02}",
             "end": f"2026-{7 + at % 6:02}-{2 + at % 28:02}"}
            for at in range(3_000)
        ],
    }  # fmt: skip


def _around() -> Document:
    people = _people(100)
    absences = [
        {"person": people[at % 100], "start": f"20{26 + at % 25}-01-{1 + at % 27:02}",
         "end": f"20{27 + at % 25}-03-01"}
        for at in range(10_000)
    ]  # fmt: skip
    return {
        "start": "2026-01-01",
        "people": people,
        "shifts": 10_000,
        "shiftLengthHours": 24,
        "timezone": "America/New_York",
        "strategy": "round-robin",
        "unavailable": absences,
        "minRestHours": 100,
        "maxConsecutive": 2,
    }


def _paid_plans() -> Iterator[Case]:
    for name, document in _plans().items():
        yield _paid(f"paid plan: {name}", PLANNED, ROTATIONS, document)
    yield _paid("paid plan: a fair plan, SVG", PLANNED, ROTATIONS, _fair, SVG)
    calendars: Mapping[str, Callable[[], str]] = {
        "a rule for every second": lambda: _events(1, "RRULE:FREQ=SECONDLY"),
        "a time zone whose rules never hold": _impossible_zone,
        "250 KB of daily events": lambda: _events(1_900, "RRULE:FREQ=DAILY"),
        "10,000 dates to leave out": lambda: _events(
            1, "RRULE:FREQ=DAILY", "EXDATE:" + _dates(10_000)
        ),
        "an event of 9,000 years": lambda: _events(1, "DURATION:P3000000D", "RRULE:FREQ=HOURLY"),
        "a thousand million seconds": lambda: _events(
            1, "DTSTART:00010101T000000Z", "RRULE:FREQ=SECONDLY;BYSECOND=7;COUNT=999999999"
        ),
        "10,000 changes of 10,000 events": _changes_of_all,
        "2 MB of zones": _zones_of_all,
    }
    for name, text in (
        ("short events", _short_events),
        ("components of nothing", lambda: calendar(*["BEGIN:A", "END:A"] * 100_000)),
        ("dates to leave out", lambda: _events(1, "RRULE:FREQ=DAILY", "EXDATE:" + _dates(120_000))),
        ("50,000 meetings", lambda: _events(1_900, "RRULE:FREQ=DAILY;COUNT=25")),
    ):
        yield _paid(
            f"paid plan: 4 MB of calendars, {name}",
            PLANNED,
            ROTATIONS,
            lambda text=text: _large_calendars(text),
        )
    for name, text in calendars.items():
        yield _paid(
            f"paid plan: {name}",
            PLANNED,
            ROTATIONS,
            lambda text=text: with_calendar(text()),
        )


def _large_calendars(text: Callable[[], str]) -> Document:
    """A rotation of a year with the largest calendars that fit into a body."""
    texts = {name: text() for name in ("alice", "bob")}
    return rotation(shifts=365, unavailableIcs=texts, calendarEvents="busy")


def _short_events() -> str:
    lines = ("BEGIN:VEVENT", "DTSTART:20260701", "END:VEVENT")
    return calendar(*lines * 40_000)


def _changes_of_all() -> str:
    at = "DTSTART:20260701T000000Z"
    series = ["BEGIN:VEVENT", at, "RRULE:FREQ=DAILY", "END:VEVENT"] * 10_000
    return calendar(*series, *["BEGIN:VEVENT", "RECURRENCE-ID:20260701", at, "END:VEVENT"] * 10_000)


def _zones_of_all() -> str:
    """Zones that change every week since 1970, each with an event."""
    lines: list[str] = []
    for number in range(8_000):
        lines += ["BEGIN:VTIMEZONE", f"TZID:Z{number}", "BEGIN:STANDARD", "DTSTART:19700101T000000"]
        lines += ["RRULE:FREQ=WEEKLY", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200"]
        lines += ["END:STANDARD", "END:VTIMEZONE"]
        lines += ["BEGIN:VEVENT", f"DTSTART;TZID=Z{number}:20260701T090000", "END:VEVENT"]
    return calendar(*lines)


def _wide_schedule() -> Document:
    return schedule([layer(**HOURLY, restrictions=WINDOWS[:20]), layer()])


def _paid_schedules() -> Iterator[Case]:
    for name, media_type in FORMATS.items():
        yield _paid(
            f"paid schedule: two years by the hour, {name}",
            PLANNED,
            SCHEDULES,
            _wide_schedule,
            media_type,
        )
    documents: Mapping[str, Callable[[bool], Document]] = {
        "100 swaps": lambda window: schedule([layer()] * 3, swaps=_swaps(100), window=window),
        "10,000 overrides": lambda window: schedule(
            [layer()], overrides=_overrides(9_900), window=window
        ),
        "a layer never active": lambda window: schedule(
            [layer(restrictions=WINDOWS, turns_on="active", participants=_people(500))] * 10,
            window=window,
        ),
        "50 layers by the hour": lambda window: schedule(
            [layer(**HOURLY, participants=[])] * 27, window=window
        ),
        "50 layers with nobody": lambda window: schedule(
            [layer(participants=[], restrictions=WINDOWS)] * 13, window=window
        ),
    }
    for path, window in ((SCHEDULES, True), (NOW, False)):
        what = path.rpartition("-")[2]
        for name, document in documents.items():
            yield _paid(
                f"paid {what}: {name}",
                PLANNED,
                path,
                lambda document=document, window=window: document(window),
            )


# --- with a key -------------------------------------------------------------------------------


WINDOW = "from=2026-01-01T00:00:00Z&to=2027-12-31T00:00:00Z"
DAYS = "start_date=2026-01-01&end_date=2027-12-31"


def _with_key() -> Iterator[Case]:
    reads = {
        "a list of 100 schedules, v1": (STORED_HEAVY, f"{V1}/schedules?limit=100"),
        "a list of 100 schedules, v2": (STORED_HEAVY, f"{V2}/schedules?limit=100"),
        "a list of 100 users": (STORED_LIGHT, f"{V2}/users?limit=100"),
        "one large schedule": (STORED_LIGHT, f"{V1}/schedules/large_0"),
        "who is on call, large": (STORED_LIGHT, f"{V1}/schedules/large_0/on-call"),
        "who is on call for a team of all": (STORED_HEAVY, f"{V2}/current/team_0"),
        "two years of a large schedule": (
            STORED_HEAVY,
            f"{V1}/schedules/large_0/final-schedule?{WINDOW}",
        ),
        "two years by the hour": (
            STORED_HEAVY,
            f"{V1}/schedules/hourly_0/final-schedule?{WINDOW}",
        ),
        "two years of entries by the hour": (
            STORED_HEAVY,
            f"{V2}/schedules/hourly_0/entries?{DAYS}&limit=100&offset=17000",
        ),
        "overrides": (STORED_LIGHT, f"{V1}/schedules/hourly_0/overrides?limit=100"),
        "a schedule's calendar by the hour": (
            STORED_HEAVY,
            f"{V2}/schedules/hourly_0/calendar.ics",
        ),
        "a person's calendar over all schedules": (STORED_HEAVY, f"{V2}/users/user_0/calendar.ics"),
        "what changed": (STORED_LIGHT, f"{V1}/schedules/large_0/audit?limit=100"),
        "two years by the hour as a picture": (
            STORED_HEAVY,
            f"{V2}/schedules/hourly_0/final-schedule?{WINDOW}&format=svg",
        ),
        "two years by the hour as CSV": (
            STORED_HEAVY,
            f"{V2}/schedules/hourly_0/final-schedule?{WINDOW}&format=csv",
        ),
        "a page by the hour": (STORED_HEAVY, f"{V2}/schedules/hourly_0/page"),
        "who is on call on 100 schedules": (STORED_HEAVY, f"{V2}/on-call?limit=100"),
        "a year of a person's shifts": (
            STORED_HEAVY,
            f"{V2}/users/user_0/shifts?from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z",
        ),
        "1,000 changes": (
            STORED_HEAVY,
            f"{V2}/changes?since=2026-01-01T00:00:00Z&limit=1000&ahead=744",
        ),
    }
    for name, (budget, path) in reads.items():
        yield Case(
            f"stored: {name}",
            budget,
            lambda path=path: Ask(path, method="GET", key=True),
            stored=True,
        )
    yield Case(
        "stored: a schedule of a megabyte, faulty",
        STORED_LIGHT,
        lambda: Ask(
            f"{V1}/schedules",
            json.dumps(large_schedule("x" * 5_000, participants=_people(500, 30))).encode(),
            key=True,
        ),
        stored=True,
    )
    for name, body in {
        "a megabyte of null characters": lambda: _filled(b'{"layers":[', b'"\\u0000",', b"1]}"),
        "900 levels with null characters": lambda: (
            b'{"layers":' + b"[" * 900 + b'"\\u0000"' + b"]" * 900 + b"}"
        ),
        "900 levels of members": lambda: b'{"a":' * 900 + b"1" + b"}" * 900,
    }.items():
        for method, path in (("POST", f"{V1}/schedules"), ("PATCH", f"{V1}/schedules/hourly_2")):
            yield Case(
                f"stored: {method}, {name}",
                STORED_LIGHT,
                lambda method=method, path=path, body=body: Ask(path, body(), method, key=True),
                stored=True,
            )
    tags = '"a", ' * 3_000
    yield Case(
        "stored: 15 KB of ETags",
        STORED_LIGHT,
        lambda: Ask(
            f"{V1}/schedules/hourly_0",
            method="GET",
            headers={"If-None-Match": f'{tags}"'},
            key=True,
        ),
        stored=True,
    )
    yield Case(
        "stored: a megabyte of the largest numbers",
        STORED_LIGHT,
        lambda: Ask(f"{V2}/schedules", _numbers(BODY_BYTES), key=True),
        stored=True,
    )
    yield Case(
        "stored: a megabyte of unknown fields",
        STORED_LIGHT,
        lambda: Ask(f"{V2}/schedules", json.dumps(_unknown_fields(34_000)).encode(), key=True),
        stored=True,
    )
    yield Case(
        "stored: an entry of two years by the hour",
        STORED_HEAVY,
        lambda: Ask(
            f"{V2}/schedules/hourly_{next(_unwritten)}/entries",
            json.dumps(
                {
                    "user_id": "user_1",
                    "start": "2026-01-01T00:00:00Z",
                    "end": "2027-12-31T00:00:00Z",
                }
            ).encode(),
            key=True,
        ),
        stored=True,
    )


def large_schedule(name: str, participants: Sequence[str], **fields: Any) -> Document:
    """A stored schedule of 50 layers of 500 people."""
    layers = [layer(name=f"layer {at}", participants=list(participants)) for at in range(50)]
    return {"name": name, "timezone": "Europe/Brussels", "layers": layers, **fields}


def hourly_schedule(name: str, participants: Sequence[str], **fields: Any) -> Document:
    """A stored schedule whose turns are an hour."""
    layers = [layer(**HOURLY, participants=list(participants))]
    return {"name": name, "timezone": "Europe/Brussels", "layers": layers, **fields}
