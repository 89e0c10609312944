"""A local Solana chain with a token where USDC lives on devnet.

The node says that it is of devnet; mint and programs are devnet's, too. So the official clients
need no exceptions: they are only told the node's URL.
"""

import base64
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from solders.keypair import Keypair
from solders.transaction import VersionedTransaction
from x402.mechanisms.svm.constants import SOLANA_DEVNET_CAIP2, USDC_DEVNET_ADDRESS
from x402.mechanisms.svm.utils import derive_ata, extract_transaction_info

from tests.support.chain.chain import HERE, Transfer
from tests.support.processes import answers_ok, free_port, running

NETWORK = SOLANA_DEVNET_CAIP2
USDC = USDC_DEVNET_ADDRESS
ONE_SOL = 10**9


class SolanaChain:
    """The chain behind ``url``: the token's balances, transfers and faucet. Addresses are wallets'.

    It reads like ``Chain``, so that the books are kept on either.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def give_gas(self, address: str) -> None:
        self.call("litesvm_airdrop", address, ONE_SOL)

    def mint(self, address: str, amount: int) -> None:
        """Give ``address`` money, and a token account to hold it."""
        self.call("litesvm_mint", address, amount)

    def expire_blockhash(self) -> None:
        self.call("litesvm_expireBlockhash")

    def balance_of(self, address: str) -> int:
        return int(
            self.call("getTokenAccountBalance", derive_ata(address, USDC))["value"]["amount"]
        )

    def transfers(self, payer: str) -> Sequence[Transfer]:
        """Every transfer that ``payer`` ever made."""
        return [each for each in self._transfers(payer) if each.payer == payer]

    def transfers_to(self, payee: str) -> Sequence[Transfer]:
        """Every transfer that ``payee`` ever received."""
        return [each for each in self._transfers(payee) if each.payee == derive_ata(payee, USDC)]

    def transaction(self, signature: str) -> VersionedTransaction:
        """A transaction in a block."""
        encoded, _ = self.call("getTransaction", signature)["transaction"]
        return VersionedTransaction.from_bytes(base64.b64decode(encoded))

    def send(self, transaction: VersionedTransaction) -> None:
        """Hand in a signed transaction unseen, past every check but the chain's."""
        encoded = base64.b64encode(bytes(transaction)).decode()
        self.call("sendTransaction", encoded, {"skipPreflight": True})

    def call(self, method: str, *parameters: object) -> Any:
        """The result of a call of JSON-RPC."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        answer = httpx.post(self.url, json=request, timeout=30).json()
        assert "error" not in answer, answer
        return answer["result"]

    def _transfers(self, address: str) -> Iterator[Transfer]:
        account = derive_ata(address, USDC)
        for listed in self.call("getSignaturesForAddress", account):
            if listed["err"] is None:
                shown = extract_transaction_info(self.transaction(listed["signature"]))
                assert shown is not None
                yield Transfer(shown.payer, shown.destination_ata, shown.amount)


@contextmanager
def local_solana(logs: Path) -> Iterator[SolanaChain]:
    """A fresh chain with the token."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = [sys.executable, str(HERE / "solana_process.py")]
    command = [*program, "--port", str(port), "--mint", USDC]
    ready = partial(answers_ok, url)
    with running(command, log=logs / "solana.log", ready=ready, environ=os.environ):
        yield SolanaChain(url)


@contextmanager
def local_solana_facilitator(chain: SolanaChain, logs: Path, *flags: str) -> Iterator[str]:
    """The SDK's facilitator over ``chain`` with a fresh wallet; yields its URL."""
    port = free_port()
    wallet = Keypair()
    chain.give_gas(str(wallet.pubkey()))
    program = [sys.executable, str(HERE / "facilitator_process.py")]
    command = [*program, "--port", str(port), "--solana-rpc-url", chain.url, *flags]
    environ = {**os.environ, "SOLANA_FACILITATOR_KEY": str(wallet)}
    url = f"http://127.0.0.1:{port}"
    ready = partial(answers_ok, f"{url}/supported")
    log = logs / "solana-facilitator.log"
    with running(command, log=log, ready=ready, environ=environ):
        yield url
