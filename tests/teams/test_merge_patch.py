"""Merge patches (RFC 7396) on everything that can be changed."""

from typing import Any

import pytest

from app.teams.merge_patch import merge_patch
from tests.support.scenes import DAILY, scene
from tests.support.stored import V1, V2, Caller, Stored, code_of, faults_in

pytestmark = pytest.mark.anyio

ANN = f"{V2}/users/ann"
RFC_7396_APPENDIX: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
CUSTOM = {**DAILY, "rotation_type": "custom", "interval": {"count": 2, "unit": "days"}}
DAY = {"name": "Day", "rotation_type": "daily", "participants": ["ann"]}
LAYERED = {"id": "layered", "name": "Two", "timezone": "UTC", "layers": [DAY, DAY]}


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7396_APPENDIX)
async def test_the_examples_of_the_rfc(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


async def layered(stored: Stored) -> Caller:
    me = await scene(stored)
    await me.create(f"{V1}/schedules", LAYERED)
    return me


class TestPeople:
    async def test_what_is_not_sent_stays(self, stored: Stored) -> None:
        me = await scene(stored)
        await me.update(ANN, {"team_ids": ["a", "b"]})
        changed = await me.update(ANN, {"name": "Anna"})
        assert (changed["name"], changed["email"]) == ("Anna", "ann@example.com")
        assert changed["team_ids"] == ["a", "b"]

    async def test_a_list_is_replaced(self, stored: Stored) -> None:
        me = await scene(stored)
        await me.update(ANN, {"team_ids": ["a", "b"]})
        assert (await me.update(ANN, {"team_ids": ["c"]}))["team_ids"] == ["c"]

    async def test_null_removes(self, stored: Stored) -> None:
        me = await scene(stored)
        await me.update(ANN, {"team_ids": ["a"]})
        assert (await me.update(ANN, {"team_ids": None}))["team_ids"] == []

    async def test_what_is_required_cannot_be_removed(self, stored: Stored) -> None:
        me = await scene(stored)
        fields = faults_in(await me.patch(ANN, {"name": None, "email": None}))
        assert set(fields) == {"/name", "/email"}

    async def test_what_was_read_can_be_sent_back(self, stored: Stored) -> None:
        me = await scene(stored)
        read = await me.read(ANN)
        changed = await me.update(ANN, {**read, "name": "Anna"})
        assert changed == {**read, "name": "Anna", "version": 2}

    @pytest.mark.parametrize("field", ["id", "version", "created_at", "updated_at"])
    async def test_what_is_read_only_cannot_be_changed(self, stored: Stored, field: str) -> None:
        me = await scene(stored)
        for value in ("other", None):
            fields = faults_in(await me.patch(ANN, {field: value}))
            assert fields == {
                f"/{field}": "cannot be changed: leave it out, or send it back as it is"
            }

    async def test_every_error_is_named(self, stored: Stored) -> None:
        me = await scene(stored)
        fields = faults_in(await me.patch(ANN, {"id": "x", "name": "", "mail": "a@b"}))
        assert set(fields) == {"/id", "/name", "/mail"}


@pytest.mark.parametrize("api", [V1, V2])
class TestSchedules:
    async def test_what_was_read_can_be_sent_back(self, stored: Stored, api: str) -> None:
        me = await scene(stored, DAILY)
        path = f"{api}/schedules/daily"
        read = await me.read(path)
        changed = await me.update(path, read)
        assert changed == {**read, "version": 2}

    async def test_nothing_is_a_change_of_nothing(self, stored: Stored, api: str) -> None:
        me = await scene(stored, DAILY)
        path = f"{api}/schedules/daily"
        read = await me.read(path)
        assert {**(await me.update(path, {})), "version": 1} == read

    @pytest.mark.parametrize("field", ["id", "version", "created_at", "updated_at"])
    async def test_what_is_read_only_cannot_be_changed(
        self, stored: Stored, api: str, field: str
    ) -> None:
        me = await scene(stored, DAILY)
        assert list(faults_in(await me.patch(f"{api}/schedules/daily", {field: "x"}))) == [
            f"/{field}"
        ]

    async def test_it_must_be_an_object(self, stored: Stored, api: str) -> None:
        me = await scene(stored, DAILY)
        assert list(faults_in(await me.patch(f"{api}/schedules/daily", [1]))) == ["body"]

    async def test_unknown_people_are_named(self, stored: Stored, api: str) -> None:
        me = await scene(stored, DAILY)
        layers = [{**DAY, "participants": ["ann", "who"]}]
        patch = {"layers": layers} if api == V1 else {"participants": ["ann", "who"]}
        wanted = "/layers/0/participants/1" if api == V1 else "/participants/1"
        response = await me.patch(f"{api}/schedules/daily", patch)
        assert list(faults_in(response)) == [wanted]


class TestV1:
    async def test_the_team_can_be_removed(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        changed = await me.update(f"{V1}/schedules/daily", {"team_id": None})
        assert changed["team_id"] is None

    async def test_overrides_are_read_only(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        response = await me.patch(f"{V1}/schedules/daily", {"overrides": [{"id": "x"}]})
        assert list(faults_in(response)) == ["/overrides"]

    async def test_layers_are_given_back_as_they_were_sent(self, stored: Stored) -> None:
        me = await layered(stored)
        layers = [{**DAY, "name": "  Day ", "start_at": "2026-06-01T02:00:00+02:00"}]
        changed = await me.update(f"{V1}/schedules/layered", {"layers": layers})
        assert changed["layers"] == layers

    async def test_layers_are_replaced_as_a_whole(self, stored: Stored) -> None:
        me = await layered(stored)
        changed = await me.update(f"{V1}/schedules/layered", {"layers": [DAY]})
        assert changed["layers"] == [DAY]

    async def test_layers_cannot_be_removed(self, stored: Stored) -> None:
        me = await layered(stored)
        fields = faults_in(await me.patch(f"{V1}/schedules/layered", {"layers": None}))
        assert list(fields) == ["/layers"]


class TestV2:
    async def test_a_nested_object_is_merged(self, stored: Stored) -> None:
        me = await scene(stored, CUSTOM)
        path = f"{V2}/schedules/daily"
        changed = await me.update(path, {"interval": {"count": 3}})
        assert changed["interval"] == {"count": 3, "unit": "days"}
        assert (await me.read(path))["interval"] == {"count": 3, "unit": "days"}

    async def test_null_within_removes(self, stored: Stored) -> None:
        me = await scene(stored, CUSTOM)
        response = await me.patch(f"{V2}/schedules/daily", {"interval": {"unit": None}})
        assert list(faults_in(response)) == ["/interval/unit"]

    async def test_a_rotation_can_become_another(self, stored: Stored) -> None:
        me = await scene(stored, CUSTOM)
        patch = {"rotation_type": "weekly", "interval": None, "handoff_time": "Tue 08:00"}
        changed = await me.update(f"{V2}/schedules/daily", patch)
        assert (changed["interval"], changed["handoff_time"]) == (None, "Tue 08:00")

    async def test_an_interval_needs_a_custom_rotation(self, stored: Stored) -> None:
        me = await scene(stored, CUSTOM)
        response = await me.patch(f"{V2}/schedules/daily", {"rotation_type": "weekly"})
        assert list(faults_in(response)) == ["/interval"]

    @pytest.mark.parametrize("field", ["participants", "start_at"])
    async def test_what_is_optional_can_be_removed(self, stored: Stored, field: str) -> None:
        me = await scene(stored, DAILY)
        changed = await me.update(f"{V2}/schedules/daily", {field: None})
        assert changed[field] == ([] if field == "participants" else None)

    async def test_participants_need_an_interval_of_a_custom_rotation(self, stored: Stored) -> None:
        bare = {**DAILY, "rotation_type": "custom", "participants": []}
        me = await scene(stored, bare)
        response = await me.patch(f"{V2}/schedules/daily", {"participants": ["ann"]})
        assert list(faults_in(response)) == ["/interval"]

    async def test_what_v1_alone_knows_stays(self, stored: Stored) -> None:
        me = await scene(stored)
        layer = {**DAY, "turns_on": "active", "name": "Mine"}
        await me.create(f"{V1}/schedules", {**LAYERED, "layers": [layer]})
        await me.update(f"{V2}/schedules/layered", {"team_id": "t", "participants": ["bob"]})
        found = await me.read(f"{V1}/schedules/layered")
        assert found["layers"] == [{**layer, "participants": ["bob"]}]

    async def test_the_rotation_of_layers_is_changed_on_v1(self, stored: Stored) -> None:
        me = await layered(stored)
        patch = {"team_id": "t", "participants": ["bob"]}
        response = await me.patch(f"{V2}/schedules/layered", patch)
        assert code_of(response) == (409, "conflict")

    async def test_the_rest_of_layers_is_changed_here(self, stored: Stored) -> None:
        me = await layered(stored)
        patch = {"name": "New", "timezone": "Asia/Tokyo", "team_id": "t"}
        await me.update(f"{V2}/schedules/layered", patch)
        found = await me.read(f"{V1}/schedules/layered")
        assert {**patch, "layers": [DAY, DAY]}.items() <= found.items()

    async def test_a_name_alone_needs_no_team(self, stored: Stored) -> None:
        """v1 makes schedules without one."""
        me = await layered(stored)
        changed = await me.update(f"{V2}/schedules/layered", {"name": "New"})
        assert (changed["name"], changed["team_id"]) == ("New", None)

    async def test_layers_read_here_can_be_sent_back(self, stored: Stored) -> None:
        me = await layered(stored)
        path = f"{V2}/schedules/layered"
        read = {**(await me.read(path)), "team_id": "t"}
        changed = await me.update(path, read)
        assert changed == {**read, "version": 2}

    async def test_a_schedule_without_layers(self, stored: Stored) -> None:
        me = await scene(stored)
        await me.create(f"{V1}/schedules", {**LAYERED, "layers": [], "team_id": "t"})
        changed = await me.update(f"{V2}/schedules/layered", {"name": "New"})
        assert (changed["name"], changed["layered"]) == ("New", True)
        assert (await me.read(f"{V1}/schedules/layered"))["layers"] == []


class TestPolicies:
    async def test_steps_are_replaced(self, stored: Stored) -> None:
        me = await scene(stored)
        steps = [{"targets": [{"type": "user", "id": "ann"}], "delay_minutes": 7}]
        body = {"id": "policy", "name": "All", "steps": steps}
        await me.create(f"{V1}/escalation-policies", body)
        other = [{"targets": [{"type": "user", "id": "bob"}]}]
        path = f"{V1}/escalation-policies/policy"
        changed = await me.update(path, {"steps": other})
        assert changed["steps"] == [{**other[0], "delay_minutes": 5}]
        read = await me.read(path)
        assert read == changed
        assert await me.update(path, read) == {**read, "version": 3}
        await me.delete_at(f"{V2}/users/ann")
        assert code_of(await me.delete(f"{V2}/users/bob")) == (409, "conflict")
