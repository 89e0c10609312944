"""New ids, for things whose maker gave none."""

from ulid import ULID


def new_id(now: int, prefix: str = "") -> str:
    """``prefix`` and a ULID of ``now``, in milliseconds since 1970: 26 characters.

    Ids made by one process sort in the order in which they were made, while ``now`` goes forward.
    """
    return f"{prefix}{ULID.from_timestamp(now)}"
