"""Roles of overrides, entries and cover requests; those of layers are in the text of the rules.

The previous release knows no roles: it reads the layers of all roles as one list, and what is made
by hand as if it concerned them all.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    for table in ("covers", "cover_requests"):
        op.add_column(table, sa.Column("role", sa.Text(), nullable=True))


def downgrade() -> None:
    for table in ("covers", "cover_requests"):
        op.drop_column(table, "role")
