"""The recorded runs are whole ones: every case, target and goal, with versions."""

import json

import pytest

from bench.cases import (
    BARE,
    EXPRESS,
    FASTAPI,
    FREE,
    HONO,
    MANY,
    MEMORY,
    OURS,
    REDIS,
    SOME,
    STORES,
    Goal,
    cases,
    goals,
)
from bench.http import RESULTS

RECORDED = {store: json.loads(RESULTS[store].read_text()) for store in STORES}
GOALS = [
    pytest.param(store, goal, id=f"{store}: {goal.text}")
    for store in STORES
    for goal in goals(store)
]


def test_the_cases_are_those_of_the_issue() -> None:
    asked = {(case.name, case.connections) for case in cases(MEMORY)}
    names = ("unpaid", "paid", "paid, 20 ms", "3 shifts", "100 shifts", "1,000 shifts")
    for name in (*names, "10,000 shifts"):
        assert {(name, SOME), (name, MANY)} <= asked
    assert ("paid, 20 ms", 8) in asked
    with_redis = {(case.name, case.connections) for case in cases(REDIS)}
    both = {(name, count) for name in ("unpaid", "paid") for count in (SOME, MANY)}
    assert with_redis == both | {("paid, 20 ms", 8)}
    for store in STORES:
        unpaid = cases(store)[0]
        assert (unpaid.name, unpaid.connections) == ("unpaid", SOME)
        assert set(unpaid.targets) == {OURS, BARE, FASTAPI, EXPRESS, HONO}


def test_a_request_in_production_has_its_processor_time() -> None:
    limits = {goal.text: goal.limit for goal in goals(REDIS)}
    assert limits["unpaid 402, µs"] == 95
    assert limits["paid, µs"] == 420
    assert limits["memory of a worker, MB"] == 90


@pytest.mark.parametrize("store", STORES)
def test_ours_gave_no_wrong_answer(store: str) -> None:
    for case in RECORDED[store]["cases"]:
        for name in (OURS, FREE):
            assert case["targets"].get(name, {}).get("wrong", 0) == 0


@pytest.mark.parametrize("store", STORES)
def test_every_case_and_target_is_recorded(store: str) -> None:
    recorded = [
        (case["case"], case["connections"], list(case["targets"]))
        for case in RECORDED[store]["cases"]
    ]
    asked = [(case.name, case.connections, list(case.targets)) for case in cases(store)]
    assert recorded == asked


@pytest.mark.parametrize("store", STORES)
def test_three_rounds_are_recorded(store: str) -> None:
    recorded = RECORDED[store]
    assert recorded["store"] == store
    assert recorded["rounds"] >= 3
    for case in recorded["cases"]:
        for measure in case["targets"].values():
            assert len(measure["rounds_per_second"]) == recorded["rounds"]


@pytest.mark.parametrize(("store", "goal"), GOALS)
def test_every_goal_is_recorded(store: str, goal: Goal) -> None:
    [told] = [told for told in RECORDED[store]["goals"] if told["goal"] == goal.text]
    assert told["limit"] == goal.limit
    if goal.limit is None:
        assert (told["outcome"], told["measured"] > 0) == ("figure", True)
    else:
        assert told["outcome"] == ("pass" if goal.met(told["measured"]) else "miss")


@pytest.mark.parametrize("store", STORES)
def test_what_was_measured_has_its_version(store: str) -> None:
    programs = ("python", "uvicorn", "starlette", "x402", "fastapi", "node", "express", "hono")
    with_redis = ("redis-server", "redis", "limits", "rate-limit-redis", "@redis/client")
    more = with_redis if store == REDIS else ()
    for program in (*programs, "@x402/express", "@x402/hono", "wrk", *more):
        assert RECORDED[store]["versions"][program][0].isdigit()
