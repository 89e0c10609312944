"""Handlers of users, whose names and e-mails answers show and whom schedules may name."""

from app.database.database import Tx
from app.database.ids import new_id
from app.teams.merge_patch import patched_document
from app.teams.operation import V2, HandlerResult, RequestContext
from app.teams.schemas import READ_ONLY, DataEnvelope, list_envelope, visible_fields
from app.teams.users import store
from app.teams.users.schemas import UserPost, user_of
from app.teams.users.store import StoredUser


async def list_users(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the users."""
    page = await store.users_page(tx, context.org_id, context.query.part)
    return HandlerResult(list_envelope(page, [user_of(user) for user in page.rows]))


async def create_user(tx: Tx, context: RequestContext) -> HandlerResult:
    """Create a user."""
    user_id = context.document.id or new_id(context.now, "user_")
    return _answer(
        await store.insert_user(tx, context.org_id, user_id, context.document.fields, context.now)
    )


async def read_user(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return one user."""
    return _answer(await store.get_user(tx, context.org_id, context.path["id"]))


async def update_user(tx: Tx, context: RequestContext) -> HandlerResult:
    """Change a user by a merge patch."""
    user = await store.lock_user(tx, context.org_id, context.path["id"])
    context.require_match(user.version)
    document = patched_document(visible_fields(user_of(user)), context.value, UserPost, READ_ONLY)
    return _answer(await store.update_user(tx, context.org_id, user, document.fields, context.now))


async def delete_user(tx: Tx, context: RequestContext) -> HandlerResult:
    """Delete a user on whom nothing to come depends."""
    user = await store.lock_user(tx, context.org_id, context.path["id"])
    context.require_match(user.version)
    await store.delete_user(tx, context.org_id, user.id, context.now)
    return HandlerResult()


def _answer(user: StoredUser) -> HandlerResult:
    return HandlerResult(DataEnvelope(user_of(user)), f"{V2}/users/{user.id}")
