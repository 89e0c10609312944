"""The examples of RFC 5545 (3.8.5.3) and RFC 7529, and what else a rule may say."""

from datetime import datetime, timedelta
from itertools import islice

import pytest

from app.formats.calendars.recurrence import rule_of, starts_within

EPOCH = datetime.fromisoformat("1970-01-01")
FAR = 200 * 366 * 86_400_000


def milliseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


def starts(start: str, rule: str, *, since: str = "") -> list[str]:
    """The first starts of a series, at most eight, since some day."""
    first = milliseconds(start)
    found = starts_within(rule_of(rule), first, milliseconds(since) if since else first, FAR)
    return [f"{EPOCH + timedelta(milliseconds=wall):%Y-%m-%dT%H:%M}" for wall in islice(found, 8)]


def days(year: int, *month_days: str) -> list[str]:
    """Days of a year at 09:00."""
    return [f"{year}-{day}T09:00" for day in month_days]


SEPTEMBER_2 = "1997-09-02T09:00"


@pytest.mark.parametrize(
    ("start", "rule", "expected"),
    [
        (SEPTEMBER_2, "FREQ=DAILY;COUNT=3", days(1997, "09-02", "09-03", "09-04")),
        (SEPTEMBER_2, "FREQ=DAILY;INTERVAL=10;COUNT=5",
         days(1997, "09-02", "09-12", "09-22", "10-02", "10-12")),
        ("1998-01-30T09:00", "FREQ=DAILY;BYMONTH=1;COUNT=3",
         [*days(1998, "01-30", "01-31"), *days(1999, "01-01")]),
        (SEPTEMBER_2, "FREQ=DAILY;BYMONTHDAY=-1,15;BYDAY=MO,TU,WE,TH,FR;COUNT=4",
         days(1997, "09-02", "09-15", "09-30", "10-15")),
        (SEPTEMBER_2, "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,TH;COUNT=5",
         days(1997, "09-02", "09-04", "09-16", "09-18", "09-30")),
        (SEPTEMBER_2, "FREQ=WEEKLY;BYMONTH=9,12;COUNT=6",
         days(1997, "09-02", "09-09", "09-16", "09-23", "09-30", "12-02")),
        ("1997-08-05T09:00", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
         days(1997, "08-05", "08-10", "08-19", "08-24")),
        ("1997-08-05T09:00", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
         days(1997, "08-05", "08-17", "08-19", "08-31")),
        ("1997-09-05T09:00", "FREQ=MONTHLY;COUNT=4;BYDAY=1FR",
         days(1997, "09-05", "10-03", "11-07", "12-05")),
        ("1997-09-07T09:00", "FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU",
         days(1997, "09-07", "09-28", "11-02", "11-30")),
        ("1997-09-28T09:00", "FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=3",
         days(1997, "09-28", "10-29", "11-28")),
        ("1997-09-10T09:00", "FREQ=MONTHLY;INTERVAL=18;COUNT=5;BYMONTHDAY=10,11,12,13,14,15",
         days(1997, "09-10", "09-11", "09-12", "09-13", "09-14")),
        (SEPTEMBER_2, "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU;COUNT=6",
         days(1997, "09-02", "09-09", "09-16", "09-23", "09-30", "11-04")),
        ("1997-09-29T09:00", "FREQ=MONTHLY;BYDAY=5MO;COUNT=3",
         [*days(1997, "09-29", "12-29"), *days(1998, "03-30")]),
        ("1998-02-13T09:00", "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=4",
         [*days(1998, "02-13", "03-13", "11-13"), *days(1999, "08-13")]),
        ("1997-09-13T09:00", "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13;COUNT=3",
         days(1997, "09-13", "10-11", "11-08")),
        ("1997-09-04T09:00", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
         days(1997, "09-04", "10-07", "11-06")),
        ("1997-09-29T09:00", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2,99;COUNT=3",
         days(1997, "09-29", "10-30", "11-27")),
        ("1997-01-31T09:00", "FREQ=MONTHLY;BYMONTH=1,2,3;COUNT=3",
         [*days(1997, "01-31", "03-31"), *days(1998, "01-31")]),
        ("1997-06-10T09:00", "FREQ=YEARLY;COUNT=4;BYMONTH=6,7",
         [*days(1997, "06-10", "07-10"), *days(1998, "06-10", "07-10")]),
        ("1997-03-13T09:00", "FREQ=YEARLY;BYMONTH=3;BYDAY=TH;COUNT=3",
         days(1997, "03-13", "03-20", "03-27")),
        ("1997-05-19T09:00", "FREQ=YEARLY;BYDAY=20MO;COUNT=3",
         [*days(1997, "05-19"), *days(1998, "05-18"), *days(1999, "05-17")]),
        ("1997-12-30T09:00", "FREQ=YEARLY;BYDAY=-1TU,53WE;COUNT=3",
         [*days(1997, "12-30", "12-31"), *days(1998, "12-29")]),
        ("1997-05-12T09:00", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3",
         [*days(1997, "05-12"), *days(1998, "05-11"), *days(1999, "05-17")]),
        ("1997-05-14T09:00", "FREQ=YEARLY;BYWEEKNO=20,-1;COUNT=4",
         [*days(1997, "05-14", "12-24"), *days(1998, "05-13", "12-30")]),
        ("1997-05-14T09:00", "FREQ=YEARLY;BYWEEKNO=20;BYMONTHDAY=15,16;COUNT=3",
         days(1997, "05-14", "05-15", "05-16")),
        ("1997-01-01T09:00", "FREQ=YEARLY;INTERVAL=3;COUNT=4;BYYEARDAY=1,100,-1",
         [*days(1997, "01-01", "04-10", "12-31"), *days(2000, "01-01")]),
        ("1997-01-01T09:00", "FREQ=YEARLY;BYYEARDAY=1,366;BYDAY=FR,SU;COUNT=3",
         [*days(1997, "01-01"), *days(1999, "01-01"), *days(2000, "12-31")]),
        ("1996-11-05T09:00",
         "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
         [*days(1996, "11-05"), *days(2000, "11-07"), *days(2004, "11-02")]),
        ("1997-03-15T09:00", "FREQ=YEARLY;BYMONTHDAY=15;COUNT=3",
         days(1997, "03-15", "04-15", "05-15")),
        ("1996-02-29T09:00", "FREQ=YEARLY;COUNT=2", [*days(1996, "02-29"), *days(2000, "02-29")]),
        ("1996-02-29T09:00", "FREQ=YEARLY;RSCALE=GREGORIAN;SKIP=FORWARD;COUNT=3",
         [*days(1996, "02-29"), *days(1997, "03-01"), *days(1998, "03-01")]),
        ("2014-01-31T09:00", "FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=BACKWARD;COUNT=3",
         days(2014, "01-31", "02-28", "03-31")),
        ("2014-01-31T09:00", "FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=OMIT;COUNT=3",
         days(2014, "01-31", "03-31", "05-31")),
        (SEPTEMBER_2, "FREQ=HOURLY;INTERVAL=3;COUNT=3",
         ["1997-09-02T09:00", "1997-09-02T12:00", "1997-09-02T15:00"]),
        (SEPTEMBER_2, "FREQ=HOURLY;BYHOUR=9,17;BYDAY=TU,WE;BYMINUTE=0,30;COUNT=5",
         ["1997-09-02T09:00", "1997-09-02T09:30", "1997-09-02T17:00", "1997-09-02T17:30",
          "1997-09-03T09:00"]),
        (SEPTEMBER_2, "FREQ=HOURLY;BYMINUTE=0,20,40;BYSETPOS=-1;COUNT=3",
         ["1997-09-02T09:00", "1997-09-02T09:40", "1997-09-02T10:40"]),
        (SEPTEMBER_2, "FREQ=HOURLY;INTERVAL=30;BYMONTH=9;BYYEARDAY=-118,247;COUNT=3",
         ["1997-09-02T09:00", "1997-09-04T21:00", "1998-09-04T21:00"]),
        (SEPTEMBER_2, "FREQ=MINUTELY;INTERVAL=90;COUNT=4",
         ["1997-09-02T09:00", "1997-09-02T10:30", "1997-09-02T12:00", "1997-09-02T13:30"]),
        (SEPTEMBER_2, "FREQ=MINUTELY;BYMINUTE=0,30;BYHOUR=9,16;BYMONTHDAY=2,-1;COUNT=4",
         ["1997-09-02T09:00", "1997-09-02T09:30", "1997-09-02T16:00", "1997-09-02T16:30"]),
        (SEPTEMBER_2, "FREQ=MINUTELY;BYSECOND=0,60;COUNT=3",
         ["1997-09-02T09:00", "1997-09-02T09:00", "1997-09-02T09:01"]),
        (SEPTEMBER_2, "FREQ=SECONDLY;INTERVAL=20;BYSECOND=0,40;BYMINUTE=0,1;COUNT=5",
         ["1997-09-02T09:00", "1997-09-02T09:00", "1997-09-02T09:01", "1997-09-02T09:01",
          "1997-09-02T10:00"]),
        (SEPTEMBER_2, "FREQ=DAILY;BYHOUR=8,9;BYMINUTE=0,30;COUNT=4",
         ["1997-09-02T09:00", "1997-09-02T09:30", "1997-09-03T08:00", "1997-09-03T08:30"]),
        (SEPTEMBER_2, "freq=daily;count=1;x-what=ever;", days(1997, "09-02")),
        ("1997-09-01T09:00", "FREQ=WEEKLY;BYDAY=TU;COUNT=2", days(1997, "09-01", "09-02")),
        ("1997-09-01T09:00", "FREQ=MONTHLY;BYDAY=MO,1TU;COUNT=4",
         days(1997, "09-01", "09-02", "09-08", "09-15")),
    ],
)  # fmt: skip
def test_an_example(start: str, rule: str, expected: list[str]) -> None:
    assert starts(start, rule) == expected


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU",
        "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=2,-1",
        "FREQ=YEARLY;INTERVAL=4",
        "FREQ=HOURLY;INTERVAL=25",
        "FREQ=DAILY;COUNT=10344",
    ],
)
def test_a_window_long_after_the_start(rule: str) -> None:
    """What is found there by division is what is found there by counting."""
    found = starts(SEPTEMBER_2, rule, since="2025-12-25")
    assert found
    assert found == [each for each in _walked(rule) if each >= "2025-12-25"][:8]


def test_a_window_ends_within_a_week() -> None:
    first, last = milliseconds(SEPTEMBER_2), milliseconds("1997-09-05")
    found = starts_within(rule_of("FREQ=WEEKLY;BYDAY=TU,TH,FR,SA"), first, first, last)
    assert list(found) == [first, first + 2 * 86_400_000]
    never = starts_within(rule_of("FREQ=HOURLY;BYMONTH=1"), first, first, last)
    assert list(never) == [first]


def _walked(rule: str) -> list[str]:
    """All starts from the first on, without looking for the window by division."""
    first = milliseconds(SEPTEMBER_2)
    found = starts_within(rule_of(rule), first, first, milliseconds("2060-01-01"))
    return [f"{EPOCH + timedelta(milliseconds=wall):%Y-%m-%dT%H:%M}" for wall in found]


def test_a_series_that_begins_after_the_window_or_ends_with_the_years() -> None:
    start = milliseconds("2026-01-01")
    assert list(starts_within(rule_of("FREQ=DAILY"), start, 0, start)) == []
    for frequency in ("YEARLY", "MONTHLY", "WEEKLY", "DAILY"):
        last = milliseconds("9999-12-31")
        found = starts_within(rule_of(f"FREQ={frequency}"), last, last, last + 86_400_000)
        assert list(found) == [last]
