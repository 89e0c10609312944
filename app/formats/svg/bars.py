"""The bars of a picture. Their number is limited, whatever the timeline.

Strategy: items become bars on the lane of their person, in pixels. A bar is at least ``THINNEST``
wide. A bar thinner than ``LEGIBLE`` is joined with its neighbour on the lane if the space between
them would be invisible, so a lane has at most one bar per ``THINNEST + APART`` pixels. The people
beyond ``LANES`` share the last lane.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from app.formats.timeline import TimelineItem

LANES = 30
"""The most lanes of one person each."""
THINNEST = 1.0
LEGIBLE = 4.0
APART = 1.5
"""Pixels."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The conversion of instants in ``[from_at, to_at]`` to pixels in ``[left, right]``."""

    from_at: int
    to_at: int
    left: float
    right: float

    def x(self, at: int) -> float:
        """Return the pixel of an instant."""
        return self.left + (self.right - self.left) * (at - self.from_at) / (
            self.to_at - self.from_at
        )


@dataclass(slots=True)
class Bar:
    """A bar over the pixels ``[left, right)`` for the ``count`` items ``first`` to ``last``."""

    left: float
    right: float
    first: TimelineItem
    last: TimelineItem
    count: int = 1


@dataclass(frozen=True, slots=True)
class Lane:
    """The bars of one person, or of ``others`` people together (``person`` is then ``None``)."""

    person: str | None
    words: str
    others: int = 0
    bars: list[Bar] = field(default_factory=list)


def lanes(people: Mapping[str, str], items: Iterable[TimelineItem], scale: Scale) -> Sequence[Lane]:
    """Return a lane for each of ``people`` in order, and one for all who have no lane of their own.

    If there are more people than ``LANES``, people without an item have no lane.
    """
    items = [item for item in items if item.person is not None]
    names = list(people)
    if len(names) > LANES:
        busy = {person for item in items for person in item.people}
        names = [name for name in names if name in busy]
    shown = [Lane(name, people[name]) for name in names[:LANES]]
    hidden = len(people) - len(shown)
    rest = Lane(None, "", hidden)
    by_person = {lane.person: lane for lane in shown}
    for item in items:
        for person in item.people:
            _extend(by_person.get(person, rest).bars, item, scale)
    return [*shown, rest] if hidden else shown


def absence_bars(
    rows: Sequence[Lane], absences: Iterable[TimelineItem], scale: Scale
) -> Mapping[str | None, Sequence[Bar]]:
    """Return the bars of absences by the person of a lane, cut to the picture.

    Absences that meet are one bar. Those of people who share the last lane are not drawn, because
    they would seem to be everybody's.
    """
    found: dict[str | None, list[Bar]] = {lane.person: [] for lane in rows if lane.person}
    for item in sorted(absences, key=attrgetter("start_at")):
        start, end = max(item.start_at, scale.from_at), min(item.end_at, scale.to_at)
        if item.person not in found or end <= start:
            continue
        bars = found[item.person]
        if bars and start <= bars[-1].last.end_at:
            bar, last = bars[-1], max(bars[-1].last.end_at, end)
            bar.right, bar.count = max(bar.right, scale.x(last)), bar.count + 1
            bar.last = bar.last._replace(end_at=last)
        else:
            _extend(bars, item._replace(start_at=start, end_at=end), scale)
    return found


def gap_bars(items: Iterable[TimelineItem], scale: Scale) -> Sequence[Bar]:
    """Return the bars of the items without a person."""
    found: list[Bar] = []
    for item in items:
        if item.person is None:
            _extend(found, item, scale)
    return found


def _extend(drawn: list[Bar], item: TimelineItem, scale: Scale) -> None:
    left = scale.x(item.start_at)
    right = max(scale.x(item.end_at), left + THINNEST)
    if drawn:
        bar = drawn[-1]
        thin = min(right - left, bar.right - bar.left) < LEGIBLE
        if thin and left - bar.right < APART:
            bar.right, bar.last, bar.count = max(bar.right, right), item, bar.count + 1
            return
    drawn.append(Bar(left, right, item, item))
