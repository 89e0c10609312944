"""What a rotation costs beside encoding its finished object alone, measured in one run.

Rule 7 of ``rotation.md`` allows 6 times for 10,000 shifts. Prints a table and writes it to
``bench/results``.
"""

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from app.http.validation import parsed_json, validated
from app.products.rotation.answer import rotation_answer
from app.products.rotation.request import RotationRequest

RESULTS = Path(__file__).parent / "results" / "rotation.json"
ROUNDS = 31
MOST = 6.0
CASES = [
    (3, 24, 0),
    (100, 24, 0),
    (1_000, 24, 0),
    (10_000, 24, 0),
    (10_000, 0.5, 0),
    (10_000, 36, 0),
]
EXTREMES = [(10_000, 24, 0.25), (10_000, 7.123, 0)]


def main() -> None:
    rows = [measured(*case) for case in CASES + EXTREMES]
    table = Table("shifts", "hours", "offset", "ours ms", "encode ms", "ratio", "at most 6")
    for row in rows:
        table.add_row(
            f"{row['shifts']:,}",
            str(row["hours"]),
            str(row["offset"]),
            f"{row['ours_ms']:.3f}",
            f"{row['encode_ms']:.3f}",
            f"{row['ratio']:.2f}",
            ("pass" if row["ratio"] <= MOST else "miss") if row["shifts"] == 10_000 else "",
        )
    Console().print(table)
    versions = {"python": platform.python_version(), "msgspec": msgspec.__version__}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"versions": versions, "rows": rows}, indent=2) + "\n")


def measured(shifts: int, hours: float, offset: float) -> dict[str, float]:
    """Medians over interleaved rounds, so that noise falls on both alike."""
    body = json.dumps(
        {
            "start": "2026-06-04T00:00:00Z",
            "people": ["alice", "bob", "carol"],
            "shifts": shifts,
            "shiftLengthHours": hours,
            "handoffOffsetHours": offset,
        }
    ).encode()
    answer = rotation_answer(validated(parsed_json(body), RotationRequest).rotation())
    ours, encode = [], []
    for _ in range(ROUNDS):
        ours.append(timed(lambda: answered(body)))
        encode.append(timed(lambda: msgspec.json.encode(answer)))
    ours_ms, encode_ms = statistics.median(ours), statistics.median(encode)
    return {
        "shifts": shifts,
        "hours": hours,
        "offset": offset,
        "ours_ms": ours_ms,
        "encode_ms": encode_ms,
        "ratio": ours_ms / encode_ms,
    }


def answered(body: bytes) -> bytes:
    return msgspec.json.encode(
        rotation_answer(validated(parsed_json(body), RotationRequest).rotation())
    )


def timed(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    sys.exit(main())
