"""What a wallet has signed, in one SQLite file that its processes share and that outlives them.

Strategy: a payment is entered before it is sent, and a limit counts what is entered, because
whoever holds a signed payment can settle it. One write transaction compares with the limit and
enters, so that two wallets of a key cannot exceed it together. A payment stays open, with what was
sent, until its outcome is known; while it is, the same call gets it again and no second one.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.cli.wallet import Payment

WAIT_SECONDS = 5.0
"""How long one process waits for another that writes."""
KEPT_SECONDS = 30 * 86_400

TABLE = """
CREATE TABLE IF NOT EXISTS payment (
  id INTEGER PRIMARY KEY,
  payer TEXT NOT NULL,
  day TEXT NOT NULL,
  call TEXT NOT NULL,
  amount INTEGER NOT NULL,
  expires_at REAL NOT NULL,
  open TEXT
)
"""

SPENT = "SELECT coalesce(sum(amount), 0) FROM payment WHERE payer = ? AND day = ?"


class OverDailyLimit(Exception):
    """A payment would exceed the limit of the day, and was not entered."""

    def __init__(self, spent: int) -> None:
        super().__init__()
        self.spent = spent


@dataclass(frozen=True)
class SignedPayment:
    """A payment that was entered, as it is sent. After ``expires_at`` it cannot be settled."""

    id: int
    payload: dict[str, Any]
    expires_at: float


class SpendingRecord:
    """The payments in the file ``path``. A day is one of UTC; ``now`` returns seconds since 1970.

    Every method raises ``sqlite3.Error`` if the file cannot be used, and has then changed nothing.
    """

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        self.path = path
        self._now = now

    def create(self) -> None:
        """Create the file, readable by its owner only. Raises ``OSError``, too."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._transaction() as tx:
            tx.execute(TABLE)
            tx.execute("DELETE FROM payment WHERE day < ?", [_day(self._now() - KEPT_SECONDS)])

    def open_payment(self, payer: str, call: str) -> SignedPayment | None:
        """Return the payment for ``call`` of which the outcome is not known, if there is one."""
        with self._transaction() as tx:
            return _open_payment(tx, payer, call)

    def enter(self, payer: str, call: str, payment: Payment, limit: int) -> SignedPayment:
        """Enter a payment and return the one to send, which is an open one of the same call.

        Raises ``OverDailyLimit`` if ``payer`` would have signed more than ``limit`` today, in
        millionths of a dollar.
        """
        now = self._now()
        day, expires_at = _day(now), now + payment.lifetime
        with self._transaction() as tx:
            if earlier := _open_payment(tx, payer, call):
                return earlier
            spent = tx.execute(SPENT, [payer, day]).fetchone()[0]
            if spent + payment.amount > limit:
                raise OverDailyLimit(spent)
            entered = tx.execute(
                "INSERT INTO payment (payer, day, call, amount, expires_at, open)"
                " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
                [payer, day, call, payment.amount, expires_at, json.dumps(payment.payload)],
            )
            return SignedPayment(entered.fetchone()[0], payment.payload, expires_at)

    def is_expired(self, payment: SignedPayment) -> bool:
        """Return whether ``payment`` cannot be settled any more, if it has not been."""
        return payment.expires_at < self._now()

    def close(self, payment: SignedPayment) -> None:
        """Note that the outcome of ``payment`` is known: the same call pays anew from now on."""
        with self._transaction() as tx:
            tx.execute("UPDATE payment SET open = NULL WHERE id = ?", [payment.id])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a transaction that no other process reads or writes in; an error undoes it."""
        connected = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
        with contextlib.closing(connected), connected:
            connected.execute("BEGIN IMMEDIATE")
            yield connected


def _open_payment(tx: sqlite3.Connection, payer: str, call: str) -> SignedPayment | None:
    found = tx.execute(
        "SELECT id, open, expires_at FROM payment"
        " WHERE payer = ? AND call = ? AND open IS NOT NULL",
        [payer, call],
    ).fetchone()
    return SignedPayment(found[0], json.loads(found[1]), found[2]) if found else None


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()
