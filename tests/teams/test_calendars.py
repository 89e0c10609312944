"""Calendars that programs subscribe to, read by another library than wrote them."""

from datetime import UTC, datetime

import httpx
import pytest
from ical.calendar import Calendar
from ical.calendar_stream import IcsCalendarStream

from app.teams.calendars import timeline
from app.teams.on_call import store as on_call_store
from tests.support.scenes import DAILY, EMPTY, entry, june, override, scene
from tests.support.stored import V1, V2, Stored, code_of, faults_in

pytestmark = pytest.mark.anyio

WRONG = (401, "unauthorized")
ICS = f"{V2}/schedules/daily/calendar.ics"
ANNS = f"{V2}/users/ann/calendar.ics"


def calendar_in(response: httpx.Response) -> Calendar:
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "text/calendar; charset=utf-8"
    return IcsCalendarStream.calendar_from_ics(response.text)


def events_in(response: httpx.Response) -> list[tuple[str, datetime, datetime]]:
    """Who, or what, each shift is of, and when it is, in order."""
    found = [
        (
            event.summary.removeprefix("On call: "),
            event.dtstart.astimezone(UTC),
            event.dtend.astimezone(UTC),
        )
        for event in calendar_in(response).events
        if event.summary != "Nobody on call"
    ]
    return sorted(found, key=lambda event: event[1])


def uids_in(response: httpx.Response) -> dict[datetime, str | None]:
    return {event.dtstart: event.uid for event in calendar_in(response).events}


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 6, number, hour, tzinfo=UTC)


class TestSchedules:
    async def test_every_shift_with_who_has_it(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        events = events_in(await me.get(ICS))
        assert events[:2] == [("Ann", day(1), day(2)), ("Bob", day(2), day(3))]

    async def test_from_31_days_back_to_366_ahead(self, stored: Stored) -> None:
        me = await scene(stored, {**DAILY, "start_at": None}, at="2026-06-01T17:00:00Z")
        events = events_in(await me.get(ICS))
        assert events[0][1] == datetime(2026, 5, 1, tzinfo=UTC)
        assert events[-1][2] == datetime(2027, 6, 2, tzinfo=UTC)

    async def test_gaps_are_no_shifts_of_anybody(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        await entry(me, "cat", june(5), june(6), "empty")
        events = events_in(await me.get(f"{V2}/schedules/empty/calendar.ics"))
        assert events == [("Cat", day(5), day(6))]

    async def test_the_same_all_day_long(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        first = await me.get(ICS)
        stored.at("2026-06-01T23:59:59Z")
        assert (await me.get(ICS)).content == first.content
        again = await me.get(ICS, If_None_Match=first.headers["ETag"])
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["Cache-Control"] == "private, max-age=0"
        stored.at(june(2))
        assert (await me.get(ICS, If_None_Match=first.headers["ETag"])).status_code == 200

    async def test_another_after_a_change(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        first = await me.get(ICS)
        await override(me, "cat", june(5), june(6))
        second = await me.get(ICS, If_None_Match=first.headers["ETag"])
        assert second.status_code == 200
        assert second.headers["ETag"] != first.headers["ETag"]
        assert ("Cat", day(5), day(6)) in events_in(second)

    async def test_shifts_keep_their_uids(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        before = uids_in(await me.get(ICS))
        assert len(set(before.values())) == len(before)
        await override(me, "cat", june(5), june(6))
        await me.update(f"{V2}/schedules/daily", {"name": "Renamed"})
        await me.update(f"{V2}/users/ann", {"name": "Anna"})
        stored.at(june(3))
        after = uids_in(await me.get(ICS))
        same = before.keys() & after.keys()
        assert {at: before[at] for at in same} == {at: after[at] for at in same}

    async def test_it_begins_where_the_schedule_does(self, stored: Stored) -> None:
        me = await scene(stored, {**DAILY, "start_at": june(3)})
        first = calendar_in(await me.get(ICS)).events[0]
        assert (first.summary, first.dtstart) == ("On call: Ann", day(3))

    async def test_of_one_without_anybody_a_single_gap_is_shown(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        [gap] = calendar_in(await me.get(f"{V2}/schedules/empty/calendar.ics")).events
        assert gap.summary == "Nobody on call"

    async def test_a_gap_between_shifts_is_shown_where_it_begins(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        await entry(me, "cat", june(5), june(6), "empty")
        stored.at("2026-08-01T00:00:00Z")
        [gap] = calendar_in(await me.get(f"{V2}/schedules/empty/calendar.ics")).events
        assert (gap.summary, gap.dtstart) == ("Nobody on call", day(6))

    async def test_a_shift_that_began_before_is_shown_whole(self, stored: Stored) -> None:
        me = await scene(stored, {**DAILY, "participants": ["ann"]})
        stored.at("2026-09-01T00:00:00Z")
        [event] = calendar_in(await me.get(ICS)).events
        assert event.dtstart == day(1)

    async def test_its_name_and_who_it_is_of(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        text = (await me.get(ICS)).text
        assert "X-WR-CALNAME:Daily" in text


def revisions_in(response: httpx.Response) -> dict[datetime, tuple[str, datetime, int]]:
    """Who each shift is of, when it was changed and how often, by when it begins."""
    found = {}
    for event in calendar_in(response).events:
        assert event.dtstamp == event.last_modified
        assert event.dtstamp.tzinfo is not None
        found[event.dtstart] = (event.summary, event.dtstamp, event.sequence)
    return found


class TestChanges:
    """What a program that subscribes to a calendar sees of a change."""

    async def test_an_override_is_a_newer_revision_of_the_same_event(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        uids = uids_in(await me.get(ICS))
        before = revisions_in(await me.get(ICS))
        stored.at("2026-06-01T08:00:02Z")
        await override(me, "cat", june(5), june(6))
        stored.at("2026-06-01T09:00:00Z")
        after = await me.get(ICS)
        assert uids_in(after) == uids
        was, now = before[day(5)], revisions_in(after)[day(5)]
        assert (was[0], now[0]) == ("On call: Ann", "On call: Cat")
        assert was[1] == day(1) < now[1] == datetime(2026, 6, 1, 8, 0, 2, tzinfo=UTC)
        assert was[2] < now[2]

    async def test_every_write_is_one_revision_more(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        seen = []
        for minute, name in enumerate(("cat", "dan")):
            stored.at(f"2026-06-01T10:0{minute}:00Z")
            made = await override(me, name, june(5), june(6))
            seen.append(revisions_in(await me.get(ICS))[day(5)])
            stored.at(f"2026-06-01T10:0{minute}:30Z")
            await me.delete_at(f"{V1}/schedules/daily/overrides/{made}")
            seen.append(revisions_in(await me.get(ICS))[day(5)])
        assert [name for name, *_ in seen] == [
            f"On call: {who}" for who in ("Cat", "Ann", "Dan", "Ann")
        ]
        assert [at for _, at, _ in seen] == sorted({at for _, at, _ in seen})
        assert [number for *_, number in seen] == sorted({number for *_, number in seen})

    async def test_another_name_of_a_person_is_a_change_of_theirs(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        stored.at("2026-06-01T10:00:00Z")
        await me.update(f"{V2}/users/ann", {"name": "Anna"})
        found = revisions_in(await me.get(ICS))
        assert found[day(5)][:2] == ("On call: Anna", datetime(2026, 6, 1, 10, tzinfo=UTC))
        assert found[day(6)][:2] == ("On call: Bob", day(1))

    async def test_no_event_was_changed_in_the_future(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        for today in (1, 2, 28):
            stored.at(june(today, 12))
            found = revisions_in(await me.get(ICS))
            assert {at for _, at, _ in found.values() if at > day(today, 12)} == set()
            assert found[day(5)][1] == day(1)

    async def test_a_day_that_comes_into_sight_is_a_change_of_its_events_alone(
        self, stored: Stored
    ) -> None:
        me = await scene(stored, {**DAILY, "rotation_type": "weekly"})
        first = revisions_in(await me.get(ICS))
        stored.at(june(4, 12))
        later = revisions_in(await me.get(ICS))
        changed = [at for at in first if first[at] != later[at]]
        assert changed == [max(first)]
        assert [later[at][1] for at in changed] == [day(4)]
        stored.at(june(20, 12))
        assert revisions_in(await me.get(ICS))[max(first)][1] == day(6)

    async def test_a_shift_without_a_beginning_changes_by_the_day(self, stored: Stored) -> None:
        me = await scene(stored, {**DAILY, "start_at": None, "participants": ["ann"]})
        stored.at(june(4, 12))
        [(at, (_, changed_at, _))] = revisions_in(await me.get(ICS)).items()
        assert (at, changed_at) == (datetime(2026, 5, 4, tzinfo=UTC), day(4))

    @pytest.mark.parametrize("path", [ICS, ANNS])
    async def test_it_says_when_to_come_back(self, stored: Stored, path: str) -> None:
        me = await scene(stored, DAILY)
        lines = (await me.get(path)).text.split("\r\n")
        assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H" in lines
        assert "X-PUBLISHED-TTL:PT1H" in lines

    async def test_a_shift_that_is_given_away_leaves_ones_own_calendar(
        self, stored: Stored
    ) -> None:
        me = await scene(stored, DAILY)
        before = await me.get(ANNS)
        stored.at("2026-06-01T10:00:00Z")
        await override(me, "cat", june(5), june(6))
        await override(me, "cat", june(7, 12), june(8))
        after = await me.get(ANNS, If_None_Match=before.headers["ETag"])
        was, now = revisions_in(before), revisions_in(after)
        assert was.keys() - now.keys() == {day(5)}
        assert uids_in(after)[day(7)] == uids_in(before)[day(7)]
        assert ("Daily", day(7), day(7, 12)) in events_in(after)
        assert now[day(7)][2] > was[day(7)][2]


class TestPeople:
    async def test_their_shifts_of_every_schedule(self, stored: Stored) -> None:
        me = await scene(stored, DAILY, EMPTY)
        await entry(me, "ann", june(6, 1), june(6, 2), "empty")
        events = events_in(await me.get(ANNS))
        assert events[:4] == [
            ("Daily", day(1), day(2)),
            ("Daily", day(3), day(4)),
            ("Daily", day(5), day(6)),
            ("By hand", day(6, 1), day(6, 2)),
        ]

    async def test_what_they_gave_away_is_not_theirs(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await override(me, "cat", june(3), june(4))
        assert ("Daily", day(3), day(4)) not in events_in(await me.get(ANNS))
        assert events_in(await me.get(f"{V2}/users/cat/calendar.ics")) == [
            ("Daily", day(3), day(4))
        ]

    async def test_what_they_did_before_the_rules_changed(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        stored.at(june(4))
        await me.update(f"{V2}/schedules/daily", {"participants": ["cat"]})
        events = events_in(await me.get(ANNS))
        assert events == [("Daily", day(1), day(2)), ("Daily", day(3), day(4))]

    async def test_nothing(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        assert events_in(await me.get(f"{V2}/users/dan/calendar.ics")) == []

    async def test_one_whose_id_is_part_of_anothers(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await me.add_users("an", "a_n")
        for name in ("an", "a_n"):
            assert events_in(await me.get(f"{V2}/users/{name}/calendar.ics")) == []


@pytest.mark.parametrize("of", ["schedules/daily", "users/ann"])
class TestTokens:
    async def test_it_opens_its_calendar_without_a_key(self, stored: Stored, of: str) -> None:
        me = await scene(stored, DAILY)
        token = await me.create(f"{V2}/{of}/feed-tokens", {"name": "phone"})
        assert token["name"] == "phone"
        nobody = stored.caller(None)
        path = token["url"].removeprefix("https://oncall.test")
        assert events_in(await nobody.get(path)) == events_in(
            await me.get(f"{V2}/{of}/calendar.ics")
        )
        tag = (await nobody.get(path)).headers["ETag"]
        assert (await nobody.get(path, If_None_Match=tag)).status_code == 304

    async def test_it_is_shown_once(self, stored: Stored, of: str) -> None:
        me = await scene(stored, DAILY)
        token = await me.create(f"{V2}/{of}/feed-tokens", {})
        [listed] = await me.read(f"{V2}/{of}/feed-tokens")
        assert listed == {"id": token["id"], "name": "", "created_at": june(1)}

    async def test_it_is_revoked_at_once(self, stored: Stored, of: str) -> None:
        me = await scene(stored, DAILY)
        token = await me.create(f"{V2}/{of}/feed-tokens", {})
        path = f"{V2}/{of}/calendar.ics?token={token['token']}"
        nobody = stored.caller(None)
        assert (await nobody.get(path)).status_code == 200
        await me.delete_at(f"{V2}/feed-tokens/{token['id']}")
        assert code_of(await nobody.get(path)) == WRONG
        assert await me.read(f"{V2}/{of}/feed-tokens") == []
        assert code_of(await me.delete(f"{V2}/feed-tokens/{token['id']}")) == (404, "not_found")

    @pytest.mark.parametrize("token", ["", "x", "x" * 43, "%C3%A9"])
    async def test_a_wrong_one(self, stored: Stored, of: str, token: str) -> None:
        await scene(stored, DAILY)
        path = f"{V2}/{of}/calendar.ics?token={token}"
        assert code_of(await stored.caller(None).get(path)) == WRONG

    async def test_it_opens_nothing_else(self, stored: Stored, of: str) -> None:
        me = await scene(stored, DAILY, EMPTY)
        token = (await me.create(f"{V2}/{of}/feed-tokens", {}))["token"]
        nobody = stored.caller(None)
        others = {"schedules/daily", "schedules/empty", "users/ann", "users/bob"} - {of}
        for other in sorted(others):
            response = await nobody.get(f"{V2}/{other}/calendar.ics?token={token}")
            assert code_of(response) == WRONG
        response = await nobody.get(f"{V2}/schedules/daily?token={token}")
        assert code_of(response) == (401, "unauthorized")

    async def test_it_goes_with_what_it_is_of(self, stored: Stored, of: str) -> None:
        me = await scene(stored, DAILY)
        token = (await me.create(f"{V2}/{of}/feed-tokens", {}))["token"]
        await me.delete_at(f"{V2}/schedules/daily")
        if of == "users/ann":
            await me.delete_at(f"{V2}/users/ann")
        path = f"{V2}/{of}/calendar.ics?token={token}"
        assert code_of(await stored.caller(None).get(path)) == WRONG

    async def test_a_misspelt_parameter_beside_it(self, stored: Stored, of: str) -> None:
        me = await scene(stored, DAILY)
        token = (await me.create(f"{V2}/{of}/feed-tokens", {}))["token"]
        path = f"{V2}/{of}/calendar.ics?token={token}&tokn=y"
        assert list(faults_in(await stored.caller(None).get(path))) == ["tokn"]

    async def test_without_a_right_one_nothing_beside_it_is_read(
        self, stored: Stored, of: str
    ) -> None:
        await scene(stored, DAILY)
        path = f"{V2}/{of}/calendar.ics?token={'x' * 43}&tokn=y"
        assert code_of(await stored.caller(None).get(path)) == WRONG

    async def test_a_key_does_as_well(self, stored: Stored, of: str) -> None:
        me = await scene(stored, DAILY)
        assert (await me.get(f"{V2}/{of}/calendar.ics?token=wrong")).status_code == 200
        assert code_of(await stored.caller(None).get(f"{V2}/{of}/calendar.ics")) == (
            401,
            "unauthorized",
        )


async def test_tokens_of_two_organisations_for_the_same_id(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    other = await stored.stranger()
    await other.add_users("ann", "bob")
    await other.create(f"{V2}/schedules", {**DAILY, "name": "Theirs"})
    token = (await other.create(f"{V2}/schedules/daily/feed-tokens", {}))["token"]
    mine = (await me.create(f"{V2}/schedules/daily/feed-tokens", {}))["token"]
    nobody = stored.caller(None)
    assert "X-WR-CALNAME:Theirs" in (await nobody.get(f"{ICS}?token={token}")).text
    assert "X-WR-CALNAME:Daily" in (await nobody.get(f"{ICS}?token={mine}")).text


async def test_a_person_or_schedule_that_there_is_not(stored: Stored) -> None:
    for of in ("schedules/none", "users/none"):
        for path in ("calendar.ics", "feed-tokens"):
            assert code_of(await stored.me.get(f"{V2}/{of}/{path}")) == (404, "not_found")
        assert code_of(await stored.me.post(f"{V2}/{of}/feed-tokens")) == (404, "not_found")


async def test_v1_sees_whose_reason_it_was(stored: Stored) -> None:
    me = await scene(stored, DAILY)
    body = {"user_id": "cat", "start_at": june(5), "end_at": june(6), "reason": "Dentist"}
    await me.create(f"{V1}/schedules/daily/overrides", body)
    assert "Dentist" in (await me.get(ICS)).text.replace("\r\n ", "")


HOURLY = {
    **DAILY,
    "id": "hourly",
    "name": "By the hour",
    "rotation_type": "custom",
    "interval": {"count": 1, "unit": "hours"},
}
MORE = {**HOURLY, "id": "more", "name": "More"}


def days_in(response: httpx.Response, name: str) -> set[datetime]:
    """The days on which a calendar has shifts of somebody, or of a schedule."""
    return {start.replace(hour=0) for who, start, _ in events_in(response) if who == name}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute calendars in this process, where bounds can be changed."""
    monkeypatch.setattr(on_call_store, "is_light", lambda *_: True)


@pytest.mark.usefixtures("here")
class TestBounds:
    @pytest.mark.parametrize("of", ["schedules/hourly", "users/ann"])
    async def test_the_nearest_days_of_one_that_is_too_large(
        self, stored: Stored, of: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        me = await scene(stored, HOURLY, at="2026-06-04T00:00:00Z")
        path = f"{V2}/{of}/calendar.ics"
        whole = events_in(await me.get(path))
        monkeypatch.setattr(timeline, "CALENDAR_BYTES", 30_000)
        first = await me.get(path)
        assert len(first.content) < 31_000
        cut = events_in(first)
        assert set(cut) < set(whole)
        ahead = (cut[-1][2] - day(4)).total_seconds() / 86_400
        assert 0 < ahead < 10
        text = first.text.replace("\r\n ", "")
        assert "this calendar is from 2026-0" in text
        stored.at("2026-06-04T23:59:00Z")
        again = await me.get(path, If_None_Match=first.headers["ETag"])
        assert again.status_code == 304

    async def test_all_schedules_of_a_person_have_the_same_days(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        me = await scene(stored, DAILY, HOURLY, MORE)
        monkeypatch.setattr(timeline, "CALENDAR_BYTES", 50_000)
        response = await me.get(ANNS)
        assert len(response.content) < 51_000
        days = days_in(response, "By the hour")
        assert days == days_in(response, "More")
        assert len(days) > 5
        dailies = days_in(response, "Daily")
        assert dailies == {each for each in days if each.day % 2}

    async def test_fewer_days_where_laying_them_out_takes_too_much_work(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        me = await scene(stored, HOURLY, MORE)
        monkeypatch.setattr(timeline, "STEPS", 2 * 48 * 10)
        response = await me.get(ANNS)
        assert days_in(response, "More") == {day(number) for number in range(1, 6)}

    @pytest.mark.parametrize("of", ["schedules/hourly", "users/ann"])
    async def test_one_of_which_no_day_fits(
        self, stored: Stored, of: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        me = await scene(stored, HOURLY)
        monkeypatch.setattr(timeline, "CALENDAR_BYTES", 1_000)
        response = await me.get(f"{V2}/{of}/calendar.ics")
        assert "not even one day" in faults_in(response)["body"]

    async def test_a_long_reason_is_cut(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        body = {"user_id": "cat", "start_at": june(5), "end_at": june(6), "reason": "x" * 1_000}
        await me.create(f"{V1}/schedules/daily/overrides", body)
        text = (await me.get(ICS)).text.replace("\r\n ", "")
        assert f"By an override: {'x' * 200}\r\n" in text

    async def test_a_schedule_of_more_people_than_a_statement_names(self, stored: Stored) -> None:
        me = await scene(stored)
        ids = [f"p{number}" for number in range(501)]
        await me.add_users(*ids)
        layers = [
            {"name": name, "rotation_type": "daily", "participants": some}
            for name, some in (("a", ids[:500]), ("b", ids[500:]))
        ]
        body = {"id": "many", "name": "Many", "timezone": "UTC", "layers": layers}
        await me.create(f"{V1}/schedules", body)
        events = events_in(await me.get(f"{V2}/schedules/many/calendar.ics"))
        assert len(events) == 31 + 366
        assert all(name.startswith("P") for name, _, _ in events)
