"""What people who run on-call met with their calendars, replayed where the cases are present."""

from typing import Any

import pytest

from tests.support.field_cases import field_cases, found
from tests.support.services import Service, service, settings

CASES = field_cases()


@pytest.fixture
def free() -> Service:
    return service(settings(payments="off"))


@pytest.mark.anyio
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
async def test_a_case_from_the_field(case: Any, free: Service) -> None:
    free.path = case["endpoint"].removeprefix("POST ")
    answer = await free.ask(case["request"])
    assert found(case, answer) == case["expect"], f"{case['says']}\n{answer.text[:500]}"


@pytest.mark.anyio
async def test_they_are_right_in_any_order(free: Service) -> None:
    for case in (*CASES, *reversed(CASES)):
        free.path = case["endpoint"].removeprefix("POST ")
        assert found(case, await free.ask(case["request"])) == case["expect"], case["id"]
