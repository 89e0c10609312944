"""The first table of ``payments.md``: what a caller sees and whether it was charged."""

import asyncio
import base64
import json
import time
from typing import Any, ClassVar

import pytest
from x402.http.utils import decode_payment_required_header

from app.checkout.http_route import _fields
from app.checkout.query_parameters import require_no_query
from app.errors import InvalidRequest
from app.payments.claims.memory import MemoryClaims
from app.payments.facilitators.remote import RemoteFacilitator
from app.products.registry import paid_endpoints
from tests.conftest import Clock
from tests.support.pools import RecordingPool
from tests.support.seed import EXAMPLE_RESPONSE
from tests.support.services import (
    EXAMPLE,
    NETWORK,
    PATH,
    USDC,
    Sandbox,
    ScriptedFacilitator,
    Service,
    remote_settings,
    service,
    settings,
    transaction_in,
)
from tests.support.wallets import Wallet, header_of, malleated

pytestmark = pytest.mark.anyio

SEED_ANSWER = json.loads(EXAMPLE_RESPONSE)


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


class TestWithoutPayment:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"", id="absent"),
            pytest.param(b"{}", id="empty"),
            pytest.param(b" {\r\n\t} ", id="empty, in lines"),
            pytest.param(json.dumps(EXAMPLE).encode(), id="valid"),
        ],
    )
    async def test_terms_stand_in_the_header_and_the_body(
        self, sandbox: Sandbox, body: bytes
    ) -> None:
        response = await sandbox.ask(body)
        assert response.status_code == 402
        header = json.loads(base64.b64decode(response.headers["PAYMENT-REQUIRED"]))
        told = response.json()
        understood = told.pop("understood", None)
        assert header == told
        assert (understood is not None) is (b"people" in body)
        [way] = header["accepts"]
        assert (way["amount"], way["scheme"], way["network"]) == ("20000", "exact", NETWORK)
        assert (way["asset"], way["extra"]) == (USDC, {"name": "USDC", "version": "2"})
        assert header["resource"]["url"] == "https://oncall.test" + PATH
        assert response.headers["X-Payments"] == "sandbox"
        assert response.headers["Cache-Control"] == "no-store"

    async def test_an_invalid_body_is_told_before_anybody_pays(self, sandbox: Sandbox) -> None:
        response = await sandbox.ask({"start": "soon", "people": [], "shifts": 0})
        assert response.status_code == 400
        assert response.headers["Content-Type"] == "application/problem+json"
        pointers = {error["pointer"] for error in response.json()["errors"]}
        assert pointers == {"/start", "/people", "/shifts"}

    async def test_the_terms_do_not_come_from_the_host_header(self, sandbox: Sandbox) -> None:
        response = await sandbox.ask(b"", Host="evil.test", **{"X-Forwarded-Host": "evil.test"})
        assert "evil" not in base64.b64decode(response.headers["PAYMENT-REQUIRED"]).decode()


FORM = "is not known: the form is chosen by the header Accept:"
FORMS = "application/json or text/calendar or text/csv or image/svg+xml"


class TestPaid:
    async def test_the_seed_example_is_answered_exactly(self, sandbox: Sandbox) -> None:
        wallet = Wallet()
        response = await sandbox.buy(EXAMPLE, wallet)
        assert response.status_code == 200
        assert json.dumps(response.json()) == json.dumps(SEED_ANSWER)
        assert response.headers["Cache-Control"] == "public, max-age=0"
        assert response.headers["X-Payments"] == "sandbox"
        assert sandbox.transfers == 1
        assert sandbox.facilitator.token.balance_of(wallet.address) == 10_000_000 - 20_000

    async def test_an_unknown_field_is_refused_and_charged_for_nothing(
        self, sandbox: Sandbox
    ) -> None:
        payment = await Wallet().payment(await sandbox.terms())
        for asked in (None, payment):
            response = await sandbox.ask({**EXAMPLE, "shiftLenghtHours": 12}, asked)
            assert response.status_code == 400
            [error] = response.json()["errors"]
            assert error["pointer"] == "/shiftLenghtHours"
            assert "did you mean 'shiftLengthHours'?" in error["detail"]
        assert sandbox.transfers == 0
        assert (await sandbox.ask(EXAMPLE, payment)).status_code == 200

    @pytest.mark.parametrize(
        ("query", "detail"),
        [
            (
                "format=ics",
                "'format' is not known: the form is chosen by the header Accept: text/calendar",
            ),
            (
                "fmt=text/csv",
                "'fmt' is not known: the form is chosen by the header Accept: text/csv",
            ),
            ("format=pdf", f"'format' {FORM} {FORMS}"),
            ("shifts=3", "'shifts' is not known: send 'shifts' in the JSON body"),
            ("members=al", "'members' is not known: send 'people' in the JSON body"),
            ("xyz", "'xyz' is not known: fields stand in the JSON body"),
            ("x" * 200, f"'{'x' * 200}' is not known: fields stand in the JSON body"),
            ("x" * 300, f"'{'x' * 200}…' is not known: fields stand in the JSON body"),
        ],
    )
    async def test_a_query_parameter_is_refused_and_charged_for_nothing(
        self, sandbox: Sandbox, query: str, detail: str
    ) -> None:
        payment = await Wallet().payment(await sandbox.terms())
        for body, asked in ((EXAMPLE, None), (EXAMPLE, payment), (b"", None)):
            response = await sandbox.ask(body, asked, query=query)
            assert response.status_code == 400
            assert response.json()["errors"] == [
                {"pointer": "", "detail": f"the query parameter {detail}"}
            ]
        assert sandbox.transfers == 0

    def test_a_query_parameter_that_is_a_field_is_not_taken_for_another_one(self) -> None:
        [endpoint] = [each for each in paid_endpoints() if each.slug == "sched-oncall-schedule"]
        with pytest.raises(InvalidRequest, match="send 'start_at' in the JSON body"):
            require_no_query(b"start_at=2026-06-04", endpoint)

    @pytest.mark.parametrize(("query", "named"), [("&", 1), ("a=1&" * 50, 20)])
    async def test_a_strange_query_is_refused_in_few_words(
        self, sandbox: Sandbox, query: str, named: int
    ) -> None:
        response = await sandbox.ask(EXAMPLE, query=query)
        assert (response.status_code, len(response.json()["errors"])) == (400, named)

    async def test_an_empty_document_is_a_question_for_the_terms_only(
        self, sandbox: Sandbox
    ) -> None:
        payment = await Wallet().payment(await sandbox.terms())
        response = await sandbox.ask({}, payment)
        assert (response.status_code, response.json()["code"]) == (400, "invalid_request")
        assert sandbox.transfers == 0

    async def test_the_same_payment_again_gets_the_same_answer(self, sandbox: Sandbox) -> None:
        payment = await Wallet().payment(await sandbox.terms())
        first = await sandbox.ask(EXAMPLE, payment)
        again = await sandbox.ask(EXAMPLE, payment)
        assert (first.status_code, again.status_code) == (200, 200)
        assert again.content == first.content
        assert again.headers["PAYMENT-RESPONSE"] == first.headers["PAYMENT-RESPONSE"]
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert sandbox.transfers == 1

    async def test_the_same_payment_for_another_body_is_a_conflict(self, sandbox: Sandbox) -> None:
        payment = await Wallet().payment(await sandbox.terms())
        await sandbox.ask(EXAMPLE, payment)
        response = await sandbox.ask({**EXAMPLE, "shifts": 4}, payment)
        assert (response.status_code, response.json()["code"]) == (409, "payment_already_used")
        assert sandbox.transfers == 1

    async def test_fifty_copies_at_once_are_charged_once(self, sandbox: Sandbox) -> None:
        payment = await Wallet().payment(await sandbox.terms())
        answers = await asyncio.gather(*(sandbox.ask(EXAMPLE, payment) for _ in range(50)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert len({transaction_in(answer) for answer in answers}) == 1
        assert sandbox.transfers == 1

    async def test_a_receipt_can_be_asked_for_after_the_window_has_passed(
        self, clock: Clock
    ) -> None:
        sandbox = Sandbox(clock)
        valid_before = str(int(time.time()) + 300)
        clock.now = float(valid_before) - 200
        payment = header_of(Wallet().signed(await sandbox.terms(), validBefore=valid_before))
        assert (await sandbox.ask(EXAMPLE, payment)).status_code == 200
        clock.advance(400)
        assert (await sandbox.ask(EXAMPLE, payment)).headers["Idempotent-Replayed"] == "true"


class TestRefusedPayment:
    @pytest.mark.parametrize(
        "header",
        [
            pytest.param("%%%", id="not base64"),
            pytest.param("", id="empty"),
            pytest.param(base64.b64encode(b"\xff\xfe").decode(), id="not UTF-8"),
            pytest.param(base64.b64encode(b"{").decode(), id="not JSON"),
            pytest.param(header_of([1]), id="not an object"),
            pytest.param(header_of(None), id="null"),
            pytest.param(base64.b64encode(b"[" * 9000).decode(), id="nested deeply"),
            pytest.param(header_of({"x402Version": 2}), id="empty payload"),
            pytest.param(header_of({"x402Version": 3}), id="version of the future"),
            pytest.param(
                header_of(
                    {
                        "x402Version": 1,
                        "scheme": "exact",
                        "network": "base-sepolia",
                        "payload": {},
                    }
                ),
                id="version 1 in the version 2 header",
            ),
            pytest.param("A" * (16 * 1024 + 1), id="over 16 KiB"),
        ],
    )
    async def test_an_unreadable_header_is_400(self, sandbox: Sandbox, header: str) -> None:
        response = await sandbox.ask(EXAMPLE, header)
        assert (response.status_code, response.json()["code"]) == (400, "invalid_payment")
        assert sandbox.transfers == 0

    async def test_a_header_given_twice_is_400(self, sandbox: Sandbox) -> None:
        payment = await Wallet().payment(await sandbox.terms())
        headers = [("PAYMENT-SIGNATURE", payment), ("PAYMENT-SIGNATURE", payment)]
        response = await sandbox.http.post(PATH, json=EXAMPLE, headers=headers)
        assert (response.status_code, response.json()["code"]) == (400, "invalid_payment")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("scheme", "upto"),
            ("network", "eip155:8453"),
            ("asset", "0x" + "12" * 20),
            ("amount", "19999"),
            ("payTo", "0x" + "34" * 20),
            ("maxTimeoutSeconds", 301),
            ("extra", {"name": "USD Coin", "version": "2"}),
        ],
    )
    async def test_changed_terms_are_named(
        self, sandbox: Sandbox, field: str, value: object
    ) -> None:
        payload = Wallet().signed(await sandbox.terms())
        payload["accepted"][field] = value
        response = await sandbox.ask(EXAMPLE, header_of(payload))
        assert response.status_code == 402
        assert response.json()["error"] == f"payment_terms_mismatch: {field}"
        assert decode_payment_required_header(response.headers["PAYMENT-REQUIRED"]).accepts
        assert sandbox.transfers == 0

    async def test_another_resource_is_named(self, sandbox: Sandbox) -> None:
        payload = Wallet().signed(await sandbox.terms())
        payload["resource"]["url"] = "https://oncall.test/v1/scheduling/other"
        response = await sandbox.ask(EXAMPLE, header_of(payload))
        assert response.json()["error"] == "payment_terms_mismatch: resource"

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            pytest.param(
                {"to": "0x" + "56" * 20},
                "invalid_exact_evm_payload_recipient_mismatch",
                id="to somebody else",
            ),
            pytest.param(
                {"value": "1"},
                "invalid_exact_evm_payload_authorization_value_mismatch",
                id="too little",
            ),
            pytest.param(
                {"value": "20001"},
                "invalid_exact_evm_payload_authorization_value_mismatch",
                id="too much",
            ),
            pytest.param(
                {"validBefore": "1700000000"},
                "invalid_exact_evm_payload_authorization_valid_before",
                id="expired",
            ),
            pytest.param(
                {"validAfter": "90000000000"},
                "invalid_exact_evm_payload_authorization_valid_after",
                id="not yet valid",
            ),
        ],
    )
    async def test_an_authorization_that_does_not_suffice(
        self, sandbox: Sandbox, changes: dict[str, str], reason: str
    ) -> None:
        payload = Wallet().signed(await sandbox.terms(), **changes)
        response = await sandbox.ask(EXAMPLE, header_of(payload))
        assert (response.status_code, response.json()["error"]) == (402, reason)
        assert sandbox.transfers == 0

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            pytest.param("from", "alice", id="payer"),
            pytest.param("to", None, id="recipient"),
            pytest.param("value", 20000, id="a number for a string"),
            pytest.param("value", "2e4", id="not decimal digits"),
            pytest.param("validBefore", "9" * 78, id="over 256 bits"),
            pytest.param("nonce", "0x12", id="nonce"),
        ],
    )
    async def test_an_authorization_of_another_form_is_400(
        self, sandbox: Sandbox, field: str, value: object
    ) -> None:
        payload = Wallet().signed(await sandbox.terms())
        payload["payload"]["authorization"][field] = value
        response = await sandbox.ask(EXAMPLE, header_of(payload))
        assert (response.status_code, response.json()["code"]) == (400, "invalid_payment")

    @pytest.mark.parametrize(
        ("forge", "reason"),
        [
            pytest.param(malleated, "invalid_exact_evm_payload_signature", id="malleated"),
            pytest.param(
                lambda text: text[:-2] + "05",
                "invalid_exact_evm_failed_to_verify_signature",
                id="impossible v",
            ),
            pytest.param(
                lambda text: text[:10] + "00" + text[12:],
                "invalid_exact_evm_payload_signature",
                id="of another message",
            ),
            pytest.param(
                lambda text: text + "00" * 31,
                "invalid_exact_evm_payload_undeployed_smart_wallet",
                id="of a smart wallet the sandbox does not have",
            ),
        ],
    )
    async def test_a_forged_signature(self, sandbox: Sandbox, forge: Any, reason: str) -> None:
        payload = Wallet().signed(await sandbox.terms())
        payload["payload"]["signature"] = forge(payload["payload"]["signature"])
        response = await sandbox.ask(EXAMPLE, header_of(payload))
        assert (response.status_code, response.json()["error"]) == (402, reason)
        assert sandbox.transfers == 0

    async def test_a_payer_in_another_case_is_the_same_payer(self, sandbox: Sandbox) -> None:
        payload = Wallet().signed(await sandbox.terms())
        assert (await sandbox.ask(EXAMPLE, header_of(payload))).status_code == 200
        authorization = payload["payload"]["authorization"]
        authorization["from"] = "0x" + authorization["from"][2:].swapcase()
        again = await sandbox.ask(EXAMPLE, header_of(payload))
        assert again.headers["Idempotent-Replayed"] == "true"
        assert sandbox.transfers == 1

    async def test_an_empty_wallet(self, sandbox: Sandbox) -> None:
        wallet = Wallet()
        sandbox.facilitator.token._balances[wallet.address.lower()] = 19_999
        response = await sandbox.buy(EXAMPLE, wallet)
        assert response.status_code == 402
        assert response.json()["error"] == "invalid_exact_evm_insufficient_balance"

    async def test_a_refused_payment_may_be_tried_again(self, sandbox: Sandbox) -> None:
        wallet = Wallet()
        sandbox.facilitator.token._balances[wallet.address.lower()] = 0
        payment = await wallet.payment(await sandbox.terms())
        assert (await sandbox.ask(EXAMPLE, payment)).status_code == 402
        sandbox.facilitator.token._balances[wallet.address.lower()] = 20_000
        assert (await sandbox.ask(EXAMPLE, payment)).status_code == 200

    async def test_a_dropped_extension_field_is_named(self, sandbox: Sandbox) -> None:
        payload = Wallet().signed(await sandbox.terms())
        payload["extensions"] = {"builder-code": {"info": {"a": "invented"}}}
        response = await sandbox.ask(EXAMPLE, header_of(payload))
        assert response.json()["error"] == "extension_echo_mismatch: builder-code"

    async def test_version_1_is_told_to_use_version_2(self, sandbox: Sandbox) -> None:
        response = await sandbox.ask(EXAMPLE, **{"X-PAYMENT": "e30="})
        assert response.status_code == 402
        assert response.json()["error"] == "x402_version_2_required"

    async def test_an_invalid_body_is_400_and_free(self, sandbox: Sandbox) -> None:
        payment = await Wallet().payment(await sandbox.terms())
        response = await sandbox.ask({**EXAMPLE, "shifts": 0}, payment)
        assert response.status_code == 400
        assert sandbox.transfers == 0
        assert (await sandbox.ask(EXAMPLE, payment)).status_code == 200

    async def test_a_missing_body_is_400_and_free(self, sandbox: Sandbox) -> None:
        payment = await Wallet().payment(await sandbox.terms())
        response = await sandbox.ask(b"", payment)
        assert (response.status_code, response.json()["code"]) == (400, "malformed_json")
        assert sandbox.transfers == 0


class TestRateLimit:
    async def test_the_121st_within_a_minute_is_429(self, clock: Clock) -> None:
        limited = service(clock=clock)
        statuses = [(await limited.ask(b"")).status_code for _ in range(120)]
        assert set(statuses) == {402}
        clock.advance(20)
        refused = await limited.ask(b"")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert refused.headers["Retry-After"] == "40"
        assert refused.headers["RateLimit"] == '"without-payment";r=0;t=40'
        assert refused.headers["RateLimit-Policy"] == '"without-payment";q=120;w=60'
        assert (await Service(limited.app, "198.51.100.1").ask(b"")).status_code == 402
        clock.advance(40)
        assert (await limited.ask(b"")).status_code == 402

    async def test_asking_for_terms_never_uses_up_what_one_may_buy(self, clock: Clock) -> None:
        limited = service(clock=clock)
        terms = await limited.terms()
        for _ in range(120):
            await limited.ask(b"")
        assert (await limited.ask(b"")).status_code == 429
        payment = header_of(Wallet().signed(terms))
        assert (await limited.ask(EXAMPLE, payment)).status_code == 200

    async def test_a_payment_over_the_limit_is_not_looked_at(self, clock: Clock) -> None:
        sandbox = Sandbox(clock)
        for _ in range(120):
            await sandbox.ask(EXAMPLE, "unreadable")
        response = await sandbox.ask(EXAMPLE, await Wallet().payment(await sandbox.terms()))
        assert response.status_code == 429
        assert sandbox.transfers == 0


class TestOtherRefusals:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
    async def test_only_post_is_served(self, sandbox: Sandbox, method: str) -> None:
        response = await sandbox.http.request(method, PATH)
        assert response.status_code == 405
        assert response.headers["Allow"] == "POST, OPTIONS"
        if method != "HEAD":
            assert response.json()["catalog"] == "/catalog/sched-oncall-rotation"

    @pytest.mark.parametrize(
        "path",
        [
            pytest.param("//v1/scheduling/oncall-rotation", id="two slashes"),
            pytest.param("/v1//scheduling/oncall-rotation", id="two slashes inside"),
            pytest.param("/v1/scheduling%2foncall-rotation/x", id="an encoded slash"),
            pytest.param("/v1/scheduling/oncall-rotation/", id="a trailing slash"),
            pytest.param("/V1/scheduling/oncall-rotation", id="another case"),
            pytest.param("/v1/scheduling/./oncall-rotation2", id="another path"),
        ],
    )
    async def test_another_path_is_404(self, sandbox: Sandbox, path: str) -> None:
        response = await sandbox.http.post("http://service.test" + path, json=EXAMPLE)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")

    async def test_an_encoded_letter_does_not_get_round_the_gate(self, sandbox: Sandbox) -> None:
        url = "http://service.test/v1/scheduling/oncall-rotatio%6e"
        assert (await sandbox.http.post(url, json=EXAMPLE)).status_code == 402

    async def test_another_media_type_wanted_is_406_before_payment(self, sandbox: Sandbox) -> None:
        payment = await Wallet().payment(await sandbox.terms())
        response = await sandbox.ask(EXAMPLE, payment, Accept="image/png")
        assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")
        assert sandbox.transfers == 0

    async def test_another_media_type_sent_is_415(self, sandbox: Sandbox) -> None:
        response = await sandbox.ask(EXAMPLE, **{"Content-Type": "text/plain"})
        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")

    async def test_a_body_over_four_mebibytes_is_413(self, sandbox: Sandbox) -> None:
        response = await sandbox.ask(b"[" + b" " * 4 * 1024 * 1024)
        assert (response.status_code, response.json()["code"]) == (413, "body_too_large")

    async def test_headers_over_16_kib_are_431(self, sandbox: Sandbox) -> None:
        response = await sandbox.ask(EXAMPLE, **{"X-Bomb": "x" * 16 * 1024})
        assert (response.status_code, response.json()["code"]) == (431, "headers_too_large")


class TestPaymentsOff:
    async def test_nothing_is_asked_for(self) -> None:
        free = service(settings(payments="off"))
        response = await free.ask(EXAMPLE)
        assert (response.status_code, response.json()) == (200, SEED_ANSWER)
        assert "X-Payments" not in response.headers

    async def test_a_body_is_needed_all_the_same(self) -> None:
        assert (await service(settings(payments="off")).ask(b"")).status_code == 400


class TestHeaders:
    async def test_an_answer_may_be_kept_by_what_it_was_asked_for(self, sandbox: Sandbox) -> None:
        paid = await sandbox.buy()
        assert paid.headers["cache-control"] == "public, max-age=0"
        assert paid.headers["vary"] == "Accept"

    async def test_several_accept_fields_are_one_list(self, sandbox: Sandbox) -> None:
        payment = await Wallet().payment(await sandbox.terms())
        fields = [("Accept", "image/png"), ("Accept", "text/csv"), ("Accept", "image/gif")]
        fields += [("Content-Type", "application/json"), ("PAYMENT-SIGNATURE", payment)]
        content = json.dumps(EXAMPLE).encode()
        paid = await sandbox.http.post(PATH, content=content, headers=fields)
        assert paid.headers["content-type"].startswith("text/csv")

    async def test_a_payment_of_version_1_gets_its_receipt_under_both_names(
        self, sandbox: Sandbox
    ) -> None:
        payload = Wallet().signed(await sandbox.terms())
        version_1 = {
            "x402Version": 1,
            "scheme": "exact",
            "network": "base-sepolia",
            "payload": payload["payload"],
        }
        headers = {"Content-Type": "application/json", "X-PAYMENT": header_of(version_1)}
        content = json.dumps(EXAMPLE).encode()
        for replayed in (None, "true"):
            paid = await sandbox.http.post(PATH, content=content, headers=headers)
            assert paid.status_code == 200
            receipt = paid.headers["payment-response"]
            assert paid.headers["x-payment-response"] == receipt
            assert paid.headers.get("idempotent-replayed") == replayed
        again = await sandbox.ask(payment=header_of(payload))
        assert again.headers["payment-response"] == receipt
        assert "x-payment-response" not in again.headers


async def test_each_product_has_a_limit_of_its_own() -> None:
    served = service(settings(rate_limit="2/minute"))
    assert [(await served.ask(b"")).status_code for _ in range(3)] == [402, 402, 429]
    served.path = "/v1/scheduling/oncall-now"
    assert [(await served.ask(b"")).status_code for _ in range(3)] == [402, 402, 429]


async def test_names_of_header_fields_are_in_small_letters() -> None:
    """As ASGI wants them; a client library would hide it."""
    assert list(_fields({"Cache-Control": "No-Store"})) == [(b"cache-control", b"No-Store")]


async def test_what_was_bought_and_not_kept_is_answered_after_its_window(clock: Clock) -> None:
    async with ScriptedFacilitator() as script:
        facilitator = RemoteFacilitator(script.url, network=NETWORK, headers={}, timeout_seconds=9)
        await facilitator.connect()
        claims = MemoryClaims(clock, max_answer_bytes=0)
        configured = remote_settings(script.url)
        served = service(configured, clock=clock, claims=claims, facilitator=facilitator)
        payload = Wallet().signed(await served.terms(), validBefore=str(int(clock()) + 60))
        bought = await served.ask(EXAMPLE, header_of(payload))
        clock.advance(120)
        again = await served.ask(EXAMPLE, header_of(payload))
        await facilitator.aclose()
    assert (again.status_code, again.content) == (200, bought.content)
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_heavy_work_is_done_for_the_client_who_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Pool(RecordingPool):
        callers: ClassVar[list[str]] = []

        async def run(self, *arguments: Any, caller: str, **bounds: Any) -> Any:
            self.callers.append(caller)
            return await super().run(*arguments, caller=caller, **bounds)

    monkeypatch.setattr("app.main.WorkerPool", Pool)
    served = service(address="203.0.113.9")
    paid = await served.buy({**EXAMPLE, "strategy": "fair"})
    assert (paid.status_code, Pool.callers) == (200, ["203.0.113.9"])
