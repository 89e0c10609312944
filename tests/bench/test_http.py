"""One short round over HTTP: everything starts, is asked, answers alike and ends."""

import json
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from redis import Redis

from bench.cases import (
    BARE,
    EXAMPLE_ORDER,
    EXPRESS,
    FASTAPI,
    FREE,
    HONO,
    MEMORY,
    OURS,
    PAID,
    PLAIN,
    REDIS,
    SELLERS,
    SOME,
    STORES,
    UNPAID,
    cases,
)
from bench.http import chosen_cases, parsed_options, run, start
from bench.load import payments_for
from bench.report import record
from bench.servers import Servers, lacking

LACKING = lacking("wrk", "node")
ASKED = {
    REDIS: {UNPAID: [OURS, BARE], PAID: [OURS, HONO]},
    MEMORY: {UNPAID: [OURS, BARE], PAID: [OURS, HONO], "3 shifts": [FREE, PLAIN]},
}
OUTCOMES = {REDIS: ("figure",), MEMORY: ("pass", "miss")}
PREFIXES = {OURS: "oncall:limit", FASTAPI: "LIMITS:", EXPRESS: "express:", HONO: "hono:"}
CLIENT = "10.1.2.3"

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(LACKING is not None, reason=LACKING or ""),
    pytest.mark.timeout(600),  # some fifteen seconds on a machine that has nothing else to do
]


@pytest.mark.parametrize("store", [MEMORY, pytest.param(REDIS, marks=pytest.mark.redis)])
def test_a_quick_round_measures_what_it_was_asked_for(store: str) -> None:
    cores = os.sched_getaffinity(0)
    chosen = [
        replace(case, targets=ASKED[store][case.name])
        for case in cases(store)
        if case.name in ASKED[store] and case.connections == SOME
    ]
    begun: list[str] = []
    results = run(store, chosen, parsed_options(["--quick"]), begun.append)
    asked = {name: list(targets) for (name, _), targets in results.measures.items()}
    assert asked == ASKED[store]
    name, target = list(asked)[-1], list(asked.values())[-1][-1]
    assert begun[-1] == f"{store}, round 1: {name}, {SOME} connections, {target}"
    assert os.sched_getaffinity(0) == cores
    told = json.loads(json.dumps(record(results, 1, 1)))
    assert told["store"] == store
    for case in told["cases"]:
        for measure in case["targets"].values():
            assert 0 < measure["p50_ms"] <= measure["p99_ms"]
            assert measure["per_second"] > 0
            assert measure["slowness"] >= 1
            assert measure["wrong"] == 0
    assert (told["cases"][1]["targets"][OURS]["redis_us"] > 0) == (store == REDIS)
    said = {goal["goal"]: goal["outcome"] for goal in told["goals"]}
    assert said["paid, × Hono"] in OUTCOMES[store]
    assert said["paid, × Express"] == "not measured"


@pytest.mark.redis
def test_with_redis_sellers_count_clients_and_take_a_payment_once(tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = Servers(tmp_path, stack)
        servers.start_redis()
        start(servers, [case for case in cases(REDIS) if case.name == PAID][:1])
        order = EXAMPLE_ORDER
        for seller in SELLERS:
            server = servers.by_name[seller]
            [payment] = payments_for(server, order.sale(), 1)
            headers = {"Content-Type": "application/json", "X-Forwarded-For": CLIENT}
            paid = {**headers, "PAYMENT-SIGNATURE": payment.decode()}
            unpaid, first, again = (
                httpx.post(server.url + order.path, content=order.body, headers=each)
                for each in (headers, paid, paid)
            )
            assert (unpaid.status_code, first.status_code) == (402, 200)
            assert again.status_code == (200 if seller == OURS else 409)
        calls = httpx.get(f"{servers.facilitator}/calls").json()
        assert calls["/settle"] == 2 * len(SELLERS)  # each also sold once when it was started
        with Redis.from_url(servers.redis_url) as redis:
            for prefix in PREFIXES.values():
                assert redis.keys(f"{prefix}*{CLIENT}*"), prefix


def test_both_stores_are_measured_unless_one_is_asked_for() -> None:
    assert parsed_options([]).stores == STORES == (REDIS, MEMORY)
    assert parsed_options(["--store", MEMORY]).stores == [MEMORY]
    assert chosen_cases(REDIS, ["3 shifts"], []) == []
