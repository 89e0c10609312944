"""How much processor time something takes, told apart from what disturbs it."""

import time
from collections.abc import Callable

TIMES = 3
ADDITIONS = 200_000
USUAL_SECONDS = 0.012
"""What that many additions take on the processor for which the bounds of the tests are written."""


def least_seconds(job: Callable[[], object]) -> float:
    """Return the least processor seconds that ``job()`` takes, of ``TIMES`` calls.

    Whatever runs beside the tests makes single calls slower, never quicker. On a processor slower
    than the usual one the seconds are those of the usual one: each call is compared with additions
    that are made next to it.
    """
    return min(_seconds(job) / max(1.0, _seconds(_add) / USUAL_SECONDS) for _ in range(TIMES))


def _add() -> None:
    total = 0
    for number in range(ADDITIONS):
        total += number


def _seconds(job: Callable[[], object]) -> float:
    began = time.process_time()
    job()
    return time.process_time() - began
