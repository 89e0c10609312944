"""Pools of workers that write down what they are given."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from app.workers.pool import Observe, WorkerPool

T = TypeVar("T")


class RecordingPool(WorkerPool):
    """A pool that runs its jobs as usual; ``jobs`` has their names and whether they are unpaid."""

    def __init__(self, *observe: Observe) -> None:
        super().__init__(*observe)
        self.jobs: list[tuple[str, bool]] = []

    async def run(
        self, job: Callable[..., T], *arguments: object, unpaid: bool = False, **bounds: Any
    ) -> T:
        self.jobs.append((job.__name__, unpaid))
        return await super().run(job, *arguments, unpaid=unpaid, **bounds)


def recorded_jobs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """The jobs that all pools are given from now on: names, and seconds of processor time."""
    jobs: list[tuple[str, float]] = []
    run = WorkerPool.run

    async def recorded(self: WorkerPool, job: Any, *arguments: object, **bounds: Any) -> Any:
        jobs.append((job.__name__, bounds["cpu_seconds"]))
        return await run(self, job, *arguments, **bounds)

    monkeypatch.setattr(WorkerPool, "run", recorded)
    return jobs
