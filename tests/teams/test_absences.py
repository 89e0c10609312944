"""Absences of people: who takes their turns, what nobody has, and what stays as it was."""

from typing import Any

import pytest

from app.errors import InvalidRequest
from app.teams.absences.calendars import prepare_stretches, stretches_in
from tests.support.clock import Clock
from tests.support.schedule_documents import at
from tests.support.stored import V1, V2, Stored, code_of, faults_in

pytestmark = pytest.mark.anyio

PATH = f"{V2}/schedules/daily"
ANA = f"{V2}/users/ana/absences"
DAILY = {
    "id": "daily",
    "name": "Daily",
    "team_id": "team",
    "timezone": "Europe/Brussels",
    "rotation_type": "daily",
    "handoff_time": "09:00",
    "start_at": "2026-06-01T09:00:00+02:00",
    "participants": ["ana", "ben", "cy"],
}


@pytest.fixture(autouse=True)
def monday(clock: Clock) -> None:
    """The tests begin on Monday, 2026-06-01, an hour after the first handoff."""
    clock.set("2026-06-01T08:00:00Z")


async def scene(stored: Stored, **more: Any) -> None:
    await stored.me.add_users("ana", "ben", "cy")
    await stored.me.create(f"{V2}/schedules", {**DAILY, **more})


async def segments(stored: Stored, days: int = 4) -> list[tuple[str, str, str]]:
    query = f"from=2026-06-01T07:00:00Z&to=2026-06-{1 + days:02}T07:00:00Z"
    final = await stored.me.read(f"{V1}/schedules/daily/final-schedule?{query}")
    return [(part["start"][8:13], part["end"][8:13], part["user_id"]) for part in final["segments"]]


class TestWhoTakesOver:
    async def test_the_next_who_is_there_has_the_absent_part(self, stored: Stored) -> None:
        await scene(stored)
        absence = {
            "start": "2026-06-04T12:00:00Z",
            "end": "2026-06-04T20:00:00Z",
            "reason": "dentist",
        }
        made = await stored.me.create(ANA, {"id": "a1", **absence})
        assert made["gaps"] == []
        assert made["stretches"] == [absence]
        assert await segments(stored, 5) == [
            ("01T07", "02T07", "ana"), ("02T07", "03T07", "ben"), ("03T07", "04T07", "cy"),
            ("04T07", "04T12", "ana"), ("04T12", "04T20", "ben"), ("04T20", "05T07", "ana"),
            ("05T07", "06T07", "ben"),
        ]  # fmt: skip
        final = await stored.me.read(
            f"{V1}/schedules/daily/final-schedule?from=2026-06-04T12:00:00Z&to=2026-06-04T20:00:00Z"
        )
        assert final["segments"][0]["passed_over"] == [
            {
                "user_id": "ana", "reason": "dentist",
                "start": "2026-06-04T12:00:00Z", "end": "2026-06-04T20:00:00Z",
            }
        ]  # fmt: skip
        on_call = await stored.me.read(f"{V1}/schedules/daily/on-call?at=2026-06-04T13:00:00Z")
        assert (on_call["user_id"], on_call["passed_over"]) == (
            "ben", [{"user_id": "ana", "reason": "dentist"}],
        )  # fmt: skip
        current = await stored.me.read(f"{V2}/current/team?at=2026-06-04T13:00:00Z")
        assert current["on_call"]["shift_start"] == "2026-06-04T14:00:00+02:00"
        assert current["on_call"]["passed_over"] == [{"user_id": "ana", "reason": "dentist"}]

    async def test_entries_say_whose_turn_it_is(self, stored: Stored) -> None:
        await scene(stored)
        await stored.me.create(
            ANA, {"start": "2026-06-04", "end": "2026-06-05", "timezone": "Europe/Brussels"}
        )
        listed = await stored.me.get(f"{PATH}/entries?start_date=2026-06-04&end_date=2026-06-04")
        rows = [
            (row["start"][8:13], row["user_id"], row["scheduled_user_id"], "passed_over" in row)
            for row in listed.json()["data"]
        ]
        assert rows == [
            ("03T09", "cy", "cy", False), ("04T09", "ben", "ana", True),
        ]  # fmt: skip

    async def test_dates_are_whole_days_of_their_zone(self, stored: Stored) -> None:
        await scene(stored)
        dates = {"start": "2026-06-04", "end": "2026-06-05", "timezone": "Europe/Brussels"}
        made = await stored.me.create(ANA, {"id": "a1", **dates})
        assert (made["start"], made["end"]) == ("2026-06-03T22:00:00Z", "2026-06-05T22:00:00Z")
        longer = await stored.me.update(f"{ANA}/a1", {"end": "2026-06-07"})
        assert (longer["end"], longer["version"]) == ("2026-06-07T22:00:00Z", 2)
        assert await stored.me.read(f"{ANA}/a1") == {
            name: item for name, item in longer.items() if name != "gaps"
        }
        listed = await stored.me.get(ANA)
        assert [each["id"] for each in listed.json()["data"]] == ["a1"]

    async def test_nobody_takes_over_where_the_schedule_says_gap(self, stored: Stored) -> None:
        await scene(stored, when_away="gap")
        made = await stored.me.create(
            ANA, {"start": "2026-06-04T12:00:00Z", "end": "2026-06-04T20:00:00Z"}
        )
        gap = {
            "schedule_id": "daily",
            "start": "2026-06-04T12:00:00Z",
            "end": "2026-06-04T20:00:00Z",
        }
        assert made["gaps"] == [gap]
        await stored.me.update(PATH, {"when_away": None})
        assert "when_away" not in await stored.me.read(PATH)
        assert ("04T12", "04T20", "ben") in await segments(stored, 5)


class TestGaps:
    async def test_an_absence_that_leaves_nobody_is_told_at_once(self, stored: Stored) -> None:
        await scene(stored, participants=["ana", "ben"])
        first = await stored.me.create(
            ANA, {"start": "2026-06-03T00:00:00Z", "end": "2026-06-06T00:00:00Z"}
        )
        assert first["gaps"] == []
        second = await stored.me.create(
            f"{V2}/users/ben/absences",
            {"id": "b", "start": "2026-06-04T00:00:00Z", "end": "2026-06-08T00:00:00Z"},
        )
        assert second["gaps"] == [
            {
                "schedule_id": "daily",
                "start": "2026-06-04T00:00:00Z",
                "end": "2026-06-06T00:00:00Z",
            }
        ]
        shorter = await stored.me.update(
            f"{V2}/users/ben/absences/b", {"start": "2026-06-05T12:00:00Z"}
        )
        assert [gap["start"] for gap in shorter["gaps"]] == ["2026-06-05T12:00:00Z"]

    async def test_so_many_gaps_and_so_much_work(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await scene(stored, participants=["ana"])
        other = {name: item for name, item in DAILY.items() if name != "id"}
        second = await stored.me.create(f"{V2}/schedules", {**other, "participants": ["ana"]})
        span = {"start": "2026-06-04T00:00:00Z", "end": "2026-06-05T00:00:00Z"}
        both = await stored.me.create(ANA, span)
        assert [gap["schedule_id"] for gap in both["gaps"]] == ["daily", second["id"]]
        assert "unchecked" not in both
        monkeypatch.setattr("app.teams.absences.gaps.SHOWN", 1)
        later = {"start": "2026-07-04T00:00:00Z", "end": "2026-07-05T00:00:00Z"}
        first = await stored.me.create(ANA, later)
        assert [gap["schedule_id"] for gap in first["gaps"]] == ["daily"]
        assert first["unchecked"] == [second["id"]]
        monkeypatch.setattr("app.teams.absences.gaps.STEPS", 2)
        later = {"start": "2026-08-04T00:00:00Z", "end": "2026-08-05T00:00:00Z"}
        none = await stored.me.create(ANA, later)
        assert (none["gaps"], none["unchecked"]) == ([], ["daily", second["id"]])

    async def test_an_absence_that_is_over_leaves_no_gap(self, stored: Stored) -> None:
        await scene(stored, participants=["ana"])
        made = await stored.me.create(
            ANA, {"start": "2026-05-01T00:00:00Z", "end": "2026-05-03T00:00:00Z"}
        )
        assert (made["gaps"], made["stretches"]) == ([], [])


class TestThePast:
    async def test_what_has_happened_stays(self, stored: Stored) -> None:
        await scene(stored)
        late = {"id": "late", "start": "2026-05-31T00:00:00Z", "end": "2026-06-01T20:00:00Z"}
        await stored.me.create(ANA, late)
        here = [("01T07", "01T08", "ana"), ("01T08", "01T20", "ben")]
        assert (await segments(stored))[:2] == here
        stored.at("2026-06-01T10:00:00Z")
        await stored.me.delete_at(f"{ANA}/late")
        assert (await segments(stored))[:3] == [
            ("01T07", "01T08", "ana"), ("01T08", "01T10", "ben"), ("01T10", "02T07", "ana"),
        ]  # fmt: skip
        assert code_of(await stored.me.get(f"{ANA}/late")) == (404, "not_found")

    async def test_a_running_absence_that_is_changed(self, stored: Stored) -> None:
        await scene(stored)
        span = {"start": "2026-06-01T00:00:00Z", "end": "2026-06-02T00:00:00Z"}
        await stored.me.create(ANA, {"id": "a", **span})
        stored.at("2026-06-01T10:00:00Z")
        await stored.me.update(f"{ANA}/a", {"start": "2026-06-01T12:00:00Z"})
        assert (await segments(stored))[:4] == [
            ("01T07", "01T08", "ana"), ("01T08", "01T10", "ben"),
            ("01T10", "01T12", "ana"), ("01T12", "02T00", "ben"),
        ]  # fmt: skip

    async def test_people_who_left_were_away_then(self, stored: Stored) -> None:
        await scene(stored)
        span = {"start": "2026-06-01T00:00:00Z", "end": "2026-06-01T20:00:00Z"}
        await stored.me.create(ANA, {"id": "a", **span})
        stored.at("2026-06-02T08:00:00Z")
        before = (await segments(stored))[:3]
        await stored.me.update(PATH, {"participants": ["ben", "cy"]})
        await stored.me.delete_at(f"{V2}/users/ana")
        assert (await segments(stored))[:3] == before
        assert before[1] == ("01T08", "01T20", "ben")


class TestWrites:
    async def test_schedules_are_changed_and_say_so(self, stored: Stored) -> None:
        await scene(stored)
        before = await stored.me.get(PATH)
        span = {"start": "2026-06-04T00:00:00Z", "end": "2026-06-05T00:00:00Z"}
        await stored.me.create(ANA, {"id": "a", **span})
        after = await stored.me.get(PATH, If_None_Match=before.headers["ETag"])
        assert (after.status_code, after.json()["data"]["version"]) == (200, 2)
        await stored.me.update(f"{ANA}/a", {"reason": "leave"})
        await stored.me.delete_at(f"{ANA}/a")
        records = (await stored.me.get(f"{PATH}/audit")).json()["data"]
        assert [(each["action"], each["version"]) for each in records] == [
            ("schedule.created", 1), ("absence.created", 2), ("absence.updated", 3),
            ("absence.deleted", 4),
        ]  # fmt: skip
        assert records[2]["changes"]["reason"] == {"from": None, "to": "leave"}

    async def test_the_version_is_compared(self, stored: Stored) -> None:
        await scene(stored)
        span = {"start": "2026-06-04T00:00:00Z", "end": "2026-06-05T00:00:00Z"}
        made = await stored.me.post(ANA, {"id": "a", **span})
        assert made.headers["ETag"] == '"1"'
        assert made.headers["Location"] == f"{ANA}/a"
        for ask in (stored.me.patch(f"{ANA}/a", {"reason": "x"}, If_Match='"2"'),
                    stored.me.delete(f"{ANA}/a", If_Match='"2"')):  # fmt: skip
            assert code_of(await ask) == (412, "precondition_failed")

    async def test_an_id_is_taken_once(self, stored: Stored) -> None:
        await scene(stored)
        span = {"start": "2026-06-04T00:00:00Z", "end": "2026-06-05T00:00:00Z"}
        await stored.me.create(ANA, {"id": "a", **span})
        assert code_of(await stored.me.post(ANA, {"id": "a", **span})) == (409, "conflict")
        other = await stored.me.get(f"{V2}/users/ben/absences/a")
        assert code_of(other) == (404, "not_found")
        assert code_of(await (await stored.stranger()).get(f"{ANA}/a")) == (404, "not_found")

    async def test_scopes_hold(self, stored: Stored) -> None:
        await scene(stored)
        reader = await stored.with_scopes("oncall:read")
        assert (await reader.get(ANA)).status_code == 200
        assert code_of(await reader.post(ANA, {})) == (403, "forbidden")

    @pytest.mark.parametrize(
        ("body", "names"),
        [
            ({}, {"/start", "/end"}),
            ({"start": "2026-06-04", "end": "2026-06-05"}, {"/start", "/end"}),
            (
                {"start": "2026-06-04T10:00:00Z", "end": "2026-06-04T09:00:00Z"},
                {"/end"},
            ),
            ({"calendar": "BEGIN:VCALENDAR"}, {"/timezone"}),
            ({"calendar": "BEGIN:VCALENDAR", "timezone": "UTC"}, {"/calendar"}),
            ({"calendar": 1, "timezone": "UTC"}, {"/calendar"}),
            ({"from": "2026-06-04"}, {"/from", "/start", "/end"}),
        ],
    )
    async def test_faults_are_named(
        self, stored: Stored, body: dict[str, Any], names: set[str]
    ) -> None:
        await scene(stored)
        assert set(faults_in(await stored.me.post(ANA, body))) == names

    async def test_a_stretch_beside_a_calendar(self, stored: Stored) -> None:
        await scene(stored)
        both = {"start": "2026-06-04", "timezone": "UTC", "calendar": CALENDAR}
        assert set(faults_in(await stored.me.post(ANA, both))) == {"/start"}

    async def test_so_many_and_no_more(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.teams.absences.store.MAX_TO_COME", 1)
        await scene(stored)
        span = {"start": "2026-06-04T00:00:00Z", "end": "2026-06-05T00:00:00Z"}
        await stored.me.create(ANA, span)
        assert code_of(await stored.me.post(ANA, span)) == (409, "conflict")


CALENDAR = "\r\n".join(
    [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//test//EN",
        "BEGIN:VEVENT",
        "UID:1",
        "DTSTART;VALUE=DATE:20260604",
        "DTEND;VALUE=DATE:20260605",
        "SUMMARY:Holiday",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "UID:2",
        "DTSTART:20260608T090000",
        "DTEND:20260608T093000",
        "SUMMARY:Stand-up",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
)


class TestCalendars:
    async def test_its_events_are_stretches(self, stored: Stored) -> None:
        await scene(stored)
        body = {"id": "c", "calendar": CALENDAR, "timezone": "Europe/Brussels"}
        made = await stored.me.create(ANA, body)
        assert made["stretches"] == [
            {
                "start": "2026-06-03T22:00:00Z", "end": "2026-06-04T22:00:00Z",
                "reason": "Holiday",
            }
        ]  # fmt: skip
        assert ("04T07", "04T22", "ben") in await segments(stored, 5)
        later = CALENDAR.replace("20260604", "20260605").replace(
            "20260605\r\nSUM", "20260606\r\nSUM"
        )
        changed = await stored.me.update(f"{ANA}/c", {"calendar": later, "timezone": "UTC"})
        assert [each["start"] for each in changed["stretches"]] == ["2026-06-05T00:00:00Z"]

    async def test_a_change_sends_it_again(self, stored: Stored) -> None:
        await scene(stored)
        body = {"id": "c", "calendar": CALENDAR, "timezone": "Europe/Brussels"}
        await stored.me.create(ANA, body)
        faults = faults_in(await stored.me.patch(f"{ANA}/c", {"reason": "x"}))
        assert set(faults) == {"/start", "/end"}
        faults = faults_in(await stored.me.patch(f"{ANA}/c", []))
        assert set(faults) == {"body"}

    async def test_one_that_is_too_long(self, stored: Stored) -> None:
        await scene(stored)
        body = {"calendar": "x" * (256 * 1024 + 1), "timezone": "Europe/Brussels"}
        assert set(faults_in(await stored.me.post(ANA, body))) == {"/calendar"}

    def test_what_is_read_of_a_calendar(self) -> None:
        now = at("2026-06-01T00:00:00+00:00")
        twice = CALENDAR.replace("UID:2", "UID:2\r\nX-MICROSOFT-CDO-BUSYSTATUS:OOF")
        assert stretches_in(twice, "UTC", now) == [
            (at("2026-06-04T00:00+00:00"), at("2026-06-05T00:00+00:00"), "Holiday"),
            (at("2026-06-08T09:00+00:00"), at("2026-06-08T09:30+00:00"), "Stand-up"),
        ]
        with pytest.raises(InvalidRequest) as caught:
            stretches_in("BEGIN:VCALENDAR", "UTC", now)
        assert [error.pointer for error in caught.value.errors] == ["/calendar"]

    def test_too_many_events(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("app.teams.absences.calendars.STRETCHES", 0)
        with pytest.raises(InvalidRequest) as caught:
            stretches_in(CALENDAR, "UTC", at("2026-06-01T00:00:00+00:00"))
        [error] = caught.value.errors
        assert error.pointer == "/calendar"
        assert error.detail.startswith("has 1 absences")


async def test_a_calendar_wants_a_zone() -> None:
    with pytest.raises(InvalidRequest, match="timezone"):
        await prepare_stretches(None, {"calendar": "x"}, 0)  # type: ignore[arg-type]
