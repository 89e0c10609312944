"""One time zone database: a process answers the same whatever the machine's own files say."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.engine.walltime import zone_data_version
from tests.support.processes import ROOT, answers_ok, environment, free_port, running

ROTATION = "/v1/scheduling/oncall-rotation"
HOURS = {
    "start": "2026-12-01T00:00:00",
    "timezone": "America/Vancouver",
    "people": ["ana"],
    "shifts": 24,
    "shiftLengthHours": 1,
}
OF_ANOTHER_YEAR = "America/Los_Angeles"
"""Its rules are those that Vancouver had before November 2026."""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on a machine whose files have Vancouver by the rules of another year."""
    machine = tmp_path_factory.mktemp("zoneinfo")
    zones = files("tzdata").joinpath("zoneinfo")
    for name in ("America/Vancouver", "Europe/Berlin", "UTC"):
        (machine / name).parent.mkdir(exist_ok=True)
        old = zones.joinpath(*(OF_ANOTHER_YEAR if "/" in name else name).split("/"))
        (machine / name).write_bytes(old.read_bytes())
    url = f"http://127.0.0.1:{free_port()}"
    with running(
        [sys.executable, "-m", "app", "serve", "--port", url.rpartition(":")[2]],
        log=tmp_path_factory.mktemp("logs") / "service.log",
        ready=partial(answers_ok, f"{url}/readyz"),
        environ=environment(
            ONCALL_PAYMENTS="off", PYTHONTZPATH=str(machine), TZDIR=str(machine), TZ="Europe/Berlin"
        ),
    ):
        yield url


def rotation(url: str, **fields: Any) -> dict[str, Any]:
    answer = httpx.post(url + ROTATION, json={**HOURS, **fields}, timeout=30)
    assert answer.status_code == 200, answer.text
    read: dict[str, Any] = answer.json()
    return read


def calendar(day: str, series: str = "") -> str:
    zone = "TZID=America/Vancouver"
    return "\r\n".join(
        (
            *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN", "BEGIN:VEVENT", "UID:u1@x"),
            *("DTSTAMP:20260101T000000Z", f"DTSTART;{zone}:{day}T040000"),
            *(f"DTEND;{zone}:{day}T090000", *filter(None, [series])),
            *("END:VEVENT", "END:VCALENDAR", ""),
        )
    )


def test_the_release_is_told(elsewhere: str) -> None:
    assert httpx.get(f"{elsewhere}/readyz").json()["tzdata"] == zone_data_version()


def test_shifts_follow_the_pinned_rules(elsewhere: str) -> None:
    days = rotation(elsewhere, start="2026-10-31T09:00:00", shifts=3, shiftLengthHours=24)
    assert [shift["startLocal"][11:] for shift in days["rotation"]] == ["09:00:00.000-07:00"] * 3


@pytest.mark.parametrize("series", ["", "RRULE:FREQ=DAILY;COUNT=40"], ids=["once", "series"])
def test_calendars_in_a_worker_follow_them_too(elsewhere: str, series: str) -> None:
    day = "20261201" if not series else "20261025"
    planned = rotation(elsewhere, unavailableIcs={"ana": calendar(day, series)})
    assert [gap["start"][11:16] for gap in planned["gaps"]] == [
        "11:00",
        "12:00",
        "13:00",
        "14:00",
        "15:00",
    ]


def test_a_layered_schedule_follows_them(elsewhere: str) -> None:
    layer = {
        "name": "x",
        "rotation_type": "daily",
        "participants": ["ana", "ben"],
        "handoff_time": "09:00",
    }
    asked = {
        "timezone": "America/Vancouver",
        "layers": [layer],
        "from": "2026-12-01T00:00:00Z",
        "to": "2026-12-02T00:00:00Z",
    }
    answer = httpx.post(f"{elsewhere}/v1/scheduling/oncall-schedule", json=asked, timeout=30)
    assert [shift["start"] for shift in answer.json()["final_schedule"]] == [
        "2026-12-01T00:00:00.000Z",
        "2026-12-01T16:00:00.000Z",
    ]


def test_no_process_of_the_package_looks_for_files_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Berlin").write_bytes(b"no zone")
    program = (
        "import app, zoneinfo; from datetime import datetime as d; "
        "print(zoneinfo.TZPATH, d(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(PYTHONTZPATH=str(tmp_path)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.stdout) == ("", "() 2026-07-01 00:00:00+02:00\n")
