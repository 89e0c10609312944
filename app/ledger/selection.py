"""Which settlements a reader of the ledger wants."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from app.http.scalars import milliseconds_of
from app.payments.claims.claimed_payment import Settlement


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
    try:
        return milliseconds_of(text) / 1_000
    except ValueError as error:
        raise ValueError(
            f"{error}: write a date such as 2026-11-01 or an instant such as 2026-11-01T06:00:00Z"
        ) from error


def in_order(settlements: Iterable[Settlement]) -> Sequence[Settlement]:
    """Return each payment's settlement once, oldest first."""
    by_payment = {each.payment: each for each in settlements}
    return sorted(by_payment.values(), key=lambda each: (each.settled_at, each.payment))
