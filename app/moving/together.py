"""People who are on call at once, and people who stand in for others, said with layers.

Strategy: where a tool has everybody of several rotations on call at once, the first of them is the
top layer, and each of the others is told. A stand-in for a person, or in a rotation, is an override
wherever the layers have that person, or that rotation, on call.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from app.engine.intervals import merged, split
from app.engine.layered.limits import (
    EARLIEST_AT,
    LAYERS,
    OVERRIDES,
    STEPS,
    WINDOW_MS,
    check_schedule,
    check_work,
)
from app.engine.layered.model import FinalSchedule, Gap, Layer, Override, Schedule, Segment
from app.engine.layered.resolve import final_schedule
from app.errors import TooManyLayers, TooManyOverrides
from app.moving.reading import Source
from app.moving.windows import stretches_of, within_week

MAX_LAYER_NAME = 200


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """A layer with the pointer to what it was made of."""

    pointer: str
    layer: Layer


def with_own_names(placed: Iterable[PlacedLayer]) -> list[PlacedLayer]:
    """Return layers each with a name of its own. Raises ``TooManyLayers``."""
    placed = list(placed)
    if len(placed) > LAYERS:
        raise TooManyLayers(f"{len(placed)} layers: at most {LAYERS}")
    taken: set[str] = set()
    found = []
    for each in placed:
        name, number = each.layer.name, 2
        while name in taken:
            end = f" ({number})"
            name, number = each.layer.name[: MAX_LAYER_NAME - len(end)] + end, number + 1
        taken.add(name)
        found.append(replace(each, layer=replace(each.layer, name=name)))
    return found


def tell_together(source: Source, placed: Sequence[PlacedLayer]) -> None:
    """Tell of each layer that a tool has on call at the same time as one above it."""
    if source.is_quick:
        return
    windows = [within_week(stretches_of(each.layer.restrictions)) for each in placed]
    for index, each in enumerate(placed):
        above = next(
            (
                other.layer.name
                for other, theirs in zip(placed[:index], windows, strict=False)
                if other.pointer != each.pointer
                and _last_together(other.layer, each.layer)
                and split(theirs, windows[index])[0]
            ),
            None,
        )
        if above is not None:
            what = f"is on call at the same time as {above}"
            instead = "it is a layer below: on call where that one has nobody"
            source.lose(each.pointer, what, instead)


def _last_together(one: Layer, other: Layer) -> bool:
    """Return whether there is a time at which both layers have begun and neither has ended."""
    begins_at = max(layer.start_at or EARLIEST_AT for layer in (one, other))
    return all(layer.end_at is None or begins_at < layer.end_at for layer in (one, other))


@dataclass(frozen=True, slots=True)
class StandIn:
    """Somebody who is on call in ``[start_at, end_at)`` in place of others.

    That is in place of ``replaced``, if it names anybody, in the layers ``layers``, if it names
    any; with neither, where ``only_gaps`` is set, of nobody; else of everybody.
    """

    pointer: str
    start_at: int
    end_at: int
    user_id: str
    replaced: str = ""
    layers: frozenset[str] = frozenset()
    only_gaps: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it holds for all of its stretch."""
        return not (self.replaced or self.layers or self.only_gaps)


def overrides_of(
    source: Source, timezone: str, layers: Sequence[Layer], stand_ins: Sequence[StandIn]
) -> list[Override]:
    """Return stand-ins as overrides, in their order; what is of no effect is told.

    Raises ``OutOfBounds`` for layers, or a stretch, that are too much work.
    """
    given = [] if source.is_quick else [each for each in stand_ins if each.start_at < each.end_at]
    final = _base(timezone, layers, [each for each in given if not each.is_plain])
    found: list[Override] = []
    room = STEPS
    for each in given:
        stretches = [(each.start_at, each.end_at)]
        if final is not None and not each.is_plain:
            pieces = _pieces_during(each, final)
            room -= len(pieces)
            stretches = _stretches(each, pieces)
            if any(_is_one_of_several(each, piece) for piece in pieces):
                what = f"takes the place of {each.replaced} alone, who is on call with others"
                source.lose(each.pointer, what, "it takes the place of all of them")
        if room < 0 or len(found) + len(stretches) > OVERRIDES:
            raise TooManyOverrides(f"they take more than {OVERRIDES} stretches of the layers")
        if not stretches:
            what = "takes the place of somebody who is not on call then"
            source.lose(each.pointer, what, "it was left out")
        found += [Override(each.user_id, start, end) for start, end in stretches]
    return found


def _base(timezone: str, layers: Sequence[Layer], given: Sequence[StandIn]) -> FinalSchedule | None:
    """Return who is on call by the layers alone around the stand-ins."""
    if not given:
        return None
    from_at = min(each.start_at for each in given)
    to_at = min(max(each.end_at for each in given), from_at + WINDOW_MS)
    schedule = Schedule(timezone, tuple(layers))
    check_schedule(schedule)
    check_work(layers, len(given), (), to_at - from_at)
    return final_schedule(schedule, from_at, to_at)


def _pieces_during(given: StandIn, final: FinalSchedule) -> Sequence[Segment | Gap]:
    """Return the segments, or the gaps, that a stand-in is in place of a part of."""
    pieces: Sequence[Segment | Gap] = final.gaps if given.only_gaps else final.segments
    first = bisect_right(pieces, given.start_at, key=attrgetter("end_at"))
    return pieces[first : bisect_left(pieces, given.end_at, key=attrgetter("start_at"))]


def _stretches(given: StandIn, pieces: Sequence[Segment | Gap]) -> list[tuple[int, int]]:
    """Return the stretches in which a stand-in takes somebody's place, joined where they touch."""
    wanted = [
        (max(piece.start_at, given.start_at), min(piece.end_at, given.end_at))
        for piece in pieces
        if isinstance(piece, Gap) or _is_replaced(given, piece)
    ]
    return merged(wanted)


def _is_one_of_several(given: StandIn, piece: Segment | Gap) -> bool:
    return (
        isinstance(piece, Segment)
        and bool(given.replaced and piece.others)
        and _is_replaced(given, piece)
    )


def _is_replaced(given: StandIn, segment: Segment) -> bool:
    return (not given.replaced or given.replaced in segment.user_ids) and (
        not given.layers or segment.layer in given.layers
    )
