"""A facilitator that believes everybody but one, quick enough not to be what is measured.

Strategy: httptools on a bare asyncio protocol under uvloop, some 30 µs a call. It answers
``/supported``, ``/verify`` and ``/settle`` in the protocol's shape and checks nothing but that the
payer is not ``FORGED_PAYER``, whose payments are refused as wrongly signed. Every answer
waits for ``--delay-ms``, which ``POST /delay/20`` sets anew; ``GET /calls`` counts what was asked,
and with ``--ledger`` ``GET /ledger`` how often each nonce was settled.
"""

import argparse
import asyncio
from collections import Counter

import httptools
import msgspec
import uvloop
from msgspec import Struct

FORGED_PAYER = "0x" + "0f" * 20
WRONG_SIGNATURE = "invalid_exact_evm_payload_signature"


class Authorization(Struct, rename={"payer": "from"}):
    payer: str
    nonce: str


class Signed(Struct):
    authorization: Authorization


class Payload(Struct):
    payload: Signed


class Terms(Struct):
    network: str


class Call(Struct, rename="camel"):
    payment_payload: Payload
    payment_requirements: Terms


class Stub:
    """What all connections share: the delay, the count of calls, the answers."""

    def __init__(self, network: str, delay_ms: float, *, ledger: bool = False) -> None:
        self.network = network
        self.delay_seconds = delay_ms / 1000
        self.calls: Counter[str] = Counter()
        self.ledger: Counter[str] | None = Counter() if ledger else None
        self._read = msgspec.json.Decoder(Call)

    def answer(self, path: str, body: bytes) -> bytes:
        """The answer to one call, as JSON."""
        self.calls[path] += 1
        match path.split("/"):
            case ["", "verify"]:
                payer = self._read.decode(body).payment_payload.payload.authorization.payer
                if payer == FORGED_PAYER:
                    return b'{"isValid":false,"invalidReason":"%b"}' % WRONG_SIGNATURE.encode()
                return b'{"isValid":true,"payer":"%b"}' % payer.encode()
            case ["", "settle"]:
                return self._settlement(self._read.decode(body))
            case ["", "delay", text]:
                self.delay_seconds = float(text) / 1000
            case ["", "calls"]:
                return msgspec.json.encode(self.calls)
            case ["", "ledger"]:
                return msgspec.json.encode(self.ledger)
        kind = {"x402Version": 2, "scheme": "exact", "network": self.network}
        return msgspec.json.encode({"kinds": [kind], "extensions": [], "signers": {}})

    def _settlement(self, call: Call) -> bytes:
        signed = call.payment_payload.payload.authorization
        if signed.payer == FORGED_PAYER:
            return msgspec.json.encode(
                {
                    "success": False,
                    "errorReason": WRONG_SIGNATURE,
                    "transaction": "",
                    "network": call.payment_requirements.network,
                }
            )
        if self.ledger is not None:
            self.ledger[signed.nonce] += 1
        return b'{"success":true,"payer":"%b","transaction":"%b","network":"%b"}' % (
            signed.payer.encode(),
            signed.nonce.encode(),  # 32 bytes and unique, as a transaction's hash is
            call.payment_requirements.network.encode(),
        )


class Connection(asyncio.Protocol):
    """One caller, who asks one thing after the other."""

    def __init__(self, stub: Stub) -> None:
        self._stub = stub
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._path = ""
        self._body = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path = url.decode()
        self._body = b""

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        answer = self._stub.answer(self._path, self._body)
        message = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        ) % (len(answer), answer)
        if self._path in ("/verify", "/settle") and self._stub.delay_seconds:
            self._loop.call_later(self._stub.delay_seconds, self._send, message)
        else:
            self._send(message)

    def _send(self, message: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(message)


async def serve(port: int, stub: Stub) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(stub), "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--network", required=True)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--ledger", action="store_true")
    options = parser.parse_args()
    stub = Stub(options.network, options.delay_ms, ledger=options.ledger)
    uvloop.run(serve(options.port, stub))


if __name__ == "__main__":
    main()
