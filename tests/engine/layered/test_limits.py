"""Each limit is held, and its error names it (rule 11 of ``schedules.md``)."""

import pytest

from app import errors
from app.engine.layered import limits
from app.engine.layered.model import Entry, Layer, Override, Restriction, Schedule, Swap
from app.engine.layered.resolve import final_schedule, on_call_at
from tests.support.schedule_documents import at

T = at("2025-06-02T00:00+00:00")
HOUR = 3_600_000
HOURLY = Layer("hourly", ("a", "b"), "hours")
DENSE = tuple(Restriction(i * 10 * 60_000, i * 10 * 60_000 + 60_000) for i in range(100))
PEOPLE = tuple(f"u{i}" for i in range(501))
OVERRIDE = Override("x", T, T + 1)

BROKEN = [
    (errors.TooManyLayers, Schedule("UTC", (HOURLY,) * 51)),
    (errors.TooManyParticipants, Schedule("UTC", (Layer("x", PEOPLE),))),
    (errors.TooManyRestrictions, Schedule("UTC", (Layer("x", ("a",), restrictions=DENSE * 2),))),
    (errors.TooManyOverrides, Schedule("UTC", (), (OVERRIDE,) * 10_001)),
    (
        errors.TooManyOverrides,
        Schedule("UTC", (), (OVERRIDE,) * 9_999, (Entry("x", T, T + 1),) * 2),
    ),
    (errors.InstantOutOfRange, Schedule("UTC", (Layer("x", ("a",), start_at=-(10**17)),))),
]
WITHIN = Schedule(
    "UTC",
    (Layer("x", PEOPLE[:500], "hours", restrictions=DENSE),) * 50,
    (OVERRIDE,) * 9_999,
    (Entry("x", T, T + 1),),
)


@pytest.mark.parametrize(("error", "schedule"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
def test_a_schedule_beyond_a_limit(error: type[errors.OncallError], schedule: Schedule) -> None:
    with pytest.raises(error):
        on_call_at(schedule, T)
    with pytest.raises(error):
        final_schedule(schedule, T, T + HOUR)


def test_a_schedule_within_every_limit() -> None:
    assert on_call_at(WITHIN, T).user_id == "x"
    assert final_schedule(WITHIN, T, T + HOUR).segments


@pytest.mark.parametrize(
    ("error", "from_at", "to_at"),
    [
        (errors.EmptyWindow, T, T),
        (errors.EmptyWindow, T, T - 1),
        (errors.WindowTooLong, T, T + limits.WINDOW_MS + 1),
        (errors.InstantOutOfRange, at("0001-06-01T00:00+00:00"), T),
        (errors.InstantOutOfRange, T, at("9999-06-01T00:00+00:00")),
    ],
)
def test_a_window_beyond_a_limit(error: type[errors.OncallError], from_at: int, to_at: int) -> None:
    with pytest.raises(error):
        final_schedule(Schedule("UTC", (HOURLY,)), from_at, to_at)


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_an_instant_beyond_the_years(year: str) -> None:
    with pytest.raises(errors.InstantOutOfRange, match="at is outside the years 2 to 9998"):
        on_call_at(Schedule("UTC", (HOURLY,)), at(f"{year}-06-01T00:00+00:00"))


def test_an_answer_beyond_the_limit() -> None:
    dense = Schedule("UTC", (Layer("x", ("a",), restrictions=DENSE), HOURLY))
    with pytest.raises(errors.TooManySegments):
        final_schedule(dense, T, T + limits.WINDOW_MS)


def test_the_limits_are_the_years_they_say() -> None:
    assert at("0002-01-01T00:00+00:00") == limits.EARLIEST_AT
    assert at("9999-01-01T00:00+00:00") == limits.LATEST_AT


WEEK = 7 * 24 * HOUR
MONDAYS = Restriction(0, HOUR, (0,))
NEAR = Swap(T, T, "b")


@pytest.mark.parametrize(
    ("layers", "manual", "swaps", "span_ms", "steps"),
    [
        pytest.param([Layer("x", ("a",))], 0, 0, 7_001 * WEEK, 98_014, id="a-turn-is-2"),
        pytest.param([HOURLY], 0, 0, WEEK, 336, id="turns-by-the-hour"),
        pytest.param([Layer("x", ("a",), "hours", 12)], 0, 0, WEEK, 28, id="half-a-day-is-4-a-day"),
        pytest.param(
            [Layer("x", ("a",), restrictions=(MONDAYS,))], 0, 0, WEEK, 15, id="a-window-a-week"
        ),
        pytest.param(
            [Layer("x", ("a",), restrictions=DENSE)], 0, 0, WEEK, 714, id="windows-every-day"
        ),
        pytest.param([], 1_000, 0, WEEK, 4_000, id="an-override-is-4"),
        pytest.param([], 1_000, 2, WEEK, 28_000, id="overrides-again-for-each-swap"),
        pytest.param([Layer("x", ("a",))], 0, 3, 0, 2_382, id="a-swap-looks-through-a-year"),
    ],
)
def test_the_work_of_a_request(
    layers: list[Layer],
    manual: int,
    swaps: int,
    span_ms: int,
    steps: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "STEPS", steps)
    limits.check_work(layers, manual, [NEAR] * swaps, span_ms)
    monkeypatch.setattr(limits, "STEPS", steps - 1)
    with pytest.raises(errors.TooMuchWork, match=f"takes about {steps:,} steps"):
        limits.check_work(layers, manual, [NEAR] * swaps, span_ms)


@pytest.mark.parametrize(
    ("people", "absences", "steps"),
    [
        pytest.param(1, 8, 10, id="an absence is 1 and a quarter for one person"),
        pytest.param(6, 10, 25, id="and two and a half for six"),
        pytest.param(1, 3, 3, id="rounded down"),
    ],
)
def test_the_work_of_absences(people: int, absences: int, steps: int) -> None:
    layers = [Layer("x", ("a",) * people)]
    assert limits.steps_of(layers, 0, [], 0, absences) == steps


def test_a_swap_looks_through_its_own_days_too() -> None:
    layers = [Layer("x", ("a",))]
    assert limits.steps_of(layers, 0, [Swap(T, T + 10 * 24 * HOUR, "b")], 0) == 2 * (10 + 397)


def test_too_much_work_says_what_to_ask_for_instead() -> None:
    with pytest.raises(errors.TooMuchWork) as failure:
        limits.check_work([HOURLY], 0, [], 10**7 * HOUR)
    assert str(failure.value) == (
        "the document: takes about 20,000,000 steps, at most 1,000,000: "
        "ask for a shorter window or give fewer restrictions, overrides or swaps"
    )


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (Schedule("UTC", (HOURLY,) * 51), "51 layers: at most 50"),
        (Schedule("UTC", (Layer("Night", PEOPLE),)), 'layer "Night": 501, at most 500'),
        (
            Schedule("UTC", (Layer("Night", PEOPLE[:500], restrictions=DENSE * 2),)),
            'layer "Night": 200, at most 100',
        ),
        (
            Schedule("UTC", (), (OVERRIDE,) * 10_001),
            "10001 overrides, entries and swaps: at most 10000",
        ),
        (
            Schedule("UTC", (Layer("x", ("a",), start_at=-(10**17)),)),
            "start_at is outside the years 2 to 9998",
        ),
    ],
    ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "",
)
def test_a_broken_limit_says_how_much_was_given(schedule: Schedule, message: str) -> None:
    with pytest.raises(errors.OncallError) as failure:
        limits.check_schedule(schedule)
    assert str(failure.value) == f"the document: {message}"


def test_the_limits_themselves_are_allowed() -> None:
    limits.check_swaps(100)
    limits.check_segments(100_000)
    limits.check_window(T, T + limits.WINDOW_MS)
    limits.check_instant(limits.EARLIEST_AT)
    limits.check_instant(limits.LATEST_AT - 1)
    with pytest.raises(errors.TooManySwaps):
        limits.check_swaps(101)
    with pytest.raises(errors.TooManySegments):
        limits.check_segments(100_001)
    for name, from_at, to_at in (
        ("from", limits.EARLIEST_AT - 1, T),
        ("to", T, limits.LATEST_AT),
    ):
        with pytest.raises(errors.InstantOutOfRange, match=f": {name} is outside"):
            limits.check_window(from_at, to_at)
