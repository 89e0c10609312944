"""The documents are run: commands print what they say, and tables name what the code has."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.products.endpoint import SVG
from app.products.examples import V1_OVERRIDE, V1_SCHEDULE
from app.products.registry import paid_endpoints
from app.products.rotation.answer import Fairness
from app.settings import VARIABLES
from tests.support.processes import ROOT, answers_ok, environment, free_port, running
from tests.support.requirements import require

DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
}
TEXT = "\n".join(DOCUMENTS.values())
ROWS = re.findall(r"^\| .*", TEXT, re.MULTILINE)
SERVED = "http://127.0.0.1:8402"
BETWEEN = "======"
"""Printed between the outputs of two commands."""

SESSIONS = [
    pytest.param(
        re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE),
        id=f"{name}-{n}",
        marks=[pytest.mark.process] if "curl " in block else [],
    )
    for name, text in DOCUMENTS.items()
    for n, block in enumerate(re.findall(r"```console\n(.*?)```", text, re.DOTALL), 1)
]
"""What is typed and what is printed, block by block; a command may need those before it."""

OFFICE, AFTER = V1_SCHEDULE["layers"]
PICTURED = {
    "timezone": V1_SCHEDULE["timezone"],
    "layers": [OFFICE, {**AFTER, "restrictions": [{"start": "06:00", "end": "22:00"}]}],
    "overrides": [V1_OVERRIDE],
    "from": "2026-04-24T07:00:00Z",
    "to": "2026-05-01T07:00:00Z",
}
"""The v1 page's schedule over a week, if nobody were on call at night."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of the service and of each command: they share a database."""
    folder = tmp_path_factory.mktemp("data")
    return environment(ONCALL_DATABASE_URL=f"sqlite:///{folder / 'oncall.db'}")


@pytest.fixture(scope="module")
def address(store: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox service that keeps schedules: one for all documents."""
    url = f"http://127.0.0.1:{free_port()}"
    with running(
        [sys.executable, "-m", "app", "serve", "--port", url.rpartition(":")[2]],
        log=tmp_path_factory.mktemp("logs") / "service.log",
        ready=partial(answers_ok, f"{url}/readyz"),
        environ=store,
    ):
        yield url


def printed(command: list[str], environ: Mapping[str, str] = os.environ) -> str:
    """What a command prints, errors included, without blanks at the ends of lines."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        cwd=ROOT,
        env=environ,
        check=False,
    )
    return trimmed(done.stdout)


def trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def pattern(expected: str) -> str:
    """``expected`` as a regular expression in which ``...`` stands for anything."""
    return ".*".join(re.escape(part) for part in trimmed(expected).split("..."))


def test_there_are_sessions_to_run() -> None:
    assert len(SESSIONS) > 10


@pytest.mark.parametrize("session", SESSIONS)
def test_a_session_prints_what_the_document_says(
    address: str, store: Mapping[str, str], session: list[tuple[str, str]]
) -> None:
    script = f"; echo; echo {BETWEEN}; ".join(command for command, _ in session)
    if "curl " in script:
        require("process", "curl", "curl")
    script = script.replace(SERVED, address)
    script = re.sub(r"\.venv/bin/python|(?<=\| )python3", sys.executable, script)
    outputs = printed(["sh", "-c", script], store).replace(address, SERVED).split(f"{BETWEEN}\n")
    for (_, expected), output in zip(session, outputs, strict=True):
        assert re.fullmatch(pattern(expected), trimmed(output), re.DOTALL), output


def test_the_python_example_prints_what_the_document_says(address: str, tmp_path: Path) -> None:
    [(program, expected)] = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "example.py"
    file.write_text(program.replace(SERVED, address))
    assert printed([sys.executable, str(file)]) == trimmed(expected)


def test_the_picture_is_what_the_service_draws() -> None:
    """If it is not, write it anew: ``docs/timeline.svg`` is the answer to ``PICTURED``."""
    [schedule] = [row for row in paid_endpoints() if row.slug == "sched-oncall-schedule"]
    drawn = schedule.answer_to(PICTURED, SVG)
    assert (ROOT / "docs/timeline.svg").read_bytes() == drawn


@pytest.mark.parametrize(
    "media_type", sorted({name for row in paid_endpoints() for name in row.formats})
)
def test_every_media_type_is_in_a_table(media_type: str) -> None:
    assert any(row.startswith(f"| `{media_type}` |") for row in ROWS)


def structs_in(kind: Any) -> Iterator[type]:
    """A struct and all that its fields hold."""
    found: dict[type, None] = {}
    waiting: list[Any] = [msgspec.inspect.type_info(kind)]
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType | msgspec.inspect.DataclassType):
            if info.cls in found:
                continue
            found[info.cls] = None
            waiting += [field.type for field in info.fields]
        else:
            for name in ("item_type", "value_type", "type"):
                waiting += [getattr(info, name)] if hasattr(info, name) else []
            waiting += getattr(info, "types", ())
    return iter(found)


SOLD = paid_endpoints(workspaces=True)
SENT = {kind for row in SOLD for kind in structs_in(row.request)}
ANSWERED = {*(row.answer for row in SOLD), Fairness}
WITHIN = {kind for row in SOLD for kind in structs_in(row.answer)} - ANSWERED


def names_in(kind: Any) -> list[str]:
    return [field.encode_name for field in msgspec.inspect.type_info(kind).fields]


@pytest.mark.parametrize(
    "kind", sorted(SENT | ANSWERED, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__
)
def test_every_field_has_a_row(kind: type) -> None:
    firsts = [row.split("|")[1] for row in ROWS]
    for name in names_in(kind):
        assert any(f"`{name}`" in first or f"`{name}[]`" in first for first in firsts), name


@pytest.mark.parametrize(
    "kind", sorted(WITHIN, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__
)
def test_every_field_within_an_answer_is_in_a_table(kind: type) -> None:
    for name in names_in(kind):
        assert any(f"`{name}`" in row or f"`{name}[]`" in row for row in ROWS), name


def test_structs_are_found_wherever_they_are() -> None:
    assert len(SENT) > len(paid_endpoints()) + 5
    assert len(WITHIN) > 5


def test_every_setting_is_in_the_table() -> None:
    told = re.findall(
        r"^\| `([A-Z0-9]+_[A-Z_]+)` \|", DOCUMENTS["docs/operations.md"], re.MULTILINE
    )
    assert sorted(told) == sorted(VARIABLES)


def test_every_alert_is_in_the_table() -> None:
    rules = (ROOT / "deploy/prometheus/alerts.yml").read_text()
    told = re.findall(r"^\| `(Oncall\w+)` \(", DOCUMENTS["docs/operations.md"], re.MULTILINE)
    assert told == re.findall(r"- alert: (\w+)", rules)


def test_every_folder_is_in_the_architecture() -> None:
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "app").rglob("*.*")}
    named = {Path(name) for name in re.findall(r"`(app[\w/]*)`", DOCUMENTS["docs/architecture.md"])}
    assert {each for each in folders if "__pycache__" not in each.parts} <= named


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = re.findall(r"(?:`|^)make ([a-z-]+)", TEXT, re.MULTILINE)
    lacking = {each for each in named if not re.search(rf"^{each}:", makefile, re.MULTILINE)}
    assert not lacking


def test_the_readme_is_short() -> None:
    assert len(DOCUMENTS["README.md"].encode()) <= 10_000


RECORDS = sorted(name for name in DOCUMENTS if re.match(r"docs/decisions/\d", name))


def test_decisions_are_numbered_and_listed() -> None:
    index = DOCUMENTS["docs/decisions/README.md"]
    listed = re.findall(r"^\| \[(\d+)\]\((.*?)\) \|", index, re.MULTILINE)
    assert [f"docs/decisions/{file}" for _, file in listed] == RECORDS
    assert [int(number) for number, _ in listed] == list(range(1, len(RECORDS) + 1))


@pytest.mark.parametrize("record", RECORDS)
def test_a_decision_has_its_parts(record: str) -> None:
    number = int(Path(record).name[:4])
    headings = re.findall(r"^#+ .*", DOCUMENTS[record], re.MULTILINE)
    assert re.match(rf"# {number}\. \w", headings[0])
    assert headings[1:] == ["## Status", "## Context", "## Decision", "## Consequences"]
