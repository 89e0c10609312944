"""The operations of users."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.teams.operation import READ, V2, WRITE, Operation, OperationGroup, Tag
from app.teams.schemas import PageQuery
from app.teams.users import handlers
from app.teams.users.schemas import User, UserPost

PERSON: Mapping[str, Any] = {
    "id": "user_012",
    "name": "Marie Laurent",
    "email": "marie@example.com",
    "team_ids": ["team_789"],
}
ONE_USER: Mapping[str, Any] = {"answer": User}

_users = OperationGroup(f"{V2}/users", Tag("People (v2)", "Who can be on call."), WRITE)

V2_USERS: Sequence[Operation] = (
    _users(
        "GET",
        "",
        "List people",
        handlers.list_users,
        scope=READ,
        query=PageQuery,
        shape="many",
        **ONE_USER,
    ),
    _users(
        "POST",
        "",
        "Add a person",
        handlers.create_user,
        body=UserPost,
        status=201,
        example=PERSON,
        **ONE_USER,
    ),
    _users("GET", "/{id}", "Read a person", handlers.read_user, scope=READ, **ONE_USER),
    _users(
        "PATCH",
        "/{id}",
        "Change a person",
        handlers.update_user,
        patches=UserPost,
        example={"email": "marie.laurent@example.com"},
        **ONE_USER,
    ),
    _users(
        "DELETE",
        "/{id}",
        "Remove a person; fails while anything to come counts on them",
        handlers.delete_user,
        shape="nothing",
        status=204,
    ),
)
