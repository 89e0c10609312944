"""Workspaces and the payments for them: written down before the money moves, opened after it.

Strategy: a payment has a row from before its settlement on. While the row is not completed it opens
nothing; completing it adds 30 days and writes the key, once, in one transaction. Every step can be
repeated, so whoever comes next, the buyer or the sweep, goes on where another was interrupted.

Invariants: a payment buys once, with one key: another key for it is refused, also when its claim
has long been forgotten. Of a key only the hash is stored. A workspace whose payment is under way is
not deleted. Instants are milliseconds since 1970.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.database.ids import new_id
from app.database.tables import (
    keys,
    organisations,
    settlements,
    workspace_payments,
    workspaces,
)
from app.errors import PaymentAlreadyUsed
from app.products.workspace.answer import GRACE_MS, PAID_MS

ABANDONED_MS = 25 * 3_600_000
"""The age from which a payment that is not settled never will be: claims end after 24 hours."""
AT_ONCE = 100
"""The most payments that one sweep completes."""

PAYMENT = workspace_payments.c
IS_OPEN = PAYMENT.completed_at.is_(None)


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a payment buys. ``account`` is who pays, and ``hash`` that of the key."""

    payment: str
    account: str
    key_id: str
    hash: bytes
    scopes: Collection[str]
    name: str
    replaces_keys: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A workspace that was opened by a payment, which is for the time until ``paid_until``."""

    org_id: str
    paid_until: int


async def prepare_purchase(tx: AsyncConnection, purchase: Purchase, now: int) -> None:
    """Write a purchase down, so that it opens nothing yet; and the workspace, if it is new.

    Raises ``PaymentAlreadyUsed`` for a payment that has bought another key or anything else.
    """
    if await _row(tx, purchase) is not None:
        return
    known = select(settlements.c.payment).where(settlements.c.payment == purchase.payment)
    if (await tx.execute(known)).one_or_none() is not None:
        raise PaymentAlreadyUsed
    await _insert(tx, purchase, now)


async def complete_purchase(tx: AsyncConnection, purchase: Purchase, now: int) -> Opened:
    """Open what was paid for, unless that has been done, and return it.

    Raises ``PaymentAlreadyUsed`` if the payment has bought another key.
    """
    row = await _row(tx, purchase)
    if row is None:  # a backup was restored, or an operator deleted it
        await _insert(tx, purchase, now)
        row = await _row(tx, purchase)
    return await _complete(tx, row, now)


async def cancel_purchase(tx: AsyncConnection, purchase: Purchase) -> None:
    """Take a purchase back, because its money did not move."""
    where = and_(PAYMENT.payment == purchase.payment, PAYMENT.hash == purchase.hash, IS_OPEN)
    await tx.execute(delete(workspace_payments).where(where))
    account = workspaces.c.account == purchase.account
    await _delete_unpaid(tx, select(workspaces.c.org_id).where(account))


async def sweep(tx: AsyncConnection, now: int) -> None:
    """Complete what is settled, and delete what was never paid or ended too long ago.

    Of the workspaces that ended one is deleted, because it may be large.
    """
    settled = select(settlements.c.payment)
    waiting = select(workspace_payments).where(IS_OPEN, PAYMENT.payment.in_(settled))
    for row in (await tx.execute(waiting.limit(AT_ONCE))).all():
        await _complete(tx, row, now)
    abandoned = PAYMENT.created_at < now - ABANDONED_MS
    await tx.execute(delete(workspace_payments).where(IS_OPEN, abandoned))
    old = workspaces.c.created_at < now - ABANDONED_MS
    await _delete_unpaid(tx, select(workspaces.c.org_id).where(old))
    ended = (
        select(workspaces.c.org_id)
        .where(workspaces.c.paid_until <= now - GRACE_MS, ~_payments(IS_OPEN))
        .limit(1)
    )
    await tx.execute(delete(organisations).where(organisations.c.id.in_(ended)))


async def _row(tx: AsyncConnection, purchase: Purchase) -> Any:
    """Return the row of a payment. Raises ``PaymentAlreadyUsed`` if it is for another key."""
    found = select(workspace_payments).where(PAYMENT.payment == purchase.payment)
    row = (await tx.execute(found)).one_or_none()
    if row is not None and row.hash != purchase.hash:
        raise PaymentAlreadyUsed
    return row


async def _insert(tx: AsyncConnection, purchase: Purchase, now: int) -> None:
    row = {
        "payment": purchase.payment,
        "org_id": await _organisation(tx, purchase.account, now),
        "key_id": purchase.key_id,
        "hash": purchase.hash,
        "scopes": " ".join(sorted(purchase.scopes)),
        "name": purchase.name or purchase.key_id,
        "replaces_keys": int(purchase.replaces_keys),
        "created_at": now,
    }
    await tx.execute(insert(workspace_payments).values(row))


async def _organisation(tx: AsyncConnection, account: str, now: int) -> str:
    """Return the organisation of an account; write a new one, which is not paid for yet."""
    known = select(workspaces.c.org_id).where(workspaces.c.account == account)
    org_id: str | None = (await tx.execute(known)).scalar_one_or_none()
    if org_id is None:
        org_id = new_id(now, "org_")
        # its name is its own: an operator may have given any other to another organisation
        name = f"workspace {org_id} of {account}"
        await tx.execute(insert(organisations).values(id=org_id, name=name, created_at=now))
        row = {"org_id": org_id, "account": account, "created_at": now}
        await tx.execute(insert(workspaces).values(row))
    return org_id


async def _complete(tx: AsyncConnection, row: Any, now: int) -> Opened:
    if row.completed_at is not None:
        return Opened(row.org_id, row.paid_until)
    own = workspaces.c.org_id == row.org_id
    until = (await tx.execute(select(workspaces.c.paid_until).where(own))).scalar_one()
    paid_until = max(now, until or 0) + PAID_MS
    await tx.execute(update(workspaces).where(own).values(paid_until=paid_until))
    of_it = keys.c.org_id == row.org_id
    await tx.execute(update(keys).where(of_it).values(expires_at=paid_until + GRACE_MS))
    if row.replaces_keys:
        valid = and_(of_it, keys.c.revoked_at.is_(None))
        await tx.execute(update(keys).where(valid).values(revoked_at=now))
    key = {
        "id": row.key_id,
        "org_id": row.org_id,
        "name": row.name,
        "kind": "live",
        "hash": row.hash,
        "scopes": row.scopes,
        "created_at": now,
        "expires_at": paid_until + GRACE_MS,
    }
    await tx.execute(insert(keys).values(key))
    done = {"completed_at": now, "paid_until": paid_until}
    await tx.execute(update(workspace_payments).where(PAYMENT.payment == row.payment).values(done))
    return Opened(row.org_id, paid_until)


async def _delete_unpaid(tx: AsyncConnection, among: Any) -> None:
    """Delete those of some workspaces that no payment, settled or under way, is for."""
    unpaid = among.where(workspaces.c.paid_until.is_(None), ~_payments())
    await tx.execute(delete(organisations).where(organisations.c.id.in_(unpaid)))


def _payments(*conditions: Any) -> Any:
    """Return the condition that a workspace has a payment for which ``conditions`` hold."""
    return exists().where(PAYMENT.org_id == workspaces.c.org_id, *conditions)
