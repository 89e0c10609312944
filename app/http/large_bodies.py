"""The requests with large bodies that are in memory at once: few of each client, and few in all.

A body waits as it came, up to a megabyte, and is copied on its way to a worker process. Without a
bound thirty of them would fill the memory of a small container.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import WorkersBusy
from app.http.request_head import RequestHead

LARGE_BYTES = 16 * 1024
"""A body of more bytes is large, and so is one whose size is not said. A smaller one is parsed and
validated within 10 ms, whatever it holds."""
AT_ONCE = 16
OWN_AT_ONCE = 4
RETRY_AFTER_SECONDS = 2


class LargeBodies:
    """The large bodies of one process."""

    def __init__(self) -> None:
        self._by_client: Counter[str] = Counter()

    def take(self, head: RequestHead, client: str) -> bool:
        """Take a place for the request, and return whether it needs one.

        Raises ``WorkersBusy`` if there is none. What was taken is given back by ``give_back``.
        """
        if head.bodiless:
            return False
        size = head.body_bytes
        if size is not None and size <= LARGE_BYTES:
            return False
        if self._by_client.total() >= AT_ONCE or self._by_client[client] >= OWN_AT_ONCE:
            more = f"at most {OWN_AT_ONCE} requests of one client at a time"
            raise WorkersBusy(
                f"too many bodies over {LARGE_BYTES // 1024} KiB are being read: {more}",
                retry_after=RETRY_AFTER_SECONDS,
            )
        self._by_client[client] += 1
        return True

    @contextmanager
    def held(self, head: RequestHead, client: str) -> Iterator[None]:
        """Hold a place for the request within the context, if it needs one."""
        taken = self.take(head, client)
        try:
            yield
        finally:
            if taken:
                self.give_back(client)

    def give_back(self, client: str) -> None:
        """Give the place of a request back."""
        self._by_client[client] -= 1
        if not self._by_client[client]:
            del self._by_client[client]
