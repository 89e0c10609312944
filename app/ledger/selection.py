"""Which settlements a reader of the ledger wants."""

import contextlib
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from app.payments.claims.claimed_payment import Settlement

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)


class Selection(Struct, frozen=True):
    """The settlements in ``[since, until)``, of one product; ``None`` leaves any of it open.

    Both are in seconds since 1970.
    """

    since: float | None = None
    until: float | None = None
    product: str | None = None

    def wants(self, settlement: Settlement) -> bool:
        """Return whether ``settlement`` is one of them."""
        at = settlement.settled_at
        return (
            (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
            and self.product in (None, settlement.product)
        )


def instant_in(text: str) -> float:
    """Return the instant of a date, which means its first moment in UTC, or of RFC 3339.

    In seconds since 1970. Raises ``ValueError`` with what would be right.
    """
    is_date = DATE.fullmatch(text) is not None
    if is_date or INSTANT.fullmatch(text):
        with contextlib.suppress(ValueError, OverflowError):  # there is no 31 February
            at = datetime.fromisoformat(text.upper())
            return (at.replace(tzinfo=UTC) if is_date else at).timestamp()
    raise ValueError(
        f"{text!r} is no date such as 2026-11-01 and no instant such as 2026-11-01T06:00:00Z"
    )


def in_order(settlements: Iterable[Settlement]) -> Sequence[Settlement]:
    """Return each payment's settlement once, oldest first."""
    by_payment = {each.payment: each for each in settlements}
    return sorted(by_payment.values(), key=lambda each: (each.settled_at, each.payment))
