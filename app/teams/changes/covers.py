"""What writes to cover requests have done, as it is told to whoever follows the changes.

Strategy: a record of the audit says what one write has changed, and the request itself what never
changes. So a change that is told again is told alike, unless its schedule is deleted meanwhile.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from app.database.database import Tx
from app.database.pacing import with_pauses
from app.teams.audit.store import AuditNote, changes_of
from app.teams.covers.schemas import AcceptedPart, Refusal
from app.teams.covers.state import CoverRequest, State
from app.teams.covers.store import covers_named

PREFIX = "cover."
"""Where the actions of cover requests begin."""


class _Id(Struct, frozen=True):
    to: str


class _State(Struct, frozen=True):
    to: State


class _Accepted(Struct, frozen=True, rename={"before": "from"}):
    to: Sequence[AcceptedPart]
    before: Sequence[AcceptedPart] | None


class _Refused(Struct, frozen=True):
    to: Sequence[Refusal]


class _Recorded(Struct, frozen=True):
    """What of a record is told; a field that the write has not changed is left out there."""

    id: _Id
    state: _State | None = None
    accepted: _Accepted | None = None
    refused: _Refused | None = None


class CoverWrite(Struct, frozen=True):
    """One write to a cover request: the state after it, and what it has added.

    ``cover`` is the request as it is now; ``None`` if it was deleted with its schedule.
    """

    cover_id: str
    cover: CoverRequest | None
    state: State
    answered_by: str | None
    accepted: Sequence[AcceptedPart]


async def cover_writes(tx: Tx, org_id: str, notes: Sequence[AuditNote]) -> Mapping[int, CoverWrite]:
    """Return those of ``notes`` that are about cover requests, by id."""
    ids = [note.id for note in notes if note.action.startswith(PREFIX)]
    if not ids:
        return {}
    recorded = {
        record_id: msgspec.json.decode(changes, type=_Recorded)
        async for record_id, changes in with_pauses(await changes_of(tx, org_id, ids))
    }
    covers = await covers_named(tx, org_id, {each.id.to for each in recorded.values()})
    return {record_id: _write(each, covers.get(each.id.to)) for record_id, each in recorded.items()}


def _write(recorded: _Recorded, cover: CoverRequest | None) -> CoverWrite:
    parts: Sequence[AcceptedPart] = ()
    if recorded.accepted:
        parts = recorded.accepted.to[len(recorded.accepted.before or ()) :]
    refusals: Sequence[Refusal] = recorded.refused.to if recorded.refused else ()
    answered = [*(part.user_id for part in parts), *(each.user_id for each in refusals[-1:])]
    return CoverWrite(
        recorded.id.to,
        cover,
        recorded.state.to if recorded.state else "open",
        answered[0] if answered else None,
        parts,
    )
