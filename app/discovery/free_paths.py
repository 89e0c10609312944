"""The free paths, as OpenAPI describes them: one row for each path."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.products.endpoint import JSON, Endpoint

SERVICE, DISCOVERY = "Service", "Discovery"
OBJECT: Mapping[str, Any] = {"type": "object"}
TEXT: Mapping[str, Any] = {"type": "string"}
PAGE: Mapping[str, Mapping[str, Any]] = {JSON: OBJECT, "text/html": TEXT}
"""The content of a page: JSON for programs, HTML for people."""


@dataclass(frozen=True)
class FreePath:
    """One path that is fetched by GET.

    ``others`` are statuses beside 200, with their reasons. ``listed``: llms.txt names the path to
    its readers.
    """

    path: str
    tag: str
    summary: str
    description: str
    content: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {JSON: OBJECT})
    others: Mapping[str, str] = field(default_factory=dict)
    listed: bool = True

    @property
    def operation_id(self) -> str:
        return "get-" + (self.path.strip("/") or "home").replace("/", "-").replace(".", "-").strip(
            "-"
        )


def free_paths(endpoints: Sequence[Endpoint]) -> Iterator[FreePath]:
    """Yield every free path, the products' pages included."""
    yield FreePath("/", DISCOVERY, "The service", "Every product, and how it is paid.", PAGE)
    yield FreePath(
        "/catalog",
        DISCOVERY,
        "The catalogue",
        "Every product with its price and the address of its page.",
        PAGE,
    )
    for endpoint in endpoints:
        yield FreePath(
            endpoint.catalog_path,
            DISCOVERY,
            f"The page of the {endpoint.title}",
            "Price, limits, schemas, and an example with its computed answer.",
            PAGE,
        )
    yield from DOCUMENTS
    yield from OPERATIONS


DOCUMENTS = (
    FreePath(
        "/openapi.json",
        DISCOVERY,
        "What is paid",
        "OpenAPI 3.1 of the products alone, for agents and marketplaces.",
    ),
    FreePath("/openapi.full.json", DISCOVERY, "This document", "OpenAPI 3.1 of everything here."),
    FreePath(
        "/.well-known/x402",
        DISCOVERY,
        "The paid resources",
        "Their addresses, in `instructions` what they cost and how to pay, and in "
        "`ownershipProofs`, if the operator gives any, the origin signed by the keys of payees.",
        {
            JSON: {
                "type": "object",
                "required": ["version", "resources"],
                "properties": {
                    "version": {"const": 1},
                    "resources": {"type": "array", "items": {"type": "string", "format": "uri"}},
                    "ownershipProofs": {"type": "array", "items": {"type": "string"}},
                    "instructions": {"type": "string"},
                },
            }
        },
    ),
    FreePath(
        "/llms.txt",
        DISCOVERY,
        "The service for language models",
        "What is sold, for how much, and where everything is, in Markdown.",
        {"text/plain": TEXT},
    ),
    FreePath(
        "/skill.md",
        DISCOVERY,
        "The service as an agent's skill",
        "When to use it, how to pay, an example of each product, errors and retries.",
        {"text/markdown": TEXT},
    ),
    FreePath(
        "/robots.txt",
        DISCOVERY,
        "For crawlers",
        "What crawlers may fetch, and where the sitemap is.",
        {"text/plain": TEXT},
        listed=False,
    ),
    FreePath(
        "/sitemap.xml",
        DISCOVERY,
        "The sitemap",
        "The address of every page and discovery document.",
        {"application/xml": TEXT},
        listed=False,
    ),
    FreePath(
        "/docs",
        DISCOVERY,
        "The API reference",
        "`/openapi.full.json` for people, in a browser.",
        {"text/html": TEXT},
    ),
)
OPERATIONS = (
    FreePath(
        "/healthz",
        SERVICE,
        "Whether the process is up",
        "Answers as soon as requests are read; looks at nothing else.",
        listed=False,
    ),
    FreePath(
        "/readyz",
        SERVICE,
        "Whether requests can be served",
        "Names each part that the service needs: `ok`, or what is wrong with it; `tzdata` is the "
        "release of the time zone database. For its operators: behind a proxy it is a 404.",
        others={"503": "Some part is not ready."},
        listed=False,
    ),
    FreePath(
        "/metrics",
        SERVICE,
        "Numbers for operators",
        "In the Prometheus text format.",
        {"text/plain": TEXT},
        listed=False,
    ),
)
