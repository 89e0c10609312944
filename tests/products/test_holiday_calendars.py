"""Public holidays: which calendars there are, and what they have on some days."""

from datetime import date

import pytest

from app.engine.walltime import HOUR, clock_of
from app.products.holiday_calendars import (
    EPOCH,
    calendar_error,
    holiday_intervals,
    holidays_of,
)


def days(first: str, last: str) -> range:
    return range(*((date.fromisoformat(text) - EPOCH).days for text in (first, last)))


@pytest.mark.parametrize("code", ["DE", "DE-BY", "US-CA", "SG", "GB-SCT"])
def test_known_calendars(code: str) -> None:
    assert calendar_error(code) is None


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("XX", "is no country of ISO 3166, such as DE or DE-BY"),
        ("", "is no country of ISO 3166, such as DE or DE-BY"),
        ("de-by", "is no country of ISO 3166, such as DE or DE-BY: write DE-BY"),
        ("DEU", "is no country of ISO 3166, such as DE or DE-BY; did you mean 'DE'?"),
        ("SG-1", "has no subdivisions: write SG"),
        ("DE-", "is not complete: write DE, or a part of it"),
    ],
)
def test_unknown_calendars(code: str, detail: str) -> None:
    assert calendar_error(code) == detail


def test_an_unknown_part_is_answered_with_all_there_are() -> None:
    detail = calendar_error("DE-XX")
    assert detail is not None
    assert detail.startswith("is no subdivision with holidays of its own: there are DE-BB, DE-BE")
    assert detail.endswith("or DE alone")


def test_holidays_by_part_and_year() -> None:
    found = holidays_of("DE-BY", days("2026-12-01", "2027-01-10"))
    assert [(each.date, each.name) for each in found] == [
        ("2026-12-25", "Christmas Day"),
        ("2026-12-26", "Second Day of Christmas"),
        ("2027-01-01", "New Year's Day"),
        ("2027-01-06", "Epiphany"),
    ]
    assert [each.date for each in holidays_of("DE-BE", days("2027-01-01", "2027-01-10"))] == [
        "2027-01-01"
    ]


def test_holidays_are_local_days_and_those_that_touch_are_one() -> None:
    clock = clock_of("Europe/Berlin")
    [christmas] = holiday_intervals("DE", days("2026-12-01", "2026-12-31"), clock)
    assert christmas[1] - christmas[0] == 48 * HOUR
    # the clock goes back on 25 October, and Easter Monday 2024 follows a Sunday that lost an hour
    [easter] = holiday_intervals("DE-BB", days("2024-03-31", "2024-04-02"), clock)
    assert easter[1] - easter[0] == 47 * HOUR
