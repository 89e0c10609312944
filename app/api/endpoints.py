"""The one table of paid endpoints. Router, gate, limiter, OpenAPI and catalogue are read off it.

A row that lacks anything fails when the application is built, not when somebody calls it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from functools import cached_property
from time import perf_counter
from typing import Any, Literal

from limits import RateLimitItem, parse
from msgspec import Struct

from app.api.documents import Document, document_of
from app.api.examples import (
    LAYER_RULES,
    LAYER_TAGS,
    ROTATION_RULES,
    TWO_AWAY,
    V1_OVERRIDE,
    V1_SCHEDULE,
    Worked,
)
from app.api.schedule_schemas import OncallNowRequest, OncallScheduleRequest
from app.api.schemas import RotationRequest
from app.errors import ConfigurationError, Fault
from app.limits import in_words, limits_in
from app.render.json import RotationAnswer, json_bytes, rotation_answer
from app.render.planned import planned_answer
from app.render.roster import (
    Roster,
    now_roster,
    planned_roster,
    rotation_roster,
    schedule_roster,
)
from app.render.schedule import (
    OncallNowAnswer,
    OncallScheduleAnswer,
    now_answer,
    schedule_answer,
)
from app.render.tables import now_csv, rotation_csv, schedule_csv
from app.render.timeline import timeline_bytes
from app.rota.model import FinalSchedule, OnCall, Schedule
from app.rota.rotation import Rotation
from app.rota.tally import Tally, tallies
from app.rota.wishes import PlannedRotation

JSON, CALENDAR, CSV, SVG = "application/json", "text/calendar", "text/csv", "image/svg+xml"
CONTENT_TYPES = {
    CALENDAR: "text/calendar; charset=utf-8",
    CSV: "text/csv; charset=utf-8; header=present",
}
EXTENSIONS = {CALENDAR: "ics", CSV: "csv", SVG: "svg"}


@dataclass(frozen=True)
class Endpoint:
    """One paid resource.

    ``description`` sells it in a few words and travels in every 402; ``rules`` are what a caller
    should know beyond those of the fields. ``compute`` turns a valid request into an engine result;
    ``formats`` writes that result, one function a media type, the default first. ``example`` is a
    request that must be valid, and so are those of ``worked``. ``work`` is heavy if a small request
    can keep a processor busy: it is then not done on the event loop. ``rate_limit`` is how often a
    client may ask, as ``limits`` writes it: ``120/minute``.
    """

    slug: str
    path: str
    category: str
    title: str
    description: str
    rules: str
    tags: Sequence[str]
    price_usd: Decimal
    rate_limit: str
    request: type[Document]
    answer: type[Struct]
    compute: Callable[[Any], Any]
    formats: Mapping[str, Callable[[Any, Sequence[Fault]], bytes]]
    example: Mapping[str, Any]
    work: Literal["light", "heavy"] = "light"
    worked: Sequence[Worked] = ()

    method = "POST"

    def __post_init__(self) -> None:
        needed = [item.name for item in fields(self) if item.name != "worked"]
        lacking = [name for name in needed if not getattr(self, name)]
        if lacking:
            raise ValueError(f"endpoint {self.slug or self.path!r} lacks {', '.join(lacking)}")
        _ = self.limit  # raises ValueError for what is no limit
        for example in (self.example, *(worked.example for worked in self.worked)):
            document_of(example, self.request)

    @cached_property
    def limit(self) -> RateLimitItem:
        return parse(self.rate_limit)

    @property
    def limit_in_words(self) -> str:
        """Such as "120 requests a minute"."""
        return in_words(self.limit)

    @property
    def catalog_path(self) -> str:
        return f"/catalog/{self.slug}"

    def is_light(self, media_type: str, document: Document) -> bool:
        """Whether the answer to ``document`` in ``media_type`` keeps no processor busy for long.

        10,000 shifts take some 10 ms as JSON and ten times that as anything else.
        """
        return self.work == "light" and media_type == JSON and not document.is_heavy

    def reads_lightly(self, value: object) -> bool:
        """Whether ``value``, parsed from up to a megabyte, is validated within milliseconds."""
        given = value if isinstance(value, dict) else {}
        return self.work == "light" and self.request.heavy_fields.isdisjoint(given)

    def headers(self, media_type: str) -> Mapping[str, str]:
        """What describes an answer in ``media_type``; what is a file has a name."""
        described = {"Content-Type": CONTENT_TYPES.get(media_type, media_type)}
        if media_type in EXTENSIONS:
            name = f"{self.path.rpartition('/')[2]}.{EXTENSIONS[media_type]}"
            described["Content-Disposition"] = f'inline; filename="{name}"'
        return described

    def example_answer(self, media_type: str = JSON) -> bytes:
        """What the example is answered with: computed, never typed."""
        return self.answer_to(self.example, media_type)

    def answer_to(self, example: Mapping[str, Any], media_type: str = JSON) -> bytes:
        """What an example is answered with."""
        result = self.compute(document_of(example, self.request))
        return self.formats[media_type](result, ())


Planned = tuple[Schedule, FinalSchedule, Sequence[Tally]]
Found = tuple[Schedule, OnCall]


def _formats(
    answer: Callable[[Any, Sequence[Fault]], Struct],
    table: Callable[[Any], bytes],
    roster: Callable[[Any], Roster],
) -> Mapping[str, Callable[[Any, Sequence[Fault]], bytes]]:
    """An engine result in each media type, by way of its JSON answer or of its roster.

    Only JSON has a place for warnings; who pays has heard them with the terms.
    """
    return {
        JSON: lambda result, warnings: json_bytes(answer(result, warnings)),
        CALENDAR: lambda result, _: _calendar(roster(result)),
        CSV: lambda result, _: table(answer(result, ())),
        SVG: lambda result, _: timeline_bytes(roster(result)),
    }


def _calendar(roster: Roster) -> bytes:
    from app.render.calendar import calendar_bytes  # noqa: PLC0415 - 60 ms that few need

    return calendar_bytes(roster)


def _rotation(request: RotationRequest) -> Rotation | PlannedRotation:
    """Turns of one length; whatever else is asked for is planned."""
    if not request.is_heavy:
        return request.rotation()
    from app.api.planning import planned_rotation  # noqa: PLC0415 - for those who ask for a plan

    return planned_rotation(request, perf_counter)


def _rotation_answer(
    rotation: Rotation | PlannedRotation, warnings: Sequence[Fault]
) -> RotationAnswer:
    if isinstance(rotation, PlannedRotation):
        return planned_answer(rotation, warnings)
    return rotation_answer(rotation, warnings)


def _rotation_roster(rotation: Rotation | PlannedRotation) -> Roster:
    if isinstance(rotation, PlannedRotation):
        return planned_roster(rotation)
    return rotation_roster(rotation)


def _schedule(request: OncallScheduleRequest) -> Planned:
    schedule = request.schedule()
    final = request.final_schedule(schedule)
    return schedule, final, tallies(schedule, final)


def _schedule_answer(planned: Planned, warnings: Sequence[Fault]) -> OncallScheduleAnswer:
    schedule, final, tally = planned
    return schedule_answer(schedule.timezone, final, tally, warnings)


def _now(request: OncallNowRequest) -> Found:
    schedule = request.schedule()
    return schedule, request.on_call(schedule)


def _now_answer(found: Found, warnings: Sequence[Fault]) -> OncallNowAnswer:
    _, on_call = found
    return now_answer(on_call, warnings)


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
        rate_limit="120/minute",
        request=RotationRequest,
        answer=RotationAnswer,
        compute=_rotation,
        formats=_formats(_rotation_answer, rotation_csv, _rotation_roster),
        example={
            "start": "2026-06-04T00:00:00Z",
            "people": ["alice", "bob"],
            "shifts": 3,
            "shiftLengthHours": 24,
        },
        worked=(TWO_AWAY,),
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
        rate_limit="120/minute",
        request=OncallScheduleRequest,
        answer=OncallScheduleAnswer,
        compute=_schedule,
        formats=_formats(_schedule_answer, schedule_csv, lambda planned: schedule_roster(*planned)),
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
        rate_limit="120/minute",
        request=OncallNowRequest,
        answer=OncallNowAnswer,
        compute=_now,
        formats=_formats(_now_answer, now_csv, lambda found: now_roster(*found)),
        example={**V1_SCHEDULE, "at": "2026-04-24T19:00:00Z"},
        work="heavy",
    )


def paid_endpoints(rate_limit: str = "") -> Sequence[Endpoint]:
    """Every paid endpoint, in catalogue order.

    ``rate_limit`` is the operator's, as ``limits_in`` reads it. Raises ``ConfigurationError``.
    """
    rows = (_rotation_endpoint(), _schedule_endpoint(), _now_endpoint())
    if not rate_limit:
        return rows
    limits, faults = limits_in(rate_limit, [row.slug for row in rows])
    if faults:
        raise ConfigurationError(faults)
    return [replace(row, rate_limit=limits.get(row.slug, row.rate_limit)) for row in rows]


def rate_limit_faults(rate_limit: str) -> Sequence[str]:
    """What is wrong with the operator's limits."""
    try:
        paid_endpoints(rate_limit)
    except ConfigurationError as error:
        return error.problems
    return ()
