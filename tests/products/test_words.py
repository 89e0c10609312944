"""Words of one product in a request for another: refused, with the name that is meant."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest
from msgspec import Struct

from app.discovery.openapi import schema_of
from app.errors import InvalidRequest
from app.http.validation import RequestModel, known_fields, plain_type, validated
from app.products.registry import paid_endpoints

ROOT = Path(__file__).resolve().parents[2]
ROTATION, SCHEDULE, NOW, *_ = paid_endpoints()
LAYER = {"name": "Team", "rotation_type": "daily", "participants": ["ana"]}
SPAN = {"timezone": "Europe/Berlin", "from": "2026-06-01", "to": "2026-06-02", "layers": [LAYER]}


def models_in(kind: type[Struct]) -> Iterator[type[RequestModel]]:
    """A request and all objects in it."""
    assert issubclass(kind, RequestModel)
    yield kind
    for field in msgspec.structs.fields(kind):
        plain = plain_type(field.type)
        inner = plain_type(get_args(plain)[0]) if get_origin(plain) is list else plain
        if isinstance(inner, type) and issubclass(inner, RequestModel):
            yield from models_in(inner)


@pytest.mark.parametrize("row", paid_endpoints(), ids=lambda row: row.slug)
def test_every_word_means_a_field_that_there_is(row: Any) -> None:
    for model in models_in(row.request):
        assert set(model.synonyms.values()) <= set(known_fields(model))


@pytest.mark.parametrize(
    ("row", "where", "document", "meant"),
    [
        (SCHEDULE, "/start", {"start": "2026-06-01"}, "from"),
        (SCHEDULE, "/until", {"until": "2026-06-01"}, "to"),
        (SCHEDULE, "/people", {"people": ["ana"]}, "participants"),
        (SCHEDULE, "/layers/0/people", {"layers": [{**LAYER, "people": []}]}, "participants"),
        (SCHEDULE, "/layers/0/shiftLength", {"layers": [{**LAYER, "shiftLength": 1}]}, "interval"),
        (
            SCHEDULE,
            "/layers/0/handoffTimes",
            {"layers": [{**LAYER, "handoffTimes": ["09:00"]}]},
            "handoff_time",
        ),
        (SCHEDULE, "/layers/0/days", {"layers": [{**LAYER, "days": []}]}, "restrictions"),
        (SCHEDULE, "/overrides/0/person", {"overrides": [{"person": "ana"}]}, "user_id"),
        (SCHEDULE, "/overrides/0/from", {"overrides": [{"from": "2026-06-01"}]}, "start_at"),
        (SCHEDULE, "/entries/0/person", {"entries": [{"person": "ana"}]}, "user_id"),
        (SCHEDULE, "/entries/0/end_at", {"entries": [{"end_at": "2026-06-01"}]}, "end"),
        (SCHEDULE, "/swaps/0/with", {"swaps": [{"with": "ana"}]}, "swap_with_user_id"),
        (NOW, "/now", {"now": "2026-06-01"}, "at"),
        (ROTATION, "/participants", {"participants": ["ana"]}, "people"),
        (ROTATION, "/unavailable/0/user_id", {"unavailable": [{"user_id": "ana"}]}, "person"),
        (ROTATION, "/unavailable/0/to", {"unavailable": [{"to": "2026-06-01"}]}, "end"),
        (ROTATION, "/fixed/0/index", {"fixed": [{"index": 1}]}, "shift"),
    ],
    ids=lambda value: value if isinstance(value, str) and "/" in value else "",
)
def test_a_word_of_another_product_is_answered_with_the_name(
    row: Any, where: str, document: dict[str, Any], meant: str
) -> None:
    base = ROTATION.example if row is ROTATION else SPAN
    with pytest.raises(InvalidRequest) as refused:
        validated({**base, **document}, row.request, 0)
    [detail] = [error.detail for error in refused.value.errors if error.pointer == where]
    assert detail == f"is not a known field; did you mean {meant!r}?"


# --- the table of the glossary ----------------------------------------------------------------

SECTION = re.compile(r"## One thing, two names\n(.*?)(?:\n## |\Z)", re.DOTALL)
NAMES = re.compile(r"`(\w+)`")


def names_of(row: Any) -> set[str]:
    """Every field name of a request and of its answer, at any depth."""
    text = msgspec.json.encode([schema_of(row.request), schema_of(row.answer)]).decode()
    return set(re.findall(r'"(\w+)":\{', text))


def test_the_glossary_names_fields_that_there_are() -> None:
    [section] = SECTION.findall((ROOT / "docs" / "glossary.md").read_text())
    lines = [line for line in section.splitlines() if line.startswith("| ")][2:]
    cells = [line.strip("| ").split(" | ") for line in lines]
    rotation, layered = names_of(ROTATION), names_of(SCHEDULE) | names_of(NOW)
    assert len(cells) > 8
    for _, ours, theirs, _ in cells:
        assert set(NAMES.findall(ours)) <= rotation
        assert set(NAMES.findall(theirs)) <= layered
    common = NAMES.findall(section.partition("Where names differ")[0])
    assert set(common) <= rotation & layered
    assert len(common) > 6
