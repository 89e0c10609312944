"""Fixed-length shifts dealt out in turn: the sold rotation.

Strategy: a rotation is arithmetic, so it is kept as arithmetic. Boundaries are a ``range`` of whole
milliseconds since 1970-01-01T00:00:00Z and the person of a shift is an index modulo the cycle;
nothing is built per shift until somebody reads it. Source of the rules: ``rotation.md``.

Invariants: shift ``i`` is ``[boundaries[i], boundaries[i + 1])``, so shifts are back to back by
construction; the counts add up to the number of shifts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle, islice

from app.errors import Fault, InvalidRequest

HOUR_MS = 3_600_000
FIRST_INSTANT_MS = 0
"""1970-01-01T00:00:00.000Z"""
LAST_INSTANT_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z"""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Back-to-back shifts of one length.

    ``boundaries`` are instants in milliseconds, one more than there are shifts; ``cycle`` is the
    order in which people take turns; the offset moves handoffs, never boundaries. The two lengths
    are hours as they were asked for; instants are rounded to the millisecond.
    """

    boundaries: range
    cycle: Sequence[str]
    counts: Mapping[str, int]
    shift_length_hours: float
    handoff_offset_hours: float

    @property
    def shifts(self) -> int:
        return len(self.boundaries) - 1

    @property
    def people(self) -> Iterator[str]:
        """Who is on call, one name a shift."""
        return islice(cycle(self.cycle), self.shifts)

    @property
    def handoffs(self) -> range:
        """When each shift's incoming person takes over: its end plus the offset."""
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
    """The rotation of ``shifts`` turns of ``length_hours`` from ``start_at`` (milliseconds).

    A name given twice in ``people`` takes two turns per cycle. Raises ``InvalidRequest`` with what
    ``rotation_faults`` finds.
    """
    faults = list(rotation_faults(start_at, shifts, length_hours, offset_hours))
    if faults:
        raise InvalidRequest(faults)
    length_ms = milliseconds(length_hours)
    boundaries = range(start_at, start_at + shifts * length_ms + 1, length_ms)
    return Rotation(boundaries, people, _counts(people, shifts), length_hours, offset_hours)


def rotation_faults(
    start_at: int | None,
    shifts: float | None,
    length_hours: float | None,
    offset_hours: float | None,
) -> Iterator[Fault]:
    """What is wrong with fields that are each right by themselves.

    ``None`` stands for a field that is not right; no rule that needs it is looked at.
    """
    if length_hours is None:
        return
    length_ms = milliseconds(length_hours)
    if length_ms < 1:
        yield Fault("/shiftLengthHours", "is shorter than a millisecond")
    if offset_hours is None:
        return
    offset_ms = milliseconds(offset_hours)
    if abs(offset_ms) > length_ms:
        yield Fault("/handoffOffsetHours", "is longer than a shift: at most shiftLengthHours")
    elif start_at is not None and shifts is not None:
        last_at = start_at + int(shifts) * length_ms + max(offset_ms, 0)
        if last_at > LAST_INSTANT_MS:
            yield Fault("/shifts", "the last shift or its handoff is after the year 9999")


def milliseconds(hours: float) -> int:
    """Hours as whole milliseconds, rounded."""
    if hours == int(hours):  # most are, and a fraction costs ten times as much
        return int(hours) * HOUR_MS
    return round(Fraction(hours) * HOUR_MS)


def _counts(people: Sequence[str], shifts: int) -> Mapping[str, int]:
    rounds, rest = divmod(shifts, len(people))
    counts = dict.fromkeys(people, 0)
    for turn, person in enumerate(people):
        counts[person] += rounds + (turn < rest)
    return counts
