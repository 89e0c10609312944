"""Absences in iCalendar texts. No text does harm, whatever it holds."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.planning.request import Absence
from app.engine.walltime import ZoneClock, clock_of
from app.errors import InvalidRequest
from app.products.rotation import absence_calendars
from app.products.rotation.absence_calendars import absences_in

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

ENDLESS = "recurs too often, or is too long, to be laid out"


@pytest.mark.parametrize(
    "event",
    [
        pytest.param("DTSTART:20260602T090000Z\r\nRRULE:FREQ=SECONDLY", id="every-second"),
        pytest.param(
            "DTSTART:20260602T090000Z\r\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", id="never"
        ),
        pytest.param(
            "DTSTART:20260602T090000Z\r\nRRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
            id="never-by-the-second",
        ),
        pytest.param("DTSTART:00010101T090000Z\r\nRRULE:FREQ=HOURLY", id="since-the-year-1"),
        pytest.param(
            "DTSTART:20260602T090000Z\r\nRDATE:"
            + ",".join(f"20260603T{n // 60 % 24:02}{n % 60:02}{n % 59:02}Z" for n in range(12_000)),
            id="a-bomb-of-dates",
        ),
    ],
)
def test_endless_work_is_ended(monkeypatch: pytest.MonkeyPatch, event: str) -> None:
    monkeypatch.setattr(absence_calendars, "STEPS", 200_000)
    assert refusal(calendar(event)) == ENDLESS


def test_the_bound_is_for_all_calendars_together(monkeypatch: pytest.MonkeyPatch) -> None:
    text = calendar(*["DTSTART;VALUE=DATE:20260603"] * 20)
    monkeypatch.setattr(absence_calendars, "STEPS", 200_000)
    assert len(absences_in({"a": text}, None, JUNE_1, JUNE_1 + 9 * DAY)) == 20
    people = {f"p{number}": text for number in range(50)}
    with pytest.raises(InvalidRequest, match=ENDLESS):
        absences_in(people, None, JUNE_1, JUNE_1 + 9 * DAY)


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


def test_a_profiler_is_left_as_it_was() -> None:
    def profiler(*_: Any) -> None: ...

    sys.setprofile(profiler)
    try:
        found(calendar("DTSTART;VALUE=DATE:20260603"))
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
