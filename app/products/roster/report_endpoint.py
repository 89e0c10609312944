"""The endpoint ``oncall-report``: its row of the table, and the computation of its result."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from app.errors import FieldError
from app.products.csv import report_csv
from app.products.endpoint import Endpoint, Result, tables_with
from app.products.examples import SCHEDULING
from app.products.roster.examples import BRIEF_REPORT, REPORT, REPORT_RULES, REPORT_TAGS
from app.products.roster.fields import FREE_BODY_BYTES
from app.products.roster.report_answer import ReportAnswer, report_answer
from app.products.roster.report_request import ReportRequest


def report_endpoint() -> Endpoint:
    """Return the row of ``oncall-report``: hours and money by person and rule."""
    return Endpoint(
        slug="sched-oncall-report",
        path="/v1/scheduling/oncall-report",
        category=SCHEDULING,
        title="On-call pay report API",
        description=(
            "Reports the hours and the money of an on-call roster by person and rule, for "
            "payroll: rates for public holidays (by country and person), weekends, nights and "
            "other times of day, an hour or a shift, as multipliers or amounts; the first that "
            "time is for has it. Exact in any time zone over clock changes; money in exact "
            "decimals. As JSON or CSV. Answers 'How many hours did each have?', 'What is each "
            "paid?'."
        ),
        rules=REPORT_RULES,
        tags=REPORT_TAGS,
        price_usd=Decimal("0.03"),
        rate_limit="120/minute",
        request=ReportRequest,
        answer=ReportAnswer,
        compute=_compute,
        formats=tables_with(report_csv, "one row a person and rule"),
        example=REPORT,
        cpu_seconds=4,
        brief=BRIEF_REPORT,
        examine=_examine,
        free_body_bytes=FREE_BODY_BYTES,
    )


def _compute(request: ReportRequest) -> Result:
    return Result(partial(report_answer, request))


def _examine(request: ReportRequest) -> Sequence[FieldError]:
    """Lay out who has what, which finds every error that there is."""
    _ = request.held
    return ()
