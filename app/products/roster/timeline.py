"""The timeline of a roster, which a calendar and a picture show.

The identity of a roster is its time zone; the key of an item is made of the slot's start, end and
kind, and of the place, so that a place keeps its event whoever has it and whatever else is added.
"""

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise

from app.engine.roster.model import Solution
from app.engine.roster.reasons import why_gaps
from app.formats.timeline import Timeline, TimelineItem
from app.products.roster.answer import gap_in_words, roster_in_words
from app.products.roster.reasons import gap_reason
from app.products.roster.translation import Translated


def roster_timeline(known: Translated, solution: Solution) -> Timeline:
    """Return the timeline of a solution."""
    roster = known.roster
    counts = Counter(person for held in solution.assignment for person in held)
    items = list(_items(known, solution))
    first = [item for item, place in items if place == 0]
    return Timeline(
        title="On-call roster",
        summary=roster_in_words(known, solution),
        timezone=roster.timezone,
        identity=("roster", roster.timezone),
        items=first,
        people={
            person.name: f"{counts[number]:,} slot{'' if counts[number] == 1 else 's'}"
            for number, person in enumerate(roster.people)
        },
        beside=[item for item, place in items if place > 0],
        absences=[
            TimelineItem(0, start, end, person.name)
            for person in roster.people
            for start, end in person.away
        ],
        hands_over=all(one.end_at == other.start_at for one, other in pairwise(first)),
    )


def _items(known: Translated, solution: Solution) -> Iterator[tuple[TimelineItem, int]]:
    """Yield the item of each place, and the number of the place."""
    roster = known.roster
    whys = why_gaps(roster, solution.assignment)
    seen: Counter[tuple[int, int, str]] = Counter()
    for slot, held in enumerate(solution.assignment):
        given = roster.slots[slot]
        same = (given.start_at, given.end_at, given.kind)
        for place, person in enumerate(held):
            key = _key(f"{given.start_at} {given.end_at} {seen[same]} {given.kind}")
            seen[same] += 1
            why = whys.get((slot, place))
            reasons = why.because if why else ()
            told = [gap_reason(reason, roster, known.rules) for reason in reasons]
            name = None if person is None else roster.people[person].name
            role = ", ".join(filter(None, (given.kind, given.needs[place])))
            note = gap_in_words(told) if name is None else f"Slot {slot + 1}."
            item = TimelineItem(key, given.start_at, given.end_at, name, note, role=role)
            yield item, place


def _key(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8])
