"""What was read a moment ago, for as long as nobody has written.

Strategy: SQLite tells within microseconds whether anything was committed since, by whatever process
(``Database.stamp``); so what was read is kept until then, and a question costs no transaction.
PostgreSQL would have to be asked, so with it nothing is kept.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from app.storage.database import Database

MOST_KEPT = 20_000


class Kept:
    """A memory that forgets everything when anything is committed. ``None`` is not kept."""

    def __init__(self, database: Database, most: int = MOST_KEPT) -> None:
        self._database = database
        self._most = most
        self._stamp: int | None = None
        self._things: OrderedDict[Hashable, Any] = OrderedDict()
        self._looked = False

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
        """See whether anything was committed."""
        stamp = self._database.stamp()
        if stamp != self._stamp:
            self._things.clear()
            self._stamp = stamp

    def get(self, key: Hashable) -> Any:
        """What is kept under ``key``; ``None``: nothing."""
        return self._things.get(key)

    def put(self, key: Hashable, thing: object, stamp: int | None) -> None:
        """Keep ``thing``, which was read after ``stamp``, unless something was committed since."""
        if stamp is None or stamp != self._stamp or stamp != self._database.stamp():
            return
        self._things[key] = thing
        if len(self._things) > self._most:
            self._things.popitem(last=False)

    def _end_turn(self) -> None:
        self._looked = False

    @property
    def stamp(self) -> int | None:
        """The state of the database that is kept; ``None``: nothing is kept."""
        return self._stamp
