"""The key that a request carries in either of the pages' headers, before it is looked up."""

from app.errors import Unauthorized
from app.http.request_head import RequestHead

BEARER = "bearer "


def presented_key(head: RequestHead) -> str:
    """Return the key that a request carries. Raises ``Unauthorized`` for none, or for two that
    differ.
    """
    bearers = [
        value[len(BEARER) :].strip()
        for value in head.values("authorization")
        if value[: len(BEARER)].lower() == BEARER
    ]
    keys = {*bearers, *map(str.strip, head.values("x-api-key"))}
    if len(keys) != 1:
        raise Unauthorized("send one key only" if keys else "")
    return keys.pop()


def has_key(head: RequestHead) -> bool:
    """Return whether a request carries what should be a key."""
    bearers = (value[: len(BEARER)].lower() == BEARER for value in head.values("authorization"))
    return bool(head.values("x-api-key")) or any(bearers)
