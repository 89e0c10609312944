"""What schemathesis must know of this service: who asks, and how to pay (``test_schemathesis``).

Every call comes from an address of its own, by way of a trusted proxy, so that the rate limit is
not what is tested. Where the request is meant to be valid, texts that a schema cannot describe are
made so, and every second one is paid for in the sandbox as the official client does, so that
answers are checked as well as terms.
"""

import asyncio
import itertools
import re
from functools import cache
from ipaddress import IPv4Address
from typing import Any

import httpx
import schemathesis
from schemathesis import CheckContext, HookContext, Response

from tests.support.wallets import Wallet

PAYMENT = "PAYMENT-SIGNATURE"
ADDRESSES = map(str, map(IPv4Address, itertools.count(int(IPv4Address("10.0.0.1")))))
PAYS = itertools.cycle([True, False])
ZONES = itertools.cycle(["UTC", "Europe/Brussels", "America/Los_Angeles", "Australia/Lord_Howe"])
KINDS = itertools.cycle(["daily", "weekly", "custom"])
HANDOFFS = {"daily": "09:30", "weekly": "Sun 02:30", "custom": "23:59"}
WINDOW = {"from": "2026-03-20T00:00:00Z", "to": "2026-04-20T00:00:00+02:00"}
OF_SCHEMA = re.compile(r"Expected|is required(?! \w|,)|has \d+ items(?! for)")
"""How an error begins that a JSON Schema can state; one that names another field is not of it."""


@schemathesis.hook
def before_call(_: HookContext, case: schemathesis.Case, __: dict[str, Any]) -> None:
    case.headers["X-Forwarded-For"] = next(ADDRESSES)
    if "x-payment-info" in case.operation.definition.raw and meant_to_be_valid(case):
        case.headers.pop(PAYMENT, None)
        complete(case.path, case.body)
        if next(PAYS):
            url = str(case.operation.base_url).rstrip("/") + case.path
            case.headers[PAYMENT] = asyncio.run(Wallet().payment(terms(url)))


def meant_to_be_valid(case: schemathesis.Case) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_positive


def complete(path: str, document: dict[str, Any]) -> None:
    """Write what a schema only calls a string, and what belongs together: windows, layers."""
    if document.get("timezone") is not None:
        document["timezone"] = next(ZONES)
    if path.endswith("-rotation"):
        document["start"] = "2026-06-04T00:00:00.250+02:00"
        if document.get("until") is None:
            document["shifts"] = document.get("shifts") or 3
    if path.endswith(("-schedule", "-now")):
        complete_layers(document)


def complete_layers(document: dict[str, Any]) -> None:
    document["layers"] = document.get("layers") or []
    document.pop("first_turns", None)  # as many as there are layers
    document.update({name: at for name, at in WINDOW.items() if name in document})
    for layer in document["layers"]:
        layer["rotation_type"] = kind = next(KINDS)
        layer["interval"] = {"count": 3, "unit": "days"} if kind == "custom" else None
        if layer.get("handoff_time") is not None:
            layer["handoff_time"] = HANDOFFS[kind]


@cache
def terms(url: str) -> str:
    return httpx.post(url).headers["PAYMENT-REQUIRED"]


@schemathesis.check
def valid_by_schema_is_refused_by_other_rules_only(
    _: CheckContext, response: Response, case: schemathesis.Case
) -> None:
    """A 400 for a document that its schema takes names rules that a schema cannot state."""
    if meant_to_be_valid(case) and response.status_code == 400:
        for error in response.json().get("errors", ()):
            assert not OF_SCHEMA.match(error["detail"]), error
