"""A node between the service and a chain that lags, breaks and lies, as the seed has it.

The chain is the EVM's or Solana's. Every call goes on to ``--rpc-url``, and its answer comes back
as a ``NodeFault`` changes it. None of them shows a transaction that is not there: what a node shows
is believed, and what it does not show, or shows in another shape, must decide nothing.
``GET /faults`` counts them.
"""

import argparse
import random
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

FAULT_SHARE = 0.4
LAG_BLOCKS = 25


class NodeFault(StrEnum):
    """What may go wrong with one call, in the words of the report."""

    OLD_BLOCK = "its latest block is an old one"
    NO_LOGS = "its logs lag: none"
    OTHER_LOGS = "lies: logs of another token"
    NO_RECEIPT = "a null receipt"
    OTHER_RECEIPT = "lies: a receipt in another block"
    NO_TRANSFER = "lies: a receipt without the transfer"
    NO_CONTRACT = "0x of eth_call"
    NO_LIST = "its list of transactions lags: none"
    PART_OF_LIST = "its list of transactions lags: without the newest"
    NO_STATUS = "it knows no transaction of that name"
    OLD_TIME = "its latest block is of five minutes ago"
    OTHER_SHAPE = "lies: a result of another shape"
    OTHER_TYPE = "lies: a number for a result"
    ERROR = "an error"
    NOT_JSON = "a page in place of JSON"


BY_METHOD: Mapping[str, tuple[NodeFault, ...]] = {
    "eth_getBlockByNumber": (NodeFault.OLD_BLOCK,),
    "eth_getLogs": (NodeFault.NO_LOGS, NodeFault.OTHER_LOGS),
    "eth_getTransactionReceipt": (
        NodeFault.NO_RECEIPT,
        NodeFault.OTHER_RECEIPT,
        NodeFault.NO_TRANSFER,
    ),
    "eth_call": (NodeFault.NO_CONTRACT,),
    "getSignaturesForAddress": (NodeFault.NO_LIST, NodeFault.PART_OF_LIST),
    "getSignatureStatuses": (NodeFault.NO_STATUS,),
    "getBlockTime": (NodeFault.OLD_TIME,),
}
OF_ANY = (NodeFault.OTHER_SHAPE, NodeFault.OTHER_TYPE, NodeFault.ERROR, NodeFault.NOT_JSON)


OTHER_TOKEN = "0x" + "77" * 20
OTHER_BLOCK = "0x" + "77" * 32
CHANGED: Mapping[NodeFault, Callable[[Any], Any]] = {
    NodeFault.OLD_BLOCK: lambda block: block,
    NodeFault.NO_LOGS: lambda _: [],
    NodeFault.OTHER_LOGS: lambda logs: [{**log, "address": OTHER_TOKEN} for log in logs],
    NodeFault.NO_RECEIPT: lambda _: None,
    NodeFault.OTHER_RECEIPT: lambda receipt: receipt and {**receipt, "blockHash": OTHER_BLOCK},
    NodeFault.NO_TRANSFER: lambda receipt: receipt and {**receipt, "logs": receipt["logs"][:1]},
    NodeFault.NO_CONTRACT: lambda _: "0x",
    NodeFault.NO_LIST: lambda _: [],
    NodeFault.PART_OF_LIST: lambda listed: listed[1:],
    NodeFault.NO_STATUS: lambda statuses: {**statuses, "value": [None]},
    NodeFault.OLD_TIME: lambda seconds: seconds - 300,
    NodeFault.OTHER_SHAPE: lambda result: [{"result": result}],
    NodeFault.OTHER_TYPE: lambda _: 1,
}
"""What becomes of a result."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rpc-url", required=True)
    parser.add_argument("--faults", type=int, required=True)
    options = parser.parse_args()
    node = FaultyNode(options.rpc_url, options.faults)
    routes = [
        Route("/", node.answer, methods=["POST"]),
        Route("/faults", node.counted),
    ]
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=options.port)


class FaultyNode:
    """The node at ``url``, with faults by ``seed``."""

    def __init__(self, url: str, seed: int) -> None:
        self._http = httpx.AsyncClient(base_url=url)
        self._chance = random.Random(seed)  # noqa: S311 - repeatable
        self._counts: Counter[NodeFault] = Counter()

    async def counted(self, _: Request) -> Response:
        return JSONResponse(self._counts)

    async def answer(self, request: Request) -> Response:
        call = await request.json()
        fault = self._next(call["method"])
        if fault is NodeFault.OLD_BLOCK:
            call["params"][0] = hex(max(await self._latest() - LAG_BLOCKS, 0))
        answer = (await self._http.post("/", json=call)).json()
        if fault is NodeFault.NOT_JSON:
            return PlainTextResponse("<html>too many requests</html>", 429)
        if fault is NodeFault.ERROR:
            answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "busy"}}
        elif fault is not None and "result" in answer:
            answer["result"] = CHANGED[fault](answer["result"])
        return JSONResponse(answer)

    def _next(self, method: str) -> NodeFault | None:
        if self._chance.random() > FAULT_SHARE:
            return None
        fault = self._chance.choice((*BY_METHOD.get(method, ()), *OF_ANY))
        self._counts[fault] += 1
        return fault

    async def _latest(self) -> int:
        call = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}
        return int((await self._http.post("/", json=call)).json()["result"], 16)


if __name__ == "__main__":
    main()
