"""Primary and secondary in one stored schedule."""

from typing import Any

import pytest

from tests.support.clock import Clock
from tests.support.stored import V1, V2, Stored, faults_in

pytestmark = pytest.mark.anyio

PATH, V2_PATH = f"{V1}/schedules/pair", f"{V2}/schedules/pair"
FIRST: dict[str, Any] = {
    "name": "turns",
    "role": "primary",
    "rotation_type": "daily",
    "participants": ["ana", "ben"],
    "start_at": "2026-06-01T09:00:00Z",
}
SECOND = {**FIRST, "role": "secondary", "participants": ["cy", "ana"]}
PLAIN = {name: item for name, item in FIRST.items() if name != "role"}
PAIR = {"id": "pair", "name": "Pair", "team_id": "team", "timezone": "UTC"}
SPAN = {"start_at": "2026-06-01T20:00:00Z", "end_at": "2026-06-02T00:00:00Z"}


@pytest.fixture(autouse=True)
def monday(clock: Clock) -> None:
    """The tests begin on Monday, 2026-06-01, an hour after the first handoff."""
    clock.set("2026-06-01T10:00:00Z")


async def scene(stored: Stored, *layers: dict[str, Any]) -> Any:
    await stored.me.add_users("ana", "ben", "cy", "dee", "eve")
    given = list(layers or (FIRST, SECOND))
    return await stored.me.create(f"{V1}/schedules", {**PAIR, "layers": given})


async def override(stored: Stored, user_id: str | None = "dee", **more: Any) -> Any:
    return await stored.me.create(f"{PATH}/overrides", {"user_id": user_id, **SPAN, **more})


async def final(stored: Stored, days: int = 1) -> Any:
    query = f"from=2026-06-01T09:00:00Z&to=2026-06-{1 + days:02}T09:00:00Z"
    return await stored.me.read(f"{PATH}/final-schedule?{query}")


def rows(answer: Any) -> list[tuple[str, str, str | None, str | None]]:
    """Return who is on call, and nobody, in order: from, until, role, who."""
    parts = [(part["start"], part) for part in (*answer["segments"], *answer["gaps"])]
    return [
        (part["start"][8:13], part["end"][8:13], part.get("role"), part.get("user_id"))
        for _, part in sorted(parts, key=lambda each: (each[0], each[1].get("role", "")))
    ]


P, S = "primary", "secondary"


class TestWhoIsOnCall:
    async def test_each_role_has_its_own_turns(self, stored: Stored) -> None:
        shown = await scene(stored)
        assert [layer["role"] for layer in shown["layers"]] == [P, S]
        assert rows(await final(stored, 2)) == [
            ("01T09", "02T09", P, "ana"), ("01T09", "02T09", S, "cy"),
            ("02T09", "03T09", P, "ben"), ("02T09", "03T09", S, "ana"),
        ]  # fmt: skip

    async def test_at_an_instant(self, stored: Stored) -> None:
        await scene(stored)
        answer = await stored.me.read(f"{PATH}/on-call")
        assert (answer["role"], answer["user_id"]) == (P, "ana")
        first, second = answer["roles"]
        assert {name: answer[name] for name in first} == first
        assert second == {
            **first, "role": S, "user_id": "cy", "user_name": "Cy", "user_email": "cy@example.com",
        }  # fmt: skip

    async def test_for_a_team(self, stored: Stored) -> None:
        await scene(stored)
        answer = await stored.me.read(f"{V2}/current/team")
        assert (answer["on_call"]["user_id"], answer["on_call"]["role"]) == ("ana", P)
        assert (answer["next"]["user_id"], answer["next"]["role"]) == ("ben", P)
        [row] = answer["schedules"]
        assert row["role"] == P
        first, second = row["roles"]
        assert first == {"role": P, "on_call": answer["on_call"], "next": answer["next"]}
        assert (second["on_call"]["user_id"], second["next"]["user_id"]) == ("cy", "ana")

    async def test_across_schedules(self, stored: Stored) -> None:
        await scene(stored)
        await override(stored, None, reason="closed", role=S, start_at="2026-06-01T09:30:00Z")
        [row] = (await stored.me.get(f"{V2}/on-call")).json()["data"]
        assert (row["role"], row["user_id"]) == (P, "ana")
        assert row["roles"][1]["on_call"] is None
        assert row["roles"][1]["reason"] == "closed"
        query = "from=2026-06-01T09:00:00Z&to=2026-06-03T09:00:00Z"
        shifts = (await stored.me.read(f"{V2}/users/ana/shifts?{query}"))["shifts"]
        assert [(shift["start"][8:13], shift["role"]) for shift in shifts] == [
            ("01T09", P), ("02T09", S),
        ]  # fmt: skip

    async def test_without_roles_nothing_says_so(self, stored: Stored) -> None:
        await scene(stored, PLAIN)
        await override(stored)
        for path in (PATH, f"{PATH}/on-call", f"{V2}/current/team", f"{V2}/on-call"):
            assert "role" not in (await stored.me.get(path)).text
        assert "role" not in str(await final(stored))

    async def test_what_is_far_away_is_found_for_each_role(self, stored: Stored) -> None:
        """The nearest override of one role does not hide that of the other."""
        alone = {"participants": ["ana"]}
        await scene(stored, {**FIRST, **alone}, {**SECOND, "participants": ["cy"]})
        last = {"start_at": "2026-12-01T00:00:00Z", "end_at": "2026-12-02T00:00:00Z"}
        near = {"start_at": "2026-11-01T00:00:00Z", "end_at": "2026-11-02T00:00:00Z"}
        await override(stored, **near, role=P)
        await override(stored, **last, role=S)
        stored.at("2026-06-02T10:00:00Z")
        answer = await stored.me.read(f"{PATH}/on-call")
        assert [each["until"] for each in answer["roles"]] == [
            near["start_at"], last["start_at"],
        ]  # fmt: skip
        stored.at("2027-06-01T00:00:00Z")
        [row] = (await stored.me.get(f"{V2}/on-call")).json()["data"]
        assert [each["on_call"]["shift_start"] for each in row["roles"]] == [
            near["end_at"], last["end_at"],
        ]  # fmt: skip


class TestEdits:
    async def test_a_role_is_given_and_taken(self, stored: Stored) -> None:
        await scene(stored, PLAIN)
        await override(stored)
        stored.at("2026-06-01T22:00:00Z")
        await stored.me.update(PATH, {"layers": [FIRST, SECOND]})
        assert rows(await final(stored)) == [
            ("01T09", "01T20", None, "ana"), ("01T20", "01T22", None, "dee"),
            ("01T22", "02T00", P, "dee"), ("01T22", "02T09", S, "cy"), ("02T00", "02T09", P, "ana"),
        ]  # fmt: skip
        stored.at("2026-06-02T03:00:00Z")
        await stored.me.update(PATH, {"layers": [FIRST]})
        assert rows(await final(stored))[3:] == [
            ("01T22", "02T03", S, "cy"), ("02T00", "02T09", P, "ana"),
        ]  # fmt: skip

    async def test_turns_are_kept_in_each_role(self, stored: Stored) -> None:
        await scene(stored)
        stored.at("2026-06-02T12:00:00Z")
        second = {**SECOND, "participants": ["cy", "dee", "ana"]}
        await stored.me.update(PATH, {"layers": [second, FIRST]})
        answer = await stored.me.read(f"{PATH}/on-call")
        assert [(each["role"], each["user_id"]) for each in answer["roles"]] == [
            (S, "ana"), (P, "ben"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("layers", "pointer"),
        [
            ([FIRST, {**SECOND, "role": None}], "/layers/1/role"),
            ([{**FIRST, "role": f"r{n}"} for n in range(6)], "/layers/5/role"),
            ([{**FIRST, "role": " "}], "/layers/0/role"),
        ],
    )
    async def test_faults_of_layers(self, stored: Stored, layers: Any, pointer: str) -> None:
        await scene(stored)
        made = await stored.me.post(f"{V1}/schedules", {**PAIR, "id": "other", "layers": layers})
        assert set(faults_in(made)) == {pointer}
        assert set(faults_in(await stored.me.patch(PATH, {"layers": layers}))) == {pointer}


class TestOverrides:
    async def test_of_the_first_role_unless_it_says(self, stored: Stored) -> None:
        await scene(stored)
        assert (await override(stored))["role"] == P
        assert (await override(stored, "eve", role=S))["role"] == S
        assert [row[2:] for row in rows(await final(stored)) if row[0] == "01T20"] == [
            (P, "dee"), (S, "eve"),
        ]  # fmt: skip
        listed = (await stored.me.get(f"{PATH}/overrides")).json()["data"]
        assert [each["role"] for each in listed] == [P, S]

    async def test_it_stays_what_it_was_if_roles_change_places(self, stored: Stored) -> None:
        await scene(stored)
        await override(stored)
        await stored.me.update(PATH, {"layers": [SECOND, FIRST]})
        assert [row[2] for row in rows(await final(stored)) if row[3] == "dee"] == [P]

    async def test_nobody_closes_all_or_one(self, stored: Stored) -> None:
        await scene(stored)
        made = await override(stored, None, reason="holiday")
        assert "role" not in made
        gaps = (await final(stored))["gaps"]
        assert [(gap["role"], gap["reason"]) for gap in gaps] == [(P, "holiday"), (S, "holiday")]
        assert (await stored.me.delete(f"{PATH}/overrides/{made['id']}")).status_code == 204
        await override(stored, None, reason="short of people", role=S)
        assert [gap["role"] for gap in (await final(stored))["gaps"]] == [S]

    async def test_for_a_role_that_there_is_not(self, stored: Stored) -> None:
        await scene(stored)
        body = {"user_id": "dee", **SPAN, "role": "third"}
        assert faults_in(await stored.me.post(f"{PATH}/overrides", body)) == {
            "/role": "no layer has this role: write one of primary, secondary"
        }

    async def test_for_a_role_that_is_to_come(self, stored: Stored) -> None:
        await scene(stored, PLAIN)
        edit = "effective_from=2026-06-05T09:00:00Z"
        await stored.me.update(f"{PATH}?{edit}", {"layers": [FIRST, SECOND]})
        assert "role" not in await override(stored)
        later = {"start_at": "2026-06-06T00:00:00Z", "end_at": "2026-06-07T00:00:00Z"}
        assert (await override(stored, **later))["role"] == P
        assert (await override(stored, "eve", **later, role=S))["role"] == S
        past = {"start_at": "2026-06-01T00:00:00Z", "end_at": "2026-06-01T09:30:00Z"}
        assert "role" not in await override(stored, **past)
