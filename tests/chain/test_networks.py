"""One service that is paid on two local chains, each with a facilitator and a node of its own."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from solders.keypair import Keypair
from x402 import x402Client
from x402.http.utils import decode_payment_response_header
from x402.mechanisms.evm.exact import register_exact_evm_client
from x402.mechanisms.svm import KeypairSigner
from x402.mechanisms.svm.exact import ExactSvmClientScheme
from x402.schemas import PaymentPayload

from tests.chain.conftest import FUNDS, absent
from tests.support.chain.books import PAID, Books, Row
from tests.support.chain.chain import HERE, Chain
from tests.support.chain.service import ENDPOINT, EXAMPLE, Service, local_service, reason_in
from tests.support.chain.solana_chain import NETWORK as SOLANA
from tests.support.chain.solana_chain import SolanaChain, local_solana_facilitator
from tests.support.mcp_agents import ROTATION
from tests.support.processes import printed
from tests.support.seed import EXAMPLE_RESPONSE
from tests.support.services import NETWORK as BASE_SEPOLIA

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:Client is deprecated"),
]


@pytest.fixture(scope="module")
def both(
    chain: Chain,
    facilitator_url: str,
    solana: SolanaChain,
    solana_facilitator_url: str,
    logs: Path,
) -> Iterator[Service]:
    """The service with two ways to pay; its payee is the one on Solana."""
    ways = [
        solana_way(solana, solana_facilitator_url, rpcUrl=solana.url),
        {
            "network": "base-sepolia",
            "payTo": Account.create().address,
            "facilitator": facilitator_url,
            "rpcUrl": chain.url,
        },
    ]
    with local_service(
        facilitator_url, logs, ONCALL_ACCEPTS=json.dumps(ways), ONCALL_NETWORK="", ONCALL_PAY_TO=""
    ) as service:
        yield service


def solana_way(solana: SolanaChain, facilitator_url: str, **more: str) -> dict[str, str]:
    """A way to be paid on Solana, with a fresh payee."""
    payee = str(Keypair().pubkey())
    solana.mint(payee, 0)
    return {"network": "solana-devnet", "payTo": payee, "facilitator": facilitator_url, **more}


@pytest.fixture
def solana_payer(solana: SolanaChain) -> Keypair:
    payer = Keypair()
    solana.mint(str(payer.pubkey()), FUNDS)
    return payer


@pytest.fixture
def solana_client(solana: SolanaChain, solana_payer: Keypair) -> Iterator[x402Client]:
    scheme = ExactSvmClientScheme(KeypairSigner(solana_payer), solana.url)
    yield x402Client().register("solana:*", scheme)
    for node in scheme._clients.values():  # which nobody closes
        node._provider.session.close()


@pytest.fixture
def open_solana_books(
    solana: SolanaChain, rows: list[Row], solana_payer: Keypair, request: pytest.FixtureRequest
) -> Callable[[Service], Books]:
    def opened(service: Service) -> Books:
        case = "Solana: " + request.node.name.removeprefix("test_").replace("_", " ")
        payee = {way.network: way.pay_to for way in service.terms().accepts}[SOLANA]
        return Books(solana, rows, case, str(solana_payer.pubkey()), payee)  # type: ignore[arg-type]

    return opened


async def signed(client: x402Client, service: Service) -> PaymentPayload:
    made = await client.create_payment_payload(service.terms())
    assert isinstance(made, PaymentPayload)
    return made


async def test_a_purchase_on_each_network(
    both: Service,
    chain: Chain,
    rows: list[Row],
    payer: LocalAccount,
    solana_client: x402Client,
    open_solana_books: Callable[[Service], Books],
) -> None:
    ways = {way.network: way.pay_to for way in both.terms().accepts}
    assert list(ways) == [BASE_SEPOLIA, SOLANA]
    ready = both.http.get(f"{both.url}/readyz").json()["checks"]
    assert (ready["facilitator"], ready["chain"]) == ("ok", "ok")

    evm_books = Books(
        chain, rows, "EVM: a purchase on each network", payer.address, ways[BASE_SEPOLIA]
    )
    evm_client = register_exact_evm_client(x402Client(), payer)
    bought = both.pay(await signed(evm_client, both))
    assert (bought.status_code, evm_books.close(bought.status_code)) == (200, PAID)

    books = open_solana_books(both)
    payment = await signed(solana_client, both)
    bought = both.pay(payment)
    again = both.pay(payment)
    assert books.close(bought.status_code, again.status_code) == PAID
    assert (bought.status_code, again.status_code) == (200, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == bought.content
    receipt = decode_payment_response_header(bought.headers["PAYMENT-RESPONSE"])
    assert (receipt.network, receipt.success) == (SOLANA, True)


@pytest.mark.parametrize("over", ["http", "mcp"])
@pytest.mark.parametrize("client", ["python", "typescript"])
def test_a_client_buys_on_solana(
    client: str,
    over: str,
    both: Service,
    solana: SolanaChain,
    solana_payer: Keypair,
    open_solana_books: Callable[[Service], Books],
) -> None:
    """The official clients as programs; on the EVM chain ``test_examples`` and ``test_mcp`` do."""
    if client == "typescript":
        if not (HERE / "node_modules" / "@x402" / "fetch").exists():
            absent("@x402/fetch")
        command = [shutil.which("node") or absent("node"), str(HERE / "solana_buy.mjs")]
    else:
        command = [sys.executable, str(HERE / "solana_buy.py")]
    url = both.url + (ENDPOINT if over == "http" else "/mcp")
    asked = {"url": solana.url, "payer": list(bytes(solana_payer)), "order": json.loads(EXAMPLE)}
    books = open_solana_books(both)
    bought = printed([*command, over, url, ROTATION], asked)
    assert books.close(200) == PAID
    assert bought["answer"] == json.loads(EXAMPLE_RESPONSE)
    receipt = bought["receipt"]
    assert (receipt["success"], receipt["network"]) == (True, SOLANA)
    assert receipt["payer"] == str(solana_payer.pubkey())
    assert solana.transaction(receipt["transaction"])


async def test_what_does_not_suffice_is_refused_and_moves_nothing(
    both: Service,
    solana: SolanaChain,
    solana_client: x402Client,
    open_solana_books: Callable[[Service], Books],
) -> None:
    books, statuses = open_solana_books(both), []
    cheap = both.terms()
    for way in cheap.accepts:
        way.amount = "1"
    made = await solana_client.create_payment_payload(cheap)
    asked = [way for way in both.terms().accepts if way.network == SOLANA]
    assert isinstance(made, PaymentPayload)
    for accepted, reason in (
        (made.accepted, "payment_terms_mismatch: amount"),
        (asked[0], "invalid_exact_svm_payload_amount_mismatch"),
    ):
        refused = both.pay(made.model_copy(update={"accepted": accepted}))
        statuses.append(refused.status_code)
        assert reason_in(refused) == reason
    late = await signed(solana_client, both)
    solana.expire_blockhash()
    refused = both.pay(late)
    statuses.append(refused.status_code)
    assert refused.status_code == 402
    fresh = await signed(solana_client, both)
    other = both.pay(fresh, EXAMPLE.replace(b"alice", b"carol"))
    taken = both.pay(fresh)
    statuses += [other.status_code, taken.status_code]
    assert statuses == [402, 402, 402, 200, 409]
    assert books.close(*statuses) == PAID


@pytest.mark.parametrize(
    ("node", "told"),
    [(True, (200, None)), (False, (503, "settlement_unknown"))],
    ids=["node", "no node"],
)
async def test_a_receipt_that_was_lost(
    node: bool,
    told: tuple[int, str | None],
    solana: SolanaChain,
    solana_client: x402Client,
    open_solana_books: Callable[[Service], Books],
    logs: Path,
) -> None:
    """The facilitator settled and failed to say so; the second time it says "failed"."""
    with local_solana_facilitator(solana, logs, "--lose-answers", "1") as facilitator_url:
        way = solana_way(solana, facilitator_url, **({"rpcUrl": solana.url} if node else {}))
        settings = {"ONCALL_ACCEPTS": json.dumps([way]), "ONCALL_NETWORK": "", "ONCALL_PAY_TO": ""}
        with local_service(
            facilitator_url, logs, ONCALL_SETTLE_DEADLINE="5", **settings
        ) as service:
            books, paid = open_solana_books(service), await signed(solana_client, service)
            answers = [service.pay(paid) for _ in range(2)]
            moved = books.close(*(answer.status_code for answer in answers))
    assert moved == PAID
    assert [(each.status_code, reason_in(each)) for each in answers] == [told, told]
    if node:
        assert answers[0].content == answers[1].content
