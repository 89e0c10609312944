"""The endpoint ``oncall-cover``: its row of the table, and the computation of its result."""

from collections.abc import Sequence
from decimal import Decimal

from app.errors import FieldError
from app.products.csv import cover_csv
from app.products.endpoint import Endpoint, Result, formats_with
from app.products.examples import SCHEDULING
from app.products.roster.cover_answer import CoverAnswer, cover_answer
from app.products.roster.cover_request import CoverRequest
from app.products.roster.cover_timeline import cover_timeline
from app.products.roster.examples import BRIEF_COVER, COVER, COVER_RULES, COVER_TAGS
from app.products.roster.fields import FREE_BODY_BYTES


def cover_endpoint() -> Endpoint:
    """Return the row of ``oncall-cover``: who takes over what somebody cannot do."""
    return Endpoint(
        slug="sched-oncall-cover",
        path="/v1/scheduling/oncall-cover",
        category=SCHEDULING,
        title="On-call cover API",
        description=(
            "Finds who covers an on-call shift of a roster or layered schedule, in any time zone: "
            "candidates in order of who to ask first, by skills, absences and rules, then by "
            "hours, nights, weekends and public holidays, with reasons and what would break; one "
            "set of covers for all that is given away, and its overrides. As JSON, calendar "
            "(ICS), CSV or SVG. Answers 'Ana is ill: who takes over?', 'Who can take my shift?'."
        ),
        rules=COVER_RULES,
        tags=COVER_TAGS,
        price_usd=Decimal("0.02"),
        rate_limit="120/minute",
        request=CoverRequest,
        answer=CoverAnswer,
        compute=_compute,
        formats=formats_with(cover_csv),
        example=COVER,
        cpu_seconds=30,
        brief=BRIEF_COVER,
        examine=_examine,
        free_body_bytes=FREE_BODY_BYTES,
    )


def _compute(request: CoverRequest) -> Result:
    found = request.covering.covers()
    return Result(
        lambda: cover_answer(request, found),
        lambda: cover_timeline(request.covering, found),
    )


def _examine(request: CoverRequest) -> Sequence[FieldError]:
    """Find what is to be covered, which finds every error that there is."""
    _ = request.covering
    return ()
