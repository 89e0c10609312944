"""The pages ``/``, ``/catalog`` and those of the products, as JSON and as HTML.

Strategy: a browser names ``text/html`` in ``Accept`` and gets HTML. A client that names nothing or
only ``*/*`` is a program (curl, an agent's HTTP library) and gets JSON. A product's page is made
from the same document as its JSON, so the two cannot differ.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.discovery.bazaar import ICON_PATH
from app.discovery.catalog import product_list, product_page
from app.discovery.html import HTML, SECURITY_HEADERS, html_page, static_file, static_files
from app.discovery.representations import Representation, accepted_by, representation_handler
from app.discovery.schema_tables import inputs_of, tables_of
from app.errors import NotAcceptable
from app.http.negotiation import negotiated
from app.http.problems import MEDIA_TYPE as PROBLEM
from app.http.problems import http_problem_response
from app.payments.terms import PaymentTerms
from app.payments.terms_text import terms_lines
from app.products.endpoint import JSON, SVG, Endpoint

SVG_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Pages:
    """The pages of one service.

    ``terms`` are by slug, and empty if nothing is paid. In a ``sandbox`` no money moves.
    """

    endpoints: Sequence[Endpoint]
    public_url: str
    terms: Mapping[str, PaymentTerms]
    sandbox: bool

    def routes(self) -> Sequence[Route]:
        return [
            Route("/", representation_handler({JSON: self._list, HTML: self._index})),
            Route(
                "/catalog",
                representation_handler({JSON: self._list, HTML: self._catalog}),
            ),
            *(route for endpoint in self.endpoints for route in self._product_routes(endpoint)),
            Route("/static/{name}", static_file),
            Route("/favicon.ico", _icon("favicon.ico")),
            Route(ICON_PATH, _icon("icon.png")),
        ]

    def _product_routes(self, endpoint: Endpoint) -> Sequence[Route]:
        makes = {JSON: self._product_json, HTML: self._product}
        makers = {kind: partial(make, endpoint) for kind, make in makes.items()}
        page = Route(endpoint.catalog_path, representation_handler(makers))
        pictures = [
            Route(path, representation_handler({SVG: partial(_picture, endpoint, example)}))
            for path, example in _pictures(endpoint).items()
        ]
        return [page, *pictures]

    def _list(self) -> Representation:
        return _json(product_list(self.endpoints, self.public_url))

    def _product_json(self, endpoint: Endpoint) -> Representation:
        return _json(product_page(endpoint, self.public_url))

    def _index(self) -> Representation:
        return self._page("index.html", "/", products=self._products())

    def _catalog(self) -> Representation:
        return self._page(
            "catalog.html",
            "/catalog",
            products=self._products(),
            paid=bool(self.terms),
            sandbox=self.sandbox,
        )

    def _product(self, endpoint: Endpoint) -> Representation:
        product = product_page(endpoint, self.public_url)
        terms = self.terms.get(endpoint.slug)
        return self._page(
            "product.html",
            endpoint.catalog_path,
            product=product,
            picture=picture_path(endpoint),
            worked_pictures=list(_pictures(endpoint))[1:],
            formats=endpoint.formats,
            inputs=inputs_of(product["inputSchema"], endpoint.example),
            input_tables=tables_of(product["inputSchema"]),
            output_tables=tables_of(product["outputSchema"]),
            terms=", or ".join(terms_lines(terms.payment_required())) if terms else None,
            sandbox=self.sandbox,
            tryable=self.sandbox or not terms,
        )

    def _products(self) -> Sequence[Mapping[str, Any]]:
        return [
            {
                **product_page(endpoint, self.public_url),
                "catalog": endpoint.catalog_path,
                "picture": picture_path(endpoint),
            }
            for endpoint in self.endpoints
        ]

    def _page(self, template: str, path: str, **context: Any) -> Representation:
        return html_page(template, public_url=self.public_url, path=path, **context)


def picture_path(endpoint: Endpoint) -> str | None:
    """Return the path of the picture of the example; ``None`` if the endpoint draws none."""
    return next(iter(_pictures(endpoint)), None)


def _pictures(endpoint: Endpoint) -> Mapping[str, Mapping[str, Any]]:
    """Return the examples by the paths of their pictures, the endpoint's main example first."""
    if SVG not in endpoint.formats:
        return {}
    shown = [endpoint.example, *(worked.example for worked in endpoint.worked)]
    names = ["example", *(f"worked-{number}" for number in range(1, len(shown)))]
    return {
        f"{endpoint.catalog_path}/{name}.svg": example
        for name, example in zip(names, shown, strict=True)
    }


async def not_found(request: Request, error: Exception) -> Response:
    """Answer 404 with a page to a browser, and with a problem to every other client."""
    try:
        wanted = negotiated(accepted_by(request), (PROBLEM, HTML))
    except NotAcceptable:
        wanted = PROBLEM
    if wanted == PROBLEM:
        return http_problem_response(request, error)
    page = await asyncio.to_thread(html_page, "not_found.html")
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-store", "Vary": "Accept"}
    return Response(page.body, HTTPStatus.NOT_FOUND, headers, media_type=HTML)


def _json(document: Mapping[str, Any]) -> Representation:
    return Representation(msgspec.json.encode(document), JSON)


def _picture(endpoint: Endpoint, example: Mapping[str, Any]) -> Representation:
    """Draw the answer to an example."""
    return Representation(endpoint.answer_to(example, SVG), SVG, SVG_HEADERS)


def _icon(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def icon(request: Request) -> Response:
        return static_files()[name].response(request)

    return icon
