"""Primary and secondary in one stored schedule."""

from typing import Any, ClassVar

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
            each["end_at"].replace("Z", "+00:00") for each in (near, last)
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


DAYS = "start_date=2026-06-01&end_date=2026-06-03"
HAND = {"start": SPAN["start_at"], "end": SPAN["end_at"]}


async def entries(stored: Stored) -> Any:
    return (await stored.me.get(f"{V2_PATH}/entries?{DAYS}")).json()["data"]


class TestEntries:
    async def test_the_turns_of_each_role(self, stored: Stored) -> None:
        await scene(stored)
        assert [(row["start"][8:13], row["role"], row["user_id"]) for row in await entries(stored)][
            :4
        ] == [("01T09", P, "ana"), ("01T09", S, "cy"), ("02T09", P, "ben"), ("02T09", S, "ana")]
        ids = [row["id"] for row in await entries(stored)]
        assert len(set(ids)) == len(ids)
        for row in await entries(stored):
            assert await stored.me.read(f"{V2}/entries/{row['id']}") == row

    async def test_one_made_by_hand(self, stored: Stored) -> None:
        await scene(stored)
        made = await stored.me.create(f"{V2_PATH}/entries", {"user_id": "dee", **HAND})
        assert (made["role"], "other_roles" in made) == (P, False)
        own = {"user_id": "dee", **HAND, "role": S}
        both = await stored.me.create(f"{V2_PATH}/entries", own)
        assert (both["role"], both["other_roles"]) == (S, [P])
        again = await stored.me.post(f"{V2_PATH}/entries", own)
        assert again.status_code == 409
        third = await stored.me.post(f"{V2_PATH}/entries", {**own, "role": "third"})
        assert set(faults_in(third)) == {"/role"}
        assert [row[2:] for row in rows(await final(stored)) if row[0] == "01T20"] == [
            (P, "dee"), (S, "dee"),
        ]  # fmt: skip

    async def test_one_from_before_roles(self, stored: Stored) -> None:
        await scene(stored, PLAIN)
        made = await stored.me.create(f"{V2_PATH}/entries", {"user_id": "dee", **HAND})
        stored.at("2026-06-01T22:00:00Z")
        await stored.me.update(PATH, {"layers": [FIRST, SECOND]})
        assert [row["id"] for row in await entries(stored)].count(made["id"]) == 1
        assert await stored.me.read(f"{V2}/entries/{made['id']}") == made
        assert [row[2] for row in rows(await final(stored)) if row[3] == "dee"] == [None, P]

    async def test_many_together(self, stored: Stored) -> None:
        await scene(stored)
        path = f"{V2_PATH}/entries/bulk"
        own = {"user_id": "dee", **HAND}
        made = await stored.me.create(path, {"entries": [own, {**own, "role": S}]})
        assert [entry["role"] for entry in made["entries"]] == [P, S]
        faults = faults_in(
            await stored.me.post(path, {"entries": [{**own, "user_id": "eve", "role": "x"}]})
        )
        assert set(faults) == {"/entries/0/role"}
        twice = {**own, "user_id": "eve", "role": S}
        assert set(faults_in(await stored.me.post(path, {"entries": [twice, twice]}))) == {
            "/entries/1"
        }

    async def test_a_bought_rotation(self, stored: Stored) -> None:
        await scene(stored)
        path = f"{V2_PATH}/entries/bulk"
        shift = {"person": "dee", **HAND, "roles": {S: "eve", "lead": "dee"}}
        made = await stored.me.create(path, {"rotation": [shift], "role": S})
        assert [(each["user_id"], each["role"]) for each in made["entries"]] == [("eve", S)]
        other = await stored.me.post(path, {"rotation": [shift], "role": "lead"})
        assert set(faults_in(other)) == {"/role"}

    async def test_a_bought_roster_is_of_the_first_role(self, stored: Stored) -> None:
        await scene(stored)
        slot = {"people": [{"person": "dee"}], **HAND}
        made = await stored.me.create(f"{V2_PATH}/entries/bulk", {"assignments": [slot]})
        assert [(each["user_id"], each["role"]) for each in made["entries"]] == [("dee", P)]

    async def test_a_swap_stays_in_its_role(self, stored: Stored) -> None:
        await scene(stored)
        [_, cys, *_] = await entries(stored)
        swap = await stored.me.create(
            f"{V2}/entries/{cys['id']}/swap", {"swap_with_user_id": "ana"}
        )
        given, back = swap["entries"]
        assert (given["user_id"], given["role"], given["other_roles"]) == ("ana", S, [P])
        assert (back["user_id"], back["role"], back["start"][8:13]) == ("cy", S, "02T09")
        assert rows(await final(stored))[-1][3] == "ana"
        assert {row[2:] for row in rows(await final(stored, 2)) if row[0] == "02T09"} == {
            (P, "ben"), (S, "cy"),
        }  # fmt: skip
        assert (await stored.me.delete(f"{V2}/swaps/{swap['id']}")).status_code == 204
        assert {row[2:] for row in rows(await final(stored, 2)) if row[0] == "02T09"} == {
            (P, "ben"), (S, "ana"),
        }  # fmt: skip

    async def test_an_override_says_what_else_the_person_has(self, stored: Stored) -> None:
        await scene(stored)
        assert (await override(stored, "cy"))["other_roles"] == [S]
        assert "other_roles" not in await override(stored, "dee")

    async def test_what_goes_back_is_of_the_role(self, stored: Stored) -> None:
        second = {**SECOND, "participants": ["cy", "dee"]}
        await scene(stored, {**FIRST, "participants": ["ana", "ben", "cy"]}, second)
        stored.at("2026-06-02T10:00:00Z")
        found = [row for row in await entries(stored) if row["role"] == S]
        swap = await stored.me.create(
            f"{V2}/entries/{found[1]['id']}/swap", {"swap_with_user_id": "cy"}
        )
        assert [(each["role"], each["start"][8:10]) for each in swap["entries"]] == [
            (S, "02"), (S, "03"),
        ]  # fmt: skip


class TestCovers:
    ASKED: ClassVar[dict[str, Any]] = {"id": "c", "user_id": "cy", **HAND, "role": S}

    async def test_asked_and_accepted_in_a_role(self, stored: Stored) -> None:
        await scene(stored)
        asked = await stored.me.create(f"{V2_PATH}/covers", self.ASKED)
        assert asked["role"] == S
        taken = await stored.me.create(f"{V2}/covers/c/accept", {"user_id": "ana"})
        assert (taken["role"], taken["accepted"][0]["other_roles"]) == (S, [P])
        assert await stored.me.read(f"{V2}/covers/c") == taken
        assert [row[2:] for row in rows(await final(stored)) if row[0] == "01T20"] == [(S, "ana")]

    async def test_whoever_follows_the_changes_is_told_the_role(self, stored: Stored) -> None:
        await scene(stored)
        cursor = (await stored.me.get(f"{V2}/changes")).json()["next"]
        await stored.me.create(f"{V2_PATH}/covers", self.ASKED)
        await stored.me.create(f"{V2}/covers/c/accept", {"user_id": "ana"})
        told = (await stored.me.get(f"{V2}/changes?since={cursor}")).json()["data"]
        covers = [each for each in told if each["type"] == "cover"]
        assert [(each["action"], each["role"]) for each in covers] == [
            ("cover.requested", S), ("cover.accepted", S),
        ]  # fmt: skip

    async def test_of_the_first_role_unless_it_says(self, stored: Stored) -> None:
        await scene(stored)
        no = {**self.ASKED, "role": None}
        assert set(faults_in(await stored.me.post(f"{V2_PATH}/covers", no))) == {"/user_id"}
        asked = await stored.me.create(f"{V2_PATH}/covers", {**no, "user_id": "ana"})
        assert asked["role"] == P
        third = {**self.ASKED, "id": "d", "role": "third"}
        assert set(faults_in(await stored.me.post(f"{V2_PATH}/covers", third))) == {"/role"}

    async def test_one_person_asks_in_two_roles(self, stored: Stored) -> None:
        await scene(stored, {**FIRST, "participants": ["cy", "ana"]}, SECOND)
        await stored.me.create(f"{V2_PATH}/covers", self.ASKED)
        await stored.me.create(f"{V2_PATH}/covers", {**self.ASKED, "id": "d", "role": P})
        again = await stored.me.post(f"{V2_PATH}/covers", {**self.ASKED, "id": "e"})
        assert again.status_code == 409

    async def test_the_role_is_gone(self, stored: Stored) -> None:
        await scene(stored)
        await stored.me.create(f"{V2_PATH}/covers", self.ASKED)
        await stored.me.update(PATH, {"layers": [{**FIRST, "participants": ["ana", "ben", "cy"]}]})
        late = await stored.me.post(f"{V2}/covers/c/accept", {"user_id": "ana"})
        assert late.status_code == 409
        assert "there is no role secondary" in late.json()["message"]

    async def test_candidates(self, stored: Stored) -> None:
        await scene(stored)
        query = f"from={HAND['start']}&to={HAND['end']}"
        found = await stored.me.read(f"{V2_PATH}/cover-candidates?{query}&role={S}")
        assert (found["given_by"], found["role"]) == (["cy"], S)
        named = {each["user_id"]: each for each in found["candidates"]}
        assert (named["ana"]["able"], named["ana"]["other_roles"]) == (True, [P])
        assert named["ana"]["reason"].startswith("ana is primary besides and would have")
        assert "other_roles" not in named["ben"]
        first = await stored.me.read(f"{V2_PATH}/cover-candidates?{query}")
        assert (first["given_by"], first["role"]) == (["ana"], P)
        third = await stored.me.get(f"{V2_PATH}/cover-candidates?{query}&role=x")
        assert set(faults_in(third)) == {"role"}


class TestPolicies:
    async def test_each_step_tells_a_role(self, stored: Stored) -> None:
        await scene(stored)
        target = {"type": "schedule", "id": "pair"}
        steps = [{"targets": [target]}, {"targets": [{**target, "role": S}]}]
        made = await stored.me.create(
            f"{V1}/escalation-policies", {"id": "p", "name": "p", "steps": steps}
        )
        assert [step["targets"] for step in made["steps"]] == [[target], [{**target, "role": S}]]
        path = f"{V1}/escalation-policies/p"
        told = (await stored.me.read(f"{path}/resolve"))["steps"]
        assert [[(user["user_id"], user["role"]) for user in step["users"]] for step in told] == [
            [("ana", P)], [("cy", S)],
        ]  # fmt: skip
        await stored.me.update(PATH, {"layers": [FIRST]})
        told = (await stored.me.read(f"{path}/resolve"))["steps"]
        assert [len(step["users"]) for step in told] == [1, 0]
        wrong = [{"targets": [{**target, "role": "x"}, {"type": "user", "id": "ana", "role": S}]}]
        faults = faults_in(await stored.me.patch(path, {"steps": wrong}))
        assert set(faults) == {"/steps/0/targets/1/role"}
        wrong[0]["targets"].pop()
        assert set(faults_in(await stored.me.patch(path, {"steps": wrong}))) == {
            "/steps/0/targets/0/role"
        }


class TestChanges:
    async def told(self, stored: Stored, since: str, **query: Any) -> Any:
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return await stored.me.get(f"{V2}/changes?since={since}{more}")

    async def test_handoffs_of_each_role(self, stored: Stored) -> None:
        await scene(stored)
        cursor = (await stored.me.get(f"{V2}/changes")).json()["next"]
        stored.at("2026-06-02T10:00:00Z")
        whole = (await self.told(stored, cursor)).json()["data"]
        found = [(each["role"], each["previous_user_id"], each["user_id"]) for each in whole]
        assert sorted(found) == [(P, "ana", "ben"), (S, "cy", "ana")]
        one_by_one = []
        for _ in range(3):
            answer = (await self.told(stored, cursor, limit=1)).json()
            one_by_one += answer["data"]
            cursor = answer["next"]
        assert one_by_one == whole
        assert len({each["id"] for each in whole}) == 2

    async def test_a_write_tells_the_present_turns_again(self, stored: Stored) -> None:
        await scene(stored)
        cursor = (await stored.me.get(f"{V2}/changes")).json()["next"]
        stored.at("2026-06-02T12:00:00Z")
        await stored.me.update(PATH, {"layers": [FIRST, SECOND, {**SECOND, "role": "third"}]})
        found = (await self.told(stored, cursor)).json()["data"]
        shown = {
            (each["role"], each["previous_user_id"], each["user_id"], each["at"][8:13])
            for each in found[1:]
        }
        assert shown >= {
            (P, "ana", "ben", "02T09"), (S, "cy", "ana", "02T09"), ("third", None, "ana", "02T12"),
        }  # fmt: skip

    async def test_a_gap_of_a_role(self, stored: Stored) -> None:
        await scene(stored)
        cursor = (await stored.me.get(f"{V2}/changes")).json()["next"]
        await override(stored, None, reason="closed", role=S)
        found = (await self.told(stored, cursor)).json()["data"]
        assert [each["role"] for each in found if each["type"] == "gap"] == [S]


class TestPreviews:
    async def test_what_an_edit_would_change_in_each_role(self, stored: Stored) -> None:
        await scene(stored)
        second = {**SECOND, "participants": ["cy", "dee"]}
        answer = await stored.me.patch(f"{PATH}?preview=true", {"layers": [FIRST, second]})
        told = answer.json()["data"]
        assert (told["before"]["role"], told["before"]["user_id"]) == (P, "ana")
        assert [(each["role"], each["next"][0]["user_id"]) for each in told["after"]["roles"]] == [
            (P, "ben"), (S, "dee"),
        ]  # fmt: skip
        assert [each["user_id"] for each in told["changes"]] == ["ana", "dee"]
        assert {gain["role"] for gain in told["changes"][1]["gains"]} == {S}

    async def test_giving_roles_moves_nobody(self, stored: Stored) -> None:
        await scene(stored, PLAIN)
        answer = await stored.me.patch(f"{PATH}?preview=true", {"layers": [FIRST]})
        told = answer.json()["data"]
        assert (told["changes"], "role" in told["before"], told["after"]["role"]) == ([], False, P)
        await stored.me.update(PATH, {"layers": [FIRST]})
        back = await stored.me.patch(f"{PATH}?preview=true", {"layers": [PLAIN]})
        assert back.json()["data"]["changes"] == []


class TestAbsences:
    async def test_a_gap_in_one_role(self, stored: Stored) -> None:
        await scene(
            stored, {**FIRST, "participants": ["ana", "ben"]}, {**SECOND, "participants": ["cy"]}
        )
        leave = {"start": "2026-06-03T00:00:00Z", "end": "2026-06-04T00:00:00Z"}
        made = await stored.me.create(f"{V2}/users/cy/absences", leave)
        assert [(gap["role"], gap["start"][8:13]) for gap in made["gaps"]] == [(S, "03T00")]


class TestForms:
    async def test_calendars(self, stored: Stored) -> None:
        await scene(stored)
        whole = (await stored.me.get(f"{V2_PATH}/calendar.ics")).text
        assert "SUMMARY:On call (primary): Ana\r\n" in whole
        assert "SUMMARY:On call (secondary): Ana\r\n" in whole
        uids = [line for line in whole.split("\r\n") if line.startswith("UID:")]
        assert len(set(uids)) == len(uids)
        own = (await stored.me.get(f"{V2}/users/ana/calendar.ics")).text
        assert {"SUMMARY:On call (primary): Pair", "SUMMARY:On call (secondary): Pair"} <= set(
            own.split("\r\n")
        )

    async def test_files(self, stored: Stored) -> None:
        await scene(stored)
        await override(stored, None, reason="closed", role=S)
        window = "from=2026-06-01T09:00:00Z&to=2026-06-02T09:00:00Z"
        path = f"{V2_PATH}/final-schedule?{window}&format="
        shown = await stored.me.read(f"{path}json")
        assert [part["role"] for part in shown["segments"]] == [P, S, S]
        assert [gap["role"] for gap in shown["gaps"]] == [S]
        table = (await stored.me.get(f"{path}csv")).text.split("\r\n")
        assert table[0].endswith(",entry_id,role")
        assert [row.rpartition(",")[2] for row in table[1:-1]] == [P, S, S, S]
        picture = (await stored.me.get(f"{path}svg")).text
        assert "Ana (primary)" in picture
        assert "a role that nobody has (1 gap)" in picture

    async def test_the_page(self, stored: Stored) -> None:
        await scene(stored)
        await override(stored, None, reason="closed", role=S, start_at="2026-06-01T09:30:00Z")
        page = (await stored.me.get(f"{V2_PATH}/page")).text
        assert "On call now: <bdi>primary</bdi>" in page
        assert "On call now: <bdi>secondary</bdi>" in page
        assert page.count('<p class="eyebrow"><bdi>primary</bdi></p>') == 4
        assert "Week from Mon 1 Jun, secondary" in page
        assert "<bdi>secondary</bdi>: Nobody is on call" in page
