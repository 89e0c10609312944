"""Authentication: the key of an organisation, in either of the headers that the pages show.

Strategy: a key is looked up for every request, so revoking it takes effect at once. The time of its
last use is held in memory and written from time to time, so that reading writes nothing.
"""

from collections.abc import Callable
from typing import Protocol

from app.database.database import Database, Snapshot
from app.errors import Forbidden, Unauthorized
from app.formats.instants import iso
from app.http.request_head import RequestHead
from app.teams.keys.store import ApiKey, find_key, has_form_of_key, record_last_use
from app.teams.presented_keys import presented_key

UNKNOWN = "the API key is not known, has expired or has been revoked"

Clock = Callable[[], float]
"""Seconds since 1970."""


class KeyAuthenticator:
    """Finds the keys of requests in one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._used: dict[str, int] = {}

    async def authenticate(self, head: RequestHead, snapshot: Snapshot) -> ApiKey:
        """Return the key of a request. Raises ``Unauthorized``."""
        presented = presented_key(head)
        if not has_form_of_key(presented):
            raise Unauthorized(UNKNOWN)
        async with snapshot.reading() as tx:
            key = await find_key(tx, presented)
        now = int(self._clock() * 1000)
        if key is None or not key.valid_at(now):
            raise Unauthorized(UNKNOWN)
        self._used[key.id] = now
        return key

    async def record_last_uses(self) -> None:
        """Write when keys were last used."""
        if self._used:
            last, self._used = self._used, {}
            await self._database.write(lambda tx: record_last_use(tx, last))


def require_paid(key: ApiKey, now: int) -> None:
    """Raise ``Forbidden`` if the workspace of a key is not paid for at ``now``, in milliseconds."""
    if key.paid_until is not None and now >= key.paid_until:
        raise Forbidden(
            f"the workspace is paid for until {iso(key.paid_until)}, and can be read for 30 days "
            "after that: buy sched-oncall-workspace with the same wallet to go on"
        )


class Scoped(Protocol):
    """Anything that has scopes."""

    @property
    def scopes(self) -> frozenset[str]: ...


def require_scope(key: Scoped, scope: str) -> None:
    """Raise ``Forbidden`` unless the key has the scope; no scope includes another."""
    if scope not in key.scopes:
        raise Forbidden(f"API key lacks required scope: {scope}")
