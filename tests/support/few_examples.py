"""A pytest plugin for mutation testing: Hypothesis tries few examples and makes none small.

Whether a test fails is all that is asked there, thousands of times; to find the smallest example
alone takes minutes.
"""

from collections.abc import Sequence

import pytest
from hypothesis import Phase, settings

FEW = 40

settings.register_profile(
    "few",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=FEW,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("few")


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Bound the tests that ask for more examples by a decorator of their own."""
    for item in items:
        test = getattr(item, "obj", None)
        test = getattr(test, "__func__", test)
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if own is not None and own.max_examples > FEW:
            test._hypothesis_internal_use_settings = settings(own, max_examples=FEW)  # type: ignore[union-attr]
