"""The result of reading another tool's schedule: layers, people, and what they cannot say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.engine.layered.model import Entry, Layer, Override, Schedule


class Lost(NamedTuple):
    """Something in a document that a layered schedule cannot say.

    ``pointer`` is the JSON pointer to it in the document, ``what`` says what it is, and ``instead``
    what the conversion did in its place.
    """

    pointer: str
    what: str
    instead: str


class Person(NamedTuple):
    """Somebody whom a document names. ``email`` is empty where the document has none."""

    id: str
    name: str
    email: str = ""


class RenderedShift(NamedTuple):
    """A stretch ``[start_at, end_at)`` in which a tool itself says who is on call."""

    start_at: int
    end_at: int
    user_id: str


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of one schedule of another tool.

    ``rendered`` is what that tool itself says of who is on call, where its document has it; it says
    so of all from the first of them to the last.
    """

    name: str
    timezone: str
    layers: Sequence[Layer] = ()
    overrides: Sequence[Override] = ()
    entries: Sequence[Entry] = ()
    people: Sequence[Person] = ()
    rendered: Sequence[RenderedShift] = ()
    lost: Sequence[Lost] = ()

    @property
    def schedule(self) -> Schedule:
        """The schedule as the engine takes it."""
        return Schedule(
            self.timezone, tuple(self.layers), tuple(self.overrides), tuple(self.entries)
        )
