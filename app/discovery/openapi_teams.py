"""The stored operations in OpenAPI.

Strategy: everything is derived from their one table. Their components have names of their own,
because the stored APIs reject an unknown field, where the paid ones warn of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from app import errors
from app.discovery.error_responses import headers
from app.errors import FieldError, OncallError
from app.http.scalars import scalar_schema

if TYPE_CHECKING:
    from app.teams.operation import Operation

PREFIX = "Stored"
REFERENCE = f"#/components/schemas/{PREFIX}{{name}}"

KEYS: Sequence[Mapping[str, Sequence[str]]] = ({"bearerKey": ()}, {"apiKey": ()})
TOKEN: Mapping[str, Sequence[str]] = {"feedToken": ()}
SECURITY_SCHEMES: Mapping[str, Any] = {
    "bearerKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key: `Authorization: Bearer ak_live_…`. Made by "
        "`python -m app keys create`; each has scopes.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same key in the other header; both headers go with both APIs.",
    },
    "feedToken": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "A calendar's secret token, for programs that send no headers.",
    },
}

ERROR_RESPONSES: Mapping[str, tuple[str, OncallError]] = {
    "400": ("The body is not JSON.", errors.MalformedBody("is truncated")),
    "401": ("No key, or none that is valid.", errors.Unauthorized()),
    "403": (
        "The key lacks the scope.",
        errors.Forbidden("API key lacks required scope: oncall:write"),
    ),
    "404": ("There is no such thing in the key's organisation.", errors.NotFound()),
    "408": ("The body did not arrive in time.", errors.BodyTooSlow()),
    "409": ("What is stored does not permit it, or a quota is used up.", errors.Conflict()),
    "412": ("If-Match names another version.", errors.PreconditionFailed()),
    "413": ("The body is over 1 MiB.", errors.BodyTooLarge()),
    "415": ("The body is not declared as JSON.", errors.UnsupportedMediaType()),
    "422": (
        "Something is not valid; every fault is named.",
        errors.InvalidRequest([FieldError("/name", "is required.")]),
    ),
    "429": ("Over 120 requests a minute and key; see Retry-After.", errors.RateLimited()),
    "431": ("The headers are over 16 KiB.", errors.HeadersTooLarge()),
    "503": ("The database is away or busy; see Retry-After.", errors.StoreUnavailable()),
}
ALWAYS = ("401", "403", "404", "422", "429", "431", "503")
WITH_BODY = ("400", "408", "413", "415")
OF_WRITES = ("409", "412")

ERROR: Mapping[str, Any] = {
    "title": "StoredError",
    "description": "What the stored APIs answer instead.",
    "type": "object",
    "required": ["error", "message"],
    "properties": {
        "error": {"type": "string", "description": "Stable; what a program should look at."},
        "message": {"type": "string", "description": "What went wrong this time."},
        "fields": {
            "type": "object",
            "description": "What would be right, by JSON pointer, or by the name of a query "
            "parameter or header.",
            "additionalProperties": {"type": "string"},
        },
    },
}

NOT_MODIFIED: Mapping[str, Any] = {
    "description": "The caller has it: If-None-Match.",
    "headers": headers("ETag"),
}


TEXT: Mapping[str, Any] = {"schema": {"type": "string"}}


def stored_tags() -> Mapping[str, str]:
    """Return the description of every tag that the operations have, by its name."""
    return {each.tag.name: each.tag.description for each in _table()}


def stored_paths() -> Mapping[str, Mapping[str, Any]]:
    """Return every stored path with its operations."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in _table():
        methods = paths.setdefault(operation.path, {})
        methods[operation.method.lower()] = _operation(operation)
    return paths


def stored_schemas() -> Mapping[str, Any]:
    """Return the components that ``stored_paths`` refers to; documents allow no unknown field."""
    table = _table()
    sent = [kind for each in table for kind in (each.body, each.patches) if kind]
    shown = [kind for each in table for kind in (each.answer, each.preview) if kind]
    schemas: dict[str, Any] = {"StoredError": ERROR}
    for kinds, strict in ((shown, False), (sent, True)):
        for name, schema in _components(kinds).items():
            closed = {"additionalProperties": False} if strict else {}
            schemas[PREFIX + name] = schema | closed
    for kind in {each.patches for each in table if each.patches}:
        schemas[_patch_name(kind)] = patch_schema(schemas[PREFIX + kind.__name__])
    return schemas


def stored_responses() -> Mapping[str, Any]:
    """Return every error response, each described once."""
    from app.teams.problems import error_body  # noqa: PLC0415 - see ``_table``

    reference = {"$ref": "#/components/schemas/StoredError"}
    return {
        PREFIX + status: {
            "description": text,
            "headers": headers(*_error_headers(status)),
            "content": {"application/json": {"schema": reference, "example": error_body(error)}},
        }
        for status, (text, error) in ERROR_RESPONSES.items()
    }


def _error_headers(status: str) -> Sequence[str]:
    more = {"401": ["WWW-Authenticate"], "429": ["Retry-After"], "503": ["Retry-After"]}
    limited = [] if status == "431" else ["RateLimit", "RateLimit-Policy"]
    return [*more.get(status, ()), *limited]


def _table() -> "Sequence[Operation]":
    from app.teams.routes import stored_operations  # noqa: PLC0415 - loads SQLAlchemy, late

    return stored_operations()


def _components(kinds: Sequence[type[Struct]]) -> Mapping[str, Any]:
    _, components = msgspec.json.schema_components(
        kinds, schema_hook=scalar_schema, ref_template=REFERENCE
    )
    return components


def _operation(operation: "Operation") -> Mapping[str, Any]:
    security = [*KEYS, *([TOKEN] if operation.feed else [])]
    described = [operation.description, f"Scope: `{operation.scope}`."]
    return {
        "operationId": _operation_id(operation),
        "summary": operation.summary,
        "description": "\n\n".join(filter(None, described)),
        "tags": [operation.tag.name],
        "security": security,
        "parameters": list(_parameters(operation)),
        **_request_body(operation),
        "responses": {
            str(operation.status): _success(operation),
            **({"304": NOT_MODIFIED} if _has_etag(operation) and not operation.writes else {}),
            **{status: _error_reference(status) for status in _error_statuses(operation)},
        },
    }


def _operation_id(operation: "Operation") -> str:
    words = operation.path.replace("{", "").replace("}", "").strip("/").replace("/", "-")
    return f"{operation.method.lower()}-{words.removeprefix('api-').replace('.', '-')}"


def _parameters(operation: "Operation") -> Iterator[Mapping[str, Any]]:
    described = {"id": f"the id of the {_thing(operation.path)}", **operation.parameters}
    for segment in operation.path.split("/"):
        if segment.startswith("{"):
            name = segment[1:-1]
            yield {
                "name": name,
                "in": "path",
                "required": True,
                "description": described[name],
                "schema": {"type": "string", "minLength": 1},
            }
    query = _components([operation.query]).get(operation.query.__name__, {})
    for name, schema in query.get("properties", {}).items():
        if name == "token":
            continue  # a security scheme
        required = name in query.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": _present(schema)}
    if operation.method == "POST":
        yield _header(
            "Idempotency-Key",
            "Sent twice with the same request, it is done once and answered twice, for 24 hours.",
            {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        )
    if operation.writes:
        yield _header(
            "If-Match",
            "The ETag of what is to be changed: a cover request's own, the schedule's for all else "
            "that belongs to one.",
            {"type": "string", "pattern": '^("[!#-~]*"|\\*)$'},
        )


def _header(name: str, text: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"name": name, "in": "header", "description": text, "schema": schema}


def _thing(path: str) -> str:
    """Return the name of the thing whose ``{id}`` is in a path: its collection, in the singular."""
    collection = path.partition("/{id}")[0].rpartition("/")[2].replace("-", " ")
    return collection.replace("ies", "ys").removesuffix("s")


def _present(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a parameter that is given; one that is not is absent, never null."""
    options = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if not options:
        return schema
    rest = {name: item for name, item in schema.items() if name not in ("anyOf", "default")}
    return {**options[0], **rest}


def _request_body(operation: "Operation") -> Mapping[str, Any]:
    if operation.patches:
        schema = {"$ref": f"#/components/schemas/{_patch_name(operation.patches)}"}
        media_types = ["application/merge-patch+json", "application/json"]
    elif operation.body:
        schema = {"$ref": REFERENCE.format(name=operation.body.__name__)}
        media_types = ["application/json"]
    else:
        return {}
    content = {name: {"schema": schema, "example": operation.example} for name in media_types}
    return {"requestBody": {"required": True, "content": content}}


def _patch_name(kind: type[Struct]) -> str:
    return f"{PREFIX}{kind.__name__.replace('Post', 'Patch')}"


def patch_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a merge patch of ``schema``; null removes an optional field."""
    required = schema.get("required", ())
    return {
        "title": schema["title"].replace("Post", "Patch"),
        "description": "A merge patch (RFC 7396): what is given replaces, null removes.",
        "type": "object",
        "properties": {
            name: schema if name in required else {"anyOf": [_present(schema), {"type": "null"}]}
            for name, schema in schema["properties"].items()
            if name != "id"
        },
        "additionalProperties": False,
    }


def _success(operation: "Operation") -> Mapping[str, Any]:
    etag = ["ETag"] if _has_etag(operation) else []
    location = ["Location"] if operation.status == 201 else []
    replayed = ["Idempotent-Replayed"] if operation.method == "POST" else []
    named = headers(*etag, *location, *replayed, "RateLimit", "RateLimit-Policy")
    if operation.shape == "nothing":
        return {"description": "Done.", "headers": named}
    if operation.shape == "calendar":
        content: Mapping[str, Any] = {"text/calendar": TEXT}
    elif operation.shape == "page":
        content = {"text/html": TEXT}
    else:
        content = {
            "application/json": {"schema": _answer_schema(operation)},
            **dict.fromkeys(operation.forms, TEXT),
        }
    return {"description": f"{operation.summary}.", "headers": named, "content": content}


def _answer_schema(operation: "Operation") -> Mapping[str, Any]:
    assert operation.answer is not None  # noqa: S101 - a row with a body says what it is
    item: Mapping[str, Any] = {"$ref": REFERENCE.format(name=operation.answer.__name__)}
    if operation.shape == "bare":
        return item
    if operation.shape == "one":
        if operation.preview:
            preview = {"$ref": REFERENCE.format(name=operation.preview.__name__)}
            item = {"anyOf": [item, preview]}
        return {"type": "object", "required": ["data"], "properties": {"data": item}}
    count = {"type": "integer", "minimum": 0}
    return {
        "type": "object",
        "required": ["data", "total", "limit", "offset"],
        "properties": {
            "data": {"type": "array", "items": item},
            "total": count,
            "limit": count,
            "offset": count,
            "next_cursor": {
                "type": "string",
                "description": "`cursor` of the next page; absent: this is the last one.",
            },
        },
    }


def _has_etag(operation: "Operation") -> bool:
    """Return whether the answer is one thing that has a version, or is sent as it was written."""
    is_written = operation.shape in ("calendar", "page") or bool(operation.forms)
    return operation.is_versioned or is_written


def _error_statuses(operation: "Operation") -> Sequence[str]:
    with_body = WITH_BODY if operation.body or operation.patches else ()
    return sorted([*ALWAYS, *with_body, *(OF_WRITES if operation.writes else ())])


def _error_reference(status: str) -> Mapping[str, str]:
    return {"$ref": f"#/components/responses/{PREFIX}{status}"}
