"""The schema: which rows refer to which, and what a delete takes along or is held back by."""

import pytest
from sqlalchemy import ForeignKeyConstraint, Table, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from app.database.database import Database, Tx
from app.database.tables import metadata, organisations, policies, schedules, users
from tests.support.rows import ORG, fill, row_of

TABLES = metadata.sorted_tables
OPERATORS = {"settlements": 1}
"""The rows that belong to no organisation, by table, where one of each was inserted."""
OWNED = [table for table in TABLES if table.name not in {"organisations", *OPERATORS}]


def named(table: Table) -> str:
    return table.name


async def counts(tx: Tx) -> dict[str, int]:
    return {
        table.name: (await tx.execute(select(func.count()).select_from(table))).scalar_one()
        for table in TABLES
    }


class TestWalls:
    @pytest.mark.parametrize("table", OWNED, ids=named)
    def test_a_row_belongs_to_one_organisation(self, table: Table) -> None:
        assert not table.c.org_id.nullable
        owner = [key.target_fullname for key in table.c.org_id.foreign_keys]
        assert "organisations.id" in owner

    @pytest.mark.parametrize("table", OWNED, ids=named)
    def test_no_reference_leads_into_another(self, table: Table) -> None:
        for constraint in table.constraints:
            if isinstance(constraint, ForeignKeyConstraint):
                assert constraint.column_keys[0] == "org_id"

    @pytest.mark.parametrize(
        "table",
        [table for table in OWNED if table.name not in ("keys", "audit", "workspace_payments")],
        ids=named,
    )
    def test_ids_are_an_organisations_own(self, table: Table) -> None:
        assert table.primary_key.columns.keys()[0] == "org_id"

    @pytest.mark.anyio
    async def test_two_organisations_may_use_the_same_ids(self, database: Database) -> None:
        async def work(tx: Tx) -> dict[str, int]:
            await fill(tx, "org_a")
            await fill(tx, "org_b")
            return await counts(tx)

        assert set((await database.write(work)).values()) == {2}

    @pytest.mark.anyio
    async def test_what_another_organisation_has_cannot_be_referred_to(
        self, database: Database
    ) -> None:
        async def work(tx: Tx) -> None:
            await fill(tx, "org_a")
            await tx.execute(insert(organisations).values(row_of(organisations, "org_b")))
            await tx.execute(insert(metadata.tables["rules"]).values(row_of_rules("org_b")))

        with pytest.raises(IntegrityError):
            await database.write(work)


class TestDeletes:
    @pytest.mark.anyio
    async def test_an_organisation_takes_everything(self, database: Database) -> None:
        async def work(tx: Tx) -> dict[str, int]:
            await fill(tx)
            await tx.execute(delete(organisations).where(organisations.c.id == ORG))
            return await counts(tx)

        left = await database.write(work)
        assert {name: number for name, number in left.items() if number} == OPERATORS

    @pytest.mark.anyio
    async def test_a_schedule_takes_all_but_its_audit(self, database: Database) -> None:
        async def work(tx: Tx) -> dict[str, int]:
            await fill(tx)
            await tx.execute(delete(policies))
            await tx.execute(delete(schedules))
            return await counts(tx)

        left = await database.write(work)
        assert {name for name, number in left.items() if number} == {
            "organisations",
            "keys",
            "people",
            "absences",
            "absent",
            "audit",
            "remembered",
            "workspaces",
            "workspace_payments",
            *OPERATORS,
        }

    @pytest.mark.anyio
    @pytest.mark.parametrize(
        ("table", "first"),
        [
            pytest.param(schedules, None, id="a schedule that a policy names"),
            pytest.param(users, None, id="a person whom a policy and rules name"),
            pytest.param(users, policies, id="a person whom rules name"),
            pytest.param(users, schedules, id="a person whom a policy names"),
        ],
    )
    async def test_who_is_named_stays(
        self, database: Database, table: Table, first: Table | None
    ) -> None:
        async def work(tx: Tx) -> None:
            await fill(tx)
            if first is schedules:
                targets = metadata.tables["policy_targets"]
                await tx.execute(targets.update().values(schedule_id=None))
            if first is not None:
                await tx.execute(delete(first))
            await tx.execute(delete(table))

        with pytest.raises(IntegrityError):
            await database.write(work)


def row_of_rules(org: str) -> dict[str, object]:
    return row_of(metadata.tables["rules"], org)
