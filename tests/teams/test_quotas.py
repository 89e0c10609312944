"""What an organisation may store: so much, counted exactly, and a clear refusal beyond it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, insert, inspect, select, text, update

from app.database.database import Database, Tx
from app.database.migrate import run_migrations
from app.database.tables import audit, metadata, organisations, schedules
from app.errors import ConfigurationError, QuotaExceeded
from app.main import create_app
from app.teams.quotas.quota import NAMES, QUOTAS, Amounts, quotas_in, require_within
from app.teams.quotas.store import amounts_used
from tests.support.clock import Clock
from tests.support.rows import ORG, row_of
from tests.support.scenes import DAILY, EMPTY, entry, june, override, scene
from tests.support.services import settings
from tests.support.stored import V1, V2, Stored, opened

pytestmark = pytest.mark.anyio

SMALL = "schedules=2,people=6,entries=2,overrides=2,bytes=40KiB"
ROW_BYTES = 100
TEXTS = {
    "people": ("id", "name", "email", "team_ids"),
    "schedules": ("id", "name", "team_id"),
    "rules": ("layers", "document"),
    "covers": ("id", "schedule_id", "user_id", "reason"),
    "cover_requests": (
        *("id", "schedule_id", "user_id", "reason", "offered_to", "state", "answers"),
    ),
    "swaps": ("id", "schedule_id", "entry_id", "user_id", "with_user_id", "other_entry_id"),
    "policies": ("id", "name", "steps"),
    "feed_tokens": ("id", "name"),
    "audit": ("schedule_id", "key_name", "action", "changes"),
    "remembered": ("idempotency_key", "body", "headers"),
    "absences": ("id", "user_id", "timezone", "reason"),
    "absent": ("absence_id", "user_id", "reason"),
}


def columns_there(connection: Connection) -> dict[str, list[str]]:
    """Return the columns of each table, as the migrations so far have made them."""
    found = inspect(connection)
    return {
        table: [column["name"] for column in found.get_columns(table)]
        for table in found.get_table_names()
    }


@pytest.fixture
async def small(stored_url: str, clock: Clock, anyio_backend: str) -> AsyncIterator[Stored]:  # noqa: ARG001 - what makes this fixture one of anyio's
    """Run the service with small quotas on each kind of database."""
    async with opened(Stored(stored_url, clock, SMALL)) as service:
        yield service


def user(number: int, **more: str) -> dict[str, str]:
    return {"name": f"Person {number}", "email": f"p{number}@example.com", **more}


async def used(stored: Stored) -> Amounts:
    """Return what the database has counted."""

    async def work(tx: Tx) -> Amounts:
        found = select(organisations.c.id).where(organisations.c.name == stored.org)
        return await amounts_used(tx, str(await tx.scalar(found)))

    return await stored.database.write(work)


async def measured(stored: Stored) -> Amounts:
    """Return what is stored, row by row."""

    async def work(tx: Tx) -> Amounts:
        found = select(organisations.c.id).where(organisations.c.name == stored.org)
        return await everything(tx, str(await tx.scalar(found)))

    return await stored.database.write(work)


async def everything(tx: Tx, org_id: str) -> Amounts:
    rows = {}
    for name in TEXTS:
        table = metadata.tables[name]
        found = await tx.execute(select(table).where(table.c.org_id == org_id))
        rows[name] = list(found.mappings())
    size = sum(
        ROW_BYTES + sum(len(as_bytes(row[column])) for column in TEXTS[name])
        for name, held in rows.items()
        for row in held
    )
    in_force = [row["kind"] for row in rows["covers"] if row["from_at"] < row["until_at"]]
    return Amounts(
        len(rows["schedules"]),
        len(rows["people"]),
        in_force.count("entry"),
        in_force.count("override"),
        size,
    )


def as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else (value or "").encode()


async def refusal(answer: Any) -> str:
    assert answer.status_code == 409, answer.text
    assert answer.json()["error"] == "quota_exceeded"
    return str(answer.json()["message"])


class TestWhatIsCounted:
    async def test_every_kind_of_row_through_the_whole_of_its_life(self, stored: Stored) -> None:
        me = await scene(stored, {**DAILY, "name": "Größe"}, EMPTY)
        once = {"Idempotency-Key": "é".encode().hex()}
        token = (await me.ask("POST", f"{V2}/users/ann/feed-tokens", {"name": "ä"}, once)).json()
        covers = [await override(me, "ann", june(5), june(6), "empty")]
        shift = await entry(me, "ann", june(8), june(9), "empty")
        await me.update(f"{V1}/schedules/daily", {"name": "Röntgen", "layers": []})
        away = {"start": "2099-06-01", "end": "2099-06-02", "timezone": "UTC", "reason": "Föhn"}
        for absence in ("first", "second"):
            await me.create(f"{V2}/users/ann/absences", {"id": absence, **away})
        await me.update(f"{V2}/users/ann/absences/first", {"reason": None})
        await me.delete_at(f"{V2}/users/ann/absences/second")
        target = {"type": "schedule", "id": "empty"}
        policy = await me.create(
            f"{V1}/escalation-policies",
            {"name": "ö", "steps": [{"targets": [target], "delay_minutes": 5}]},
        )
        assert await used(stored) == await measured(stored)
        assert (await used(stored)).overrides == 1
        await me.delete_at(f"{V1}/schedules/empty/overrides/{covers[0]}")
        await me.delete_at(f"{V2}/entries/{shift}")
        await me.delete_at(f"{V2}/feed-tokens/{token['data']['id']}")
        await me.update(f"{V2}/users/ann", {"name": "Änn"})
        assert await used(stored) == await measured(stored)
        await me.delete_at(f"{V1}/escalation-policies/{policy['id']}")
        for name in ("daily", "empty"):
            await me.delete_at(f"{V1}/schedules/{name}")
        stored.clock.advance(25 * 3600)
        await me.post(f"{V2}/users", user(1), Idempotency_Key=once["Idempotency-Key"])
        left = await used(stored)
        assert left == await measured(stored)
        assert (left.schedules, left.entries, left.overrides) == (0, 0, 0)

    async def test_what_was_stored_before_the_counting_began(self, database: Database) -> None:
        """Also by the previous release, which goes on writing after the migration."""
        async with database.migrating() as connection:
            await run_migrations(connection, "0001")
        add = text("INSERT INTO organisations (id, name, created_at) VALUES (:id, 'A', 0)")
        async with database.migrating() as connection:
            await connection.execute(add, {"id": ORG})
            columns = await connection.run_sync(columns_there)
            for table in metadata.sorted_tables:
                if "org_id" in columns.get(table.name, ()):
                    row = {k: v for k, v in row_of(table).items() if k in columns[table.name]}
                    await connection.execute(insert(table).values(row))
        async with database.migrating() as connection:
            await run_migrations(connection)
        await database.refresh()

        async def both(tx: Tx) -> tuple[Amounts, Amounts]:
            return await amounts_used(tx, ORG), await everything(tx, ORG)

        counted, there = await database.write(both)
        assert counted == there
        assert counted.people == counted.schedules == 1

        async def remove(tx: Tx) -> None:
            await tx.execute(delete(metadata.tables["policies"]))
            await tx.execute(delete(schedules))

        await database.write(remove)
        counted, there = await database.write(both)
        assert counted == there
        assert counted.schedules == 0

    async def test_an_organisation_goes_with_all_that_is_counted(self, stored: Stored) -> None:
        await scene(stored, DAILY)

        async def remove(tx: Tx) -> int | None:
            await tx.execute(delete(organisations).where(organisations.c.name == stored.org))
            found = select(func.count()).select_from(organisations)
            return await tx.scalar(found.where(organisations.c.name == stored.org))

        assert await stored.database.write(remove) == 0


class TestWhatIsRefused:
    async def test_one_schedule_more(self, small: Stored) -> None:
        me = await scene(small, DAILY, EMPTY)
        told = await refusal(await me.post(f"{V1}/schedules", {**V1_EMPTY, "id": "third"}))
        assert told == (
            "schedules: 2 of 2 are used, and this adds 1. Delete what is no longer needed"
        )
        assert (await me.get(f"{V1}/schedules/third")).status_code == 404
        await refusal(await me.post(f"{V2}/schedules", {**DAILY, "id": "third"}))
        await me.delete_at(f"{V1}/schedules/empty")
        assert (await me.post(f"{V1}/schedules", {**V1_EMPTY, "id": "third"})).status_code == 201

    async def test_one_person_more(self, small: Stored) -> None:
        for number in range(6):
            await small.me.create(f"{V2}/users", user(number))
        assert (await refusal(await small.me.post(f"{V2}/users", user(6)))).startswith("people: 6")

    async def test_one_entry_and_one_override_more(self, small: Stored) -> None:
        me = await scene(small, EMPTY)
        made = [
            await each(me, "ann", june(day), june(day + 1), "empty")
            for each in (entry, override)
            for day in (5, 6)
        ]
        asked = {"user_id": "ann", "start_at": june(20), "end_at": june(21)}
        path = f"{V1}/schedules/empty/overrides"
        assert (await refusal(await me.post(path, asked))).startswith("overrides: 2 of 2")
        entries = f"{V2}/schedules/empty/entries"
        asked = {"user_id": "ann", "start": june(20), "end": june(21)}
        assert (await refusal(await me.post(entries, asked))).startswith("entries: 2 of 2")
        await me.delete_at(f"{V2}/entries/{made[0]}")
        assert (await me.post(entries, asked)).status_code == 201

    async def test_bytes_by_one_change_after_another(self, small: Stored) -> None:
        """The history and the audit count, which one key could fill by 244 MB a minute."""
        me = await scene(small, EMPTY)
        path = f"{V2}/schedules/empty"
        answers = [
            await me.patch(path, {"participants": ["ann", "bob"][: 1 + number % 2]})
            for number in range(100)
        ]
        statuses = [answer.status_code for answer in answers]
        assert (set(statuses[:10]), set(statuses[-10:])) == ({200}, {409})
        assert "bytes: " in await refusal(answers[-1])
        assert (await used(small)).bytes <= 45 * 1024  # a change may go over by an eighth
        assert (await me.get(path)).status_code == 200
        assert "bytes: " in await refusal(await me.post(f"{V2}/users", user(1)))

    async def test_answers_that_are_kept_are_bytes(self, small: Stored) -> None:
        asked = [
            await small.me.post(f"{V2}/users", user(1, id="x"), Idempotency_Key=f"{number:0>255}")
            for number in range(2)
        ]
        assert [answer.status_code for answer in asked] == [201, 409]
        before = (await used(small)).bytes
        await small.me.delete_at(f"{V2}/users/x")
        await small.me.post(f"{V2}/users", user(1, id="x"), Idempotency_Key="1")
        assert (await used(small)).bytes > before

    async def test_writers_at_once_are_counted_one_by_one(self, small: Stored) -> None:
        asked = [small.me.post(f"{V2}/users", user(number)) for number in range(12)]
        statuses = [answer.status_code for answer in await asyncio.gather(*asked)]
        assert sorted(statuses) == [201] * 6 + [409] * 6
        assert (await used(small)).people == 6

    async def test_another_organisation_has_quotas_of_its_own(self, small: Stored) -> None:
        await scene(small, DAILY, EMPTY)
        other = await small.stranger()
        assert (await other.post(f"{V1}/schedules", V1_EMPTY)).status_code == 201


class TestOverAQuota:
    """An operator has lowered it: what there is stays of use."""

    @pytest.fixture
    async def over(self, small: Stored) -> Stored:
        await scene(small, DAILY, EMPTY)

        async def overfill(tx: Tx) -> None:
            row = update(organisations).where(organisations.c.name == small.org)
            await tx.execute(row.values(schedules=10, people=10, entries=10, overrides=10))

        await small.database.write(overfill)
        return small

    async def test_it_is_read_changed_and_deleted(self, over: Stored) -> None:
        me = over.me
        await me.read(f"{V1}/schedules/daily")
        await me.update(f"{V1}/schedules/daily", {"name": "Renamed"})
        await me.update(f"{V2}/users/ann", {"name": "Ann"})
        await me.delete_at(f"{V1}/schedules/daily")

    async def test_it_does_not_grow(self, over: Stored) -> None:
        await refusal(await over.me.post(f"{V2}/users", user(1)))

    async def test_a_delete_is_done_though_it_writes_to_the_audit(self, small: Stored) -> None:
        me = await scene(small, DAILY)

        async def overfill(tx: Tx) -> None:
            row = update(organisations).where(organisations.c.name == small.org)
            await tx.execute(row.values(bytes=10**9))

        await small.database.write(overfill)
        await refusal(await me.patch(f"{V1}/schedules/daily", {"name": "Renamed"}))
        await me.delete_at(f"{V1}/schedules/daily")

        async def actions(tx: Tx) -> list[str]:
            found = select(audit.c.action).where(audit.c.schedule_id == "daily")
            return list(await tx.scalars(found.order_by(audit.c.id)))

        assert "schedule.deleted" in await small.database.write(actions)


class TestTheSetting:
    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("", QUOTAS),
            ("schedules=5", Amounts(schedules=5)),
            (" people = 7 , bytes=64MiB,", Amounts(people=7, bytes=64 * 2**20)),
            ("bytes=10", Amounts(bytes=10)),
            ("bytes=2GiB,entries=1,overrides=2", Amounts(entries=1, overrides=2, bytes=2**31)),
        ],
    )
    def test_what_it_says(self, text: str, wanted: Amounts) -> None:
        assert quotas_in(text) == (wanted, [])

    def test_every_error_is_named_at_once(self) -> None:
        _, errors = quotas_in("schedule=5,bytes=1MB,people=2,people=3,people=2KiB,entries=0,x=1")
        assert errors == [
            "ONCALL_QUOTA: schedule is not counted; did you mean schedules?",
            "ONCALL_QUOTA: 'bytes=1MB' is not a quota such as schedules=50 or bytes=64MiB",
            "ONCALL_QUOTA: people has two quotas",
            "ONCALL_QUOTA: 'people=2KiB' is not a quota such as schedules=50 or bytes=64MiB",
            "ONCALL_QUOTA: 'entries=0' is not a quota such as schedules=50 or bytes=64MiB",
            f"ONCALL_QUOTA: x is not counted; there are {', '.join(NAMES)}",
        ]

    def test_a_wrong_one_stops_the_service(self) -> None:
        with pytest.raises(ConfigurationError, match="ONCALL_QUOTA"):
            create_app(settings(payments="off", quota="x"))

    @pytest.mark.parametrize(("changes", "granted"), [(False, 80), (True, 90)])
    def test_up_to_the_quota_itself(self, changes: bool, granted: int) -> None:
        quotas, before = Amounts(bytes=80), Amounts(bytes=79)
        require_within(quotas, before, Amounts(bytes=granted), changes=changes)
        with pytest.raises(QuotaExceeded, match=r"bytes: 79 of 80 are used"):
            require_within(quotas, before, Amounts(bytes=granted + 1), changes=changes)


V1_EMPTY = {"name": "Third", "timezone": "UTC", "layers": []}
