"""The one table of paid endpoints. Router, gate, limiter, OpenAPI and catalogue are read off it.

A row that lacks anything fails when the application is built, not when somebody calls it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from msgspec import Struct

from app.api.documents import Document, document_of
from app.api.schemas import RotationRequest
from app.errors import Fault
from app.render.json import RotationAnswer, json_bytes, rotation_answer
from app.rota.rotation import Rotation

JSON = "application/json"


@dataclass(frozen=True)
class Endpoint:
    """One paid resource.

    ``compute`` turns a valid request into an engine result; ``formats`` writes that result, one
    function a media type, the default first. ``example`` is a request that must be valid.
    """

    slug: str
    path: str
    category: str
    title: str
    description: str
    tags: Sequence[str]
    price_usd: Decimal
    per_minute: int
    request: type[Document]
    answer: type[Struct]
    compute: Callable[[Any], Any]
    formats: Mapping[str, Callable[[Any, Sequence[Fault]], bytes]]
    example: Mapping[str, Any]

    method = "POST"

    def __post_init__(self) -> None:
        lacking = [item.name for item in fields(self) if not getattr(self, item.name)]
        if lacking:
            raise ValueError(f"endpoint {self.slug or self.path!r} lacks {', '.join(lacking)}")
        document_of(self.example, self.request)

    @property
    def catalog_path(self) -> str:
        return f"/catalog/{self.slug}"

    def example_answer(self) -> bytes:
        """What the example is answered with: computed, never typed."""
        result = self.compute(document_of(self.example, self.request))
        return self.formats[JSON](result, ())


def _rotation(request: RotationRequest) -> Rotation:
    return request.rotation()


def _rotation_json(rotation: Rotation, warnings: Sequence[Fault]) -> bytes:
    return json_bytes(rotation_answer(rotation, warnings))


def paid_endpoints() -> Sequence[Endpoint]:
    """Every paid endpoint, in catalogue order."""
    return (
        Endpoint(
            slug="sched-oncall-rotation",
            path="/v1/scheduling/oncall-rotation",
            category="Scheduling",
            title="On-call rotation API",
            description=(
                "Generates an on-call rotation assigning people to back-to-back shifts of a given "
                "length from a start instant, returning each shift's person with ISO start/end and "
                "next-handoff plus a fairness tally. Answers 'Who is on call for each shift?', "
                "'When is the next handoff?'."
            ),
            tags=(
                "scheduling",
                "shifts",
                "on-call",
                "rotation",
                "handoff",
                "oncall",
                "coverage",
                "agents",
            ),
            price_usd=Decimal("0.02"),
            per_minute=120,
            request=RotationRequest,
            answer=RotationAnswer,
            compute=_rotation,
            formats={JSON: _rotation_json},
            example={
                "start": "2026-06-04T00:00:00Z",
                "people": ["alice", "bob"],
                "shifts": 3,
                "shiftLengthHours": 24,
            },
        ),
    )
