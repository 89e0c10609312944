"""What readers and followers see of groups, of nobody on purpose, and of absences."""

import csv
import io

import pytest

from tests.support.scenes import DAILY, june, scene
from tests.support.stored import V1, V2, Caller, Stored

pytestmark = pytest.mark.anyio

GROUP = {**DAILY, "participants": [["ann", "bob"], "cat"]}
CHANGES = f"{V2}/changes"
FINAL = f"{V2}/schedules/daily/final-schedule"


async def closed(me: Caller, start: str, end: str) -> str:
    body = {"user_id": None, "reason": "holiday", "start_at": start, "end_at": end}
    made = await me.create(f"{V1}/schedules/daily/overrides", body)
    return str(made["id"])


async def news(me: Caller, since: str) -> tuple[list[dict[str, object]], str]:
    answer = (await me.get(f"{CHANGES}?since={since}")).json()
    return answer["data"], answer["next"]


async def test_a_handoff_to_several(stored: Stored) -> None:
    me = await scene(stored, GROUP)
    stored.at(june(2))
    _, since = await news(me, june(2))
    stored.at(june(3))
    [told], _ = await news(me, since)
    assert (told["user_id"], told["user_ids"]) == ("ann", ["ann", "bob"])
    again, _ = await news(me, june(2))
    assert told["id"] in [each["id"] for each in again]


async def test_a_gap_on_purpose(stored: Stored) -> None:
    me = await scene(stored, GROUP)
    _, since = await news(me, june(1))
    made = await closed(me, june(1), june(1, 12))
    (write, present), since = await news(me, since)
    assert write["action"] == "override.created"
    assert (present["type"], present["override_id"]) == ("gap", made)
    await closed(me, june(5), june(6))
    told, _ = await news(me, since)
    assert [each["type"] for each in told] == ["write", "gap", "gap"]


async def test_an_absence_moves_the_pager(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    stored.at(june(1, 6))
    _, since = await news(me, june(1, 6))
    await me.create(f"{V2}/users/ann/absences", {"start": june(1, 6), "end": june(1, 12)})
    (write, present), since = await news(me, since)
    assert write["action"] == "absence.created"
    assert (present["user_id"], present["at"]) == ("bob", june(1, 6))
    stored.at(june(1, 12))
    [back], _ = await news(me, since)
    assert (back["user_id"], back["at"]) == ("ann", june(1, 12))


async def test_an_absence_of_somebody_else_moves_nobody(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    _, since = await news(me, june(1))
    await me.create(f"{V2}/users/dan/absences", {"start": june(1), "end": june(9)})
    stored.at(june(2))
    told, _ = await news(me, since)
    assert [each["user_id"] for each in told] == ["bob"]


async def test_files(stored: Stored) -> None:
    me = await scene(stored, GROUP)
    made = await closed(me, june(2), june(3))
    window = f"from={june(1)}&to={june(4)}"
    shown = await me.read(f"{FINAL}?{window}")
    assert [each.get("user_ids") for each in shown["segments"]] == [["ann", "bob"]] * 2
    assert shown["gaps"][0]["override_id"] == made
    assert shown["gaps"][0]["reason"] == "holiday"
    rows = list(csv.reader(io.StringIO((await me.get(f"{FINAL}?{window}&format=csv")).text)))
    assert rows[0][-1] == "user_ids"
    assert [row[-1] for row in rows[1:]] == ["ann, bob", "", "ann, bob"]
    assert rows[2][6] == made
    picture = (await me.get(f"{FINAL}?{window}&format=svg")).text
    assert "Bob" in picture


async def test_a_page(stored: Stored) -> None:
    me = await scene(stored, GROUP)
    token = (await me.create(f"{V2}/schedules/daily/feed-tokens", {}))["token"]
    path = f"{V2}/schedules/daily/page?token={token}"
    page = (await stored.caller(None).get(path)).text
    assert "<bdi>Ann, Bob</bdi>" in page
    assert ">A+</span>" in page
    await closed(me, june(1), june(2))
    page = (await stored.caller(None).get(path)).text
    assert "<bdi>holiday</bdi>, until" in page


async def test_across_schedules(stored: Stored) -> None:
    me = await scene(stored, GROUP)
    [found] = await me.read(f"{V2}/on-call")
    assert found["user_ids"] == ["ann", "bob"]
    shifts = (await me.read(f"{V2}/users/bob/shifts?from={june(1)}&to={june(4)}"))["shifts"]
    assert len(shifts) == 2
    await closed(me, june(1), june(2))
    [found] = await me.read(f"{V2}/on-call")
    assert (found["user_id"], found["reason"]) == (None, "holiday")
