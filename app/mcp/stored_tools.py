"""The kept schedules as MCP tools, for callers with a key: the table of tools, and their schemas.

Strategy: a tool is one or several stored operations, of which a call gets the first that the key
has the scope for. Arguments are named by what they are: the ids of the path, the parameters of the
query, and the body whole under a name of its own, so that no two of them collide.

This module is imported when the first caller with a key comes, or later: it loads SQLAlchemy.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Annotated, Any, cast

from msgspec import Meta, defstruct
from msgspec.structs import FieldInfo
from msgspec.structs import fields as struct_fields

from app.discovery.openapi import object_schema_of
from app.discovery.openapi_teams import patch_schema
from app.http.validation import RequestModel
from app.teams.operation import V1, V2, Operation
from app.teams.routes import stored_operations
from app.teams.schemas import NO_MORE

VERSION, IDEMPOTENCY_KEY = "version", "idempotency_key"
NOT_ARGUMENTS = ("preview", "token")
"""The parameters of a query that no tool takes: each tool says by itself whether it previews."""

PathId = Annotated[
    str,
    Meta(
        pattern=r"^[^/\x00]{1,200}$" + NO_MORE,
        description="an id of 1 to 200 characters, without a slash",
    ),
]
SeenVersion = Annotated[
    int,
    Meta(
        ge=0,
        description="the version of the schedule, or of the cover request, as it was read, a whole "
        "number: if it is another by now, nothing is done; absent: whatever it is",
    ),
]
IdempotencyKey = Annotated[
    str,
    Meta(
        pattern=r"^[!-~]{1,255}$" + NO_MORE,
        description="1 to 255 visible ASCII characters of your own: the same call with them is "
        "done once and answered twice, for 24 hours",
    ),
]


@dataclass(frozen=True)
class StoredTool:
    """One tool: a row of the table.

    ``operations`` are in order of preference. ``path`` names the argument of each parameter of the
    path, ``document`` that of the body. ``query`` is sent with every call. ``reads`` says that
    nothing is written, and ``replaces`` that something that was there may be lost.
    """

    name: str
    title: str
    description: str
    operations: Sequence[Operation]
    path: Mapping[str, str] = field(default_factory=dict)
    document: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    reads: bool = False
    replaces: bool = False

    def operation_for(self, scopes: Collection[str]) -> Operation | None:
        """Return the operation that a key with ``scopes`` may call; ``None`` if there is none."""
        return next((each for each in self.operations if each.scope in scopes), None)

    def arguments_of(self, operation: Operation) -> type[RequestModel]:
        """Return the type of the arguments with which ``operation`` is called.

        The document in them is of any type, because the operation itself validates it.
        """
        return self._arguments[operation.path]

    def schema_of(self, operation: Operation) -> Mapping[str, Any]:
        """Return the JSON Schema of the arguments with which ``operation`` is called."""
        return self._schemas[operation.path]

    @cached_property
    def _arguments(self) -> Mapping[str, type[RequestModel]]:
        return {each.path: self._made(each) for each in self.operations}

    @cached_property
    def _schemas(self) -> Mapping[str, Mapping[str, Any]]:
        return {each.path: self._schema(each) for each in self.operations}

    def _schema(self, operation: Operation) -> Mapping[str, Any]:
        schema = object_schema_of(self.arguments_of(operation))
        kind = operation.body or operation.patches
        if kind is not None:
            body = object_schema_of(kind)
            definitions = body.pop("$defs", {})
            schema["properties"][self.document] = patch_schema(body) if operation.patches else body
            schema |= {"$defs": definitions} if definitions else {}
        return schema

    def _made(self, operation: Operation) -> type[RequestModel]:
        fields: list[Any] = [(argument, PathId) for argument in self.path.values()]
        if self.document:
            fields.append((self.document, Any))
        query = [each for each in query_fields(operation) if each.name not in NOT_ARGUMENTS]
        fields += [(each.name, each.type, each.default) for each in query]
        if operation.writes and self.path:
            fields.append((VERSION, SeenVersion | None, None))
        if operation.method == "POST":
            fields.append((IDEMPOTENCY_KEY, IdempotencyKey | None, None))
        made = defstruct(
            self.name,
            fields,
            bases=(RequestModel,),
            frozen=True,
            kw_only=True,
            rename={each.name: each.encode_name for each in query},
        )
        return cast(type[RequestModel], made)


def query_fields(operation: Operation) -> Sequence[FieldInfo]:
    """Return the parameters of the query of ``operation``."""
    return struct_fields(operation.query)


@cache
def stored_tools() -> Sequence[StoredTool]:
    """Return every tool, in the order in which it is listed."""
    table: Mapping[tuple[str, str], Operation] = {
        (each.method, each.path): each for each in stored_operations()
    }

    def at(*rows: tuple[str, str]) -> Sequence[Operation]:
        return [table[row] for row in rows]

    edits = at(("PATCH", f"{V1}/schedules/{{id}}"), ("PATCH", f"{V2}/schedules/{{id}}"))
    replan = at(("POST", f"{V2}/schedules/{{id}}/replan"))
    schedule = {"id": "schedule_id"}
    return (
        StoredTool(
            "list-schedules",
            "List the kept schedules",
            "Lists the schedules of your organisation with their ids, versions and participants, "
            "or those of a team; `limit` and `cursor` page.",
            at(("GET", f"{V1}/schedules"), ("GET", f"{V2}/schedules")),
            reads=True,
        ),
        StoredTool(
            "who-is-on-call",
            "Who is on call by a kept schedule",
            "Says who is on call by one kept schedule, now or `at` an instant, and until when.",
            at(("GET", f"{V1}/schedules/{{id}}/on-call")),
            path=schedule,
            reads=True,
        ),
        StoredTool(
            "who-is-on-call-for-team",
            "Who is on call for a team",
            "Says who is on call for a team, now or `at` an instant, who is next and when; with "
            "names and e-mail addresses.",
            at(("GET", f"{V2}/current/{{team_id}}")),
            path={"team_id": "team_id"},
            reads=True,
        ),
        StoredTool(
            "list-shifts",
            "List a person's shifts",
            "Lists what one person has on all kept schedules, from now on for 28 days, or `from` "
            "an instant `to` another.",
            at(("GET", f"{V2}/users/{{id}}/shifts")),
            path={"id": "person_id"},
            reads=True,
        ),
        StoredTool(
            "list-people",
            "List the people",
            "Lists the people of your organisation: only they can be named by a schedule.",
            at(("GET", f"{V2}/users")),
            reads=True,
        ),
        StoredTool(
            "add-person",
            "Add a person",
            "Adds a person to your organisation, whom schedules and overrides may name from then "
            "on.",
            at(("POST", f"{V2}/users")),
            document="person",
        ),
        StoredTool(
            "create-schedule",
            "Create a schedule",
            "Creates a schedule that is kept. Without start_at the first participant has the turn "
            "that is running now.",
            at(("POST", f"{V1}/schedules"), ("POST", f"{V2}/schedules")),
            document="schedule",
        ),
        StoredTool(
            "create-override",
            "Create an override",
            "Puts one person on call for a stretch of a schedule, whoever would have had it. It "
            "can be cancelled over HTTP.",
            at(("POST", f"{V1}/schedules/{{id}}/overrides")),
            path=schedule,
            document="override",
        ),
        StoredTool(
            "list-cover-candidates",
            "Rank who could take over a stretch",
            "Ranks who could take over a stretch of a schedule: those whom nothing keeps from it "
            "come first, and among them whoever would have the fewest hours.",
            at(("GET", f"{V2}/schedules/{{id}}/cover-candidates")),
            path=schedule,
            reads=True,
        ),
        StoredTool(
            "list-covers",
            "List the cover requests",
            "Lists the cover requests of your organisation, or those in a `state`, with what is "
            "still open of each.",
            at(("GET", f"{V2}/covers")),
            reads=True,
        ),
        StoredTool(
            "ask-for-cover",
            "Ask for cover",
            "Asks others to take over a stretch that somebody has. Nothing changes hands until one "
            "of them accepts; list-cover-candidates ranks them.",
            at(("POST", f"{V2}/schedules/{{id}}/covers")),
            path=schedule,
            document="cover",
        ),
        StoredTool(
            "accept-cover",
            "Accept a cover request",
            "Puts a person on call for what is open of a cover request, or for a part of it, in "
            "place of whoever asked.",
            at(("POST", f"{V2}/covers/{{cover_id}}/accept")),
            path={"cover_id": "cover_id"},
            document="acceptance",
        ),
        StoredTool(
            "preview-edit",
            "Look at what an edit would change",
            "Writes nothing: says who is on call before and after an edit, the next four turns of "
            "both, and what each person gains and loses over 28 days. The arguments are those of "
            "edit-schedule.",
            edits,
            path=schedule,
            document="changes",
            query={"preview": "true"},
            reads=True,
        ),
        StoredTool(
            "edit-schedule",
            "Edit a schedule",
            "Changes a schedule by a merge patch: what is given replaces, null removes. Whoever is "
            "on call stays until the turn ends. With effective_from the edit waits until then. "
            "Look at it with preview-edit first.",
            edits,
            path=schedule,
            document="changes",
            replaces=True,
        ),
        StoredTool(
            "preview-replan",
            "Look at a plan after an absence",
            "Writes nothing: says who would take over what people who are away have in a window "
            "of a schedule, with as few changes as can be, and what nobody can take. The "
            "arguments are those of replan-schedule.",
            replan,
            path=schedule,
            document="plan",
            query={"preview": "true"},
            reads=True,
        ),
        StoredTool(
            "replan-schedule",
            "Plan a schedule anew after an absence",
            "Gives what people who are away have in a window of a schedule to others, by "
            "overrides, with as few changes as can be. Look at it with preview-replan first.",
            replan,
            path=schedule,
            document="plan",
        ),
    )
