"""Buyers of workspaces, and services that sell them."""

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from app.database.database import Database
from app.payments.claims.claim import PaymentClaims
from app.products.workspace.endpoint import workspace_endpoint
from tests.support.services import Service, remote_settings, service
from tests.support.wallets import Wallet

PATH = workspace_endpoint().path
SECRET = "the secret of an operator, of 40 characters".replace(" ", "-")
USERS = "/api/v2/oncall/users"
DAY = 86_400


def order(**fields: Any) -> dict[str, Any]:
    """Return a request with random bytes of its own."""
    return {"secret": secrets.token_hex(32), **fields}


class Seller(Service):
    """A service that sells workspaces through a facilitator at ``url``."""

    path = PATH

    def __init__(
        self,
        url: str,
        database_url: str,
        clock: Callable[[], float],
        claims: PaymentClaims | None = None,
        **changes: Any,
    ) -> None:
        settings = remote_settings(
            url, database_url=database_url, **{"workspace_secret": SECRET, **changes}
        )
        super().__init__(service(settings, clock=clock, claims=claims).app)

    async def paid(self, body: Any, wallet: Wallet | None = None) -> tuple[httpx.Response, str]:
        """Buy, and return the payment as well."""
        payment = await (wallet or Wallet()).payment(await self.terms())
        return await self.ask(body, payment), payment

    async def opened(self, body: Any, wallet: Wallet | None = None) -> dict[str, Any]:
        """Return the workspace that is bought."""
        response, _ = await self.paid(body, wallet)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def read(self, key: str, path: str = USERS) -> httpx.Response:
        return await self.http.get(path, headers={"X-API-Key": key})

    async def write(self, key: str, path: str = USERS, body: Any = None) -> httpx.Response:
        person = {"name": "Ana", "email": "ana@example.com"}
        return await self.http.post(path, json=body or person, headers={"X-API-Key": key})


async def rows(url: str, table: Any) -> Sequence[Any]:
    """Return every row of a table."""
    database = Database(url)
    await database.open()
    async with database.reading() as tx:
        found = (await tx.execute(table.select())).all()
    await database.aclose()
    return found
