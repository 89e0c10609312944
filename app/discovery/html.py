"""HTML pages and static files, with the security headers of every page.

Strategy: a page loads nothing from elsewhere. Its policy allows this origin only, and scripts and
styles are files. The address of a file changes with its content, so caches may keep it for ever.
"""

import mimetypes
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.discovery.representations import FOR_EVER, FOR_MINUTES, Representation
from app.discovery.templating import template

HTML = "text/html"
STATIC = Path(__file__).parent / "static"
IMPORT = re.compile(r'from "\./([\w.-]+)"')
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


def html_page(name: str, **context: Any) -> Representation:
    """Render the template ``name`` with ``context``. A variable that is missing is an error."""
    text = template(name).render({"asset": asset, **context})
    return Representation(text.encode(), HTML, SECURITY_HEADERS)


@cache
def static_files() -> Mapping[str, Representation]:
    """Return the files of ``static/`` by name."""
    return {path.name: _static(path.name) for path in sorted(STATIC.iterdir())}


@cache
def _static(name: str) -> Representation:
    """Return a file. A script imports the others by addresses that name their content."""
    body = (STATIC / name).read_bytes()
    if name.endswith(".js"):
        body = IMPORT.sub(lambda match: f'from "{asset(match[1])}"', body.decode()).encode()
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Representation(body, media_type, {"X-Content-Type-Options": "nosniff"})


async def static_file(request: Request) -> Response:
    """Answer with a static file. Caches may keep it for ever if the address names its content."""
    file = static_files().get(request.path_params["name"])
    if file is None:
        raise HTTPException(404)
    named = request.query_params.get("v") == file.digest
    return file.response(request, **{"Cache-Control": FOR_EVER if named else FOR_MINUTES})


def asset(name: str) -> str:
    """Return the address of the present version of a static file."""
    return f"/static/{name}?v={_static(name).digest}"
