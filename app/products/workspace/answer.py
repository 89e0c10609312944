"""The answer of ``oncall-workspace``: the key, and until when it opens what."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct

from app.formats.instants import iso
from app.products.numbers import InstantText
from app.products.workspace.request import WorkspaceScope

DAY_MS = 86_400_000
PAID_MS = 30 * DAY_MS
"""How long one payment is for."""
GRACE_MS = 30 * DAY_MS
"""How long what is kept can still be read after that, before it is deleted."""


class WorkspaceQuotas(Struct, frozen=True):
    """What a workspace may store."""

    schedules: int = 50
    people: int = 200
    entries: int = 5_000
    overrides: int = 5_000
    bytes: int = 16 * 1024 * 1024


WORKSPACE_QUOTAS = WorkspaceQuotas()


class OncallWorkspaceAnswer(Struct, frozen=True):
    """A key to a workspace."""

    organisation: Annotated[str, Meta(description="The id of the workspace.")]
    api_key: Annotated[str, Meta(description="The key: `Authorization: Bearer` or `X-API-Key`.")]
    key_id: Annotated[str, Meta(description="Names the key in the audit.")]
    scopes: Sequence[WorkspaceScope]
    paid_until: Annotated[InstantText, Meta(description="Until then the key reads and writes.")]
    reads_until: Annotated[
        InstantText, Meta(description="Until then it reads; then everything is deleted.")
    ]
    quotas: WorkspaceQuotas
    interpretation: str


def workspace_answer(
    organisation: str,
    api_key: str,
    key_id: str,
    scopes: Sequence[WorkspaceScope],
    paid_until: int,
) -> OncallWorkspaceAnswer:
    """Return the answer; ``paid_until`` is in milliseconds."""
    paid, reads = iso(paid_until), iso(paid_until + GRACE_MS)
    return OncallWorkspaceAnswer(
        organisation,
        api_key,
        key_id,
        scopes,
        paid,
        reads,
        WORKSPACE_QUOTAS,
        f"The key opens workspace {organisation} for {', '.join(scopes)} until {paid}, and for "
        f"reading until {reads}. Another payment of the same wallet adds 30 days.",
    )
