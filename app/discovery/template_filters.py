"""The filters of the templates: JSON and commands for readers, prose and addresses.

Text between tags is escaped here, except for its quotes, which makes a page a third smaller.
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
    """Escape ``text`` as the content of an element, where quotes need no escape."""
    return Markup(html.escape(text, quote=False))  # noqa: S704 - escaped here


def prose(text: str) -> Markup:
    """Return ``text`` as one paragraph, with the text in `backticks` as code."""
    words = str(between_tags(" ".join(text.split())))
    return Markup(CODE.sub(r"<code>\1</code>", words))  # noqa: S704 - escaped above


def breakable(address: str) -> Markup:
    """Return an address that a browser may break after each slash."""
    return Markup("/<wbr>").join(address.split("/"))


def first_sentence(text: str) -> str:
    """Return the first sentence of ``text``."""
    return text.partition(". ")[0].removesuffix(".") + "."


def json_text(value: object, indent: int = 2, margin: int = 0, label: str = "") -> str:
    """Return ``label`` and ``value`` as JSON, with each part on one line if it fits."""
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
    """Return a JSON Schema without descriptions, for a page that shows them beside it."""
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
    """Return ``value`` as JSON, quoted for a shell."""
    return between_tags(shlex.quote(json_text(value)))


def _python(document: Mapping[str, Any]) -> Markup:
    """Return a flat document as a Python literal with one field on each line."""
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
