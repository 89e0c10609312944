"""Grafana OnCall's schedules: shifts with levels, of which those of the highest level are on call.

What is known of that form: ``start`` is a local time of the shift's ``time_zone``, or else of the
schedule's; ``until`` is UTC. ``rolling_users`` are groups that take turns: every ``interval``
hours, days or weeks, or with ``by_day`` every ``interval`` of these days, or every week from
``week_start`` on. ``start_rotation_from_user_index`` is the group that begins, at the first shift
from ``rotation_start`` on. Overrides win over all, then the higher level; all shifts of one level
are on call at once. A schedule of the web is a list of such shifts, too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import NamedTuple

from app.engine.intervals import Interval
from app.engine.layered.limits import GROUP
from app.engine.layered.model import Entry, Layer, Override
from app.engine.walltime import DAY, ZoneClock, clock_of
from app.moving.conversion import Conversion, RenderedShift
from app.moving.reading import Node, Source
from app.moving.recurring import (
    WEEKDAYS,
    NotSayable,
    RecurringShift,
    end_of,
    last_until,
    layer_of,
    starting_from,
)
from app.moving.times import local_time
from app.moving.together import PlacedLayer, tell_together, with_own_names
from app.moving.turns import Turns, begun, ending, group_of, is_in_range, plain_layer

KINDS = ("rolling_users", "recurrent_event", "single_event", "override")
KIND_NUMBERS = ("single_event", "recurrent_event", "rolling_users", "override")
FREQUENCIES = ("daily", "weekly", "monthly", "hourly")
NOT_ABOUT_TURNS = (
    *("id", "team_id", "team", "slack", "on_call_now", "ical_url_export", "enable_web_overrides"),
    *("number_of_escalation_chains", "warnings", "source", "title", "updated_shift", "schedule"),
    *("count", "next", "previous", "current_page_number", "page_size", "total_pages", "uuid"),
)
"""Members, at any level, that say nothing of who is on call."""
ONLY_RECURRING = (
    *("name", "rotation_start", "frequency", "interval", "until", "week_start"),
    *("by_day", "by_month", "by_monthday", "start_rotation_from_user_index"),
)
"""Members of a single event that say nothing of who is on call, because it does not recur."""
ABOVE_ALL = 1_001
"""The level of an override of several people, above that of every other shift."""
SHIFT_LISTS = ("shifts", "on_call_shifts", "results")
MAX_SECONDS = 366 * 86_400
LEFT_OUT = "the shift was left out"


def shift_list_of(document: object) -> str:
    """Return the member of a document that is the list of its shifts; an empty text if none is."""
    if not isinstance(document, dict):
        return ""
    return next((name for name in SHIFT_LISTS if _are_shifts(document.get(name))), "")


def _are_shifts(value: object) -> bool:
    return isinstance(value, list) and any(
        isinstance(each, dict) and each.get("type") in KINDS and "duration" in each
        for each in value
    )


def is_grafana_oncall(document: object) -> bool:
    """Return whether a document has Grafana OnCall's shifts."""
    if not isinstance(document, dict):
        return False
    return bool(shift_list_of(document) or shift_list_of(document.get("schedule")))


class _Shift:
    """One shift with its level, as far as it can be said."""

    def __init__(self, node: Node, level: int) -> None:
        self.node = node
        self.level = level
        self.layer: Layer | None = None
        self.single: list[Entry] = []
        self.is_override = False


def read_grafana_oncall(source: Source, read_at: int) -> Conversion:
    """Return the conversion of a schedule of shifts with levels."""
    root = source.root
    root.pass_over(*NOT_ABOUT_TURNS[:5])
    schedule = root.node("schedule") if root.has("schedule") else root
    schedule.pass_over(*NOT_ABOUT_TURNS)
    own_zone = schedule.zone("time_zone", "UTC")
    holder = root if shift_list_of(root.value) else schedule
    if holder is root and schedule is not root:
        schedule.pass_over("shifts")  # the ids of those beside it
    holder.pass_over(*NOT_ABOUT_TURNS)
    _schedule_kind(schedule)
    nodes = holder.each(shift_list_of(holder.value))
    zone = _zone(nodes, own_zone, schedule)
    shifts = [_shift(node, zone, own_zone, read_at) for node in nodes]
    layers = _layers(source, shifts)
    _tell_hidden(shifts)
    rendered = _rendered(root)
    return Conversion(
        schedule.label("name"),
        zone,
        layers,
        [
            Override(each.user_id, each.start_at, each.end_at)
            for shift in shifts
            if shift.is_override
            for each in shift.single
        ],
        [each for shift in shifts if not shift.is_override for each in shift.single],
        rendered=rendered,
    )


def _schedule_kind(schedule: Node) -> None:
    if schedule.has("type"):
        schedule.choice("type", ("web", "calendar", "ical"))
    for name in ("ical_url_primary", "ical_url_overrides"):
        if schedule.has(name):
            schedule.lose("a calendar elsewhere", "it was not read: convert its text", name)


def _zone(nodes: Sequence[Node], own_zone: str, schedule: Node) -> str:
    """Return the zone that most shifts are in; tell of another one of the schedule."""
    zones = [node.zone("time_zone", own_zone) for node in nodes]
    zone = max(zones, key=zones.count) if zones else own_zone
    if zone != own_zone:
        what = f"the schedule is shown by the clock of {own_zone}, its shifts are by that of {zone}"
        schedule.lose(what, f"all is by the clock of {zone}", "time_zone")
    return zone


def _layers(source: Source, shifts: Iterable[_Shift]) -> list[Layer]:
    """Return the layers by level, the highest on top, and tell of those of one level at once."""
    by_level = sorted(
        (shift for shift in shifts if shift.layer is not None),
        key=attrgetter("level"),
        reverse=True,
    )
    placed = with_own_names(
        PlacedLayer(shift.node.pointer, shift.layer) for shift in by_level if shift.layer
    )
    for level in dict.fromkeys(shift.level for shift in by_level):
        tell_together(
            source,
            [each for shift, each in zip(by_level, placed, strict=True) if shift.level == level],
        )
    return [each.layer for each in placed]


def _tell_hidden(shifts: Sequence[_Shift]) -> None:
    """Tell of single events that win here over what has a higher level, or the same."""
    highest = max((shift.level for shift in shifts if shift.layer), default=-1)
    for shift in shifts:
        if shift.single and not shift.is_override and shift.level <= highest:
            shift.node.lose(
                "a single event below others, or beside them",
                "it wins over all layers",
                "level",
            )


def _shift(node: Node, zone: str, own_zone: str, read_at: int) -> _Shift:
    node.pass_over(*NOT_ABOUT_TURNS)
    kind = node.choice("type", KINDS)
    shift = _Shift(node, _level(node))
    zone_of_shift = node.zone("time_zone", own_zone)
    clock = clock_of(zone_of_shift)
    start = local_time(node, "start")
    length = node.whole("duration", 1, MAX_SECONDS) * 1_000
    if start is None:
        return shift
    if not is_in_range(start):
        node.fault("is outside the years that a layer can begin in", "start")
        return shift
    if kind in ("single_event", "override"):
        node.pass_over(*ONLY_RECURRING)
        span = (clock.first_at(start), clock.last_at(start + length))
        shift.is_override = kind == "override"
        _set_single(shift, span, clock_of(zone), read_at)
        return shift
    if zone_of_shift != zone:
        what = f"is by the clock of {zone_of_shift}"
        node.lose(what, f"later shifts are by the clock of {zone}", "time_zone")
    clocks = _Clocks(clock, clock_of(zone))
    shift.layer = _recurring(node, kind, clocks.moved(start), length, clocks, read_at)
    return shift


def _level(node: Node) -> int:
    """Return the level; the web calls it ``priority_level``."""
    found = [node.whole(name, 0, 1_000, 0) for name in ("priority_level", "level")]
    return max(found)


def _set_single(shift: _Shift, span: Interval, clock: ZoneClock, read_at: int) -> None:
    """Make a shift that happens once: of one person an entry, of several a layer that ends."""
    node = shift.node
    people = _group(node)
    if len(people) < 2:
        shift.single = [Entry(user, *span) for user in people]
        return
    if shift.is_override:
        shift.level = ABOVE_ALL
    name = node.label("name") or "Shift"
    layer = begun(plain_layer(name, [group_of(people)]), Turns("days", 1, span[0]), clock).layer
    shift.layer = ending(layer, [span[1]], read_at)
    if shift.layer is None:
        node.lose("the shift is over", "it was left out", "start")


def _people(node: Node) -> tuple[list[str], str]:
    """Return everybody of a shift without turns, and the member that names them."""
    name = "users" if node.has("users") else "rolling_users"
    people = [user for item in node.items(name) for user in _ids(item)]
    node.pass_over("rolling_users")
    return people, name


def _ids(node: Node) -> list[str]:
    """Return the ids in a group of users, or the one that a text is."""
    items = node.value if isinstance(node.value, list) else [node.value]
    found = [item for item in items if isinstance(item, str) and 0 < len(item) <= 200]
    if len(found) < len(items):
        node.fault("is not the id of a user, or an array of ids")
    if isinstance(node.value, list):
        node.source.read.update(f"{node.pointer}/{index}" for index in range(len(items)))
    for user in found:
        node.source.add_person(user)
    return found


class _Clocks(NamedTuple):
    """The clock that a shift is written by, and that of the converted schedule."""

    own: ZoneClock
    schedules: ZoneClock

    def moved(self, wall: int) -> int:
        """Return what the schedule's clock shows at a wall time of the shift."""
        if self.own is self.schedules:
            return wall
        return self.schedules.wall(self.own.first_at(wall))


def _recurring(
    node: Node, kind: str, start: int, length: int, clocks: _Clocks, read_at: int
) -> Layer | None:
    """Return a shift that recurs as a layer; ``None`` if it is over, or cannot be said."""
    rolling = kind == "rolling_users"
    name = node.label("name") or "Shift"
    frequency = node.choice("frequency", FREQUENCIES)
    interval = node.whole("interval", 1, 10_000, 1)
    days = _days(node)
    week_start = _week_start(node)
    until = local_time(node, "until", required=False)
    rotation_start = local_time(node, "rotation_start", required=False)
    groups = _groups(node) if rolling else [_group(node)]
    first = node.whole("start_rotation_from_user_index", 0, 500, 0)
    clock = clocks.schedules
    others = [other for other in ("by_month", "by_monthday") if node.has(other)]
    if not groups or not all(groups):
        node.lose("nobody is on call in it", LEFT_OUT)
        return None
    for other in others:
        node.lose("it recurs by the month", LEFT_OUT, other)
    if others:
        return None
    people = [group_of(group) for group in groups]
    in_turn = people[first % len(people) :] + people[: first % len(people)]
    by_days = bool(days) and frequency == "daily"
    shift = RecurringShift(
        name,
        start,
        length,
        frequency,
        in_turn,
        1 if by_days else interval,
        days,
        week_start,
        interval if by_days and rolling else 1,
        by_period=frequency == "weekly",
    )
    begins = rotation_start and clocks.moved(rotation_start)
    shift = _from(shift, begins, rolling=rolling)
    try:
        layer = layer_of(shift, clock)
    except NotSayable as reason:
        node.lose(str(reason), LEFT_OUT)
        return None
    if until is None:
        return layer
    made = ending(layer, [_end(shift, until, clocks, len(groups))], read_at)
    if made is None:
        node.lose("the shift is over, or ends before it begins", "it was left out", "until")
    return made


def _end(shift: RecurringShift, until: int, clocks: _Clocks, groups: int) -> int:
    """Return the instant at which the last shift is over that begins by ``until``, which is UTC.

    It runs whole. But the first one of each group, where no days of the week are named, ends by
    what its own clock shows then.
    """
    clock = clocks.schedules
    last = last_until(shift, clock.wall(until))
    end_at = end_of(shift, last, clock)
    is_first = not shift.by_day and last < shift.start + groups * shift.step
    return min(end_at, clocks.own.first_at(until)) if is_first else end_at


def _from(shift: RecurringShift, rotation_start: int | None, *, rolling: bool) -> RecurringShift:
    """Return a shift that begins with its first time that is not over at ``rotation_start``.

    Where groups take turns on days of the week, and it starts on another day, Grafana begins on the
    first of these days in its week, and not on the next one.
    """
    if rotation_start is not None and rotation_start > shift.start:
        shift = starting_from(shift, rotation_start - shift.length + 1)
    if not rolling or not shift.days or shift.weekday in shift.days:
        return starting_from(shift, shift.start)
    first = min(shift.days, key=lambda day: (day - shift.week_start) % 7)
    return replace(shift, start=shift.start + (first - shift.weekday) % 7 * DAY)


def _groups(node: Node) -> list[list[str]]:
    """Return the groups that take turns, each with those who are on call in it."""
    found = []
    for item in node.items("rolling_users"):
        group = _ids(item)
        _tell_large(item, group)
        found.append(group)
    node.pass_over("users")
    return found


def _group(node: Node) -> list[str]:
    """Return those who are on call in a shift without turns."""
    people, name = _people(node)
    _tell_large(node, people, name)
    return people


def _tell_large(node: Node, group: list[str], name: str = "") -> None:
    if len(group) > GROUP:
        node.lose(f"{len(group)} people are on call at once", f"the first {GROUP} are", name)


def _days(node: Node) -> list[int]:
    found = []
    for item in node.items("by_day"):
        if item.value in WEEKDAYS:
            found.append(WEEKDAYS.index(str(item.value)))
        else:
            item.fault(f"is none of {', '.join(WEEKDAYS)}")
    return found


def _week_start(node: Node) -> int:
    given = node.text("week_start") or "SU"
    if given not in WEEKDAYS:
        node.fault(f"is none of {', '.join(WEEKDAYS)}", "week_start")
        return 0
    return WEEKDAYS.index(given)


def _rendered(root: Node) -> list[RenderedShift]:
    """Return what ``final_shifts`` says of who is on call."""
    found = []
    for item in root.each("final_shifts"):
        user = item.person("user_pk")
        item.source.add_person(user, item.text("user_username"), item.text("user_email"))
        stretch = item.stretch("shift_start", "shift_end")
        if stretch:
            found.append(RenderedShift(*stretch, user))
    return found
