"""What several handlers check: that the people whom a request names exist."""

from collections.abc import Iterable, Mapping, Sequence

from app.database.database import Tx
from app.errors import FieldError, InvalidRequest
from app.teams.users.store import people_of

MOST_NAMED = 100
"""Faults of one kind that are named."""


async def require_people(tx: Tx, org_id: str, named: Iterable[tuple[str, str]]) -> None:
    """Raise ``InvalidRequest`` for users that there are not; ``named``: pointer and id of each."""
    pairs = list(named)
    known = await people_of(tx, org_id, [user_id for _, user_id in pairs])
    errors = [
        FieldError(pointer, f"there is no user {user_id}: create it at /api/v2/oncall/users")
        for pointer, user_id in pairs
        if user_id not in known
    ]
    if errors:
        raise InvalidRequest(errors[:MOST_NAMED])


def participants_in(layers: Sequence[Mapping[str, Sequence[str]]]) -> Iterable[tuple[str, str]]:
    """Every participant of v1 layers, as JSON types, with the pointer to it."""
    for index, layer in enumerate(layers):
        for place, name in enumerate(layer["participants"]):
            yield f"/layers/{index}/participants/{place}", name.strip()
