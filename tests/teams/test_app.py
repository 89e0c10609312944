"""The service without a database, with one that is not ready, and with one that comes and goes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.database.database import Database, Tx
from app.teams import app as teams_app
from app.teams.keys.store import keys_of
from tests.support.clock import Clock
from tests.support.databases import migrate
from tests.support.scenes import DAILY, scene
from tests.support.services import EXAMPLE, Service, living, service, settings
from tests.support.stored import V1, V2, Stored, code_of, opened

pytestmark = pytest.mark.anyio

PATHS = (f"{V1}/schedules", f"{V2}/schedules", f"{V2}/current/team", "/api/anything")


async def ready(at: Service) -> tuple[int, Any]:
    response = await at.http.get("/readyz")
    return response.status_code, response.json()["checks"]["store"]


class TestNone:
    @pytest.mark.parametrize("path", PATHS)
    async def test_nothing_is_served(self, path: str) -> None:
        at = service(settings(database_url="none"))
        for method in ("GET", "POST", "DELETE"):
            response = await at.http.request(method, path)
            assert code_of(response) == (404, "not_found")
            assert "ONCALL_DATABASE_URL=none" in response.json()["message"]
            assert response.headers["Cache-Control"] == "no-store"

    async def test_readiness_says_so(self) -> None:
        at = service(settings(database_url="none"))
        async with living(at.app):
            assert await ready(at) == (200, "none")

    async def test_what_is_paid_is_sold(self) -> None:
        assert (await service(settings(database_url="none")).buy()).status_code == 200


MADE_UP = f"ak_live_{'0' * 10}_{'x' * 43}"
"""A key that has the form of one, which only the database knows to be none."""


@pytest.fixture
def away(tmp_path: Path) -> str:
    """Return a database that cannot exist: its folder is a file."""
    (tmp_path / "file").touch()
    return f"sqlite:///{tmp_path}/file/oncall.db"


class TestUnreachable:
    @pytest.mark.parametrize("url", ["", "postgresql://nobody@127.0.0.1:9/none"])
    async def test_what_is_stored_is_unavailable(self, away: str, url: str) -> None:
        at = service(settings(database_url=url or away))
        async with living(at.app):
            for path in PATHS[:3]:
                response = await at.http.get(path, headers={"X-API-Key": MADE_UP})
                assert code_of(response) == (503, "unavailable")
                assert int(response.headers["Retry-After"]) >= 1
                assert "nobody" not in response.text
            status, what = await ready(at)
            assert status == 503
            assert what not in ("ok", "none")

    async def test_what_is_paid_is_sold(self, away: str) -> None:
        at = service(settings(database_url=away))
        async with living(at.app):
            assert (await at.buy(EXAMPLE)).status_code == 200


class TestUnmigrated:
    async def test_it_is_said(self, database_url: str) -> None:
        await asyncio.to_thread(asyncio.run, migrate(database_url, "base"))
        at = service(settings(database_url=database_url))
        async with living(at.app):
            response = await at.http.get(PATHS[0], headers={"X-API-Key": MADE_UP})
            assert code_of(response) == (503, "unavailable")
            assert response.headers["Retry-After"] == "1"
            assert await ready(at) == (503, "is not migrated: run `python -m app migrate`")
            assert (await at.buy(EXAMPLE)).status_code == 200

    async def test_a_new_sqlite_file_is_made_and_migrated(self, tmp_path: Path) -> None:
        at = service(settings(database_url=f"sqlite:///{tmp_path}/new/oncall.db"))
        async with living(at.app):
            response = await at.http.get(PATHS[0])
            assert code_of(response) == (401, "unauthorized")
            assert await ready(at) == (200, "ok")


class TestStarting:
    async def test_readiness_says_that_it_is_being_opened(self, tmp_path: Path) -> None:
        at = service(settings(database_url=f"sqlite:///{tmp_path}/oncall.db"))
        assert await ready(at) == (503, "is being opened")

    async def test_who_asks_at_once_waits(self, stored_url: str, clock: Clock) -> None:
        at = Stored(stored_url, clock)
        async with living(at.app):
            asked = [at.http.get(PATHS[0]) for _ in range(4)]
            answers = await asyncio.gather(*asked)
        assert {code_of(answer) for answer in answers} == {(401, "unauthorized")}
        await at.database.aclose()

    async def test_it_may_be_stopped_at_once(self, stored_url: str, clock: Clock) -> None:
        at = Stored(stored_url, clock)
        async with living(at.app):
            pass
        await at.database.aclose()


class TestWatching:
    @pytest.fixture(autouse=True)
    def hasty(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(teams_app, "REFRESH_SECONDS", 0.1)

    async def test_the_last_use_of_keys_is_written_down(
        self, stored_url: str, clock: Clock
    ) -> None:
        async with opened(Stored(stored_url, clock)) as at:
            await at.me.get(f"{V1}/schedules")

            async def last_used(tx: Tx) -> int | None:
                [key] = await keys_of(tx, at.org)
                return key.last_used_at

            assert await eventually(lambda: at.database.write(last_used)) == at.now

    async def test_what_becomes_of_the_database_is_logged_and_told(self, tmp_path: Path) -> None:
        file = tmp_path / "oncall.db"
        at = service(settings(database_url=f"sqlite:///{file}"))
        with capture_logs() as logs:
            async with living(at.app):
                await at.http.get(PATHS[0])
                assert await ready(at) == (200, "ok")
                await asyncio.to_thread(asyncio.run, migrate(f"sqlite:///{file}", "base"))

                async def logged() -> list[str]:
                    return [entry["problem"] for entry in logs if entry["event"] == "readiness"]

                unmigrated = "is not migrated: run `python -m app migrate`"
                assert await eventually(logged) == [unmigrated]
                assert await ready(at) == (503, unmigrated)


async def eventually(ask: Callable[[], Any]) -> Any:
    """Return the first answer of ``ask`` that is true."""
    async with asyncio.timeout(30):
        while not (found := await ask()):  # noqa: ASYNC110 - a database sets no event
            await asyncio.sleep(0.01)
    return found


async def test_the_last_use_of_a_key_is_written_down_at_the_end(
    stored_url: str, clock: Clock
) -> None:
    async with opened(Stored(stored_url, clock)) as at:
        await scene(at, DAILY)
    database = Database(stored_url)
    await database.open()

    async def last_used(tx: Tx) -> list[int | None]:
        return [key.last_used_at for key in await keys_of(tx, at.org)]

    assert await database.write(last_used) == [at.now]
    await database.aclose()


async def test_answers_whose_time_is_over_are_forgotten(stored_url: str, clock: Clock) -> None:
    async with opened(Stored(stored_url, clock)) as at:
        body = {"name": "Ann", "email": "ann@example.com"}
        await at.me.post(f"{V2}/users", body, Idempotency_Key="a")
        clock.advance(24 * 3600)
    async with opened(Stored(stored_url, clock)) as again:
        clock.advance(-3600)  # a clock that is put back brings nothing back
        response = await again.caller(at.me.key).post(f"{V2}/users", body, Idempotency_Key="a")
    assert "Idempotent-Replayed" not in response.headers


async def test_a_defect_on_the_side_is_logged_and_ends_nothing() -> None:
    with capture_logs() as logs, teams_app.log_defects():
        raise ValueError
    [entry] = logs
    assert (entry["event"], entry["log_level"]) == ("store", "error")


@pytest.mark.parametrize("moment", range(12))
async def test_a_stop_while_the_database_is_opened_leaves_nothing_open(
    tmp_path: Path, moment: int
) -> None:
    """Though it is stopped at any moment, some milliseconds apart."""
    file = tmp_path / "oncall.db"
    at = service(settings(database_url=f"sqlite:///{file}"))
    async with living(at.app):
        await asyncio.sleep(moment * 0.005)
    assert not open_files_like(file)


def open_files_like(file: Path) -> list[str]:
    """Return the files of a database that this process has open."""
    held = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.exists()]
    return [name for name in held if str(file) in name]
