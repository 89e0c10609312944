"""What a job may do and what its process ends with, run in a process of its own."""

import subprocess
import sys

import pytest

from tests.support.processes import ROOT

PROGRAM = """
from app.errors import FieldError, InvalidRequest
from app.workers.limits import JobStopped, run_limited

def fill():
    return bytearray(1 << 40)

def refuse():
    raise InvalidRequest([FieldError("/a", "is wrong")])

def fail():
    raise ZeroDivisionError

try:
    run_limited(5, {job})
except JobStopped as stopped:
    print("stopped:", stopped.error)
except InvalidRequest as refused:
    print("refused:", refused, hasattr(refused, "__notes__"))
except ZeroDivisionError as failed:
    print("failed:", failed.__notes__[0].splitlines()[0])
"""


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("fill", "stopped: the answer takes more memory to compute"),
        ("refuse", "refused: /a: is wrong False"),
        ("fail", "failed: In a worker process:"),
    ],
)
def test_what_a_job_raises(job: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(job=job)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(said)
