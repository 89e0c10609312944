"""What schemathesis must know of the stored APIs: a key, and whom and what there is.

Every call has the next of many keys of one organisation and comes from an address of its own, so
that the rate limit is not what is tested. Where a request is meant to be valid, ids are those of
things that exist, and texts that a schema cannot describe are made so.
"""

import itertools
import os
import re
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import CheckContext, HookContext, Response

ADDRESSES = map(str, map(IPv4Address, itertools.count(int(IPv4Address("10.0.0.1")))))
KEYS = itertools.cycle(Path(os.environ["STORED_KEYS"]).read_text().split())
HEADERS = itertools.cycle(["X-API-Key", "Authorization"])
ZONES = itertools.cycle(["UTC", "Europe/Brussels", "America/Los_Angeles", "Australia/Lord_Howe"])
KINDS = itertools.cycle(["daily", "weekly", "custom"])
HANDOFFS = {"daily": "09:30", "weekly": "Sun 02:30", "custom": "23:59"}
IDS = {
    "/schedules/{id}": "sched_abc123",
    "/users/{id}": "user_012",
    "/escalation-policies/{id}": "policy_1",
    "/current/{team_id}": "team_789",
}
TEXTS = {
    "user_id": "user_012",
    "swap_with_user_id": "user_034",
    "participants": ["user_012", "user_034"],
    "targets": [{"type": "user", "id": "user_012"}],
    "timezone": "Europe/Brussels",
}
WINDOWS = {
    "start": "2027-03-20T00:00:00Z",
    "end": "2027-03-21T00:00:00+02:00",
    "start_at": "2027-03-22T00:00:00Z",
    "end_at": "2027-03-23T00:00:00+02:00",
}
QUERIES = {
    "from": "2026-03-20T00:00:00Z",
    "to": "2026-04-20T00:00:00Z",
    "start_date": "2026-03-01",
    "end_date": "2026-03-31",
    "at": "2026-04-24T19:00:00Z",
}
OF_SCHEMA = re.compile(r"Expected|is required(?! \w|,)|has \d+ items(?! for)")
"""How an error begins that a JSON Schema can state; one that names another field is not of it."""


@schemathesis.auth(refresh_interval=None)
class Keys:
    """A key a call, in one header or the other."""

    def get(self, _: schemathesis.Case, __: schemathesis.AuthContext) -> tuple[str, str]:
        return next(HEADERS), next(KEYS)

    def set(
        self, case: schemathesis.Case, data: tuple[str, str], _: schemathesis.AuthContext
    ) -> None:
        name, key = data
        case.headers[name] = key if name == "X-API-Key" else f"Bearer {key}"


@schemathesis.hook
def before_call(_: HookContext, case: schemathesis.Case, __: dict[str, Any]) -> None:
    case.headers["X-Forwarded-For"] = next(ADDRESSES)
    if not meant_to_be_valid(case):
        return
    for pattern, thing in IDS.items():
        if pattern in case.operation.path and case.method != "DELETE":
            case.path_parameters[pattern.rpartition("{")[2].rstrip("}")] = thing
    case.query.update({name: text for name, text in QUERIES.items() if name in case.query})
    complete(case.body)


def meant_to_be_valid(case: schemathesis.Case) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


def complete(value: Any) -> None:
    """Write what a schema only calls a string, wherever it stands."""
    if isinstance(value, list):
        for item in value:
            complete(item)
    elif isinstance(value, dict):
        if "rotation_type" in value:
            complete_rotation(value)
        value.update({name: text for name, text in TEXTS.items() if value.get(name)})
        is_window = "user_id" in value
        value.update({name: at for name, at in WINDOWS.items() if is_window and name in value})
        for item in value.values():
            complete(item)


def complete_rotation(rotation: dict[str, Any]) -> None:
    rotation["rotation_type"] = kind = next(KINDS)
    rotation["interval"] = {"count": 3, "unit": "days"} if kind == "custom" else None
    if rotation.get("handoff_time") is not None:
        rotation["handoff_time"] = HANDOFFS[kind]
    if rotation.get("timezone") is not None:
        rotation["timezone"] = next(ZONES)


@schemathesis.check
def valid_by_schema_is_refused_by_other_rules_only(
    _: CheckContext, response: Response, case: schemathesis.Case
) -> None:
    """A 422 for a document that its schema takes names rules that a schema cannot state."""
    if meant_to_be_valid(case) and response.status_code == 422:
        for detail in response.json().get("fields", {}).values():
            assert not OF_SCHEMA.match(detail), response.text
