"""What an edit of a schedule would change: who is on call before and after, and what changes hands.

Strategy: it is read off the schedule before and after, by the same functions that answer who is on
call.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from app.database.database import Tx
from app.engine.intervals import Interval
from app.engine.layered import roles
from app.engine.layered.limits import DAY_MS, LATEST_AT
from app.engine.layered.model import FinalSchedule, OnCall, Segment
from app.engine.layered.versions import ScheduleVersion, on_call_at
from app.products.layered.answer import FirstRole, ShownRole, UserIds, several
from app.teams.on_call.store import History, final_schedule_in, history_between
from app.teams.operation import HandlerResult, RequestContext
from app.teams.schedules.store import PlannedRules, ScheduleRules, StoredSchedule
from app.teams.schemas import DataEnvelope, Instant, Version
from app.teams.times import utc_text

TURNS_SHOWN = 4
PREVIEW_MS = 28 * DAY_MS
"""How much of a schedule a preview compares."""
People = tuple[str, ...]
"""Everybody who is on call at once; nobody, if it is empty."""
REACH_MS = 366 * DAY_MS
"""How far the next turns are looked for in overrides and entries."""


class TurnShown(Struct, frozen=True, omit_defaults=True):
    """Who comes next, and when."""

    user_id: str
    at: Instant
    user_ids: UserIds = ()


class RolePreview(Struct, frozen=True, omit_defaults=True):
    """Who has a role when the edit takes effect, and the next four turns after."""

    role: str
    user_id: Annotated[str, Meta(description="Null: nobody.")] | None
    next: Sequence[TurnShown]
    user_ids: UserIds = ()


class OnCallPreview(Struct, frozen=True, omit_defaults=True):
    """Who is on call when the edit takes effect, and the next four turns after."""

    user_id: Annotated[str, Meta(description="Null: nobody.")] | None
    next: Sequence[TurnShown]
    user_ids: UserIds = ()
    role: FirstRole | None = None
    roles: Annotated[
        Sequence[RolePreview], Meta(description="The same of each role, if there are any.")
    ] = ()


class GivenStretch(Struct, frozen=True, omit_defaults=True):
    """A stretch that changes hands. ``user_id`` is who gives or takes it, if anybody does."""

    start: Instant
    end: Instant
    user_id: str | None
    role: ShownRole | None = None


class ChangesOfUser(Struct, frozen=True):
    """What one person gets and gives away by an edit."""

    user_id: str
    gains: Sequence[GivenStretch]
    loses: Sequence[GivenStretch]


class EditPreview(Struct, frozen=True):
    """What an edit would change, over 28 days. ``version`` is that of the schedule as it is."""

    effective_from: Instant
    until: Instant
    before: OnCallPreview
    after: OnCallPreview
    changes: Sequence[ChangesOfUser]
    version: Version


async def preview_edit(
    tx: Tx,
    context: RequestContext,
    schedule: StoredSchedule,
    planned: Sequence[PlannedRules],
    at: int,
) -> HandlerResult:
    """Return what ``planned`` rules of ``schedule``, the first of them from ``at`` on, change."""
    to_at = min(at + PREVIEW_MS, LATEST_AT - 1)
    history = await history_between(tx, context.org_id, schedule.id, at, at + REACH_MS)
    shown = await context.compute(preview_of, history, at, to_at, schedule.version, planned)
    return HandlerResult(DataEnvelope(shown))


def preview_of(
    history: History,
    from_at: int,
    to_at: int,
    version: int,
    planned: Sequence[PlannedRules],
) -> EditPreview:
    """Return what ``planned`` rules change of a schedule in ``[from_at, to_at)``.

    Raises the engine's limits.
    """
    added = [
        (version + number, at, rules.timezone, rules.when_away, _layers_text(rules))
        for number, (at, rules) in enumerate(planned, 1)
    ]
    changed = replace(history, rules=[*history.rules, *added])
    before, after = (final_schedule_in(each, from_at, to_at) for each in (history, changed))
    return EditPreview(
        utc_text(from_at),
        utc_text(to_at),
        on_call_preview(history, from_at),
        on_call_preview(changed, from_at),
        changes_between(before, after),
        version,
    )


def _layers_text(rules: ScheduleRules) -> str:
    return msgspec.json.encode(rules.layers).decode()


def on_call_preview(history: History, at: int) -> OnCallPreview:
    """Return who is on call at an instant, and the next turns after."""
    versions = history.versions()
    found = roles.on_call_at(versions, at)
    turns = [_turns(roles.versions_of_role(versions, part.role), part) for part in found.parts]
    return OnCallPreview(
        found.user_id,
        turns[0],
        several(found.user_ids),
        found.role,
        tuple(
            RolePreview(str(part.role), part.user_id, each, several(part.user_ids))
            for part, each in zip(found.roles, turns, strict=False)
        ),
    )


def _turns(versions: Sequence[ScheduleVersion], later: OnCall) -> Sequence[TurnShown]:
    """Return the next turns after an answer, by the versions of its role."""
    turns: list[TurnShown] = []
    while later.next is not None and len(turns) < TURNS_SHOWN:
        follows = later.next
        turns.append(TurnShown(follows.user_id, utc_text(follows.at), several(follows.user_ids)))
        later = on_call_at(versions, later.next.at)
    return turns


def changes_between(before: FinalSchedule, after: FinalSchedule) -> Sequence[ChangesOfUser]:
    """Return what each person gains and loses, by name."""
    gains: Mapping[str, list[GivenStretch]] = defaultdict(list)
    loses: Mapping[str, list[GivenStretch]] = defaultdict(list)
    for role, (start, end), had, have in _handed_over_in_roles(before, after):
        stretch = (utc_text(start), utc_text(end))
        givers = [user_id for user_id in had if user_id not in have]
        takers = [user_id for user_id in have if user_id not in had]
        for giver in givers:
            loses[giver].append(GivenStretch(*stretch, next(iter(takers), None), role))
        for taker in takers:
            gains[taker].append(GivenStretch(*stretch, next(iter(givers), None), role))
    return [
        ChangesOfUser(user_id, gains.get(user_id, ()), loses.get(user_id, ()))
        for user_id in sorted({*gains, *loses})
    ]


def _handed_over_in_roles(
    before: FinalSchedule, after: FinalSchedule
) -> Iterator[tuple[str | None, Interval, People, People]]:
    """Yield the stretches that others have after than before, role by role.

    Where one of the two has no roles, it is compared with the first role of the other.
    """
    first = after.parts[0].role or before.parts[0].role
    had, have = (_segments_by_role(each, first) for each in (before, after))
    for role in dict.fromkeys([*have, *had]):
        for change in _handed_over(had.get(role, ()), have.get(role, ())):
            yield role, *change


def _segments_by_role(
    final: FinalSchedule, first: str | None
) -> Mapping[str | None, Sequence[Segment]]:
    """Return the segments of each role; those without one are of the ``first``."""
    found: dict[str | None, list[Segment]] = defaultdict(list)
    for segment, role in final.segments_and_roles:
        found[role or first].append(segment)
    return found


def _handed_over(
    before: Sequence[Segment], after: Sequence[Segment]
) -> Sequence[tuple[Interval, People, People]]:
    """Return maximal stretches that others have after than before."""
    starts = sorted({at for each in (*before, *after) for at in (each.start_at, each.end_at)})
    handed: list[tuple[Interval, People, People]] = []
    givers, takers = _holders(before, starts), _holders(after, starts)
    for start, end, had, have in zip(starts, starts[1:], givers, takers, strict=False):
        if set(had) == set(have):
            continue
        goes_on = handed and (handed[-1][0][1], *handed[-1][1:]) == (start, had, have)
        since = handed.pop()[0][0] if goes_on else start
        handed.append(((since, end), had, have))
    return handed


def _holders(segments: Sequence[Segment], starts: Sequence[int]) -> Sequence[People]:
    """Return who has the stretch that begins at each of ``starts``, which are in order."""
    holders: list[People] = []
    waiting = iter(segments)
    segment = next(waiting, None)
    for start in starts:
        while segment and segment.end_at <= start:
            segment = next(waiting, None)
        holders.append(segment.user_ids if segment and segment.start_at <= start else ())
    return holders
