"""The timeline: a picture that is valid, bounded and says everything in words as well."""

import re
from collections.abc import Sequence
from dataclasses import replace
from xml.etree.ElementTree import Element

import pytest

from app.engine.rotation import rotation_of
from app.formats.svg.bars import LANES
from app.formats.svg.drawing import LEFT, MAX_HANDOFFS, MAX_TITLES, RIGHT, timeline_bytes
from app.formats.timeline import Timeline, TimelineItem
from app.products.rotation.timeline import rotation_timeline
from tests.support.formats import SVG, drawn, root_of, stretches, texts, titles
from tests.support.timing import least_seconds

T = 1_780_531_200_000
HOUR = 3_600_000


def timeline(people: Sequence[str], shifts: int, hours: float = 24, offset: float = 0) -> Timeline:
    return rotation_timeline(
        rotation_of(
            start_at=T, people=people, shifts=shifts, length_hours=hours, offset_hours=offset
        )
    )


def picture(people: Sequence[str] = ("alice", "bob"), shifts: int = 3, hours: float = 24) -> bytes:
    return timeline_bytes(timeline(people, shifts, hours))


def found(picture: bytes, tag: str, kind: str = "") -> list[Element]:
    elements = root_of(picture).iter(f"{SVG}{tag}")
    return [element for element in elements if element.get("class", "") == kind]


# --- what is in it --------------------------------------------------------------------------


def test_a_bar_a_shift() -> None:
    assert [(bar.person, bar.start, bar.end, bar.note) for bar in drawn(picture())] == [
        ("alice", T, T + 24 * HOUR, "Next: bob, from the end of the shift."),
        ("bob", T + 24 * HOUR, T + 48 * HOUR, "Next: alice, from the end of the shift."),
        ("alice", T + 48 * HOUR, T + 72 * HOUR, "The last shift of the rotation."),
    ]


def test_what_is_written() -> None:
    assert texts(picture()) == [
        "On-call rotation",
        "2026-06-04 00:00 UTC to 2026-06-07 00:00 UTC",
        *("00:00", "12:00", "00:00", "12:00", "00:00", "12:00", "00:00"),
        *("Thu 4 Jun", "Fri 5 Jun", "Sat 6 Jun", "Sun 7 Jun"),
        *("alice", "2 shifts", "bob", "1 shift"),
        "Dotted: handoffs.",
    ]


def test_an_absence_is_drawn_and_named() -> None:
    away = TimelineItem(0, T - HOUR, T + 24 * HOUR, "bob", "holiday")
    shown = timeline_bytes(replace(timeline(("alice", "bob"), 3), absences=[away]))
    told = "bob is away: 2026-06-04 00:00 UTC to 2026-06-05 00:00 UTC. holiday"
    assert told in titles(shown)
    assert "Fields of dots: away." in texts(shown)
    assert len(drawn(shown)) == 3, "shifts are drawn as before"


def test_no_absence_that_is_not_in_the_picture() -> None:
    away = TimelineItem(0, T - 9 * HOUR, T, "bob")
    shown = timeline_bytes(replace(timeline(("alice", "bob"), 3), absences=[away]))
    assert shown == picture()


def test_too_many_absences_have_no_titles() -> None:
    people = [f"person {number}" for number in range(LANES)]
    absences = [
        TimelineItem(0, T + start * HOUR, T + (start + 2) * HOUR, person)
        for person in people
        for start in range(0, 60, 5)
    ]
    shown = timeline_bytes(replace(timeline(people, 30, 2), absences=absences))
    assert titles(shown) == []
    assert "Fields of dots: away." in texts(shown)


def test_the_text_alternative() -> None:
    root = root_of(picture())
    [title, description] = [root.find(f"{SVG}{tag}") for tag in ("title", "desc")]
    assert title is not None
    assert description is not None
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text == "On-call rotation"
    assert description.text == (
        "3 shift(s) of 24h across 2 people from 2026-06-04T00:00:00.000Z. "
        "alice: 2 shifts; bob: 1 shift"
    )


def test_two_pictures_in_a_page_do_not_share_ids() -> None:
    def ids(picture: bytes) -> set[str]:
        return {element.get("id", "") for element in root_of(picture).iter()} - {""}

    assert not ids(picture()) & ids(picture(shifts=4))


def test_it_can_be_read_at_600_pixels() -> None:
    root = root_of(picture())
    scale = 600 / float(root.get("width", 0))
    sizes = [int(size) for size in re.findall(r"(\d+)px", "".join(root.itertext()))]
    assert min(sizes) * scale >= 9.5


def test_it_runs_nothing_and_fetches_nothing() -> None:
    text = timeline_bytes(with_gap("Europe/Berlin")).decode()
    assert not re.search(r"script|href|@import|<image|<foreignObject|on\w+=", text)
    assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)\)", text))
    assert re.findall(r"https?://[^\"]*", text) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize(
    "name",
    [
        '<script>alert("x")</script>',
        "]]>&amp;\"'",
        "</text></svg>",
        "nul\0 bell\a escape\x1b",
        "\ufffe",
        "two\nlines",
        "\u202eevil",
        "👩‍💻 " * 50,
    ],
)
def test_a_hostile_name_is_a_name(name: str) -> None:
    shown = picture([name, "bob"])
    [label, _] = found(shown, "svg")
    title = label.find(f"{SVG}text/{SVG}title")
    assert title is not None
    assert title.text == re.sub(r"[\0\a\x1b\ufffe]", "�", name)
    assert len(titles(shown)) == 3


def test_a_long_name_is_cut_and_its_title_is_not() -> None:
    name = "Augusta Ada King, Countess of Lovelace"
    [label] = found(picture([name]), "svg")
    text = label.find(f"{SVG}text")
    assert text is not None
    assert text.text == "Augusta Ada Kin…"
    assert [title.text for title in label.iter(f"{SVG}title")] == [name]


# --- gaps, handoffs, what goes on, the instant asked about ----------------------------------


def with_gap(timezone: str = "UTC", **changes: object) -> Timeline:
    items = [
        TimelineItem(1, T, T + 8 * HOUR, "ann", goes_on_before=True),
        TimelineItem(2, T + 8 * HOUR, T + 16 * HOUR, None),
        TimelineItem(3, T + 16 * HOUR, T + 24 * HOUR, "ben", goes_on_after=True),
    ]
    shown = Timeline("Title", "Summary.", timezone, ("x",), items, {"ann": "", "ben": ""})
    return replace(shown, **changes)  # type: ignore[arg-type]


def test_a_gap_is_hatched_and_named() -> None:
    shown = timeline_bytes(with_gap())
    [pattern] = root_of(shown).iter(f"{SVG}pattern")
    [box] = [box for box in found(shown, "rect") if "fill" in box.attrib]
    assert box.get("fill") == f"url(#{pattern.get('id')})"
    assert "Nobody: 2026-06-04 08:00 UTC to 2026-06-04 16:00 UTC." in titles(shown)
    assert "Hatched: nobody is on call (1 gap)." in texts(shown)


def test_gaps_are_counted() -> None:
    items = [TimelineItem(hour, T + hour * HOUR, T + (hour + 1) * HOUR, None) for hour in range(2)]
    shown = timeline_bytes(with_gap(items=items, people={}))
    assert "Hatched: nobody is on call (2 gaps)." in texts(shown)
    assert len(titles(shown)) == 2


def test_what_goes_on_beyond_the_picture_has_a_point() -> None:
    points = [path.get("d", "")[:9] for path in found(timeline_bytes(with_gap()), "path")]
    assert points == [f"M{LEFT - 2:.0f} 113l", f"M{RIGHT + 1:.0f} 145l"]


def test_no_handoff_over_a_gap() -> None:
    assert found(timeline_bytes(with_gap()), "line", "handoff") == []


@pytest.mark.parametrize("offset", [0, 6, -6])
def test_a_handoff_is_a_line_from_lane_to_lane(offset: float) -> None:
    shown = timeline_bytes(timeline(["alice", "bob"], 3, 24, offset))
    [first, _] = found(shown, "line", "handoff")
    ends = [float(first.get(name, 0)) for name in ("x1", "x2", "y1", "y2")]
    x = LEFT + (RIGHT - LEFT) * (24 + offset) / 72
    assert ends == pytest.approx([x, x, 120, 152], abs=0.1)


@pytest.mark.parametrize("shifts", [MAX_HANDOFFS + 1, MAX_HANDOFFS + 2])
def test_handoffs_are_shown_while_they_can_be_told_apart(shifts: int) -> None:
    shown = picture(shifts=shifts)
    few = shifts <= MAX_HANDOFFS + 1
    assert len(found(shown, "line", "handoff")) == (MAX_HANDOFFS if few else 0)
    assert ("Dotted: handoffs." in texts(shown)) is few


@pytest.mark.parametrize(("hour", "anchor"), [(1, "start"), (12, "middle"), (23, "end")])
def test_the_instant_asked_about_is_marked(hour: int, anchor: str) -> None:
    shown = timeline_bytes(with_gap("Europe/Berlin", mark_at=T + hour * HOUR))
    [line] = found(shown, "line", "mark")
    assert float(line.get("x1", 0)) == pytest.approx(LEFT + (RIGHT - LEFT) * hour / 24, abs=0.1)
    [text] = [text for text in found(shown, "text") if (text.text or "").startswith("at ")]
    assert text.get("text-anchor") == anchor


def test_what_follows_is_drawn() -> None:
    shown = with_gap(after=[TimelineItem(4, T + 24 * HOUR, T + 27 * HOUR, "ann")])
    assert [bar.person for bar in drawn(timeline_bytes(shown))] == ["ann", "Nobody", "ben", "ann"]


# --- local time -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timezone", "start", "words"),
    [
        pytest.param("UTC", T, "2026-06-04 00:00 UTC", id="utc"),
        pytest.param("America/St_Johns", T, "2026-06-03 21:30 -02:30", id="west"),
        pytest.param("Asia/Kathmandu", T, "2026-06-04 05:45 +05:45", id="east"),
        pytest.param("Europe/London", T + 200 * 24 * HOUR, "2026-12-21 00:00 UTC", id="winter"),
        pytest.param("UTC", T + 5_000, "2026-06-04 00:00:05 UTC", id="seconds"),
        pytest.param("UTC", T + 5, "2026-06-04 00:00:00.005 UTC", id="milliseconds"),
    ],
)
def test_instants_are_local_and_exact(timezone: str, start: int, words: str) -> None:
    shown = with_gap(timezone, items=[TimelineItem(1, start, start + HOUR, "ann")])
    [title] = titles(timeline_bytes(shown))
    assert title.startswith(f"ann: {words} to ")


def test_the_zone_is_named() -> None:
    assert texts(timeline_bytes(with_gap("Europe/Berlin")))[1] == (
        "2026-06-04 02:00 +02:00 to 2026-06-05 02:00 +02:00, Europe/Berlin"
    )


def test_a_period_too_near_to_the_next_is_not_named() -> None:
    start = T + 12 * HOUR
    shown = with_gap(items=[TimelineItem(1, start, start + 72 * HOUR, "ann")])
    assert [text for text in texts(timeline_bytes(shown)) if text.endswith("Jun")] == [
        "Fri 5 Jun",
        "Sat 6 Jun",
        "Sun 7 Jun",
    ]


# --- very many ------------------------------------------------------------------------------


def test_very_many_people_and_shifts_are_bounded_in_size_and_time() -> None:
    shown = timeline([f"person {number}" for number in range(1_000)], 10_000, 0.5)
    assert least_seconds(lambda: timeline_bytes(shown)) < 1
    text = timeline_bytes(shown)
    assert len(text) < 400_000
    assert len(found(text, "svg")) == LANES + 1
    assert "970 more people" in texts(text)
    assert "What is too short to be told apart is drawn as one." in texts(text)
    assert "and 970 more people" in "".join(root_of(text).itertext())


@pytest.mark.parametrize("people", [1, 7, 30, 31])
def test_the_worst_numbers_of_people(people: int) -> None:
    assert len(picture([f"p{number}" for number in range(people)], 10_000, 8)) < 400_000


def test_every_shift_is_counted_where_bars_are_joined() -> None:
    assert stretches(picture(["solo"], 10_000)) == 10_000


@pytest.mark.parametrize("shifts", [MAX_TITLES, MAX_TITLES + 1])
def test_titles_are_there_while_there_are_not_too_many(shifts: int) -> None:
    shown = timeline_bytes(timeline([f"p{number}" for number in range(30)], shifts, 24))
    assert len(titles(shown)) == (shifts if shifts == MAX_TITLES else 0)


def test_of_very_many_gaps_none_has_a_title() -> None:
    items = [TimelineItem(at, at, at + 1, "ann" if at % 2 else None) for at in range(310)]
    shown = timeline_bytes(with_gap(items=items, people={"ann": ""}))
    assert titles(shown) == []
    assert "Hatched: nobody is on call (155 gaps)." in texts(shown)


def test_the_same_request_gives_the_same_bytes() -> None:
    assert picture() == picture()
