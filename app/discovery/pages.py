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
from app.discovery.day_list import DayList, day_list
from app.discovery.form_inputs import inputs_of
from app.discovery.home_example import HOME_EXAMPLE, HOME_PICTURE
from app.discovery.html import HTML, SECURITY_HEADERS, html_page, static_file, static_files
from app.discovery.presets import PRESETS
from app.discovery.programs import Program, Programs
from app.discovery.representations import Representation, accepted_by, representation_handler
from app.discovery.schema_tables import tables_of
from app.errors import NotAcceptable
from app.http.negotiation import negotiated
from app.http.problems import MEDIA_TYPE as PROBLEM
from app.http.problems import http_problem_response
from app.http.validation import validated
from app.payments.terms import PaymentTerms
from app.payments.terms_text import terms_lines
from app.products.endpoint import JSON, SVG, Endpoint, timeline_of

SVG_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Pages:
    """The pages of one service.

    ``terms`` are by slug, and empty if nothing is paid. In a ``sandbox`` no money moves.
    ``contact`` is the operator's e-mail address, or empty. The first endpoint plans the
    example of the home page.
    """

    endpoints: Sequence[Endpoint]
    public_url: str
    terms: Mapping[str, PaymentTerms]
    sandbox: bool
    contact: str = ""

    def routes(self) -> Sequence[Route]:
        return [
            Route("/", representation_handler({JSON: self._list, HTML: self._index})),
            Route(
                "/catalog",
                representation_handler({JSON: self._list, HTML: self._catalog}),
            ),
            *(route for endpoint in self.endpoints for route in self._product_routes(endpoint)),
            Route(
                HOME_PICTURE,
                representation_handler({SVG: partial(_picture, self.endpoints[0], HOME_EXAMPLE)}),
            ),
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
        rotation = self.endpoints[0]
        answer = msgspec.json.decode(rotation.answer_to(HOME_EXAMPLE))
        programs = self._programs(rotation, HOME_EXAMPLE)
        price = str(rotation.price_usd)
        exchange = Program(
            "HTTP",
            "Requests over HTTP",
            "POST the document, sign the terms with any x402 client, POST it again.",
            Programs.http(rotation.path, HOME_EXAMPLE, price),
            "http",
        )
        by_language = {program.language: program for program in (exchange, *programs)}
        return self._page(
            "index.html",
            "/",
            products=self._products(),
            picture=HOME_PICTURE,
            answer=answer,
            days=_days(rotation, HOME_EXAMPLE),
            programs=[by_language[name] for name in ("HTTP", "MCP", "Python", "curl")],
            paid=bool(self.terms),
            sandbox=self.sandbox,
            contact=self.contact,
        )

    def _catalog(self) -> Representation:
        programs = self._programs(self.endpoints[0], self.endpoints[0].example)
        return self._page(
            "catalog.html",
            "/catalog",
            products=self._products(),
            mcp=programs[-1],
            paid=bool(self.terms),
            sandbox=self.sandbox,
        )

    def _product(self, endpoint: Endpoint) -> Representation:
        product = product_page(endpoint, self.public_url)
        terms = self.terms.get(endpoint.slug)
        shown = [endpoint.example, *(worked.example for worked in endpoint.worked)]
        return self._page(
            "product.html",
            endpoint.catalog_path,
            product=product,
            limit=endpoint.limit_in_words,
            pictures=list(_pictures(endpoint)),
            days=[_days(endpoint, example) for example in shown] if picture_path(endpoint) else (),
            formats=endpoint.formats,
            inputs=inputs_of(
                product["inputSchema"], self._form_example(endpoint), endpoint.request.as_shown
            ),
            presets=[
                (preset.label, msgspec.json.encode(preset).decode())
                for preset in PRESETS.get(endpoint.slug, ())
            ],
            input_tables=tables_of(product["inputSchema"]),
            output_tables=tables_of(product["outputSchema"]),
            programs=self._programs(endpoint, endpoint.example),
            terms=", or ".join(terms_lines(terms.payment_required())) if terms else None,
            sandbox=self.sandbox,
            tryable=self.sandbox or not terms,
        )

    def _form_example(self, endpoint: Endpoint) -> Mapping[str, Any]:
        """Return what a form is filled with: what shows the most of a product."""
        return HOME_EXAMPLE if endpoint is self.endpoints[0] else endpoint.example

    def _programs(self, endpoint: Endpoint, example: Mapping[str, Any]) -> Sequence[Program]:
        programs = Programs(self.public_url, bool(self.terms), self.sandbox)
        return programs.of(self.public_url + endpoint.path, example)

    def _products(self) -> Sequence[Mapping[str, Any]]:
        return [
            {
                **product_page(endpoint, self.public_url),
                "catalog": endpoint.catalog_path,
                "limit": endpoint.limit_in_words,
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


def _days(endpoint: Endpoint, example: Mapping[str, Any]) -> DayList:
    """Return the timeline of the answer to an example as a list."""
    timeline = timeline_of(endpoint.compute(validated(example, endpoint.request)))
    return day_list(timeline, endpoint.answer_to(example, SVG))


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
