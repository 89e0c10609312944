"""An oracle that walks a schedule minute by minute, with ``zoneinfo`` and nothing of ``app``.

A document is a plain dict in whole minutes: instants count from 1970-01-01T00:00Z, times of day
from midnight. ``Walk`` looks at every minute of a window once and writes down where the wall clock
jumps; the unbroken runs in between give rule 2. Turns are stepped from the start of the layer.
Source: rules 2 to 9 of ``schedules.md``.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

Document = dict[str, Any]
Row = tuple[Any, ...] | None
"""The source, its index, who is on call, and who was passed over; nobody: closed."""

DAY = 1440
WEEK = 7 * DAY
MONDAY = 4 * DAY  # 1970-01-05
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall time


MINUTE = timedelta(minutes=1)


def wall_minute(zone: ZoneInfo, minute: int) -> int:
    return minute + datetime.fromtimestamp(minute * 60, zone).utcoffset() // MINUTE


class Walk:
    """The runs of minutes from ``begin`` to ``end`` in which the wall clock moves minute by
    minute."""

    def __init__(self, zone_name: str, begin: int, end: int) -> None:
        self.zone = ZoneInfo(zone_name)
        self.begin, self.end = begin, end
        self.runs = []  # minute, wall, length
        offset = None
        for minute in range(begin, end):
            shown = datetime.fromtimestamp(minute * 60, self.zone).utcoffset()
            if shown == offset:
                self.runs[-1][2] += 1
            else:
                offset = shown
                self.runs.append([minute, minute + shown // MINUTE, 1])

    def first(self, wall: int) -> int:
        for minute, run_wall, length in self.runs:
            if run_wall <= wall < run_wall + length:
                return minute + wall - run_wall
        return self.after_gap(wall)

    def last(self, wall: int) -> int:
        for minute, run_wall, length in reversed(self.runs):
            if run_wall <= wall < run_wall + length:
                return minute + wall - run_wall
        return self.after_gap(wall)

    def after_gap(self, wall: int) -> int:
        """Return the first minute that shows more than ``wall``, which no minute shows."""
        for minute, run_wall, _ in self.runs:
            if run_wall > wall:
                if minute == self.begin:
                    raise LookupError(wall)
                return minute
        raise LookupError(wall)


@cache
def walk_of(zone_name: str, begin: int, end: int) -> Walk:
    return Walk(zone_name, begin, end)


@cache
def around(zone_name: str, wall: int) -> Walk:
    """Return a walk around a wall time that is far away."""
    return walk_of(zone_name, wall - 3 * DAY, wall + 63 * DAY)


class Oracle:
    def __init__(self, document: Document, begin: int, end: int) -> None:
        self.document = document
        self.begin, self.end = begin, end
        self.near = walk_of(document["timezone"], begin - 85 * DAY, end + 12 * DAY)

    def first(self, wall: int) -> int:
        try:
            return self.near.first(wall)
        except LookupError:
            return around(self.document["timezone"], wall // (60 * DAY) * 60 * DAY).first(wall)

    def last(self, wall: int) -> int:
        try:
            return self.near.last(wall)
        except LookupError:
            return around(self.document["timezone"], wall // (60 * DAY) * 60 * DAY).last(wall)

    def walked(self) -> list[Row]:
        """Return (source, index, user), or ``None``, for each minute of ``[begin, end)``."""
        rows = [self.layer_row(layer) for layer in self.document["layers"]]
        manual = self.manual_row()
        return [
            manual[offset] or self.layer(rows, offset) for offset in range(self.end - self.begin)
        ]

    def manual_row(self) -> list[Row]:
        """Return a row of entries, with overrides over them, each in the order of creation."""
        row: list[Row] = [None] * (self.end - self.begin)
        for source in ("entries", "overrides"):
            for index, assignment in enumerate(self.document[source]):
                first = max(assignment["start_at"] - self.begin, 0)
                end = max(min(assignment["end_at"], self.end) - self.begin, first)
                user_id = assignment["user_id"]
                people = () if user_id is None else (user_id,)
                row[first:end] = [(source, index, people, ())] * (end - first)
        return row

    def layer(self, rows: list[list[int | None]], offset: int) -> Row:
        for index, (row, layer) in enumerate(zip(rows, self.document["layers"], strict=True)):
            if row[offset] is not None:
                people, passed = self.taken(layer["participants"], row[offset], offset)
                if people:
                    return ("layers", index, people, passed)
        return None

    def taken(self, participants: list[Any], place: int, offset: int) -> tuple[Any, Any]:
        """Return who has a turn at a minute, and who was passed over, with the reasons."""
        if participants[place] is None:
            return (), ()
        away = self.away(self.begin + offset)
        passed = {}
        turns = [*participants[place:], *participants[:place]]
        for turn in turns if self.document["when_away"] == "next" else turns[:1]:
            members = [] if turn is None else [turn] if isinstance(turn, str) else turn
            passed.update({name: away[name] for name in members if name in away})
            there = tuple(name for name in members if name not in away)
            if there:
                return there, tuple(passed.items())
        return (), ()

    def away(self, minute: int) -> dict[str, str | None]:
        """Return who is away at a minute, and why: of several absences the first to begin."""
        found: dict[str, str | None] = {}
        absences = self.document["absences"]
        for absence in sorted(absences, key=lambda each: (each["start_at"], each["end_at"])):
            if absence["start_at"] <= minute < absence["end_at"]:
                found.setdefault(absence["user_id"], absence["reason"])
        return found

    def layer_row(self, layer: Document) -> list[int | None]:
        """Return the place in the list of whoever has the turn in each minute."""
        row: list[int | None] = [None] * (self.end - self.begin)
        if not layer["participants"]:
            return row
        active = self.active(layer)
        last = self.end if layer.get("end_at") is None else layer["end_at"]
        for start, end, place in self.turns(layer):
            ends = min(end, last) - self.begin
            for offset in range(max(start - self.begin, 0), min(ends, len(row))):
                if active[offset]:
                    row[offset] = place
        return row

    def active(self, layer: Document) -> bytearray:
        size = self.end - self.begin
        if not layer["restrictions"]:
            return bytearray(b"\1" * size)
        active = bytearray(size)
        first_day = wall_minute(self.near.zone, self.begin) // DAY - 3
        for day in range(first_day, first_day + size // DAY + 7):
            for window in layer["restrictions"]:
                if window["days"] and (day + 3) % 7 not in window["days"]:
                    continue
                end = window["end"] if window["end"] > window["start"] else window["end"] + DAY
                start_at = self.first(day * DAY + window["start"]) - self.begin
                end_at = self.last(day * DAY + end) - self.begin
                start_at, end_at = (min(max(edge, 0), size) for edge in (start_at, end_at))
                active[start_at:end_at] = b"\1" * (end_at - start_at)
        return active

    def turns(self, layer: Document) -> Iterator[tuple[int, int, int]]:
        """Yield (start, end, place in the list) of every turn up to the end, from the first on."""
        start, wall = layer["start_at"], None
        if start is None:
            wall = 0 if layer["unit"] == "months" else MONDAY
            from_at = self.first(wall)
        else:
            wall, from_at = wall_minute(self.near.zone, start), start
        handoffs = self.handoffs(layer, from_at, wall)
        lowest = -(10**12) if start is None else start
        turn, (at, wall_at) = 0, next(handoffs)
        people = layer["participants"]
        while at < self.end:
            next_at, wall_next = next(handoffs)
            yield max(at, lowest), next_at, turn % len(people)
            seen_from = wall if start is not None and at <= start else wall_at
            if layer["turns_on"] == "all" or self.wall_active(layer, seen_from, wall_next):
                turn += 1
            at, wall_at = next_at, wall_next

    def wall_active(self, layer: Document, wall_from: int, wall_to: int) -> bool:
        windows = layer["restrictions"]
        bits = week_bits(tuple((tuple(w["days"]), w["start"], w["end"]) for w in windows))
        if wall_to - wall_from >= WEEK or not windows:
            return True
        first = (wall_from - MONDAY) % WEEK
        return 1 in bits[first : first + wall_to - wall_from]

    def handoffs(self, layer: Document, from_at: int, wall: int) -> Iterator[tuple[int, int]]:
        """Yield (instant, wall) of handoff 0, the last one by ``from_at``, and of each after it."""
        anchor = self.anchor(layer, from_at, wall)
        if layer["unit"] == "hours":
            as_started = layer["handoff_time"] is None and layer["start_at"] is not None
            anchor_at = from_at if as_started else self.first(anchor)
            while anchor_at + layer["count"] * 60 <= from_at:
                anchor_at += layer["count"] * 60
            while True:
                yield anchor_at, wall + anchor_at - from_at
                anchor_at += layer["count"] * 60
        step, day = 0, self.day(layer, wall)
        long_ago = self.begin - 80 * DAY if layer["start_at"] is None else -(10**12)
        while True:
            moved = moved_on(anchor, layer["unit"], layer["count"] * step, day)
            if moved < long_ago:
                yield moved, moved  # far before anything asked: any instant in the right order
            else:
                yield self.first(moved), moved
            step += 1

    def day(self, layer: Document, wall: int) -> int:
        return (EPOCH + timedelta(minutes=wall)).day if layer["unit"] == "months" else 0

    def anchor(self, layer: Document, from_at: int, wall: int) -> int:
        if layer["handoff_time"] is None and layer["start_at"] is not None:
            return wall
        spelled = []
        reach = {"weeks": 15, "months": 70}.get(layer["unit"], 4)
        for day in range(wall // DAY - reach, wall // DAY + 2):
            moved = day * DAY + (layer["handoff_time"] or 0)
            if layer["unit"] == "weeks" and (day + 3) % 7 != (layer["handoff_day"] or 0):
                continue
            if layer["unit"] == "months" and not same_day(day, self.day(layer, wall)):
                continue
            spelled.append(moved)
        return max(moved for moved in spelled if self.first(moved) <= from_at)


def same_day(day: int, wanted: int) -> bool:
    """Return whether a day is the wanted day of its month, or the last of a shorter month."""
    on = EPOCH.date() + timedelta(days=day)
    last = (on + timedelta(days=1)).month != on.month
    return on.day == wanted or (last and on.day < wanted)


def moved_on(wall: int, unit: str, count: int, day: int) -> int:
    if unit == "days":
        return wall + count * DAY
    if unit == "weeks":
        return wall + count * WEEK
    on = EPOCH + timedelta(minutes=wall)
    month = on.year * 12 + on.month - 1 + count
    moved = date(month // 12, month % 12 + 1, 1)
    while moved.day < day and (moved + timedelta(days=1)).month == moved.month:
        moved += timedelta(days=1)
    return (moved - EPOCH.date()).days * DAY + wall % DAY


@cache
def week_bits(windows: tuple[Any, ...]) -> bytes:
    """Return the minutes of a wall week from Monday that the windows cover, twice over."""
    bits = bytearray(WEEK)
    for days, start, end in windows:
        for day in days or range(7):
            for minute in range(day * DAY + start, day * DAY + end + (DAY if end <= start else 0)):
                bits[minute % WEEK] = 1
    return bytes(bits) * 2


def forget_walks() -> None:
    """Empty the caches: minutes of many years, which slow the process down while they are kept."""
    for cached in (walk_of, around, week_bits):
        cached.cache_clear()
