"""Workspaces by the calendar: what their keys open until when, and what is deleted in the end."""

import secrets
from hashlib import sha256

import pytest

from app.database.tables import organisations
from app.products.workspace.keys import derived_key
from app.teams.quotas.quota import OF_WORKSPACES, QUOTAS
from app.teams.workspaces.store import (
    Opened,
    Purchase,
    cancel_purchase,
    complete_purchase,
    prepare_purchase,
    sweep,
)
from tests.support.clock import Clock
from tests.support.scenes import EMPTY
from tests.support.services import living
from tests.support.stored import V1, V2, Caller, Stored, code_of, opened

pytestmark = pytest.mark.anyio

DAY = 86_400_000
PERSON = {"name": "Ana", "email": "ana@example.com"}


class Buyer:
    """A wallet, with the purchases that its payments would make."""

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.account = f"eip155:1:0x{secrets.token_hex(20)}"

    def purchase(self, *, replaces: bool = False) -> tuple[Purchase, str]:
        payment = f"eip155:1:0xusdc:{self.account}:{secrets.token_hex(8)}"
        key = derived_key("secret", payment, secrets.token_hex(32))
        hashed = sha256(key.presented.encode()).digest()
        scopes = ("schedules", "oncall:read", "oncall:write")
        return Purchase(payment, self.account, key.id, hashed, scopes, "", replaces), key.presented

    async def buy(self) -> tuple[Caller, Opened]:
        purchase, presented = self.purchase()
        database, now = self.stored.database, self.stored.now
        await database.write(lambda tx: prepare_purchase(tx, purchase, now))
        opened = await database.write(lambda tx: complete_purchase(tx, purchase, now))
        return self.stored.caller(presented), opened

    async def sweep(self) -> None:
        """Sweep as often as there may be workspaces of other tests."""
        now = self.stored.now
        for _ in range(20):
            await self.stored.database.write(lambda tx: sweep(tx, now))

    async def exists(self, org_id: str) -> bool:
        async with self.stored.database.reading() as tx:
            found = await tx.execute(organisations.select().where(organisations.c.id == org_id))
            return found.one_or_none() is not None


@pytest.fixture
def buyer(stored: Stored) -> Buyer:
    return Buyer(stored)


async def test_it_writes_for_thirty_days_reads_for_thirty_more_and_is_then_deleted(
    stored: Stored, buyer: Buyer
) -> None:
    caller, bought = await buyer.buy()
    assert bought.paid_until == stored.now + 30 * DAY
    await caller.create(f"{V2}/users", {**PERSON, "id": "ana"})
    schedule = await caller.create(f"{V2}/schedules", EMPTY)
    token = await caller.create(f"{V2}/users/ana/feed-tokens", {"name": "phone"})
    feed = token["url"].partition("/api/")[2]
    stored.clock.advance(30 * 86_400 - 1)
    assert (await caller.post(f"{V2}/users", PERSON)).status_code == 201
    stored.clock.advance(1)
    refused = await caller.post(f"{V2}/users", PERSON)
    assert code_of(refused) == (403, "forbidden")
    assert "sched-oncall-workspace with the same wallet" in refused.json()["message"]
    path = f"{V1}/schedules/{schedule['id']}"
    assert (await caller.patch(path, {"name": "B"})).status_code == 403
    assert (await caller.delete(path)).status_code == 403
    assert (await caller.get(path)).status_code == 200
    assert (await stored.caller(None).get(f"/api/{feed}")).status_code == 200
    stored.clock.advance(30 * 86_400 - 1)
    await buyer.sweep()
    assert (await caller.get(path)).status_code == 200
    stored.clock.advance(1)
    assert code_of(await caller.get(path)) == (401, "unauthorized")
    await buyer.sweep()
    assert not await buyer.exists(bought.org_id)
    assert (await stored.caller(None).get(f"/api/{feed}")).status_code == 401
    assert (await stored.me.get(f"{V2}/users")).status_code == 200


async def test_a_payment_after_the_end_is_for_thirty_days_from_then(
    stored: Stored, buyer: Buyer
) -> None:
    caller, first = await buyer.buy()
    stored.clock.advance(40 * 86_400)
    assert (await caller.post(f"{V2}/users", PERSON)).status_code == 403
    _, second = await buyer.buy()
    assert (second.org_id, second.paid_until) == (first.org_id, stored.now + 30 * DAY)
    assert (await caller.post(f"{V2}/users", PERSON)).status_code == 201


async def test_a_workspace_that_is_being_paid_for_is_not_deleted(
    stored: Stored, buyer: Buyer
) -> None:
    _, bought = await buyer.buy()
    stored.clock.advance(61 * 86_400)
    purchase, _ = buyer.purchase()
    now = stored.now
    await stored.database.write(lambda tx: prepare_purchase(tx, purchase, now))
    await buyer.sweep()
    assert await buyer.exists(bought.org_id)
    again = await stored.database.write(lambda tx: complete_purchase(tx, purchase, now))
    assert again == Opened(bought.org_id, now + 30 * DAY)


async def test_what_is_completed_is_not_cancelled(stored: Stored, buyer: Buyer) -> None:
    purchase, presented = buyer.purchase()
    now = stored.now
    await stored.database.write(lambda tx: complete_purchase(tx, purchase, now))
    await stored.database.write(lambda tx: cancel_purchase(tx, purchase))
    assert (await stored.caller(presented).get(f"{V2}/users")).status_code == 200


async def test_what_it_may_store_is_what_was_sold(
    stored: Stored, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert OF_WORKSPACES.people < QUOTAS.people
    monkeypatch.setattr("app.teams.pipeline.OF_WORKSPACES", type(QUOTAS)(people=1))
    caller, _ = await buyer.buy()
    assert (await caller.post(f"{V2}/users", PERSON)).status_code == 201
    assert code_of(await caller.post(f"{V2}/users", PERSON)) == (409, "quota_exceeded")
    for _ in range(2):
        assert (await stored.me.post(f"{V2}/users", PERSON)).status_code == 201


async def test_a_service_process_sweeps_by_itself(database_url: str, clock: Clock) -> None:
    async with opened(Stored(database_url, clock)) as service:
        buyer = Buyer(service)
        _, bought = await buyer.buy()
        clock.advance(61 * 86_400)
        other = Stored(database_url, clock)
        async with living(other.app):  # it tidies up when it stops, too
            assert (await service.me.get(f"{V2}/users")).status_code == 200
            assert (await other.http.get(f"{V2}/users")).status_code == 401
        assert not await buyer.exists(bought.org_id)
