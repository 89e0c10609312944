"""The endpoint ``oncall-workspace``: its row. What it sells is opened by ``teams/workspaces``."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NoReturn

import msgspec

from app.errors import FieldError
from app.products.endpoint import JSON, Endpoint, Format, Result
from app.products.examples import SCHEDULING
from app.products.workspace.answer import (
    WORKSPACE_QUOTAS,
    OncallWorkspaceAnswer,
    workspace_answer,
)
from app.products.workspace.keys import derived_key
from app.products.workspace.request import EXAMPLE_SECRET, NOT_YOURS, OncallWorkspaceRequest

SLUG = "sched-oncall-workspace"
EXAMPLE_PAID_UNTIL = 1_783_123_200_000
"""2026-07-04T00:00Z."""


def workspace_endpoint() -> Endpoint:
    """Return the row of ``oncall-workspace``."""
    quotas = WORKSPACE_QUOTAS
    return Endpoint(
        slug=SLUG,
        path="/v1/scheduling/oncall-workspace",
        category=SCHEDULING,
        title="On-call workspace API",
        description=(
            "Opens a place to keep on-call schedules for 30 days, bound to the wallet that pays, "
            "and answers with an API key for it: schedules with layers, people, overrides, swaps, "
            "calendar feeds, escalation policies, over REST and as MCP tools. The same wallet pays "
            f"again for 30 days more. Holds {quotas.schedules} schedules, {quotas.people} people, "
            f"{quotas.entries:,} entries and {quotas.overrides:,} overrides. Answers 'Where can an "
            "agent keep an on-call schedule?'."
        ),
        rules=(
            "The wallet that pays owns the workspace; a further payment adds 30 days and another "
            "key, which is also how a lost key is replaced. For 30 days after the end everything "
            "can be read, then it is deleted. The same request with the same payment gets the "
            f"same key. A workspace stores at most {quotas.bytes // 2**20} MiB. JSON only."
        ),
        tags=("on-call", "scheduling", "workspace", "api-key", "storage", "schedules", "mcp"),
        price_usd=Decimal("0.90"),
        rate_limit="120/minute",
        request=OncallWorkspaceRequest,
        answer=OncallWorkspaceAnswer,
        compute=_example,
        formats={
            JSON: Format(lambda result: msgspec.json.encode(result.answer()), "JSON", "the key")
        },
        example={"secret": EXAMPLE_SECRET, "scopes": ["oncall:read", "oncall:write"]},
        cpu_seconds=4,
        examine=_examined,
        most_body_bytes=4 * 1024,
        keeps=True,
    )


def _examined(request: OncallWorkspaceRequest) -> Sequence[FieldError]:
    return [FieldError("/secret", NOT_YOURS)] if request.has_known_secret else []


def _example(request: OncallWorkspaceRequest) -> Result:
    """Return what a purchase looks like; the key in it opens nothing."""
    key = derived_key("an example", "an example", request.secret)
    answer = workspace_answer(
        "org_01JZ0000000000000000000000",
        key.presented,
        key.id,
        request.granted,
        EXAMPLE_PAID_UNTIL,
    )
    return Result(lambda: answer, _no_timeline)


def _no_timeline() -> NoReturn:
    raise NotImplementedError("a workspace has no timeline, and no format that asks for one")
