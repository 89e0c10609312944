"""What a calendar and a picture show of an engine result: who is on call in which stretch.

Strategy: the three products are brought to one shape, ``Roster``, so that a format is written once.
Its stints are back to back; one with nobody is a gap. Instants are milliseconds since
1970-01-01T00:00:00Z, ranges are half open.

``identity`` and ``Stint.key`` say what makes a stint the same stint in two answers: a calendar
updates the event that has both. Persons are not part of it: whoever takes over a shift, it stays
that shift.

- A rotation is its start, its shift length and the clock of its handoffs; a stint is its number and
  its role.
- A schedule is its zone and the names of its layers; a stint is the instant at which it really
  began, also where the window cuts it. So windows that overlap, and a question about an instant
  within them, agree.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, cycle, islice
from operator import attrgetter
from typing import NamedTuple

from app.engine.layered.limits import DAY_MS, EARLIEST_AT, LATEST_AT
from app.engine.layered.model import Duty, FinalSchedule, Following, Gap, OnCall, Schedule, Segment
from app.engine.layered.tally import Tally
from app.engine.planning.request import PlannedRotation
from app.engine.rotation import Rotation, milliseconds
from app.products.layered.answer import instant_in_words, window_in_words
from app.products.rotation.answer import hours_text, rotation_in_words
from app.products.rotation.planned_answer import planned_in_words

UNBOUNDED_MS = DAY_MS
"""So much is shown, before or after the instant asked about, of what has no beginning or end."""

GAP_NOTE = "Nobody is on call."
LAST_NOTE = "The last shift of the rotation."


class Stint(NamedTuple):
    """A stretch ``[start_at, end_at)`` with one person, or with nobody (``None``).

    ``note`` says why or what comes next, in a sentence. ``goes_on_before`` and ``goes_on_after``
    say that the stretch is longer than what is shown of it. ``role`` tells those apart who are on
    call at once.
    """

    key: int
    start_at: int
    end_at: int
    person: str | None
    note: str = ""
    goes_on_before: bool = False
    goes_on_after: bool = False
    role: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """Stints back to back, in order, by the clock of ``timezone``.

    ``people`` has a few words for each person, in order. ``beside`` are the stints of all roles but
    the first, which has its own in ``stints``. ``after`` follows the last stint without
    having been asked for; ``mark_at`` is the instant asked about, if it was one. Handoffs are
    ``handoff_offset_ms`` after the stints end.
    """

    title: str
    summary: str
    timezone: str
    identity: Sequence[str]
    stints: Sequence[Stint]
    people: Mapping[str, str]
    beside: Sequence[Stint] = ()
    after: Sequence[Stint] = ()
    mark_at: int | None = None
    handoff_offset_ms: int = 0


def rotation_roster(rotation: Rotation) -> Roster:
    """The roster of a rotation, by UTC."""
    boundaries = rotation.boundaries
    keys = range(1, rotation.shifts + 1)
    return Roster(
        title="On-call rotation",
        summary=rotation_in_words(rotation),
        timezone="UTC",
        identity=("rotation", str(boundaries.start), str(boundaries.step)),
        stints=list(
            map(Stint, keys, boundaries, boundaries[1:], rotation.people, _handoffs(rotation))
        ),
        people={person: _shifts(count) for person, count in rotation.counts.items()},
        handoff_offset_ms=rotation.handoffs.start - boundaries[1],
    )


def planned_roster(planned: PlannedRotation) -> Roster:
    """The roster of a planned rotation, by the clock it was planned on."""
    request, plan = planned.request, planned.plan
    boundaries = request.boundaries
    length = milliseconds(planned.shift_length_hours)
    clock = (request.timezone,) if planned.zoned else ()
    first, *others = zip(*plan.slots, strict=True)
    return Roster(
        title="On-call rotation",
        summary=planned_in_words(planned),
        timezone=request.timezone,
        identity=("rotation", str(boundaries[0]), str(length), *clock),
        stints=list(_planned_stints(planned, first, 0)),
        people={workload.person: _shifts(workload.shifts) for workload in plan.workloads},
        beside=[
            stint
            for role, people in enumerate(others, 1)
            for stint in _planned_stints(planned, people, role)
        ],
        handoff_offset_ms=planned.handoff_offset_ms,
    )


def _planned_stints(
    planned: PlannedRotation, people: Sequence[str | None], role: int
) -> Iterator[Stint]:
    """The stints of one role; their keys go on after those of the roles before it."""
    request = planned.request
    name = request.roles[role] if request.roles else ""
    keys = range(role * len(people) + 1, (role + 1) * len(people) + 1)
    for key, start, end, person, follower in zip(
        keys, request.boundaries, request.boundaries[1:], people, (*people[1:], ""), strict=False
    ):
        note = GAP_NOTE if person is None else _follower(planned, follower)
        yield Stint(key, start, end, person, note, role=name)


def _follower(planned: PlannedRotation, follower: str | None) -> str:
    if follower == "":
        return LAST_NOTE
    return f"Next: {follower or 'nobody'}, from {_handoff(planned.handoff_offset_hours)}."


def schedule_roster(schedule: Schedule, final: FinalSchedule, tallies: Sequence[Tally]) -> Roster:
    """The roster of a layered schedule over a window."""
    return Roster(
        title="On-call schedule",
        summary=window_in_words(schedule.timezone, final),
        timezone=schedule.timezone,
        identity=_identity(schedule),
        stints=_stints(final),
        people={tally.user_id: _shifts(tally.shifts) for tally in tallies},
    )


def stored_roster(
    name: str,
    identity: Sequence[str],
    timezone: str,
    final: FinalSchedule,
    names: Mapping[str, str],
) -> Roster:
    """The roster of a schedule that has a name and an identity of its own; ``names`` by user id."""
    return Roster(
        title=name,
        summary=window_in_words(timezone, final),
        timezone=timezone,
        identity=identity,
        stints=[
            stint._replace(person=names.get(stint.person or "", stint.person))
            for stint in _stints(final)
        ],
        people={},
    )


def personal_roster(roster: Roster, final: FinalSchedule, user_id: str) -> Roster:
    """Of ``roster``, which was made of ``final``, what ``user_id`` has, each under its title."""
    theirs = [
        stint._replace(person=roster.title)
        for stint, told in zip(roster.stints, _stints(final), strict=True)
        if told.person == user_id
    ]
    return replace(roster, stints=theirs)


def now_roster(schedule: Schedule, found: OnCall) -> Roster:
    """The roster of the stretch that holds an instant; who follows is in ``after``."""
    people = {found.user_id: "on call"} if found.user_id is not None else {}
    if found.next:
        people.setdefault(found.next.user_id, "next")
    stint = _stint_at(found)
    return Roster(
        title="On call at an instant",
        summary=instant_in_words(found),
        timezone=schedule.timezone,
        identity=_identity(schedule),
        stints=(stint,),
        people=people,
        after=tuple(_followers(stint, found.next)) if found.next else (),
        mark_at=found.at,
    )


def _stints(final: FinalSchedule) -> list[Stint]:
    """Segments and gaps in order; the first is known by when it really began."""
    stints = [*map(_shift, final.segments), *map(_gap, final.gaps)]
    stints.sort(key=attrgetter("start_at"))
    if final.since_at is not None:
        stints[0] = stints[0]._replace(key=final.since_at, goes_on_before=True)
    return stints


def _identity(schedule: Schedule) -> Sequence[str]:
    return ("schedule", schedule.timezone, *(layer.name for layer in schedule.layers))


def _shifts(count: int) -> str:
    return f"{count:,} shift{'' if count == 1 else 's'}"


def _handoffs(rotation: Rotation) -> Iterator[str]:
    """Who follows each shift, and when."""
    when = _handoff(rotation.handoff_offset_hours)
    notes = [f"Next: {person}, from {when}." for person in (*rotation.cycle[1:], rotation.cycle[0])]
    return chain(islice(cycle(notes), rotation.shifts - 1), (LAST_NOTE,))


def _handoff(hours: float) -> str:
    """When a handoff is, in words."""
    if not hours:
        return "the end of the shift"
    return f"{hours_text(abs(hours))}h {'after' if hours > 0 else 'before'} the shift ends"


def _shift(segment: Segment) -> Stint:
    start, end, user, *_, before, after = segment
    return Stint(start, start, end, user, _source(segment), before, after)


def _gap(gap: Gap) -> Stint:
    return Stint(gap.start_at, gap.start_at, gap.end_at, None, GAP_NOTE)


def _source(why: Segment | Duty) -> str:
    if why.source == "layer":
        return f"By layer {why.layer}."
    reason = why.override.reason if why.override else None
    return f"By an {why.source}{f': {reason}' if reason else '.'}"


def _stint_at(found: OnCall) -> Stint:
    notes = [_source(found.duty) if found.duty else GAP_NOTE]
    if found.since is None:
        notes.append("It has no beginning: shown from 24 hours before the instant asked about.")
    if found.until is None:
        notes.append("It has no end: shown until 24 hours after the instant asked about.")
    return Stint(
        EARLIEST_AT if found.since is None else found.since,
        found.at - UNBOUNDED_MS if found.since is None else found.since,
        found.at + UNBOUNDED_MS if found.until is None else found.until,
        found.user_id,
        " ".join(notes),
        found.since is None,
        found.until is None,
    )


def _followers(stint: Stint, following: Following) -> Iterator[Stint]:
    """Who follows, or the gap before, for as long as a picture needs to show it."""
    until, at = stint.end_at, following.at
    if until < at:
        yield _gap(Gap(until, at))
    end = min(at + max((at - stint.start_at) // 8, 1), LATEST_AT)
    yield Stint(at, at, end, following.user_id, goes_on_after=True)
