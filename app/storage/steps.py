"""What this process committed itself, so that what it keeps of others need not be read again.

A database tells by its stamp that something was committed, and not what. A step from one stamp to
the next is remembered where the writer knows that nothing but its own commit lies between.
"""

from collections import OrderedDict
from collections.abc import Collection

Stamp = int | None
"""Changes whenever anything is committed. ``None``: the database does not tell."""
Touching = Collection[str] | None
"""The organisations of which a write changes what is read; ``None``: it cannot be told."""

MOST_STEPS = 64
"""Whoever has not looked for longer than that reads everything again."""


class Steps:
    """The last steps.

    ``unsettled``, from before a commit until it is added: what leads to a new stamp is not known.
    """

    def __init__(self) -> None:
        self.unsettled = False
        self._steps: OrderedDict[int, tuple[int, Touching]] = OrderedDict()

    def add(self, before: Stamp, after: Stamp, touching: Touching) -> None:
        """Ignored unless it leads on: a transaction that changed nothing moves no stamp."""
        if before is None or after is None or after <= before:
            return
        self._steps[before] = (after, touching)
        if len(self._steps) > MOST_STEPS:
            self._steps.popitem(last=False)

    def after(self, stamp: Stamp) -> tuple[int, Touching] | None:
        """The next stamp, and to whom the step there matters; ``None``: that is not known."""
        return None if stamp is None else self._steps.get(stamp)
