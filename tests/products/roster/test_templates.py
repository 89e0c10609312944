"""The documents in `docs/roster.md`, each of which is a request or a part of one."""

import json
import re
from typing import Any

import pytest

from app.http.validation import validated
from app.products.roster.cover_request import CoverRequest
from app.products.roster.report_request import ReportRequest
from app.products.roster.request import RosterRequest
from tests.support.processes import ROOT

TEXT = (ROOT / "docs" / "roster.md").read_text()
DOCUMENTS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)]
TEMPLATES = [
    document for document in DOCUMENTS if "pattern" in document and "people" not in document
]
AROUND = {
    "timezone": "Europe/Berlin",
    "from": "2026-12-01",
    "to": "2026-12-31",
    "people": [{"name": "ana", "skills": ["apac", "emea", "amer"]}, {"name": "ben"}],
}


def test_the_documents_are_those_that_are_written() -> None:
    assert len(DOCUMENTS) == 8


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_a_request(template: dict[str, Any]) -> None:
    assert validated({**AROUND, **template}, RosterRequest).translated.roster.slots


def test_the_examples_are_requests() -> None:
    assert validated(DOCUMENTS[0], RosterRequest).translated.choices == 65
    assert validated(DOCUMENTS[-2], CoverRequest).covering.given
    assert validated(DOCUMENTS[-1], ReportRequest).held.work
