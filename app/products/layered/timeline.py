"""The timeline of a layered schedule, over a window or at an instant.

The identity of a schedule is its time zone and the names of its layers. The key of an item is the
instant at which it really began, also if the window cuts it. So overlapping windows, and a request
for an instant within them, give the same keys.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from operator import attrgetter

from app.engine.layered.limits import DAY_MS, EARLIEST_AT, LATEST_AT
from app.engine.layered.model import (
    FinalSchedule,
    Gap,
    NextAssignment,
    OnCall,
    OnCallAssignment,
    Override,
    Schedule,
    Segment,
)
from app.engine.layered.tally import Tally
from app.formats.timeline import GAP_NOTE, Timeline, TimelineItem, shift_count_text
from app.products.layered.answer import (
    away_in_words,
    closed_in_words,
    instant_in_words,
    window_in_words,
)

UNBOUNDED_MS = DAY_MS
"""The part that is shown, before or after the instant, of a period without beginning or end."""


def schedule_timeline(
    schedule: Schedule, final: FinalSchedule, tallies: Sequence[Tally]
) -> Timeline:
    """Return the timeline of a layered schedule over a window."""
    first, *beside = ([*map(keyed_by_role, timeline_items(part))] for part in final.parts)
    return Timeline(
        title="On-call schedule",
        summary=window_in_words(schedule.timezone, final),
        timezone=schedule.timezone,
        identity=_identity(schedule),
        items=first,
        people=_shifts_in_words(tallies),
        beside=[item for items in beside for item in items],
        absences=[
            TimelineItem(0, away.start_at, away.end_at, away.user_id, away.reason or "")
            for away in schedule.absences
        ],
    )


def now_timeline(schedule: Schedule, found: OnCall) -> Timeline:
    """Return the timeline of the period around an instant, with the next person in ``after``."""
    people = dict.fromkeys((name for part in found.parts for name in part.user_ids), "on call")
    for user_id in [name for part in found.parts if part.next for name in part.next.user_ids]:
        people.setdefault(user_id, "next")
    item, *beside = (keyed_by_role(_item_at(part)) for part in found.parts)
    return Timeline(
        title="On call at an instant",
        summary=instant_in_words(found),
        timezone=schedule.timezone,
        identity=_identity(schedule),
        items=(item,),
        people=people,
        beside=beside,
        after=tuple(_followers(item, found.next)) if found.next else (),
        mark_at=found.at,
    )


def timeline_items(final: FinalSchedule) -> list[TimelineItem]:
    """Return segments and gaps of one role in order. The first has its real beginning as its key.

    Without roles, these are all segments and gaps.
    """
    role = final.role or ""
    items = [
        *(_shift(segment, role) for segment in final.segments),
        *(_gap(gap, role) for gap in final.gaps),
    ]
    items.sort(key=attrgetter("start_at"))
    if final.since_at is not None:
        items[0] = items[0]._replace(key=final.since_at, goes_on_before=True)
    return items


def keyed_by_role(item: TimelineItem) -> TimelineItem:
    """Return an item with a key that no item of another role has; without a role as it is."""
    if not item.role:
        return item
    digest = sha256(f"{item.role}\0{item.key}".encode()).digest()
    return item._replace(key=int.from_bytes(digest[:8]))


def _shifts_in_words(tallies: Sequence[Tally]) -> Mapping[str, str]:
    shifts = Counter[str]()
    for tally in tallies:
        shifts[tally.user_id] += tally.shifts
    return {user_id: shift_count_text(count) for user_id, count in shifts.items()}


def _identity(schedule: Schedule) -> Sequence[str]:
    return ("schedule", schedule.timezone, *(layer.name for layer in schedule.layers))


def _shift(segment: Segment, role: str) -> TimelineItem:
    start, end, user, *_, others, _, before, after = segment
    note = _source(segment)
    return TimelineItem(start, start, end, user, note, before, after, role, others=others)


def _gap(gap: Gap, role: str) -> TimelineItem:
    note = _gap_note(gap.override, role)
    return TimelineItem(gap.start_at, gap.start_at, gap.end_at, None, note, role=role)


def _gap_note(override: Override | None, role: str | None) -> str:
    return f"{GAP_NOTE[:-1]}{f' as {role}' if role else ''}{closed_in_words(override)}."


def _source(why: Segment | OnCallAssignment) -> str:
    if why.source == "layer":
        return f"By layer {why.layer}{away_in_words(why.passed_over)}."
    reason = why.override.reason if why.override else None
    return f"By an {why.source}{f': {reason}' if reason else '.'}"


def _item_at(found: OnCall) -> TimelineItem:
    notes = [_source(found.assignment) if found.assignment else _gap_note(found.closed, found.role)]
    if found.since is None:
        notes.append("It has no beginning: shown from 24 hours before the instant asked about.")
    if found.until is None:
        notes.append("It has no end: shown until 24 hours after the instant asked about.")
    return TimelineItem(
        EARLIEST_AT if found.since is None else found.since,
        found.at - UNBOUNDED_MS if found.since is None else found.since,
        found.at + UNBOUNDED_MS if found.until is None else found.until,
        found.user_id,
        " ".join(notes),
        found.since is None,
        found.until is None,
        found.role or "",
        others=found.assignment.others if found.assignment else (),
    )


def _followers(item: TimelineItem, upcoming: NextAssignment) -> Iterator[TimelineItem]:
    """Yield the gap before the next person, if any, and the next person's period.

    The period is as long as a picture needs to show it.
    """
    until, at = item.end_at, upcoming.at
    if until < at:
        yield _gap(Gap(until, at), item.role)
    end = min(at + max((at - item.start_at) // 8, 1), LATEST_AT)
    yield TimelineItem(
        *(at, at, end, upcoming.user_id),
        goes_on_after=True,
        role=item.role,
        others=upcoming.others,
    )
