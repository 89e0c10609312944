"""What was understood of a request with a schedule, told with the terms and with the answer."""

from typing import Annotated

from msgspec import Meta, Struct

from app.engine.walltime import clock_of
from app.formats.instants import iso, local_iso_texts
from app.products.numbers import InstantText


class UnderstoodWindow(Struct, frozen=True, rename={"from_at": "from", "to_at": "to"}):
    """How the window was read."""

    timezone: Annotated[str, Meta(description="Whose clock is meant.")]
    from_at: Annotated[InstantText, Meta(description="First instant; now if none was given.")]
    to_at: Annotated[InstantText, Meta(description="First instant after the window.")]
    from_local: Annotated[InstantText, Meta(description="`from` by the clock of `timezone`.")]
    to_local: Annotated[InstantText, Meta(description="`to` by the clock of `timezone`.")]


class UnderstoodInstant(Struct, frozen=True):
    """How the instant was read."""

    timezone: Annotated[str, Meta(description="Whose clock is meant.")]
    at: Annotated[InstantText, Meta(description="The instant; now if none was given.")]
    at_local: Annotated[InstantText, Meta(description="`at` by the clock of `timezone`.")]


def understood_window(timezone: str, from_at: int, to_at: int) -> UnderstoodWindow:
    """Return what was understood of a window, in milliseconds."""
    local = local_iso_texts(clock_of(timezone), (from_at, to_at))
    return UnderstoodWindow(timezone, iso(from_at), iso(to_at), *local)


def understood_instant(timezone: str, at: int) -> UnderstoodInstant:
    """Return what was understood of an instant, in milliseconds."""
    [local] = local_iso_texts(clock_of(timezone), (at,))
    return UnderstoodInstant(timezone, iso(at), local)
