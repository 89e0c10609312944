"""The memory for large bodies: so many bytes of each client at once, and so many in all.

A body waits as it came, up to four megabytes where calendars are taken, and is copied on its way to
a worker process. Without a bound ten of them would fill the memory of a small container. What has
arrived is counted, not what is announced: an upload that stands still keeps nobody else from
sending.
"""

from collections import Counter

from app.errors import WorkersBusy

LARGE_BYTES = 16 * 1024
"""A body of more bytes is large. A smaller one is parsed and validated within 10 ms, whatever it
holds, and is not counted."""
BYTES = 32 * 1024 * 1024
OWN_BYTES = 4 * 1024 * 1024
"""As much as the largest body that any route takes."""
RETRY_AFTER_SECONDS = 2


class LargeBodies:
    """The large bodies in the memory of one process."""

    def __init__(self) -> None:
        self._by_client: Counter[str] = Counter()
        self._all = 0

    def grow(self, client: str, size: int) -> None:
        """Count ``size`` more bytes of a body. Raises ``WorkersBusy`` if there is no room."""
        if self._all + size > BYTES or self._by_client[client] + size > OWN_BYTES:
            own = f"at most {OWN_BYTES // 1024 // 1024} MiB of one client at a time"
            raise WorkersBusy(
                f"too many bodies over {LARGE_BYTES // 1024} KiB are being read: {own}",
                retry_after=RETRY_AFTER_SECONDS,
            )
        self._all += size
        self._by_client[client] += size

    def give_back(self, client: str, size: int) -> None:
        """Give the room for ``size`` bytes back."""
        self._all -= size
        self._by_client[client] -= size
        if not self._by_client[client]:
            del self._by_client[client]


class BodyShare:
    """What the body of one request has of the memory for large ones."""

    __slots__ = ("_bodies", "_client", "_held")

    def __init__(self, bodies: LargeBodies, client: str) -> None:
        self._bodies = bodies
        self._client = client
        self._held = 0

    def hold(self, size: int) -> None:
        """Hold a body of which ``size`` bytes have arrived. Raises ``WorkersBusy``."""
        if size > LARGE_BYTES:
            self._bodies.grow(self._client, size - self._held)
            self._held = size

    def give_back(self) -> None:
        """Give back what the body has, because its request is answered."""
        if self._held:
            self._bodies.give_back(self._client, self._held)
            self._held = 0
