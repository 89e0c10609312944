"""The operations of cover requests."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.teams.covers import handlers
from app.teams.covers.schemas import (
    AcceptPost,
    CandidatesQuery,
    CandidatesShown,
    CoverPost,
    CoverShown,
    CoversQuery,
    RefusePost,
)
from app.teams.operation import READ, V2, WRITE, Operation, OperationGroup, Tag

COVER_ID: Mapping[str, str] = {"cover_id": "the id of a cover request"}
COVERS: Mapping[str, Any] = {
    "handler": handlers.list_covers,
    "scope": READ,
    "query": CoversQuery,
    "answer": CoverShown,
    "shape": "many",
}

_covers = OperationGroup(
    V2,
    Tag("Cover requests (v2)", "Somebody gives a stretch away; others take it over."),
    WRITE,
)

V2_COVERS: Sequence[Operation] = (
    _covers(
        "GET",
        "/schedules/{id}/cover-candidates",
        "Who could take a stretch over",
        handlers.list_candidates,
        scope=READ,
        heavy=True,
        query=CandidatesQuery,
        answer=CandidatesShown,
    ),
    _covers("GET", "/schedules/{id}/covers", "List cover requests of a schedule", **COVERS),
    _covers(
        "POST",
        "/schedules/{id}/covers",
        "Ask for cover",
        handlers.create_cover,
        heavy=True,
        body=CoverPost,
        answer=CoverShown,
        status=201,
        example={
            "user_id": "user_012",
            "start": "2026-04-15T18:00:00+02:00",
            "end": "2026-04-16T08:00:00+02:00",
            "reason": "A concert",
            "offered_to": ["user_056"],
        },
        description="Whoever asks is on call in all of the stretch.",
    ),
    _covers("GET", "/covers", "List cover requests", **COVERS),
    _covers(
        "GET",
        "/covers/{cover_id}",
        "Read a cover request",
        handlers.read_cover,
        scope=READ,
        parameters=COVER_ID,
        answer=CoverShown,
    ),
    _covers(
        "POST",
        "/covers/{cover_id}/accept",
        "Take over what is open of a cover request, or a part of it",
        handlers.accept_cover,
        heavy=True,
        parameters=COVER_ID,
        body=AcceptPost,
        answer=CoverShown,
        example={"user_id": "user_056"},
        description="Makes an override, from now on if the stretch has begun. A 409 says what has "
        "changed if the asker is not on call there any more.",
    ),
    _covers(
        "POST",
        "/covers/{cover_id}/refuse",
        "Refuse a cover request",
        handlers.refuse_cover,
        parameters=COVER_ID,
        body=RefusePost,
        answer=CoverShown,
        example={"user_id": "user_056", "reason": "I am away"},
        description="Once all to whom it was offered have refused, the request is refused.",
    ),
    _covers(
        "DELETE",
        "/covers/{cover_id}",
        "Withdraw a cover request",
        handlers.withdraw_cover,
        parameters=COVER_ID,
        shape="nothing",
        status=204,
        description="What was accepted stays.",
    ),
)
