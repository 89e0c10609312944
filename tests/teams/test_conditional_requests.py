"""Versions: ``ETag``, ``If-Match`` and ``If-None-Match``; ids that are taken."""

from typing import Any

import pytest

from app.http.conditional import is_fresh, tags_in
from tests.support.scenes import DAILY, entry, june, override, scene
from tests.support.stored import V1, V2, Caller, Stored, code_of, faults_in

pytestmark = pytest.mark.anyio

POLICY = {"id": "policy", "name": "All", "steps": [{"targets": [{"type": "user", "id": "ann"}]}]}
THINGS = [
    pytest.param(f"{V1}/schedules/daily", id="v1 schedule"),
    pytest.param(f"{V2}/schedules/daily", id="v2 schedule"),
    pytest.param(f"{V2}/users/cat", id="person"),
    pytest.param(f"{V1}/escalation-policies/policy", id="policy"),
]


async def three(stored: Stored) -> Caller:
    me = await scene(stored, DAILY)
    await me.create(f"{V1}/escalation-policies", POLICY)
    return me


@pytest.mark.parametrize("path", THINGS)
class TestThings:
    async def test_the_etag_is_the_version(self, stored: Stored, path: str) -> None:
        me = await three(stored)
        read = await me.get(path)
        assert read.headers["ETag"] == '"1"'
        assert read.json()["data"]["version"] == 1
        changed = await me.patch(path, {"name": "Other"})
        assert changed.headers["ETag"] == '"2"'
        assert changed.json()["data"]["version"] == 2
        assert (await me.get(path)).headers["ETag"] == '"2"'

    @pytest.mark.parametrize("tags", ['"1"', '"7", "1"', ' "1" ,"x"', "*", '"a,b", "1"'])
    async def test_it_is_changed_if_it_matches(self, stored: Stored, path: str, tags: str) -> None:
        me = await three(stored)
        response = await me.patch(path, {"name": "Other"}, If_Match=tags)
        assert response.status_code == 200
        assert response.json()["data"]["name"] == "Other"

    @pytest.mark.parametrize("tags", ['"2"', '"0", "7"', 'W/"1"', '"01"', '""'])
    async def test_it_is_not_changed_if_it_does_not(
        self, stored: Stored, path: str, tags: str
    ) -> None:
        me = await three(stored)
        for method, body in (("PATCH", {"name": "Other"}), ("DELETE", None)):
            response = await me.ask(method, path, body, {"If-Match": tags})
            assert code_of(response) == (412, "precondition_failed")
        assert (await me.get(path)).headers["ETag"] == '"1"'

    async def test_a_stale_one(self, stored: Stored, path: str) -> None:
        me = await three(stored)
        await me.update(path, {"name": "Other"})
        stale = await me.patch(path, {"name": "Third"}, If_Match='"1"')
        assert code_of(stale) == (412, "precondition_failed")
        assert "the version is 2 now" in stale.json()["message"]

    @pytest.mark.parametrize("tags", ["1", '"1', '"1" "2"', ""])
    async def test_one_of_another_form(self, stored: Stored, path: str, tags: str) -> None:
        me = await three(stored)
        response = await me.patch(path, {"name": "Other"}, If_Match=tags)
        assert list(faults_in(response)) == ["If-Match"]

    async def test_it_is_deleted_if_it_matches(self, stored: Stored, path: str) -> None:
        me = await three(stored)
        assert (await me.delete(path, If_Match='"1"')).status_code == 204

    @pytest.mark.parametrize("tags", ['"1"', 'W/"1"', "*", '"9", "1"'])
    async def test_it_is_not_sent_to_who_has_it(self, stored: Stored, path: str, tags: str) -> None:
        me = await three(stored)
        response = await me.get(path, If_None_Match=tags)
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["ETag"] == '"1"'

    async def test_it_is_sent_to_who_has_another(self, stored: Stored, path: str) -> None:
        me = await three(stored)
        assert (await me.get(path, If_None_Match='"2"')).status_code == 200

    async def test_its_instants_tell_of_changes(self, stored: Stored, path: str) -> None:
        me = await three(stored)
        stored.at(june(2))
        changed = await me.update(path, {"name": "Other"})
        assert (changed["created_at"], changed["updated_at"]) == (june(1), june(2))


async def writes(me: Caller) -> list[tuple[str, str, Any]]:
    """Every write to what belongs to a schedule, each of which can be done once."""
    daily = f"{V2}/schedules/daily"
    kept = await override(me, "cat", june(20), june(21))
    shift = await entry(me, "cat", june(22), june(23))
    swap = await me.create(f"{V2}/entries/{shift}/swap", {"swap_with_user_id": "dan"})
    token = await me.create(f"{daily}/feed-tokens", {})
    window = {"start_at": june(5), "end_at": june(6)}
    return [
        ("POST", f"{V1}/schedules/daily/overrides", {"user_id": "cat", **window}),
        ("DELETE", f"{V1}/schedules/daily/overrides/{kept}", None),
        ("POST", f"{daily}/entries", {"user_id": "cat", "start": june(7), "end": june(8)}),
        ("POST", f"{V2}/entries/daily~1.0~9/swap", {"swap_with_user_id": "dan"}),
        ("DELETE", f"{V2}/swaps/{swap['id']}", None),
        ("DELETE", f"{V2}/entries/{shift}", None),
        ("POST", f"{daily}/feed-tokens", {"name": "x"}),
        ("DELETE", f"{V2}/feed-tokens/{token['id']}", None),
    ]


async def test_if_match_is_the_schedules_for_what_belongs_to_it(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    for method, path, body in await writes(me):
        version = (await me.read(f"{V2}/schedules/daily"))["version"]
        stale = await me.ask(method, path, body, {"If-Match": f'"{version - 1}"'})
        assert code_of(stale) == (412, "precondition_failed"), path
        done = await me.ask(method, path, body, {"If-Match": f'"{version}"'})
        assert done.status_code in (200, 201, 204), done.text
        assert (await me.read(f"{V2}/schedules/daily"))["version"] == version + 1, path


async def test_a_feed_token_of_a_person_takes_the_persons_version(stored: Stored) -> None:
    me = await scene(stored)
    path = f"{V2}/users/ann/feed-tokens"
    assert code_of(await me.post(path, {}, If_Match='"2"')) == (412, "precondition_failed")
    assert (await me.post(path, {}, If_Match='"1"')).status_code == 201


async def test_what_is_refused_changes_no_version(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    await me.patch(f"{V2}/schedules/daily", {"name": ""})
    await me.post(f"{V1}/schedules/daily/overrides", {"user_id": "who"})
    assert (await me.read(f"{V2}/schedules/daily"))["version"] == 1


class TestIdsTaken:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            pytest.param(f"{V2}/schedules", DAILY, id="v2 schedule"),
            pytest.param(
                f"{V1}/schedules",
                {"id": "daily", "name": "x", "timezone": "UTC", "layers": []},
                id="v1 schedule",
            ),
            pytest.param(f"{V2}/users", {"id": "ann", "name": "x", "email": "a@b"}, id="a person"),
            pytest.param(f"{V1}/escalation-policies", POLICY, id="a policy"),
            pytest.param(
                f"{V1}/schedules/daily/overrides",
                {"id": "taken", "user_id": "ann", "start_at": june(5), "end_at": june(6)},
                id="an override",
            ),
            pytest.param(
                f"{V2}/schedules/daily/entries",
                {"id": "taken", "user_id": "ann", "start": june(5), "end": june(6)},
                id="an entry",
            ),
        ],
    )
    async def test_it_is_refused(self, stored: Stored, path: str, body: Any) -> None:
        me = await three(stored)
        await entry(me, "cat", june(10), june(11), id="taken")
        assert code_of(await me.post(path, body)) == (409, "conflict")

    async def test_another_organisation_may_have_the_same(self, stored: Stored) -> None:
        await scene(stored, DAILY)
        other = await stored.stranger()
        await other.add_users("ann", "bob")
        await other.create(f"{V2}/schedules", {**DAILY, "name": "Theirs"})
        assert (await other.read(f"{V2}/schedules/daily"))["name"] == "Theirs"
        assert (await stored.me.read(f"{V2}/schedules/daily"))["name"] == "Daily"

    async def test_what_was_deleted_frees_its_id(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await me.delete_at(f"{V2}/schedules/daily")
        await me.create(f"{V2}/schedules", DAILY)

    @pytest.mark.parametrize(
        ("path", "body", "prefix"),
        [
            (f"{V1}/schedules", {"name": "x", "timezone": "UTC", "layers": []}, ""),
            (f"{V2}/schedules", {**DAILY, "id": None}, "sched_"),
            (f"{V2}/users", {"name": "x", "email": "a@b"}, "user_"),
            (f"{V1}/escalation-policies", {**POLICY, "id": None}, ""),
            (
                f"{V1}/schedules/daily/overrides",
                {"user_id": "ann", "start_at": june(5), "end_at": june(6)},
                "",
            ),
            (
                f"{V2}/schedules/daily/entries",
                {"user_id": "ann", "start": june(5), "end": june(6)},
                "entry_",
            ),
            (f"{V2}/entries/daily~1.0~5/swap", {"swap_with_user_id": "dan"}, "swap_"),
            (f"{V2}/users/ann/feed-tokens", {}, "feed_"),
        ],
    )
    async def test_ids_that_are_made(
        self, stored: Stored, path: str, body: Any, prefix: str
    ) -> None:
        me = await scene(stored, DAILY)
        made = await me.create(path, body)
        assert made["id"].startswith(prefix)
        assert len(made["id"].removeprefix(prefix)) == 26


class TestTags:
    @pytest.mark.parametrize(
        ("values", "tags"),
        [
            ([], []),
            (['"1"'], ['"1"']),
            (['"1", W/"2"', "*"], ['"1"', 'W/"2"', "*"]),
            (['"a,b","c"'], ['"a,b"', '"c"']),
        ],
    )
    async def test_they_are_read(self, values: list[str], tags: list[str]) -> None:
        assert tags_in(values, "If-Match") == tags

    async def test_freshness_is_weak(self) -> None:
        assert is_fresh(['W/"1"'], '"1"')
        assert not is_fresh(['"2"'], '"1"')
