"""The API reference ``/docs``: a vendored viewer that shows ``/openapi.full.json`` in the browser.

Strategy: the viewer is swagger-ui, pinned and copied in by ``scripts/vendor_docs.py``. It works
under the content security policy of every page here, which allows neither inline scripts and styles
nor other origins. Its files are stored compressed, because nearly all browsers accept that. The
address of a file names its content, so caches may keep it for ever.
"""

import gzip
import mimetypes
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.discovery.html import HTML, asset, html_page
from app.discovery.representations import (
    FOR_EVER,
    FOR_MINUTES,
    Representation,
    accepts_gzip,
    representation_handler,
)

FOLDER = Path(__file__).parent / "reference"


def reference_routes() -> Sequence[Route]:
    """Return the routes of the page and its files."""
    return [Route("/docs", representation_handler({HTML: page})), Route("/docs/{name}", _file)]


@cache
def page() -> Representation:
    return html_page("docs.html", asset=_address, static=asset)


@cache
def files() -> Mapping[str, Representation]:
    """Return the page's files by name, compressed if they are stored so."""
    return {
        path.name.removesuffix(".gz"): _representation(path, path.read_bytes())
        for path in sorted(FOLDER.iterdir())
    }


def _representation(path: Path, content: bytes) -> Representation:
    coded = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"} if path.suffix == ".gz" else {}
    media_type = mimetypes.guess_type(path.name.removesuffix(".gz"))[0] or "text/plain"
    return Representation(content, media_type, {"X-Content-Type-Options": "nosniff", **coded})


@cache
def _decompressed(name: str) -> Representation:
    """Return a stored file decompressed, for a client that does not accept gzip."""
    return _representation(Path(name), gzip.decompress(files()[name].body))


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    file = files().get(name)
    if file is None:
        raise HTTPException(404)
    named = request.query_params.get("v") == file.digest
    if "Content-Encoding" in file.headers and not accepts_gzip(request):
        file = _decompressed(name)
    return file.response(request, **{"Cache-Control": FOR_EVER if named else FOR_MINUTES})


def _address(name: str) -> str:
    """Return the address of the present version of a file."""
    return f"/docs/{name}?v={files()[name].digest}"
