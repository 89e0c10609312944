"""Fair rotations under what people cannot do: the plan for a request, and how good it is.

Strategy. A rotation is a problem on a board of bit masks (``board.py``). Round robin is one walk
(``turns.py``). The fair strategy aims, in this order, at: few vacancies, a small spread of loads,
small spreads of weekend and night hours, few shifts in a row, and the order of the cycle
(``aims.py``).

- Without rules on rest, runs and pairs, vacancies are what absences leave, and the spread is
  solved to proven optimality by flow (``spread.py``). With them a bounded search (``search.py``)
  answers, all deals of a small rotation are looked at (``exhaustive.py``), and otherwise the
  problem without the rules is the bound.
- What comes after the spread is bettered by local search (``polish.py``), from the solved deal and
  from the simple ones that happen to be as good so far: so a fair plan is never worse than turns or
  the least loaded first, in any of the aims.

The flow is our own: it is as quick as the quickest of SciPy's HiGHS and OR-Tools or quicker, with
weights as well, in a megabyte and without 170 to 390 MB of libraries (``bench/fairness.md``).

Invariants: equal wishes give equal plans, unless the time runs out; who is away, and what is fixed,
is never traded for fairness; a seat that nobody can take is ``None``; ``optimal`` is never said of
what is not proven. Permuted names permute the plan, as nothing looks at a name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from app.engine.planning.assignment import Deal, Pace
from app.engine.planning.branch_and_bound import Exhaustive
from app.engine.planning.constraints import Rules
from app.engine.planning.explanations import Reasons
from app.engine.planning.initial import in_turn, least_loaded
from app.engine.planning.local_search import polished
from app.engine.planning.min_spread import evened
from app.engine.planning.objective import aims_of
from app.engine.planning.problem import Board, bits, board_of
from app.engine.planning.repair import dealt_by_rules, least_vacancies
from app.engine.planning.request import BUDGET_SECONDS, Plan, Share, Vacancy, Wishes
from app.engine.planning.roles import seated
from app.engine.planning.round_robin import by_turns

PROOF_STEPS = 1_500_000
SEARCH_STEPS = 60_000
POLISH_STEPS = 600_000
"""Steps that end a search for equal input at an equal place, before the deadline does."""
PROVEN_SHIFTS, PROVEN_PEOPLE = 1_000, 100
"""What is fair is looked for, and a round robin is compared with it, up to this size."""

Seats = Sequence[tuple[int | None, ...]]
Timer = Callable[[], float]
"""Seconds since whenever."""


def plan_of(wishes: Wishes, timer: Timer, budget_seconds: float = BUDGET_SECONDS) -> Plan:
    """The plan for ``wishes``, which must be right (``schemas.py`` names what is not).

    A search that takes longer than ``budget_seconds`` by ``timer`` is ended: the plan is then the
    best found so far.
    """
    board = board_of(wishes)
    rules = Rules(board)
    pace = Pace(timer, timer() + budget_seconds, SEARCH_STEPS)
    if wishes.strategy == "fair":
        return _fair(wishes, board, rules, pace)
    return _round_robin(wishes, board, rules, pace)


def _round_robin(wishes: Wishes, board: Board, rules: Rules, pace: Pace) -> Plan:
    """The plan of turns, held against what a fair one could reach."""
    rotation = by_turns(board, rules)
    small = len(board.lengths) <= PROVEN_SHIFTS and len(board.people) <= PROVEN_PEOPLE
    bound = evened(in_turn(board), pace.of(PROOF_STEPS)).lower_bound if small else 0
    full = _vacant(rotation.deal) == _unavoidable(board)
    solved = _Solved(rotation.deal, bound if full else 0, full=full)
    seats = seated(solved.deal, wishes.fixed)
    told = Reasons(wishes, board).of_turns(rotation.turns, _vacancies(seats))
    return _plan(solved, seats, told, rotation.next_person)


def _fair(wishes: Wishes, board: Board, rules: Rules, pace: Pace) -> Plan:
    """The plan that is best by ``aims.py``, as far as could be found."""
    turns = by_turns(board, rules).deal
    solved = _ruled(turns, rules, pace) if board.ruled else _unruled(board, pace)
    deals = [solved.deal, turns] if board.ruled else [solved.deal, turns, least_loaded(board)]
    reached = min(aims_of(deal)[:2] for deal in deals)
    deals = [deal for deal in deals if aims_of(deal)[:2] == reached]
    best = min((polished(deal, rules, pace.of(POLISH_STEPS)) for deal in deals), key=aims_of)
    seats = seated(best, wishes.fixed)
    told = Reasons(wishes, board).of_deal(seats, _vacancies(seats))
    next_person = board.cycle[len(board.lengths) * board.seats % len(board.cycle)]
    return _plan(replace(solved, deal=best), seats, told, next_person)


@dataclass(frozen=True, slots=True)
class _Solved:
    """A deal; none with as few vacancies has a smaller spread than ``bound``; ``full`` if none has
    fewer vacancies."""

    deal: Deal
    bound: int
    full: bool


def _unruled(board: Board, pace: Pace) -> _Solved:
    found = evened(in_turn(board), pace.of(PROOF_STEPS))
    return _Solved(found.deal, found.lower_bound, full=True)


def _ruled(turns: Deal, rules: Rules, pace: Pace) -> _Solved:
    """The best of what searches find; the problem without the rules is the bound, unless all deals
    could be looked at."""
    board = turns.board
    relaxed = evened(in_turn(board), pace.of(PROOF_STEPS)).lower_bound
    found = [
        dealt_by_rules(board, rules, pace.of(SEARCH_STEPS), by_turns=way) for way in (True, False)
    ]
    best = min([*found, turns], key=lambda deal: aims_of(deal)[:2])
    lacking, least = _vacant(best) - _unavoidable(board), least_vacancies(board)
    solved = _Solved(best, 0 if lacking else relaxed, full=lacking == least)
    if solved.full and best.spread == solved.bound:
        return solved
    every = Exhaustive(best, rules, pace.of(PROOF_STEPS))
    if every.run():
        return _Solved(every.best, every.best.spread, full=True)
    lacking = _vacant(every.best) - _unavoidable(board)
    return _Solved(every.best, 0 if lacking else relaxed, full=lacking == least)


def _vacant(deal: Deal) -> int:
    return aims_of(deal).vacancies


def _unavoidable(board: Board) -> int:
    """How many seats absences alone leave empty."""
    return board.seats * len(board.demand) - sum(board.demand)


def _vacancies(seats: Seats) -> Sequence[Vacancy]:
    return [
        Vacancy(shift, role)
        for shift, people in enumerate(seats)
        for role, person in enumerate(people)
        if person is None
    ]


def _plan(solved: _Solved, seats: Seats, explanations: Sequence[str], next_person: int) -> Plan:
    deal, board = solved.deal, solved.deal.board
    names, least = board.people, min(deal.loads)
    return Plan(
        seats=[
            tuple(None if person is None else names[person] for person in people)
            for people in seats
        ],
        vacancies=_vacancies(seats),
        shares=[_share(board, person, held) for person, held in enumerate(deal.held)],
        spread_ms=Fraction(deal.spread, board.scale),
        lower_bound_ms=Fraction(solved.bound, board.scale),
        optimal=solved.full and deal.spread == solved.bound,
        explanations=explanations,
        carry_over={
            name: round(Fraction(load - least, board.scale))
            for name, load in zip(names, deal.loads, strict=True)
        },
        next_person=names[next_person],
    )


def _share(board: Board, person: int, held: int) -> Share:
    shifts = list(bits(held))
    hours = (
        sum(map(of.__getitem__, shifts)) for of in (board.lengths, board.weekends, board.nights)
    )
    return Share(board.people[person], len(shifts), *hours)
