"""The shifts that cannot be as the cycle has them, and how near to them other shifts are.

Strategy: if somebody is away, other shifts change as well, so that loads stay even. People rely on
what they were told, so a change is to be near its reason, and rather after it than before. The
reasons that are known in advance are the *obstacles*: shifts that the cycle gives to people who
cannot take them. Of several shifts that could change, ``nearest`` picks one; what it cannot see
(that two late changes do instead of an early one) is left to ``local_search.py``.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Obstacles:
    """The obstacles of a problem.

    ``mask`` has them all; ``first`` is the first, or the number of shifts if there are none.
    ``distances`` says of each shift how many shifts away the nearest is, 0 if there are none.
    ``near`` are masks of the shifts within growing distances, all of them in the end.
    """

    mask: int
    first: int
    distances: Sequence[int]
    near: Sequence[int]

    def nearest(self, among: int) -> int:
        """Return the shift of the mask ``among`` that is changed rather than any other of it.

        It is the nearest to an obstacle that is not before the first one; else it is the last.
        """
        after = among >> self.first << self.first
        if not after:
            return among.bit_length() - 1
        close = next(after & mask for mask in self.near if after & mask)
        return (close & -close).bit_length() - 1

    def by_nearness(self, among: int) -> Iterator[int]:
        """Yield the shifts of the mask ``among``, the one that ``nearest`` picks first."""
        after = among >> self.first << self.first
        among ^= after
        for mask in self.near:
            close = after & mask
            after ^= close
            while close:
                lowest = close & -close
                yield lowest.bit_length() - 1
                close ^= lowest
        while among:
            shift = among.bit_length() - 1
            yield shift
            among ^= 1 << shift

    def earliness(self, changed: int) -> int:
        """Return a number that is smaller the later the shifts of the mask ``changed`` begin.

        Only those before the first obstacle count, the first shift as much as all others together.
        """
        early = changed & (1 << self.first) - 1
        return int(f"{early:0{self.first}b}"[::-1], 2) if early else 0


def obstacles_at(shifts: Iterable[int], count: int) -> Obstacles:
    """Return the obstacles ``shifts``, ascending, among ``count`` shifts."""
    found = list(shifts)
    if not found:
        return Obstacles(0, count, [0] * count, ())
    mask = sum(1 << shift for shift in found)
    near, width = [mask], 0
    while width < count:
        mask |= mask << width + 1 | mask >> width + 1
        near.append(mask)
        width += width + 1
    return Obstacles(near[0], found[0], _distances(frozenset(found), count), near)


def _distances(found: frozenset[int], count: int) -> Sequence[int]:
    """Compute how far each shift is from the nearest of ``found``, in two sweeps."""
    from_left, from_right = (
        list(accumulate(sweep, lambda far, shift: 0 if shift in found else far + 1, initial=count))
        for sweep in (range(count), reversed(range(count)))
    )
    return list(map(min, from_left[1:], reversed(from_right[1:])))
