"""Numbers and instants as every JSON answer writes them."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

Number = int | float
InstantText = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""An instant: ISO 8601, UTC, exactly three decimals."""


def number(hours: float) -> Number:
    """24 stays 24 and 0.5 stays 0.5, as a JavaScript number would be written."""
    return int(hours) if hours == int(hours) else hours


def hours_text(hours: float) -> str:
    """``hours`` in plain decimals: 24, 0.5."""
    return format(Decimal(str(number(hours))), "f")
