"""Loads as much of a stored schedule as the engine needs to answer for an instant or a window.

Strategy: a schedule has few versions and all are read, as text. It may have many overrides,
entries and absences, so only those around the question are read, and more if the answer turns out
to reach beyond them. A small question is answered on the event loop, a large one where ``Compute``
does it, which is mostly another process; so questions are functions of a ``History``, and their
answers are small or bytes. One that would take more than about a second is refused.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import msgspec
from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.tables import schedule_versions
from app.engine.layered.limits import DAY_MS, EARLIEST_AT, check_work, steps_of
from app.engine.layered.model import FinalSchedule, OnCall, Schedule, WhenAway
from app.engine.layered.shifts import ScheduleShift, shifts_between
from app.engine.layered.versions import (
    ScheduleVersion,
    final_schedule,
    on_call_at,
    validity_intervals,
)
from app.errors import NotFound
from app.teams.absences.store import AbsentStretch, absent_near
from app.teams.heavy_work import Compute
from app.teams.overrides.store import ManualAssignment, assignments_near
from app.teams.schedules.store import layers_in

REACH_MS = 45 * DAY_MS
"""How far ahead is read at first."""

LIGHT_STEPS, LIGHT_CHARACTERS = 1_000, 1024 * 1024
"""The largest question that is answered on the event loop, within about 10 ms: steps of its window,
and characters of the rules that it is answered from."""

T = TypeVar("T")
Span = tuple[int, int]
Rules = tuple[int, int, str, WhenAway | None, str]
"""Number, instant, zone, what becomes of turns while people are away, and layers of a version, as
they are stored."""

VERSION = schedule_versions.c
VERSIONS = (
    select(VERSION.number, VERSION.valid_from, VERSION.timezone, VERSION.when_away, VERSION.layers)
    .where(VERSION.org_id == bindparam("org"), VERSION.schedule_id == bindparam("schedule"))
    .order_by(VERSION.number)
)


@dataclass(frozen=True, slots=True)
class History:
    """A schedule's versions, oldest first, and what else decides about a window.

    These are its manual assignments, and the absences of its people, around the window.
    """

    rules: Sequence[Rules]
    assignments: Sequence[ManualAssignment]
    absent: Sequence[AbsentStretch] = ()

    def __reduce__(self) -> tuple[object, ...]:
        """Return how a history is pickled: quickly, since it may have thousands of assignments."""
        rest = msgspec.msgpack.encode((self.assignments, self.absent))
        return _unpickled, (self.rules, rest)

    @property
    def characters(self) -> int:
        """The length of all rules."""
        return sum(len(layers) for *_, layers in self.rules)

    def versions(self) -> Sequence[ScheduleVersion]:
        """Return the versions as the engine reads them."""
        overrides = tuple(each.override for each in self.assignments if each.kind == "override")
        entries = tuple(each.entry for each in self.assignments if each.kind == "entry")
        absences = tuple(each.absence for each in self.absent)
        return [
            ScheduleVersion(
                valid_from,
                Schedule(
                    *(timezone, layers_in(layers), overrides, entries, absences),
                    when_away=when_away or "next",
                ),
                number,
            )
            for number, valid_from, timezone, when_away, layers in self.rules
        ]


def _unpickled(rules: Sequence[Rules], rest: bytes) -> History:
    kind = tuple[list[ManualAssignment], list[AbsentStretch]]
    return History(rules, *msgspec.msgpack.decode(rest, type=kind))


async def history_between(
    tx: AsyncConnection, org_id: str, schedule_id: str, from_at: int, to_at: int
) -> History:
    """Return a schedule as far as it matters in ``[from_at, to_at)``. Raises ``NotFound``."""
    whose = {"org": org_id, "schedule": schedule_id}
    rules = [cast(Rules, tuple(row)) for row in await tx.execute(VERSIONS, whose)]
    if not rules:
        raise NotFound(f"there is no schedule {schedule_id}")
    return History(
        rules,
        await assignments_near(tx, org_id, schedule_id, from_at, to_at),
        await absent_near(tx, org_id, schedule_id, from_at, to_at),
    )


async def ask(
    compute: Compute,
    history: History,
    from_at: int,
    to_at: int,
    question: Callable[..., T],
    *arguments: object,
) -> T:
    """Return ``question(history, from_at, to_at, *arguments)``, computed where it should be.

    ``question`` is a function of a module, and ``[from_at, to_at)`` is what it is about.
    """
    if is_light(history, from_at, to_at):
        return question(history, from_at, to_at, *arguments)
    return await compute(question, history, from_at, to_at, *arguments)


def is_light(history: History, from_at: int, to_at: int) -> bool:
    """Return whether a question about ``[from_at, to_at)`` takes no more than some milliseconds."""
    return (
        (len(history.assignments) + len(history.absent)) * 4 <= LIGHT_STEPS
        and history.characters <= LIGHT_CHARACTERS
        and steps_by(history.versions(), len(history.assignments), from_at, to_at) <= LIGHT_STEPS
    )


def steps_by(versions: Sequence[ScheduleVersion], manual: int, from_at: int, to_at: int) -> int:
    """Return the steps of laying out ``[from_at, to_at)`` by the most laborious of its versions."""
    steps = (
        steps_of(
            *(version.schedule.layers, manual, (), to_at - from_at, len(version.schedule.absences))
        )
        for version in _versions_in(versions, from_at, to_at)
    )
    return max(steps, default=0)


def final_schedule_in(history: History, from_at: int, to_at: int) -> FinalSchedule:
    """Return who is on call over a window. Raises the engine's limits."""
    return final_schedule(_bounded_versions(history, from_at, to_at), from_at, to_at)


def shifts_in(history: History, from_at: int, to_at: int) -> Sequence[ScheduleShift]:
    """Return the shifts that meet ``[from_at, to_at)``. Raises the engine's limits."""
    return shifts_between(_bounded_versions(history, from_at, to_at), from_at, to_at)


async def on_call_of(
    tx: AsyncConnection, compute: Compute, org_id: str, schedule_id: str, at: int
) -> OnCall:
    """Return who is on call at ``at`` and who is next.

    Raises ``NotFound`` and the engine's limits.
    """

    def read(history: History) -> Awaitable[tuple[OnCall, Span]]:
        return ask(compute, history, at, at + 1, _on_call_in)

    return await reaching(tx, org_id, schedule_id, (at, at + REACH_MS), read)


async def reaching(
    tx: AsyncConnection,
    org_id: str,
    schedule_id: str,
    span: Span,
    answer: Callable[[History], Awaitable[tuple[T, Span]]],
) -> T:
    """Return ``answer`` by a history that holds all of the stretch that the answer depends on.

    ``answer`` returns that stretch beside the answer.
    """
    while True:
        found, (first, last) = await answer(await history_between(tx, org_id, schedule_id, *span))
        if span[0] <= first and last <= span[1]:
            return found
        span = (min(span[0], first), max(span[1], last + REACH_MS))


def _bounded_versions(history: History, from_at: int, to_at: int) -> Sequence[ScheduleVersion]:
    """Return the versions for a window. Raises ``TooMuchWork``."""
    versions = history.versions()
    for version in _versions_in(versions, from_at, to_at):
        manual, absent = len(history.assignments), len(history.absent)
        check_work(version.schedule.layers, manual, (), to_at - from_at, absent)
    return versions


def _versions_in(
    versions: Sequence[ScheduleVersion], from_at: int, to_at: int
) -> Iterator[ScheduleVersion]:
    """Yield the versions that hold in a window; those of another time cost nothing."""
    for version, (start, end) in zip(versions, validity_intervals(versions), strict=True):
        if start < to_at and from_at < end:
            yield version


def _on_call_in(history: History, at: int, _: int) -> tuple[OnCall, Span]:
    """Return who is on call at ``at``, and the stretch that this depends on."""
    found = on_call_at(history.versions(), at)
    since = EARLIEST_AT if found.since is None else found.since
    ends = [each.until_at for each in history.assignments]
    ends += [each.until_at for each in history.absent]
    ended = (until_at for until_at in ends if until_at <= at)
    hidden = max(ended, default=since) > since  # an earlier assignment may matter
    return found, (since if hidden else at, _end_of(found) + 1)


def _end_of(found: OnCall) -> int:
    """Return the last instant that an answer mentions."""
    return max(found.at, found.until or found.at, found.next.at if found.next else found.at)
