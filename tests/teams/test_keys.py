"""API keys: what is stored of them, which are found, and when they open something."""

import re
from dataclasses import FrozenInstanceError, replace

import pytest
from sqlalchemy import select

from app.database.database import Database, Tx
from app.database.tables import keys, organisations
from app.teams.keys.store import ApiKey, create_key, find_key, keys_of, record_last_use, revoke_key

pytestmark = pytest.mark.anyio
NOW = 1_780_531_200_000
LIVE = ApiKey(
    "abcdefghij", "org_1", "A", "ci", "live", frozenset({"schedules"}), NOW, None, None, None
)


async def add(
    database: Database, org: str = "A", expires_at: int | None = None, now: int = NOW
) -> tuple[ApiKey, str]:
    async def work(tx: Tx) -> tuple[ApiKey, str]:
        return await create_key(tx, org, "ci", ["schedules"], "live", expires_at, now)

    return await database.write(work)


async def found(database: Database, presented: str) -> ApiKey | None:
    async with database.reading() as tx:
        return await find_key(tx, presented)


class TestMaking:
    async def test_what_is_presented_names_kind_and_id(self, database: Database) -> None:
        key, presented = await add(database)
        assert re.fullmatch(rf"ak_live_{key.id}_[0-9A-Za-z_-]{{43}}", presented)
        assert re.fullmatch(r"[0-9a-z]{10}", key.id)

    async def test_a_test_key_says_so(self, database: Database) -> None:
        async def work(tx: Tx) -> tuple[ApiKey, str]:
            return await create_key(
                tx, "A", "", ["oncall:read", "oncall:write"], "test", NOW + 1, NOW
            )

        key, presented = await database.write(work)
        assert presented.startswith("ak_test_")
        assert await found(database, presented) == key
        assert key == ApiKey(
            id=key.id,
            org_id=key.org_id,
            org_name="A",
            name=key.id,
            kind="test",
            scopes=frozenset({"oncall:read", "oncall:write"}),
            created_at=NOW,
            expires_at=NOW + 1,
            revoked_at=None,
            last_used_at=None,
        )

    async def test_an_organisation_is_made_once(self, database: Database) -> None:
        first, _ = await add(database)
        second, _ = await add(database)
        other, _ = await add(database, "B")
        assert first.org_id == second.org_id != other.org_id
        async with database.reading() as tx:
            names = (await tx.execute(select(organisations.c.name))).scalars().all()
        assert sorted(names) == ["A", "B"]

    async def test_the_secret_is_kept_nowhere(self, database: Database) -> None:
        _, presented = await add(database)
        async with database.reading() as tx:
            [row] = await tx.execute(select(keys))
        assert presented[-43:] not in str(tuple(row))
        assert len(row.hash) == 32

    def test_a_key_does_not_change(self) -> None:
        with pytest.raises(FrozenInstanceError):
            LIVE.scopes = frozenset()  # type: ignore[misc]


class TestFinding:
    async def test_it_is_found_by_what_is_presented(self, database: Database) -> None:
        key, presented = await add(database)
        assert await found(database, presented) == key

    async def test_a_changed_one_is_not(self, database: Database) -> None:
        _, presented = await add(database)
        swapped = "A" if presented[-1] != "A" else "B"
        assert await found(database, presented[:-1] + swapped) is None
        assert await found(database, presented.replace("live", "test")) is None

    @pytest.mark.parametrize(
        "presented",
        [
            pytest.param("", id="nothing"),
            pytest.param("ak_live_", id="a prefix"),
            pytest.param("ak_live_abcdefghij_" + "x" * 43, id="unknown"),
            pytest.param("ak_live_abcdefghij_" + "x" * 42, id="short"),
            pytest.param("ak_live_abcdefghij_" + "x" * 44, id="long"),
            pytest.param("ak_live_ABCDEFGHIJ_" + "x" * 43, id="capitals"),
            pytest.param("ak_live_abcdefghij_" + "x" * 42 + "é", id="not ASCII"),
            pytest.param("ak_live_abcdefghij_" + "x" * 42 + "\n", id="a line end"),
            pytest.param("sk_live_abcdefghij_" + "x" * 43, id="somebody else's"),
            pytest.param("\ud800", id="no text"),
        ],
    )
    async def test_what_is_no_key_is_nobodys(self, database: Database, presented: str) -> None:
        assert await found(database, presented) is None


class TestValidity:
    @pytest.mark.parametrize(
        ("key", "is_valid"),
        [
            pytest.param(LIVE, True, id="without an expiry"),
            pytest.param(replace(LIVE, expires_at=NOW + 1), True, id="before the expiry"),
            pytest.param(replace(LIVE, expires_at=NOW), False, id="at the expiry"),
            pytest.param(replace(LIVE, revoked_at=NOW), False, id="revoked"),
            pytest.param(replace(LIVE, revoked_at=NOW + 1), False, id="revoked, by another clock"),
        ],
    )
    def test_when_it_opens_something(self, key: ApiKey, is_valid: bool) -> None:
        assert key.valid_at(NOW) is is_valid


class TestRevoking:
    async def test_it_holds_at_once_and_from_the_first_time(self, database: Database) -> None:
        key, presented = await add(database)
        assert await database.write(lambda tx: revoke_key(tx, key.id, NOW + 1))
        assert await database.write(lambda tx: revoke_key(tx, key.id, NOW + 2))
        assert await found(database, presented) == replace(key, revoked_at=NOW + 1)

    async def test_one_that_is_not_there(self, database: Database) -> None:
        assert not await database.write(lambda tx: revoke_key(tx, "abcdefghij", NOW))


class TestListing:
    async def test_the_oldest_comes_first(self, database: Database) -> None:
        later, _ = await add(database, "B", now=NOW + 1)
        first, _ = await add(database, "A", now=NOW)
        async with database.reading() as tx:
            assert await keys_of(tx) == [first, later]
            assert await keys_of(tx, "B") == [later]
            assert await keys_of(tx, "C") == []


class TestUse:
    async def test_the_last_use_is_known(self, database: Database) -> None:
        key, presented = await add(database)
        other, _ = await add(database)
        await database.write(lambda tx: record_last_use(tx, {key.id: NOW + 5, other.id: NOW + 6}))
        assert await found(database, presented) == replace(key, last_used_at=NOW + 5)

    async def test_an_earlier_one_is_no_news(self, database: Database) -> None:
        key, presented = await add(database)
        await database.write(lambda tx: record_last_use(tx, {key.id: NOW + 5}))
        await database.write(lambda tx: record_last_use(tx, {key.id: NOW + 4, "abcdefghij": NOW}))
        assert await found(database, presented) == replace(key, last_used_at=NOW + 5)
