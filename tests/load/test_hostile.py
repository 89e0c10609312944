"""Half a minute of hostile traffic: an honest buyer is served, and no charge is wrong.

``make hostile`` runs the same for ten minutes, records it, and holds how long the buyer waits: that
depends on the machine.
"""

from pathlib import Path

import pytest

from bench import hostile
from bench.hostile import WAIT, Outcome, Purchase, memory_limit_mb, outcomes, problems_in

SECONDS = 25


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.redis
@pytest.mark.timeout(240)
def test_hostile_traffic_costs_an_honest_buyer_nothing(tmp_path: Path) -> None:
    became = hostile.run(tmp_path, SECONDS)
    missed = {goal["goal"] for goal in outcomes(became) if goal["outcome"] != "pass"}
    assert missed <= {WAIT}
    assert became.problems == []
    assert len(became.purchases) > SECONDS
    assert len(became.attackers_paid) > SECONDS / 2
    kinds = {name.rpartition(" ")[0].partition(",")[0] for name in became.answers}
    assert {"drop bombs", "pay with junk", "call tools wrongly", "replay", "hang up"} <= kinds
    assert sum(became.attacks.values()) > 10 * SECONDS


def books(**changes: object) -> Outcome:
    all_well = {
        "seconds": 1.0,
        "alone_ms": [1.0],
        "purchases": [],
        "attacks": {},
        "answers": {},
        "attackers_paid": {"0x2": ["0x2"], "0x3": []},
        "ledger": {"0x1": 1, "0x2": 1},
        "memory_mb": [1.0],
        "memory_limit_mb": 2.0,
        "defects": 0,
        "healthy": True,
    }
    return Outcome(**{**all_well, **changes})  # type: ignore[arg-type]


BOUGHT = Purchase("light", "0x1", 1.0, "0x1")


@pytest.mark.parametrize(
    ("changes", "purchase"),
    [
        ({"ledger": {"0x1": 2, "0x2": 1}}, BOUGHT),
        ({"ledger": {"0x1": 1, "0x2": 2}}, BOUGHT),
        ({"ledger": {"0x1": 1, "0x2": 1, "0x4": 1}}, BOUGHT),
        ({"ledger": {"0x2": 1}}, BOUGHT),
        ({"attackers_paid": {"0x2": ["0x2", "0x5"]}}, BOUGHT),
        ({"attackers_paid": {"0x2": ["0x2"], "0x3": ["0x3"]}}, BOUGHT),
        ({}, Purchase("light", "0x1", 1.0, "0x9")),
        ({}, Purchase("light", "0x1", 1.0, wrong="500")),
    ],
)
def test_books_that_do_not_agree_are_noticed(
    changes: dict[str, object], purchase: Purchase
) -> None:
    assert list(problems_in(books(), [BOUGHT])) == []
    assert list(problems_in(books(**changes), [purchase]))


def test_the_limit_of_memory_is_the_manifests() -> None:
    assert 128 <= memory_limit_mb() <= 4096
