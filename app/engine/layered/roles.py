"""Schedules whose layers have roles: each is resolved by itself (rule 41 of ``schedules.md``).

Strategy: the layers of a role, with the overrides and entries of it, are a schedule without roles
(``versions.py``), so each role is answered as if there were no other. Layers of other roles keep
their places, without participants, because shifts are known by the places of their layers. Where a
version of the schedule has no such role, an override of ``NO_ROLE`` stands above all else, and what
it covers is left out of the answer: it is neither a segment nor a gap.

Invariants: without roles the answer is that of ``versions.py``, at its cost. What has no role is of
the first role of the version that holds at its time, and a version without roles is one role, whose
name is ``None``: so an answer about some time does not depend on the versions of another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from operator import attrgetter
from typing import TypeVar

from app.engine.intervals import Interval, merged, split
from app.engine.layered import versions as one_role
from app.engine.layered.limits import check_segments
from app.engine.layered.model import (
    Entry,
    FinalSchedule,
    Gap,
    Layer,
    OnCall,
    Override,
    Schedule,
)
from app.engine.layered.versions import ScheduleVersion, validity_intervals
from app.engine.walltime import FOREVER

NO_ROLE = ""
"""In place of a role, within the engine, where the role asked about does not exist."""

Manual = TypeVar("Manual", Override, Entry)


def on_call_at(versions: Sequence[ScheduleVersion], at: int) -> OnCall:
    """Return who is on call at an instant, in the first role and in each that there is then.

    ``versions`` are in order, and there is at least one. Costs and errors are those of
    ``versions.on_call_at``, for each role.
    """
    if not _has_roles(versions):
        return one_role.on_call_at(versions, at)
    found = tuple(
        one_role.on_call_at(versions_of_role(versions, role), at)._replace(role=role)
        for role in roles_between(versions, at, at + 1)
    )
    return found[0] if found[0].role is None else found[0]._replace(roles=found)


def final_schedule(versions: Sequence[ScheduleVersion], from_at: int, to_at: int) -> FinalSchedule:
    """Return the segments and gaps of ``[from_at, to_at)``, of all roles in order of their start.

    Those that begin together are in the order of the roles. ``versions`` are in order, and there is
    at least one. Costs and errors are those of ``versions.final_schedule``, for each role.
    """
    if not _has_roles(versions):
        return one_role.final_schedule(versions, from_at, to_at)
    parts = tuple(
        _final_of(versions, role, from_at, to_at)
        for role in roles_between(versions, from_at, to_at)
    )
    if len(parts) == 1 and parts[0].role is None:
        return parts[0]
    by_start = attrgetter("start_at")
    segments = sorted((each for part in parts for each in part.segments), key=by_start)
    check_segments(len(segments))
    gaps = sorted((each for part in parts for each in part.gaps), key=by_start)
    return FinalSchedule(from_at, to_at, tuple(segments), tuple(gaps), roles=parts)


def roles_between(
    versions: Sequence[ScheduleVersion], from_at: int, to_at: int
) -> Sequence[str | None]:
    """Return the roles that there are in a window: those of its last version first, in order.

    ``None`` is the one of versions without roles. There is at least one, also in an empty window.
    """
    meeting = [
        version.schedule
        for version, (start, end) in zip(versions, validity_intervals(versions), strict=True)
        if start < to_at and from_at < end
    ]
    roles = (role for each in reversed(meeting) for role in _roles_in(each))
    return list(dict.fromkeys(roles)) or _roles_in(versions[-1].schedule)


def roles_of(layers: Sequence[Layer]) -> Sequence[str]:
    """Return the roles that layers have, from top to bottom."""
    return list(dict.fromkeys(layer.role for layer in layers if layer.role is not None))


def first_role(schedule: Schedule) -> str | None:
    """Return the first role of a schedule; ``None`` where it has none."""
    return next(iter(roles_of(schedule.layers)), None)


def role_at(versions: Sequence[ScheduleVersion], at: int) -> str | None:
    """Return the first role at an instant; ``None`` where there is none then."""
    holding = [version for version in versions if version.from_at <= at] or versions[:1]
    return first_role(holding[-1].schedule)


def versions_of_role(
    versions: Sequence[ScheduleVersion], role: str | None
) -> Sequence[ScheduleVersion]:
    """Return the versions as they are for one role; as they are where none ever had one."""
    if not _has_roles(versions):
        return versions
    validity = [
        (interval, version.schedule)
        for version, interval in zip(versions, validity_intervals(versions), strict=True)
        if interval[0] < interval[1]
    ]
    has = merged([interval for interval, each in validity if role in _roles_in(each)])
    first = merged([interval for interval, each in validity if role == first_role(each)])
    _, without = split([(-FOREVER, FOREVER)], has)
    absent = [Override(None, *each, role=NO_ROLE) for each in without]
    last = versions[-1].schedule
    overrides = (*_own(last.overrides, role, has, first), *absent)
    entries = tuple(_own(last.entries, role, has, first))
    return [
        version._replace(
            schedule=replace(
                version.schedule,
                layers=_layers_of(version.schedule, role),
                overrides=overrides,
                entries=entries,
            )
        )
        for version in versions
    ]


def schedule_of_role(schedule: Schedule, role: str | None) -> Schedule:
    """Return a schedule that was never changed as it is for one of its roles."""
    [version] = versions_of_role([ScheduleVersion(-FOREVER, schedule)], role)
    return version.schedule


def _has_roles(versions: Sequence[ScheduleVersion]) -> bool:
    """Return whether any layer ever had a role, or anything made by hand has one."""
    last = versions[-1].schedule
    layers = chain.from_iterable(each.schedule.layers for each in versions)
    return (
        any(layer.role is not None for layer in layers)
        or any(each.role is not None for each in last.overrides)
        or any(each.role is not None for each in last.entries)
    )


def _own(
    made: Sequence[Manual], role: str | None, has: list[Interval], first: list[Interval]
) -> Iterator[Manual]:
    """Yield what concerns a role, which exists in ``has``, and is the first one in ``first``.

    What has no role is cut to the time in which it concerns the role.
    """
    for each in made:
        if each.role is not None:
            if each.role == role:
                yield each
            continue
        concerned = has if each.user_id is None else first
        for start, end in split([(each.start_at, each.end_at)], concerned)[0]:
            whole = (start, end) == (each.start_at, each.end_at)
            yield each if whole else replace(each, start_at=start, end_at=end)


def _layers_of(schedule: Schedule, role: str | None) -> tuple[Layer, ...]:
    """Return the layers, those of other roles without participants."""
    first = first_role(schedule)
    return tuple(
        layer if (layer.role or first) == role else replace(layer, participants=())
        for layer in schedule.layers
    )


def _roles_in(schedule: Schedule) -> Sequence[str | None]:
    """Return the roles of one version."""
    return roles_of(schedule.layers) or [None]


def _final_of(
    versions: Sequence[ScheduleVersion], role: str | None, from_at: int, to_at: int
) -> FinalSchedule:
    """Return the final schedule of one role, with the role on all of it."""
    final = one_role.final_schedule(versions_of_role(versions, role), from_at, to_at)
    begins_absent = any(gap.start_at == from_at for gap in final.gaps if _is_absent(gap))
    return final._replace(
        gaps=tuple(gap for gap in final.gaps if not _is_absent(gap)),
        since_at=None if begins_absent else final.since_at,
        role=role,
    )


def _is_absent(gap: Gap) -> bool:
    return gap.override is not None and gap.override.role == NO_ROLE
