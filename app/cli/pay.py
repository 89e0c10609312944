"""``pay``: buy one answer from any x402 URL."""

import sys
from decimal import Decimal

import httpx
from rich.console import Console
from x402.schemas.errors import PaymentError

from app.cli.buying import Buyer, Order, settlement_in
from app.payments.terms_text import terms_in_words


async def run_pay(
    url: str, content: bytes | None, key: str | None, accept: str, most: Decimal
) -> int:
    """Buy one answer; the exit status: 0 with an answer, 1 without."""
    console = Console(stderr=True, highlight=False)
    try:
        buyer = Buyer(most, key)
    except ValueError:
        console.print("[red]--key is not a private key: 64 hexadecimal digits[/]")
        return 1
    async with httpx.AsyncClient(timeout=90) as http:
        try:
            response = await _answer(http, buyer, Order(url, content, accept), console)
        except httpx.HTTPError as error:
            console.print(f"[red]{url} cannot be reached:[/] {error or type(error).__name__}")
            return 1
    return _shown(response, console) if response is not None else 1


async def _answer(
    http: httpx.AsyncClient, buyer: Buyer, order: Order, console: Console
) -> httpx.Response | None:
    asked = await order.sent(http, {})
    if asked.status_code != httpx.codes.PAYMENT_REQUIRED:
        return asked
    try:
        terms = buyer.terms_in(asked)
        for line in terms_in_words(terms):
            console.print(f"asks [bold]{line}[/]", soft_wrap=True)
        return await buyer.bought(http, order, terms)
    except (PaymentError, ValueError) as error:
        reason = str(error).partition(". ")[0]
        console.print(f"[red]not paid[/] (--max is {buyer.most}): {reason}", soft_wrap=True)
        return None


def _shown(response: httpx.Response, console: Console) -> int:
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
