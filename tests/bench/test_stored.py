"""The recorded run of the stored APIs, and that its goals are told as they were measured."""

import json
import statistics

import pytest

from bench.stored import GOALS, ON_CALL, RESULTS, Case, Run, outcomes

RECORDED = json.loads(RESULTS.read_text())
CASES = [
    Case(
        case["case"],
        list(case["runs"]),
        {name: [Run(**run) for run in runs] for name, runs in case["runs"].items()},
    )
    for case in RECORDED["cases"]
]


def test_a_hundred_times_the_rows_may_cost_half_as_much_again() -> None:
    assert [limit for _, limit in GOALS.values()] == [1.5, 1.5]


def test_every_goal_is_recorded_as_it_follows_from_the_runs() -> None:
    assert [case.name for case in CASES] == [ON_CALL, *GOALS]
    assert RECORDED["goals"] == outcomes(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_round_is_recorded_and_no_answer_was_wrong(case: Case) -> None:
    for runs in case.runs.values():
        assert len(runs) == RECORDED["rounds"] >= 3
        assert sum(run.wrong for run in runs) == 0


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    runs = {
        "ours": [Run(requests, 1, 0, 0, 0) for requests in (10, 40, 60)],
        "bare": [Run(100, 1, 0, 0, 0) for _ in range(3)],
    }
    assert Case("x", ("ours", "bare"), runs).ratio == statistics.median((0.1, 0.4, 0.6))
