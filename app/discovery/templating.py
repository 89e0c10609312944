"""The templates of what is read as text, by programs and people."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.discovery.template_filters import FILTERS

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def template(name: str) -> "Template":
    """A file of ``templates/``; HTML and XML are escaped. A name that it lacks is an error."""
    return _environment().get_template(name)


def _json(value: Any) -> str:
    """``value``, or JSON that is already written, for people to read."""
    written = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return msgspec.json.format(written, indent=2).decode()


@cache
def _environment() -> "Environment":
    from jinja2 import (  # noqa: PLC0415 - 30 ms that a start need not wait for
        Environment,
        FileSystemLoader,
        StrictUndefined,
        select_autoescape,
    )

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(("html", "xml")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"json": _json, **FILTERS}
    return environment
