"""What calendars show of stored schedules: all of one, or a user's part of several.

Strategy: a calendar shows a number of whole UTC days: so many ahead, and up to ``DAYS_BACK`` back.
That number is the largest that keeps within the work and the bytes of a calendar, and is the same
for all schedules in it. So a calendar that is too large loses its most distant days, of every
schedule alike, and its description says which days it has.

A calendar begins where its schedule does: the time before there ever was anybody is no gap. A shift
that began before the first day is shown from its beginning, so that no event moves because a day
has passed. An event was changed when its schedule or the name of its person was, or on the day from
which on the calendar shows all of it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from app.engine.layered.limits import DAY_MS, EARLIEST_AT, STEPS
from app.engine.layered.model import FinalSchedule
from app.errors import TooMuchWork
from app.formats.ical import calendar_of, event_texts
from app.formats.timeline import Timeline, TimelineItem
from app.products.layered.answer import window_in_words
from app.products.layered.timeline import keyed_by_role, timeline_items
from app.teams.on_call.store import History, final_schedule_in, steps_by
from app.teams.times import utc_text

DAYS_BACK, DAYS_AHEAD = 31, 366
CALENDAR_BYTES = 4 * 1024 * 1024
"""The most bytes of all events of a calendar; a year of hourly shifts has two thirds of that."""

DayEvents = tuple[int, bytes]
"""Events that are equally many days away, after how many days a calendar with them has."""


class CalendarSchedule(NamedTuple):
    """What a calendar says of a schedule, besides its shifts."""

    org_id: str
    id: str
    name: str
    timezone: str
    version: int
    updated_at: int


Names = Mapping[str, tuple[str, int]]
"""The name of each user by id, and when the user was last changed."""


def calendar_window(today: int, days: int) -> tuple[int, int]:
    """Return the window of a calendar of so many days; ``today`` is when the UTC day began."""
    return today - min(days, DAYS_BACK) * DAY_MS, today + days * DAY_MS


def window_note(today: int, days: int) -> str:
    """Return a sentence on the days that a calendar has, if they are fewer than usual."""
    if days == DAYS_AHEAD:
        return ""
    start, end = map(utc_text, calendar_window(today, days))
    return f" There are too many for the usual year: this calendar is from {start} to {end}."


def people_in(history: History, _: int, __: int) -> set[str]:
    """Return the users whom a schedule or its manual assignments name."""
    layers = [layer for version in history.versions() for layer in version.schedule.layers]
    by_hand = {each.fields.user_id for each in history.assignments if each.fields.user_id}
    return by_hand.union(*(layer.people for layer in layers))


def schedule_calendar(
    history: History,
    _: int,
    __: int,
    today: int,
    schedule: CalendarSchedule,
    names: Names,
) -> bytes:
    """Write the calendar of a schedule; ``names`` are by user id.

    Raises the engine's limits, and ``TooMuchWork`` if not even one day fits.
    """
    days = _days_within(history, today, DAYS_AHEAD, STEPS)
    while True:
        timeline = _timeline(_final(history, today, days), today, schedule, names)
        events = list(_by_day(timeline, today))
        fitting = _days_of(events)
        if fitting >= days:
            header = replace(timeline, summary=f"{timeline.summary}{window_note(today, days)}")
            return calendar_of(header, (text for _, text in events))
        days = _at_least_one(fitting)


def personal_events(
    history: History,
    _: int,
    __: int,
    today: int,
    days: int,
    schedule: CalendarSchedule,
    user_id: str,
    steps: int,
) -> tuple[int, Sequence[DayEvents]]:
    """Return a user's events of a schedule, for a calendar of at most ``days``, in order.

    Returns before them how many days the calendar can have, by this schedule alone. Each event has
    the name of the schedule in place of a person. Raises the engine's limits.
    """
    days = _days_within(history, today, days, steps)
    final = _final(history, today, days)
    timeline = _timeline(final, today, schedule, {})
    items = [
        item._replace(person=schedule.name, others=())
        for item in timeline.items
        if user_id in item.people
    ]
    found = list(_by_day(replace(timeline, items=items), today))
    days = min(days, _days_of(found))
    return days, [each for each in found if each[0] <= days]


class PersonalCalendar:
    """A user's calendar while it is gathered, schedule by schedule."""

    def __init__(self, today: int, schedules: int) -> None:
        self.days = DAYS_AHEAD
        self._today = today
        self.steps = STEPS // max(schedules, 1)
        """The work for each schedule: together they take as much as the largest one may."""
        self._events: list[DayEvents] = []

    def add(self, days: int, events: Iterable[DayEvents]) -> None:
        """Add what ``personal_events`` returned; drop the days for which there is no room then.

        Raises ``TooMuchWork`` if not even one day fits.
        """
        self._events += events
        self.days = _at_least_one(min(self.days, days, _days_of(self._events)))
        self._events = [each for each in self._events if each[0] <= self.days]

    def written(self, title: str, about: str, user_id: str) -> bytes:
        """Return the calendar as bytes."""
        summary = f"{about}{window_note(self._today, self.days)}"
        header = Timeline(title, summary, "UTC", ("user", user_id), (), {}, revision=0)
        return calendar_of(header, (events for _, events in self._events))


def _final(history: History, today: int, days: int) -> FinalSchedule:
    return final_schedule_in(history, *calendar_window(today, days))


def _timeline(
    final: FinalSchedule, today: int, schedule: CalendarSchedule, names: Names
) -> Timeline:
    return Timeline(
        title=schedule.name,
        summary=window_in_words(schedule.timezone, final),
        timezone=schedule.timezone,
        identity=("stored", schedule.org_id, schedule.id),
        items=[
            keyed_by_role(_named(item, _changed_at(item, final, today, schedule), names))
            for part in final.parts
            for item in _whole_items(part)
        ],
        people={},
        revision=schedule.version,
    )


def _whole_items(final: FinalSchedule) -> Sequence[TimelineItem]:
    """Return the items of a calendar, the first from its real beginning on, if it has one.

    Without the time before anybody was ever on call, unless there is nothing else.
    """
    first, *others = timeline_items(final)
    if first.key != EARLIEST_AT:
        return [first._replace(start_at=first.key), *others]
    return others if others and first.person is None else [first, *others]


def _changed_at(
    item: TimelineItem, final: FinalSchedule, today: int, schedule: CalendarSchedule
) -> int:
    """Return when an item was last changed, by a write or because a day has passed."""
    whole_since = -((final.to_at - today - item.end_at) // DAY_MS) * DAY_MS
    moved_at = today if item.key == EARLIEST_AT else min(today, whole_since)
    return max(schedule.updated_at, moved_at)


def _named(item: TimelineItem, changed_at: int, names: Names) -> TimelineItem:
    if item.person is None:
        return item._replace(changed_at=changed_at)
    [name, *others], renamed = zip(
        *(names.get(each, (each, 0)) for each in item.people), strict=True
    )
    return item._replace(person=name, others=tuple(others), changed_at=max(changed_at, *renamed))


def _days_within(history: History, today: int, days: int, steps: int) -> int:
    """Return how many of ``days`` are laid out within ``steps``, at least one."""

    versions, manual = history.versions(), len(history.assignments)

    def steps_for(days: int) -> int:
        return steps_by(versions, manual, *calendar_window(today, days))

    fitting: int = bisect_right(range(1, days + 1), steps, key=steps_for)
    return max(1, fitting)


def _by_day(timeline: Timeline, today: int) -> Iterator[DayEvents]:
    """Yield the events of a timeline in order, those of each day together."""

    def days_for(pair: tuple[TimelineItem, str]) -> int:
        """Return how many days a calendar has that shows an item."""
        item, _ = pair
        away = max(item.start_at - today, today - item.end_at, 0)
        return away // DAY_MS + 1

    for days, pairs in groupby(zip(timeline.items, event_texts(timeline), strict=True), days_for):
        yield days, "".join(text for _, text in pairs).encode()


def _days_of(events: Iterable[DayEvents]) -> int:
    """Return how many days fit into a calendar with these events."""
    room = CALENDAR_BYTES
    for days, text in sorted(events, key=itemgetter(0)):
        room -= len(text)
        if room < 0:
            return days - 1
    return DAYS_AHEAD


def _at_least_one(days: int) -> int:
    if days == 0:
        raise TooMuchWork(f"not even one day of the calendar is within {CALENDAR_BYTES:,} bytes")
    return days
