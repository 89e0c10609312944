"""``python -m app``: serve · demo · pay · mcp-wallet · receipts · keys · import · migrate ….

Each command imports what it needs when it runs, so that ``--help`` is quick.
"""

import os
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

import typer

from app import DEFAULT_PORT
from app.errors import ConfigurationError, OncallError

cli = typer.Typer(
    help="On-call rotations for AI agents, paid per request by x402.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
keys = typer.Typer(
    help="Make, list and revoke API keys (in ONCALL_DATABASE_URL).", no_args_is_help=True
)
cli.add_typer(keys, name="keys")


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = DEFAULT_PORT,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1)] = 1,
) -> None:
    """Serve the API. Configured by ONCALL_* variables; see docs/operations.md."""
    from app.server.run import serve_forever

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
def mcp_wallet(
    url: Annotated[str, typer.Argument(help="The remote MCP server: http(s)://HOST/mcp.")],
    most: Annotated[
        str, typer.Option("--max", help="Pay at most this many US dollars for a call.")
    ] = "0.10",
    most_per_day: Annotated[
        str, typer.Option("--max-per-day", help="Sign at most this many US dollars a day (UTC).")
    ] = "1.00",
) -> None:
    """Serve a remote MCP server's tools on standard input and output, and pay for their calls.

    The wallet's key is PRIVATE_KEY; without it, a throw-away wallet pays with test money. What is
    signed stands in XDG_STATE_HOME/oncall/payments.sqlite (~/.local/state unless it is set).
    """
    import asyncio
    import sqlite3

    from app.cli.mcp_wallet import run_mcp_wallet
    from app.cli.spending import SpendingRecord
    from app.cli.wallet import Wallet

    if not url.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{url!r} is not an http(s) address", param_hint="URL")
    limits = _dollars(most), _dollars(most_per_day, "--max-per-day")
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    record = SpendingRecord(state / "oncall" / "payments.sqlite", time.time)
    try:
        wallet = Wallet.of(os.environ.get("PRIVATE_KEY"), *limits)
        record.create()
    except ValueError:
        sys.exit("PRIVATE_KEY is not a private key: 64 hexadecimal digits")
    except (OSError, sqlite3.Error) as error:
        sys.exit(f"{record.path} cannot be used: {error}")
    asyncio.run(run_mcp_wallet(url, wallet, record))


@cli.command()
def receipts(
    since: Annotated[
        str, typer.Option(help="From this date (in UTC) or RFC 3339 instant on.")
    ] = "",
    until: Annotated[
        str, typer.Option(help="Before this date or instant, which is not in it any more.")
    ] = "",
    product: Annotated[str, typer.Option(help="Of this product only: its slug.")] = "",
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="A line a settlement.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Settlements and totals.")] = False,
) -> None:
    """List what was paid, oldest first, with totals by day, product, network and payee.

    The settlements are in ONCALL_DATABASE_URL, and in ONCALL_REDIS_URL until they are.
    """
    import asyncio

    from app.cli.receipts import show_receipts
    from app.ledger.selection import Selection
    from app.settings import Settings

    if as_csv and as_json:
        raise typer.BadParameter("take one of the two", param_hint="--csv, --json")
    first, end = _instant(since, "--since"), _instant(until, "--until")
    if first is not None and end is not None and first >= end:
        raise typer.BadParameter(f"{until!r} is not after {since!r}", param_hint="--until")
    settings = Settings.from_env(only=["ONCALL_REDIS_URL", "ONCALL_DATABASE_URL"])
    selection = Selection(first, end, product or None)
    form: Literal["table", "csv", "json"] = "csv" if as_csv else "json" if as_json else "table"
    asyncio.run(show_receipts(settings.redis_url, settings.store_url, selection, form))


@keys.command("create")
def create_key(
    org: Annotated[str, typer.Option(help="The organisation's name; made if it is new.")],
    scope: Annotated[
        list[str],
        typer.Option(help="schedules, oncall:read or oncall:write; give it again for more."),
    ],
    name: Annotated[str, typer.Option(help="What it is called in lists and audits.")] = "",
    expires: Annotated[str, typer.Option(help="Days such as 90d, or a date.")] = "",
    *,
    test: Annotated[bool, typer.Option("--test", help="Label it ak_test_.")] = False,
) -> None:
    """Make a key: it goes to standard output, once, and what it is for to standard error."""
    import asyncio

    from rich.console import Console

    from app.cli.keys import create_key, expiry_in, option_errors

    now = _now()
    for option, error in option_errors(org, name, scope).items():
        raise typer.BadParameter(error, param_hint=option)
    try:
        expires_at = expiry_in(expires, now) if expires else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--expires") from None
    kind: Literal["live", "test"] = "test" if test else "live"
    console = Console(stderr=True, highlight=False)
    made = create_key(_store(), org, name, scope, kind, expires_at, now, console)
    typer.echo(asyncio.run(made))


@keys.command("list")
def list_keys(
    org: Annotated[str | None, typer.Option(help="Of this organisation only.")] = None,
) -> None:
    """List keys, oldest first."""
    import asyncio

    from rich.console import Console

    from app.cli.keys import list_keys

    asyncio.run(list_keys(_store(), org, _now(), Console(highlight=False)))


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it.")],
) -> None:
    """Revoke a key, at once and for good."""
    import asyncio

    from app.cli.keys import revoke_key

    if not asyncio.run(revoke_key(_store(), key_id, _now())):
        sys.exit(f"There is no key {key_id}: `python -m app keys list` shows them.")
    typer.echo(f"Key {key_id} is revoked.")


@cli.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="JSON as the tool's API answers it, or .ics.")],
    key: Annotated[
        str, typer.Option(envvar="ONCALL_KEY", show_envvar=True, help="An API key; whose it is.")
    ] = "",
    source: Annotated[str, typer.Option(help="Whose form it has, if that is not plain.")] = "",
    schedule: Annotated[str, typer.Option(help="Of several only this one: name or id.")] = "",
    team_id: Annotated[str, typer.Option(help="The team whose schedule it is.")] = "",
    timezone: Annotated[str, typer.Option(help="The zone of a calendar that names none.")] = "",
    email_domain: Annotated[
        str, typer.Option(help="Whoever has no address gets one there: example.com.")
    ] = "",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell only; store nothing.")] = False,
) -> None:
    """Store the schedules of another tool (in ONCALL_DATABASE_URL), all or nothing.

    PagerDuty, Opsgenie, Grafana OnCall, GoAlert, Splunk On-Call, iCalendar: see docs/moving.md.
    """
    import asyncio

    from rich.console import Console

    from app.cli.import_schedules import ImportOptions, describe, import_schedules, schedules_in
    from app.moving.tools import TOOLS
    from app.settings import Settings

    if source and source not in TOOLS:
        raise typer.BadParameter(f"{source!r} is none of {', '.join(TOOLS)}", param_hint="--source")
    if not key and not dry_run:
        raise typer.BadParameter("give an API key, or --dry-run", param_hint="--key")
    options = ImportOptions(source, schedule, timezone, team_id, email_domain)
    console, now = Console(highlight=False), _now()
    found = schedules_in(_file(file, "FILE"), options, now)
    describe(found, console)
    if not dry_run:
        settings = Settings.from_env(only=["ONCALL_DATABASE_URL", "ONCALL_QUOTA"])
        stored = import_schedules(
            settings.store_url, settings.quota, key, found, options, now, console
        )
        asyncio.run(stored)


@cli.command()
def migrate(
    *,
    check: Annotated[bool, typer.Option("--check", help="Look only; fail if it is due.")] = False,
    to: Annotated[str, typer.Option(help="A migration, base or head.")] = "head",
) -> None:
    """Bring the database (ONCALL_DATABASE_URL) to the newest migration, or to another."""
    import asyncio

    from rich.console import Console

    from app.cli.migrate import run_check, run_migrate

    console = Console(highlight=False)
    asyncio.run(run_check(_store(), console) if check else run_migrate(_store(), to, console))


@cli.command()
def openapi(
    *,
    check: Annotated[bool, typer.Option("--check", help="Compare only; fail on a change.")] = False,
    file: Annotated[Path, typer.Option(help="The file to write.")] = Path("openapi.json"),
) -> None:
    """Write openapi.json from the endpoint table."""
    from app.discovery.openapi import openapi_bytes
    from app.products.registry import paid_endpoints

    wanted = openapi_bytes(paid_endpoints(workspaces=True))
    if not check:
        file.write_bytes(wanted)
    elif not file.exists() or file.read_bytes() != wanted:
        sys.exit(f"{file} is not what the endpoints say: run `python -m app openapi`")


@cli.command()
def server_json(
    file: Annotated[Path, typer.Option(help="The file to write.")] = Path("server.json"),
) -> None:
    """Write server.json, the entry in the MCP registry of the server at ONCALL_PUBLIC_URL."""
    from app.mcp.registry_entry import server_entry_bytes
    from app.settings import Settings

    public_url = Settings.from_env(only=["ONCALL_PUBLIC_URL"]).public_url
    file.write_bytes(server_entry_bytes(public_url))


@cli.command()
def prove_origin() -> None:
    """Sign the origin of ONCALL_PUBLIC_URL with PRIVATE_KEY, the key of an address that is paid.

    The signature goes to standard output; it is for ONCALL_OWNERSHIP_PROOFS.
    """
    from app.cli.prove_origin import prove_origin

    proof, origin = prove_origin(os.environ)
    several = "with a comma between those of several payees"
    typer.echo(f"{proof.payee} signed {origin}. For ONCALL_OWNERSHIP_PROOFS, {several}:", err=True)
    typer.echo(proof.signature)


def _content(body: str | None) -> bytes | None:
    if body is None or not body.startswith("@"):
        return body.encode() if body else None
    return _file(Path(body[1:]), "--body")


def _file(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint=option) from None


def _store() -> str:
    from app.settings import Settings

    return Settings.from_env(only=["ONCALL_DATABASE_URL"]).store_url


def _now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def _instant(text: str, option: str) -> float | None:
    """Seconds since 1970; ``None`` for an empty text."""
    from app.ledger.selection import instant_in

    try:
        return instant_in(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _dollars(text: str, option: str = "--max") -> Decimal:
    digits = text.removeprefix("$")
    if not digits.replace(".", "", 1).isdecimal():
        raise typer.BadParameter(f"{text!r} is not an amount such as 0.10", param_hint=option)
    return Decimal(digits)


def main() -> None:
    """Run the command line; print a named failure to standard error and exit with status 1."""
    try:
        cli()
    except ConfigurationError as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        sys.exit(f"The service is not configured correctly:\n{lines}")
    except OncallError as error:
        sys.exit(error.detail)


if __name__ == "__main__":
    main()
