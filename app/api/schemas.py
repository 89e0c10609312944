"""Wire structs of the paid endpoints and their conversion to the engine.

A field's ``description`` is its rule in words: it stands in the schema, in the catalogue and in the
error that names the field.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta

from app.api.documents import Document
from app.api.scalars import Instant, Name
from app.errors import Fault
from app.rota.rotation import Rotation, rotation_faults, rotation_of


class RotationRequest(Document, frozen=True, rename="camel"):
    """Who takes turns, from when, how often and for how long."""

    start: Annotated[
        Instant,
        Meta(
            description="an RFC 3339 instant with Z or an offset, to the millisecond, or a date, "
            "which means midnight UTC; years 1970 to 9999",
            examples=["2026-06-04T00:00:00Z"],
        ),
    ]
    people: Annotated[
        list[Annotated[Name, Meta(description="a name of 1 to 200 characters after trimming")]],
        Meta(
            min_length=1,
            max_length=1_000,
            description="1 to 1,000 names in the order of their turns; a name given twice takes "
            "two turns per cycle",
            examples=[["alice", "bob"]],
        ),
    ]
    shifts: Annotated[
        float,
        Meta(
            ge=1,
            le=10_000,
            multiple_of=1,
            description="a whole number from 1 to 10,000",
            examples=[3],
        ),
    ]
    shift_length_hours: Annotated[
        float,
        Meta(
            gt=0,
            le=8_760,
            description="hours above 0 and at most 8,760, exact to the millisecond",
            examples=[24],
        ),
    ] = 24
    handoff_offset_hours: Annotated[
        float,
        Meta(
            ge=-8_760,
            le=8_760,
            description="hours from a shift's end to the moment the incoming person takes over; "
            "negative is before; at most shiftLengthHours either way",
            examples=[0],
        ),
    ] = 0

    @classmethod
    def faults_across(cls, values: Mapping[str, Any]) -> Iterator[Fault]:
        return rotation_faults(
            values.get("start"),
            values.get("shifts"),
            values.get("shift_length_hours"),
            values.get("handoff_offset_hours"),
        )

    def rotation(self) -> Rotation:
        """The rotation asked for."""
        return rotation_of(
            start_at=self.start,
            people=[str(name) for name in self.people],
            shifts=int(self.shifts),
            length_hours=self.shift_length_hours,
            offset_hours=self.handoff_offset_hours,
        )
