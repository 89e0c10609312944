"""What a request may cost, by what it is charged to: the figures of ``docs/security.md``."""

import re
from dataclasses import dataclass
from pathlib import Path

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "security.md").read_text()


@dataclass(frozen=True)
class Budget:
    """The most processor seconds and megabytes that one request may take."""

    name: str
    cpu_seconds: float
    memory_mb: float


def budget_of(row: str, name: str) -> Budget:
    """The row of the document's table that begins with ``row``, under a short ``name``."""
    [(seconds, megabytes)] = re.findall(
        rf"^\| {re.escape(row)}[^|]*\| ([\d.]+) s \| (\d+) MB \|", TEXT, re.MULTILINE
    )
    return Budget(name, float(seconds), float(megabytes))


def figure(sentence: str) -> float:
    """The number in place of ``#`` in a sentence of the document."""
    [found] = re.findall(re.escape(sentence).replace(r"\#", r"([\d,.]+\d|\d)"), TEXT)
    return float(found.replace(",", ""))


FREE = budget_of("free", "free")
ROTATION = budget_of("paid, a rotation by turns", "paid, light")
PLANNED = budget_of("paid, a plan", "paid, heavy")
COVERED = budget_of("paid, a roster's covers", "paid, covers")
STORED_LIGHT = budget_of("with an API key, small", "key, small")
STORED_HEAVY = budget_of("with an API key, a large", "key, large")
BUDGETS = (FREE, ROTATION, PLANNED, COVERED, STORED_LIGHT, STORED_HEAVY)
MAX_STALL_MS = figure("the event loop never stands still for longer than # ms")
MAX_ANSWER_BYTES = int(figure("an answer has at most 16 MiB (# bytes)"))
