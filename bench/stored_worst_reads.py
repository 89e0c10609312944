"""The reads of the stored APIs that cost most: rows of the largest size, and requests over them.

    python -m bench.stored_worst_reads [sqlite:///file | postgresql://…]

fills the database, which must be empty, sends every request in this process, and prints for each
its status, the bytes of its answer, how far the memory of the process rose, and the longest stretch
for which the event loop was kept busy.
"""

import asyncio
import gc
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import structlog
from sqlalchemy import Table, insert
from starlette.types import ASGIApp

from app.database.database import Database, Tx
from app.database.migrate import run_migrations
from app.database.tables import (
    audit,
    cover_requests,
    manual_assignments,
    participants,
    policies,
    schedule_versions,
    schedules,
    users,
)
from app.engine.layered.model import Layer, Restriction
from app.engine.walltime import FOREVER
from app.main import create_app
from app.settings import Settings
from app.teams.keys.store import SCOPES, create_key

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LARGE, HOURLY, PEOPLE, ENTRIES, TO_COME = 100, 60, 10_000, 100_000, 5_000
VERSIONS = 4
"""Versions of the largest size that one schedule may have."""
V1, V2 = "/api/v1", "/api/v2/oncall"
WINDOW = "from=2026-01-01T00:00:00Z&to=2027-12-31T00:00:00Z"
MONTHS = "from=2026-10-01T00:00:00Z&to=2026-12-01T00:00:00Z"
COVER = f"{MONTHS}&limit=100"
MONTH = "start_date=2026-10-01&end_date=2026-10-31"
DAYS = "start_date=2026-01-01&end_date=2027-12-31"
NOW = 1_790_000_000_000
"""In September 2026: when the rows were made."""

Request = tuple[str, str]

REQUESTS: Sequence[Request] = [
    ("GET", f"{path}")
    for path in (
        f"{V1}/schedules?limit=100",
        f"{V2}/schedules?limit=100",
        f"{V1}/schedules?limit=100&offset=100",
        f"{V1}/schedules/large_0",
        f"{V2}/schedules/large_0",
        f"{V1}/schedules/restricted",
        f"{V2}/schedules/restricted",
        f"{V1}/schedules/overrides",
        f"{V1}/schedules/overrides/overrides?limit=100",
        f"{V1}/schedules/large_0/audit?limit=100",
        f"{V1}/escalation-policies?limit=100",
        f"{V1}/escalation-policies/large/resolve",
        f"{V2}/users?limit=100",
        f"{V2}/current/large",
        f"{V2}/current/hourly",
        f"{V2}/current/restricted",
        f"{V1}/schedules/large_0/on-call",
        f"{V1}/schedules/versions/on-call",
        f"{V1}/schedules/restricted/on-call",
        f"{V1}/schedules/entries/on-call",
        f"{V1}/schedules/overrides/on-call",
        f"{V1}/schedules/hourly_0/final-schedule?{WINDOW}",
        f"{V1}/schedules/large_0/final-schedule?{WINDOW}",
        f"{V1}/schedules/versions/final-schedule?{WINDOW}",
        f"{V1}/schedules/restricted/final-schedule?{MONTHS}",
        f"{V1}/schedules/entries/final-schedule?{WINDOW}",
        f"{V1}/schedules/overrides/final-schedule?{WINDOW}",
        f"{V2}/schedules/hourly_0/entries?{DAYS}&limit=100",
        f"{V2}/schedules/large_0/entries?{DAYS}&limit=100",
        f"{V2}/schedules/versions/entries?{DAYS}&limit=100",
        f"{V2}/schedules/restricted/entries?{MONTH}&limit=100",
        f"{V2}/schedules/entries/entries?{DAYS}&limit=100",
        f"{V2}/entries/entries_99999",
        f"{V2}/entries/large_0~1.0~20000",
        f"{V2}/entries/versions~1.0~20000",
        f"{V2}/schedules/hourly_0/calendar.ics",
        f"{V2}/schedules/large_0/calendar.ics",
        f"{V2}/schedules/versions/calendar.ics",
        f"{V2}/schedules/restricted/calendar.ics",
        f"{V2}/schedules/entries/calendar.ics",
        f"{V2}/schedules/overrides/calendar.ics",
        f"{V2}/schedules/hourly_0/cover-candidates?{COVER}",
        f"{V2}/schedules/large_0/cover-candidates?{COVER}",
        f"{V2}/schedules/versions/cover-candidates?{COVER}",
        f"{V2}/schedules/restricted/cover-candidates?{COVER}",
        f"{V2}/schedules/entries/cover-candidates?{COVER}",
        f"{V2}/schedules/hourly_0/covers?limit=100",
        f"{V2}/users/ann/shifts?{MONTHS}",
        f"{V2}/users/ann/calendar.ics",
        f"{V2}/users/{'p0':_<30}/calendar.ics",
    )
]


class Measured(NamedTuple):
    """What a request took."""

    status: int
    answer_bytes: int
    peak_bytes: int
    loop_seconds: float
    seconds: float


async def fill(tx: Tx, now: int = NOW) -> str:
    """Write the rows into an empty, migrated database; return a key of their organisation."""
    key, presented = await create_key(tx, "Large", "reads", SCOPES, "live", None, now)
    listed = {"org_id": key.org_id, "version": 1, "created_at": now, "updated_at": now}
    names = ["ann", "bob", *(f"{f'p{number}':_<30}" for number in range(PEOPLE - 2))]
    large_teams = json.dumps([f"{number:x<200}" for number in range(100)])
    people = [
        {
            **listed,
            "id": name,
            "position": number,
            "name": f"{name:x<200}",
            "email": f"{name}@example.com",
            "team_ids": large_teams if number < 100 else "[]",
        }
        for number, name in enumerate(names)
    ]
    await _insert(tx, users, people)
    hourly = [_layer("rotation", ("ann", "bob"), "hours")]
    large = [
        _layer(f"layer {number:03}", tuple(names[2 + 500 * (number % 19) :][:500]), "days")
        for number in range(50)
    ]
    made = {f"large_{number}": ("large", large) for number in range(LARGE)}
    made |= {f"hourly_{number}": ("hourly", hourly) for number in range(HOURLY)}
    made |= {"entries": ("other", hourly), "overrides": ("other", hourly)}
    weekdays = (0, 1, 2, 3, 4)
    windows = [Restriction(at % 10 * HOUR_MS, 11 * HOUR_MS, weekdays) for at in range(100)]
    restricted = [_layer(f"layer {number:03}", ("ann",), "days", windows) for number in range(50)]
    made |= {"versions": ("other", large), "restricted": ("restricted", restricted)}
    for position, (name, (team, _)) in enumerate(made.items(), PEOPLE):
        row = {**listed, "id": name, "name": name, "team_id": team, "position": position}
        await _insert(tx, schedules, [row])
    taking_part = [
        {"org_id": key.org_id, "schedule_id": f"hourly_{number}", "user_id": name}
        for number in range(HOURLY)
        for name in ("ann", "bob")
    ]
    await _insert(tx, participants, taking_part)
    for name, (_, layers) in made.items():
        for number in range({"versions": VERSIONS, "restricted": 2}.get(name, 1)):
            await _insert(tx, schedule_versions, [_rules(key.org_id, name, layers, number, now)])
    behind = ENTRIES - TO_COME
    entries = (
        _assignment(key.org_id, "entry", "entries", number, now + (number - behind) * 2 * HOUR_MS)
        for number in range(ENTRIES)
    )
    overrides = (
        {
            **_assignment(key.org_id, "override", "overrides", number, now + number * HOUR_MS),
            "reason": "\x01" * 1_000,
        }
        for number in range(TO_COME)
    )
    for kind in (entries, overrides):
        await _insert(tx, manual_assignments, list(kind))
    text = json.dumps([layer[0] for layer in large])
    change = json.dumps({"layers": {"from": json.loads(text), "to": json.loads(text)}})
    for _ in range(20):
        row = {"org_id": key.org_id, "schedule_id": "large_0", "at": now, "key_id": key.id}
        row |= {"key_name": "reads", "action": "schedule.updated", "version": 1, "changes": change}
        await _insert(tx, audit, [row])
    await _insert(tx, cover_requests, [_cover(listed, number) for number in range(100)])
    targets = [{"type": "schedule", "id": f"large_{number}"} for number in range(20)]
    steps = json.dumps([{"targets": targets, "delay_minutes": 5}] * 20)
    await _insert(
        tx,
        policies,
        [{**listed, "id": "large", "name": "Large", "position": 0, "steps": steps}],
    )
    return presented


async def measure(app: ASGIApp, key: str, request: Request) -> Measured:
    """Send a request to ``app``, whose lifespan has begun, and measure it."""
    method, path = request
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"service.test"), (b"x-api-key", key.encode())],
        "scheme": "http",
        "server": ("service.test", 80),
        "client": ("203.0.113.7", 40_000),
        "root_path": "",
        "state": {},
    }
    status, size = 0, 0

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, size
        status = message.get("status", status)
        size += len(message.get("body", b""))

    gc.collect()
    before = _reset_peak()
    watching = asyncio.create_task(_longest_stretch())
    await asyncio.sleep(0.02)
    begun = time.perf_counter()
    await app(scope, receive, send)
    seconds = time.perf_counter() - begun
    await asyncio.sleep(0.005)
    watching.cancel()
    longest = (await asyncio.gather(watching, return_exceptions=True))[0]
    assert isinstance(longest, float)
    return Measured(status, size, _memory("VmHWM") - before, longest, seconds)


async def _longest_stretch() -> float:
    """Return, when it is cancelled, the longest that this thread computed without a pause."""
    longest, last = 0.0, time.thread_time()
    try:
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest, last = max(longest, now - last), now
    except asyncio.CancelledError:
        return longest


def _reset_peak() -> int:
    """Begin to record the peak of this process's memory anew; return what it has now."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


def _layer(
    name: str, people: tuple[str, ...], unit: str, windows: Sequence[Restriction] = ()
) -> tuple[Any, Layer]:
    """Return a layer as it is sent and as it is stored."""
    kinds = {"hours": "hourly", "days": "daily"}
    restrictions = [
        {"start": f"{each.start // HOUR_MS:02}:00", "end": f"{each.end // HOUR_MS:02}:00"}
        for each in windows
    ]
    sent = {"name": name, "rotation_type": kinds[unit], "participants": people}
    stored = Layer(name, people, unit, restrictions=tuple(windows))  # type: ignore[arg-type]
    return {**sent, "restrictions": restrictions}, stored


def _rules(
    org_id: str, name: str, layers: Sequence[tuple[Any, Layer]], number: int, now: int
) -> Mapping[str, Any]:
    return {
        "org_id": org_id,
        "schedule_id": name,
        "number": number + 1,
        "valid_from": now + (number - VERSIONS) * DAY_MS if number else -FOREVER,
        "timezone": "UTC",
        "layers": msgspec.json.encode([layer for _, layer in layers]).decode(),
        "document": msgspec.json.encode([sent for sent, _ in layers]).decode(),
    }


def _cover(listed: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """Return a cover request that has been accepted in 200 parts."""
    minutes = HOUR_MS // 60
    parts = [
        {
            "user_id": "bob",
            "at": NOW,
            "start_at": NOW + part * 20 * minutes,
            "end_at": NOW + (part * 20 + 10) * minutes,
            "override_id": f"{part:030}",
        }
        for part in range(200)
    ]
    ends_at = NOW + 20 * DAY_MS
    return {
        **listed,
        "id": f"cover_{number}",
        "schedule_id": "hourly_0",
        "position": number,
        "user_id": "ann",
        "start_at": NOW,
        "end_at": ends_at,
        "expires_at": ends_at,
        "reason": "x" * 200,
        "offered_to": None,
        "state": "open",
        "answers": json.dumps(parts),
        "role": None,
    }


def _assignment(org_id: str, kind: str, of: str, number: int, at: int) -> Mapping[str, Any]:
    return {
        "org_id": org_id,
        "id": f"{of}_{number}",
        "schedule_id": of,
        "kind": kind,
        "position": number,
        "user_id": ("ann", "bob")[number % 2],
        "start_at": at,
        "end_at": at + HOUR_MS,
        "from_at": at,
        "until_at": at + HOUR_MS,
        "reason": None,
        "created_at": NOW,
    }


async def _insert(tx: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    for first in range(0, len(rows), 1_000):
        await tx.execute(insert(table), rows[first : first + 1_000])


async def measured(
    url: str, requests: Sequence[Request] = REQUESTS
) -> AsyncIterator[tuple[Request, Measured]]:
    """Fill the empty database at ``url``; yield what every request to a service over it takes."""
    database = Database(url)
    async with database.migrating() as tx:
        await run_migrations(tx)
    async with database.migrating() as tx:
        key = await fill(tx)
    await database.aclose()
    settings = Settings(public_url="http://service.test", database_url=url, payments="off")
    app: Any = create_app(settings, clock=lambda: NOW / 1000)
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()
    serving = asyncio.create_task(app({"type": "lifespan"}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    await outbox.get()
    try:
        await measure(app, key, ("GET", f"{V2}/users"))
        gc.collect()
        gc.freeze()  # as the service does when it has started
        for request in requests:
            yield request, await measure(app, key, request)
    finally:
        gc.unfreeze()
        await inbox.put({"type": "lifespan.shutdown"})
        await serving


async def main(url: str) -> None:
    """Print what every request takes."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    async for (_, path), took in measured(url):
        print(
            f"{took.status} {took.answer_bytes / 2**20:6.2f} MiB  +{took.peak_bytes / 2**20:5.1f} "
            f"MiB  {1e3 * took.loop_seconds:5.1f} ms of the loop  {took.seconds:5.2f} s  {path}",
            flush=True,
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/oncall.db"))
