"""Kills during writes: every acknowledged write is there afterwards, and none by half."""

import asyncio
import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.database.database import Database
from app.teams.keys.store import SCOPES, create_key
from tests.support.databases import administer, migrate
from tests.support.postgres_server import cluster, postgres_server
from tests.support.processes import environment, free_port, wait_until
from tests.support.replica_callers import V1, V2
from tests.support.workers import Worker

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROUNDS = 3
CLIENTS = 6
SCHEDULES = 2
ACKNOWLEDGED = 24
"""Writes of a round after which the kill comes."""
PATIENCE_SECONDS = 90.0

LAYER = {"name": "all", "rotation_type": "daily", "participants": ["alice", "bob"]}


@dataclass(frozen=True)
class Write:
    """One POST. ``once`` is its ``Idempotency-Key`` and names nothing else."""

    path: str
    body: Any
    once: str

    def sent(self, http: httpx.AsyncClient) -> "asyncio.Future[httpx.Response]":
        headers = {"Idempotency-Key": self.once}
        return asyncio.ensure_future(http.post(self.path, json=self.body, headers=headers))


@dataclass
class Books:
    """The answers that the clients of a service got, by ``once``, and the requests without one."""

    url: str
    keys: Sequence[str]
    acknowledged: dict[str, httpx.Response] = field(default_factory=dict)
    unknown: dict[str, Write] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    slots: Iterator[int] = field(default_factory=count)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def come_to(self, done: Callable[[], bool]) -> None:
        """Wait until ``done`` says so, which is asked after every answer."""
        async with self.news:
            await self.news.wait_for(done)

    def http(self, number: int) -> httpx.AsyncClient:
        """A client whose key nobody else uses, so that the limit of one key is not met."""
        headers = {"X-API-Key": self.keys[number]}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60)

    async def writing(self, number: int, until: int) -> None:
        """Make schedules, and entries of two people that are swapped, until so many are there."""
        async with self.http(number) as http:
            while len(self.acknowledged) < until:
                slot = next(self.slots)
                entries = f"{V2}/schedules/s{slot % SCHEDULES}/entries"
                made = [
                    await self.tried(http, Write(entries, entry_of(slot, name), f"{name}-{slot}"))
                    for name in ("alice", "bob")
                ]
                if all(made):
                    path = f"{V2}/entries/alice-{slot}/swap"
                    body = {"swap_with_user_id": "bob"}
                    await self.tried(http, Write(path, body, f"swap-{slot}"))
                body = {"id": f"t{slot}", "name": "t", "timezone": "UTC", "layers": [LAYER]}
                await self.tried(http, Write(f"{V1}/schedules", body, f"schedule-{slot}"))

    async def tried(self, http: httpx.AsyncClient, write: Write) -> bool:
        """Whether it was done. Raises ``TransportError`` where the service is gone."""
        self.unknown[write.once] = write
        answer = await write.sent(http)
        self.statuses[answer.status_code] += 1
        if answer.is_success:
            self.acknowledged[write.once] = answer
            del self.unknown[write.once]
        async with self.news:
            self.news.notify_all()
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) >= 1
            await asyncio.sleep(0.2)  # far less than the second: the more are sent meanwhile
            return False
        assert answer.is_success, answer.text
        return True

    async def retried(self) -> None:
        """Send again what nobody knows of: it is done, now or already."""
        for number, write in enumerate(list(self.unknown.values())):
            async with self.http(number % CLIENTS) as http:
                assert await self.tried(http, write), write


def entry_of(slot: int, name: str) -> dict[str, str]:
    """Twenty seconds of a minute that is the slot's own."""
    day, minute = divmod(slot, 1_440)
    at = f"2031-01-{day + 1:02}T{minute // 60:02}:{minute % 60:02}"
    start, end = {"alice": ("00", "20"), "bob": ("20", "40")}[name]
    return {
        "id": f"{name}-{slot}",
        "user_id": name,
        "start": f"{at}:{start}Z",
        "end": f"{at}:{end}Z",
    }


async def all_of(http: httpx.AsyncClient, path: str) -> list[Any]:
    items: list[Any] = []
    while True:
        joint = "&" if "?" in path else "?"
        answer = await http.get(f"{path}{joint}limit=100&offset={len(items)}")
        assert answer.status_code == 200, answer.text
        items += answer.json()["data"]
        if len(items) >= answer.json()["total"]:
            return items


async def require_whole(books: Books, number: int) -> None:
    """All that was acknowledged is there, once; whatever is there is there in full."""
    async with books.http(number) as http:
        schedules = await all_of(http, f"{V1}/schedules")
        ids = Counter(schedule["id"] for schedule in schedules)
        for index in range(SCHEDULES):
            ids.update(await whole(http, f"s{index}"))
        assert set(ids.values()) == {1}
        assert all(schedule["layers"] for schedule in schedules[SCHEDULES:])
        for once, answer in books.acknowledged.items():
            shown = answer.json()["data"]
            assert (shown["id"] in ids) or once.startswith("person"), once
    async with books.http(number + 1) as http:
        last = schedules[-1]["id"]
        assert (await http.get(f"{V1}/schedules/{last}/on-call")).status_code == 200
        [note] = await all_of(http, f"{V1}/schedules/{last}/audit")
        assert note["action"] == "schedule.created"


async def whole(http: httpx.AsyncClient, schedule_id: str) -> list[str]:
    """The ids of the entries and swaps of a schedule, none of which is there by half."""
    window = "start_date=2031-01-01&end_date=2031-01-31"
    entries = await all_of(http, f"{V2}/schedules/{schedule_id}/entries?{window}")
    created = [entry["id"] for entry in entries if entry["source"] == "created"]
    swaps = await all_of(http, f"{V2}/schedules/{schedule_id}/swaps")
    halves = Counter(
        override["swap_id"]
        for override in await all_of(http, f"{V1}/schedules/{schedule_id}/overrides")
    )
    assert halves == {swap["id"]: len(swap["entry_ids"]) for swap in swaps}
    notes = await all_of(http, f"{V1}/schedules/{schedule_id}/audit")
    version = (await http.get(f"{V1}/schedules/{schedule_id}")).json()["data"]["version"]
    assert [note["version"] for note in notes] == list(range(1, version + 1))
    actions = Counter(note["action"] for note in notes)
    assert actions["entry.created"] == len(created)
    assert actions["swap.created"] == len(swaps)
    return [*created, *(swap["id"] for swap in swaps)]


async def keys_in(url: str, number: int) -> list[str]:
    """So many keys of one organisation that has two people and the schedules."""
    database = Database(url)
    await database.open()
    keys = [
        (
            await database.write(
                lambda tx: create_key(tx, "Example", "crash", SCOPES, "live", None, 0)
            )
        )[1]
        for _ in range(number)
    ]
    await database.aclose()
    return keys


async def prepare(books: Books) -> None:
    async with books.http(0) as http:
        for name in ("alice", "bob"):
            body = {"id": name, "name": name, "email": f"{name}@x"}
            await books.tried(http, Write(f"{V2}/users", body, f"person-{name}"))
        for index in range(SCHEDULES):
            body = {"id": f"s{index}", "name": "s", "timezone": "UTC", "layers": []}
            assert (await http.post(f"{V1}/schedules", json=body)).status_code == 201


@contextlib.contextmanager
def service(url: str, logs: Path) -> Iterator[Worker]:
    """A service on a database, which may be killed and started again."""
    worker = Worker(environment(ONCALL_DATABASE_URL=url), logs)
    worker.start()
    try:
        wait_until(worker.is_ready)
        yield worker
    finally:
        worker.kill()


async def written_until(books: Books, number: int, kill: Callable[[], None]) -> None:
    """Let clients write; ``kill`` when enough was acknowledged, while they go on."""
    enough = len(books.acknowledged) + ACKNOWLEDGED

    async def killing() -> None:
        await books.come_to(lambda: len(books.acknowledged) >= enough)
        kill()

    async with asyncio.timeout(PATIENCE_SECONDS):
        clients = [books.writing(number + index, enough * 100) for index in range(CLIENTS)]
        ended = await asyncio.gather(killing(), *clients, return_exceptions=True)
    assert ended[0] is None
    assert all(isinstance(end, httpx.TransportError) for end in ended[1:]), ended


async def test_a_service_that_is_killed_loses_nothing(database_url: str, tmp_path: Path) -> None:
    keys = await keys_in(database_url, ROUNDS * (CLIENTS + 4) + 1)
    with service(database_url, tmp_path) as worker:
        books = Books(worker.url, keys)
        await prepare(books)
        for number in range(ROUNDS):
            first = 1 + number * (CLIENTS + 4)
            await written_until(books, first, worker.kill)
            worker.start()
            await asyncio.to_thread(wait_until, worker.is_ready)
            await require_whole(books, first + CLIENTS)
            await books.retried()
        await require_whole(books, first + CLIENTS + 2)
    assert set(books.statuses) == {200, 201}


@pytest.mark.postgres
async def test_a_database_server_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    """With ``fsync``. The service stays, refuses in words, and goes on when its server is back."""
    port = free_port()
    with contextlib.ExitStack() as closing:
        folder = closing.enter_context(cluster())

        def start() -> str:
            return closing.enter_context(postgres_server(folder, port, options=()))

        server = start()
        url = f"{server}/oncall"
        administer(server, "createdb", "oncall")
        await migrate(url)
        books = Books("", await keys_in(url, CLIENTS + 4))
        worker = closing.enter_context(service(url, tmp_path))
        books.url = worker.url
        await prepare(books)

        async def killing() -> None:
            await books.come_to(lambda: len(books.acknowledged) >= ACKNOWLEDGED)
            kill_cluster(folder)
            await books.come_to(lambda: books.statuses[503] > CLIENTS)
            await asyncio.to_thread(start)

        async with asyncio.timeout(PATIENCE_SECONDS):
            clients = [books.writing(1 + each, 2 * ACKNOWLEDGED) for each in range(CLIENTS)]
            await asyncio.gather(killing(), *clients)
        await books.retried()
        await require_whole(books, CLIENTS + 1)
        assert set(books.statuses) == {200, 201, 503}


def kill_cluster(folder: Path) -> None:
    """SIGKILL for the server that uses ``folder`` and for all of its processes."""
    server = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    children = [
        int(stat.parent.name)
        for stat in Path("/proc").glob("[0-9]*/stat")
        if parent_in(stat) == server
    ]
    for process in (server, *children):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    os.waitpid(server, 0)  # it is ours: until then its number is taken


def parent_in(stat: Path) -> int | None:
    """The parent of a process, unless it has ended."""
    with contextlib.suppress(OSError):
        return int(stat.read_text().rpartition(")")[2].split()[1])
    return None
