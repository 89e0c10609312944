"""Answers to random requests, judged by the words of the request alone."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import permutations
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.roster.standard import NAMES
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


def with_everything(seed: int) -> dict[str, Any]:
    """Make a small request that has something to say about every objective."""
    request = random_request(seed, small=True)
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    first = date.fromisoformat(request["from"])
    request["to"] = (first + timedelta(days=1)).isoformat()
    names = [person["name"] for person in request["people"]]
    day = (first + timedelta(days=random.randrange(2))).strftime("%a").lower()
    request["people"][0]["avoid"] = [{"days": [day]}]
    request["people"][-1]["prefer"] = ["day"]
    soft = random.choice([{"minRestHours": 30}, {"maxConsecutive": 1}, {"apart": [names[:2]]}])
    request["rules"] = {**request["rules"], "soft": [{"rule": soft, "weight": 2}]}
    before = [{"slot": slot, "person": random.choice(names)} for slot in (1, 2)]
    return {**request, "previous": {"assignments": before, "keep": "prefer"}}


def values_by_name(request: dict[str, Any]) -> Sequence[Mapping[str, Fraction]]:
    """Return what every roster that is allowed is worth by each objective."""
    whole = validated({**request, "objectives": [*NAMES]}, ENDPOINT.request).translated.roster
    return [
        dict(zip(NAMES, oracle.values(whole, assignment), strict=True))
        for assignment in oracle.all_assignments(whole)
        if oracle.is_legal(whole, assignment)
    ]


MUST = {"coverage", "stability"}


def some_objectives(random: Random) -> Sequence[str]:
    """Return objectives in any order: those that such a request must have, and some others."""
    some = [name for name in NAMES if name in MUST or random.random() < 0.5]
    return random.sample(some, len(some))


def assert_best(
    request: dict[str, Any],
    worth: Sequence[Mapping[str, Fraction]],
    orders: Sequence[Sequence[str]],
) -> None:
    """Assert that the answer in each order is as good as the best of all rosters."""
    for order in orders:
        found = solved(validated({**request, "objectives": [*order]}, ENDPOINT.request)).proofs
        best = min(tuple(each[name] for name in order) for each in worth)
        assert tuple(proof.value for proof in found) == best, order
        assert all(proof.optimal for proof in found)


@settings(quiet, max_examples=12)
@given(SEEDS)
def test_small_answers_are_the_best_there_are_in_any_order(seed: int) -> None:
    request, random = with_everything(seed), Random(seed)  # noqa: S311 - seeded, and no secret
    orders = [some_objectives(random) for _ in range(4)]
    assert_best(request, values_by_name(request), orders)


@pytest.mark.slow
def test_a_small_answer_is_the_best_there_is_whichever_three_objectives_lead() -> None:
    request = with_everything(6)
    worth = values_by_name(request)
    assert all(len({each[name] for each in worth}) > 1 for name in NAMES)
    orders = [list(dict.fromkeys((*lead, *NAMES))) for lead in permutations(NAMES, 3)]
    assert_best(request, worth, orders)


@pytest.mark.slow
@settings(quiet, max_examples=60)
@given(SEEDS)
def test_more_small_answers_are_the_best_there_are_in_any_order(seed: int) -> None:
    request, random = with_everything(seed), Random(seed)  # noqa: S311 - seeded, and no secret
    orders = [random.sample(NAMES, len(NAMES)), some_objectives(random)]
    assert_best(request, values_by_name(request), orders)


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
