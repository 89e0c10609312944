"""Handlers for calendars that programs subscribe to, and for the tokens that open them.

Strategy: a calendar shows whole UTC days, some back and a year ahead, so its bytes stay the same
for a day unless something changes. Programs poll it and are answered with 304.
"""

from app.database.database import Tx
from app.database.ids import new_id
from app.engine.layered.limits import DAY_MS
from app.teams.audit.recording import record_change
from app.teams.calendars import store
from app.teams.calendars.schemas import NewFeedToken, feed_token_of
from app.teams.calendars.store import Feed, FeedToken
from app.teams.calendars.timeline import (
    DAYS_AHEAD,
    CalendarSchedule,
    PersonalCalendar,
    calendar_window,
    people_in,
    personal_events,
    schedule_calendar,
)
from app.teams.on_call.store import ask, history_between
from app.teams.operation import V2, HandlerResult, RequestContext
from app.teams.schedules.store import (
    get_schedule,
    lock_schedule,
    named_schedule,
    raise_version,
    schedules_with,
)
from app.teams.schemas import DataEnvelope, list_envelope
from app.teams.times import utc_text
from app.teams.users.store import get_user, names_by_id


async def read_schedule_calendar(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return a schedule's calendar."""
    shown = await named_schedule(tx, context.org_id, context.path["id"], context.now)
    today = context.now - context.now % DAY_MS
    window = calendar_window(today, DAYS_AHEAD)
    history = await history_between(tx, context.org_id, shown.id, *window)
    people = await ask(context.compute, history, *window, people_in)
    names = await names_by_id(tx, context.org_id, people)
    schedule = CalendarSchedule(context.org_id, *shown)
    answer = await ask(context.compute, history, *window, schedule_calendar, today, schedule, names)
    return HandlerResult(answer)


async def read_user_calendar(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return a calendar of a user's shifts on all schedules."""
    user = await get_user(tx, context.org_id, context.path["id"])
    today = context.now - context.now % DAY_MS
    since_at, _ = calendar_window(today, DAYS_AHEAD)
    schedules = await schedules_with(tx, context.org_id, user.id, since_at, context.now)
    calendar = PersonalCalendar(today, len(schedules))
    for shown in schedules:
        window = calendar_window(today, calendar.days)
        history = await history_between(tx, context.org_id, shown.id, *window)
        schedule = CalendarSchedule(context.org_id, *shown)
        wanted = (today, calendar.days, schedule, user.id, calendar.steps)
        calendar.add(*await ask(context.compute, history, *window, personal_events, *wanted))
    title, about = f"On call: {user.name}", f"Every shift of {user.name}."
    return HandlerResult(calendar.written(title, about, user.id))


async def list_schedule_tokens(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the tokens of a schedule's calendar."""
    schedule = await get_schedule(tx, context.org_id, context.path["id"], context.now)
    return await _list_tokens(tx, context, "schedule", schedule.id)


async def create_schedule_token(tx: Tx, context: RequestContext) -> HandlerResult:
    """Create a token for a schedule's calendar."""
    schedule = await lock_schedule(tx, context.org_id, context.path["id"], context.now)
    context.require_match(schedule.version)
    after = await raise_version(tx, context.org_id, schedule, context.now)
    answer, token = await _create_token(tx, context, "schedule", schedule.id)
    await record_change(
        tx, context, after, "feed_token.created", {}, {"id": token.id, "name": token.name}
    )
    return answer


async def list_user_tokens(tx: Tx, context: RequestContext) -> HandlerResult:
    """List the tokens of a user's calendar."""
    user = await get_user(tx, context.org_id, context.path["id"])
    return await _list_tokens(tx, context, "user", user.id)


async def create_user_token(tx: Tx, context: RequestContext) -> HandlerResult:
    """Create a token for a user's calendar."""
    user = await get_user(tx, context.org_id, context.path["id"])
    context.require_match(user.version)
    answer, _ = await _create_token(tx, context, "user", user.id)
    return answer


async def revoke_token(tx: Tx, context: RequestContext) -> HandlerResult:
    """Revoke a token of either kind."""
    token = await store.revoke_token(tx, context.org_id, context.path["id"], context.now)
    if token.feed == "schedule":
        schedule = await lock_schedule(tx, context.org_id, token.of, context.now)
        context.require_match(schedule.version)
        after = await raise_version(tx, context.org_id, schedule, context.now)
        await record_change(
            tx, context, after, "feed_token.revoked", {"id": token.id, "name": token.name}, {}
        )
    return HandlerResult()


async def _list_tokens(tx: Tx, context: RequestContext, feed: Feed, of: str) -> HandlerResult:
    page = await store.tokens_page(tx, context.org_id, feed, of, context.query.part)
    return HandlerResult(list_envelope(page, [feed_token_of(token) for token in page.rows]))


async def _create_token(
    tx: Tx, context: RequestContext, feed: Feed, of: str
) -> tuple[HandlerResult, FeedToken]:
    name = "" if context.document.name is None else str(context.document.name)
    token = FeedToken(new_id(context.now, "feed_"), feed, of, name, context.now)
    secret = await store.insert_token(tx, context.org_id, token)
    folder = f"{context.public_url}{V2}/{'schedules' if feed == 'schedule' else 'users'}/{of}"
    url = f"{folder}/calendar.ics?token={secret}"
    page_url = f"{folder}/page?token={secret}" if feed == "schedule" else None
    shown = NewFeedToken(token.id, name, utc_text(token.created_at), secret, url, page_url)
    return HandlerResult(DataEnvelope(shown), location=f"{V2}/feed-tokens/{token.id}"), token
