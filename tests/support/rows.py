"""Rows to try the schema with."""

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.tables import metadata

ORG = "org_a"


async def fill(connection: AsyncConnection, org: str = ORG) -> None:
    """Insert one row into every table; the rows refer to one another."""
    for table in metadata.sorted_tables:
        await connection.execute(insert(table).values(row_of(table, org)))


def row_of(table: Table, org: str = ORG) -> dict[str, Any]:
    """Return a value for every column; a column ``…_id`` refers to a row that ``fill`` inserts."""
    names = [column for column in table.columns if column.name != "id" or table.name != "audit"]
    return {column.name: _value(table, column, org) for column in names}


def _value(table: Table, column: Column[Any], org: str) -> Any:
    if isinstance(column.type, LargeBinary):
        return f"{table.name} {org}".encode().ljust(32)
    if isinstance(column.type, (BigInteger, Integer)):
        return 2**40 if isinstance(column.type, BigInteger) else 7
    own = {"organisations": org, "keys": f"key of {org}"}.get(table.name, table.name)
    known = {
        "id": own,
        "org_id": org,
        "schedule_id": "schedules",
        "policy_id": "policies",
        "user_id": "people",
        "team_ids": "[]",
    }
    return known.get(column.name, f"{column.name} of {org}")
