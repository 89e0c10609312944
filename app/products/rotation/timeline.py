"""The timeline of a rotation, by turns or planned.

The identity of a rotation is its start, its shift length and, if it has one, its time zone. The key
of an item is made of its shift's number and its role.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, cycle, islice

from app.engine.planning.request import Absence, PlannedRotation, PlanningRequest
from app.engine.rotation import Rotation, milliseconds
from app.formats.timeline import GAP_NOTE, Timeline, TimelineItem, shift_count_text
from app.products.numbers import hours_text
from app.products.rotation.answer import rotation_in_words
from app.products.rotation.planned_answer import planned_in_words

LAST_NOTE = "The last shift of the rotation."


def rotation_timeline(rotation: Rotation) -> Timeline:
    """Return the timeline of a rotation by turns, in UTC."""
    boundaries = rotation.boundaries
    keys = range(1, rotation.shifts + 1)
    return Timeline(
        title="On-call rotation",
        summary=rotation_in_words(rotation),
        timezone="UTC",
        identity=("rotation", str(boundaries.start), str(boundaries.step)),
        items=list(
            map(
                TimelineItem, keys, boundaries, boundaries[1:], rotation.people, _handoffs(rotation)
            )
        ),
        people={person: shift_count_text(count) for person, count in rotation.counts.items()},
        handoff_offset_ms=rotation.handoffs.start - boundaries[1],
    )


def planned_timeline(planned: PlannedRotation) -> Timeline:
    """Return the timeline of a planned rotation, in the time zone it was planned in."""
    request, plan = planned.request, planned.plan
    boundaries = request.boundaries
    length = milliseconds(planned.shift_length_hours) or planned.shift_length_text
    clock = (request.timezone,) if planned.zoned else ()
    first, *others = zip(*plan.slots, strict=True)
    return Timeline(
        title="On-call rotation",
        summary=planned_in_words(planned),
        timezone=request.timezone,
        identity=("rotation", str(boundaries[0]), str(length), *clock),
        items=list(_planned_items(planned, first, 0)),
        people={workload.person: shift_count_text(workload.shifts) for workload in plan.workloads},
        beside=[
            item
            for role, people in enumerate(others, 1)
            for item in _planned_items(planned, people, role)
        ],
        handoff_offset_ms=planned.handoff_offset_ms,
        absences=[
            TimelineItem(0, start_at, end_at, person, reason or "")
            for person, start_at, end_at, reason in (*request.absences, *_outside(request))
        ],
    )


def _outside(request: PlanningRequest) -> Iterator[Absence]:
    """Yield the time before people join and after they leave."""
    start_at, end_at = request.boundaries[0], request.boundaries[-1]
    for person, at in request.joins.items():
        if at > start_at:
            yield Absence(person, start_at, at, "has not joined yet")
    for person, at in request.leaves.items():
        if at < end_at:
            yield Absence(person, at, end_at, "has left")


def _planned_items(
    planned: PlannedRotation, people: Sequence[str | None], role: int
) -> Iterator[TimelineItem]:
    """Yield the items of one role. Their keys follow those of the roles before it."""
    request = planned.request
    name = request.roles[role] if request.roles else ""
    keys = range(role * len(people) + 1, (role + 1) * len(people) + 1)
    for key, start, end, person, follower in zip(
        keys, request.boundaries, request.boundaries[1:], people, (*people[1:], ""), strict=False
    ):
        note = GAP_NOTE if person is None else _follower(planned, follower)
        yield TimelineItem(key, start, end, person, note, role=name)


def _follower(planned: PlannedRotation, follower: str | None) -> str:
    if follower == "":
        return LAST_NOTE
    return f"Next: {follower or 'nobody'}, from {_handoff(planned.handoff_offset_hours)}."


def _handoffs(rotation: Rotation) -> Iterator[str]:
    """Yield a note for each shift with the next person and the handoff."""
    when = _handoff(rotation.handoff_offset_hours)
    notes = [f"Next: {person}, from {when}." for person in (*rotation.cycle[1:], rotation.cycle[0])]
    return chain(islice(cycle(notes), rotation.shifts - 1), (LAST_NOTE,))


def _handoff(hours: float) -> str:
    """Return the time of a handoff in words."""
    if not hours:
        return "the end of the shift"
    return f"{hours_text(abs(hours))}h {'after' if hours > 0 else 'before'} the shift ends"
