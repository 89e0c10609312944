"""Restrictions as recurring wall-clock windows, and these windows as instants.

Strategy: the restrictions of a layer are merged once, on the wall, into disjoint windows of one day
or one week (rule 7 of ``schedules.md``). Windows become instants by addition wherever wall times
are unambiguous (one offset, nothing skipped or repeated), and one by one through rule 2 around a
clock change.

Invariants: merged windows neither overlap nor touch, as wall times and as instants; windows that
touch are merged before a clock change can separate them (rule 2). Windows that cover everything are
``None``.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from app.engine.intervals import Interval, merged
from app.engine.layered.model import Restriction
from app.engine.walltime import DAY, FOREVER, WALL_MONDAY, WEEK, ZoneClock


class RecurringWindows(NamedTuple):
    """Windows ``[opens[i], closes[i])`` after the start of each period.

    A period is a day, or a week from Monday; all numbers are milliseconds. ``opens`` has one item
    more, the first window of the next period. ``closes`` may run into the next period; ``reach`` is
    the last of them.
    """

    period: int
    opens: tuple[int, ...]
    closes: tuple[int, ...]
    reach: int


def recurring_windows(restrictions: Sequence[Restriction]) -> RecurringWindows | None:
    """Return the merged windows of a layer; ``None`` if they cover all time, as without any."""
    if not restrictions:
        return None
    period = DAY
    for restriction in restrictions:
        if restriction.days:
            period = WEEK
    windows = [window for restriction in restrictions for window in _windows(restriction, period)]
    if len(windows) > 1:
        windows = _wrapped(merged(sorted(windows)), period)
    start, end = windows[0]
    if end - start >= period:
        return None
    if len(windows) == 1:  # by far the most frequent, and read anew for every request
        return RecurringWindows(period, (start, start + period), (end,), end)
    opens, closes = zip(*windows, strict=True)
    return RecurringWindows(period, (*opens, start + period), closes, closes[-1])


def _windows(restriction: Restriction, period: int) -> list[Interval]:
    """Return the windows of one restriction that start in one period."""
    start, end = restriction.start, restriction.end
    if end <= start:
        end += DAY
    if period == DAY:
        return [(start, end)]
    return [(day * DAY + start, day * DAY + end) for day in restriction.days or range(7)]


def _wrapped(windows: list[Interval], period: int) -> list[Interval]:
    """Return the windows with those that run into the next period merged with its first ones."""
    while len(windows) > 1 and windows[-1][1] - period >= windows[0][0]:
        (_, first_close), (last_open, last_close) = windows.pop(0), windows.pop()
        windows.append((last_open, max(last_close, first_close + period)))
    return windows


def window_at(
    recurring: RecurringWindows | None, clock: ZoneClock, at: int
) -> tuple[int, int, bool]:
    """Return the maximal ``[start, end)`` around an instant, and whether it is inside a window.

    It is a whole window, or the whole gap between two.
    """
    if recurring is None:
        return -FOREVER, FOREVER, True
    wall, (wall_from, wall_to, offset) = clock.wall_and_range(at)
    period, opens, closes, _ = recurring
    base = wall - (wall - WALL_MONDAY) % period
    if base - period < wall_from or base + 2 * period >= wall_to:
        return _window_near_change(recurring, clock, at)
    index = bisect_right(opens, wall - base) - 1
    if index < 0:
        index, base = len(closes) - 1, base - period
    base_at = base - offset
    end = base_at + closes[index]
    if at < end:
        return base_at + opens[index], end, True
    return end, base_at + opens[index + 1], False


def _window_near_change(
    recurring: RecurringWindows, clock: ZoneClock, at: int
) -> tuple[int, int, bool]:
    margin = 3 * recurring.period  # a change can swallow the windows of a whole day, never of three
    windows = windows_between(recurring, clock, at - margin, at + margin)
    index = bisect_right(windows, (at, FOREVER)) - 1
    start, end = windows[index]
    return (start, end, True) if at < end else (end, windows[index + 1][0], False)


def windows_between(
    recurring: RecurringWindows | None, clock: ZoneClock, from_at: int, to_at: int
) -> list[Interval]:
    """Return the windows that overlap ``[from_at, to_at)``, whole and in order.

    A few windows just outside it may be among them.
    """
    if recurring is None:
        return [(from_at, to_at)]
    period = recurring.period
    wall = clock.wall(from_at)
    base = (
        wall - (wall - WALL_MONDAY) % period - 2 * period
    )  # windows that still run, or are repeated
    windows: list[Interval] = []
    while clock.first_at(base) < to_at:
        wall_from, wall_to, offset = clock.unambiguous_range(base)
        whole_periods = (wall_to - 1 - base - recurring.reach) // period + 1
        if wall_from <= base and whole_periods > 0:
            base_at = base - offset
            periods = min(whole_periods, -((base_at - to_at) // period))
            windows += _added(recurring, range(base_at, base_at + periods * period, period))
        else:
            periods = 1
            windows[-1:] = merged(windows[-1:] + _converted(recurring, clock, base))
        base += periods * period
    return windows


def _added(recurring: RecurringWindows, starts_at: range) -> list[Interval]:
    """Return the windows of periods that start at these instants, by addition."""
    windows = list(zip(recurring.opens, recurring.closes, strict=False))
    return [(at + start, at + end) for at in starts_at for start, end in windows]


def _converted(recurring: RecurringWindows, clock: ZoneClock, base: int) -> list[Interval]:
    """Return the windows of one period, each end through rule 2 of ``schedules.md``.

    A window all of which the clock skipped is left out.
    """
    intervals = [
        (clock.first_at(base + start), clock.last_at(base + end))
        for start, end in zip(recurring.opens, recurring.closes, strict=False)
    ]
    return [(start, end) for start, end in intervals if start < end]


def overlaps(recurring: RecurringWindows, wall_from: int, wall_to: int) -> bool:
    """Return whether any window overlaps the wall times ``[wall_from, wall_to)``."""
    period = recurring.period
    if wall_to - wall_from >= period:
        return True
    start = (wall_from - WALL_MONDAY) % period
    periods, rest = divmod(start + wall_to - wall_from, period)
    last = bisect_left(recurring.opens, rest) - 1  # the last window that opens before the end
    if last < 0:
        periods -= 1
    return recurring.closes[last] + periods * period > start
