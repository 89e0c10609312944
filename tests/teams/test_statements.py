"""How many statements a request takes on PostgreSQL, and that a large team is answered as well."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

from app.teams.on_call import store
from tests.support.scenes import DAILY, EMPTY, entry, june, local, override, scene
from tests.support.stored import V1, V2, Stored

pytestmark = pytest.mark.anyio

CURRENT = f"{V2}/current/team"
AT = f"?at={june(5, 6)}"
ENTRY = {"user_id": "cat", "start": june(8), "end": june(9)}


class Sent:
    """What was sent to PostgreSQL, each a round trip; the statements are what is no bracket."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @property
    def counts(self) -> tuple[int, int]:
        """The statements, and the round trips."""
        brackets = ("BEGIN", "COMMIT", "ROLLBACK")
        return sum(not text.startswith(brackets) for text in self.texts), len(self.texts)


@pytest.fixture
def sent() -> Iterator[Sent]:
    """Note what is sent to PostgreSQL, past SQLAlchemy or by it."""
    seen = Sent()
    drivers = set()

    def note(query: Any) -> None:
        seen.texts.append(query.query)

    def look(adapted: Any, *_: object) -> None:
        drivers.add(adapted.driver_connection)
        adapted.driver_connection.add_query_logger(note)

    def note_sqlalchemys(_: object, __: object, text: str, *___: object) -> None:
        seen.texts.append(text)

    event.listen(Pool, "checkout", look)
    event.listen(Engine, "before_cursor_execute", note_sqlalchemys)
    yield seen
    event.remove(Engine, "before_cursor_execute", note_sqlalchemys)
    event.remove(Pool, "checkout", look)
    for driver in drivers:
        driver.remove_query_logger(note)


@pytest.mark.postgres
@pytest.mark.parametrize("stored_url", ["postgresql"], indirect=True)
class TestStatements:
    @pytest.mark.parametrize("path", [f"{V1}/schedules/daily/on-call", CURRENT])
    async def test_of_who_is_on_call(self, stored: Stored, sent: Sent, path: str) -> None:
        """The key and its organisation; all that decides; the names."""
        me = await scene(stored, DAILY, EMPTY, {**DAILY, "id": "third"})
        sent.texts.clear()
        await me.read(path + AT)
        assert sent.counts == (3, 5)

    async def test_of_an_entry(self, stored: Stored, sent: Sent) -> None:
        me = await scene(stored, DAILY)
        sent.texts.clear()
        await me.create(f"{V2}/schedules/daily/entries", ENTRY)
        assert sent.counts == (10, 14)

    async def test_of_an_override(self, stored: Stored, sent: Sent) -> None:
        me = await scene(stored, DAILY)
        sent.texts.clear()
        body = {"user_id": "cat", "start_at": june(8), "end_at": june(9)}
        await me.create(f"{V1}/schedules/daily/overrides", body)
        assert sent.counts == (9, 13)


class TestLargeTeams:
    @pytest.fixture
    async def asked(self, stored: Stored) -> Any:
        """A team with two schedules, an entry, an override, an absence and a pending edit."""
        me = await scene(stored, DAILY, {**DAILY, "id": "second", "participants": ["cat", "dan"]})
        await entry(me, "dan", june(5, 3), june(5, 9))
        await override(me, "bob", june(7), june(8), "second")
        away = {"start": june(5), "end": june(6)}
        await me.create(f"{V2}/users/cat/absences", away)
        stored.at(june(2))
        await me.update(f"{V2}/schedules/second", {"timezone": "Europe/Brussels"})
        return me

    async def test_with_many_rows(self, asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        at_once = await asked.read(CURRENT + AT)
        assert at_once["on_call"]["user_id"] == "dan"
        assert at_once["on_call"]["shift_end"] == local(5, 9)
        monkeypatch.setattr(store, "TEAM_ROWS", 1)
        assert await asked.read(CURRENT + AT) == at_once

    async def test_with_large_layers(self, stored: Stored) -> None:
        people = [f"person_{number:04}{'x' * 40}" for number in range(200)]
        await stored.me.add_users(*people)
        me = await scene(stored, {**DAILY, "participants": people})
        answer = await me.read(CURRENT + AT)
        assert answer["on_call"]["user_id"] == people[4]

    async def test_with_more_names_than_have_a_statement_of_their_own(self, stored: Stored) -> None:
        people = [f"person_{number:02}" for number in range(12)]
        await stored.me.add_users(*people)
        layers = [
            {**DAILY, "id": f"s{number}", "participants": [name]}
            for number, name in enumerate(people)
        ]
        me = await scene(stored, *layers)
        stored.at(june(5, 6))
        rows = (await me.get(f"{V2}/on-call")).json()["data"]
        assert [row["user_name"] for row in rows] == [name.title() for name in people]
