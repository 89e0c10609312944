"""When a layer is active in a week: stretches of the wall clock as restrictions, and back.

Strategy: a stretch is a start in the week, in milliseconds since Monday 00:00, and a length. A
restriction is at most 24 hours long, so a longer stretch becomes several that touch, which the
engine joins again.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.engine.intervals import Interval, merged, split
from app.engine.layered.limits import RESTRICTIONS
from app.engine.layered.model import Restriction
from app.engine.walltime import DAY, MINUTE, WEEK
from app.errors import TooManyRestrictions


class WeekStretch(NamedTuple):
    """A stretch of every week: its start since Monday 00:00 and its length, in milliseconds."""

    start: int
    length: int


def every_day(start: int, length: int) -> list[WeekStretch]:
    """Return a stretch of every day."""
    return [WeekStretch(day * DAY + start, length) for day in range(7)]


def is_whole_minutes(stretches: Iterable[WeekStretch]) -> bool:
    """Return whether all stretches begin and end on whole minutes."""
    return not any(start % MINUTE or length % MINUTE for start, length in stretches)


def restrictions_of(stretches: Iterable[WeekStretch]) -> tuple[Restriction, ...]:
    """Return the restrictions that leave a layer active in these stretches; none if always.

    Seconds are rounded down to whole minutes. There must be at least one stretch. Raises
    ``TooManyRestrictions``.
    """
    intervals = merged_week(stretches)
    if intervals == [(0, WEEK)]:
        return ()
    days: dict[tuple[int, int], set[int]] = {}
    for start, end in intervals:
        for at in range(start, end, DAY):
            until = min(at + DAY, end)
            piece = (at % DAY, until % DAY or DAY)
            days.setdefault(piece, set()).add(at // DAY % 7)
    if len(days) > RESTRICTIONS:
        raise TooManyRestrictions(f"{len(days)} in a layer, at most {RESTRICTIONS}")
    return tuple(
        Restriction(start, end, () if len(on) == 7 else tuple(sorted(on)))
        for (start, end), on in sorted(days.items(), key=lambda item: (min(item[1]), item[0]))
    )


def merged_week(stretches: Iterable[WeekStretch]) -> list[Interval]:
    """Return the stretches as intervals that neither overlap nor touch.

    One that runs over the end of the week ends in the next; all of the week is ``[(0, WEEK)]``.
    """
    pieces = []
    for start, length in stretches:
        first = start // MINUTE * MINUTE % WEEK
        last = first + min(length // MINUTE * MINUTE, WEEK)
        pieces += [(first, min(last, WEEK)), (0, max(0, last - WEEK))]
    joined = merged(sorted((start, end) for start, end in pieces if start < end))
    if len(joined) > 1 and joined[0][0] == 0 and joined[-1][1] == WEEK:
        joined[-1] = (joined[-1][0], WEEK + joined[0][1])
        del joined[0]
    return joined


def stretches_of(restrictions: Sequence[Restriction]) -> list[WeekStretch]:
    """Return when restrictions leave a layer active; all of the week if there are none."""
    if not restrictions:
        return [WeekStretch(0, WEEK)]
    return [
        WeekStretch(day * DAY + window.start, (window.end - window.start - 1) % DAY + 1)
        for window in restrictions
        for day in window.days or range(7)
    ]


def common(one: Iterable[WeekStretch], other: Iterable[WeekStretch]) -> list[WeekStretch]:
    """Return the stretches that two lists have in common."""
    both, _ = split(within_week(one), within_week(other))
    return [WeekStretch(start, end - start) for start, end in both]


def within_week(stretches: Iterable[WeekStretch]) -> list[Interval]:
    """Return stretches as intervals of one week, cut at its end, in order."""
    intervals = merged_week(stretches)
    cut = [(start, min(end, WEEK)) for start, end in intervals]
    return [(0, end - WEEK) for _, end in intervals if end > WEEK] + cut
