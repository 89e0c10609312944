"""Writers of every kind on one schedule at once: what they leave is what some order of them gives.

The audit says in which order they were done. The same writes are made again one after the other, in
that order, in another organisation: there each of them must be accepted, and lead to the same
schedule.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import httpx
import pytest

from app.database import database
from app.teams import heavy_work
from app.teams.keys.store import SCOPES, create_key
from tests.conftest import Clock
from tests.support.replica_callers import V1, V2, Caller, replicas

pytestmark = pytest.mark.anyio

CLIENTS = 32
ROUNDS, MOST_ROUNDS = 3, 9
"""There are more than three only until somebody has accepted a request for cover."""
PEOPLE = ("ann", "bob", "cat", "dan")
AWAY = PEOPLE[0]
"""Who may be away, and always takes part: so that each absence is in the schedule's audit."""
WINDOW = "from=2026-06-01T00:00:00Z&to=2026-07-15T00:00:00Z"
GIVEN = [f"2026-07-{day:02}" for day in range(1, 13)]
"""Days on which overrides give an hour away before anybody writes, and nobody writes overrides."""
REFUSED = {404, 409, 412, 422}


class Request(NamedTuple):
    """A write as it is sent; ``mark`` is what its record in the audit can be told by."""

    method: str
    path: str
    body: Any
    mark: str


@pytest.fixture
async def callers(
    database_url: str,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    anyio_backend: str,  # noqa: ARG001 - what makes this fixture one of anyio's
) -> AsyncIterator[Sequence[Caller]]:
    """Run two replicas, and a caller of another organisation, each organisation with a schedule.

    Whoever waits for others waits as long as it takes, however slow the machine is; how often a
    write is run again is as ever.
    """
    monkeypatch.setattr(heavy_work, "WAIT_SECONDS", 300.0)
    monkeypatch.setattr(database, "WRITE_SECONDS", 300.0)
    async with replicas(database_url, clock) as pair:
        now = int(clock() * 1000)
        _, key = await pair[0].database.write(
            lambda tx: create_key(tx, "Again", "tests", SCOPES, "live", None, now)
        )
        other = Caller(pair[0].database, key, clock)
        for caller in (pair[0], other):
            for name in PEOPLE:
                await caller.add_user(name)
            await caller.schedule("s", *PEOPLE)
            for number, day in enumerate(GIVEN):
                hour = {"start_at": f"{day}T12:00:00Z", "end_at": f"{day}T13:00:00Z"}
                body = {"user_id": PEOPLE[1 + number % 3], "id": f"given{number}", **hour}
                await caller.done("POST", f"{V1}/schedules/s/overrides", body)
        yield [*pair, other]
        await other.http.aclose()


def day_of(chance: random.Random) -> dict[str, str]:
    """A stretch of up to two days in June, from the fifth on."""
    hour = chance.randrange(24 * 20)
    last = hour + chance.randrange(1, 48)
    return {
        name: f"2026-06-{5 + each // 24:02}T{each % 24:02}:00:00Z"
        for name, each in (("start", hour), ("end", last))
    }


def edit(chance: random.Random, mark: str) -> Request:
    names = [AWAY, *chance.sample(PEOPLE[1:], chance.randrange(1, 4))]
    chance.shuffle(names)
    body = {"name": mark, "participants": names, "handoff_time": f"{chance.randrange(24):02}:00"}
    return Request("PATCH", f"{V2}/schedules/s", body, mark)


def override(chance: random.Random, mark: str) -> Request:
    day = day_of(chance)
    stretch = {"start_at": day["start"], "end_at": day["end"]}
    body = {"id": mark, "user_id": chance.choice(PEOPLE), **stretch}
    return Request("POST", f"{V1}/schedules/s/overrides", body, mark)


def absence(chance: random.Random, mark: str) -> Request:
    return Request("POST", f"{V2}/users/{AWAY}/absences", {"id": mark, **day_of(chance)}, mark)


class Writers:
    """Writers who look at what there is, and then write."""

    def __init__(self, callers: Sequence[Caller], seed: int) -> None:
        self.callers = callers
        self.seed = seed
        self.done: dict[str, Request] = {}
        self.refused = 0

    async def write(self, index: int, number: int) -> None:
        """Make one write; keep it if it is accepted."""
        mark = f"w{number}-{index}"
        chance = random.Random(f"{self.seed} {mark}")  # noqa: S311 - no secret
        caller = self.callers[index % 2]
        makers: Sequence[Callable[[random.Random, str], Request]] = (edit, override, absence)
        if index % 8 < 3:
            request = makers[index % 8](chance, mark)
        elif index % 8 < 6:
            request = await self.asking(caller, chance, mark)
        else:
            request = await self.answering(caller, chance, mark)
        answer = await caller.ask(request.method, request.path, request.body)
        assert answer.is_success or answer.status_code in REFUSED, answer.text
        if answer.is_success:
            self.done[request.mark] = request
        self.refused += not answer.is_success

    async def asking(self, caller: Caller, chance: random.Random, mark: str) -> Request:
        """Ask for cover of a shift that somebody has when it is looked up, often by an override."""
        segments = (await caller.done("GET", f"{V1}/schedules/s/final-schedule?{WINDOW}"))[
            "segments"
        ]
        source = chance.choice(["layer", "override", "override"])
        shift = chance.choice(
            [each for each in segments if each["start"] > "2026-06-05" and each["source"] == source]
        )
        stretch = {name: shift[name] for name in ("start", "end")}
        body = {"id": mark, "user_id": shift["user_id"], **stretch}
        return Request("POST", f"{V2}/schedules/s/covers", body, mark)

    async def answering(self, caller: Caller, chance: random.Random, mark: str) -> Request:
        """Accept an open request, or take a request or an override back; else make an override."""
        covers = await caller.every(f"{V2}/schedules/s/covers?state=open")
        overrides = await caller.every(f"{V1}/schedules/s/overrides")
        if covers and chance.random() < 0.7:
            cover = chance.choice(covers)
            name = chance.choice([each for each in PEOPLE if each != cover["user_id"]])
            path = f"{V2}/covers/{cover['id']}/accept"
            return Request("POST", path, {"user_id": name}, f"accepted {cover['id']}")
        if covers and chance.random() < 0.3:
            cover = chance.choice(covers)
            return Request("DELETE", f"{V2}/covers/{cover['id']}", None, f"withdrawn {cover['id']}")
        own = [each["id"] for each in overrides if each["id"].startswith("w")]
        if own and chance.random() < 0.5:
            path = f"{V1}/schedules/s/overrides/{(name := chance.choice(own))}"
            return Request("DELETE", path, None, f"cancelled {name}")
        return override(chance, mark)


def mark_of(record: Mapping[str, Any]) -> str:
    """Return what a record of the audit can be told by."""
    changes = record["changes"]
    if record["action"] == "schedule.updated":
        return str(changes["name"]["to"])
    named = changes["id"]["to"] or changes["id"]["from"]
    done = {
        "cover.accepted": "accepted ",
        "cover.withdrawn": "withdrawn ",
        "override.cancelled": "cancelled ",
    }
    return f"{done.get(record['action'], '')}{named}"


async def shown(caller: Caller) -> Any:
    """Who is on call, when and by what, but for the ids of overrides."""
    segments = (await caller.done("GET", f"{V1}/schedules/s/final-schedule?{WINDOW}"))["segments"]
    return [(each["start"], each["end"], each["user_id"], each["source"]) for each in segments]


async def covers_of(caller: Caller) -> Any:
    """Every cover request, but for what each organisation has of its own."""
    return {
        each["id"]: (
            each["state"],
            [(one["user_id"], one["start"], one["end"]) for one in each["accepted"]],
            each["open"],
            each["version"],
        )
        for each in await caller.every(f"{V2}/schedules/s/covers")
    }


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2))
async def test_what_writers_leave_is_what_their_order_gives(
    callers: Sequence[Caller], seed: int
) -> None:
    *pair, other = callers
    writers = Writers(pair, seed)
    for number in range(MOST_ROUNDS):
        if number >= ROUNDS and any(mark.startswith("accepted ") for mark in writers.done):
            break
        await asyncio.gather(*(writers.write(index, number) for index in range(CLIENTS)))
    audit = await pair[1].every(f"{V1}/schedules/s/audit")
    assert [each["version"] for each in audit] == list(range(1, len(audit) + 1))
    assert (await pair[0].done("GET", f"{V2}/schedules/s"))["version"] == len(audit)
    order = [mark_of(each) for each in audit[1 + len(GIVEN) :]]
    assert sorted(order) == sorted(writers.done)
    assert writers.refused
    kinds = {each["action"] for each in audit}
    assert {"schedule.updated", "override.created", "absence.created"} <= kinds
    assert {"cover.requested", "cover.accepted"} <= kinds
    answers: list[httpx.Response] = [await other.ask(*writers.done[mark][:3]) for mark in order]
    assert [each.text for each in answers if not each.is_success] == []
    assert await shown(other) == await shown(pair[0])
    assert await covers_of(other) == await covers_of(pair[0])
    for name in ("name", "participants", "handoff_time", "first_turn_at", "version"):
        again, first = [await each.done("GET", f"{V2}/schedules/s") for each in (other, pair[1])]
        assert again[name] == first[name]
