"""A key and what it may spend: signs payments through the official client."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from x402 import PaymentPayload, PaymentRequired
from x402.mechanisms.evm.default_assets import find_default_asset
from x402.schemas import PaymentRequirements

from app.cli.buying import paying_client
from app.payments.terms_text import NETWORK_NAMES, price_text, terms_lines
from app.settings import SANDBOX_NETWORK


class NotPaid(Exception):
    """The wallet does not pay; the message says why."""


@dataclass(frozen=True)
class Payment:
    """A signed payment as it is sent, with its amount in millionths of a dollar."""

    payload: dict[str, Any]
    amount: int
    lifetime: int
    """For how many seconds from signing it can be settled."""


@dataclass(frozen=True)
class Wallet:
    """A key with its limits, in dollars; ``throw_away`` if it was made here and owns nothing."""

    account: LocalAccount
    most: Decimal
    most_per_day: Decimal
    throw_away: bool

    @classmethod
    def of(cls, key: str | None, most: Decimal, most_per_day: Decimal) -> "Wallet":
        """Return the wallet of ``key``, or a throw-away one. Raises ``ValueError`` for no key."""
        account = Account.from_key(key) if key else Account.create()
        return cls(account, most, most_per_day, not key)

    @property
    def address(self) -> str:
        return str(self.account.address)

    @property
    def limits(self) -> str:
        """What it pays, in words."""
        money = ", of test money only because PRIVATE_KEY is not set" if self.throw_away else ""
        return f"at most ${self.most} a call and ${self.most_per_day} a day (UTC){money}"

    async def sign(self, required: PaymentRequired) -> Payment:
        """Return a payment that meets ``required``.

        A throw-away wallet pays on the sandbox's network only. Raises ``NotPaid``.
        """
        networks = SANDBOX_NETWORK if self.throw_away else None
        client = paying_client(self.account, self.most, networks)
        try:
            payload = await client.create_payment_payload(required)
        except Exception as error:  # noqa: BLE001 - the terms are a stranger's
            asked = "; or ".join(terms_lines(required))
            reason = str(error).partition(". ")[0]
            raise NotPaid(f"It asks {asked}. The wallet pays {self.limits}. {reason}.") from None
        assert isinstance(payload, PaymentPayload)  # noqa: S101 - the terms are those of version 2
        way = payload.accepted
        on_wire = payload.model_dump(by_alias=True, exclude_none=True)
        return Payment(on_wire, _cost(way), way.max_timeout_seconds)


def price_of(payload: dict[str, Any]) -> str:
    """Return what a payment pays, and on which network."""
    way = PaymentRequirements.model_validate(payload["accepted"])
    return f"{price_text(way)} on {NETWORK_NAMES.get(way.network, way.network)}"


def millionths(dollars: Decimal) -> int:
    """Return millionths of a dollar, rounded up."""
    return int(dollars.scaleb(6).to_integral_value(ROUND_CEILING))


def dollars_text(amount: int) -> str:
    """Return ``$0.02`` for 20,000 millionths."""
    return f"${Decimal(amount).scaleb(-6).normalize():f}"


def _cost(way: PaymentRequirements) -> int:
    """Return millionths of a dollar; the client pays in stablecoins of the dollar only."""
    asset = find_default_asset(way.asset, way.network)
    assert asset is not None  # noqa: S101 - else the client refuses
    return millionths(Decimal(way.amount).scaleb(-asset["decimals"]))
