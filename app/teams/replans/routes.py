"""The operation that plans a kept schedule anew."""

from collections.abc import Sequence

from app.teams.operation import V2_WRITE_GROUP, Operation
from app.teams.replans import handlers
from app.teams.replans.schemas import ReplanPost, ReplanQuery, ReplanShown

CPU_SECONDS = 9.0
"""The processor time of a plan: that of the solver, of loading it, and of what lies around."""

V2_REPLANS: Sequence[Operation] = (
    V2_WRITE_GROUP(
        "POST",
        "/schedules/{id}/replan",
        "Plan a schedule anew after an absence",
        handlers.replan,
        heavy=True,
        plans=handlers.plan,
        cpu_seconds=CPU_SECONDS,
        body=ReplanPost,
        query=ReplanQuery,
        answer=ReplanShown,
        example={
            "to": "2026-05-01T00:00:00+02:00",
            "unavailable": [
                {
                    "user_id": "user_012",
                    "start": "2026-04-15T00:00:00+02:00",
                    "end": "2026-04-20T00:00:00+02:00",
                }
            ],
            "rules": {"minRestHours": 11},
        },
        description="Stretches of people who are away go to others, by overrides, with as few "
        "changes as can be; what nobody can take stays and is told. With preview=true nothing is "
        "written.",
    ),
)
