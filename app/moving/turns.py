"""Rotations of other tools as layers: a turn of some length, counted from some instant.

Strategy: another tool counts turns from an anchor, and may begin to page by them later. A layer
counts from where it begins. Where the layer cannot begin at the same instant and keep its handoffs,
it begins at the handoff before, which is told. ``first_turn_at`` says whose turn it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from app.engine.layered.handoff_grid import Grid, counted_from, grid_of
from app.engine.layered.limits import EARLIEST_AT, GROUP, LATEST_AT
from app.engine.layered.model import Layer, Participant, Restriction, TurnsOn, Unit
from app.engine.layered.parsing import MAX_COUNTS
from app.engine.walltime import DAY, HOUR, MINUTE, WALL_MONDAY, WEEK, ZoneClock
from app.moving.windows import common, every_day, restrictions_of, stretches_of

UNIT_MS: dict[Unit, int] = {"hours": HOUR, "days": DAY, "weeks": WEEK}


@dataclass(frozen=True, slots=True)
class Turns:
    """How turns pass: ``count`` units each, the first participant's from ``anchor_at`` on."""

    unit: Unit
    count: int
    anchor_at: int


def turns_of_length(length: int, anchor_at: int) -> Turns | None:
    """Return the turns of a length in milliseconds; ``None`` if no layer can have them.

    Whole weeks and days are by the wall clock, and hours are elapsed time.
    """
    units: tuple[Unit, ...] = ("weeks", "days", "hours")
    for unit in units:
        count, rest = divmod(length, UNIT_MS[unit])
        if not rest and 1 <= count <= MAX_COUNTS[unit]:
            return Turns(unit, count, anchor_at)
    return None


def handoffs(turns: Turns, clock: ZoneClock) -> Grid:
    """Return the handoffs of turns by number; handoff 0 is the anchor."""
    bare = Layer("", (), turns.unit, turns.count, turns.anchor_at)
    return grid_of(bare, clock, *counted_from(bare, clock))


class Begun(NamedTuple):
    """A layer, and the instant at which it begins where that is earlier than it should be."""

    layer: Layer
    earlier_at: int | None


def begun(layer: Layer, turns: Turns, clock: ZoneClock, begins_at: int | None = None) -> Begun:
    """Return ``layer`` with its turns, silent before ``begins_at``, by default the anchor.

    Participants, name and restrictions are those of ``layer``, which must have participants.
    """
    begins_at = turns.anchor_at if begins_at is None else begins_at
    grid = handoffs(turns, clock)
    cell = grid.cell_at(begins_at)
    starts_at = _beginning(grid, cell, turns, begins_at)
    people = len(layer.participants)
    place = cell % people
    first_turn_at = grid.handoff_at(cell + people - place) if place else None
    wall = grid.wall_of(cell)
    is_minute = wall % MINUTE == 0 and turns.unit != "hours"
    day = (wall - WALL_MONDAY) % WEEK // DAY if is_minute and turns.unit == "weeks" else None
    made = replace(
        layer,
        unit=turns.unit,
        count=turns.count,
        start_at=starts_at,
        handoff_time=wall % DAY if is_minute else None,
        handoff_day=day,
        first_turn_at=first_turn_at,
    )
    return Begun(made, starts_at if starts_at < begins_at else None)


def _beginning(grid: Grid, cell: int, turns: Turns, begins_at: int) -> int:
    """Return where a layer can begin that should begin at an instant in a cell."""
    is_minute = grid.wall_of(cell) % MINUTE == 0
    if turns.count == 1 and turns.unit in ("days", "weeks") and is_minute:
        return begins_at
    return grid.handoff_at(cell)


def is_in_range(*instants: int | None) -> bool:
    """Return whether instants are such that a layer can begin then, and a round later."""
    margin = 600 * WEEK
    return all(at is None or EARLIEST_AT + margin <= at < LATEST_AT - margin for at in instants)


def wall_clock_hours(
    layer: Layer, hours: int, clock: ZoneClock, anchor_at: int
) -> list[Layer] | None:
    """Return layers that hand over every so many hours of the wall clock, from ``anchor_at`` on.

    A clock change makes a turn longer or shorter there, where a layer of hours would hand over an
    hour earlier or later from then on. Each part of the day is a layer, whose turns are days.
    ``None`` if the hours do not divide a day.
    """
    if 24 % hours:
        return None
    slots = 24 // hours
    people = layer.participants
    found = []
    for slot in range(slots):
        wall = clock.wall(anchor_at) + slot * hours * HOUR
        stretches = every_day((wall - WALL_MONDAY) % DAY, hours * HOUR)
        active = common(stretches, stretches_of(layer.restrictions))
        if active:
            turn = [people[(slot + day * slots) % len(people)] for day in range(len(people))]
            part = replace(
                layer,
                name=f"{layer.name}, {wall % DAY // HOUR:02}:{wall % HOUR // MINUTE:02}",
                participants=shortest_round(turn),
                restrictions=restrictions_of(active),
            )
            found.append(begun(part, Turns("days", 1, clock.first_at(wall)), clock).layer)
    return found


def shortest_round(people: Sequence[Participant]) -> tuple[Participant, ...]:
    """Return the shortest list that, repeated, gives ``people``."""
    for length in range(1, len(people)):
        if len(people) % length == 0 and list(people[:length]) * (len(people) // length) == list(
            people
        ):
            return tuple(people[:length])
    return tuple(people)


def ending(layer: Layer, ends: Iterable[int | None], read_at: int) -> Layer | None:
    """Return a layer that is silent from the earliest of ``ends`` on.

    ``None`` if that is not after ``read_at``, or not after the layer begins.
    """
    end_at = min((end for end in ends if end is not None), default=None)
    if end_at is not None and end_at <= max(read_at, layer.start_at or read_at):
        return None
    return replace(layer, end_at=end_at)


def group_of(people: Sequence[str]) -> Participant:
    """Return those who have a turn together as one participant, cut to what a group may have."""
    members = tuple(dict.fromkeys(people))[:GROUP]
    return members if len(members) > 1 else members[0]


def plain_layer(
    name: str,
    participants: Sequence[Participant],
    restrictions: Sequence[Restriction] = (),
    turns_on: TurnsOn = "all",
) -> Layer:
    """Return a layer whose turns are to be said by ``begun``."""
    return Layer(name, tuple(participants), restrictions=tuple(restrictions), turns_on=turns_on)
