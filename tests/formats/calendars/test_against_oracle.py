"""Random calendars against an oracle that walks over minutes, and rules against dateutil."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.engine.walltime import clock_of
from app.formats.calendars.events import entries_of, occurrences
from app.formats.calendars.recurrence import rule_of, starts_within
from app.formats.calendars.zones import IanaClock
from tests.support.calendar_oracle import (
    DrawnChange,
    DrawnEvent,
    DrawnRule,
    busy_minutes,
    rule_text,
    starts,
    text_of,
)

EPOCH = datetime.fromisoformat("1970-01-01")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
OWNER = "Europe/Berlin"
CHANGES = [datetime.fromisoformat(day) for day in ("2026-03-29", "2026-10-25", "2026-11-01")]
"""Days on which clocks change: in Europe, and on the last in America."""


def milliseconds(at: datetime) -> int:
    return (at.replace(tzinfo=None) - EPOCH) // timedelta(milliseconds=1)


@st.composite
def rules(draw: st.DrawFn, start: datetime, *, dates: bool) -> DrawnRule:
    freqs = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]
    rule = DrawnRule(draw(st.sampled_from(freqs if dates else [*freqs, "HOURLY"])))
    rule.interval = draw(st.integers(1, 3))
    lists = _lists(rule.freq, dates=dates)
    for name in draw(st.lists(st.sampled_from(sorted(lists)), max_size=2, unique=True)):
        rule.by[name] = draw(st.lists(lists[name], min_size=1, max_size=4, unique=True))
    if draw(st.booleans()):
        numbered = rule.freq == "MONTHLY" or (rule.freq == "YEARLY" and {*rule.by} <= {"BYMONTH"})
        days = st.tuples(st.integers(-5, 5) if numbered else st.just(0), st.integers(0, 6))
        rule.by["BYDAY"] = draw(st.lists(days, min_size=1, max_size=3, unique=True))
    if rule.by and draw(st.integers(0, 3)) == 0:
        rule.by["BYSETPOS"] = draw(st.lists(_signed(3), min_size=1, max_size=2, unique=True))
    if "BYWEEKNO" not in rule.by:  # the oracle's weeks begin on Monday
        rule.wkst = draw(st.integers(0, 6))
    rule.count = draw(st.none() | st.integers(1, 40))
    if rule.count is None and draw(st.booleans()):
        rule.until = start + timedelta(days=draw(st.integers(0, 60)))
    return rule


def _lists(freq: str, *, dates: bool) -> dict[str, st.SearchStrategy[int]]:
    """The parts that go with a frequency, and what their lists hold."""
    lists = {"BYMONTH": st.integers(1, 12)}
    if not dates:
        lists |= {"BYHOUR": st.integers(0, 23), "BYMINUTE": st.sampled_from([0, 15, 30])}
    if freq != "WEEKLY":
        lists |= {"BYMONTHDAY": _signed(31)}
    if freq == "YEARLY":
        lists |= {"BYYEARDAY": _signed(366), "BYWEEKNO": _signed(53)}
    return lists


def _signed(most: int) -> st.SearchStrategy[int]:
    return st.integers(-most, most).filter(bool)


@st.composite
def events(draw: st.DrawFn, number: int, around: datetime) -> DrawnEvent:
    days = draw(st.sampled_from([0, 0, 1, 3]))
    start = around + timedelta(days=draw(st.integers(-40, 8)))
    if not days:
        start += timedelta(minutes=15 * draw(st.integers(0, 95)))
    zone = OWNER if days else draw(st.sampled_from(ZONES))
    event = DrawnEvent(
        uid=f"event-{number}",
        zone=zone,
        start=start,
        days=days,
        minutes=draw(st.integers(1, 200)),
        nominal=draw(st.booleans()),
        transparent=draw(st.integers(0, 5)) == 0,
    )
    if draw(st.integers(0, 3)):
        event.rule = draw(rules(start, dates=bool(days)))
    some = st.integers(-10, 20).map(lambda day: start + timedelta(days=day))
    event.more = draw(st.lists(some, max_size=2, unique=True))
    known = starts(event, around.replace(tzinfo=UTC) + timedelta(days=10))[:60]
    event.less = draw(st.lists(st.sampled_from(known) | some, max_size=3, unique=True))
    known = sorted(set(known) - set(event.less))
    if known:
        event.changes = [
            DrawnChange(
                of,
                of + timedelta(minutes=draw(st.integers(-3_000, 3_000))),
                draw(st.integers(1, 300)),
                draw(st.booleans()),
            )
            for of in draw(st.lists(st.sampled_from(known), max_size=2, unique=True))
        ]
    return event


@st.composite
def calendars(draw: st.DrawFn) -> tuple[list[DrawnEvent], datetime]:
    around = draw(st.sampled_from(CHANGES))
    return [draw(events(number, around)) for number in range(draw(st.integers(1, 3)))], around


def read_minutes(text: str, first: datetime, last: datetime) -> Iterator[datetime]:
    """The minutes in which something takes place, as the service reads them."""
    window = (milliseconds(first), milliseconds(last))
    for entry in entries_of(text, IanaClock(clock_of(OWNER))):
        for found in occurrences(entry, *window):
            if not (found.facts.transparent or found.facts.cancelled):
                at = max(found.start_at, window[0])
                for ms in range(at, min(found.end_at, window[1]), 60_000):
                    yield (EPOCH + timedelta(milliseconds=ms)).replace(tzinfo=UTC)


@settings(max_examples=100, deadline=None)
@given(calendars(), st.sampled_from(["\r\n", "\n", "\r"]))
def test_random_calendars_are_busy_when_the_oracle_says_so(
    drawn: tuple[list[DrawnEvent], datetime], line_end: str
) -> None:
    events_, around = drawn
    first = (around - timedelta(days=4)).replace(tzinfo=UTC)
    last = first + timedelta(days=9)
    text = text_of(events_, line_end)
    read = set(read_minutes(text, first, last))
    assert read == busy_minutes(events_, first, last), text


# --- rules alone, over years, against dateutil ----------------------------------------------


@st.composite
def long_rules(draw: st.DrawFn) -> tuple[datetime, str]:
    """A start, and a rule whose weeks begin on any day."""
    start = CHANGES[0] - timedelta(minutes=15 * draw(st.integers(0, 4 * 24 * 800)))
    rule = draw(rules(start, dates=False))
    rule.wkst, rule.until = draw(st.integers(0, 6)), None
    if "BYWEEKNO" in rule.by and "BYDAY" not in rule.by:  # dateutil takes the whole week
        rule.by["BYDAY"] = [(0, start.weekday())]
    days = rule.by.get("BYDAY", [])  # of MO and 1TU dateutil takes what is both, and so nothing
    if days:
        rule.by["BYDAY"] = [day for day in days if bool(day[0]) == bool(days[0][0])]
    return start, rule_text(rule)


def by_dateutil(start: datetime, text: str, first: datetime, last: datetime) -> list[datetime]:
    """At most 300 starts. A rule that is not held to an end is looked for until the year 9999."""
    end = "" if "COUNT" in text else f";UNTIL={last:%Y%m%dT%H%M%S}"
    found = takewhile(lambda at: at < last, rrulestr(f"{text}{end}", dtstart=start))
    return list(islice((at for at in found if at >= first), 300))


@settings(max_examples=100, deadline=None)
@given(long_rules(), st.integers(0, 900))
def test_rules_hold_when_dateutil_says_so(drawn: tuple[datetime, str], day: int) -> None:
    start, text = drawn
    first = start + timedelta(days=day)
    last = first + timedelta(days=1_500 if "YEARLY" in text else 60)
    held = islice(starts_within(rule_of(text), *map(milliseconds, (start, start, last))), 1, None)
    assume(next(held, None))  # dateutil looks for what never holds until the year 9999
    wanted = by_dateutil(start, text, start, last)
    assert wanted, text
    start = wanted[0]  # it leaves out a start at which the rule does not hold
    first = max(first, start)
    read = starts_within(rule_of(text), *map(milliseconds, (start, first, last)))
    found = [EPOCH + timedelta(milliseconds=wall) for wall in islice(read, 300)]
    assert found == by_dateutil(start, text, first, last), text
