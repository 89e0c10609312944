"""The worked requests of the texts: sent as they stand there, and answered as is said beside them.

They are read off ``/llms.txt`` as it is served, so a text that breaks one fails here.
"""

import json
import re
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from app.products.registry import paid_endpoints
from tests.support.mcp_agents import agent_of
from tests.support.services import PUBLIC_URL, Sandbox
from tests.support.tools import listed_tools

pytestmark = pytest.mark.anyio

OF_PRODUCTS = [sample for row in paid_endpoints() for sample in row.samples]
NAMES = ["absences and fair weekends", "two roles", "layers with local hours"]


async def worked_in(path: str) -> list[tuple[str, dict[str, Any]]]:
    """The path and the document of each worked request of a text."""
    text = (await Sandbox().http.get(path)).text
    found = re.findall(r"`POST (\S+)`\n\n```json\n(.*?)```\n\nThe answer: ", text, re.DOTALL)
    return [(url.removeprefix(PUBLIC_URL), json.loads(document)) for url, document in found]


async def answer(number: int) -> Any:
    path, document = (await worked_in("/llms.txt"))[number]
    served = Sandbox()
    served.path = path
    response = await served.buy(document)
    assert response.status_code == 200
    assert served.transfers == 1
    return response.json()


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("path", ["/llms.txt", "/skill.md"])
async def test_both_texts_have_all_three(path: str) -> None:
    worked = await worked_in(path)
    assert [document for _, document in worked] == [sample.example for sample in OF_PRODUCTS]
    assert len(worked) == len(NAMES)
    text = (await Sandbox().http.get(path)).text
    assert all(f"\n{each.title}: `POST " in text for each in OF_PRODUCTS)
    assert all(f"\nThe answer: {each.text}\n" in text for each in OF_PRODUCTS)


async def test_absences_and_fair_weekends() -> None:
    answered = await answer(0)
    shifts = answered["rotation"]
    assert len(shifts) == 30
    assert {shift["startLocal"][10:16] for shift in shifts} == {"T09:00"}
    away = [shift for shift in shifts if "2026-06-07T10" < shift["startLocal"] < "2026-06-15"]
    assert len(away) == 7
    assert "Ben" not in {shift["person"] for shift in away}
    assert set(answered["fairness"]["weekendHours"].values()) == {48}
    assert answered["fairness"]["optimal"]
    assert "who is away (holiday)" in answered["fairness"]["explanations"][0]
    [absence] = answered["understood"]["absences"]
    assert absence["endLocal"].startswith("2026-06-15T00:00")


async def test_two_roles() -> None:
    answered = await answer(1)
    pairs = [set(shift["roles"].values()) for shift in answered["rotation"]]
    assert len(pairs) == 8
    assert {"Ana", "Ben"} not in pairs
    assert not any(one & other for one, other in pairwise(pairs))
    assert set(answered["shiftCounts"].values()) == {4}
    assert {local(shift["startLocal"]).weekday() for shift in answered["rotation"]} == {0}


async def test_layers_with_local_hours() -> None:
    answered = await answer(2)
    assert answered["gaps"] == []
    office = [part for part in answered["final_schedule"] if part["layer"] == "Office hours"]
    assert [(part["user_id"], part["start"][8:16], part["end"][11:16]) for part in office] == [
        (name, f"{day:02}T07:00", "15:00")  # in UTC: two hours before Berlin's clock
        for name, days in (("Ana", range(1, 6)), ("Ben", range(8, 13)))
        for day in days
    ]
    others = {part["user_id"] for part in answered["final_schedule"]} - {"Ana", "Ben"}
    assert others == {"Chloe", "Dan"}
    assert answered["understood"]["to_local"].startswith("2026-06-15T00:00")


async def test_the_tools_have_those_of_their_product_and_take_them() -> None:
    for tool, row in zip(listed_tools(), paid_endpoints(), strict=True):
        text = tool.description or ""
        for sample in row.samples:
            assert f"{sample.title}:\n" in text
            assert json.dumps(sample.example, separators=(",", ":")) in text
            async with agent_of(Sandbox()) as agent:
                result = await agent.buy(dict(sample.example), row.slug)
            assert result.structuredContent == json.loads(row.answer_to(sample.example))
