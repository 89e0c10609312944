"""What a calendar says, by the rules of RFC 5545 and by what exporters write."""

import gc
import threading
import tracemalloc
from collections.abc import Sequence

import pytest

from app.engine.walltime import clock_of
from app.formats.calendars.components import calendars_in
from app.formats.calendars.events import Occurrence, entries_of, occurrences
from app.formats.calendars.recurrence import rule_of, starts_within
from app.formats.calendars.values import Duration, duration, offset
from app.formats.calendars.zones import UTC_CLOCK, FileClock, IanaClock, UnknownZone, Zones

HOUR, DAY = 3_600_000, 86_400_000
JULY_1 = 1_782_864_000_000
"""2026-07-01T00:00:00Z, a Wednesday."""
BERLIN = IanaClock(clock_of("Europe/Berlin"))


def event(*lines: str, uid: str = "1") -> str:
    return "\r\n".join(("BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"))


def calendar(*parts: str, head: Sequence[str] = ()) -> str:
    return "\r\n".join(("BEGIN:VCALENDAR", *head, *parts, "END:VCALENDAR", ""))


def laid_out(text: str, days: int = 31) -> list[Occurrence]:
    window = (JULY_1, JULY_1 + days * DAY)
    return sorted(
        each for entry in entries_of(text, BERLIN) for each in occurrences(entry, *window)
    )


def hours(text: str, days: int = 31) -> list[tuple[float, float]]:
    """The starts in July, in hours from its beginning in UTC, and the lengths."""
    return [
        ((found.start_at - JULY_1) / HOUR, (found.end_at - found.start_at) / HOUR)
        for found in laid_out(text, days)
    ]


def error(text: str) -> str:
    with pytest.raises(ValueError, match=r".") as refused:
        laid_out(text)
    return str(refused.value)


# --- the text -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("https://calendar.google.com/basic.ics", "this is an address: send the contents"),
        (" webcal://p01.icloud.com/x", "this is an address: send the contents"),
        ("<!DOCTYPE html>", "it begins with '<!DOCTYPE html>', an iCalendar text with BEGIN:VCAL"),
        ("BEGIN:VEVENT\nEND:VEVENT", "BEGIN:VEVENT is not within a VCALENDAR"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "it ends before END:VEVENT: is it cut off?"),
        (
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR",
            "END:VCALENDAR ends nothing, where END:VE",
        ),
        ("END:VCALENDAR", "END:VCALENDAR ends nothing"),
    ],
)
def test_a_text_that_is_no_calendar(text: str, detail: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        calendars_in(text)
    assert str(refused.value).startswith(detail)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\r\r\n"])
def test_lines_end_as_they_like(end: str) -> None:
    text = calendar(event("DTSTART:2026070\r\n 2T090000Z", "DURATION:P\r\n\tT1H"))
    assert hours(text.replace("\r\n", end)) == [(33, 1)]


def test_a_text_is_unescaped_and_stands_in_one_line() -> None:
    summary = r"SUMMARY;ALTREP=\"x:y\";LANGUAGE=de:Zahnarzt\, Wien\n\\o/ \; ende"
    [found] = laid_out(calendar(event(summary.replace('\\"', '"'), "DTSTART:20260702T090000Z")))
    assert found.facts.summary == r"Zahnarzt, Wien \o/ ; ende"


def test_what_is_in_other_components_says_nothing() -> None:
    alarm = "BEGIN:VALARM\r\nDURATION:PT9H\r\nTRANSP:TRANSPARENT\r\nEND:VALARM"
    task = "BEGIN:VTODO\r\nDTSTART:20260702T090000Z\r\nDURATION:PT1H\r\nEND:VTODO"
    text = calendar(task, event("DTSTART:20260703T090000Z", "DURATION:PT1H", alarm))
    assert hours(text) == [(57, 1)]
    assert not laid_out(text)[0].facts.transparent


def test_declined_are_the_addresses_of_those_who_have() -> None:
    lines = (
        'ATTENDEE;CN="Boss: of: all";PARTSTAT=DECLINED:MAILTO:Ana@Example.org',
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ben@example.org",
        "ATTENDEE;PARTSTAT=declined;EMAIL=cy@example.org:urn:uuid:1",
    )
    [found] = laid_out(calendar(event("DTSTART:20260702T090000Z", *lines)))
    assert {"ana@example.org", "cy@example.org"} < found.facts.declined
    assert "ben@example.org" not in found.facts.declined


# --- values ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("P1W", Duration(7, 0)),
        ("P1DT12H", Duration(1, 12 * HOUR)),
        ("+PT1H30M5S", Duration(0, 5_405_000)),
        ("-PT15M", Duration(0, -900_000)),
        ("pt0s", Duration(0, 0)),
    ],
)
def test_a_duration(written: str, read: Duration) -> None:
    assert duration(written) == read


@pytest.mark.parametrize("written", ["", "P", "PT", "1H", "P1DT", "P99999999D", "PT1.5H"])
def test_no_duration(written: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as PT8H"):
        duration(written)


def test_an_offset() -> None:
    assert [offset(written) for written in ("+0530", "-0800", "+005328")] == [
        19_800_000,
        -28_800_000,
        3_208_000,
    ]
    with pytest.raises(ValueError, match="is not an offset from UTC"):
        offset("1:00")


def test_dates_that_there_are_not() -> None:
    assert error(calendar(event("DTSTART:20260230"))) == (
        "there is no date 20260230: the event '1'"
    )


# --- events ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(("DTSTART:20260702T235960Z", "DTEND:20260703T000000Z"), 1 / 3600, id="leap"),
        pytest.param(("DTSTART:20260702T090000Z", "DTEND:20260703"), 13, id="until-midnight"),
        pytest.param(("DTSTART:20260702", "DTEND:20260703T120000"), 48, id="days-until-a-time"),
        pytest.param(("DTSTART:20260702", "DTEND:20260703T220000Z"), 48, id="local-midnight"),
        pytest.param(("DTSTART:20260702", "DURATION:PT36H"), 36, id="a-date-and-hours"),
        pytest.param(("DTSTART:20260702", "DURATION:PT0S"), 24, id="a-date-and-nothing"),
        pytest.param(("DTSTART:20260702T090000Z",), 0, id="an-instant"),
    ],
)
def test_a_length(lines: Sequence[str], expected: float) -> None:
    [(_, length)] = hours(calendar(event(*lines)))
    assert length == pytest.approx(expected)


@pytest.mark.parametrize(
    ("lines", "detail"),
    [
        (("DTSTART:20260702T220000Z", "DTEND:20260702T060000Z"), "it ends before it begins"),
        (("DTSTART:20260702", "DTEND:20260701"), "it ends before it begins"),
        (("DTSTART:20260702T220000Z", "DURATION:-PT1H"), "it ends before it begins"),
        (("SUMMARY:x",), "it has no DTSTART"),
        (("DTSTART:2026-07-02",), "'2026-07-02' is not a date or a time such as 20260604T090000Z"),
    ],
)
def test_an_event_that_cannot_be_read_is_named(lines: Sequence[str], detail: str) -> None:
    assert error(calendar(event("SUMMARY:Night", *lines))).startswith(f"{detail}: the event '")


def test_an_owners_zone_that_is_not_known_is_told() -> None:
    text = calendar(event("DTSTART:20260702"), head=["X-WR-TIMEZONE:Middle Earth"])
    assert error(text) == (
        "the time zone 'Middle Earth' is neither known nor defined in the text: the event '1'"
    )
    at_nine = calendar(event("DTSTART:20260702T090000Z"), head=["X-WR-TIMEZONE:Middle Earth"])
    assert hours(at_nine) == [(33, 0)]


SERIES = ("DTSTART;TZID=Europe/Berlin:20260701T090000", "DURATION:PT1H")


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        pytest.param(("RRULE:FREQ=DAILY;UNTIL=20260703T070000Z",), [1, 2, 3], id="until"),
        pytest.param(("RRULE:FREQ=DAILY;UNTIL=20260703T065959Z",), [1, 2], id="until-before"),
        pytest.param(("RRULE:FREQ=DAILY;UNTIL=20260703T090000",), [1, 2, 3], id="until-local"),
        pytest.param(("RRULE:FREQ=DAILY;UNTIL=20260703T085959",), [1, 2], id="until-local-before"),
        pytest.param(("RRULE:FREQ=DAILY;UNTIL=20260601",), [], id="until-before-it-begins"),
        pytest.param(("RRULE:FREQ=DAILY;COUNT=1",), [1], id="once"),
        pytest.param(("RRULE:FREQ=DAILY;COUNT=3", "RDATE:20260710T090000,20260702T090000"),
                     [1, 2, 3, 10], id="rdate-once-each"),
        pytest.param(("RDATE;VALUE=DATE:20260710",), [1, 10], id="rdate-as-a-date"),
        pytest.param(("RDATE:20260710T070000Z",), [1, 10], id="rdate-in-utc"),
        pytest.param(("RRULE:FREQ=DAILY;COUNT=4", "EXDATE:20260702T090000,20260703T090000"),
                     [1, 4], id="exdates-by-the-clock-of-the-series"),
        pytest.param(("RRULE:FREQ=DAILY;COUNT=4", "EXDATE:20260702T070000Z"), [1, 3, 4],
                     id="exdate-in-utc"),
        pytest.param(("RRULE:FREQ=DAILY;COUNT=4", "EXRULE:FREQ=DAILY;INTERVAL=2"), [2, 4],
                     id="exrule"),
        pytest.param(("RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=WEEKLY;COUNT=2"), [1, 2, 8],
                     id="two-rules"),
        pytest.param(("RRULE:FREQ=WEEKLY;BYDAY=FR;COUNT=3",), [1, 3, 10],
                     id="the-start-counts-where-the-rule-does-not-hold"),
        pytest.param(("RRULE:FREQ=DAILY;COUNT=2;X-NAME=1;",), [1, 2], id="parts-that-say-nothing"),
        pytest.param(("RRULE:FREQ=SECONDLY;INTERVAL=43200;BYHOUR=9;BYMINUTE=0;BYSECOND=0;COUNT=2",),
                     [1, 2], id="by-the-second"),
    ],
)  # fmt: skip
def test_a_series(lines: Sequence[str], days: list[int]) -> None:
    assert hours(calendar(event(*SERIES, *lines))) == [(24 * day - 17, 1) for day in days]


def test_a_series_that_began_long_ago_is_laid_out_in_the_window_alone() -> None:
    text = calendar(event("DTSTART:19000101T090000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY"))
    assert len(laid_out(text)) == 31 * 24
    within = starts_within(rule_of("FREQ=YEARLY"), -(1 << 45), JULY_1, JULY_1 + 400 * DAY)
    assert len(list(within)) == 1


@pytest.mark.parametrize(
    ("until", "last"),
    [("20260703", 3), ("20260703T000000Z", 3), ("20260703T235959Z", 3), ("20260702T220000Z", 3),
     ("20260703T120000", 3)],
)  # fmt: skip
def test_the_last_day_of_a_series_of_days(until: str, last: int) -> None:
    text = calendar(event("DTSTART:20260701", f"RRULE:FREQ=DAILY;UNTIL={until}"))
    assert len(laid_out(text)) == last


@pytest.mark.parametrize("written", ["20260702", "20260702T000000", "20260701T220000Z"])
def test_a_day_is_left_out_however_it_is_written(written: str) -> None:
    text = calendar(event("DTSTART:20260701", "RRULE:FREQ=DAILY;COUNT=3", f"EXDATE:{written}"))
    assert [start for start, _ in hours(text)] == [-2, 46]


def test_a_period_that_is_added_has_its_own_end() -> None:
    lines = ("RDATE;VALUE=PERIOD:20260703T090000/20260703T120000,20260705T070000Z/P1D",)
    assert hours(calendar(event(*SERIES, *lines))) == [(7, 1), (55, 3), (103, 24)]


def test_days_that_are_added() -> None:
    text = calendar(event("DTSTART:20260701", "RDATE:20260703,20260704T120000,19990101"))
    assert hours(text) == [(-2, 24), (46, 24), (70, 24)]


def test_an_event_leaves_itself_out() -> None:
    assert hours(calendar(event(*SERIES, "EXDATE;TZID=Europe/Berlin:20260701T090000"))) == []


# --- changes --------------------------------------------------------------------------------

DAILY = event(*SERIES, "RRULE:FREQ=DAILY;COUNT=3")


def change(*lines: str, of: str = "20260702T070000Z") -> str:
    return event(f"RECURRENCE-ID:{of}", "DTSTART:20260709T090000Z", *lines)


def test_of_two_changes_the_later_one_holds() -> None:
    first, second = change("SEQUENCE:2", "DURATION:PT2H"), change("SEQUENCE:1", "DURATION:PT3H")
    assert hours(calendar(DAILY, first, second)) == [(7, 1), (55, 1), (201, 2)]
    assert hours(calendar(second, DAILY, first)) == [(7, 1), (55, 1), (201, 2)]
    older = change("SEQUENCE:2", "LAST-MODIFIED:20260101T000000Z", "DURATION:PT4H")
    newer = change("SEQUENCE:2", "LAST-MODIFIED:20260201T000000Z", "DURATION:PT5H")
    assert hours(calendar(DAILY, newer, older)) == [(7, 1), (55, 1), (201, 5)]


def test_changes_are_tied_by_their_uid() -> None:
    other = event(*SERIES, "RRULE:FREQ=DAILY;COUNT=3", uid="2")
    starts = [start for start, _ in hours(calendar(DAILY, other, change("DURATION:PT1H")))]
    assert starts == [7, 7, 31, 55, 55, 201]
    nameless = calendar(DAILY, change("DURATION:PT1H"), change("DURATION:PT1H"))
    assert [start for start, _ in hours(nameless.replace("UID:1", "UID:"))] == [7, 55, 201, 201]


def test_a_change_of_what_happens_once() -> None:
    assert hours(calendar(event(*SERIES), change("DURATION:PT2H", of="20260701T070000Z"))) == [
        (201, 2)
    ]


def test_a_change_of_all_that_follow() -> None:
    following = [
        event(f"RECURRENCE-ID;RANGE=THISANDFUTURE:202607{day:02}T070000Z",
              f"DTSTART:202607{day + 1:02}T0{hour}0000Z", f"DURATION:PT{hour}H")
        for day, hour in ((3, 2), (5, 4))
    ]  # fmt: skip
    text = calendar(event(*SERIES, "RRULE:FREQ=DAILY;COUNT=6"), *following)
    assert hours(text) == [(7, 1), (31, 1), (74, 2), (98, 2), (124, 4), (148, 4)]


def test_a_change_that_cannot_be_read_is_named() -> None:
    assert error(calendar(DAILY, event("SUMMARY:Moved", "RECURRENCE-ID:soon"))).endswith(
        ": the event 'Moved'"
    )


# --- busy times -----------------------------------------------------------------------------


def busy(*lines: str) -> str:
    return calendar("\r\n".join(("BEGIN:VFREEBUSY", *lines, "END:VFREEBUSY")))


def test_busy_times() -> None:
    found = laid_out(
        busy(
            "FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260702T060000Z/20260702T120000Z",
            "FREEBUSY:20260703T060000Z/PT6H,20260704T060000/PT1H,",
        )
    )
    assert [(found.start_at - JULY_1) / HOUR for found in found] == [30, 54, 76]
    assert [each.facts.status for each in found] == ["BUSY-UNAVAILABLE", "BUSY", "BUSY"]


def test_a_busy_time_that_is_no_period_is_told() -> None:
    assert error(busy("FREEBUSY:20260702T060000Z")) == (
        "'20260702T060000Z' is not a period: the event 'busy time'"
    )


# --- zones ----------------------------------------------------------------------------------


def zone(tzid: str, *observances: str) -> str:
    return "\r\n".join(("BEGIN:VTIMEZONE", f"TZID:{tzid}", *observances, "END:VTIMEZONE"))


def observance(name: str, start: str, before: str, after: str, *lines: str) -> str:
    ends = (f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}")
    return "\r\n".join((f"BEGIN:{name}", f"DTSTART:{start}", *ends, *lines, f"END:{name}"))


def clock_in(*observances: str) -> FileClock:
    [found] = calendars_in(calendar(zone("Z", *observances)))
    return FileClock(found.parts[0])


BERLIN_RULES = (
    observance("STANDARD", "19961027T030000", "+0200", "+0100",
               "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"),
    observance("DAYLIGHT", "19810329T020000", "+0100", "+0200",
               "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"),
)  # fmt: skip


def test_a_zone_by_its_rules_is_the_zone_by_its_name() -> None:
    """Also in the hours that a change skips or repeats, and as far as one likes to look."""
    clock = clock_in(*BERLIN_RULES)
    for year in (0, 5, 60):
        first = JULY_1 - 120 * DAY + year * 365 * DAY
        for wall in range(first, first + 400 * DAY, HOUR // 2):
            assert clock.instant(wall) == BERLIN.instant(wall)
        for at in range(first, first + 400 * DAY, HOUR * 5):
            assert clock.wall(at) == BERLIN.wall(at)


def test_a_zone_before_its_first_change_and_after_its_last() -> None:
    clock = clock_in(
        observance("STANDARD", "20260701T000000", "+0100", "+0300", "RDATE:20260801T000000"),
        observance("DAYLIGHT", "20260715T000000", "+0300", "+0500",
                   "RRULE:FREQ=YEARLY;UNTIL=20270715T000000Z"),
    )  # fmt: skip
    offsets = [
        (wall - clock.instant(wall)) / HOUR
        for wall in (JULY_1 - DAY, JULY_1 + DAY, JULY_1 + 20 * DAY, JULY_1 + 40 * DAY)
    ]
    assert offsets == [1, 3, 5, 3]
    assert clock.wall(JULY_1 - DAY) == JULY_1 - DAY + HOUR


def test_a_zone_that_changes_all_the_time_is_refused() -> None:
    clock = clock_in(
        observance("STANDARD", "20260101T000000", "+0100", "+0200", "RRULE:FREQ=HOURLY")
    )
    with pytest.raises(ValueError, match="changes its clock more than 20,000 times"):
        clock.instant(JULY_1 + 2_000 * DAY)


def test_a_definition_of_the_same_calendar_goes_first() -> None:
    one, other = (
        calendar(zone("Mine", observance("STANDARD", "20200101T000000", each, each)),
                 event("DTSTART;TZID=Mine:20260702T090000"))
        for each in ("+0100", "+0500")
    )  # fmt: skip
    none = calendar(event("DTSTART;TZID=Mine:20260703T090000"))
    assert [start for start, _ in hours(one + other + none)] == [28, 32, 52]
    empty = calendar(zone("Europe/Berlin"), event("DTSTART;TZID=Europe/Berlin:20260702T090000"))
    assert [start for start, _ in hours(empty)] == [31]


def test_names_of_zones() -> None:
    [own] = calendars_in(calendar())
    zones = Zones(own, (own,))
    for name in ("UTC", "Etc/UTC", "tzone://Microsoft/Utc"):
        assert zones.clock(name) is UTC_CLOCK
    for name in ("europe/berlin", "/citadel.org/1/Europe/Berlin", "W. Europe Standard Time"):
        assert zones.clock(name).instant(JULY_1) == JULY_1 - 2 * HOUR
    for name in ("tzone://Microsoft/Custom", "Customized Time Zone", "\ud800" * 99):
        with pytest.raises(UnknownZone, match="is neither known nor defined"):
            zones.clock(name)


def at_offset(hours_east: int) -> str:
    offset_ = f"{hours_east:+03}00"
    definition = zone(
        "Customized Time Zone", observance("STANDARD", "16010101T000000", offset_, offset_)
    )
    return calendar(definition, event("DTSTART;TZID=Customized Time Zone:20260702T090000"))


def test_contradicting_definitions_of_one_name_a_thousand_times_at_once() -> None:
    texts = {hour: at_offset(hour) for hour in (-8, 5)}
    alone = {hour: hours(text) for hour, text in texts.items()}
    wrong: list[int] = []

    def ask(hour: int) -> None:
        wrong.extend(hour for _ in range(500) if hours(texts[hour]) != alone[hour])

    threads = [threading.Thread(target=ask, args=(hour,)) for hour in (*texts, *texts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alone == {-8: [(41, 0)], 5: [(28, 0)]}
    assert wrong == []


def test_memory_does_not_grow_by_names() -> None:
    def read(first: int) -> None:
        for number in range(first, first + 300):
            hours(at_offset(3).replace("Customized Time Zone", f"Zone {number}"))
            with pytest.raises(UnknownZone):
                hours(calendar(event(f"DTSTART;TZID=Nowhere {number}:20260702T090000")))

    read(0)
    tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        read(1_000)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 50_000


def test_of_many_zones_few_are_kept_laid_out() -> None:
    """Each is still read right, also one that was forgotten meanwhile."""
    zones = [zone(f"Z{number}", *BERLIN_RULES) for number in range(40)]
    events = [
        event(f"DTSTART;TZID=Z{number % 40}:20260702T090000", uid=str(number))
        for number in range(80)
    ]
    assert hours(calendar(*zones, *events)) == [(31, 0)] * 80
