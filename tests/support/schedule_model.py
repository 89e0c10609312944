"""A simple model in memory of one stored schedule of daily turns.

It keeps rules, overrides, entries, absences and cover requests in lists, and walks them for every
question. All instants in it are whole half-hours, in milliseconds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

HOUR, DAY = 3_600_000, 86_400_000
HALF_HOUR = HOUR // 2

Span = tuple[int, int]
"""``[start, end)``."""


@dataclass
class Assignment:
    """An override or entry; ``[from_at, until_at)`` is the part in force."""

    id: str
    user_id: str
    from_at: int
    until_at: int
    created_at: int
    swap_id: str | None = None
    cancelled: bool = False

    def holds(self, at: int) -> bool:
        return self.from_at <= at < self.until_at

    def can_be_taken_back(self, now: int) -> bool:
        stood = max(self.from_at, self.created_at) < min(self.until_at, now)
        return not self.cancelled and not (stood and self.until_at <= now)

    def take_back(self, now: int) -> None:
        start, end = max(self.from_at, self.created_at), min(self.until_at, now)
        self.from_at, self.until_at = (start, end) if start < end else (self.from_at, self.from_at)
        self.cancelled = True


class Rules(NamedTuple):
    """Daily turns from ``from_at`` on, with handoffs at an hour of the day.

    Whoever is at ``place`` in the list has the turn that holds ``begins_at``.
    """

    from_at: int
    names: Sequence[str]
    handoff: int
    place: int
    begins_at: int

    def place_at(self, at: int) -> int:
        days = [(each - self.handoff * HOUR) // DAY for each in (self.begins_at, at)]
        return (self.place + days[1] - days[0]) % len(self.names)

    def next_handoff(self, at: int) -> int:
        """Return the first handoff after an instant."""
        return at - (at - self.handoff * HOUR) % DAY + DAY

    def edited(self, names: Sequence[str], handoff: int, at: int) -> "Rules":
        """Return other rules from ``at`` on: who has the turn then keeps it, or passes it on."""
        place = 0
        order = []
        if self.names:
            order = [self.names[(self.place_at(at) + n) % len(self.names)] for n in range(3)]
        staying = [name for name in order[: len(self.names)] if name in names]
        if staying:
            holder, follower = (staying * 2)[:2]
            places = [each for each, name in enumerate(names) if name == holder]
            followed = [each for each in places if names[(each + 1) % len(names)] == follower]
            place = [*followed, *places][0]
        return Rules(at, names, handoff, place, at)


@dataclass
class Absence:
    """When somebody is away; what of it has happened stays when it is taken back."""

    id: str
    user_id: str
    spans: list[Span] = field(default_factory=list)
    deleted: bool = False

    def write(self, span: Span | None, now: int) -> None:
        """Replace what is to come by what of ``span`` is to come; ``None``: by nothing."""
        cut = [(start, min(end, now)) for start, end in self.spans]
        if span is not None:
            cut.append((max(span[0], now), span[1]))
        self.spans = [each for each in cut if each[0] < each[1]]


@dataclass
class Cover:
    """A cover request; ``written_state`` says nothing of its expiry."""

    id: str
    user_id: str
    span: Span
    offered_to: Sequence[str] | None
    expires_at: int
    written_state: str = "open"
    taken: list[tuple[int, int, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def state(self, now: int) -> str:
        is_over = self.written_state == "open" and self.expires_at <= now
        return "expired" if is_over else self.written_state

    def open_parts(self, now: int) -> list[Span]:
        """Return what nobody has accepted yet."""
        if self.state(now) != "open":
            return []
        parts, start = [], self.span[0]
        for from_at, until_at, _ in sorted(self.taken):
            parts.append((start, from_at))
            start = until_at
        return [each for each in (*parts, (start, self.span[1])) if each[0] < each[1]]

    def accept(self, parts: Sequence[Span], name: str, now: int) -> None:
        self.taken += [(*part, name) for part in parts]
        last = max((end for _, end in self.open_parts(now)), default=now)
        if last <= now:
            self.written_state = "accepted"
        self.expires_at = min(self.expires_at, max(last, now))

    def refuse(self, name: str) -> None:
        self.refused.append(name)
        if self.offered_to is not None and {*self.offered_to} <= {*self.refused}:
            self.written_state = "refused"


@dataclass
class Model:
    """The expected state of the one schedule, oldest first."""

    when_away: str = "next"
    rules: list[Rules] = field(default_factory=list)
    overrides: list[Assignment] = field(default_factory=list)
    entries: list[Assignment] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    covers: list[Cover] = field(default_factory=list)
    recorded: dict[int, str | None] = field(default_factory=dict)

    def scheduled(self, at: int) -> str | None:
        """Return whose turn it is at an instant, whether they are there or not."""
        rules = self.rules_at(at)
        return rules.names[rules.place_at(at)] if rules.names else None

    def of_layer(self, at: int) -> str | None:
        """Return who has the layer at an instant: whoever is there, by the order of the list."""
        rules = self.rules_at(at)
        if not rules.names:
            return None
        place = rules.place_at(at)
        order = [*rules.names[place:], *rules.names[:place]]
        asked = order if self.when_away == "next" else order[:1]
        return next((name for name in asked if not self.is_away(name, at)), None)

    def is_away(self, name: str, at: int) -> bool:
        return any(start <= at < end for start, end in self.away(name))

    def away(self, name: str) -> Iterator[Span]:
        """Yield when somebody is away."""
        for absence in self.absences:
            if absence.user_id == name:
                yield from absence.spans

    def standing_absences(self) -> Sequence[Absence]:
        """Return the absences that were not deleted."""
        return [absence for absence in self.absences if not absence.deleted]

    def rules_at(self, at: int) -> Rules:
        return [rules for rules in self.rules if rules.from_at <= at][-1]

    def taking_part(self, now: int) -> set[str]:
        """Return whom the rules of now, and of later, name."""
        now_at = self.rules.index(self.rules_at(now))
        return {name for rules in self.rules[now_at:] for name in rules.names}

    def assignment(self, at: int) -> Assignment | None:
        for assignments in (self.overrides, self.entries):
            for assignment in reversed(assignments):
                if assignment.holds(at):
                    return assignment
        return None

    def on_call(self, at: int) -> str | None:
        assignment = self.assignment(at)
        return assignment.user_id if assignment else self.of_layer(at)

    def has_all(self, name: str, parts: Sequence[Span]) -> bool:
        """Return whether somebody is on call in all of some parts."""
        return all(
            self.on_call(at) == name for start, end in parts for at in range(start, end, HALF_HOUR)
        )

    def correct(self, from_at: int, until_at: int) -> None:
        """Somebody wrote down who was on call then, or took that back."""
        for at in self.recorded:
            if from_at <= at < until_at:
                self.recorded[at] = self.on_call(at)


def overlap(one: Span, other: Span) -> bool:
    return max(one[0], other[0]) < min(one[1], other[1])
