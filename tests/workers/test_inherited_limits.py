"""A service that was itself given less than a worker would get, as by ``ulimit``."""

import subprocess
import sys

from app.workers.limits import ADDRESS_SPACE_BYTES
from tests.support.processes import ROOT

PROGRAM = """
import resource
from app.workers.limits import run_limited
resource.setrlimit(resource.RLIMIT_CPU, (500, 500))
resource.setrlimit(resource.RLIMIT_AS, (%d, %d))
for seconds in (1, 900):
    run_limited(seconds, sorted, [2, 1])
print(resource.getrlimit(resource.RLIMIT_CPU), resource.getrlimit(resource.RLIMIT_AS))
"""


def limits(address_space: int) -> str:
    program = PROGRAM % (address_space, address_space)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or done.stderr


def test_its_workers_have_no_more_than_that() -> None:
    less = ADDRESS_SPACE_BYTES // 2
    assert limits(less) == f"(500, 500) ({less}, {less})"
    more = ADDRESS_SPACE_BYTES * 2
    assert limits(more) == f"(500, 500) ({ADDRESS_SPACE_BYTES}, {more})"
