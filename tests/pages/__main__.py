"""``python -m tests.pages [DATABASE_URL]``: replay both pages against a fresh service.

Prints what was compared, request by request, and ends with 1 if anything differs.
"""

import sys
import tempfile
from pathlib import Path

import httpx

from tests.pages.operated import operated
from tests.pages.replay import Compared, compared


def main(database_url: str = "") -> int:
    with tempfile.TemporaryDirectory() as folder:
        url = database_url or f"sqlite:///{folder}/oncall.db"
        with (
            operated(url, Path(folder) / "service.log") as (address, key),
            httpx.Client(base_url=address) as http,
        ):
            rows = list(compared(http, key))
    sys.stdout.write(table(rows))
    return 1 if any(row.differences for row in rows) else 0


def table(rows: list[Compared]) -> str:
    """A line for each request, and below it whatever differs."""
    lines = []
    for row in rows:
        verdict = "differs" if row.differences else "same"
        lines.append(f"{verdict:<8}{row.status:<5}{row.what:<36}{row.line}")
        lines += [f"{'':<13}- {difference}" for difference in row.differences]
    differing = sum(bool(row.differences) for row in rows)
    return "\n".join([*lines, f"{len(rows)} requests replayed, {differing} differ", ""])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
