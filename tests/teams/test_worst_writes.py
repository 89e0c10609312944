"""The writes that cost most: each leaves the loop to others, and reads no more than it must."""

import asyncio
import gc
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import update

from app.database.database import Tx
from app.database.tables import schedule_versions, users
from app.discovery.html import html_page
from app.http.rate_limits import RateLimits
from app.teams.app import TeamsApp
from app.workers.pool import WorkerPool
from bench.speed import slowness
from bench.stored_worst import PEOPLE, SHORT, Request, preparations, worst_writes
from tests.support.clock import Clock
from tests.support.scenes import DAILY, june, scene
from tests.support.services import settings
from tests.support.stored import V1, V2, Caller, Stored, faults_in
from tests.support.timing import LONGEST_STRETCH_SECONDS

pytestmark = pytest.mark.anyio


async def spoil(stored: Stored, **values: str) -> None:
    """Put into the rules of a schedule what nobody may need to read."""

    async def work(tx: Tx) -> None:
        row = update(schedule_versions).where(schedule_versions.c.schedule_id == "spoilt")
        await tx.execute(row.values(values))

    await stored.database.write(work)


async def test_a_policy_does_not_read_the_rules_of_what_it_names(stored: Stored) -> None:
    """400 targets, each a schedule of the largest size, took 0.8 s of a processor."""
    me = await scene(stored, {**DAILY, "id": "spoilt"})
    await spoil(stored, layers="no layers")
    targets = [{"type": "schedule", "id": "spoilt"}, {"type": "user", "id": "ann"}]
    policy = {"name": "P", "steps": [{"targets": targets, "delay_minutes": 5}]}
    made = await me.post(f"{V1}/escalation-policies", policy)
    assert made.status_code == 201, made.text


async def test_of_many_users_it_is_asked_only_whether_they_exist(stored: Stored) -> None:
    """1,200 users of a hundred teams each took 40 ms of the loop."""
    me = await scene(stored)
    people = SHORT[:9]
    await me.add_users(*people)

    async def spoil_teams(tx: Tx) -> None:
        await tx.execute(update(users).values(team_ids="no teams"))

    await stored.database.write(spoil_teams)
    body = {**DAILY, "id": "many", "participants": people}
    made = await me.post(f"{V2}/schedules", body)
    assert made.status_code == 201, made.text
    unknown = await me.post(f"{V2}/schedules", {**body, "id": "x", "participants": [*people, "x"]})
    assert list(faults_in(unknown)) == ["/participants/9"]


async def test_layers_that_are_not_patched_are_not_validated_again(stored: Stored) -> None:
    """They were valid by the rules of their time, and reading them takes 0.1 s if they are many."""
    me = await scene(stored, {**DAILY, "id": "spoilt"})
    document = [{"name": "", "rotation_type": "daily", "participants": ["ann"]}]
    await spoil(stored, document=json.dumps(document))
    path = f"{V1}/schedules/spoilt"
    renamed = await me.patch(path, {"name": "Renamed", "timezone": "Europe/Brussels"})
    assert renamed.status_code == 200, renamed.text
    shown = renamed.json()["data"]
    assert (shown["name"], shown["timezone"]) == ("Renamed", "Europe/Brussels")
    assert shown["layers"] == document
    on_call = await me.read(f"{path}/on-call?at={june(3, 12)}")
    assert on_call["user_id"] in ("ann", "bob")
    refused = await me.patch(path, {"layers": document})
    assert refused.status_code == 422


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["many", "long", "restricted"])
async def test_the_largest_schedules_do_not_stall_the_event_loop(stored: Stored, kind: str) -> None:
    await stored.me.add_users(*PEOPLE)
    me = stored.me
    for request in preparations():
        if request.name == f"prepare {kind}":
            assert (await sent(me, request)).status_code == 201
    longest = [
        [await stretch(me, request) for request in worst_writes(turn) if kind in request.name]
        for turn in range(3)
    ]
    assert max(map(min, zip(*longest, strict=True))) < LONGEST_STRETCH_SECONDS


async def sent(me: Caller, request: Request) -> httpx.Response:
    return await me.ask(request.method, request.path, request.body or None)


async def stretch(me: Caller, request: Request) -> float:
    """Return the longest processor time between two turns of the event loop during a request.

    It is that of the usual processor.
    """
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - begun)

    with collecting_no_garbage():
        watching = asyncio.create_task(watch())
        answer = await sent(me, request)
        watching.cancel()
    assert answer.status_code < 300, answer.text
    return longest / slowness()


@contextmanager
def collecting_no_garbage() -> Iterator[None]:
    """Collect none of what other tests have left, which a process of its own does not have."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("frozen", [False, True])
async def test_what_is_loaded_late_is_frozen_as_what_was_there_at_the_start(
    stored: Stored, clock: Clock, frozen: bool
) -> None:
    """Otherwise the collector searches it again and again, for 45 ms each time."""
    configured = settings(database_url=stored.url)
    teams = TeamsApp(configured, clock, RateLimits(clock), WorkerPool(), html_page)
    gc.unfreeze()
    if frozen:
        gc.freeze()
    before = gc.get_freeze_count()
    kept = [[number] for number in range(1000)]
    try:
        async with teams.open():
            while teams.checks()["store"] == "is being opened":  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
            assert (gc.get_freeze_count() > before + len(kept)) == frozen
    finally:
        gc.unfreeze()
