"""The stored APIs as one application: a visible pipeline of plain calls.

    sizes → limit of the address → path → key → limit → scope → body → (idempotency) → handler
    → answer

Strategy: a row of the table says everything about an operation. Its handler runs in one
transaction, which for a write also holds the answer stored for its ``Idempotency-Key``. A failure
is an ``OncallError`` raised at its step and written in one place, in the shape of the pages.
Defects and timeouts, which the middleware answers elsewhere, are answered here in that shape, too.
"""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from itertools import islice

import msgspec
import structlog
from limits import parse
from msgspec import Struct, structs
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.database.database import Database, Snapshot, TransactionFunction, Tx
from app.errors import (
    FieldError,
    Interrupted,
    InvalidRequest,
    OncallError,
    StoreUnavailable,
    Unauthorized,
)
from app.http.conditional import digest_etag, etag, is_fresh, tags_in
from app.http.large_bodies import LARGE_BYTES, BodyShare
from app.http.negotiation import require_json
from app.http.problems import ErrorResponse
from app.http.rate_limits import PER_KEY, UNKNOWN_KEY, Allowance, RateLimits
from app.http.request_body import read_body, require_sizes
from app.http.request_head import RequestHead, request_head
from app.http.validation import MAX_ERRORS, RequestModel, parsed_json, validated
from app.teams.audit.store import Actor
from app.teams.auth import KeyAuthenticator, require_paid, require_scope
from app.teams.calendars.store import Feed, org_id_of_token, token_in
from app.teams.heavy_work import HeavyWorkLimiter, NeedsSlot, compute_in_thread, need_slot
from app.teams.idempotency import store as idempotency
from app.teams.idempotency.sealing import Seal
from app.teams.idempotency.store import IdempotencyRecord
from app.teams.keys.store import ApiKey
from app.teams.null_characters import NULL_ESCAPED, null_character_errors
from app.teams.operation import HandlerResult, Operation, Render, RequestContext, Written
from app.teams.presented_keys import presented_key
from app.teams.problems import defect_response, error_response, http_error_response
from app.teams.queries import query_in
from app.teams.quotas.quota import OF_WORKSPACES, QUOTAS, Amounts, require_within
from app.teams.quotas.store import amounts_used
from app.teams.router import OperationRouter
from app.teams.schemas import DataEnvelope
from app.teams.workspaces import store as workspaces
from app.workers.pool import WorkerPool

log = structlog.get_logger()

ROUTE = "stored"
"""All operations share one rate limit."""
LIMIT = parse("120/minute")
"""For each key, and for each client without a valid key."""

INTERRUPTED = (
    "the service is being restarted and could not wait for this answer: send the request again, "
    "with its Idempotency-Key if it has one"
)

IDEMPOTENCY_KEY = "idempotency-key"
VALID_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")

JSON_TYPE, CALENDAR_TYPE = "application/json", "text/calendar; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"
UNLISTED: Mapping[str, str] = {"X-Robots-Tag": "noindex"}
NO_STORE: Mapping[str, str] = {"Cache-Control": "no-store"}
REVALIDATED: Mapping[str, str] = {"Cache-Control": "private, max-age=0"}


class IncomingRequest(Struct, frozen=True):
    """A request to an operation.

    ``snapshot`` serves the reads of the request, from its key to its answer. A write ends it before
    its own transaction. Heavy work ends it before it waits for a slot, and then reads a new one.
    ``quotas`` bound what a write may leave stored.
    """

    operation: Operation
    path: Mapping[str, str]
    head: RequestHead
    scope: Scope
    receive: Receive
    snapshot: Snapshot
    quotas: Amounts = QUOTAS

    @property
    def query(self) -> bytes:
        """The query string as it was sent."""
        query: bytes = self.scope["query_string"]
        return query


class StoredApi:
    """The ASGI application of the operations."""

    def __init__(
        self,
        operations: Sequence[Operation],
        database: Database,
        *,
        limits: RateLimits,
        workers: WorkerPool,
        public_url: str,
        clock: Callable[[], float],
        render: Render,
        quotas: Amounts = QUOTAS,
    ) -> None:
        self._render = render
        self._routes = OperationRouter(operations)
        self._database = database
        self._limits = limits
        self._public_url = public_url
        self._clock = clock
        self._quotas = quotas
        self._heavy_work = HeavyWorkLimiter(workers)
        self._authenticator = KeyAuthenticator(database, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answered(self._routed(scope, receive))
        except ClientDisconnect:
            return  # nobody is left to answer, and nothing was begun: the body was incomplete
        if _wants_page(scope):
            response = await self._problem_page(response)
        await response(scope, receive, send)

    async def key_of(self, head: RequestHead) -> ApiKey:
        """Return the key of a request that is no request to an operation.

        Raises ``Unauthorized``, ``RateLimited`` and ``StoreUnavailable``.
        """
        async with self._database.snapshot() as snapshot:
            try:
                return await self._authenticator.authenticate(head, snapshot)
            except Unauthorized:
                client = self._limits.client_in(head)
                (await self._allowance(UNKNOWN_KEY, client)).require()
                raise

    async def count(self, key: ApiKey) -> None:
        """Count one request of ``key``. Raises ``RateLimited``."""
        (await self._allowance(PER_KEY, key.id)).require()

    async def answer(
        self,
        key: ApiKey,
        operation: Operation,
        path: Mapping[str, str],
        scope: Scope,
        receive: Receive,
    ) -> Response:
        """Answer a request that came another way than over a path of ``/api/``.

        Its address has been counted, and ``key_of`` has found its ``key``.
        """

        async def work() -> Response:
            async with self._database.snapshot() as snapshot:
                head = request_head(scope)
                incoming = IncomingRequest(operation, path, head, scope, receive, snapshot)
                return await self._answer_to_key(incoming, key)

        return await self._answered(work())

    async def _answered(self, work: Awaitable[Response]) -> Response:
        """Return the response that ``work`` returns, or the one to its failure."""
        try:
            return await work
        except HTTPException as error:
            return http_error_response(error)
        except OncallError as error:
            return error_response(error)
        except ClientDisconnect:
            raise
        except asyncio.CancelledError:  # the task ends here either way
            log.warning("interrupted")
            return error_response(Interrupted(INTERRUPTED))
        except Exception:
            log.exception("unhandled")
            return defect_response()

    async def _routed(self, scope: Scope, receive: Receive) -> Response:
        """Answer a request to a path, unless its address has sent too much of everything."""
        head = request_head(scope)
        require_sizes(head)
        address = self._limits.spend_address(self._limits.client_in(head))
        if not address.granted:
            return _with_rate_limit(error_response(address.refusal), address)
        operation, path = self._routes.match(scope["method"], scope["path"])
        scope["route"] = operation
        async with self._database.snapshot() as snapshot:
            incoming = IncomingRequest(operation, path, head, scope, receive, snapshot)
            return await self._admitted_response(incoming)

    async def tidy(self) -> None:
        """Write when keys were last used, and delete what has expired: stored answers, workspaces.

        Purchases of workspaces that were interrupted are completed or deleted, too.
        """
        with contextlib.suppress(StoreUnavailable):
            await self._authenticator.record_last_uses()
            now = int(self._clock() * 1000)
            await self._database.write(lambda tx: idempotency.forget_expired(tx, now))
            await self._database.write(lambda tx: workspaces.sweep(tx, now))

    async def _admitted_response(self, incoming: IncomingRequest) -> Response:
        """Return the answer to a request, or its refusal by key, rate limit or scope.

        These are checked before anything else of the request is looked at.
        """
        operation = incoming.operation
        try:
            if operation.feed and b"token=" in incoming.query and not _has_key(incoming.head):
                return await self._answer_by_token(incoming, operation.feed)
            key = await self._authenticator.authenticate(incoming.head, incoming.snapshot)
        except Unauthorized as error:
            allowance = await self._allowance(UNKNOWN_KEY, self._limits.client_in(incoming.head))
            return _with_rate_limit(
                error_response(error if allowance.granted else allowance.refusal), allowance
            )
        return await self._answer_to_key(incoming, key)

    async def _answer_to_key(self, incoming: IncomingRequest, key: ApiKey) -> Response:
        """Return the answer to a request with a valid key, or its refusal by limit or scope."""
        allowance = await self._allowance(PER_KEY, key.id)
        try:
            allowance.require()
            require_scope(key, incoming.operation.scope)
            if incoming.operation.writes:
                require_paid(key, int(self._clock() * 1000))
            actor = Actor(key.org_id, key.id, key.name)
            quotas = self._quotas if key.paid_until is None else OF_WORKSPACES
            response = await self._answer(structs.replace(incoming, quotas=quotas), actor)
        except OncallError as error:
            response = error_response(error)
        return _with_rate_limit(response, allowance)

    async def _answer_by_token(self, incoming: IncomingRequest, feed: Feed) -> Response:
        """Answer a request for a feed by its secret token, or refuse it."""
        allowance = await self._allowance(UNKNOWN_KEY, self._limits.client_in(incoming.head))
        try:
            allowance.require()
            secret = token_in(incoming.query)
            async with incoming.snapshot.reading() as tx:
                org_id = await org_id_of_token(tx, feed, incoming.path["id"], secret)
            query = query_in(incoming.query, incoming.operation.query)
            context = self._context(incoming, Actor(org_id, "", ""), query)
            response = await self._respond(incoming, await self._read(incoming, context))
        except OncallError as error:
            response = error_response(error)
        return _with_rate_limit(response, allowance)

    async def _answer(self, incoming: IncomingRequest, actor: Actor) -> Response:
        """Parse the rest of the request and answer it. Raises ``InvalidRequest``."""
        operation, head = incoming.operation, incoming.head
        context = self._context(incoming, actor, query_in(incoming.query, operation.query))
        if not operation.writes:
            return await self._respond(incoming, await self._read(incoming, context))
        await incoming.snapshot.end()
        share = BodyShare(self._limits.large_bodies, self._limits.client_in(head))
        try:
            body = b"" if head.bodiless else await read_body(incoming.receive, share)
            return await self._write(incoming, context, body)
        finally:
            share.give_back()

    async def _problem_page(self, response: Response) -> Response:
        """Return a refusal as a page; any other answer as it is."""
        if not isinstance(response, ErrorResponse):
            return response
        message = msgspec.json.decode(response.body)["message"]
        status = HTTPStatus(response.status_code)
        shown = await asyncio.to_thread(
            self._render, "schedule_problem.html", status=status, message=message
        )
        return response.in_form(shown.body, HTML_TYPE, {**shown.headers, **UNLISTED})

    async def _write(
        self, incoming: IncomingRequest, context: RequestContext, body: bytes
    ) -> Response:
        """Run the handler of a write within its transaction, once for each idempotency key."""
        operation, head = incoming.operation, incoming.head
        if body:
            require_json(head)
        if len(body) > LARGE_BYTES:
            context = await compute_in_thread(_with_body, operation, context, body)
        else:
            context = _with_body(operation, context, body)
        key = _idempotency_key(operation, head)
        request_hash = hashlib.sha256(
            b"\0".join((operation.method.encode(), incoming.scope["path"].encode(), body))
        ).digest()
        seal = Seal(presented_key(head), key) if key is not None and operation.secret else None
        async with contextlib.AsyncExitStack() as held:
            if operation.heavy:
                await held.enter_async_context(self._slot(incoming, context))
            compute = self._heavy_work.compute(context.org_id, operation.cpu_seconds)
            if operation.plans:
                async with self._database.reading() as tx:
                    before = await _answered_before(tx, context, key)
                    if before is not None:
                        return _replay(before, request_hash, seal)
                    planning = structs.replace(context, compute=compute)
                    prepared = await operation.plans(tx, planning)
                context = structs.replace(context, prepared=prepared)
            if operation.prepares:
                prepared = await operation.prepares(compute, context.value, context.now)
                context = structs.replace(context, prepared=prepared)
            transaction = partial(
                _write_once,
                operation=operation,
                context=context,
                key=key,
                request_hash=request_hash,
                seal=seal,
            )
            if operation.method != "DELETE":
                transaction = partial(
                    _within_quotas, incoming.quotas, operation, context.org_id, transaction
                )
            return await self._database.write(transaction)

    async def _read(self, incoming: IncomingRequest, context: RequestContext) -> HandlerResult:
        """Run the handler of an operation that reads; again, with a slot, if it proves heavy."""
        if not incoming.operation.heavy:
            light = structs.replace(context, compute=need_slot)
            with contextlib.suppress(NeedsSlot):
                async with incoming.snapshot.reading() as tx:
                    return await incoming.operation.handler(tx, light)
        compute = self._heavy_work.compute(context.org_id)
        heavy = structs.replace(context, compute=compute)
        async with self._slot(incoming, context), incoming.snapshot.reading() as tx:
            return await incoming.operation.handler(tx, heavy)

    async def _respond(self, incoming: IncomingRequest, result: HandlerResult) -> Response:
        """Return the response to a read."""
        if incoming.operation.shape == "page":
            await incoming.snapshot.end()
            shown = await asyncio.to_thread(self._render, "schedule.html", page=result.body)
            result = HandlerResult(Written(shown.body, HTML_TYPE, {**shown.headers, **UNLISTED}))
        return _response(incoming.operation, result, incoming.head)

    @contextlib.asynccontextmanager
    async def _slot(
        self, incoming: IncomingRequest, context: RequestContext
    ) -> AsyncIterator[None]:
        """Hold a slot while heavy work is done, for which no connection waits."""
        await incoming.snapshot.end()
        async with self._heavy_work.slot(context.org_id):
            yield

    def _context(
        self, incoming: IncomingRequest, actor: Actor, query: RequestModel
    ) -> RequestContext:
        return RequestContext(
            actor,
            int(self._clock() * 1000),
            self._public_url,
            incoming.path,
            query,
            if_match=tags_in(incoming.head.values("if-match"), "If-Match"),
            accept=",".join(incoming.head.values("accept")),
        )

    async def _allowance(self, policy: str, client: str) -> Allowance:
        return await self._limits.spend_by(policy, client, ROUTE, LIMIT)


async def _within_quotas(
    quotas: Amounts, operation: Operation, org_id: str, work: TransactionFunction[Response], tx: Tx
) -> Response:
    """Do the work of a write. Raises ``QuotaExceeded`` if too much would be stored after it."""
    before = await amounts_used(tx, org_id)
    response = await work(tx)
    after = await amounts_used(tx, org_id)
    require_within(quotas, before, after, changes=operation.method == "PATCH")
    return response


async def _write_once(
    tx: Tx,
    *,
    operation: Operation,
    context: RequestContext,
    key: str | None,
    request_hash: bytes,
    seal: Seal | None,
) -> Response:
    """Run the handler of a write, or return the answer that the same request got before.

    An answer with a secret is stored under its ``seal``.
    """
    before = await _answered_before(tx, context, key)
    if before is not None:
        return _replay(before, request_hash, seal)
    response = _response(operation, await operation.handler(tx, context), None)
    if key is not None:
        headers = tuple((name.decode(), value.decode()) for name, value in response.raw_headers)
        body = bytes(response.body)
        stored = seal.sealed(body) if seal else body
        record = IdempotencyRecord(request_hash, response.status_code, stored, headers)
        await idempotency.save_record(tx, context.org_id, key, record, context.now)
    return response


async def _answered_before(
    tx: Tx, context: RequestContext, key: str | None
) -> IdempotencyRecord | None:
    """Return what was answered under an idempotency key, if anything was."""
    if key is None:
        return None
    return await idempotency.find_record(tx, context.org_id, key, context.now)


def _replay(before: IdempotencyRecord, request_hash: bytes, seal: Seal | None) -> Response:
    if before.request_hash != request_hash:
        used = "has been used for another request: give every request a key of its own"
        raise InvalidRequest([FieldError("Idempotency-Key", used)])
    headers = {**dict(before.headers), "Idempotent-Replayed": "true"}
    body = seal.opened(before.body) if seal else before.body
    return Response(body, before.status, headers)


def _idempotency_key(operation: Operation, head: RequestHead) -> str | None:
    keys = head.values(IDEMPOTENCY_KEY) if operation.method == "POST" else ()
    if not keys:
        return None
    key = keys[0].strip()
    if len(keys) > 1 or not VALID_IDEMPOTENCY_KEY.fullmatch(key):
        wanted = "write one key of 1 to 255 visible ASCII characters"
        raise InvalidRequest([FieldError("Idempotency-Key", wanted)])
    return key


def _with_body(operation: Operation, context: RequestContext, body: bytes) -> RequestContext:
    value = parsed_json(body) if body else {}
    found = null_character_errors(value) if NULL_ESCAPED in body else ()
    if errors := list(islice(found, MAX_ERRORS)):
        raise InvalidRequest(errors)
    document = validated(value, operation.body) if operation.body else None
    return structs.replace(context, document=document, value=value)


def _response(operation: Operation, result: HandlerResult, head: RequestHead | None) -> Response:
    """Return the response that an operation gives for a result.

    ``head`` is given for reads; the answer is a 304 if it names the current ETag.
    """
    headers = dict(NO_STORE)
    body, media_type = b"", None
    if isinstance(result.body, bytes):
        body, media_type = result.body, CALENDAR_TYPE
        headers = {**REVALIDATED, "ETag": digest_etag(body)}
    elif isinstance(result.body, Written):
        body, media_type = result.body.body, result.body.media_type
        headers = {**REVALIDATED, "ETag": digest_etag(body), **result.body.headers}
    elif result.body is not None:
        body, media_type = msgspec.json.encode(result.body), JSON_TYPE
    if operation.is_versioned and isinstance(result.body, DataEnvelope):
        headers["ETag"] = etag(result.body.data.version)
    if result.location is not None and operation.status == HTTPStatus.CREATED:
        headers["Location"] = result.location
    known = tags_in(head.values("if-none-match"), "If-None-Match") if head else ()
    if known and "ETag" in headers and is_fresh(known, headers["ETag"]):
        return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    return Response(body, operation.status, headers, media_type)


def _with_rate_limit(response: Response, allowance: Allowance) -> Response:
    response.raw_headers += allowance.fields
    return response


def _wants_page(scope: Scope) -> bool:
    """Return whether a page was asked for, by somebody who reads HTML."""
    if getattr(scope.get("route"), "shape", None) != "page":
        return False
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return b"text/html" in accept


def _has_key(head: RequestHead) -> bool:
    return bool(head.values("x-api-key") or head.values("authorization"))
