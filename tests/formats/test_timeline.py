"""The timelines of engine results: their items, and the keys of equal items."""

from collections.abc import Sequence

import pytest

from app.engine.layered.limits import EARLIEST_AT, LATEST_AT
from app.engine.layered.model import Entry, Layer, Override, Restriction, Schedule
from app.engine.layered.resolve import final_schedule, on_call_at
from app.engine.layered.tally import tallies
from app.engine.rotation import rotation_of
from app.formats.svg.drawing import timeline_bytes
from app.formats.timeline import Timeline
from app.products.layered.timeline import UNBOUNDED_MS, now_timeline, schedule_timeline
from app.products.rotation.timeline import rotation_timeline
from tests.support.schedule_documents import at

HOUR = 3_600_000
T = at("2026-06-04T00:00:00Z")
NINE_TO_FIVE = Restriction(9 * HOUR, 17 * HOUR)
OFFICE = Layer("Office", ("ann", "ben"), "days", 1, T, restrictions=(NINE_TO_FIVE,))
ALWAYS = Layer("Always", ("zoe",), "days", 1)


def rotation(
    people: Sequence[str] = ("ann", "ben"), shifts: int = 3, offset: float = 0
) -> Timeline:
    return rotation_timeline(
        rotation_of(start_at=T, people=people, shifts=shifts, length_hours=24, offset_hours=offset)
    )


def schedule(
    *layers: Layer, start: int = T, end: int = T + 24 * HOUR, **covers: tuple[object, ...]
) -> Timeline:
    asked = Schedule("UTC", layers, **covers)  # type: ignore[arg-type]
    final = final_schedule(asked, start, end)
    return schedule_timeline(asked, final, tallies(asked, final))


def now(instant: int, *layers: Layer, **covers: tuple[object, ...]) -> Timeline:
    asked = Schedule("UTC", layers, **covers)  # type: ignore[arg-type]
    return now_timeline(asked, on_call_at(asked, instant))


# --- a rotation -----------------------------------------------------------------------------


def test_the_items_of_a_rotation_are_its_shifts() -> None:
    found = rotation()
    assert [(item.key, item.start_at, item.end_at, item.person) for item in found.items] == [
        (1, T, T + 24 * HOUR, "ann"),
        (2, T + 24 * HOUR, T + 48 * HOUR, "ben"),
        (3, T + 48 * HOUR, T + 72 * HOUR, "ann"),
    ]
    assert (found.timezone, found.people) == ("UTC", {"ann": "2 shifts", "ben": "1 shift"})


@pytest.mark.parametrize(
    ("people", "offset", "notes"),
    [
        pytest.param(
            ("ann", "ben"),
            0,
            ["Next: ben, from the end of the shift.", "The last shift of the rotation."],
            id="at-the-end",
        ),
        pytest.param(
            ("ann",),
            0.5,
            ["Next: ann, from 0.5h after the shift ends.", "The last shift of the rotation."],
            id="after-it",
        ),
        pytest.param(
            ("ann", "ben", "cem"),
            -2,
            ["Next: ben, from 2h before the shift ends.", "The last shift of the rotation."],
            id="before-it",
        ),
    ],
)
def test_a_shift_says_who_is_next(people: Sequence[str], offset: float, notes: list[str]) -> None:
    found = rotation(people, 2, offset)
    assert [item.note for item in found.items] == notes
    assert found.handoff_offset_ms == offset * HOUR


def test_who_is_on_call_does_not_make_another_rotation() -> None:
    before, after = rotation(("ann", "ben"), 3), rotation(("cem", "dan", "eve"), 9, 0.5)
    assert before.identity == after.identity
    assert [item.key for item in before.items] == [item.key for item in after.items][:3]


@pytest.mark.parametrize(("start", "hours"), [(T + 1, 24), (T, 12)], ids=["start", "length"])
def test_the_start_and_the_length_make_another(start: int, hours: float) -> None:
    other = rotation_of(
        start_at=start, people=("ann", "ben"), shifts=3, length_hours=hours, offset_hours=0
    )
    assert rotation_timeline(other).identity != rotation().identity


# --- a schedule -----------------------------------------------------------------------------


def test_the_items_of_a_schedule_are_its_segments_and_gaps_in_order() -> None:
    override = Override("fay", T + 12 * HOUR, T + 13 * HOUR, "covers")
    entry = Entry("gus", T + 14 * HOUR, T + 15 * HOUR)
    found = schedule(OFFICE, overrides=(override,), entries=(entry,))
    assert [
        ((item.start_at - T) // HOUR, (item.end_at - T) // HOUR, item.person, item.note)
        for item in found.items
    ] == [
        (0, 9, None, "Nobody is on call."),
        (9, 12, "ann", "By layer Office."),
        (12, 13, "fay", "By an override: covers"),
        (13, 14, "ann", "By layer Office."),
        (14, 15, "gus", "By an entry."),
        (15, 17, "ann", "By layer Office."),
        (17, 24, None, "Nobody is on call."),
    ]
    assert found.people == {
        "ann": "3 shifts",
        "ben": "0 shifts",
        "fay": "1 shift",
        "gus": "1 shift",
    }


def test_an_override_without_a_reason() -> None:
    found = schedule(OFFICE, overrides=(Override("fay", T, T + HOUR),))
    assert found.items[0].note == "By an override."


@pytest.mark.parametrize(
    ("hour", "key", "person"),
    [
        pytest.param(9, 9, "ann", id="uncut"),
        pytest.param(11, 9, "ann", id="a-shift"),
        pytest.param(20, 17, None, id="a-gap"),
    ],
)
def test_a_item_that_the_window_cuts_is_the_same_item(
    hour: int, key: int, person: str | None
) -> None:
    [first, *_] = schedule(OFFICE, start=T + hour * HOUR, end=T + 50 * HOUR).items
    assert (first.key, first.start_at, first.person) == (T + key * HOUR, T + hour * HOUR, person)
    assert first.goes_on_before is (hour != key)


def test_windows_and_instants_agree_on_what_is_which() -> None:
    instant = T + 12 * HOUR
    whole, [asked] = schedule(OFFICE), now(instant, OFFICE).items
    [held] = [item for item in whole.items if item.start_at <= instant < item.end_at]
    assert (asked.key, asked.start_at, asked.end_at) == (held.key, held.start_at, held.end_at)
    assert now(instant, OFFICE).identity == whole.identity


def test_what_was_always_so_is_the_same_item_in_every_window() -> None:
    silent = Layer("Never", ())
    keys = {schedule(silent, start=T + shift).items[0].key for shift in range(3)}
    assert keys == {EARLIEST_AT} == {now(T, silent).items[0].key}


def test_layers_make_the_schedule_and_people_do_not() -> None:
    same = Layer("Office", ("cem",), "days", 1, T)
    assert schedule(OFFICE).identity == schedule(same).identity
    assert (
        schedule(OFFICE).identity != schedule(ALWAYS).identity != schedule(ALWAYS, OFFICE).identity
    )


# --- an instant -----------------------------------------------------------------------------


def test_an_instant_shows_who_is_next() -> None:
    found = now(T + 12 * HOUR, OFFICE)
    assert (found.mark_at, found.people) == (T + 12 * HOUR, {"ann": "on call", "ben": "next"})
    [gap, following] = found.after
    assert (gap.start_at, gap.end_at, gap.person) == (T + 17 * HOUR, T + 33 * HOUR, None)
    assert (following.start_at, following.end_at) == (T + 33 * HOUR, T + 36 * HOUR)
    assert (following.person, following.goes_on_after) == ("ben", True)


def test_who_follows_herself_is_on_call() -> None:
    found = now(T, ALWAYS, overrides=(Override("zoe", T + HOUR, T + 2 * HOUR),))
    assert found.people == {"zoe": "on call"}
    assert [item.person for item in found.after] == ["zoe"]


def test_nobody_and_then_somebody() -> None:
    found = now(T, OFFICE)
    assert (found.items[0].person, found.people) == (None, {"ann": "next"})


def test_what_has_no_end_is_shown_for_a_day_either_way() -> None:
    found = now(T, Layer("Never", ()))
    [item] = found.items
    assert (item.start_at, item.end_at) == (T - UNBOUNDED_MS, T + UNBOUNDED_MS)
    assert (item.goes_on_before, item.goes_on_after, found.after) == (True, True, ())
    assert "no beginning" in item.note
    assert "no end" in item.note


def test_nothing_is_shown_beyond_the_last_year() -> None:
    fay = Override("fay", EARLIEST_AT, EARLIEST_AT + 1)
    covers = (fay, Override("gus", LATEST_AT - 1, LATEST_AT))
    asked = Schedule("Pacific/Kiritimati", (), overrides=covers)
    shown = now_timeline(asked, on_call_at(asked, T))
    assert shown.after[-1].end_at == LATEST_AT
    assert b"9999-01-01 14:00 +14:00" in timeline_bytes(shown)


def test_the_epoch_is_an_end_like_any_other() -> None:
    asked = Schedule("UTC", (), overrides=(Override("fay", -HOUR, 0), Override("gus", 0, HOUR)))
    found = now_timeline(asked, on_call_at(asked, -1))
    assert [item.person for item in (*found.items, *found.after)] == ["fay", "gus"]
