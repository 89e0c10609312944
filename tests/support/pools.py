"""A pool of workers that writes down what it is given."""

from collections.abc import Callable
from typing import Any, TypeVar

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
