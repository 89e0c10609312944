"""What the page of a schedule shows: who is on call, who is next, and four weeks.

Strategy: a week is a strip of seven local days, each as wide as the others, however long it is. So
a place on a strip is a share of its width in per cent, and a page is as right on a phone as on a
wall. Shifts that are too short to be seen are drawn as one. What stands on a strip is also said in
a list.

Names are those that callers gave, without control characters; the template escapes them.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import attrgetter

from msgspec import Struct

from app.engine.layered.limits import DAY_MS
from app.engine.layered.model import FinalSchedule, Gap, OnCall, Segment
from app.engine.walltime import HOUR, MINUTE, ZoneClock, clock_of
from app.formats.instants import iso
from app.formats.plain import plain_text
from app.formats.svg.elements import COLOURS
from app.formats.svg.ticks import local_day
from app.teams.final_schedules.files import UserNames, labels_of
from app.teams.on_call.store import History, final_schedule_in

DAYS_IN_A_WEEK, WEEKS = 7, 4
DAYS = DAYS_IN_A_WEEK * WEEKS
LISTED = 40
"""The most shifts of the list."""
THINNEST = 0.25
"""The narrowest shift that is drawn by itself, in per cent of a week: 25 minutes."""
WIDE_PX, NARROW_PX = 10.8, 3.5
"""Pixels of one per cent of a strip on a desk and on a phone."""
LETTER_PX, SMALL_LETTER_PX = 8.0, 7.5
"""About what a letter is wide there; a text has as much room on either side."""

People = tuple[str, ...]
"""Who is on call together; nobody if it is empty."""
Piece = tuple[int, int, People]
"""A stretch ``[start, end)`` with its people."""


class Person(Struct, frozen=True):
    """Somebody of the schedule; ``colour`` is the number of a class of the style sheet."""

    name: str
    initials: str
    colour: int
    hours: str = ""


class Block(Struct, frozen=True):
    """A part of a strip: its place in per cent, and what stands on it where there is room.

    ``count`` stretches are drawn as one: ``person`` is who has all of them then, and ``is_gap``
    says that nobody has one of them.
    """

    left: float
    width: float
    person: Person | None
    is_gap: bool
    text: str
    short: str
    title: str
    count: int = 1


class Day(Struct, frozen=True):
    """A day of a strip."""

    weekday: str
    date: str
    is_today: bool


class Week(Struct, frozen=True):
    """A strip of seven days; ``now`` is where the present is on it, if it is."""

    title: str
    days: Sequence[Day]
    blocks: Sequence[Block]
    now: float | None
    role: str = ""


class Line(Struct, frozen=True):
    """A line of the list."""

    when: str
    until: str
    person: Person | None
    is_now: bool
    role: str = ""


class Present(Struct, frozen=True):
    """Who is on call, or nobody, and who comes next."""

    person: Person | None
    since: str | None
    until: str | None
    next: Person | None
    next_at: str | None
    reason: str | None = None
    role: str = ""


class SchedulePage(Struct, frozen=True):
    """A page as the template takes it. Addresses are relative unless they say so.

    Where there are roles, ``present`` is that of the first, and ``beside`` of the others; each week
    has a strip for each.
    """

    name: str
    team: str
    zone: str
    offset: str
    own_zone: str
    as_of: str
    present: Present
    weeks: Sequence[Week]
    lines: Sequence[Line]
    more: int
    gaps: int
    people: Sequence[Person]
    token: str
    webcal: str
    calendar: str
    beside: Sequence[Present] = ()


class Layout(Struct, frozen=True):
    """What of a page is computed from a history."""

    present: Present
    weeks: Sequence[Week]
    lines: Sequence[Line]
    more: int
    gaps: int
    people: Sequence[Person]
    beside: Sequence[Present] = ()


def page_window(now: int, timezone: str) -> tuple[int, int]:
    """Return the window of a page: four weeks from the beginning of the local day of ``now``."""
    starts = _days_from(now, clock_of(timezone))
    return starts[0], starts[-1]


def layout_of(
    history: History, from_at: int, to_at: int, found: OnCall, timezone: str, names: UserNames
) -> Layout:
    """Lay a page out by the clock of ``timezone``; ``found`` is who is on call at the moment.

    Raises the engine's limits.
    """
    final = final_schedule_in(history, from_at, to_at)
    by_role = {part.role: list(_pieces(part)) for part in final.parts}
    pieces = [(role or "", piece) for role, some in by_role.items() for piece in some]
    pieces.sort(key=lambda each: each[1][0])
    hours = dict.fromkeys((together for _, (*_, together) in pieces if together), 0)
    for _, (start, end, together) in pieces:
        if together:
            hours[together] += end - start
    for each in found.parts:
        for together in (each.user_ids, each.next.user_ids if each.next else ()):
            if together:
                hours.setdefault(together, 0)
    labels = labels_of(dict.fromkeys(chain.from_iterable(hours)), names)
    people = {
        together: _person([labels[name] for name in together], number, hours[together])
        for number, together in enumerate(hours)
    }
    clock = clock_of(timezone)
    coming = [each for each in pieces if each[1][1] > found.at]
    present, *beside = (_present(each, clock, people) for each in found.parts)
    strips = [list(_weeks(found.at, each, clock, people, role)) for role, each in by_role.items()]
    return Layout(
        present,
        [week for same in zip(*strips, strict=True) for week in same],
        [_line(piece, found.at, clock, people, role) for role, piece in coming[:LISTED]],
        max(len(coming) - LISTED, 0),
        sum(not together for _, (*_, together) in coming),
        list(people.values()),
        beside,
    )


def _pieces(final: FinalSchedule) -> Iterator[Piece]:
    """Yield the pieces of one role, in order."""
    parts: list[Segment | Gap] = [*final.segments, *final.gaps]
    parts.sort(key=attrgetter("start_at"))
    return _joined(parts)


def initials_of(name: str) -> str:
    """Return the first letters of the first and the last word of a name, or a question mark."""
    words = unicodedata.normalize("NFC", name).split()
    letters = [next((letter for letter in word if letter.isalnum()), "") for word in words]
    letters = [letter for letter in letters if letter]
    return "".join(dict.fromkeys([*letters[:1], *letters[1:][-1:]])).upper()[:3] or "?"


def local_minute(at: int, clock: ZoneClock) -> str:
    """Return an instant on the clock, such as ``Mon 1 Jun 2026, 09:00``."""
    wall = clock.wall(at)
    text = iso(wall)
    return f"{local_day(wall)} {text[:4]}, {text[11:16]}"


def offset_text(at: int, clock: ZoneClock) -> str:
    """Return the offset of a clock at an instant, such as ``UTC+02:00``."""
    minutes = (clock.wall(at) - at) // MINUTE
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _days_from(now: int, clock: ZoneClock) -> list[int]:
    """Return when each local day of a page begins, and when the last one ends."""
    today = clock.wall(now) // DAY_MS * DAY_MS
    return [clock.first_at(today + day * DAY_MS) for day in range(DAYS + 1)]


def _joined(parts: Sequence[Segment | Gap]) -> Iterator[Piece]:
    """Yield stretches with one person each: whoever has two sources in a row has one stretch."""
    for together, some in groupby(
        parts, lambda part: () if isinstance(part, Gap) else part.user_ids
    ):
        own = list(some)
        yield own[0].start_at, own[-1].end_at, together


def _person(names: Sequence[str], number: int, milliseconds: int) -> Person:
    """Return a person, or several who are on call together as if they were one."""
    initials = initials_of(names[0]) if len(names) == 1 else f"{initials_of(names[0])}+"
    name = plain_text(", ".join(names))
    return Person(name, initials, number % COLOURS, _hours(milliseconds))


def _present(found: OnCall, clock: ZoneClock, people: Mapping[People, Person]) -> Present:
    follows = found.next
    return Present(
        people[found.user_ids] if found.user_ids else None,
        None if found.since is None else local_minute(found.since, clock),
        None if found.until is None else local_minute(found.until, clock),
        people[follows.user_ids] if follows else None,
        local_minute(follows.at, clock) if follows else None,
        plain_text(found.closed.reason or "") if found.closed else None,
        plain_text(found.role or ""),
    )


def _weeks(
    now: int,
    pieces: Sequence[Piece],
    clock: ZoneClock,
    people: Mapping[People, Person],
    role: str | None,
) -> Iterator[Week]:
    starts = _days_from(now, clock)
    for first in range(0, DAYS, DAYS_IN_A_WEEK):
        days = starts[first : first + DAYS_IN_A_WEEK + 1]
        blocks: list[Block] = []
        for start, end, together in pieces:
            if start < days[-1] and days[0] < end:
                _add(blocks, days, (start, end, together), clock, people)
        yield Week(
            f"Week from {local_day(clock.wall(days[0]))}{f', {role}' if role else ''}",
            [_day(at, clock, now) for at in days[:-1]],
            blocks,
            _place(days, now) if now < days[-1] and not first else None,
            plain_text(role or ""),
        )


def _add(
    blocks: list[Block],
    days: Sequence[int],
    piece: Piece,
    clock: ZoneClock,
    people: Mapping[People, Person],
) -> None:
    """Add a stretch to the blocks of a strip; two that are too thin become one."""
    start, end, together = piece
    left = _place(days, max(start, days[0]))
    width = _place(days, min(end, days[-1])) - left
    person = people[together] if together else None
    who = person.name if person else "Nobody is on call"
    title = f"{who}: {local_minute(start, clock)} to {local_minute(end, clock)}"
    if blocks and width < THINNEST and blocks[-1].width < 4 * THINNEST:
        last = blocks.pop()
        count = last.count + 1
        whole = round(left + width - last.left, 2)
        kept = last.person if last.person == person else None
        is_gap = last.is_gap or person is None
        blocks.append(Block(last.left, whole, kept, is_gap, "", "", f"{count} shifts", count))
        return
    text = person.name if person else "Nobody"
    short = person.initials if person else "!"
    shown = (
        _fitting([text, short], width * WIDE_PX / LETTER_PX),
        _fitting([short], width * NARROW_PX / SMALL_LETTER_PX),
    )
    place = (round(left, 2), round(width, 2))
    blocks.append(Block(*place, person, person is None, *shown, title))


def _fitting(texts: Sequence[str], letters: float) -> str:
    """Return the first text that there is room for; nothing if there is room for none."""
    return next((text for text in texts if len(text) + 1.4 <= letters), "")


def _place(days: Sequence[int], at: int) -> float:
    """Return where an instant of a week is on its strip, in per cent."""
    day = min(bisect_right(days, at) - 1, DAYS_IN_A_WEEK - 1)
    share = (at - days[day]) / (days[day + 1] - days[day])
    return 100 * (day + share) / DAYS_IN_A_WEEK


def _day(at: int, clock: ZoneClock, now: int) -> Day:
    weekday, date, month = local_day(clock.wall(at)).split(" ")
    is_today = clock.wall(at) // DAY_MS == clock.wall(now) // DAY_MS
    return Day(weekday, f"{date} {month}", is_today)


def _line(
    piece: Piece, now: int, clock: ZoneClock, people: Mapping[People, Person], role: str
) -> Line:
    start, end, together = piece
    person = people[together] if together else None
    when = (local_minute(start, clock), local_minute(end, clock))
    return Line(*when, person, start <= now, plain_text(role))


def _hours(milliseconds: int) -> str:
    hours = milliseconds / HOUR
    return f"{hours:,.0f} h" if hours >= 1 or not hours else "< 1 h"
