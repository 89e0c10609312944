"""The timelines that calendars show: one of a stored schedule, and a user's part of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.engine.layered.model import FinalSchedule
from app.formats.timeline import Timeline
from app.products.layered.answer import window_in_words
from app.products.layered.timeline import timeline_items


def stored_timeline(
    name: str,
    identity: Sequence[str],
    timezone: str,
    final: FinalSchedule,
    names: Mapping[str, str],
) -> Timeline:
    """Return the timeline of a stored schedule, which has a name; ``names`` are by user id."""
    return Timeline(
        title=name,
        summary=window_in_words(timezone, final),
        timezone=timezone,
        identity=identity,
        items=[
            item._replace(person=names.get(item.person or "", item.person))
            for item in timeline_items(final)
        ],
        people={},
    )


def personal_timeline(timeline: Timeline, final: FinalSchedule, user_id: str) -> Timeline:
    """Return the items of ``user_id`` in ``timeline``, which was made of ``final``.

    Each item has the title of the timeline in place of a person.
    """
    theirs = [
        item._replace(person=timeline.title)
        for item, named in zip(timeline.items, timeline_items(final), strict=True)
        if named.person == user_id
    ]
    return replace(timeline, items=theirs)
