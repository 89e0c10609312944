"""What a facilitator is shown so that it knows whose call it is: tokens signed with an API key.

CDP wants a token for each request, which names its method, host and path; PayAI one for any number
of requests of two minutes. Both are JSON Web Tokens. Keys are read once, at the start; neither a
key nor a token appears in ``repr``, in an error or in a log.
"""

import base64
import binascii
import secrets
import uuid
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key
from msgspec import Struct

LIFE_SECONDS = 120
"""How long a token holds, as both vendors' own clients make them."""
RENEWED_SECONDS = 30
"""How long before its end a token that is used again is replaced."""
PAYAI_PREFIX = "payai_sk_"
ED25519_BYTES = 64
"""A seed of 32 bytes and the public key."""

SigningKey = Ed25519PrivateKey | EllipticCurvePrivateKey


class ApiKey(Struct, frozen=True):
    """An API key as its vendor gives it out: a name, and a secret as text."""

    id: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return "ApiKey()"


class Credentials(Protocol):
    """Makes the header fields that a call needs beside the fixed ones."""

    def fields(self, method: str, path: str) -> Mapping[str, str]:
        """Return the fields for ``method`` at ``path``, which begins below the address."""
        ...


class NoCredentials:
    """Nothing to show, or fixed header fields alone."""

    def fields(self, method: str, path: str) -> Mapping[str, str]:  # noqa: ARG002 - of the protocol
        return {}


class CdpCredentials:
    """A token for each request to ``address``, signed with an API key of Coinbase's CDP.

    ``address`` is CDP's own: a proxy before it changes nothing of what CDP compares. ``clock``
    returns seconds since 1970. Raises ``ValueError`` for a secret that is no key.
    """

    def __init__(self, key: ApiKey, address: str, clock: Callable[[], float]) -> None:
        self._id = key.id
        self._key = cdp_key(key.secret)
        self._algorithm = "EdDSA" if isinstance(self._key, Ed25519PrivateKey) else "ES256"
        parts = urlsplit(address)
        self._host, self._path = parts.netloc, parts.path
        self._clock = clock

    def fields(self, method: str, path: str) -> Mapping[str, str]:
        now = int(self._clock())
        claims = {
            "sub": self._id,
            "iss": "cdp",
            "nbf": now,
            "exp": now + LIFE_SECONDS,
            "uris": [f"{method} {self._host}{self._path}{path}"],
        }
        names = {"kid": self._id, "nonce": secrets.token_hex(16)}
        return _bearer(jwt.encode(claims, self._key, self._algorithm, names))


class PayAiCredentials:
    """A token for every request until shortly before its end, signed with an API key of PayAI.

    ``clock`` returns seconds since 1970. Raises ``ValueError`` for a secret that is no key.
    """

    def __init__(self, key: ApiKey, clock: Callable[[], float]) -> None:
        self._id = key.id
        self._key = payai_key(key.secret)
        self._clock = clock
        self._fields: Mapping[str, str] = {}
        self._made_at = 0

    def fields(self, method: str, path: str) -> Mapping[str, str]:  # noqa: ARG002 - of the protocol
        now = int(self._clock())
        if not (self._fields and 0 <= now - self._made_at < LIFE_SECONDS - RENEWED_SECONDS):
            claims = {
                "sub": self._id,
                "iss": "payai-merchant",
                "iat": now,
                "exp": now + LIFE_SECONDS,
                "jti": str(uuid.uuid4()),
            }
            self._fields = _bearer(jwt.encode(claims, self._key, "EdDSA", {"kid": self._id}))
            self._made_at = now
        return self._fields


def cdp_key(secret: str) -> SigningKey:
    """The key in a secret of CDP: 64 bytes in base64 (Ed25519), or PEM (ECDSA on P-256).

    Line ends of a PEM may be written as ``\\n``. Raises ``ValueError``, without the secret.
    """
    text = secret.replace("\\n", "\n")
    try:
        if text.lstrip().startswith("-----BEGIN"):
            pem = load_pem_private_key(text.encode(), password=None)
            if isinstance(pem, EllipticCurvePrivateKey) and isinstance(pem.curve, SECP256R1):
                return pem
        else:
            both = base64.b64decode(text, validate=True)
            if len(both) == ED25519_BYTES:
                return Ed25519PrivateKey.from_private_bytes(both[:32])
    except (ValueError, TypeError, binascii.Error):
        pass  # what they say may repeat a part of the secret
    raise ValueError("neither 64 bytes in base64 (Ed25519) nor a private key on P-256 in PEM")


def payai_key(secret: str) -> Ed25519PrivateKey:
    """The key in a secret of PayAI: PKCS #8 in base64, after ``payai_sk_`` or without it.

    Raises ``ValueError``, without the secret.
    """
    try:
        der = base64.b64decode(secret.removeprefix(PAYAI_PREFIX), validate=True)
        key = load_der_private_key(der, password=None)
        if isinstance(key, Ed25519PrivateKey):
            return key
    except (ValueError, TypeError, binascii.Error):
        pass  # as above
    raise ValueError("not an Ed25519 key in PKCS #8, in base64")


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}
