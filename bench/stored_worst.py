"""The most expensive writes of the stored APIs that are valid, for the benchmark of abuse.

An organisation needs ``PEOPLE`` (make them in its database, as ``add_users`` of
``tests/support/stored.py`` does). Then ``preparations`` are sent in order, and each of
``worst_writes`` may follow, again and again.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

V1, V2 = "/api/v1", "/api/v2/oncall"

SHORT = [f"p{number}" for number in range(500)]
LONG = [f"{number:0>200}" for number in range(500)]
PEOPLE = (*SHORT, *LONG)
LAYERS, RESTRICTIONS, TARGETS = 50, 100, 20
COUNTED_SCHEDULES = 8


class Request(NamedTuple):
    """A request with a JSON body; ``body`` is empty if it has none."""

    name: str
    method: str
    path: str
    body: bytes = b""


def preparations() -> Iterator[Request]:
    """Yield the requests that make what the worst ones change."""
    for name in ("many", "long", "restricted"):
        yield _post(f"prepare {name}", f"{V1}/schedules", _schedule(name, _layers(name)))
    for number in range(COUNTED_SCHEDULES):
        layers = _layers("many")
        yield _post("prepare a target", f"{V1}/schedules", _schedule(f"target{number}", layers))
    hourly = _layer("Hours", SHORT[:2]) | {"interval": {"count": 1, "unit": "hours"}}
    yield _post("prepare hourly", f"{V1}/schedules", _schedule("hourly", [hourly]))


def worst_writes(turn: int = 0) -> Iterator[Request]:
    """Yield the worst writes, each for another reason.

    ``turn`` is a number that makes each another one than before, so that nothing is "unchanged".
    """
    for name in ("many", "long", "restricted"):
        layers = _layers(name, turn + 1)
        path = f"{V1}/schedules/{name}"
        yield _post(f"create {name}", f"{V1}/schedules", _schedule(f"{name}-{turn}", layers))
        yield _patch(f"change {name}", path, {"layers": layers})
        yield _patch(f"rename {name}", path, {"name": f"Name {turn}"})
        yield _patch(f"rename {name} by v2", f"{V2}/schedules/{name}", {"name": f"Title {turn}"})
        later = {"layers": _layers(name, turn + 2)}
        yield _patch(f"change {name} later", f"{path}?effective_from=2031-01-01T00:00:00Z", later)
        yield _patch(f"rename {name} before that", path, {"name": f"Pending {turn}"})
        yield Request(f"withdraw that of {name}", "DELETE", f"{path}/pending")
        yield Request(f"delete {name}", "DELETE", f"{V1}/schedules/{name}-{turn}")
    unknown = [name + "?" for name in SHORT]
    layers = [_layer(f"Layer {number}", unknown) for number in range(LAYERS)]
    yield _post("25,000 unknown people", f"{V1}/schedules", _schedule("x", layers))
    faulty = [_layer(f"Layer {number}", [""] * 500) for number in range(LAYERS)]
    yield _post("25,000 faults", f"{V1}/schedules", _schedule("x", faulty))
    step = {
        "delay_minutes": 5,
        "targets": [
            {"type": "schedule", "id": f"target{number % COUNTED_SCHEDULES}"}
            for number in range(TARGETS)
        ],
    }
    steps = {"name": f"Policy {turn}", "steps": [step] * TARGETS}
    yield _post("a policy of 400 targets", f"{V1}/escalation-policies", steps)
    person = {"name": "P", "email": "p@example.com", "team_ids": ["t" * 200] * 100}
    yield _post("a person of 100 teams", f"{V2}/users", person)
    shift = {
        "user_id": SHORT[2],
        "start": f"2031-01-{1 + turn % 28:02}T00:00:00Z",
        "end": f"2031-01-{1 + turn % 28:02}T01:00:00Z",
    }
    yield _post("an entry", f"{V2}/schedules/hourly/entries", shift)
    cover = {"user_id": SHORT[2], "start_at": shift["start"], "end_at": shift["end"]}
    yield _post("an override", f"{V1}/schedules/many/overrides", cover | {"reason": "r" * 200})
    yield _patch("a patch of unknown fields", f"{V1}/schedules/many", _unknown())
    yield _patch("a patch of nested objects", f"{V1}/schedules/many", {"layers": [_nested()] * 50})


def _layers(kind: str, turn: int = 0) -> list[dict[str, Any]]:
    """Return the layers of the largest schedule of a kind."""
    if kind == "many":
        people = SHORT[turn % 500 :] + SHORT[: turn % 500]
        return [_layer(f"Layer {number}", people) for number in range(LAYERS)]
    if kind == "long":
        people = LONG[turn % 500 :] + LONG[: turn % 500]
        return [_layer(f"{number:0>200}", people[:100]) for number in range(LAYERS)]
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    window = {"start": "00:00", "end": "12:00", "days": days[turn % 7 :] + days[: turn % 7]}
    restrictions = {"restrictions": [window] * RESTRICTIONS}
    return [_layer(f"Layer {n}", SHORT[:1]) | restrictions for n in range(LAYERS)]


def _layer(name: str, participants: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "rotation_type": "custom",
        "interval": {"count": 1, "unit": "days"},
        "start_at": "2026-06-01T00:00:00Z",
        "participants": participants,
    }


def _schedule(schedule_id: str, layers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": schedule_id, "name": "Worst", "timezone": "Europe/Brussels", "layers": layers}


def _unknown() -> dict[str, Any]:
    return {f"{number:0>190}": number for number in range(5_000)}


def _nested() -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for number in range(90):
        inner = {f"n{number}": inner}
    return inner


def _post(name: str, path: str, body: object) -> Request:
    return Request(name, "POST", path, json.dumps(body, separators=(",", ":")).encode())


def _patch(name: str, path: str, body: object) -> Request:
    return _post(name, path, body)._replace(method="PATCH")
