"""The solutions of the examples, by a digest of their request.

Examples are answered in the service's own process, where pages and terms are made, and the solver
is for worker processes alone. ``scripts/known_solutions.py`` writes them anew, and a test holds
that they are what the solver finds.
"""

import hashlib
from collections.abc import Mapping
from fractions import Fraction

import msgspec

from app.engine.roster.model import Assignment, Proof, Solution
from app.products.roster.request import RosterRequest

Known = tuple[Assignment, tuple[tuple[str, str, str], ...]]
"""The assignment, and of each objective the name, the value and the bound."""


def known_solution(request: RosterRequest) -> Solution | None:
    """Return the solution of an example; ``None`` for every other request."""
    known = KNOWN.get(digest_of(request))
    if known is None:
        return None
    assignment, proofs = known
    return Solution(
        assignment,
        tuple(Proof(name, Fraction(value), Fraction(bound)) for name, value, bound in proofs),
    )


def digest_of(request: RosterRequest) -> str:
    """Return what tells requests apart: all that they say."""
    return hashlib.sha256(repr(msgspec.structs.asdict(request)).encode()).hexdigest()[:16]


KNOWN: Mapping[str, Known] = {
    "86eacbc673f9da1d": (
        ((0,), (2,), (0,), (None, 1), (2,), (1,), (3,), (1,), (2, 3)),
        (
            ("coverage", "1", "1"),
            ("load", "64", "64"),
            ("kinds", "1", "1"),
            ("preferences", "-1", "-1"),
        ),
    ),
    "a3cab5b421124f5f": (
        ((0,),),
        (("coverage", "0", "0"), ("load", "0", "0"), ("kinds", "0", "0")),
    ),
    "e082f203be531163": (
        ((0,), (1,), (2,), (3,), (4,), (0,), (1,), (2,), (3,), (4,), (0,), (1,), (2,), (3,)),
        (("coverage", "0", "0"), ("load", "12", "12"), ("kinds", "3", "3")),
    ),
}
