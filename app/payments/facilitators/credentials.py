"""What a facilitator is shown so that it knows whose call it is: tokens signed with an API key.

CDP wants a token for each request, which names its method, host and path; PayAI one for any number
of requests of two minutes. Both are JSON Web Tokens. Keys are read once, at the start; neither a
key nor a token appears in ``repr``, in an error or in a log.
"""

import secrets
import uuid
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import jwt
from msgspec import Struct

LIFE_SECONDS = 120
"""How long a token holds, as both vendors' own clients make them."""
RENEWED_SECONDS = 30
"""How long before its end a token that is used again is replaced."""
PAYAI_PREFIX = "payai_sk_"
ED25519_BYTES = 64
"""A seed of 32 bytes and the public key."""
CDP_KEYS = "neither 64 bytes in base64 (Ed25519) nor a private key on P-256 in PEM"
PAYAI_KEYS = "not an Ed25519 key in PKCS #8, in base64"


class SigningKey(NamedTuple):
    """A private key of ``cryptography``, and the algorithm that it signs by."""

    algorithm: str
    key: Any

    def __repr__(self) -> str:
        return f"SigningKey({self.algorithm!r})"

    def bearer(self, claims: Mapping[str, object], header: Mapping[str, str]) -> Mapping[str, str]:
        """The header field with a token of ``claims``."""
        token = jwt.encode(dict(claims), self.key, self.algorithm, dict(header))
        return {"Authorization": f"Bearer {token}"}


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
        return self._key.bearer(claims, {"kid": self._id, "nonce": secrets.token_hex(16)})


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
            self._fields = self._key.bearer(claims, {"kid": self._id})
            self._made_at = now
        return self._fields


def cdp_key(secret: str) -> SigningKey:
    """The key in a secret of CDP: 64 bytes in base64 (Ed25519), or PEM (ECDSA on P-256).

    Line ends of a PEM may be written as ``\\n``. Raises ``ValueError``, without the secret.
    """
    text = secret.replace("\\n", "\n").strip()
    if text.startswith("-----BEGIN"):
        return _signing_key("ES256", text, CDP_KEYS)
    try:
        both = b64decode(text, validate=True)
    except ValueError:
        both = b""
    if len(both) != ED25519_BYTES:
        raise ValueError(CDP_KEYS)
    seed, public = (urlsafe_b64encode(half).decode() for half in (both[:32], both[32:]))
    return _signing_key("EdDSA", {"kty": "OKP", "crv": "Ed25519", "d": seed, "x": public}, CDP_KEYS)


def payai_key(secret: str) -> SigningKey:
    """The key in a secret of PayAI: PKCS #8 in base64, after ``payai_sk_`` or without it.

    Raises ``ValueError``, without the secret.
    """
    text = secret.removeprefix(PAYAI_PREFIX)
    pem = f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"
    return _signing_key("EdDSA", pem, PAYAI_KEYS)


def _signing_key(algorithm: str, key: str | dict[str, str], wanted: str) -> SigningKey:
    """The private key in a PEM or in the members of a JWK, once it has signed something."""
    try:
        signs = jwt.get_algorithm_by_name(algorithm)
        private = signs.from_jwk(key) if isinstance(key, dict) else signs.prepare_key(key)
        signs.sign(b"", private)
    except Exception:  # noqa: BLE001 - it is no key, whatever says so, and may repeat the secret
        raise ValueError(wanted) from None
    return SigningKey(algorithm, private)
