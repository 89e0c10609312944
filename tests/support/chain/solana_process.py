"""A local Solana node: JSON-RPC over LiteSVM, the runtime of Solana in this process.

LiteSVM executes transactions with the real programs (SPL Token, associated accounts, Memo). It has
neither consensus nor JSON-RPC: here every transaction is a block of its own, final once it is
executed, and ``Node`` has the calls that the official clients and facilitators make.

The methods that begin with ``litesvm_`` are the tests' own, as ``anvil_…`` are on the EVM chain:
they give money and let a blockhash expire.
"""

import argparse
import base64
import json
import time
from typing import Any, NamedTuple

import uvicorn
from solders.account import Account
from solders.hash import Hash
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount, TokenAccountState
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata
from solders.transaction_status import (
    TransactionConfirmationStatus,
    TransactionErrorInstructionError,
    TransactionStatus,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from x402.mechanisms.svm.constants import MEMO_PROGRAM_ADDRESS, TOKEN_PROGRAM_ADDRESS
from x402.mechanisms.svm.utils import derive_ata

TOKEN_PROGRAM = Pubkey.from_string(TOKEN_PROGRAM_ADDRESS)
MEMO_PROGRAM = Pubkey.from_string(MEMO_PROGRAM_ADDRESS)
DECIMALS = 6
DEVNET = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"
"""The hash of devnet's first block."""
HISTORY = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mint", required=True)
    options = parser.parse_args()
    node = Node(Pubkey.from_string(options.mint))
    routes = [Route("/", node.answer, methods=["POST"]), Route("/", node.ready, methods=["GET"])]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=options.port)


class Executed(NamedTuple):
    """A transaction that is in a block; ``error`` is why it failed there, if it did."""

    transaction: VersionedTransaction
    block_time: int
    status: dict[str, Any]


class Node:
    """The node. Its public methods are those of JSON-RPC, with their parameters."""

    def __init__(self, mint: Pubkey) -> None:
        self._svm = LiteSVM().with_transaction_history(HISTORY)
        self._mint = mint
        self._slot = 0
        self._executed: dict[str, Executed] = {}
        token = Mint(None, 0, DECIMALS, is_initialized=True, freeze_authority=None)
        self._put(mint, bytes(token))

    async def ready(self, _: Request) -> Response:
        return JSONResponse("ready")

    async def answer(self, request: Request) -> Response:
        # LiteSVM belongs to the thread that made it: this one, which serves one call at a time
        call = await request.json()
        answer = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            answer["result"] = getattr(self, call["method"])(*call.get("params", ()))
        except (AttributeError, ValueError) as error:
            answer["error"] = {"code": -32602, "message": str(error)}
        return JSONResponse(answer)

    # --- what clients, facilitators and services ask (the names are JSON-RPC's) ------------------

    def getLatestBlockhash(self, _: object = None) -> Any:  # noqa: N802
        blockhash = str(self._svm.latest_blockhash())
        return self._now({"blockhash": blockhash, "lastValidBlockHeight": self._slot + 150})

    def isBlockhashValid(self, blockhash: str, _: object = None) -> Any:  # noqa: N802
        return self._now(Hash.from_string(blockhash) == self._svm.latest_blockhash())

    def getGenesisHash(self) -> str:  # noqa: N802
        return DEVNET

    def getSlot(self, _: object = None) -> int:  # noqa: N802
        return self._slot

    def getBlockTime(self, _: int) -> int:  # noqa: N802
        return int(time.time())

    def getAccountInfo(self, address: str, _: object = None) -> Any:  # noqa: N802
        account = self._svm.get_account(Pubkey.from_string(address))
        return self._now(
            account
            and {
                "data": [base64.b64encode(account.data).decode(), "base64"],
                "executable": account.executable,
                "lamports": account.lamports,
                "owner": str(account.owner),
                "rentEpoch": 0,
                "space": len(account.data),
            }
        )

    def getTokenAccountBalance(self, address: str, _: object = None) -> Any:  # noqa: N802
        account = self._svm.get_account(Pubkey.from_string(address))
        if account is None:
            raise ValueError("could not find account")
        amount = TokenAccount.from_bytes(account.data).amount
        whole = str(amount / 10**DECIMALS)
        return self._now({"amount": str(amount), "decimals": DECIMALS, "uiAmountString": whole})

    def simulateTransaction(self, encoded: str, options: Any = None) -> Any:  # noqa: N802
        """Try a transaction; its signatures are verified only if that is asked for."""
        transaction = _decoded(encoded)
        self._svm.with_sigverify((options or {}).get("sigVerify", False))
        simulated = self._svm.simulate_transaction(transaction)
        self._svm.with_sigverify(True)  # noqa: FBT003 - its only parameter
        return self._now(
            {
                "err": _status(self._slot, simulated)["err"],
                "logs": simulated.meta().logs(),
                "accounts": None,
                "unitsConsumed": simulated.meta().compute_units_consumed(),
                "returnData": None,
                "innerInstructions": None,
            }
        )

    def sendTransaction(self, encoded: str, options: Any = None) -> str:  # noqa: N802
        """Execute a transaction; one that fails before its first instruction is in no block."""
        transaction = _decoded(encoded)
        sent = self._svm.send_transaction(transaction)
        error = sent.err() if isinstance(sent, FailedTransactionMetadata) else None
        if error is None or isinstance(error, TransactionErrorInstructionError):
            self._next_block()
            signature = str(transaction.signatures[0])
            status = _status(self._slot, sent)
            self._executed[signature] = Executed(transaction, int(time.time()), status)
        elif not (options or {}).get("skipPreflight"):
            raise ValueError(f"Transaction simulation failed: {error}")
        return str(transaction.signatures[0])

    def getSignatureStatuses(self, signatures: list[str], _: object = None) -> Any:  # noqa: N802
        found = map(self._executed.get, signatures)
        return self._now([each and each.status for each in found])

    def getSignaturesForAddress(self, address: str, options: Any = None) -> Any:  # noqa: N802
        """The newest first, as many as are asked for."""
        named = Pubkey.from_string(address)
        found = [
            {
                "signature": signature,
                "slot": each.status["slot"],
                "err": each.status["err"],
                "memo": _memo(each.transaction),
                "blockTime": each.block_time,
                "confirmationStatus": "finalized",
            }
            for signature, each in reversed(self._executed.items())
            if named in each.transaction.message.account_keys
        ]
        return found[: (options or {}).get("limit", 1000)]

    def getTransaction(self, signature: str, _: object = None) -> Any:  # noqa: N802
        each = self._executed.get(signature)
        return each and {
            "slot": each.status["slot"],
            "blockTime": each.block_time,
            "transaction": [base64.b64encode(bytes(each.transaction)).decode(), "base64"],
            "meta": {"err": each.status["err"]},
        }

    # --- what only the tests ask ----------------------------------------------------------------

    def litesvm_airdrop(self, address: str, lamports: int) -> None:
        self._svm.airdrop(Pubkey.from_string(address), lamports)

    def litesvm_mint(self, owner: str, amount: int) -> None:
        """Add ``amount`` to the associated token account of ``owner``, which is made if need be."""
        address = Pubkey.from_string(derive_ata(owner, str(self._mint)))
        account = self._svm.get_account(address)
        before = TokenAccount.from_bytes(account.data).amount if account else 0
        token = TokenAccount(
            self._mint,
            Pubkey.from_string(owner),
            before + amount,
            delegate=None,
            state=TokenAccountState.Initialized,
            is_native=None,
            delegated_amount=0,
            close_authority=None,
        )
        self._put(address, bytes(token))

    def litesvm_expireBlockhash(self) -> None:  # noqa: N802
        """Make it too late for every transaction that is signed and not yet sent."""
        self._svm.expire_blockhash()
        self._next_block()

    # --- the chain ------------------------------------------------------------------------------

    def _now(self, value: Any) -> dict[str, Any]:
        return {"context": {"slot": self._slot}, "value": value}

    def _next_block(self) -> None:
        self._slot += 1
        self._svm.warp_to_slot(self._slot)

    def _put(self, address: Pubkey, data: bytes) -> None:
        rent = self._svm.minimum_balance_for_rent_exemption(len(data))
        self._svm.set_account(address, Account(rent, data, TOKEN_PROGRAM))


def _decoded(encoded: str) -> VersionedTransaction:
    return VersionedTransaction.from_bytes(base64.b64decode(encoded))


def _status(slot: int, result: Any) -> dict[str, Any]:
    """The status of a transaction with this result, in the words of JSON-RPC."""
    status = TransactionStatus(
        slot=slot,
        confirmations=None,
        err=result.err() if isinstance(result, FailedTransactionMetadata) else None,
        confirmation_status=TransactionConfirmationStatus.Finalized,
    )
    parsed: dict[str, Any] = json.loads(status.to_json())
    return parsed


def _memo(transaction: VersionedTransaction) -> str | None:
    """The memos of a transaction, each with its length before it, as nodes list them."""
    message = transaction.message
    memos = [
        f"[{len(instruction.data)}] {bytes(instruction.data).decode()}"
        for instruction in message.instructions
        if message.account_keys[instruction.program_id_index] == MEMO_PROGRAM
    ]
    return "; ".join(memos) or None


if __name__ == "__main__":
    main()
