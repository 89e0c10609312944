"""Arbitrary JSON and arbitrary bytes, paid and unpaid: never a 500, and charged only for a 200."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.payments.facilitators.sandbox import SandboxFacilitator
from app.products.registry import paid_endpoints
from tests.support.services import EXAMPLE, NETWORK, PATH, USDC, Service, service, settings
from tests.support.wallets import Wallet, header_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "start": st.sampled_from(["2026-06-04", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00+23:59"]),
    "people": st.lists(st.text(max_size=5), max_size=4),
    "shifts": st.integers(-1, 10_001) | st.floats(),
    "shiftLengthHours": st.floats(-1, 9_000) | st.sampled_from([1e-9, 24, 8760]),
    "handoffOffsetHours": st.floats(-10, 10),
}
NEAR = st.fixed_dictionaries({}, optional={name: kind | JSON for name, kind in FIELDS.items()})
ALMOST = NEAR.map(lambda changes: {**EXAMPLE, **changes})
BODIES = JSON | NEAR | ALMOST | st.binary(max_size=200)
SETTINGS = hypothesis_settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def loop() -> Any:
    with asyncio.Runner() as runner:
        yield runner


MOMENTS = st.sampled_from(
    ["2026-03-08T10:00:00Z", "2026-11-01T09:30:00.001Z", "0002-01-01T00:00:00Z", "1969-12-31"]
)
TEXTS = st.sampled_from(["mon", "Mon 09:00", "09:00", "24:00", "2:30", "daily", "weekly", "custom"])
SMALL = st.none() | st.integers(-2, 600) | MOMENTS | TEXTS
LISTS = st.lists(SMALL | JSON, max_size=3)


def either(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects that have some of the fields, or that have anything in some of them."""
    return st.fixed_dictionaries({}, optional={name: kind | JSON for name, kind in fields.items()})


def almost(right: dict[str, Any], changes: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """``right`` with some changes, if changes are an object."""
    return changes.map(lambda some: {**right, **some} if isinstance(some, dict) else some)


LAYER = almost(
    {"name": "x", "rotation_type": "daily", "participants": ["a", "b"]},
    either(
        rotation_type=TEXTS,
        start_at=MOMENTS,
        handoff_time=TEXTS,
        participants=LISTS,
        interval=either(count=SMALL, unit=st.sampled_from(["hours", "days", "weeks", "months"])),
        restrictions=st.lists(either(days=LISTS, start=TEXTS, end=TEXTS), max_size=2),
        turns_on=st.sampled_from(["all", "active"]),
    ),
)
SCHEDULES = either(
    timezone=st.sampled_from(["UTC", "America/Santiago", "Pacific/Apia", "Mars"]),
    layers=st.lists(LAYER, max_size=3),
    overrides=st.lists(either(user_id=st.just("o"), start_at=MOMENTS, end_at=MOMENTS), max_size=2),
    entries=st.lists(either(user_id=st.just("e"), start=MOMENTS, end=MOMENTS), max_size=2),
    swaps=st.lists(either(swap_with_user_id=st.just("b"), start=MOMENTS, end=MOMENTS), max_size=2),
    at=MOMENTS,
    **{"from": MOMENTS, "to": MOMENTS},
)
WHO = st.sampled_from(["a", "b", "c"])
DAYS = st.sampled_from(["2026-06-06", "2026-06-09T12:00:00Z", "2026-06-11T02:30:00", "2026-06-30"])
CALENDARS = st.sampled_from(
    [
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260607\nRRULE:FREQ=DAILY\nEND:VEVENT\nEND:VCALENDAR",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20260607\nEND:VEVENT\nEND:VCALENDAR",
        "BEGIN:VCALENDAR",
    ]
)
PLANS = either(
    timezone=st.sampled_from(["UTC", "America/Santiago", "Pacific/Apia", "Mars"]),
    strategy=st.sampled_from(["fair", "round-robin", "best"]),
    unavailable=st.lists(either(person=WHO, start=DAYS, end=DAYS, reason=st.text()), max_size=4),
    unavailableIcs=st.dictionaries(WHO, CALENDARS | st.text(), max_size=2),
    weights=st.dictionaries(WHO, st.sampled_from([0.5, 1, 2.25]) | st.floats(), max_size=3),
    carryOver=st.dictionaries(WHO, st.floats(0, 100) | st.integers(), max_size=3),
    minRestHours=st.sampled_from([0, 1, 24, 48.5]),
    maxConsecutive=st.integers(0, 3),
    roles=st.lists(st.sampled_from(["x", "y", "z"]), max_size=3),
    avoidPairs=st.lists(st.lists(WHO, min_size=2, max_size=2), max_size=2),
    fixed=st.lists(
        either(shift=st.integers(0, 13), person=WHO, role=st.sampled_from(["x", "y"])), max_size=3
    ),
)
LAYERED = {row.path: row.example for row in paid_endpoints()[1:3]}


class Fuzzed:
    """A sandbox whose limiter sees a new minute with every request."""

    def __init__(self, path: str = PATH) -> None:
        self.now = time.time()
        self.facilitator = SandboxFacilitator(NETWORK, USDC, time.time)
        self.shop: Service = service(settings(), clock=self._later, facilitator=self.facilitator)
        self.shop.path = path

    def _later(self) -> float:
        return time.time() + (time.time() - self.now) * 1e6

    @property
    def transfers(self) -> int:
        return self.facilitator.token.transfers


@pytest.fixture(scope="module")
def fuzzed() -> Fuzzed:
    return Fuzzed()


@given(body=BODIES)
@SETTINGS
def test_unpaid(loop: asyncio.Runner, fuzzed: Fuzzed, body: Any) -> None:
    before = fuzzed.transfers
    response = loop.run(fuzzed.shop.ask(body))
    assert response.status_code in (400, 402)
    assert fuzzed.transfers == before


@given(body=BODIES)
@SETTINGS
def test_paid(loop: asyncio.Runner, fuzzed: Fuzzed, body: Any) -> None:
    before = fuzzed.transfers
    payment = header_of(Wallet().signed(loop.run(fuzzed.shop.terms()), validBefore="9" * 20))
    response = loop.run(fuzzed.shop.ask(body, payment))
    assert response.status_code in (200, 400)
    assert fuzzed.transfers - before == (response.status_code == 200)


@given(changes=PLANS, paid=st.booleans())
@SETTINGS
def test_planned_rotations(
    loop: asyncio.Runner, fuzzed: Fuzzed, changes: Any, *, paid: bool
) -> None:
    before = fuzzed.transfers
    payment = header_of(Wallet().signed(loop.run(fuzzed.shop.terms()), validBefore="9" * 20))
    body = {**EXAMPLE, "people": ["a", "b", "c"], "shifts": 12, **changes}
    response = loop.run(fuzzed.shop.ask(body, *([payment] if paid else [])))
    assert response.status_code in ((200, 400) if paid else (402, 400))
    assert fuzzed.transfers - before == (response.status_code == 200)


@pytest.fixture(scope="module", params=LAYERED, ids=["schedule", "now"])
def layered(request: pytest.FixtureRequest) -> Fuzzed:
    return Fuzzed(request.param)


@given(changes=SCHEDULES | JSON, paid=st.booleans())
@SETTINGS
def test_layered_schedules(
    loop: asyncio.Runner, layered: Fuzzed, changes: Any, *, paid: bool
) -> None:
    before = layered.transfers
    example = LAYERED[layered.shop.path]
    body = {**example, **changes} if isinstance(changes, dict) else changes
    terms = loop.run(layered.shop.terms())
    payment = header_of(Wallet().signed(terms, validBefore="9" * 20)) if paid else None
    response = loop.run(layered.shop.ask(body, payment))
    assert response.status_code in (200 if paid else 402, 400)
    assert layered.transfers - before == (response.status_code == 200)


@given(payment=st.text(st.characters(min_codepoint=33, max_codepoint=126)) | JSON.map(header_of))
@SETTINGS
def test_any_payment_header(loop: asyncio.Runner, fuzzed: Fuzzed, payment: str) -> None:
    before = fuzzed.transfers
    response = loop.run(fuzzed.shop.ask(EXAMPLE, payment))
    assert response.status_code in (400, 402)
    assert fuzzed.transfers == before


@given(data=st.data())
@SETTINGS
def test_a_payment_with_one_part_replaced(
    loop: asyncio.Runner, fuzzed: Fuzzed, data: st.DataObject
) -> None:
    before = fuzzed.transfers
    payload = Wallet().signed(loop.run(fuzzed.shop.terms()), validBefore="9" * 20)
    inner = payload["payload"]
    part, name = data.draw(
        st.sampled_from(
            [(where, key) for where in (payload, inner, inner["authorization"]) for key in where]
        )
    )
    part[name] = data.draw(JSON)
    response = loop.run(fuzzed.shop.ask(EXAMPLE, header_of(payload)))
    assert response.status_code in (200, 400, 402)
    assert fuzzed.transfers - before == (response.status_code == 200)
