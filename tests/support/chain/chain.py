"""A local EVM chain with our token where USDC lives on Base Sepolia.

``anvil`` believes that it is Base Sepolia (chain id 84532); the token's run-time code is put at
USDC's address there, so the official clients and the SDK's asset table need no exceptions.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.exceptions import Web3Exception
from web3.logs import DISCARD
from x402.mechanisms.evm.types import ExactEIP3009Authorization

from tests.support.processes import free_port, running

HERE = Path(__file__).resolve().parent
NETWORK = "eip155:84532"
CHAIN_ID = 84532
USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"
ONE_ETHER = 10**18


class Transfer(NamedTuple):
    payer: str
    payee: str
    value: int


class Chain:
    """The chain behind ``url``: the token's balances, transfers and faucet."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.web3 = Web3(HTTPProvider(url))
        self._token: Any = None

    def is_up(self) -> bool:
        return self.web3.is_connected()

    def install_token(self) -> None:
        abi, code = compiled_token()
        self._order("anvil_setCode", USDC, code)
        self._token = self.web3.eth.contract(address=Web3.to_checksum_address(USDC), abi=abi)

    def give_gas(self, address: str) -> None:
        self._order("anvil_setBalance", address, hex(ONE_ETHER))

    def mint(self, address: str, amount: int) -> None:
        self._transact(self._token.functions.mint(address, amount))

    def balance_of(self, address: str) -> int:
        return int(self._token.functions.balanceOf(address).call())

    def transfers(self, payer: str) -> Sequence[Transfer]:
        """Every transfer that ``payer`` ever made."""
        return self._transfers(sender=payer)

    def transfers_to(self, payee: str) -> Sequence[Transfer]:
        """Every transfer that ``payee`` ever received."""
        return self._transfers(receiver=payee)

    def used_nonces(self, payers: Iterable[str]) -> set[str]:
        """The nonces of every authorization that one of ``payers`` ever saw used."""
        known = {payer.lower() for payer in payers}
        logs = self._token.events.AuthorizationUsed.get_logs(from_block=0)
        used = (log["args"] for log in logs)
        return {"0x" + u["nonce"].hex() for u in used if u["authorizer"].lower() in known}

    def transfers_in(self, transaction: str) -> Sequence[Transfer]:
        """The transfers of one transaction; none if it was reverted."""
        receipt = self.web3.eth.get_transaction_receipt(HexBytes(transaction))
        logs = self._token.events.Transfer().process_receipt(receipt, errors=DISCARD)
        return [_transfer(log) for log in logs]

    def transfer_with_authorization(
        self, signed: ExactEIP3009Authorization, signature: bytes
    ) -> None:
        """Anybody may hand in a signed authorization; here somebody does, past the service."""
        self._transact(
            self._token.functions.transferWithAuthorization(
                signed.from_address,
                signed.to,
                int(signed.value),
                int(signed.valid_after),
                int(signed.valid_before),
                bytes.fromhex(signed.nonce[2:]),
                signature[64],
                signature[:32],
                signature[32:64],
            )
        )

    def can_transfer_with_authorization(
        self, signed: ExactEIP3009Authorization, signature: bytes
    ) -> bool:
        """Hand it in as above, and say whether that was in time: a nonce is good for one."""
        try:
            self.transfer_with_authorization(signed, signature)
        except (Web3Exception, AssertionError):
            return False
        return True

    def _transfers(self, **filters: str) -> Sequence[Transfer]:
        logs = self._token.events.Transfer.get_logs(from_block=0, argument_filters=filters)
        return [_transfer(log) for log in logs]

    def _transact(self, call: Any) -> None:
        """Send ``call`` from an account that anvil holds the key of, and wait for it."""
        transaction = call.transact({"from": self.web3.eth.accounts[0]})
        receipt = self.web3.eth.wait_for_transaction_receipt(transaction, poll_latency=0.02)
        assert receipt["status"] == 1, "a transaction of the test itself was reverted"

    def _order(self, method: str, *arguments: str) -> None:
        answer = self.web3.provider.make_request(method, list(arguments))  # type: ignore[arg-type]
        assert "error" not in answer, answer


def _transfer(log: Any) -> Transfer:
    return Transfer(log["args"]["sender"], log["args"]["receiver"], log["args"]["value"])


def has_vyper() -> bool:
    return importlib.util.find_spec("vyper") is not None


def compiled_token() -> tuple[list[Any], str]:
    """The token's interface and its run-time code in hexadecimal."""
    vyper = [sys.executable, "-m", "vyper", "-f", "abi,bytecode_runtime", str(HERE / "token.vy")]
    compiled = subprocess.run(vyper, check=True, capture_output=True, text=True)
    abi, code = compiled.stdout.splitlines()
    return json.loads(abi), code


def anvil_binary() -> Path | None:
    """Anvil from ``npm ci --prefix tests/support/chain``, else from the PATH."""
    installed = sorted((HERE / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil"))
    found = installed[0] if installed else shutil.which("anvil")
    return Path(found) if found else None


@contextmanager
def local_chain(anvil: Path, logs: Path) -> Iterator[Chain]:
    """A fresh chain with the token installed.

    A block for each transaction, at once, and one every second: it has a time of its own.
    """
    port = free_port()
    chain = Chain(f"http://127.0.0.1:{port}")
    command = [str(anvil), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID)]
    command += ["--block-time", "1", "--mixed-mining"]
    environ = {**os.environ, "HOME": str(logs)}  # it keeps a folder there
    with running(command, log=logs / "anvil.log", ready=chain.is_up, environ=environ):
        chain.install_token()
        yield chain
