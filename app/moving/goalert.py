"""GoAlert's schedules: rules that put people and rotations on call, all of them at once.

What is known of that form, as its GraphQL API answers it: a target (a user or a rotation) is on
call at the times of its rules, by the clock of the schedule. A rotation hands over every
``shiftLength`` hours, days, weeks or months of the wall clock, counted from ``start``, and
``activeUserIndex`` says whose turn it is now. A temporary schedule takes the place of everything;
an override adds, removes or replaces a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from app.engine.intervals import merged
from app.engine.layered.model import Layer, Unit
from app.engine.walltime import DAY, HOUR, ZoneClock, clock_of
from app.moving.conversion import Conversion, RenderedShift
from app.moving.reading import Node, Source
from app.moving.times import time_of_day
from app.moving.together import (
    PlacedLayer,
    StandIn,
    overrides_of,
    tell_together,
    with_own_names,
)
from app.moving.turns import (
    Turns,
    begun,
    handoffs,
    is_in_range,
    plain_layer,
    wall_clock_hours,
)
from app.moving.windows import WeekStretch, restrictions_of

NOT_ABOUT_TURNS = (
    *("id", "description", "isFavorite", "assignedTo", "onCallNotificationRules", "labels"),
    *("nextHandoffTimes", "pageInfo", "scheduleID", "truncated", "userID", "__typename"),
)
"""Members, at any level, that say nothing of who is on call, or say it again."""
UNITS: dict[str, Unit] = {
    "weekly": "weeks",
    "daily": "days",
    "hourly": "hours",
    "monthly": "months",
}
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
UTC_NAMES = ("UTC", "Etc/UTC")
LAST_DAY = 28
"""The last day of the month that every month has."""


def is_goalert(document: object) -> bool:
    """Return whether a document has GoAlert's targets and rules."""
    inner = document.get("data", document) if isinstance(document, dict) else None
    schedule = inner.get("schedule", inner) if isinstance(inner, dict) else None
    return isinstance(schedule, dict) and isinstance(schedule.get("targets"), list)


def read_goalert(source: Source, read_at: int) -> Conversion:
    """Return the conversion of a schedule of rules."""
    root = source.root.node("data") if source.root.has("data") else source.root
    schedule = root.node("schedule") if root.has("schedule") else root
    schedule.pass_over(*NOT_ABOUT_TURNS)
    for user in _nodes(root, "users"):
        _user(user)
    zone = schedule.zone("timeZone")
    rotations = {node.text("id"): node for node in _nodes(root, "rotations")}
    placed = [
        PlacedLayer(node.pointer, layer)
        for node in schedule.each("targets")
        for layer in _layers(node, rotations, clock_of(zone), zone, read_at)
    ]
    _tell_unused(rotations, schedule)
    named = with_own_names(placed)
    tell_together(source, named)
    layers = [each.layer for each in named]
    stand_ins = [*_overrides(root), *_temporary(schedule)]
    rendered = _shifts(schedule, "shifts")
    return Conversion(
        schedule.label("name"),
        zone,
        layers,
        overrides_of(source, zone, layers, stand_ins) if not source.errors else (),
        rendered=rendered,
    )


def _nodes(root: Node, name: str) -> Sequence[Node]:
    """Return the items of a list, or of the ``nodes`` of a connection."""
    if isinstance(root.get(name), dict):
        connection = root.node(name)
        connection.pass_over("pageInfo")
        return connection.each("nodes")
    return root.each(name)


def _user(node: Node) -> str:
    node.pass_over("role", "contactMethods", "isFavorite", "__typename")
    found = node.person()
    node.source.add_person(found, node.text("name"), node.text("email"))
    return found


def _layers(
    node: Node, rotations: Mapping[str, Node], clock: ZoneClock, zone: str, read_at: int
) -> list[Layer]:
    """Return the layers of one target with its rules."""
    node.pass_over(*NOT_ABOUT_TURNS)
    target = node.node("target")
    target.pass_over("__typename")
    kind = target.choice("type", ("user", "rotation"))
    target_id, name = target.person(), target.label("name")
    stretches = [stretch for rule in node.each("rules") for stretch in _rule(rule)]
    if not stretches:
        node.lose("no rule is ever active", "the target was left out", "rules")
        if target_id in rotations:
            rotations[target_id].lose("a rotation that is never on call", "it was left out")
        return []
    layer = plain_layer(name or kind, [target_id], restrictions_of(stretches))
    if kind == "user":
        node.source.add_person(target_id, name)
        return [layer]
    if target_id not in rotations:
        target.fault("is a rotation that the document does not have: ask for rotations, too", "id")
        return []
    return _rotation(rotations[target_id], layer, clock, zone, read_at)


def _rule(node: Node) -> list[WeekStretch]:
    node.pass_over("target", *NOT_ABOUT_TURNS)
    start, end = time_of_day(node, "start"), time_of_day(node, "end")
    days = [each.value for each in node.items("weekdayFilter")]
    if len(days) != 7 or any(not isinstance(day, bool) for day in days):
        node.fault("is not seven times true or false, from Sunday on", "weekdayFilter")
        return []
    length = (end - start - 1) % DAY + 1
    # GoAlert's week begins on Sunday
    return [
        WeekStretch((index - 1) % 7 * DAY + start, length) for index, on in enumerate(days) if on
    ]


def _rotation(node: Node, layer: Layer, clock: ZoneClock, zone: str, read_at: int) -> list[Layer]:
    """Return a rotation, whose restrictions ``layer`` has, as layers."""
    node.pass_over(*NOT_ABOUT_TURNS)
    kind = node.choice("type", tuple(UNITS))
    length = node.whole("shiftLength", 1, 520, 1)
    start_at = node.instant("start")
    own_zone = node.zone("timeZone", zone)
    people = _people(node)
    active = node.whole("activeUserIndex", -1, 10_000, 0)
    name = node.label("name") or layer.name
    if start_at is None:
        return []
    if not is_in_range(start_at):
        node.fault("is outside the years that a layer can begin in", "start")
    elif not people:
        node.lose("the rotation has no users", "it was left out", "users")
    elif not 0 <= active < len(people):
        node.fault("is the place of no user", "activeUserIndex")
    else:
        own = clock_of(own_zone)
        if own_zone != zone:
            what = f"hands over by the clock of {own_zone}"
            node.lose(what, f"it hands over by the clock of {zone}", "timeZone")
        if kind == "monthly" and _day_of_month(own.wall(start_at)) > LAST_DAY:
            what = "hands over on a day that some months lack"
            node.lose(what, "in those months it hands over on the last day", "start")
        since = _turn_began_at(Turns(UNITS[kind], length, start_at), own, read_at)
        in_turn = (*people[active:], *people[:active])
        named = replace(layer, name=name, participants=in_turn)
        return _begun(node, named, Turns(UNITS[kind], length, since), clock, zone)
    return []


def _turn_began_at(turns: Turns, clock: ZoneClock, at: int) -> int:
    """Return when the turn began that runs at an instant; hours are those of the wall clock."""
    if turns.unit != "hours":
        grid = handoffs(turns, clock)
        return grid.handoff_at(grid.cell_at(at))
    first, step = clock.wall(turns.anchor_at), turns.count * HOUR
    wall = clock.wall(at)
    return clock.first_at(wall - (wall - first) % step)


def _begun(node: Node, layer: Layer, turns: Turns, clock: ZoneClock, zone: str) -> list[Layer]:
    """Return a rotation as layers; by hours of the wall clock it is several."""
    if turns.unit == "hours" and turns.count % 24 == 0:
        turns = Turns("days", turns.count // 24, turns.anchor_at)
    if turns.unit == "hours" and zone not in UTC_NAMES:
        parts = wall_clock_hours(layer, turns.count, clock, turns.anchor_at)
        if parts is not None:
            return parts
        what = f"hands over every {turns.count} hours of the wall clock"
        instead = "it hands over after as many hours, so after a clock change an hour off"
        node.lose(what, instead, "shiftLength")
    return [begun(layer, turns, clock).layer]


def _day_of_month(wall: int) -> int:
    return date.fromordinal(EPOCH_ORDINAL + wall // DAY).day


def _people(node: Node) -> list[str]:
    users = [_user(user) for user in node.each("users")]
    ids = [each.value for each in node.items("userIDs")]
    if not all(isinstance(user_id, str) and user_id for user_id in ids):
        node.fault("is not an array of ids", "userIDs")
    found = [str(user_id) for user_id in ids] or users
    for user_id in found:
        node.source.add_person(user_id)
    return found


def _tell_unused(rotations: Mapping[str, Node], schedule: Node) -> None:
    """Tell of the rotations that no target of the schedule has."""
    used = {
        target["id"]
        for each in schedule.get("targets") or ()
        if isinstance(each, dict)
        and isinstance(target := each.get("target"), dict)
        and isinstance(target.get("id"), str)
    }
    for rotation_id, node in rotations.items():
        if rotation_id not in used:
            node.lose("a rotation that no target of the schedule has", "it was left out")


def _overrides(root: Node) -> list[StandIn]:
    found = []
    for node in _nodes(root, "userOverrides"):
        node.pass_over("target", "targetID", *NOT_ABOUT_TURNS)
        stretch = node.stretch("start", "end")
        added, removed = _changed(node, "add"), _changed(node, "remove")
        if stretch is None:
            continue
        if not added:
            node.lose(f"{removed or 'somebody'} is taken off and nobody put on", "it was left out")
            continue
        if not removed:
            node.lose(
                f"{added} is on call beside the others",
                f"{added} is on call where nobody else is",
            )
        found.append(StandIn(node.pointer, *stretch, added, removed, only_gaps=not removed))
    return found


def _changed(node: Node, word: str) -> str:
    """Return the user whom an override adds or removes; an empty text if there is none."""
    user = _user(node.node(f"{word}User")) if node.has(f"{word}User") else ""
    given = node.text(f"{word}UserID")
    if given:
        node.source.add_person(given)
    return given or user


def _temporary(schedule: Node) -> list[StandIn]:
    """Return the shifts of temporary schedules, which take the place of everything."""
    found = []
    for node in schedule.each("temporarySchedules"):
        stretch, shifts = node.stretch("start", "end"), _shifts(node, "shifts")
        if stretch is None:
            continue
        start_at, end_at = stretch
        inside = sorted(
            (max(shift.start_at, start_at), min(shift.end_at, end_at), shift.user_id)
            for shift in shifts
            if shift.start_at < end_at and start_at < shift.end_at
        )
        if any(later[0] < former[1] for former, later in pairwise(inside)):
            what = "several people are on call at once"
            node.lose(what, "where they are, whoever began last is", "shifts")
        covered = merged([(start, end) for start, end, _ in inside])
        if covered != [(start_at, end_at)]:
            what = "nobody is on call in parts of a temporary schedule"
            node.lose(what, "there the schedule goes on as always", "shifts")
        found += [
            StandIn(f"{node.pointer}/shifts", start, end, user) for start, end, user in inside
        ]
    return found


def _shifts(node: Node, name: str) -> list[RenderedShift]:
    found = []
    for item in node.each(name):
        item.pass_over("truncated", "__typename")
        stretch = item.stretch("start", "end")
        user_id = _user(item.node("user")) if item.has("user") else item.person("userID")
        item.pass_over("userID")
        if stretch:
            found.append(RenderedShift(*stretch, user_id))
    return found
