"""The filters of the templates: JSON and code for readers, prose and addresses.

Text between tags is escaped here, except for its quotes, which makes a page a third smaller.
"""

import html
import json
import re
from collections.abc import Callable, Mapping

from markupsafe import Markup

from app.discovery.field_rows import markdown_table
from app.discovery.highlighting import highlighted

CODE = re.compile("`([^`]+)`")
LINE_WIDTH = 88


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


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


def json_text(
    value: object,
    indent: int = 2,
    *,
    write: Callable[[object], str] = _dumps,
    width: int = LINE_WIDTH,
) -> str:
    """Return ``value`` as JSON, with each part on one line if it fits in ``width``.

    ``write`` writes a part on one line; ``repr`` makes it a Python literal.
    """

    def text(value: object, margin: int, label: str) -> str:
        line = f"{label}{write(value)}"
        if margin + len(line) < width or not isinstance(value, Mapping | list):
            return line
        if isinstance(value, Mapping):
            members = [(f"{write(name)}: ", part) for name, part in value.items()]
        else:
            members = [("", part) for part in value]
        inner = margin + indent
        parts = [f"{' ' * inner}{text(part, inner, name)}" for name, part in members]
        opening, closing = "{}" if isinstance(value, Mapping) else "[]"
        return "\n".join([label + opening, ",\n".join(parts), " " * margin + closing])

    return text(value, 0, "")


def undescribed(schema: object) -> object:
    """Return a JSON Schema without its words, for a page that shows them beside it."""
    if isinstance(schema, list):
        return [undescribed(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        name: undescribed(part)
        for name, part in schema.items()
        if not (name in ("title", "description") and isinstance(part, str))
    }


FILTERS: Mapping[str, Callable[..., object]] = {
    "code": lambda value: between_tags(json_text(value)),
    "as_json": json_text,
    "highlighted": highlighted,
    "undescribed": undescribed,
    "field_table": markdown_table,
    "decoded": json.loads,
    "prose": prose,
    "breakable": breakable,
    "first_sentence": first_sentence,
}
