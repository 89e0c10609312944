"""Documents within documents: rules across fields, bounds and unknown fields at any depth."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from app.errors import Fault, InvalidRequest, NamedFault, TooManyLayers
from app.http.validation import MAX_FAULTS, RequestModel, unknown_fields, validated


def faults_of(value: object, kind: type[RequestModel]) -> list[Fault]:
    with pytest.raises(InvalidRequest) as caught:
        validated(value, kind)
    return list(caught.value.faults)


class Span(RequestModel, frozen=True):
    first: int
    last: Annotated[int, Meta(description="a whole number")] | None = None

    @classmethod
    def faults_across(cls, values: Mapping[str, Any]) -> Iterator[Fault]:
        if values.get("last") is not None and values.get("first", 0) > values["last"]:
            yield Fault("/last", "is before first")


class Book(RequestModel, frozen=True):
    spans: Annotated[list[Span], Meta(max_length=3, extra={"error": TooManyLayers})] | None = None
    cover: Span | None = None
    notes: list[Span] = msgspec.field(default_factory=list)

    @classmethod
    def faults_across(cls, values: Mapping[str, Any]) -> Iterator[Fault]:
        if values.get("cover") and "spans" in values and not values["spans"]:
            yield Fault("/spans", "has nothing to cover")


WRONG, RIGHT = {"first": 2, "last": 1}, {"first": 1, "last": 2}


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        pytest.param({"spans": [RIGHT, WRONG]}, ["/spans/1/last"], id="in-a-list"),
        pytest.param({"cover": WRONG}, ["/cover/last"], id="in-a-member"),
        pytest.param({"cover": RIGHT}, ["/spans"], id="in-the-whole"),
        pytest.param({"cover": WRONG, "spans": []}, ["/cover/last"], id="parts-before-the-whole"),
        pytest.param(
            {"spans": [WRONG, {"first": "x"}], "cover": WRONG},
            ["/spans/0/last", "/spans/1/first", "/cover/last"],
            id="beside-field-faults",
        ),
        pytest.param(
            {"spans": [{"last": "x"}, {}]},
            ["/spans/0/first", "/spans/0/last", "/spans/1/first"],
            id="members-missing",
        ),
        pytest.param({"spans": [3], "cover": None}, ["/spans/0"], id="no-object"),
        pytest.param({"notes": 3, "cover": RIGHT}, ["/notes", "/spans"], id="default-made"),
        pytest.param({"cover": 3}, ["/cover"], id="default-that-a-factory-makes"),
        pytest.param(
            {"notes": [RIGHT] * 1_200 + [{"first": "x"}]}, ["/notes/1200/first"], id="far-down"
        ),
    ],
)
def test_rules_across_fields_at_any_depth(value: object, pointers: list[str]) -> None:
    assert [fault.pointer for fault in faults_of(value, Book)] == pointers


@pytest.mark.parametrize("value", [RIGHT, {"first": 1}, {"first": 1, "last": None}])
def test_null_is_absent_in_parts_too(value: object) -> None:
    assert validated({"spans": [value]}, Book).spans


def test_a_bound_keeps_its_name() -> None:
    with pytest.raises(TooManyLayers) as caught:
        validated({"spans": [RIGHT] * 4}, Book)
    assert caught.value.faults == (
        NamedFault("/spans", f"has 4 items. {TooManyLayers.title}", TooManyLayers),
    )


def test_a_bound_beside_another_fault_is_one_of_the_faults() -> None:
    faults = faults_of({"spans": [RIGHT, RIGHT, WRONG, WRONG], "cover": 3}, Book)
    assert [fault.pointer for fault in faults] == ["/spans", "/spans/2/last", "/cover"]


def test_a_list_that_is_none_is_not_too_long() -> None:
    assert faults_of({"spans": 3}, Book) == [
        Fault("/spans", "Expected an array, got a whole number")
    ]


def test_what_is_far_down_is_told_in_json_words() -> None:
    [fault] = faults_of({"notes": [RIGHT] * 1_200 + [{"first": 1, "last": "x"}]}, Book)
    assert fault.detail == "Expected a whole number or null, got a string"


def test_a_document_full_of_faults_is_not_looked_through() -> None:
    wrong = {"notes": [WRONG] * 20_000}
    assert len(faults_of(wrong, Book)) == MAX_FAULTS
    assert len(faults_of({**wrong, "cover": 3}, Book)) == MAX_FAULTS + 1
    mixed = {"notes": [{"first": "x", "last": "x"}] * 1_000}
    assert len(faults_of(mixed, Book)) == MAX_FAULTS + 2


def test_unknown_fields_of_parts_are_named() -> None:
    value = {"spans": [RIGHT, {**RIGHT, "frist": 1}], "cover": {"x": {}}, "notes": {"y": 1}}
    assert [
        (fault.pointer, "'first'" in fault.detail) for fault in unknown_fields(value, Book)
    ] == [
        ("/spans/1/frist", True),
        ("/cover/x", False),
    ]
