"""An organisation as large as the stored APIs let one become, for ``abuse``.

Strategy: keys and users are rows made beforehand; schedules and overrides are sent to the service,
one after the other until it refuses, so that its quotas are what bounds them.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console

from app.database.database import Database
from app.database.migrate import run_migrations
from app.teams.keys.store import SCOPES, create_key
from app.teams.users.store import UserFields, insert_user
from bench.abuse_cases import V1, Ask, hourly_schedule, large_schedule

if TYPE_CHECKING:
    from bench.abuse import Target

KEYS = 200
"""Each has a limit of its own, so that no request of the benchmark meets one."""
PEOPLE = 500
LARGE, HOURLY, OVERRIDES = 100, 60, 1_000
ID = "x" * 24
"""The longest that lets a schedule of 50 layers fit into a body."""


class LargeOrganisation:
    """A database with one organisation; ``fill`` makes it large."""

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        file.touch()
        self.users = [f"user_{number}" for number in range(10)]
        self.users += [f"user_{number}_{ID}" for number in range(10, PEOPLE)]
        self._keys = asyncio.run(self._prepared())

    def key(self, number: int) -> str:
        """One of the keys."""
        return self._keys[number % KEYS]

    def fill(self, target: "Target", console: Console) -> None:
        """Send what makes it large, and say how far that went."""
        for what, asks in {
            "largest schedules": self._large(),
            "schedules by the hour": self._hourly(),
            "overrides": self._overrides(),
        }.items():
            taken = refused = 0
            for ask in asks:
                answer = target.send(ask)
                if answer.status_code != 201:
                    refused = answer.status_code
                    break
                taken += 1
            console.print(f"filled: {taken} {what}, then {refused or 'enough'}")

    def _large(self) -> Iterator[Ask]:
        for number in range(LARGE):
            fields = {"id": f"large_{number}", "team_id": "team_0"}
            yield _post("/schedules", large_schedule(f"Large {number}", self.users, **fields))

    def _hourly(self) -> Iterator[Ask]:
        for number in range(HOURLY):
            fields = {"id": f"hourly_{number}", "team_id": "team_0"}
            yield _post("/schedules", hourly_schedule(f"Hourly {number}", self.users[:2], **fields))

    def _overrides(self) -> Iterator[Ask]:
        for number in range(OVERRIDES):
            yield _post(
                "/schedules/hourly_0/overrides",
                {
                    "user_id": "user_0",
                    "start_at": f"2026-06-04T{number % 24:02}:{number % 60:02}:00Z",
                    "end_at": "2026-07-04T00:00:00Z",
                    "reason": "x" * 1_000,
                },
            )

    async def _prepared(self) -> list[str]:
        database = Database(self.url)
        async with database.migrating() as tx:
            await run_migrations(tx)
        now = int(time.time() * 1000)
        async with database.migrating() as tx:
            made = [
                await create_key(tx, "Large", f"key {number}", SCOPES, "live", None, now)
                for number in range(KEYS)
            ]
            org_id = made[0][0].org_id
            for name in self.users:
                fields = UserFields(name, "x@example.com", ("team_0",))
                await insert_user(tx, org_id, name, fields, now)
        await database.aclose()
        return [presented for _, presented in made]


def _post(path: str, document: Any) -> Ask:
    return Ask(V1 + path, msgspec.json.encode(document), key=True)
