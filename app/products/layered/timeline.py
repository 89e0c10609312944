"""The timeline of a layered schedule, over a window or at an instant.

The identity of a schedule is its time zone and the names of its layers. The key of an item is the
instant at which it really began, also if the window cuts it. So overlapping windows, and a request
for an instant within them, give the same keys.
"""

from collections.abc import Iterator, Sequence
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
    return Timeline(
        title="On-call schedule",
        summary=window_in_words(schedule.timezone, final),
        timezone=schedule.timezone,
        identity=_identity(schedule),
        items=timeline_items(final),
        people={tally.user_id: shift_count_text(tally.shifts) for tally in tallies},
        absences=[
            TimelineItem(0, away.start_at, away.end_at, away.user_id, away.reason or "")
            for away in schedule.absences
        ],
    )


def now_timeline(schedule: Schedule, found: OnCall) -> Timeline:
    """Return the timeline of the period around an instant, with the next person in ``after``."""
    people = dict.fromkeys(found.user_ids, "on call")
    for user_id in found.next.user_ids if found.next else ():
        people.setdefault(user_id, "next")
    item = _item_at(found)
    return Timeline(
        title="On call at an instant",
        summary=instant_in_words(found),
        timezone=schedule.timezone,
        identity=_identity(schedule),
        items=(item,),
        people=people,
        after=tuple(_followers(item, found.next)) if found.next else (),
        mark_at=found.at,
    )


def timeline_items(final: FinalSchedule) -> list[TimelineItem]:
    """Return segments and gaps in order. The first has its real beginning as its key."""
    items = [*map(_shift, final.segments), *map(_gap, final.gaps)]
    items.sort(key=attrgetter("start_at"))
    if final.since_at is not None:
        items[0] = items[0]._replace(key=final.since_at, goes_on_before=True)
    return items


def _identity(schedule: Schedule) -> Sequence[str]:
    return ("schedule", schedule.timezone, *(layer.name for layer in schedule.layers))


def _shift(segment: Segment) -> TimelineItem:
    start, end, user, *_, others, _, before, after = segment
    return TimelineItem(start, start, end, user, _source(segment), before, after, others=others)


def _gap(gap: Gap) -> TimelineItem:
    return TimelineItem(gap.start_at, gap.start_at, gap.end_at, None, _gap_note(gap.override))


def _gap_note(override: Override | None) -> str:
    return f"{GAP_NOTE[:-1]}{closed_in_words(override)}."


def _source(why: Segment | OnCallAssignment) -> str:
    if why.source == "layer":
        return f"By layer {why.layer}{away_in_words(why.passed_over)}."
    reason = why.override.reason if why.override else None
    return f"By an {why.source}{f': {reason}' if reason else '.'}"


def _item_at(found: OnCall) -> TimelineItem:
    notes = [_source(found.assignment) if found.assignment else _gap_note(found.closed)]
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
        others=found.assignment.others if found.assignment else (),
    )


def _followers(item: TimelineItem, upcoming: NextAssignment) -> Iterator[TimelineItem]:
    """Yield the gap before the next person, if any, and the next person's period.

    The period is as long as a picture needs to show it.
    """
    until, at = item.end_at, upcoming.at
    if until < at:
        yield _gap(Gap(until, at))
    end = min(at + max((at - item.start_at) // 8, 1), LATEST_AT)
    yield TimelineItem(at, at, end, upcoming.user_id, goes_on_after=True, others=upcoming.others)
