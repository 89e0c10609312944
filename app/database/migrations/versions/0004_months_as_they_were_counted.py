"""Stored layers of months without a start keep the day on which they change.

They were counted from Monday 1970-01-05, so they changed on the fifth. Months are counted from the
first of January 1970 now, and what is stored does not move by an upgrade: the layers say from where
they are counted. The previous release passes over what they say, and counts as before.
"""

import json
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FIFTH = 4 * 86_400_000
"""1970-01-05T00:00 as a wall time."""

rules = sa.table(
    "rules",
    sa.column("org_id", sa.Text),
    sa.column("schedule_id", sa.Text),
    sa.column("number", sa.Integer),
    sa.column("layers", sa.Text),
)
KEY = (rules.c.org_id, rules.c.schedule_id, rules.c.number)


def upgrade() -> None:
    _count_months_from(FIFTH)


def downgrade() -> None:
    _count_months_from(None)


def _count_months_from(wall: int | None) -> None:
    connection = op.get_bind()
    chosen = sa.select(*KEY).where(rules.c.layers.contains('"months"')).order_by(*KEY)
    keys = connection.execute(chosen).all()
    for key in keys:
        here = sa.and_(*(column == value for column, value in zip(KEY, key, strict=True)))
        layers = json.loads(connection.execute(sa.select(rules.c.layers).where(here)).scalar_one())
        for layer in layers:
            if layer["unit"] == "months" and layer["start_at"] is None:
                layer["counted_from"] = wall
        text = json.dumps(layers, ensure_ascii=False, separators=(",", ":"))
        connection.execute(sa.update(rules).where(here).values(layers=text))
