"""iCalendar: read by two other libraries, and the same bytes as the writer's own objects give."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from unicodedata import category

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.engine.layered.limits import EARLIEST_AT
from app.engine.rotation import rotation_of
from app.formats.ical import PRODUCT, calendar_bytes
from app.formats.plain import plain_text
from app.formats.timeline import Timeline, TimelineItem
from app.products.rotation.timeline import rotation_timeline
from tests.support.formats import events
from tests.support.processes import ROOT
from tests.support.timing import least_seconds

T = 1_780_531_200_000
HOUR = 3_600_000

HOSTILE = [
    "a, b; c\\d",
    "DOMAIN\\Nick and C:\\next",
    "ends in \\",
    "x\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:evil",
    "x\r\nEND:VCALENDAR\r\n",
    "x\u2028BEGIN:VEVENT\x85BEGIN:VALARM",
    "nul\0 escape\x1b bell\a",
    "\u202eright to left\u202c שלום مرحبا",
    "👩‍💻" * 60,
    "ключ " * 39 + "ключ",
    "quotes \" and ' and ^n and %0A",
    ":;=,",
    "e\u0301" * 80,
]


def calendar(people: Sequence[str], shifts: int = 3, *, hours: float = 24, start: int = T) -> bytes:
    return calendar_bytes(
        rotation_timeline(
            rotation_of(
                start_at=start, people=people, shifts=shifts, length_hours=hours, offset_hours=0
            )
        )
    )


def unfolded(text: bytes) -> list[str]:
    return text.decode().replace("\r\n ", "").split("\r\n")


# --- what it says ---------------------------------------------------------------------------


def test_the_first_event_byte_for_byte() -> None:
    assert unfolded(calendar(["alice", "bob"], 1)) == [
        "BEGIN:VCALENDAR",
        f"PRODID:{PRODUCT}",
        "VERSION:2.0",
        "X-WR-CALNAME:On-call rotation",
        "X-WR-CALDESC:1 shift(s) of 24h across 2 people from 2026-06-04T00:00:00.000Z.",
        "X-WR-TIMEZONE:UTC",
        "BEGIN:VEVENT",
        "UID:8c59d99af13e0806ed8eae654be73df7-1",
        "DTSTAMP:20260604T000000Z",
        "DTSTART:20260604T000000Z",
        "DTEND:20260605T000000Z",
        "SUMMARY:On call: alice",
        "DESCRIPTION:The last shift of the rotation.",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


def test_two_readers_find_the_shifts() -> None:
    assert [(event.start, event.end, event.summary) for event in events(calendar("ab", 3))] == [
        (T // 1000 + 86_400 * day, T // 1000 + 86_400 * (day + 1), f"On call: {person}")
        for day, person in enumerate("aba")
    ]


def test_a_gap_is_an_event() -> None:
    timeline = Timeline("x", "", "UTC", ("x",), [TimelineItem(1, T, T + HOUR, None, "Nobody.")], {})
    [event] = events(calendar_bytes(timeline))
    assert (event.summary, event.description) == ("Nobody on call", "Nobody.")


def test_what_follows_without_being_asked_for_is_none() -> None:
    item = TimelineItem(1, T, T + HOUR, "ann")
    timeline = Timeline("x", "", "UTC", ("x",), [item], {}, after=[item._replace(key=2)])
    assert len(events(calendar_bytes(timeline))) == 1


# --- the same event -------------------------------------------------------------------------


def test_a_second_download_has_the_same_bytes() -> None:
    assert calendar(["alice", "bob"]) == calendar(["alice", "bob"])


def test_another_person_in_a_shift_is_the_same_event() -> None:
    before, after = events(calendar("abc", 6)), events(calendar("abxc", 9))
    assert [event.uid for event in before] == [event.uid for event in after][:6]
    assert before[2].summary != after[2].summary


@pytest.mark.parametrize(
    "other", [calendar("ab", start=T + 1), calendar("ab", hours=12)], ids=["start", "length"]
)
def test_another_rotation_has_other_events(other: bytes) -> None:
    known = {event.uid for event in events(calendar("ab"))}
    assert not known & {event.uid for event in events(other)}


def test_events_are_distinct() -> None:
    found = events(calendar("ab", 100, hours=0.5))
    assert len({event.uid for event in found}) == 100


# --- instants -------------------------------------------------------------------------------


def test_instants_are_cut_to_the_second_and_still_back_to_back() -> None:
    found = events(calendar("ab", 50, hours=7.1234))
    assert [event.end for event in found[:-1]] == [event.start for event in found[1:]]
    assert found[1].start == (T + round(7.1234 * HOUR)) // 1000


def test_a_shift_within_a_second_has_no_end() -> None:
    text = calendar("ab", 3, hours=1 / HOUR)
    assert b"DTEND" not in text
    assert [event.start for event in events(text)] == [T // 1000] * 3


def test_the_first_years() -> None:
    item = TimelineItem(EARLIEST_AT, EARLIEST_AT, EARLIEST_AT + HOUR, "ann")
    timeline = Timeline("x", "", "UTC", ("x",), [item], {})
    assert b"DTSTART:00020101T000000Z" in calendar_bytes(timeline)


# --- hostile text ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_a_name(name: str) -> None:
    found = events(calendar([name, "bob"], 2))
    assert [event.summary for event in found] == [f"On call: {plain_text(name)}", "On call: bob"]
    assert found[1].description == "The last shift of the rotation."


@given(st.lists(st.text(min_size=1) | st.text("\\nN,;:\r\n ", min_size=1), min_size=1, max_size=4))
def test_any_name_is_read_back(names: list[str]) -> None:
    found = events(calendar(names, len(names)))
    assert [event.summary for event in found] == [f"On call: {plain_text(name)}" for name in names]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_lines_are_short_and_hold_no_control_characters(name: str) -> None:
    text = calendar([name], 2)
    assert text.endswith(b"END:VCALENDAR\r\n")
    for line in text.removesuffix(b"\r\n").split(b"\r\n"):
        assert len(line) <= 75
        assert not [letter for letter in line.decode() if category(letter) == "Cc"]


# --- the library's own objects, and what they cost ------------------------------------------


def written_by_objects(timeline: Timeline) -> bytes:
    """The same calendar by way of an object an event."""
    whole = icalendar.Calendar.from_ical(calendar_bytes(timeline))
    whole.subcomponents.clear()
    texts = [event.uid for event in events(calendar_bytes(timeline))]
    for item, uid in zip(timeline.items, texts, strict=True):
        start, end = (
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=instant // 1000)
            for instant in (item.start_at, item.end_at)
        )
        event = icalendar.Event()
        event.add("UID", uid)
        event.add("DTSTAMP", start)
        event.add("DTSTART", start)
        event.add("DTEND", end)
        event.add("SUMMARY", f"On call: {plain_text(item.person or '')}")
        event.add("DESCRIPTION", plain_text(item.note))
        event.add("TRANSP", "TRANSPARENT")
        whole.add_component(event)
    written: bytes = whole.to_ical(sorted=False)
    return written


NAMES = st.text(min_size=1, max_size=80).filter(lambda name: r"\N" not in name)


@given(people=st.lists(NAMES, min_size=1, max_size=4), shifts=st.integers(1, 8))
@settings(deadline=None)
def test_the_bytes_are_those_of_the_librarys_objects(people: list[str], shifts: int) -> None:
    rotation = rotation_of(
        start_at=T, people=people, shifts=shifts, length_hours=7.5, offset_hours=0.25
    )
    timeline = rotation_timeline(rotation)
    assert calendar_bytes(timeline) == written_by_objects(timeline)


def test_10_000_shifts_take_well_below_a_second() -> None:
    people = [f"person {number}" for number in range(1_000)]
    assert least_seconds(lambda: calendar(people, 10_000)) < 1
    text = calendar(people, 10_000)
    assert text.count(b"BEGIN:VEVENT") == 10_000


def test_the_library_is_loaded_by_whom_asks_for_a_calendar() -> None:
    program = "import sys, app.main, app.__main__; assert 'icalendar' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
