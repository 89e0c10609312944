"""Answers that hold a secret, encrypted as long as they are stored.

Strategy: the key of the cipher follows from the API key and the ``Idempotency-Key`` of the request.
The store knows the hash of the one and the name that is the other, and neither opens the answer.
Only the same API key gets it again; another of the organisation is told what to do instead.
"""

from typing import cast

from Crypto.Cipher import AES
from Crypto.Hash import SHA256
from Crypto.Protocol.KDF import HKDF
from msgspec import Struct

from app.errors import Conflict

AES_256_BYTES = 32
TAG_BYTES = NONCE_BYTES = 16
SEALED_FOR_ANOTHER = (
    "the answer to this Idempotency-Key holds a secret, and only the API key that it was first "
    "sent with gets it again: list the tokens, revoke the one that was made, and make another"
)


class Seal(Struct, frozen=True):
    """The cipher for the answer to one ``Idempotency-Key`` of one API key."""

    presented: str
    idempotency_key: str

    def sealed(self, body: bytes) -> bytes:
        """Return ``body`` encrypted."""
        cipher = AES.new(self._key, AES.MODE_GCM, mac_len=TAG_BYTES)
        text, tag = cipher.encrypt_and_digest(body)
        return bytes(cipher.nonce) + tag + text

    def opened(self, sealed: bytes) -> bytes:
        """Return what was sealed. Raises ``Conflict`` if that was done with another key."""
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        cipher = AES.new(self._key, AES.MODE_GCM, nonce=nonce, mac_len=TAG_BYTES)
        try:
            return cipher.decrypt_and_verify(rest[TAG_BYTES:], rest[:TAG_BYTES])
        except ValueError:
            raise Conflict(SEALED_FOR_ANOTHER) from None

    @property
    def _key(self) -> bytes:
        about = b"stored answer " + self.idempotency_key.encode()
        key = HKDF(self.presented.encode(), AES_256_BYTES, b"", SHA256, 1, about)
        return cast(bytes, key)  # it would be several only if several were asked for
