"""Stored schedules whose handoffs lie at the edges of clocks, and what edits leave of them."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update

from app.database.tables import organisations, schedule_versions
from tests.support.scenes import scene, who
from tests.support.stored import V1, V2, Caller, Stored

pytestmark = pytest.mark.anyio

MONTHS: dict[str, Any] = {
    "id": "months",
    "name": "Monthly",
    "team_id": "team",
    "timezone": "UTC",
    "rotation_type": "custom",
    "interval": {"count": 1, "unit": "months"},
    "participants": ["ann", "bob"],
}
FIFTH = 4 * 86_400_000


async def pin(stored: Stored) -> None:
    """Store what a migration leaves of months that were stored before."""

    async def write(tx: Any) -> None:
        named = select(organisations.c.id).where(organisations.c.name == stored.org)
        here = schedule_versions.c.org_id == named.scalar_subquery()
        text = (await tx.execute(select(schedule_versions.c.layers).where(here))).scalar_one()
        [layer] = msgspec.json.decode(text)
        pinned = msgspec.json.encode([{**layer, "counted_from": FIFTH}]).decode()
        await tx.execute(update(schedule_versions).where(here).values(layers=pinned))

    await stored.database.write(write)


async def changes_on(me: Caller) -> int:
    """The day of July 2026 on which the next one takes over."""
    days = range(2, 29)
    people = [await who(me, f"2026-07-{day:02}T12:00:00Z", "months") for day in (1, *days)]
    changed = [day for day, (was, now) in zip(days, pairwise(people), strict=True) if was != now]
    return changed[0] if changed else 1


async def test_months_without_a_start_change_on_the_first(stored: Stored) -> None:
    me = await scene(stored, MONTHS)
    assert await who(me, "2026-06-30T23:59:59Z", "months") != await who(
        me, "2026-07-01T00:00:00Z", "months"
    )
    assert await changes_on(me) == 1


async def test_those_of_before_change_on_the_fifth_whatever_is_edited(stored: Stored) -> None:
    me = await scene(stored, MONTHS)
    await pin(stored)
    assert await changes_on(me) == 5
    await me.update(f"{V2}/schedules/months", {"name": "Every month"})
    await me.update(f"{V2}/schedules/months", {"participants": ["ann", "bob", "cat"]})
    assert await changes_on(me) == 5
    layers = (await me.read(f"{V1}/schedules/months"))["layers"]
    await me.update(
        f"{V1}/schedules/months", {"layers": [{**layers[0], "participants": ["bob", "dan"]}]}
    )
    assert await changes_on(me) == 5
    await me.update(f"{V1}/schedules/months", {"layers": [{**layers[0], "name": "another"}]})
    assert await changes_on(me) == 1


async def test_a_start_that_the_clock_skips_is_kept_as_written(stored: Stored) -> None:
    daily = {
        "id": "daily",
        "name": "Daily",
        "team_id": "team",
        "timezone": "Berlin",
        "rotation_type": "daily",
        "participants": ["ann", "bob"],
        "start_at": "2026-03-29T02:30:00+01:00",
    }
    me = await scene(stored, daily)
    shown = await me.read(f"{V2}/schedules/daily")
    assert (shown["timezone"], shown["start_at"]) == ("Europe/Berlin", daily["start_at"])
    assert await who(me, "2026-06-01T00:29:00Z") != await who(me, "2026-06-01T00:30:00Z")
    await me.update(f"{V2}/schedules/daily", {"timezone": "UTC"})
    assert await who(me, "2026-06-10T01:29:00Z") != await who(me, "2026-06-10T01:30:00Z")
