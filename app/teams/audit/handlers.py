"""The handler of the audit, which lists the changes of a schedule."""

from app.database.database import Tx
from app.errors import NotFound
from app.teams.audit import store
from app.teams.audit.schemas import audit_entry_of
from app.teams.operation import HandlerResult, RequestContext
from app.teams.schemas import list_envelope


async def list_audit(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the changes of a schedule for either API, also of one that was deleted."""
    schedule_id = context.path["id"]
    page = await store.records_page(tx, context.org_id, schedule_id, context.query.part)
    if not page.total:  # one that was deleted has some
        raise NotFound(f"there is no schedule {schedule_id}")
    return HandlerResult(list_envelope(page, [audit_entry_of(record) for record in page.rows]))
