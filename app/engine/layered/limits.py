"""Named limits of the engine, and the checks that hold them (rule 11 of ``schedules.md``).

Strategy: the limits are constants with units in their names; a check raises the error that names
the limit and does nothing else. Invariant: within these limits no instant overflows and no answer
is longer than ``SEGMENTS``.
"""

from collections.abc import Iterable, Sequence

from app.engine.layered.model import Layer, Schedule, Swap
from app.errors import (
    EmptyWindow,
    InstantOutOfRange,
    TooManyLayers,
    TooManyOverrides,
    TooManyParticipants,
    TooManyRestrictions,
    TooManySegments,
    TooManySwaps,
    TooMuchWork,
    WindowTooLong,
)

LAYERS = 50
ROLES = 5
"""Of the layers of one schedule."""
PARTICIPANTS = 500
"""In each layer."""
RESTRICTIONS = 100
"""In each layer."""
OVERRIDES = 10_000
"""Overrides and entries together, swaps included."""
ABSENCES = 10_000
GROUP = 20
"""The most people who have a turn together."""
SWAPS = 100
"""In each request: the search for the shift that each gives back takes up to a year."""
SEGMENTS = 100_000
DAY_MS = 86_400_000
WINDOW_MS = 731 * DAY_MS
"""Two years, one of them a leap year."""
STEPS = 1_000_000
"""Work of a request that is answered at once, about a second of one processor.

The other limits together would allow some minutes.
"""
SWAP_DAYS = 397
"""The days beyond its own interval that a swap looks through, a month first and then a year."""
EARLIEST_AT = -62_104_060_800_000
"""0002-01-01T00:00:00Z: from here on every instant has a local date in every zone."""
LATEST_AT = 253_370_764_800_000
"""9999-01-01T00:00:00Z, which is itself too late."""


def check_instant(at: int, name: str = "at") -> None:
    """Raise ``InstantOutOfRange`` outside the years 2 to 9998."""
    if not EARLIEST_AT <= at < LATEST_AT:
        raise InstantOutOfRange(f"{name} is outside the years 2 to 9998")


def check_window(from_at: int, to_at: int) -> None:
    """Raise ``InstantOutOfRange``, ``EmptyWindow`` or ``WindowTooLong`` if a window is wrong.

    The window is ``[from_at, to_at)``.
    """
    check_instant(from_at, "from")
    check_instant(to_at, "to")
    if to_at <= from_at:
        raise EmptyWindow
    if to_at - from_at > WINDOW_MS:
        raise WindowTooLong


def check_schedule(schedule: Schedule) -> None:
    """Raise the error of the first limit that a schedule breaks.

    The message names the limit, and the layer if it is one of a layer.
    """
    if len(schedule.layers) > LAYERS:
        raise TooManyLayers(f"{len(schedule.layers)} layers: at most {LAYERS}")
    manual = len(schedule.overrides) + len(schedule.entries)
    if manual > OVERRIDES:
        raise TooManyOverrides(f"{manual} overrides, entries and swaps: at most {OVERRIDES}")
    if len(schedule.absences) > ABSENCES:
        raise TooMuchWork(f"{len(schedule.absences)} absences: at most {ABSENCES}")
    for layer in schedule.layers:
        if layer.start_at is not None:
            check_instant(layer.start_at, "start_at")
        if layer.end_at is not None:
            check_instant(layer.end_at, "end_at")
        if len(layer.participants) > PARTICIPANTS or len(layer.restrictions) > RESTRICTIONS:
            _raise_for(layer)


def check_swaps(count: int) -> None:
    """Raise ``TooManySwaps`` for more than ``SWAPS``."""
    if count > SWAPS:
        raise TooManySwaps


def check_work(
    layers: Sequence[Layer], manual: int, swaps: Sequence[Swap], span_ms: int, absences: int = 0
) -> None:
    """Raise ``TooMuchWork`` if the answer for ``span_ms`` milliseconds takes over ``STEPS``."""
    steps = steps_of(layers, manual, swaps, span_ms, absences)
    if steps > STEPS:
        raise TooMuchWork(
            f"takes about {steps:,} steps, at most {STEPS:,}: ask for a shorter window or give "
            "fewer restrictions, overrides or swaps"
        )


def steps_of(
    layers: Sequence[Layer], manual: int, swaps: Sequence[Swap], span_ms: int, absences: int = 0
) -> int:
    """Return the work that the answer for ``span_ms`` milliseconds takes, in steps.

    ``manual`` is the number of overrides and entries; each swap lays everything out anew. The
    weights (a window 1, a turn 2, an override or entry 4) were measured. In a layer whose people
    may be away, a turn can pass over each of them, and an absence moves the turns around it.
    """
    days = span_ms / DAY_MS + sum(
        (swap.end_at - swap.start_at) / DAY_MS + SWAP_DAYS for swap in swaps
    )
    steps = round(days * sum(_steps_a_day(layer, absences) for layer in layers))
    stretches = sum(absences * (4 + len(layer.participants)) // 4 for layer in layers)
    return steps + (4 * manual + stretches) * (1 + 3 * len(swaps))


def windows_a_week(layers: Iterable[Layer]) -> int:
    """Return how many windows the restrictions of ``layers`` open in a week.

    They are put in order before anything is laid out, at about half a microsecond each.
    """
    return sum(len(restriction.days) or 7 for layer in layers for restriction in layer.restrictions)


def check_segments(count: int) -> None:
    """Raise ``TooManySegments`` for an answer longer than ``SEGMENTS``."""
    if count > SEGMENTS:
        raise TooManySegments


def _steps_a_day(layer: Layer, absences: int) -> float:
    windows = windows_a_week([layer]) / 7
    turns = 24 / layer.count if layer.unit == "hours" else 1
    return windows + turns * (2 + min(absences, len(layer.participants)))


def _raise_for(layer: Layer) -> None:
    if len(layer.participants) > PARTICIPANTS:
        people = len(layer.participants)
        raise TooManyParticipants(f'layer "{layer.name}": {people}, at most {PARTICIPANTS}')
    windows = len(layer.restrictions)
    raise TooManyRestrictions(f'layer "{layer.name}": {windows}, at most {RESTRICTIONS}')
