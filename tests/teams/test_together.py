"""Concurrency: 32 clients of two replicas, each with its own connections, on either database."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from functools import partial
from itertools import combinations, cycle, islice, pairwise
from typing import Any

import httpx
import pytest

from app.database.database import Tx
from app.database.errors import ATTEMPTS_BY_SQLSTATE
from app.teams.keys.store import keys_of
from app.teams.schedules.store import lock_schedule, raise_version
from tests.conftest import Clock
from tests.support.replica_callers import V1, V2, Caller, replicas

pytestmark = pytest.mark.anyio

CLIENTS = 32
SEED = 20_260_726
DAY_SECONDS = 86_400


@pytest.fixture
async def pair(
    database_url: str,
    clock: Clock,
    anyio_backend: str,  # noqa: ARG001 - what makes this fixture one of anyio's
) -> AsyncIterator[Sequence[Caller]]:
    """Run two replicas whose organisation has two users."""
    async with replicas(database_url, clock) as callers:
        for name in ("alice", "bob"):
            await callers[0].add_user(name)
        yield callers


async def at_once(
    callers: Sequence[Caller],
    ask: Callable[[Caller, int], Awaitable[httpx.Response]],
    number: int = CLIENTS,
) -> list[httpx.Response]:
    """Return the answers to so many clients, spread over the replicas in turn."""
    taken = islice(cycle(callers), number)
    return await asyncio.gather(*(ask(caller, index) for index, caller in enumerate(taken)))


def statuses(answers: Iterable[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


class TestNoUpdateIsLost:
    async def test_every_write_without_a_condition_lands(self, pair: Sequence[Caller]) -> None:
        await pair[0].schedule("s", "alice")

        def patch(caller: Caller, index: int) -> Awaitable[httpx.Response]:
            return caller.ask("PATCH", f"{V2}/schedules/s", {"name": f"name {index}"})

        answers = await at_once(pair, patch)
        assert statuses(answers) == {200: CLIENTS}
        versions = sorted(answer.json()["data"]["version"] for answer in answers)
        assert versions == list(range(2, CLIENTS + 2))
        notes = await pair[1].every(f"{V1}/schedules/s/audit")
        assert [note["version"] for note in notes] == list(range(1, CLIENTS + 2))
        for earlier, later in pairwise(notes[1:]):
            assert later["changes"]["name"]["from"] == earlier["changes"]["name"]["to"]

    async def test_of_writes_with_one_condition_one_wins(self, pair: Sequence[Caller]) -> None:
        await pair[0].schedule("s", "alice")

        def patch(caller: Caller, index: int) -> Awaitable[httpx.Response]:
            body = {"name": f"name {index}"}
            return caller.ask("PATCH", f"{V2}/schedules/s", body, If_Match='"1"')

        answers = await at_once(pair, patch)
        assert statuses(answers) == {200: 1, 412: CLIENTS - 1}
        [won] = [answer for answer in answers if answer.status_code == 200]
        assert (await pair[1].done("GET", f"{V2}/schedules/s")) == won.json()["data"]

    async def test_whatever_writes_to_a_schedule_raises_its_version(
        self, pair: Sequence[Caller]
    ) -> None:
        await pair[0].schedule("s", "alice")

        def write(caller: Caller, index: int) -> Awaitable[httpx.Response]:
            start, end = (f"2027-01-{day:02}T00:00:00Z" for day in (index // 4 + 1, index // 4 + 2))
            if index % 4 == 0:
                return caller.ask(
                    "PATCH", f"{V2}/schedules/s", {"timezone": f"Etc/GMT+{index // 4}"}
                )
            if index % 4 == 1:
                body = {"user_id": "bob", "start": start, "end": end}
                return caller.ask("POST", f"{V2}/schedules/s/entries", body)
            if index % 4 == 2:
                return caller.ask("POST", f"{V2}/schedules/s/feed-tokens", {})
            body = {"user_id": "bob", "start_at": start, "end_at": end}
            return caller.ask("POST", f"{V1}/schedules/s/overrides", body)

        answers = await at_once(pair, write)
        assert set(statuses(answers)) <= {200, 201}
        assert (await pair[1].done("GET", f"{V2}/schedules/s"))["version"] == CLIENTS + 1

    async def test_of_people_and_policies_as_well(self, pair: Sequence[Caller]) -> None:
        steps = [{"targets": [{"type": "user", "id": "alice"}]}]
        policy = {"id": "p", "name": "p", "steps": steps}
        await pair[0].done("POST", f"{V1}/escalation-policies", policy)

        def patch(caller: Caller, index: int) -> Awaitable[httpx.Response]:
            path = f"{V2}/users/bob" if index % 2 else f"{V1}/escalation-policies/p"
            return caller.ask("PATCH", path, {"name": f"name {index}"})

        assert statuses(await at_once(pair, patch)) == {200: CLIENTS}
        for path in (f"{V2}/users/bob", f"{V1}/escalation-policies/p"):
            assert (await pair[0].done("GET", path))["version"] == CLIENTS // 2 + 1


ENTRY = {"user_id": "bob", "start": "2027-01-01T00:00:00Z", "end": "2027-01-02T00:00:00Z"}


class TestOnceOnly:
    async def test_one_idempotency_key_makes_one_entry(self, pair: Sequence[Caller]) -> None:
        await pair[0].schedule("s", "alice")

        def post(caller: Caller, _: int) -> Awaitable[httpx.Response]:
            return caller.ask("POST", f"{V2}/schedules/s/entries", ENTRY, Idempotency_Key="once")

        answers = await at_once(pair, post)
        assert statuses(answers) == {201: CLIENTS}
        assert len({answer.content for answer in answers}) == 1
        replayed = [answer.headers.get("Idempotent-Replayed") for answer in answers]
        assert Counter(replayed) == {None: 1, "true": CLIENTS - 1}
        path = f"{V2}/schedules/s/entries?start_date=2027-01-01&end_date=2027-01-01"
        [entry] = await pair[1].every(path)
        assert entry["id"] == answers[0].json()["data"]["id"]

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            pytest.param(f"{V2}/schedules/s/entries", ENTRY, id="entry"),
            pytest.param(
                f"{V1}/schedules/s/overrides",
                {"user_id": "bob", "start_at": ENTRY["start"], "end_at": ENTRY["end"]},
                id="override",
            ),
            pytest.param(f"{V2}/users", {"name": "Carol", "email": "carol@x"}, id="person"),
            pytest.param(
                f"{V1}/schedules", {"name": "x", "timezone": "UTC", "layers": []}, id="schedule"
            ),
        ],
    )
    async def test_one_id_is_taken_once(
        self, pair: Sequence[Caller], path: str, body: dict[str, str]
    ) -> None:
        await pair[0].schedule("s", "alice")

        def post(caller: Caller, _: int) -> Awaitable[httpx.Response]:
            return caller.ask("POST", path, {**body, "id": "one"})

        assert statuses(await at_once(pair, post)) == {201: 1, 409: CLIENTS - 1}

    async def test_a_person_is_not_given_two_entries_at_once(self, pair: Sequence[Caller]) -> None:
        await pair[0].schedule("s", "alice")

        def post(caller: Caller, index: int) -> Awaitable[httpx.Response]:
            body = {**ENTRY, "start": f"2027-01-01T00:00:{index:02}Z"}
            return caller.ask("POST", f"{V2}/schedules/s/entries", body)

        assert statuses(await at_once(pair, post)) == {201: 1, 409: CLIENTS - 1}


class TestRuns:
    async def test_writers_of_one_schedule_run_a_few_times_each(
        self, pair: Sequence[Caller]
    ) -> None:
        await pair[0].schedule("s", "alice")
        runs = [0] * CLIENTS
        [org_id] = {key.org_id for key in await pair[0].database.write(keys_of)}

        async def write(index: int) -> None:
            async def work(tx: Tx) -> None:
                runs[index] += 1
                await raise_version(tx, org_id, await lock_schedule(tx, org_id, "s", index), index)

            await pair[index % 2].database.write(work)

        await asyncio.gather(*map(write, range(CLIENTS)))
        assert (await pair[1].done("GET", f"{V2}/schedules/s"))["version"] == CLIENTS + 1
        assert max(runs) <= ATTEMPTS_BY_SQLSTATE["40001"]
        assert sum(runs) <= 12 * CLIENTS


class TestReferences:
    """Races of an attachment with a delete: afterwards both are there, or neither holds."""

    ROUNDS = 8

    async def test_a_policy_and_a_schedule_that_is_being_deleted(
        self, pair: Sequence[Caller]
    ) -> None:
        for number in range(self.ROUNDS):
            name = f"s{number}"
            await pair[0].schedule(name, "alice")
            steps = [{"targets": [{"type": "schedule", "id": name}]}]
            policy = {"id": f"p{number}", "name": "p", "steps": steps}
            attached, deleted = await asyncio.gather(
                pair[number % 2].ask("POST", f"{V1}/escalation-policies", policy),
                pair[1 - number % 2].ask("DELETE", f"{V1}/schedules/{name}"),
            )
            there = await pair[0].ask("GET", f"{V1}/schedules/{name}")
            named = await pair[1].ask("GET", f"{V1}/escalation-policies/p{number}")
            outcome = (attached.status_code, deleted.status_code)
            assert outcome in {(201, 409), (422, 204)}
            kept = 200 if attached.status_code == 201 else 404
            assert (there.status_code, named.status_code) == (kept, kept)

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            pytest.param(
                "PATCH", f"{V2}/schedules/s", {"participants": ["bob", "carol"]}, id="participant"
            ),
            pytest.param(
                "POST",
                f"{V1}/schedules/s/overrides",
                {
                    "user_id": "carol",
                    "start_at": "2027-01-01T00:00:00Z",
                    "end_at": "2027-01-02T00:00:00Z",
                },
                id="override",
            ),
            pytest.param(
                "POST",
                f"{V1}/escalation-policies",
                {"name": "p", "steps": [{"targets": [{"type": "user", "id": "carol"}]}]},
                id="policy",
            ),
        ],
    )
    async def test_a_person_who_is_being_deleted(
        self, pair: Sequence[Caller], method: str, path: str, body: dict[str, Any]
    ) -> None:
        await pair[0].schedule("s", "alice")
        outcomes = set()
        for number in range(self.ROUNDS):
            await pair[0].add_user("carol")
            added, deleted = await asyncio.gather(
                pair[number % 2].ask(method, path, body),
                pair[1 - number % 2].ask("DELETE", f"{V2}/users/carol"),
            )
            is_there = (await pair[0].ask("GET", f"{V2}/users/carol")).status_code == 200
            outcomes.add((added.is_success, deleted.status_code, is_there))
            if is_there:
                break
        assert outcomes <= {(True, 409, True), (False, 204, False)}


class TestPages:
    async def test_pages_are_stable_while_clients_create(self, pair: Sequence[Caller]) -> None:
        """Who reads from the first page to the last meets every row that was there, once."""
        seen: list[list[str]] = []

        def create(caller: Caller, _: int) -> Awaitable[httpx.Response]:
            document = {"name": "s", "timezone": "UTC", "layers": []}
            return caller.ask("POST", f"{V1}/schedules", document)

        async def read(caller: Caller) -> None:
            ids: list[str] = []
            while True:
                path = f"{V1}/schedules?limit=5&offset={len(ids)}"
                page = (await caller.ask("GET", path)).json()["data"]
                ids += [schedule["id"] for schedule in page]
                if len(page) < 5:
                    break
            seen.append(ids)

        for _ in range(2):
            made, *_ = await asyncio.gather(
                at_once(pair, create), *(read(caller) for caller in pair * 2)
            )
            assert statuses(made) == {201: CLIENTS}
        final = [schedule["id"] for schedule in await pair[0].every(f"{V1}/schedules")]
        assert len(set(final)) == 2 * CLIENTS
        for ids in seen:
            assert ids == final[: len(ids)]


PEOPLE = ("alice", "bob", "carol", "dave")


class TestSwaps:
    """Whatever clients do at once, nobody has two entries of one schedule at once."""

    async def test_swaps_undos_and_deletes_at_random(
        self, pair: Sequence[Caller], clock: Clock
    ) -> None:
        for name in PEOPLE[2:]:
            await pair[0].add_user(name)
        await pair[0].schedule("s", *PEOPLE)
        for day in range(1, 9):
            await self.make(pair[0], PEOPLE[day % 4], day, 6 if day % 2 else 0)
        clock.advance(DAY_SECONDS)
        chances = [random.Random(SEED + number) for number in range(CLIENTS)]  # noqa: S311 - a test
        for number in range(3):
            answers = await at_once(pair, partial(self.act, chances))
            assert set(statuses(answers)) <= {200, 201, 204, 404, 409, 422}
            assert statuses(answers)[200], f"no swap in round {number}"
            await require_alone(pair[0])

    async def act(
        self, chances: Sequence[random.Random], caller: Caller, index: int
    ) -> httpx.Response:
        chance = chances[index]
        path = f"{V2}/schedules/s/entries?start_date=2026-06-05&end_date=2026-06-20"
        entry = chance.choice(await caller.every(path))
        kind = chance.choice(["swap", "swap", "swap", "undo", "delete", "make"])
        if kind == "make":
            return await self.create(caller, chance.choice(PEOPLE), chance.randint(1, 9), 3)
        if kind == "undo":
            every = await caller.every(f"{V2}/schedules/s/swaps")
            if swaps := [swap for swap in every if swap["undone_at"] is None]:
                return await caller.ask_patiently(
                    "DELETE", f"{V2}/swaps/{chance.choice(swaps)['id']}"
                )
        if kind == "delete":
            return await caller.ask_patiently("DELETE", f"{V2}/entries/{entry['id']}")
        body = {"swap_with_user_id": chance.choice(PEOPLE)}
        return await caller.ask_patiently("POST", f"{V2}/entries/{entry['id']}/swap", body)

    async def test_undoing_gives_nobody_two_entries(
        self, pair: Sequence[Caller], clock: Clock
    ) -> None:
        """carol has an entry where the swap of a swap would give one back to her."""
        await self.swapped_twice(pair, clock)
        [_, second] = await pair[0].every(f"{V2}/schedules/s/swaps")
        await self.make(pair[0], "bob", 1, 6)
        answer = await pair[0].ask("DELETE", f"{V2}/swaps/{second['id']}")
        assert answer.status_code == 409
        assert "bob would have one and" in answer.json()["message"]
        await require_alone(pair[0])

    async def test_deleting_an_entry_gives_nobody_two(
        self, pair: Sequence[Caller], clock: Clock
    ) -> None:
        await self.swapped_twice(pair, clock)
        await self.make(pair[0], "bob", 1, 6)
        back = (await pair[0].every(f"{V2}/schedules/s/swaps"))[1]["entry_ids"][1]
        answer = await pair[0].ask("DELETE", f"{V2}/entries/{back}")
        assert answer.status_code == 409
        await require_alone(pair[0])

    async def test_an_entry_inside_a_swapped_one_would_be_the_takers(
        self, pair: Sequence[Caller], clock: Clock
    ) -> None:
        await self.swapped_twice(pair, clock)
        answer = await self.create(pair[0], "dave", 1, 0)
        assert answer.status_code == 409
        assert answer.json()["message"].startswith("carol would have")

    async def test_two_entries_that_run_are_taken_over_alike(
        self, pair: Sequence[Caller], clock: Clock
    ) -> None:
        """Which of them one asks for, and over which window, does not change whose they are."""
        await self.swapped_twice(pair, clock)
        await self.make(pair[0], "dave", 5, 0)
        await self.make(pair[0], "alice", 5, 1)
        clock.advance(5 * DAY_SECONDS + 5 * 3_600 - clock() % DAY_SECONDS)
        start, end = (f"2026-06-10T{hour:02}:00:00Z" for hour in (5, 12))
        body = {"user_id": "bob", "start_at": start, "end_at": end}
        await pair[0].done("POST", f"{V1}/schedules/s/overrides", body)
        listed = await pair[0].every(
            f"{V2}/schedules/s/entries?start_date=2026-06-10&end_date=2026-06-10"
        )
        assert [entry["user_id"] for entry in listed] == ["bob", "bob"]
        for entry in listed:
            assert await pair[1].done("GET", f"{V2}/entries/{entry['id']}") == entry

    async def test_an_override_may_lie_over_several_entries(
        self, pair: Sequence[Caller], clock: Clock
    ) -> None:
        await self.swapped_twice(pair, clock)
        body = {"start_at": "2026-06-10T00:00:00Z", "end_at": "2026-06-11T00:00:00Z"}
        await pair[0].done("POST", f"{V1}/schedules/s/overrides", {"user_id": "bob", **body})
        for name in ("dave", "alice"):
            await self.make(pair[0], name, 5, 0)

    async def swapped_twice(self, pair: Sequence[Caller], clock: Clock) -> None:
        """Entry ``one`` of alice went to bob, then to carol, whose ``two`` went to bob."""
        clock.advance(DAY_SECONDS)
        for name in PEOPLE[2:]:
            await pair[0].add_user(name)
        await pair[0].schedule("s")
        for name, day, who in (("one", 1, "alice"), ("two", 3, "carol")):
            assert (await self.create(pair[0], who, day, 0, id=name)).status_code == 201
        for who in ("bob", "carol"):
            body = {"swap_with_user_id": who}
            await pair[0].done("POST", f"{V2}/entries/one/swap", body)

    async def make(self, caller: Caller, name: str, day: int, hour: int) -> None:
        assert (await self.create(caller, name, day, hour)).status_code == 201

    async def create(
        self, caller: Caller, name: str, day: int, hour: int, **more: str
    ) -> httpx.Response:
        start, end = (f"2026-06-{day + 5:02}T{hour + more:02}:00:00Z" for more in (0, 10))
        body = {"user_id": name, "start": start, "end": end, **more}
        return await caller.ask_patiently("POST", f"{V2}/schedules/s/entries", body)


async def require_alone(caller: Caller) -> None:
    path = f"{V2}/schedules/s/entries?start_date=2026-06-01&end_date=2026-06-30"
    for one, other in combinations(await caller.every(path), 2):
        apart = one["end"] <= other["start"] or other["end"] <= one["start"]
        assert apart or one["user_id"] != other["user_id"], (one, other)
