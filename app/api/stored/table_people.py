"""The rows of people and of calendars."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.api.stored import feeds, people
from app.api.stored.documents import (
    FeedQuery,
    FeedTokenPost,
    FeedTokenShown,
    NewFeedToken,
    PageQuery,
    User,
    UserPost,
)
from app.api.stored.operations import READ, V2, WRITE, Operation
from app.api.stored.table_rows import Rows

PEOPLE_V2 = "People (v2)"
FEEDS_V2 = "Calendars (v2)"

PERSON: Mapping[str, Any] = {
    "id": "user_012",
    "name": "Marie Laurent",
    "email": "marie@example.com",
    "team_ids": ["team_789"],
}
ONE_USER: Mapping[str, Any] = {"answer": User}
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
    "status": 201,
    "example": {"name": "Marie's phone"},
}

_people = Rows(f"{V2}/users", PEOPLE_V2, WRITE)
_feeds = Rows(V2, FEEDS_V2, WRITE)

V2_PEOPLE: Sequence[Operation] = (
    _people(
        "GET",
        "",
        "List people",
        people.list_users,
        scope=READ,
        query=PageQuery,
        shape="many",
        **ONE_USER,
    ),
    _people(
        "POST",
        "",
        "Add a person",
        people.create_user,
        body=UserPost,
        status=201,
        example=PERSON,
        **ONE_USER,
    ),
    _people("GET", "/{id}", "Read a person", people.read_user, scope=READ, **ONE_USER),
    _people(
        "PATCH",
        "/{id}",
        "Change a person",
        people.update_user,
        patches=UserPost,
        example={"email": "marie.laurent@example.com"},
        **ONE_USER,
    ),
    _people(
        "DELETE",
        "/{id}",
        "Remove a person; fails while anything to come counts on them",
        people.delete_user,
        shape="nothing",
        status=204,
    ),
)

V2_FEEDS: Sequence[Operation] = (
    _feeds(
        "GET",
        "/schedules/{id}/calendar.ics",
        "A schedule's calendar",
        feeds.schedule_calendar,
        feed="schedule",
        **CALENDAR,
    ),
    _feeds(
        "GET",
        "/users/{id}/calendar.ics",
        "A person's calendar",
        feeds.user_calendar,
        feed="user",
        **CALENDAR,
    ),
    _feeds(
        "GET",
        "/schedules/{id}/feed-tokens",
        "List the tokens of a schedule's calendar",
        feeds.list_schedule_tokens,
        scope=READ,
        **TOKENS,
    ),
    _feeds(
        "POST",
        "/schedules/{id}/feed-tokens",
        "Make a token for a schedule's calendar",
        feeds.create_schedule_token,
        **NEW_TOKEN,
    ),
    _feeds(
        "GET",
        "/users/{id}/feed-tokens",
        "List the tokens of a person's calendar",
        feeds.list_user_tokens,
        scope=READ,
        **TOKENS,
    ),
    _feeds(
        "POST",
        "/users/{id}/feed-tokens",
        "Make a token for a person's calendar",
        feeds.create_user_token,
        **NEW_TOKEN,
    ),
    _feeds(
        "DELETE",
        "/feed-tokens/{id}",
        "Revoke a token",
        feeds.revoke_token,
        shape="nothing",
        status=204,
    ),
)
