"""The facilitator and the service as real processes, and one call of the paid endpoint."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from eth_account import Account
from solders.keypair import Keypair
from x402.http.utils import decode_payment_required_header, encode_payment_signature_header
from x402.schemas import PaymentPayload, PaymentRequired

from tests.support.chain.chain import HERE, Chain
from tests.support.chain.solana_chain import SolanaChain
from tests.support.processes import answers_ok, free_port, running
from tests.support.workers import service_command, service_environ

ENDPOINT = "/v1/scheduling/oncall-rotation"
EXAMPLE = (
    b'{"start": "2026-06-04T00:00:00Z", "people": ["alice", "bob"], "shifts": 3,'
    b' "shiftLengthHours": 24}'
)


@contextmanager
def local_facilitator(
    chain: Chain, logs: Path, *flags: str, solana: SolanaChain | None = None
) -> Iterator[str]:
    """The SDK's facilitator over ``chain``, and ``solana``, with fresh wallets; yields its URL."""
    port = free_port()
    wallet = Account.create()
    chain.give_gas(wallet.address)
    program = [sys.executable, str(HERE / "facilitator_process.py")]
    command = [*program, "--port", str(port), "--rpc-url", chain.url, *flags]
    environ = {**os.environ, "FACILITATOR_KEY": wallet.key.to_0x_hex()}
    if solana is not None:
        fee_payer = Keypair()
        solana.give_gas(str(fee_payer.pubkey()))
        command += ["--solana-rpc-url", solana.url]
        environ["SOLANA_FACILITATOR_KEY"] = str(fee_payer)
    url = f"http://127.0.0.1:{port}"
    ready = partial(answers_ok, f"{url}/supported")
    with running(command, log=logs / "facilitator.log", ready=ready, environ=environ):
        yield url


@contextmanager
def faulty_node(chain: Chain | SolanaChain, logs: Path, seed: int) -> Iterator[str]:
    """A node in front of ``chain`` that lags, breaks and lies; yields its URL."""
    port = free_port()
    program = [sys.executable, str(HERE / "node_process.py"), "--port", str(port)]
    command = [*program, "--rpc-url", chain.url, "--faults", str(seed)]
    url = f"http://127.0.0.1:{port}"
    ready = partial(answers_ok, f"{url}/faults")
    with running(command, log=logs / f"node-{port}.log", ready=ready, environ=os.environ):
        yield url


@dataclass(frozen=True)
class Service:
    """Our service at ``url``, paid to ``payee``."""

    url: str
    payee: str
    http: httpx.Client

    def terms(self) -> PaymentRequired:
        """What it asks to be paid, as a caller without a payment learns it."""
        refused = self.post(EXAMPLE)
        assert refused.status_code == 402, refused.text
        required = decode_payment_required_header(refused.headers["PAYMENT-REQUIRED"])
        assert isinstance(required, PaymentRequired)
        return required

    def pay(self, payment: PaymentPayload, body: bytes = EXAMPLE) -> httpx.Response:
        return self.post(body, {"PAYMENT-SIGNATURE": encode_payment_signature_header(payment)})

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
        typed = {"Content-Type": "application/json", **(headers or {})}
        return self.http.post(self.url + ENDPOINT, content=body, headers=typed)


@contextmanager
def local_service(facilitator_url: str, logs: Path, **settings: str) -> Iterator[Service]:
    """The service as its operator starts it, paid to a fresh address; ``settings`` are added."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    payee = Account.create().address
    environ = service_environ(facilitator_url, payee, ONCALL_PUBLIC_URL=url, **settings)
    ready = partial(answers_ok, f"{url}/readyz")
    log = logs / "service.log"
    with (
        running(service_command(port), log=log, ready=ready, environ=environ),
        httpx.Client(timeout=30) as http,
    ):
        yield Service(url, payee, http)


def reason_in(answer: httpx.Response) -> str | None:
    """Why a request was refused: a problem's code, or what the fresh terms say."""
    if answer.status_code == 402:
        return decode_payment_required_header(answer.headers["PAYMENT-REQUIRED"]).error
    code: str | None = answer.json().get("code")
    return code
