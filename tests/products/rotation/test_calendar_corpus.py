"""The corpus: calendars as programs export them, read by two libraries and by us."""

from typing import Any

import pytest

from app.engine.rotation import HOUR_MS
from app.products.rotation.absence_calendars import CalendarRules
from scripts.calendar_corpus import (
    DOCUMENT,
    by_ical,
    by_icalendar,
    cases,
    document,
    in_words,
    ours,
    told,
)

CASES = {case["file"]: case for case in cases()}


def test_the_document_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == document(), "run scripts/calendar_corpus.py"


def test_there_are_enough_of_all_kinds() -> None:
    assert len(CASES) >= 40
    exporters = " ".join(case["exporter"] for case in CASES.values())
    for name in ("Google", "Outlook", "Exchange", "Apple", "Yahoo", "Nextcloud", "Fastmail", "HR"):
        assert exporters.count(name) >= 2, name


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_difference_is_settled(case: Any) -> None:
    results = {told(read, case) for read in (by_icalendar, by_ical, ours)}
    assert len(results) == 1 or case.get("settled"), results
    assert not told(ours, case).startswith("refused")


@pytest.mark.parametrize(
    ("name", "rules", "expected"),
    [
        pytest.param("exchange-declined", CalendarRules("busy"), "21 Jul 08:00 8 h"),
        pytest.param(
            "exchange-declined", CalendarRules("busy", emails={"ana": "ana@example.org"}), "–"
        ),
        pytest.param(
            "exchange-declined",
            CalendarRules("busy", emails={"ana": "ben@example.org"}),
            "21 Jul 08:00 8 h",
        ),
        pytest.param("outlook-out-of-office", CalendarRules("away"), "21 Jul 08:00 2 h"),
        pytest.param("outlook-free", CalendarRules("away"), "–"),
        pytest.param("outlook-free", CalendarRules("all"), "20 Jul 22:00 24 h"),
        pytest.param("google-birthday", CalendarRules("all"), "19 Jul 22:00 24 h"),
        pytest.param("exchange-all-day", CalendarRules("away", 99 * HOUR_MS), "20 Jul 22:00 24 h"),
        pytest.param("google-out-of-office", CalendarRules("away", 99 * HOUR_MS), "–"),
        pytest.param(
            "zimbra-free-busy", CalendarRules("away"), "20 Jul 06:00 6 h, 21 Jul 06:00 6 h"
        ),
        pytest.param("zimbra-free-busy", CalendarRules("away", 9 * HOUR_MS), "20 Jul 06:00 6 h"),
        pytest.param("hr-half-day", CalendarRules("away"), "20 Jul 06:00 4 h"),
        pytest.param("hr-half-day", CalendarRules("away", 5 * HOUR_MS), "–"),
        pytest.param("google-classroom", CalendarRules("all"), "–"),
        pytest.param("exchange-cancelled", CalendarRules("all"), "–"),
    ],
)
def test_what_takes_its_person_away(name: str, rules: CalendarRules, expected: str) -> None:
    assert in_words(ours(CASES[name], rules)) == expected
