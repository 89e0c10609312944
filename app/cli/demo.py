"""The command ``demo``: starts a service, buys a rotation from it and shows each step."""

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import IO, Any

import httpx
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app import DEFAULT_PORT
from app.cli.buying import Buyer, BuyerRequest, settlement_in
from app.payments.terms_text import AnyPaymentRequired, terms_lines
from app.products.endpoint import Format
from app.products.registry import paid_endpoints

START_SECONDS = 60.0
LANE_WIDTH = 48
FOLDER = Path("demo")
"""The folder of the files, below the working directory."""


async def run_demo() -> int:
    """Show an agent's purchase from beginning to end. Return the exit status."""
    console = Console(highlight=False)
    [endpoint, *_] = paid_endpoints()
    content = msgspec.json.encode(endpoint.example)
    console.rule("[bold]1. Start the service with the embedded sandbox")
    async with _service(console) as address, httpx.AsyncClient(timeout=30) as http:
        request = BuyerRequest(address + endpoint.path, content)
        buyer = Buyer(Decimal("0.10"))
        console.rule("[bold]2. Ask without paying")
        asked = await request.send(http, {})
        console.print(f"POST {endpoint.path}\n{content.decode()}", soft_wrap=True)
        required = buyer.payment_required_in(asked)
        console.print(f"→ [yellow]{asked.status_code} Payment Required[/]. It asks:")
        for line in terms_lines(required):
            console.print(f"  {line}", soft_wrap=True)
        console.rule("[bold]3. Pay with a throw-away wallet")
        console.print(f"wallet {buyer.account.address}, official x402 client")
        answered = await buyer.buy(http, request, required)
        status = _show_answer(console, answered) or await _save_files(
            console, http, buyer, request, required, endpoint.formats
        )
    _show_next(console, endpoint.path, content)
    return status


async def _save_files(
    console: Console,
    http: httpx.AsyncClient,
    buyer: Buyer,
    request: BuyerRequest,
    required: AnyPaymentRequired,
    formats: Mapping[str, Format],
) -> int:
    """Buy the same rotation as each file format and save it. Return the exit status."""
    console.rule("[bold]5. The same rotation as calendar, table and picture")
    for media_type, each in formats.items():
        if not each.extension:
            continue
        answered = await buyer.buy(http, replace(request, accept=media_type), required)
        if not answered.is_success:
            console.print(answered.text, markup=False)
            return 1
        path = _saved(f"rotation.{each.extension}", answered.content)
        console.print(f"Accept: {media_type:14} {path}", soft_wrap=True)
    return 0


def _saved(name: str, content: bytes) -> Path:
    FOLDER.mkdir(exist_ok=True)
    path = (FOLDER / name).resolve()
    path.write_bytes(content)
    return path


@contextlib.asynccontextmanager
async def _service(console: Console) -> AsyncIterator[str]:
    """Run a service of our own as a process on a free port. Yield its address."""
    address = f"http://127.0.0.1:{_free_port()}"
    environ = {name: text for name, text in os.environ.items() if not name.startswith("ONCALL_")}
    environ |= {"ONCALL_ENV_FILE": "none", "ONCALL_SECRETS_DIR": "none"}
    environ["ONCALL_DATABASE_URL"] = "none"  # a demo leaves no database behind
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "app", "serve", "--port", address.rpartition(":")[2]),
            env=environ,
            stdout=log,
            stderr=log,
        )
        try:
            await _until_ready(address, process, log)
            console.print(f"serving on {address}; no money moves in the sandbox")
            yield address
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _until_ready(address: str, process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
    try:
        async with asyncio.timeout(START_SECONDS), httpx.AsyncClient() as http:
            while process.returncode is None:
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(address + "/readyz")).is_success:
                        return
                await asyncio.sleep(0.1)
    except TimeoutError:
        pass
    log.seek(0)
    sys.exit("The service did not start. Its log says:\n" + log.read().decode(errors="replace"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _show_answer(console: Console, answered: httpx.Response) -> int:
    """Print the answer and its receipt. Return the exit status."""
    console.print(f"→ [green]{answered.status_code} {answered.reason_phrase}[/]")
    settlement = settlement_in(answered)
    if settlement is None:
        console.print(answered.text, markup=False)
        return 1
    _show_rotation(console, answered.json())
    console.rule("[bold]4. The receipt")
    console.print(f"payer       {settlement.payer}")
    console.print(f"network     {settlement.network}")
    console.print(f"transaction {settlement.transaction}", soft_wrap=True)
    return 0


def _show_rotation(console: Console, answer: dict[str, Any]) -> None:
    table = Table("shift", "person", "start", "end", "next handoff", title="Rotation")
    for shift in answer["rotation"]:
        table.add_row(
            str(shift["shift"]),
            escape(shift["person"]),
            *_times(shift, "start", "end", "nextHandoff"),
        )
    console.print(table)
    console.print("[bold]Timeline")
    shifts = answer["rotation"]
    width = max(1, LANE_WIDTH // len(shifts))
    for person, count in answer["shiftCounts"].items():
        lane = "".join(
            ("█" if same else "·") * width * len(list(run))
            for same, run in groupby(shift["person"] == person for shift in shifts)
        )
        console.print(f"{escape(person):>10} {lane} {count}")
    console.print(f"{answer['interpretation']} Balanced: {'yes' if answer['balanced'] else 'no'}.")


def _times(shift: dict[str, Any], *names: str) -> list[str]:
    return [shift[name].replace("T", " ").replace(":00.000Z", "Z") for name in names]


def _show_next(console: Console, path: str, content: bytes) -> None:
    url = f"http://127.0.0.1:{DEFAULT_PORT}{path}"
    console.rule("[bold]Try next")
    console.print("Run [bold]make run[/], and in another terminal:")
    console.print(
        f"curl -i {url} -H 'Content-Type: application/json' -d '{content.decode()}'", soft_wrap=True
    )
    console.print(f".venv/bin/python -m app pay {url} --body '{content.decode()}'", soft_wrap=True)
