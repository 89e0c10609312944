"""What a tool says of who is on call, beside what its converted schedule says."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.engine.layered.limits import DAY_MS, PARTICIPANTS, check_work
from app.engine.layered.resolve import final_schedule
from app.errors import TooMuchWork
from app.moving.conversion import Conversion

COMPARED_MS = 28 * DAY_MS


class Difference(NamedTuple):
    """A stretch ``[start_at, end_at)`` in which two schedules have other people on call."""

    start_at: int
    end_at: int
    source: tuple[str, ...]
    converted: tuple[str, ...]


class Comparison(NamedTuple):
    """The stretch that was compared, and where it differs, in order."""

    from_at: int
    to_at: int
    differences: Sequence[Difference]


def compared(conversion: Conversion) -> Comparison | None:
    """Compare the first four weeks of what a tool says with the conversion.

    ``None`` if the document says nothing of it. Raises ``OutOfBounds`` for too much work.
    """
    if not conversion.rendered:
        return None
    from_at = min(shift.start_at for shift in conversion.rendered)
    to_at = min(max(shift.end_at for shift in conversion.rendered), from_at + COMPARED_MS)
    schedule = conversion.schedule
    manual = len(schedule.overrides) + len(schedule.entries)
    check_work(schedule.layers, manual, (), to_at - from_at)
    final = final_schedule(schedule, from_at, to_at)
    said = [(shift.start_at, shift.end_at, shift.user_id) for shift in conversion.rendered]
    made = [(each.start_at, each.end_at, user) for each in final.segments for user in each.user_ids]
    return Comparison(from_at, to_at, _differences(said, made, from_at, to_at))


def _differences(
    said: Iterable[tuple[int, int, str]],
    made: Iterable[tuple[int, int, str]],
    from_at: int,
    to_at: int,
) -> list[Difference]:
    """Return where two lists of stretches with people differ, by a sweep over their ends."""
    changes = [
        (at, side, step, user)
        for side, stretches in enumerate((said, made))
        for start, end, user in stretches
        for at, step in ((start, 1), (end, -1))
    ]
    changes.sort(key=lambda change: (change[0], change[2]))
    now: tuple[dict[str, int], dict[str, int]] = ({}, {})
    found: list[Difference] = []
    at = from_at
    for change_at, side, step, user in [*changes, (to_at, 0, 0, "")]:
        until = min(change_at, to_at)
        if at < until:
            _append(found, at, until, now)
            at = until
        if step:
            count = now[side].pop(user, 0) + step
            if count:
                now[side][user] = count
            if len(now[side]) > PARTICIPANTS:
                raise TooMuchWork(f"more than {PARTICIPANTS} people are on call at once")
    return found


def _append(
    found: list[Difference], start: int, end: int, now: tuple[dict[str, int], dict[str, int]]
) -> None:
    """Append a stretch if it differs; two that touch and differ alike are one."""
    said, made = (tuple(sorted(side)) for side in now)
    if said == made:
        return
    if found and found[-1][1:] == (start, said, made):
        found[-1] = found[-1]._replace(end_at=end)
    else:
        found.append(Difference(start, end, said, made))
