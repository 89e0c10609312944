# ruff: noqa: S608 - every name in these statements is written here
"""Cover requests, whose bytes count to what their organisation stores.

The previous release knows nothing of them; the overrides that they make are like any others.
"""

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLE = "cover_requests"
TEXTS = ("id", "schedule_id", "user_id", "reason", "offered_to", "state", "answers")
ROW_BYTES = 100
"""What a row counts beside its texts, as in 0002."""
SIDES: Mapping[str, Sequence[tuple[str, str]]] = {
    "INSERT": (("NEW", "+"),),
    "UPDATE": (("NEW", "+"), ("OLD", "-")),
    "DELETE": (("OLD", "-"),),
}
"""The rows that a statement adds and removes."""


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("schedule_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("offered_to", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"],
            ["organisations.id"],
            name=op.f("fk_cover_requests_org_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["org_id", "schedule_id"],
            ["schedules.org_id", "schedules.id"],
            name=op.f("fk_cover_requests_org_id_schedule_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_cover_requests")),
        sa.UniqueConstraint("org_id", "position", name=op.f("uq_cover_requests_org_id_position")),
    )
    for columns in (["org_id", "schedule_id", "position"], ["org_id", "user_id"]):
        op.create_index(op.f(f"ix_cover_requests_{'_'.join(columns)}"), TABLE, columns)
    statements = _triggers_on_postgres() if _is_postgres() else _triggers_on_sqlite()
    for statement in statements:
        op.execute(sa.text(statement))


def downgrade() -> None:
    op.drop_table(TABLE)  # its triggers go with it
    if _is_postgres():
        for event in SIDES:
            op.execute(sa.text(f"DROP FUNCTION {_name(event)}()"))


def _triggers_on_sqlite() -> Iterator[str]:
    """Yield the statements that make the triggers, which run once a row."""
    for event, sides in SIDES.items():
        change = " ".join(f"{sign} ({_bytes(row)})" for row, sign in sides)
        yield (
            f"CREATE TRIGGER {_name(event)} AFTER {event} ON {TABLE} FOR EACH ROW BEGIN "
            f"UPDATE organisations SET bytes = bytes {change} WHERE id = {sides[0][0]}.org_id; END"
        )


def _triggers_on_postgres() -> Iterator[str]:
    """Yield the statements that make the triggers, which run once a statement."""
    for event, sides in SIDES.items():
        rows = " UNION ALL ".join(
            f"SELECT r.org_id, {sign}({_bytes('r')}) AS bytes FROM {row.lower()}_rows r"
            for row, sign in sides
        )
        tables = " ".join(f"{row} TABLE AS {row.lower()}_rows" for row, _ in sides)
        yield (
            f"CREATE FUNCTION {_name(event)}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "UPDATE organisations o SET bytes = o.bytes + d.bytes FROM (SELECT org_id, "
            f"SUM(bytes)::bigint AS bytes FROM ({rows}) AS each GROUP BY org_id) AS d "
            "WHERE o.id = d.org_id AND d.bytes <> 0; RETURN NULL; END $$"
        )
        yield (
            f"CREATE TRIGGER {_name(event)} AFTER {event} ON {TABLE} REFERENCING {tables} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {_name(event)}()"
        )


def _bytes(row: str) -> str:
    length = "octet_length({row}.%s)" if _is_postgres() else "length(CAST({row}.%s AS BLOB))"
    texts = [f"COALESCE({(length % name).format(row=row)}, 0)" for name in TEXTS]
    return " + ".join([str(ROW_BYTES), *texts])


def _name(event: str) -> str:
    return f"count_{TABLE}_{event.lower()}"


def _is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"
