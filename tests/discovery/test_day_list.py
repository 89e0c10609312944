"""A timeline as a list of days: in local time, in order, and never long."""

from dataclasses import replace

from app.discovery.day_list import MOST_ITEMS, day_list
from app.formats.svg.drawing import timeline_bytes
from app.formats.svg.elements import COLOURS
from app.formats.timeline import Timeline, TimelineItem

T = 1_780_531_200_000  # 2026-06-04T00:00:00Z
DAY = 86_400_000
TWO = Timeline(
    title="A rotation",
    summary="Two people.",
    timezone="Europe/Berlin",
    identity=("rotation",),
    items=[
        TimelineItem(1, T, T + DAY, "ana", role="primary"),
        TimelineItem(2, T + DAY, T + 2 * DAY, None),
    ],
    people={"ben": "1 shift", "ana": "1 shift"},
    beside=[TimelineItem(3, T, T + DAY, "ben", role="secondary")],
    after=[TimelineItem(4, T + 2 * DAY, T + 3 * DAY, "zoe")],
)


def test_a_line_for_each_period_in_local_time() -> None:
    found = day_list(TWO, timeline_bytes(TWO))
    assert [(line.when, line.person, line.role, line.colour) for line in found.shown] == [
        ("Thu 4 Jun, 02:00", "ana", "primary", 1),
        ("Thu 4 Jun, 02:00", "ben", "secondary", 0),
        ("Fri 5 Jun, 02:00", None, "", COLOURS),
        ("Sat 6 Jun, 02:00", "zoe", "", 2),
    ]
    assert found.more == 0


def test_what_is_long_is_counted() -> None:
    items = [TimelineItem(n, T + n * DAY, T + (n + 1) * DAY, "ana") for n in range(25)]
    found = day_list(replace(TWO, items=items, beside=(), after=()), timeline_bytes(TWO))
    assert (len(found.shown), found.more) == (MOST_ITEMS, 25 - MOST_ITEMS)


def test_the_size_is_the_pictures() -> None:
    picture = timeline_bytes(TWO)
    found = day_list(TWO, picture)
    assert f'width="{found.width}"'.encode() in picture
    assert f'height="{found.height}"'.encode() in picture
