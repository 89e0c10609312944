"""A swap as overrides, so that undoing it is deleting them.

Strategy: whoever has the stretch gives it to the other person, whose next segment after it goes
back in return; if none starts and ends within ``HORIZON_MS``, the nearest segment before it that
has not started at ``now`` does; if there is none either, the swap is a plain hand-over. Source:
``schedules.md``, Stored.

Invariants: nothing is stored here; the overrides of a swap never overlap each other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.engine.intervals import Span
from app.engine.layered.limits import EARLIEST_AT, LATEST_AT, check_swaps
from app.engine.layered.model import Override, Schedule, Swap
from app.engine.layered.resolve import final_schedule
from app.engine.walltime import DAY

HORIZON_MS = 366 * DAY
"""How far after and before the stretch the segment to give back is looked for."""
_NEAR_MS = 31 * DAY


def overrides_of(schedule: Schedule, swap: Swap, now: int) -> tuple[Override, ...]:
    """What to add to ``schedule.overrides``: the stretch for ``with_user_id``, then what goes back.

    Part of the stretch may have nobody or several people: each segment of it changes hands, and
    what goes back goes to the first of them. Raises ``ValueError`` if nobody has any of it, or if
    ``with_user_id`` has all of it already.
    """
    given = [
        segment
        for segment in final_schedule(schedule, swap.start_at, swap.end_at).segments
        if segment.user_id != swap.with_user_id
    ]
    if not given:
        raise ValueError("nobody else has any of this stretch: there is nothing to swap")
    taken = [_handed(segment[:2], swap.with_user_id, swap) for segment in given]
    back = _span_back(schedule, swap, now)
    return (*taken, *([_handed(back, given[0].user_id, swap)] if back else []))


def with_swaps(schedule: Schedule, swaps: Sequence[Swap], now: int) -> Schedule:
    """The schedule after its swaps, in the order of their creation, each seeing those before it.

    Raises ``TooManySwaps``, and what ``overrides_of`` raises.
    """
    check_swaps(len(swaps))
    for swap in swaps:
        added = overrides_of(schedule, swap, now)
        schedule = replace(schedule, overrides=schedule.overrides + added)
    return schedule


def _handed(span: Span, user_id: str, swap: Swap) -> Override:
    return Override(user_id, *span, "swap", swap.id)


def _span_back(schedule: Schedule, swap: Swap, now: int) -> Span | None:
    """The next segment of the other person, else the nearest before that has not started."""
    for reach in (_NEAR_MS, HORIZON_MS):
        after = list(_whole(schedule, swap.end_at, swap.end_at + reach, swap.with_user_id))
        if after:
            return after[0]
    from_at = max(now, swap.start_at - HORIZON_MS)
    before = list(_whole(schedule, from_at, swap.start_at, swap.with_user_id))
    return before[-1] if before else None


def _whole(schedule: Schedule, from_at: int, to_at: int, user_id: str) -> Iterator[Span]:
    """The person's segments that start and end inside ``[from_at, to_at]``."""
    from_at, to_at = max(from_at, EARLIEST_AT), min(to_at, LATEST_AT - 1)
    if from_at >= to_at:
        return
    for segment in final_schedule(schedule, from_at, to_at).segments:
        if segment.user_id == user_id and not (segment.starts_before or segment.ends_after):
            yield segment[:2]
