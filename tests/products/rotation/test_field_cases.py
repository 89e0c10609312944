"""What people met with calendars and layered schedules, replayed where the cases are present."""

from pathlib import Path

import pytest

from tests.support import field_cases as support
from tests.support.field_cases import field_cases, found
from tests.support.services import service, settings

PRODUCTS = ("ics", "sch")
"""The kinds whose cases are requests to products."""


@pytest.mark.anyio
async def test_each_case_from_the_field_is_right_in_any_order() -> None:
    free = service(settings(payments="off"))
    cases = field_cases(PRODUCTS)
    wrong = {}
    for case in (*cases, *reversed(cases)):
        free.path = case["endpoint"].removeprefix("POST ")
        answer = await free.ask(case["request"])
        if found(case, answer) != case["expect"]:
            wrong[case["id"]] = (case["says"], answer.text[:500])
    assert wrong == {}


def test_without_the_folder_there_is_nothing_to_replay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(support, "FOLDER", tmp_path)
    assert field_cases() == ()
