"""What several handlers look up: people by id, and who is on call."""

from collections.abc import Iterable, Mapping, Sequence

from app.api.stored.operations import Call
from app.engine.layered.limits import EARLIEST_AT
from app.engine.layered.model import OnCall
from app.errors import Fault, InvalidRequest
from app.storage.database import Tx
from app.storage.history import History, history_at
from app.storage.people import Person, people_of

KEPT_SIZE = 5_000
"""Histories up to this size are kept: those that are asked for again and again are small."""
MOST_NAMED = 100
"""Faults of one kind that are named."""


async def require_people(tx: Tx, org_id: str, named: Iterable[tuple[str, str]]) -> None:
    """Raise ``InvalidRequest`` for users that there are not; ``named``: pointer and id of each."""
    pairs = list(named)
    known = await people_of(tx, org_id, [user_id for _, user_id in pairs])
    faults = [
        Fault(pointer, f"there is no user {user_id}: create it at /api/v2/oncall/users")
        for pointer, user_id in pairs
        if user_id not in known
    ]
    if faults:
        raise InvalidRequest(faults[:MOST_NAMED])


def participants_in(layers: Sequence[Mapping[str, Sequence[str]]]) -> Iterable[tuple[str, str]]:
    """Every participant of v1 layers, as JSON types, with the pointer to it."""
    for index, layer in enumerate(layers):
        for place, name in enumerate(layer["participants"]):
            yield f"/layers/{index}/participants/{place}", name.strip()


async def on_call_of(tx: Tx, call: Call, schedule_id: str, at: int) -> OnCall:
    """Who is on call. Raises ``NotFound``."""
    found = kept_on_call(call, schedule_id, at)
    if found is None:
        history = await history_at(tx, call.org_id, schedule_id, at)
        if history.size <= KEPT_SIZE:
            call.keep(("history", schedule_id), history, history.size)
        found = _told(history, at)
    return found


async def people_named(tx: Tx, call: Call, ids: Iterable[str | None]) -> Mapping[str, Person]:
    """Those of ``ids`` that there are: one question for all whom an answer names."""
    people = await people_of(tx, call.org_id, ids)
    for name, person in people.items():
        call.keep(("person", name), person)
    return people


def kept_on_call(call: Call, schedule_id: str, at: int) -> OnCall | None:
    """As ``on_call_of``, of what is kept; ``None``: it has to be read."""
    last: OnCall | None = call.kept_under(("on call", schedule_id))
    if last and last.until and (last.since or EARLIEST_AT) <= at < last.until:
        return last._replace(at=at)
    history: History | None = call.kept_under(("history", schedule_id))
    found = history.on_call_at(at) if history else None
    if found is not None:
        call.keep(("on call", schedule_id), found)
    return found


def kept_people(call: Call, ids: Iterable[str | None]) -> Mapping[str, Person] | None:
    """Those of ``ids`` that there are, of what is kept; ``None``: one has to be read."""
    wanted = [name for name in ids if name is not None]
    people = {name: call.kept_under(("person", name)) for name in wanted}
    return people if all(people.values()) else None


def _told(history: History, at: int) -> OnCall:
    found = history.on_call_at(at)
    assert found is not None  # noqa: S101 - what was read reaches as far as its answer
    return found
