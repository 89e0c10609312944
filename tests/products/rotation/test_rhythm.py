"""When shifts begin: lengths in units, times of day, and an end in place of a number."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from app.errors import InvalidRequest
from app.http.validation import validated
from app.products.registry import paid_endpoints
from app.products.rotation.request import RotationRequest

ROTATION, *_ = paid_endpoints()
SEED: dict[str, Any] = {"start": "2026-06-04T00:00:00Z", "people": ["ana", "ben"]}
BERLIN = {"timezone": "Europe/Berlin"}


def answered(**changes: Any) -> Any:
    return msgspec.json.decode(ROTATION.answer_to({**SEED, **changes}))


def faults(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        validated({**SEED, **changes}, RotationRequest)
    return [(error.pointer, error.detail) for error in caught.value.errors]


def starts(answer: Any, name: str = "startLocal") -> list[str]:
    return [shift[name][:16] for shift in answer["rotation"]]


@pytest.mark.parametrize(
    ("unit", "count", "hours"), [("hours", 12, 12), ("days", 2, 48), ("weeks", 1, 168)]
)
@pytest.mark.parametrize("more", [{}, BERLIN, {**BERLIN, "strategy": "fair"}])
def test_a_length_in_units_is_one_in_hours(
    unit: str, count: int, hours: int, more: dict[str, Any]
) -> None:
    length = {"count": count, "unit": unit}
    in_units = answered(shifts=9, shiftLength=length, **more)
    assert in_units == answered(shifts=9, shiftLengthHours=hours, **more)


@pytest.mark.parametrize("strategy", ["round-robin", "fair"])
def test_months_keep_day_and_time_on_the_wall(strategy: str) -> None:
    length = {"count": 1, "unit": "months"}
    found = answered(
        start="2026-01-31T09:00", shifts=12, shiftLength=length, strategy=strategy, **BERLIN
    )
    assert starts(found)[:4] == [
        *("2026-01-31T09:00", "2026-02-28T09:00", "2026-03-31T09:00", "2026-04-30T09:00"),
    ]
    assert found["rotation"][-1]["endLocal"] == "2027-01-31T09:00:00.000+01:00"
    assert found["shiftLengthHours"] == 0
    assert found["interpretation"].startswith("12 shift(s) of 1 month across 2 people")
    assert found["fairness"]["optimal"] is (strategy == "fair")


def test_months_without_a_zone_are_those_of_utc() -> None:
    found = answered(shifts=2, shiftLength={"count": 3, "unit": "months"})
    assert starts(found, "start") == ["2026-06-04T00:00", "2026-09-04T00:00"]
    assert found["interpretation"].startswith("2 shift(s) of 3 months across")


@pytest.mark.parametrize("start", ["2026-03-27", "2026-03-27T08:00", "2026-03-27T00:30:01"])
def test_handoffs_stay_at_their_times_across_a_clock_change(start: str) -> None:
    found = answered(start=start, until="2026-03-30", handoffTimes=["08:00", "20:00"], **BERLIN)
    assert starts(found) == [
        f"2026-03-{day}T{time}" for day in (27, 28, 29, 30) for time in ("08:00", "20:00")
    ]
    assert found["understood"]["shifts"] == 8
    assert found["interpretation"].startswith("8 shift(s) from 08:00 and 20:00 across")
    hours = found["fairness"]["hours"]
    assert sum(hours.values()) == 8 * 12 - 1  # a night of eleven hours


def test_one_handoff_a_day_is_a_day() -> None:
    found = answered(start="2026-10-24T12:00", shifts=3, handoffTimes=["09:00"], **BERLIN)
    assert starts(found) == ["2026-10-25T09:00", "2026-10-26T09:00", "2026-10-27T09:00"]


@pytest.mark.parametrize(
    ("until", "count"),
    [
        ("2026-06-04T00:00:00.001Z", 1),
        ("2026-06-05T00:00:00Z", 1),
        ("2026-06-05T00:00:01Z", 2),
        ("2026-06-05", 2),
        ("2026-06-30", 27),
    ],
)
@pytest.mark.parametrize("more", [{}, {"strategy": "fair"}, {"timezone": "UTC"}])
def test_the_last_shift_starts_before_until_and_is_not_cut(
    until: str, count: int, more: dict[str, Any]
) -> None:
    found = answered(until=until, **more)
    assert found == answered(shifts=count, **more)


def test_until_in_a_zone_with_days_of_25_hours() -> None:
    found = answered(start="2026-10-24T09:00", until="2026-10-26", **BERLIN)
    assert starts(found) == ["2026-10-24T09:00", "2026-10-25T09:00", "2026-10-26T09:00"]
    lengths = [end - start for start, end in pairwise(boundaries(found))]
    assert lengths == [25, 24]


def boundaries(found: Any) -> list[int]:
    return [24 * int(each["start"][8:10]) + int(each["start"][11:13]) for each in found["rotation"]]


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        pytest.param({}, "/shifts", "is required, or until", id="no end"),
        pytest.param(
            {"shifts": 3, "until": "2026-07-01"}, "/until",
            "says how many shifts there are, as shifts does", id="two ends",
        ),
        pytest.param(
            {"until": "2026-06-03"}, "/until", "is not after start: write a later until",
            id="an end before the start",
        ),
        pytest.param(
            {"until": "2026-07-01", "shiftLengthHours": 0.01}, "/until",
            "is more than 10,000 shifts after start", id="too many shifts",
        ),
        pytest.param(
            {"until": "2226-07-01", "handoffTimes": ["09:00"]}, "/until",
            "is more than 100 years after start", id="too far",
        ),
        pytest.param(
            {"start": "9990-01-01", "shifts": 3, "handoffTimes": ["09:00"]}, "/start",
            "is after the year 9799, with shifts on the wall", id="too late",
        ),
        pytest.param(
            {"shifts": 3, "shiftLength": {"count": 1, "unit": "weeks"}, "shiftLengthHours": 24},
            "/shiftLength", "says how long shifts are, as shiftLengthHours does", id="two lengths",
        ),
        pytest.param(
            {"shifts": 3, "shiftLength": {"count": 1, "unit": "weeks"}, "handoffTimes": ["09:00"]},
            "/handoffTimes", "says how long shifts are, as shiftLength does", id="two rhythms",
        ),
        pytest.param(
            {"shifts": 3, "handoffTimes": ["20:00", "08:00"]}, "/handoffTimes",
            "is not in ascending order, each time once", id="times out of order",
        ),
        pytest.param(
            {"shifts": 3, "shiftLength": {"count": 13, "unit": "months"}}, "/shiftLength/count",
            "is more than 12 months", id="too long",
        ),
        pytest.param(
            {"shifts": 1_000, "shiftLength": {"count": 12, "unit": "months"}}, "/shifts",
            "a rotation that is planned spans at most 100 years", id="a thousand years",
        ),
        pytest.param(
            {"shifts": 3, "handoffTimes": ["08:00", "09:00"], "handoffOffsetHours": 2},
            "/handoffOffsetHours", "is longer than a shift: at most shiftLengthHours",
            id="an offset longer than the shortest shift",
        ),
        pytest.param(
            {"until": "2026-06-05", "fixed": [{"shift": 3, "person": "ana"}]}, "/fixed/0/shift",
            "is after the last shift, 2", id="a fixed shift after the last",
        ),
    ],
)  # fmt: skip
def test_one_fault(changes: dict[str, Any], pointer: str, detail: str) -> None:
    assert faults(**changes) == [(pointer, detail)]


@pytest.mark.parametrize("given", ["month", "weekly", 7])
def test_a_length_of_another_form_is_told_the_right_one(given: object) -> None:
    [(pointer, detail)] = faults(shifts=3, shiftLength=given)
    assert pointer == "/shiftLength"
    assert 'an object such as {"count": 1, "unit": "months"}' in detail


# --- a start that the clock skips or repeats ------------------------------------------------


@pytest.mark.parametrize(
    ("start", "first"),
    [("2026-03-29T02:30", "03:00"), ("2026-03-29T02:30:00+01:00", "03:30")],
)
@pytest.mark.parametrize(
    ("unit", "later"), [("days", ["2026-03-30", "2026-03-31"]), ("months", ["2026-04-29"])]
)
@pytest.mark.parametrize("by_end", [False, True])
def test_a_start_that_is_skipped_moves_no_later_handoff(
    start: str, first: str, unit: str, later: list[str], by_end: bool
) -> None:
    end = {"until": later[-1]} if by_end else {"shifts": 1 + len(later)}
    found = answered(start=start, shiftLength={"count": 1, "unit": unit}, **end, **BERLIN)
    assert starts(found) == [f"2026-03-29T{first}", *(f"{day}T02:30" for day in later)]


@pytest.mark.parametrize("unit", ["days", "months"])
@pytest.mark.parametrize("by_end", [False, True])
def test_a_start_in_the_second_pass_of_a_repeated_time_is_the_first_shifts(
    unit: str, by_end: bool
) -> None:
    end = {"until": "2026-10-25T03:00"} if by_end else {"shifts": 1}
    found = answered(
        start="2026-10-25T02:30:00+01:00", shiftLength={"count": 1, "unit": unit}, **end, **BERLIN
    )
    assert starts(found) == ["2026-10-25T02:30"]
    assert found["rotation"][0]["start"] == "2026-10-25T01:30:00.000Z"


def test_a_calendar_is_told_beside_the_times() -> None:
    event = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\nSUMMARY:trip\n"
        "DTSTART;VALUE=DATE:20260604\nDTEND;VALUE=DATE:20260605\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    found = answered(shifts=2, unavailableIcs={"ana": event}, **BERLIN)["understood"]
    assert (found["timezone"], found["shifts"]) == ("Europe/Berlin", 2)
    [calendar] = found["calendars"]
    assert (calendar["person"], calendar["absencesInAll"]) == ("ana", 1)
    assert "calendars" not in answered(shifts=2, **BERLIN)["understood"]
