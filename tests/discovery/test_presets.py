"""The presets of the forms: the service answers them, and documents have the same."""

import json
import re
from typing import Any

import msgspec
import pytest

from app.discovery.presets import PRESETS, Preset
from app.products.registry import paid_endpoints
from tests.support.processes import ROOT

BY_SLUG = {endpoint.slug: endpoint for endpoint in paid_endpoints()}
ROSTERS = PRESETS["sched-oncall-roster"]
FOUR_WEEKS = {"timezone": "Europe/Berlin", "from": "2026-12-07", "to": "2027-01-03"}
CHRISTMAS = [{"start": "2026-12-21", "end": "2026-12-25"}]


def given(preset: Preset) -> dict[str, Any]:
    return {name: value for name, value in preset.fields.items() if value is not None}


@pytest.mark.parametrize("slug", PRESETS)
def test_presets_fill_in_fields_that_there_are(slug: str) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(BY_SLUG[slug].request)}
    assert all(preset.fields.keys() <= fields for preset in PRESETS[slug])


@pytest.mark.parametrize("preset", ROSTERS, ids=lambda each: each.label)
def test_a_roster_has_nobody_missing_even_with_somebody_away(preset: Preset) -> None:
    first, *others = preset.people
    people = [{**first, "unavailable": CHRISTMAS}, *others]
    document = {**FOUR_WEEKS, "people": people, **given(preset)}
    answer = json.loads(BY_SLUG["sched-oncall-roster"].answer_to(document))
    assert answer["gaps"] == []
    assert all(objective["optimal"] for objective in answer["fairness"])
    assert {place["person"] for slot in answer["assignments"] for place in slot["people"]} == {
        person["name"] for person in people
    }


def test_presets_of_rosters_are_the_templates_of_the_document() -> None:
    text = (ROOT / "docs" / "roster.md").read_text().partition("\n## Templates\n")[2]
    templates = re.findall(r"```json\n(.*?)```", text.partition("\n## ")[0], re.DOTALL)
    assert [json.loads(each) for each in templates] == [given(preset) for preset in ROSTERS]
