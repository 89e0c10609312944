"""What a request may cost, by what it is charged to: the figures of ``docs/security.md``."""

from dataclasses import dataclass

MAX_STALL_MS = 20.0
"""How long the event loop may stand still, whatever is asked."""
MAX_ANSWER_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Budget:
    """The most processor seconds and megabytes that one request may take."""

    name: str
    cpu_seconds: float
    memory_mb: float


FREE = Budget("free", 0.05, 16)
ROTATION = Budget("paid, plain rotation", 0.25, 256)
PLANNED = Budget("paid, plan or calendar", 2.5, 256)
LAYERED = Budget("paid, layered schedule", 2.5, 256)
STORED_LIGHT = Budget("key, light", 0.25, 64)
STORED_HEAVY = Budget("key, heavy", 2.5, 256)
BUDGETS = (FREE, ROTATION, PLANNED, LAYERED, STORED_LIGHT, STORED_HEAVY)
