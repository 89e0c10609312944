"""Absences in iCalendar texts. No text does harm, whatever it holds."""

import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.planning.request import Absence
from app.engine.walltime import ZoneClock, clock_of
from app.errors import InvalidRequest, TakesTooLong
from app.formats.ical import calendar_bytes
from app.formats.timeline import Timeline, TimelineItem
from app.products.rotation.absence_calendars import (
    ENDLESS,
    LATER,
    LONG,
    OCCURRENCES,
    RECURS,
    CalendarRules,
    CalendarsRead,
    parse_quick_calendars,
    read_calendars,
)
from app.products.rotation.understood_calendars import (
    CountedEvent,
    UncountedEvent,
    UnderstoodCalendar,
)
from app.workers import pool
from app.workers.limits import JobStopped
from app.workers.pool import WorkerPool

HOUR, DAY = 3_600_000, 86_400_000
JUNE_1 = 1_780_272_000_000
"""2026-06-01T00:00:00.000Z, a Monday."""


def calendar(*events: str) -> str:
    inside = "".join(
        f"BEGIN:VEVENT\r\nUID:{number}\r\nDTSTAMP:20260101T000000Z\r\n{event}\r\nEND:VEVENT\r\n"
        for number, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{inside}END:VCALENDAR\r\n"


BUSY = CalendarRules("busy")


def read(
    calendars: Mapping[str, str],
    clock: ZoneClock | None = None,
    rules: CalendarRules = BUSY,
    days: int = 28,
) -> CalendarsRead:
    return read_calendars(calendars, clock, (JUNE_1, JUNE_1 + days * DAY), rules)


def found(
    text: str, clock: ZoneClock | None = None, rules: CalendarRules = BUSY
) -> list[tuple[float, float]]:
    """Absences as hours since June 1st, UTC."""
    items = read({"bob": text}, clock, rules).absences
    return [((item.start_at - JUNE_1) / HOUR, (item.end_at - JUNE_1) / HOUR) for item in items]


def refusal(text: str) -> str:
    with pytest.raises(InvalidRequest) as refused:
        found(text)
    [error] = refused.value.errors
    assert error.pointer == "/unavailableIcs/bob"
    return error.detail


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param("DTSTART:20260602T090000Z\r\nDTEND:20260602T110000Z", [(33, 35)], id="utc"),
        pytest.param("DTSTART:20260602T090000Z\r\nDURATION:PT90M", [(33, 34.5)], id="duration"),
        pytest.param("DTSTART;VALUE=DATE:20260603", [(48, 72)], id="a-day"),
        pytest.param(
            "DTSTART;VALUE=DATE:20260603\r\nDTEND;VALUE=DATE:20260606", [(48, 120)], id="days"
        ),
        pytest.param(
            "DTSTART;TZID=America/New_York:20260602T090000\r\nDURATION:PT1H", [(37, 38)], id="zone"
        ),
        pytest.param("DTSTART:20260602T090000\r\nDURATION:PT1H", [(33, 34)], id="floating"),
        pytest.param(
            "DTSTART:20260501T090000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY;COUNT=6",
            [(105, 106)],
            id="recurring-since-before",
        ),
        pytest.param(
            "DTSTART:20260601T090000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY\r\n"
            "EXDATE:20260608T090000Z\r\nRDATE:20260603T090000Z",
            [(9, 10), (57, 58), (345, 346), (513, 514)],
            id="exceptions-and-additions",
        ),
        pytest.param("DTSTART:20260602T090000Z\r\nDTEND:20260602T090000Z", [], id="empty"),
        pytest.param("DTSTART:20260502T090000Z\r\nDURATION:PT1H", [], id="before"),
        pytest.param("DTSTART:20260702T090000Z\r\nDURATION:PT1H", [], id="after"),
        pytest.param("DTSTART:20260531T230000Z\r\nDURATION:PT2H", [(-1, 1)], id="reaches-into-it"),
        pytest.param(
            "DTSTART;VALUE=DATE:20260603\r\nTRANSP:TRANSPARENT", [], id="transparent-is-free"
        ),
        pytest.param("DTSTART;VALUE=DATE:20260603\r\nSTATUS:CANCELLED", [], id="cancelled"),
    ],
)
def test_an_event(event: str, expected: list[tuple[float, float]]) -> None:
    assert sorted(found(calendar(event))) == expected


def test_what_has_no_zone_is_by_the_rotations_clock() -> None:
    events = ("DTSTART;VALUE=DATE:20260603", "DTSTART:20260605T090000\r\nDURATION:PT1H")
    assert found(calendar(*events), clock_of("Europe/Berlin")) == [(46, 70), (103, 104)]


def test_the_reason_is_the_summary() -> None:
    text = calendar(f"DTSTART;VALUE=DATE:20260603\r\nSUMMARY:{'x' * 300}")
    [item] = read({"bob": text}).absences
    assert item == Absence("bob", JUNE_1 + 2 * DAY, JUNE_1 + 3 * DAY, "x" * 200)


def test_of_two_people_both() -> None:
    text = calendar("DTSTART;VALUE=DATE:20260603")
    assert [item.person for item in read({"a": text, "b": text}).absences] == ["a", "b"]


def test_no_calendar_at_all() -> None:
    assert read({}) == CalendarsRead([], [])


# --- what is hostile, or only broken --------------------------------------------------------


def work(**calendars: str) -> Coroutine[Any, Any, CalendarsRead]:
    """What a worker finds in a fifth of a second of processor time."""
    arguments = (calendars, None, (JUNE_1, JUNE_1 + 28 * DAY), BUSY)
    return WorkerPool().run(read_unmeasured, *arguments, caller="", cpu_seconds=0.2)


def read_unmeasured(*arguments: Any) -> CalendarsRead:
    """Read without coverage: it takes a lock at every call, which an interruption may leave held,
    and then waits for it for ever.
    """
    sys.settrace(None)
    return read_calendars(*arguments)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param("DTSTART:20260602T090000Z\r\nRRULE:FREQ=SECONDLY", id="every-second"),
        pytest.param("DTSTART:20260602T090000Z\r\nRRULE:FREQ=MINUTELY;BYSECOND=1,2,3,4,5,6,7,8"),
        pytest.param("DTSTART:00010101T090000Z\r\nDURATION:P3000000D\r\nRRULE:FREQ=HOURLY"),
    ],
)
def test_of_more_than_can_be_counted_at_once_it_is_said(event: str) -> None:
    assert refusal(calendar(event)) == (
        "has, with the calendars before it, more than 250,000 events within the rotation, "
        "repetitions counted; at most 50,000 are laid out"
    )


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(
            "DTSTART:20260602T090000Z\r\nRRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
            id="never-by-the-second",
        ),
        pytest.param(
            "DTSTART:00010101T090000Z\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", id="never"
        ),
        pytest.param("DTSTART:00010101T090000Z\r\nRRULE:FREQ=DAILY;COUNT=9", id="long-over"),
    ],
)
def test_what_never_happens_costs_no_more_than_its_window(event: str) -> None:
    assert found(calendar(event)) == []


@pytest.mark.anyio
async def test_endless_work_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended by its processor time; a busy machine may take long to start its worker."""
    monkeypatch.setattr(pool, "START_SECONDS", 120.0)
    quick = "SUMMARY:Quick\r\nDTSTART:20260602T090000Z"
    rule = "RRULE:FREQ=SECONDLY;COUNT=999999999;BYSECOND=7\r\n"
    endless = calendar(
        quick, f"SUMMARY:Watch the  well\r\nDTSTART:00010101T000000Z\r\n{rule}", quick
    )
    with pytest.raises(InvalidRequest) as refused:
        await work(alice=calendar("SUMMARY:no start"), bob=endless, carol="never read")
    first, last = refused.value.errors
    assert first.pointer == "/unavailableIcs/alice"
    detail = f"{ENDLESS}: the event 'Watch the well'"
    assert (last.pointer, last.detail) == ("/unavailableIcs/bob", detail)


def test_a_change_of_one_occurrence_is_read_with_its_event() -> None:
    """The two have one UID, and X-WR-TIMEZONE is the calendar's."""
    daily = "DTSTART:20260602T090000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;COUNT=3"
    moved = "RECURRENCE-ID:20260603T090000Z\r\nDTSTART:20260603T150000Z\r\nDURATION:PT1H"
    text = calendar(daily, "DTSTART:20260610T000000Z\r\nDURATION:PT1H", moved)
    text = text.replace("UID:2", "UID:0")
    assert found(text) == [(33, 34), (63, 64), (81, 82), (216, 217)]


def test_what_was_being_read_when_the_time_was_up_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise JobStopped(TakesTooLong())

    monkeypatch.setattr("app.products.rotation.absence_calendars.entries_of", stop)
    with pytest.raises(JobStopped) as stopped:
        read({"bob": calendar()})
    assert isinstance(stopped.value.error, InvalidRequest)
    [error] = stopped.value.error.errors
    assert (error.pointer, error.detail) == ("/unavailableIcs/bob", ENDLESS)


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=FOO",
        "FREQ=DAILY;COUNT=x",
        "FREQ=DAILY;UNTIL=bad",
        "COUNT=2",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;INTERVAL",
        "FREQ=DAILY;BYEASTER=1",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "FREQ=MONTHLY;BYWEEKNO=1",
        "FREQ=DAILY;BYYEARDAY=1",
        "FREQ=YEARLY;RSCALE=CHINESE",
        "FREQ=YEARLY;BYYEARDAY=1000,1001",
    ],
)
def test_a_rule_that_is_not_valid_is_named(rule: str) -> None:
    detail = refusal(calendar(f"DTSTART:20260602T090000Z\r\nRRULE:{rule}"))
    named = f"a recurrence rule is not valid: {rule}: the event '0'"
    assert detail == f"cannot be read as iCalendar: {named}"


NEVER = "BEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:{}\r\n"


def zone(offset: str = "+0500", rule: str = "") -> str:
    """The definition of a time zone that no data base has."""
    inside = NEVER.format(offset) + rule + "END:STANDARD\r\n"
    return f"BEGIN:VTIMEZONE\r\nTZID:Here\r\n{inside}END:VTIMEZONE\r\n"


def zoned(definition: str) -> str:
    event = calendar("DTSTART;TZID=Here:20260602T090000\r\nDURATION:PT1H")
    return event.replace("PRODID:test\r\n", f"PRODID:test\r\n{definition}")


@pytest.mark.anyio
async def test_a_zone_whose_rules_never_hold_harms_nobody_after_it() -> None:
    never = zone(rule="RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\n" * 50)
    for _ in range(2):
        with suppress(InvalidRequest):
            await work(bob=zoned(never))
    [absence] = (await work(bob=zoned(zone()))).absences
    assert absence.start_at == JUNE_1 + DAY + 4 * HOUR


def test_a_zone_is_known_to_its_own_calendar_only() -> None:
    assert found(zoned(zone("+0500"))) == [(28, 29)]
    assert found(zoned(zone("-0500"))) == [(38, 39)]
    people = {"a": zoned(zone("+0500")), "b": zoned(zone("-0500"))}
    assert [(item.start_at - JUNE_1) // HOUR for item in read(people).absences] == [28, 38]
    assert refusal(zoned("")) == (
        "cannot be read as iCalendar: the time zone 'Here' is neither known nor defined in the "
        "text: the event '0'"
    )


# --- what counts, and what is told ----------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "away", "busy", "all_"),
    [
        pytest.param("DTSTART:20260602T090000Z\r\nDURATION:PT15M", 0, 1, 1, id="short"),
        pytest.param("DTSTART:20260602T090000Z\r\nDURATION:PT4H", 1, 1, 1, id="four-hours"),
        pytest.param("DTSTART:20260602", 1, 1, 1, id="all-day"),
        pytest.param(
            "DTSTART:20260602T090000Z\r\nDURATION:PT1M\r\nX-MICROSOFT-CDO-BUSYSTATUS:OOF",
            *(1, 1, 1),
            id="out-of-office",
        ),
        pytest.param("DTSTART:20260602\r\nTRANSP:TRANSPARENT", 0, 0, 1, id="transparent"),
        pytest.param("DTSTART:20260602\r\nX-MICROSOFT-CDO-BUSYSTATUS:FREE", 0, 0, 1, id="free"),
        pytest.param("DTSTART:20260602\r\nSTATUS:CANCELLED", 0, 0, 0, id="cancelled"),
        pytest.param("DTSTART:20260602T090000Z", 0, 0, 0, id="an-instant"),
    ],
)
def test_what_takes_its_person_away(event: str, away: int, busy: int, all_: int) -> None:
    counted = [
        len(found(calendar(event), rules=CalendarRules(events)))
        for events in ("away", "busy", "all")
    ]
    assert counted == [away, busy, all_]


def test_the_feed_of_another_rotation_counts_if_asked_for() -> None:
    items = [
        TimelineItem(1, JUNE_1 + 9 * HOUR, JUNE_1 + 17 * HOUR, "bob"),
        TimelineItem(2, JUNE_1 + 17 * HOUR, JUNE_1 + 33 * HOUR, None),
    ]
    timeline = Timeline("Rotation", "", "UTC", ("rotation",), items, {"bob": "bob"})
    feed = calendar_bytes(timeline).decode()
    assert found(feed, rules=CalendarRules("all")) == [(9, 17)]
    assert found(feed) == []
    [told] = read({"bob": feed}, rules=CalendarRules("all")).understood
    assert [each.why for each in told.not_counted] == ["it is a gap of a rotation"]


def test_what_was_taken_is_told() -> None:
    standup = "SUMMARY:Stand-up\r\nDTSTART:20260504T070000Z\r\nDURATION:PT15M\r\nRRULE:FREQ=WEEKLY"
    leave = f"SUMMARY:{'Leave ' * 50}\r\nDTSTART:20260603"
    text = calendar(standup, leave, "DTSTART:20260602\r\nTRANSP:TRANSPARENT", "DTSTART:20260101")
    [told] = read({"bob": text}, rules=CalendarRules()).understood
    assert told == UnderstoodCalendar(
        "bob",
        [
            CountedEvent(
                ("Leave " * 50)[:100], "2026-06-03T00:00:00.000Z", "2026-06-04T00:00:00.000Z"
            )
        ],
        1,
        [
            UncountedEvent(
                "Stand-up",
                "2026-06-01T07:00:00.000Z",
                "2026-06-01T07:15:00.000Z",
                4,
                "it is shorter than 4 hours",
            ),
            UncountedEvent(
                "",
                "2026-06-02T00:00:00.000Z",
                "2026-06-03T00:00:00.000Z",
                1,
                "it is marked as free",
            ),
        ],
        2,
    )


def test_of_many_the_first_are_told() -> None:
    event = "DTSTART:20260602T000000Z\r\nDURATION:PT{}H\r\nRRULE:FREQ=HOURLY;COUNT=101"
    shorts = [f"DTSTART:20260602T{hour:02}0000Z\r\nDURATION:PT1H" for hour in range(24)] * 5
    [told] = read({"bob": calendar(event.format(5), *shorts)}, rules=CalendarRules()).understood
    assert (len(told.absences), told.absences_in_all) == (100, 101)
    assert (len(told.not_counted), told.not_counted_in_all) == (100, 120)
    assert told.not_counted[-1].start == "2026-06-02T19:00:00.000Z"


def test_years_that_cannot_be_written_are_told_as_the_first_and_the_last() -> None:
    ages = calendar("DTSTART;TZID=Asia/Tokyo:00010101T000000\r\nDURATION:P4000000D")
    [told] = read({"bob": ages}).understood
    assert [(each.start, each.end) for each in told.absences] == [
        ("0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z")
    ]


def test_as_many_as_are_promised_are_laid_out() -> None:
    minutes = "DTSTART:20260602T000000Z\r\nDURATION:PT1M\r\nRRULE:FREQ=MINUTELY;COUNT=25000"
    both = {"a": calendar(minutes), "b": calendar(minutes)}
    assert len(read(both).absences) == OCCURRENCES


def test_what_is_over_says_by_how_much() -> None:
    minutes = "DTSTART:20260602T000000Z\r\nDURATION:PT1M\r\nRRULE:FREQ=MINUTELY;COUNT=30000"
    with pytest.raises(InvalidRequest) as refused:
        read({"a": calendar(minutes), "b": calendar(minutes), "c": "never read"})
    [error] = refused.value.errors
    assert error.pointer == "/unavailableIcs/b"
    assert error.detail == (
        "has, with the calendars before it, 60,000 events within the rotation, repetitions "
        "counted: 10,000 more than the 50,000 that are laid out"
    )


# --- before anybody pays --------------------------------------------------------------------


def parsed(**calendars: str) -> list[tuple[str, str]]:
    """The warnings about calendars that are not read before anybody pays."""
    warnings = parse_quick_calendars(calendars, (JUNE_1, JUNE_1 + 28 * DAY), CalendarRules())
    return [
        (warning.pointer.removeprefix("/unavailableIcs/"), warning.detail) for warning in warnings
    ]


def test_short_calendars_are_parsed_before_anybody_pays() -> None:
    day = calendar("DTSTART;VALUE=DATE:20260603\r\nRRULE:FREQ=SECONDLY")
    assert parsed(bob=calendar("DTSTART;VALUE=DATE:20260603")) == []
    assert parsed(bob=day) == [("bob", LATER.format(why=RECURS))]
    with pytest.raises(InvalidRequest) as refused:
        parsed(alice="hello", bob=day, carol="")
    assert [error.pointer for error in refused.value.errors] == [
        "/unavailableIcs/alice",
        "/unavailableIcs/carol",
    ]


def test_what_could_take_long_is_left_for_later_and_that_is_said() -> None:
    long = calendar(*["DTSTART;VALUE=DATE:20260603"] * 100)
    never = zoned(zone(rule="RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\n"))
    assert parsed(a=calendar(), b=never, c=long, d=calendar()) == [
        ("c", LATER.format(why=LONG)),
        ("d", LATER.format(why=LONG)),
    ]


@pytest.mark.parametrize(
    "event",
    [
        "SUMMARY:no start",
        "DTSTART:2026-06-03",
        "DTSTART:20260603T090000Z\r\nDURATION:1 hour",
        "DTSTART:20260603T090000Z\r\nDURATION:-PT1H",
        "DTSTART:20260603T090000Z\r\nDTEND:20260603T080000Z",
        "DTSTART:20260603\r\nDTEND:20260602",
        "DTSTART:20260603T090000Z\r\nRRULE:FREQ=OFTEN",
        "DTSTART:20260603T090000Z\r\nRRULE:FREQ=DAILY\r\nEXDATE:20260605T090000Z,tomorrow",
        "DTSTART;TZID=Nowhere:20260603T090000",
        "DTSTART;TZID=Nowhere:20260101T090000\r\nRRULE:FREQ=YEARLY",
        "DTSTART:20260603T090000Z\r\nDTEND;TZID=Nowhere:20260603T100000",
        "DTSTART;TZID=Nowhere:20260101T090000\r\nRRULE:FREQ=WEEKLY;UNTIL=20260601",
        "DTSTART;TZID=Nowhere:20260101T090000\r\nRRULE:FREQ=WEEKLY;UNTIL=20260101\r\nRDATE:20260301T090000",
    ],
)  # fmt: skip
def test_an_error_is_the_same_before_and_after_anybody_pays(event: str) -> None:
    text = calendar(f"SUMMARY:Dentist\r\n{event}")
    with pytest.raises(InvalidRequest) as refused:
        parsed(bob=text)
    [error] = refused.value.errors
    assert error.detail == refusal(text)
    assert error.detail.endswith(": the event 'Dentist'")


UNKNOWN = "the time zone 'Nowhere' is neither known nor defined in the text"


def busy(line: str) -> str:
    return f"BEGIN:VCALENDAR\nBEGIN:VFREEBUSY\n{line}\nEND:VFREEBUSY\nEND:VCALENDAR"


def test_busy_times_are_parsed_before_anybody_pays() -> None:
    assert parsed(bob=busy("FREEBUSY:20260602T060000Z/PT6H")) == []


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (zoned(zone("five")), "'five' is not an offset from UTC such as +0100: the event '0'"),
        (
            zoned(zone(rule="RRULE:FREQ=OFTEN\r\n")),
            "a recurrence rule is not valid: FREQ=OFTEN: the event '0'",
        ),
        (
            busy("FREEBUSY:now"),
            "'now' is not a period: the event 'busy time'",
        ),
        (
            busy("FREEBUSY;TZID=Nowhere:20260602T060000/PT6H"),
            f"{UNKNOWN}: the event 'busy time'",
        ),
    ],
)
def test_zones_and_busy_times_are_read_before_anybody_pays(text: str, detail: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parsed(bob=text)
    [error] = refused.value.errors
    assert error.detail == refusal(text) == f"cannot be read as iCalendar: {detail}"


@pytest.mark.parametrize(
    "event",
    [
        "DTSTART;TZID=Nowhere:20260101T090000\r\nDURATION:P9D",
        "DTSTART;TZID=Nowhere:20260901T090000",
        "DTSTART;TZID=Nowhere:20260101T090000\r\nRRULE:FREQ=WEEKLY;UNTIL=20260501T090000Z",
        "DTSTART;TZID=Nowhere:20260603T090000\r\nTRANSP:TRANSPARENT",
        "DTSTART;TZID=Nowhere:20260603T090000\r\nSTATUS:CANCELLED",
    ],
)
def test_a_zone_is_not_asked_for_where_it_changes_nothing(event: str) -> None:
    text = calendar(event)
    assert found(text) == []
    assert parsed(bob=text) in ([], [("bob", LATER.format(why=RECURS))])


# --- what cannot be read --------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("hello", id="prose"),
        pytest.param("\ufeff\0\x85\u2028", id="controls"),
        pytest.param("BEGIN:VEVENT\r\n" * 500, id="never-ended"),
        pytest.param("BEGIN:VCALENDAR\r\n" + ":" * 5_000, id="colons"),
        pytest.param("BEGIN:VCALENDAR\r\nX;" + "a=b;" * 2_000 + ":c", id="parameters"),
        pytest.param(calendar("SUMMARY:x"), id="without-a-start"),
        pytest.param(calendar("DTSTART:20261399T990000Z"), id="no-date"),
        pytest.param(calendar("DTSTART:20260602T090000Z\r\nDURATION:P99999999999W"), id="for-ever"),
        pytest.param(calendar("DTSTART:20260602T090000Z\r\nRRULE:FREQ=OFTEN"), id="no-rule"),
        pytest.param(
            calendar("DTSTART:20260602T090000Z\r\nRRULE:FREQ=DAILY;INTERVAL=" + "9" * 400),
            id="rarely",
        ),
        pytest.param("BEGIN:VCALENDAR\r\nBEGIN:\ud800\r\nEND:VCALENDAR", id="half-a-character"),
        pytest.param(calendar("SUMMARY:\ud800"), id="half-a-character-in-a-name"),
    ],
)
def test_what_cannot_be_read_is_an_error(text: str) -> None:
    detail = refusal(text)
    assert detail.startswith(("cannot be read as iCalendar: ", ENDLESS))
    assert detail.encode()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*calendar("DTSTART:20260602T090000Z").split("\r\n"), "RRULE:x"])))
def test_lines_in_any_order_are_absences_or_an_error(lines: Sequence[str]) -> None:
    with suppress(InvalidRequest):
        found("\r\n".join(lines))
