"""The stored APIs in process, on each kind of database, with callers of organisations.

One database of each kind serves the whole run, and one service on it all tests of a module; every
test has an organisation, an address and a time of its own, which is as good as a service of its
own, and quicker.
"""

import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import cache
from ipaddress import IPv4Address
from itertools import count
from typing import Any, Literal

import httpx
import pytest

from app.database.database import Database, Tx
from app.main import create_app
from app.teams.keys.store import SCOPES, ApiKey, create_key, find_key
from app.teams.users.store import UserFields, insert_user
from tests.support.clock import Clock
from tests.support.databases import KINDS, TEMPLATE, administer
from tests.support.services import Service, client_of, living, settings

V1, V2 = "/api/v1", "/api/v2/oncall"

Style = Literal["X-API-Key", "Authorization"]

_numbers = count(1)


class Caller:
    """A client that sends a key, in either header; without a key it is anonymous."""

    def __init__(self, service: "Stored", key: str | None, style: Style = "X-API-Key") -> None:
        self._service = service
        self.key = key
        self.headers: dict[str, str] = {}
        if key is not None:
            self.headers[style] = f"Bearer {key}" if style == "Authorization" else key

    async def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a request and return its answer; a ``body`` of bytes is sent as it is, any other as
        JSON.
        """
        sent = {**self.headers, **(headers or {})}
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if body is not None:
            sent = {"Content-Type": "application/json", **sent}
        fields = {name: value.encode("latin-1") for name, value in sent.items()}
        return await self._service.http.request(method, path, content=content, headers=fields)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.ask("GET", path, headers=_fields(headers))

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.ask("POST", path, body, _fields(headers))

    async def patch(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.ask("PATCH", path, body, _fields(headers))

    async def delete(self, path: str, **headers: str) -> httpx.Response:
        return await self.ask("DELETE", path, headers=_fields(headers))

    async def read(self, path: str) -> Any:
        """Return the document at ``path``, without its envelope."""
        response = await self.get(path)
        assert response.status_code == 200, response.text
        answer = response.json()
        return answer.get("data", answer)

    async def create(self, path: str, body: Any) -> Any:
        """Create something at ``path`` and return it."""
        response = await self.post(path, body)
        assert response.status_code in (200, 201), response.text
        return response.json()["data"]

    async def update(self, path: str, body: Any) -> Any:
        """Apply a merge patch at ``path`` and return the result."""
        response = await self.patch(path, body)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    async def delete_at(self, path: str) -> None:
        """Delete the thing at ``path``."""
        response = await self.delete(path)
        assert response.status_code == 204, response.text

    async def add_users(self, *ids: str) -> None:
        """Add users with these ids, named after them, to the organisation; without a request."""

        async def work(tx: Tx) -> None:
            key = await find_key(tx, self.key or "")
            assert key is not None
            for user_id in ids:
                given = UserFields(user_id.title(), f"{user_id}@example.com")
                await insert_user(tx, key.org_id, user_id, given, self._service.now)

        await self._service.database.write(work)


class Stored(Service):
    """A service with a store; ``me`` has every scope of an organisation of the test's own."""

    me: Caller

    def __init__(self, url: str, clock: Clock, quota: str = "") -> None:
        self.url = url
        self.database = Database(url)
        super().__init__(
            create_app(
                settings(database_url=url, payments="off", quota=quota),  # type: ignore[arg-type]
                clock=self._time,
            )
        )
        self.begin(clock)

    def _time(self) -> float:
        return self.clock()

    def begin(self, clock: Clock) -> None:
        """Give what follows a time, an organisation and an address of its own."""
        number = next(_numbers)
        self.clock = clock
        self.org = f"organisation {number}"
        self.http = client_of(self.app, str(IPv4Address("10.0.0.0") + number))

    @property
    def now(self) -> int:
        """The time, in milliseconds since 1970."""
        return int(self.clock() * 1000)

    def at(self, text: str) -> None:
        """Set the clock to ``text``, an RFC 3339 instant."""
        self.clock.set(text)

    async def key(
        self,
        scopes: Sequence[str] = SCOPES,
        org: str | None = None,
        expires_at: int | None = None,
        name: str = "tests",
    ) -> tuple[ApiKey, str]:
        """Create a key of an organisation, by default the test's own; return it and the text to
        present.
        """

        async def work(tx: Tx) -> tuple[ApiKey, str]:
            return await create_key(tx, org or self.org, name, scopes, "live", expires_at, self.now)

        return await self.database.write(work)

    async def add_me(self) -> None:
        """Add the organisation's first key, that of ``me``."""
        _, presented = await self.key()
        self.me = self.caller(presented)

    def caller(self, presented: str | None, style: Style = "X-API-Key") -> Caller:
        return Caller(self, presented, style)

    async def with_scopes(self, *scopes: str, org: str | None = None) -> Caller:
        """Return a caller with these scopes, or with all of them if none is named."""
        _, presented = await self.key(scopes or SCOPES, org)
        return self.caller(presented)

    async def stranger(self) -> Caller:
        """Return a caller with every scope of another organisation."""
        return await self.with_scopes(org=f"{self.org}, not")


@pytest.fixture(scope="session")
def stored_urls(
    templates: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """The URL of a migrated database of a kind, made when it is first asked for.

    pytest may leave and enter a parametrized fixture of the session several times; this stays.
    """

    @cache
    def url(kind: str) -> str:
        template = templates(kind)
        if kind == "sqlite":
            file = tmp_path_factory.mktemp("stored") / "oncall.db"
            shutil.copy(template, file)
            return f"sqlite:///{file}"
        administer(template, "createdb", "--template", TEMPLATE, "oncall_stored")
        return f"{template}/oncall_stored"

    return url


@pytest.fixture(scope="session", params=KINDS)
def stored_url(request: pytest.FixtureRequest, stored_urls: Callable[[str], str]) -> str:
    """The URL of a migrated database of each kind, for the whole run."""
    return stored_urls(request.param)


@pytest.fixture(scope="module")
async def stored_service(
    stored_url: str,
    anyio_backend: str,  # noqa: ARG001 - what makes this fixture one of anyio's
) -> AsyncIterator[Stored]:
    """Run the service on each kind of database, for all tests of a module."""
    async with opened(Stored(stored_url, Clock(0))) as service:
        yield service


@pytest.fixture
async def stored(stored_service: Stored, clock: Clock) -> Stored:
    """Return the service with an empty organisation."""
    stored_service.begin(clock)
    await stored_service.add_me()
    return stored_service


@contextlib.asynccontextmanager
async def opened(service: Stored) -> AsyncIterator[Stored]:
    """Run a service from its start to its end."""
    await service.database.open()
    try:
        async with living(service.app):
            await service.add_me()
            yield service
    finally:
        await service.database.aclose()


def faults_in(response: httpx.Response) -> dict[str, str]:
    """Return the fields that a 422 names, each with its correction."""
    assert response.status_code == 422, response.text
    answer = response.json()
    assert answer["error"] == "validation_failed"
    fields: dict[str, str] = answer["fields"]
    return fields


def code_of(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the code of an error."""
    return response.status_code, response.json()["error"]


def _fields(headers: Mapping[str, str]) -> dict[str, str]:
    """Return header fields whose names are written with ``_`` for ``-``."""
    return {name.replace("_", "-"): value for name, value in headers.items()}
