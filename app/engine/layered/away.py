"""Who of a layer is there: absences, and who has a turn in place of somebody who is away.

Strategy: the absences of a layer's people cut time into stretches in each of which the same people
are away. In such a stretch, who has a turn depends only on the turn's place in the list, so it is
worked out once for each place.

Invariants: the order of turns never moves: a substitute has the absent part of the turn and nothing
else. Of a group, those who are there keep the turn. What people do by overrides and entries is not
looked at.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.engine.layered.model import (
    Absence,
    Layer,
    OnCallAssignment,
    PassedOver,
    WhenAway,
    members_of,
)
from app.engine.walltime import FOREVER

Stretch = tuple[int, int, PassedOver]
"""``[start, end)``, and who is away in it."""
Away = Mapping[str, PassedOver]
"""Those who are away, by their ids."""


class Presence(NamedTuple):
    """A stretch ``[start_at, end_at)`` in which the same people of a layer are away.

    ``nobody`` says that they are all its people.
    """

    start_at: int
    end_at: int
    away: Away
    nobody: bool
    assigned: dict[int, OnCallAssignment | None]


class Attendance:
    """Who of a layer is there at any time, and so who has its turns.

    ``absences`` are those of its people, of whom there is at least one who is away at some time.
    """

    __slots__ = ("_absences", "_bounds", "_layer", "_people", "_presences", "_when_away")

    def __init__(self, layer: Layer, absences: Sequence[Absence], when_away: WhenAway) -> None:
        self._layer = layer
        self._when_away = when_away
        self._people = layer.people
        self._absences = stretches_by_user(absences)
        ends = {
            at for own in self._absences.values() for start, end, _ in own for at in (start, end)
        }
        self._bounds = [-FOREVER, *sorted(ends), FOREVER]
        self._presences: dict[int, Presence] = {}

    def presence_at(self, at: int) -> Presence:
        """Return the stretch around an instant in which the same people are away."""
        index = bisect_right(self._bounds, at) - 1
        found = self._presences.get(index)
        if found is None:
            found = self._presences[index] = self._presence(index)
        return found

    def _presence(self, index: int) -> Presence:
        start, end = self._bounds[index : index + 2]
        away = {
            user_id: stretch[2]
            for user_id, own in self._absences.items()
            for stretch in own[max(bisect_right(own, start, key=_start) - 1, 0) :][:1]
            if stretch[0] <= start < stretch[1]
        }
        return Presence(start, end, away, len(away) == len(self._people), {})

    def assignment(self, presence: Presence, place: int) -> OnCallAssignment | None:
        """Return who has a turn of the participant at a place of the list; ``None``: nobody."""
        if place not in presence.assigned:
            presence.assigned[place] = self._assignment(presence.away, place)
        return presence.assigned[place]

    def _assignment(self, away: Away, place: int) -> OnCallAssignment | None:
        listed = self._layer.participants
        if listed[place] is None:
            return None
        order = (*listed[place:], *listed[:place])
        passed: dict[str, PassedOver] = {}
        for participant in order if self._when_away == "next" else order[:1]:
            members = members_of(participant)
            there = [name for name in members if name not in away]
            passed.update((name, away[name]) for name in members if name in away)
            if there:
                first, *others = there
                return OnCallAssignment(
                    *(first, "layer", self._layer.name, None, None),
                    others=tuple(others),
                    passed_over=tuple(passed.values()),
                )
        return None


def stretches_by_user(absences: Sequence[Absence]) -> Mapping[str, list[Stretch]]:
    """Return when each person is away, in order and without overlaps.

    Where absences overlap, the one that began first holds; where two with one reason touch, they
    are one.
    """
    found: dict[str, list[Stretch]] = defaultdict(list)
    for absence in sorted(absences, key=lambda each: (each.start_at, each.end_at)):
        own, who = found[absence.user_id], PassedOver(absence.user_id, absence.reason)
        start = max(absence.start_at, own[-1][1]) if own else absence.start_at
        if start >= absence.end_at:
            continue
        if own and own[-1][1:] == (start, who):
            start = own.pop()[0]
        own.append((start, absence.end_at, who))
    return {user_id: own for user_id, own in found.items() if own}


def _start(stretch: Stretch) -> int:
    return stretch[0]
