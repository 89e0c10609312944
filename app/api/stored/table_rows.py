"""What rows of several tables share: where they stand, and what schedules have in both APIs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.api.stored import v1
from app.api.stored.documents import AuditEntry, PageQuery
from app.api.stored.operations import Method, Operation, Work


@dataclass(frozen=True)
class Rows:
    """Makes the rows under one path and one tag, which want ``scope`` where they name no other."""

    base: str
    tag: str
    scope: str

    def __call__(
        self, method: Method, path: str, summary: str, work: Work, *, scope: str = "", **more: Any
    ) -> Operation:
        path, scope = f"{self.base}{path}", scope or self.scope
        return Operation(method, path, scope, self.tag, summary, work, **more)


DELETION: Mapping[str, Any] = {
    "method": "DELETE",
    "path": "/schedules/{id}",
    "summary": "Delete a schedule; fails if referenced by a policy",
    "work": v1.delete_schedule,
    "shape": "nothing",
    "status": 204,
}
AUDIT: Mapping[str, Any] = {
    "method": "GET",
    "path": "/schedules/{id}/audit",
    "summary": "Who changed what, and when",
    "work": v1.list_audit,
    "query": PageQuery,
    "answer": AuditEntry,
    "shape": "many",
}
