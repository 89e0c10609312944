"""The recorded run of ``bench.abuse`` is a whole one, and what it measures with is right."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings

from app.products.rotation.endpoint import BODY_BYTES as ROTATION_BODY_BYTES
from bench import process_tree
from bench.abuse import RESULTS, Row, Target, outcomes, over_in, row_of
from bench.abuse_budgets import FREE, MAX_STALL_MS
from bench.abuse_cases import (
    BODY_BYTES,
    FOUND,
    ROTATIONS,
    Ask,
    Case,
    case_of,
    cases,
    many_absences,
    text_of,
)
from bench.abuse_search import FAMILIES, Recorded
from tests.support.processes import wait_until

RECORDED = json.loads(RESULTS.read_text())
MEGABYTES = 60
BUSY = f"""
import time
held = bytearray({MEGABYTES} << 20)
held[:] = b"x" * len(held)
while time.process_time() < 0.3: pass
del held
time.sleep(60)
"""


def row(**changes: object) -> Row:
    within = {
        "case": "a case",
        "charged_to": "free",
        "status": 402,
        "bytes_in": 0,
        "bytes_out": 0,
        "cpu_ms": 50.0,
        "cpu_budget_ms": 50.0,
        "memory_mb": 16.0,
        "memory_budget_mb": 16.0,
        "stall_ms": MAX_STALL_MS,
        "other_p50_ms": 1.0,
        "other_most_ms": 1.0,
        "over": [],
    }
    return Row(**{**within, **changes})  # type: ignore[arg-type]


def test_there_are_at_least_forty_requests_and_each_has_a_name_of_its_own() -> None:
    names = [case.name for case in cases()]
    assert len(names) >= 40
    assert len(set(names)) == len(names)


def test_every_request_is_one_that_a_caller_may_send() -> None:
    for case in cases():
        ask = case.ask()
        most = ROTATION_BODY_BYTES if ask.path == ROTATIONS else BODY_BYTES
        assert len(ask.body or b"") <= most, case.name
        assert sum(len(name) + len(text) for name, text in ask.headers.items()) < 16_384, case.name


def test_every_request_is_recorded() -> None:
    assert [each["case"] for each in RECORDED["rows"]] == [case.name for case in cases()]
    assert RECORDED["repeats"] >= 3


def test_what_is_recorded_is_within_its_budget() -> None:
    assert {each["case"]: each["over"] for each in RECORDED["rows"] if each["over"]} == {}
    assert {goal["outcome"] for goal in RECORDED["goals"]} == {"pass"}


@pytest.mark.parametrize(
    ("changes", "over"),
    [
        ({}, []),
        ({"status": 503}, []),
        ({"status": 500}, ["status"]),
        ({"cpu_ms": 52.0}, ["CPU"]),
        ({"memory_mb": 16.1}, ["memory"]),
        ({"stall_ms": 20.1}, ["stall"]),
        ({"bytes_out": 2**24 + 1}, ["answer"]),
        ({"cpu_ms": 52.0, "stall_ms": 21.0}, ["CPU", "stall"]),
    ],
)
def test_a_figure_above_its_budget_is_over(changes: dict[str, object], over: list[str]) -> None:
    assert list(over_in(row(**changes))) == over


def test_the_goals_are_those_of_the_worst_row() -> None:
    told = {goal["goal"]: goal for goal in outcomes([row(), row(cpu_ms=52.0), row(status=500)])}
    assert told["free: CPU, ms"]["measured"] == 52.0
    assert told["free: CPU, ms"]["outcome"] == "miss"
    assert told["free: memory, MB"]["outcome"] == "pass"
    assert told["defects"]["outcome"] == "miss"


def test_pieces_are_repeated_and_numbered() -> None:
    assert text_of([("a", 2), ("b{n},", 3)]) == "aab0,b1,b2,"


def test_what_the_search_found_can_be_asked_again() -> None:
    for recorded in json.loads(FOUND.read_text()):
        ask = case_of(recorded).ask()
        assert ask.path.startswith(recorded["path"])
        assert len(ask.body or b"") <= BODY_BYTES


@pytest.mark.parametrize("name", FAMILIES)
def test_the_search_makes_requests_that_fit(name: str) -> None:
    @settings(deadline=None)  # some bodies take a while to make
    @given(FAMILIES[name])
    def fits(recorded: Recorded) -> None:
        ask = case_of(json.loads(json.dumps(recorded))).ask()
        assert len(ask.body or b"") <= BODY_BYTES
        assert sum(map(len, ask.headers.values())) <= 16 * 1024

    fits()


def test_what_a_tree_of_processes_uses_is_read() -> None:
    shell = f"{sys.executable} -c '{BUSY}' & wait"
    with subprocess.Popen(["sh", "-c", shell]) as root:
        try:
            wait_until(lambda: len(process_tree.tree(root.pid)) == 2)
            [_, child] = process_tree.tree(root.pid)
            wait_until(lambda: process_tree.cpu_seconds(root.pid) >= 0.3)
            wait_until(lambda: process_tree.resident_mb(root.pid) < MEGABYTES)
            assert process_tree.peak_mb(root.pid) > MEGABYTES
            assert process_tree.reset_peaks(root.pid) < MEGABYTES
            assert process_tree.peak_mb(root.pid) < MEGABYTES
            before = process_tree.cpu_seconds(root.pid)
        finally:
            subprocess.run(["kill", str(child)], check=True)
            root.wait(20)
    assert before >= 0.3


@pytest.mark.process
@pytest.mark.redis
def test_a_request_is_measured_beside_an_honest_payer(tmp_path: Path) -> None:
    absences = json.dumps(many_absences("alice", 900)).encode()
    dear = Case("dear", FREE, lambda: Ask(ROTATIONS, absences))
    light = Case("light", FREE, lambda: Ask(ROTATIONS, b""))
    with ExitStack() as stack:
        target = Target(tmp_path, stack)
        of_dear, of_light = row_of(target, dear, 1), row_of(target, light, 1)
    assert of_light.status == 402
    assert of_dear.bytes_in > 50_000
    assert of_dear.cpu_ms > of_light.cpu_ms
    assert 0 < of_light.other_p50_ms <= of_light.other_most_ms
