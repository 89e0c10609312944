"""The commands ``keys``: create, list and revoke API keys."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.cli.database import open_database
from app.database.database import Tx
from app.teams.keys import store as api_keys
from app.teams.keys.store import SCOPES, ApiKey, KeyKind, keys_of

DAY = 86_400_000
MAX_DAYS = 36_500
MAX_NAME = 200


def option_errors(org: str, name: str, scopes: Sequence[str]) -> dict[str, str]:
    """Return the errors in the options of ``create``, by option."""
    errors = {
        option: f"must be printable, {MAX_NAME} characters at most"
        for option, text in (("--org", org), ("--name", name))
        if not text.isprintable() or len(text) > MAX_NAME
    }
    if not org.strip():
        errors["--org"] = "must not be empty"
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown:
        errors["--scope"] = f"{unknown[0]!r} is not one of {', '.join(SCOPES)}"
    return errors


def expiry_in(text: str, now: int) -> int:
    """Return the instant of ``90d``, an ISO date or a date-time with its offset, in milliseconds.

    A date means its first moment in UTC. Raises ``ValueError`` with what would be right.
    """
    days = re.fullmatch(r"([0-9]{1,6})d", text)
    at = now + int(days[1]) * DAY if days else _milliseconds_in(text)
    if at <= now:
        raise ValueError(f"{text!r} is over already")
    if at > now + MAX_DAYS * DAY:
        raise ValueError(f"{text!r} is more than {MAX_DAYS} days away")
    return at


async def create_key(
    url: str,
    org: str,
    name: str,
    scopes: Sequence[str],
    kind: KeyKind,
    expires_at: int | None,
    now: int,
    console: Console,
) -> str:
    """Create a key and describe it on ``console``. Return the secret text of the key."""

    async def work(tx: Tx) -> tuple[ApiKey, str]:
        return await api_keys.create_key(tx, org, name, scopes, kind, expires_at, now)

    async with open_database(url) as database:
        key, presented = await database.write(work)
    console.print(
        f"Key {key.id} for {key.org_name}: {' '.join(sorted(key.scopes))}, "
        f"{f'until {_instant(expires_at)}' if expires_at else 'without an expiry'}.\n"
        "It is shown this once and cannot be shown again:",
        markup=False,
        soft_wrap=True,
    )
    return presented


async def list_keys(url: str, org: str | None, now: int, console: Console) -> None:
    """Print every key, or those of one organisation, oldest first."""
    async with open_database(url) as database, database.reading() as tx:
        keys = await keys_of(tx, org)
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for title in ("id", "org", "name", "scopes", "state"):
        table.add_column(title, no_wrap=title in ("id", "scopes", "state"), overflow="fold")
    for key in keys:
        scopes = "\n".join(sorted(key.scopes))
        row = (f"{key.id} {key.kind}", key.org_name, key.name, scopes)
        table.add_row(*map(Text, row), _state(key, now))
    console.print(table)
    console.print(f"{len(keys)} key{'' if len(keys) == 1 else 's'}")


async def revoke_key(url: str, key_id: str, now: int) -> bool:
    """Revoke a key. Return whether it exists."""

    async def work(tx: Tx) -> bool:
        return await api_keys.revoke_key(tx, key_id, now)

    async with open_database(url) as database:
        return await database.write(work)


def _milliseconds_in(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither days such as 90d nor a date") from None
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        at = at.replace(tzinfo=UTC)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} needs Z or an offset")
    return (at - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def _state(key: ApiKey, now: int) -> str:
    """Return whether a key is valid, and when it expires, was created, last used and revoked."""
    last = "never used" if key.last_used_at is None else f"used {_instant(key.last_used_at)}"
    since = f"made {_instant(key.created_at)}\n{last}"
    if key.revoked_at is not None:
        return f"[red]revoked[/] {_instant(key.revoked_at)}\n{since}"
    valid = "[green]valid[/]" if key.valid_at(now) else "[red]expired[/]"
    until = f"\nuntil {_instant(key.expires_at)}" if key.expires_at else ""
    return f"{valid}{until}\n{since}"


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")
