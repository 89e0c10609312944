"""Heavy work is bounded in time, memory and number. Whatever becomes of it, the next is done."""

import asyncio
import os
import resource
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.errors import (
    AnswerTooLarge,
    FieldError,
    Interrupted,
    InvalidRequest,
    OncallError,
    TakesTooLong,
    WorkerLost,
    WorkersBusy,
)
from app.workers import pool as pools
from app.workers.limits import ADDRESS_SPACE_BYTES, NICENESS
from app.workers.pool import OWN_WAITING, PROCESSES, WorkerPool

pytestmark = pytest.mark.anyio


def spin(seconds: float) -> int:
    """Use a processor for ``seconds``; return the process's id."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return os.getpid()


def spin_deaf(seconds: float) -> int:
    """Use a processor, and take every interruption for somebody else's."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        with suppress(BaseException):
            spin(end - time.process_time())
    return os.getpid()


def one_call(size: int) -> int:
    """Stay within one call of C code, which no signal interrupts."""
    return 3**size


def fill(size: int) -> int:
    return len(bytearray(size))


def wait(seconds: float) -> None:
    time.sleep(seconds)


def meet(mine: str, other: str) -> int:
    """Leave ``mine``, and wait for ``other``, which another job leaves; return the process's id."""
    Path(mine).touch()
    until = time.monotonic() + 30
    while not Path(other).exists():
        if time.monotonic() > until:
            raise InvalidRequest([FieldError("", "nobody came")])
        time.sleep(0.01)
    return os.getpid()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse() -> None:
    raise InvalidRequest([FieldError("/people", "is not a list")])


def fail() -> None:
    raise ZeroDivisionError


def bounds() -> tuple[int, int, int, Any, Any]:
    return (
        resource.getrlimit(resource.RLIMIT_AS)[0],
        resource.getrlimit(resource.RLIMIT_CORE)[0],
        os.nice(0),
        signal.getsignal(signal.SIGTERM),
        signal.getsignal(signal.SIGINT),
    )


def children() -> set[str]:
    """Return the ids of the processes that this one has started and that still run."""
    return {
        each
        for task in Path("/proc/self/task").iterdir()
        for each in (task / "children").read_text().split()
    }


async def run(pool: WorkerPool, job: Any, *arguments: object, **given: Any) -> Any:
    return await pool.run(job, *arguments, **{"caller": "me", "cpu_seconds": 2.0, **given})


async def test_a_worker_is_another_process_and_is_used_again() -> None:
    pool = WorkerPool()
    first, second = await run(pool, spin, 0.0), await run(pool, spin, 0.0)
    assert first == second != os.getpid()


async def test_a_worker_has_bounds_and_leaves_stopping_to_the_service() -> None:
    space, core, nice, *signals = await run(WorkerPool(), bounds)
    assert (space, core, nice) == (ADDRESS_SPACE_BYTES, 0, min(os.nice(0) + NICENESS, 19))
    assert signals == [signal.SIG_IGN] * 2


@pytest.mark.parametrize(
    ("job", "argument", "error"),
    [
        pytest.param(spin, 60, TakesTooLong, id="too-long"),
        pytest.param(spin_deaf, 60, (WorkerLost, TakesTooLong), id="too-long-and-deaf"),
        pytest.param(one_call, 10**9, TakesTooLong, id="too-long-in-one-call"),
        pytest.param(fill, 4 * ADDRESS_SPACE_BYTES, AnswerTooLarge, id="too-large"),
    ],
)
async def test_a_job_beyond_its_bounds_ends_with_its_process(
    job: Any, argument: int, error: type[OncallError] | tuple[type[OncallError], ...]
) -> None:
    pool = WorkerPool()
    before = await run(pool, spin, 0.0)
    used = time.perf_counter()
    with pytest.raises(error):
        await run(pool, job, argument, cpu_seconds=0.2)
    assert time.perf_counter() - used < 60
    assert await run(pool, spin, 0.0) != before


async def test_a_job_that_waits_is_ended_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "START_SECONDS", 0.5)
    pool = WorkerPool()
    before = await run(pool, spin, 0.0)
    with pytest.raises(TakesTooLong):
        await run(pool, wait, 60, cpu_seconds=0.01)
    assert await run(pool, spin, 0.0) != before


async def test_a_worker_that_dies_is_replaced() -> None:
    pool = WorkerPool()
    with pytest.raises(WorkerLost) as lost:
        await run(pool, die)
    assert lost.value.retry_after > 0
    assert await run(pool, spin, 0.0)


async def test_a_worker_that_is_lost_is_an_error_in_the_log() -> None:
    with capture_logs() as logs, pytest.raises(WorkerLost):
        await run(WorkerPool(), die)
    assert [(each["event"], each["log_level"]) for each in logs] == [("worker_lost", "error")]


async def test_a_worker_that_died_idle_is_no_failure() -> None:
    pool = WorkerPool()
    os.kill(await run(pool, spin, 0.0), signal.SIGKILL)
    assert await run(pool, spin, 0.0)


async def test_all_workers_that_died_idle_are_no_failure(tmp_path: Path) -> None:
    pool, here, there = WorkerPool(), str(tmp_path / "here"), str(tmp_path / "there")
    ids = await asyncio.gather(
        run(pool, meet, here, there, caller="0"), run(pool, meet, there, here, caller="1")
    )
    assert len(set(ids)) == PROCESSES
    for process in ids:
        os.kill(process, signal.SIGKILL)
    assert await run(pool, spin, 0.0) not in ids


async def test_a_worker_that_dies_while_its_caller_leaves_is_nobodys_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The test runner raises what the event loop would log as never retrieved."""
    monkeypatch.setattr(pools, "_do_nothing", die)
    job = asyncio.create_task(run(WorkerPool(), spin, 0.0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    job.cancel()
    await asyncio.wait([job])
    assert job.cancelled()


async def test_errors_come_back_as_they_were_raised() -> None:
    pool = WorkerPool()
    with pytest.raises(InvalidRequest) as refused:
        await run(pool, refuse)
    assert refused.value.errors == (FieldError("/people", "is not a list"),)
    assert refused.value.detail == "/people: is not a list"
    with pytest.raises(ZeroDivisionError) as failed:
        await run(pool, fail)
    [note] = failed.value.__notes__
    assert "in fail" in note


# --- turns ----------------------------------------------------------------------------------


async def test_one_caller_has_one_worker_and_few_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WAIT_SECONDS", 60.0)
    pool = WorkerPool()
    mine = [asyncio.create_task(run(pool, spin, 0.2)) for _ in range(OWN_WAITING + 3)]
    await asyncio.sleep(0)
    started = time.perf_counter()
    await run(pool, spin, 0.0, caller="somebody else")
    others = time.perf_counter() - started
    done = await asyncio.gather(*mine, return_exceptions=True)
    refused = [each for each in done if isinstance(each, WorkersBusy)]
    assert len(refused) == 2
    assert refused[0].retry_after > 0
    assert len({each for each in done if isinstance(each, int)}) <= PROCESSES
    assert others < time.perf_counter() - started


async def test_what_nobody_paid_for_leaves_a_worker_to_those_who_pay() -> None:
    pool = WorkerPool()
    unpaid = [
        asyncio.create_task(run(pool, wait, 60, caller=str(number), unpaid=True))
        for number in range(3)
    ]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(30):
        assert await run(pool, spin, 0.0)
    pool.stop_free_work()
    ends = await asyncio.gather(*unpaid, return_exceptions=True)
    assert [type(end) for end in ends] == [Interrupted] * 3


async def test_long_jobs_leave_a_worker_to_the_others() -> None:
    pool = WorkerPool()
    long = [
        asyncio.create_task(
            run(pool, wait, 60, caller=str(number), cpu_seconds=pools.LONG_SECONDS + 1)
        )
        for number in range(PROCESSES + 1)
    ]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(30):
        assert await run(pool, spin, 0.0)
    for job in long:
        job.cancel()
    await asyncio.gather(*long, return_exceptions=True)


@pytest.mark.parametrize(("cpu", "clock"), [(4, 40), (10, 70), (90, 190)])
def test_the_time_by_the_clock(cpu: float, clock: float) -> None:
    assert pools.most_seconds(cpu) == clock


@pytest.mark.parametrize("known_by", ["caller", "payer"])
async def test_who_had_a_worker_in_vain_leaves_one_to_the_others(
    monkeypatch: pytest.MonkeyPatch, known_by: str
) -> None:
    """Such a payment is not used up, so its payer could hold all workers with it for nothing."""
    monkeypatch.setattr(pools, "FAILED_SECONDS", 0.05)
    pool = WorkerPool()
    names = [
        {"caller": str(number), "payer": "0xa" if known_by == "payer" else f"0x{number}"}
        for number in range(PROCESSES + 1)
    ]
    for name in names[: 1 if known_by == "payer" else None]:
        with pytest.raises(TakesTooLong):
            await run(pool, spin, 9.0, cpu_seconds=0.1, **name)
    again = [asyncio.create_task(run(pool, wait, 60, **name)) for name in names]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(30):
        assert await run(pool, spin, 0.0, caller="somebody else", payer="0xb")
    for job in again:
        job.cancel()
    await asyncio.gather(*again, return_exceptions=True)


async def test_whose_job_waited_meanwhile_leaves_one_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pools, "FAILED_SECONDS", 0.05)
    pool = WorkerPool()
    first = [
        asyncio.create_task(
            run(pool, spin, 9.0, cpu_seconds=0.2, caller=f"first {number}", payer="0xa")
        )
        for number in range(PROCESSES)
    ]
    await asyncio.sleep(0)
    queued = [
        asyncio.create_task(run(pool, wait, 60, caller=f"queued {number}", payer="0xa"))
        for number in range(PROCESSES)
    ]
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        assert await run(pool, spin, 0.0, caller="somebody else", payer="0xb")
    ends = await asyncio.gather(*first, return_exceptions=True)
    assert [type(end) for end in ends] == [TakesTooLong] * PROCESSES
    for job in queued:
        job.cancel()
    await asyncio.gather(*queued, return_exceptions=True)


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        pytest.param({}, {"FAILED_SECONDS": 60.0}, id="quick"),
        pytest.param({}, {"FAILED_SECONDS": 0.0, "THROTTLED_SECONDS": 0.0}, id="long ago"),
        pytest.param({"unpaid": True}, {"FAILED_SECONDS": 0.0}, id="unpaid, which has its own"),
    ],
)
async def test_what_is_no_waste_any_more_or_yet_keeps_nobody_from_both_workers(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    given: dict[str, Any],
    bound: dict[str, float],
) -> None:
    for name, seconds in bound.items():
        monkeypatch.setattr(pools, name, seconds)
    pool = WorkerPool()
    for caller in ("a", "b"):
        with pytest.raises(InvalidRequest):
            await run(pool, refuse, caller=caller, **given)
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    await asyncio.gather(run(pool, meet, a, b, caller="a"), run(pool, meet, b, a, caller="b"))


async def test_the_queue_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WAITING", 1)
    pool = WorkerPool()
    jobs = [
        asyncio.create_task(run(pool, wait, 1.0, caller=str(number)))
        for number in range(PROCESSES + 1)
    ]
    await asyncio.sleep(0)
    with pytest.raises(WorkersBusy):
        await run(pool, spin, 0.0, caller="one more")
    await asyncio.gather(*jobs)
    assert await run(pool, spin, 0.0, caller="one more")


async def test_a_turn_that_does_not_come_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WAIT_SECONDS", 0.05)
    pool = WorkerPool()
    first = asyncio.create_task(run(pool, wait, 0.5))
    await asyncio.sleep(0)
    with pytest.raises(WorkersBusy):
        await run(pool, spin, 0.0)
    await first


async def test_a_caller_who_hangs_up_frees_the_worker() -> None:
    pool = WorkerPool()
    before = await run(pool, spin, 0.0)
    gone = asyncio.create_task(run(pool, wait, 60))
    await asyncio.sleep(0.05)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await run(pool, spin, 0.0) != before


async def test_a_caller_who_hangs_up_while_a_worker_starts_leaves_none_behind() -> None:
    pool = WorkerPool()
    before = children()
    for number in range(12):
        jobs = [asyncio.create_task(run(pool, wait, 60, caller=str(each))) for each in range(2)]
        await asyncio.sleep(number * 0.03)
        for job in jobs:
            job.cancel()
        ends = await asyncio.gather(*jobs, return_exceptions=True)
        assert [type(end) for end in ends] == [asyncio.CancelledError] * 2
    assert await run(pool, spin, 0.0)
    assert len(children() - before) <= PROCESSES


# --- what is reported -----------------------------------------------------------------------


class Reports(list[tuple[str, float, float | None]]):
    """What a pool reported of its jobs."""

    def __call__(self, outcome: str, waited: float, ran: float | None) -> None:
        self.append((outcome, waited, ran))

    @property
    def outcomes(self) -> list[str]:
        return [outcome for outcome, _, _ in self]


@pytest.mark.parametrize(
    ("job", "arguments", "outcome"),
    [
        pytest.param(spin, (0.0,), "ok", id="ok"),
        pytest.param(refuse, (), "refused", id="refused"),
        pytest.param(fail, (), "failed", id="failed"),
        pytest.param(spin, (60,), "too_long", id="too-long"),
        pytest.param(fill, (4 * ADDRESS_SPACE_BYTES,), "too_large", id="too-large"),
        pytest.param(die, (), "lost", id="lost"),
    ],
)
async def test_each_job_is_reported_by_its_outcome(
    job: Any, arguments: tuple[object, ...], outcome: str
) -> None:
    reports = Reports()
    with suppress(OncallError, ZeroDivisionError):
        await run(WorkerPool(reports), job, *arguments, cpu_seconds=0.2)
    [(reported, waited, ran)] = reports
    assert reported == outcome
    assert reported in pools.OUTCOMES
    assert 0 <= waited < 1
    assert ran is not None
    assert ran > 0


async def test_a_job_reports_how_long_it_waited_and_ran() -> None:
    reports = Reports()
    pool = WorkerPool(reports)
    await run(pool, spin, 0.0)
    await asyncio.gather(run(pool, wait, 0.4), run(pool, spin, 0.0))
    (_, first_waited, first_ran), (_, waited, ran) = reports[1:]
    assert first_waited < 0.2
    assert first_ran is not None
    assert first_ran >= 0.4
    assert waited >= 0.4
    assert ran is not None


async def test_a_job_that_was_not_begun_has_no_running_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pools, "WAIT_SECONDS", 0.05)
    reports = Reports()
    pool = WorkerPool(reports)
    first = asyncio.create_task(run(pool, wait, 60))
    await asyncio.sleep(0)
    with pytest.raises(WorkersBusy):
        await run(pool, spin, 0.0)
    [(outcome, waited, ran)] = reports
    assert (outcome, ran) == ("busy", None)
    assert waited >= 0.05
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    pool.stop_free_work()
    with pytest.raises(Interrupted):
        await run(pool, spin, 0.0, unpaid=True)
    assert reports.outcomes == ["busy", "cancelled", "stopped"]


# --- stopping -------------------------------------------------------------------------------


async def test_stopping_ends_what_nobody_has_paid_for() -> None:
    pool = WorkerPool()
    unpaid = [
        asyncio.create_task(run(pool, wait, 60, caller=str(number), unpaid=True))
        for number in range(3)
    ]
    paid = asyncio.create_task(run(pool, wait, 0.3))
    await asyncio.sleep(0.1)
    started = time.perf_counter()
    pool.stop_free_work()
    ends = await asyncio.gather(*unpaid, return_exceptions=True)
    assert time.perf_counter() - started < 10
    assert [type(end) for end in ends] == [Interrupted] * 3
    await paid
    with pytest.raises(Interrupted):
        await run(pool, spin, 0.0, unpaid=True)
    assert await run(pool, spin, 0.0)
