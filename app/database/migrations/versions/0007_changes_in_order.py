"""The changes of an organisation can be read in their order, from any one on."""

from collections.abc import Sequence

from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_audit_org_id_id", "audit", ["org_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_audit_org_id_id", "audit")
