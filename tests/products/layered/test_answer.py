"""The answers with layered schedules, in words and numbers."""

import msgspec
import pytest

from app.engine.layered.model import (
    Entry,
    FinalSchedule,
    Gap,
    NextAssignment,
    OnCall,
    OnCallAssignment,
    Override,
    Segment,
)
from app.engine.layered.tally import Tally
from app.products.layered.answer import now_answer, schedule_answer

T = 1_777_057_200_000
HOUR = 3_600_000
AT, LATER = "2026-04-24T19:00:00.000Z", "2026-04-24T20:00:00.000Z"
LAYER = OnCallAssignment("a", "layer", "Primary", None, None)
OVERRIDE = OnCallAssignment("o", "override", None, Override("o", T, T + HOUR), None)
ENTRY = OnCallAssignment("e", "entry", None, None, Entry("e", T, T + HOUR))


@pytest.mark.parametrize(
    ("found", "text"),
    [
        pytest.param(
            OnCall(T, LAYER, T, T + HOUR, NextAssignment("b", T + HOUR)),
            f"a is on call at {AT} by layer Primary, until {LATER}; b is next, from {LATER}.",
            id="layer",
        ),
        pytest.param(
            OnCall(T, OVERRIDE, T, T + HOUR, None),
            f"o is on call at {AT} by an override, until {LATER}.",
            id="override-and-then-nobody",
        ),
        pytest.param(
            OnCall(T, ENTRY, T, None, None),
            f"e is on call at {AT} by an entry, with no end.",
            id="entry-for-ever",
        ),
        pytest.param(
            OnCall(T, None, None, T + HOUR, NextAssignment("a", T + HOUR)),
            f"Nobody is on call at {AT}, until {LATER}; a is next, from {LATER}.",
            id="gap",
        ),
        pytest.param(
            OnCall(T, None, None, None, None),
            f"Nobody is on call at {AT}, with no end.",
            id="never",
        ),
    ],
)
def test_an_instant_in_words(found: OnCall, text: str) -> None:
    assert now_answer(found, "UTC").interpretation == text


def final(people: str, gaps: int) -> FinalSchedule:
    starts = range(T, T + len(people) * HOUR, HOUR)
    return FinalSchedule(
        T,
        T + HOUR,
        tuple(
            Segment(start, start + HOUR, person, "layer", "x", None, None)
            for start, person in zip(starts, people, strict=True)
        ),
        (Gap(T, T + HOUR),) * gaps,
    )


@pytest.mark.parametrize(
    ("people", "gaps", "text"),
    [
        pytest.param("aba", 0, "3 shift(s) of 2 people and no gaps", id="people"),
        pytest.param("a", 1, "1 shift(s) of 1 person and 1 gap", id="one-of-each"),
        pytest.param("", 2, "0 shift(s) of 0 people and 2 gaps", id="nobody"),
    ],
)
def test_a_window_in_words(people: str, gaps: int, text: str) -> None:
    answer = schedule_answer("Asia/Kathmandu", final(people, gaps), ())
    assert answer.interpretation == f"{text} from {AT} to {LATER}, by the clock of Asia/Kathmandu."


def test_hours_are_numbers_as_people_write_them() -> None:
    tally = (Tally("a", 2, 24 * HOUR, HOUR // 2, HOUR // 4), Tally("b", 0, 0, 0, 0))
    answer = schedule_answer("UTC", final("", 0), tally)
    body = msgspec.json.encode(answer).decode()
    assert '"shifts":2,"hours":24,"night_hours":0.5,"weekend_hours":0.25' in body
    assert answer.balanced is False
