"""PagerDuty's shift-based schedules of 2026 (``/v3/schedules``): events that recur in rotations.

What is known of that form: an event has a first shift (``start_time`` to ``end_time``), a
recurrence by RFC 5545 and members, of whom each takes ``shifts_per_member`` shifts in a row, or who
are all on call in every one. It makes shifts from ``effective_since`` to ``effective_until``, the
first of them the first member's. Rotations are all on call at once. ``final_schedule`` is there if
the request asked for it.
"""

from app.engine.layered.limits import GROUP
from app.engine.layered.model import Layer, Participant
from app.engine.walltime import DAY, ZoneClock, clock_of
from app.formats.calendars.recurrence import Rule, rule_of
from app.moving.conversion import Conversion, RenderedShift
from app.moving.pagerduty import NOT_ABOUT_TURNS, schedule_in
from app.moving.reading import Node, Source
from app.moving.recurring import (
    NotSayable,
    RecurringShift,
    end_of,
    is_plain,
    last_of,
    last_until,
    layer_of,
    starting_from,
)
from app.moving.together import (
    PlacedLayer,
    StandIn,
    overrides_of,
    tell_together,
    with_own_names,
)
from app.moving.turns import ending, group_of, is_in_range

STRATEGIES = ("rotating_member_assignment_strategy", "every_member_assignment_strategy")
MEMBERS = ("user_member", "empty_member")
LEFT_OUT = "the event was left out"


def is_pagerduty_shifts(document: object) -> bool:
    """Return whether a document has PagerDuty's rotations of events."""
    inner = document.get("schedule", document) if isinstance(document, dict) else None
    rotations = inner.get("rotations") if isinstance(inner, dict) else None
    return isinstance(rotations, list) and any(
        isinstance(each, dict) and "events" in each for each in rotations
    )


def read_pagerduty_shifts(source: Source, read_at: int) -> Conversion:
    """Return the conversion of a schedule of recurring events."""
    root = source.root
    schedule = schedule_in(root)
    schedule.pass_over(*NOT_ABOUT_TURNS)
    zone = schedule.zone("time_zone")
    placed: list[PlacedLayer] = []
    rotation_of: dict[str, str] = {}
    for rotation in schedule.each("rotations"):
        rotation.pass_over("type", "self", "html_url")
        for event in rotation.each("events"):
            name = rotation.label("name") or event.label("name") or "Rotation"
            layer = _layer(event, name, zone, clock_of(zone), read_at)
            if layer is not None:
                placed.append(PlacedLayer(event.pointer, layer))
                rotation_of[event.pointer] = rotation.text("id")
        rotation.text("id")
    named = with_own_names(placed)
    tell_together(source, named)
    layers = [each.layer for each in named]
    holder = root if root.has("overrides") or root.has("custom_shifts") else schedule
    names = {
        rotation: frozenset(
            each.layer.name for each in named if rotation_of[each.pointer] == rotation
        )
        for rotation in rotation_of.values()
    }
    stand_ins = [*_custom_shifts(holder), *_overrides(holder, names)]
    rendered = _rendered(schedule.node("final_schedule"))
    return Conversion(
        schedule.label("name"),
        zone,
        layers,
        overrides_of(source, zone, layers, stand_ins) if not source.errors else (),
        rendered=rendered,
    )


def _layer(node: Node, name: str, zone: str, clock: ZoneClock, read_at: int) -> Layer | None:
    """Return an event as a layer; ``None`` if it is over, or cannot be said."""
    node.pass_over("id", "type", "self", "html_url", "summary", "name")
    start_at, end_at = (_zoned(node.node(f"{word}_time"), zone) for word in ("start", "end"))
    since_at = node.instant("effective_since", required=False)
    until_at = node.instant("effective_until", required=False)
    rule = _rule(node)
    people, each = _members(node.node("assignment_strategy"))
    if start_at is None or end_at is None or rule is None:
        return None
    if end_at <= start_at or not is_in_range(start_at, end_at):
        node.fault("is not after start_time, or outside of the years of a layer", "end_time")
        return None
    if not people:
        return None
    first = clock.wall(start_at)
    shift = RecurringShift(
        name,
        first,
        clock.wall(end_at) - first,
        rule.frequency.lower(),
        people,
        rule.interval,
        [day for _, day in rule.by_day],
        rule.week_start,
        each,
    )
    try:
        layer = layer_of(_from(shift, since_at, clock), clock)
    except NotSayable as reason:
        node.lose(str(reason), LEFT_OUT, "recurrence")
        return None
    made = ending(layer, (until_at, _end_of(shift, rule, clock)), read_at)
    if made is None:
        node.lose("the event is over, or ends before it begins", "it was left out")
    return made


def _end_of(shift: RecurringShift, rule: Rule, clock: ZoneClock) -> int | None:
    """Return the instant at which the last shift of a rule is over; ``None`` if there is none."""
    if rule.count:
        return end_of(shift, last_of(shift, rule.count), clock)
    if rule.until is None:
        return None
    until = rule.until.wall
    if rule.until.is_utc:
        until = clock.wall(until)
    elif rule.until.is_date:
        until += DAY - 1  # the shifts of that day, too
    return end_of(shift, last_until(shift, until), clock)


def _from(shift: RecurringShift, since_at: int | None, clock: ZoneClock) -> RecurringShift:
    """Return a shift that begins with its first time that starts at or after ``since_at``."""
    if since_at is None:
        return shift
    return starting_from(shift, clock.wall(since_at))


def _zoned(node: Node, zone: str) -> int | None:
    own = node.zone("time_zone", zone)
    if own != zone:
        what = f"is by the clock of {own}"
        node.lose(what, f"later shifts are by the clock of {zone}", "time_zone")
    return node.instant("date_time")


def _rule(node: Node) -> Rule | None:
    """Return the recurrence rule of an event; ``None`` if it is none, or not sayable."""
    lines = node.items("recurrence")
    rules = []
    for line in lines:
        text = line.value if isinstance(line.value, str) else ""
        kind, _, value = text.partition(":")
        if kind.upper() == "RRULE":
            try:
                rules.append(rule_of(value))
            except ValueError as error:
                line.fault(str(error))
        elif kind.partition(";")[0].upper() in ("EXDATE", "RDATE"):
            line.lose("a single date of a recurrence", "it was left out")
        else:
            line.fault("is not RRULE, EXDATE or RDATE")
    if len(rules) != 1:
        node.fault("has not exactly one RRULE", "recurrence")
        return None
    rule = rules[0]
    if not is_plain(rule):
        node.lose("a rule with more than days of the week", LEFT_OUT, "recurrence")
        return None
    return rule


def _members(node: Node) -> tuple[list[Participant], int]:
    """Return the members of a strategy in turn, and how many shifts each takes in a row.

    Where all are on call at once, that is a turn of several.
    """
    kind = node.choice("type", STRATEGIES)
    members = [_member(member) for member in node.each("members")]
    each = node.whole("shifts_per_member", 1, 500, 1)
    people = list(dict.fromkeys(user for user in members if user))
    if not people:
        node.lose("the event has no members", "it was left out", "members")
        return [], 1
    if kind == STRATEGIES[0]:
        return [user or None for user in members], each
    if len(people) > GROUP:
        what = f"{len(people)} members are on call at once"
        node.lose(what, f"the first {GROUP} are", "members")
    return [group_of(people)], 1


def _member(node: Node) -> str:
    """Return the id of a member; an empty text for nobody."""
    node.pass_over("color", "self", "html_url")
    if node.choice("type", MEMBERS) == "empty_member":
        node.pass_over("user_id", "name")
        return ""
    found = node.person("user_id")
    node.source.add_person(found, node.text("name"))
    return found


def _custom_shifts(holder: Node) -> list[StandIn]:
    """Return the shifts that are made by hand."""
    found = []
    for node in holder.each("custom_shifts"):
        node.pass_over("id", "type", "self", "html_url")
        stretch = node.stretch("start_time", "end_time")
        for assignment in node.each("assignments"):
            assignment.pass_over("id", "type")
            user = _member(assignment.node("member"))
            if user and stretch:
                assignment.lose("is on call beside the rotations", "is on call in their place")
                found.append(StandIn(assignment.pointer, *stretch, user))
    return found


def _overrides(holder: Node, names: dict[str, frozenset[str]]) -> list[StandIn]:
    found = []
    for node in holder.each("overrides"):
        node.pass_over("id", "type", "self", "html_url")
        stretch = node.stretch("start_time", "end_time")
        replaced, by = (
            _member(node.node(f"{word}_member")) for word in ("overridden", "overriding")
        )
        layers = names.get(node.text("rotation_id"), frozenset())
        if node.has("custom_shift_id"):
            node.lose("takes the place of a single shift", "it was left out")
        elif not by:
            node.lose("is taken off and nobody put on", "it was left out")
        elif stretch and not replaced:
            node.lose("takes a turn of nobody", "is on call in place of everybody then")
            found.append(StandIn(node.pointer, *stretch, by))
        elif stretch:
            found.append(StandIn(node.pointer, *stretch, by, replaced, layers))
    return found


def _rendered(node: Node) -> list[RenderedShift]:
    node.pass_over("rendered_coverage_percentage", "type")
    found = []
    for item in node.each("computed_shift_assignments"):
        item.pass_over("type", "source")
        stretch, user = item.stretch("start_time", "end_time"), _member(item.node("member"))
        if stretch and user:
            found.append(RenderedShift(*stretch, user))
    return found
