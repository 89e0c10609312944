"""The handler by which changes are followed.

Strategy: what was written since the cursor is told first, in batches, and after each batch the
turns of the schedules that it touched: who is on call now (under the id of before, unless that
changed), turns up to the instant to which they had been told, and gaps to come. Then the turns of
all schedules that have begun since are told, in the order of their instants. Everything is read in
one snapshot, so a write is either told with its effects, or has none yet.

Invariants: whatever can change who is on call by a schedule writes an audit record of that schedule
in its own transaction, so that its turns are told again. A cursor only moves over what has been
told. Turns of all schedules are laid out piece by
piece, each twice as long as the one before, so that little is laid out in vain, whether a caller
comes back after a second or after a month.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from hashlib import sha256
from operator import attrgetter
from typing import Any, NamedTuple

from app.database.database import Tx
from app.database.pacing import with_pauses
from app.engine.layered.limits import DAY_MS
from app.engine.layered.model import OnCall
from app.errors import FieldError, InvalidRequest
from app.products.layered.answer import several
from app.teams.audit.schemas import ActorShown
from app.teams.audit.store import AuditNote, id_before, last_id, notes_after, touched_between
from app.teams.changes.covers import CoverWrite, cover_writes
from app.teams.changes.cursor import (
    AFTER_ALL,
    BEFORE_ALL,
    ROLE_MARK,
    Cursor,
    Place,
    cursor_at,
)
from app.teams.changes.schemas import Change, Changes, CoverChange, GapBegins, Handoff, Write
from app.teams.changes.store import (
    AT_ONCE,
    FollowedSchedule,
    each_schedule,
    histories_within,
    schedules_named,
)
from app.teams.changes.turns import Turn, turn_at, turns_after
from app.teams.on_call.store import ask, history_between, on_call_of
from app.teams.operation import HandlerResult, RequestContext
from app.teams.times import utc_text
from app.teams.users.store import StoredUser, users_by_id

FIRST_PIECE_MS, LONGEST_PIECE_MS = DAY_MS // 24, 28 * DAY_MS
PIECES = 12
"""The most that one request lays out of all schedules; the first twelve hold three months."""
BATCHES, NOTES = 4, 50
"""How many batches of writes one request tells, and writes in each."""
GAPS_AHEAD_MS, GAPS_AHEAD = 28 * DAY_MS, 100
"""How far ahead, and how many, gaps are told of a schedule that was written to."""


class Move(NamedTuple):
    """A turn and the schedule that it is of."""

    schedule: FollowedSchedule
    turn: Turn

    @property
    def place(self) -> Place:
        """Its place in the order of turns; two of one schedule at once differ in their roles."""
        role = self.turn.role
        mark = "" if role is None else f" {sha256(role.encode()).hexdigest()[:ROLE_MARK]}"
        return self.turn.at, f"{self.schedule.id}{mark}"


async def read_changes(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return what has changed since a cursor or an instant."""
    follower = _Follower(tx, context, await _begun(tx, context))
    if await follower.tell_writes():
        await follower.tell_turns()
    return HandlerResult(await follower.answer())


class _Follower:
    """One answer while it is put together, up to ``limit`` changes."""

    def __init__(self, tx: Tx, context: RequestContext, cursor: Cursor) -> None:
        self._tx = tx
        self._context = context
        self._org_id = context.org_id
        self._cursor = cursor
        self._until = max(cursor.told[0], context.now + context.query.ahead_ms)
        self._found: list[AuditNote | Move] = []
        self._has_more = True

    @property
    def _room(self) -> int:
        return int(self._context.query.limit) - len(self._found)

    async def tell_writes(self) -> bool:
        """Tell what was written, and again the turns that it may have moved.

        Return whether that is all of it.
        """
        for _ in range(BATCHES):
            if not self._cursor.is_in_batch:
                most = min(self._room, NOTES)
                notes = await notes_after(self._tx, self._org_id, self._cursor.written, most)
                if not notes:
                    return True
                self._found += notes
                self._cursor = self._cursor._replace(batch=notes[-1].id, retold=BEFORE_ALL)
            if not self._room:
                return False
            moves = [move async for move in self._touched()]
            left = [move for move in moves if move.place > self._cursor.retold]
            told = await self._tell(left)
            if len(told) < len(left):
                self._cursor = self._cursor._replace(retold=told[-1].place)
                return False
            self._cursor = self._cursor._replace(written=self._cursor.batch, retold=BEFORE_ALL)
            if not self._room:
                return False
        return False

    async def tell_turns(self) -> None:
        """Tell the turns of all schedules that have begun since."""
        schedules = await each_schedule(self._tx, self._org_id)
        first = min([self._until, *(each.created_at for each in schedules)])
        if self._cursor.told[0] < first:  # nobody was on call before there was a schedule
            self._cursor = self._cursor._replace(told=(first, AFTER_ALL))
        piece = FIRST_PIECE_MS
        for _ in range(PIECES):
            if self._is_told or not self._room:
                break
            end_at = min(self._cursor.told[0] + piece, self._until)
            moves = [move async for move in self._begun_until(schedules, end_at)]
            told = await self._tell(moves)
            place = (end_at, AFTER_ALL) if len(told) == len(moves) else told[-1].place
            self._cursor = self._cursor._replace(told=place)
            piece = min(2 * piece, LONGEST_PIECE_MS)
        self._has_more = not self._room or not self._is_told

    async def answer(self) -> Changes:
        """Return what was found, with names."""
        notes = [each for each in self._found if isinstance(each, AuditNote)]
        written = {note.schedule_id for note in notes}
        schedules = await schedules_named(self._tx, self._org_id, written)
        covers = await cover_writes(self._tx, self._org_id, notes)
        moves = [each for each in self._found if isinstance(each, Move)]
        on_call = {move.turn.user_id for move in moves}
        users = await users_by_id(self._tx, self._org_id, on_call)
        shown = [
            _written(each, schedules.get(each.schedule_id), covers.get(each.id))
            if isinstance(each, AuditNote)
            else _shown(each, users)
            for each in self._found
        ]
        return Changes(shown, self._cursor.text(), self._has_more)

    @property
    def _is_told(self) -> bool:
        """Whether all turns have been told that are to be."""
        return self._cursor.told >= (self._until, AFTER_ALL)

    async def _tell(self, moves: Iterable[Move]) -> Sequence[Move]:
        """Tell as many of ``moves`` as there is room for, in order; return those."""
        told = sorted(moves, key=attrgetter("place"))[: self._room]
        self._found += [await self._whole(move) for move in told]
        return told

    async def _whole(self, move: Move) -> Move:
        """Return a turn with its real end."""
        if not move.turn.is_cut:
            return move
        found = await self._on_call(move.schedule, move.turn.at)
        [until] = [each.until for each in found.parts if each.role == move.turn.role]
        return move._replace(turn=move.turn._replace(until=until))

    async def _touched(self) -> AsyncIterator[Move]:
        """Yield the turns, told and to come, of the schedules that the open batch has touched."""
        touched = await touched_between(
            self._tx, self._org_id, self._cursor.written, self._cursor.batch
        )
        schedules = await schedules_named(self._tx, self._org_id, touched)
        async for schedule in with_pauses(schedules.values()):
            told_at = self._cursor.told[0]
            from_at = max(min(touched[schedule.id], told_at), schedule.created_at)
            for found in (await self._on_call(schedule, from_at)).parts:
                yield Move(schedule, await self._present(schedule, found))
            for turn in await self._turns(schedule, from_at, told_at):
                yield Move(schedule, turn)
            now = self._context.now
            coming = await self._turns(schedule, max(from_at, told_at, now), now + GAPS_AHEAD_MS)
            for gap in [turn for turn in coming if turn.user_id is None][:GAPS_AHEAD]:
                yield Move(schedule, gap)

    async def _present(self, schedule: FollowedSchedule, found: OnCall) -> Turn:
        """Return the turn of a role that runs at an instant, from its beginning on."""
        since = schedule.created_at if found.since is None else found.since
        if since <= schedule.created_at:
            return turn_at(found, schedule.created_at, None)
        before = await self._on_call(schedule, since - 1)
        had = [each.user_id for each in before.parts if each.role == found.role]
        return turn_at(found, since, had[0] if had else None)

    async def _turns(self, schedule: FollowedSchedule, from_at: int, to_at: int) -> Sequence[Turn]:
        """Return the turns of a schedule that begin in ``(from_at, to_at]``."""
        if to_at <= from_at:
            return ()
        history = await history_between(self._tx, self._org_id, schedule.id, from_at, to_at + 1)
        return await ask(self._context.compute, history, from_at, to_at, turns_after)

    async def _begun_until(
        self, schedules: Sequence[FollowedSchedule], end_at: int
    ) -> AsyncIterator[Move]:
        """Yield the turns of all schedules that have not been told and begin by ``end_at``.

        A turn with which its schedule began is told after the write that made the schedule.
        """
        told_at, name = self._cursor.told
        from_at = told_at if name == AFTER_ALL else told_at - 1
        for first in range(0, len(schedules), AT_ONCE):
            some = schedules[first : first + AT_ONCE]
            histories = await histories_within(
                self._tx, self._org_id, [each.id for each in some], from_at, end_at + 1
            )
            async for schedule in with_pauses(some):
                history = histories[schedule.id]
                turns = await ask(self._context.compute, history, from_at, end_at, turns_after)
                for move in [Move(schedule, turn) for turn in turns]:
                    if move.place > self._cursor.told and move.turn.at > schedule.created_at:
                        yield move

    async def _on_call(self, schedule: FollowedSchedule, at: int) -> OnCall:
        return await on_call_of(self._tx, self._context.compute, self._org_id, schedule.id, at)


async def _begun(tx: Tx, context: RequestContext) -> Cursor:
    """Return the cursor from which on changes are told. Raises ``InvalidRequest``."""
    place = context.query.place
    if isinstance(place, Cursor):
        return place
    if place is None:
        return cursor_at(await last_id(tx, context.org_id), context.now)
    if place > context.now:
        raise InvalidRequest([FieldError("since", "is to come: write an instant that has been")])
    return cursor_at(await id_before(tx, context.org_id, place), place)


def _written(
    note: AuditNote, schedule: FollowedSchedule | None, write: CoverWrite | None
) -> Write | CoverChange:
    """Return a write as it is told; ``write`` is what it has done to a cover request, if to one."""
    told: dict[str, Any] = {
        "at": utc_text(note.at),
        "schedule_id": note.schedule_id,
        "schedule_name": schedule.name if schedule else None,
        "team_id": schedule.team_id if schedule else None,
        "action": note.action,
        "version": note.version,
        "audit_id": str(note.id),
        "actor": ActorShown(note.key_id, note.key_name),
    }
    if write is None:
        return Write(id=f"write_{note.id}", **told)
    given = write.cover.fields if write.cover else None
    return CoverChange(
        id=f"cover_{note.id}",
        **told,
        cover_id=write.cover_id,
        state=write.state,
        user_id=given.user_id if given else None,
        start=utc_text(given.start_at) if given else None,
        end=utc_text(given.end_at) if given else None,
        reason=given.reason if given else None,
        offered_to=given.offered_to if given else None,
        answered_by=write.answered_by,
        accepted=write.accepted,
        role=given.role if given else None,
    )


def _shown(move: Move, users: Mapping[str, StoredUser]) -> Change:
    schedule, turn = move
    until = None if turn.until is None else utc_text(turn.until)
    common = (turn.id(schedule.id), utc_text(turn.at), *schedule[:3])
    if turn.user_id is None or turn.source is None:
        return GapBegins(*common, until, turn.before, turn.by, turn.role)
    user = users.get(turn.user_id)
    return Handoff(
        *common,
        turn.user_id,
        user.name if user else None,
        user.email if user else None,
        until,
        turn.before,
        turn.source,
        turn.by if turn.source == "layer" else None,
        turn.by if turn.source == "override" else None,
        turn.by if turn.source == "entry" else None,
        several((turn.user_id, *turn.others)),
        turn.role,
    )
