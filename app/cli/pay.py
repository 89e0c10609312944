"""The command ``pay``: buys one answer from any x402 URL."""

import sys
from decimal import Decimal

import httpx
import msgspec
from rich.console import Console
from rich.markup import escape
from x402.schemas.errors import PaymentError

from app.cli.buying import Buyer, BuyerRequest, settlement_in
from app.payments.terms_text import terms_lines


async def run_pay(
    url: str, content: bytes | None, key: str | None, accept: str, most: Decimal
) -> int:
    """Buy one answer and print it. Returns the exit status: 0 with an answer, 1 without."""
    console = Console(stderr=True, highlight=False)
    try:
        buyer = Buyer(most, key)
    except ValueError:
        console.print("[red]--key is not a private key: 64 hexadecimal digits[/]")
        return 1
    async with httpx.AsyncClient(timeout=90) as http:
        try:
            response = await _buy(http, buyer, BuyerRequest(url, content, accept), console)
        except httpx.HTTPError as error:
            console.print(f"[red]{url} cannot be reached:[/] {error or type(error).__name__}")
            return 1
    return _show(response, console) if response is not None else 1


async def _buy(
    http: httpx.AsyncClient, buyer: Buyer, request: BuyerRequest, console: Console
) -> httpx.Response | None:
    unpaid = await request.send(http, {})
    if unpaid.status_code != httpx.codes.PAYMENT_REQUIRED:
        return unpaid
    try:
        required = buyer.payment_required_in(unpaid)
        for line in terms_lines(required):
            console.print(f"asks [bold]{line}[/]", soft_wrap=True)
        for line in _warnings_in(unpaid):
            console.print(f"[yellow]warning:[/] {escape(line)}", soft_wrap=True)
        return await buyer.buy(http, request, required)
    except (PaymentError, ValueError) as error:
        reason = str(error).partition(". ")[0]
        console.print(f"[red]not paid[/] (--max is {buyer.most}): {reason}", soft_wrap=True)
        return None


class _Warning(msgspec.Struct):
    pointer: str
    detail: str


class _Warned(msgspec.Struct):
    """A 402 of this service; others have no ``warnings``."""

    warnings: list[_Warning] = []


def _warnings_in(unpaid: httpx.Response) -> list[str]:
    """Return what the seller says of the document before it is paid for."""
    try:
        warned = msgspec.json.decode(unpaid.content, type=_Warned).warnings
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    lines = [f"{each.pointer or 'the document'}: {each.detail}" for each in warned]
    return ["".join(c if c.isprintable() else " " for c in line) for line in lines]


def _show(response: httpx.Response, console: Console) -> int:
    settlement = settlement_in(response)
    if settlement is not None:
        console.print(
            f"paid by {settlement.payer} in transaction {settlement.transaction}", soft_wrap=True
        )
    sys.stdout.buffer.write(response.content.removesuffix(b"\n") + b"\n")
    sys.stdout.flush()
    if not response.is_success:
        console.print(f"[red]answered {response.status_code}[/]")
    return 0 if response.is_success else 1
