"""The figures of ``security.md`` are those of the code."""

import re
from pathlib import Path

import pytest

from app.http import large_bodies
from app.products.convert import endpoint as converting
from app.products.endpoint import FREE_BODY_BYTES, MAX_ANSWER_BYTES
from app.products.registry import paid_endpoints
from app.products.roster import fields, people, request
from app.products.rotation.absence_calendars import QUICK_CHARACTERS
from app.workers import pool
from app.workers.limits import ADDRESS_SPACE_BYTES

TEXT = (Path(__file__).resolve().parents[2] / "docs/security.md").read_text()


@pytest.mark.parametrize(
    "sentence",
    [
        f"an answer has at most {MAX_ANSWER_BYTES >> 20} MiB ({MAX_ANSWER_BYTES:,} bytes)",
        f"bodies over {large_bodies.LARGE_BYTES >> 10} KiB and calendars in a worker",
        f"KiB in memory | {large_bodies.OWN_BYTES >> 20} MiB | {large_bodies.BYTES >> 20} MiB |",
        f"1 runs, {pool.OWN_WAITING} wait | {pool.PROCESSES} run, {pool.WAITING} wait",
        f"a body of more than {FREE_BODY_BYTES >> 10} KiB ({FREE_BODY_BYTES:,} bytes)",
        f"more than {fields.FREE_BODY_BYTES >> 10} KiB ({fields.FREE_BODY_BYTES:,} bytes)",
        f"more than {converting.FREE_BODY_BYTES >> 10} KiB ({converting.FREE_BODY_BYTES:,} bytes)",
        f"more than {request.FREE_SLOTS:,} slots, or {request.FREE_PAIRS:,} pairs",
        f"more than {people.FREE_CALENDARS} calendars of holidays",
        f"up to {QUICK_CHARACTERS:,} characters in all",
        f"in at most {pool.PROCESSES} processes",
        f"an address space of {ADDRESS_SPACE_BYTES >> 20} MiB ({ADDRESS_SPACE_BYTES:,} bytes)",
    ],
)
def test_a_figure(sentence: str) -> None:
    assert sentence in TEXT


def test_the_time_of_paid_answers() -> None:
    rows = re.findall(r"\| paid, a (?:plan|roster).*? \| ([\d.]+) s \|", TEXT)
    assert {endpoint.cpu_seconds for endpoint in paid_endpoints()} == set(map(float, rows))
