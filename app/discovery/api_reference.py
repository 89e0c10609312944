"""``/docs``: the API reference, drawn in the browser by a vendored viewer from ``/openapi.json``.

Strategy: the viewer is swagger-ui, pinned and copied in by ``scripts/vendor_docs.py``; it works
under the policy of every page here, which allows no inline script or style and no other origin. Its
files are kept compressed, as nearly all browsers want them; an address names its content, so it may
be kept for ever.
"""

import gzip
import mimetypes
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.discovery.html import HTML, html_page
from app.discovery.representations import (
    FOR_EVER,
    FOR_MINUTES,
    Representation,
    representation_handler,
)

FOLDER = Path(__file__).parent / "reference"
NO_GZIP = re.compile(r"gzip\s*;\s*q=0(\.0*)?\s*(,|$)")


def reference_routes() -> Sequence[Route]:
    """The page and its files."""
    return [Route("/docs", representation_handler({HTML: page})), Route("/docs/{name}", _file)]


@cache
def page() -> Representation:
    return html_page("docs.html", asset=_address)


@cache
def files() -> Mapping[str, Representation]:
    """The page's files by name, compressed where they are kept so."""
    return {
        path.name.removesuffix(".gz"): _kept(path, path.read_bytes())
        for path in sorted(FOLDER.iterdir())
    }


def _kept(path: Path, content: bytes) -> Representation:
    coded = {"Content-Encoding": "gzip"} if path.suffix == ".gz" else {}
    media_type = mimetypes.guess_type(path.name.removesuffix(".gz"))[0] or "text/plain"
    safe = {"X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
    return Representation(content, media_type, {**safe, **coded})


@cache
def _plain(name: str) -> Representation:
    """A compressed file for a client that does not take it so."""
    return _kept(Path(name), gzip.decompress(files()[name].body))


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    file = files().get(name)
    if file is None:
        raise HTTPException(404)
    named = request.query_params.get("v") == file.digest
    if "Content-Encoding" in file.headers and not _takes_gzip(request):
        file = _plain(name)
    return file.response(request, **{"Cache-Control": FOR_EVER if named else FOR_MINUTES})


def _takes_gzip(request: Request) -> bool:
    accepted = request.headers.get("accept-encoding", "").lower()
    return "gzip" in accepted and not NO_GZIP.search(accepted)


def _address(name: str) -> str:
    """Where a file is found as it is now."""
    return f"/docs/{name}?v={files()[name].digest}"
