"""What the first request for each ask gives: right, or refused free where something is lacking."""

import pytest

from tests.first_try.asks import ASKS, Ask


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.words)
def test_the_first_request_is_right_or_refused_free_of_charge(ask: Ask) -> None:
    assert ask.outcome == ("refused free" if ask.lacking else "right")


def test_there_are_sixteen() -> None:
    assert len(ASKS) == 16
