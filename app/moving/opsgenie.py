"""Opsgenie's schedules: rotations with restrictions, all of them on call at once.

What is known of that form: a rotation hands over every ``length`` hours, days or weeks from
``startDate`` to ``endDate``, by the clock of the schedule's ``timezone``; restrictions say when it
is on call; a participant is a user, nobody, a team or an escalation. An override puts a user in the
place of everybody, or of the rotations that it names.
"""

from collections.abc import Sequence
from dataclasses import replace

from app.engine.layered.model import Layer, Restriction, Unit
from app.engine.walltime import DAY, HOUR, MINUTE, WEEK, ZoneClock, clock_of
from app.moving.conversion import Conversion, RenderedShift
from app.moving.reading import Node, Source
from app.moving.together import (
    PlacedLayer,
    StandIn,
    overrides_of,
    tell_together,
    with_own_names,
)
from app.moving.turns import Turns, begun, is_in_range, plain_layer
from app.moving.windows import WeekStretch, every_day, restrictions_of

NOT_ABOUT_TURNS = (
    *("id", "description", "ownerTeam", "links", "_parent", "requestId", "took", "expandable"),
    *("totalCount", "paging", "order"),
)
"""Members, at any level, that say nothing of who is on call."""
UNITS: dict[str, Unit] = {"weekly": "weeks", "daily": "days", "hourly": "hours"}
PARTICIPANTS = ("user", "none", "team", "escalation")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def schedules_in(document: object) -> Sequence[object]:
    """Return the schedules in an answer of the API."""
    if not isinstance(document, dict):
        return ()
    inner = document.get("data", document.get("schedule", document))
    return inner if isinstance(inner, list) else [inner]


def is_opsgenie(document: object) -> bool:
    """Return whether a document has Opsgenie's rotations."""
    return any(
        isinstance(each, dict) and "startDate" in each
        for schedule in schedules_in(document)
        if isinstance(schedule, dict) and isinstance(schedule.get("rotations"), list)
        for each in schedule["rotations"]
    )


def read_opsgenie(source: Source, read_at: int) -> Conversion:
    """Return the conversion of a schedule of rotations."""
    root = source.root
    root.pass_over(*NOT_ABOUT_TURNS)
    schedule = _schedule(root)
    schedule.pass_over(*NOT_ABOUT_TURNS)
    zone = schedule.zone("timezone", "UTC")
    if not schedule.flag("enabled", default=True):
        schedule.lose("the schedule is off", "it was read as if it were on", "enabled")
    clock = clock_of(zone)
    names: dict[str, str] = {}
    placed = []
    for node in schedule.each("rotations"):
        layer = _layer(node, clock, read_at)
        if layer is not None:
            placed.append((PlacedLayer(node.pointer, layer), node.text("id")))
    named = with_own_names([each for each, _ in placed])
    for each, (_, rotation_id) in zip(named, placed, strict=True):
        names[rotation_id] = each.layer.name
    tell_together(source, named)
    layers = [each.layer for each in named]
    holders = [holder for holder in (root, schedule) if holder.has("overrides")]
    stand_ins = [found for holder in holders[:1] for found in _stand_ins(holder, names)]
    rendered = _rendered(root)
    return Conversion(
        schedule.label("name"),
        zone,
        layers,
        overrides_of(source, zone, layers, stand_ins) if not source.errors else (),
        rendered=rendered,
    )


def _schedule(root: Node) -> Node:
    """Return the schedule in an answer, where it may be the only item of a list."""
    if isinstance(root.get("data"), list):
        found = root.each("data")
        return found[0] if found else root
    inner = next((name for name in ("data", "schedule") if root.has(name)), "")
    return root.node(inner) if inner else root


def _layer(node: Node, clock: ZoneClock, read_at: int) -> Layer | None:
    """Return a rotation as a layer; ``None`` if it is over, or cannot be said."""
    node.pass_over(*NOT_ABOUT_TURNS)
    name = node.label("name") or "Rotation"
    kind = node.choice("type", tuple(UNITS))
    length = node.whole("length", 1, 520, 1)
    start_at = node.instant("startDate")
    end_at = node.instant("endDate", required=False)
    people = [_participant(member) for member in node.each("participants")]
    restrictions = _restrictions(node)
    if start_at is None:
        return None
    if not is_in_range(start_at):
        node.fault("is outside the years that a layer can begin in", "startDate")
        return None
    if not node.flag("enabled", default=True):
        node.lose("the rotation is off", "it was left out", "enabled")
        return None
    if end_at is not None and end_at <= max(read_at, start_at):
        node.lose("the rotation has ended, or ends before it begins", "it was left out", "endDate")
        return None
    if not any(people):
        node.lose("nobody is on call in it", "the rotation was left out", "participants")
        return None
    turns = Turns(UNITS[kind], length, start_at)
    return replace(
        begun(plain_layer(name, people, restrictions), turns, clock).layer, end_at=end_at
    )


def _participant(node: Node) -> str | None:
    """Return the id of a participant; ``None`` for nobody, or for more than one person."""
    kind = node.choice("type", PARTICIPANTS)
    if kind == "user":
        node.pass_over("name")
        found = node.person("id") if node.has("id") else node.person("username")
        email = node.text("username")
        node.source.add_person(found, node.text("name"), email if "@" in email else "")
        return found
    node.pass_over("id", "username")
    if kind != "none":
        label = node.text("name")[:80]
        node.lose(f"a turn of the {kind} {label}".strip(), "read as a turn of nobody")
    return None


def _restrictions(node: Node) -> tuple[Restriction, ...]:
    given = node.node("timeRestriction")
    if not given.value:
        return ()
    kind = given.choice("type", ("time-of-day", "weekday-and-time-of-day"))
    stretches: list[WeekStretch] = []
    if kind == "time-of-day":
        window = given.node("restriction")
        start, end = (_time(window, word) for word in ("start", "end"))
        stretches += every_day(start, (end - start - 1) % DAY + 1)
    else:
        for window in given.each("restrictions"):
            start, end = (
                DAYS.index(window.choice(f"{word}Day", DAYS)) * DAY + _time(window, word)
                for word in ("start", "end")
            )
            stretches.append(WeekStretch(start, (end - start - 1) % WEEK + 1))
    return restrictions_of(stretches) if stretches else ()


def _time(node: Node, word: str) -> int:
    hour, minute = node.whole(f"{word}Hour", 0, 24), node.whole(f"{word}Min", 0, 59, 0)
    return hour * HOUR + minute * MINUTE


def _stand_ins(holder: Node, names: dict[str, str]) -> list[StandIn]:
    found = []
    for node in holder.each("overrides"):
        node.pass_over("alias", *NOT_ABOUT_TURNS)
        stretch = node.stretch("startDate", "endDate")
        user = _participant(node.node("user"))
        meant = [each.text("id") for each in node.each("rotations")]
        for each in node.each("rotations"):
            each.pass_over("name")
        known = frozenset(names[rotation] for rotation in meant if rotation in names)
        if stretch is None:
            continue
        if user is None:
            node.lose("an override by more than one person", "it was left out")
        elif meant and not known:
            node.lose("an override of rotations that are left out", "it was left out")
        else:
            everywhere = not meant or len(known) == len(names)
            layers = frozenset[str]() if everywhere else known
            found.append(StandIn(node.pointer, *stretch, user, layers=layers))
    return found


def _rendered(root: Node) -> list[RenderedShift]:
    """Return what Opsgenie's timeline says of who is on call."""
    timeline = root.node("timeline")
    timeline.pass_over("startDate", "endDate", "baseTimeline", "overrideTimeline")
    timeline.pass_over("forwardingTimeline", *NOT_ABOUT_TURNS)
    found = []
    for rotation in timeline.node("finalTimeline").each("rotations"):
        rotation.pass_over("name", *NOT_ABOUT_TURNS)
        for period in rotation.each("periods"):
            period.pass_over("type", "fromUsers", "flattenedRecipients")
            stretch = period.stretch("startDate", "endDate")
            if not period.has("recipient"):
                continue
            user = _participant(period.node("recipient"))
            if stretch and user is not None:
                found.append(RenderedShift(*stretch, user))
    return found
