"""The JSON answer with a converted schedule (``moving.md``)."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from app.engine.layered.model import FinalSchedule, Layer, Restriction
from app.engine.layered.parsing import WEEKDAYS
from app.engine.walltime import HOUR, MINUTE
from app.formats.instants import iso
from app.moving.comparing import Comparison
from app.moving.conversion import Conversion
from app.moving.tools import TOOLS
from app.products.convert.request import UnderstoodDocument
from app.products.layered.answer import ScheduleGap, ScheduleSegment, gaps_of, segments_of
from app.products.numbers import InstantText

MAX_DIFFERENCES = 100


class ConvertedWindow(Struct, frozen=True, omit_defaults=True):
    """A window in which a layer is active, as the schedules APIs take it."""

    start: str
    end: str
    days: Sequence[str] | None = None


class ConvertedInterval(Struct, frozen=True):
    """How long a turn of a custom rotation is."""

    count: int
    unit: str


class ConvertedLayer(Struct, frozen=True, omit_defaults=True):
    """A layer, as the schedules APIs take it."""

    name: str
    rotation_type: str
    participants: Sequence[str | Sequence[str] | None]
    start_at: InstantText | None = None
    handoff_time: str | None = None
    interval: ConvertedInterval | None = None
    restrictions: Sequence[ConvertedWindow] | None = None
    turns_on: str | None = None
    first_turn_at: InstantText | None = None
    end_at: InstantText | None = None


class ConvertedSchedule(Struct, frozen=True):
    """A schedule of layers, as `POST /api/v1/schedules` takes it."""

    name: str
    timezone: str
    layers: Sequence[ConvertedLayer]


class ConvertedOverride(Struct, frozen=True):
    """One person for a time range, above entries and layers."""

    user_id: str | None
    start_at: InstantText
    end_at: InstantText


class ConvertedEntry(Struct, frozen=True):
    """One person for a time range, above layers."""

    user_id: str
    start: InstantText
    end: InstantText


class ConvertedPerson(Struct, frozen=True):
    """Somebody whom the schedule names."""

    id: str
    name: str
    email: Annotated[str, Meta(description="Null: the document has none.")] | None


class LostPart(Struct, frozen=True):
    """Something in the document that layers cannot say."""

    pointer: Annotated[str, Meta(description="Where it is: a JSON pointer into the request.")]
    what: str
    instead: Annotated[str, Meta(description="What was done in its place.")]


class CheckDifference(Struct, frozen=True):
    """A stretch in which the tool and the conversion have other people on call."""

    start: InstantText
    end: InstantText
    source: Annotated[Sequence[str], Meta(description="Who is on call there.")]
    converted: Annotated[Sequence[str], Meta(description="Who is on call here.")]


class ConversionCheck(Struct, frozen=True, rename={"from_at": "from", "to_at": "to"}):
    """The tool's own final schedule beside the converted one, over four weeks at most."""

    from_at: InstantText
    to_at: InstantText
    same: Annotated[bool, Meta(description="Whether nothing differs.")]
    differences: Annotated[Sequence[CheckDifference], Meta(description="The first 100, in order.")]
    more_differences: Annotated[int, Meta(description="How many more there are.")]


class FourWeeks(Struct, frozen=True):
    """Who is on call by the converted schedule in the four weeks from `at`."""

    final_schedule: Annotated[Sequence[ScheduleSegment], Meta(description="In order.")]
    gaps: Annotated[Sequence[ScheduleGap], Meta(description="In order.")]


class OncallConvertAnswer(Struct, frozen=True):
    """Another tool's schedule as a layered one, and what could not be said."""

    source: Annotated[str, Meta(description="Whose form the document has.")]
    schedule: ConvertedSchedule
    overrides: Annotated[Sequence[ConvertedOverride], Meta(description="The last one wins.")]
    entries: Annotated[Sequence[ConvertedEntry], Meta(description="The last one wins.")]
    people: Annotated[Sequence[ConvertedPerson], Meta(description="In first-seen order.")]
    lost: Annotated[
        Sequence[LostPart], Meta(description="All of the document that is not in the schedule.")
    ]
    check: Annotated[ConversionCheck, Meta(description="Null: the document has none.")] | None
    interpretation: Annotated[str, Meta(description="What was converted, in a sentence.")]
    four_weeks: FourWeeks
    understood: UnderstoodDocument


def convert_answer(
    source: str,
    conversion: Conversion,
    compared: Comparison | None,
    final: FinalSchedule,
) -> OncallConvertAnswer:
    """Return the answer with a conversion."""
    return OncallConvertAnswer(
        source=source,
        schedule=schedule_of(conversion),
        overrides=[
            ConvertedOverride(each.user_id, iso(each.start_at), iso(each.end_at))
            for each in conversion.overrides
        ],
        entries=[
            ConvertedEntry(each.user_id, iso(each.start_at), iso(each.end_at))
            for each in conversion.entries
        ],
        people=[
            ConvertedPerson(person.id, person.name, person.email or None)
            for person in conversion.people
        ],
        lost=[LostPart(*lost) for lost in conversion.lost],
        check=None if compared is None else _check(compared),
        four_weeks=FourWeeks(segments_of(final), gaps_of(final)),
        interpretation=conversion_in_words(source, conversion, compared),
        understood=UnderstoodDocument(source, iso(final.from_at)),
    )


def schedule_of(conversion: Conversion) -> ConvertedSchedule:
    """Return the schedule of a conversion as the schedules APIs take it."""
    return ConvertedSchedule(
        conversion.name or "Schedule",
        conversion.timezone,
        [_layer(layer) for layer in conversion.layers],
    )


def conversion_in_words(source: str, conversion: Conversion, compared: Comparison | None) -> str:
    """Describe a conversion in a sentence."""
    counts = (
        (len(conversion.layers), "layer"),
        (len(conversion.overrides), "override"),
        (len(conversion.entries), "entry"),
    )
    said = ", ".join(_counted(count, word) for count, word in counts)
    lost = len(conversion.lost)
    checked = ""
    if compared is not None:
        same = "is the same" if not compared.differences else "differs"
        checked = f"; who is on call {same} as there over what the document shows"
    return (
        f"{TOOLS[source].words} schedule {conversion.name or 'without a name'!s} as {said} of "
        f"{_counted(len(conversion.people), 'person')}; {lost or 'nothing'} "
        f"{'is' if lost < 2 else 'are'} lost{checked}."
    )


def _counted(count: int, word: str) -> str:
    plural = {"entry": "entries", "person": "people"}.get(word, f"{word}s")
    return f"{count} {word if count == 1 else plural}"


def _check(compared: Comparison) -> ConversionCheck:
    shown = compared.differences[:MAX_DIFFERENCES]
    return ConversionCheck(
        iso(compared.from_at),
        iso(compared.to_at),
        not compared.differences,
        [
            CheckDifference(iso(each.start_at), iso(each.end_at), each.source, each.converted)
            for each in shown
        ],
        len(compared.differences) - len(shown),
    )


def _layer(layer: Layer) -> ConvertedLayer:
    plain = {("days", 1): "daily", ("weeks", 1): "weekly"}.get((layer.unit, layer.count))
    return ConvertedLayer(
        layer.name,
        plain or "custom",
        [list(each) if isinstance(each, tuple) else each for each in layer.participants],
        None if layer.start_at is None else iso(layer.start_at),
        _handoff(layer),
        None if plain else ConvertedInterval(layer.count, layer.unit),
        [_window(window) for window in layer.restrictions] or None,
        None if layer.turns_on == "all" else layer.turns_on,
        None if layer.first_turn_at is None else iso(layer.first_turn_at),
        None if layer.end_at is None else iso(layer.end_at),
    )


def _handoff(layer: Layer) -> str | None:
    if layer.handoff_time is None:
        return None
    time = _time(layer.handoff_time)
    if layer.handoff_day is None:
        return time
    return f"{WEEKDAYS[layer.handoff_day].capitalize()} {time}"


def _window(window: Restriction) -> ConvertedWindow:
    days = [WEEKDAYS[day] for day in window.days] or None
    return ConvertedWindow(_time(window.start), _time(window.end), days)


def _time(at: int) -> str:
    return f"{at // HOUR:02}:{at % HOUR // MINUTE:02}"
