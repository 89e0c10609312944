"""A swap as overrides, so that it is undone by deleting them.

Strategy: the people who have the interval give it to the other person, whose next segment after it
goes back in return. If none starts and ends within ``HORIZON_MS``, the nearest segment before it
that has not started at ``now`` goes back; if there is none either, the swap is a plain hand-over
("Stored" of ``schedules.md``).

Invariants: nothing is stored here; the overrides of a swap never overlap each other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.engine.intervals import Interval
from app.engine.layered.limits import EARLIEST_AT, LATEST_AT, check_swaps
from app.engine.layered.model import Override, Schedule, Swap
from app.engine.layered.resolve import final_schedule
from app.engine.layered.roles import first_role, schedule_of_role
from app.engine.walltime import DAY

HORIZON_MS = 366 * DAY
"""The time after and before the interval in which the segment to give back is looked for."""
_NEAR_MS = 31 * DAY


def swap_overrides(schedule: Schedule, swap: Swap, now: int) -> tuple[Override, ...]:
    """Return the overrides that make a swap: those for ``with_user_id``, then the one in return.

    Several people may have parts of the interval, and nobody others: each segment in it changes
    hands, and the segment in return goes to the first of these people. A group gives its segments
    as one, and never gets or gives one in return. All of it is of the swap's role. Raises
    ``ValueError`` if nobody has any of the interval, or if ``with_user_id`` has all of it already.
    """
    role = swap.role or first_role(schedule)
    swap, schedule = replace(swap, role=role), schedule_of_role(schedule, role)
    given = [
        segment
        for segment in final_schedule(schedule, swap.start_at, swap.end_at).segments
        if swap.with_user_id not in segment.user_ids
    ]
    if not given:
        raise ValueError("nobody else has any of this stretch: there is nothing to swap")
    taken = [_override(segment[:2], swap.with_user_id, swap) for segment in given]
    back = _interval_back(schedule, swap, now)
    return (*taken, *([_override(back, given[0].user_id, swap)] if back else []))


def with_swaps(schedule: Schedule, swaps: Sequence[Swap], now: int) -> Schedule:
    """Return the schedule with the overrides of its swaps.

    Swaps are in the order of their creation, and each sees those before it. Raises
    ``TooManySwaps``, and the errors of ``swap_overrides``.
    """
    check_swaps(len(swaps))
    for swap in swaps:
        added = swap_overrides(schedule, swap, now)
        schedule = replace(schedule, overrides=schedule.overrides + added)
    return schedule


def _override(interval: Interval, user_id: str, swap: Swap) -> Override:
    return Override(user_id, *interval, "swap", swap.id, swap.role)


def _interval_back(schedule: Schedule, swap: Swap, now: int) -> Interval | None:
    """Return the next segment of the other person, or the nearest before that has not started."""
    for reach in (_NEAR_MS, HORIZON_MS):
        after = list(_whole_segments(schedule, swap.end_at, swap.end_at + reach, swap.with_user_id))
        if after:
            return after[0]
    from_at = max(now, swap.start_at - HORIZON_MS)
    before = list(_whole_segments(schedule, from_at, swap.start_at, swap.with_user_id))
    return before[-1] if before else None


def _whole_segments(
    schedule: Schedule, from_at: int, to_at: int, user_id: str
) -> Iterator[Interval]:
    """Yield the person's segments that start and end inside ``[from_at, to_at]``."""
    from_at, to_at = max(from_at, EARLIEST_AT), min(to_at, LATEST_AT - 1)
    if from_at >= to_at:
        return
    for segment in final_schedule(schedule, from_at, to_at).segments:
        whole = not (segment.starts_before or segment.ends_after)
        if whole and segment.user_ids == (user_id,):
            yield segment[:2]
