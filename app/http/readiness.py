"""Readiness checks: the parts that the service needs, and the problem of each."""

from collections.abc import Callable, Mapping

Checks = Callable[[], Mapping[str, str | None]]
"""Returns the problem of each part by the part's name: ``None`` if it works, ``NOT_USED`` if this
service does without it. A text that begins with ``DEGRADED`` is the problem of a part of a part."""

NOT_USED = "none"
DEGRADED = "degraded: "


def is_ready(problem: str | None) -> bool:
    """Whether a part with this ``problem`` keeps no request from being served."""
    return problem in (None, NOT_USED) or str(problem).startswith(DEGRADED)
