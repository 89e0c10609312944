"""The products of layered schedules: prices, answers and work outside of the event loop."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from x402.http.utils import decode_payment_required_header

from app.checkout.http_route import ProductRoute
from app.checkout.purchase import ProductCheckout
from app.errors import OncallError
from app.http.large_bodies import LARGE_BYTES
from app.http.rate_limits import RateLimits
from app.http.validation import validated
from app.products.endpoint import JSON, Endpoint
from app.products.examples import V1_SCHEDULE
from app.products.registry import paid_endpoints
from tests.support.pools import RecordingPool
from tests.support.services import PUBLIC_URL, Service, service, settings
from tests.support.wallets import Wallet

ROTATION, SCHEDULE, NOW, *_ = paid_endpoints()
BUSINESS, AFTER = "Weekday business hours", "After-hours"
FRANK = {
    "user_id": "usr_frank",
    "start_at": "2026-04-25T00:00:00Z",
    "end_at": "2026-04-25T08:00:00Z",
    "reason": "Alice PTO; covering.",
}


def answered(endpoint: Endpoint, **changes: Any) -> dict[str, Any]:
    """Return the answer to the v1 page's schedule with some changes."""
    request = validated({**V1_SCHEDULE, **changes}, endpoint.request)
    answer = endpoint.formats[JSON].write(endpoint.compute(request))
    decoded: dict[str, Any] = msgspec.json.decode(answer)
    return decoded


def now(at: str, **changes: Any) -> dict[str, Any]:
    return answered(NOW, at=at, **changes)


def window(start: str, end: str, **changes: Any) -> dict[str, Any]:
    return answered(SCHEDULE, **{"from": start, "to": end}, **changes)


# --- who is on call -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "changes", "expected"),
    [
        pytest.param(
            "2026-04-24T19:00:00Z",
            {},
            (
                "usr_alice",
                "layer",
                BUSINESS,
                "2026-04-24T16:00:00.000Z",
                "2026-04-25T00:00:00.000Z",
            ),
            id="the-v1-page-by-its-own-rules",
        ),
        pytest.param(
            "2026-04-25T03:00:00Z",
            {},
            ("usr_eve", "layer", AFTER, "2026-04-25T00:00:00.000Z", "2026-04-25T07:00:00.000Z"),
            id="after-hours",
        ),
        pytest.param(
            "2026-04-25T03:00:00Z",
            {"overrides": [FRANK]},
            ("usr_frank", "override", None, "2026-04-25T00:00:00.000Z", "2026-04-25T08:00:00.000Z"),
            id="an-override-wins",
        ),
        pytest.param(
            "2026-04-25T03:00:00Z",
            {"entries": [{"user_id": "x", "start": FRANK["start_at"], "end": FRANK["end_at"]}]},
            ("x", "entry", None, "2026-04-25T00:00:00.000Z", "2026-04-25T08:00:00.000Z"),
            id="an-entry-wins-over-layers",
        ),
        pytest.param(
            "2026-04-25T03:00:00Z",
            {
                "overrides": [FRANK],
                "entries": [{"user_id": "x", "start": FRANK["start_at"], "end": FRANK["end_at"]}],
            },
            ("usr_frank", "override", None, "2026-04-25T00:00:00.000Z", "2026-04-25T08:00:00.000Z"),
            id="an-override-wins-over-an-entry",
        ),
        pytest.param(
            "2026-04-24T19:00:00Z",
            {
                "swaps": [
                    {
                        "start": "2026-04-24T16:00:00Z",
                        "end": "2026-04-25T00:00:00Z",
                        "swap_with_user_id": "usr_bob",
                    }
                ]
            },
            ("usr_bob", "override", None, "2026-04-24T16:00:00.000Z", "2026-04-25T00:00:00.000Z"),
            id="a-swap",
        ),
        pytest.param(
            "2026-04-27T17:00:00Z",
            {
                "swaps": [
                    {
                        "start": "2026-04-24T16:00:00Z",
                        "end": "2026-04-25T00:00:00Z",
                        "swap_with_user_id": "usr_bob",
                    }
                ]
            },
            ("usr_alice", "override", None, "2026-04-27T16:00:00.000Z", "2026-04-28T00:00:00.000Z"),
            id="what-a-swap-gives-back",
        ),
    ],
)
def test_now(at: str, changes: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    found = now(at, **changes)
    assert tuple(found[n] for n in ("user_id", "source", "layer", "since", "until")) == expected


def test_now_in_full() -> None:
    assert json.dumps(now("2026-04-24T19:00:00Z", overrides=[FRANK])) == json.dumps(
        {
            "at": "2026-04-24T19:00:00.000Z",
            "user_id": "usr_alice",
            "source": "layer",
            "layer": BUSINESS,
            "override": None,
            "since": "2026-04-24T16:00:00.000Z",
            "until": "2026-04-25T00:00:00.000Z",
            "next": {"user_id": "usr_frank", "at": "2026-04-25T00:00:00.000Z"},
            "interpretation": "usr_alice is on call at 2026-04-24T19:00:00.000Z by layer "
            "Weekday business hours, until 2026-04-25T00:00:00.000Z; usr_frank is next, from "
            "2026-04-25T00:00:00.000Z.",
            "understood": {
                "timezone": "America/Los_Angeles",
                "at": "2026-04-24T19:00:00.000Z",
                "at_local": "2026-04-24T12:00:00.000-07:00",
            },
        }
    )


def test_an_override_is_given_back() -> None:
    assert now("2026-04-25T03:00:00Z", overrides=[FRANK])["override"] == {
        "user_id": "usr_frank",
        "start_at": "2026-04-25T00:00:00.000Z",
        "end_at": "2026-04-25T08:00:00.000Z",
        "reason": "Alice PTO; covering.",
    }


ALONE = {"name": "x", "rotation_type": "daily", "participants": ["a"]}
LATER = [{**ALONE, "start_at": "2027-01-01T00:00:00Z"}]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        pytest.param([], (None, None, None, None), id="never-anybody"),
        pytest.param(
            LATER,
            (
                None,
                None,
                "2027-01-01T00:00:00.000Z",
                {"user_id": "a", "at": "2027-01-01T00:00:00.000Z"},
            ),
            id="nobody-yet",
        ),
        pytest.param(
            [ALONE],
            ("a", None, None, None),
            id="always-the-same",
        ),
    ],
)
def test_null_where_there_is_none(layers: list[Any], expected: tuple[Any, ...]) -> None:
    found = now("2026-04-24T19:00:00Z", layers=layers)
    assert tuple(found[name] for name in ("user_id", "since", "until", "next")) == expected
    assert (found["source"] is None) == (found["layer"] is None) == (found["user_id"] is None)


# --- final schedules ------------------------------------------------------------------------


def test_a_window_in_full() -> None:
    layers = [{**V1_SCHEDULE["layers"][0]}]
    found = window("2026-04-24T17:00:00Z", "2026-04-25T01:00:00Z", layers=layers)
    assert json.dumps(found) == json.dumps(
        {
            "final_schedule": [
                {
                    "start": "2026-04-24T17:00:00.000Z",
                    "end": "2026-04-25T00:00:00.000Z",
                    "user_id": "usr_alice",
                    "source": "layer",
                    "layer": BUSINESS,
                    "override": None,
                    "starts_before": True,
                    "ends_after": False,
                }
            ],
            "gaps": [{"start": "2026-04-25T00:00:00.000Z", "end": "2026-04-25T01:00:00.000Z"}],
            "tally": [
                {
                    "user_id": "usr_alice",
                    "shifts": 1,
                    "hours": 7,
                    "night_hours": 0,
                    "weekend_hours": 0,
                },
                *(
                    {
                        "user_id": user_id,
                        "shifts": 0,
                        "hours": 0,
                        "night_hours": 0,
                        "weekend_hours": 0,
                    }
                    for user_id in ("usr_bob", "usr_carol")
                ),
            ],
            "balanced": True,
            "interpretation": "1 shift(s) of 1 person and 1 gap from 2026-04-24T17:00:00.000Z to "
            "2026-04-25T01:00:00.000Z, by the clock of America/Los_Angeles.",
            "understood": {
                "timezone": "America/Los_Angeles",
                "from": "2026-04-24T17:00:00.000Z",
                "to": "2026-04-25T01:00:00.000Z",
                "from_local": "2026-04-24T10:00:00.000-07:00",
                "to_local": "2026-04-24T18:00:00.000-07:00",
            },
        }
    )


def test_sources_in_a_window() -> None:
    entry = {"user_id": "x", "start": "2026-04-25T06:00:00Z", "end": "2026-04-25T10:00:00Z"}
    found = window(
        "2026-04-24T17:00:00Z", "2026-04-25T11:00:00Z", overrides=[FRANK], entries=[entry]
    )
    assert [
        (part["user_id"], part["source"], part["layer"]) for part in found["final_schedule"]
    ] == [
        ("usr_alice", "layer", BUSINESS),
        ("usr_frank", "override", None),
        ("x", "entry", None),
        ("usr_dave", "layer", AFTER),
    ]
    assert [part["override"] for part in found["final_schedule"]][1]["reason"] == FRANK["reason"]
    assert found["final_schedule"][-1]["ends_after"] is True


WHOLE = ("2026-04-20T00:00:00Z", "2026-05-04T00:00:00Z")
CUT = ("2026-04-24T19:30:00.500Z", "2026-04-29T03:00:00Z")


def test_cutting_a_window_cuts_its_answer_and_changes_nothing_else() -> None:
    start, end = "2026-04-24T19:30:00.500Z", "2026-04-29T03:00:00.000Z"
    expected = [
        {
            **part,
            "start": max(part["start"], start),
            "end": min(part["end"], end),
            "starts_before": part["start"] < start,
            "ends_after": part["end"] > end,
        }
        for part in window(*WHOLE, overrides=[FRANK])["final_schedule"]
        if part["start"] < end and part["end"] > start
    ]
    assert window(*CUT, overrides=[FRANK])["final_schedule"] == expected


INSTANTS = st.integers(0, 14 * 24 * 4).map(
    lambda quarter: (
        f"2026-{'04' if quarter < 960 else '05'}-"
        f"{20 + quarter // 96 if quarter < 960 else quarter // 96 - 9:02}T"
        f"{quarter // 4 % 24:02}:{quarter % 4 * 15:02}:00.000Z"
    )
)
RANGES = st.tuples(INSTANTS, INSTANTS).filter(lambda pair: pair[0] != pair[1]).map(sorted)
LAYERS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["one", "two"]),
            "rotation_type": st.sampled_from(["daily", "weekly"]),
            "participants": st.lists(st.sampled_from("abc"), max_size=3),
            "start_at": st.none() | INSTANTS,
            "restrictions": st.lists(
                st.fixed_dictionaries(
                    {
                        "days": st.lists(st.sampled_from(["mon", "wed", "sat"]), max_size=2),
                        "start": st.sampled_from(["00:00", "09:00", "22:00"]),
                        "end": st.sampled_from(["06:00", "17:00", "24:00"]),
                    }
                ),
                max_size=2,
            ),
            "turns_on": st.sampled_from(["all", "active", None]),
        }
    ),
    max_size=3,
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "timezone": st.sampled_from(["UTC", "America/Los_Angeles", "Africa/Cairo"]),
        "layers": LAYERS,
        "overrides": st.lists(
            RANGES.map(lambda pair: {"user_id": "o", "start_at": pair[0], "end_at": pair[1]}),
            max_size=2,
        ),
        "entries": st.lists(
            RANGES.map(lambda pair: {"user_id": "e", "start": pair[0], "end": pair[1]}),
            max_size=2,
        ),
        "swaps": st.lists(
            RANGES.map(lambda pair: {"start": pair[0], "end": pair[1], "swap_with_user_id": "b"}),
            max_size=1,
        ),
    }
)


def held(found: Mapping[str, Any], at: str) -> Mapping[str, Any]:
    """The segment of a final schedule that holds an instant."""
    parts = [part for part in found["final_schedule"] if part["start"] <= at < part["end"]]
    return parts[0] if parts else dict.fromkeys(("user_id", "source", "layer", "override"))


@given(document=DOCUMENTS, at=INSTANTS)
@hypothesis_settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_now_is_the_segment_that_holds_the_instant(document: dict[str, Any], at: str) -> None:
    try:
        found = now(at, **document)
    except OncallError as error:
        assert "nothing to swap" in error.detail  # noqa: PT017 - the only refusal there can be
        return
    whole = window(WHOLE[0], "2026-05-06T00:00:00Z", **document)
    part = held(whole, at)
    for name in ("user_id", "source", "layer", "override"):
        assert found[name] == part[name]
    assert sum(person["shifts"] for person in whole["tally"]) == len(whole["final_schedule"])
    if part["user_id"] and not (part["starts_before"] or part["ends_after"]):
        assert (found["since"], found["until"]) == (part["start"], part["end"])


# --- sold -----------------------------------------------------------------------------------


def shop(endpoint: Endpoint, of: Service | None = None) -> Service:
    made = Service(of.app) if of else service()
    made.path = endpoint.path
    return made


@pytest.mark.anyio
class TestSold:
    @pytest.mark.parametrize(
        ("endpoint", "amount"), [(SCHEDULE, "30000"), (NOW, "10000")], ids=["schedule", "now"]
    )
    async def test_the_price(self, endpoint: Endpoint, amount: str) -> None:
        response = await shop(endpoint).ask(endpoint.example)
        assert response.status_code == 402
        required = decode_payment_required_header(response.headers["PAYMENT-REQUIRED"])
        [way] = required.accepts
        assert way.amount == amount
        assert response.json()["resource"]["url"] == f"https://oncall.test{endpoint.path}"

    @pytest.mark.parametrize("endpoint", [SCHEDULE, NOW], ids=lambda row: row.slug)
    async def test_the_example_is_answered(self, endpoint: Endpoint) -> None:
        response = await shop(endpoint).buy(endpoint.example)
        assert response.status_code == 200
        assert response.content == endpoint.example_answer

    @pytest.mark.parametrize(
        ("paid", "asked"),
        [(NOW, SCHEDULE), (SCHEDULE, NOW), (ROTATION, NOW)],
        ids=["now-for-schedule", "schedule-for-now", "rotation-for-now"],
    )
    async def test_a_payment_buys_one_product_only(self, paid: Endpoint, asked: Endpoint) -> None:
        first = shop(paid)
        payment = await Wallet().payment(await first.terms())
        response = await shop(asked, first).ask(asked.example, payment)
        assert response.status_code == 402
        assert response.json()["error"].startswith("payment_terms_mismatch")
        assert (await first.ask(paid.example, payment)).status_code == 200

    async def test_a_bound_is_told_by_its_name(self) -> None:
        body = {**SCHEDULE.example, "to": "2036-01-01T00:00:00Z"}
        response = await shop(SCHEDULE).ask(body)
        assert (response.status_code, response.json()["code"]) == (400, "window_too_long")
        assert response.json()["errors"] == [
            {"pointer": "/to", "detail": "A window is at most 2 years (731 days) long."}
        ]

    async def test_an_unknown_field_of_a_layer_is_refused(self) -> None:
        [first, second] = V1_SCHEDULE["layers"]
        body = {**NOW.example, "layers": [first, {**second, "handof_time": "09:00"}]}
        for endpoint in (NOW, SCHEDULE):
            sold = shop(endpoint)
            response = await sold.ask({**endpoint.example, "layers": body["layers"]})
            [error] = response.json()["errors"]
            assert (response.status_code, error["pointer"]) == (400, "/layers/1/handof_time")
            assert "did you mean 'handoff_time'?" in error["detail"]

    async def test_a_swap_of_nothing_is_not_charged(self) -> None:
        swap = {
            "start": "2026-04-24T16:00:00Z",
            "end": "2026-04-25T00:00:00Z",
            "swap_with_user_id": "usr_alice",
        }
        sold = shop(NOW)
        payment = await Wallet().payment(await sold.terms())
        response = await sold.ask({**NOW.example, "swaps": [swap]}, payment)
        assert response.status_code == 400
        assert response.json()["errors"][0]["pointer"] == "/swaps/0"
        assert "PAYMENT-RESPONSE" not in response.headers
        assert (await sold.ask(NOW.example, payment)).status_code == 200


# --- beside the event loop ------------------------------------------------------------------


class Watched:
    """An endpoint that counts what this process reads and computes; ``pool`` has the rest."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.computed = 0
        self.read = 0
        self.pool = RecordingPool()
        watched = self

        class Request(endpoint.request, kw_only=True, frozen=True):  # type: ignore[name-defined, misc]
            @classmethod
            def cross_field_errors(cls, values: Mapping[str, Any]) -> Any:
                watched.read += 1
                return super().cross_field_errors(values)

        def compute(request: Any) -> Any:
            self.computed += 1
            return endpoint.compute(request)

        self.endpoint = replace(endpoint, request=Request, compute=compute)
        self.read = 0

    @property
    def seen(self) -> tuple[int, int, list[tuple[str, bool]]]:
        """How often this process read and computed, and the jobs of the workers."""
        return self.read, self.computed, self.pool.jobs

    def free_service(self) -> Service:
        checkout = ProductCheckout(
            self.endpoint, RateLimits(lambda: 0.0), self.pool, None, lambda: 0.0
        )
        served = Service(ProductRoute(checkout, PUBLIC_URL))
        served.path = self.endpoint.path
        return served


ANSWERED, EXAMINED = ("answer_to", False), ("examine_document", True)


@pytest.mark.anyio
async def test_a_small_document_is_read_once_and_answered_at_once() -> None:
    watched = Watched(SCHEDULE)
    served = watched.free_service()
    for _ in range(2):
        assert (await served.ask(SCHEDULE.example)).status_code == 200
    assert watched.seen == (1, 2, [])


@pytest.mark.anyio
async def test_a_large_window_is_laid_out_in_a_worker() -> None:
    watched = Watched(SCHEDULE)
    year = {**SCHEDULE.example, "to": "2027-04-24T07:00:00Z"}
    assert (await watched.free_service().ask(year)).status_code == 200
    assert watched.seen == (1, 1, [])
    years = {**year, "layers": year["layers"] * 8}
    assert (await watched.free_service().ask(years)).status_code == 200
    assert watched.seen == (2, 1, [ANSWERED])


@pytest.mark.anyio
async def test_a_rotation_is_computed_where_it_is_asked_for() -> None:
    watched = Watched(ROTATION)
    assert (await watched.free_service().ask(ROTATION.example)).status_code == 200
    assert watched.seen == (1, 1, [])


@pytest.mark.anyio
@pytest.mark.parametrize(("padding", "read"), [(0, 1), (LARGE_BYTES, 0)], ids=["small", "large"])
async def test_a_planned_rotation_is_computed_in_a_worker(padding: int, read: int) -> None:
    watched = Watched(ROTATION)
    body = json.dumps({**ROTATION.example, "strategy": "fair"}).encode() + b" " * padding
    assert (await watched.free_service().ask(body)).status_code == 200
    assert watched.seen == (read, 0, [ANSWERED])


@pytest.mark.anyio
async def test_a_large_body_is_not_parsed_in_the_event_loop() -> None:
    watched = Watched(ROTATION)
    body = json.dumps(ROTATION.example).encode() + b" " * LARGE_BYTES
    assert (await watched.free_service().ask(body)).content == ROTATION.example_answer
    assert watched.seen == (0, 0, [ANSWERED])


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        pytest.param(0, (1, 0, []), id="small"),
        pytest.param(LARGE_BYTES, (0, 0, [EXAMINED]), id="large"),
    ],
)
async def test_without_payment_a_document_is_read_and_never_computed(
    monkeypatch: pytest.MonkeyPatch, padding: int, expected: tuple[Any, ...]
) -> None:
    watched = Watched(SCHEDULE)
    monkeypatch.setattr("app.main.paid_endpoints", lambda *_, **__: (watched.endpoint,))
    monkeypatch.setattr("app.main.WorkerPool", lambda *_: watched.pool)
    sold = shop(watched.endpoint, service(settings()))
    watched.read = watched.computed = 0
    response = await sold.ask(json.dumps(SCHEDULE.example).encode() + b" " * padding)
    assert response.status_code == 402
    assert watched.seen == expected


@pytest.mark.anyio
async def test_a_large_body_that_is_not_valid_is_told_before_anybody_pays() -> None:
    body = json.dumps({**ROTATION.example, "shifts": 0}).encode() + b" " * LARGE_BYTES
    response = await shop(ROTATION).ask(body)
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == ["/shifts"]
