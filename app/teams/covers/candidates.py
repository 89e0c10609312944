"""Who could take over a stretch of a kept schedule, and what keeps people from it.

Strategy: the schedule is laid out around the stretch, and what people have in it is what they carry
into a roster of nothing but the stretch; the engine ranks them (``engine/cover.py``). What people
have in other schedules at that time is asked schedule by schedule, and counts as an absence.

Whoever shares a turn has nothing that could be given away: an override of it would take the others
off as well.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from app.database.database import Tx
from app.database.pacing import with_pauses
from app.engine.cover import Share, ranked_candidates
from app.engine.intervals import Interval, merged, split
from app.engine.layered.limits import DAY_MS
from app.engine.layered.model import FinalSchedule, Schedule, Segment
from app.engine.layered.tally import Tally, tallies
from app.engine.roster.model import Person, Roster, Slot
from app.errors import TooMuchWork
from app.teams.covers.store import absences_of, schedules_of
from app.teams.on_call.store import History, ask, final_schedule_in, history_between, steps_by
from app.teams.operation import RequestContext
from app.teams.schedules.store import StoredSchedule
from app.teams.times import utc_text

AROUND_MS = 28 * DAY_MS
"""So much before and after a stretch is counted as what people have."""
OTHER_STEPS = 250_000
"""The most steps (rule 11 of ``schedules.md``) that laying out other schedules takes together."""
MANY_SCHEDULES = (
    "the other schedules of these people are too large to lay out: ask for a shorter stretch"
)


class Obstacle(NamedTuple):
    """What keeps somebody from ``[start_at, end_at)``: an absence, or another schedule's shift."""

    start_at: int
    end_at: int
    what: Literal["on_call", "away"]
    schedule_id: str | None = None

    @property
    def in_words(self) -> str:
        """What it is, in a few words."""
        start, end = utc_text(self.start_at), utc_text(self.end_at)
        what = f"on call by schedule {self.schedule_id}" if self.schedule_id else "away"
        return f"is {what} from {start} to {end}"


Obstacles = Mapping[str, Sequence[Obstacle]]
"""By person."""

MANY_OBSTACLES = 1_000
"""More take too long for the event loop."""


class RankingWanted(NamedTuple):
    """What is given away: a stretch of a role, or what ``user_id`` has of it.

    ``None`` is the first role, or everybody. The first ``most`` candidates are named.
    """

    stretch: Interval
    user_id: str | None
    role: str | None
    most: int


class RankedUser(NamedTuple):
    """One candidate, with what they have around the stretch before and after taking it over."""

    user_id: str
    before: Share
    after: Share
    obstacles: Sequence[Obstacle]
    other_roles: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates for ``stretches`` of a schedule, the first to ask first.

    ``total`` counts those that are left out as well. ``counted`` is the window of what they have.
    """

    stretches: Sequence[Interval]
    givers: Sequence[str]
    counted: Interval
    candidates: Sequence[RankedUser]
    total: int
    role: str | None = None


def taking_part(schedule: StoredSchedule) -> list[str]:
    """Return everybody who takes part in a schedule, by its rules of now or to come, in order."""
    rules = [schedule.rules, *(planned.rules for planned in schedule.pending)]
    layers = (layer for each in rules for layer in each.layers)
    return list(dict.fromkeys(name for layer in layers for name in layer.people))


async def obstacles_of(
    tx: Tx,
    context: RequestContext,
    user_ids: Collection[str],
    span: Interval,
    schedule_id: str,
) -> Obstacles:
    """Return the absences of these people in ``span``, and their shifts of other schedules.

    Raises ``TooMuchWork`` if all of these schedules together are too much to lay out.
    """
    found: dict[str, list[Obstacle]] = defaultdict(list)
    absences = await absences_of(tx, context.org_id, user_ids, span)
    async for user_id, from_at, until_at in with_pauses(absences):
        found[user_id].append(Obstacle(from_at, until_at, "away"))
    done = 0
    for other in await schedules_of(tx, context.org_id, user_ids, span, schedule_id):
        history = await history_between(tx, context.org_id, other, *span)
        shifts, steps = await ask(context.compute, history, *span, _shifts_of, frozenset(user_ids))
        done += max(steps, 2 * sum(map(len, shifts.values())))  # several may share a turn
        if done > OTHER_STEPS:
            raise TooMuchWork(MANY_SCHEDULES)
        for user_id, intervals in shifts.items():
            found[user_id] += [Obstacle(*each, "on_call", other) for each in intervals]
    return found


def packed(obstacles: Obstacles) -> bytes:
    """Write obstacles for another process: pickled, the 90,000 of two months would take 0.13 s."""
    return msgspec.msgpack.encode(obstacles)


def unpacked(written: bytes) -> Obstacles:
    """Read what ``packed`` has written."""
    return msgspec.msgpack.decode(written, type=dict[str, list[Obstacle]])


def ranking_in(
    history: History,
    from_at: int,
    to_at: int,
    wanted: RankingWanted,
    names: Sequence[str],
    obstacles: Obstacles,
) -> Ranking:
    """Rank ``names`` by what a schedule gives them in the window, in all roles together.

    Raises the engine's limits.
    """
    stretch, user_id, role, most = wanted
    final = final_schedule_in(history, from_at, to_at)
    schedule = _schedule_at(history, stretch[0])
    part = final.part_of(role)
    given = _held(part.segments if part else (), stretch, user_id)
    stretches = [stretch] if user_id is None else merged([each[:2] for each in given])
    givers = list(dict.fromkeys(giver for *_, giver in given))
    met = {
        name: [each for each in obstacles.get(name, ()) if split([each[:2]], stretches)[0]]
        for name in names
        if name not in givers
    }
    carried = {each.user_id: each for each in tallies(schedule, final)}
    people = [_person(name, own, carried.get(name)) for name, own in met.items()]
    slots = [Slot(*each) for each in stretches]
    found = ranked_candidates(
        Roster(slots, people, (), timezone=schedule.timezone),
        ((None,),) * len(slots),
        [(slot, 0) for slot in range(len(slots))],
    )
    ranked = [
        RankedUser(name, each.before, each.after, met[name], _besides(final, name, role, stretches))
        for each in found[:most]
        for name in [people[each.person].name]
    ]
    return Ranking(stretches, givers, (from_at, to_at), ranked, len(found), role)


def _besides(
    final: FinalSchedule, name: str, role: str | None, stretches: Sequence[Interval]
) -> Sequence[str]:
    """Return the other roles that somebody has in a part of these stretches."""
    return tuple(
        part.role
        for part in final.parts
        if part.role is not None and part.role != role
        if split([each[:2] for each in part.segments if name in each.user_ids], stretches)[0]
    )


def _person(name: str, obstacles: Sequence[Obstacle], carried: Tally | None) -> Person:
    """Return somebody as the engine ranks them, with what they have already."""
    amounts = {}
    if carried:
        amounts = {
            "hours": carried.total_ms,
            "nights": carried.night_ms,
            "weekends": carried.weekend_ms,
        }
    away = merged(sorted(each[:2] for each in obstacles))
    return Person(name, away=tuple(away), carried=amounts)


def stretches_lost(
    history: History, from_at: int, to_at: int, user_id: str, role: str | None
) -> Sequence[str]:
    """Say in which parts of the window somebody has not the role, and who has.

    Raises the engine's limits.
    """
    final = final_schedule_in(history, from_at, to_at).part_of(role)
    if final is None:
        return [f"there is no role {role} from {utc_text(from_at)} to {utc_text(to_at)}"]
    others = [
        (each.start_at, f"{_names(each)}, by {_source(each)},", each.end_at)
        for each in final.segments
        if each.user_ids != (user_id,)
    ]
    gaps = [(each.start_at, "nobody is", each.end_at) for each in final.gaps]
    return [
        f"{who} from {utc_text(start)} to {utc_text(end)}"
        for start, who, end in sorted([*others, *gaps])
    ]


def _names(segment: Segment) -> str:
    if segment.others:
        return f"{', '.join(segment.user_ids)} are together"
    return f"{segment.user_id} is"


def _source(segment: Segment) -> str:
    if segment.override:
        return f"override {segment.override.id}"
    return f"entry {segment.entry.id}" if segment.entry else f"layer {segment.layer}"


def _held(
    segments: Sequence[Segment], stretch: Interval, user_id: str | None
) -> list[tuple[int, int, str]]:
    """Return what of a stretch somebody has, or ``user_id`` alone, and who."""
    start, end = stretch
    return [
        (max(each.start_at, start), min(each.end_at, end), holder)
        for each in segments
        if each.start_at < end and start < each.end_at
        for holder in each.user_ids
        if user_id is None or each.user_ids == (user_id,)
    ]


def _schedule_at(history: History, at: int) -> Schedule:
    """Return the schedule as it holds at an instant."""
    return [each for each in history.versions() if each.from_at <= at][-1].schedule


def _shifts_of(
    history: History, from_at: int, to_at: int, user_ids: Collection[str]
) -> tuple[dict[str, list[Interval]], int]:
    """Return what of a window these people have, by person, and the steps that it took."""
    found: dict[str, list[Interval]] = defaultdict(list)
    steps = steps_by(history.versions(), len(history.assignments), from_at, to_at)
    for segment in final_schedule_in(history, from_at, to_at).segments:
        for user_id in segment.user_ids:
            if user_id in user_ids:
                found[user_id].append(segment[:2])
    return {user_id: merged(intervals) for user_id, intervals in found.items()}, steps
