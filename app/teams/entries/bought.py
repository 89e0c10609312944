"""What the products answer, as the entries of a schedule: a rotation's shifts, a roster's slots.

Strategy: an answer is a body as it is. A schedule has one person on call at a time, so a roster
whose slots overlap, or have several people, says which of them the schedule is about, by kind,
skill and place; two people at once are a fault and never left to chance.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from app.errors import FieldError
from app.http.validation import RequestModel
from app.products.layered.layer_fields import Point
from app.products.layered.request import READ_ONLY, window_errors
from app.teams.overrides.store import ManualAssignmentFields
from app.teams.schemas import UserId

AnswerText = Annotated[str, READ_ONLY]
AnswerNumber = Annotated[int | float, READ_ONLY]
AnswerFlag = Annotated[bool, READ_ONLY]
AnswerObject = Annotated[dict[str, Any], READ_ONLY]
AnswerList = Annotated[list[Any], READ_ONLY]
AnswerFairness = Annotated[dict[str, Any] | list[Any], READ_ONLY]

Person = Annotated[UserId, Meta(description="a user's id, or a name in `users`")]
Skill = Annotated[str, Meta(max_length=200)]


class Item(NamedTuple):
    """An entry that is asked for: where it stands, what it is, and the field that says whose."""

    pointer: str
    fields: ManualAssignmentFields
    id: str | None
    whose: str

    @property
    def user_id(self) -> str:
        """Whose it is."""
        return str(self.fields.user_id)


class BoughtShift(RequestModel, frozen=True, rename="camel"):
    """One shift of a rotation, as ``oncall-rotation`` answers it."""

    person: (
        Annotated[UserId, Meta(description="a user's id, or a name in `users`; null: a gap")] | None
    )
    start: Point
    end: Point
    roles: Annotated[dict[str, UserId | None], Meta(description="who has each role")] | None = None
    shift: AnswerNumber | None = None
    next_handoff: AnswerText | None = None
    start_local: AnswerText | None = None
    end_local: AnswerText | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the shift's stretch."""
        return window_errors(values, "start", "end", "/end")

    def holder(self, role: str | None) -> str | None:
        """Return who has a role of it, which it has; the person, if it is ``None``."""
        return self.person if role is None else (self.roles or {})[role]

    @property
    def names(self) -> Iterator[str]:
        """Everybody whom it names."""
        named = (self.person, *(self.roles or {}).values())
        return (str(name) for name in named if name is not None)


class BoughtPlace(RequestModel, frozen=True):
    """Who has a place of a slot, as ``oncall-roster`` answers it."""

    person: Person
    skill: Annotated[Skill, Meta(description="what the place asks for")] | None = None


class BoughtSlot(RequestModel, frozen=True, rename="camel"):
    """One slot of a roster, as ``oncall-roster`` answers it."""

    start: Point
    end: Point
    people: Annotated[list[BoughtPlace], Meta(max_length=20, description="those who have it")]
    kind: Annotated[str, Meta(max_length=200)] | None = None
    slot: AnswerNumber | None = None
    start_local: AnswerText | None = None
    end_local: AnswerText | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the slot's stretch."""
        return window_errors(values, "start", "end", "/end")

    @property
    def names(self) -> Iterator[str]:
        """Everybody whom it names."""
        return (str(place.person) for place in self.people)


def shift_items(
    shifts: Sequence[BoughtShift], role: str | None, users: Mapping[str, str], *, has_roles: bool
) -> Sequence[Item]:
    """Return the entries of a rotation, of its ``role`` if the schedule ``has_roles``."""
    found = []
    for place, shift in enumerate(shifts):
        name = shift.holder(role)
        if name is not None:
            user_id = str(users.get(str(name), name))
            span = (int(shift.start), int(shift.end))
            given = ManualAssignmentFields(user_id, *span, role=role if has_roles else None)
            found.append(Item(f"/rotation/{place}", given, None, "person"))
    return found


class Choice(NamedTuple):
    """What of a roster a schedule is about; ``place`` is from 1, among those who are left."""

    kind: str | None = None
    skill: str | None = None
    place: int | None = None

    def is_about(self, slot: BoughtSlot) -> bool:
        """Tell whether a slot is of the kind."""
        return self.kind in (None, slot.kind)

    def of(self, slot: BoughtSlot) -> Sequence[int]:
        """Return the numbers of the people of a slot that are meant."""
        able = [n for n, held in enumerate(slot.people) if self.skill in (None, held.skill)]
        return able if self.place is None else able[self.place - 1 : self.place]


def slot_items(
    slots: Sequence[BoughtSlot], choice: Choice, users: Mapping[str, str]
) -> Sequence[Item]:
    """Return the entries of a roster."""
    return [
        Item(
            f"/assignments/{number}",
            ManualAssignmentFields(
                str(users.get(str(slot.people[held].person), slot.people[held].person)),
                int(slot.start),
                int(slot.end),
            ),
            None,
            f"people/{held}/person",
        )
        for number, slot in enumerate(slots)
        if choice.is_about(slot)
        for held in choice.of(slot)
    ]


def role_errors(role: str, shifts: Sequence[BoughtShift]) -> Iterator[FieldError]:
    """Yield an error if a shift lacks the role that is asked for."""
    for place, shift in enumerate(shifts):
        if role not in (shift.roles or {}):
            known = ", ".join(shift.roles or ()) or "none"
            yield FieldError("/role", f"/rotation/{place} has no role {role}: it has {known}")
            return


def name_errors(
    what: str, bought: Sequence[BoughtShift | BoughtSlot], users: Mapping[str, Any]
) -> Iterator[FieldError]:
    """Yield an error for each of ``users`` whom an answer does not name."""
    named = {name for each in bought for name in each.names}
    for name in users:
        if name not in named:
            yield FieldError("/users", f"the {what} names nobody {name}")


def choice_errors(choice: Choice, slots: Sequence[BoughtSlot]) -> Iterator[FieldError]:
    """Yield an error for a kind or skill that no slot of a roster has."""
    kinds = dict.fromkeys(str(slot.kind) for slot in slots if slot.kind)
    skills = dict.fromkeys(str(held.skill) for slot in slots for held in slot.people if held.skill)
    for name, wanted, known in (("kind", choice.kind, kinds), ("skill", choice.skill, skills)):
        if wanted is not None and wanted not in known:
            yield FieldError(f"/{name}", f"no slot has it: there is {', '.join(known) or 'none'}")


def together_errors(items: Sequence[Item]) -> Iterator[FieldError]:
    """Yield an error for each entry of a roster that meets another person's."""
    order = sorted(items, key=lambda item: (item.fields.start_at, item.fields.end_at))
    longest: Item | None = None
    for item in order:
        if longest and item.fields.start_at < longest.fields.end_at:
            there = f"{longest.user_id} ({longest.pointer})"
            yield FieldError(
                item.pointer,
                f"{item.user_id} and {there} would be on call at once, and a schedule has one "
                "person at a time: choose by kind, skill or place",
            )
        if longest is None or item.fields.end_at > longest.fields.end_at:
            longest = item
