"""The name that was probably meant, and how long it may take to find."""

import random

import pytest

from app.similar import MAX_COMPARED, most_similar
from tests.support.timing import least_seconds

KNOWN = ["people", "shifts", "shiftLengthHours", "start"]


@pytest.mark.parametrize(
    ("name", "similar"),
    [("peopel", "people"), ("Shifts", "shifts"), ("shiftLength", "shiftLengthHours"), ("x", None)],
)
def test_the_most_similar_name(name: str, similar: str | None) -> None:
    assert most_similar(name, KNOWN) == similar


@pytest.mark.parametrize(("at_least", "similar"), [(0.9, None), (0.75, "start")])
def test_how_similar_it_must_be(at_least: float, similar: str | None) -> None:
    assert most_similar("stort", KNOWN, at_least=at_least) == similar


def test_nothing_is_similar_to_nothing() -> None:
    assert most_similar("start", []) is None
    assert most_similar("", KNOWN) is None


def test_the_end_of_an_endless_name_is_not_compared() -> None:
    assert most_similar("a" * MAX_COMPARED + "b" * 1_000_000, ["a" * MAX_COMPARED]) is not None


@pytest.mark.parametrize("letters", ["a", "ab", "abcdefghijklmnopqrstuvwxyz"])
def test_long_names_cost_little(letters: str) -> None:
    """20 of 200 characters with 40 as long took difflib 2.2 seconds; it is a millisecond."""
    chance = random.Random(1)  # noqa: S311 - no secret
    names = ["".join(chance.choices(letters, k=MAX_COMPARED)) for _ in range(40)]

    def compared() -> None:
        for name in names[:20]:
            most_similar(f"{name[1:]}a", names)

    assert least_seconds(compared) < 0.05
