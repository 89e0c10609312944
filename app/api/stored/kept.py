"""What was read a moment ago, for as long as nobody has written.

Strategy: SQLite tells within microseconds whether anything was committed since, by whatever process
(``Database.stamp``); so what was read is kept until then, and a question costs no transaction. What
this process wrote itself is known (``Database.steps``), and makes it forget the organisation that
wrote; after a commit of another process everything is forgotten. PostgreSQL would have to be asked,
so with it nothing is kept.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Hashable
from typing import Any, NamedTuple

from app.storage.database import Database

MOST_KEPT = 100_000
"""The sum of all sizes, each and ``OVERHEAD``: some 40 MB, whatever is kept."""
OVERHEAD = 4
"""Of one thing beyond its size: it has a key and a place."""


class _Thing(NamedTuple):
    """``org_id`` had written ``writes`` times when it was kept."""

    org_id: str
    writes: int
    thing: Any
    size: int


class Kept:
    """A memory that forgets an organisation when it writes. ``None`` is not kept."""

    def __init__(self, database: Database, most: int = MOST_KEPT) -> None:
        self._database = database
        self._most = most
        self._stamp: int | None = None
        self._is_current = False
        self._looked = False
        self._writes: Counter[str] = Counter()
        self._things: OrderedDict[Hashable, _Thing] = OrderedDict()
        self._size = 0

    def look_in_turn(self) -> None:
        """``look``, once in a turn of the event loop; every request begins with it.

        Who is served in a turn had asked before it began, so what is committed during it is not
        older than their questions.
        """
        if not self._looked:
            self._looked = True
            asyncio.get_running_loop().call_soon(self._end_turn)
            self.look()

    def look(self) -> None:
        """See whether anything was committed, and forget what that may have changed."""
        stamp = self._database.stamp()
        self._follow(stamp)
        if stamp != self._stamp and not self._database.steps.unsettled:
            self._clear()
            self._writes.clear()
            self._stamp = stamp
        self._is_current = stamp == self._stamp  # if not, nothing may be used, and it may return

    def get(self, key: Hashable) -> Any:
        """What is kept under ``key``; ``None``: nothing."""
        found = self._things.get(key) if self._is_current else None
        if found is None:
            return None
        if found.writes == self._writes[found.org_id]:
            return found.thing
        self._forget(key)
        return None

    def put(
        self, org_id: str, key: Hashable, thing: object, stamp: int | None, size: int = 1
    ) -> None:
        """Keep ``thing``, which was read after ``stamp``, unless something was committed since."""
        if stamp is None or stamp != self._stamp or stamp != self._database.stamp():
            return
        self._forget(key)
        self._things[key] = _Thing(org_id, self._writes[org_id], thing, size + OVERHEAD)
        self._size += size + OVERHEAD
        while self._size > self._most:
            self._forget(next(iter(self._things)))

    @property
    def stamp(self) -> int | None:
        """The state of the database that is kept; ``None``: nothing is kept."""
        return self._stamp if self._is_current else None

    def _follow(self, stamp: int | None) -> None:
        """Our own steps, as far as they lead towards ``stamp``."""
        steps = self._database.steps
        while stamp != self._stamp and (step := steps.after(self._stamp)):
            self._stamp, touching = step
            if touching is None:
                self._clear()
            else:
                self._writes.update(touching)

    def _forget(self, key: Hashable) -> None:
        thing = self._things.pop(key, None)
        if thing is not None:
            self._size -= thing.size

    def _clear(self) -> None:
        self._things.clear()
        self._size = 0

    def _end_turn(self) -> None:
        self._looked = False
