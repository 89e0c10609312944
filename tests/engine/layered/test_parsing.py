"""Texts of a document are parsed, and messages say what would be right."""

from collections.abc import Callable

import pytest

from app.engine.layered.parsing import (
    WEEKDAYS,
    handoff_of,
    rotation_interval_of,
    weekday_of,
    window_end_of,
    window_start_of,
)

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("09:00", "days", (None, 9 * HOUR)),
        ("23:59", "hours", (None, 24 * HOUR - 60_000)),
        ("00:00", "months", (None, 0)),
        ("Mon 09:00", "weeks", (0, 9 * HOUR)),
        ("sun 17:30", "weeks", (6, 17 * HOUR + 30 * 60_000)),
    ],
)
def test_a_handoff_time(text: str, unit: str, expected: tuple[int | None, int]) -> None:
    assert handoff_of(text, unit) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "unit", "right"),
    [
        ("Mon 9:00", "weeks", "Mon 09:00"),
        ("09:00", "weeks", "Mon 09:00"),
        ("Monday 09:00", "weeks", "Mon 09:00"),
        ("tuesday 9.30", "weeks", "Tue 09:30"),
        ("Fri", "weeks", "Fri 09:00"),
        ("Mon 09:00 UTC", "weeks", "Mon 09:00"),
        ("Mon 09:00", "days", "09:00"),
        ("9", "days", "09:00"),
        ("7:5", "days", "07:05"),
        ("24:00", "days", "09:00"),
        ("9:59", "days", "09:59"),
        ("9:60", "days", "09:00"),
        ("23.1", "days", "23:01"),
        ("Someday 7:30", "weeks", "Mon 07:30"),
        ("", "months", "09:00"),
        ("09:00\n", "days", "09:00"),
        ("٠٩:٠٠", "days", "09:00"),
    ],
)
def test_a_wrong_handoff_time_says_what_to_write(text: str, unit: str, right: str) -> None:
    with pytest.raises(ValueError, match="handoff_time") as failure:
        handoff_of(text, unit)  # type: ignore[arg-type]
    assert str(failure.value) == f'handoff_time "{text}": write "{right}"'


def test_a_long_text_is_shortened() -> None:
    with pytest.raises(ValueError, match="…") as failure:
        handoff_of("x" * 10_000, "days")
    assert len(str(failure.value)) < 100


@pytest.mark.parametrize(
    ("kind", "count", "unit", "expected"),
    [
        ("daily", None, None, ("days", 1)),
        ("weekly", None, None, ("weeks", 1)),
        ("custom", 12, "hours", ("hours", 12)),
        ("custom", 120, "months", ("months", 120)),
        ("custom", 1, "weeks", ("weeks", 1)),
    ],
)
def test_an_interval(kind: str, count: int | None, unit: str | None, expected: object) -> None:
    assert rotation_interval_of(kind, count, unit) == expected


@pytest.mark.parametrize(
    ("kind", "count", "unit", "message"),
    [
        ("monthly", None, None, 'rotation_type "monthly": write "daily", "weekly" or "custom"'),
        ("daily", 2, "days", 'interval: leave it out, or write rotation_type "custom"'),
        ("weekly", 2, None, 'interval: leave it out, or write rotation_type "custom"'),
        ("daily", None, "days", 'interval: leave it out, or write rotation_type "custom"'),
        ("custom", None, None, 'interval: write {"count": 2, "unit": "weeks"} or the like'),
        ("custom", 2, None, 'interval: write {"count": 2, "unit": "weeks"} or the like'),
        ("custom", None, "weeks", 'interval: write {"count": 2, "unit": "weeks"} or the like'),
        ("custom", 2, "day", 'unit "day": write "hours", "days", "weeks" or "months"'),
        ("custom", 0, "days", "count 0: write a whole number of days from 1 to 3650"),
        (
            "custom",
            10**30,
            "months",
            f"count {10**30}: write a whole number of months from 1 to 120",
        ),
    ],
)
def test_a_wrong_interval(kind: str, count: int | None, unit: str | None, message: str) -> None:
    with pytest.raises(ValueError, match="write") as failure:
        rotation_interval_of(kind, count, unit)
    assert str(failure.value) == message


def test_a_restriction() -> None:
    assert [weekday_of(day) for day in ("Mon", "mon", "fri")] == [0, 0, 4]
    assert (window_start_of("09:00"), window_end_of("06:00")) == (9 * HOUR, 6 * HOUR)
    assert window_end_of("24:00") == 24 * HOUR


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (window_start_of, "9:00", 'start "9:00": write "09:00"'),
        (window_start_of, "24:00", 'start "24:00": write "09:00"'),
        (window_end_of, "24:30", 'end "24:30": write "09:00"'),
        (weekday_of, "Monday", 'day "Monday": write "mon"'),
        (weekday_of, "x", 'day "x": write ' + " or ".join(f'"{day}"' for day in WEEKDAYS)),
    ],
)
def test_a_wrong_restriction(parse: Callable[[str], int], text: str, message: str) -> None:
    with pytest.raises(ValueError, match="write") as failure:
        parse(text)
    assert str(failure.value) == message


@pytest.mark.parametrize(
    ("length", "shown"), [(39, "x" * 39), (40, "x" * 40), (41, "x" * 39 + "…")]
)
def test_forty_characters_are_shown_of_a_text(length: int, shown: str) -> None:
    with pytest.raises(ValueError, match="write") as failure:
        window_start_of("x" * length)
    assert str(failure.value) == f'start "{shown}": write "09:00"'
