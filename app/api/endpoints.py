"""The one table of paid endpoints. Router, gate, limiter, OpenAPI and catalogue are read off it.

A row that lacks anything fails when the application is built, not when somebody calls it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

from app.api.documents import Document, document_of
from app.api.schedule_schemas import OncallNowRequest, OncallScheduleRequest
from app.api.schemas import RotationRequest
from app.errors import Fault
from app.render.json import RotationAnswer, json_bytes, rotation_answer
from app.render.schedule import (
    OncallNowAnswer,
    OncallScheduleAnswer,
    now_answer,
    schedule_answer,
)
from app.rota.model import FinalSchedule, OnCall
from app.rota.rotation import Rotation
from app.rota.tally import Tally, tallies

JSON = "application/json"


@dataclass(frozen=True)
class Endpoint:
    """One paid resource.

    ``description`` sells it in a few words and travels in every 402; ``rules`` are what a caller
    should know beyond those of the fields. ``compute`` turns a valid request into an engine result;
    ``formats`` writes that result, one function a media type, the default first. ``example`` is a
    request that must be valid. ``work`` is heavy if a small request can keep a processor busy: it
    is then not done on the event loop.
    """

    slug: str
    path: str
    category: str
    title: str
    description: str
    rules: str
    tags: Sequence[str]
    price_usd: Decimal
    per_minute: int
    request: type[Document]
    answer: type[Struct]
    compute: Callable[[Any], Any]
    formats: Mapping[str, Callable[[Any, Sequence[Fault]], bytes]]
    example: Mapping[str, Any]
    work: Literal["light", "heavy"] = "light"

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


def _schedule(request: OncallScheduleRequest) -> tuple[str, FinalSchedule, Sequence[Tally]]:
    schedule = request.schedule()
    final = request.final_schedule(schedule)
    return schedule.timezone, final, tallies(schedule, final)


def _schedule_json(
    shown: tuple[str, FinalSchedule, Sequence[Tally]], warnings: Sequence[Fault]
) -> bytes:
    return json_bytes(schedule_answer(*shown, warnings))


def _now(request: OncallNowRequest) -> OnCall:
    return request.on_call()


def _now_json(found: OnCall, warnings: Sequence[Fault]) -> bytes:
    return json_bytes(now_answer(found, warnings))


V1_SCHEDULE: Mapping[str, Any] = {
    "timezone": "America/Los_Angeles",
    "layers": [
        {
            "name": "Weekday business hours",
            "rotation_type": "weekly",
            "start_at": "2026-01-06T09:00:00-08:00",
            "handoff_time": "Mon 09:00",
            "participants": ["usr_alice", "usr_bob", "usr_carol"],
            "restrictions": [
                {"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}
            ],
        },
        {
            "name": "After-hours",
            "rotation_type": "daily",
            "participants": ["usr_dave", "usr_eve"],
        },
    ],
}
"""The schedule of the v1 page, without its id and name."""

V1_OVERRIDE: Mapping[str, Any] = {
    "user_id": "usr_frank",
    "start_at": "2026-04-25T00:00:00Z",
    "end_at": "2026-04-25T08:00:00Z",
    "reason": "Alice PTO; covering.",
}
"""The override of the v1 page."""

ROTATION_RULES = (
    "Shifts are back to back: each starts when the one before ends. `nextHandoff` is a shift's end "
    "plus `handoffOffsetHours`; it never moves a shift. Fields that are not known are reported in "
    "`warnings`."
)
LAYER_RULES = (
    "The document is that of the v1 schedules API: layers are read from top to bottom and the "
    "first that has somebody wins, entries win over layers and overrides over all. Times of day "
    "are in the schedule's zone, exact across clock changes. Note: the v1 page's sample answer "
    "for 2026-04-24T19:00:00Z (a Friday noon in Los Angeles) shows the After-hours layer, which "
    "the page's own rules contradict; by the rules, which this API follows, it is usr_alice of "
    "Weekday business hours until 2026-04-25T00:00:00Z."
)
LAYER_TAGS = ("scheduling", "on-call", "schedule", "layers", "overrides", "timezone", "agents")


def _rotation_endpoint() -> Endpoint:
    """Back-to-back shifts of one length."""
    return Endpoint(
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
        rules=ROTATION_RULES,
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
    )


def _schedule_endpoint() -> Endpoint:
    """A layered schedule over a window."""
    return Endpoint(
        slug="sched-oncall-schedule",
        path="/v1/scheduling/oncall-schedule",
        category="Scheduling",
        title="Layered on-call schedule API",
        description=(
            "Renders a layered on-call schedule over a window of up to two years: the final "
            "schedule of shifts with person and source, the gaps that nobody covers, a tally "
            "per person (shifts, hours, nights, weekends) and whether it is balanced. Answers "
            "'Who is on call when?', 'When is nobody?', 'Is that fair?'."
        ),
        rules=LAYER_RULES,
        tags=(*LAYER_TAGS, "coverage", "gaps", "fairness"),
        price_usd=Decimal("0.03"),
        per_minute=120,
        request=OncallScheduleRequest,
        answer=OncallScheduleAnswer,
        compute=_schedule,
        formats={JSON: _schedule_json},
        example={
            **V1_SCHEDULE,
            "overrides": [V1_OVERRIDE],
            "from": "2026-04-24T07:00:00Z",
            "to": "2026-04-27T07:00:00Z",
        },
        work="heavy",
    )


def _now_endpoint() -> Endpoint:
    """A layered schedule at an instant."""
    return Endpoint(
        slug="sched-oncall-now",
        path="/v1/scheduling/oncall-now",
        category="Scheduling",
        title="On-call at an instant API",
        description=(
            "Tells who is on call at an instant of a layered on-call schedule, by which layer, "
            "override or entry, since when, until when, and who follows. Answers 'Who is on "
            "call now?', 'Until when?', 'Who is next?'."
        ),
        rules=LAYER_RULES,
        tags=(*LAYER_TAGS, "who-is-on-call", "now", "escalation"),
        price_usd=Decimal("0.01"),
        per_minute=120,
        request=OncallNowRequest,
        answer=OncallNowAnswer,
        compute=_now,
        formats={JSON: _now_json},
        example={**V1_SCHEDULE, "at": "2026-04-24T19:00:00Z"},
        work="heavy",
    )


def paid_endpoints() -> Sequence[Endpoint]:
    """Every paid endpoint, in catalogue order."""
    return (_rotation_endpoint(), _schedule_endpoint(), _now_endpoint())
