"""What nobody has because of an absence: gaps that a schedule would not have without it."""

from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

from app.database.database import Tx
from app.engine.intervals import Interval, merged, split
from app.engine.layered.limits import DAY_MS, STEPS
from app.engine.layered.model import FinalSchedule
from app.teams.absences.schemas import AbsenceGap
from app.teams.absences.store import AbsentStretch
from app.teams.on_call.store import History, final_schedule_in, history_between, steps_by
from app.teams.operation import RequestContext
from app.teams.times import utc_text

AHEAD_MS = 366 * DAY_MS
"""How much of an absence is looked through."""
SHOWN = 100


async def gaps_by(
    tx: Tx, context: RequestContext, schedules: Sequence[str], stretches: Sequence[AbsentStretch]
) -> tuple[Sequence[AbsenceGap], Sequence[str]]:
    """Return the gaps that the stretches of an absence make, and the schedules not looked through.

    All schedules together are looked through as far as the work of one answer allows.
    """
    if not stretches:
        return (), ()
    from_at = stretches[0].from_at
    to_at = min(max(each.until_at for each in stretches), from_at + AHEAD_MS)
    gaps: list[AbsenceGap] = []
    unchecked: list[str] = []
    steps = STEPS // 2  # every schedule is laid out with the absence and without it
    for schedule_id in schedules:
        history = await history_between(tx, context.org_id, schedule_id, from_at, to_at)
        found = await context.compute(
            gaps_in, history, from_at, to_at, stretches[0].absence_id, steps
        )
        if found is None or len(gaps) >= SHOWN:
            unchecked.append(schedule_id)
            continue
        steps -= found[0]
        gaps += [
            AbsenceGap(schedule_id, utc_text(start), utc_text(end), role)
            for start, end, role in found[1]
        ]
    return gaps[:SHOWN], unchecked


def gaps_in(
    history: History, from_at: int, to_at: int, absence_id: str, steps: int
) -> tuple[int, Sequence[tuple[int, int, str | None]]] | None:
    """Return the steps that this took, and the gaps that an absence makes in a window, by role.

    Returns ``None`` if it would take more than ``steps``.
    """
    taken = steps_by(history.versions(), len(history.assignments), from_at, to_at)
    if taken > steps:
        return None
    without = replace(
        history, absent=[each for each in history.absent if each.absence_id != absence_id]
    )
    now, before = (final_schedule_in(each, from_at, to_at).parts for each in (history, without))
    made = (
        (*gap, part.role)
        for part, same in zip(now, before, strict=True)
        for gap in split(_gaps(part), _gaps(same))[1]
    )
    return taken, sorted(made, key=itemgetter(0))


def _gaps(final: FinalSchedule) -> list[Interval]:
    return merged([(gap.start_at, gap.end_at) for gap in final.gaps])
