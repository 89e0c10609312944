"""Conversion between wall clocks and instants: the only module that knows time zones.

Strategy: a zone is a sequence of intervals of constant UTC offset. The intervals around an instant
are found once by search (probes of ``utcoffset`` every four days, then bisection to the second; no
two changes of any zone in the IANA data are less than six days apart) and kept in a table per zone
and per bucket of 2^35 ms (about 1.09 years). After that a conversion is one look-up and one
bisection.

Words: an instant (``…_at``) is whole milliseconds since 1970-01-01T00:00:00Z; a wall time
(``wall_…``) is whole milliseconds since 1970-01-01T00:00 on the zone's own clock, as if that clock
never changed. Both may be negative. The two never meet in one sum outside this module.

Invariants, for every zone (rule 2 of ``schedules.md``): ``first_at`` and ``last_at`` never
decrease, ``first_at(w) <= last_at(w)``, and both are the first instant after the gap when the wall
time ``w`` was skipped. So two windows that touch on the wall touch or overlap as instants.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo

SECOND, MINUTE, HOUR, DAY, WEEK = 1_000, 60_000, 3_600_000, 86_400_000, 604_800_000
"""Milliseconds."""

FOREVER = 1 << 60
"""Later than every instant; ``-FOREVER`` is earlier than every instant."""

WALL_MONDAY = 4 * DAY
"""1970-01-05T00:00 as a wall time: the Monday from which weeks are counted."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BUCKET_BITS = 35
_MARGIN = 32 * DAY  # a bucket's table also serves wall times and windows just outside it
_PROBE = 4 * DAY
_FIRST_PROBE_AT = -62_135_424_000_000  # 0001-01-03, where every local date can still be written
_LAST_PROBE_AT = 253_402_041_600_000  # 9999-12-29
_MAX_TABLES = 256  # a zone: some 280 years


class UnambiguousRange(NamedTuple):
    """Wall times ``[wall_from, wall_to)`` each of which is one instant: the wall time - offset.

    No clock change skips or repeats any of them. All three are milliseconds.
    """

    wall_from: int
    wall_to: int
    offset: int


class _OffsetTable(NamedTuple):
    """Intervals of constant offset, in order; interval ``i`` is ``[opens_at[i], opens_at[i+1])``.

    As wall times it is ``[wall_opens[i], wall_closes[i])``: these overlap where a time is repeated
    and leave a hole where one is skipped. ``unambiguous[i]`` is the part of interval ``i`` that
    does neither.
    """

    opens_at: list[int]
    offsets: list[int]
    wall_opens: list[int]
    wall_closes: list[int]
    unambiguous: list[UnambiguousRange]


class ZoneClock:
    """The wall clock of one time zone. ``clock_of`` makes it; threads may share it."""

    __slots__ = ("_tables", "_zone", "key")

    def __init__(self, key: str, zone: ZoneInfo) -> None:
        self.key = key
        self._zone = zone
        self._tables: dict[int, _OffsetTable] = {}

    def wall(self, at: int) -> int:
        """Return the wall time that the clock shows at an instant."""
        table = self._tables.get(at >> _BUCKET_BITS) or self._load(at >> _BUCKET_BITS)
        return at + table.offsets[bisect_right(table.opens_at, at) - 1]

    def first_at(self, wall: int) -> int:
        """Return the instant at which something that starts at ``wall`` starts.

        This is the first of the two instants of a repeated time, and the first instant after the
        gap for a skipped one (rule 2 of ``schedules.md``).
        """
        table = self._tables.get(wall >> _BUCKET_BITS) or self._load(wall >> _BUCKET_BITS)
        index = bisect_right(table.wall_closes, wall)
        at, opens_at = wall - table.offsets[index], table.opens_at[index]
        return at if at > opens_at else opens_at  # noqa: FURB136 - a call to max costs as much again

    def last_at(self, wall: int) -> int:
        """Return the instant at which something that ends at ``wall`` ends.

        This is the last of the two instants of a repeated time, and the first instant after the
        gap for a skipped one (rule 2 of ``schedules.md``).
        """
        table = self._tables.get(wall >> _BUCKET_BITS) or self._load(wall >> _BUCKET_BITS)
        index = bisect_right(table.wall_opens, wall) - 1
        at, closes_at = wall - table.offsets[index], table.opens_at[index + 1]
        return at if at < closes_at else closes_at  # noqa: FURB136 - as above

    def is_skipped(self, wall: int, at: int) -> bool:
        """Return whether the clock skips ``wall``, and ``at`` is what is meant by it.

        That is the end of the gap, or what it is by the offset before. So do programs write a time
        that does not exist: 02:30+01:00 where it is +02:00 by then.
        """
        opens_at = self.first_at(wall)
        if self.wall(opens_at) == wall:
            return False
        return at - opens_at in (0, wall - self.wall(opens_at - 1) - 1)

    def wall_and_range(self, at: int) -> tuple[int, UnambiguousRange]:
        """Return the wall time at an instant, and the unambiguous range of the offset then.

        If the range holds the wall time, wall time and instant are one to one there; otherwise the
        wall time is repeated.
        """
        table = self._tables.get(at >> _BUCKET_BITS) or self._load(at >> _BUCKET_BITS)
        index = bisect_right(table.opens_at, at) - 1
        return at + table.offsets[index], table.unambiguous[index]

    def unambiguous_range(self, wall: int) -> UnambiguousRange:
        """Return the unambiguous range at a wall time.

        It holds ``wall`` unless that is skipped or repeated: the caller compares both ends. It is
        cut to the part that one table knows, so it may end before the next clock change.
        """
        table = self._tables.get(wall >> _BUCKET_BITS) or self._load(wall >> _BUCKET_BITS)
        return table.unambiguous[bisect_right(table.wall_closes, wall)]

    def _load(self, bucket: int) -> _OffsetTable:
        """Find the table for one bucket and keep it, instead of all others if there are many."""
        if len(self._tables) >= _MAX_TABLES:
            self._tables.clear()
        table = self._tables[bucket] = self._table_for(bucket)
        return table

    def _table_for(self, bucket: int) -> _OffsetTable:
        """Return the table for one bucket, by a search for changes of the offset."""
        from_at = (bucket << _BUCKET_BITS) - _MARGIN
        to_at = ((bucket + 1) << _BUCKET_BITS) + _MARGIN
        opens_at, offsets = [-FOREVER], [self.offset_at(from_at)]
        for at in range(from_at, to_at, _PROBE):
            offset = self.offset_at(at + _PROBE)
            if offset != offsets[-1]:
                opens_at.append(self._change_at(at, at + _PROBE))
                offsets.append(offset)
        return _offset_table(opens_at, offsets, from_at, to_at)

    def _change_at(self, before_at: int, after_at: int) -> int:
        """Return the first instant with the offset of ``after_at``, to the second, by bisection."""
        before, after = before_at // SECOND, after_at // SECOND
        offset = self.offset_at(after_at)
        while after - before > 1:
            middle = (before + after) // 2
            if self.offset_at(middle * SECOND) == offset:
                after = middle
            else:
                before = middle
        return after * SECOND

    def offset_at(self, at: int) -> int:
        """Return the offset at an instant without a table: for a few instants of many zones."""
        probe_at = min(max(at, _FIRST_PROBE_AT), _LAST_PROBE_AT)
        local = (_EPOCH + timedelta(milliseconds=probe_at)).astimezone(self._zone)
        return (local.utcoffset() or timedelta()) // timedelta(milliseconds=1)


def _offset_table(
    opens_at: list[int], offsets: list[int], from_at: int, to_at: int
) -> _OffsetTable:
    closes_at = [*opens_at[1:], FOREVER]
    wall_opens = [at + offset for at, offset in zip(opens_at, offsets, strict=True)]
    wall_closes = [at + offset for at, offset in zip(closes_at, offsets, strict=True)]
    previous, following = [-FOREVER, *wall_closes], [*wall_opens[1:], FOREVER]
    unambiguous = [
        UnambiguousRange(
            max(wall_opens[i], previous[i], from_at + offset),
            min(wall_closes[i], following[i], to_at + offset),
            offset,
        )
        for i, offset in enumerate(offsets)
    ]
    return _OffsetTable([*opens_at, FOREVER], offsets, wall_opens, wall_closes[:-1], unambiguous)


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all zones in the pinned ``tzdata`` package.

    The machine's own zone files are not read.
    """
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


@cache
def zone_data_version() -> str:
    """Return the release of the pinned ``tzdata`` package, such as ``2026a``."""
    return str(import_module("tzdata").IANA_VERSION)


def clock_of(timezone_name: str) -> ZoneClock:
    """Return the clock of an IANA zone.

    Raises ``ValueError`` for an unknown name.
    """
    if timezone_name not in zone_names():
        raise ValueError(f'timezone "{timezone_name[:100]}" is unknown')
    return _clock_of(timezone_name)


@cache
def _clock_of(key: str) -> ZoneClock:
    with files("tzdata").joinpath("zoneinfo", *key.split("/")).open("rb") as data:
        return ZoneClock(key, ZoneInfo.from_file(data, key=key))
