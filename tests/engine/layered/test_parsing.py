"""Texts of a document: what is read, and what the message says would be right."""

import pytest

from app.engine.layered.model import Restriction
from app.engine.layered.parsing import (
    WEEKDAYS,
    handoff_of,
    interval_of,
    restriction_of,
    timezone_of,
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
    ],
)
def test_an_interval(kind: str, count: int | None, unit: str | None, expected: object) -> None:
    assert interval_of(kind, count, unit) == expected


@pytest.mark.parametrize(
    ("kind", "count", "unit", "message"),
    [
        ("monthly", None, None, 'rotation_type "monthly": write "daily", "weekly" or "custom"'),
        ("daily", 2, "days", 'interval: leave it out, or write rotation_type "custom"'),
        ("custom", None, None, 'interval: write {"count": 2, "unit": "weeks"} or the like'),
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
        interval_of(kind, count, unit)
    assert str(failure.value) == message


def test_a_restriction() -> None:
    assert restriction_of(["fri", "Mon", "mon"], "09:00", "24:00") == Restriction(
        9 * HOUR, 24 * HOUR, (0, 4)
    )
    assert restriction_of([], "22:00", "06:00") == Restriction(22 * HOUR, 6 * HOUR)


@pytest.mark.parametrize(
    ("days", "start", "end", "message"),
    [
        (["mon"], "9:00", "17:00", 'start "9:00": write "09:00"'),
        (["mon"], "24:00", "17:00", 'start "24:00": write "09:00"'),
        (["mon"], "09:00", "24:30", 'end "24:30": write "09:00"'),
        (["Monday"], "09:00", "17:00", 'day "Monday": write "mon"'),
        (["x"], "09:00", "17:00", 'day "x": write ' + " or ".join(f'"{day}"' for day in WEEKDAYS)),
    ],
)  # fmt: skip
def test_a_wrong_restriction(days: list[str], start: str, end: str, message: str) -> None:
    with pytest.raises(ValueError, match="write") as failure:
        restriction_of(days, start, end)
    assert str(failure.value) == message


def test_a_timezone() -> None:
    assert timezone_of("Europe/Berlin") == "Europe/Berlin"
    with pytest.raises(ValueError, match='did you mean "Europe/Berlin"'):
        timezone_of("Europe/Berlín")
