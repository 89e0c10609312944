"""A pytest plugin for mutation testing: Hypothesis looks for a failure and does not make it small.

Whether a test fails is all that is asked there; to find the smallest example takes minutes.
"""

from hypothesis import Phase, settings

settings.register_profile(
    "unshrunk",
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("unshrunk")
