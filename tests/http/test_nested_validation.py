"""Nested documents: rules across fields, bounds and unknown fields at any depth."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from app.errors import FieldError, InvalidRequest, NamedFieldError, TooManyLayers
from app.http.validation import MAX_ERRORS, RequestModel, unknown_field_errors, validated


def errors_of(value: object, kind: type[RequestModel]) -> list[FieldError]:
    with pytest.raises(InvalidRequest) as caught:
        validated(value, kind)
    return list(caught.value.errors)


class Span(RequestModel, frozen=True):
    first: int
    last: Annotated[int, Meta(description="a whole number")] | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        if values.get("last") is not None and values.get("first", 0) > values["last"]:
            yield FieldError("/last", "is before first")


class Book(RequestModel, frozen=True):
    spans: Annotated[list[Span], Meta(max_length=3, extra={"error": TooManyLayers})] | None = None
    cover: Span | None = None
    notes: list[Span] = msgspec.field(default_factory=list)

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        if values.get("cover") and "spans" in values and not values["spans"]:
            yield FieldError("/spans", "has nothing to cover")


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
            id="beside-field-errors",
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
    assert [error.pointer for error in errors_of(value, Book)] == pointers


@pytest.mark.parametrize("value", [RIGHT, {"first": 1}, {"first": 1, "last": None}])
def test_null_is_absent_in_parts_too(value: object) -> None:
    assert validated({"spans": [value]}, Book).spans


def test_a_bound_keeps_its_name() -> None:
    with pytest.raises(TooManyLayers) as caught:
        validated({"spans": [RIGHT] * 4}, Book)
    assert caught.value.errors == (
        NamedFieldError("/spans", f"has 4 items. {TooManyLayers.title}", TooManyLayers),
    )


def test_a_bound_beside_another_error_is_one_of_the_errors() -> None:
    errors = errors_of({"spans": [RIGHT, RIGHT, WRONG, WRONG], "cover": 3}, Book)
    assert [error.pointer for error in errors] == ["/spans", "/spans/2/last", "/cover"]


def test_a_list_that_is_none_is_not_too_long() -> None:
    assert errors_of({"spans": 3}, Book) == [
        FieldError("/spans", "Expected an array, got a whole number")
    ]


def test_what_is_far_down_is_told_in_json_words() -> None:
    [error] = errors_of({"notes": [RIGHT] * 1_200 + [{"first": 1, "last": "x"}]}, Book)
    assert error.detail == "Expected a whole number or null, got a string"


def test_a_document_full_of_errors_is_not_looked_through() -> None:
    wrong = {"notes": [WRONG] * 20_000}
    mixed = {"notes": [{"first": "x", "last": "x"}] * 1_000}
    for value in (wrong, {**wrong, "cover": 3}, mixed):
        errors = errors_of(value, Book)
        assert len(errors) == MAX_ERRORS + 1
        assert errors[-1] == FieldError("", f"has more errors than these {MAX_ERRORS}")


def test_what_is_over_a_bound_is_not_looked_at() -> None:
    value = {"spans": [{"x": 1}] * 1_000, "notes": [{"x": 1}] * 5}
    assert [error.pointer for error in unknown_field_errors(value, Book)] == [
        *(f"/spans/{index}/x" for index in range(3)),
        *(f"/notes/{index}/x" for index in range(5)),
    ]


def test_unknown_fields_of_parts_are_named() -> None:
    value = {"spans": [RIGHT, {**RIGHT, "frist": 1}], "cover": {"x": {}}, "notes": {"y": 1}}
    assert [
        (error.pointer, "'first'" in error.detail) for error in unknown_field_errors(value, Book)
    ] == [
        ("/spans/1/frist", True),
        ("/cover/x", False),
    ]
