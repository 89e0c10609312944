"""Ids for new things to which the caller gave none."""

from ulid import ULID


def new_id(now: int, prefix: str = "") -> str:
    """Return ``prefix`` and a ULID of ``now``, which is in milliseconds since 1970: 26 characters.

    Ids made by one process sort in the order in which they were made, while ``now`` goes forward.
    """
    return f"{prefix}{ULID.from_timestamp(now)}"
