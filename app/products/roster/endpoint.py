"""The endpoint ``oncall-roster``: its row of the table, and the computation of its result."""

from collections.abc import Sequence
from decimal import Decimal

from app.errors import FieldError
from app.products.csv import roster_csv
from app.products.endpoint import Endpoint, Result, formats_with
from app.products.examples import SCHEDULING
from app.products.roster.answer import RosterAnswer, roster_answer
from app.products.roster.examples import (
    BRIEF_ROSTER,
    MEDICAL,
    ROSTER,
    ROSTER_RULES,
    ROSTER_TAGS,
)
from app.products.roster.fields import FREE_BODY_BYTES
from app.products.roster.request import RosterRequest
from app.products.roster.solving import solution_of
from app.products.roster.timeline import roster_timeline

CPU_SECONDS = 90
"""A second of deterministic time takes two to five of a processor."""


def roster_endpoint() -> Endpoint:
    """Return the row of ``oncall-roster``: who takes which of given slots."""
    return Endpoint(
        slug="sched-oncall-roster",
        path="/v1/scheduling/oncall-roster",
        category=SCHEDULING,
        title="On-call roster API",
        description=(
            "Solves an on-call roster: who takes which slots, which may overlap and need several "
            "people with skills, by rest, hours, absences, public holidays and wishes, "
            "in any time zone. Hours, kinds and holidays are shared out fairly and carried over; "
            "each objective says whether it is proven optimal, and each gap why it is one. "
            "As JSON, calendar (ICS), CSV or SVG. Answers 'Who works when?', 'Is that fair?', "
            "'Why is this slot empty?'."
        ),
        rules=ROSTER_RULES,
        tags=ROSTER_TAGS,
        price_usd=Decimal("0.05"),
        rate_limit="120/minute",
        request=RosterRequest,
        answer=RosterAnswer,
        compute=_compute,
        formats=formats_with(roster_csv),
        example=ROSTER,
        cpu_seconds=CPU_SECONDS,
        worked=(MEDICAL,),
        brief=BRIEF_ROSTER,
        examine=_examine,
        free_body_bytes=FREE_BODY_BYTES,
    )


def _compute(request: RosterRequest) -> Result:
    translated = request.translated
    solution = solution_of(request)
    return Result(
        lambda: roster_answer(translated, solution, request.understood),
        lambda: roster_timeline(translated, solution),
    )


def _examine(request: RosterRequest) -> Sequence[FieldError]:
    """Translate the request, which finds every error that there is."""
    _ = request.translated
    return ()
