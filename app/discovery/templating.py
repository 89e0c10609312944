"""The templates of pages and texts, for programs and people."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.discovery.template_filters import FILTERS

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def template(name: str) -> "Template":
    """Load a file of ``templates/``. HTML and XML are escaped. A missing variable is an error."""
    return _environment().get_template(name)


def _json(value: Any) -> str:
    """Format ``value``, or JSON as bytes, for people to read."""
    written = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return msgspec.json.format(written, indent=2).decode()


@cache
def _environment() -> "Environment":
    from jinja2 import (  # noqa: PLC0415 - takes 30 ms; a start need not wait
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
