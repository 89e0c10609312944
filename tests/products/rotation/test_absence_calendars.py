"""Absences in iCalendar texts. No text does harm, whatever it holds."""

from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.planning.request import Absence
from app.engine.walltime import ZoneClock, clock_of
from app.errors import InvalidRequest, TakesTooLong
from app.products.rotation.absence_calendars import (
    ENDLESS,
    LATER,
    LONG,
    OWN_ZONE,
    RECURS,
    absences_in,
    parse_quick_calendars,
)
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


def found(text: str, clock: ZoneClock | None = None, days: int = 28) -> list[tuple[float, float]]:
    """Absences as hours since June 1st, UTC."""
    read = absences_in({"bob": text}, clock, JUNE_1, JUNE_1 + days * DAY)
    return [((item.start_at - JUNE_1) / HOUR, (item.end_at - JUNE_1) / HOUR) for item in read]


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
        pytest.param("DTSTART:20260602T090000Z\r\nDTEND:20260602T090000Z", [(33, 33)], id="empty"),
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
    [item] = absences_in({"bob": text}, None, JUNE_1, JUNE_1 + 9 * DAY)
    assert item == Absence("bob", JUNE_1 + 2 * DAY, JUNE_1 + 3 * DAY, "x" * 200)


def test_of_two_people_both() -> None:
    text = calendar("DTSTART;VALUE=DATE:20260603")
    read = absences_in({"a": text, "b": text}, None, JUNE_1, JUNE_1 + 9 * DAY)
    assert [item.person for item in read] == ["a", "b"]


def test_no_calendar_at_all() -> None:
    assert absences_in({}, None, JUNE_1, JUNE_1 + DAY) == []


# --- what is hostile, or only broken --------------------------------------------------------


def work(**calendars: str) -> Coroutine[Any, Any, list[Absence]]:
    """What a worker finds in half a second of processor time, after imports of as much."""
    arguments = (calendars, None, JUNE_1, JUNE_1 + 28 * DAY)
    return WorkerPool().run(absences_in, *arguments, caller="", cpu_seconds=1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "event",
    [
        pytest.param("DTSTART:20260602T090000Z\r\nRRULE:FREQ=SECONDLY", id="every-second"),
        pytest.param(
            "DTSTART:20260602T090000Z\r\nRRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
            id="never-by-the-second",
        ),
        pytest.param("DTSTART:00010101T090000Z\r\nRRULE:FREQ=HOURLY", id="since-the-year-1"),
        pytest.param(
            "DTSTART:20260602T090000Z\r\nRRULE:FREQ=YEARLY;BYYEARDAY="
            + ",".join(str(day) for day in range(1_000, 1_400)),
            id="days-that-no-year-has",
        ),
    ],
)
async def test_endless_work_is_ended(event: str) -> None:
    quick = "SUMMARY:Quick\r\nDTSTART:20260602T090000Z"
    endless = calendar(quick, f"SUMMARY:Watch the  well\r\n{event}", quick)
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
    text = text.replace("UID:2", "UID:0").replace("PRODID", "X-WR-TIMEZONE:Asia/Tokyo\r\nPRODID")
    assert found(text) == [(33, 34), (63, 64), (81, 82), (216, 217)]


def test_what_was_being_read_when_the_time_was_up_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise JobStopped(TakesTooLong())

    monkeypatch.setattr("app.products.rotation.absence_calendars._absences", stop)
    with pytest.raises(JobStopped) as stopped:
        absences_in({"bob": calendar()}, None, JUNE_1, JUNE_1 + DAY)
    assert isinstance(stopped.value.error, InvalidRequest)
    [error] = stopped.value.error.errors
    assert (error.pointer, error.detail) == ("/unavailableIcs/bob", ENDLESS)


@pytest.mark.parametrize(
    "rule", ["FREQ=WEEKLY;BYDAY=XX", "FREQ=FOO", "FREQ=DAILY;COUNT=x", "FREQ=DAILY;UNTIL=bad"]
)
def test_a_rule_that_is_not_valid_is_named(rule: str) -> None:
    detail = refusal(calendar(f"DTSTART:20260602T090000Z\r\nRRULE:{rule}"))
    assert detail == f"cannot be read as iCalendar: a recurrence rule is not valid: {rule}"


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
    [absence] = await work(bob=zoned(zone()))
    assert absence.start_at == JUNE_1 + DAY + 4 * HOUR


def test_a_zone_is_known_to_its_own_calendar_only() -> None:
    assert found(zoned(zone("+0500"))) == [(28, 29)]
    assert found(zoned(zone("-0500"))) == [(38, 39)]
    people = {"a": zoned(zone("+0500")), "b": zoned(zone("-0500"))}
    read = absences_in(people, None, JUNE_1, JUNE_1 + 9 * DAY)
    assert [(item.start_at - JUNE_1) // HOUR for item in read] == [28, 38]
    assert found(zoned("")) == [(33, 34)]  # nobody defined it: the rotation's own


# --- before anybody pays --------------------------------------------------------------------


def test_short_calendars_are_parsed_before_anybody_pays() -> None:
    day = calendar("DTSTART;VALUE=DATE:20260603\r\nRRULE:FREQ=SECONDLY")
    assert parse_quick_calendars({"bob": calendar("DTSTART;VALUE=DATE:20260603")}) == []
    [warning] = parse_quick_calendars({"bob": day})
    assert (warning.pointer, warning.detail) == ("/unavailableIcs/bob", LATER.format(why=RECURS))
    with pytest.raises(InvalidRequest) as refused:
        parse_quick_calendars({"alice": "hello", "bob": day, "carol": ""})
    assert [error.pointer for error in refused.value.errors] == [
        "/unavailableIcs/alice",
        "/unavailableIcs/carol",
    ]


def test_what_could_take_long_is_left_for_later_and_that_is_said() -> None:
    long = calendar(*["DTSTART;VALUE=DATE:20260603"] * 100)
    hidden = zoned(zone()).replace("VTIMEZONE", "VTIME\r\n ZONE")
    named = calendar("DTSTART;TZID=/a/b/c/d/e:20260602T090000\r\nDURATION:PT1H")
    calendars = {"a": calendar(), "b": hidden, "n": named, "c": long, "d": calendar()}
    warnings = parse_quick_calendars(calendars)
    assert [(warning.pointer, warning.detail) for warning in warnings] == [
        ("/unavailableIcs/b", LATER.format(why=OWN_ZONE)),
        ("/unavailableIcs/n", LATER.format(why=OWN_ZONE)),
        ("/unavailableIcs/c", LATER.format(why=LONG)),
        ("/unavailableIcs/d", LATER.format(why=LONG)),
    ]


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
        pytest.param("BEGIN:VCALENDAR\r\nX-\ud800:1\r\nEND:VCALENDAR", id="half-a-character"),
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
