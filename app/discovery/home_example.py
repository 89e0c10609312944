"""The example of the home page: five people, two of them away, and an even share by local time."""

from collections.abc import Mapping
from typing import Any

HOME_PICTURE = "/example.svg"
HOME_EXAMPLE: Mapping[str, Any] = {
    "start": "2026-06-01T09:00:00",
    "timezone": "Europe/Berlin",
    "people": ["Ana", "Ben", "Chloe", "Dan", "Eva"],
    "shifts": 20,
    "shiftLengthHours": 24,
    "strategy": "fair",
    "unavailable": [
        {
            "person": "Ben",
            "start": "2026-06-05T00:00:00",
            "end": "2026-06-10T00:00:00",
            "reason": "holiday",
        },
        {
            "person": "Eva",
            "start": "2026-06-13T00:00:00",
            "end": "2026-06-16T00:00:00",
            "reason": "training",
        },
    ],
}
