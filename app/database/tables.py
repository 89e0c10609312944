"""The schema, in SQLAlchemy Core, for SQLite and PostgreSQL alike.

Some tables have other names in SQL than in Python: ``rules`` (``schedule_versions``), ``people``
(``users``), ``covers`` (``manual_assignments``), ``absent`` (``absent_stretches``) and
``remembered`` (``idempotency_records``).

Invariants: instants are whole milliseconds since 1970; JSON is text that msgspec wrote. Only the
ledger of ``settlements`` belongs to the operator and to no organisation. Every row of an
organisation carries its ``org_id`` and is deleted with it, and every foreign key leads
through ``org_id``, so that no row can point into another organisation. A reference that must hold
back a delete is checked at the end of the statement (``NO ACTION``), because deleting an
organisation takes both ends at once. ``position`` numbers an organisation's rows in the order in
which they were made, and never repeats.

A change here needs a migration and, in ``revision``, its number; a test compares the two.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

COUNTED = BigInteger().with_variant(Integer, "sqlite")
"""SQLite only counts up a column that is declared INTEGER, which holds 64 bits there."""


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Text, nullable=null)


def _instant(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _organisation(*, key: bool = True) -> Column[str]:
    owner = ForeignKey("organisations.id", ondelete="CASCADE")
    return Column("org_id", Text, owner, primary_key=key, nullable=False)


def _within(table: str, column: str, *, cascade: bool) -> ForeignKeyConstraint:
    """Return a reference to a row of the same organisation."""
    return ForeignKeyConstraint(
        ["org_id", column],
        [f"{table}.org_id", f"{table}.id"],
        ondelete="CASCADE" if cascade else None,
    )


def _index(*columns: str) -> Index:
    return Index(None, *columns)


def _listed_columns() -> Sequence[Any]:
    """Return the columns of a thing that is listed in order of creation and edited."""
    return (
        Column("position", BigInteger, nullable=False),
        _number("version"),
        _instant("created_at"),
        _instant("updated_at"),
        UniqueConstraint("org_id", "position"),
    )


organisations = Table(
    "organisations",
    metadata,
    _key("id"),
    Column("name", Text, nullable=False, unique=True),
    Column("sequence", BigInteger, nullable=False, server_default="0"),
    _instant("created_at"),
    *(
        Column(name, BigInteger, nullable=False, server_default="0")
        for name in ("schedules", "people", "entries", "overrides", "bytes")
    ),
)
"""The last five are what the organisation has stored. Triggers count it, which the migrations make
and no other code needs to know."""

keys = Table(
    "keys",
    metadata,
    _key("id"),
    _organisation(key=False),
    _text("name"),
    _text("kind"),
    Column("hash", LargeBinary(32), nullable=False),
    _text("scopes"),
    _instant("created_at"),
    _instant("expires_at", null=True),
    _instant("revoked_at", null=True),
    _instant("last_used_at", null=True),
)
"""``kind`` is live or test, ``hash`` the SHA-256 of the whole key; spaces separate ``scopes``."""

workspaces = Table(
    "workspaces",
    metadata,
    _organisation(),
    Column("account", Text, nullable=False, unique=True),
    _instant("paid_until", null=True),
    _instant("created_at"),
    _index("paid_until"),
)
"""The organisations that were bought, by the wallets' accounts (CAIP-10). ``paid_until`` is null
until the first payment is settled."""

workspace_payments = Table(
    "workspace_payments",
    metadata,
    _key("payment"),
    _organisation(key=False),
    _text("key_id"),
    Column("hash", LargeBinary(32), nullable=False),
    _text("scopes"),
    _text("name"),
    _number("replaces_keys"),
    _instant("created_at"),
    _instant("completed_at", null=True),
    _instant("paid_until", null=True),
    _index("org_id"),
    _index("completed_at"),
)
"""The payments for workspaces, by the key of their claim, each with the key that it buys. What is
not completed opens nothing."""

users = Table(
    "people",
    metadata,
    _organisation(),
    _key("id"),
    _text("name"),
    _text("email"),
    _text("team_ids"),
    *_listed_columns(),
)

schedules = Table(
    "schedules",
    metadata,
    _organisation(),
    _key("id"),
    _text("name"),
    _text("team_id", null=True),
    *_listed_columns(),
    _index("org_id", "team_id", "position"),
)

schedule_versions = Table(
    "rules",
    metadata,
    _organisation(),
    _key("schedule_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _instant("valid_from"),
    _text("timezone"),
    _text("layers"),
    _text("document"),
    _text("when_away", null=True),
    _within("schedules", "schedule_id", cascade=True),
)
"""The rules from ``valid_from`` on: ``layers`` as the engine reads them, ``document`` as sent;
``when_away`` is null where it is ``next``."""

participants = Table(
    "participants",
    metadata,
    _organisation(),
    _key("schedule_id"),
    _key("user_id"),
    _within("schedules", "schedule_id", cascade=True),
    _within("people", "user_id", cascade=False),
    _index("org_id", "user_id"),
)
"""The users in a schedule's current rules, who cannot be deleted."""

participants_ever = Table(
    "participants_ever",
    metadata,
    _organisation(),
    _key("schedule_id"),
    _key("user_id"),
    _within("schedules", "schedule_id", cascade=True),
)
"""The users in any version of a schedule's rules. They may have been deleted since."""

absences = Table(
    "absences",
    metadata,
    _organisation(),
    _key("id"),
    _text("user_id"),
    _instant("start_at", null=True),
    _instant("end_at", null=True),
    _text("timezone", null=True),
    _text("reason", null=True),
    *_listed_columns(),
    _within("people", "user_id", cascade=True),
    _index("org_id", "user_id"),
)
"""When a user takes no turns, as it was given: a stretch, or a calendar if that is null."""

absent_stretches = Table(
    "absent",
    metadata,
    _organisation(),
    _key("absence_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _text("user_id"),
    _instant("from_at"),
    _instant("until_at"),
    _text("reason", null=True),
    _index("org_id", "user_id", "from_at"),
    _index("org_id", "user_id", "until_at"),
)
"""The stretches of absences that count. Those that are over outlive their absence and their user,
because they say who was on call."""

manual_assignments = Table(
    "covers",
    metadata,
    _organisation(),
    _key("id"),
    _text("schedule_id"),
    _text("kind"),
    Column("position", BigInteger, nullable=False),
    _text("user_id"),
    _instant("start_at"),
    _instant("end_at"),
    _instant("from_at"),
    _instant("until_at"),
    _text("reason", null=True),
    _text("swap_id", null=True),
    _instant("created_at"),
    _instant("cancelled_at", null=True),
    _text("role", null=True),
    _within("schedules", "schedule_id", cascade=True),
    _index("org_id", "schedule_id", "until_at"),
    _index("org_id", "schedule_id", "from_at"),
    _index("org_id", "user_id", "until_at"),
)
"""Overrides and entries (``kind``): requested for ``[start_at, end_at)``, still in force for
``[from_at, until_at)``. ``role`` is null for the first role, and of nobody for all."""

swaps = Table(
    "swaps",
    metadata,
    _organisation(),
    _key("id"),
    _text("schedule_id"),
    _text("entry_id"),
    _text("user_id"),
    _text("with_user_id"),
    _text("other_entry_id", null=True),
    _instant("created_at"),
    _instant("undone_at", null=True),
    _within("schedules", "schedule_id", cascade=True),
    _index("org_id", "schedule_id"),
)

cover_requests = Table(
    "cover_requests",
    metadata,
    _organisation(),
    _key("id"),
    _text("schedule_id"),
    _text("user_id"),
    _instant("start_at"),
    _instant("end_at"),
    _text("reason", null=True),
    _text("offered_to", null=True),
    _instant("expires_at"),
    _text("state"),
    _text("answers"),
    *_listed_columns(),
    _text("role", null=True),
    _within("schedules", "schedule_id", cascade=True),
    _index("org_id", "schedule_id", "position"),
    _index("org_id", "user_id"),
)
"""Stretches that somebody gives away. ``offered_to`` and ``answers`` are JSON; null is for all.
``state`` is what was written; an open one expires by itself."""

policies = Table(
    "policies",
    metadata,
    _organisation(),
    _key("id"),
    _text("name"),
    _text("steps"),
    *_listed_columns(),
)

policy_targets = Table(
    "policy_targets",
    metadata,
    _organisation(),
    _key("policy_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _text("schedule_id", null=True),
    _text("user_id", null=True),
    _within("policies", "policy_id", cascade=True),
    _within("schedules", "schedule_id", cascade=False),
    _within("people", "user_id", cascade=False),
    _index("org_id", "schedule_id"),
    _index("org_id", "user_id"),
)
"""The schedules and users that policies name, one a row, which cannot be deleted."""

feed_tokens = Table(
    "feed_tokens",
    metadata,
    _organisation(),
    _key("id"),
    _text("schedule_id", null=True),
    _text("user_id", null=True),
    _text("name"),
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    _instant("created_at"),
    _instant("revoked_at", null=True),
    _within("schedules", "schedule_id", cascade=True),
    _within("people", "user_id", cascade=True),
    _index("org_id", "schedule_id"),
    _index("org_id", "user_id"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", COUNTED, primary_key=True, autoincrement=True),
    _organisation(key=False),
    _text("schedule_id"),
    _instant("at"),
    _text("key_id", null=True),
    _text("key_name"),
    _text("action"),
    _number("version"),
    _text("changes"),
    _index("org_id", "schedule_id", "id"),
    _index("org_id", "id"),
    sqlite_autoincrement=True,
)
"""The changes of schedules. They outlive their schedule, so no foreign key ties the two."""

idempotency_records = Table(
    "remembered",
    metadata,
    _organisation(),
    _key("idempotency_key"),
    Column("request_hash", LargeBinary(32), nullable=False),
    _number("status"),
    Column("body", LargeBinary, nullable=False),
    _text("headers"),
    _instant("created_at"),
    _index("created_at"),
)
"""Answers to requests with an ``Idempotency-Key``."""

settlements = Table(
    "settlements",
    metadata,
    _key("payment"),
    _text("product"),
    _text("network"),
    _text("asset"),
    _text("amount"),
    _text("payer"),
    _text("pay_to"),
    _text("transaction_hash"),
    _text("request_id"),
    _instant("settled_at"),
    _index("settled_at"),
)
"""The ledger: one row for each payment that was settled. ``payment`` is the key of its claim,
``amount`` is in atomic units and may have 78 digits, so it is text."""
