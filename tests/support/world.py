"""One of everything in an organisation, and for every operation a request that succeeds on it."""

from typing import Any, NamedTuple

from app.teams.covers.schemas import CandidatesQuery
from app.teams.entries.schemas import EntriesQuery
from app.teams.on_call.schemas import WindowQuery
from app.teams.operation import V2, Operation
from app.teams.routes import stored_operations
from tests.support.stored import V1, Stored

OPERATIONS = stored_operations()
USERS = (
    *("usr_alice", "usr_bob", "usr_carol", "usr_dave", "usr_eve", "usr_frank"),
    *("user_012", "user_034", "user_056", "user_free"),
)
NOW = "2026-03-10T12:00:00Z"

QUERIES = {
    CandidatesQuery: "?from=2026-03-16T00:00:00Z&to=2026-03-17T00:00:00Z",
    EntriesQuery: "?start_date=2026-03-01&end_date=2026-03-31",
    WindowQuery: "?from=2026-03-01T00:00:00Z&to=2026-04-01T00:00:00Z",
}

COVERED = {"start": "2026-03-10T12:00:00Z", "end": "2026-03-10T16:00:00Z"}
"""A part of the first turn of user_012, who has it in every schedule."""


class Request(NamedTuple):
    method: str
    path: str
    body: Any


def named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


async def world(stored: Stored) -> dict[str, str]:
    """Create one of everything; return the ids that ``request_of`` needs."""
    stored.at(NOW)
    me = stored.me
    await me.add_users(*USERS)
    absence = {"start": "2026-07-06", "end": "2026-07-17", "timezone": "Europe/Brussels"}
    for user_id, number in (("user_012", 1), ("user_free", 2)):
        body = {"id": f"absence_{number}", **absence}
        await me.create(f"{V2}/users/{user_id}/absences", body)
    schedule = {
        "id": "01HXSCHED",
        "name": "Nights",
        "team_id": "team_789",
        "timezone": "Europe/Brussels",
        "rotation_type": "weekly",
        "participants": ["user_012", "user_056"],
    }
    await me.create(f"{V2}/schedules", schedule)
    await me.create(f"{V2}/schedules", {**schedule, "id": "sched_free"})
    await me.create(f"{V2}/schedules", {**schedule, "id": "sched_pending", "team_id": "team_1"})
    later = f"{V2}/schedules/sched_pending?effective_from=next_handoff"
    await me.update(later, {"participants": ["user_012"]})
    entry = {"id": "entry_456", "user_id": "user_012", "start": "2026-04-15T18:00:00+02:00"}
    end = {"end": "2026-04-16T08:00:00+02:00"}
    await me.create(f"{V2}/schedules/01HXSCHED/entries", {**entry, **end})
    later = {"start": "2026-04-17T18:00:00+02:00", "end": "2026-04-18T08:00:00+02:00"}
    await me.create(f"{V2}/schedules/01HXSCHED/entries", {**entry, **later, "id": "entry_457"})
    override = {"id": "override_1", "user_id": "usr_frank"}
    window = {"start_at": "2026-04-25T00:00:00Z", "end_at": "2026-04-25T08:00:00Z"}
    await me.create(f"{V1}/schedules/01HXSCHED/overrides", {**override, **window})
    swap = await me.create(f"{V2}/entries/entry_457/swap", {"swap_with_user_id": "usr_eve"})
    cover = {"id": "cover_1", "user_id": "user_012", "offered_to": ["user_056"]}
    await me.create(f"{V2}/schedules/sched_free/covers", {**cover, **COVERED})
    target = {"type": "schedule", "id": "01HXSCHED"}
    policy = {"id": "policy_1", "name": "All", "steps": [{"targets": [target]}]}
    await me.create(f"{V1}/escalation-policies", policy)
    token = await me.create(f"{V2}/schedules/01HXSCHED/feed-tokens", {})
    return {"swap": swap["id"], "token": token["id"]}


def request_of(operation: Operation, ids: dict[str, str]) -> Request:
    """Return a request that succeeds in a ``world`` where nothing else was done."""
    spare = operation.method == "DELETE"
    by_folder = {
        "schedules": "sched_free" if spare and operation.path.endswith("{id}") else "01HXSCHED",
        "escalation-policies": "policy_1",
        "users": "user_free" if spare else "user_012",
        "feed-tokens": ids["token"],
    }
    if operation.path.endswith("/pending"):
        by_folder["schedules"] = "sched_pending"
    folder = operation.path.rpartition("/{id}")[0].rpartition("/")[2]
    path = operation.path.format(
        id=by_folder.get(folder, ""),
        absence_id="absence_2" if spare else "absence_1",
        override_id="override_1",
        entry_id="entry_456",
        swap_id=ids["swap"],
        team_id="team_789",
        cover_id="cover_1",
    )
    body = dict(operation.example) or None
    if body and operation.path == f"{V2}/users":
        body["id"] = "user_new"
    return Request(operation.method, path + QUERIES.get(operation.query, ""), body)
