"""Answers to random requests, judged by the words of the request alone."""

from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.http.validation import validated
from app.products.roster.endpoint import roster_endpoint
from app.products.roster.known_solutions import KNOWN, digest_of, known_solution
from app.products.roster.solving import solved
from tests.support import roster_oracle as oracle
from tests.support.roster_answers import faults, random_request

ENDPOINT = roster_endpoint()
SEEDS = st.integers(0, 2**32)
quiet = settings(deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])


def answer(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(ENDPOINT.answer_to(document))
    return found


@settings(quiet, max_examples=40)
@given(SEEDS)
def test_answers_are_what_the_request_asks_for(seed: int) -> None:
    request = random_request(seed)
    assert faults(request, answer(request)) == []


@settings(quiet, max_examples=10)
@given(SEEDS)
def test_small_answers_are_the_best_there_are_in_every_order(seed: int) -> None:
    request = random_request(seed, small=True)
    for objectives in permutations(["coverage", "load", "preferences"]):
        document = {**request, "objectives": objectives}
        shown = answer(document)["fairness"]
        roster = validated(document, ENDPOINT.request).translated.roster
        best = [round(float(value), 4) for value in oracle.best_values(roster)]
        assert [each["value"] for each in shown] == best
        assert all(each["optimal"] for each in shown)


@pytest.mark.parametrize(
    "example",
    [ENDPOINT.example, ENDPOINT.brief_example, *(each.example for each in ENDPOINT.worked)],
)
def test_what_is_known_is_what_the_solver_finds(example: dict[str, Any]) -> None:
    request = validated(example, ENDPOINT.request)
    assert solved(request) == known_solution(request)


def test_nothing_else_is_known() -> None:
    assert len(KNOWN) == 2 + len(ENDPOINT.worked)
    other = validated({**ENDPOINT.example, "to": "2026-12-14"}, ENDPOINT.request)
    assert digest_of(other) not in KNOWN
    assert known_solution(other) is None
