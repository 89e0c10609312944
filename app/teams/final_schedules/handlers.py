"""Handlers that show a schedule to readers: as a page, or as a file in the form that they want."""

from app.database.database import Tx
from app.engine.layered.model import OnCall
from app.engine.walltime import clock_of
from app.formats.plain import plain_text
from app.http.negotiation import negotiated
from app.products.endpoint import CSV, JSON, SVG
from app.teams.calendars.timeline import people_in
from app.teams.final_schedules.files import UserNames, file_of
from app.teams.final_schedules.page import (
    SchedulePage,
    layout_of,
    local_minute,
    offset_text,
    page_window,
)
from app.teams.on_call.store import History, ask, history_between, on_call_of
from app.teams.operation import V2, HandlerResult, RequestContext, Written
from app.teams.schedules.store import get_schedule, named_schedule
from app.teams.users.store import names_by_id

FORMS = {"json": JSON, "csv": CSV, "svg": SVG}
PICTURE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
"""A picture that is opened by itself runs nothing and loads nothing."""
LANGUAGE_HEADERS = {"Vary": "Accept", "X-Robots-Tag": "noindex"}


async def read_final_schedule(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return who is on call over a window, in the form that was asked for."""
    query = context.query
    form = FORMS[query.form] if query.form else negotiated(context.accept, tuple(FORMS.values()))
    schedule = await named_schedule(tx, context.org_id, context.path["id"], context.now)
    timezone = str(query.timezone or schedule.timezone)
    from_at, to_at = page_window(context.now, timezone)
    if query.from_at is not None:
        from_at, to_at = int(query.from_at), int(query.from_at) + to_at - from_at
    if query.to_at is not None:
        to_at = int(query.to_at)
    history = await history_between(tx, context.org_id, schedule.id, from_at, to_at)
    names = await _names(tx, context, history, (from_at, to_at))
    wanted = (form, schedule, timezone, names)
    body = await ask(context.compute, history, from_at, to_at, file_of, *wanted)
    headers = {**LANGUAGE_HEADERS, **(PICTURE_HEADERS if form == SVG else {})}
    return HandlerResult(Written(body, form, headers))


async def read_page(tx: Tx, context: RequestContext) -> HandlerResult:
    """Return what the page of a schedule shows."""
    schedule = await get_schedule(tx, context.org_id, context.path["id"], context.now)
    own_zone = schedule.rules.timezone
    timezone = str(context.query.timezone or own_zone)
    window = page_window(context.now, timezone)
    found = await on_call_of(tx, context.compute, context.org_id, schedule.id, context.now)
    history = await history_between(tx, context.org_id, schedule.id, *window)
    names = await _names(tx, context, history, window, found)
    wanted = (found, timezone, names)
    layout = await ask(context.compute, history, *window, layout_of, *wanted)
    token = context.query.token or ""
    path = f"{V2}/schedules/{schedule.id}/calendar.ics?token={token}"
    _, _, host = context.public_url.partition("://")
    clock = clock_of(timezone)
    return HandlerResult(
        SchedulePage(
            name=plain_text(schedule.fields.name),
            team=plain_text(schedule.fields.team_id or ""),
            zone=timezone,
            offset=offset_text(context.now, clock),
            own_zone=own_zone,
            as_of=local_minute(context.now, clock),
            token=token,
            webcal=f"webcal://{host}{path}",
            calendar=f"{context.public_url}{path}",
            present=layout.present,
            weeks=layout.weeks,
            lines=layout.lines,
            more=layout.more,
            gaps=layout.gaps,
            people=layout.people,
            beside=layout.beside,
        )
    )


async def _names(
    tx: Tx,
    context: RequestContext,
    history: History,
    window: tuple[int, int],
    found: OnCall | None = None,
) -> UserNames:
    """Return the names of everybody whom a window may show."""
    people = set(await ask(context.compute, history, *window, people_in))
    for each in found.parts if found else ():
        people.update(each.user_ids, each.next.user_ids if each.next else ())
    named = await names_by_id(tx, context.org_id, people)
    return {user_id: name for user_id, (name, _) in named.items()}
