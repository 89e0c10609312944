"""Databases full of schedules for ``stored.py``, filled by a few statements each.

The first schedule is made as the service makes it; the others are its copies, so that a million
entries take seconds. All statements run on SQLite and PostgreSQL alike.
"""

import asyncio
import time

from sqlalchemy import text

from app.database.database import Database, Tx
from app.database.migrate import run_migrations
from app.engine.layered.model import Layer
from app.teams.keys.store import SCOPES, create_key
from app.teams.schedules.store import ScheduleFields, ScheduleRules, insert_schedule
from app.teams.users.store import UserFields, insert_user

PEOPLE = 20
TEAM_SCHEDULES = 2
"""So many schedules does a team have."""
ENTRY_MS = 8 * 3_600_000
ENTRIES_BEHIND = 75
"""Of each schedule's entries so many are over."""

TEXTS = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :last)
INSERT INTO schedules
  (org_id, id, name, team_id, position, version, created_at, updated_at)
SELECT org_id, 'sched_' || i, name, 'team_' || (i / :team), position + i, version, created_at,
  updated_at
FROM schedules, n WHERE id = 'sched_0';

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :last)
INSERT INTO rules (org_id, schedule_id, number, valid_from, timezone, layers, document)
SELECT org_id, 'sched_' || i, number, valid_from, timezone, layers, document
FROM rules, n WHERE schedule_id = 'sched_0';

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :last)
INSERT INTO participants (org_id, schedule_id, user_id)
SELECT org_id, 'sched_' || i, user_id FROM participants, n WHERE schedule_id = 'sched_0';

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :last)
INSERT INTO participants_ever (org_id, schedule_id, user_id)
SELECT org_id, 'sched_' || i, user_id FROM participants_ever, n WHERE schedule_id = 'sched_0';

WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :last_entry),
e(i, from_at) AS (SELECT i, i * CAST(:long AS BIGINT) FROM n)
INSERT INTO covers
  (org_id, id, schedule_id, kind, position, user_id, created_at, start_at, end_at, from_at,
  until_at)
SELECT org_id, id || '_entry_' || i, id, 'entry', 100000 + position * 1000 + i,
  'user_' || (i % :people), created_at, created_at + from_at, created_at + from_at + :long,
  created_at + from_at, created_at + from_at + :long
FROM schedules, e
"""


def fill(url: str, *, schedules: int, entries: int, keys: int) -> list[str]:
    """Fill an empty database with so many ``schedules`` of so many ``entries`` each; its keys."""
    return asyncio.run(_filled(url, schedules, entries, keys))


def analyze(url: str) -> None:
    """Let the database count what it has."""
    asyncio.run(_run(url, "ANALYZE"))


async def _filled(url: str, schedules: int, entries: int, keys: int) -> list[str]:
    database = Database(url)
    async with database.migrating() as tx:
        await run_migrations(tx)
    async with database.migrating() as tx:  # which may take its time
        presented = await _rows(tx, schedules, entries, keys)
    await database.aclose()
    return presented


async def _rows(tx: Tx, schedules: int, entries: int, keys: int) -> list[str]:
    now = int(time.time() * 1000)
    made = [
        await create_key(tx, "Example", f"key {number}", SCOPES, "live", None, now)
        for number in range(keys)
    ]
    org_id = made[0][0].org_id
    names = [f"user_{number}" for number in range(PEOPLE)]
    for name in names:
        fields = UserFields(f"Person {name}", f"{name}@example.com", ("team_0",))
        await insert_user(tx, org_id, name, fields, now)
    layer = Layer("rotation", tuple(names[:5]), "weeks", handoff_time=9 * 3_600_000)
    document = '[{"name":"rotation","rotation_type":"weekly","participants":["user_0"]}]'
    given = ScheduleFields(
        "Primary", "team_0", ScheduleRules("Europe/Brussels", (layer,), document)
    )
    await insert_schedule(tx, org_id, "sched_0", given, now - ENTRIES_BEHIND * ENTRY_MS)
    values = {
        "last": schedules - 1,
        "last_entry": entries - 1,
        "team": TEAM_SCHEDULES,
        "people": PEOPLE,
        "long": ENTRY_MS,
    }
    for statement in map(text, TEXTS.split(";")):
        named = {name: values[name] for name in statement.compile().params}
        await tx.execute(statement, named)
    return [presented for _, presented in made]


async def _run(url: str, statement: str) -> None:
    database = Database(url)
    async with database.migrating() as tx:
        await tx.execute(text(statement))
    await database.aclose()
