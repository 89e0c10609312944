"""Stored schedules: everything there is at first.

The tables are written out here and not taken from ``tables``, which goes on changing.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = (
    "organisations",
    "keys",
    "people",
    "schedules",
    "rules",
    "participants",
    "covers",
    "swaps",
    "policies",
    "policy_targets",
    "feed_tokens",
    "audit",
    "remembered",
)
"""In the order in which they refer to one another."""


def upgrade() -> None:
    _make_organisations_and_keys()
    _make_people_and_schedules()
    _make_rules_and_participants()
    _make_covers_and_swaps()
    _make_policies()
    _make_feed_tokens()
    _make_audit_and_remembered()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _make_organisations_and_keys() -> None:
    _make(
        "organisations",
        _text("id"),
        _text("name"),
        sa.Column("sequence", sa.BigInteger(), server_default="0", nullable=False),
        _instant("created_at"),
        _primary("organisations", "id"),
        _unique("organisations", "name"),
    )
    _make(
        "keys",
        _text("id"),
        _text("org_id"),
        _text("name"),
        _text("kind"),
        _bytes("hash", 32),
        _text("scopes"),
        _instant("created_at"),
        _instant("expires_at", null=True),
        _instant("revoked_at", null=True),
        _instant("last_used_at", null=True),
        _primary("keys", "id"),
        _owned("keys"),
    )


def _make_people_and_schedules() -> None:
    _make(
        "people",
        _text("org_id"),
        _text("id"),
        _text("name"),
        _text("email"),
        _text("team_ids"),
        *_listed("people"),
    )
    _make(
        "schedules",
        _text("org_id"),
        _text("id"),
        _text("name"),
        _text("team_id", null=True),
        *_listed("schedules"),
    )
    _index("schedules", "org_id", "team_id", "position")


def _make_rules_and_participants() -> None:
    _make(
        "rules",
        _text("org_id"),
        _text("schedule_id"),
        _number("number"),
        _instant("valid_from"),
        _text("timezone"),
        _text("layers"),
        _text("document"),
        _primary("rules", "org_id", "schedule_id", "number"),
        _owned("rules"),
        _within("rules", "schedules", "schedule_id", cascade=True),
    )
    _make(
        "participants",
        _text("org_id"),
        _text("schedule_id"),
        _text("user_id"),
        _primary("participants", "org_id", "schedule_id", "user_id"),
        _owned("participants"),
        _within("participants", "schedules", "schedule_id", cascade=True),
        _within("participants", "people", "user_id", cascade=False),
    )
    _index("participants", "org_id", "user_id")


def _make_covers_and_swaps() -> None:
    _make(
        "covers",
        _text("org_id"),
        _text("id"),
        _text("schedule_id"),
        _text("kind"),
        _instant("position"),
        _text("user_id"),
        *(_instant(name) for name in ("start_at", "end_at", "from_at", "until_at")),
        _text("reason", null=True),
        _text("swap_id", null=True),
        _instant("created_at"),
        _instant("cancelled_at", null=True),
        _primary("covers", "org_id", "id"),
        _owned("covers"),
        _within("covers", "schedules", "schedule_id", cascade=True),
    )
    _index("covers", "org_id", "schedule_id", "until_at")
    _index("covers", "org_id", "schedule_id", "from_at")
    _index("covers", "org_id", "user_id", "until_at")
    _make(
        "swaps",
        _text("org_id"),
        _text("id"),
        _text("schedule_id"),
        _text("entry_id"),
        _text("user_id"),
        _text("with_user_id"),
        _text("other_entry_id", null=True),
        _instant("created_at"),
        _instant("undone_at", null=True),
        _primary("swaps", "org_id", "id"),
        _owned("swaps"),
        _within("swaps", "schedules", "schedule_id", cascade=True),
    )
    _index("swaps", "org_id", "schedule_id")


def _make_policies() -> None:
    _make(
        "policies",
        _text("org_id"),
        _text("id"),
        _text("name"),
        _text("steps"),
        *_listed("policies"),
    )
    _make(
        "policy_targets",
        _text("org_id"),
        _text("policy_id"),
        _number("number"),
        _text("schedule_id", null=True),
        _text("user_id", null=True),
        _primary("policy_targets", "org_id", "policy_id", "number"),
        _owned("policy_targets"),
        _within("policy_targets", "policies", "policy_id", cascade=True),
        _within("policy_targets", "schedules", "schedule_id", cascade=False),
        _within("policy_targets", "people", "user_id", cascade=False),
    )
    _index("policy_targets", "org_id", "schedule_id")
    _index("policy_targets", "org_id", "user_id")


def _make_feed_tokens() -> None:
    _make(
        "feed_tokens",
        _text("org_id"),
        _text("id"),
        _text("schedule_id", null=True),
        _text("user_id", null=True),
        _text("name"),
        _bytes("hash", 32),
        _instant("created_at"),
        _instant("revoked_at", null=True),
        _primary("feed_tokens", "org_id", "id"),
        _unique("feed_tokens", "hash"),
        _owned("feed_tokens"),
        _within("feed_tokens", "schedules", "schedule_id", cascade=True),
        _within("feed_tokens", "people", "user_id", cascade=True),
    )
    _index("feed_tokens", "org_id", "schedule_id")
    _index("feed_tokens", "org_id", "user_id")


def _make_audit_and_remembered() -> None:
    counted = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    _make(
        "audit",
        sa.Column("id", counted, autoincrement=True, nullable=False),
        _text("org_id"),
        _text("schedule_id"),
        _instant("at"),
        _text("key_id", null=True),
        _text("key_name"),
        _text("action"),
        _number("version"),
        _text("changes"),
        _primary("audit", "id"),
        _owned("audit"),
        sqlite_autoincrement=True,
    )
    _index("audit", "org_id", "schedule_id", "id")
    _make(
        "remembered",
        _text("org_id"),
        _text("idempotency_key"),
        _bytes("request_hash", 32),
        _number("status"),
        _bytes("body"),
        _text("headers"),
        _instant("created_at"),
        _primary("remembered", "org_id", "idempotency_key"),
        _owned("remembered"),
    )
    _index("remembered", "created_at")


def _make(table: str, *parts: Any, **options: bool) -> None:
    op.create_table(table, *parts, **options)


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _instant(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def _bytes(name: str, length: int | None = None) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(length), nullable=False)


def _listed(table: str) -> Sequence[Any]:
    return (
        _instant("position"),
        _number("version"),
        _instant("created_at"),
        _instant("updated_at"),
        _primary(table, "org_id", "id"),
        _unique(table, "org_id", "position"),
        _owned(table),
    )


def _primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=f"uq_{table}_{'_'.join(columns)}")


def _owned(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_org_id"
    return sa.ForeignKeyConstraint(["org_id"], ["organisations.id"], name=name, ondelete="CASCADE")


def _within(table: str, other: str, column: str, *, cascade: bool) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["org_id", column],
        [f"{other}.org_id", f"{other}.id"],
        name=f"fk_{table}_org_id_{column}",
        ondelete="CASCADE" if cascade else None,
    )
