"""Handlers for calendars that programs subscribe to, and for the tokens that open them.

Strategy: a calendar shows whole UTC days, some behind and a year ahead, so it is the same bytes for
a day unless something is changed; programs ask again and again and are told 304.
"""

import asyncio

from app.api.stored.documents import FeedTokenShown, Many, NewFeedToken, One, feed_token_of
from app.api.stored.operations import V2, Answer, Call
from app.api.stored.times import utc_text
from app.api.stored.v1 import note
from app.engine.layered.limits import DAY_MS
from app.engine.layered.model import FinalSchedule
from app.formats.ical import calendar_bytes
from app.formats.timeline import Timeline
from app.products.layered.timeline import personal_timeline, stored_timeline
from app.storage.database import Tx
from app.storage.feeds import Feed, FeedToken, made_token, revoked_token, tokens_of
from app.storage.history import final_schedule_of
from app.storage.ids import new_id
from app.storage.people import people_of, person_of
from app.storage.schedules import StoredSchedule, locked, raised, schedule_of, schedules_with

DAYS_BACK, DAYS_AHEAD = 31, 366


async def schedule_calendar(tx: Tx, call: Call) -> Answer:
    schedule = await schedule_of(tx, call.org_id, call.path["id"])
    timeline, _ = await _timeline(tx, call, schedule)
    return Answer(await asyncio.to_thread(calendar_bytes, timeline))


async def user_calendar(tx: Tx, call: Call) -> Answer:
    person = await person_of(tx, call.org_id, call.path["id"])
    since_at, _ = _window(call.now)
    timelines = []
    for schedule in await schedules_with(tx, call.org_id, person.id, since_at):
        timeline, final = await _timeline(tx, call, schedule)
        timelines.append(await asyncio.to_thread(personal_timeline, timeline, final, person.id))
    about = f"Every shift of {person.name}."
    cover = Timeline(f"On call: {person.name}", about, "UTC", ("user", person.id), (), {})
    return Answer(await asyncio.to_thread(calendar_bytes, cover, *timelines))


async def list_schedule_tokens(tx: Tx, call: Call) -> Answer:
    schedule = await schedule_of(tx, call.org_id, call.path["id"])
    return await _tokens(tx, call, "schedule", schedule.id)


async def create_schedule_token(tx: Tx, call: Call) -> Answer:
    schedule = await locked(tx, call.org_id, call.path["id"])
    call.require_match(schedule.version)
    after = await raised(tx, call.org_id, schedule, call.now)
    answer, token = await _created(tx, call, "schedule", schedule.id)
    await note(tx, call, after, "feed_token.created", {}, {"id": token.id, "name": token.name})
    return answer


async def list_user_tokens(tx: Tx, call: Call) -> Answer:
    person = await person_of(tx, call.org_id, call.path["id"])
    return await _tokens(tx, call, "user", person.id)


async def create_user_token(tx: Tx, call: Call) -> Answer:
    person = await person_of(tx, call.org_id, call.path["id"])
    call.require_match(person.version)
    answer, _ = await _created(tx, call, "user", person.id)
    return answer


async def revoke_token(tx: Tx, call: Call) -> Answer:
    token = await revoked_token(tx, call.org_id, call.path["id"], call.now)
    if token.feed == "schedule":
        schedule = await locked(tx, call.org_id, token.of)
        call.require_match(schedule.version)
        after = await raised(tx, call.org_id, schedule, call.now)
        await note(tx, call, after, "feed_token.revoked", {"id": token.id, "name": token.name}, {})
    return Answer()


async def _tokens(tx: Tx, call: Call, feed: Feed, of: str) -> Answer:
    tokens = [feed_token_of(token) for token in await tokens_of(tx, call.org_id, feed, of)]
    part = call.query.part
    shown: list[FeedTokenShown] = tokens[part.offset : part.offset + part.limit]
    return Answer(Many(shown, len(tokens), part.limit, part.offset))


async def _created(tx: Tx, call: Call, feed: Feed, of: str) -> tuple[Answer, FeedToken]:
    name = "" if call.document.name is None else str(call.document.name)
    token = FeedToken(new_id(call.now, "feed_"), feed, of, name, call.now)
    secret = await made_token(tx, call.org_id, token)
    path = f"{V2}/{'schedules' if feed == 'schedule' else 'users'}/{of}/calendar.ics"
    url = f"{call.public_url}{path}?token={secret}"
    shown = NewFeedToken(token.id, name, utc_text(token.created_at), secret, url)
    return Answer(One(shown), location=f"{V2}/feed-tokens/{token.id}"), token


async def _timeline(tx: Tx, call: Call, schedule: StoredSchedule) -> tuple[Timeline, FinalSchedule]:
    final = await final_schedule_of(tx, call.org_id, schedule.id, *_window(call.now))
    ids = {segment.user_id for segment in final.segments}
    names = {
        user_id: each.name for user_id, each in (await people_of(tx, call.org_id, ids)).items()
    }
    identity = ("stored", call.org_id, schedule.id)
    timezone = schedule.rules.timezone
    about = (schedule.fields.name, identity, timezone, final, names)
    return await asyncio.to_thread(stored_timeline, *about), final


def _window(now: int) -> tuple[int, int]:
    today = now - now % DAY_MS
    return today - DAYS_BACK * DAY_MS, today + DAYS_AHEAD * DAY_MS
