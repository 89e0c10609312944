"""The recorded run of ``bench/limits.py`` is a whole one, and counting costs what it may."""

import json
from collections.abc import Callable

import pytest

from bench.limits import CLIENTS, MOST_MICROSECONDS, RESULTS, Count, bare, ours

RECORDED = json.loads(RESULTS.read_text())


def test_every_case_is_recorded() -> None:
    assert {row["case"]: row["clients"] for row in RECORDED["rows"]} == CLIENTS
    assert all(version[0].isdigit() for version in RECORDED["versions"].values())


def test_counting_costs_at_most_3_microseconds_more() -> None:
    for row, goal in zip(RECORDED["rows"], RECORDED["goals"], strict=True):
        assert row["more_us"] == goal["measured"] <= MOST_MICROSECONDS
        assert goal["outcome"] == "pass"


@pytest.mark.parametrize("make", [bare, ours], ids=["bare", "ours"])
def test_what_is_compared_counts_alike(make: Callable[[], Count]) -> None:
    count = make()
    told = [count("192.0.2.1") for _ in range(121)]
    assert [allowance.granted for allowance in told] == [True] * 120 + [False]
    assert [allowance.remaining for allowance in told] == [*range(119, -1, -1), 0]
