"""A roster as plain data: slots that need people, people, rules, and what is better.

Slots and people are named by their index. Instants are milliseconds (``walltime``), lengths are
milliseconds of elapsed time, and days are local to the roster's time zone, from midnight to
midnight. A roster knows nothing of how it is solved: ``checker`` says what an assignment breaks,
``objectives`` what it is worth, and whoever solves it returns an ``Assignment``.

Always: nobody has two slots that overlap, or two places of one slot. What is ``fixed`` is a
fact, whatever else is asked for: it needs neither skill nor presence, and where a rule is broken by
fixed assignments alone, it only forbids to add to them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from app.engine.intervals import Interval


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch ``[start_at, end_at)`` that needs people, a place for each.

    ``needs`` has the skill that each place asks for, ``None`` for anybody. Loads are counted by
    ``kind``; rules may name it, or any of ``tags``.
    """

    start_at: int
    end_at: int
    kind: str = ""
    needs: tuple[str | None, ...] = (None,)
    tags: frozenset[str] = frozenset()

    @property
    def length(self) -> int:
        """The elapsed milliseconds."""
        return self.end_at - self.start_at

    def is_of(self, name: str) -> bool:
        """Tell whether a rule for ``name`` is about this slot; every slot is of ``""``."""
        return not name or name == self.kind or name in self.tags


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can take slots.

    ``away`` and ``holidays`` are intervals of instants, in order and disjoint. A load counts in
    proportion to ``weight``. ``most_ms`` is the most time in all slots together. ``carried`` is
    what counts already, by the name of a ``Counter``.
    """

    name: str
    skills: frozenset[str] = frozenset()
    weight: Fraction = Fraction(1)
    away: tuple[Interval, ...] = ()
    holidays: tuple[Interval, ...] = ()
    most_ms: int | None = None
    carried: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rest:
    """At least ``ms`` lie between two slots of a person: one of ``after``, a later of ``before``.

    Two slots that overlap are not its concern. Broken softly it counts pairs of slots.
    """

    ms: int
    after: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class MaxHours:
    """In any ``days`` days in a row a person has at most ``ms`` in slots of ``kind``.

    Without ``days`` that is in the whole roster. Broken softly it counts hours, begun ones whole,
    in each run of days that lies within the days of such slots.
    """

    ms: int
    days: int = 0
    kind: str = ""


@dataclass(frozen=True, slots=True)
class MaxSlots:
    """At most ``count`` slots of ``kind`` of a person start in any ``days`` days in a row.

    Without ``days`` that is in the whole roster. Broken softly it counts slots, in each run of days
    that lies within those on which such slots start.
    """

    count: int
    days: int = 0
    kind: str = ""


@dataclass(frozen=True, slots=True)
class MaxConsecutive:
    """A person's slots of ``kind`` start on at most ``days`` days in a row.

    Broken softly it counts the runs of one day more.
    """

    days: int
    kind: str = ""


@dataclass(frozen=True, slots=True)
class MinDaysOff:
    """In any ``days`` days in a row at least ``count`` are touched by no slot of a person.

    Days before the first slot and after the last are free. Broken softly it counts days, in each
    run of days that lies within those of the slots.
    """

    count: int
    days: int


@dataclass(frozen=True, slots=True)
class Apart:
    """Two people never have slots that overlap, nor places of one slot.

    Broken softly it counts the pairs of such slots.
    """

    one: int
    other: int


@dataclass(frozen=True, slots=True)
class Together:
    """Of two people one has a slot only if the other has it too, where both can.

    That is in slots of more than one place of which neither is fixed to one. Broken softly it
    counts slots.
    """

    one: int
    other: int


PersonRule = Rest | MaxHours | MaxSlots | MaxConsecutive | MinDaysOff
"""A rule for each person by themselves."""

PairRule = Apart | Together
"""A rule for two people."""

Rule = PersonRule | PairRule


@dataclass(frozen=True, slots=True)
class Counter:
    """What slots count for the people who have them: ``amounts`` by slot, whole numbers.

    ``own`` has the amounts of those people for whom they are others, as where holidays differ.
    Counters of one name in a roster are the same.
    """

    name: str
    amounts: tuple[int, ...]
    own: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def of(self, person: int) -> tuple[int, ...]:
        """Return the amounts by slot for one person."""
        return self.own.get(person, self.amounts)


@dataclass(frozen=True, slots=True)
class Gaps:
    """The number of places that nobody has."""

    weight: Fraction | int = 1


@dataclass(frozen=True, slots=True)
class Balance:
    """The range of what is counted, each person's sum divided by their weight.

    ``among`` are the people that are compared, all without it.
    """

    counter: Counter
    weight: Fraction | int = 1
    among: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class PairBalance:
    """The smallest whole t with ``|w[i] × sum[j] − w[j] × sum[i]| ≤ per × t`` for all pairs.

    ``w`` are the people's weights, which have to be whole numbers.
    """

    counter: Counter
    per: int = 1
    weight: Fraction | int = 1


@dataclass(frozen=True, slots=True)
class Deviation:
    """The sum of what each person's count differs from their target, where they have one."""

    counter: Counter
    targets: Mapping[int, int]
    weight: Fraction | int = 1


@dataclass(frozen=True, slots=True)
class Costs:
    """The sum of the costs of person and slot, where they have one; negative is a wish met."""

    costs: Mapping[tuple[int, int], int]
    weight: Fraction | int = 1


@dataclass(frozen=True, slots=True)
class Broken:
    """How much a rule is broken, in the rule's own unit; what is fixed counts, too."""

    rule: Rule
    weight: Fraction | int = 1


Term = Gaps | Balance | PairBalance | Deviation | Costs | Broken


@dataclass(frozen=True, slots=True)
class Level:
    """One objective: the sum of its terms, each times its weight, to be as small as can be."""

    name: str
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Roster:
    """Slots, people, rules and objectives; the objectives in their order.

    The sums of amounts, costs and weights, brought to whole numbers, have to be below 2^53.

    ``fixed`` has pairs of slot and person, no more of a slot than it has places.
    """

    slots: Sequence[Slot]
    people: Sequence[Person]
    levels: Sequence[Level]
    rules: Sequence[Rule] = ()
    fixed: frozenset[tuple[int, int]] = frozenset()
    timezone: str = "UTC"


Assignment = tuple[tuple[int | None, ...], ...]
"""By slot the person in each of its places, in the order of its needs; ``None`` is a gap."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The value of one objective, and a bound: no assignment that is as good before has less."""

    name: str
    value: Fraction
    bound: Fraction

    @property
    def optimal(self) -> bool:
        """Whether the value is proven to be the smallest."""
        return self.value == self.bound


@dataclass(frozen=True, slots=True)
class Solution:
    """An assignment that breaks no rule, with what is proven of each objective."""

    assignment: Assignment
    proofs: tuple[Proof, ...]


def held_slots(roster: Roster, assignment: Assignment) -> list[list[int]]:
    """List the slots of each person, in order."""
    held: list[list[int]] = [[] for _ in roster.people]
    for slot, people in enumerate(assignment):
        for person in people:
            if person is not None:
                held[person].append(slot)
    return held
