"""The endpoint ``oncall-check``: its row of the table, and the computation of its result."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from app.errors import FieldError
from app.products.endpoint import Endpoint, Result, json_format
from app.products.examples import SCHEDULING
from app.products.roster.check_answer import CheckAnswer, check_answer
from app.products.roster.check_request import CheckRequest
from app.products.roster.examples import BRIEF_CHECK, CHECK, CHECK_RULES, CHECK_TAGS
from app.products.roster.fields import FREE_BODY_BYTES


def check_endpoint() -> Endpoint:
    """Return the row of ``oncall-check``: what a roster that exists breaks."""
    return Endpoint(
        slug="sched-oncall-check",
        path="/v1/scheduling/oncall-check",
        category=SCHEDULING,
        title="On-call roster check API",
        description=(
            "Checks an on-call roster that exists against rules of rest, hours, days off, shifts "
            "in a row and people apart, against absences and skills: every violation with whom it "
            "concerns, when, how much it is over and what would be enough; gaps, overlaps, hours, "
            "nights, weekends and public holidays by person, and how even they are. In any time "
            "zone. As JSON. Answers 'Is this roster legal by our rules?', 'Who has too little "
            "rest?'."
        ),
        rules=CHECK_RULES,
        tags=CHECK_TAGS,
        price_usd=Decimal("0.02"),
        rate_limit="120/minute",
        request=CheckRequest,
        answer=CheckAnswer,
        compute=_compute,
        formats=json_format(),
        example=CHECK,
        cpu_seconds=4,
        brief=BRIEF_CHECK,
        examine=_examine,
        free_body_bytes=FREE_BODY_BYTES,
    )


def _compute(request: CheckRequest) -> Result:
    return Result(partial(check_answer, request))


def _examine(request: CheckRequest) -> Sequence[FieldError]:
    """Lay out who has what, which finds every error that there is."""
    _ = request.checked
    return ()
