"""The meaning of ``Accept`` and ``Content-Type`` by RFC 9110."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import NotAcceptable
from app.http.negotiation import is_json, negotiated

JSON, CSV, CALENDAR = "application/json", "text/csv", "text/calendar"
OFFERED = (JSON, CALENDAR, CSV)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("", JSON, id="absent-is-the-default"),
        pytest.param("  ", JSON, id="blank-is-the-default"),
        pytest.param(",,", JSON, id="commas-only"),
        pytest.param("*/*", JSON, id="anything"),
        pytest.param("text/csv", CSV, id="exact"),
        pytest.param("TEXT/CSV", CSV, id="case-does-not-matter"),
        pytest.param(" text/csv ; q=1 ", CSV, id="space-does-not-matter"),
        pytest.param("text/csv; charset=utf-8", CSV, id="parameters-do-not-matter"),
        pytest.param("text/*", CALENDAR, id="a-family-is-its-first-offered"),
        pytest.param("text/csv, application/json", JSON, id="a-tie-is-the-first-offered"),
        pytest.param("text/csv;q=0.5, text/calendar;q=0.6", CALENDAR, id="the-larger-weight"),
        pytest.param("application/json;q=0.9, text/csv", CSV, id="no-weight-is-1"),
        pytest.param("application/json;Q=0.1, text/csv;q=0.2", CSV, id="q-in-upper-case"),
        pytest.param("*/*;q=0.1, text/csv", CSV, id="exact-beside-anything"),
        pytest.param("*/*, application/json;q=0.1", CALENDAR, id="specific-wins-though-lower"),
        pytest.param("text/*;q=0.9, text/calendar;q=0.1, */*;q=0.5", CSV, id="three-levels"),
        pytest.param("application/json;q=0, */*", CALENDAR, id="q=0-excludes"),
        pytest.param("text/*;q=0, */*;q=0.1", JSON, id="q=0-excludes-a-family"),
        pytest.param("text/html, application/xhtml+xml, */*;q=0.8", JSON, id="a-browser"),
        pytest.param("text/csv;q=x, */*;q=0.1", JSON, id="a-garbage-weight-is-0"),
        pytest.param("nonsense, text/csv", CSV, id="garbage-beside-an-exact-one"),
        pytest.param("text/csv;q=0.001", CSV, id="the-smallest-weight"),
    ],
)
def test_negotiated(accept: str, expected: str) -> None:
    assert negotiated(accept, OFFERED) == expected


@pytest.mark.parametrize(
    "accept",
    [
        pytest.param("text/html", id="not-offered"),
        pytest.param("image/*", id="family-not-offered"),
        pytest.param("*", id="one-star"),
        pytest.param("*/csv", id="star-family"),
        pytest.param(";q=1", id="no-range"),
        pytest.param("\x00\xff", id="bytes"),
        pytest.param("*/*;q=0", id="anything-but-anything"),
        pytest.param("*/*;q=0.000", id="zero-with-decimals"),
        pytest.param("text/*;q=0, application/*;q=0, */*", id="every-family-excluded"),
        pytest.param("*/*;q=", id="empty-weight"),
        pytest.param("*/*;q=high", id="weight-in-words"),
        pytest.param("*/*;q=nan", id="weight-that-is-no-number"),
        pytest.param("*/*;q=inf", id="infinite-weight"),
        pytest.param("*/*;q=-1", id="negative-weight"),
        pytest.param("*/*;q=2", id="weight-over-1"),
        pytest.param("*/*;q=0_1", id="weight-as-python-writes-it"),
        pytest.param("*/*;q=1e-3", id="weight-with-an-exponent"),
    ],
)
def test_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptable) as caught:
        negotiated(accept, OFFERED)
    assert caught.value.detail == "offered are application/json, text/calendar, text/csv"


@given(st.text())
def test_any_accept_is_answered_or_refused(accept: str) -> None:
    with suppress(NotAcceptable):
        assert negotiated(accept, OFFERED) in OFFERED


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        pytest.param("", True, id="absent"),
        pytest.param("application/json", True, id="json"),
        pytest.param("Application/JSON", True, id="case"),
        pytest.param("application/json; charset=utf-8", True, id="charset"),
        pytest.param(" application/json ;charset=utf-8", True, id="space"),
        pytest.param("application/vnd.oncall+json", True, id="suffix"),
        pytest.param("; charset=utf-8", True, id="only-parameters"),
        pytest.param("text/json", False, id="text-json"),
        pytest.param("application/jsonp", False, id="longer"),
        pytest.param("application/json, text/plain", False, id="two"),
        pytest.param("text/plain", False, id="text"),
        pytest.param("application/x-www-form-urlencoded", False, id="form"),
        pytest.param("text/plain; x=+json", False, id="suffix-in-a-parameter"),
    ],
)
def test_is_json(content_type: str, *, expected: bool) -> None:
    assert is_json(content_type) is expected
