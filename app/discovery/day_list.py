"""A timeline as a list of its first items, which a narrow window shows in place of the picture."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from app.engine.walltime import clock_of
from app.formats.instants import iso
from app.formats.svg.elements import COLOURS
from app.formats.svg.ticks import local_day
from app.formats.timeline import Timeline, TimelineItem

MOST_ITEMS = 10
SIZE = re.compile(rb'<svg [^>]*?width="(\d+)"[^>]*? height="(\d+)"')


@dataclass(frozen=True)
class Item:
    """One line: when somebody's period begins, and the number of the colour of their lane.

    The colour after the last is that of gaps.
    """

    when: str
    person: str | None
    role: str
    colour: int


@dataclass(frozen=True)
class DayList:
    """The lines, how many more there would be, and the size of the picture in pixels."""

    shown: Sequence[Item]
    more: int
    width: int
    height: int


def day_list(timeline: Timeline, picture: bytes) -> DayList:
    """Return the list of a timeline, with the size of its ``picture``."""
    items = sorted((*timeline.items, *timeline.beside, *timeline.after), key=attrgetter("start_at"))
    (width, height), *_ = SIZE.findall(picture)  # those of names come later
    lines = [_line(timeline, item) for item in items[:MOST_ITEMS]]
    return DayList(lines, len(items) - len(lines), int(width), int(height))


def _line(timeline: Timeline, item: TimelineItem) -> Item:
    wall = clock_of(timeline.timezone).wall(item.start_at)
    lanes = dict.fromkeys((*timeline.people, item.person))
    colour = COLOURS if item.person is None else list(lanes).index(item.person) % COLOURS
    return Item(f"{local_day(wall)}, {iso(wall)[11:16]}", item.person, item.role, colour)
