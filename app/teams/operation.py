"""The type of the rows from which the stored APIs are routed, served and described.

A handler takes an open transaction and a ``RequestContext`` and returns a ``HandlerResult``. A
write runs again when writers collide, so its handler has no effect but through its transaction.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from msgspec import Raw, Struct

from app.http.conditional import require_match
from app.http.validation import RequestModel
from app.teams.audit.store import Actor
from app.teams.calendars.store import Feed
from app.teams.heavy_work import CPU_SECONDS, Compute, compute_in_thread
from app.teams.keys.store import SCOPES

if TYPE_CHECKING:
    from app.database.database import Tx

Method = Literal["GET", "POST", "PATCH", "DELETE"]
Shape = Literal["one", "many", "bare", "calendar", "page", "nothing"]
"""``{"data": …}``, a page of a list, the answer itself, ``text/calendar``, HTML, no
body."""

SCHEDULES, READ, WRITE = SCOPES

V1, V2 = "/api/v1", "/api/v2/oncall"

PAST = (
    "An edit never rewrites who was on call: other rules hold from the moment of the write on, and "
    "what is taken back is what has not happened yet."
)
"""Part of several descriptions."""


class NoQuery(RequestModel, frozen=True):
    """A query without parameters."""


class RequestContext(Struct, frozen=True):
    """One request, authenticated and parsed. ``now`` is in milliseconds.

    ``document`` is the body of a POST as its type, ``value`` the body as JSON types.
    ``compute`` computes what takes long. ``accept`` is the header, ``prepared`` what the operation
    ``prepares`` or ``plans``.
    """

    actor: Actor
    now: int
    public_url: str
    path: Mapping[str, str]
    query: Any
    document: Any = None
    value: Any = None
    if_match: Sequence[str] = ()
    compute: Compute = compute_in_thread
    accept: str = ""
    prepared: Any = None

    @property
    def org_id(self) -> str:
        """The organisation of the key."""
        return self.actor.org_id

    def require_match(self, version: int) -> None:
        """Raise ``PreconditionFailed`` if ``If-Match`` names another version."""
        require_match(self.if_match, version)


class Written(Struct, frozen=True):
    """A body that is written already, in a form that its handler chose."""

    body: bytes
    media_type: str
    headers: Mapping[str, str] = {}


class RenderedPage(Protocol):
    """A page as it is sent."""

    @property
    def body(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


Render = Callable[..., RenderedPage]
"""Renders a template, by its name, with named values."""


class HandlerResult(Struct, frozen=True):
    """The body of an answer, and where the thing that it shows can be read.

    Bytes are a calendar, and ``Raw`` is JSON that is written already. That of a page is what its
    template shows.
    """

    body: Struct | Raw | Written | bytes | None = None
    location: str | None = None


Handler = Callable[["Tx", RequestContext], Awaitable[HandlerResult]]
Preparation = Callable[[Compute, Any, int], Awaitable[Any]]
"""What is computed of a body, as JSON types, and the present before a write has its transaction."""
Planning = Callable[["Tx", RequestContext], Awaitable[Any]]
"""What a write reads and computes in a worker before it has its transaction."""


@dataclass(frozen=True)
class Tag:
    """A group of operations in OpenAPI."""

    name: str
    description: str


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    ``body`` is the type of a request's document, ``patches`` the type of the document that a merge
    patch must result in, ``preview`` what is answered instead with ``preview=true``, ``example`` a
    body that can be sent. ``parameters`` describes the parameters of the path, except ``id``.
    ``feed`` says whose feed is served; a secret token in the query then does instead of a key.
    ``forms`` are the media types of the answer beside JSON. ``heavy`` operations lay out a window
    of a schedule and are limited in number. The answers of ``secret`` operations are stored
    encrypted. ``prepares`` is done in a worker before the transaction of a write begins; ``plans``
    as well, and reads what is stored. A job of either takes ``cpu_seconds`` of a processor at most.
    """

    method: Method
    path: str
    scope: str
    tag: Tag
    summary: str
    handler: Handler
    description: str = ""
    body: type[RequestModel] | None = None
    query: type[RequestModel] = NoQuery
    answer: type[Struct] | None = None
    shape: Shape = "one"
    status: int = 200
    example: Mapping[str, Any] = field(default_factory=dict)
    patches: type[RequestModel] | None = None
    preview: type[Struct] | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    feed: Feed | None = None
    forms: Sequence[str] = ()
    heavy: bool = False
    secret: bool = False
    prepares: Preparation | None = None
    plans: Planning | None = None
    cpu_seconds: float = CPU_SECONDS

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET"

    @property
    def is_versioned(self) -> bool:
        """Whether it answers with one thing that has a version, which is then the ETag."""
        fields = self.answer.__struct_fields__ if self.answer else ()
        return self.shape == "one" and "version" in fields


@dataclass(frozen=True)
class OperationGroup:
    """The operations under one path and one tag; ``scope`` is theirs unless they name another."""

    base: str
    tag: Tag
    scope: str

    def __call__(
        self,
        method: Method,
        path: str,
        summary: str,
        handler: Handler,
        *,
        scope: str = "",
        **more: Any,
    ) -> Operation:
        path, scope = f"{self.base}{path}", scope or self.scope
        return Operation(method, path, scope, self.tag, summary, handler, **more)


_V1_TAG = Tag("Schedules (v1)", "Schedules of layers that are kept, with overrides. Behind a key.")
_V2_TAG = Tag(
    "On-call (v2)",
    "Schedules of one rotation that are kept, entries and swaps. Behind a key.",
)

V1_GROUP = OperationGroup(V1, _V1_TAG, SCHEDULES)
V2_READ_GROUP = OperationGroup(V2, _V2_TAG, READ)
V2_WRITE_GROUP = OperationGroup(V2, _V2_TAG, WRITE)
