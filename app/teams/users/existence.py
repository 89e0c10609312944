"""The check that the users whom a request names exist."""

from collections.abc import Container, Iterable

from app.database.database import Tx
from app.errors import FieldError, InvalidRequest
from app.teams.users.store import existing_user_ids

MAX_NAMED = 100
"""Faults that one answer names."""


async def require_users(tx: Tx, org_id: str, named: Iterable[tuple[str, str]]) -> None:
    """Raise ``InvalidRequest`` unless all users exist; ``named`` has the pointer and id of each."""
    pairs = list(named)
    require_known(pairs, await existing_user_ids(tx, org_id, (user_id for _, user_id in pairs)))


def require_known(pairs: Iterable[tuple[str, str]], known: Container[str]) -> None:
    """Raise ``InvalidRequest`` unless all users are ``known``."""
    errors = [
        FieldError(pointer, f"there is no user {user_id}: create it at /api/v2/oncall/users")
        for pointer, user_id in pairs
        if user_id not in known
    ]
    if errors:
        raise InvalidRequest(errors[:MAX_NAMED])
