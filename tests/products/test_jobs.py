"""What a worker process does for a paid endpoint, done in this one."""

import json

import pytest

from app.errors import AnswerTooLarge, InvalidRequest, MalformedBody
from app.http.validation import validated
from app.products import endpoint as endpoints
from app.products.endpoint import Endpoint
from app.products.jobs import Examined, answer_to, examine_document, timeless_document
from app.products.registry import paid_endpoints
from app.products.rotation.absence_calendars import LATER, LONG

ROWS = paid_endpoints()
ROTATION, *_ = ROWS
NOW = 1_780_531_200_000
"""2026-06-04T00:00:00Z"""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.slug)
def test_an_example_is_answered_in_every_format(row: Endpoint) -> None:
    body = json.dumps(row.example).encode()
    for media_type in row.formats:
        assert answer_to(row.slug, body, media_type, NOW) == row.answer_to(row.example, media_type)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.slug)
def test_an_example_is_examined(row: Endpoint) -> None:
    document = validated(row.example, row.request)
    body = json.dumps(row.example).encode()
    assert examine_document(row.slug, body, NOW) == Examined((), document.understood)


@pytest.mark.parametrize("row", ROWS[1:3], ids=lambda row: row.slug)
def test_what_is_about_the_present_is_about_the_instant_given(row: Endpoint) -> None:
    field = "from" if row.slug == "sched-oncall-schedule" else "at"
    asked = {**row.example, "to": "2026-06-05T00:00:00Z"} if field == "from" else {**row.example}
    body, given = asked | {field: None}, asked | {field: "2026-06-04T00:00:00Z"}
    answer = answer_to(row.slug, json.dumps(body).encode(), "application/json", NOW)
    assert answer == row.answer_to(given)
    assert timeless_document(row, json.dumps(body).encode()) is None
    assert timeless_document(row, json.dumps(given).encode()) == validated(given, row.request)


def test_faults_are_found() -> None:
    with pytest.raises(MalformedBody):
        examine_document(ROTATION.slug, b"{", NOW)
    with pytest.raises(InvalidRequest):
        examine_document(ROTATION.slug, b"{}", NOW)
    body = json.dumps({**ROTATION.example, "shfts": 3}).encode()
    with pytest.raises(InvalidRequest, match="/shfts"):
        examine_document(ROTATION.slug, body, NOW)


def test_calendars_are_examined_as_far_as_that_is_quick() -> None:
    long = "BEGIN:VCALENDAR\r\n" + "X-A:1\r\n" * 2_000 + "END:VCALENDAR\r\n"
    body = {**ROTATION.example, "unavailableIcs": {"alice": long}}
    [warning] = examine_document(ROTATION.slug, json.dumps(body).encode(), NOW).warnings
    assert (warning.pointer, warning.detail) == ("/unavailableIcs/alice", LATER.format(why=LONG))


def test_an_answer_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(ROTATION.answer_to(ROTATION.example))
    monkeypatch.setattr(endpoints, "MAX_ANSWER_BYTES", size)
    assert ROTATION.answer_to(ROTATION.example)
    monkeypatch.setattr(endpoints, "MAX_ANSWER_BYTES", size - 1)
    with pytest.raises(AnswerTooLarge):
        ROTATION.answer_to(ROTATION.example)
