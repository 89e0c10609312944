"""The asks for readers: what is right is judged right and nothing else is; texts are written."""

import json
from pathlib import Path

import pytest

from app.http.validation import known_fields
from app.products.registry import paid_endpoints
from tests.first_try.briefs import BRIEFS
from tests.first_try.send import REFUSED, RIGHT, WRONG, outcomes_of
from tests.first_try.texts import texts

pytestmark = pytest.mark.anyio

REFERENCES = json.loads((Path(__file__).parent / "references.json").read_text())
"""A right request for each ask."""
NUMBERS = list(REFERENCES)
ROTATION, *_ = paid_endpoints()


def shifted(by: int) -> dict[str, object]:
    """The right requests, each for another ask."""
    return {
        number: REFERENCES[NUMBERS[(place + by) % len(NUMBERS)]]
        for place, number in enumerate(NUMBERS)
    }


async def test_the_right_requests_are_right() -> None:
    lacking = [] if "joins" in known_fields(ROTATION.request) else ["6"]
    outcomes = dict(zip(NUMBERS, await outcomes_of(REFERENCES), strict=True))
    assert len(BRIEFS) == len(NUMBERS) == 16
    assert {number for number, (outcome, _) in outcomes.items() if outcome != RIGHT} == {*lacking}
    assert WRONG not in {outcome for outcome, _ in outcomes.values()}


@pytest.mark.parametrize("by", [1, 3, 8])
async def test_the_right_request_for_another_ask_is_wrong(by: int) -> None:
    outcomes = await outcomes_of(shifted(by))
    assert RIGHT not in {outcome for outcome, _ in outcomes}
    assert [outcome for outcome, _ in outcomes].count(WRONG) >= 14


async def test_an_answer_in_another_form_is_judged_by_what_it_says() -> None:
    tool = "sched-oncall-rotation"
    over_mcp = {"tool": tool, "body": {**REFERENCES["1"]["body"], "format": "ics"}}
    as_json = {"tool": tool, "body": REFERENCES["1"]["body"]}
    picture = {**REFERENCES["16"], "headers": {"accept": "image/svg+xml"}}
    for request, outcome in ((over_mcp, RIGHT), (as_json, WRONG), (REFERENCES["1"], RIGHT)):
        first, *_ = await outcomes_of({"1": request})
        assert first[0] == outcome
    *_, last = await outcomes_of({"16": picture})
    assert last == (RIGHT, "")


async def test_a_roster_is_judged_by_who_has_which_slot() -> None:
    people = [{"name": "Ana"}, {"name": "Ben"}, {"name": "Chloe"}]
    weekend = {"days": ["sat"], "start": "00:00", "end": "mon 00:00"}
    body = {"timezone": "Europe/Berlin", "people": people, "from": "2027-01-01"}
    weekends = {**body, "to": "2027-03-31", "pattern": [weekend]}
    for pattern, outcome in (([weekend], RIGHT), ([{**weekend, "days": ["sun"]}], WRONG)):
        request = {"tool": "sched-oncall-roster", "body": {**weekends, "pattern": pattern}}
        outcomes = await outcomes_of({"8": request})
        assert outcomes[7][0] == outcome


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (None, "there is no request"),
        ({"tool": "no-such-tool", "body": {}}, "Unknown tool: no-such-tool"),
        ({"tool": "sched-oncall-now", "body": {}}, "/timezone: is required"),
        ({"path": "/v1/scheduling/oncall-now", "body": {}}, "400: /timezone: is required"),
        ({"path": ROTATION.path + "?format=ics", "body": {}}, "Accept: text/calendar"),
        ({"path": "/v1/scheduling/none", "body": {}}, "404"),
    ],
)
async def test_what_is_refused_is_free(request_: object, why: str) -> None:
    (outcome, told), *_ = await outcomes_of({"1": request_})
    assert outcome == REFUSED
    assert why in told


async def test_readers_get_three_texts_and_the_asks() -> None:
    written = await texts()
    assert list(written) == ["asks.md", "402.json", "llms.txt", "tools.json"]
    for number, brief in enumerate(BRIEFS, start=1):
        assert f"\n{number}. {brief.words}\n" in written["asks.md"]
    shown = json.loads(written["402.json"])
    assert [each["request"] for each in shown] == [f"POST {each.path}" for each in paid_endpoints()]
    for each in shown:
        assert each["headers"]["payment-required"] == each["body"]
        assert each["headers"]["link"].endswith('/llms.txt>; rel="service-doc"')
    assert [tool["name"] for tool in json.loads(written["tools.json"])] == [
        each.slug for each in paid_endpoints()
    ]
    assert written["llms.txt"].startswith("# On-call rotations\n")
