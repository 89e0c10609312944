"""How much slower this processor is than the usual one, by work like that which is measured.

A processor that is shared with others may take three times as long for the same code, most of all
for code that takes and gives back memory. So budgets in seconds are those of a usual processor, and
what was measured is divided by what a fixed job took next to it.
"""

import json
import time

TEXT = json.dumps(
    [{"person": f"p{at}", "start": f"2026-01-{1 + at % 28:02}", "end": at} for at in range(2_000)]
)
TIMES = 3
USUAL_SECONDS = 0.0009
"""What the job takes on a processor that validates 256 KB of absences in 34 ms."""


def slowness() -> float:
    """Return how many times as long as the usual processor this one takes, 1 at least."""
    return max(1.0, min(_seconds() for _ in range(TIMES)) / USUAL_SECONDS)


def _seconds() -> float:
    began = time.process_time()
    rows = json.loads(TEXT)
    by_start: dict[str, list[tuple[str, int]]] = {}
    for row in rows:
        by_start.setdefault(row["start"], []).append((row["person"].strip(), row["end"] + 1))
    assert len(by_start) == 28
    return time.process_time() - began
