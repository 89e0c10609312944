"""The rows of the audit in both APIs."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.teams.audit import handlers
from app.teams.audit.schemas import AuditEntry
from app.teams.operation import V1_ROWS, V2_READS, Operation
from app.teams.schemas import PageQuery

AUDIT: Mapping[str, Any] = {
    "method": "GET",
    "path": "/schedules/{id}/audit",
    "summary": "Who changed what, and when",
    "work": handlers.list_audit,
    "query": PageQuery,
    "answer": AuditEntry,
    "shape": "many",
}

V1_AUDIT: Sequence[Operation] = (V1_ROWS(**AUDIT),)
V2_AUDIT: Sequence[Operation] = (V2_READS(**AUDIT),)
