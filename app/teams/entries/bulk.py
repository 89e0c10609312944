"""Entries in bulk: a list of them, or a rotation that ``oncall-rotation`` has answered.

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
from app.products.layered.layer_fields import Point
from app.products.layered.request import READ_ONLY, window_errors
from app.teams.entries.schemas import EntryPost, EntryShown
from app.teams.entries.store import StoredEntry
from app.teams.overrides.store import ManualAssignmentFields
from app.teams.schemas import UserId

MOST = 1_000
"""Items of one request."""

AnswerText = Annotated[str, READ_ONLY]
AnswerNumber = Annotated[int | float, READ_ONLY]
AnswerFlag = Annotated[bool, READ_ONLY]
AnswerObject = Annotated[dict[str, Any], READ_ONLY]
AnswerList = Annotated[list[Any], READ_ONLY]


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


class EntriesPost(RequestModel, frozen=True, rename="camel"):
    """Entries to create together: a list of them, or the answer of ``oncall-rotation`` as it is."""

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
            Meta(description="whose shifts of a rotation with roles; absent: those of the first"),
        ]
        | None
    ) = None
    users: (
        Annotated[
            dict[str, UserId],
            Meta(
                max_length=MOST,
                description="the user's id for each name in the rotation; any other name is "
                "an id itself",
            ),
        ]
        | None
    ) = None
    shift_counts: AnswerObject | None = None
    shift_length_hours: AnswerNumber | None = None
    balanced: AnswerFlag | None = None
    interpretation: AnswerText | None = None
    fairness: AnswerObject | None = None
    gaps: AnswerList | None = None
    carry_over: AnswerObject | None = None
    next_person: AnswerText | None = None
    understood_of_it: AnswerObject | None = field(default=None, name="understood")

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the whole: what there is of it, whose it is, and how long it is."""
        given = [name for name in ("entries", "rotation") if values.get(name) is not None]
        if len(given) == 2:
            yield FieldError("/rotation", "goes without entries: send one of them")
        elif values.keys() >= {"entries", "rotation"} and not given:
            yield FieldError("/entries", "send these, or a rotation as oncall-rotation answers it")
        for name in ("role", "users"):
            if values.get(name) is not None and "entries" in given:
                yield FieldError(f"/{name}", "goes with a rotation only")
        if "rotation" in given:
            yield from _role_errors(values)
            yield from _name_errors(values)
        for name in given:
            yield from _window_errors(name, values[name])

    @property
    def items(self) -> Sequence["Item"]:
        """The entries that are asked for, each with its pointer; gaps of a rotation are none."""
        if self.entries is not None:
            return [
                Item(f"/entries/{place}", each.fields, each.id, "user_id")
                for place, each in enumerate(self.entries)
            ]
        users = self.users or {}
        found = []
        for place, shift in enumerate(self.rotation or ()):
            name = shift.person if self.role is None else (shift.roles or {})[self.role]
            if name is not None:
                user_id = str(users.get(str(name), name))
                given = ManualAssignmentFields(user_id, int(shift.start), int(shift.end))
                found.append(Item(f"/rotation/{place}", given, None, "person"))
        return found


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


class EntriesMade(Struct, frozen=True):
    """What was created, in the order of the request."""

    entries: Sequence[EntryShown]
    gaps: Annotated[int, Meta(description="Shifts of the rotation that nobody has: no entries.")]


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


def overlap_errors(items: Sequence[Item], entries: Sequence[StoredEntry]) -> Iterator[FieldError]:
    """Yield an error for each item whose user has another entry at that time.

    Of two items the later one in the list has it. ``entries`` are those that there are already.
    """
    held: dict[str, list[_Held]] = defaultdict(list)
    for entry in entries:
        for user_id in set() if entry.generated else {entry.scheduled_user_id, *entry.user_ids}:
            what = f"the entry {entry.id}"
            held[user_id].append(_Held(entry.start_at, entry.end_at, -1, what))
    for place, item in enumerate(items):
        given = item.fields
        held[item.user_id].append(_Held(given.start_at, given.end_at, place, item.pointer))
    faults: dict[int, str] = {}
    for own in held.values():
        for first, second in _overlaps(own):
            faults.setdefault(second.place, first.what)
    for place in sorted(faults):
        item = items[place]
        detail = f"{item.user_id} has {faults[place]} at that time"
        yield FieldError(item.pointer, detail)


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


def _role_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error if a shift lacks the role that is asked for."""
    role = values.get("role")
    for place, shift in enumerate(values["rotation"] if role is not None else ()):
        if role not in (shift.roles or {}):
            known = ", ".join(shift.roles or ()) or "none"
            yield FieldError("/role", f"/rotation/{place} has no role {role}: it has {known}")
            return


def _name_errors(values: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield an error for each of ``users`` whom the rotation does not name."""
    shifts = values["rotation"]
    named = {str(name) for shift in shifts for name in _people_of(shift)}
    for name in values.get("users") or ():
        if name not in named:
            yield FieldError("/users", f"the rotation names nobody {name}")


def _people_of(shift: BoughtShift) -> Iterator[str | None]:
    yield shift.person
    yield from (shift.roles or {}).values()


def _window_errors(name: str, items: Sequence[Any]) -> Iterator[FieldError]:
    """Yield an error if items lie too far apart to be looked at together."""
    try:
        check_window(min(int(each.start) for each in items), max(int(each.end) for each in items))
    except OutOfBounds as error:
        yield FieldError(f"/{name}", f"from the first start to the last end: {error.detail}")
