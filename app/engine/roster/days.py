"""Local days of a roster: which of them a slot starts on and touches.

A day is the number of days since 1970-01-01 on the roster's own clock.
"""

from app.engine.roster.model import Slot
from app.engine.walltime import DAY, ZoneClock


def start_day(clock: ZoneClock, slot: Slot) -> int:
    """Return the day on which a slot starts."""
    return clock.wall(slot.start_at) // DAY


def days_touched(clock: ZoneClock, slot: Slot) -> range:
    """Return the days that have a part of a slot."""
    return range(start_day(clock, slot), clock.wall(slot.end_at - 1) // DAY + 1)


def midnight(clock: ZoneClock, day: int) -> int:
    """Return the instant at which a day begins."""
    return clock.first_at(day * DAY)
