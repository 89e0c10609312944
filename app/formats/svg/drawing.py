"""A timeline as an SVG picture: one lane for each person, local time along the top, gaps hatched.

Strategy: lanes differ in place and name, and only additionally in colour. Gaps, absences, handoffs
and shifts that go on beyond the picture have a form of their own. The picture has no script and
loads nothing. Sizes are pixels of a drawing that is 800 wide and can still be read at 600.
``bars.py`` limits the number of bars. Each bar has a title and each handoff a line, unless there
are too many of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby, pairwise
from operator import attrgetter
from xml.etree.ElementTree import Element

from app.engine.walltime import MINUTE, ZoneClock, clock_of
from app.formats.instants import iso
from app.formats.svg.bars import Bar, Lane, Scale, absence_bars, gap_bars, lanes
from app.formats.svg.elements import (
    COLOURS,
    add,
    add_rect,
    add_text,
    new_picture,
    px,
    svg_bytes,
    truncated,
)
from app.formats.svg.ticks import ticks
from app.formats.timeline import Timeline, TimelineItem

WIDTH, MARGIN = 800, 20
LEFT, RIGHT = 188.0, 684.0
TOP, LANE, BAR, LINE = 104, 32, 20, 20
NAME_COLUMNS = 18
MAX_TICKS = 7
MAX_TITLES = 300
MAX_HANDOFFS = 40
DESCRIBED_PEOPLE = 30
"""The most people in the description, which is for readers who cannot see the picture."""


def timeline_bytes(timeline: Timeline) -> bytes:
    """Draw ``timeline`` as ``image/svg+xml`` in UTF-8."""
    items = (*timeline.items, *timeline.after)
    drawn = (*items, *timeline.beside)
    first, last = min(each.start_at for each in drawn), max(each.end_at for each in drawn)
    scale = Scale(first, last, LEFT, RIGHT)
    rows = lanes(timeline.people, _in_order(timeline), scale)
    return _Drawing(timeline, items, clock_of(timeline.timezone), scale, rows).svg()


def _in_order(timeline: Timeline) -> Sequence[TimelineItem]:
    """Return all items that are shown, of every role, in order."""
    items = (*timeline.items, *timeline.after)
    if not timeline.beside:
        return items
    return sorted((*items, *timeline.beside), key=attrgetter("start_at"))


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A timeline with the layout of its picture. Parts drawn later are on top."""

    timeline: Timeline
    items: Sequence[TimelineItem]
    clock: ZoneClock
    scale: Scale
    lanes: Sequence[Lane]

    def svg(self) -> bytes:
        gaps = gap_bars(_in_order(self.timeline), self.scale)
        away = absence_bars(self.lanes, self.timeline.absences, self.scale)
        bars = [bar for lane in self.lanes for bar in (*lane.bars, *away.get(lane.person, ()))]
        titled = len(bars) + len(gaps) <= MAX_TITLES
        key = sha256("\0".join((*self.timeline.identity, self.timeline.summary)).encode())
        root = new_picture(key.hexdigest()[:8], self.timeline.title, self._description(), WIDTH)
        notes = self._notes(gaps, bars, away=any(away.values()))
        height = (
            self.bottom + (LINE if self.timeline.mark_at is None else 2 * LINE) + LINE * len(notes)
        )
        add_rect(root, "paper", 0, 0, WIDTH, height)
        self._draw_heading(root)
        self._draw_axis(root)
        self._draw_gaps(root, gaps, f"g{key.hexdigest()[:8]}", titled=titled)
        self._draw_absences(root, away, f"a{key.hexdigest()[:8]}", titled=titled)
        for number, lane in enumerate(self.lanes):
            self._draw_lane(root, number, lane, titled=titled)
        self._draw_handoffs(root)
        self._draw_mark(root)
        for number, note in enumerate(notes, 1 - len(notes)):
            add_text(root, LEFT, height - LINE * (0.7 - number), note, kind="quiet")
        return svg_bytes(root, height)

    @property
    def bottom(self) -> int:
        return TOP + LANE * max(1, len(self.lanes))

    def _description(self) -> str:
        people = [f"{name}: {words}" for name, words in self.timeline.people.items()]
        more = len(people) - DESCRIBED_PEOPLE
        named = people[:DESCRIBED_PEOPLE] + ([f"and {more} more people"] if more > 0 else [])
        return f"{self.timeline.summary} {'; '.join(named)}".strip()

    def _draw_heading(self, root: Element) -> None:
        start, end = self._instant_text(self.scale.from_at), self._instant_text(self.scale.to_at)
        add_text(root, MARGIN, 32, self.timeline.title, kind="title")
        zone = "" if self.timeline.timezone == "UTC" else f", {self.timeline.timezone}"
        add_text(root, MARGIN, 54, f"{start} to {end}{zone}", kind="quiet")

    def _draw_axis(self, root: Element) -> None:
        for number in range(0, len(self.lanes), 2):
            top = TOP + LANE * number
            add_rect(root, "stripe", 0, top, WIDTH, top + LANE)
        found = ticks(self.scale.from_at, self.scale.to_at, self.clock, MAX_TICKS)
        for tick in found:
            x = self.scale.x(tick.at)
            _add_line(root, "grid", (x, TOP - 6), (x, self.bottom))
            add_text(root, x, TOP - 10, tick.label, kind="quiet", anchor="middle")
        periods = [list(group) for _, group in groupby(found, lambda tick: tick.period)]
        alone = len(periods) > 1 and len(periods[0]) == 1  # the next label would be too near
        for first, *_ in periods[alone:]:
            x = self.scale.x(first.at)
            add_text(root, x, TOP - 26, first.period, kind="quiet", anchor="middle")

    def _draw_gaps(self, root: Element, gaps: Sequence[Bar], key: str, *, titled: bool) -> None:
        if not gaps:
            return
        tile = {"width": "9", "height": "9", "patternUnits": "userSpaceOnUse"}
        hatch = add(root, "pattern", {"id": key, **tile, "patternTransform": "rotate(45)"})
        _add_line(hatch, "gap", (1, 0), (1, 9))
        for gap in gaps:
            box = add_rect(root, "", gap.left, TOP, gap.right, self.bottom)
            box.set("fill", f"url(#{key})")
            if titled:
                add(box, "title", {}, self._bar_text(gap))

    def _draw_absences(
        self,
        root: Element,
        away: Mapping[str | None, Sequence[Bar]],
        key: str,
        *,
        titled: bool,
    ) -> None:
        if not any(away.values()):
            return
        tile = {"width": "6", "height": "6", "patternUnits": "userSpaceOnUse"}
        dots = add(root, "pattern", {"id": key, **tile})
        add(dots, "circle", {"class": "others", "cx": "2", "cy": "2", "r": "1.2"})
        for number, lane in enumerate(self.lanes):
            top = TOP + LANE * number
            for bar in away.get(lane.person, ()):
                box = add_rect(root, "", bar.left, top + 3, bar.right, top + LANE - 3)
                box.set("fill", f"url(#{key})")
                if titled:
                    add(box, "title", {}, self._bar_text(bar, "is away"))

    def _draw_lane(self, root: Element, number: int, lane: Lane, *, titled: bool) -> None:
        top = TOP + LANE * number
        name = f"{lane.others:,} more people" if lane.person is None else lane.person
        label = add(root, "svg", {"y": px(top), "width": px(LEFT - 8), "height": px(LANE)})
        text = add_text(label, MARGIN, LANE / 2 + 5, truncated(name, NAME_COLUMNS))
        add(text, "title", {}, name)
        add_text(root, WIDTH - MARGIN, top + LANE / 2 + 5, lane.words, kind="quiet", anchor="end")
        colour = "others" if lane.person is None else f"c{number % COLOURS}"
        group = add(root, "g", {"class": colour})
        for bar in lane.bars:
            self._draw_bar(group, bar, top + (LANE - BAR) / 2, titled=titled)

    def _draw_bar(self, group: Element, bar: Bar, top: float, *, titled: bool) -> None:
        air = 1 if bar.right - bar.left > 3 else 0  # a pixel between two shifts
        box = add_rect(group, "", bar.left, top, bar.right - air, top + BAR)
        if titled:
            add(box, "title", {}, self._bar_text(bar))
        for goes_on, x, way in (
            (bar.first.goes_on_before, bar.left - 2, -6),
            (bar.last.goes_on_after, bar.right + 1, 6),
        ):
            if goes_on:
                add(group, "path", {"d": f"M{px(x)} {px(top + 3)}l{way} 7 {-way} 7z"})

    def _shown_handoffs(self) -> Sequence[tuple[int, int, int]]:
        """Return the handoffs as (from lane, to lane, instant); none if there are too many."""
        if not self.timeline.hands_over:
            return ()
        lane_of = {lane.person: number for number, lane in enumerate(self.lanes) if lane.person}
        handoffs = [
            (lane_of[before.person], lane_of[after.person], before.end_at)
            for before, after in pairwise(self.items)
            if before.person in lane_of and after.person in lane_of
            if before.person != after.person
        ]
        return handoffs if len(handoffs) <= MAX_HANDOFFS else ()

    def _draw_handoffs(self, root: Element) -> None:
        for before, after, end_at in self._shown_handoffs():
            x = self.scale.x(end_at + self.timeline.handoff_offset_ms)
            middle = TOP + LANE / 2
            _add_line(root, "handoff", (x, middle + LANE * before), (x, middle + LANE * after))

    def _draw_mark(self, root: Element) -> None:
        if self.timeline.mark_at is None:
            return
        x = self.scale.x(self.timeline.mark_at)
        _add_line(root, "mark", (x, TOP - 4), (x, self.bottom + 4))
        side = "start" if x < LEFT + 100 else "end" if x > RIGHT - 100 else "middle"
        add_text(
            root,
            x,
            self.bottom + LINE,
            f"at {self._instant_text(self.timeline.mark_at)}",
            anchor=side,
        )

    def _notes(self, gaps: Sequence[Bar], bars: Sequence[Bar], *, away: bool) -> Sequence[str]:
        count = sum(gap.count for gap in gaps)
        nobody = "a role that nobody has" if self.timeline.beside else "nobody is on call"
        notes = [f"Hatched: {nobody} ({count:,} gap{'' if count == 1 else 's'})."]
        joined = any(bar.count > 1 for bar in (*gaps, *bars))
        return [
            *(notes if gaps else ()),
            *(("Fields of dots: away.",) if away else ()),
            *(("Dotted: handoffs.",) if self._shown_handoffs() else ()),
            *(("What is too short to be told apart is drawn as one.",) if joined else ()),
        ]

    def _bar_text(self, bar: Bar, what: str = "") -> str:
        """Return a bar in words. ``what`` follows the name; a shift needs none."""
        who = f"{', '.join(bar.first.people) or 'Nobody'} {what}".rstrip()
        when = f"{self._instant_text(bar.first.start_at)} to {self._instant_text(bar.last.end_at)}"
        if bar.count > 1:
            return f"{bar.count:,} stretches, {when}."
        role = f" ({bar.first.role})" if bar.first.role else ""
        return f"{who}{role}: {when}. {bar.first.note}".strip()

    def _instant_text(self, at: int) -> str:
        """Return an instant in local time, to the minute if exact, with its offset from UTC."""
        wall = self.clock.wall(at)
        text = iso(wall)[:-1].replace("T", " ").removesuffix(".000").removesuffix(":00")
        minutes = abs(wall - at) // MINUTE
        sign = "-" if wall < at else "+"
        return f"{text} {sign}{minutes // 60:02}:{minutes % 60:02}" if minutes else f"{text} UTC"


def _add_line(
    parent: Element, kind: str, start: tuple[float, float], end: tuple[float, float]
) -> None:
    (x1, y1), (x2, y2) = start, end
    ends = {"x1": px(x1), "y1": px(y1), "x2": px(x2), "y2": px(y2)}
    add(parent, "line", {"class": kind, **ends})
