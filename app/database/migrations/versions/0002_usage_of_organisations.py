# ruff: noqa: S608 - every name in these statements is written here
"""What an organisation has stored, counted by the database itself.

Triggers add to five columns of ``organisations`` whatever a statement adds to a table, and take off
what it removes, by a cascade as well. So the counts are exact whoever writes: also the previous
release, which knows nothing of them. On PostgreSQL a trigger runs once a statement, because a
thousand updates of one row within one transaction would each step over all those before.
"""

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COUNTS = ("schedules", "people", "entries", "overrides", "bytes")
ROW_BYTES = 100
"""What a row counts beside its texts."""
TEXTS: Mapping[str, Sequence[str]] = {
    "people": ("id", "name", "email", "team_ids"),
    "schedules": ("id", "name", "team_id"),
    "rules": ("layers", "document"),
    "covers": ("id", "schedule_id", "user_id", "reason"),
    "swaps": ("id", "schedule_id", "entry_id", "user_id", "with_user_id", "other_entry_id"),
    "policies": ("id", "name", "steps"),
    "feed_tokens": ("id", "name"),
    "audit": ("schedule_id", "key_name", "action", "changes"),
    "remembered": ("idempotency_key", "body", "headers"),
}
"""The columns whose bytes count. What follows from them (``participants``, ``policy_targets``, the
indexes) does not count."""
IN_FORCE = "CASE WHEN {row}.kind = '%s' AND {row}.from_at < {row}.until_at THEN 1 ELSE 0 END"
ROWS: Mapping[str, Mapping[str, str]] = {
    "people": {"people": "1"},
    "schedules": {"schedules": "1"},
    "covers": {"entries": IN_FORCE % "entry", "overrides": IN_FORCE % "override"},
}
"""What else a row counts as. What was taken back before it began counts only its bytes."""
SIDES: Mapping[str, Sequence[tuple[str, str]]] = {
    "INSERT": (("NEW", "+"),),
    "UPDATE": (("NEW", "+"), ("OLD", "-")),
    "DELETE": (("OLD", "-"),),
}
"""The rows that a statement adds and removes."""


def upgrade() -> None:
    for name in COUNTS:
        zero = sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
        op.add_column("organisations", zero)
    make = _triggers_on_postgres if _is_postgres() else _triggers_on_sqlite
    for table in TEXTS:
        for statement in make(table):
            op.execute(sa.text(statement))
    sums = [f"{name} = {_sum_of(name)}" for name in COUNTS]
    op.execute(sa.text(f"UPDATE organisations SET {', '.join(sums)}"))


def downgrade() -> None:
    for table in TEXTS:
        for event in SIDES:
            name = _name(table, event)
            if _is_postgres():
                op.execute(sa.text(f"DROP TRIGGER {name} ON {table}"))
                op.execute(sa.text(f"DROP FUNCTION {name}()"))
            else:
                op.execute(sa.text(f"DROP TRIGGER {name}"))
    for name in reversed(COUNTS):
        op.drop_column("organisations", name)


def _triggers_on_sqlite(table: str) -> Iterator[str]:
    """Yield the statements that make the triggers of a table, which run once a row."""
    for event, sides in SIDES.items():
        changes = [
            f"{name} = {name} "
            + " ".join(f"{sign} ({amount.format(row=row)})" for row, sign in sides)
            for name, amount in _amounts(table).items()
        ]
        yield (
            f"CREATE TRIGGER {_name(table, event)} AFTER {event} ON {table} FOR EACH ROW BEGIN "
            f"UPDATE organisations SET {', '.join(changes)} WHERE id = {sides[0][0]}.org_id; END"
        )


def _triggers_on_postgres(table: str) -> Iterator[str]:
    """Yield the statements that make the triggers of a table, which run once a statement."""
    amounts = _amounts(table)
    sums = ", ".join(f"SUM({name})::bigint AS {name}" for name in amounts)
    changes = ", ".join(f"{name} = o.{name} + d.{name}" for name in amounts)
    is_change = " OR ".join(f"d.{name} <> 0" for name in amounts)
    for event, sides in SIDES.items():
        rows = " UNION ALL ".join(_rows_of_statement(amounts, row, sign) for row, sign in sides)
        tables = " ".join(f"{row} TABLE AS {row.lower()}_rows" for row, _ in sides)
        name = _name(table, event)
        yield (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"UPDATE organisations o SET {changes} "
            f"FROM (SELECT org_id, {sums} FROM ({rows}) AS each GROUP BY org_id) AS d "
            f"WHERE o.id = d.org_id AND ({is_change}); RETURN NULL; END $$"
        )
        yield (
            f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {tables} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )


def _rows_of_statement(amounts: Mapping[str, str], row: str, sign: str) -> str:
    """Return a query of what the ``NEW`` or ``OLD`` rows of a statement count as."""
    counted = [f"{sign}({amount.format(row='r')}) AS {name}" for name, amount in amounts.items()]
    return f"SELECT r.org_id, {', '.join(counted)} FROM {row.lower()}_rows r"


def _amounts(table: str) -> Mapping[str, str]:
    """Return what ``{row}`` of a table counts as, by column of ``organisations``."""
    length = "octet_length({row}.%s)" if _is_postgres() else "length(CAST({row}.%s AS BLOB))"
    texts = [f"COALESCE({length % name}, 0)" for name in TEXTS[table]]
    return {"bytes": " + ".join([str(ROW_BYTES), *texts]), **ROWS.get(table, {})}


def _sum_of(count: str) -> str:
    """Return what is stored already, as an expression over a row of ``organisations``."""
    parts = [
        f"COALESCE((SELECT SUM({amounts[count].format(row='r')}) FROM {table} r "
        "WHERE r.org_id = organisations.id), 0)"
        for table in TEXTS
        for amounts in [_amounts(table)]
        if count in amounts
    ]
    return " + ".join(parts)


def _name(table: str, event: str) -> str:
    return f"count_{table}_{event.lower()}"


def _is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"
