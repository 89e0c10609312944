"""Purchases of workspaces, as the checkout makes them: prepared, settled, completed.

This module is imported when the service starts and loads the database's only when it sells.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
import structlog

from app.errors import (
    FieldError,
    InvalidRequest,
    StoreUnavailable,
    WorkspacesUnavailable,
    WorkspaceUnfinished,
)
from app.payments.authorization import PaymentIdentity
from app.products.workspace.answer import workspace_answer
from app.products.workspace.keys import DerivedKey, derived_key
from app.products.workspace.request import NOT_YOURS, OncallWorkspaceRequest

if TYPE_CHECKING:
    from app.database.database import Database
    from app.teams.workspaces.store import Purchase

log = structlog.get_logger()


class WorkspaceOrders:
    """Makes the orders of one service.

    ``database`` opens the database, ``secret`` is the operator's, and ``clock`` returns seconds
    since 1970.
    """

    def __init__(
        self,
        secret: str,
        database: "Callable[[], Awaitable[Database]]",
        clock: Callable[[], float],
    ) -> None:
        self._secret = secret
        self._database = database
        self._clock = clock

    def __call__(
        self, identity: PaymentIdentity, document: OncallWorkspaceRequest
    ) -> "WorkspaceOrder":
        """Return the order that a payment is for. Raises ``InvalidRequest``."""
        if document.has_known_secret:
            raise InvalidRequest([FieldError("/secret", NOT_YOURS)])
        key = derived_key(self._secret, identity.key, document.secret)
        return WorkspaceOrder(identity, document, key, self._database, self._clock)


@dataclass(frozen=True)
class WorkspaceOrder:
    """One order. Each step can be repeated; of the key only its hash leaves the answer."""

    identity: PaymentIdentity
    document: OncallWorkspaceRequest
    key: DerivedKey
    database: "Callable[[], Awaitable[Database]]"
    clock: Callable[[], float]

    async def prepare(self) -> None:
        """Write it down, so that it opens nothing yet.

        Raises ``WorkspacesUnavailable`` and ``PaymentAlreadyUsed``.
        """
        database = await self.database()
        from app.teams.workspaces import store  # noqa: PLC0415 - it is loaded with the database

        purchase = self._purchase()
        try:
            await database.write(lambda tx: store.prepare_purchase(tx, purchase, self._now))
        except StoreUnavailable as error:
            raise WorkspacesUnavailable(retry_after=5) from error

    async def cancel(self) -> None:
        """Take it back, because the money did not move; what cannot be now, the sweep does."""
        database = await self.database()
        from app.teams.workspaces import store  # noqa: PLC0415 - as above

        purchase = self._purchase()
        try:
            await database.write(lambda tx: store.cancel_purchase(tx, purchase))
        except StoreUnavailable as error:
            log.warning("workspace_not_cancelled", problem=str(error))

    async def complete(self) -> bytes:
        """Open what is paid for, and return the answer.

        Raises ``WorkspaceUnfinished`` and ``PaymentAlreadyUsed``.
        """
        database = await self.database()
        from app.teams.workspaces import store  # noqa: PLC0415 - as above

        purchase = self._purchase()
        try:
            opened = await database.write(
                lambda tx: store.complete_purchase(tx, purchase, self._now)
            )
        except StoreUnavailable as error:
            raise WorkspaceUnfinished(retry_after=5) from error
        answer = workspace_answer(
            opened.org_id,
            self.key.presented,
            self.key.id,
            self.document.granted,
            opened.paid_until,
        )
        return msgspec.json.encode(answer)

    @property
    def _now(self) -> int:
        return int(self.clock() * 1_000)

    def _purchase(self) -> "Purchase":
        from app.teams.workspaces.store import Purchase  # noqa: PLC0415 - as above

        return Purchase(
            self.identity.key,
            self.identity.account,
            self.key.id,
            sha256(self.key.presented.encode()).digest(),
            self.document.granted,
            str(self.document.name or ""),
            self.document.replaces_keys,
        )
