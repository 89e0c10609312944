"""Callers who mean harm, as a program: ``python -m tests.support.hostile_callers URL SECONDS``.

Strategy: each kind of attack is a coroutine that is begun again and again at a pace of its own,
from one address or from many of 127.0.0.0/8, each of which is another client. It is bounded: so
many connections of a kind at once, so many seconds in all. Nothing that an attack is answered
matters here but the status, and of payments that may have been charged the transaction; both are
printed as JSON at the end. The program runs at a low priority, so that the honest buyer beside it
waits for the service and not for this.
"""

import argparse
import asyncio
import base64
import contextlib
import itertools
import json
import os
import random
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from x402.extensions.payment_identifier import append_payment_identifier_to_extensions

from bench.abuse_budgets import FREE
from bench.abuse_cases import (
    BODY_BYTES,
    MCP,
    NOW,
    ROTATIONS,
    SCHEDULES,
    TOOL,
    Ask,
    call,
    cases,
    message,
    rotation,
)
from bench.payments import Payments
from bench.stub import FORGED_PAYER

PAYABLE_SECONDS = 300
HOLD_SECONDS = 60.0
ANSWER_SECONDS = 60.0
NICENESS = 15
SMALL = json.dumps(rotation()).encode()
ONE_ADDRESS = "127.0.66.1"
HELD = 250
"""Of each kind of caller who holds a connection: so many at once."""


class Report:
    """What the attacks were answered. ``paid`` has the transaction by nonce, ``""`` if unknown."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.paid: dict[str, set[str]] = {}

    def note(self, kind: str, status: int) -> None:
        self.answered[f"{kind} {status or 'closed'}"] += 1


@dataclass(frozen=True)
class Attack:
    """A kind of attack: begun every so many seconds, so many at once at most."""

    begin: Callable[["Attackers"], Awaitable[None]]
    every_seconds: float
    at_once: int

    @property
    def name(self) -> str:
        return getattr(self.begin, "__name__", "").strip("_").replace("_", " ")


@dataclass
class Attackers:
    """All of them, against the service at one port."""

    port: int
    payments: Payments
    random: random.Random
    report: Report = field(default_factory=Report)
    _numbers: Any = field(default_factory=itertools.count)
    bombs: Sequence[Ask] = ()

    def address(self) -> str:
        """The one address for a third of the attacks, else the next of many."""
        number = next(self._numbers)
        if number % 3 == 0:
            return ONE_ADDRESS
        return f"127.{64 + (number >> 16) % 64}.{number >> 8 & 255}.{1 + number % 254}"

    @contextlib.asynccontextmanager
    async def connection(
        self, address: str, *, read_bytes: int | None = None
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection from ``address`` that takes in ``read_bytes`` before anybody reads it."""
        link = socket.socket()
        link.setblocking(False)  # noqa: FBT003 - it has no name
        if read_bytes is not None:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, read_bytes)
        link.bind((address, 0))
        await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=link, limit=read_bytes or 2**16)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def asked(self, kind: str, ask: Ask, address: str) -> tuple[int, Mapping[str, str]]:
        """The status and header of the answer to one request; 0 if the connection was closed."""
        async with self.connection(address) as (reader, writer):
            writer.write(head_of(ask) + (ask.body or b""))
            status, headers = await answer_in(reader)
        self.report.note(kind, status)
        return status, headers

    def header(self, **changes: str) -> str:
        """A payment that is signed well; ``changes`` are made before that."""
        until = f"{time.time() + PAYABLE_SECONDS:.0f}"
        [header] = self.payments.headers(1, **{"validBefore": until, **changes})
        return header.decode()

    def good_header(self) -> str:
        """A payment that may be charged, which the report knows before it is sent."""
        header = self.header()
        self.report.paid[nonce_in(header)] = set()
        return header


def nonce_in(header: str) -> str:
    """What tells a payment from any other."""
    nonce: str = json.loads(base64.b64decode(header))["payload"]["authorization"]["nonce"]
    return nonce


def head_of(ask: Ask) -> bytes:
    fields = {"Host": "oncall.test", **ask.headers}
    if ask.body is not None:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(ask.body))}
    if ask.payment:
        fields["PAYMENT-SIGNATURE"] = ask.payment
    lines = [f"{ask.method} {ask.path} HTTP/1.1", *(f"{each}: {fields[each]}" for each in fields)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def answer_in(reader: asyncio.StreamReader) -> tuple[int, Mapping[str, str]]:
    """The status and header of an answer, whose body is read; a status of 0 if there is none."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
            headers = {name.lower(): value for name, value in fields.items()}
            await reader.readexactly(int(headers.get("content-length", 0)))
            return int(lines[0].split()[1]), headers
    except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
        return 0, {}


# --- attacks ----------------------------------------------------------------------------------


async def _read_nothing(callers: Attackers) -> None:
    """Ask for large answers, one behind the other, and read none."""
    async with callers.connection(callers.address(), read_bytes=4096) as (_, writer):
        path = callers.random.choice(("/openapi.full.json", "/catalog", "/docs"))
        writer.write(head_of(Ask(path, method="GET")) * 15)
        await asyncio.sleep(HOLD_SECONDS)


async def _write_slowly(callers: Attackers) -> None:
    """Send a body byte by byte."""
    async with callers.connection(callers.address()) as (reader, writer):
        writer.write(head_of(Ask(ROTATIONS, bytes(BODY_BYTES))))
        sending = asyncio.create_task(_dripping(writer, b" "))
        await _held(callers, "write slowly", reader)
        sending.cancel()


async def _write_a_head_slowly(callers: Attackers) -> None:
    async with callers.connection(callers.address()) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: oncall.test\r\n")
        sending = asyncio.create_task(_dripping(writer, b"A: b\r\n"))
        await _held(callers, "write a head slowly", reader)
        sending.cancel()


async def _send_nothing(callers: Attackers) -> None:
    async with callers.connection(callers.address()) as (reader, _):
        await _held(callers, "send nothing", reader)


async def _dripping(writer: asyncio.StreamWriter, drop: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            await asyncio.sleep(1)
            writer.write(drop)
            await writer.drain()


async def _held(callers: Attackers, kind: str, reader: asyncio.StreamReader) -> None:
    """Hold a connection until the service ends it, or for a minute."""
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(HOLD_SECONDS):
            while await reader.read(1024):
                pass
            callers.report.note(kind, 0)


async def _drop_bombs(callers: Attackers) -> None:
    """Send one of the most expensive free requests."""
    ask = callers.random.choice(callers.bombs)
    await callers.asked("drop bombs", ask, callers.address())


async def _pay_with_junk(callers: Attackers) -> None:
    """Send an expensive request with a payment that is worth nothing, some with an identifier."""
    bomb = callers.random.choice([each for each in callers.bombs if each.path == ROTATIONS])
    kind = callers.random.choice(("expired", "forged", "forged with an identifier", "noise"))
    if kind == "noise":
        payment = base64.b64encode(callers.random.randbytes(3_000)).decode()
    elif kind == "expired":
        payment = callers.header(validBefore="1")
    else:
        payload = json.loads(base64.b64decode(callers.header()))
        payload["payload"]["authorization"]["from"] = FORGED_PAYER
        payload["payload"]["signature"] = "0x" + callers.random.randbytes(70).hex()
        if "identifier" in kind:
            append_payment_identifier_to_extensions(
                payload["extensions"], f"pay_{callers.random.randbytes(16).hex()}"
            )
        payment = base64.b64encode(json.dumps(payload).encode()).decode()
    ask = Ask(ROTATIONS, bomb.body, headers=bomb.headers, payment=payment)
    await callers.asked(f"pay with junk, {kind},", ask, callers.address())


async def _ask_over_the_limit(callers: Attackers) -> None:
    """Ask far more often than one address may, at once."""
    address = callers.address()
    asks = [Ask(path, SMALL) for path in (ROTATIONS, SCHEDULES, NOW, MCP)] * 40
    async with asyncio.TaskGroup() as asking:
        for ask in asks:
            asking.create_task(_quietly(callers.asked("ask over the limit", ask, address)))


async def _call_tools_wrongly(callers: Attackers) -> None:
    """Send MCP messages whose parameters are wrong."""
    body = callers.random.choice(
        (
            message("tools/call", {"name": 1, "arguments": [0] * 100_000}),
            message("initialize", {"protocolVersion": [{}] * 50_000}),
            call("sched-oncall-rotation", rotation(people=[{}] * 50_000)),
            call("sched-oncall-rotation", rotation(), _meta={"x402/payment": ["x"] * 100_000}),
            call("x" * 100_000, {}),
        )
    )
    ask = Ask(MCP, body, headers=TOOL)
    await callers.asked("call tools wrongly", ask, callers.address())


async def _replay(callers: Attackers) -> None:
    """Send one good payment five times at once, then for another document."""
    header, address = callers.good_header(), callers.address()
    async with asyncio.TaskGroup() as asking:
        for _ in range(5):
            asking.create_task(_quietly(_paid("replay", callers, header, SMALL, address)))
    other = json.dumps(rotation(shiftLengthHours=1)).encode()
    await _paid("replay", callers, header, other, address)


async def _hang_up(callers: Attackers) -> None:
    """Pay and hang up at once; come back later with the same payment."""
    header, address = callers.good_header(), callers.address()
    async with callers.connection(address) as (_, writer):
        writer.write(head_of(Ask(ROTATIONS, SMALL, payment=header)) + SMALL)
        await writer.drain()
    await asyncio.sleep(callers.random.random())
    await _paid("hang up", callers, header, SMALL, address)


async def _paid(kind: str, callers: Attackers, header: str, body: bytes, address: str) -> None:
    """Send a payment and note what it was charged."""
    ask = Ask(ROTATIONS, body, payment=header)
    status, headers = await callers.asked(kind, ask, address)
    if status == 200:
        told = callers.report.paid[nonce_in(header)]
        told.add(json.loads(base64.b64decode(headers["payment-response"]))["transaction"])


async def _quietly(attack: Awaitable[Any]) -> None:
    """Nobody minds if an attack comes to nothing because the service hangs up."""
    with contextlib.suppress(OSError, EOFError, TimeoutError):
        await attack


ATTACKS = (
    Attack(_read_nothing, 0.3, HELD),
    Attack(_write_slowly, 0.2, HELD),
    Attack(_write_a_head_slowly, 0.2, HELD),
    Attack(_send_nothing, 0.2, HELD),
    Attack(_drop_bombs, 0.15, 20),
    Attack(_pay_with_junk, 0.15, 20),
    Attack(_ask_over_the_limit, 8.0, 1),
    Attack(_call_tools_wrongly, 0.7, 5),
    Attack(_replay, 1.0, 4),
    Attack(_hang_up, 0.7, 4),
)


async def attack(callers: Attackers, seconds: float) -> Report:
    """Attack for so many seconds."""
    under_way: set[asyncio.Task[None]] = set()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as kinds:
            for each in ATTACKS:
                kinds.create_task(_again_and_again(callers, each, under_way))
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    return callers.report


async def _again_and_again(
    callers: Attackers, kind: Attack, under_way: set[asyncio.Task[None]]
) -> None:
    room = asyncio.Semaphore(kind.at_once)

    async def once() -> None:
        async with room:
            callers.report.begun[kind.name] += 1
            try:
                await _quietly(kind.begin(callers))
            except Exception as error:  # noqa: BLE001 - a mistake of ours, which must be seen
                callers.report.answered[f"{kind.name} {error!r}"[:200]] += 1

    while True:
        if not room.locked():
            task = asyncio.create_task(once())
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.sleep(kind.every_seconds * (0.5 + callers.random.random()))


async def _main(port: int, seconds: float, terms: str) -> Report:
    bombs = [case.ask() for case in cases() if case.budget is FREE]
    callers = Attackers(port, await Payments.of(terms), random.Random(15))  # noqa: S311 - repeatable
    callers.bombs = [ask for ask in bombs if not ask.payment and ask.method == "POST"]
    return await attack(callers, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--terms", required=True, help="the PAYMENT-REQUIRED of the rotations")
    options = parser.parse_args()
    os.nice(NICENESS)
    report = asyncio.run(_main(options.port, options.seconds, options.terms))
    told = {nonce: sorted(each) for nonce, each in report.paid.items()}
    said = {"begun": report.begun, "answered": report.answered, "paid": told}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
