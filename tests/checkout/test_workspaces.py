"""Workspaces as they are bought: who gets which key, what is charged, and what a failure leaves."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from app.database.database import Database
from app.database.tables import keys, organisations, workspace_payments, workspaces
from app.ledger.store import insert_settlements
from app.payments.claims.claimed_payment import Settlement
from app.payments.claims.memory import MemoryClaims
from app.products.workspace.request import EXAMPLE_SECRET
from app.teams.workspaces.store import sweep
from tests.support.clock import Clock
from tests.support.ledger import settlements_of
from tests.support.mcp_agents import agent, content_of
from tests.support.services import (
    NETWORK,
    PUBLIC_URL,
    ScriptedFacilitator,
    answers,
    living,
    refuses,
    settles,
    transaction_in,
    verifies,
)
from tests.support.wallets import Wallet, header_of
from tests.support.workspaces import DAY, SECRET, Seller, order, rows

pytestmark = pytest.mark.anyio

QUICK = {"settle_deadline_seconds": 2.0}


@pytest.fixture
async def script(anyio_backend: str) -> AsyncIterator[ScriptedFacilitator]:  # noqa: ARG001 - anyio's
    async with ScriptedFacilitator() as facilitator:
        yield facilitator


@pytest.fixture
async def seller(script: ScriptedFacilitator, database_url: str) -> AsyncIterator[Seller]:
    """A seller by the real time, as authorizations are valid by that."""
    selling = Seller(script.url, database_url, time.time)
    async with living(selling.app):
        yield selling


def milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json().get("code") or response.json()["error"]


class TestBought:
    async def test_a_wallet_gets_a_key_to_a_place_of_its_own(
        self, seller: Seller, script: ScriptedFacilitator, database_url: str
    ) -> None:
        wallet = Wallet()
        ours = await seller.opened(order(name="agent"), wallet)
        theirs = await seller.opened(order())
        assert script.calls == ["supported", "verify", "settle", "verify", "settle"]
        assert (await seller.write(ours["api_key"])).status_code == 201
        assert (await seller.read(ours["api_key"])).json()["total"] == 1
        assert (await seller.read(theirs["api_key"])).json()["total"] == 0
        assert ours["scopes"] == ["schedules", "oncall:read", "oncall:write"]
        [mine] = [
            row for row in await rows(database_url, keys) if row.org_id == ours["organisation"]
        ]
        assert (mine.id, mine.name, mine.kind) == (ours["key_id"], "agent", "live")
        assert ours["api_key"].encode() not in mine.hash
        [own, _] = await rows(database_url, workspaces)
        assert own.account == f"{NETWORK}:{wallet.address.lower()}"

    async def test_the_answer_is_for_nobody_else_to_keep(self, seller: Seller) -> None:
        response, _ = await seller.paid(order())
        assert response.headers["Cache-Control"] == "no-store"

    async def test_the_key_has_the_scopes_that_were_asked_for(self, seller: Seller) -> None:
        opened = await seller.opened(order(scopes=["oncall:read"]))
        assert opened["scopes"] == ["oncall:read"]
        assert (await seller.read(opened["api_key"])).status_code == 200
        assert code(await seller.write(opened["api_key"])) == (403, "forbidden")
        assert (await seller.read(opened["api_key"], "/api/v1/schedules")).status_code == 403

    async def test_the_same_request_again_gets_the_same_key(
        self, seller: Seller, script: ScriptedFacilitator, database_url: str
    ) -> None:
        body = order()
        first, payment = await seller.paid(body)
        again = await seller.ask(body, payment)
        assert again.json() == first.json()
        assert again.headers["Idempotent-Replayed"] == "true"
        assert transaction_in(again) == transaction_in(first)
        assert script.calls.count("settle") == 1
        assert len(await rows(database_url, keys)) == 1

    async def test_copies_at_once_get_one_key_and_one_charge(
        self, seller: Seller, script: ScriptedFacilitator
    ) -> None:
        body = order()
        payment = await Wallet().payment(await seller.terms())
        answered = await asyncio.gather(*(seller.ask(body, payment) for _ in range(8)))
        assert {response.status_code for response in answered} == {200}
        assert len({response.text for response in answered}) == 1
        assert script.calls.count("settle") == 1

    async def test_no_claim_keeps_the_key(
        self, script: ScriptedFacilitator, database_url: str
    ) -> None:
        claims = MemoryClaims(time.time)
        selling = Seller(script.url, database_url, time.time, claims)
        async with living(selling.app):
            body = order()
            first, _ = await selling.paid(body)
            [settlement] = await settlements_of(claims)
            kept = repr(vars(claims)) + repr(settlement)
        assert first.json()["api_key"] not in kept
        assert body["secret"] not in kept
        for table in (keys, organisations, workspaces, workspace_payments):
            text = repr(await rows(database_url, table))
            assert first.json()["api_key"] not in text
            assert body["secret"] not in text

    async def test_a_body_with_faults_costs_nothing(
        self, seller: Seller, script: ScriptedFacilitator
    ) -> None:
        for body, pointers in [
            ({}, {"/secret"}),
            ({"secret": "00" * 32}, {"/secret"}),
            ({"secret": "zz" * 32}, {"/secret"}),
            (order(scopes=[]), {"/scopes"}),
            (order(scopes=["admin"]), {"/scopes/0"}),
            (order(scopes=["schedules", "schedules"]), {"/scopes"}),
            (order(days=30), {"/days"}),
        ]:
            response, _ = await seller.paid(body)
            assert code(response) == (400, "invalid_request")
            assert {each["pointer"] for each in response.json()["errors"]} == pointers
        payment = await Wallet().payment(await seller.terms())
        assert code(await seller.ask(b"", payment)) == (400, "malformed_json")
        assert script.calls == ["supported"]

    async def test_the_secret_of_the_example_is_warned_of_and_never_sold(
        self, seller: Seller, script: ScriptedFacilitator
    ) -> None:
        body = {"secret": EXAMPLE_SECRET.upper()}
        unpaid = await seller.ask(body)
        response, _ = await seller.paid(body)
        assert unpaid.status_code == 402
        assert [each["pointer"] for each in unpaid.json()["warnings"]] == ["/secret"]
        assert code(response) == (400, "invalid_request")
        assert script.calls == ["supported"]

    async def test_an_agent_buys_over_mcp_and_goes_on_with_the_key(self, seller: Seller) -> None:
        async with agent(PUBLIC_URL, seller.http) as one:
            tools = {tool.name: tool for tool in (await one.session.list_tools()).tools}
            answer = content_of(await one.buy(order(), "sched-oncall-workspace"))
            much = await one.ask(
                {**order(), "name": "x" * 20_000},
                await one.payment("sched-oncall-workspace"),
                "sched-oncall-workspace",
            )
        annotations = tools["sched-oncall-workspace"].annotations
        assert annotations is not None
        assert (annotations.readOnlyHint, annotations.destructiveHint) == (False, False)
        assert (await seller.write(answer["api_key"])).status_code == 201
        assert content_of(much)["code"] == "body_too_large"


class TestRenewed:
    async def test_another_payment_adds_thirty_days_and_another_key(
        self, seller: Seller, database_url: str
    ) -> None:
        wallet = Wallet()
        first = await seller.opened(order(), wallet)
        await seller.write(first["api_key"])
        second = await seller.opened(order(), wallet)
        assert second["organisation"] == first["organisation"]
        assert second["api_key"] != first["api_key"]
        until = [milliseconds(each["paid_until"]) for each in (first, second)]
        assert until[1] - until[0] == 30 * DAY * 1_000
        for key in (first["api_key"], second["api_key"]):
            assert (await seller.read(key)).json()["total"] == 1
        assert len(await rows(database_url, organisations)) == 1
        assert {row.expires_at for row in await rows(database_url, keys)} == {
            milliseconds(second["reads_until"])
        }

    async def test_earlier_keys_are_revoked_if_asked(self, seller: Seller) -> None:
        wallet = Wallet()
        first = await seller.opened(order(), wallet)
        second = await seller.opened(order(replaces_keys=True), wallet)
        assert (await seller.read(first["api_key"])).status_code == 401
        assert (await seller.read(second["api_key"])).status_code == 200

    async def test_a_replay_shows_what_its_own_payment_was_for(self, seller: Seller) -> None:
        wallet, body = Wallet(), order()
        first, payment = await seller.paid(body, wallet)
        await seller.opened(order(), wallet)
        assert (await seller.ask(body, payment)).json() == first.json()


class TestEavesdropped:
    """What is on chain is public: who paid, with which nonce, and the signature."""

    async def test_other_bytes_get_no_key_and_change_nothing(
        self, seller: Seller, script: ScriptedFacilitator, database_url: str
    ) -> None:
        body = order()
        opened, payment = await seller.paid(body)
        before = [await rows(database_url, each) for each in (keys, workspaces, workspace_payments)]
        for stolen in (order(), {**body, "replaces_keys": True}, {**body, "scopes": ["schedules"]}):
            assert code(await seller.ask(stolen, payment)) == (409, "payment_already_used")
        after = [await rows(database_url, each) for each in (keys, workspaces, workspace_payments)]
        assert after == before
        assert script.calls.count("settle") == 1
        assert (await seller.read(opened.json()["api_key"])).status_code == 200

    @pytest.mark.parametrize("operation", ["verify", "settle"])
    async def test_a_facilitator_that_uses_what_it_is_sent_gets_no_key(
        self, seller: Seller, script: ScriptedFacilitator, database_url: str, operation: str
    ) -> None:
        stolen: list[Any] = []
        payments: list[str] = []

        async def steals(request: web.Request) -> web.StreamResponse:
            if not stolen:
                stolen.append(await seller.ask(order(), payments[0]))
            return await (verifies if operation == "verify" else settles)(request)

        script.play(operation, steals)
        body = order()
        payments.append(await Wallet().payment(await seller.terms()))
        opened = await seller.ask(body, payments[0])
        assert [code(response) for response in stolen] == [(409, "payment_already_used")]
        assert opened.status_code == 200
        assert [row.id for row in await rows(database_url, keys)] == [opened.json()["key_id"]]

    async def test_not_while_the_outcome_is_unknown(
        self, script: ScriptedFacilitator, database_url: str
    ) -> None:
        script.play("settle", answers(b"", 503))
        selling = Seller(script.url, database_url, time.time, **QUICK)
        async with living(selling.app):
            body = order()
            lost, payment = await selling.paid(body)
            assert code(lost) == (503, "settlement_unknown")
            assert code(await selling.ask(order(), payment)) == (409, "payment_already_used")
            script.play("settle", settles)
            assert (await selling.ask(body, payment)).status_code == 200

    async def test_not_when_the_claim_is_forgotten_and_the_facilitator_settles_anything(
        self, script: ScriptedFacilitator, database_url: str
    ) -> None:
        """A payment that is valid for longer than a claim lives, which nobody should sign."""
        clock = Clock(time.time())
        selling = Seller(script.url, database_url, clock)
        async with living(selling.app):
            payment = header_of(Wallet().signed(await selling.terms()))
            assert (await selling.ask(order(), payment)).status_code == 200
            before = [await rows(database_url, each) for each in (keys, workspaces)]
            clock.advance(2 * DAY)
            assert code(await selling.ask(order(), payment)) == (409, "payment_already_used")
            assert [await rows(database_url, each) for each in (keys, workspaces)] == before

    async def test_not_when_the_workspace_is_deleted_as_well(
        self, script: ScriptedFacilitator, database_url: str
    ) -> None:
        clock, claims = Clock(time.time()), MemoryClaims(time.time)
        selling = Seller(script.url, database_url, clock, claims)
        async with living(selling.app):
            body, payment = order(), header_of(Wallet().signed(await selling.terms()))
            assert (await selling.ask(body, payment)).status_code == 200
        database = Database(database_url)
        await database.open()
        clock.advance(61 * DAY)
        await database.write(lambda tx: sweep(tx, int(clock() * 1000)))
        await database.aclose()
        assert not await rows(database_url, organisations)
        again = Seller(script.url, database_url, clock)
        async with living(again.app):  # the ledger remembers the payment
            assert code(await again.ask(body, payment)) == (409, "payment_already_used")
        assert not await rows(database_url, organisations)

    async def test_another_secret_of_the_operator_gives_nobody_a_key(
        self, script: ScriptedFacilitator, database_url: str
    ) -> None:
        claims = MemoryClaims(time.time)
        body = order()
        one = Seller(script.url, database_url, time.time, claims)
        async with living(one.app):
            _, payment = await one.paid(body)
        other = Seller(script.url, database_url, time.time, claims, workspace_secret="x" * 32)
        async with living(other.app):
            assert code(await other.ask(body, payment)) == (409, "payment_already_used")


class TestNotCharged:
    @pytest.mark.parametrize("reason", ["insufficient_funds", "invalid_payload"])
    async def test_a_refused_settlement_leaves_nothing(
        self, seller: Seller, script: ScriptedFacilitator, database_url: str, reason: str
    ) -> None:
        script.play("settle", refuses(reason))
        response, _ = await seller.paid(order())
        assert code(response) == (402, reason)
        for table in (organisations, workspaces, workspace_payments, keys):
            assert not await rows(database_url, table)

    async def test_a_refused_renewal_leaves_the_workspace_as_it_was(
        self, seller: Seller, script: ScriptedFacilitator, database_url: str
    ) -> None:
        wallet = Wallet()
        opened = await seller.opened(order(), wallet)
        before = [await rows(database_url, each) for each in (keys, workspaces)]
        script.play("settle", refuses("insufficient_funds"))
        response, _ = await seller.paid(order(replaces_keys=True), wallet)
        assert response.status_code == 402
        assert [await rows(database_url, each) for each in (keys, workspaces)] == before
        assert (await seller.read(opened["api_key"])).status_code == 200

    async def test_a_payment_that_is_not_verified_writes_nothing(
        self, seller: Seller, script: ScriptedFacilitator, database_url: str
    ) -> None:
        invalid = {"isValid": False, "invalidReason": "insufficient_funds"}
        script.play("verify", answers(invalid))
        response, _ = await seller.paid(order())
        assert code(response) == (402, "insufficient_funds")
        assert script.calls == ["supported", "verify"]
        assert not await rows(database_url, organisations)

    @pytest.mark.parametrize("operation", ["verify", "settle"])
    async def test_a_facilitator_that_turns_the_call_away(
        self, script: ScriptedFacilitator, database_url: str, operation: str
    ) -> None:
        script.play(operation, answers(b"", 429))
        selling = Seller(script.url, database_url, time.time, **QUICK)
        async with living(selling.app):
            body = order()
            response, payment = await selling.paid(body)
            assert code(response) == (503, "facilitator_unavailable")
            assert not await rows(database_url, organisations)
            script.play(operation, settles if operation == "settle" else verifies)
            assert (await selling.ask(body, payment)).status_code == 200


class TestUnknown:
    async def test_a_facilitator_that_does_not_answer_in_time(
        self, script: ScriptedFacilitator, database_url: str
    ) -> None:
        held = asyncio.Event()

        async def hangs(_: web.Request) -> web.StreamResponse:
            await held.wait()
            return web.Response()

        script.play("settle", hangs)
        selling = Seller(script.url, database_url, time.time, **QUICK)
        async with living(selling.app):
            body = order()
            response, payment = await selling.paid(body)
            assert code(response) == (503, "settlement_unknown")
            assert not await rows(database_url, keys)
            assert len(await rows(database_url, workspace_payments)) == 1
            script.play("settle", settles)
            held.set()
            opened = await selling.ask(body, payment)
            assert opened.status_code == 200
            assert (await selling.read(opened.json()["api_key"])).status_code == 200
        assert len(await rows(database_url, workspace_payments)) == 1

    async def test_a_caller_who_hangs_up_gets_the_key_later(
        self, seller: Seller, script: ScriptedFacilitator, database_url: str
    ) -> None:
        held = asyncio.Event()

        async def waits(request: web.Request) -> web.StreamResponse:
            await held.wait()
            return await settles(request)

        script.play("settle", waits)
        body = order()
        payment = await Wallet().payment(await seller.terms())
        buying = asyncio.create_task(seller.ask(body, payment))
        await script.called("settle")
        buying.cancel()
        held.set()
        opened = await seller.ask(body, payment)
        assert opened.status_code == 200
        assert script.calls.count("settle") == 1


class Moved:
    """A SQLite file that can be taken away from under a service, and put back."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.url = f"sqlite:///{file}"

    @property
    def aside(self) -> Path:
        return self.file.with_suffix(".aside")

    def take(self) -> None:
        self.file.rename(self.aside)

    def put_back(self) -> None:
        self.aside.rename(self.file)


@pytest.fixture
def moved(
    templates: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Moved:
    monkeypatch.setattr("app.database.database.RECHECK_SECONDS", 0.0)
    shutil.copy(templates("sqlite"), tmp_path / "oncall.db")
    return Moved(tmp_path / "oncall.db")


class TestDatabaseAway:
    async def test_before_the_settlement_nothing_is_charged(
        self, script: ScriptedFacilitator, moved: Moved
    ) -> None:
        selling = Seller(script.url, moved.url, time.time)
        async with living(selling.app):
            await selling.opened(order())
            moved.take()
            body = order()
            response, payment = await selling.paid(body)
            assert code(response) == (503, "workspaces_unavailable")
            assert int(response.headers["Retry-After"]) >= 1
            assert script.calls.count("settle") == 1
            moved.put_back()
            assert (await selling.ask(body, payment)).status_code == 200
            assert script.calls.count("settle") == 2

    async def test_after_the_settlement_the_same_request_gets_the_key(
        self, script: ScriptedFacilitator, moved: Moved
    ) -> None:
        async def loses(request: web.Request) -> web.StreamResponse:
            moved.take()
            return await settles(request)

        selling = Seller(script.url, moved.url, time.time)
        async with living(selling.app):
            await selling.opened(order())
            script.play("settle", loses)
            body = order()
            response, payment = await selling.paid(body)
            assert code(response) == (503, "workspace_unfinished")
            assert response.json()["retry"] == "same-payment"
            again = await selling.ask(body, payment)
            assert code(again) == (503, "workspace_unfinished")
            moved.put_back()
            opened = await selling.ask(body, payment)
            assert opened.status_code == 200
            assert opened.headers["Idempotent-Replayed"] == "true"
            assert (await selling.read(opened.json()["api_key"])).status_code == 200
            assert script.calls.count("settle") == 2

    async def test_while_a_refusal_is_taken_back_the_sweep_does_it_later(
        self, script: ScriptedFacilitator, moved: Moved
    ) -> None:
        async def loses(request: web.Request) -> web.StreamResponse:
            moved.take()
            return await refuses("insufficient_funds")(request)

        selling = Seller(script.url, moved.url, time.time)
        async with living(selling.app):
            await selling.opened(order())
            script.play("settle", loses)
            response, _ = await selling.paid(order())
            assert code(response) == (402, "insufficient_funds")
            moved.put_back()
        assert len(await rows(moved.url, organisations)) == 2
        await swept(moved.url, time.time() + 25.5 * 3_600)
        assert len(await rows(moved.url, organisations)) == 1

    async def test_before_a_settlement_is_taken_up_again_its_outcome_stays_unknown(
        self, script: ScriptedFacilitator, moved: Moved
    ) -> None:
        script.play("settle", answers(b"", 503))
        selling = Seller(script.url, moved.url, time.time, **QUICK)
        async with living(selling.app):
            body = order()
            lost, payment = await selling.paid(body)
            assert code(lost) == (503, "settlement_unknown")
            moved.take()
            calls = len(script.calls)
            assert code(await selling.ask(body, payment)) == (503, "settlement_unknown")
            assert len(script.calls) == calls
            moved.put_back()
            script.play("settle", settles)
            assert (await selling.ask(body, payment)).status_code == 200


class TestCrashed:
    """A process that ended between two steps; another one has its database and its claims."""

    async def test_before_settling_the_sweep_deletes_what_it_wrote(
        self, script: ScriptedFacilitator, database_url: str
    ) -> None:
        script.play("settle", answers(b"", 503))
        crashed = Seller(script.url, database_url, time.time, **QUICK)
        async with living(crashed.app):
            response, _ = await crashed.paid(order())
            assert code(response) == (503, "settlement_unknown")
        assert len(await rows(database_url, organisations)) == 1
        await swept(database_url, time.time() + 24 * 3_600)
        assert len(await rows(database_url, organisations)) == 1
        await swept(database_url, time.time() + 25.5 * 3_600)
        for table in (organisations, workspaces, workspace_payments, keys):
            assert not await rows(database_url, table)

    async def test_after_settling_the_sweep_opens_what_is_in_the_ledger(
        self, script: ScriptedFacilitator, database_url: str
    ) -> None:
        script.play("settle", answers(b"", 503))
        claims = MemoryClaims(time.time)
        crashed = Seller(script.url, database_url, time.time, claims, **QUICK)
        body = order()
        async with living(crashed.app):
            _, payment = await crashed.paid(body)
        await settled_in(database_url)
        await swept(database_url, time.time())
        [key] = await rows(database_url, keys)
        await swept(database_url, time.time() + 100)
        assert await rows(database_url, keys) == [key]
        script.play("settle", settles)
        again = Seller(script.url, database_url, time.time, claims)
        async with living(again.app):
            opened = await again.ask(body, payment)
            assert opened.json()["key_id"] == key.id
            assert (await again.read(opened.json()["api_key"])).status_code == 200
        assert len(await rows(database_url, keys)) == 1

    async def test_a_database_that_was_restored_from_before_is_completed_by_the_receipt(
        self, script: ScriptedFacilitator, database_url: str
    ) -> None:
        claims = MemoryClaims(time.time)
        body = order()
        one = Seller(script.url, database_url, time.time, claims)
        async with living(one.app):
            first, payment = await one.paid(body)
        database = Database(database_url)
        await database.open()
        await database.write(lambda tx: tx.execute(organisations.delete()))
        await database.aclose()
        other = Seller(script.url, database_url, time.time, claims)
        async with living(other.app):
            again = await other.ask(body, payment)
            assert again.json()["api_key"] == first.json()["api_key"]
            assert (await other.read(again.json()["api_key"])).status_code == 200


async def swept(url: str, seconds: float) -> None:
    """Sweep, as every service process does from time to time."""
    database = Database(url)
    await database.open()
    await database.write(lambda tx: sweep(tx, int(seconds * 1_000)))
    await database.aclose()


async def settled_in(url: str) -> None:
    """Write every payment for a workspace into the ledger, as when it is looked up."""
    lines = [
        Settlement(row.payment, "p", NETWORK, "a", "1", "p", "t", "", "r", time.time())
        for row in await rows(url, workspace_payments)
    ]
    database = Database(url)
    await database.open()
    await database.write(lambda tx: insert_settlements(tx, lines))
    await database.aclose()


class TestAbsent:
    @pytest.mark.parametrize(
        "without", [{"database_url": "none"}, {"workspace_secret": ""}], ids=["database", "secret"]
    )
    async def test_what_it_needs_is_not_there(
        self, script: ScriptedFacilitator, tmp_path: Path, without: dict[str, str]
    ) -> None:
        url = without.get("database_url", f"sqlite:///{tmp_path}/oncall.db")
        secret = without.get("workspace_secret", SECRET)
        selling = Seller(script.url, url, time.time, workspace_secret=secret)
        async with living(selling.app):
            assert (await selling.ask(order())).status_code == 404
            catalog = (await selling.http.get("/catalog")).text
            described = (await selling.http.get("/openapi.json")).text
        assert "workspace" not in catalog
        assert "oncall-workspace" not in described

    async def test_with_both_it_is_listed_everywhere(self, seller: Seller) -> None:
        for path in ("/catalog", "/openapi.json", "/llms.txt", "/.well-known/x402", "/sitemap.xml"):
            text = (await seller.http.get(path)).text
            assert "oncall-workspace" in text, path
        page = await seller.http.get(
            "/catalog/sched-oncall-workspace", headers={"Accept": "text/html"}
        )
        assert page.status_code == 200
        assert "replaces_keys" in page.text
