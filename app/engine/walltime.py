"""Wall clock ↔ instant: the only module that knows zones.

Strategy: a zone is a row of stretches of constant UTC offset. The stretches around an instant are
found once by search (probes of ``utcoffset`` every four days, then bisection to the second; no two
changes of any zone in the IANA data are less than six days apart) and kept in a table per zone and
per bucket of 2^35 ms (about 1.09 years). After that a conversion is one look-up and one bisection.

Words: an instant (``…_at``) is whole milliseconds since 1970-01-01T00:00:00Z; a wall time
(``wall_…``) is whole milliseconds since 1970-01-01T00:00 on the zone's own clock, as if that clock
never changed. Both may be negative. The two never meet in one sum outside this module.

Invariants, for every zone (rule 2 of ``schedules.md``): ``first_at`` and ``last_at`` never
decrease, ``first_at(w) <= last_at(w)``, and both are the first instant after the gap when the wall
time ``w`` was skipped. So two windows that touch on the wall touch or overlap as instants.
"""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo

SECOND, MINUTE, HOUR, DAY, WEEK = 1_000, 60_000, 3_600_000, 86_400_000, 604_800_000
"""Milliseconds."""

FOREVER = 1 << 60
"""Later than every instant; ``-FOREVER`` is earlier than every instant."""

WALL_MONDAY = 4 * DAY
"""1970-01-05T00:00 on the wall: the Monday from which weeks are counted."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BUCKET_BITS = 35
_MARGIN = 32 * DAY  # a bucket's table serves wall times and windows that stick out of it
_PROBE = 4 * DAY
_FIRST_PROBE_AT = -62_135_424_000_000  # 0001-01-03, where every local date can still be written
_LAST_PROBE_AT = 253_402_041_600_000  # 9999-12-29
_TABLES_KEPT = 256  # a zone: some 280 years


class Calm(NamedTuple):
    """Wall times ``[wall_from, wall_to)`` that exist exactly once: instant = wall - offset."""

    wall_from: int
    wall_to: int
    offset: int


class _Table(NamedTuple):
    """Stretches of constant offset, in order; stretch ``i`` is ``[opens_at[i], opens_at[i+1])``.

    On the wall it is ``[wall_opens[i], wall_closes[i])``: these overlap where a time is repeated
    and leave a hole where one is skipped. ``calm[i]`` is the part of stretch ``i`` that does
    neither.
    """

    opens_at: list[int]
    offsets: list[int]
    wall_opens: list[int]
    wall_closes: list[int]
    calm: list[Calm]


class Clock:
    """The wall clock of one zone. Made by ``clock_of``; safe to share between threads."""

    __slots__ = ("_tables", "_zone", "key")

    def __init__(self, key: str, zone: ZoneInfo) -> None:
        self.key = key
        self._zone = zone
        self._tables: dict[int, _Table] = {}

    def wall(self, at: int) -> int:
        """What the clock shows at an instant."""
        table = self._tables.get(at >> _BUCKET_BITS) or self._load(at >> _BUCKET_BITS)
        return at + table.offsets[bisect_right(table.opens_at, at) - 1]

    def first_at(self, wall: int) -> int:
        """The instant at which something that starts at ``wall`` starts (rule 2).

        The first pass of a repeated time; the first instant after the gap for a skipped one.
        """
        table = self._tables.get(wall >> _BUCKET_BITS) or self._load(wall >> _BUCKET_BITS)
        index = bisect_right(table.wall_closes, wall)
        at, opens_at = wall - table.offsets[index], table.opens_at[index]
        return at if at > opens_at else opens_at  # noqa: FURB136 - a call to max costs as much again

    def last_at(self, wall: int) -> int:
        """The instant at which something that ends at ``wall`` ends (rule 2).

        The last pass of a repeated time; the first instant after the gap for a skipped one.
        """
        table = self._tables.get(wall >> _BUCKET_BITS) or self._load(wall >> _BUCKET_BITS)
        index = bisect_right(table.wall_opens, wall) - 1
        at, closes_at = wall - table.offsets[index], table.opens_at[index + 1]
        return at if at < closes_at else closes_at  # noqa: FURB136 - as above

    def seen(self, at: int) -> tuple[int, Calm]:
        """What the clock shows at an instant, and the calm stretch next to it.

        If that holds the wall time, then wall time and instant are one to one there.
        """
        table = self._tables.get(at >> _BUCKET_BITS) or self._load(at >> _BUCKET_BITS)
        index = bisect_right(table.opens_at, at) - 1
        return at + table.offsets[index], table.calm[index]

    def calm(self, wall: int) -> Calm:
        """The calm stretch that holds ``wall``, if any does: compare it with both ends.

        It is cut to the part that one table knows, so it may end before the next clock change.
        """
        table = self._tables.get(wall >> _BUCKET_BITS) or self._load(wall >> _BUCKET_BITS)
        return table.calm[bisect_right(table.wall_closes, wall)]

    def _load(self, bucket: int) -> _Table:
        if len(self._tables) >= _TABLES_KEPT:
            self._tables.clear()
        table = self._tables[bucket] = self._search(bucket)
        return table

    def _search(self, bucket: int) -> _Table:
        """The table for one bucket, found by search and nothing else."""
        from_at = (bucket << _BUCKET_BITS) - _MARGIN
        to_at = ((bucket + 1) << _BUCKET_BITS) + _MARGIN
        opens_at, offsets = [-FOREVER], [self._offset(from_at)]
        for at in range(from_at, to_at, _PROBE):
            offset = self._offset(at + _PROBE)
            if offset != offsets[-1]:
                opens_at.append(self._change_at(at, at + _PROBE))
                offsets.append(offset)
        return _table(opens_at, offsets, from_at, to_at)

    def _change_at(self, before_at: int, after_at: int) -> int:
        """The first instant with the offset of ``after_at``, to the second, by bisection."""
        before, after = before_at // SECOND, after_at // SECOND
        offset = self._offset(after_at)
        while after - before > 1:
            middle = (before + after) // 2
            if self._offset(middle * SECOND) == offset:
                after = middle
            else:
                before = middle
        return after * SECOND

    def _offset(self, at: int) -> int:
        probe_at = min(max(at, _FIRST_PROBE_AT), _LAST_PROBE_AT)
        local = (_EPOCH + timedelta(milliseconds=probe_at)).astimezone(self._zone)
        return (local.utcoffset() or timedelta()) // timedelta(milliseconds=1)


def _table(opens_at: list[int], offsets: list[int], from_at: int, to_at: int) -> _Table:
    closes_at = [*opens_at[1:], FOREVER]
    wall_opens = [at + offset for at, offset in zip(opens_at, offsets, strict=True)]
    wall_closes = [at + offset for at, offset in zip(closes_at, offsets, strict=True)]
    previous, following = [-FOREVER, *wall_closes], [*wall_opens[1:], FOREVER]
    calm = [
        Calm(
            max(wall_opens[i], previous[i], from_at + offset),
            min(wall_closes[i], following[i], to_at + offset),
            offset,
        )
        for i, offset in enumerate(offsets)
    ]
    return _Table([*opens_at, FOREVER], offsets, wall_opens, wall_closes[:-1], calm)


@cache
def zone_names() -> frozenset[str]:
    """Every zone of the pinned ``tzdata`` package; the machine's own zone files are not read."""
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


def clock_of(timezone_name: str) -> Clock:
    """The clock of an IANA zone. Raises ``ValueError`` that suggests the nearest name."""
    if timezone_name not in zone_names():
        raise ValueError(_unknown_zone(timezone_name))
    return _clock_of(timezone_name)


@cache
def _clock_of(key: str) -> Clock:
    with files("tzdata").joinpath("zoneinfo", *key.split("/")).open("rb") as data:
        return Clock(key, ZoneInfo.from_file(data, key=key))


def _unknown_zone(name: str) -> str:
    if name[:1] in ("+", "-"):
        return f'timezone "{name[:100]}" is an offset: name a zone such as "Europe/Brussels"'
    by_lower = {known.lower(): known for known in sorted(zone_names())}
    wanted = name[:100].strip().lower().replace(" ", "_")
    nearest = get_close_matches(wanted, by_lower, n=1, cutoff=0.0)
    return f'timezone "{name[:100]}" is unknown: did you mean "{by_lower[nearest[0]]}"?'
