"""Restrictions as a repeating pattern of wall-clock windows, and the pattern as instants (rule 7).

Strategy: the restrictions of a layer are merged once, on the wall, into disjoint windows of one day
or one week. Windows become instants by addition wherever the clock is calm (one offset, nothing
skipped or repeated), and one by one through rule 2 around a clock change.

Invariants: merged windows neither overlap nor touch, as wall times and as instants; touching
windows are one before any clock change can part them (rule 2). A pattern that covers everything is
``None``.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from app.engine.intervals import Span, merged
from app.engine.layered.model import Restriction
from app.engine.walltime import DAY, FOREVER, WALL_MONDAY, WEEK, Clock


class Pattern(NamedTuple):
    """Windows ``[opens[i], closes[i])`` after the start of each period, a day or a week from
    Monday.

    ``opens`` has one more item, the first window of the next period. ``closes`` may run into the
    next period; ``reach`` is the last of them.
    """

    period: int
    opens: tuple[int, ...]
    closes: tuple[int, ...]
    reach: int


def pattern_of(restrictions: Sequence[Restriction]) -> Pattern | None:
    """The merged windows of a layer; ``None`` if they leave nothing out, as with no restriction."""
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
        return Pattern(period, (start, start + period), (end,), end)
    opens, closes = zip(*windows, strict=True)
    return Pattern(period, (*opens, start + period), closes, closes[-1])


def _windows(restriction: Restriction, period: int) -> list[Span]:
    """The windows of one restriction that start in one period (rule 7)."""
    start, end = restriction.start, restriction.end
    if end <= start:
        end += DAY
    if period == DAY:
        return [(start, end)]
    return [(day * DAY + start, day * DAY + end) for day in restriction.days or range(7)]


def _wrapped(windows: list[Span], period: int) -> list[Span]:
    """Merge what runs over the end of the period with what opens the next one."""
    while len(windows) > 1 and windows[-1][1] - period >= windows[0][0]:
        (_, first_close), (last_open, last_close) = windows.pop(0), windows.pop()
        windows.append((last_open, max(last_close, first_close + period)))
    return windows


def window_at(pattern: Pattern | None, clock: Clock, at: int) -> tuple[int, int, bool]:
    """The maximal stretch ``[start, end)`` around an instant, and whether a window holds it."""
    if pattern is None:
        return -FOREVER, FOREVER, True
    wall, (wall_from, wall_to, offset) = clock.seen(at)
    period, opens, closes, _ = pattern
    base = wall - (wall - WALL_MONDAY) % period
    if base - period < wall_from or base + 2 * period >= wall_to:
        return _window_near_change(pattern, clock, at)
    index = bisect_right(opens, wall - base) - 1
    if index < 0:
        index, base = len(closes) - 1, base - period
    shift = base - offset
    end = shift + closes[index]
    if at < end:
        return shift + opens[index], end, True
    return end, shift + opens[index + 1], False


def _window_near_change(pattern: Pattern, clock: Clock, at: int) -> tuple[int, int, bool]:
    margin = 3 * pattern.period  # a change can swallow the windows of a whole day, never of three
    windows = windows_between(pattern, clock, at - margin, at + margin)
    index = bisect_right(windows, (at, FOREVER)) - 1
    start, end = windows[index]
    return (start, end, True) if at < end else (end, windows[index + 1][0], False)


def windows_between(pattern: Pattern | None, clock: Clock, from_at: int, to_at: int) -> list[Span]:
    """Every window that meets ``[from_at, to_at)``, uncut, in order, with perhaps a few around
    it."""
    if pattern is None:
        return [(from_at, to_at)]
    period = pattern.period
    wall = clock.wall(from_at)
    base = wall - (wall - WALL_MONDAY) % period - 2 * period  # what still runs, or is repeated
    windows: list[Span] = []
    while clock.first_at(base) < to_at:
        wall_from, wall_to, offset = clock.calm(base)
        calm_periods = (wall_to - 1 - base - pattern.reach) // period + 1
        if wall_from <= base and calm_periods > 0:
            shift = base - offset
            periods = min(calm_periods, -((shift - to_at) // period))
            windows += _shifted(pattern, range(shift, shift + periods * period, period))
        else:
            periods = 1
            windows[-1:] = merged(windows[-1:] + _converted(pattern, clock, base))
        base += periods * period
    return windows


def _shifted(pattern: Pattern, shifts: range) -> list[Span]:
    windows = list(zip(pattern.opens, pattern.closes, strict=False))
    return [(shift + start, shift + end) for shift in shifts for start, end in windows]


def _converted(pattern: Pattern, clock: Clock, base: int) -> list[Span]:
    """One period's windows through rule 2; a window that was skipped altogether is left out."""
    spans = [
        (clock.first_at(base + start), clock.last_at(base + end))
        for start, end in zip(pattern.opens, pattern.closes, strict=False)
    ]
    return [(start, end) for start, end in spans if start < end]


def meets(pattern: Pattern, wall_from: int, wall_to: int) -> bool:
    """Whether any window covers part of the wall stretch ``[wall_from, wall_to)``."""
    period = pattern.period
    if wall_to - wall_from >= period:
        return True
    start = (wall_from - WALL_MONDAY) % period
    periods, rest = divmod(start + wall_to - wall_from, period)
    last = bisect_left(pattern.opens, rest) - 1  # the last window that opens before the end
    if last < 0:
        periods -= 1
    return pattern.closes[last] + periods * period > start
