"""Documents made to keep a processor busy are found faulty, or valid, in few steps."""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType
from typing import Any

import msgspec
import pytest

from app.errors import BodyTooLarge, InvalidFields
from app.http.request_body import MAX_BODY_BYTES
from app.http.validation import parsed_json, validated
from app.products.registry import paid_endpoints

ENDPOINTS = {row.slug: row for row in paid_endpoints()}
SMALL, STEPS_OF_SMALL = 16 * 1024, 100_000
"""Calls of functions for a document that is read on the event loop: at most some 6 ms."""
STEPS_OF_LARGEST = 700_000
"""Calls for any document: 10,000 overrides need most, some 50 ms."""

Document = Mapping[str, Any]


def rotation(**fields: Any) -> Document:
    return {**ENDPOINTS["sched-oncall-rotation"].example, **fields}


def schedule(**fields: Any) -> Document:
    return {**ENDPOINTS["sched-oncall-schedule"].example, **fields}


def layers(**fields: Any) -> list[Document]:
    return [{**ENDPOINTS["sched-oncall-schedule"].example["layers"][0], **fields}]


def by_name(count: int, value: object) -> dict[str, object]:
    return {f"k{number}": value for number in range(count)}


HOSTILE: Mapping[str, Callable[[int], Document]] = {
    "people of another type": lambda n: rotation(people=[1] * n),
    "people without a name": lambda n: rotation(people=[""] * n),
    "empty absences": lambda n: rotation(unavailable=[{}] * n),
    "wrong absences": lambda n: rotation(
        unavailable=[{"person": 1, "start": 1, "end": 1, "reason": 1}] * n
    ),
    "one wrong absence": lambda n: rotation(
        unavailable=[*[{"person": "alice", "start": "2026-01-01", "end": "2026-01-02"}] * n, 1]
    ),
    "wrong fixed shifts": lambda n: rotation(fixed=[{"shift": 0, "person": ""}] * n),
    "wrong pairs": lambda n: rotation(avoidPairs=[[]] * n),
    "weights of strangers": lambda n: rotation(weights=by_name(n, 0.5)),
    "weights of all": lambda n: rotation(
        people=list(by_name(n, 1)), weights=by_name(n, 0.5), strategy="fair"
    ),
    "calendars of strangers": lambda n: rotation(unavailableIcs=by_name(n, "")),
    "unknown fields": lambda n: rotation(**by_name(n, 1)),
    "unknown fields beside an error": lambda n: rotation(shifts=0, **by_name(n, 1)),
    "an endless choice": lambda n: rotation(strategy="`x`" * n),
    "an endless zone": lambda n: rotation(timezone="x" * n),
    "empty layers": lambda n: schedule(layers=[{}] * n),
    "layers of another type": lambda n: schedule(layers=[1] * n),
    "wrong restrictions": lambda n: schedule(layers=layers(restrictions=[{"days": 1}] * n)),
    "wrong participants": lambda n: schedule(layers=layers(participants=[1] * n)),
    "empty overrides": lambda n: schedule(overrides=[{}] * n),
    "overrides at no instant": lambda n: schedule(
        overrides=[{"user_id": "a", "start_at": "x", "end_at": "y"}] * n
    ),
    "overrides that end before they start": lambda n: schedule(
        overrides=[
            {"user_id": "a", "start_at": "2026-01-02T00:00:00Z", "end_at": "2026-01-01T00:00:00Z"}
        ]
        * n
    ),
    "unknown fields of overrides": lambda n: schedule(
        overrides=[
            {
                "user_id": "a",
                "start_at": "2026-01-01T00:00:00Z",
                "end_at": "2026-01-02T00:00:00Z",
                "x": 1,
            }
        ]
        * min(n, 10_000)
    ),
    "empty swaps": lambda n: schedule(swaps=[{}] * n),
}


def of_size(make: Callable[[int], Document], size: int) -> bytes:
    """Return the largest document that ``make`` makes in ``size`` bytes, in steps of a tenth."""
    count, body = 1, b""
    while len(larger := msgspec.json.encode(make(count))) <= size and larger != body:
        count, body = count * 11 // 10 + 1, larger
    return body


@pytest.fixture(scope="module", autouse=True)
def _zones_are_known() -> None:
    """Make the tables of zones, which are made once and by no document in particular."""
    with suppress(InvalidFields):
        validated({"timezone": "nowhere"}, ENDPOINTS["sched-oncall-rotation"].request)


def steps_of(body: bytes, slug: str) -> int:
    """Return how many functions are called to read ``body``, those of C included."""
    kind, steps = ENDPOINTS[slug].request, 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal steps
        steps += event in ("call", "c_call")

    value = parsed_json(body)
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        with suppress(InvalidFields):
            validated(value, kind)
    finally:
        sys.setprofile(before)
    return steps


@pytest.mark.parametrize("name", HOSTILE)
def test_a_document_of_16_kib_takes_few_steps(name: str) -> None:
    body = of_size(HOSTILE[name], SMALL)
    assert steps_of(body, slug_of(body)) < STEPS_OF_SMALL


@pytest.mark.parametrize("name", HOSTILE)
def test_the_largest_document_takes_few_steps(name: str) -> None:
    body = of_size(HOSTILE[name], MAX_BODY_BYTES)
    with suppress(BodyTooLarge):  # too many brackets
        assert steps_of(body, slug_of(body)) < STEPS_OF_LARGEST


def slug_of(body: bytes) -> str:
    return "sched-oncall-schedule" if b'"layers"' in body else "sched-oncall-rotation"
