"""``python -m app prove-origin``: sign the origin of the service with the key of a payee."""

from collections.abc import Iterator, Mapping

from app.errors import ConfigurationError
from app.payments.ownership import (
    NotAKey,
    OwnershipProof,
    origin_of,
    proves_ownership,
    sign_origin,
)
from app.settings import Settings

READ = ("ONCALL_PUBLIC_URL", "ONCALL_ACCEPTS", "ONCALL_NETWORK", "ONCALL_PAY_TO", "ONCALL_PAYMENTS")
"""The settings that the command reads. It wants no facilitator: the key may be elsewhere."""
NO_URL = "ONCALL_PUBLIC_URL is not set: its origin is what is signed"
NO_KEY = "PRIVATE_KEY is not set: the key of the address that is paid"


def prove_origin(environ: Mapping[str, str]) -> tuple[OwnershipProof, str]:
    """Return the proof by the ``PRIVATE_KEY`` in ``environ``, and the origin that it is for.

    Raises ``ConfigurationError`` for a key that is none, or that of nobody who is paid. No message
    repeats anything of the key.
    """
    settings = Settings.from_env({**environ, "ONCALL_PAYMENTS": "off"}, _missing, READ)
    key = environ.get("PRIVATE_KEY", "").strip()
    if not key:
        raise ConfigurationError([NO_KEY])
    try:
        proof = sign_origin(settings.public_url, key)
    except NotAKey as error:
        raise ConfigurationError([f"PRIVATE_KEY is {error}"]) from None
    payees = [way.pay_to for way in settings.ways_to_pay]
    if not any(proves_ownership(proof.signature, settings.public_url, each) for each in payees):
        raise ConfigurationError(
            [f"PRIVATE_KEY is that of {proof.payee}, but paid is {' or '.join(payees)}"]
        )
    return proof, origin_of(settings.public_url)


def _missing(settings: Settings) -> Iterator[str]:
    if "public_url" not in settings.model_fields_set:
        yield NO_URL
