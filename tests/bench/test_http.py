"""One short round over HTTP: everything starts, is asked, answers alike and ends."""

import json
import os
from dataclasses import replace

import pytest

from bench.cases import BARE, FREE, HONO, OURS, PAID, PLAIN, SOME, UNPAID, cases
from bench.http import parsed_options, run
from bench.report import record
from bench.servers import lacking

LACKING = lacking("wrk", "node")
ASKED = {UNPAID: [OURS, BARE], PAID: [OURS, HONO], "3 shifts": [FREE, PLAIN]}


@pytest.mark.timeout(600)  # some fifteen seconds on a machine that has nothing else to do
@pytest.mark.process
@pytest.mark.skipif(LACKING is not None, reason=LACKING or "")
def test_a_quick_round_measures_what_it_was_asked_for() -> None:
    cores = os.sched_getaffinity(0)
    chosen = [
        replace(case, targets=ASKED[case.name])
        for case in cases()
        if case.name in ASKED and case.connections == SOME
    ]
    begun: list[str] = []
    results = run(chosen, parsed_options(["--quick"]), begun.append)
    asked = {name: list(targets) for (name, _), targets in results.measures.items()}
    assert asked == ASKED
    assert begun[-1] == f"round 1: 3 shifts, {SOME} connections, {PLAIN}"
    assert os.sched_getaffinity(0) == cores
    told = json.loads(json.dumps(record(results, 1, 1)))
    for case in told["cases"]:
        for measure in case["targets"].values():
            assert 0 < measure["p50_ms"] <= measure["p99_ms"]
            assert measure["per_second"] > 0
            assert measure["wrong"] == 0
    said = {goal["goal"]: goal["outcome"] for goal in told["goals"]}
    assert said["paid, × Hono"] in ("pass", "miss")
    assert said["paid, × Express"] == "not measured"
