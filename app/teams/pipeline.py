"""The stored APIs as one application: a visible pipeline of plain calls.

    path → sizes → key → limit → scope → read → (once) → work → answer

Strategy: a row of the table says everything of an operation; what it does runs in one transaction,
which for a write also holds the answer remembered for its ``Idempotency-Key``. A failure is an
``OncallError`` raised at its step and written once, in the shape of the pages; so are a defect and
the end of the server's patience, which everywhere else are the edge's to tell.
"""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus

import msgspec
import structlog
from limits import parse
from msgspec import Struct, structs
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.database.database import Database, Snapshot, Tx
from app.errors import (
    FieldError,
    Interrupted,
    InvalidRequest,
    OncallError,
    StoreUnavailable,
    Unauthorized,
    UnsupportedMediaType,
)
from app.http.conditional import digest_etag, etag, is_fresh, tags_in
from app.http.negotiation import is_json
from app.http.rate_limits import PER_KEY, UNKNOWN_KEY, Allowance, RateLimits
from app.http.request_body import read_body, require_sizes
from app.http.request_head import RequestHead, request_head
from app.http.validation import RequestModel, parsed_json, validated
from app.teams.audit.store import Actor
from app.teams.auth import Access, require_scope
from app.teams.calendars.schemas import FeedQuery
from app.teams.calendars.store import Feed, opened_by
from app.teams.heavy_work import Turns
from app.teams.idempotency.store import Remembered, forgotten, remember, remembered_answer
from app.teams.null_characters import NULL_ESCAPED, null_character_errors
from app.teams.operation import Answer, Call, Operation
from app.teams.problems import refusal_of, refusal_of_defect, refusal_of_http
from app.teams.queries import query_in
from app.teams.router import Routes

log = structlog.get_logger()

ROUTE = "stored"
"""All operations are counted as one."""
LIMIT = parse("120/minute")
"""Requests of one key; and of one client without a valid key."""

INTERRUPTED = (
    "the service is being restarted and could not wait for this answer: send the request again, "
    "with its Idempotency-Key if it has one"
)

IDEMPOTENCY_KEY = "idempotency-key"
ONCE = re.compile(r"[!-~]{1,255}")

JSON_TYPE, CALENDAR_TYPE = "application/json", "text/calendar; charset=utf-8"
NO_STORE: Mapping[str, str] = {"Cache-Control": "no-store"}
REVALIDATED: Mapping[str, str] = {"Cache-Control": "private, max-age=0"}


class StoredApi:
    """The ASGI application under ``/api/``."""

    def __init__(
        self,
        operations: Sequence[Operation],
        database: Database,
        *,
        limits: RateLimits,
        public_url: str,
        clock: Callable[[], float],
    ) -> None:
        self._routes = Routes(operations)
        self._database = database
        self._limits = limits
        self._public_url = public_url
        self._clock = clock
        self._turns = Turns()
        self._access = Access(database, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            operation, path = self._routes.found(scope["method"], scope["path"])
            scope["route"] = operation
            head = request_head(scope)
            require_sizes(head)
            async with self._database.snapshot() as snapshot:
                asked = Asked(operation, path, head, scope, receive, snapshot)
                response = await self._let_in(asked)
        except HTTPException as error:
            response = refusal_of_http(error)
        except OncallError as error:
            response = refusal_of(error)
        except ClientDisconnect:
            return  # nobody is left to answer, and nothing was begun: the body was incomplete
        except asyncio.CancelledError:  # the task ends here either way
            log.warning("interrupted")
            response = refusal_of(Interrupted(INTERRUPTED))
        except Exception:
            log.exception("unhandled")
            response = refusal_of_defect()
        await response(scope, receive, send)

    async def tidy(self) -> None:
        """Write down when keys were last used, and forget answers whose time is over."""
        with contextlib.suppress(StoreUnavailable):
            await self._access.write_used()
            now = int(self._clock() * 1000)
            await self._database.written(lambda tx: forgotten(tx, now))

    async def _let_in(self, asked: "Asked") -> Response:
        """Who asks, and how often: only then is anything else looked at."""
        operation = asked.operation
        try:
            if operation.feed and b"token=" in asked.query and not _has_key(asked.head):
                return await self._by_token(asked, operation.feed)
            key = await self._access.key_in(asked.head, asked.snapshot)
        except Unauthorized as error:
            allowance = await self._allowance(UNKNOWN_KEY, self._limits.client_in(asked.head))
            return _with(refusal_of(error if allowance.granted else allowance.refusal), allowance)
        allowance = await self._allowance(PER_KEY, key.id)
        try:
            allowance.require()
            require_scope(key, operation.scope)
            actor = Actor(key.org_id, key.id, key.name)
            response = await self._understood(asked, actor)
        except OncallError as error:
            response = refusal_of(error)
        return _with(response, allowance)

    async def _by_token(self, asked: "Asked", feed: Feed) -> Response:
        """A calendar for whoever has its secret token. Raises ``Unauthorized``."""
        allowance = await self._allowance(UNKNOWN_KEY, self._limits.client_in(asked.head))
        try:
            allowance.require()
            query = query_in(asked.query, FeedQuery)
            async with asked.snapshot.reading() as tx:
                org_id = await opened_by(tx, feed, asked.path["id"], query.token or "")
            call = self._call(asked, Actor(org_id, "", ""), query)
            response = _response(asked.operation, await self._read(asked, call), asked.head)
        except OncallError as error:
            response = refusal_of(error)
        return _with(response, allowance)

    async def _understood(self, asked: "Asked", actor: Actor) -> Response:
        """What is asked for, in full, with every error named."""
        operation, head = asked.operation, asked.head
        call = self._call(asked, actor, query_in(asked.query, operation.query))
        if not operation.writes:
            return _response(operation, await self._read(asked, call), head)
        await asked.snapshot.end()
        body = b"" if head.bodiless else await read_body(asked.receive)
        if body and not is_json(head.value("content-type")):
            raise UnsupportedMediaType("send Content-Type: application/json")
        call = _with_body(operation, call, body)
        once = _once_key(operation, head)
        hashed = hashlib.sha256(
            b"\0".join((operation.method.encode(), asked.scope["path"].encode(), body))
        ).digest()
        work = partial(_written_once, operation=operation, call=call, once=once, hashed=hashed)
        async with self._turn(asked, call):
            return await self._database.written(work)

    async def _read(self, asked: "Asked", call: Call) -> Answer:
        async with self._turn(asked, call), asked.snapshot.reading() as tx:
            return await asked.operation.work(tx, call)

    @contextlib.asynccontextmanager
    async def _turn(self, asked: "Asked", call: Call) -> AsyncIterator[None]:
        if asked.operation.heavy:
            await asked.snapshot.end()
            async with self._turns.turn(call.org_id):
                yield
        else:
            yield

    def _call(self, asked: "Asked", actor: Actor, query: RequestModel) -> Call:
        return Call(
            actor,
            int(self._clock() * 1000),
            self._public_url,
            asked.path,
            query,
            if_match=tags_in(asked.head.values("if-match"), "If-Match"),
        )

    async def _allowance(self, policy: str, client: str) -> Allowance:
        return await self._limits.spend_by(policy, client, ROUTE, LIMIT)


class Asked(Struct, frozen=True):
    """A request to an operation. ``snapshot`` is what it reads, from its key to its answer."""

    operation: Operation
    path: Mapping[str, str]
    head: RequestHead
    scope: Scope
    receive: Receive
    snapshot: Snapshot

    @property
    def query(self) -> bytes:
        query: bytes = self.scope["query_string"]
        return query


async def _written_once(
    tx: Tx, *, operation: Operation, call: Call, once: str | None, hashed: bytes
) -> Response:
    """The answer to a write, or what the same request was answered before."""
    if once is not None:
        before = await remembered_answer(tx, call.org_id, once, call.now)
        if before is not None:
            return _again(before, hashed)
    response = _response(operation, await operation.work(tx, call), None)
    if once is not None:
        headers = tuple((name.decode(), value.decode()) for name, value in response.raw_headers)
        answer = Remembered(hashed, response.status_code, bytes(response.body), headers)
        await remember(tx, call.org_id, once, answer, call.now)
    return response


def _again(before: Remembered, hashed: bytes) -> Response:
    if before.request_hash != hashed:
        used = "has been used for another request: give every request a key of its own"
        raise InvalidRequest([FieldError("Idempotency-Key", used)])
    headers = {**dict(before.headers), "Idempotent-Replayed": "true"}
    return Response(before.body, before.status, headers)


def _once_key(operation: Operation, head: RequestHead) -> str | None:
    keys = head.values(IDEMPOTENCY_KEY) if operation.method == "POST" else ()
    if not keys:
        return None
    key = keys[0].strip()
    if len(keys) > 1 or not ONCE.fullmatch(key):
        wanted = "write one key of 1 to 255 visible ASCII characters"
        raise InvalidRequest([FieldError("Idempotency-Key", wanted)])
    return key


def _with_body(operation: Operation, call: Call, body: bytes) -> Call:
    value = parsed_json(body) if body else {}
    if errors := list(null_character_errors(value) if NULL_ESCAPED in body else ()):
        raise InvalidRequest(errors)
    document = validated(value, operation.body, strict=True) if operation.body else None
    return structs.replace(call, document=document, value=value)


def _response(operation: Operation, answer: Answer, head: RequestHead | None) -> Response:
    """An answer as its operation says. ``head`` may say that the caller has it already."""
    headers = dict(NO_STORE)
    body, media_type = b"", None
    if isinstance(answer.body, bytes):
        body, media_type = answer.body, CALENDAR_TYPE
        headers = {**REVALIDATED, "ETag": digest_etag(body)}
    elif answer.body is not None:
        body, media_type = msgspec.json.encode(answer.body), JSON_TYPE
    if answer.version is not None:
        headers["ETag"] = etag(answer.version)
    if answer.location is not None and operation.status == HTTPStatus.CREATED:
        headers["Location"] = answer.location
    known = tags_in(head.values("if-none-match"), "If-None-Match") if head else ()
    if known and "ETag" in headers and is_fresh(known, headers["ETag"]):
        return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    return Response(body, operation.status, headers, media_type)


def _with(response: Response, allowance: Allowance) -> Response:
    response.raw_headers += allowance.fields
    return response


def _has_key(head: RequestHead) -> bool:
    return bool(head.values("x-api-key") or head.values("authorization"))
