"""The timeline of proposed covers, which a calendar and a picture show.

The key of an item is made of the stretch and of who gives it away, so that a stretch keeps its
event whoever covers it.
"""

from collections import Counter
from hashlib import sha256
from itertools import pairwise

from app.engine.cover_set import CoverSet
from app.formats.timeline import Timeline, TimelineItem
from app.products.roster.cover_answer import cover_of, covers_in_words
from app.products.roster.cover_request import Covering


def cover_timeline(covering: Covering, found: CoverSet) -> Timeline:
    """Return the timeline of the covers: those at the same time stand beside each other."""
    items: list[TimelineItem] = []
    beside: list[TimelineItem] = []
    counts: Counter[str] = Counter()
    for place in covering.given:
        work, cover = covering.work_of(place), cover_of(covering, found, place)
        item = TimelineItem(
            _key(f"{work.start_at} {work.end_at} {work.kind} {work.role} {work.person}"),
            work.start_at,
            work.end_at,
            cover,
            f"In place of {work.person}.",
            role=", ".join(filter(None, (work.kind, work.role, work.skill))),
        )
        counts.update([cover] if cover else ())
        (beside if items and items[-1].end_at > item.start_at else items).append(item)
    return Timeline(
        title="On-call covers",
        summary=covers_in_words(covering, found),
        timezone=covering.checked.roster.timezone,
        identity=("covers", covering.checked.roster.timezone),
        items=items,
        people={
            name: f"{count:,} stretch{'' if count == 1 else 'es'}" for name, count in counts.items()
        },
        beside=beside,
        hands_over=all(one.end_at == other.start_at for one, other in pairwise(items)),
    )


def _key(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8])
