"""A facilitator and a node that move each payment's money once and know it ever after.

Strategy: asked to settle a nonce again, the facilitator says that it is used, as a chain makes it
say; what became of the payment only the node tells. Some payments it moves and never speaks of:
their settlement is held until the caller gives up.
"""

import asyncio
import time
from collections import Counter
from typing import Any

from aiohttp import web
from eth_utils.crypto import keccak

from tests.support.services import (
    NETWORK,
    USDC,
    ScriptedFacilitator,
    answers,
    refuses,
    settlement,
)

USED = "0x" + keccak(text="AuthorizationUsed(address,bytes32)").hex()
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
BLOCK = "0x" + "44" * 32
SETTLE_SECONDS = 0.1


class CountingChain(ScriptedFacilitator):
    """``moved`` holds the transaction of each nonce, ``asked`` how often it was to be settled.

    Every ``mute_each``th payment is moved, and its settlement is not answered.
    """

    def __init__(self, mute_each: int) -> None:
        super().__init__(settle=self._settle)
        self.moved: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.muted: set[str] = set()
        self._mute_each = mute_each
        self._logs: dict[str, list[dict[str, Any]]] = {}
        self._over = asyncio.Event()

    def end(self) -> None:
        """Answer whatever is held."""
        self._over.set()

    async def _settle(self, request: web.Request) -> web.StreamResponse:
        signed = (await request.json())["paymentPayload"]["payload"]["authorization"]
        nonce = signed["nonce"]
        self.asked[nonce] += 1
        is_new = nonce not in self.moved
        if is_new:
            self._move(signed)
            if len(self.moved) % self._mute_each == 0:
                self.muted.add(nonce)
        if nonce in self.muted:
            await self._over.wait()
        await asyncio.sleep(SETTLE_SECONDS)
        if not is_new:
            return await refuses("invalid_exact_evm_nonce_already_used")(request)
        paid = settlement(payer=signed["from"], transaction=self.moved[nonce])
        return await answers(paid)(request)

    def _move(self, signed: dict[str, str]) -> None:
        transaction = f"0x{len(self.moved) + 1:064x}"
        self.moved[signed["nonce"]] = transaction
        payer, value = _word(signed["from"]), f"0x{int(signed['value']):064x}"
        topics = [[USED, payer, signed["nonce"]], [TRANSFER, payer, _word(signed["to"])]]
        self._logs[signed["nonce"]] = self._logs[transaction] = [
            {
                "address": USDC,
                "topics": each,
                "data": data,
                "transactionHash": transaction,
                "blockHash": BLOCK,
                "logIndex": hex(index),
            }
            for index, (each, data) in enumerate(zip(topics, ("0x", value), strict=True))
        ]

    async def node(self, request: web.Request) -> web.StreamResponse:
        """Answer as a node of the network."""
        asked = await request.json()
        method, [first, *_] = asked["method"], asked.get("params") or [None]
        result: object
        if method == "eth_getLogs":
            result = self._logs.get(first["topics"][2], [])[:1]
        elif method == "eth_getTransactionReceipt":
            logs = self._logs[first]
            result = {"transactionHash": first, "blockHash": BLOCK, "status": "0x1", "logs": logs}
        else:
            result = {
                "eth_chainId": hex(int(NETWORK.rpartition(":")[2])),
                "eth_getBlockByNumber": {"number": "0x10", "timestamp": hex(int(time.time()))},
                "eth_call": "0x" + "0" * 64,
            }[method]
        return web.json_response({"jsonrpc": "2.0", "id": 1, "result": result})


def _word(address: str) -> str:
    return "0x" + address[2:].lower().rjust(64, "0")
