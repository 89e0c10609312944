"""The recorded run is a whole one: every case, target and goal, with versions."""

import json

import pytest

from bench.cases import BARE, EXPRESS, FASTAPI, FREE, HONO, MANY, OURS, SOME, Goal, cases, goals
from bench.http import RESULTS

RECORDED = json.loads(RESULTS.read_text())


def test_the_cases_are_those_of_the_issue() -> None:
    asked = {(case.name, case.connections) for case in cases()}
    names = ("unpaid", "paid", "paid, 20 ms", "3 shifts", "100 shifts", "1,000 shifts")
    for name in (*names, "10,000 shifts"):
        assert {(name, SOME), (name, MANY)} <= asked
    assert ("paid, 20 ms", 8) in asked
    [unpaid] = [case for case in cases() if (case.name, case.connections) == ("unpaid", SOME)]
    assert set(unpaid.targets) == {OURS, BARE, FASTAPI, EXPRESS, HONO}


def test_ours_gave_no_wrong_answer() -> None:
    for case in RECORDED["cases"]:
        for name in (OURS, FREE):
            assert case["targets"].get(name, {}).get("wrong", 0) == 0


def test_every_case_and_target_is_recorded() -> None:
    recorded = [
        (case["case"], case["connections"], list(case["targets"])) for case in RECORDED["cases"]
    ]
    assert recorded == [(case.name, case.connections, list(case.targets)) for case in cases()]


def test_three_rounds_are_recorded() -> None:
    assert RECORDED["rounds"] >= 3
    for case in RECORDED["cases"]:
        for measure in case["targets"].values():
            assert len(measure["rounds_per_second"]) == RECORDED["rounds"]


@pytest.mark.parametrize("goal", goals(), ids=lambda goal: goal.text)
def test_every_goal_is_recorded(goal: Goal) -> None:
    [told] = [told for told in RECORDED["goals"] if told["goal"] == goal.text]
    assert told["limit"] == goal.limit
    assert told["outcome"] == ("pass" if goal.met(told["measured"]) else "miss")


def test_what_was_measured_has_its_version() -> None:
    programs = ("python", "uvicorn", "starlette", "x402", "fastapi", "node", "express", "hono")
    for program in (*programs, "@x402/express", "@x402/hono", "wrk"):
        assert RECORDED["versions"][program][0].isdigit()
