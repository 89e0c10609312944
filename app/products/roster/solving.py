"""The solution of a request for a roster: by the solver, or known already for an example."""

from app.engine.roster.model import Solution
from app.errors import FieldError, InvalidRequest
from app.products.roster.known_solutions import known_solution
from app.products.roster.request import RosterRequest


def solution_of(request: RosterRequest) -> Solution:
    """Return the best roster that is found. Raises ``InvalidRequest``."""
    return known_solution(request) or solved(request)


def solved(request: RosterRequest) -> Solution:
    """Let the solver find the best roster. Raises ``InvalidRequest``."""
    from app.solver.roster import solve_roster  # noqa: PLC0415 - loads OR-Tools, for workers only

    translated = request.translated
    try:
        return solve_roster(translated.roster, translated.seconds)
    except OverflowError as error:
        raise InvalidRequest([FieldError("", f"cannot be counted: {error}")]) from error
