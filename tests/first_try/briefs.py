"""The sixteen asks as somebody would put them to an agent, and what is right of an answer.

Unlike those of ``asks.py`` these have every fact that is needed, and no request: a reader who has
seen nothing but one of our texts writes the requests. An answer is judged by who is on call when,
so that every product and every field that leads there will do.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 12, 16, 9, tzinfo=UTC)
"""The time of the service that the requests are sent to."""
TODAY = "Today is Wednesday, 16 December 2026, 10:00 in Berlin. All of it is by Berlin time."
CALENDAR = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n"
    "DTSTAMP:20261201T000000Z\r\nDTSTART;VALUE=DATE:20270104\r\nSUMMARY:leave\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


class Stretch(NamedTuple):
    """Who is on call from ``start`` to ``end``, both by the clock of Berlin."""

    start: datetime
    end: datetime
    people: frozenset[str]


class Reply(NamedTuple):
    """An answer: the form that was asked for, and what the answer is in JSON."""

    media_type: str
    answer: dict[str, Any]

    @property
    def stretches(self) -> list[Stretch]:
        """The stretches with somebody on call, in order."""
        lists = map(self.answer.get, ("rotation", "final_schedule", "assignments"))
        items = next(filter(None, lists), [])
        stretches = [
            Stretch(_local(item["start"]), _local(item["end"]), _people_of(item)) for item in items
        ]
        return [each for each in stretches if each.people]

    @property
    def names(self) -> list[str]:
        """Who is on call in each stretch: one person, or several names in order."""
        return [" ".join(sorted(each.people)) for each in self.stretches]

    def at(self, instant: datetime) -> frozenset[str]:
        """Who is on call at an instant."""
        if "at" in self.answer:
            same = _local(self.answer["at"]) == instant
            return _people_of(self.answer) if same else frozenset()
        stretches = self.stretches
        return next((s.people for s in stretches if s.start <= instant < s.end), frozenset())

    @property
    def by_day(self) -> dict[date, str]:
        """Who is on call at noon, by the day, from the first to the last day."""
        days: dict[date, str] = {}
        if not self.stretches:
            return days
        first, last = self.stretches[0].start, self.stretches[-1].end
        noon = datetime(first.year, first.month, first.day, 12, tzinfo=BERLIN)
        while noon < last:
            days[noon.date()] = " ".join(sorted(self.at(noon)))
            noon += timedelta(days=1)  # by the clock on the wall
        return days

    def count(self, *, weekends: bool = False) -> Counter[str]:
        """How many stretches each has, or how many of them begin at weekends."""
        return Counter(
            person
            for each in self.stretches
            for person in each.people
            if not weekends or each.start.weekday() > 4
        )


@dataclass(frozen=True)
class Brief:
    """An ask in words, and whether a reply is what was asked for."""

    words: str
    is_right: Callable[[Reply], bool]


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(BERLIN)


def _people_of(item: dict[str, Any]) -> frozenset[str]:
    if "people" in item:  # of a roster
        return frozenset(each["person"].lower() for each in item["people"] if each["person"])
    names = (item.get("roles") or {}).values() or [item.get("person") or item.get("user_id")]
    return frozenset(name.lower() for name in names if name)


def _on(month: int, day: int, hour: int = 0, year: int = 2027) -> datetime:
    return datetime(year, month, day, hour, tzinfo=BERLIN)


def _even(counts: Counter[str], people: int, by: int = 1) -> bool:
    numbers = list(counts.values())
    return len(numbers) == people and max(numbers) - min(numbers) <= by


def _starts(reply: Reply) -> list[datetime]:
    return [each.start for each in reply.stretches]


def _weekly(reply: Reply) -> bool:
    stretches, names = reply.stretches, reply.names
    away = [each for each in stretches if each.start < _on(1, 15) and each.end > _on(1, 1)]
    return (
        reply.media_type == "text/calendar"
        and _starts(reply) == [_on(12, 21, 9, 2026) + timedelta(weeks=n) for n in range(12)]
        and not any("ben" in each.people for each in away)
        and not any(one == other for one, other in pairwise(names))
    )


def _daily_january(reply: Reply) -> bool:
    return (
        _starts(reply) == [_on(1, day) for day in range(1, 32)]
        and _even(reply.count(), 3)
        and _even(reply.count(weekends=True), 3)
    )


def _two_roles(reply: Reply) -> bool:
    return _starts(reply) == [_on(1, day) for day in range(1, 7)] and all(
        len(each.people) == 2 and not {"ana", "ben"} <= each.people for each in reply.stretches
    )


def _twelve_hours(reply: Reply) -> bool:
    ends: dict[str, datetime] = {}
    for each in reply.stretches:
        person = min(each.people)
        if person in ends and (each.start.astimezone(UTC) - ends[person]) < timedelta(hours=24):
            return False
        ends[person] = each.end.astimezone(UTC)
    return _starts(reply) == [_on(3, day, hour) for day in (27, 28, 29) for hour in (8, 20)]


def _monthly(reply: Reply) -> bool:
    return _starts(reply) == [_on(month, 1) for month in range(1, 13)] and _even(reply.count(), 3)


def _joins(reply: Reply) -> bool:
    days = reply.by_day
    before = [person for day, person in days.items() if day < date(2027, 1, 4)]
    after = [person for day, person in days.items() if day >= date(2027, 1, 4)]
    return (
        len(days) == 30
        and min(days) == date(2026, 12, 21)
        and "zoe" not in before
        and 3 <= after.count("zoe") <= 5
    )


def _half_time(reply: Reply) -> bool:
    return _starts(reply) == [_on(1, day) for day in range(4, 13)] and (
        reply.count() == {"ana": 6, "tom": 3}
    )


def _weekends(reply: Reply) -> bool:
    days = {day: who for day, who in reply.by_day.items() if who}
    saturdays = [day for day in days if day.weekday() == 5]
    weekends = Counter(days[day] for day in saturdays)
    return (
        len(days) == 26
        and len(saturdays) == 13
        and all(days[day] == days.get(day + timedelta(days=1)) for day in saturdays)
        and all(each.start.weekday() > 4 for each in reply.stretches)
        and _even(weekends, 3)
    )


def _follow_the_sun(reply: Reply) -> bool:
    hours = {1: "aiko", 7: "aiko", 9: "ana", 13: "ana", 17: "jane", 21: "jane", 23: ""}
    return all(
        reply.at(datetime(2027, 1, day, hour, 30, tzinfo=UTC)) == frozenset(filter(None, [person]))
        for day in (5, 6, 7)
        for hour, person in hours.items()
    )


def _office_hours(reply: Reply) -> bool:
    gaps = reply.answer.get("gaps") or []
    return (
        bool(gaps)
        and _local(gaps[0]["start"]) == _on(12, 1, year=2026)
        and _local(gaps[-1]["end"]) == _on(1, 1)
        and all(
            each.start.weekday() < 5 and (each.start.hour, each.end.hour) == (9, 17)
            for each in reply.stretches
        )
        and len(reply.stretches) == 23
    )


def _days(reply: Reply, names: Sequence[str]) -> bool:
    days = reply.by_day
    wanted = {date(2026, 12, 14 + number): name for number, name in enumerate(names)}
    return days.keys() == wanted.keys() and all(
        days[day] in name.split("/") for day, name in wanted.items()
    )


BRIEFS: Sequence[Brief] = (
    Brief(
        "Ana, Ben and Chloe are on call in weekly shifts that change on Mondays at 09:00, for "
        "twelve weeks from next Monday. Ben is away from 1 to 14 January. Nobody is on call two "
        "weeks in a row. We want it as a file for our calendar program.",
        _weekly,
    ),
    Brief(
        "One person a day, from midnight to midnight, for all of January 2027: Ana, Ben and "
        "Chloe. Weekends should be shared fairly.",
        _daily_january,
    ),
    Brief(
        "Each day from 1 to 6 January 2027 there is a primary and a secondary, out of Ana, Ben, "
        "Chloe and Dan. Ana and Ben must never be on call together.",
        _two_roles,
    ),
    Brief(
        "Ana, Ben, Chloe and Dan work in shifts of 12 hours, which begin at 08:00 and 20:00, from "
        "Saturday 27 March 2027, 08:00, to the one that begins on Monday 29 March at 20:00 (the "
        "clocks change on Sunday). Everybody rests at least 24 hours between two shifts.",
        _twelve_hours,
    ),
    Brief(
        "Ana, Ben and Chloe are on call for a month each, from 1 January 2027, for a year.",
        _monthly,
    ),
    Brief(
        "Ana, Ben and Chloe are on call for a day each, for 30 days from 21 December 2026. Zoe "
        "joins on 4 January and takes her turns from then on; she makes up for nothing before.",
        _joins,
    ),
    Brief(
        "Nine days from 4 January 2027 for Ana and Tom, one person a day. Tom works half time and "
        "should have half as many as Ana.",
        _half_time,
    ),
    Brief(
        "Ana, Ben and Chloe cover the weekends (all Saturday and Sunday, one person a weekend) of "
        "January, February and March 2027, in fair shares. Nobody is on call on other days.",
        _weekends,
    ),
    Brief(
        "Follow the sun in the week of 4 to 8 January 2027: Aiko in Tokyo, Ana in Berlin and Jane "
        "in New York are on call every day from 09:00 to 17:00 of their own local time. Where two "
        "overlap either is fine. Show that week.",
        _follow_the_sun,
    ),
    Brief(
        "Ana, Ben and Chloe take turns by the day in office hours, Monday to Friday from 09:00 to "
        "17:00. When is nobody on call in December 2026?",
        _office_hours,
    ),
    Brief(
        "Ana, Ben and Chloe change daily at midnight, in this order; Ana had 14 December 2026. "
        "Who is on call now?",
        lambda reply: reply.at(NOW) == {"chloe"},
    ),
    Brief(
        "This week, 14 to 20 December 2026, Ana, Ben, Chloe, Ana, Ben, Chloe, Ana are on call, a "
        "day each from midnight. Chloe is sick all week. Plan anew, and keep all other days.",
        lambda reply: _days(reply, ["ana", "ben", "ana/ben", "ana", "ben", "ana/ben", "ana"]),
    ),
    Brief(
        "Ana, Ben and Chloe change daily at midnight, in this order; Ana has 14 December 2026. "
        "Ana takes Ben's 15 December, and Ben takes Ana's next day, the 17th, in return. Show 14 "
        "to 20 December.",
        lambda reply: _days(reply, ["ana", "ana", "chloe", "ben", "ben", "chloe", "ana"]),
    ),
    Brief(
        'Go on from last quarter: the answer then had carryOver {"Ana": 48, "Ben": 0, '
        '"Chloe": 0}. Nine days from 1 January 2027, a day each, for Ana, Ben and Chloe, so '
        "that it is fair in the end.",
        lambda reply: (
            _starts(reply) == [_on(1, day) for day in range(1, 10)] and reply.count()["ana"] < 3
        ),
    ),
    Brief(
        "Three days from 4 January 2027, a day each, for Ana, Ben and Chloe. When Ana is away "
        f"stands in her calendar: {CALENDAR!r}",
        lambda reply: (
            _starts(reply) == [_on(1, day) for day in (4, 5, 6)]
            and reply.names[0] != "ana"
            and "ana" in reply.names
        ),
    ),
    Brief(
        "Ana, Ben and Chloe, a week each from Monday 4 January 2027 at 09:00, until the end of "
        "February.",
        lambda reply: _starts(reply) == [_on(1, 4, 9) + timedelta(weeks=n) for n in range(8)],
    ),
)
