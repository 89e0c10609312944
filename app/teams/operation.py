"""What the stored APIs offer: one row an operation, read by the router, the pipeline and OpenAPI.

A handler is given an open transaction and a ``Call``, and returns an ``Answer``; that of an
operation that writes is run again when writers collide, so it has no effect but by its transaction.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from app.http.conditional import require_match
from app.http.validation import RequestModel
from app.teams.audit.store import Actor
from app.teams.calendars.store import Feed

if TYPE_CHECKING:
    from app.database.database import Tx

Method = Literal["GET", "POST", "PATCH", "DELETE"]
Shape = Literal["one", "many", "bare", "calendar", "nothing"]
"""``{"data": …}``, a page of a list, the answer itself, ``text/calendar``, no body."""

SCHEDULES, READ, WRITE = "schedules", "oncall:read", "oncall:write"
SCOPES = (SCHEDULES, READ, WRITE)
"""As on the pages."""

V1, V2 = "/api/v1", "/api/v2/oncall"

PAST = (
    "An edit never rewrites who was on call: other rules hold from the moment of the write on, and "
    "what is taken back is what has not happened yet."
)
"""Part of several descriptions."""


class NoQuery(RequestModel, frozen=True):
    """No parameters."""


class Call(Struct, frozen=True):
    """One request that has been let in and understood. ``now`` is in milliseconds.

    ``document`` is the body of a POST as its type says, ``value`` the body as JSON types.
    """

    actor: Actor
    now: int
    public_url: str
    path: Mapping[str, str]
    query: Any
    document: Any = None
    value: Any = None
    if_match: Sequence[str] = ()

    @property
    def org_id(self) -> str:
        return self.actor.org_id

    def require_match(self, version: int) -> None:
        """Raise ``PreconditionFailed`` if ``If-Match`` names another version."""
        require_match(self.if_match, version)


class Answer(Struct, frozen=True):
    """``body``: a struct, calendar bytes, or ``None``. ``version`` becomes the ETag."""

    body: Struct | bytes | None = None
    version: int | None = None
    location: str | None = None


Work = Callable[["Tx", Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    ``body`` is the type of what is sent, ``patches`` of what a merge patch must leave; ``example``
    is such a body. ``feed``: whose calendar it is; a secret token in the query will then do in
    place of a key. ``heavy``: it lays out a window, and waits for its turn.
    """

    method: Method
    path: str
    scope: str
    tag: str
    summary: str
    work: Work
    description: str = ""
    body: type[RequestModel] | None = None
    query: type[RequestModel] = NoQuery
    answer: type[Struct] | None = None
    shape: Shape = "one"
    status: int = 200
    example: Mapping[str, Any] = field(default_factory=dict)
    patches: type[RequestModel] | None = None
    feed: Feed | None = None
    heavy: bool = False

    @property
    def writes(self) -> bool:
        return self.method != "GET"


@dataclass(frozen=True)
class Rows:
    """Makes the rows under one path and one tag; they want ``scope`` unless they name another."""

    base: str
    tag: str
    scope: str

    def __call__(
        self, method: Method, path: str, summary: str, work: Work, *, scope: str = "", **more: Any
    ) -> Operation:
        path, scope = f"{self.base}{path}", scope or self.scope
        return Operation(method, path, scope, self.tag, summary, work, **more)


V1_ROWS = Rows(V1, "Schedules (v1)", SCHEDULES)
V2_READS = Rows(V2, "On-call (v2)", READ)
V2_WRITES = Rows(V2, "On-call (v2)", WRITE)
