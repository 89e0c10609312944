"""The command ``import``, run as people run it, on both databases."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from app.database.database import Database
from app.database.pages import Slice
from app.teams.audit.store import records_page
from app.teams.keys.store import find_key
from app.teams.overrides.store import overrides_page
from app.teams.schedules.store import schedules_page
from app.teams.users.store import users_page
from tests.cli.test_commands import run
from tests.cli.test_keys import made
from tests.moving.documents import grafana_oncall, icalendar, opsgenie, pagerduty

ALL = ("--scope", "schedules", "--scope", "oncall:write")
NOW = 1_780_531_200_000


def file_of(folder: Path, document: object) -> str:
    path = folder / f"document-{len(list(folder.iterdir()))}"
    text = document if isinstance(document, str) else json.dumps(document)
    path.write_text(text, encoding="utf-8")
    return str(path)


async def stored(url: str, key: str) -> dict[str, Any]:
    """Return the names of what the organisation of a key has."""
    database = Database(url)
    part = Slice(100, 0)
    async with database.reading() as tx:
        held = await find_key(tx, key)
        assert held is not None
        org = held.org_id
        schedules = (await schedules_page(tx, org, part, NOW)).rows
        users = (await users_page(tx, org, part)).rows
        overrides = [len((await overrides_page(tx, org, each.id, part)).rows) for each in schedules]
        audits = [
            [record.action for record in (await records_page(tx, org, each.id, part)).rows]
            for each in schedules
        ]
    await database.aclose()
    return {
        "schedules": [(each.fields.name, each.fields.team_id) for each in schedules],
        "layers": [
            [(layer.participants, layer.end_at) for layer in each.rules.layers]
            for each in schedules
        ],
        "users": [(user.id, user.email) for user in users],
        "overrides": overrides,
        "audits": audits,
    }


def test_everything_of_a_file_is_stored(database_url: str, tmp_path: Path) -> None:
    key = made(database_url, *ALL)
    data = [
        opsgenie.schedule("UTC", opsgenie.rotation("ana ben", "2026-01-05T14:00:00Z")),
        {
            **opsgenie.schedule("UTC", opsgenie.rotation("ana cy", "2026-01-05T14:00:00Z")),
            "name": "Second",
            "overrides": [opsgenie.override("ben", "2030-03-01T10:00:00Z", "2030-03-02T10:00:00Z")],
        },
    ]
    file = file_of(tmp_path, {"data": data})
    told = run("import", file, "--dry-run", ONCALL_DATABASE_URL="none")
    assert told.returncode == 0, told.stderr
    assert "Second as 1 layer, 1 override, 0 entries of 3 people; nothing is lost." in told.stdout
    assert asyncio.run(stored(database_url, key))["schedules"] == []

    done = run("import", file, "--team-id", "t1", ONCALL_DATABASE_URL=database_url, ONCALL_KEY=key)
    assert done.returncode == 0, done.stderr
    assert "3 people were made.\nSupport is " in done.stdout
    found = asyncio.run(stored(database_url, key))
    assert found["schedules"] == [("Support", "t1"), ("Second", "t1")]
    assert found["users"] == [(f"u-{name}", f"{name}@example.com") for name in ("ana", "ben", "cy")]
    assert found["overrides"] == [0, 1]
    assert found["audits"] == [["schedule.created"], ["schedule.created", "override.created"]]


def test_ends_groups_and_turns_of_nobody_are_stored(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    key = made(url, *ALL)
    document = grafana_oncall.schedule(
        grafana_oncall.rolling(
            "ana,ben cy", "2026-01-05T09:00:00", 168, "weekly", until="2031-01-01T00:00:00"
        )
    )
    empty = opsgenie.schedule("UTC", opsgenie.rotation("ana none", "2026-01-05T14:00:00Z"))
    options = ("--key", key, "--email-domain", "example.com")
    for file, told in (
        (document, "ana+ben cy; 1 week each, until 2031-01-06T08:00:00.000Z"),
        (empty, "u-ana nobody; 1 week each\n"),
    ):
        shown = run("import", file_of(tmp_path, file), "--dry-run", ONCALL_DATABASE_URL="none")
        assert told in shown.stdout
        done = run("import", file_of(tmp_path, file), *options, ONCALL_DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
    found = asyncio.run(stored(url, key))["layers"]
    assert found[0] == [((("ana", "ben"), "cy"), 1_925_452_800_000)]
    assert found[1] == [(("u-ana", None), None)]


def test_all_or_nothing(database_url: str, tmp_path: Path) -> None:
    key = made(database_url, *ALL)
    document = pagerduty.DOCUMENTS["overrides that are shown"]
    file = file_of(tmp_path, document)
    options = ("import", file, "--key", key)
    missing = run(*options, ONCALL_DATABASE_URL=database_url)
    assert missing.returncode == 1
    assert "PBEN, PEVE, PDAN are not there yet" in missing.stderr
    wrong = run(*options, "--email-domain", "two words", ONCALL_DATABASE_URL=database_url)
    assert wrong.returncode == 1
    assert "A person who can be on call. PBEN" in wrong.stderr
    over = run(
        *options,
        *("--email-domain", "example.com"),
        ONCALL_DATABASE_URL=database_url,
        ONCALL_QUOTA="overrides=1",
    )
    assert over.returncode == 1
    assert "overrides" in over.stderr
    assert asyncio.run(stored(database_url, key))["users"] == []

    done = run(*options, "--email-domain", "example.com", ONCALL_DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    found = asyncio.run(stored(database_url, key))
    assert found["overrides"] == [2]
    assert ("PBEN", "pben@example.com") in found["users"]
    again = run(*options, ONCALL_DATABASE_URL=database_url)
    assert "0 people were made." in again.stdout


@pytest.mark.parametrize(
    ("scopes", "told"),
    [
        (("--scope", "schedules"), "API key lacks required scope: oncall:write"),
        (("--scope", "oncall:write"), "API key lacks required scope: schedules"),
    ],
    ids=["schedules", "oncall:write"],
)
def test_the_key_needs_both_scopes(tmp_path: Path, scopes: tuple[str, ...], told: str) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    key = made(url, *scopes)
    file = file_of(tmp_path, icalendar.DOCUMENTS["nights"])
    refused = run("import", file, "--key", key, ONCALL_DATABASE_URL=url)
    assert (refused.returncode, told in refused.stderr) == (1, True), refused.stderr


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    key = made(url, *ALL)
    file = file_of(tmp_path, icalendar.DOCUMENTS["nights"])
    for arguments, told in (
        (("import", file), "give an API key, or --dry-run"),
        (("import", str(tmp_path / "none"), "--dry-run"), "No such file"),
        (("import", file, "--dry-run", "--source", "excel"), "'excel' is none of pagerduty"),
        (("import", file, "--key", "ak_live_no"), "it is not a key of this database"),
        (("import", file_of(tmp_path, "{}"), "--dry-run"), "is of no form that is known"),
    ):
        refused = run(*arguments, ONCALL_DATABASE_URL=url)
        assert refused.returncode != 0
        assert told in refused.stderr, refused.stderr
    empty = icalendar.calendar()
    nothing = run("import", file_of(tmp_path, empty), "--key", key, ONCALL_DATABASE_URL=url)
    assert (nothing.returncode, "has nothing to store" in nothing.stderr) == (1, True)


def test_entries_and_differences_are_told_and_stored(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    key = made(url, *ALL)
    text = icalendar.calendar(
        icalendar.event("ana", "20260105T090000", "20260105T170000", "RRULE:FREQ=MONTHLY"),
        icalendar.event("ben", "20260105T200000", "20260106T080000", "RRULE:FREQ=DAILY"),
    )
    options = ("--key", key, "--email-domain", "example.com")
    done = run("import", file_of(tmp_path, text), *options, ONCALL_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert "  ben: ben; 1 day each, in 1 window\n" in done.stdout
    assert "  lost: the document: the event 'ana' recurs in a way that no layer does" in done.stdout

    final = {
        "rendered_schedule_entries": [
            {
                "start": f"2026-02-{day:02}T00:00:00Z",
                "end": f"2026-02-{day + 1:02}T00:00:00Z",
                **pagerduty.user(name),
            }
            for day, name in ((1, "ben"), (3, "ana"))
        ]
    }
    layer = pagerduty.layer("ana", "2026-01-01T00:00:00Z", 2 * pagerduty.WEEK)
    document = pagerduty.schedule("UTC", layer, final_schedule=final, name="")
    told = run("import", file_of(tmp_path, document), "--dry-run", "--schedule", "")
    assert (
        "PagerDuty schedule Schedule as 1 layer, 0 overrides, 0 entries of 2 people" in told.stdout
    )
    assert "2 weeks each\n" in told.stdout
    assert (
        "  differs: 2026-02-02T00:00:00.000Z to 2026-02-03T00:00:00.000Z: there nobody, here PANA\n"
        in told.stdout
    )
