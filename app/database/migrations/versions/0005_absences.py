# ruff: noqa: S608 - every name in these statements is written here
"""Absences of people, who ever took turns in a schedule, and what becomes of turns meanwhile.

The bytes of absences count for their organisation, by triggers like those of migration 0002. The
previous release passes over all of this: it knows no absences.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ROW_BYTES = 100
"""What a row counts beside its texts."""
TEXTS: Mapping[str, Sequence[str]] = {
    "absences": ("id", "user_id", "timezone", "reason"),
    "absent": ("absence_id", "user_id", "reason"),
}
EVENTS: Mapping[str, Sequence[tuple[str, str]]] = {
    "INSERT": (("NEW", "+"),),
    "UPDATE": (("NEW", "+"), ("OLD", "-")),
    "DELETE": (("OLD", "-"),),
}
"""The rows that a statement adds and removes."""

rules = sa.table(
    "rules",
    sa.column("org_id", sa.Text),
    sa.column("schedule_id", sa.Text),
    sa.column("number", sa.Integer),
    sa.column("layers", sa.Text),
)
KEY = (rules.c.org_id, rules.c.schedule_id, rules.c.number)


def upgrade() -> None:
    op.add_column("rules", sa.Column("when_away", sa.Text(), nullable=True))
    once = op.create_table(
        "participants_ever",
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("schedule_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        _organisation("participants_ever"),
        _within("participants_ever", "schedules", "schedule_id"),
        sa.PrimaryKeyConstraint(
            "org_id", "schedule_id", "user_id", name=op.f("pk_participants_ever")
        ),
    )
    op.create_table(
        "absences",
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=True),
        sa.Column("end_at", sa.BigInteger(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        _organisation("absences"),
        _within("absences", "people", "user_id"),
        sa.PrimaryKeyConstraint("org_id", "id", name=op.f("pk_absences")),
        sa.UniqueConstraint("org_id", "position", name=op.f("uq_absences_org_id_position")),
    )
    op.create_index(op.f("ix_absences_org_id_user_id"), "absences", ["org_id", "user_id"])
    op.create_table(
        "absent",
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("absence_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        _organisation("absent"),
        sa.PrimaryKeyConstraint("org_id", "absence_id", "number", name=op.f("pk_absent")),
    )
    for column in ("from_at", "until_at"):
        name = op.f(f"ix_absent_org_id_user_id_{column}")
        op.create_index(name, "absent", ["org_id", "user_id", column])
    _write_participants(once)
    for statement in _statements(_make_on_postgres, _make_on_sqlite):
        op.execute(sa.text(statement))


def downgrade() -> None:
    for statement in _statements(_drop_on_postgres, _drop_on_sqlite):
        op.execute(sa.text(statement))
    op.drop_table("absent")
    op.drop_table("absences")
    op.drop_table("participants_ever")
    op.drop_column("rules", "when_away")


def _organisation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["org_id"],
        ["organisations.id"],
        name=op.f(f"fk_{table}_org_id"),
        ondelete="CASCADE",
    )


def _within(table: str, other: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["org_id", column],
        [f"{other}.org_id", f"{other}.id"],
        name=op.f(f"fk_{table}_org_id_{column}"),
        ondelete="CASCADE",
    )


def _write_participants(once: sa.Table) -> None:
    """Write down who took turns by any version of a schedule's rules."""
    connection = op.get_bind()
    known: set[tuple[str, str, str]] = set()
    layered = rules.c.layers.contains('"participants"')
    for key in connection.execute(sa.select(*KEY).where(layered).order_by(*KEY)).all():
        here = sa.and_(*(column == value for column, value in zip(KEY, key, strict=True)))
        layers = json.loads(connection.execute(sa.select(rules.c.layers).where(here)).scalar_one())
        names = {name for layer in layers for name in layer["participants"]}
        added = sorted({(key[0], key[1], name) for name in names} - known)
        known = {row for row in known if row[:2] == tuple(key[:2])} | set(added)
        columns = ("org_id", "schedule_id", "user_id")
        for row in added:
            connection.execute(sa.insert(once).values(dict(zip(columns, row, strict=True))))


def _statements(on_postgres: object, on_sqlite: object) -> Iterator[str]:
    make = on_postgres if op.get_bind().dialect.name == "postgresql" else on_sqlite
    for table in TEXTS:
        for event in EVENTS:
            yield from make(table, event)  # type: ignore[operator]


def _make_on_sqlite(table: str, event: str) -> Iterator[str]:
    sides = EVENTS[event]
    texts = "+ ".join(f"COALESCE(length(CAST({{row}}.{name} AS BLOB)), 0)" for name in TEXTS[table])
    change = " ".join(f"{sign} ({ROW_BYTES} + {texts.format(row=row)})" for row, sign in sides)
    yield (
        f"CREATE TRIGGER {_name(table, event)} AFTER {event} ON {table} FOR EACH ROW BEGIN "
        f"UPDATE organisations SET bytes = bytes {change} WHERE id = {sides[0][0]}.org_id; END"
    )


def _make_on_postgres(table: str, event: str) -> Iterator[str]:
    sides, name = EVENTS[event], _name(table, event)
    texts = " + ".join(f"COALESCE(octet_length(r.{text}), 0)" for text in TEXTS[table])
    rows = " UNION ALL ".join(
        f"SELECT r.org_id, {sign}({ROW_BYTES} + {texts}) AS bytes FROM {row.lower()}_rows r"
        for row, sign in sides
    )
    tables = " ".join(f"{row} TABLE AS {row.lower()}_rows" for row, _ in sides)
    yield (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "UPDATE organisations o SET bytes = o.bytes + d.bytes FROM "
        f"(SELECT org_id, SUM(bytes)::bigint AS bytes FROM ({rows}) AS each GROUP BY org_id) AS d "
        "WHERE o.id = d.org_id AND d.bytes <> 0; RETURN NULL; END $$"
    )
    yield (
        f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {tables} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


def _drop_on_sqlite(table: str, event: str) -> Iterator[str]:
    yield f"DROP TRIGGER {_name(table, event)}"


def _drop_on_postgres(table: str, event: str) -> Iterator[str]:
    yield f"DROP TRIGGER {_name(table, event)} ON {table}"
    yield f"DROP FUNCTION {_name(table, event)}()"


def _name(table: str, event: str) -> str:
    return f"count_{table}_{event.lower()}"
