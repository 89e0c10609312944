"""The limits within a worker process: processor time for each job, and memory for all of them.

Strategy: a timer of processor time interrupts a job wherever it is. An interrupted library may
have left a lock held or a table half written, so the process ends with that job, after it has sent
the reason. Work within one call of C code cannot be interrupted; there the kernel's own limit ends
the process. Memory is bounded by the address space, beyond which Python raises ``MemoryError``.
"""

import math
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable
from functools import cache
from types import FrameType
from typing import NoReturn, TypeVar

from app.errors import AnswerTooLarge, OncallError, TakesTooLong

T = TypeVar("T")

ADDRESS_SPACE_BYTES = 384 * 1024 * 1024
"""What a worker may map: the heaviest jobs of ``make bench-abuse`` take 140 MB. Twice as much and
256 MiB for the service are the memory limit of the containers in ``deploy``."""
NICENESS = 5
"""The event loop goes first when processors are short. Beside one busy process a worker still has a
quarter of a processor, so a job that uses all its processor time ends before its time by the clock
(``SLOWNESS`` of the pool). With 10 it had a tenth, and was ended by the clock."""
SPARE_SECONDS = 1
"""The kernel ends a process that the timer could not interrupt so much later."""
SHARE_BEFORE_TIMER = 0.975
"""The share of its time after which a job is interrupted: what follows takes some, too."""
REPEAT_SECONDS = 0.05
"""The timer fires again, because a library may have caught the interruption."""

NO_MEMORY = "the answer takes more memory to compute than there is for one: ask for less"


class JobStopped(SystemExit):
    """A job was stopped, and its process ends. ``error`` is what the caller is told.

    It is no ``Exception``, so that no library takes it for one of its own.
    """

    def __init__(self, error: OncallError) -> None:
        super().__init__(error)
        self.error = error


def run_limited(cpu_seconds: float, job: Callable[..., T], *arguments: object) -> T:
    """Run ``job(*arguments)`` within ``cpu_seconds`` of processor time. For workers only.

    Raises what the job raises, and ``JobStopped`` if it needs too much time or memory.
    """
    _limit_process()
    allowed = math.ceil(time.process_time() + cpu_seconds) + SPARE_SECONDS
    _lower(resource.RLIMIT_CPU, allowed)
    signal.setitimer(signal.ITIMER_PROF, SHARE_BEFORE_TIMER * cpu_seconds, REPEAT_SECONDS)
    try:
        return job(*arguments)
    except MemoryError:
        raise JobStopped(AnswerTooLarge(NO_MEMORY)) from None
    except OncallError:
        raise
    except Exception as error:
        error.add_note(f"In a worker process:\n{traceback.format_exc()}")
        raise
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@cache
def _limit_process() -> None:
    """Set the limits of this process, once."""
    os.nice(NICENESS)
    _lower(resource.RLIMIT_AS, ADDRESS_SPACE_BYTES)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _stop)
    for number in (signal.SIGINT, signal.SIGTERM):  # the service ends its workers itself
        signal.signal(number, signal.SIG_IGN)


def _lower(limit: int, wanted: int) -> None:
    """Set a limit to ``wanted``, or to what the service itself was given, if that is less."""
    _, most = resource.getrlimit(limit)
    resource.setrlimit(
        limit, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most)
    )


def _stop(_: int, __: FrameType | None) -> NoReturn:
    raise JobStopped(TakesTooLong())
