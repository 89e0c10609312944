"""How far a caller has followed the changes, as a text that the caller keeps.

Strategy: two streams are followed at once. Writes are in the order of their audit ids, which is the
order in which they were committed. Turns are in the order of their instants. A write may move turns
that have been told already: by the clock of its writer it may hold from before the instant up to
which turns were told. So the writes since are read first, and the turns of the schedules that they
touch are told again, under the ids that they had.

Invariant: the service keeps nothing of a caller, so a cursor is as good after a restart as before,
and on every process alike.
"""

import base64
import binascii
from typing import NamedTuple

import msgspec

from app.engine.layered.limits import DAY_MS, EARLIEST_AT, LATEST_AT

Place = tuple[int, str]
"""An instant, and the id of a schedule with a mark of the role if it has one: in this order."""

AFTER_ALL = "~"
"""Greater than the id of every schedule: all turns of an instant."""
BEFORE_ALL: Place = (EARLIEST_AT, "")
MAX_AUDIT_ID = 2**63 - 1
LAST_TOLD_AT = LATEST_AT - 100 * DAY_MS
ROLE_MARK = 12
"""Characters by which the roles of a schedule are told apart."""
MAX_ID = 64


class Cursor(NamedTuple):
    """What has been told: writes to ``written``, turns to ``told``.

    Where ``batch`` is greater than ``written``, the writes up to ``batch`` have been told, and of
    the turns that they touch those to ``retold``.
    """

    written: int
    told: Place
    batch: int
    retold: Place = BEFORE_ALL

    @property
    def is_in_batch(self) -> bool:
        """Whether turns that writes have touched are still to be told again."""
        return self.batch > self.written

    def text(self) -> str:
        """Return the cursor as callers keep it."""
        packed = msgspec.json.encode((self.written, self.told, self.batch, self.retold))
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def cursor_at(written: int, at: int) -> Cursor:
    """Return the cursor of a caller who knows all to ``written`` and all to ``at``."""
    return Cursor(written, (at, AFTER_ALL), written)


def cursor_in(text: str) -> Cursor | None:
    """Return the cursor that a text is; ``None`` if it is none."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        written, told, batch, retold = msgspec.json.decode(
            packed, type=tuple[int, Place, int, Place]
        )
    except (binascii.Error, ValueError):
        return None
    names = [name.split(" ") for _, name in (told, retold)]
    places = all(EARLIEST_AT <= at <= LAST_TOLD_AT for at, _ in (told, retold)) and all(
        len(each) <= MAX_ID and len("".join(mark)) <= ROLE_MARK for each, *mark in names
    )
    if not (places and 0 <= written <= batch <= MAX_AUDIT_ID):
        return None
    return Cursor(written, told, batch, retold)
