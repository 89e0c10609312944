"""The README is run: its commands give its outputs, its tables name what the code has."""

import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import pytest

from app.products.endpoint import SVG
from app.products.examples import V1_OVERRIDE, V1_SCHEDULE
from app.products.layered.answer import OncallNowAnswer, OncallScheduleAnswer
from app.products.layered.layer_fields import IntervalDocument, LayerDocument, RestrictionDocument
from app.products.layered.request import (
    EntryDocument,
    OncallNowRequest,
    OncallScheduleRequest,
    OverrideDocument,
    SwapDocument,
)
from app.products.registry import paid_endpoints
from app.products.rotation.answer import Fairness, RotationAnswer
from app.products.rotation.planning_fields import AbsenceDocument, FixedDocument
from app.products.rotation.request import RotationRequest
from app.settings import VARIABLES
from tests.support.processes import ROOT, answers_ok, environment, free_port, running

README = (ROOT / "README.md").read_text()
SERVED = "http://127.0.0.1:8402"
BLOCKS = [
    re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
]
"""What is typed and what is printed, exchange by exchange."""
SESSIONS = [block for block in BLOCKS if block[0][0].startswith("KEY=")]
"""Those of which each command needs those before it."""
EXCHANGES = [exchange for block in BLOCKS if block not in SESSIONS for exchange in block]

OFFICE, AFTER = V1_SCHEDULE["layers"]
PICTURED = {
    "timezone": V1_SCHEDULE["timezone"],
    "layers": [OFFICE, {**AFTER, "restrictions": [{"start": "06:00", "end": "22:00"}]}],
    "overrides": [V1_OVERRIDE],
    "from": "2026-04-24T07:00:00Z",
    "to": "2026-05-01T07:00:00Z",
}
"""The v1 page's schedule over a week, if nobody were on call at night."""


def printed(command: str, address: str) -> str:
    """What a command of the README prints, with the addresses that the README has."""
    here = command.replace(SERVED, address).replace(".venv/bin/python", sys.executable)
    return output_of(["sh", "-c", here]).replace(address, SERVED)


def output_of(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )
    return (done.stderr + done.stdout).rstrip("\n")


def pattern(expected: str) -> str:
    """``expected`` as a regular expression in which ``...`` stands for anything."""
    return ".*".join(re.escape(part) for part in expected.rstrip("\n").split("..."))


def test_there_are_exchanges_to_run() -> None:
    assert len(EXCHANGES) == 8


@pytest.mark.parametrize(
    ("command", "expected"),
    EXCHANGES,
    ids=["terms", "faults", "paid", "signed", "fair", "schedule", "now", "table"][: len(EXCHANGES)],
)
def test_a_command_prints_what_the_readme_says(address: str, command: str, expected: str) -> None:
    assert re.fullmatch(pattern(expected), printed(command, address), re.DOTALL)


def test_a_key_a_person_a_schedule_and_who_is_on_call(tmp_path: Path) -> None:
    """One shell, as somebody would type it, beside a service that keeps schedules."""
    [session] = SESSIONS
    store = environment(ONCALL_DATABASE_URL=f"sqlite:///{tmp_path / 'data' / 'oncall.db'}")
    url = f"http://127.0.0.1:{free_port()}"
    with running(
        [sys.executable, "-m", "app", "serve", "--port", url.rpartition(":")[2]],
        log=tmp_path / "service.log",
        ready=partial(answers_ok, f"{url}/readyz"),
        environ=store,
    ):
        script = "; echo; echo ======; ".join(command for command, _ in session)
        script = script.replace(SERVED, url).replace(".venv/bin/python", sys.executable)
        done = subprocess.run(
            ["sh", "-c", f"exec 2>&1; {script}"],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=ROOT,
            env=store,
            check=True,
        )
    for (_, expected), said in zip(session, done.stdout.split("======\n"), strict=True):
        assert re.fullmatch(pattern(expected), said.rstrip("\n"), re.DOTALL), said


def test_the_python_example_prints_what_the_readme_says(address: str, tmp_path: Path) -> None:
    [(program, expected)] = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", README, re.DOTALL)
    file = tmp_path / "example.py"
    file.write_text(program.replace(SERVED, address))
    assert output_of([sys.executable, str(file)]) == expected.rstrip("\n")


def test_the_picture_is_what_the_service_draws() -> None:
    """If it is not, write it anew: ``docs/timeline.svg`` is the answer to ``PICTURED``."""
    _, schedule, _ = paid_endpoints()
    drawn = replace(schedule, example=PICTURED).example_answer(SVG)
    assert (ROOT / "docs/timeline.svg").read_bytes() == drawn


def test_every_media_type_is_in_the_table() -> None:
    for media_type in paid_endpoints()[0].formats:
        assert re.search(rf"^\| `{re.escape(media_type)}` \|", README, re.MULTILINE)


@pytest.mark.parametrize(
    "kind",
    [
        RotationRequest,
        RotationAnswer,
        AbsenceDocument,
        FixedDocument,
        Fairness,
        OncallScheduleRequest,
        OncallScheduleAnswer,
        OncallNowRequest,
        OncallNowAnswer,
        LayerDocument,
        IntervalDocument,
        RestrictionDocument,
        OverrideDocument,
        EntryDocument,
        SwapDocument,
    ],
)
def test_every_field_is_in_the_tables(kind: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(kind):
        assert re.search(rf"^\| [^|]*`{field.encode_name}(\[\])?`[^|]* \|", README, re.MULTILINE)


def test_every_setting_is_in_the_table() -> None:
    told = set(re.findall(r"^\| `(ONCALL_[A-Z_]+)` \|", README, re.MULTILINE))
    assert told == VARIABLES.keys()


def test_every_make_target_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"(?:`|^)make ([a-z-]+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
