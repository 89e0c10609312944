"""Validation of JSON documents: every error at once, each with its pointer and its rule."""

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from app.errors import BodyTooLarge, FieldError, InvalidRequest, MalformedBody
from app.http import validation
from app.http.validation import (
    MAX_BRACKETS,
    MAX_ERRORS,
    MAX_UNKNOWN_NAMED,
    RequestModel,
    known_fields,
    parsed_json,
    unknown_field_errors,
    validated,
)
from app.products.rotation.request import RotationRequest
from tests.support.seed import EXAMPLE_REQUEST
from tests.support.timing import least_seconds

ROOT = Path(__file__).parents[2]
JUNE_4_MS = 1_780_531_200_000
SEED: dict[str, Any] = msgspec.json.decode(EXAMPLE_REQUEST)
START_RULE = (
    "Wanted: an RFC 3339 instant with Z or an offset, to the millisecond, or a date, which means "
    "its midnight; with timezone also a local time such as 2026-06-04T09:00; years 1970 to 9999."
)
PEOPLE_RULE = (
    "Wanted: 1 to 1,000 names in the order of their turns; a name given twice takes two turns per "
    "cycle."
)
NAME_RULE = "Wanted: a name of 1 to 200 characters after trimming."
SHIFTS_RULE = "Wanted: a whole number from 1 to 10,000."


def errors_of(value: object, kind: type[RequestModel] = RotationRequest) -> list[FieldError]:
    with pytest.raises(InvalidRequest) as caught:
        validated(value, kind)
    return list(caught.value.errors)


def pointers_of(value: object) -> list[str]:
    return [error.pointer for error in errors_of(value)]


# --- bytes ----------------------------------------------------------------------------------


def test_a_document_says_no_more_than_its_words() -> None:
    assert RequestModel().understood is None


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(b"", "truncated", id="empty"),
        pytest.param(b" \n", "truncated", id="blank"),
        pytest.param(b"{", "truncated", id="cut-off"),
        pytest.param(b"{} {}", "trailing characters", id="two-documents"),
        pytest.param(b"{'a': 1}", "malformed", id="single-quotes"),
        pytest.param(b'{"a": 1,}', "malformed", id="trailing-comma"),
        pytest.param(b'{"a": 1} // x', "trailing", id="comment"),
        pytest.param(b'{"a": NaN}', "malformed", id="nan"),
        pytest.param(b'{"a": Infinity}', "malformed", id="infinity"),
        pytest.param(b'{"a": -Infinity}', "malformed", id="minus-infinity"),
        pytest.param(b'{"a": 1e400}', "out of range", id="1e400"),
        pytest.param(b'{"a": -1e400}', "out of range", id="minus-1e400"),
        pytest.param(b'{"a": 1' + b"0" * 5_000 + b"}", "out of range", id="5000-digits"),
        pytest.param(b'{"a": 0x10}', "malformed", id="hexadecimal"),
        pytest.param(b'{"a": 01}', "malformed", id="leading-zero"),
        pytest.param(b'{"a": .5}', "malformed", id="leading-point"),
        pytest.param(b'{"a": "\n"}', "invalid character", id="raw-control-character"),
        pytest.param(b'{"a": "\xff"}', "not UTF-8", id="not-utf-8"),
        pytest.param(b'{"a": "\xed\xa0\x80"}', "not UTF-8", id="surrogate-as-utf-8"),
        pytest.param(b"\xef\xbb\xbf{}", "malformed", id="byte-order-mark"),
        pytest.param("{}".encode("utf-16"), "malformed", id="utf-16"),
        pytest.param(b'{"a": "\\ud800"}', "truncated", id="lone-high-surrogate"),
        pytest.param(b'{"a": "\\ud800abcdefgh"}', "surrogate", id="high-surrogate-and-letters"),
        pytest.param(b'{"a": "\\udc00"}', "surrogate", id="lone-low-surrogate"),
        pytest.param(b'{"\\ud800": 1}', "truncated", id="lone-surrogate-in-a-name"),
        pytest.param(b"[" * 50_000, "more than 100 deep", id="50000-brackets"),
        pytest.param(b'{"a":' * 50_000, "more than 100 deep", id="50000-objects"),
        pytest.param(b"[" * 101 + b"]" * 101, "more than 100 deep", id="well-formed-but-too-deep"),
        pytest.param(
            b"[" * 1_500 + b"]" * 1_500, "more than 100 deep", id="as-deep-as-python-3.13-parses"
        ),
        pytest.param(
            b'["]]]]]]]]]]",' * 101 + b"1" + b"]" * 101, "more than 100 deep", id="text-that-closes"
        ),
        pytest.param(
            rb'["\"]]]]",' * 101 + b"1" + b"]" * 101, "more than 100 deep", id="quoted-quotes"
        ),
    ],
)
def test_malformed_bodies(body: bytes, why: str) -> None:
    with pytest.raises(MalformedBody, match=why):
        parsed_json(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(b"null", None, id="null"),
        pytest.param(b" [1, 2.5] ", [1, 2.5], id="space-around"),
        pytest.param(b'"\\ud83d\\ude00"', "\U0001f600", id="surrogate-pair"),
        pytest.param(b'{"a": 1, "a": 2}', {"a": 2}, id="last-of-two-members-counts"),
        pytest.param(b"1e-400", 0.0, id="underflow-is-zero"),
        pytest.param(
            b"[" * 100 + b"]" * 100, msgspec.json.decode("[" * 100 + "]" * 100), id="deep"
        ),
        pytest.param(b"[" + b"[]," * 200 + b"1]", [*[[]] * 200, 1], id="wide"),
        pytest.param(b'"' + b"[{" * 200 + b'"', "[{" * 200, id="brackets-in-a-text"),
        pytest.param(rb'"\"' + b"[" * 200 + rb'\\"', '"' + "[" * 200 + "\\", id="behind-a-quote"),
    ],
)
def test_parsed(body: bytes, value: object) -> None:
    assert parsed_json(body) == value


AS_SERVED = """
import app.main
from app.http.validation import parsed_json
from app.errors import MalformedBody

for body in (b"[" * 50_000, b'{"a":' * 50_000, b"[" * 50_000 + b"]" * 50_000):
    try:
        parsed_json(body)
    except MalformedBody as error:
        print(error)
"""


def test_a_deep_body_does_not_end_the_process() -> None:
    """With everything imported that a server imports: the SDK raises the recursion limit."""
    done = subprocess.run(
        [sys.executable, "-c", AS_SERVED], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "is nested more than 100 deep\n" * 3


@given(
    st.recursive(
        st.integers() | st.text('[]{}"\\ab'),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\ab'), inner, max_size=3)
        ),
    )
)
def test_the_depth_is_that_of_the_value(value: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for most in range(depth_of(value) + 1):
            patch.setattr(validation, "MAX_DEPTH", most)
            expected = pytest.raises(MalformedBody) if most < depth_of(value) else nullcontext()
            with expected:
                assert parsed_json(msgspec.json.encode(value)) == value


def depth_of(value: object) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    nested = isinstance(value, dict | list)
    return nested + max(map(depth_of, items), default=0)


@given(st.binary())
def test_any_bytes_are_json_or_malformed(body: bytes) -> None:
    try:
        msgspec.json.encode(parsed_json(body))
    except MalformedBody as error:
        msgspec.json.encode(error.detail)


# --- what is right --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        pytest.param({}, "start", JUNE_4_MS, id="start"),
        pytest.param({"people": [" al ", "bo"]}, "people", ["al", "bo"], id="names-trimmed"),
        pytest.param({"people": ["a", "a"]}, "people", ["a", "a"], id="name-twice-kept"),
        pytest.param({"people": ["a"] * 1_000}, "people", ["a"] * 1_000, id="1000-people"),
        pytest.param({"shifts": 3.0}, "shifts", 3, id="3.0-is-3"),
        pytest.param({"shifts": 1}, "shifts", 1, id="fewest-shifts"),
        pytest.param({"shifts": 10_000}, "shifts", 10_000, id="most-shifts"),
        pytest.param({"shiftLengthHours": None}, "shift_length_hours", 24, id="null-is-absent"),
        pytest.param({"shiftLengthHours": 8760}, "shift_length_hours", 8760, id="longest-shift"),
        pytest.param({"shiftLengthHours": 0.5}, "shift_length_hours", 0.5, id="half-an-hour"),
        pytest.param({}, "handoff_offset_hours", 0, id="default-offset"),
        pytest.param({"handoffOffsetHours": None}, "handoff_offset_hours", 0, id="null-offset"),
        pytest.param({"handoffOffsetHours": -24}, "handoff_offset_hours", -24, id="whole-shift"),
    ],
)
def test_right_documents(changes: dict[str, Any], field: str, expected: object) -> None:
    assert getattr(validated({**SEED, **changes}, RotationRequest), field) == expected


def test_absent_length_is_24() -> None:
    request = {name: value for name, value in SEED.items() if name != "shiftLengthHours"}
    assert validated(request, RotationRequest).shift_length_hours == 24


def test_the_callers_value_is_left_alone() -> None:
    value = {**SEED, "handoffOffsetHours": None}
    validated(value, RotationRequest)
    assert value == {**SEED, "handoffOffsetHours": None}


def test_a_request_becomes_its_rotation() -> None:
    rotation = validated({**SEED, "handoffOffsetHours": 1}, RotationRequest).rotation()
    assert list(rotation.people) == ["alice", "bob", "alice"]
    assert {type(person) for person in rotation.people} == {str}
    assert rotation.boundaries == range(JUNE_4_MS, JUNE_4_MS + 259_200_001, 86_400_000)
    assert (rotation.shift_length_hours, rotation.handoff_offset_hours) == (24, 1)


# --- one error ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        pytest.param({"start": None}, "/start", f"is required. {START_RULE}", id="null-required"),
        pytest.param(
            {"start": 1_780_531_200_000},
            "/start",
            f"Expected a string, got a number. {START_RULE}",
            id="start-as-milliseconds",
        ),
        pytest.param(
            {"start": "2026-06-04T00:00:00"},
            "/start",
            "'2026-06-04T00:00:00' has no offset: end it with Z or its offset from UTC, "
            f"or give timezone. {START_RULE}",
            id="start-without-offset",
        ),
        pytest.param(
            {"people": "alice"},
            "/people",
            f"Expected an array, got a string. {PEOPLE_RULE}",
            id="people-as-a-string",
        ),
        pytest.param(
            {"people": {"alice": 1}},
            "/people",
            f"Expected an array, got an object. {PEOPLE_RULE}",
            id="people-as-an-object",
        ),
        pytest.param(
            {"people": []},
            "/people",
            f"Expected an array of length >= 1. {PEOPLE_RULE}",
            id="nobody",
        ),
        pytest.param(
            {"people": ["a"] * 1_001},
            "/people",
            f"Expected an array of length <= 1000. {PEOPLE_RULE}",
            id="1001-people",
        ),
        pytest.param(
            {"people": ["a", None]},
            "/people/1",
            f"Expected a string, got null. {NAME_RULE}",
            id="null-is-no-name",
        ),
        pytest.param(
            {"people": ["a", " "]},
            "/people/1",
            f"has 0 characters after trimming. {NAME_RULE}",
            id="blank-name",
        ),
        pytest.param(
            {"people": ["x" * 201]},
            "/people/0",
            f"has 201 characters after trimming. {NAME_RULE}",
            id="name-too-long",
        ),
        pytest.param(
            {"people": [["a"]]},
            "/people/0",
            f"Expected a string, got an array. {NAME_RULE}",
            id="name-in-an-array",
        ),
        pytest.param(
            {"shifts": "3"},
            "/shifts",
            f"Expected a number, got a string. {SHIFTS_RULE}",
            id="number-as-a-string",
        ),
        pytest.param(
            {"shifts": True},
            "/shifts",
            f"Expected a number, got true or false. {SHIFTS_RULE}",
            id="number-as-a-boolean",
        ),
        pytest.param(
            {"shifts": [3]},
            "/shifts",
            f"Expected a number, got an array. {SHIFTS_RULE}",
            id="number-in-an-array",
        ),
        pytest.param(
            {"shifts": 3.5},
            "/shifts",
            f"Expected a number that's a multiple of 1. {SHIFTS_RULE}",
            id="half-a-shift",
        ),
    ],
)
def test_one_error(changes: dict[str, Any], pointer: str, detail: str) -> None:
    assert errors_of({**SEED, **changes}) == [FieldError(pointer, detail)]


BEYOND_2_53 = 2**53 + 1
NUMBERS = ["shifts", "shiftLengthHours", "handoffOffsetHours"]


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("1", id="string"),
        pytest.param(True, id="true"),
        pytest.param(False, id="false"),
        pytest.param(BEYOND_2_53, id="over-2^53"),
        pytest.param(-BEYOND_2_53, id="under-minus-2^53"),
        pytest.param(2**64, id="over-64-bits"),
        pytest.param(1e308, id="1e308"),
        pytest.param(float("nan"), id="nan"),
        pytest.param(float("inf"), id="infinity"),
        pytest.param(float("-inf"), id="minus-infinity"),
        pytest.param({}, id="object"),
    ],
)
def test_no_number(field: str, value: object) -> None:
    assert pointers_of({**SEED, field: value}) == [f"/{field}"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        pytest.param({"shifts": 0}, "/shifts", id="no-shifts"),
        pytest.param({"shifts": -1}, "/shifts", id="negative-shifts"),
        pytest.param({"shifts": 10_001}, "/shifts", id="too-many-shifts"),
        pytest.param({"shifts": 1 - 1e-16}, "/shifts", id="just-under-a-shift"),
        pytest.param({"shiftLengthHours": 0}, "/shiftLengthHours", id="no-length"),
        pytest.param({"shiftLengthHours": -0.0}, "/shiftLengthHours", id="minus-zero-length"),
        pytest.param({"shiftLengthHours": -1}, "/shiftLengthHours", id="negative-length"),
        pytest.param({"shiftLengthHours": 8760.001}, "/shiftLengthHours", id="over-a-year"),
        pytest.param({"handoffOffsetHours": 8761}, "/handoffOffsetHours", id="offset-too-long"),
        pytest.param({"handoffOffsetHours": -8761}, "/handoffOffsetHours", id="offset-too-early"),
        pytest.param({"handoffOffsetHours": 25}, "/handoffOffsetHours", id="offset-over-a-shift"),
        pytest.param({"shiftLengthHours": 1e-9}, "/shiftLengthHours", id="under-a-millisecond"),
        pytest.param({"start": "9999-12-31"}, "/shifts", id="ends-after-9999"),
        pytest.param({"start": "1969-12-31"}, "/start", id="starts-before-1970"),
    ],
)
def test_out_of_bounds(changes: dict[str, Any], pointer: str) -> None:
    assert pointers_of({**SEED, **changes}) == [pointer]


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        pytest.param(None, "Expected an object, got null", id="null"),
        pytest.param([SEED], "Expected an object, got an array", id="array"),
        pytest.param("{}", "Expected an object, got a string", id="string"),
        pytest.param(3, "Expected an object, got a whole number", id="integer"),
        pytest.param(0.5, "Expected an object, got a number", id="number"),
        pytest.param(False, "Expected an object, got true or false", id="boolean"),
    ],
)
def test_no_object(value: object, detail: str) -> None:
    assert errors_of(value) == [FieldError("", detail)]


# --- all errors -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        pytest.param({}, ["/start", "/people", "/shifts"], id="nothing-given"),
        pytest.param(dict.fromkeys(SEED), ["/start", "/people", "/shifts"], id="everything-null"),
        pytest.param(
            {
                "start": "soon",
                "people": ["", "al", 3],
                "shifts": "three",
                "shiftLengthHours": True,
                "handoffOffsetHours": [],
            },
            [
                "/start",
                "/people/0",
                "/people/2",
                "/shifts",
                "/shiftLengthHours",
                "/handoffOffsetHours",
            ],
            id="everything-wrong-in-the-schemas-order",
        ),
        pytest.param(
            {"handoffOffsetHours": "x", "shifts": 0, "people": [], "start": 0},
            ["/start", "/people", "/shifts", "/handoffOffsetHours"],
            id="order-of-the-schema-not-of-the-document",
        ),
        pytest.param(
            {**SEED, "people": 3, "shiftLengthHours": 1, "handoffOffsetHours": 2},
            ["/people", "/handoffOffsetHours"],
            id="cross-field-error-beside-a-field-error",
        ),
        pytest.param(
            {**SEED, "start": "soon", "shiftLengthHours": 1e-9, "handoffOffsetHours": 1},
            ["/start", "/shiftLengthHours", "/handoffOffsetHours"],
            id="two-cross-field-errors-beside-a-field-error",
        ),
        pytest.param(
            {"start": "9999-12-31", "people": [], "shifts": 2},
            ["/people", "/shifts"],
            id="defaults-count-in-cross-field-errors",
        ),
        pytest.param(
            {**SEED, "shiftLengthHours": "24", "handoffOffsetHours": 48},
            ["/shiftLengthHours"],
            id="no-cross-field-error-from-a-wrong-field",
        ),
        pytest.param(
            {"start": "9999-12-31", "people": ["a"], "handoffOffsetHours": 25},
            ["/shifts", "/handoffOffsetHours"],
            id="cross-field-error-though-a-field-is-missing",
        ),
        pytest.param(
            {**SEED, "people": ["a"] * 1_000 + [3]},
            ["/people"],
            id="items-beyond-the-longest-list-are-not-looked-at",
        ),
        pytest.param(
            {**SEED, "people": [3, *["a"] * 1_000, None]},
            ["/people", "/people/0"],
            id="list-too-long-and-an-item-wrong",
        ),
    ],
)
def test_every_error_at_once(value: object, pointers: list[str]) -> None:
    assert pointers_of(value) == pointers


@pytest.mark.parametrize("count", [199, 200])
def test_two_hundred_errors_are_named(count: int) -> None:
    assert len(errors_of({**SEED, "people": [""] * count})) == count


@pytest.mark.parametrize("count", [201, 1_000, 500_000])
def test_of_more_errors_the_first_are_named_and_the_rest_is_told(count: int) -> None:
    *named, more = errors_of({**SEED, "people": [1] * count})
    assert len(named) == MAX_ERRORS == 200
    assert more == FieldError("", "has more errors than these 200")


def test_what_a_caller_wrote_is_not_repeated_at_any_length() -> None:
    [error] = errors_of({**SEED, "strategy": "`x` " * 100_000})
    assert len(error.detail) < 600


@pytest.mark.parametrize("opening", [b"[", b"{"])
def test_a_body_of_too_many_brackets_is_too_large(opening: bytes) -> None:
    with pytest.raises(BodyTooLarge, match=r"^at most 50,000 arrays and objects$"):
        parsed_json(opening * (MAX_BRACKETS + 1))


def test_the_error_reads_as_its_errors() -> None:
    with pytest.raises(InvalidRequest, match=r"^/people: is required.* \(and 1 more\)$"):
        validated({"start": "2026-06-04"}, RotationRequest)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
NAMES = {field.encode_name for field in msgspec.structs.fields(RotationRequest)}
NEAR_DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "start": st.just("2026-06-04") | JSON_VALUES,
        "people": st.lists(st.text(max_size=3) | JSON_VALUES, max_size=4) | JSON_VALUES,
        **{name: st.floats(-30, 30) | st.integers(-3, 30) | JSON_VALUES for name in NUMBERS},
    },
)


def errors_found(value: object) -> tuple[FieldError, ...]:
    """Return the errors of ``value``; none if it is a rotation."""
    try:
        validated(value, RotationRequest).rotation()
    except InvalidRequest as error:
        return error.errors or (FieldError("?", "refused without an error"),)
    return ()


@given(JSON_VALUES | NEAR_DOCUMENTS)
def test_any_value_is_a_rotation_or_has_errors_in_known_places(value: object) -> None:
    found = [error for error in errors_found(value) if "is not a known" not in error.detail]
    assert {error.pointer.split("/")[1] for error in found if error.pointer} <= NAMES
    msgspec.json.encode(found)


@given(NEAR_DOCUMENTS)
def test_mending_what_is_named_leaves_no_error(value: dict[str, Any]) -> None:
    named = {error.pointer.split("/")[1] for error in errors_found(value)}
    if "shiftLengthHours" in named:
        named.add("handoffOffsetHours")  # is held to the length, once that is right
    right = {**SEED, "handoffOffsetHours": 0}
    assert errors_found({**value, **{name: right[name] for name in named}}) == ()


# --- unknown fields -------------------------------------------------------------------------

KNOWN = f"; known are {', '.join(known_fields(RotationRequest))}"


@pytest.mark.parametrize(
    ("name", "pointer", "hint"),
    [
        pytest.param("peopel", "/peopel", "; did you mean 'people'?", id="similar-word"),
        pytest.param("Shifts", "/Shifts", "; did you mean 'shifts'?", id="wrong-case"),
        pytest.param(
            "shift_length_hours",
            "/shift_length_hours",
            "; did you mean 'shiftLengthHours'?",
            id="snake-case",
        ),
        pytest.param(
            "handoffOffset", "/handoffOffset", "; did you mean 'handoffOffsetHours'?", id="cut-off"
        ),
        pytest.param("Time-Off", "/Time-Off", "; did you mean 'unavailable'?", id="synonym"),
        pytest.param("colour", "/colour", KNOWN, id="nothing-like-it"),
        pytest.param("", "/", KNOWN, id="empty-name"),
        pytest.param("a/b", "/a~1b", KNOWN, id="slash-escaped"),
        pytest.param("a~b", "/a~0b", KNOWN, id="tilde-escaped"),
        pytest.param("~1", "/~01", KNOWN, id="what-looks-escaped-is-escaped"),
        pytest.param("\U0001f600", "/\U0001f600", KNOWN, id="emoji"),
        pytest.param("start" * 200_000, f"/{'start' * 40}…", KNOWN, id="a-megabyte"),
    ],
)
def test_unknown_field(name: str, pointer: str, hint: str) -> None:
    expected = FieldError(pointer, f"is not a known field{hint}")
    assert list(unknown_field_errors({**SEED, name: 1}, RotationRequest)) == [expected]
    with pytest.raises(InvalidRequest) as raised:
        validated({**SEED, name: 1}, RotationRequest)
    assert raised.value.errors == (expected,)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(SEED, id="known-fields"),
        pytest.param({}, id="no-fields"),
        pytest.param([], id="array"),
        pytest.param(None, id="null"),
        pytest.param("start", id="string"),
    ],
)
def test_no_unknown_fields(value: object) -> None:
    assert list(unknown_field_errors(value, RotationRequest)) == []


def test_what_is_known_is_listed_once() -> None:
    first, second = unknown_field_errors({**SEED, "zeta": 1, "xi": 2}, RotationRequest)
    assert first.detail.startswith("is not a known field; known are start, people, shifts, ")
    assert second.detail == "is not a known field"


def test_unknown_fields_are_named_in_the_documents_order() -> None:
    warnings = unknown_field_errors({"zeta": 1, **SEED, "alpha": None}, RotationRequest)
    assert [error.pointer for error in warnings] == ["/zeta", "/alpha"]


def test_a_crowd_of_unknown_fields_is_counted_not_named() -> None:
    crowd = {f"start{number}": 1 for number in range(60_000)}
    warnings = list(unknown_field_errors(crowd, RotationRequest))
    assert len(warnings) == MAX_UNKNOWN_NAMED + 1
    assert warnings[0].detail.endswith("did you mean 'start'?")
    assert warnings[-1] == FieldError("", "has 59900 more fields that are not known")


def test_a_document_is_refused_for_unknown_fields() -> None:
    crowd = {f"start{number}": None for number in range(MAX_UNKNOWN_NAMED + 7)}
    with pytest.raises(InvalidRequest) as raised:
        validated({**SEED, **crowd}, RotationRequest)
    first, *_, last = raised.value.errors
    assert first == FieldError("/start0", "is not a known field; did you mean 'start'?")
    assert last == FieldError("", "has 7 more fields that are not known")


# --- types that the rotation does not use, and the next endpoint will -----------------------


class Place(msgspec.Struct, frozen=True):
    city: str
    floor: int | None = None


class Order(RequestModel, frozen=True):
    place: Annotated[Place, Meta(description="where to")] | None = None
    items: list[Annotated[str, Meta(max_length=3)]] = msgspec.field(default_factory=list)
    codes: Annotated[list[int], Meta(max_length=5_000)] = msgspec.field(default_factory=list)


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        pytest.param({"place": {}}, ["/place/city"], id="member-missing-in-an-object"),
        pytest.param(
            {"place": {"city": 1, "floor": "x"}, "items": ["ok", "long", 3]},
            ["/place/city", "/place/floor", "/items/1", "/items/2"],
            id="objects-and-lists-are-walked",
        ),
        pytest.param({"place": 3, "items": 3}, ["/place", "/items"], id="wrong-kinds"),
        pytest.param({"codes": [1] * 1_500 + ["x"]}, ["/codes/1500"], id="beyond-the-items-walked"),
    ],
)
def test_other_types(value: object, pointers: list[str]) -> None:
    assert [error.pointer for error in errors_of(value, Order)] == pointers


def test_a_document_without_rules_across_its_fields_has_none() -> None:
    assert validated({"place": {"city": "Oslo"}}, Order).place == Place("Oslo")


@pytest.mark.parametrize("number", ["1e308", "1e-308", "1.7976931348623157e308", "-2.5e-323"])
def test_numbers_near_the_ends_are_read_quickly_and_exactly(number: str) -> None:
    body = f"[{','.join([number] * 2_000)}]".encode()
    assert parsed_json(body) == [float(number)] * 2_000
    assert least_seconds(lambda: parsed_json(body)) < 0.01


def test_a_document_is_light_unless_it_says_otherwise() -> None:
    assert not RequestModel().is_heavy
    assert not RequestModel().is_examined


@pytest.mark.parametrize(
    ("text", "number"), [(b"3.0", 3), (b"3e0", 3), (b"2.5", 2.5), (b"1e16", 1e16)]
)
def test_a_whole_number_is_one_however_it_is_written(text: bytes, number: float) -> None:
    read = parsed_json(text)
    assert (read, type(read)) == (number, type(number))


class Chosen(RequestModel, frozen=True):
    one: Annotated[Literal["a"], Meta(description="no other")] = "a"
    many: Annotated[Literal["a", "b", 3], Meta(description="one of three")] | None = None
    told: Annotated[Literal["left", "right"], Meta(description="left, or right")] = "left"


@pytest.mark.parametrize(
    ("field", "detail"),
    [
        ("one", "Invalid enum value 'x': write \"a\". Wanted: no other."),
        ("told", "Invalid enum value 'x'. Wanted: left, or right."),
        ("many", 'Invalid enum value \'x\': write "a", "b" or 3. Wanted: one of three.'),
    ],
)
def test_a_wrong_choice_is_told_with_the_right_ones(field: str, detail: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validated({field: "x"}, Chosen)
    assert list(refused.value.errors) == [FieldError(f"/{field}", detail)]
