"""Public holidays in requests and answers: which calendar is meant, and what is in it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from app.errors import FieldError
from app.products.holiday_calendars import calendar_error, holidays_of

MAX_HOLIDAYS = 100
"""The most holidays that are shown."""

Calendar = Annotated[
    str,
    Meta(
        max_length=200,
        description="public holidays of a country (ISO 3166), or of a part of it: DE, DE-BY",
        examples=["DE-BY"],
    ),
]


class UnderstoodHoliday(Struct, frozen=True):
    """A public holiday of a calendar that is used."""

    calendar: str
    date: str
    name: str


def calendar_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for holidays that are unknown."""
    code = values.get("holidays")
    wrong = calendar_error(code) if code is not None else None
    if wrong:
        yield FieldError("/holidays", f"{wrong}")


def years_without_holidays(calendars: Sequence[str], days: range) -> Sequence[str]:
    """Return the calendars that have no holiday within a year around ``days``."""
    around = range(days.start - 183, days.stop + 183)
    return [code for code in calendars if not holidays_of(code, around)]


def understood_holidays(calendars: Sequence[str], days: range) -> Sequence[UnderstoodHoliday]:
    """Return the holidays of calendars on some days."""
    found = [
        UnderstoodHoliday(code, holiday.date, holiday.name)
        for code in calendars
        for holiday in holidays_of(code, days)
    ]
    return found[:MAX_HOLIDAYS]
