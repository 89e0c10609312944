"""The JSON answer with a rotation, as the listing has it (``rotation.md``, Response)."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.engine.rotation import Rotation
from app.formats.instants import iso, iso_range
from app.products.numbers import InstantText, Number, hours_text, number
from app.products.rotation.understood import UnderstoodRotation


class Shift(Struct, frozen=True, rename="camel", gc=False):
    shift: Annotated[int, Meta(description="Number of the shift, from 1.")]
    person: (
        Annotated[
            str,
            Meta(
                description="Who is on call, in the first of `roles` if there are any. Null: "
                "nobody can; only with the fields that plan a rotation."
            ),
        ]
        | None
    )
    start: Annotated[InstantText, Meta(description="First instant of the shift.")]
    end: Annotated[InstantText, Meta(description="First instant after the shift.")]
    next_handoff: Annotated[InstantText, Meta(description="`end` plus `handoffOffsetHours`.")]
    start_local: (
        Annotated[InstantText, Meta(description="`start` with `timezone`.")] | UnsetType
    ) = UNSET
    end_local: Annotated[InstantText, Meta(description="`end` with `timezone`.")] | UnsetType = (
        UNSET
    )
    roles: (
        Annotated[Mapping[str, str | None], Meta(description="Who has each role, with `roles`.")]
        | UnsetType
    ) = UNSET


class Fairness(Struct, frozen=True, rename="camel"):
    """How good a planned rotation is. A load is hours carried over plus hours by weight."""

    hours: Annotated[Mapping[str, Number], Meta(description="Elapsed hours per person.")]
    weekend_hours: Annotated[
        Mapping[str, Number], Meta(description="Of those, on Saturday and Sunday, local.")
    ]
    night_hours: Annotated[
        Mapping[str, Number], Meta(description="Of those, 22:00 to 06:00 local.")
    ]
    spread: Annotated[Number, Meta(description="Largest load minus smallest, in hours.")]
    lower_bound: Annotated[
        Number, Meta(description="No assignment with as few gaps has a smaller spread.")
    ]
    optimal: Annotated[
        bool,
        Meta(description="Whether gaps and spread are proven to be as small as they can be."),
    ]
    explanations: Annotated[
        Sequence[str], Meta(description="A line for each shift that is not as the cycle has it.")
    ]
    not_owed: (
        Annotated[
            Mapping[str, Number],
            Meta(
                description="With `joins` or `leaves`: hours of load that each person named there "
                "is not given for the time outside. A load holds them."
            ),
        ]
        | UnsetType
    ) = UNSET
    holiday_hours: (
        Annotated[
            Mapping[str, Number], Meta(description="With `holidays`: of those, on holidays, local.")
        ]
        | UnsetType
    ) = UNSET


class VacantShift(Struct, frozen=True, rename="camel"):
    """A shift, or a role in it, that nobody can take."""

    shift: int
    start: InstantText
    end: InstantText
    role: str | UnsetType = UNSET
    reasons: (
        Annotated[
            Mapping[str, str],
            Meta(
                description="By person, what keeps them from it: an absence, or a field such as "
                "`minRestHours`. The first 20 people; in the first 500 gaps."
            ),
        ]
        | UnsetType
    ) = UNSET


class RotationAnswer(Struct, frozen=True, rename="camel", omit_defaults=True):
    """A rotation: who is on call for each shift, and whether that is fair."""

    rotation: Annotated[Sequence[Shift], Meta(description="Back-to-back shifts, in order.")]
    shift_counts: Annotated[
        Mapping[str, int], Meta(description="Shifts per person, in first-seen order.")
    ]
    shift_length_hours: Annotated[
        Number, Meta(description="As asked; 0 if shifts are not equally long.")
    ]
    balanced: Annotated[
        bool,
        Meta(
            description="Whether the largest and smallest count differ by at most one or, with "
            "`weights`, `joins` or `leaves`, loads by at most a shift; false with a gap."
        ),
    ]
    interpretation: Annotated[str, Meta(description="What was computed, in a sentence.")]
    fairness: (
        Annotated[
            Fairness,
            Meta(
                description="With this and the four below: only if a field is given that plans "
                "the rotation (`timezone`, `strategy` and what follows it)."
            ),
        ]
        | UnsetType
    ) = UNSET
    gaps: (
        Annotated[Sequence[VacantShift], Meta(description="What nobody can take, in order.")]
        | UnsetType
    ) = UNSET
    carry_over: (
        Annotated[
            Mapping[str, Number],
            Meta(description="Hours of load above the least loaded: for the next request."),
        ]
        | UnsetType
    ) = UNSET
    carry_over_holidays: (
        Annotated[
            Mapping[str, Number],
            Meta(
                description="With `holidays`: hours of load on them above the least loaded, for "
                "the next request."
            ),
        ]
        | UnsetType
    ) = UNSET
    next_person: (
        Annotated[
            str, Meta(description="Whose turn is next: first of `people` in the next request.")
        ]
        | UnsetType
    ) = UNSET
    understood: UnderstoodRotation | UnsetType = UNSET


def rotation_answer(rotation: Rotation) -> RotationAnswer:
    """Return the answer with ``rotation``."""
    texts = iso_range(rotation.boundaries)
    starts, ends = texts[:-1], texts[1:]
    handoffs = iso_range(rotation.handoffs) if rotation.handoff_offset_hours else ends
    return RotationAnswer(
        rotation=list(
            map(Shift, range(1, rotation.shifts + 1), rotation.people, starts, ends, handoffs)
        ),
        shift_counts=rotation.counts,
        shift_length_hours=number(rotation.shift_length_hours),
        balanced=rotation.balanced,
        interpretation=rotation_in_words(rotation),
    )


def rotation_in_words(rotation: Rotation) -> str:
    """Describe the rotation in a sentence or two."""
    length = f"of {hours_text(rotation.shift_length_hours)}h"
    size = size_in_words(rotation.shifts, length, len(rotation.counts))
    text = f"{size} from {iso(rotation.boundaries[0])}."
    return text + offset_in_words(rotation.handoff_offset_hours)


def size_in_words(shifts: int, length: str, people: int) -> str:
    """Describe the number and the length of shifts and the number of people."""
    return f"{shifts} shift(s) {length} across {people} {'person' if people == 1 else 'people'}"


def offset_in_words(hours: float) -> str:
    """Describe the handoffs, after a space; an empty text if they are at the end of shifts."""
    when = "after" if hours > 0 else "before"
    return f" Handoffs are {hours_text(abs(hours))}h {when} each shift ends." if hours else ""
