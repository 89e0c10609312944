"""One set of covers for everything that is given away, so that no cover is in another's way.

Strategy: the places that the fewest people can take come first, and each is tried with its
candidates in their order (``cover``); where nobody is left for a later place, earlier choices are
taken back, as long as some rankings are left. So the first set that covers all that can be covered
is found, and otherwise the one that covers the most.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.engine.cover import Candidate, ranked_candidates, with_places
from app.engine.roster.model import Assignment, Roster

Place = tuple[int, int]
"""A slot, and a place of it."""
Able = Callable[[Candidate], bool]


@dataclass(frozen=True, slots=True)
class CoverSet:
    """Candidates for each place by itself, in order, and the roster with all covers in it."""

    candidates: Sequence[Sequence[Candidate]]
    assignment: Assignment


def cover_set(
    roster: Roster, assignment: Assignment, given: Sequence[Place], able: Able, spare: int
) -> CoverSet:
    """Rank the candidates for each place of ``given``, and choose one for all of them together.

    What the others give away is nobody's meanwhile. ``able`` says who may be chosen. Ranks
    ``2 × len(given)`` times, and for choices that are taken back ``spare`` times more.
    """
    search = _Search(roster, assignment, given, able, 2 * len(given) + spare)
    ranked = [search.ranked(place, search.cleared) for place in given]
    counts = [sum(map(able, each)) for each in ranked]
    hardest = sorted(range(len(given)), key=lambda n: (not counts[n], counts[n]))
    search.try_from([given[n] for n in hardest], search.cleared, sum(map(bool, counts)))
    return CoverSet(ranked, search.best)


@dataclass(slots=True)
class _Search:
    roster: Roster
    assignment: Assignment
    given: Sequence[Place]
    able: Able
    left: int
    best_count: int = -1
    best: Assignment = ()
    cleared: Assignment = field(init=False)

    def __post_init__(self) -> None:
        self.cleared = self.assignment
        for place in self.given:
            self.cleared = with_places(self.cleared, [place], None)

    def ranked(self, place: Place, assignment: Assignment) -> list[Candidate]:
        """Rank who could take a place over, all else being as assigned."""
        self.left -= 1
        slot, number = place
        held = with_places(assignment, [place], self.assignment[slot][number])
        return ranked_candidates(self.roster, held, [place])

    def try_from(
        self, places: Sequence[Place], assignment: Assignment, most: int, count: int = 0
    ) -> None:
        """Choose for ``places``, of which all but some are tried for; ``count`` are covered."""
        if self.best_count >= most or count + len(places) <= self.best_count:
            return
        if not places:
            self.best_count, self.best = count, assignment
            return
        if self.left <= 0 <= self.best_count:
            return
        place, *others = places
        for candidate in self.ranked(place, assignment):
            if self.able(candidate):
                chosen = with_places(assignment, [place], candidate.person)
                self.try_from(others, chosen, most, count + 1)
        self.try_from(others, assignment, most, count)
