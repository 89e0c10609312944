"""An edit keeps the turns (rules 32 and 33 of ``schedules.md``)."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.engine.layered.edits import Rotations, begun, edited, matched, next_handoff, place_after
from app.engine.layered.limits import EARLIEST_AT, LATEST_AT
from app.engine.layered.model import Layer, Participant, Restriction, Unit
from app.errors import InstantOutOfRange

HOUR, DAY, WEEK = 3_600_000, 86_400_000, 604_800_000
NOW = 20_608 * DAY + 7 * HOUR
START = NOW - 65 * DAY
NAMES = ("ana", "ben", "cy", "dee")
OFFICE = Restriction(9 * HOUR, 17 * HOUR, (0, 1, 2, 3, 4))


def weekly(*participants: str, start_at: int | None = START, **fields: object) -> Layer:
    return Layer("r", participants, "weeks", start_at=start_at, **fields)  # type: ignore[arg-type]


def rotations(*layers: Layer, timezone: str = "UTC") -> Rotations:
    return Rotations(timezone, layers)


def turns(rules: Rotations, at: int, count: int = 3, layer: int = 0) -> list[str]:
    """Who has the turn at an instant, and the turns after it."""
    sequence = rules.turns_of(rules.layers[layer])
    number = sequence.number_at(at)
    begin = [at, *(sequence.begins_at(number + n) for n in range(1, count))]
    return [rules.layers[layer].participants[sequence.place_at(each)] for each in begin]


@pytest.mark.parametrize(
    ("after", "then"),
    [
        (("ana", "ben", "cy", "dee"), ["ana", "ben", "cy", "dee"]),
        (("dee", "ana", "ben", "cy"), ["ana", "ben", "cy", "dee"]),
        (("cy", "ben", "ana"), ["ana", "cy", "ben", "ana"]),
        (("ben", "cy"), ["ben", "cy", "ben", "cy"]),
        (("cy", "dee"), ["cy", "dee", "cy", "dee"]),
        (("dee", "eve"), ["dee", "eve", "dee", "eve"]),
        (("ana", "cy", "ana", "ben"), ["ana", "ben", "ana", "cy"]),
        (("ana", "cy", "ana", "dee"), ["ana", "cy", "ana", "dee"]),
    ],
)
def test_another_list(after: tuple[str, ...], then: list[str]) -> None:
    before = rotations(weekly("ana", "ben", "cy"))
    assert turns(before, NOW) == ["ana", "ben", "cy"]
    [(at, changed)] = edited(before, rotations(weekly(*after)), NOW)
    assert at == NOW
    assert turns(changed, NOW, 4) == then


def test_of_several_places_the_one_before_whoever_came_next() -> None:
    assert place_after(("a", "b", "a", "c"), 2, ("a", "c", "b", "a")) == 0
    assert place_after(("a", "b", "a", "c"), 0, ("a", "c", "a", "b")) == 2
    assert place_after(("a", "b", "a", "c"), 2, ("a", "b", "a", "c")) == 2
    assert place_after(("a", "b", "a", "c"), 0, ("a", "b", "a", "c")) == 0
    assert place_after(("a", "b"), 0, ("c",)) == 0
    assert place_after(("a", None, "a", "c"), 0, ("a", "c", "a", None)) == 2
    assert place_after(("a", ("b", "d"), "a", "c"), 0, ("a", "c", "a", "b")) == 2


@pytest.mark.parametrize(
    ("old", "place", "new", "then"),
    [
        pytest.param(["a", ("b", "c"), "d"], 1, ["a", "c", "d"], 1, id="one of a group leaves"),
        pytest.param(["a", ("b", "c"), "d"], 1, [("c", "e"), "a"], 0, id="another joins"),
        pytest.param(["a", ("b", "c"), "d"], 1, ["a", "d"], 1, id="all of a group leave"),
        pytest.param(["a", "b"], 1, ["a", ("a", "b"), "b"], 2, id="the same before a group"),
        pytest.param(["a", None, "b"], 1, ["a", "b", None], 2, id="a turn of nobody"),
        pytest.param(["a", None, "b", None], 3, ["b", None, "a", None], 1, id="before the next"),
        pytest.param(["a", None, "b"], 1, ["a", "b"], 1, id="a turn of nobody leaves"),
        pytest.param([None], 0, ["a"], 0, id="nobody at all"),
    ],
)
def test_groups_and_turns_of_nobody(
    old: list[Participant], place: int, new: list[Participant], then: int
) -> None:
    assert place_after(old, place, new) == then


@pytest.mark.parametrize(
    "changes",
    [
        {"unit": "weeks", "count": 2},
        {"unit": "days"},
        {"unit": "hours", "count": 12},
        {"unit": "months"},
        {"handoff_time": 9 * HOUR, "handoff_day": 3},
        {"start_at": None},
        {"restrictions": (OFFICE,), "turns_on": "active"},
        {"name": "renamed"},
    ],
    ids=str,
)
def test_other_turns_keep_the_holder(changes: dict[str, object]) -> None:
    layer = weekly("ana", "ben", "cy")
    before, after = rotations(layer), rotations(replace(layer, **changes))  # type: ignore[arg-type]
    [(_, changed)] = edited(before, after, NOW)
    assert turns(changed, NOW) == ["ana", "ben", "cy"]


def test_another_zone_keeps_the_holder() -> None:
    layer = Layer("r", NAMES, "days", handoff_time=9 * HOUR)
    before = begun(rotations(layer), NOW)
    [(_, changed)] = edited(before, rotations(layer, timezone="Pacific/Auckland"), NOW)
    assert turns(changed, NOW) == turns(before, NOW)
    assert turns(before, NOW)[0] == "ana"


def test_nothing_changes_nothing() -> None:
    before = begun(rotations(weekly("ana", "ben", start_at=None)), NOW)
    assert edited(before, rotations(weekly("ana", "ben", start_at=None)), NOW) == [(NOW, before)]


def test_another_start_begins_anew_then() -> None:
    before = rotations(weekly("ana", "ben", "cy"))
    later = NOW + 3 * DAY
    after = rotations(weekly("cy", "ana", start_at=later))
    assert edited(before, after, NOW) == [(NOW, before), (later, after)]
    past = rotations(weekly("cy", "ana", start_at=NOW - DAY))
    assert edited(before, past, NOW) == [(NOW, past)]


def test_layers_that_begin_anew_at_different_times() -> None:
    first, second = weekly("ana", "ben"), replace(weekly("cy", "dee"), name="s")
    before = rotations(first, second)
    late, later = (replace(first, start_at=NOW + DAY), replace(second, start_at=NOW + 2 * DAY))
    assert edited(before, rotations(late, later), NOW) == [
        (NOW, before),
        (NOW + DAY, rotations(late, second)),
        (NOW + 2 * DAY, rotations(late, later)),
    ]


def test_a_named_first_turn_counts() -> None:
    before = rotations(weekly("ana", "ben", "cy"))
    after = rotations(weekly("ana", "ben", "cy", first_turn_at=NOW + WEEK))
    [(_, changed)] = edited(before, after, NOW)
    assert changed == after
    assert turns(changed, NOW) == ["cy", "ana", "ben"]


def test_layers_replace_those_of_their_name_or_the_one_left() -> None:
    a, b, c, d = (replace(weekly("ana"), name=name) for name in "abcd")
    assert matched([a, b], [b, c]) == [(0, 1), (1, 0)]
    assert matched([a, b, c], [c, d]) == [(0, 2), (1, None)]
    assert matched([a, a], [a, a, a]) == [(0, 0), (1, 1), (2, None)]


def test_who_begins_where_nobody_had_the_turn() -> None:
    [(_, changed)] = edited(
        rotations(weekly(start_at=None)), rotations(weekly("ana", "ben", start_at=None)), NOW
    )
    assert turns(changed, NOW)[0] == "ana"
    [(_, changed)] = edited(rotations(), rotations(weekly("ana", "ben", start_at=None)), NOW)
    assert turns(changed, NOW)[0] == "ana"
    waiting = weekly("ana", "ben", start_at=NOW + DAY)
    longer = weekly("ben", "ana", start_at=NOW + DAY)
    assert edited(rotations(waiting), rotations(longer), NOW) == [(NOW, rotations(longer))]
    [(_, emptied)] = edited(rotations(waiting), rotations(weekly(start_at=None)), NOW)
    assert emptied.layers[0].first_turn_at is None


def test_what_an_edit_leaves_as_it_is_keeps_its_first_turn() -> None:
    old = weekly("ana", "ben", first_turn_at=START - 10 * WEEK)
    renamed = weekly("ana", "ben")
    [(_, after)] = edited(rotations(old), rotations(replace(renamed, name="s", role="p")), NOW)
    assert after.layers == (replace(old, name="s", role="p"),)
    anew = weekly("ben", start_at=NOW + DAY)
    assert edited(rotations(old), rotations(anew), NOW)[0] == (NOW, rotations(old))


def test_an_edit_at_the_very_start_keeps_the_first_turn() -> None:
    before, after = (rotations(weekly(*pair, start_at=NOW)) for pair in (NAMES[:2], NAMES[1::-1]))
    [(_, changed)] = edited(before, after, NOW)
    assert turns(changed, NOW) == ["ana", "ben", "ana"]


def test_the_next_handoff_is_that_of_any_layer() -> None:
    assert next_handoff(rotations(), NOW) is None
    assert next_handoff(rotations(weekly()), NOW) is None
    daily = Layer("d", ("ana",), "days", handoff_time=9 * HOUR)
    assert next_handoff(rotations(weekly("ana", "ben"), daily), NOW) == NOW + 2 * HOUR
    assert next_handoff(rotations(weekly("ana", start_at=NOW + HOUR), daily), NOW) == NOW + HOUR


def test_the_next_handoff_is_after_now_and_before_the_last_year_ends() -> None:
    assert next_handoff(rotations(weekly("ana", start_at=NOW)), NOW) == NOW + WEEK
    assert next_handoff(rotations(weekly("ana", end_at=NOW + 1)), NOW) == NOW + 1
    assert next_handoff(rotations(weekly("ana", end_at=NOW)), NOW) is None
    assert next_handoff(rotations(weekly("ana", end_at=NOW - 1)), NOW) is None
    daily = Layer("d", ("ana",), "days")
    assert next_handoff(rotations(daily), LATEST_AT - DAY - HOUR) == LATEST_AT - DAY
    assert next_handoff(rotations(daily), LATEST_AT - HOUR) is None


lists = st.lists(st.sampled_from(NAMES), min_size=1, max_size=6).map(tuple)
units: st.SearchStrategy[Unit] = st.sampled_from(["hours", "days", "weeks", "months"])
layers = st.builds(
    Layer,
    st.just("r"),
    lists,
    units,
    st.integers(1, 40),
    st.one_of(st.none(), st.integers(NOW - 900 * DAY, NOW)),
    st.one_of(st.none(), st.integers(0, 23).map(lambda hour: hour * HOUR)),
    restrictions=st.sampled_from([(), (OFFICE,)]),
    turns_on=st.sampled_from(["all", "active"]),
)
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])


@given(layers, layers, zones, zones, st.integers(NOW, NOW + 900 * DAY))
def test_nobody_who_stays_is_moved(old: Layer, new: Layer, zone: str, other: str, at: int) -> None:
    """Whoever has the turn and stays keeps it to its end, and whoever follows in the list comes."""
    new = replace(new, start_at=old.start_at)
    before = begun(Rotations(zone, (old,)), NOW)
    [(_, after)] = edited(before, Rotations(other, (new,)), at)
    [layer] = after.layers
    assert replace(layer, first_turn_at=None) == new
    holder, follower = turns(before, at, 2)
    now, then = turns(after, at, 2)
    staying = [name for name in _from(old.participants, before, at) if name in new.participants]
    assert now == [*staying, new.participants[0]][0]
    if holder == now:
        places = [n for n, name in enumerate(new.participants) if name == holder]
        following = {new.participants[(n + 1) % len(new.participants)] for n in places}
        assert then in following
        assert then == follower or follower not in following
    if layer.first_turn_at is not None:
        assert EARLIEST_AT <= layer.first_turn_at < LATEST_AT
        assert turns(after, layer.first_turn_at, 1) == [new.participants[0]]


def _from(participants: tuple[str, ...], rules: Rotations, at: int) -> tuple[str, ...]:
    """The list, beginning with whoever has the turn."""
    place = rules.turns_of(rules.layers[0]).place_at(at)
    return participants[place:] + participants[:place]


@given(st.integers(1, 120), st.integers(2, 500), st.integers(0, 500), st.booleans())
def test_the_longest_rounds_have_a_first_turn(
    count: int, size: int, place: int, started: bool
) -> None:
    """A round may take 5,000 years, and the years go from 2 to 9998."""
    assume(place < size)
    names = tuple(f"u{n}" for n in range(size))
    start_at = NOW - DAY if started else None
    layer = Layer("r", names, "months", count, start_at)
    before = begun(rotations(layer), NOW)
    moved = names[-place:] + names[:-place] if place else names
    [(_, after)] = edited(before, rotations(replace(layer, participants=moved)), NOW)
    assert turns(after, NOW, 1) == ["u0"]
    first = after.layers[0].first_turn_at
    assert first is None or EARLIEST_AT <= first < LATEST_AT


def first_turn_of(layer: Layer, at: int, timezone: str = "UTC") -> int | None:
    """When the first participant's turn is, after an edit that only puts the last one first."""
    people = (layer.participants[-1], *layer.participants[:-1])
    moved = replace(layer, participants=people, first_turn_at=None)
    before = rotations(layer, timezone=timezone)
    [(_, after)] = edited(before, rotations(moved, timezone=timezone), at)
    return after.layers[0].first_turn_at


def test_the_first_turn_is_the_last_that_began() -> None:
    daily = Layer("d", ("ana", "ben", "cy"), "days", start_at=0)
    assert first_turn_of(daily, 300 * DAY) == 299 * DAY
    assert first_turn_of(daily, 301 * DAY) == 299 * DAY
    assert first_turn_of(daily, 302 * DAY) == 302 * DAY
    assert first_turn_of(daily, HOUR) == 2 * DAY  # the one before would be before the layer


def test_the_first_turn_is_within_the_years_that_we_know() -> None:
    second, last = EARLIEST_AT + 365 * DAY, LATEST_AT - 365 * DAY
    yearly = Layer("y", ("ana", "ben"), "months", 12)
    assert first_turn_of(replace(yearly, first_turn_at=second), second + DAY) == EARLIEST_AT
    assert first_turn_of(replace(yearly, first_turn_at=EARLIEST_AT), EARLIEST_AT + DAY) == second
    assert first_turn_of(replace(yearly, start_at=last - 365 * DAY), last - DAY) == last
    with pytest.raises(
        InstantOutOfRange, match=r"^the .* after the year 9998: make turns shorter$"
    ):
        first_turn_of(replace(yearly, start_at=last), last + DAY)


def test_a_first_turn_that_the_clock_skips_is_the_next_one() -> None:
    """Apia had no 30th of December in 2011."""
    start_at = 15_337 * DAY + 10 * HOUR
    daily = Layer("d", ("ana", "ben"), "days", start_at=start_at)
    assert first_turn_of(daily, start_at + HOUR, "Pacific/Apia") == start_at + 2 * DAY
