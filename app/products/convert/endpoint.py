"""The endpoint ``oncall-convert``: its row and its computation."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from app.engine.layered.limits import check_work
from app.engine.layered.resolve import final_schedule
from app.engine.layered.tally import tallies
from app.errors import FieldError
from app.moving.comparing import COMPARED_MS, compared
from app.products.convert.answer import OncallConvertAnswer, convert_answer
from app.products.convert.request import OncallConvertRequest
from app.products.csv import convert_csv
from app.products.endpoint import Endpoint, Result, formats_with
from app.products.examples import BRIEF_SOURCE, CONVERT_RULES, PAGERDUTY_SOURCE, SCHEDULING
from app.products.layered.timeline import schedule_timeline

FREE_BODY_BYTES = 48 * 1024
"""The largest body of which the document is read before it is paid for."""


def convert_endpoint() -> Endpoint:
    """Return the row of ``oncall-convert``: another tool's schedule as a layered one."""
    return Endpoint(
        slug="sched-oncall-convert",
        path="/v1/scheduling/oncall-convert",
        category=SCHEDULING,
        title="On-call schedule conversion API",
        description=(
            "Converts an on-call schedule of PagerDuty (layers or shift-based), Opsgenie, Grafana "
            "OnCall, GoAlert, Splunk On-Call or iCalendar, by its time zone, to layers, overrides, "
            "entries and people; tells each thing that cannot be said, and compares who is on call "
            "there and here. As JSON, calendar (ICS), CSV or SVG. Answers 'How do we move our "
            "on-call schedule?', 'What gets lost?'."
        ),
        rules=CONVERT_RULES,
        tags=(
            *("scheduling", "on-call", "schedule", "migration", "import", "convert"),
            *("pagerduty", "opsgenie", "grafana-oncall", "goalert", "victorops", "agents"),
        ),
        price_usd=Decimal("0.02"),
        rate_limit="120/minute",
        request=OncallConvertRequest,
        answer=OncallConvertAnswer,
        compute=_converted,
        formats=formats_with(convert_csv),
        example={"document": PAGERDUTY_SOURCE, "at": "2026-06-01T00:00:00Z"},
        cpu_seconds=4,
        free_body_bytes=FREE_BODY_BYTES,
        brief={"document": BRIEF_SOURCE, "at": "2026-06-01T00:00:00Z"},
        examine=_examine,
    )


def _examine(request: OncallConvertRequest) -> Sequence[FieldError]:
    """Look for errors before anybody pays, without laying anything out."""
    request.conversion(is_quick=True)
    return ()


def _converted(request: OncallConvertRequest) -> Result:
    source, conversion = request.conversion()
    schedule = conversion.schedule
    at = int(request.at or 0)
    manual = len(schedule.overrides) + len(schedule.entries)
    check_work(schedule.layers, manual, (), COMPARED_MS)
    final = final_schedule(schedule, at, at + COMPARED_MS)
    comparison = compared(conversion)
    return Result(
        partial(convert_answer, source, conversion, comparison, final),
        partial(schedule_timeline, schedule, final, tallies(schedule, final)),
    )
