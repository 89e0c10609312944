"""A stretch of a schedule as a file: JSON, CSV or a picture.

These are questions of a ``History`` (``app/teams/on_call/store.py``), so that a worker can answer.
"""

from collections import Counter
from collections.abc import Callable, Mapping

import msgspec

from app.engine.layered.model import FinalSchedule, Gap, Segment
from app.formats.svg.drawing import timeline_bytes
from app.formats.timeline import Timeline, shift_count_text
from app.products.csv import Cell, csv_bytes, text_cell
from app.products.endpoint import CSV, JSON, SVG
from app.products.layered.answer import several, window_in_words
from app.products.layered.timeline import timeline_items
from app.teams.final_schedules.schemas import LaidOut, StretchShown, UncoveredShown
from app.teams.on_call.store import History, final_schedule_in
from app.teams.schedules.store import NamedSchedule
from app.teams.schemas import DataEnvelope, bounded
from app.teams.times import local_text

COLUMNS = ("start", "end", "user_id", "user_name", "source", "layer", "override_id", "entry_id")
UserNames = Mapping[str, str]
"""The name of each user by id."""


def file_of(
    history: History,
    from_at: int,
    to_at: int,
    form: str,
    schedule: NamedSchedule,
    timezone: str,
    names: UserNames,
) -> bytes:
    """Write a window of ``schedule`` in a form of ``WRITERS``, by the clock of ``timezone``.

    Raises the engine's limits.
    """
    final = final_schedule_in(history, from_at, to_at)
    return bounded(WRITERS[form](final, schedule, timezone, names))


def _json(final: FinalSchedule, schedule: NamedSchedule, timezone: str, names: UserNames) -> bytes:
    segments = [
        StretchShown(
            local_text(segment.start_at, timezone),
            local_text(segment.end_at, timezone),
            segment.user_id,
            names.get(segment.user_id),
            segment.source,
            segment.layer,
            segment.override.id if segment.override else None,
            segment.entry.id if segment.entry else None,
            segment.starts_before,
            segment.ends_after,
            several(segment.user_ids),
            role,
        )
        for segment, role in final.segments_and_roles
    ]
    gaps = [
        UncoveredShown(
            local_text(gap.start_at, timezone),
            local_text(gap.end_at, timezone),
            gap.override.id if gap.override else None,
            gap.override.reason if gap.override else None,
            role,
        )
        for gap, role in final.gaps_and_roles
    ]
    window = (local_text(final.from_at, timezone), local_text(final.to_at, timezone))
    shown = LaidOut(schedule.id, schedule.name, timezone, *window, segments, gaps)
    return msgspec.json.encode(DataEnvelope(shown))


def _csv(final: FinalSchedule, _: NamedSchedule, timezone: str, names: UserNames) -> bytes:
    """Write one row for each stretch, in order.

    A gap has a start and an end, and the override that says so, if one does. Where people are on
    call together there is a column for all of them, and where there are roles one for the role.
    """
    together = any(segment.others for segment in final.segments)
    parts: list[tuple[Segment | Gap, str | None]] = [
        *final.segments_and_roles,
        *final.gaps_and_roles,
    ]
    parts.sort(key=lambda each: each[0].start_at)

    def row(placed: tuple[Segment | Gap, str | None]) -> tuple[Cell, ...]:
        part, role = placed
        whose = (text_cell(role),) if final.roles else ()
        when = (local_text(part.start_at, timezone), local_text(part.end_at, timezone))
        if isinstance(part, Gap):
            made = text_cell(part.override.id) if part.override else None
            return (*when, *(None,) * 4, made, None, *((None,) if together else ()), *whose)
        return (
            *when,
            text_cell(part.user_id),
            text_cell(names.get(part.user_id)),
            part.source,
            text_cell(part.layer),
            text_cell(part.override.id if part.override else None),
            text_cell(part.entry.id if part.entry else None),
            *((text_cell(", ".join(several(part.user_ids))) or None,) if together else ()),
            *whose,
        )

    extra = (*(("user_ids",) if together else ()), *(("role",) if final.roles else ()))
    return csv_bytes((*COLUMNS, *extra), map(row, parts))


def _svg(final: FinalSchedule, schedule: NamedSchedule, timezone: str, names: UserNames) -> bytes:
    counts = Counter(name for segment in final.segments for name in segment.user_ids)
    labels = labels_of(counts, names)
    first, *beside = (
        [
            item._replace(
                person=labels.get(item.person or ""),
                others=tuple(labels[name] for name in item.others),
            )
            for item in timeline_items(part)
        ]
        for part in final.parts
    )
    timeline = Timeline(
        title=schedule.name,
        summary=window_in_words(timezone, final),
        timezone=timezone,
        identity=("stored", schedule.id),
        items=first,
        beside=[item for items in beside for item in items],
        people={labels[user_id]: shift_count_text(count) for user_id, count in counts.items()},
    )
    return timeline_bytes(timeline)


def labels_of(user_ids: Mapping[str, object], names: UserNames) -> Mapping[str, str]:
    """Return what each user is called, in order: the name, with the id where two share one."""
    shared = Counter(names.get(user_id, user_id) for user_id in user_ids)
    return {
        user_id: name if shared[name] == 1 else f"{name} ({user_id})"
        for user_id in user_ids
        for name in [names.get(user_id, user_id)]
    }


WRITERS: Mapping[str, Callable[[FinalSchedule, NamedSchedule, str, UserNames], bytes]] = {
    JSON: _json,
    CSV: _csv,
    SVG: _svg,
}
