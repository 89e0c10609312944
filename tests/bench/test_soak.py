"""Two short stretches of the soak at a small rate."""

from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import pytest

from bench.servers import lacking
from bench.soak import CONNECTIONS, TURNS, Soak, outcomes

LACKING = lacking("wrk", "redis-server")
PER_SECOND, SECONDS = 40, 3


@pytest.mark.process
@pytest.mark.redis
@pytest.mark.postgres
@pytest.mark.skipif(LACKING is not None, reason=LACKING or "")
def test_stretches_keep_their_pace_and_are_read(tmp_path: Path) -> None:
    with ExitStack() as stack:
        soak = Soak(tmp_path, stack, SECONDS)
        first, second = islice(soak.stretches(PER_SECOND), 2)
    terms = sum(order.status == 402 for order in TURNS) / len(TURNS)
    for stretch in (first, second):
        assert stretch.requests <= PER_SECOND * SECONDS + CONNECTIONS
        assert stretch.wrong == 0
        assert stretch.answers_200 + stretch.answers_402 == stretch.requests
        assert abs(stretch.answers_402 - terms * stretch.requests) < CONNECTIONS
        assert 0 < stretch.p50_ms <= stretch.p99_ms
        assert stretch.memory_mb > 20
        assert stretch.descriptors > 5
    said = {goal["goal"]: goal["outcome"] for goal in outcomes([first, second])}
    assert said["wrong answers"] == "pass"
    assert said["requests"] == "miss"
