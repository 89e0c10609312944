"""The JSON answer: the listing's example byte for byte, and each field's rule."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rotation import rotation_of
from app.http.validation import validated
from app.products.rotation.answer import rotation_answer
from app.products.rotation.request import RotationRequest
from tests.support.seed import EXAMPLE_REQUEST, EXAMPLE_RESPONSE

JUNE_4_MS = 1_780_531_200_000


def answered(**changes: Any) -> dict[str, Any]:
    """The answer to the seed's example with some fields changed."""
    request = {**msgspec.json.decode(EXAMPLE_REQUEST), **changes}
    answer = rotation_answer(validated(request, RotationRequest).rotation())
    return msgspec.json.decode(msgspec.json.encode(answer))


def test_the_seeds_example_byte_for_byte() -> None:
    request = validated(msgspec.json.decode(EXAMPLE_REQUEST), RotationRequest)
    expected = json.dumps(json.loads(EXAMPLE_RESPONSE), separators=(",", ":")).encode()
    assert msgspec.json.encode(rotation_answer(request.rotation())) == expected


def test_default_length_is_24() -> None:
    request = msgspec.json.decode(EXAMPLE_REQUEST)
    del request["shiftLengthHours"]
    answer = rotation_answer(validated(request, RotationRequest).rotation())
    assert msgspec.json.decode(msgspec.json.encode(answer)) == json.loads(EXAMPLE_RESPONSE)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param(
            {}, "3 shift(s) of 24h across 2 people from 2026-06-04T00:00:00.000Z.", id="the-seed"
        ),
        pytest.param(
            {"people": ["alice"], "shifts": 1},
            "1 shift(s) of 24h across 1 person from 2026-06-04T00:00:00.000Z.",
            id="one-person",
        ),
        pytest.param(
            {"people": ["alice", "alice"]},
            "3 shift(s) of 24h across 1 person from 2026-06-04T00:00:00.000Z.",
            id="one-person-twice",
        ),
        pytest.param(
            {"people": ["a", "b", "a"]},
            "3 shift(s) of 24h across 2 people from 2026-06-04T00:00:00.000Z.",
            id="people-are-counted-once",
        ),
        pytest.param(
            {"shiftLengthHours": 24.0},
            "3 shift(s) of 24h across 2 people from 2026-06-04T00:00:00.000Z.",
            id="24.0-is-24",
        ),
        pytest.param(
            {"shiftLengthHours": 0.5},
            "3 shift(s) of 0.5h across 2 people from 2026-06-04T00:00:00.000Z.",
            id="half-an-hour",
        ),
        pytest.param(
            {"handoffOffsetHours": 0.5},
            "3 shift(s) of 24h across 2 people from 2026-06-04T00:00:00.000Z."
            " Handoffs are 0.5h after each shift ends.",
            id="offset-after",
        ),
        pytest.param(
            {"handoffOffsetHours": -1.0},
            "3 shift(s) of 24h across 2 people from 2026-06-04T00:00:00.000Z."
            " Handoffs are 1h before each shift ends.",
            id="offset-before",
        ),
        pytest.param(
            {"handoffOffsetHours": -0.0},
            "3 shift(s) of 24h across 2 people from 2026-06-04T00:00:00.000Z.",
            id="minus-zero-is-no-offset",
        ),
        pytest.param(
            {"handoffOffsetHours": 0.00001},
            "3 shift(s) of 24h across 2 people from 2026-06-04T00:00:00.000Z."
            " Handoffs are 0.00001h after each shift ends.",
            id="no-exponents",
        ),
        pytest.param(
            {"start": "2026-06-04T02:30:00.5+02:30"},
            "3 shift(s) of 24h across 2 people from 2026-06-04T00:00:00.500Z.",
            id="start-in-utc",
        ),
        pytest.param(
            {"shifts": 10_000, "shiftLengthHours": 8},
            "10000 shift(s) of 8h across 2 people from 2026-06-04T00:00:00.000Z.",
            id="no-thousands-separator",
        ),
    ],
)
def test_interpretation(changes: dict[str, Any], text: str) -> None:
    assert answered(**changes)["interpretation"] == text


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        pytest.param(24, "24", id="whole"),
        pytest.param(24.0, "24", id="whole-float"),
        pytest.param(0.5, "0.5", id="half"),
        pytest.param(0.1, "0.1", id="shortest-decimal"),
        pytest.param(8760.0, "8760", id="the-largest"),
    ],
)
def test_length_is_written_as_asked(hours: float, text: str) -> None:
    rotation = rotation_of(
        start_at=JUNE_4_MS, people=["a"], shifts=1, length_hours=hours, offset_hours=0
    )
    body = msgspec.json.encode(rotation_answer(rotation)).decode()
    assert f'"shiftLengthHours":{text},' in body


@pytest.mark.parametrize(
    ("offset_hours", "handoffs"),
    [
        pytest.param(0, ["05T00:00:00.000Z", "06T00:00:00.000Z", "07T00:00:00.000Z"], id="none"),
        pytest.param(1, ["05T01:00:00.000Z", "06T01:00:00.000Z", "07T01:00:00.000Z"], id="after"),
        pytest.param(-1, ["04T23:00:00.000Z", "05T23:00:00.000Z", "06T23:00:00.000Z"], id="before"),
    ],
)
def test_next_handoff_moves_with_the_offset(offset_hours: float, handoffs: list[str]) -> None:
    shifts = answered(handoffOffsetHours=offset_hours)["rotation"]
    assert [shift["nextHandoff"] for shift in shifts] == [f"2026-06-{text}" for text in handoffs]


def test_offset_leaves_starts_and_ends_alone() -> None:
    plain, moved = answered()["rotation"], answered(handoffOffsetHours=3)["rotation"]
    assert [(shift["start"], shift["end"]) for shift in plain] == [
        (shift["start"], shift["end"]) for shift in moved
    ]


def test_zero_counts_are_written_in_first_seen_order() -> None:
    counts = answered(people=["zoe", "bob", "zoe", "al"], shifts=1)["shiftCounts"]
    assert list(counts.items()) == [("zoe", 1), ("bob", 0), ("al", 0)]


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=5))
def test_any_name_comes_back_as_it_was(names: list[str]) -> None:
    rotation = rotation_of(
        start_at=JUNE_4_MS, people=names, shifts=len(names), length_hours=1, offset_hours=0
    )
    answer = json.loads(msgspec.json.encode(rotation_answer(rotation)))
    assert [shift["person"] for shift in answer["rotation"]] == names
    assert list(answer["shiftCounts"]) == list(dict.fromkeys(names))
