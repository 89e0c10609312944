"""What the chain says became of an authorization: the last word when a receipt was lost.

Strategy: three JSON-RPC calls, made only when a settlement of ours may or may not have happened.
``authorizationState`` says whether the nonce is used (EIP-3009); the ``AuthorizationUsed`` event
names the transaction; its ``Transfer`` event shows whether that paid us.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import aiohttp
import msgspec
from eth_utils.crypto import keccak
from x402.schemas import PaymentRequirements

from app.payments.authorization import Authorization

LOOKBACK_BLOCKS = 9_000
"""How far back a use is looked for: five hours on Base, within what public nodes answer."""

AUTHORIZATION_STATE = "0x" + keccak(text="authorizationState(address,bytes32)")[:4].hex()
AUTHORIZATION_USED = "0x" + keccak(text="AuthorizationUsed(address,bytes32)").hex()
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()


class Fate(Enum):
    """What became of an authorization."""

    UNUSED = "unused"
    PAID_US = "paid us"
    SPENT_ELSEWHERE = "spent elsewhere"


@dataclass(frozen=True)
class Evidence:
    fate: Fate
    transaction: str = ""


class ChainUnavailable(Exception):
    """The node did not answer; it never leaves ``payments``."""


class Chain:
    """A node's JSON-RPC at ``url``."""

    def __init__(self, url: str, *, timeout_seconds: float = 5.0) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)

    async def evidence_of(self, signed: Authorization, terms: PaymentRequirements) -> Evidence:
        """What became of ``signed``, which promises ``terms``. Raises ``ChainUnavailable``."""
        payer, nonce = signed.payer[2:].lower().rjust(64, "0"), signed.nonce[2:].lower()
        call = {"to": terms.asset, "data": AUTHORIZATION_STATE + payer + nonce}
        used = await self._rpc("eth_call", call, "latest")
        if int(used, 16) == 0:
            return Evidence(Fate.UNUSED)
        latest = int(await self._rpc("eth_blockNumber"), 16)
        use = {
            "address": terms.asset,
            "topics": [AUTHORIZATION_USED, "0x" + payer, "0x" + nonce],
            "fromBlock": hex(max(latest - LOOKBACK_BLOCKS, 0)),
            "toBlock": "latest",
        }
        for log in await self._rpc("eth_getLogs", use):
            transaction = log["transactionHash"]
            receipt = await self._rpc("eth_getTransactionReceipt", transaction)
            if any(_pays(event, signed.payer, terms) for event in receipt["logs"]):
                return Evidence(Fate.PAID_US, transaction)
        return Evidence(Fate.SPENT_ELSEWHERE)

    async def _rpc(self, method: str, *parameters: object) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,
                session.post(
                    self._url,
                    data=msgspec.json.encode(request),
                    headers={"Content-Type": "application/json"},
                    allow_redirects=False,
                ) as response,
            ):
                return msgspec.json.decode(await response.content.read())["result"]
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
            raise ChainUnavailable from error


def _pays(event: Mapping[str, Any], payer: str, terms: PaymentRequirements) -> bool:
    """Whether ``event`` of a transaction is the transfer that ``terms`` ask ``payer`` for.

    By hand, because the SDK's function comes with an Ethereum client, whose import would use up the
    time that is left to settle.
    """
    wanted = [TRANSFER, *("0x" + address[2:].rjust(64, "0") for address in (payer, terms.pay_to))]
    return (
        event["address"].lower() == terms.asset.lower()
        and [topic.lower() for topic in event["topics"]] == [topic.lower() for topic in wanted]
        and event["data"].lower() == f"0x{int(terms.amount):064x}"
    )
