"""Work divided among rates: each stretch of time goes to the first rate that it is for.

Strategy: a rate is for people, kinds and roles, and within or outside of windows of time. Work is
gone through rate by rate; what one takes is cut out of what is left for the next. So whatever the
rates are, the parts of somebody's work add up to it, over clock changes too: windows are instants.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from app.engine.intervals import Interval, split


@dataclass(frozen=True, slots=True)
class Work:
    """A stretch ``[start_at, end_at)`` that somebody has, in milliseconds."""

    person: str
    start_at: int
    end_at: int
    kind: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Within:
    """Windows that time has to be in, or ``outside`` of; they are in order and do not touch."""

    windows: Sequence[Interval]
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Rate:
    """What a rate is for: whose, which work, and when. An empty ``person`` is everybody."""

    person: str = ""
    kind: str = ""
    role: str = ""
    times: Callable[[str], Sequence[Within]] = field(default=lambda _: ())

    def is_for(self, work: Work) -> bool:
        """Tell whether it is for some of this work, whenever that is."""
        wanted = ((self.person, work.person), (self.kind, work.kind), (self.role, work.role))
        return all(not want or want == has for want, has in wanted)


@dataclass(slots=True)
class Bucket:
    """What one person has by one rate: elapsed milliseconds, and shifts that have a part in it."""

    total_ms: int = 0
    shifts: int = 0


def buckets_of(
    work: Sequence[Work], rates: Sequence[Rate]
) -> Mapping[tuple[str, int | None], Bucket]:
    """Return what each person has by each rate, by its number; ``None`` is what no rate is for."""
    found: dict[tuple[str, int | None], Bucket] = defaultdict(Bucket)
    for each in work:
        for number, parts in _divided(each, rates):
            bucket = found[each.person, number]
            bucket.total_ms += sum(end - start for start, end in parts)
            bucket.shifts += 1
    return dict(found)


def _divided(work: Work, rates: Sequence[Rate]) -> Sequence[tuple[int | None, Sequence[Interval]]]:
    """Return the parts of a stretch of work by the rates that take any."""
    found: list[tuple[int | None, Sequence[Interval]]] = []
    left = [(work.start_at, work.end_at)]
    for number, rate in enumerate(rates):
        if left and rate.is_for(work):
            taken = left
            for within in rate.times(work.person):
                near = _near(within.windows, work.start_at, work.end_at)
                taken = split(taken, near)[within.outside]
            if taken:
                found.append((number, taken))
                left = split(left, taken)[1]
    return [*found, (None, left)] if left else found


def _near(windows: Sequence[Interval], start: int, end: int) -> Sequence[Interval]:
    """Return the windows that touch a stretch."""
    first = bisect_right(windows, start, key=itemgetter(1))
    return windows[first : bisect_left(windows, end, key=itemgetter(0))]
