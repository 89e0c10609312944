"""Entries: the shifts of a schedule, made by hand or generated from its rules, and their swaps.

Strategy: a created entry is a row, a generated one is worked out and known by an id that says which
turn of which layer by which rules it is. A swap is two overrides, so whose an entry is, is what the
last swap that holds says of its end; undoing a swap is taking its overrides back.

Invariant: no swap, and no undoing of one, gives one person two entries of one schedule at once.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate

from sqlalchemy import RowMapping, and_, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.ids import new_id
from app.database.pages import Page, Slice, page_of
from app.database.tables import swaps
from app.engine.layered.limits import DAY_MS, EARLIEST_AT, LATEST_AT
from app.engine.layered.shifts import ScheduleShift, start_of_shift_key
from app.errors import Conflict, NotFound
from app.teams.on_call.store import Span, history_between, shifts_of
from app.teams.overrides.store import (
    ManualAssignment,
    ManualAssignmentFields,
    get_assignment,
    insert_assignment,
    new_assignment,
    overrides_of_swap,
    take_back,
)

GENERATED_SEPARATOR = "~"
"""Between a schedule's id and the key of a generated entry; not in the ids that callers choose."""

NEAR_MS, HORIZON_MS = 31 * DAY_MS, 366 * DAY_MS
"""How far the entry that goes back is looked for: nearby first."""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One shift of a schedule. ``user_id`` has it, ``scheduled_user_id`` had it before a swap."""

    id: str
    schedule_id: str
    user_id: str
    scheduled_user_id: str
    start_at: int
    end_at: int
    swap_id: str | None
    created_at: int | None

    @property
    def generated(self) -> bool:
        return self.created_at is None

    def overlaps(self, other: "StoredEntry") -> bool:
        return self.start_at < other.end_at and other.start_at < self.end_at


@dataclass(frozen=True, slots=True)
class StoredSwap:
    """``entry_id`` went from ``user_id`` to ``with_user_id``, and ``other_entry_id`` back."""

    id: str
    schedule_id: str
    entry_id: str
    user_id: str
    with_user_id: str
    other_entry_id: str | None
    created_at: int
    undone_at: int | None = None


async def entries_between(
    tx: AsyncConnection, org_id: str, schedule_id: str, from_at: int, to_at: int
) -> Sequence[StoredEntry]:
    """The entries that meet ``[from_at, to_at)``, whole, in order of start. Raises ``NotFound``."""
    shifts, history = await shifts_of(tx, org_id, schedule_id, from_at, to_at)
    return _entries(schedule_id, shifts, history.assignments)


async def get_entry(
    tx: AsyncConnection, org_id: str, entry_id: str, schedule_id: str | None = None
) -> StoredEntry:
    """One entry, created or generated. Raises ``NotFound``, also if it is another schedule's."""
    belongs, generated, key = entry_id.partition(GENERATED_SEPARATOR)
    if generated:
        history = await history_between(tx, org_id, belongs, EARLIEST_AT, EARLIEST_AT + 1)
        at = start_of_shift_key(history.versions, key)
    else:
        assignment = await get_assignment(tx, org_id, "entry", entry_id)
        belongs, at = assignment.schedule_id, assignment.from_at
    if at is not None and EARLIEST_AT <= at < LATEST_AT and schedule_id in (None, belongs):
        for entry in await entries_between(tx, org_id, belongs, at, at + 1):
            if entry.id == entry_id:
                return entry
    raise NotFound(f"there is no entry {entry_id}")


async def deletable_entry(tx: AsyncConnection, org_id: str, entry_id: str) -> ManualAssignment:
    """A created entry. Raises ``Conflict`` for a generated one, ``NotFound``."""
    if GENERATED_SEPARATOR in entry_id:
        await get_entry(tx, org_id, entry_id)
        raise Conflict(
            "a generated entry cannot be deleted: create an entry or an override in its place, or "
            "change the schedule"
        )
    return await get_assignment(tx, org_id, "entry", entry_id)


async def insert_entry(
    tx: AsyncConnection, org_id: str, assignment: ManualAssignment, now: int
) -> ManualAssignment:
    """A new entry. Raises ``Conflict`` if the person has another one of the schedule meanwhile,
    or if whoever took over such a stretch by a swap would."""
    given = assignment.fields
    span = (given.start_at, given.end_at)
    for entry in await entries_between(tx, org_id, assignment.schedule_id, *span):
        has_it = given.user_id in (entry.user_id, entry.scheduled_user_id)
        if has_it and not entry.generated:
            raise Conflict(f"{given.user_id} has the entry {entry.id} at that time")
    made = await insert_assignment(tx, org_id, assignment, now)
    await _require_one_each(tx, org_id, assignment.schedule_id, [span])
    return made


async def insert_swap(
    tx: AsyncConnection, org_id: str, entry: StoredEntry, with_user_id: str, now: int
) -> tuple[StoredSwap, Sequence[StoredEntry]]:
    """Swap ``entry`` with the next one of ``with_user_id``; both as they are then.

    ``entry`` goes from now on if it is running. Raises ``Conflict`` if it is over, or if anybody
    would have two entries at once.
    """
    if entry.end_at <= now:
        raise Conflict(f"the entry {entry.id} is over")
    other = await _entry_back(tx, org_id, entry, with_user_id, now)
    swapped = [each for each in (entry, other) if each]
    for each in swapped:
        await _require_alone(tx, org_id, each)
    swap = StoredSwap(
        new_id(now, "swap_"),
        entry.schedule_id,
        entry.id,
        entry.user_id,
        with_user_id,
        other.id if other else None,
        now,
    )
    await tx.execute(insert(swaps).values(org_id=org_id, **asdict(swap)))
    for taken, taker in zip(swapped, (with_user_id, entry.user_id), strict=False):
        given = ManualAssignmentFields(
            taker, max(taken.start_at, now), taken.end_at, "swap", swap.id
        )
        assignment = new_assignment("override", new_id(now), entry.schedule_id, given, now)
        await insert_assignment(tx, org_id, assignment, now)
    return swap, [await get_entry(tx, org_id, each.id) for each in swapped]


async def undo_swaps(
    tx: AsyncConnection, org_id: str, undone: Sequence[StoredSwap], now: int
) -> None:
    """Take swaps of a schedule back, as far as they are still to come.

    Raises ``Conflict`` if one is over, or if anybody would then have two entries at once.
    """
    taken = [await _take_back_swap(tx, org_id, swap, now) for swap in undone]
    where = and_(swaps.c.org_id == org_id, swaps.c.id.in_([swap.id for swap in undone]))
    await tx.execute(update(swaps).where(where).values(undone_at=now))
    for swap, spans in zip(undone, taken, strict=True):
        await _require_one_each(tx, org_id, swap.schedule_id, spans)


async def swaps_to_come(
    tx: AsyncConnection, org_id: str, entry_id: str, now: int
) -> Sequence[StoredSwap]:
    """The swaps that an entry is part of and that can still be undone, the last made first."""
    query = select(swaps).where(
        swaps.c.org_id == org_id,
        or_(swaps.c.entry_id == entry_id, swaps.c.other_entry_id == entry_id),
        swaps.c.undone_at.is_(None),
    )
    rows = await tx.execute(query.order_by(swaps.c.created_at.desc(), swaps.c.id.desc()))
    found = [_swap(row) for row in rows.mappings()]
    return [
        swap
        for swap in found
        if any(
            assignment.until_at > now for assignment in await overrides_of_swap(tx, org_id, swap.id)
        )
    ]


async def swaps_page(
    tx: AsyncConnection, org_id: str, schedule_id: str, part: Slice
) -> Page[StoredSwap]:
    """The swaps of a schedule, oldest first, the undone ones too."""
    query = (
        select(swaps)
        .where(swaps.c.org_id == org_id, swaps.c.schedule_id == schedule_id)
        .order_by(swaps.c.created_at, swaps.c.id)
    )
    return await page_of(tx, query, part, _swap)


async def get_swap(tx: AsyncConnection, org_id: str, swap_id: str) -> StoredSwap:
    """One swap. Raises ``NotFound``."""
    query = select(swaps).where(swaps.c.org_id == org_id, swaps.c.id == swap_id)
    row = (await tx.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"there is no swap {swap_id}")
    return _swap(row)


def _swap(row: RowMapping) -> StoredSwap:
    return StoredSwap(**{name: value for name, value in row.items() if name != "org_id"})


async def _entry_back(
    tx: AsyncConnection, org_id: str, entry: StoredEntry, user_id: str, now: int
) -> StoredEntry | None:
    """The person's next entry, else the nearest before that has not started; ``None``: neither."""
    for reach in (NEAR_MS, HORIZON_MS):
        until_at = min(entry.end_at + reach, LATEST_AT)
        after = await entries_between(tx, org_id, entry.schedule_id, entry.end_at, until_at)
        for other in after:
            if other.user_id == user_id and other.start_at >= entry.end_at:
                return other
    from_at = max(now, entry.start_at - HORIZON_MS)
    if from_at >= entry.start_at:
        return None
    before = await entries_between(tx, org_id, entry.schedule_id, from_at, entry.start_at)
    for other in reversed(before):
        if other.user_id == user_id and now < other.start_at and other.end_at <= entry.start_at:
            return other
    return None


async def _require_alone(tx: AsyncConnection, org_id: str, entry: StoredEntry) -> None:
    """Raise ``Conflict`` if another entry overlaps: whoever takes the one would have both.

    A generated entry overlaps none.
    """
    if entry.generated:
        return
    meanwhile = await entries_between(tx, org_id, entry.schedule_id, entry.start_at, entry.end_at)
    for other in meanwhile:
        if other.id != entry.id:
            raise Conflict(f"the entry {other.id} overlaps {entry.id}: it cannot be swapped")


async def _take_back_swap(
    tx: AsyncConnection, org_id: str, swap: StoredSwap, now: int
) -> Sequence[Span]:
    """Take the overrides of a swap back; where they were."""
    if swap.undone_at is not None:
        raise Conflict(f"the swap {swap.id} has been undone already")
    made_of = await overrides_of_swap(tx, org_id, swap.id)
    to_come = [assignment for assignment in made_of if assignment.until_at > now]
    if not to_come:
        raise Conflict(f"the swap {swap.id} is over: who was on call stays on record")
    for assignment in to_come:
        await take_back(tx, org_id, assignment, now)
    return [(assignment.from_at, assignment.until_at) for assignment in to_come]


async def _require_one_each(
    tx: AsyncConnection, org_id: str, schedule_id: str, spans: Sequence[Span]
) -> None:
    """Raise ``Conflict`` if anybody has two entries at once around ``spans``.

    What somebody has by an override that is not a swap's does not count: an override may lie over
    any number of entries.
    """
    for span in spans:
        last: dict[str, StoredEntry] = {}
        for entry in await entries_between(tx, org_id, schedule_id, *span):
            if entry.swap_id is None and entry.user_id != entry.scheduled_user_id:
                continue
            before = last.setdefault(entry.user_id, entry)
            if before is not entry and before.overlaps(entry):
                raise Conflict(f"{entry.user_id} would have {before.id} and {entry.id} at once")
            last[entry.user_id] = entry


def _entries(
    schedule_id: str, shifts: Sequence[ScheduleShift], assignments: Sequence[ManualAssignment]
) -> Sequence[StoredEntry]:
    """``shifts`` with ids, each with who has it."""
    created = {
        assignment.id: assignment.created_at
        for assignment in assignments
        if assignment.kind == "entry"
    }
    overrides = [assignment for assignment in assignments if assignment.kind == "override"]
    return [
        StoredEntry(
            (shift.entry and shift.entry.id) or f"{schedule_id}{GENERATED_SEPARATOR}{shift.key()}",
            schedule_id,
            assignment.fields.user_id if assignment else shift.user_id,
            shift.user_id,
            shift.start_at,
            shift.end_at,
            assignment.fields.swap_id if assignment else None,
            created[shift.entry.id] if shift.entry and shift.entry.id else None,
        )
        for shift, assignment in zip(shifts, _owners(shifts, overrides), strict=True)
    ]


def _owners(
    shifts: Sequence[ScheduleShift], overrides: Sequence[ManualAssignment]
) -> Sequence[ManualAssignment | None]:
    """The last created override, if any, that has all of each shift, or all that was to come."""
    owners: list[ManualAssignment | None] = [None] * len(shifts)
    unowned = list(range(len(shifts)))
    longest = list(accumulate((shift.end_at for shift in shifts), max))
    for assignment in reversed(overrides):
        first, last = (
            bisect_left(unowned, at, key=lambda index: shifts[index].start_at)
            for at in (assignment.from_at, assignment.until_at)
        )
        if assignment.from_at == assignment.created_at:  # what was running then goes from then on
            while first and longest[unowned[first - 1]] > assignment.from_at:
                first -= 1
        inside = unowned[first:last]
        for index in inside:
            if assignment.from_at < shifts[index].end_at <= assignment.until_at:
                owners[index] = assignment
        unowned[first:last] = [index for index in inside if owners[index] is None]
    return owners
