"""Templates and static files, and the headers that every HTML page has.

Strategy: a page brings nothing that is not ours: the policy names this origin only, scripts and
styles are files, and a file's address changes with its content, so it may be kept for ever.
"""

import html
import json
import mimetypes
import re
import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.listing.representations import FOR_EVER, FOR_MINUTES, Representation

HTML = "text/html"
HERE = Path(__file__).parent
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
CODE = re.compile("`([^`]+)`")
LINE_WIDTH = 88


def html_page(template: str, **context: Any) -> Representation:
    """``template`` with ``context``. A name that it lacks is an error."""
    text = _environment().get_template(template).render(context)
    return Representation(text.encode(), HTML, SECURITY_HEADERS)


@cache
def static_files() -> Mapping[str, Representation]:
    """What is in ``static/``, by name."""
    return {
        path.name: Representation(
            path.read_bytes(),
            mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            {"X-Content-Type-Options": "nosniff"},
        )
        for path in sorted((HERE / "static").iterdir())
    }


async def static_file(request: Request) -> Response:
    """A static file; kept for ever where the address names its content."""
    file = static_files().get(request.path_params["name"])
    if file is None:
        raise HTTPException(404)
    named = request.query_params.get("v") == file.digest
    return file.response(request, **{"Cache-Control": FOR_EVER if named else FOR_MINUTES})


def asset(name: str) -> str:
    """The address of a static file as it is now."""
    return f"/static/{name}?v={static_files()[name].digest}"


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


def _shell_word(value: object) -> Markup:
    """``value`` as JSON, quoted for a shell."""
    return between_tags(shlex.quote(json_text(value)))


def _python(document: Mapping[str, Any]) -> Markup:
    """A flat document as a Python literal, a field a line."""
    lines = "".join(f"    {name!r}: {value!r},\n" for name, value in document.items())
    return between_tags(f"{{\n{lines}}}")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset
    environment.filters |= {
        "json": _json,
        "shell": _shell_word,
        "python": _python,
        "prose": prose,
        "breakable": breakable,
        "first_sentence": first_sentence,
    }
    return environment
