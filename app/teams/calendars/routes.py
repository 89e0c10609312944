"""The operations of calendar feeds and their tokens."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.teams.calendars import handlers
from app.teams.calendars.schemas import FeedQuery, FeedTokenPost, FeedTokenShown, NewFeedToken
from app.teams.operation import READ, V2, WRITE, Operation, OperationGroup, Tag
from app.teams.schemas import PageQuery

CALENDAR: Mapping[str, Any] = {
    "scope": READ,
    "query": FeedQuery,
    "shape": "calendar",
    "heavy": True,
}
TOKENS: Mapping[str, Any] = {"query": PageQuery, "answer": FeedTokenShown, "shape": "many"}
NEW_TOKEN: Mapping[str, Any] = {
    "body": FeedTokenPost,
    "answer": NewFeedToken,
    "secret": True,
    "status": 201,
    "example": {"name": "Marie's phone"},
}

_feeds = OperationGroup(V2, Tag("Calendars (v2)", "What calendar programs subscribe to."), WRITE)

V2_FEEDS: Sequence[Operation] = (
    _feeds(
        "GET",
        "/schedules/{id}/calendar.ics",
        "A schedule's calendar",
        handlers.read_schedule_calendar,
        feed="schedule",
        **CALENDAR,
    ),
    _feeds(
        "GET",
        "/users/{id}/calendar.ics",
        "A person's calendar",
        handlers.read_user_calendar,
        feed="user",
        **CALENDAR,
    ),
    _feeds(
        "GET",
        "/schedules/{id}/feed-tokens",
        "List the tokens of a schedule's calendar",
        handlers.list_schedule_tokens,
        scope=READ,
        **TOKENS,
    ),
    _feeds(
        "POST",
        "/schedules/{id}/feed-tokens",
        "Make a token for a schedule's calendar",
        handlers.create_schedule_token,
        **NEW_TOKEN,
    ),
    _feeds(
        "GET",
        "/users/{id}/feed-tokens",
        "List the tokens of a person's calendar",
        handlers.list_user_tokens,
        scope=READ,
        **TOKENS,
    ),
    _feeds(
        "POST",
        "/users/{id}/feed-tokens",
        "Make a token for a person's calendar",
        handlers.create_user_token,
        **NEW_TOKEN,
    ),
    _feeds(
        "DELETE",
        "/feed-tokens/{id}",
        "Revoke a token",
        handlers.revoke_token,
        shape="nothing",
        status=204,
    ),
)
