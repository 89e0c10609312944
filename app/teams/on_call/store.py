"""Loads as much of a stored schedule as the engine needs to answer for an instant or a window.

Strategy: a schedule has few versions and all are read, as text. It may have many overrides,
entries and absences, so only those around the question are read, and more if the answer turns out
to reach beyond them. One statement reads all of it, for one schedule or for a team's: its rows are
of several kinds, and a column that a kind does not have is null. A team that has much is read
schedule by schedule instead. A small question is answered on the event loop, a large one where
``Compute`` does it, which is mostly another process; so questions are functions of a ``History``,
and their answers are small or bytes. One that would take more than about a second is refused.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.database import rows_of
from app.database.pacing import with_pauses
from app.database.pages import text_bytes
from app.database.tables import schedule_versions, schedules
from app.engine.layered.limits import (
    ABSENCES,
    DAY_MS,
    EARLIEST_AT,
    LATEST_AT,
    OVERRIDES,
    WINDOW_MS,
    check_work,
    steps_of,
    windows_a_week,
)
from app.engine.layered.model import FinalSchedule, OnCall, Schedule, WhenAway
from app.engine.layered.roles import final_schedule, on_call_at
from app.engine.layered.shifts import ScheduleShift, shifts_between
from app.engine.layered.versions import ScheduleVersion, validity_intervals
from app.errors import NotFound
from app.teams.absences import store as absences
from app.teams.absences.store import AbsentStretch
from app.teams.heavy_work import Compute
from app.teams.overrides import store as overrides
from app.teams.overrides.store import ManualAssignment
from app.teams.schedules.store import (
    TEAM_SCHEDULES,
    NamedSchedule,
    layers_in,
    schedules_of_team,
)

REACH_MS = 45 * DAY_MS
"""How far ahead is read at first."""

LIGHT_STEPS, LIGHT_CHARACTERS, LIGHT_WINDOWS = 1_000, 1024 * 1024, 10_000
"""The largest question that is answered on the event loop, within about 10 ms: steps of its window,
characters of the rules that it is answered from, and windows that these open in a week."""

ROLE_TEXT = '"role":"'
"""What stands in the text of layers that have roles; within a string there are no bare quotes."""

T = TypeVar("T")
Span = tuple[int, int]
Rules = tuple[int, int, str, WhenAway | None, str]
"""Number, instant, zone, what becomes of turns while people are away, and layers of a version, as
they are stored."""

TEAM_ROWS, TEAM_LAYERS_BYTES = 500, 8 * 1024
"""A team with more rows of a kind, or with larger layers, is read schedule by schedule."""

SCHEDULE, VERSION = schedules.c, schedule_versions.c
COLUMNS: Mapping[str, type[Text | BigInteger]] = {
    "kind": Text,
    "schedule_id": Text,
    "number": BigInteger,
    "id": Text,
    "user_id": Text,
    "start_at": BigInteger,
    "end_at": BigInteger,
    "from_at": BigInteger,
    "until_at": BigInteger,
    "reason": Text,
    "swap_id": Text,
    "created_at": BigInteger,
    "cancelled_at": BigInteger,
    "role": Text,
    "timezone": Text,
    "when_away": Text,
    "layers": Text,
    "name": Text,
    "position": BigInteger,
    "version": BigInteger,
    "updated_at": BigInteger,
}
"""The columns of the rows that make histories: ``kind`` is version, override, entry or absence."""


def _histories(
    which: ColumnElement[bool], layers: ColumnElement[str], rows: Sequence[int | None]
) -> CompoundSelect[Any]:
    """Return the statement that reads histories: at most so many rows of each kind.

    ``layers`` are those of a version; null where they are too large to be read.
    """
    own = SCHEDULE.org_id == bindparam("org")
    ours = and_(VERSION.org_id == bindparam("org"), VERSION.schedule_id == SCHEDULE.id)
    shown = (SCHEDULE.name, SCHEDULE.position, SCHEDULE.version, SCHEDULE.updated_at)
    has_roles = exists().where(ours, layers.contains(ROLE_TEXT)).correlate(schedules)
    chosen = (
        select(SCHEDULE.id, *shown, has_roles.label("has_roles"))
        .where(own, which)
        .order_by(SCHEDULE.position)
        .limit(TEAM_SCHEDULES)
        .cte("chosen")
    )
    rules = select(
        VERSION.schedule_id,
        VERSION.number,
        VERSION.valid_from.label("from_at"),
        VERSION.timezone,
        VERSION.when_away,
        layers.label("layers"),
        *(chosen.c[each.name] for each in shown),
    ).join_from(
        chosen,
        schedule_versions,
        and_(VERSION.org_id == bindparam("org"), VERSION.schedule_id == chosen.c.id),
    )
    versions, manual, absent = rows
    return union_all(
        _rows(rules.limit(versions), "version"),
        _rows(overrides.near(chosen).limit(manual)),
        _rows(absences.near(chosen).limit(absent), "absence"),
    )


def _rows(found: Select[Any] | CompoundSelect[Any], kind: str | None = None) -> Select[Any]:
    """Return the rows of ``found`` with all ``COLUMNS``, in this order."""
    inner = found.subquery()
    given: dict[str, ColumnElement[Any]] = dict(inner.c.items())
    if kind:
        given["kind"] = literal_column(f"'{kind}'", Text).label("kind")
    return select(
        *(
            given[name] if name in given else cast(null(), of_type).label(name)
            for name, of_type in COLUMNS.items()
        )
    )


HISTORY = _histories(
    SCHEDULE.id == bindparam("schedule"), VERSION.layers, (None, OVERRIDES + 1, ABSENCES + 1)
)
TEAM = _histories(
    SCHEDULE.team_id == bindparam("team"),
    case((text_bytes(VERSION.layers) <= TEAM_LAYERS_BYTES, VERSION.layers)),
    [TEAM_ROWS + 1] * 3,
)


@dataclass(frozen=True, slots=True)
class History:
    """A schedule's versions, oldest first, and what else decides about a window.

    These are its manual assignments, and the absences of its people, around the window.
    """

    rules: Sequence[Rules]
    assignments: Sequence[ManualAssignment]
    absent: Sequence[AbsentStretch] = ()
    _versions: list[ScheduleVersion] = field(default_factory=list, init=False, compare=False)

    def __reduce__(self) -> tuple[object, ...]:
        """Return how a history is pickled: quickly, since it may have thousands of assignments."""
        rest = msgspec.msgpack.encode((self.assignments, self.absent))
        return _unpickled, (self.rules, rest)

    @property
    def characters(self) -> int:
        """The length of all rules."""
        return sum(len(layers) for *_, layers in self.rules)

    @property
    def windows_a_week(self) -> int:
        """How many windows all rules open in a week."""
        return sum(windows_a_week(version.schedule.layers) for version in self.versions())

    def versions(self) -> Sequence[ScheduleVersion]:
        """Return the versions as the engine reads them, which are made once."""
        if not self._versions:
            self._versions.extend(self._made())
        return self._versions

    def _made(self) -> Iterator[ScheduleVersion]:
        overrides = tuple(each.override for each in self.assignments if each.kind == "override")
        entries = tuple(each.entry for each in self.assignments if each.kind == "entry")
        absences = tuple(each.absence for each in self.absent)
        for number, valid_from, timezone, when_away, layers in self.rules:
            schedule = Schedule(
                *(timezone, layers_in(layers), overrides, entries, absences),
                when_away=when_away or "next",
            )
            yield ScheduleVersion(valid_from, schedule, number)


class _Rows(NamedTuple):
    """What was read of one schedule: rows of its versions, what else decides."""

    versions: list[Mapping[Any, Any]]
    manual: list[tuple[int, ManualAssignment]]
    absent: list[AbsentStretch]

    def history(self) -> History:
        """Return it in order."""
        rules: list[Rules] = [
            (row["number"], row["from_at"], row["timezone"], row["when_away"], row["layers"])
            for row in sorted(self.versions, key=itemgetter("number"))
        ]
        manual = [each for _, each in sorted(self.manual, key=itemgetter(0))]
        return History(rules, manual, self.absent)

    def schedule(self, now: int) -> NamedSchedule:
        """Return the schedule with the zone that holds now."""
        row = max(
            (each for each in self.versions if each["from_at"] <= max(now, each["updated_at"])),
            key=itemgetter("number"),
        )
        named = (row["schedule_id"], row["name"], row["timezone"], row["version"])
        return NamedSchedule(*named, row["updated_at"])


async def _read(
    tx: AsyncConnection,
    statement: CompoundSelect[Any],
    whose: Mapping[str, str],
    from_at: int,
    to_at: int,
) -> Mapping[str, _Rows]:
    """Return what was read, by schedule."""
    window = {"from": from_at, "to": to_at, **absences.around(from_at, to_at)}
    found: dict[str, _Rows] = {}
    async for row in with_pauses(await rows_of(tx, statement, {**whose, **window})):
        rows = found.setdefault(row["schedule_id"], _Rows([], [], []))
        match row["kind"]:
            case "version":
                rows.versions.append(row)
            case "absence":
                stretch = (row["id"], row["user_id"], row["from_at"], row["until_at"])
                rows.absent.append(AbsentStretch(*stretch, row["reason"]))
            case _:
                rows.manual.append((row["number"], overrides.assignment_in(row)))
    return found


def _unpickled(rules: Sequence[Rules], rest: bytes) -> History:
    kind = tuple[list[ManualAssignment], list[AbsentStretch]]
    return History(rules, *msgspec.msgpack.decode(rest, type=kind))


async def history_between(
    tx: AsyncConnection, org_id: str, schedule_id: str, from_at: int, to_at: int
) -> History:
    """Return a schedule as far as it matters in ``[from_at, to_at)``. Raises ``NotFound``."""
    whose = {"org": org_id, "schedule": schedule_id}
    found = await _read(tx, HISTORY, whose, from_at, to_at)
    if schedule_id not in found:
        raise NotFound(f"there is no schedule {schedule_id}")
    return found[schedule_id].history()


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
        and history.windows_a_week <= LIGHT_WINDOWS
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


async def on_call_of_team(
    tx: AsyncConnection, compute: Compute, org_id: str, team_id: str, at: int, now: int
) -> Sequence[tuple[NamedSchedule, OnCall]]:
    """Return who is on call at ``at`` and who is next, for a team's schedules, oldest first.

    Raises the engine's limits.
    """
    whose = {"org": org_id, "team": team_id}
    rows = await _read(tx, TEAM, whose, at, at + REACH_MS)
    found: Sequence[tuple[NamedSchedule, History | None]]
    if _is_whole(rows.values()):
        of_team = sorted(rows.values(), key=lambda each: each.versions[0]["position"])
        found = [(each.schedule(now), each.history()) for each in of_team]
    else:
        found = [(each, None) for each in await schedules_of_team(tx, org_id, team_id, now)]
    return [
        (schedule, await on_call_of(tx, compute, org_id, schedule.id, at, history))
        async for schedule, history in with_pauses(found)
    ]


def _is_whole(found: Collection[_Rows]) -> bool:
    """Return whether all of a team was read."""
    counts = (sum(len(rows[kind]) for rows in found) for kind in range(3))
    layers = (row["layers"] for rows in found for row in rows.versions)
    return max(counts) <= TEAM_ROWS and None not in layers


async def other_roles(
    tx: AsyncConnection,
    compute: Compute,
    org_id: str,
    schedule_id: str,
    user_ids: Sequence[str],
    role: str | None,
    span: Span,
) -> Sequence[str]:
    """Return the roles but ``role`` that any of these people has in a part of ``span``.

    Nothing without a role. Of a long stretch the first two years are looked through. Raises
    ``NotFound`` and the engine's limits.
    """
    if role is None:
        return ()
    from_at, to_at = max(span[0], EARLIEST_AT), min(span[1], span[0] + WINDOW_MS, LATEST_AT - 1)
    history = await history_between(tx, org_id, schedule_id, from_at, to_at)
    return await ask(compute, history, from_at, to_at, _other_roles_in, user_ids, role)


def _other_roles_in(
    history: History, from_at: int, to_at: int, user_ids: Sequence[str], role: str
) -> Sequence[str]:
    return roles_held(final_schedule_in(history, from_at, to_at), user_ids, role)


def roles_held(final: FinalSchedule, user_ids: Sequence[str], but: str) -> Sequence[str]:
    """Return the roles but one that any of these people has in a window."""
    return tuple(
        part.role
        for part in final.parts
        if part.role is not None
        and part.role != but
        and any(name in user_ids for segment in part.segments for name in segment.user_ids)
    )


async def on_call_of(
    tx: AsyncConnection,
    compute: Compute,
    org_id: str,
    schedule_id: str,
    at: int,
    history: History | None = None,
) -> OnCall:
    """Return who is on call at ``at`` and who is next.

    ``history`` is that of the ``REACH_MS`` from ``at`` on, if it has been read. Raises ``NotFound``
    and the engine's limits.
    """

    def read(history: History) -> Awaitable[tuple[OnCall, Span]]:
        return ask(compute, history, at, at + 1, _on_call_in)

    return await reaching(tx, org_id, schedule_id, (at, at + REACH_MS), read, history)


async def reaching(
    tx: AsyncConnection,
    org_id: str,
    schedule_id: str,
    span: Span,
    answer: Callable[[History], Awaitable[tuple[T, Span]]],
    history: History | None = None,
) -> T:
    """Return ``answer`` by a history that holds all of the stretch that the answer depends on.

    ``answer`` returns that stretch beside the answer. ``history`` is that of ``span``, if it has
    been read.
    """
    while True:
        history = history or await history_between(tx, org_id, schedule_id, *span)
        found, (first, last) = await answer(history)
        if span[0] <= first and last <= span[1]:
            return found
        span, history = (min(span[0], first), max(span[1], last + REACH_MS)), None


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
    since = min(EARLIEST_AT if each.since is None else each.since for each in found.parts)
    ends = [each.until_at for each in history.assignments]
    ends += [each.until_at for each in history.absent]
    ended = (until_at for until_at in ends if until_at <= at)
    hidden = max(ended, default=since) > since  # an earlier assignment may matter
    return found, (since if hidden else at, _end_of(found) + 1)


def _end_of(found: OnCall) -> int:
    """Return the last instant that an answer mentions."""
    ends = [end for each in found.parts for end in (each.until, each.next and each.next.at) if end]
    return max([found.at, *ends])
