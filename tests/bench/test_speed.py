"""How slow a processor is."""

import pytest

from bench import speed


@pytest.mark.parametrize(("took", "slow"), [(0.3, 1.0), (1.0, 1.0), (2.5, 2.5)])
def test_a_processor_is_as_slow_as_its_least_disturbed_job(
    monkeypatch: pytest.MonkeyPatch, took: float, slow: float
) -> None:
    jobs = iter([took + 1, took, took + 2])
    monkeypatch.setattr(speed, "_seconds", lambda: next(jobs) * speed.USUAL_SECONDS)
    assert speed.slowness() == pytest.approx(slow)


def test_the_job_takes_time() -> None:
    assert 1.0 <= speed.slowness() < 1_000
