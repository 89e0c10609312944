"""The key that a payment and the buyer's secret bytes buy.

Strategy: a payment is public once it is on chain, so the key also depends on bytes that only the
buyer has, and on a secret that only the service has: neither of the three is enough without the
others. The same three give the same key, so it need not be kept to be told again.
"""

import base64
import hmac
import string
from typing import NamedTuple

ALPHABET = string.ascii_lowercase + string.digits
KEY_LABEL, ID_LABEL = b"oncall-workspace-key-1", b"oncall-workspace-key-id-1"
ID_CHARACTERS = 10


class DerivedKey(NamedTuple):
    """A key: the id by which it is found, and the text that is presented."""

    id: str
    presented: str


def derived_key(server_secret: str, payment: str, secret: str) -> DerivedKey:
    """Return the key for a payment, by the name of its claim, and 64 hexadecimal digits."""
    message = b"\0" + payment.encode() + b"\0" + bytes.fromhex(secret)
    key = server_secret.encode()
    number = int.from_bytes(hmac.digest(key, ID_LABEL + message, "sha256"))
    digits = []
    for _ in range(ID_CHARACTERS):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    key_id = "".join(digits)
    mac = hmac.digest(key, KEY_LABEL + message, "sha256")
    text = base64.urlsafe_b64encode(mac).decode().rstrip("=")
    return DerivedKey(key_id, f"ak_live_{key_id}_{text}")
