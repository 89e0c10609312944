"""How much processor time something takes, told apart from what disturbs it."""

import time
from collections.abc import Callable

TIMES = 5


def least_seconds(job: Callable[[], object], most: float) -> float:
    """Return the least processor seconds that ``job()`` took, of at most ``TIMES`` calls.

    It stops at the first that took less than ``most``. Whatever runs beside the tests makes single
    calls slower, never quicker.
    """
    least = float("inf")
    for _ in range(TIMES):
        began = time.process_time()
        job()
        least = min(least, time.process_time() - began)
        if least < most:
            break
    return least
