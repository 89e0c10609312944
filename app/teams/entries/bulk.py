"""Entries in bulk: a list of them, or what ``oncall-rotation`` or ``oncall-roster`` has answered.

Strategy: all or nothing. Faults are told together, each at the item that has it, and what the
schedule has in all of their time is read once before they are written and once after.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct, field

from app.engine.layered.limits import check_window
from app.errors import FieldError, OutOfBounds
from app.http.validation import RequestModel
from app.teams.entries.bought import (
    AnswerFairness,
    AnswerFlag,
    AnswerList,
    AnswerNumber,
    AnswerObject,
    AnswerText,
    BoughtShift,
    BoughtSlot,
    Choice,
    Item,
    Skill,
    choice_errors,
    name_errors,
    role_errors,
    shift_items,
    slot_items,
    together_errors,
)
from app.teams.entries.schemas import EntryPost, EntryShown
from app.teams.entries.store import StoredEntry
from app.teams.schemas import UserId

MOST = 1_000
"""Items of one request."""

GIVEN = ("entries", "rotation", "assignments")
"""The fields of which a request has one."""
WORDS: Mapping[str, str] = {"rotation": "rotation", "assignments": "roster"}
CHOOSES: Mapping[str, Sequence[str]] = {
    "role": ["rotation"],
    "users": ["rotation", "assignments"],
    "kind": ["assignments"],
    "skill": ["assignments"],
    "place": ["assignments"],
}
"""The fields that choose, each with what they choose from."""


class EntriesPost(RequestModel, frozen=True, rename="camel"):
    """Entries to create together: a list of them, or a bought rotation or roster as it is."""

    entries: (
        Annotated[
            list[EntryPost],
            Meta(min_length=1, max_length=MOST, description="1 to 1,000 entries"),
        ]
        | None
    ) = None
    rotation: (
        Annotated[
            list[BoughtShift],
            Meta(
                min_length=1,
                max_length=MOST,
                description="1 to 1,000 shifts of a bought rotation, in place of entries",
            ),
        ]
        | None
    ) = None
    role: (
        Annotated[
            str,
            Meta(
                description="whose shifts of a rotation with roles; absent: those of the first. "
                "Where layers of the schedule have roles, it is one of these as well"
            ),
        ]
        | None
    ) = None
    assignments: (
        Annotated[
            list[BoughtSlot],
            Meta(
                min_length=1,
                max_length=MOST,
                description="1 to 1,000 slots of a bought roster, in place of entries",
            ),
        ]
        | None
    ) = None
    kind: (
        Annotated[
            str, Meta(max_length=200, description="the slots of a roster that are meant; else all")
        ]
        | None
    ) = None
    skill: (
        Annotated[
            Skill,
            Meta(description="the places of a roster that are meant: those that ask for it"),
        ]
        | None
    ) = None
    place: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=20,
                description="which of the people of each slot, from 1, of those with the skill",
            ),
        ]
        | None
    ) = None
    users: (
        Annotated[
            dict[str, UserId],
            Meta(
                max_length=MOST,
                description="the user's id for each name in the rotation or roster; any other name "
                "is an id itself",
            ),
        ]
        | None
    ) = None
    shift_counts: AnswerObject | None = None
    shift_length_hours: AnswerNumber | None = None
    balanced: AnswerFlag | None = None
    interpretation: AnswerText | None = None
    fairness: AnswerFairness | None = None
    gaps: AnswerList | None = None
    carry_over: AnswerObject | None = None
    carry_over_holidays: AnswerObject | None = None
    next_person: AnswerText | None = None
    loads: AnswerObject | None = None
    explanations: AnswerList | None = None
    changes: AnswerList | None = None
    warnings: AnswerList | None = None
    understood_of_it: AnswerObject | None = field(default=None, name="understood")

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the whole: what there is of it, whose it is, and how long it is."""
        given = [name for name in GIVEN if values.get(name) is not None]
        if len(given) > 1:
            yield FieldError(f"/{given[1]}", f"goes without {given[0]}: send one of them")
        elif values.keys() >= {*GIVEN} and not given:
            wanted = (
                "send these, or a rotation or roster as oncall-rotation or oncall-roster answers it"
            )
            yield FieldError("/entries", wanted)
        for name, goes_with in CHOOSES.items():
            if values.get(name) is not None and given and given[0] not in goes_with:
                kinds = " or ".join(WORDS[each] for each in goes_with)
                yield FieldError(f"/{name}", f"goes with a {kinds} only")
        if len(given) == 1:
            yield from _bought_errors(given[0], values)
        for name in given:
            yield from _window_errors(name, values[name])

    @property
    def given(self) -> str:
        """The field that has what is to be created."""
        return next(name for name in GIVEN if getattr(self, name) is not None)

    def items_of(self, *, has_roles: bool) -> Sequence[Item]:
        """Return the entries that are asked for, each with its pointer; gaps are none.

        Those of a rotation are of its ``role``, if the schedule ``has_roles``.
        """
        users = {name: str(user_id) for name, user_id in (self.users or {}).items()}
        if self.rotation is not None:
            return shift_items(self.rotation, self.role, users, has_roles=has_roles)
        if self.assignments is not None:
            return slot_items(self.assignments, self.choice, users)
        return [
            Item(f"/entries/{place}", each.fields, each.id, "user_id")
            for place, each in enumerate(self.entries or ())
        ]

    @property
    def choice(self) -> Choice:
        """What of a roster is meant."""
        return Choice(self.kind, self.skill, self.place)

    @property
    def gap_count(self) -> int:
        """The shifts or slots that are meant and that nobody has."""
        if self.assignments is not None:
            choice = self.choice
            meant = (slot for slot in self.assignments if choice.is_about(slot))
            return sum(not choice.of(slot) for slot in meant)
        shifts = self.rotation or ()
        return sum(shift.holder(self.role) is None for shift in shifts)


class EntriesMade(Struct, frozen=True):
    """What was created, in the order of the request."""

    entries: Sequence[EntryShown]
    gaps: Annotated[
        int, Meta(description="Shifts or slots of what was bought that nobody has: no entries.")
    ]


def window_of(items: Sequence[Item]) -> tuple[int, int]:
    """Return the window that holds all items."""
    return (
        min(item.fields.start_at for item in items),
        max(item.fields.end_at for item in items),
    )


def id_errors(items: Sequence[Item], taken: set[str]) -> Iterator[FieldError]:
    """Yield the errors of ids that are taken, or that two items have."""
    seen = set(taken)
    for item in items:
        if item.id is not None:
            if item.id in seen:
                yield FieldError(f"{item.pointer}/id", f"the id {item.id} is taken")
            seen.add(item.id)


def overlap_errors(items: Sequence[Item], entries: Sequence[StoredEntry]) -> list[FieldError]:
    """Return an error for each item whose user has another entry of its role at that time.

    Of two items the later one in the list has it. ``entries`` are those that there are already.
    """
    held: dict[tuple[str, str | None], list[_Held]] = defaultdict(list)
    for entry in entries:
        for user_id in set() if entry.generated else {entry.scheduled_user_id, *entry.user_ids}:
            what = f"the entry {entry.id}"
            held[user_id, entry.role].append(_Held(entry.start_at, entry.end_at, -1, what))
    for place, item in enumerate(items):
        given = item.fields
        own = _Held(given.start_at, given.end_at, place, item.pointer)
        held[item.user_id, given.role].append(own)
    faults: dict[int, str] = {}
    for some in held.values():
        for first, second in _overlaps(some):
            faults.setdefault(second.place, first.what)
    return [
        FieldError(items[place].pointer, f"{items[place].user_id} has {what} at that time")
        for place, what in sorted(faults.items())
    ]


class _Held(NamedTuple):
    """A stretch that somebody has. ``place`` is that of an item, -1 for an entry that there is."""

    start_at: int
    end_at: int
    place: int
    what: str


def _overlaps(held: list[_Held]) -> Iterator[tuple[_Held, _Held]]:
    """Yield pairs that overlap, of which the later one in the list is an item, and comes second.

    Whatever begins before another has ended is in one of the pairs.
    """
    held.sort()
    longest = held[0]
    for each in held[1:]:
        first, second = sorted([longest, each], key=_place_of)
        if each.start_at < longest.end_at and second.place >= 0:
            yield first, second
        longest = max(longest, each, key=_end_of)


def _place_of(held: _Held) -> int:
    return held.place


def _end_of(held: _Held) -> int:
    return held.end_at


def _bought_errors(given: str, values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield the errors of a rotation or roster by itself."""
    users = values.get("users") or {}
    bought = values[given] if given in WORDS else ()
    yield from name_errors(WORDS.get(given, ""), bought, users if bought else {})
    if given == "rotation" and values.get("role") is not None:
        yield from role_errors(values["role"], bought)
    if given == "assignments" and {"kind", "skill", "place"} <= values.keys():
        choice = Choice(values["kind"], values["skill"], values["place"])
        errors = list(choice_errors(choice, bought))
        ids = {name: str(user_id) for name, user_id in users.items()}
        yield from errors or together_errors(slot_items(bought, choice, ids))


def _window_errors(name: str, items: Sequence[Any]) -> Iterator[FieldError]:
    """Yield an error if items lie too far apart to be looked at together."""
    try:
        check_window(min(int(each.start) for each in items), max(int(each.end) for each in items))
    except OutOfBounds as error:
        yield FieldError(f"/{name}", f"from the first start to the last end: {error.detail}")
