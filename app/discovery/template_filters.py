"""What templates do to a value: JSON and commands to read, prose, addresses.

What goes between tags is escaped here, and its quotes stand for themselves: a page is a third
lighter for it.
"""

import html
import json
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

CODE = re.compile("`([^`]+)`")
LINE_WIDTH = 88


def between_tags(text: str) -> Markup:
    """``text`` as the content of an element, where quotes stand for themselves."""
    return Markup(html.escape(text, quote=False))  # noqa: S704 - escaped here


def prose(text: str) -> Markup:
    """One paragraph whose `backticks` are code."""
    words = str(between_tags(" ".join(text.split())))
    return Markup(CODE.sub(r"<code>\1</code>", words))  # noqa: S704 - escaped above


def breakable(address: str) -> Markup:
    """An address that may be broken after a slash."""
    return Markup("/<wbr>").join(address.split("/"))


def first_sentence(text: str) -> str:
    return text.partition(". ")[0].removesuffix(".") + "."


def json_text(value: object, indent: int = 2, margin: int = 0, label: str = "") -> str:
    """``value`` after ``label`` as JSON, in which what fits on a line is on one."""
    line = f"{label}{json.dumps(value, ensure_ascii=False)}"
    if margin + len(line) < LINE_WIDTH or not isinstance(value, Mapping | list):
        return line
    if isinstance(value, Mapping):
        members = [(f"{json.dumps(name)}: ", part) for name, part in value.items()]
    else:
        members = [("", part) for part in value]
    inner = margin + indent
    parts = [f"{' ' * inner}{json_text(part, indent, inner, name)}" for name, part in members]
    opening, closing = "{}" if isinstance(value, Mapping) else "[]"
    return "\n".join([label + opening, ",\n".join(parts), " " * margin + closing])


def _json(value: object, indent: int = 2) -> Markup:
    return between_tags(json_text(value, indent))


def undescribed(schema: object) -> object:
    """A JSON Schema without descriptions, where they stand beside it for people."""
    if isinstance(schema, list):
        return [undescribed(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        name: undescribed(part)
        for name, part in schema.items()
        if not (name == "description" and isinstance(part, str))
    }


def _shell_word(value: object) -> Markup:
    """``value`` as JSON, quoted for a shell."""
    return between_tags(shlex.quote(json_text(value)))


def _python(document: Mapping[str, Any]) -> Markup:
    """A flat document as a Python literal, a field a line."""
    lines = "".join(f"    {name!r}: {value!r},\n" for name, value in document.items())
    return between_tags(f"{{\n{lines}}}")


FILTERS: Mapping[str, Callable[..., object]] = {
    "code": _json,
    "undescribed": undescribed,
    "shell": _shell_word,
    "python": _python,
    "prose": prose,
    "breakable": breakable,
    "first_sentence": first_sentence,
}
