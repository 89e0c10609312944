"""The rotation's JSON answer, field for field the listing's (``rotation.md``, Response)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from app.errors import Fault
from app.render.instants import iso, isos
from app.rota.rotation import Rotation

Number = int | float
Text = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Shift(Struct, frozen=True, rename="camel", gc=False):
    shift: Annotated[int, Meta(description="Number of the shift, from 1.")]
    person: str
    start: Annotated[Text, Meta(description="First instant of the shift.")]
    end: Annotated[Text, Meta(description="First instant after the shift.")]
    next_handoff: Annotated[Text, Meta(description="`end` plus `handoffOffsetHours`.")]


class RotationAnswer(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A rotation: who is on call for each shift, and whether that is fair."""

    rotation: Annotated[Sequence[Shift], Meta(description="Back-to-back shifts, in order.")]
    shift_counts: Annotated[
        Mapping[str, int], Meta(description="Shifts per person, in first-seen order.")
    ]
    shift_length_hours: Number
    balanced: Annotated[
        bool, Meta(description="Whether the largest and smallest count differ by at most one.")
    ]
    interpretation: Annotated[str, Meta(description="What was computed, in a sentence.")]
    warnings: Annotated[
        Sequence[Fault], Meta(description="Fields that were not understood and not used.")
    ] = ()


def rotation_answer(rotation: Rotation, warnings: Sequence[Fault] = ()) -> RotationAnswer:
    """The answer to a request whose rotation is ``rotation``."""
    texts = isos(rotation.boundaries)
    starts, ends = texts[:-1], texts[1:]
    handoffs = isos(rotation.handoffs) if rotation.handoff_offset_hours else ends
    return RotationAnswer(
        rotation=list(
            map(Shift, range(1, rotation.shifts + 1), rotation.people, starts, ends, handoffs)
        ),
        shift_counts=rotation.counts,
        shift_length_hours=number(rotation.shift_length_hours),
        balanced=rotation.balanced,
        interpretation=rotation_in_words(rotation),
        warnings=warnings,
    )


def json_bytes(answer: Struct) -> bytes:
    """``answer`` as UTF-8 JSON, in the key order of its type."""
    return msgspec.json.encode(answer)


def rotation_in_words(rotation: Rotation) -> str:
    """What was computed, in a sentence or two."""
    people = len(rotation.counts)
    text = (
        f"{rotation.shifts} shift(s) of {hours_text(rotation.shift_length_hours)}h across "
        f"{people} {'person' if people == 1 else 'people'} from {iso(rotation.boundaries[0])}."
    )
    offset = rotation.handoff_offset_hours
    if offset:
        when = "after" if offset > 0 else "before"
        text += f" Handoffs are {hours_text(abs(offset))}h {when} each shift ends."
    return text


def number(hours: float) -> Number:
    """24 stays 24 and 0.5 stays 0.5, as a JavaScript number would be written."""
    return int(hours) if hours == int(hours) else hours


def hours_text(hours: float) -> str:
    """``hours`` in plain decimals: 24, 0.5."""
    return format(Decimal(str(number(hours))), "f")
