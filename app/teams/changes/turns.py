"""The turns of a schedule: the stretches with one person, or with nobody, by when they begin."""

from collections.abc import Sequence
from hashlib import sha256
from operator import attrgetter
from typing import NamedTuple

from app.engine.layered.model import (
    FinalSchedule,
    Gap,
    OnCall,
    OnCallAssignment,
    Segment,
    SourceKind,
)
from app.teams.on_call.store import History, final_schedule_in


class Turn(NamedTuple):
    """A stretch ``[at, until)`` with one person from one source, or with nobody.

    ``until`` is ``None`` where nothing will ever change. ``is_cut`` says that ``until`` is only as
    far as was looked. ``by`` names the layer, or is the id of the override or entry, also of an
    override by which nobody is on call. ``before`` is who was on call just before. ``others`` are
    on call with the person. ``role`` is that of the layers, if they have roles.
    """

    at: int
    until: int | None
    user_id: str | None
    source: SourceKind | None
    by: str | None
    before: str | None
    is_cut: bool = False
    others: tuple[str, ...] = ()
    role: str | None = None

    def id(self, schedule_id: str) -> str:
        """Return what this turn of a schedule is known by, whenever it is told.

        A shift that ends earlier is the same turn; a gap that ends earlier is another one.
        """
        parts = (schedule_id, self.at, self.user_id, self.source, self.by, *self.others)
        parts = parts if self.role is None else (*parts, "", self.role)
        whole = parts if self.user_id is not None else (*parts, self.until)
        digest = sha256("\0".join(map(repr, whole)).encode()).hexdigest()[:24]
        return f"{'gap' if self.user_id is None else 'handoff'}_{digest}"


def turns_after(history: History, from_at: int, to_at: int) -> Sequence[Turn]:
    """Return the turns that begin in ``(from_at, to_at]``, in order. Raises the engine's limits."""
    final = final_schedule_in(history, from_at, to_at + 1)
    turns = [turn._replace(role=part.role) for part in final.parts for turn in _turns(part)]
    return sorted(turns, key=attrgetter("at"))


def turn_at(found: OnCall, began_at: int, before: str | None) -> Turn:
    """Return the turn of the person who is on call, or of nobody, which ``began_at`` then."""
    why = found.assignment
    if why is None:
        by = found.closed.id if found.closed else None
        return Turn(began_at, found.until, None, None, by, before, role=found.role)
    who = (why.user_id, why.source, _by(why))
    return Turn(began_at, found.until, *who, before, others=why.others, role=found.role)


def _turns(final: FinalSchedule) -> Sequence[Turn]:
    """Return the turns of a role in a window, but one that began before it or with it."""
    parts: list[Segment | Gap] = [*final.segments, *final.gaps]
    parts.sort(key=attrgetter("start_at"))
    turns: list[Turn] = []
    before = None
    for part in parts:
        is_cut = part.end_at == final.to_at
        if isinstance(part, Gap):
            by = part.override.id if part.override else None
            turn = Turn(part.start_at, part.end_at, None, None, by, before, is_cut)
        else:
            who = (part.user_id, part.source, _by(part))
            turn = Turn(part.start_at, part.end_at, *who, before, is_cut, part.others)
        turns.append(turn)
        before = turn.user_id
    return [turn for turn in turns if turn.at > final.from_at]


def _by(why: Segment | OnCallAssignment) -> str | None:
    made = why.override or why.entry
    return made.id if made else why.layer
