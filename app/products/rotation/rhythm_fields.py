"""When shifts begin and how many there are: the fields of a request that say so, and their rules.

A length is in hours, or a count of units; or shifts begin at times of the day. Their number is
given, or the end that the last of them begins before.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

from msgspec import Meta

from app.engine.planning.boundaries import ShiftRhythm
from app.engine.rotation import HOUR_MS, LAST_INSTANT_MS, milliseconds
from app.engine.walltime import DAY, ZoneClock, clock_of
from app.errors import FieldError
from app.http.scalars import Instant
from app.http.validation import RequestModel
from app.products.rotation.planning_fields import SPAN_YEARS

SHIFTS = 10_000
HOURS: Mapping[str, int] = {"hours": 1, "days": 24, "weeks": 168}
MOST: Mapping[str, int] = {"hours": 8_760, "days": 365, "weeks": 52, "months": 12}
"""The longest shift, in each unit: a year."""
SPAN_MS = SPAN_YEARS * 366 * DAY
LATEST_START_MS = LAST_INSTANT_MS - 2 * SPAN_MS
"""The latest start of shifts that follow the calendar, which ends with the year 9999."""
MONTH_HOURS = 28 * 24
"""The shortest month."""


class ShiftLengthDocument(RequestModel, frozen=True):
    """How long a shift is."""

    count: Annotated[
        float,
        Meta(
            ge=1,
            le=8_760,
            multiple_of=1,
            description="a whole number of units, a year at most",
            examples=[1],
        ),
    ]
    unit: Annotated[
        Literal["hours", "days", "weeks", "months"],
        Meta(description='"hours", "days", "weeks" or "months"', examples=["weeks"]),
    ]

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        if {"count", "unit"} <= values.keys() and values["count"] > MOST[values["unit"]]:
            most = MOST[values["unit"]]
            yield FieldError("/count", f"is more than {most:,} {values['unit']}")


ShiftLength = Annotated[
    ShiftLengthDocument,
    Meta(
        title="length of each shift in days, weeks or months",
        description='in place of shiftLengthHours, an object such as {"count": 1, "unit": "months"}'
        "; the unit is hours, days, weeks or months, of which all but hours keep the time on the "
        "wall with timezone",
    ),
]


def rhythm_errors(values: Mapping[str, Any], default_hours: float) -> Iterator[FieldError]:
    """Yield an error for two lengths, for two ends, for no end, and for times out of order."""
    yield from _length_errors(values, default_hours)
    yield from _time_errors(values)
    yield from _end_errors(values)


def _time_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    times = list(map(int, values.get("handoff_times") or ()))
    if times != sorted(set(times)):
        yield FieldError("/handoffTimes", "is not in ascending order, each time once")


def varies(values: Mapping[str, Any]) -> bool:
    """Whether shifts are as long as months are, or as the times of day that they begin at say."""
    length = values.get("shift_length")
    in_months = length is not None and length.unit == "months"
    return in_months or values.get("handoff_times") is not None


def _length_errors(values: Mapping[str, Any], default_hours: float) -> Iterator[FieldError]:
    lengths = [
        json_name
        for name, json_name in (("shift_length", "shiftLength"), ("handoff_times", "handoffTimes"))
        if values.get(name) is not None
    ]
    if lengths and values.get("shift_length_hours", default_hours) is not default_hours:
        lengths.insert(0, "shiftLengthHours")
    if len(lengths) > 1:
        yield FieldError(f"/{lengths[1]}", f"says how long shifts are, as {lengths[0]} does")
    if varies(values) and values.get("start", 0) > LATEST_START_MS:
        yield FieldError("/start", "is after the year 9799, with shifts on the wall")


def _end_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    if not {"shifts", "until"} <= values.keys():
        return
    shifts, until, start = values["shifts"], values["until"], values.get("start")
    if shifts is None and until is None:
        yield FieldError("/shifts", "is required, or until")
    elif shifts is not None and until is not None:
        yield FieldError("/until", "says how many shifts there are, as shifts does")
    elif until is not None and start is not None:
        if until <= start:
            yield FieldError("/until", "is not after start: write a later until")
        elif varies(values) and until - start > SPAN_MS:
            yield FieldError("/until", f"is more than {SPAN_YEARS} years after start")


def counted(values: Mapping[str, Any], default_hours: float) -> Mapping[str, Any]:
    """Return ``values`` with the number of shifts and their shortest length in hours.

    Either is left out if what it depends on is wrong by itself.
    """
    known = {name: item for name, item in values.items() if name not in ("shifts", "until")}
    if any(_length_errors(values, default_hours)) or any(_time_errors(values)):
        return {name: item for name, item in known.items() if name not in LENGTHS}
    hours = length_hours_in(values)
    if values.get("shift_length_hours") is default_hours and hours is not None:
        known["shift_length_hours"] = hours or _shortest_hours(values)
    if any(_end_errors(values)):
        return known
    if values.get("shifts") is not None:
        known["shifts"] = values["shifts"]
    elif values.get("until") is not None and {"start", "timezone", *LENGTHS} <= values.keys():
        known["shifts"] = len(boundaries_in(values, SHIFTS + 1)) - 1
        known["until"] = values["until"]
    return known


LENGTHS = ("shift_length", "shift_length_hours", "handoff_times")


def _shortest_hours(values: Mapping[str, Any]) -> float:
    """Return a length in hours that no shift falls below, clock changes aside."""
    if values["shift_length"] is not None:
        return float(values["shift_length"].count * MONTH_HOURS)
    times = list(map(int, values["handoff_times"]))
    return min(after - before for before, after in pairwise([*times, times[0] + DAY])) / HOUR_MS


def length_hours_in(values: Mapping[str, Any]) -> float | None:
    """Return the length of every shift in hours, 0 if it varies; ``None`` if it is not known."""
    if any(name not in values for name in LENGTHS):
        return None
    if values["handoff_times"] is not None:
        return 0
    length = values["shift_length"]
    if length is None:
        hours: float = values["shift_length_hours"]
        return hours
    return float(length.count * HOURS.get(length.unit, 0))


def boundaries_in(values: Mapping[str, Any], most: int = SHIFTS) -> Sequence[int]:
    """Return the start of each shift and the end of the last, in milliseconds.

    At most ``most`` shifts are counted if the request gives an end in place of their number.
    """
    rhythm = _rhythm(values)
    if values["until"] is not None:
        return rhythm.boundaries_until(values["until"], most)
    return rhythm.boundaries(int(values["shifts"]))


def _rhythm(values: Mapping[str, Any]) -> ShiftRhythm:
    clock = clock_of(values["timezone"]) if values["timezone"] else None
    start_at = int(values["start"])
    skipped = _skipped_start(values["start"], clock) if clock else None
    hours = length_hours_in(values)
    if hours:
        length_ms = max(1, milliseconds(hours))
        return ShiftRhythm(clock, start_at, length_ms=length_ms, wall_start=skipped)
    if values["shift_length"] is not None:
        months = int(values["shift_length"].count)
        return ShiftRhythm(clock, start_at, months=months, wall_start=skipped)
    return ShiftRhythm(clock, start_at, times=tuple(map(int, values["handoff_times"])))


def _skipped_start(start: Instant, clock: ZoneClock) -> int | None:
    """Return the local time that ``start`` was written as, if the clock skips it."""
    skipped = start.wall is not None and clock.is_skipped(start.wall, start)
    return start.wall if skipped else None
