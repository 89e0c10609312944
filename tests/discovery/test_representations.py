"""Documents that are the same for every caller: made once, chosen by Accept, with an ETag."""

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from app.discovery.representations import Representation, representation_handler

pytestmark = pytest.mark.anyio


class TwoDocuments:
    """An application with one document in two media types, and the list of those that were made."""

    def __init__(self) -> None:
        self.made: list[str] = []
        routes = [
            Route("/", representation_handler({kind: self.maker(kind) for kind in ("a/a", "b/b")}))
        ]
        transport = httpx.ASGITransport(Starlette(routes=routes))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://host")

    def maker(self, kind: str) -> Callable[[], Representation]:
        def make() -> Representation:
            time.sleep(0.05)  # as a page takes
            self.made.append(kind)
            return Representation(kind.encode(), kind, {"X-Own": "yes"})

        return make


@pytest.mark.parametrize(
    ("accept", "served"),
    [
        pytest.param("a/a", "a/a", id="the first"),
        pytest.param("b/b", "b/b", id="the second"),
        pytest.param("*/*", "a/a", id="anything"),
        pytest.param("b/b,*/*;q=0.8", "b/b", id="as browsers ask"),
        pytest.param("c/c", "a/a", id="none of them"),
    ],
)
async def test_accept_chooses(accept: str, served: str) -> None:
    response = await TwoDocuments().http.get("/", headers={"Accept": accept})
    assert (response.status_code, response.text) == (200, served)
    assert response.headers["content-type"].partition(";")[0] == served
    assert response.headers["vary"] == "Accept"
    assert response.headers["x-own"] == "yes"


async def test_it_is_made_when_first_asked_for_and_kept() -> None:
    documents = TwoDocuments()
    assert documents.made == []
    for _ in range(2):
        await documents.http.get("/")
    assert documents.made == ["a/a"]


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*"])
async def test_who_has_it_is_told_so(form: str) -> None:
    http = TwoDocuments().http
    tag = (await http.get("/")).headers["etag"]
    again = await http.get("/", headers={"If-None-Match": form.format(tag)})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["cache-control"] == "public, max-age=300"


async def test_who_has_another_gets_it() -> None:
    http = TwoDocuments().http
    tag = (await http.get("/", headers={"Accept": "b/b"})).headers["etag"]
    assert (await http.get("/", headers={"If-None-Match": tag})).status_code == 200


async def test_head_has_the_headers() -> None:
    http = TwoDocuments().http
    assert (await http.head("/")).headers == (await http.get("/")).headers


async def test_first_requests_at_once_make_a_document_once() -> None:
    two = TwoDocuments()
    answers = await asyncio.gather(*(two.http.get("/") for _ in range(5)))
    assert {answer.content for answer in answers} == {b"a/a"}
    assert two.made == ["a/a"]


# --- under gzip -----------------------------------------------------------------------------

LONG = b"A text that is worth it. " * 100


def kept(body: bytes, media_type: str, **headers: str) -> httpx.AsyncClient:
    """A service with one document."""
    handler = representation_handler(
        {media_type: lambda: Representation(body, media_type, headers)}
    )
    transport = httpx.ASGITransport(Starlette(routes=[Route("/", handler)]))
    return httpx.AsyncClient(transport=transport, base_url="http://host")


@pytest.mark.parametrize("media_type", ["text/html", "application/json", "image/svg+xml"])
async def test_a_text_is_compressed_for_who_takes_that(media_type: str) -> None:
    http = kept(LONG, media_type)
    coded = await http.get("/", headers={"Accept-Encoding": "br, gzip"})
    plain = await http.get("/", headers={"Accept-Encoding": "identity"})
    assert coded.content == plain.content == LONG
    assert int(coded.headers["content-length"]) < len(LONG) / 10
    assert coded.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert coded.headers["etag"] != plain.headers["etag"]
    assert coded.headers["vary"] == plain.headers["vary"] == "Accept, Accept-Encoding"


async def test_who_has_it_in_another_coding_gets_it() -> None:
    http = kept(LONG, "text/html")
    coded, plain = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}
    tag = (await http.get("/", headers=coded)).headers["etag"]
    again = await http.get("/", headers={**coded, "If-None-Match": tag})
    assert (again.status_code, again.headers["vary"]) == (304, "Accept, Accept-Encoding")
    assert (await http.get("/", headers={**plain, "If-None-Match": tag})).status_code == 200


@pytest.mark.parametrize(
    ("body", "media_type", "headers"),
    [
        pytest.param(LONG, "image/png", {}, id="a picture"),
        pytest.param(b"short", "text/html", {}, id="short"),
        pytest.param(LONG, "text/css", {"Content-Encoding": "br"}, id="coded already"),
    ],
)
def test_what_gains_nothing_stays_as_it_is(
    body: bytes, media_type: str, headers: dict[str, str]
) -> None:
    assert Representation(body, media_type, headers).compressed is None
