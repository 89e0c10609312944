"""Another tool's JSON document, read so that no field of it is dropped in silence.

Strategy: a document is read through nodes, which know their JSON pointer and write down which
fields were read or passed over on purpose. What nobody has asked for when the reading is over is
lost, and is told as such. A field of a wrong kind is an error with its pointer; reading goes on
with a harmless value, so that all errors are found at once.

Invariants: every member of a document is read, passed over, told as lost, or inside of one that is.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from app.errors import FieldError
from app.http.scalars import MAX_NAME, NoOffset, moment_ms, zone_of
from app.http.validation import pointer_to
from app.moving.conversion import Lost, Person

MAX_FOUND = 200
"""The most errors, and the most lost fields nobody knows, that are told."""
UNKNOWN = "is not known to this conversion"
UNUSED = "it was not used"


class Source:
    """One document while it is read: its errors, what is lost, and what was looked at.

    One that ``is_quick`` is read for its errors alone, and nothing is laid out for it.
    """

    def __init__(self, document: object, pointer: str = "", *, is_quick: bool = False) -> None:
        self.is_quick = is_quick
        self.errors: list[FieldError] = []
        self.lost: list[Lost] = []
        self.read: set[str] = set()
        self.passed_over: set[str] = set()
        self.people: dict[str, Person] = {}
        self.root = Node(document, pointer, self)

    def fault(self, pointer: str, text: str) -> None:
        """Write down an error of the document."""
        if len(self.errors) < MAX_FOUND:
            self.errors.append(FieldError(pointer, text))

    def lose(self, pointer: str, what: str, instead: str) -> None:
        """Write down what cannot be said, and what was done instead."""
        self.lost.append(Lost(pointer, what, instead))

    def add_person(self, user_id: str, name: str = "", email: str = "") -> None:
        """Remember somebody; a name or an address that came before stays."""
        before = self.people.get(user_id, Person(user_id, ""))
        self.people[user_id] = Person(
            user_id, before.name or name.strip(), before.email or email.strip()
        )

    def unread(self) -> Iterator[str]:
        """Yield the pointers to what nobody has looked at; a null or an empty list is nothing."""
        told = {lost.pointer for lost in self.lost}
        yield from _unread(self.root.value, self.root.pointer, self, told)

    def lose_unread(self) -> None:
        """Write down what nobody has looked at as lost."""
        found = list(self.unread())
        for pointer in found[:MAX_FOUND]:
            self.lose(pointer, UNKNOWN, UNUSED)
        if len(found) > MAX_FOUND:
            more = f"{len(found) - MAX_FOUND} more fields are not known to this conversion"
            self.lose(self.root.pointer, more, "they were not used")


def _unread(value: object, pointer: str, source: Source, told: set[str]) -> Iterator[str]:
    if pointer in source.passed_over or pointer in told or value is None or value in ([], {}):
        return
    if isinstance(value, dict | list):
        members = value.items() if isinstance(value, dict) else enumerate(value)
        inner = [(pointer_to(pointer, str(name)), item) for name, item in members]
        if pointer in source.read:
            for where, item in inner:
                yield from _unread(item, where, source, told)
            return
    if pointer not in source.read:
        yield pointer


class Node:
    """A value in a document, with its pointer."""

    __slots__ = ("pointer", "source", "value")

    def __init__(self, value: object, pointer: str, source: Source) -> None:
        self.value = value
        self.pointer = pointer
        self.source = source
        source.read.add(pointer)

    def at(self, name: str) -> str:
        """Return the pointer to a member."""
        return pointer_to(self.pointer, name)

    def get(self, name: str) -> Any:
        """Return a member as it is, without looking at it; ``None`` if there is none."""
        return self.value.get(name) if isinstance(self.value, dict) else None

    def has(self, name: str) -> bool:
        """Whether there is a member that is not null."""
        return self.get(name) is not None

    def fault(self, text: str, name: str = "") -> None:
        """Write down an error of this value, or of a member."""
        self.source.fault(self.at(name) if name else self.pointer, text)

    def lose(self, what: str, instead: str, name: str = "") -> None:
        """Write down that this value, or a member, cannot be said."""
        self.source.lose(self.at(name) if name else self.pointer, what, instead)

    def pass_over(self, *names: str) -> None:
        """Leave members out that say nothing of who is on call."""
        self.source.passed_over.update(map(self.at, names))

    def node(self, name: str) -> "Node":
        """Return a member that is an object; one without members if there is none."""
        value = self.get(name)
        if value is not None and not isinstance(value, dict):
            self.fault("is not an object", name)
            value = None
        return Node({} if value is None else value, self.at(name), self.source)

    def each(self, name: str) -> Sequence["Node"]:
        """Return the objects of a member that is a list, without nulls; none if there is none."""
        items = self.items(name)
        for item in items:
            if not isinstance(item.value, dict | None):
                item.fault("is not an object")
        return [item for item in items if isinstance(item.value, dict)]

    def items(self, name: str) -> Sequence["Node"]:
        """Return the items of a member that is a list; none if there is none."""
        value = self.get(name)
        if value is not None and not isinstance(value, list):
            self.fault("is not an array", name)
            value = None
        where = self.at(name)
        self.source.read.add(where)
        return [
            Node(item, f"{where}/{index}", self.source) for index, item in enumerate(value or ())
        ]

    def _member(self, name: str, kind: type, words: str, *, required: bool) -> Any:
        value = self.get(name)
        self.source.read.add(self.at(name))
        if value is None:
            if required:
                self.fault(f"is required: {words}", name)
        elif not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.fault(f"is not {words}", name)
            value = None
        return value

    def text(self, name: str, *, required: bool = False) -> str:
        """Return a text, in one line and without white space around it; empty if there is none."""
        value = self._member(name, str, "a string", required=required) or ""
        if required and self.get(name) == "":
            self.fault("is empty", name)
        return " ".join(str(value).split()).encode(errors="replace").decode()

    def label(self, name: str) -> str:
        """Return a text that names something, cut to the length of a name."""
        return self.text(name)[:MAX_NAME].strip()

    def whole(self, name: str, least: int, most: int, default: int | None = None) -> int:
        """Return a whole number within bounds; ``least`` where it is wrong."""
        required = default is None
        value = self._member(name, int, "a whole number", required=required)
        if value is None:
            return least if default is None else default
        if not least <= value <= most:
            self.fault(f"is not a whole number from {least} to {most}", name)
            return least
        return int(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a truth value."""
        value = self._member(name, bool, "true or false", required=False)
        return default if value is None else bool(value)

    def choice(self, name: str, words: Sequence[str]) -> str:
        """Return one of some words, in small letters; the first one where it is wrong."""
        given = self.text(name, required=True)
        word = given.lower()
        if given and word not in words:
            self.fault(f"is none of {', '.join(words)}", name)
        return word if word in words else words[0]

    def instant(self, name: str, *, required: bool = True) -> int | None:
        """Return an RFC 3339 instant in milliseconds; ``None`` if there is none, or a wrong one."""
        given = self.text(name, required=required)
        try:
            return moment_ms(given) if given else None
        except NoOffset:
            self.fault(f"{given[:40]!r} has no offset: end it with Z or its offset", name)
        except ValueError as error:
            self.fault(str(error), name)
        return None

    def stretch(self, start: str, end: str) -> tuple[int, int] | None:
        """Return the stretch between two instants; ``None`` if it is wrong."""
        start_at, end_at = self.instant(start), self.instant(end)
        if start_at is None or end_at is None:
            return None
        if end_at <= start_at:
            self.fault(f"is not after {start}", end)
            return None
        return start_at, end_at

    def zone(self, name: str, default: str = "") -> str:
        """Return the IANA zone that a member names; ``UTC`` where it is wrong."""
        given = self.text(name, required=not default)
        if not given:
            return default or "UTC"
        try:
            return zone_of(given)
        except ValueError as error:
            self.fault(str(error), name)
        return default or "UTC"

    def person(self, name: str = "id") -> str:
        """Return the id of somebody."""
        given = self.text(name, required=True)
        if len(given) > MAX_NAME:
            self.fault(f"has {len(given)} characters: at most {MAX_NAME}", name)
        return given[:MAX_NAME]
