"""The inputs of a form, made from a JSON Schema and filled with an example.

Strategy: the tree of inputs follows the schema that the API publishes, so every field has an input,
a new one too. What people read and a schema does not say – a label, a shorter hint, which input
picks a value best – stands in ``form_words.py``, by the path of the field. The script of the form
(``static/fields.js``) reads the document back from the same tree.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.discovery.form_words import PEOPLE, UNASKED, words_for
from app.discovery.schema_tables import Schema, is_read_only, name_of, without_null
from app.http.scalars import DATE_LENGTH

TIME_OF_DAY = r"^([01][0-9]|"
"""How the pattern of a time of day begins."""
LEAVES = {"number": "number", "integer": "number", "boolean": "flag"}
"""The kinds of inputs by the types of fields."""
CONTAINERS = ("object", "rows", "keyed", "pairs")


@dataclass(frozen=True)
class Input:
    """One input, or a group of them.

    ``kind`` is ``text``, ``document``, ``number``, ``choice``, ``flag`` (true or false),
    ``checks``, ``lines``, ``places`` (lines, of which empty ones are null), ``moment``,
    ``first-day``, ``last-day``, ``time``, ``zone``, ``calendar``, or a group: ``object`` has
    ``parts``, ``rows`` are objects with ``parts``, ``keyed`` has a ``key`` and then ``parts`` in
    each row, ``pairs`` have two. ``value`` is what the example has, as the input holds it.
    """

    name: str
    label: str
    kind: str
    hint: str
    required: bool
    value: Any = ""
    placeholder: str = ""
    options: Sequence[tuple[str, str]] = ()
    parts: Sequence["Input"] = ()
    key: "Input | None" = None
    names_a_person: bool = False
    is_advanced: bool = False
    add: str = "Add a row"


def inputs_of(
    schema: Schema, example: Mapping[str, Any], unasked: Collection[str] = ()
) -> Sequence[Input]:
    """Return an input for each field of the document that ``schema`` describes.

    Fields that are accepted and not used have none, nor have those that are ``unasked``.
    """
    objects = schema["$defs"]
    zone = ZoneInfo(example.get("timezone") or "UTC")
    maker = _Maker(objects, zone, name_of(schema))
    members = maker.members(name_of(schema), "", example)
    return [each for each in members if each.name not in unasked]


@dataclass(frozen=True)
class _Maker:
    """Makes inputs from the ``objects`` of a schema, with instants by the clock of ``zone``.

    ``root`` is the name of the document's own type.
    """

    objects: Mapping[str, Schema]
    zone: ZoneInfo
    root: str

    def members(self, of: str, path: str, example: Mapping[str, Any]) -> Iterator[Input]:
        """Yield an input for each field of an object."""
        required = self.objects[of].get("required", ())
        for name, field in self.objects[of]["properties"].items():
            where = f"{path}/{name}".lstrip("/")
            if where in UNASKED or is_read_only(field):
                continue
            yield self.input(where, field, example.get(name), required=name in required)

    def input(self, path: str, field: Schema, value: Any, *, required: bool = False) -> Input:
        """Return the input of the field at ``path``."""
        name = path.rpartition("/")[2]
        plain, words = without_null(field), words_for(self.root, path)
        kind = words.kind or _kind(plain)
        if value is None:
            value = plain.get("default")
        if words.is_empty_by_default and value == plain.get("default"):
            value = None
        shape: dict[str, Any] = {"value": self._text(kind, value)}
        if kind in CONTAINERS:
            shape = self._shape(kind, path, plain, value)
        return Input(
            name,
            words.label or _label(name),
            kind,
            words.hint if words.hint is not None else _sentence(plain.get("description", "")),
            required,
            placeholder=_placeholder(plain),
            options=[(option, words.options.get(option, option)) for option in _options(plain)],
            names_a_person=name in PEOPLE or path in PEOPLE,
            is_advanced=words.is_advanced,
            add=words.add or "Add a row",
            **shape,
        )

    def _shape(self, kind: str, path: str, field: Schema, value: Any) -> dict[str, Any]:
        """Return what a group holds: its parts, and an example for each of its rows."""
        if kind == "object":
            return {"parts": list(self.members(name_of(field), path, value or {}))}
        if kind == "keyed":
            return self._keyed(path, field, value or {})
        if kind == "pairs":
            parts = [self.input(f"{path}/{side}", field["items"]["items"], "") for side in "01"]
            return {"parts": parts, "value": []}
        of = name_of(field["items"])
        rows = [list(self.members(of, path, row)) for row in value or ()]
        return {"parts": list(self.members(of, path, {})), "value": rows}

    def _keyed(self, path: str, field: Schema, value: Mapping[str, Any]) -> dict[str, Any]:
        inner, of = field["additionalProperties"], name_of(field["additionalProperties"])
        where = f"{path}/*"

        def parts(held: Any) -> Sequence[Input]:
            if of:
                return list(self.members(of, where, held or {}))
            return [self.input(where, inner, held, required=True)]

        key = self.input(f"{path}/key", {"type": "string"}, "", required=True)
        rows = [(name, parts(held)) for name, held in value.items()]
        return {"key": key, "parts": parts(None), "value": rows}

    def _text(self, kind: str, value: Any) -> Any:
        """Return a value as the input of its kind holds it."""
        if value is None:
            return () if kind == "checks" else ""
        writers: Mapping[str, Callable[[Any], Any]] = {
            "checks": tuple,
            "flag": json.dumps,
            "document": lambda held: held if isinstance(held, str) else json.dumps(held, indent=1),
            "lines": lambda lines: "\n".join(map(str, lines)),
            "places": lambda places: "\n".join(skill or "" for skill in places),
            "moment": lambda text: self._wall(text)[:16],
            "first-day": lambda text: self._wall(text)[:10],
            "last-day": self._last_day,
            "time": lambda text: "00:00" if text == "24:00" else text,
        }
        return writers.get(kind, str)(value)

    def _last_day(self, text: str) -> str:
        """Return the last day before an end; a date is that day itself."""
        if len(text) == DATE_LENGTH:
            return text
        return self._wall(text, before=timedelta(microseconds=1))[:DATE_LENGTH]

    def _wall(self, text: str, before: timedelta = timedelta()) -> str:
        """Return an instant, or a time that is local already, by the clock of the zone."""
        at = datetime.fromisoformat(text)
        return ((at.astimezone(self.zone) if at.tzinfo else at) - before).isoformat()


def _kind(field: Schema) -> str:
    """Return the kind of the input for a field that has no kind of its own in ``WORDS``."""
    if "items" in field:
        return _kind_of_list(field["items"])
    if "enum" in field:
        return "choice"
    if name_of(field):
        return "object"
    return "keyed" if isinstance(field.get("additionalProperties"), Mapping) else _leaf(field)


def _kind_of_list(maybe: Schema) -> str:
    items = without_null(maybe)
    if name_of(items):
        return "rows"
    if items.get("type") == "array":
        return "pairs"
    if "enum" in items:
        return "checks"
    return "lines" if items == maybe else "places"


def _leaf(field: Schema) -> str:
    if field.get("type") in LEAVES:
        return LEAVES[field["type"]]
    if field.get("format") == "date-time":
        return "moment"
    return "time" if TIME_OF_DAY in field.get("pattern", "") else "text"


def _options(field: Schema) -> Sequence[str]:
    if field.get("type") == "boolean":
        return ("true", "false")
    return field.get("enum") or field.get("items", {}).get("enum") or ()


def _placeholder(field: Schema) -> str:
    example = next(iter(field.get("examples", ())), None)
    return "" if example is None or isinstance(example, list | dict) else str(example)


def _label(name: str) -> str:
    """Return the name of a field as words, such as "Shift length hours"."""
    return re.sub(r"(?<=[a-z])([A-Z])", r" \1", name).replace("_", " ").capitalize()


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}." if text else ""
