"""Splunk On-Call (VictorOps): the shifts of a rotation group, all of them on call at once.

What is known of that form: a shift hands over every ``duration`` days from ``start``, by the clock
of its ``timezone``, in the order of ``shiftMembers``. It is on call all the time (``std``), at some
times of some days (``pho``), or over several days in a row (``cstm``, whose first day, days between
and last day are ``mask``, ``mask2`` and ``mask3``); what the masks say adds up. ``current`` says
whose turn it is. Overrides put one person in the place of another.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.engine.layered.model import Layer, Restriction
from app.engine.walltime import DAY, HOUR, MINUTE, ZoneClock, clock_of
from app.moving.conversion import Conversion, RenderedShift
from app.moving.reading import Node, Source
from app.moving.together import (
    PlacedLayer,
    StandIn,
    overrides_of,
    tell_together,
    with_own_names,
)
from app.moving.turns import Turns, begun, handoffs, is_in_range, plain_layer
from app.moving.windows import WeekStretch, restrictions_of

DAYS = ("m", "t", "w", "th", "f", "sa", "su")
KINDS = ("std", "pho", "cstm")
MASKS = ("mask", "mask2", "mask3")
GROUPS = ("rotations", "rotationGroups")
NOT_ABOUT_TURNS = (
    *("slug", "totalMembersInRotation", "schedule", "team", "policy", "name", "next"),
    *("color", "isDefault", "publicId", "rotationName", "shiftName"),
)
"""Members, at any level, that say nothing of who is on call, or say it again."""


def is_splunk_oncall(document: object) -> bool:
    """Return whether a document has the shifts of rotation groups."""
    return any(
        isinstance(group, dict) and isinstance(group.get("shifts"), list)
        for group in groups_of(document)
    )


def groups_of(document: object) -> list[object]:
    """Return the rotation groups in a document, or the document, if it is one."""
    if not isinstance(document, dict):
        return []
    for name in GROUPS:
        if isinstance(document.get(name), list):
            return list(document[name])
    return [document]


def read_splunk_oncall(source: Source, _read_at: int) -> Conversion:
    """Return the conversion of a rotation group. The document itself says whose turn it is."""
    root = source.root
    root.pass_over(*NOT_ABOUT_TURNS)
    listed = next((name for name in GROUPS if root.has(name)), "")
    groups = root.each(listed) if listed else ()
    group = groups[0] if groups else root
    group.pass_over(*NOT_ABOUT_TURNS)
    shifts = group.each("shifts")
    zone = shifts[0].zone("timezone", "UTC") if shifts else "UTC"
    rendered: list[RenderedShift] = []
    placed = [
        PlacedLayer(node.pointer, layer)
        for node in shifts
        if (layer := _layer(node, zone, rendered)) is not None
    ]
    named = with_own_names(placed)
    tell_together(source, named)
    layers = [each.layer for each in named]
    stand_ins = _stand_ins(root)
    return Conversion(
        group.label("label") or root.label("label"),
        zone,
        layers,
        overrides_of(source, zone, layers, stand_ins) if not source.errors else (),
        rendered=rendered,
    )


def _layer(node: Node, zone: str, rendered: list[RenderedShift]) -> Layer | None:
    node.pass_over(*NOT_ABOUT_TURNS)
    name = node.label("label") or "Shift"
    own_zone = node.zone("timezone", zone)
    start_at = node.instant("start")
    turns = Turns("days", node.whole("duration", 1, 3_650), start_at or 0)
    kind = node.choice("shifttype", KINDS)
    members = node.each("shiftMembers")
    people = [_member(member) for member in members]
    restrictions = _restrictions(node, kind)
    rendered += _periods(node)
    current = _current(node.node("current"))
    if not is_in_range(start_at, current.begins_at):
        node.fault("is outside the years that a layer can begin in", "start")
    elif not people:
        node.lose("the shift has no members", "it was left out", "shiftMembers")
    elif start_at is not None:
        if own_zone != zone:
            what = f"is by the clock of {own_zone}"
            node.lose(what, f"its times of day are read by the clock of {zone}", "timezone")
        in_turn = _in_turn(people, members, current, turns, clock_of(zone))
        return begun(plain_layer(name, in_turn, restrictions), turns, clock_of(zone)).layer
    return None


class _Current(NamedTuple):
    """Whose turn it is, from when on; without a start that is not known."""

    node: Node
    begins_at: int | None
    username: str


def _current(node: Node) -> _Current:
    return _Current(node, node.instant("start", required=False), _period_user(node))


def _in_turn(
    people: Sequence[str],
    members: Sequence[Node],
    current: _Current,
    turns: Turns,
    clock: ZoneClock,
) -> Sequence[str]:
    """Return the members in such an order that the first one's turn is the first."""
    if current.begins_at is None or not current.username:
        return people
    slugs = [member.get("slug") for member in members]
    place = _place(people, slugs, current.username, current.node.get("memberSlug"))
    if place is None:
        current.node.lose("whose turn it is, is no member", "the first member's turn is the first")
        return people
    first = (place - handoffs(turns, clock).cell_at(current.begins_at)) % len(people)
    return [*people[first:], *people[:first]]


def _place(people: Sequence[str], slugs: list[object], who: str, slug: object) -> int | None:
    """Return the place among the members of whoever has the turn; ``None`` if it is no member."""
    if slug is not None and slug in slugs:
        return slugs.index(slug)
    return people.index(who) if who in people else None


def _member(node: Node) -> str:
    node.pass_over("slug", "version", "verified")
    found = node.person("username")
    names = " ".join(filter(None, (node.text("firstName"), node.text("lastName"))))
    node.source.add_person(found, node.text("displayName") or names, node.text("email"))
    return found


def _restrictions(node: Node, kind: str) -> tuple[Restriction, ...]:
    stretches = [stretch for name in MASKS if node.has(name) for stretch in _mask(node.node(name))]
    if kind == "std" or not stretches:
        return ()
    return restrictions_of(stretches)


def _mask(node: Node) -> list[WeekStretch]:
    days = node.node("day")
    on = [index for index, day in enumerate(DAYS) if days.flag(day)]
    found = []
    for window in node.each("time"):
        start, end = (_time(window.node(word)) for word in ("start", "end"))
        found += [WeekStretch(day * DAY + start, (end - start - 1) % DAY + 1) for day in on]
    return found


def _time(node: Node) -> int:
    return node.whole("hour", 0, 24) * HOUR + node.whole("minute", 0, 59, 0) * MINUTE


def _period_user(node: Node) -> str:
    node.pass_over("isRoll", "memberSlug", "end", "start")
    return node.text("username")


def _periods(node: Node) -> list[RenderedShift]:
    found = []
    for period in node.each("periods"):
        stretch, who = period.stretch("start", "end"), _period_user(period)
        if stretch and who:
            found.append(RenderedShift(*stretch, who))
    return found


def _stand_ins(root: Node) -> list[StandIn]:
    found = []
    for node in root.each("overrides"):
        node.pass_over(*NOT_ABOUT_TURNS)
        stretch = node.stretch("start", "end")
        replaced, by = (_member(node.node(f"{word}OnCallUser")) for word in ("orig", "override"))
        if stretch:
            found.append(StandIn(node.pointer, *stretch, by, replaced))
    return found
