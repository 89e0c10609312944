"""How much processor time something takes, told apart from what disturbs it."""

import time
from collections.abc import Callable

TIMES = 3


def least_seconds(job: Callable[[], object]) -> float:
    """Return the least processor seconds that ``job()`` took, of ``TIMES`` calls.

    Whatever runs beside the tests makes single calls slower, never quicker.
    """
    return min(_seconds(job) for _ in range(TIMES))


def _seconds(job: Callable[[], object]) -> float:
    began = time.process_time()
    job()
    return time.process_time() - began
