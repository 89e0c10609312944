"""The ``payment-identifier`` extension, and payments of protocol version 1."""

import base64
import json
from typing import Any

import pytest
from x402.extensions.payment_identifier import (
    append_payment_identifier_to_extensions,
    generate_payment_id,
)
from x402.http.utils import decode_payment_required_header, decode_payment_response_header

from tests.support.services import (
    EXAMPLE,
    NETWORK,
    Sandbox,
    ScriptedFacilitator,
    Service,
    answers,
    living,
    remote_settings,
    service,
    settings,
    settles,
)
from tests.support.wallets import Wallet, header_of

pytestmark = pytest.mark.anyio


def identified(wallet: Wallet, terms: str, identifier: str | None) -> dict[str, Any]:
    """A payment that echoes the terms' extensions and adds an id, as the SDK does."""
    payload = wallet.signed(terms)
    payload["extensions"] = decode_payment_required_header(terms).extensions
    if identifier is not None:
        append_payment_identifier_to_extensions(payload["extensions"], identifier)
    return payload


class TestIdentifier:
    async def test_it_is_advertised_as_optional(self) -> None:
        required = decode_payment_required_header(await service().terms())
        assert required.extensions["payment-identifier"]["info"] == {"required": False}

    async def test_a_new_id_works_and_the_same_again_gets_the_stored_answer(self) -> None:
        served = service()
        payload = identified(Wallet(), await served.terms(), generate_payment_id())
        first = await served.ask(EXAMPLE, header_of(payload))
        again = await served.ask(EXAMPLE, header_of(payload))
        assert (first.status_code, again.status_code) == (200, 200)
        assert again.headers["Idempotent-Replayed"] == "true"

    async def test_the_same_id_with_another_payment_is_a_conflict(self) -> None:
        served, wallet, identifier = service(), Wallet(), generate_payment_id()
        terms = await served.terms()
        await served.ask(EXAMPLE, header_of(identified(wallet, terms, identifier)))
        response = await served.ask(EXAMPLE, header_of(identified(wallet, terms, identifier)))
        problem = response.json()
        assert (response.status_code, problem["retry"]) == (409, "first-payment")
        assert problem["code"] == "payment_identifier_already_used"

    async def test_what_the_conflict_says_is_right(self) -> None:
        """The first payment is answered again, and the fresh one buys under another identifier."""
        served, wallet, identifier = Sandbox(), Wallet(), generate_payment_id()
        terms = await served.terms()
        first = header_of(identified(wallet, terms, identifier))
        fresh = identified(wallet, terms, identifier)
        await served.ask(EXAMPLE, first)
        assert (await served.ask(EXAMPLE, header_of(fresh))).json()["retry"] == "first-payment"
        again = await served.ask(EXAMPLE, first)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert served.transfers == 1
        append_payment_identifier_to_extensions(fresh["extensions"], generate_payment_id())
        assert (await served.ask(EXAMPLE, header_of(fresh))).status_code == 200
        assert served.transfers == 2

    async def test_the_same_id_with_another_body_is_a_conflict(self) -> None:
        served = service()
        payment = header_of(identified(Wallet(), await served.terms(), generate_payment_id()))
        await served.ask(EXAMPLE, payment)
        assert (await served.ask({**EXAMPLE, "shifts": 9}, payment)).status_code == 409

    async def test_ids_belong_to_their_payer(self) -> None:
        served, identifier = service(), generate_payment_id()
        terms = await served.terms()
        for wallet in (Wallet(), Wallet()):
            payment = header_of(identified(wallet, terms, identifier))
            assert (await served.ask(EXAMPLE, payment)).status_code == 200

    async def test_where_required_it_must_be_there(self) -> None:
        served = service(settings(payment_id="required"))
        payment = header_of(identified(Wallet(), await served.terms(), None))
        response = await served.ask(EXAMPLE, payment)
        assert (response.status_code, response.json()["code"]) == (400, "invalid_payment")

    @pytest.mark.parametrize("identifier", ["short", "x" * 129, "with spaces in between it", 7])
    async def test_an_id_of_another_form_is_400(self, identifier: Any) -> None:
        served = service()
        payload = identified(Wallet(), await served.terms(), None)
        payload["extensions"]["payment-identifier"]["info"]["id"] = identifier
        assert (await served.ask(EXAMPLE, header_of(payload))).status_code == 400


def version_1(payload: dict[str, Any], **changes: Any) -> str:
    return header_of(
        {
            "x402Version": 1,
            "scheme": "exact",
            "network": "base-sepolia",
            "payload": payload["payload"],
            **changes,
        }
    )


async def pay_v1(served: Service, header: str) -> Any:
    return await served.ask(EXAMPLE, **{"X-PAYMENT": header})


class TestVersion1:
    async def test_it_is_taken_where_the_facilitator_lists_it(self) -> None:
        served = service()
        response = await pay_v1(served, version_1(Wallet().signed(await served.terms())))
        assert response.status_code == 200
        receipt = response.headers["X-PAYMENT-RESPONSE"]
        assert receipt == response.headers["PAYMENT-RESPONSE"]
        assert decode_payment_response_header(receipt).network == "base-sepolia"

    async def test_one_authorization_does_not_buy_in_both_versions(self) -> None:
        served = service()
        payload = Wallet().signed(await served.terms())
        assert (await served.ask(EXAMPLE, header_of(payload))).status_code == 200
        again = await pay_v1(served, version_1(payload))
        assert again.headers["Idempotent-Replayed"] == "true"
        other = await served.ask({**EXAMPLE, "shifts": 9}, **{"X-PAYMENT": version_1(payload)})
        assert other.status_code == 409

    @pytest.mark.parametrize(
        "header",
        [
            pytest.param("%%%", id="unreadable"),
            pytest.param(base64.b64encode(b"[" * 9000).decode(), id="nested deeply"),
            pytest.param(header_of({"x402Version": 2, "payload": {}}), id="version 2"),
        ],
    )
    async def test_what_cannot_be_read_is_told_to_use_version_2(self, header: str) -> None:
        response = await pay_v1(service(), header)
        assert (response.status_code, response.json()["error"]) == (402, "x402_version_2_required")
        assert response.json()["retry"] == "new-payment"

    async def test_another_network_is_told_to_use_version_2(self) -> None:
        served = service()
        header = version_1(Wallet().signed(await served.terms()), network="base")
        assert (await pay_v1(served, header)).json()["error"] == "x402_version_2_required"

    @pytest.mark.parametrize("listed", [False, True])
    async def test_it_depends_on_what_the_facilitator_lists(self, *, listed: bool) -> None:
        kinds = [{"x402Version": 2, "scheme": "exact", "network": NETWORK}]
        if listed:
            kinds.append({"x402Version": 1, "scheme": "exact", "network": "base-sepolia"})
        v1 = answers({"success": True, "transaction": "0x1", "network": "base-sepolia"})
        script = ScriptedFacilitator(
            supported=answers({"kinds": kinds}), settle=v1 if listed else settles
        )
        async with script:
            served = service(remote_settings(script.url))
            async with living(served.app):
                response = await pay_v1(served, version_1(Wallet().signed(await served.terms())))
        assert response.status_code == (200 if listed else 402)
        if listed:
            assert script.requests[0]["x402Version"] == 1
            assert script.requests[0]["paymentRequirements"]["maxAmountRequired"] == "20000"

    async def test_a_network_without_a_version_1_name(self) -> None:
        served = service(settings(network="eip155:421614"))
        payload = Wallet().signed(await served.terms())
        assert (await pay_v1(served, version_1(payload))).status_code == 402
        assert json.loads(base64.b64decode(await served.terms()))["accepts"]
