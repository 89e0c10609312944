"""Both pages are replayed against a fresh service, and the comparison is itself compared."""

from typing import Any

import pytest

from tests.pages.__main__ import main, table
from tests.pages.differences import differences, not_equal
from tests.pages.printed import v1_requests, v2_requests
from tests.pages.replay import Compared


def test_a_fresh_service_answers_as_the_pages_print(capsys: pytest.CaptureFixture[str]) -> None:
    status = main()
    printed = capsys.readouterr().out
    assert (status, printed.splitlines()[-1]) == (0, "20 requests replayed, 0 differ"), printed


class TestPrinted:
    def test_every_curl_line(self) -> None:
        schedules = "/api/v2/oncall/schedules"
        one = f"{schedules}/sched_abc123"
        assert [(each.method, each.path) for each in v2_requests()] == [
            ("GET", schedules),
            ("POST", schedules),
            ("GET", one),
            ("PATCH", one),
            ("DELETE", one),
            ("GET", f"{one}/entries?start_date=2026-03-01&end_date=2026-03-31"),
            ("POST", f"{one}/entries"),
            ("POST", f"{one}/entries/entry_456/swap"),
            ("DELETE", "/api/v2/oncall/entries/entry_456"),
            ("GET", "/api/v2/oncall/current/team_789"),
        ]

    def test_every_row_and_request_of_v1(self) -> None:
        one = "/api/v1/schedules/01HXSCHED..."
        assert [(each.method, each.path) for each in v1_requests()] == [
            ("GET", "/api/v1/schedules"),
            ("POST", "/api/v1/schedules"),
            ("GET", one),
            ("PATCH", one),
            ("DELETE", one),
            ("GET", f"{one}/on-call"),
            ("POST", f"{one}/overrides"),
            ("DELETE", f"{one}/overrides/{{overrideID}}"),
            ("GET", f"{one}/on-call?at=2026-04-24T19:00:00Z"),
            ("POST", f"{one}/overrides"),
        ]

    def test_what_is_sent(self) -> None:
        create, swap = v2_requests()[1], v2_requests()[7]
        assert create.key_header == "X-API-Key"
        assert b'"name": "Weekend Support"' in (create.body or b"")
        assert b'"swap_with_user_id": "user_034"' in (swap.body or b"")

    def test_what_is_answered(self) -> None:
        samples = [list(each.sample) for each in v2_requests() if each.sample]
        assert samples == [["data", "total", "limit", "offset"], ["team_id", "on_call"]]
        assert [each.wanted for each in v2_requests()].count("Returns 204") == 2


class TestDifferences:
    @pytest.mark.parametrize(
        ("sample", "answer", "found"),
        [
            ({"a": 1}, {"a": 2, "b": 3}, []),
            ({"a": 1, "b": 1}, {"b": 1, "a": 1}, ["the answer has b, a in this order"]),
            ({"a": {"b": 1}}, {"a": {}}, ["a lacks b"]),
            ({"a": "x"}, {"a": None}, ["a is null, not a string"]),
            (
                {"a": [{"b": 1}]},
                {"a": [{"b": 1}, {"b": "x"}]},
                ["a[1].b is a string, not a number"],
            ),
            ({"a": [1]}, {"a": []}, ["a is empty"]),
            ({"a": []}, {"a": []}, []),
            ([], {}, ["the answer is an object, not an array"]),
        ],
    )
    def test_they_are_found(self, sample: Any, answer: Any, found: list[str]) -> None:
        assert list(differences(sample, answer)) == found

    def test_values(self) -> None:
        assert list(not_equal({"a": 1, "b": 2}, {"a": 1, "b": 3})) == ["b is 3, not 2"]

    def test_they_are_shown(self) -> None:
        rows = [Compared("GET /a", 200, "x", []), Compared("GET /b", 404, "x", ["lacks a"])]
        lines = table(rows).splitlines()
        assert lines[0].split() == ["same", "200", "x", "GET", "/a"]
        assert lines[2].strip() == "- lacks a"
        assert lines[3] == "2 requests replayed, 1 differ"
