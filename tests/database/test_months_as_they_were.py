"""Stored layers of months without a start change on the day on which they always did."""

from functools import partial
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update

from app.database.database import Database
from app.database.migrate import revisions, run_migrations
from app.database.tables import schedule_versions
from app.engine.layered.layers import LayerSource
from app.engine.layered.model import Layer
from app.engine.walltime import clock_of
from app.teams.schedules.store import layers_in
from tests.support.rows import fill
from tests.support.schedule_documents import at, iso

pytestmark = pytest.mark.anyio

BEFORE = revisions()[revisions().index("0004") - 1]
LAYER: dict[str, Any] = {
    "name": "x",
    "participants": ["ann", "bob", "zoë"],
    "unit": "months",
    "count": 1,
    "start_at": None,
    "handoff_time": None,
    "handoff_day": None,
    "restrictions": [],
    "turns_on": "all",
}
NINE = 9 * 3_600_000


async def moved(database: Database, to: str) -> None:
    async with database.migrating() as connection:
        await run_migrations(connection, to)


async def upgraded(database: Database, *layers: dict[str, Any]) -> str:
    """What is stored of ``layers`` once the release before has stored them."""
    await database.write(fill)
    await moved(database, BEFORE)
    text = msgspec.json.encode(layers).decode()
    async with database.migrating() as connection:
        await connection.execute(update(schedule_versions).values(layers=text))
    await moved(database, "head")
    async with database.migrating() as connection:
        return str((await connection.execute(select(schedule_versions.c.layers))).scalar_one())


def handoffs(layer: Layer, zone: str = "Europe/Berlin") -> list[tuple[str, str]]:
    turns = LayerSource(layer, clock_of(zone)).turns
    asked = (at("2026-06-10T00:00+00:00"), at("2026-07-20T00:00+00:00"))
    return [(turn.participant, iso(turn.start_at)) for turn in turns.between(*asked)]


@pytest.mark.parametrize(
    ("layer", "then"),
    [
        (LAYER, [("zoë", "2026-06-04T22:00:00Z"), ("ann", "2026-07-04T22:00:00Z")]),
        (
            {**LAYER, "handoff_time": NINE},
            [("ann", "2026-06-05T07:00:00Z"), ("bob", "2026-07-05T07:00:00Z")],
        ),
        (
            {**LAYER, "count": 3, "handoff_time": NINE},
            [("bob", "2026-06-05T07:00:00Z")],
        ),
    ],
    ids=["midnight", "nine", "quarters"],
)
async def test_they_change_on_the_fifth_and_the_same_people_take_over(
    database: Database, layer: dict[str, Any], then: list[tuple[str, str]]
) -> None:
    [found] = layers_in(await upgraded(database, layer))
    assert handoffs(found) == then
    moved_on = handoffs(msgspec.convert(layer, Layer))
    assert [start[8:10] for _, start in moved_on] != [start[8:10] for _, start in then]


async def test_all_else_is_left_as_it_was(database: Database) -> None:
    others = [
        {**LAYER, "unit": "weeks"},
        {**LAYER, "start_at": 0},
        {**LAYER, "name": '"months"', "unit": "days"},
    ]
    assert layers_in(await upgraded(database, *others)) == tuple(
        msgspec.convert(each, Layer) for each in others
    )


async def test_going_back_leaves_what_the_release_before_reads(database: Database) -> None:
    await upgraded(database, LAYER)
    await moved(database, BEFORE)
    async with database.migrating() as connection:
        text = (await connection.execute(select(schedule_versions.c.layers))).scalar_one()
    [layer] = msgspec.json.decode(text)
    assert layer.pop("counted_from") is None
    assert layer == LAYER


async def test_rows_of_every_organisation_are_counted_by_themselves(database: Database) -> None:
    for org in ("org_a", "org_b"):
        await database.write(partial(fill, org=org))
    await moved(database, BEFORE)
    async with database.migrating() as connection:
        await connection.execute(
            update(schedule_versions)
            .where(schedule_versions.c.org_id == "org_b")
            .values(layers=msgspec.json.encode([LAYER]).decode())
        )
    await moved(database, "head")
    async with database.migrating() as connection:
        chosen = select(schedule_versions.c.org_id, schedule_versions.c.layers)
        rows = {row.org_id: row.layers for row in await connection.execute(chosen)}
    assert rows["org_a"] == "layers of org_a"
    assert '"counted_from":345600000' in rows["org_b"]
