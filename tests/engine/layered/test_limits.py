"""Rule 11: each bound is held, and names itself."""

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
COVER = Override("x", T, T + 1)

BROKEN = [
    (errors.TooManyLayers, Schedule("UTC", (HOURLY,) * 51)),
    (errors.TooManyParticipants, Schedule("UTC", (Layer("x", PEOPLE),))),
    (errors.TooManyRestrictions, Schedule("UTC", (Layer("x", ("a",), restrictions=DENSE * 2),))),
    (errors.TooManyOverrides, Schedule("UTC", (), (COVER,) * 10_001)),
    (errors.TooManyOverrides, Schedule("UTC", (), (COVER,) * 9_999, (Entry("x", T, T + 1),) * 2)),
    (errors.InstantOutOfRange, Schedule("UTC", (Layer("x", ("a",), start_at=-(10**17)),))),
]
KEPT = Schedule(
    "UTC",
    (Layer("x", PEOPLE[:500], "hours", restrictions=DENSE),) * 50,
    (COVER,) * 9_999,
    (Entry("x", T, T + 1),),
)


@pytest.mark.parametrize(("error", "schedule"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
def test_a_schedule_beyond_a_bound(error: type[errors.OncallError], schedule: Schedule) -> None:
    with pytest.raises(error):
        on_call_at(schedule, T)
    with pytest.raises(error):
        final_schedule(schedule, T, T + HOUR)


def test_a_schedule_within_every_bound() -> None:
    assert on_call_at(KEPT, T).user_id == "x"
    assert final_schedule(KEPT, T, T + HOUR).segments


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
def test_a_window_beyond_a_bound(error: type[errors.OncallError], from_at: int, to_at: int) -> None:
    with pytest.raises(error):
        final_schedule(Schedule("UTC", (HOURLY,)), from_at, to_at)


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_an_instant_beyond_the_years(year: str) -> None:
    with pytest.raises(errors.InstantOutOfRange, match="at is outside the years 2 to 9998"):
        on_call_at(Schedule("UTC", (HOURLY,)), at(f"{year}-06-01T00:00+00:00"))


def test_an_answer_beyond_the_bound() -> None:
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
    ("layers", "covers", "swaps", "span_ms", "steps"),
    [
        pytest.param([Layer("x", ("a",))], 0, 0, 7_001 * WEEK, 98_014, id="a-turn-is-2"),
        pytest.param([HOURLY], 0, 0, WEEK, 336, id="turns-by-the-hour"),
        pytest.param(
            [Layer("x", ("a",), restrictions=(MONDAYS,))], 0, 0, WEEK, 15, id="a-window-a-week"
        ),
        pytest.param(
            [Layer("x", ("a",), restrictions=DENSE)], 0, 0, WEEK, 714, id="windows-every-day"
        ),
        pytest.param([], 1_000, 0, WEEK, 4_000, id="a-cover-is-4"),
        pytest.param([], 1_000, 2, WEEK, 28_000, id="covers-again-for-each-swap"),
        pytest.param([Layer("x", ("a",))], 0, 3, 0, 2_382, id="a-swap-looks-through-a-year"),
    ],
)
def test_the_work_of_a_request(
    layers: list[Layer],
    covers: int,
    swaps: int,
    span_ms: int,
    steps: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "STEPS", steps)
    limits.check_work(layers, covers, [NEAR] * swaps, span_ms)
    monkeypatch.setattr(limits, "STEPS", steps - 1)
    with pytest.raises(errors.TooMuchWork, match=f"takes about {steps:,} steps"):
        limits.check_work(layers, covers, [NEAR] * swaps, span_ms)
