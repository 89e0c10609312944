"""The row of ``oncall-workspace``: its request, its example and the key that it derives."""

import re
from typing import Any, get_args

import msgspec
import pytest

from app.errors import InvalidRequest
from app.http.validation import validated
from app.products.endpoint import JSON
from app.products.registry import paid_endpoints
from app.products.workspace.answer import WORKSPACE_QUOTAS
from app.products.workspace.endpoint import SLUG, workspace_endpoint
from app.products.workspace.keys import derived_key
from app.products.workspace.request import (
    ALL_SCOPES,
    EXAMPLE_SECRET,
    LEAST_DIFFERENT_BYTES,
    OncallWorkspaceRequest,
    WorkspaceScope,
)
from app.settings import Settings
from app.teams.keys.store import PRESENTED, SCOPES

ROW = workspace_endpoint()
SECRET = "0123456789abcdef" * 3 + "".join(f"{number:02x}" for number in range(16, 24))


def pointers(document: Any) -> set[str]:
    with pytest.raises(InvalidRequest) as caught:
        validated(document, OncallWorkspaceRequest)
    return {error.pointer for error in caught.value.errors}


def test_it_is_sold_only_where_it_can_be() -> None:
    assert SLUG not in [row.slug for row in paid_endpoints()]
    assert [row.slug for row in paid_endpoints(workspaces=True)][-1] == SLUG
    [row] = [row for row in paid_endpoints(f"{SLUG}=1/day", workspaces=True) if row.slug == SLUG]
    assert row.limit_in_words == "1 request a day"


@pytest.mark.parametrize(
    ("changes", "sells"),
    [
        ({}, True),
        ({"workspace_secret": ""}, False),
        ({"database_url": "none"}, False),
        ({"payments": "off"}, False),
    ],
)
def test_a_service_sells_it_with_a_secret_a_database_and_payments(
    changes: dict[str, Any],
    sells: bool,
) -> None:
    settings = Settings(**{"workspace_secret": "s" * 32, **changes})
    assert settings.sells_workspaces is sells
    assert "ssss" not in repr(settings)


def test_its_scopes_are_those_of_keys() -> None:
    assert get_args(WorkspaceScope) == SCOPES == tuple(ALL_SCOPES)


def test_the_example_shows_a_key_that_opens_nothing() -> None:
    answer = msgspec.json.decode(ROW.example_answer)
    assert PRESENTED.fullmatch(answer["api_key"])
    assert answer["scopes"] == ROW.example["scopes"]
    assert answer["quotas"]["bytes"] == WORKSPACE_QUOTAS.bytes
    assert answer["reads_until"] == "2026-08-03T00:00:00.000Z"


def test_the_terms_tell_the_quotas() -> None:
    numbers = re.findall(
        r"\d[\d,]*(?= (?:schedules|people|entries|overrides|MiB))", ROW.description + ROW.rules
    )
    assert [int(each.replace(",", "")) for each in numbers] == [50, 200, 5_000, 5_000, 16]


def test_it_has_no_timeline() -> None:
    result = ROW.compute(validated(ROW.example, OncallWorkspaceRequest))
    assert set(ROW.formats) == {JSON}
    with pytest.raises(NotImplementedError):
        result.timeline()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, {"/secret"}),
        ({"secret": "ab" * 31}, {"/secret"}),
        ({"secret": "ab" * 32 + "\n"}, {"/secret"}),
        ({"secret": "ab" * 32}, {"/secret"}),
        ({"secret": SECRET, "scopes": ["schedules", "schedules"]}, {"/scopes"}),
        ({"secret": SECRET, "scope": "schedules"}, {"/scope"}),
        ({"secret": SECRET, "name": " "}, {"/name"}),
        ({"secret": SECRET, "replaces_keys": "yes"}, {"/replaces_keys"}),
    ],
)
def test_faults(document: Any, expected: set[str]) -> None:
    assert pointers(document) == expected


def test_a_secret_is_taken_as_it_is_written() -> None:
    assert len({*bytes.fromhex(SECRET)}) == LEAST_DIFFERENT_BYTES
    request = validated({"secret": SECRET.upper(), "scopes": None}, OncallWorkspaceRequest)
    assert request.granted == ALL_SCOPES
    assert not request.is_examined
    assert list(ROW.examine(request)) == []


def test_the_secret_of_the_example_is_told() -> None:
    request = validated({"secret": EXAMPLE_SECRET}, OncallWorkspaceRequest)
    assert request.is_examined
    assert [error.pointer for error in ROW.examine(request)] == ["/secret"]


def test_a_key_depends_on_all_three_and_on_nothing_else() -> None:
    given = ("operator's", "eip155:1:0xa:0xb:0xc", SECRET)
    key = derived_key(*given)
    assert PRESENTED.fullmatch(key.presented)
    assert key.presented.startswith(f"ak_live_{key.id}_")
    assert derived_key(*given) == key == derived_key(*given[:2], SECRET.upper())
    others = {
        derived_key("another", *given[1:]),
        derived_key(given[0], "eip155:1:0xa:0xb:0xd", given[2]),
        derived_key(*given[:2], SECRET[:-1] + "f"),
    }
    assert len({each.id for each in others | {key}}) == 4
    assert len({each.presented[-43:] for each in others | {key}}) == 4
