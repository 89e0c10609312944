"""The official clients and facilitators settle on a local Solana chain, and we read what they do.

Nothing is bought here: what is shown is that the chain is one, that our reading of a payment agrees
with both official clients, and that a settlement whose answer was lost is found on it.
"""

import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.transaction import VersionedTransaction
from x402 import x402Client
from x402.http import FacilitatorConfig, HTTPFacilitatorClient
from x402.mechanisms.svm import KeypairSigner
from x402.mechanisms.svm.exact import ExactSvmClientScheme
from x402.schemas import PaymentPayload, PaymentRequired, PaymentRequirements, ResourceInfo

from app.payments.chain import AuthorizationState, ChainRecord
from app.payments.solana.chain import SolanaChain as AppChain
from app.payments.solana.networks import LIFETIME_SECONDS, fee_payer_in
from app.payments.solana.transaction import Transfer, transfer_in
from tests.chain.conftest import FUNDS, absent
from tests.support.chain.books import PAID, PRICE, UNMOVED, Movement
from tests.support.chain.chain import HERE
from tests.support.chain.service import faulty_node
from tests.support.chain.solana_chain import NETWORK, SolanaChain, local_solana_facilitator
from tests.support.processes import printed
from tests.support.solana_payments import TERMS, Order, payload, signed

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Client is deprecated"),
]


class Party(NamedTuple):
    """Who pays on whose terms, and what both had."""

    chain: SolanaChain
    payer: Keypair
    terms: PaymentRequirements
    client: x402Client
    had: tuple[int, int, int]

    async def payment(self) -> PaymentPayload:
        """A payment as the official client signs it."""
        resource = ResourceInfo(url="http://127.0.0.1/resource")
        required = PaymentRequired(accepts=[self.terms], resource=resource)
        made = await self.client.create_payment_payload(required)
        assert isinstance(made, PaymentPayload)
        return made

    def moved(self) -> Movement:
        return Movement(*(new - old for new, old in zip(self._state(), self.had, strict=True)))

    def _state(self) -> tuple[int, int, int]:
        payer = str(self.payer.pubkey())
        balances = [self.chain.balance_of(each) for each in (payer, self.terms.pay_to)]
        return balances[0], balances[1], len(self.chain.transfers(payer))

    def opened(self) -> "Party":
        return self._replace(had=self._state())


@pytest.fixture
def party(solana: SolanaChain) -> Iterator[Callable[[str], Party]]:
    """A payer with a dollar and a payee with a token account, on terms with this fee payer."""
    schemes: list[ExactSvmClientScheme] = []

    def made(fee_payer: str) -> Party:
        payer, payee = Keypair(), str(Keypair().pubkey())
        solana.mint(str(payer.pubkey()), FUNDS)
        solana.mint(payee, 0)
        terms = TERMS.model_copy(update={"pay_to": payee, "extra": {"feePayer": fee_payer}})
        schemes.append(ExactSvmClientScheme(KeypairSigner(payer), solana.url))
        client = x402Client().register("solana:*", schemes[-1])
        return Party(solana, payer, terms, client, (0, 0, 0)).opened()

    yield made
    for scheme in schemes:
        for node in scheme._clients.values():  # which nobody closes
            node._provider.session.close()


@pytest.fixture
async def facilitator(solana_facilitator_url: str) -> AsyncIterator[HTTPFacilitatorClient]:
    async with facilitator_at(solana_facilitator_url) as client:
        yield client


def facilitator_at(url: str) -> HTTPFacilitatorClient:
    return HTTPFacilitatorClient(FacilitatorConfig(url=url))


def fee_payer_of(facilitator: HTTPFacilitatorClient) -> str:
    named = fee_payer_in(facilitator.get_supported(), NETWORK)
    assert named is not None
    return named


async def record_of(
    chain: SolanaChain, transfer: Transfer, *, valid_before: float | None = None
) -> ChainRecord:
    """What our code finds on ``chain``, for a payment that was claimed just now."""
    ends = time.time() + LIFETIME_SECONDS if valid_before is None else valid_before
    return await AppChain(chain.url, NETWORK).record_of(transfer, valid_before=ends)


async def test_python_verifies_settles_and_refuses_a_replay(
    solana: SolanaChain,
    facilitator: HTTPFacilitatorClient,
    party: Callable[[str], Party],
    reconciled: list[str],
) -> None:
    ours = party(fee_payer_of(facilitator))
    await facilitator.verify(await ours.payment(), ours.terms)  # its first takes imports and more
    payment = await ours.payment()

    started = time.perf_counter()
    verified = await facilitator.verify(payment, ours.terms)
    verify_ms = 1000 * (time.perf_counter() - started)
    assert verified.is_valid
    assert ours.moved() == UNMOVED
    started = time.perf_counter()
    settled = await facilitator.settle(payment, ours.terms)
    settle_ms = 1000 * (time.perf_counter() - started)
    reconciled.append(f"Solana, Python: verify {verify_ms:.0f} ms, settle {settle_ms:.0f} ms")
    assert settled.success
    assert ours.moved() == PAID
    again = await facilitator.settle(payment, ours.terms)
    assert not again.success
    assert ours.moved() == PAID

    transfer = transfer_in(payment.payload)
    transfer.require_pays(ours.terms)
    assert transfer.payer == settled.payer == str(ours.payer.pubkey())
    assert transfer.payload.transaction == payment.payload["transaction"]
    assert transfer.is_named_by(settled.transaction)
    assert await record_of(solana, transfer) == ChainRecord(
        AuthorizationState.PAID_US, settled.transaction
    )
    assert not await AppChain(solana.url, NETWORK).shows_failure(settled.transaction)


@pytest.fixture
def typescript() -> Callable[..., Any]:
    """Runs the official TypeScript packages, by ``tests/support/chain/solana_settle.mjs``."""
    if not (HERE / "node_modules" / "@x402" / "svm").exists():
        absent("@x402/svm")
    node = shutil.which("node") or absent("node")

    def told(**asked: Any) -> Any:
        return printed([node, str(HERE / "solana_settle.mjs")], asked)

    return told


async def test_typescript_verifies_settles_and_refuses_a_replay(
    typescript: Callable[..., Any],
    solana: SolanaChain,
    party: Callable[[str], Party],
    reconciled: list[str],
) -> None:
    wallet = Keypair()
    solana.give_gas(str(wallet.pubkey()))
    ours = party(str(wallet.pubkey()))
    told = typescript(
        url=solana.url,
        accepts=ours.terms.model_dump(by_alias=True),
        payer=list(bytes(ours.payer)),
        facilitator=list(bytes(wallet)),
    )
    assert told["verified"]["isValid"], told
    assert told["settled"]["success"], told
    assert not told["again"]["success"], told
    assert ours.moved() == PAID
    took = told["milliseconds"]
    reconciled.append(f"Solana, TypeScript: verify {took['verify']} ms, settle {took['settle']} ms")

    transfer = transfer_in(told["payment"]["payload"])
    transfer.require_pays(ours.terms)
    assert transfer.payload.transaction == told["payment"]["payload"]["transaction"]
    assert transfer.is_named_by(told["settled"]["transaction"])


async def test_a_payment_signed_in_typescript_is_settled_in_python(
    typescript: Callable[..., Any],
    solana: SolanaChain,
    facilitator: HTTPFacilitatorClient,
    party: Callable[[str], Party],
) -> None:
    ours = party(fee_payer_of(facilitator))
    told = typescript(
        url=solana.url,
        accepts=ours.terms.model_dump(by_alias=True),
        payer=list(bytes(ours.payer)),
    )
    payment = PaymentPayload.model_validate(told["payment"])
    assert (await facilitator.settle(payment, ours.terms)).success
    assert ours.moved() == PAID


async def test_a_settlement_whose_answer_was_lost_is_found(
    solana: SolanaChain, logs: Path, party: Callable[[str], Party]
) -> None:
    with local_solana_facilitator(solana, logs, "--lose-answers", "1") as url:
        async with facilitator_at(url) as facilitator:
            ours = party(fee_payer_of(facilitator))
            payment = await ours.payment()
            with pytest.raises(ValueError, match="settle failed"):
                await facilitator.settle(payment, ours.terms)
            again = await facilitator.settle(payment, ours.terms)
    assert not again.success  # which says nothing of the money
    assert ours.moved() == PAID
    record = await record_of(solana, transfer_in(payment.payload))
    assert record.state is AuthorizationState.PAID_US
    assert solana.transaction(record.transaction)


async def test_a_payment_that_was_not_sent_ends_with_its_blockhash(
    solana: SolanaChain, facilitator: HTTPFacilitatorClient, party: Callable[[str], Party]
) -> None:
    ours = party(fee_payer_of(facilitator))
    payment = await ours.payment()
    transfer = transfer_in(payment.payload)
    now = int(time.time())
    assert (await record_of(solana, transfer, valid_before=now)).state is AuthorizationState.UNKNOWN
    solana.expire_blockhash()
    assert (await record_of(solana, transfer)).state is AuthorizationState.UNKNOWN
    assert (await record_of(solana, transfer, valid_before=now)).state is AuthorizationState.EXPIRED
    assert not (await facilitator.settle(payment, ours.terms)).success
    assert ours.moved() == UNMOVED


async def test_a_payment_that_failed_on_chain_has_paid_nothing(
    solana: SolanaChain, party: Callable[[str], Party]
) -> None:
    """Its payer's money went elsewhere between the simulation and the block."""
    sponsor = Keypair()
    solana.give_gas(str(sponsor.pubkey()))
    ours = party(str(sponsor.pubkey()))
    poor = Keypair()
    solana.mint(str(poor.pubkey()), PRICE - 1)
    latest = solana.call("getLatestBlockhash")["value"]["blockhash"]
    order = Order(
        payer=poor,
        payee=ours.terms.pay_to,
        fee_payer=str(sponsor.pubkey()),
        blockhash=Hash.from_string(latest),
    )
    whole = signed(order)
    transfer = transfer_in(payload(order))
    signatures = [sponsor.sign_message(transfer.message), whole.signatures[1]]
    solana.send(VersionedTransaction.populate(whole.message, signatures))
    assert (await record_of(solana, transfer)).state is AuthorizationState.FAILED
    assert await AppChain(solana.url, NETWORK).shows_failure(str(signatures[0]))
    assert ours.moved() == UNMOVED


async def test_a_node_with_faults_never_unmakes_a_payment(
    solana: SolanaChain,
    facilitator: HTTPFacilitatorClient,
    party: Callable[[str], Party],
    logs: Path,
) -> None:
    ours = party(fee_payer_of(facilitator))
    payment = await ours.payment()
    settled = await facilitator.settle(payment, ours.terms)
    transfer = transfer_in(payment.payload)
    ends = time.time() + LIFETIME_SECONDS
    with faulty_node(solana, logs, seed=16) as url:
        chain = AppChain(url, NETWORK)
        found = [await chain.record_of(transfer, valid_before=ends) for _ in range(60)]
        assert not any([await chain.shows_failure(settled.transaction) for _ in range(20)])
        async with httpx.AsyncClient() as http:
            faults = (await http.get(f"{url}/faults")).json()
    assert set(found) == {
        ChainRecord(AuthorizationState.PAID_US, settled.transaction),
        ChainRecord(AuthorizationState.UNKNOWN),
    }
    assert len(faults) > 5


async def test_a_payee_needs_a_token_account(
    solana: SolanaChain, party: Callable[[str], Party]
) -> None:
    chain = AppChain(solana.url, NETWORK)
    payee, new = party(str(Keypair().pubkey())).terms.pay_to, str(Keypair().pubkey())
    await chain.refresh()
    assert chain.problem is None
    assert await chain.payee_problem(payee) is None
    problem = await chain.payee_problem(new)
    assert problem is not None
    assert "has no account for the token" in problem
