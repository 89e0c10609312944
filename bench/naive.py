"""The engine one would write first: datetimes, stepping, and a look at everything at every
boundary.

It steps through every handoff since a layer's start and every day of the window, collects all
boundaries, and asks at each one, from the top, who is on call. It knows what the benchmark's
schedules need (layers with ``start_at``, days and weeks, daily windows) and gives the same
segments, so that times can be compared.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from app.engine.layered.model import Layer, Schedule

Span = tuple[datetime, datetime]
Row = tuple[int, int, str, str]
"""start, end (milliseconds since 1970), person, layer."""


def instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def turns(
    layer: Layer, zone: ZoneInfo, until: datetime
) -> Iterator[tuple[datetime, datetime, str]]:
    """Every turn since the layer began."""
    assert layer.start_at is not None
    local = instant(layer.start_at).astimezone(zone).replace(tzinfo=None)
    step = timedelta(**{layer.unit: layer.count})
    number, start = 0, local.replace(tzinfo=zone).astimezone(UTC)
    while start < until:
        local += step
        end = local.replace(tzinfo=zone).astimezone(UTC)
        yield start, end, layer.participants[number % len(layer.participants)]
        number, start = number + 1, end


def windows(layer: Layer, zone: ZoneInfo, from_: datetime, until: datetime) -> list[Span]:
    """Every window of every restriction, day by day."""
    if not layer.restrictions:
        return [(from_, until)]
    found = []
    day = (from_.astimezone(zone) - timedelta(days=2)).date()
    while day <= (until.astimezone(zone) + timedelta(days=1)).date():
        midnight = datetime.combine(day, time())
        for restriction in layer.restrictions:
            start = midnight + timedelta(milliseconds=restriction.start)
            end = midnight + timedelta(milliseconds=restriction.end)
            found.append((start.replace(tzinfo=zone), end.replace(tzinfo=zone, fold=1)))
        day += timedelta(days=1)
    return [(start.astimezone(UTC), end.astimezone(UTC)) for start, end in found]


def pieces(schedule: Schedule, from_: datetime, until: datetime) -> list[list[Row]]:
    """Each layer's duties in the window, whoever is above it."""
    zone = ZoneInfo(schedule.timezone)
    return [
        [
            (
                milliseconds(max(start, opens, from_)),
                milliseconds(min(end, closes, until)),
                who,
                layer.name,
            )
            for opens, closes in windows(layer, zone, from_, until)
            for start, end, who in current(layer, zone, opens, closes)
            if max(start, opens, from_) < min(end, closes, until)
        ]
        for layer in schedule.layers
    ]


def current(
    layer: Layer, zone: ZoneInfo, opens: datetime, closes: datetime
) -> list[tuple[datetime, datetime, str]]:
    return [turn for turn in turns(layer, zone, closes) if turn[1] > opens]


def final_schedule(schedule: Schedule, from_at: int, to_at: int) -> list[Row]:
    layers = pieces(schedule, instant(from_at), instant(to_at))
    edges = sorted({edge for layer in layers for row in layer for edge in row[:2]})
    rows: list[Row] = []
    for start, end in pairwise(edges):
        winner = next((r for layer in layers for r in layer if r[0] <= start < r[1]), None)
        if winner is None:
            continue
        if rows and rows[-1][1:] == (start, *winner[2:]):
            rows[-1] = (rows[-1][0], end, *winner[2:])
        else:
            rows.append((start, end, *winner[2:]))
    return rows


def on_call_at(schedule: Schedule, at: int) -> Row | None:
    """Asked of a window of a fortnight, which must hold the whole segment."""
    fortnight = 14 * 86_400_000
    rows = final_schedule(schedule, at - fortnight, at + fortnight)
    return next((row for row in rows if row[0] <= at < row[1]), None)
