"""``python -m app``: serve · demo · pay · receipts · openapi.

Each command imports what it needs when it runs, so that ``--help`` is quick.
"""

import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from app.errors import ConfigurationError, OncallError
from app.settings import DEFAULT_PORT

cli = typer.Typer(
    help="On-call rotations for AI agents, paid per request by x402.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = DEFAULT_PORT,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1)] = 1,
) -> None:
    """Serve the API. Configured by ONCALL_* variables; see the README."""
    from app.cli.serving import serve_forever

    serve_forever(host, port, workers, os.environ)


@cli.command()
def demo() -> None:
    """Start a sandbox service, buy a rotation from it with a throw-away wallet, and show it all."""
    import asyncio

    from app.cli.demo import run_demo

    sys.exit(asyncio.run(run_demo()))


@cli.command()
def pay(
    url: Annotated[str, typer.Argument(help="Any x402 URL.")],
    body: Annotated[
        str | None, typer.Option(help="JSON to POST, or @file; without it, the URL is fetched.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            envvar="X402_PRIVATE_KEY",
            show_envvar=True,
            help="The wallet's private key in hex; without it, a throw-away wallet.",
        ),
    ] = None,
    accept: Annotated[str, typer.Option(help="Media type wanted.")] = "application/json",
    most: Annotated[str, typer.Option("--max", help="Pay at most this many US dollars.")] = "0.10",
) -> None:
    """Buy one answer from an x402 URL: the answer goes to standard output, the rest to error."""
    import asyncio

    from app.cli.pay import run_pay

    sys.exit(asyncio.run(run_pay(url, _content(body), key, accept, _dollars(most))))


@cli.command()
def receipts() -> None:
    """List the receipts in the shared store (ONCALL_REDIS_URL), oldest first."""
    import asyncio

    from rich.console import Console

    from app.cli.receipts import show_receipts

    redis_url = os.environ.get("ONCALL_REDIS_URL", "")
    asyncio.run(show_receipts(redis_url, Console(highlight=False)))


@cli.command()
def openapi(
    *,
    check: Annotated[bool, typer.Option("--check", help="Compare only; fail on a change.")] = False,
    file: Annotated[Path, typer.Option(help="The file to write.")] = Path("openapi.json"),
) -> None:
    """Write openapi.json from the endpoint table."""
    from app.api.endpoints import paid_endpoints
    from app.listing.openapi import openapi_bytes

    wanted = openapi_bytes(paid_endpoints())
    if not check:
        file.write_bytes(wanted)
    elif not file.exists() or file.read_bytes() != wanted:
        sys.exit(f"{file} is not what the endpoints say: run `python -m app openapi`")


def _content(body: str | None) -> bytes | None:
    if body is None or not body.startswith("@"):
        return body.encode() if body else None
    try:
        return Path(body[1:]).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{body[1:]}: {error.strerror}", param_hint="--body") from None


def _dollars(text: str) -> Decimal:
    digits = text.removeprefix("$")
    if not digits.replace(".", "", 1).isdecimal():
        raise typer.BadParameter(f"{text!r} is not an amount such as 0.10", param_hint="--max")
    return Decimal(digits)


def main() -> None:
    """The console script."""
    try:
        cli()
    except ConfigurationError as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        sys.exit(f"The service is not configured correctly:\n{lines}")
    except OncallError as error:
        sys.exit(error.detail)


if __name__ == "__main__":
    main()
