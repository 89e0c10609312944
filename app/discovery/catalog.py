"""The catalogue as JSON: the list of products, and each product with the fields of the listing."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.discovery.openapi import schema_of
from app.products.endpoint import JSON, Endpoint


def product_page(endpoint: Endpoint, public_url: str) -> Mapping[str, Any]:
    """Return one product. The example response is computed from the example request."""
    return {
        "slug": endpoint.slug,
        "category": endpoint.category.name,
        "title": endpoint.title,
        "description": endpoint.description,
        "price": {"amount": str(endpoint.price_usd), "currency": "USD", "per": "request"},
        "method": endpoint.method,
        "route": endpoint.path,
        "status": "Live",
        "mimeType": JSON,
        "formats": list(endpoint.formats),
        "rateLimit": endpoint.rate_limit,
        "cache": "0s public",
        "tags": list(endpoint.tags),
        "apiUrl": public_url + endpoint.path,
        "integrationDocs": f"{public_url}/openapi.json",
        "exampleRequest": endpoint.example,
        "exampleResponse": msgspec.json.decode(endpoint.example_answer),
        "workedExamples": [
            {
                "title": worked.title,
                "text": worked.text,
                "request": worked.example,
                "response": msgspec.json.decode(endpoint.answer_to(worked.example)),
            }
            for worked in endpoint.worked
        ],
        "inputSchema": schema_of(endpoint.request),
        "outputSchema": schema_of(endpoint.answer),
    }


def product_list(endpoints: Sequence[Endpoint], public_url: str) -> Mapping[str, Any]:
    """Return every product with its description, its price and the address of its page."""
    return {
        "products": [
            {
                "slug": endpoint.slug,
                "title": endpoint.title,
                "description": endpoint.description,
                "price": {"amount": str(endpoint.price_usd), "currency": "USD", "per": "request"},
                "apiUrl": public_url + endpoint.path,
                "catalogUrl": public_url + endpoint.catalog_path,
            }
            for endpoint in endpoints
        ]
    }
