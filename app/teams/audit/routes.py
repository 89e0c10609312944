"""The operations of the audit in both APIs."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.teams.audit import handlers
from app.teams.audit.schemas import AuditEntry
from app.teams.operation import V1_GROUP, V2_READ_GROUP, Operation
from app.teams.schemas import PageQuery

AUDIT: Mapping[str, Any] = {
    "method": "GET",
    "path": "/schedules/{id}/audit",
    "summary": "Who changed what, and when",
    "handler": handlers.list_audit,
    "query": PageQuery,
    "answer": AuditEntry,
    "shape": "many",
}

V1_AUDIT: Sequence[Operation] = (V1_GROUP(**AUDIT),)
V2_AUDIT: Sequence[Operation] = (V2_READ_GROUP(**AUDIT),)
