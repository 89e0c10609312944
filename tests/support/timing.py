"""How much processor time something takes, told apart from what disturbs it."""

import time
from collections.abc import Callable

from bench.speed import slowness

LONGEST_STRETCH_SECONDS = 0.02
"""What ``docs/security.md`` promises for the usual processor."""

TIMES = 3


def least_seconds(job: Callable[[], object]) -> float:
    """Return the least processor seconds that ``job()`` takes, of ``TIMES`` calls.

    Whatever runs beside the tests makes single calls slower, never quicker. On a processor slower
    than the usual one the seconds are those of the usual one.
    """
    return min(_seconds(job) / slowness() for _ in range(TIMES))


def _seconds(job: Callable[[], object]) -> float:
    began = time.process_time()
    job()
    return time.process_time() - began
