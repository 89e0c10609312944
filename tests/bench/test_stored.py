"""The recorded run of the stored APIs, that its goals are told as they were measured, and what it
measures with.
"""

import asyncio
import json
from functools import partial
from itertools import count, pairwise

import asyncpg
import pytest
from sqlalchemy import text

from app.database.database import Database
from bench.postgres import Calls, counting_postgres
from bench.stored import RESULTS
from bench.stored_cases import (
    CURRENT,
    FIRST_HOUR,
    GOALS,
    ON_CALL,
    ON_SQLITE,
    POST,
    UNANALYZED,
    Case,
    Run,
    entry_orders,
    goal_outcome,
    outcomes,
)
from bench.stored_rows import fill

RECORDED = json.loads(RESULTS.read_text())
CASES = [
    Case(
        case["case"],
        list(case["runs"]),
        {name: [Run(**run) for run in runs] for name, runs in case["runs"].items()},
        {name: Calls(**calls) for name, calls in case["calls"].items()},
    )
    for case in RECORDED["cases"]
]


def test_every_goal_is_recorded_as_it_follows_from_the_runs() -> None:
    assert [case.name for case in CASES] == [UNANALYZED, CURRENT, ON_CALL, POST, ON_SQLITE]
    assert len(RECORDED["goals"]) == len(GOALS)
    assert RECORDED["goals"] == outcomes(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_round_is_recorded_and_no_answer_was_wrong(case: Case) -> None:
    for runs in case.runs.values():
        assert len(runs) == RECORDED["rounds"] >= 3
        assert sum(run.wrong for run in runs) == 0


@pytest.mark.parametrize("case", CASES[:-1], ids=lambda case: case.name)
def test_what_postgresql_is_asked_is_recorded(case: Case) -> None:
    assert list(case.calls) == list(case.runs)
    assert all(0 < calls.statements < calls.round_trips for calls in case.calls.values())
    assert all(run.postgres_us > 0 for runs in case.runs.values() for run in runs)


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    case = Case(
        CURRENT,
        ("100", "10,000"),
        {
            "100": [Run(100, 1, 0, 0, 0, cpu_us=300, postgres_us=100) for _ in range(3)],
            "10,000": [
                Run(requests, 1, 0, 0, 0, cpu_us=300, postgres_us=postgres_us)
                for requests, postgres_us in ((100, 100), (80, 180), (10, 900))
            ],
        },
    )
    told = goal_outcome(case, "ratio", 1.3)
    assert told["goal"] == f"{CURRENT}, cost with 10,000 ÷ with 100"
    assert (told["measured"], told["by_processor_time"]) == (1.25, 1.2)
    assert told["outcome"] == "pass"


def test_a_database_is_filled(database_url: str) -> None:
    keys = fill(database_url, schedules=4, entries=100, keys=3)
    assert len(set(keys)) == 3
    found = asyncio.run(counts(database_url, "schedules", "rules", "participants_ever", "covers"))
    assert found == [4, 4, 20, 400]


def test_no_two_entries_have_an_hour_in_common() -> None:
    orders = partial(entry_orders, count(), 30, 4)
    posted = [order.split(" ", 1) for _ in range(2) for order in orders()]
    stretches = [
        (entry["start"], entry["end"]) for entry in map(json.loads, (b for _, b in posted))
    ]
    assert stretches[0][0] == FIRST_HOUR.isoformat()
    assert all(end == start for (_, end), (start, _) in pairwise(stretches))
    assert len({path for path, _ in posted}) == 4


@pytest.mark.postgres
def test_calls_and_processor_time_are_postgresqls_own() -> None:
    with counting_postgres() as server:
        asyncio.run(transactions(f"{server.url}/template1", 3))
        server.forget()
        before = server.cpu_seconds()
        asyncio.run(transactions(f"{server.url}/template1", 3))
        assert server.cpu_seconds() > before
        assert server.calls("template1") == Calls(6, 12)
        assert server.calls("template1").per_request(3) == Calls(2, 4)
        assert server.calls("template0") == Calls(0, 0)


async def transactions(url: str, number: int) -> None:
    connection = await asyncpg.connect(url)
    for _ in range(number):
        async with connection.transaction():
            await connection.fetchval("SELECT count(*) FROM pg_class")
            await connection.fetchval("SELECT count(*) FROM pg_type WHERE oid > $1", 7)
    await connection.close()


async def counts(url: str, *tables: str) -> list[int]:
    database = Database(url)
    async with database.migrating() as tx:
        found = [
            (await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()  # noqa: S608
            for table in tables
        ]
    await database.aclose()
    return found
