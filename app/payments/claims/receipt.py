"""The receipt of a settlement, as it is stored and sent."""

from typing import Any

from msgspec import Struct
from x402.http.utils import decode_payment_response_header


class Receipt(Struct, frozen=True, gc=False):
    """The receipt of one settlement.

    ``amount`` is in atomic units, ``settled_at`` in seconds since 1970, ``header`` the
    ``PAYMENT-RESPONSE`` value exactly as it was sent.
    """

    payer: str
    amount: str
    network: str
    transaction: str
    request_id: str
    settled_at: float
    header: str

    @property
    def settlement(self) -> dict[str, Any]:
        """The x402 ``SettleResponse`` that ``header`` encodes, as JSON."""
        settled = decode_payment_response_header(self.header)
        return settled.model_dump(by_alias=True, exclude_none=True)
