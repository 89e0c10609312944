"""Workspaces: organisations that wallets have paid for, and the payments.

Keys of a workspace expire by themselves, so the previous release refuses them in time as well; that
their last 30 days are for reading alone it does not know.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "workspaces",
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("paid_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"],
            ["organisations.id"],
            name=op.f("fk_workspaces_org_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("org_id", name=op.f("pk_workspaces")),
        sa.UniqueConstraint("account", name=op.f("uq_workspaces_account")),
    )
    op.create_index(op.f("ix_workspaces_paid_until"), "workspaces", ["paid_until"])
    op.create_table(
        "workspace_payments",
        sa.Column("payment", sa.Text(), nullable=False),
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("replaces_keys", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("paid_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id"],
            ["organisations.id"],
            name=op.f("fk_workspace_payments_org_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("payment", name=op.f("pk_workspace_payments")),
    )
    op.create_index(op.f("ix_workspace_payments_org_id"), "workspace_payments", ["org_id"])
    op.create_index(
        op.f("ix_workspace_payments_completed_at"), "workspace_payments", ["completed_at"]
    )


def downgrade() -> None:
    op.drop_table("workspace_payments")
    op.drop_table("workspaces")
