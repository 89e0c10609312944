"""A schedule shown to readers: its page, its picture and its table, by key or by feed token."""

import csv
import io
import re
from xml.etree import ElementTree as ET

import httpx
import pytest

from app.discovery.html import SECURITY_HEADERS
from app.engine.walltime import clock_of
from app.teams.final_schedules import page as layout
from app.teams.final_schedules.page import initials_of, offset_text
from tests.support.scenes import DAILY, EMPTY, entry, june, local, override, scene
from tests.support.stored import V2, Caller, Stored, code_of, faults_in

pytestmark = pytest.mark.anyio

BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
FINAL = f"{V2}/schedules/daily/final-schedule"
WINDOW = f"from={june(1)}&to={june(4)}"
HOSTILE = "</title></text><script>alert(1)</script>\"'&=\u202e\x07 Ω"


async def token_of(me: Caller, schedule: str = "daily") -> str:
    made = await me.create(f"{V2}/schedules/{schedule}/feed-tokens", {})
    token: str = made["token"]
    return token


async def page_of(
    stored: Stored, schedule: str = "daily", token: str = "", query: str = ""
) -> httpx.Response:
    """Open a page as a browser does, with a token and without a key."""
    token = token or await token_of(stored.me, schedule)
    path = f"{V2}/schedules/{schedule}/page?token={token}{query}"
    return await stored.caller(None).get(path, Accept=BROWSER)


def words_of(response: httpx.Response) -> str:
    """Return what a page says, in one line."""
    assert response.status_code == 200, response.text
    body = response.text.partition("<body>")[2]
    text = re.sub(r"<svg width.*?</svg>\s*</div>", " ", body, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def blocks_of(response: httpx.Response) -> list[tuple[str, str]]:
    """Return the class and the title of each block of the strips."""
    return re.findall(r'<svg class="([^"]*)"[^>]*><title>([^<]*)</title>', response.text)


class TestPage:
    async def test_who_is_on_call_until_when_and_who_is_next(self, stored: Stored) -> None:
        await scene(stored, DAILY, at=june(1, 12))
        words = words_of(await page_of(stored))
        assert "Daily Team team · Mon 1 Jun 2026, 12:00, by the clock of UTC (UTC+00:00)" in words
        assert "On call now Ann until Tue 2 Jun 2026, 00:00" in words
        assert "Next Bob from Tue 2 Jun 2026, 00:00" in words

    async def test_four_weeks_of_strips(self, stored: Stored) -> None:
        await scene(stored, DAILY, at=june(1, 12))
        page = await page_of(stored)
        assert page.text.count('<div class="strip">') == 4
        blocks = blocks_of(page)
        assert len(blocks) == 28
        assert blocks[0] == ("c0", "Ann: Mon 1 Jun 2026, 00:00 to Tue 2 Jun 2026, 00:00")
        assert blocks[1][0] == "c1"
        assert page.text.count("present-line") == 1
        assert 'x1="7.143%"' in page.text

    async def test_a_gap_is_red_and_named(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        await entry(me, "cat", june(5), june(6), "empty")
        page = await page_of(stored, "empty")
        assert blocks_of(page)[0][0] == "nobody"
        words = words_of(page)
        assert "On call now Nobody is on call until Fri 5 Jun 2026, 00:00 C Next" in words
        assert "Nobody 2 gaps" in words
        assert "Now, until Fri 5 Jun 2026, 00:00 Nobody is on call" in words
        assert "Nobody is on call, until Mon 29 Jun 2026, 00:00" in words

    async def test_nobody_for_ever(self, stored: Stored) -> None:
        await scene(stored, EMPTY)
        words = words_of(await page_of(stored, "empty"))
        assert "Nobody is on call without an end" in words
        assert "Next Nobody else nothing changes any more" in words
        assert "1 gap " in words

    async def test_one_person_for_ever(self, stored: Stored) -> None:
        await scene(stored, {**DAILY, "participants": ["ann"]})
        words = words_of(await page_of(stored))
        assert "On call now Ann without an end" in words
        assert " 672 h" in words

    async def test_someone_after_the_four_weeks_is_named(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        await entry(me, "cat", "2026-09-01T00:00:00Z", "2026-09-02T00:00:00Z", "empty")
        words = words_of(await page_of(stored, "empty"))
        assert "Next Cat from Tue 1 Sep 2026, 00:00" in words
        assert "Cat 0 h" in words

    async def test_by_another_clock(self, stored: Stored) -> None:
        await scene(stored, DAILY, at=june(1, 12))
        page = await page_of(stored, query="&timezone=Asia/Kolkata")
        words = words_of(page)
        assert "Mon 1 Jun 2026, 17:30, by the clock of Asia/Kolkata (UTC+05:30)" in words
        assert "until Tue 2 Jun 2026, 05:30" in words
        assert "As the schedule has it: UTC" in words
        assert "timezone=Asia/Kolkata" in page.text

    async def test_days_of_23_hours_are_as_wide_as_others(self, stored: Stored) -> None:
        berlin = {**DAILY, "timezone": "Europe/Berlin", "start_at": None}
        await scene(stored, berlin, at="2026-03-27T12:00:00Z")
        page = await page_of(stored)
        places = re.findall(r'<svg class="c\d" x="([\d.]+)%" y="4" width="([\d.]+)%"', page.text)
        assert {width for _, width in places} == {"14.29"}

    async def test_same_person_by_two_sources_has_one_block(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await override(me, "ann", june(2), june(3))
        blocks = blocks_of(await page_of(stored))
        assert blocks[0][1] == "Ann: Mon 1 Jun 2026, 00:00 to Thu 4 Jun 2026, 00:00"

    async def test_what_is_too_short_to_be_seen_is_drawn_as_one(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        for minute in range(0, 40, 10):
            person = ["cat", "dan"][minute // 10 % 2]
            times = [f"2026-06-01T12:{each:02}:00Z" for each in (minute, minute + 10)]
            await override(me, person, *times)
        await entry(me, "cat", "2026-06-02T10:00:00Z", "2026-06-02T10:10:00Z")
        await override(me, "bob", "2026-06-02T10:10:00Z", "2026-06-02T10:20:00Z")
        blocks = blocks_of(await page_of(stored))
        assert ("", "4 shifts") in blocks
        assert len(blocks) < 40

    async def test_a_gap_among_what_is_drawn_as_one_is_red(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        for minute in (0, 20):
            times = [f"2026-06-02T12:{each:02}:00Z" for each in (minute, minute + 10)]
            await entry(me, "cat", *times, "empty")
        assert ("nobody", "3 shifts") in blocks_of(await page_of(stored, "empty"))

    async def test_the_list_has_an_end(self, stored: Stored) -> None:
        hourly = {"rotation_type": "custom", "interval": {"count": 6, "unit": "hours"}}
        await scene(stored, {**DAILY, **hourly})
        words = words_of(await page_of(stored))
        assert "And 72 more within four weeks." in words

    async def test_names_are_shown_and_run_nothing(self, stored: Stored) -> None:
        me = await scene(stored)
        await me.create(f"{V2}/users", {"id": "evil", "name": HOSTILE, "email": "evil@example.com"})
        body = {**DAILY, "name": HOSTILE, "team_id": HOSTILE, "participants": ["evil"]}
        await me.create(f"{V2}/schedules", body)
        page = await page_of(stored)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "\x07" not in page.text
        assert "&lt;/title&gt;&lt;/text&gt;&lt;script&gt;" in page.text
        assert "style=" not in page.text

    async def test_two_people_of_one_name_are_told_apart(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await me.update(f"{V2}/users/bob", {"name": "Ann"})
        words = words_of(await page_of(stored))
        assert "Next Ann (bob)" in words

    async def test_it_subscribes_by_its_own_token(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await me.create(f"{V2}/schedules/daily/feed-tokens", {})
        assert made["page_url"] == made["url"].replace("calendar.ics", "page")
        page = await page_of(stored, token=made["token"])
        assert f'href="{made["url"].replace("https", "webcal")}"' in page.text
        user = await me.create(f"{V2}/users/ann/feed-tokens", {})
        assert user["page_url"] is None

    async def test_by_key_it_shows_no_address_to_subscribe_to(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        page = await me.get(f"{V2}/schedules/daily/page")
        assert page.status_code == 200
        assert "webcal:" not in page.text

    async def test_its_headers(self, stored: Stored) -> None:
        await scene(stored, DAILY)
        token = await token_of(stored.me)
        page = await page_of(stored, token=token)
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Cache-Control"] == "private, max-age=0"
        assert page.headers["X-Robots-Tag"] == "noindex"
        assert {name: page.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        path = f"{V2}/schedules/daily/page?token={token}"
        again = await stored.caller(None).get(path, If_None_Match=page.headers["ETag"])
        assert (again.status_code, again.content) == (304, b"")


class TestRefusals:
    async def test_a_revoked_link(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await me.create(f"{V2}/schedules/daily/feed-tokens", {})
        await me.delete_at(f"{V2}/feed-tokens/{made['id']}")
        page = await page_of(stored, token=made["token"])
        assert page.status_code == 401
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Cache-Control"] == "no-store"
        assert "RateLimit" in page.headers
        assert {name: page.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert "The link has been revoked" in page.text

    async def test_an_unknown_zone(self, stored: Stored) -> None:
        await scene(stored, DAILY)
        page = await page_of(stored, query="&timezone=<b>Nowhere")
        assert page.status_code == 422
        assert "&lt;b&gt;Nowhere" in page.text
        assert "Correct the address" in page.text

    async def test_a_token_of_another_schedule(self, stored: Stored) -> None:
        await scene(stored, DAILY, EMPTY)
        page = await page_of(stored, token=await token_of(stored.me, "empty"))
        assert page.status_code == 401

    async def test_a_person_s_token_opens_no_schedule(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await me.create(f"{V2}/users/ann/feed-tokens", {})
        assert (await page_of(stored, token=made["token"])).status_code == 401

    async def test_a_schedule_that_there_is_not(self, stored: Stored) -> None:
        page = await stored.me.get(f"{V2}/schedules/none/page", Accept=BROWSER)
        assert page.status_code == 404
        assert "Try again" in page.text

    async def test_a_program_is_answered_as_elsewhere(self, stored: Stored) -> None:
        await scene(stored, DAILY)
        answer = await stored.caller(None).get(f"{V2}/schedules/daily/page?token=x")
        assert code_of(answer) == (401, "unauthorized")

    async def test_without_token_and_key(self, stored: Stored) -> None:
        await scene(stored, DAILY)
        answer = await stored.caller(None).get(f"{V2}/schedules/daily/page")
        assert code_of(answer) == (401, "unauthorized")


class TestFiles:
    async def test_json(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await override(me, "cat", june(2), june(3))
        shown = await me.read(f"{FINAL}?{WINDOW}")
        first, second, _ = shown.pop("segments")
        assert shown == {
            "schedule_id": "daily",
            "name": "Daily",
            "timezone": "UTC",
            "from": local(1),
            "to": local(4),
            "gaps": [],
        }
        assert first == {
            "start": local(1),
            "end": local(2),
            "user_id": "ann",
            "user_name": "Ann",
            "source": "layer",
            "layer": "rotation",
            "override_id": None,
            "entry_id": None,
            "starts_before": False,
            "ends_after": False,
        }
        assert (second["user_id"], second["override_id"]) == ("cat", made)

    async def test_csv(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        await me.update(f"{V2}/users/cat", {"name": "=1+1"})
        made = await entry(me, "cat", june(2), june(3), "empty")
        query = f"{WINDOW}&timezone=Europe/Berlin"
        path = f"{V2}/schedules/empty/final-schedule?{query}"
        answer = await me.get(path, Accept="text/csv")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Vary"] == "Accept"
        header, gap, shift, last = csv.reader(io.StringIO(answer.text))
        assert header == [
            *("start", "end", "user_id", "user_name", "source"),
            *("layer", "override_id", "entry_id"),
        ]
        assert gap == ["2026-06-01T02:00:00+02:00", "2026-06-02T02:00:00+02:00", *[""] * 6]
        assert shift[2:] == ["cat", "'=1+1", "entry", "", "", made]
        assert last[1] == "2026-06-04T02:00:00+02:00"

    async def test_csv_of_an_override(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        made = await override(me, "cat", june(1), june(4))
        answer = await me.get(f"{FINAL}?{WINDOW}&format=csv")
        assert list(csv.reader(io.StringIO(answer.text)))[1][4:] == ["override", "", made, ""]

    async def test_a_picture(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        await me.update(f"{V2}/users/bob", {"name": "Ann"})
        answer = await me.get(f"{FINAL}?{WINDOW}", Accept="image/avif,image/*,*/*;q=0.8")
        assert answer.headers["Content-Type"] == "image/svg+xml"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        root = ET.fromstring(answer.content)  # noqa: S314 - ours
        texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
        assert {"Daily", "Ann (ann)", "Ann (bob)", "2 shifts"} <= set(texts)

    async def test_a_picture_of_gaps(self, stored: Stored) -> None:
        me = await scene(stored, EMPTY)
        answer = await me.get(f"{V2}/schedules/empty/final-schedule?format=svg")
        assert "Hatched: nobody is on call (1 gap)." in answer.text

    @pytest.mark.parametrize(
        ("form", "media_type"),
        [
            ("json", "application/json"),
            ("csv", "text/csv; charset=utf-8"),
            ("svg", "image/svg+xml"),
        ],
    )
    async def test_by_token_alone(self, stored: Stored, form: str, media_type: str) -> None:
        await scene(stored, DAILY)
        token = await token_of(stored.me)
        answer = await stored.caller(None).get(f"{FINAL}?token={token}&format={form}")
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Cache-Control"] == "private, max-age=0"
        again = await stored.caller(None).get(
            f"{FINAL}?token={token}&format={form}", If_None_Match=answer.headers["ETag"]
        )
        assert again.status_code == 304

    async def test_without_a_window_it_is_28_days_from_today(self, stored: Stored) -> None:
        me = await scene(stored, DAILY, at=june(1, 12))
        shown = await me.read(FINAL)
        assert (shown["from"], shown["to"]) == (local(1), local(29))
        shown = await me.read(f"{FINAL}?from={june(2)}")
        assert (shown["from"], shown["to"]) == (local(2), local(30))

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            (f"to={june(4)}", ["from"]),
            (f"from={june(4)}&to={june(4)}", ["to"]),
            ("from=2020-01-01T00:00:00Z&to=2024-01-01T00:00:00Z", ["to"]),
            ("format=pdf", ["format"]),
            ("timezone=Nowhere", ["timezone"]),
        ],
    )
    async def test_faults(self, stored: Stored, query: str, names: list[str]) -> None:
        me = await scene(stored, DAILY)
        assert list(faults_in(await me.get(f"{FINAL}?{query}"))) == names

    async def test_a_form_that_there_is_not(self, stored: Stored) -> None:
        me = await scene(stored, DAILY)
        answer = await me.get(FINAL, Accept="application/pdf")
        assert code_of(answer) == (406, "not_acceptable")

    async def test_an_answer_has_a_bound(
        self, stored: Stored, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        me = await scene(stored, DAILY)
        monkeypatch.setattr("app.teams.schemas.ANSWER_BYTES", 10)
        assert (await me.get(f"{FINAL}?{WINDOW}")).status_code == 422


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Ana Sørensen", "AS"),
        ("ana", "A"),
        ("Ana Ana", "A"),
        ("Ana Maria de la Cruz", "AC"),
        ("étienne", "É"),
        ("e\u0301ti o", "ÉO"),
        ("李 雷", "李雷"),
        ("(x) [y]", "XY"),
        ("ßa ßb", "SS"),
        ("!!!", "?"),
        ("", "?"),
        ("🦊 fox", "F"),
    ],
)
def test_initials(name: str, initials: str) -> None:
    assert initials_of(name) == initials


@pytest.mark.parametrize(
    ("zone", "offset"),
    [("UTC", "UTC+00:00"), ("Asia/Kolkata", "UTC+05:30"), ("America/St_Johns", "UTC-02:30")],
)
def test_offsets(zone: str, offset: str) -> None:
    assert offset_text(1_780_531_200_000, clock_of(zone)) == offset


def test_hours_in_words() -> None:
    assert [layout._hours(each) for each in (0, 60_000, 3_600_000, 10**10)] == [
        *("0 h", "< 1 h", "1 h", "2,778 h"),
    ]
