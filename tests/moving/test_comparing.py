"""What a tool says of who is on call, beside the conversion; and calendars in odd forms."""

from typing import Any

import pytest

from app.moving.comparing import Difference, compared
from app.moving.tools import convert
from tests.moving.documents import (
    goalert,
    grafana_oncall,
    icalendar,
    opsgenie,
    pagerduty,
    pagerduty_shifts,
    splunk_oncall,
)

READ_MS = 1_767_614_400_000
FIRST, LAST = "2026-01-12T15:00:00Z", "2026-01-12T18:00:00Z"


def said(tool: str, user: str) -> dict[str, Any]:
    """Return a document of a tool that has ``ana`` on call, and says that ``user`` is."""
    if tool == "pagerduty":
        entry = {"start": FIRST, "end": LAST, **pagerduty.user(user)}
        final = {"name": "Final", "rendered_schedule_entries": [entry]}
        return pagerduty.schedule(
            "UTC", pagerduty.layer("ana", "2026-01-01T00:00:00Z"), final_schedule=final
        )
    if tool == "pagerduty-shifts":
        document = pagerduty_shifts.schedule(
            pagerduty_shifts.event(
                pagerduty_shifts.rotating("ana"),
                *("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "FREQ=DAILY"),
            )
        )
        [member] = pagerduty_shifts.members(user)
        entry = {"start_time": FIRST, "end_time": LAST, "member": member, "source": {}}
        empty = {"start_time": FIRST, "end_time": LAST, "member": {"type": "empty_member"}}
        document["schedule"]["final_schedule"] = {"computed_shift_assignments": [entry, empty]}
        return document
    if tool == "opsgenie":
        period = {"startDate": FIRST, "endDate": LAST, "recipient": opsgenie.person(user)}
        periods = [period, {"startDate": FIRST, "endDate": LAST, "type": "default"}]
        return {
            "schedule": opsgenie.schedule("UTC", opsgenie.rotation("ana", "2026-01-01T00:00:00Z")),
            "timeline": {"finalTimeline": {"rotations": [{"id": "r", "periods": periods}]}},
        }
    if tool == "grafana-oncall":
        entry = {"user_pk": user, "user_username": user, "shift_start": FIRST, "shift_end": LAST}
        shift = grafana_oncall.rolling("ana", "2026-01-01T00:00:00", 24, "daily")
        return grafana_oncall.schedule(shift, final_shifts=[entry])
    if tool == "goalert":
        target = goalert.target("ana", kind="user")
        return {"schedule": goalert.schedule(target, shifts=[goalert.shift(user, FIRST, LAST)])}
    shift = splunk_oncall.shift(
        "ana", "2026-01-01T00:00:00Z", periods=[splunk_oncall.now(user, FIRST, LAST)]
    )
    return splunk_oncall.group(shift)


TOOLS = ("pagerduty", "pagerduty-shifts", "opsgenie", "grafana-oncall", "goalert", "splunk-oncall")


@pytest.mark.parametrize("tool", TOOLS)
def test_the_same_is_told_as_the_same(tool: str) -> None:
    found, conversion = convert(said(tool, "ana"), READ_MS)
    assert found == tool
    comparison = compared(conversion)
    assert comparison is not None
    assert comparison.to_at - comparison.from_at == 3 * 3_600_000
    assert comparison.differences == []


@pytest.mark.parametrize("tool", TOOLS)
def test_a_difference_is_told(tool: str) -> None:
    comparison = compared(convert(said(tool, "zed"), READ_MS)[1])
    assert comparison is not None
    [difference] = comparison.differences
    (there,), (here,) = difference[2:]
    assert there.lower().endswith("zed")
    assert here.lower().endswith("ana")
    assert difference[:2] == comparison[:2]


def test_differences_that_touch_are_one_and_a_month_is_enough() -> None:
    entries = [
        {
            "start": f"2026-02-{day:02}T00:00:00Z",
            "end": f"2026-02-{day + 1:02}T00:00:00Z",
            **pagerduty.user(name),
        }
        for day, name in ((1, "ben"), (2, "ben"), (3, "ana"), (5, "cy"))
    ]
    entries.append(
        {"start": "2026-02-27T00:00:00Z", "end": "2026-06-01T00:00:00Z", **pagerduty.user("ana")}
    )
    document = pagerduty.schedule(
        "UTC",
        pagerduty.layer("ana", "2026-01-01T00:00:00Z"),
        final_schedule={"rendered_schedule_entries": entries},
    )
    comparison = compared(convert(document, READ_MS)[1])
    assert comparison is not None
    day = 86_400_000
    start = comparison.from_at
    assert comparison.to_at == start + 28 * day
    assert comparison.differences == [
        Difference(start, start + 2 * day, ("PBEN",), ("PANA",)),
        Difference(start + 3 * day, start + 4 * day, (), ("PANA",)),
        Difference(start + 4 * day, start + 5 * day, ("PCY",), ("PANA",)),
        Difference(start + 5 * day, start + 26 * day, (), ("PANA",)),
    ]


def test_a_document_that_does_not_say_is_not_compared() -> None:
    document = pagerduty.schedule("UTC", pagerduty.layer("ana", "2026-01-01T00:00:00Z"))
    assert compared(convert(document, READ_MS)[1]) is None


def test_everybody_of_a_group_is_compared() -> None:
    document = said("grafana-oncall", "ana")
    document["shifts"] = [
        grafana_oncall.rolling("ben,ana", "2026-01-01T00:00:00", 24, "daily"),
    ]
    comparison = compared(convert(document, READ_MS)[1])
    assert comparison is not None
    assert [each[2:] for each in comparison.differences] == [(("ana",), ("ana", "ben"))]
    [entry] = document["final_shifts"]
    document["final_shifts"] = [entry, {**entry, "user_pk": "ben", "user_username": "ben"}]
    comparison = compared(convert(document, READ_MS)[1])
    assert comparison is not None
    assert comparison.differences == []


# --- calendars ------------------------------------------------------------------------------


def lost_of(*parts: str) -> list[tuple[str, str]]:
    _, conversion = convert(icalendar.calendar(*parts), READ_MS)
    return [(each.what, each.instead) for each in conversion.lost]


def test_a_series_that_is_too_long_to_list_is_cut() -> None:
    every_hour = icalendar.event(
        "ana", "20260101T000000Z", "20260101T010000Z", "RRULE:FREQ=MINUTELY;INTERVAL=10"
    )
    _, conversion = convert(icalendar.calendar(every_hour), READ_MS)
    assert len(conversion.entries) == 10_000
    assert conversion.lost[-1].instead == "only 10000 entries are made"


def test_a_length_may_be_a_duration() -> None:
    event = icalendar.event("ana", "20260101T090000", "20260101T090000").replace(
        "DTEND;TZID=Europe/Berlin:20260101T090000", "DURATION:PT8H\r\nRRULE:FREQ=DAILY"
    )
    _, conversion = convert(icalendar.calendar(event), READ_MS)
    [layer] = conversion.layers
    assert (layer.restrictions[0].start, layer.restrictions[0].end) == (32_400_000, 61_200_000)


def test_an_event_without_a_length_takes_no_time() -> None:
    event = icalendar.event("ana", "20260201T090000Z", "20260201T090000Z")
    [(what, instead)] = lost_of(event)
    assert "is over, or more than a year ahead" in what
    assert instead == "it was left out"


def test_an_end_may_be_by_another_clock() -> None:
    event = icalendar.event("ana", "20260105T090000", "20260105T160000Z", "RRULE:FREQ=DAILY")
    _, conversion = convert(icalendar.calendar(event), READ_MS)
    [layer] = conversion.layers
    assert layer.restrictions[0].end == 61_200_000


@pytest.mark.parametrize(
    "starts",
    [
        pytest.param(("20260105", "20260108"), id="not every other day"),
        pytest.param(("20260105",), id="one of three turns"),
    ],
)
def test_a_rotation_with_holes_becomes_entries(starts: tuple[str, ...]) -> None:
    rule = f"RRULE:FREQ=DAILY;INTERVAL={len(starts) * 2 if len(starts) > 1 else 3}"
    events = [
        icalendar.event(f"p{index}", f"{day}T090000", f"{int(day) + 1}T090000", rule)
        for index, day in enumerate(starts)
    ]
    _, conversion = convert(icalendar.calendar(*events), READ_MS)
    assert conversion.layers == []
    assert len(conversion.entries) > 100


def test_a_zone_of_the_calendars_own_is_no_layers() -> None:
    zone = (
        "BEGIN:VTIMEZONE\r\nTZID:Ours\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
        "TZOFFSETFROM:+0130\r\nTZOFFSETTO:+0130\r\nEND:STANDARD\r\nEND:VTIMEZONE"
    )
    event = icalendar.event(
        "ana", "20260105T090000", "20260105T170000", "RRULE:FREQ=DAILY", zone="Ours"
    )
    _, conversion = convert(icalendar.calendar(zone, event), READ_MS)
    assert conversion.timezone == "UTC"
    assert conversion.entries[1].start_at % 86_400_000 == 27_000_000


def test_times_without_a_zone_are_by_the_owners_or_the_given_one() -> None:
    event = icalendar.event(
        "ana", "20260105T090000", "20260105T170000", "RRULE:FREQ=DAILY", zone=""
    )
    _, given = convert(icalendar.calendar(event), READ_MS, timezone="Asia/Tokyo")
    _, owner = convert(icalendar.calendar("X-WR-TIMEZONE:America/Chicago", event), READ_MS)
    assert (given.timezone, owner.timezone) == ("Asia/Tokyo", "America/Chicago")


def test_a_calendar_in_which_nobody_is_on_call_is_empty() -> None:
    busy = "BEGIN:VFREEBUSY\r\nFREEBUSY:20260101T000000Z/PT1H\r\nEND:VFREEBUSY"
    assert lost_of(busy) == [
        ("the component VFREEBUSY, first in line 4 when unfolded", "it was not used")
    ]


def test_two_unknown_properties_of_a_name_are_told_once() -> None:
    events = [
        icalendar.event("ana", f"202602{day}T090000Z", f"202602{day}T100000Z", "X-A:1", "X-B:2")
        for day in (10, 11)
    ]
    assert [what.partition(",")[0] for what, _ in lost_of(*events)] == [
        "the property X-A",
        "the property X-B",
    ]
