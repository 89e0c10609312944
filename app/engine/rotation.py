"""The sold rotation: shifts of one length, dealt out in turn (``rotation.md``).

Strategy: a rotation is arithmetic, so it is kept as arithmetic. Boundaries are a ``range`` of whole
milliseconds since 1970-01-01T00:00:00Z and the person of a shift is an index modulo the cycle;
nothing is built per shift until somebody reads it.

Invariants: shift ``i`` is ``[boundaries[i], boundaries[i + 1])``, so shifts are back to back by
construction; the counts add up to the number of shifts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle, islice

from app.errors import FieldError, InvalidRequest

HOUR_MS = 3_600_000
FIRST_INSTANT_MS = 0
"""1970-01-01T00:00:00.000Z"""
LAST_INSTANT_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z"""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Back-to-back shifts of one length.

    ``boundaries`` are instants in milliseconds, one more than there are shifts; ``cycle`` is the
    order in which people take turns; the offset moves handoffs, never boundaries. Length and offset
    are in hours, as in the request; instants are rounded to the millisecond.
    """

    boundaries: range
    cycle: Sequence[str]
    counts: Mapping[str, int]
    shift_length_hours: float
    handoff_offset_hours: float

    @property
    def shifts(self) -> int:
        """The number of shifts."""
        return len(self.boundaries) - 1

    @property
    def people(self) -> Iterator[str]:
        """The people on call, one name for each shift."""
        return islice(cycle(self.cycle), self.shifts)

    @property
    def handoffs(self) -> range:
        """The instant of handoff after each shift: its end plus the offset."""
        offset_ms = milliseconds(self.handoff_offset_hours)
        ends = self.boundaries[1:]
        return range(ends.start + offset_ms, ends.stop + offset_ms, ends.step)

    @property
    def balanced(self) -> bool:
        """Whether the largest and the smallest count differ by at most one."""
        return max(self.counts.values()) - min(self.counts.values()) <= 1


def rotation_of(
    *, start_at: int, people: Sequence[str], shifts: int, length_hours: float, offset_hours: float
) -> Rotation:
    """Return the rotation of ``shifts`` turns of ``length_hours`` from ``start_at`` on.

    ``start_at`` is milliseconds since 1970. A name given twice in ``people`` takes two turns in
    each cycle. Raises ``InvalidRequest`` with the errors of ``rotation_errors``.
    """
    errors = list(rotation_errors(start_at, shifts, length_hours, offset_hours))
    if errors:
        raise InvalidRequest(errors)
    length_ms = milliseconds(length_hours)
    boundaries = range(start_at, start_at + shifts * length_ms + 1, length_ms)
    return Rotation(boundaries, people, _counts(people, shifts), length_hours, offset_hours)


def rotation_errors(
    start_at: int | None,
    shifts: float | None,
    length_hours: float | None,
    offset_hours: float | None,
) -> Iterator[FieldError]:
    """Yield the errors of fields that are right by themselves and wrong together.

    ``None`` stands for a field that is wrong by itself; rules that need it are left out.
    """
    if length_hours is None:
        return
    length_ms = milliseconds(length_hours)
    if length_ms < 1:
        yield FieldError("/shiftLengthHours", "is shorter than a millisecond")
    if offset_hours is None:
        return
    offset_ms = milliseconds(offset_hours)
    if abs(offset_ms) > length_ms:
        yield FieldError("/handoffOffsetHours", "is longer than a shift: at most shiftLengthHours")
    elif start_at is not None and shifts is not None:
        last_at = start_at + int(shifts) * length_ms + max(offset_ms, 0)
        if last_at > LAST_INSTANT_MS:
            yield FieldError("/shifts", "the last shift or its handoff is after the year 9999")


def milliseconds(hours: float) -> int:
    """Return hours as whole milliseconds, rounded."""
    if hours == int(hours):  # most are, and a fraction costs ten times as much
        return int(hours) * HOUR_MS
    return round(Fraction(hours) * HOUR_MS)


def _counts(people: Sequence[str], shifts: int) -> Mapping[str, int]:
    rounds, rest = divmod(shifts, len(people))
    counts = dict.fromkeys(people, 0)
    for turn, person in enumerate(people):
        counts[person] += rounds + (turn < rest)
    return counts
