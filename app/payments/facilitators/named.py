"""Facilitators by name: where each is, what it is shown, and a client of it.

A facilitator is chosen by the name of its vendor or by its address. Everything that only one vendor
wants is here and in ``credentials``; ``remote`` speaks the protocol, which is the same for all.
"""

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from app.payments.facilitators.call import CallRecorder, ignore_call
from app.payments.facilitators.credentials import (
    ApiKey,
    CdpCredentials,
    Credentials,
    NoCredentials,
    PayAiCredentials,
    cdp_key,
    payai_key,
)
from app.payments.facilitators.remote import RemoteFacilitator

CDP, PAYAI, X402_ORG = "cdp", "payai", "x402.org"

ADDRESSES: Mapping[str, str] = {
    CDP: "https://api.cdp.coinbase.com/platform/v2/x402",
    PAYAI: "https://facilitator.payai.network",
    X402_ORG: "https://www.x402.org/facilitator",  # x402.org itself redirects there
}
"""The facilitators that have a name."""


class FacilitatorChoice(Struct, frozen=True):
    """Which facilitator settles, and how it is called.

    ``name`` is one of ``ADDRESSES``, or an address. ``url`` is called in place of the address that
    belongs to a name: a proxy, or a stub. ``headers`` go with every call.
    """

    name: str
    url: str = ""
    headers: Mapping[str, str] = {}
    timeout_seconds: float = 20.0
    cdp: ApiKey = ApiKey()
    payai: ApiKey = ApiKey()

    @property
    def address(self) -> str:
        """The address that is called."""
        return self.url or ADDRESSES.get(self.name, self.name)

    @property
    def label(self) -> str:
        """What the facilitator is called in metrics and logs: its name, or its host."""
        return self.name if self.name in ADDRESSES else urlsplit(self.address).netloc

    def errors(self) -> Iterator[str]:
        """Yield what is wrong with the API key that belongs to the name."""
        if self.name == CDP:
            yield from _key_errors("CDP", self.cdp, cdp_key, required=True)
        elif self.name == PAYAI:
            yield from _key_errors("PAYAI", self.payai, payai_key, required=False)

    def credentials(self, clock: Callable[[], float]) -> Credentials:
        """What is shown with each call. Raises ``ValueError`` where ``errors`` yields."""
        if self.name == CDP:
            return CdpCredentials(self.cdp, ADDRESSES[CDP], clock)
        if self.name == PAYAI and self.payai.id:
            return PayAiCredentials(self.payai, clock)
        return NoCredentials()


def facilitator_from(
    choice: FacilitatorChoice,
    *,
    network: str,
    clock: Callable[[], float],
    record_call: CallRecorder = ignore_call,
) -> RemoteFacilitator:
    """A client of the chosen facilitator for payments on ``network``; not connected yet."""
    return RemoteFacilitator(
        choice.address,
        network=network,
        headers=choice.headers,
        timeout_seconds=choice.timeout_seconds,
        credentials=choice.credentials(clock),
        name=choice.label,
        record_call=record_call,
    )


def _key_errors(
    prefix: str, key: ApiKey, read: Callable[[str], object], *, required: bool
) -> Iterator[str]:
    given = {f"{prefix}_API_KEY_ID": key.id, f"{prefix}_API_KEY_SECRET": key.secret}
    if required or any(given.values()):
        for variable, text in given.items():
            if not text:
                yield f"{variable} is not set: ONCALL_FACILITATOR={prefix.lower()} signs with it"
    if key.secret:
        try:
            read(key.secret)
        except ValueError as error:
            yield f"{prefix}_API_KEY_SECRET: it is {error}"
