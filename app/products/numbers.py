"""Numbers and instants, as all JSON answers write them."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

Number = int | float
InstantText = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""An instant in ISO 8601, in UTC, with exactly three decimals."""


def number(hours: float) -> Number:
    """Return a whole number as ``int``, so that JSON has 24 and 0.5, as JavaScript writes them."""
    return int(hours) if hours == int(hours) else hours


def hours_text(hours: float) -> str:
    """Return ``hours`` in plain decimals, such as 24 or 0.5."""
    return format(Decimal(str(number(hours))), "f")
