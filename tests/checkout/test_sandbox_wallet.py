"""``POST /sandbox/pay``: signs a payment for the sandbox's own terms, and for no others."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from x402.http.utils import decode_payment_signature_header

from app.checkout.sandbox_wallet import LIMIT, PATH
from tests.conftest import Clock
from tests.support.services import NETWORK, PAY_TO, Service, service, settings

pytestmark = pytest.mark.anyio


async def terms(served: Service) -> dict[str, Any]:
    """The body of a 402."""
    body: dict[str, Any] = (await served.ask(b"")).json()
    return body


async def pay(served: Service, sent: object, **headers: str) -> httpx.Response:
    return await served.http.post(PATH, json=sent, headers=headers)


async def test_what_it_signs_buys_the_answer() -> None:
    served = service()
    paid = await pay(served, await terms(served))
    assert (paid.status_code, paid.headers["cache-control"]) == (200, "no-store")
    answered = await served.ask(payment=paid.json()["paymentSignature"])
    assert (answered.status_code, len(answered.json()["rotation"])) == (200, 3)


async def test_it_says_who_signs_and_what() -> None:
    served = service()
    signed = (await pay(served, await terms(served))).json()
    assert signed["terms"].startswith("0.02 USDC on Base Sepolia (test money) to 0x0000")
    payload = decode_payment_signature_header(signed["paymentSignature"]).payload
    assert payload["authorization"]["from"] == signed["payer"]
    assert payload["authorization"]["value"] == "20000"


async def test_every_payment_has_a_wallet_of_its_own() -> None:
    served = service()
    wanted = await terms(served)
    first, second = [(await pay(served, wanted)).json() for _ in range(2)]
    assert first["payer"] != second["payer"]


async def test_as_a_line_it_is_the_header() -> None:
    """``curl -H @-`` reads it."""
    served = service()
    line = await pay(served, await terms(served), Accept="text/plain")
    name, _, value = line.text.removesuffix("\n").partition(": ")
    assert name == "PAYMENT-SIGNATURE"
    assert (await served.ask(payment=value)).status_code == 200


async def test_an_id_is_given_where_one_is_required() -> None:
    served = service(settings(payment_id="required"))
    signed = (await pay(served, await terms(served))).json()
    assert (await served.ask(payment=signed["paymentSignature"])).status_code == 200


# --- what it does not sign ------------------------------------------------------------------


def other(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(sent: dict[str, Any]) -> None:
        sent["accepts"][0][name] = value

    return change


def elsewhere(sent: dict[str, Any]) -> None:
    sent["resource"]["url"] = "https://elsewhere.test/"


def nothing(sent: dict[str, Any]) -> None:
    sent["accepts"] = []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        pytest.param(other("network", "eip155:8453"), "/accepts/0/network", id="network"),
        pytest.param(other("payTo", PAY_TO), "/accepts/0/payTo", id="payee"),
        pytest.param(other("asset", "0x" + "12" * 20), "/accepts/0/asset", id="asset"),
        pytest.param(other("amount", "20001"), "/accepts/0/amount", id="amount"),
        pytest.param(other("extra", {"name": "x"}), "/accepts/0/extra", id="domain"),
        pytest.param(elsewhere, "/resource/url", id="what is bought"),
        pytest.param(nothing, "/accepts", id="no way to pay"),
    ],
)
async def test_other_terms_are_not_signed(
    change: Callable[[dict[str, Any]], None], pointer: str
) -> None:
    served = service()
    sent = await terms(served)
    change(sent)
    refused = await pay(served, sent)
    assert refused.status_code == 400
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]


async def test_one_good_way_among_others_is_enough() -> None:
    served = service()
    sent = await terms(served)
    sent["accepts"].insert(0, {**sent["accepts"][0], "amount": "1", "payTo": PAY_TO})
    signed = (await pay(served, sent)).json()
    payload = decode_payment_signature_header(signed["paymentSignature"]).payload
    assert payload["authorization"]["value"] == "20000"


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        pytest.param(b"", "application/json", 400, "malformed_json", id="empty"),
        pytest.param(b"{", "application/json", 400, "malformed_json", id="half"),
        pytest.param(b"[]", "application/json", 400, "invalid_request", id="no object"),
        pytest.param(b"{}", "text/csv", 415, "unsupported_media_type", id="not JSON"),
        pytest.param(b" " * 2_000_000, "application/json", 413, "body_too_large", id="too large"),
    ],
)
async def test_what_is_no_terms(content: bytes, media_type: str, status: int, code: str) -> None:
    headers = {"Content-Type": media_type}
    refused = await service().http.post(PATH, content=content, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


async def test_it_is_limited_as_others_are(clock: Clock) -> None:
    served = service(clock=clock)
    statuses = [(await pay(served, {})).status_code for _ in range(LIMIT.amount + 1)]
    assert statuses == [400] * LIMIT.amount + [429]
    assert (await served.ask(b"")).status_code == 402


async def test_only_post_is_served() -> None:
    refused = await service().http.get(PATH)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST, OPTIONS")


@pytest.mark.parametrize(
    "other_settings",
    [
        pytest.param({"payments": "off"}, id="off"),
        pytest.param(
            {
                "payments": "facilitator",
                "facilitator_url": "http://127.0.0.1:9",
                "network": NETWORK,
                "pay_to": PAY_TO,
            },
            id="facilitator",
        ),
    ],
)
async def test_it_exists_in_the_sandbox_only(other_settings: dict[str, Any]) -> None:
    assert (await pay(service(settings(**other_settings)), {})).status_code == 404


async def test_a_refusal_says_what_this_sandbox_asks() -> None:
    served = service()
    sent = await terms(served)
    elsewhere(sent)
    [error] = (await pay(served, sent)).json()["errors"]
    url = (await terms(served))["resource"]["url"]
    assert error["detail"].startswith("Sold here: ")
    assert url in error["detail"].removesuffix(".").removeprefix("Sold here: ").split(", ")
    sent = await terms(served)
    nothing(sent)
    [error] = (await pay(served, sent)).json()["errors"]
    assert error["detail"] == "lists no way to pay."
    sent = await terms(served)
    far = {"network": "x", "payTo": "y", "amount": "1"}
    sent["accepts"] = [{**sent["accepts"][0], **far}, {**sent["accepts"][0], "amount": "20001"}]
    [error] = (await pay(served, sent)).json()["errors"]
    assert (error["pointer"], error["detail"]) == (
        "/accepts/1/amount",
        "This sandbox asks '20000'.",
    )


async def test_it_is_answered_as_json_unless_a_line_is_asked_for() -> None:
    served = service()
    wanted = await terms(served)
    for accept, media_type in (
        ("*/*", "application/json"),
        ("text/plain;q=0.9, application/json;q=0.1", "text/plain; charset=utf-8"),
    ):
        paid = await pay(served, wanted, Accept=accept)
        assert paid.headers["content-type"] == media_type
        assert paid.headers["ratelimit"].startswith('"without-payment";r=')
    assert (await pay(served, wanted, Accept="image/png")).status_code == 406
    line = (await pay(served, wanted, Accept="text/plain")).text
    assert line.startswith("PAYMENT-SIGNATURE: ")
    assert line.endswith("\n")


async def test_several_accept_fields_are_one_list() -> None:
    served = service()
    fields = [("Accept", "image/png"), ("Accept", "text/plain"), ("Accept", "image/gif")]
    paid = await served.http.post(PATH, json=await terms(served), headers=fields)
    assert (paid.status_code, paid.headers["content-type"]) == (200, "text/plain; charset=utf-8")
