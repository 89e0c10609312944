"""Shifts that recur, and whose they are in turn, as layers.

Strategy: a recurring shift has a start, a length, a rule of how often it recurs, and people who
take turns, either shift by shift or period by period. Where it fills its period, or recurs every
day or week, that is a layer with restrictions. Where turns pass shift by shift on some days of the
week, they pass only when the layer is active. For all else the reason is returned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.engine.layered.limits import LATEST_AT, PARTICIPANTS
from app.engine.layered.model import Layer, Participant, Unit
from app.engine.layered.parsing import MAX_COUNTS
from app.engine.walltime import DAY, HOUR, WALL_MONDAY, WEEK, ZoneClock
from app.formats.calendars.recurrence import Rule
from app.moving.turns import Turns, begun, plain_layer
from app.moving.windows import WeekStretch, every_day, is_whole_minutes, restrictions_of

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
PERIODS: dict[str, tuple[Unit, int]] = {
    "hourly": ("hours", HOUR),
    "daily": ("days", DAY),
    "weekly": ("weeks", WEEK),
}
PAUSES = "it pauses for whole periods, which a layer does not"
OVERLAPS = "its shifts overlap each other"
OFF_DAY = "it starts on a day on which it does not recur"
MONTHLY = "it recurs by the month or the year"
SECONDS = "it does not begin and end on whole minutes"
TOO_LONG = f"it has more than {PARTICIPANTS} turns in a round"
TOO_RARE = "it recurs less often than every ten years"


@dataclass(frozen=True, slots=True)
class RecurringShift:
    """A shift of ``length`` milliseconds that recurs from the wall time ``start`` on.

    ``frequency`` is ``hourly``, ``daily`` or ``weekly``, or something else that is not sayable; it
    recurs every ``interval`` of them, on the weekdays ``by_day``, if there are any. Weeks begin on
    ``week_start``. ``people`` take turns of ``each`` shifts in a row or, ``by_period``, of as many
    periods.
    """

    name: str
    start: int
    length: int
    frequency: str
    people: Sequence[Participant]
    interval: int = 1
    by_day: Sequence[int] = ()
    week_start: int = 0
    each: int = 1
    by_period: bool = False

    @property
    def weekday(self) -> int:
        """The weekday of the first shift."""
        return (self.start - WALL_MONDAY) // DAY % 7

    @property
    def step(self) -> int:
        """How long it is from one possible start to the next."""
        return DAY if self.days else PERIODS.get(self.frequency, ("", DAY))[1] * self.interval

    @property
    def days(self) -> frozenset[int]:
        """The weekdays on which it recurs; none if its period says when."""
        days = frozenset(self.by_day)
        return frozenset() if self.frequency == "weekly" and days == {self.weekday} else days


def is_plain(rule: Rule) -> bool:
    """Return whether a rule says no more than how often, on which weekdays, and until when."""
    bare = replace(rule, frequency="DAILY", interval=1, count=0, until=None)
    numbered = any(number for number, _ in rule.by_day)
    return not numbered and replace(bare, by_day=(), week_start=0) == Rule("DAILY")


def starting_from(shift: RecurringShift, wall: int) -> RecurringShift:
    """Return a shift that begins with its first time at or after a wall time."""
    passed = max(0, -((shift.start - wall) // shift.step))
    shift = replace(shift, start=shift.start + passed * shift.step)
    ahead = [(day - shift.weekday) % 7 for day in shift.days]
    return replace(shift, start=shift.start + min(ahead, default=0) * DAY)


def last_until(shift: RecurringShift, wall: int) -> int:
    """Return the wall time of the last start at or before ``wall``, or an earlier one."""
    start = shift.start + (wall - shift.start) // shift.step * shift.step
    weekday = (start - WALL_MONDAY) // DAY % 7
    return start - min(((weekday - day) % 7 for day in shift.days), default=0) * DAY


def last_of(shift: RecurringShift, count: int) -> int:
    """Return the wall time of the last one of ``count`` starts."""
    ahead = sorted((day - shift.weekday) % 7 for day in shift.days)
    if not ahead:
        return shift.start + (count - 1) * shift.step
    weeks, place = divmod(count - 1, len(ahead))
    return shift.start + weeks * WEEK + ahead[place] * DAY


def end_of(shift: RecurringShift, start: int, clock: ZoneClock) -> int:
    """Return the instant at which the shift that starts at a wall time is over.

    One after all years that a layer may end in counts as the end of these.
    """
    return clock.first_at(min(start + shift.length, LATEST_AT - WEEK))


class NotSayable(ValueError):
    """A shift that no layer can have; the message says why."""


def layer_of(shift: RecurringShift, clock: ZoneClock) -> Layer:
    """Return a recurring shift as a layer. Raises ``NotSayable``."""
    people = [person for person in shift.people for _ in range(shift.each)]
    unit, _ = PERIODS.get(shift.frequency, ("days", DAY))
    _refuse(shift.frequency not in PERIODS, MONTHLY)
    _refuse(len(people) > PARTICIPANTS, TOO_LONG)
    _refuse(shift.interval > MAX_COUNTS[unit], TOO_RARE)
    _refuse(not is_whole_minutes([WeekStretch(shift.start, shift.length)]), SECONDS)
    return (_on_days if shift.days else _by_periods)(shift, people, clock)


def _refuse(is_so: bool, reason: str) -> None:  # noqa: FBT001 - reads as a sentence
    if is_so:
        raise NotSayable(reason)


def _by_periods(shift: RecurringShift, people: Sequence[Participant], clock: ZoneClock) -> Layer:
    """Return a shift that recurs once a period as a layer."""
    unit, unit_ms = PERIODS[shift.frequency]
    period = shift.interval * unit_ms
    _refuse(shift.length > period, OVERLAPS)
    turns = Turns(unit, shift.interval, clock.first_at(shift.start))
    if shift.length == period:
        return begun(plain_layer(shift.name, people), turns, clock).layer
    _refuse(shift.interval > 1 or unit == "hours", PAUSES)
    at = (shift.start - WALL_MONDAY) % WEEK
    weekly = [WeekStretch(at, shift.length)]
    stretches = every_day(at % DAY, shift.length) if unit == "days" else weekly
    layer = plain_layer(shift.name, people, restrictions_of(stretches))
    return begun(layer, turns, clock).layer


def _on_days(shift: RecurringShift, people: Sequence[Participant], clock: ZoneClock) -> Layer:
    """Return a shift on some days of the week as a layer."""
    _refuse(shift.frequency == "hourly" or shift.interval > 1, PAUSES)
    _refuse(shift.length > DAY, OVERLAPS)
    _refuse(shift.weekday not in shift.days, OFF_DAY)
    time = shift.start % DAY
    stretches = [WeekStretch(day * DAY + time, shift.length) for day in sorted(shift.days)]
    restrictions = restrictions_of(stretches)
    start_at = clock.first_at(shift.start)
    if not shift.by_period:
        turns = Turns("days", 1, start_at)
        return begun(plain_layer(shift.name, people, restrictions, "active"), turns, clock).layer
    into_week = (shift.start - WALL_MONDAY - shift.week_start * DAY) % WEEK // DAY * DAY
    turns = Turns("weeks", 1, clock.first_at(shift.start - into_week))
    return begun(plain_layer(shift.name, people, restrictions), turns, clock, start_at).layer
