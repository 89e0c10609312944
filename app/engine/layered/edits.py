"""Edits of a schedule's layers that keep the turns (rules 32 and 33 of ``schedules.md``).

Strategy: turns lie on a grid of handoffs that follows from the layer's own fields, and
``first_turn_at`` says which of them is the first participant's. So an edit never moves a handoff
by more than its new fields ask for: it only chooses ``first_turn_at`` so that the turn in which the
edit takes effect is that of whoever has it already.

Invariants: nobody who stays in the list loses the turn that is running, and whoever follows in the
new list is next. A layer that is given a start of its own begins with its first participant then,
and until then the old layer holds.
"""

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import NamedTuple

from app.engine.layered.layers import LayerSource
from app.engine.layered.limits import EARLIEST_AT, LATEST_AT
from app.engine.layered.model import Layer, Participant, members_of
from app.engine.layered.turns import TurnSequence
from app.engine.walltime import clock_of
from app.errors import InstantOutOfRange


class Rotations(NamedTuple):
    """The layers of a schedule, from top to bottom, and the zone of their times of day."""

    timezone: str
    layers: tuple[Layer, ...]

    def turns_of(self, layer: Layer) -> TurnSequence:
        """Return the turns of one of the layers, which has participants."""
        return LayerSource(layer, clock_of(self.timezone)).turns


class Match(NamedTuple):
    """A layer after an edit, and the one that it replaces, by their places; none: it is new."""

    after: int
    before: int | None


def begun(rotations: Rotations, at: int) -> Rotations:
    """Return the layers of a new schedule: the turn at ``at`` is the first participant's.

    A layer that says itself when it begins is left as it is.
    """
    layers = tuple(_begun(rotations, layer, at) for layer in rotations.layers)
    return rotations._replace(layers=layers)


def edited(before: Rotations, after: Rotations, at: int) -> list[tuple[int, Rotations]]:
    """Return what holds from when on, in order, where ``after`` replaces ``before`` at ``at``.

    There is one item, from ``at`` on, and one more for each instant at which layers begin anew.
    Raises ``InstantOutOfRange`` if the years that we know end before the first participant of a
    layer would have a turn.
    """
    matches = matched(before.layers, after.layers)
    starts = {
        place: _starts_at(before.layers[old], after.layers[place])
        for place, old in matches
        if old is not None
    }
    later = {place: start for place, start in starts.items() if start is not None and start > at}
    edits = []
    for from_at in sorted({at, *later.values()}):
        waiting = {place for place, start in later.items() if start > from_at}
        edits.append((from_at, _rotations_at(before, after, matches, waiting, at)))
    return edits


def matched(before: Sequence[Layer], after: Sequence[Layer]) -> list[Match]:
    """Return which layer each layer of ``after`` replaces: of the same name, else the one left.

    Of layers with one name that of the same role is replaced, else the first by the first.
    """
    free = list(range(len(before)))
    found: dict[int, int] = {}
    for same in (attrgetter("name", "role"), attrgetter("name")):
        for place, layer in enumerate(after):
            named = next((each for each in free if same(before[each]) == same(layer)), None)
            if place not in found and named is not None:
                found[place] = named
                free.remove(named)
    matches = [Match(place, found.get(place)) for place in range(len(after))]
    alone = [match for match in matches if match.before is None]
    if len(alone) == len(free) == 1:
        matches[alone[0].after] = Match(alone[0].after, free[0])
    return matches


def next_handoff(rotations: Rotations, at: int) -> int | None:
    """Return the first instant after ``at`` at which a turn of any layer ends; none: none does."""
    ends = []
    for layer in rotations.layers:
        if layer.participants:
            turns = rotations.turns_of(layer)
            next_at = turns.begins_at(turns.number_at(max(at, turns.start_at)) + 1)
            ends.append(
                min(turns.start_at if at < turns.start_at else next_at, layer.end_at or next_at)
            )
    return min((end for end in ends if at < end < LATEST_AT), default=None)


def _rotations_at(
    before: Rotations, after: Rotations, matches: Sequence[Match], waiting: set[int], at: int
) -> Rotations:
    """Return ``after``, where the layers at the places ``waiting`` are still the old ones.

    The old layers of another zone wait by the clock of the new one, and keep their turns too.
    """
    layers = []
    for place, replaced in matches:
        new = after.layers[place]
        if replaced is None:
            layers.append(_begun(after, new, at))
        else:
            old = before.layers[replaced]
            layers.append(_kept(before, old, after, old if place in waiting else new, at))
    return after._replace(layers=tuple(layers))


def _kept(before: Rotations, old: Layer, after: Rotations, new: Layer, at: int) -> Layer:
    """Return ``new``, which replaces ``old`` at ``at``, so that the turns are kept."""
    if new.first_turn_at is not None and new is not old:
        return new
    if _starts_at(old, new) is not None:
        return new
    new = replace(new, first_turn_at=None)
    if not new.participants:
        return new
    if before.timezone == after.timezone and new == _renamed(old, new):
        return replace(new, first_turn_at=old.first_turn_at)
    if not old.participants or at < (old_turns := before.turns_of(old)).start_at:
        return _begun(after, new, at)
    place = place_after(old.participants, old_turns.place_at(at), new.participants)
    return replace(new, first_turn_at=_first_turn_at(after.turns_of(new), place, at))


def _renamed(old: Layer, new: Layer) -> Layer:
    """Return ``old`` with the name and the role of ``new``."""
    return replace(old, name=new.name, role=new.role, first_turn_at=None)


def place_after(old: Sequence[Participant], place: int, new: Sequence[Participant]) -> int:
    """Return the place in ``new`` of whoever had the place in ``old``, or came next and stays.

    A group stays as long as anybody of it does, and a turn of nobody as long as there is one. Of
    several places the one before whoever came next in ``old`` counts, else the first. 0 if nobody
    stays.
    """
    order = [*old[place:], *old[:place]]
    people = {name for each in new for name in members_of(each)}
    kept = [
        each
        for each in order
        if (None in new if each is None else not people.isdisjoint(members_of(each)))
    ]
    if not kept:
        return 0
    holder, follower = kept[0], kept[1 % len(kept)]
    places = [index for index, each in enumerate(new) if each == holder] or [
        index for index, each in enumerate(new) if _have_in_common(each, holder)
    ]
    return next(
        (
            p
            for p in places
            if (after := new[(p + 1) % len(new)]) == follower or _have_in_common(after, follower)
        ),
        places[0],
    )


def _have_in_common(one: Participant, other: Participant) -> bool:
    """Return whether anybody belongs to both."""
    return not set(members_of(one)).isdisjoint(members_of(other))


def _begun(rotations: Rotations, layer: Layer, at: int) -> Layer:
    if not layer.participants or layer.start_at is not None or layer.first_turn_at is not None:
        return layer
    return replace(layer, first_turn_at=_first_turn_at(rotations.turns_of(layer), 0, at))


def _starts_at(old: Layer, new: Layer) -> int | None:
    """Return when ``new`` begins anew: where it is given another start."""
    return new.start_at if new.start_at != old.start_at else None


def _first_turn_at(turns: TurnSequence, place: int, at: int) -> int:
    """Return the start of a turn of the first participant, if the turn at ``at`` is of ``place``.

    It is the last one that began. Where that would be before the layer or before the years that we
    know, or the clock skipped it, it is one of the next two. Raises ``InstantOutOfRange`` if they
    would begin after those years: a round takes up to 5,000 years.
    """
    last = turns.number_at(max(at, turns.start_at)) - place
    for number in (last, last + turns.round, last + 2 * turns.round):
        begins_at = turns.begins_at(number)
        if EARLIEST_AT <= begins_at < LATEST_AT and turns.number_at(begins_at) == number:
            return begins_at
    raise InstantOutOfRange(
        "the first participant's next turn begins after the year 9998: make turns shorter"
    )
