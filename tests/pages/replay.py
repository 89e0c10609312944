"""Replays what the pages print against a service, and compares what it answers.

A page presupposes people, schedules, shifts; they are made before the request that needs them, as
its reader would have made them. Its instants are of March and April 2026, the service's are now; so
values are compared only where a page's own words decide them.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx

from tests.pages.differences import differences, not_equal
from tests.pages.printed import Printed, v1_document, v1_requests, v2_requests

V1, V2 = "/api/v1", "/api/v2/oncall"
USERS = ("usr_alice", "usr_bob", "usr_carol", "usr_dave", "usr_eve", "usr_frank", "user_034")

NIGHTS = {
    "name": "After-Hours Network Support",
    "team_id": "team_789",
    "timezone": "Europe/Brussels",
    "rotation_type": "weekly",
}
BY_THE_RULES = {
    "at": "2026-04-24T19:00:00Z",
    "user_id": "usr_alice",
    "layer": "Weekday business hours",
    "until": "2026-04-25T00:00:00Z",
}
"""What the v1 page's sample should say: a Friday noon in Los Angeles is within business hours."""


class Compared(NamedTuple):
    """One request, the status that it was answered, what was compared, and what differs."""

    line: str
    status: int
    what: str
    differences: Sequence[str]


class Service(NamedTuple):
    """A service and a key to it."""

    http: httpx.Client
    key: str

    def ask(self, printed: Printed) -> httpx.Response:
        bearer = f"Bearer {self.key}"
        value = bearer if printed.key_header == "Authorization" else self.key
        headers = {printed.key_header: value}
        if printed.body is not None:
            headers["Content-Type"] = "application/json"
        return self.http.request(
            printed.method, printed.path, content=printed.body, headers=headers
        )

    def make(self, path: str, body: Mapping[str, Any]) -> Any:
        """Make something, unless it is there already."""
        response = self.http.post(path, json=body, headers={"X-API-Key": self.key})
        assert response.status_code in (201, 409), response.text
        return response.json().get("data")


def compared(http: httpx.Client, key: str) -> Iterator[Compared]:
    """Every request of both pages, replayed in order."""
    service = Service(http, key)
    _make_people(service)
    for schedule_id in ("sched_abc123", "sched_2", "sched_3"):
        service.make(f"{V2}/schedules", {**NIGHTS, "id": schedule_id})
    for printed in v2_requests():
        _presuppose_v2(service)
        yield _compared(service, printed, _of_v2(printed))
    for printed in v1_requests():
        yield _compared(service, _presupposed_v1(service, printed), _of_v1(printed))


def _make_people(service: Service) -> None:
    marie = {"id": "user_012", "name": "Marie Laurent", "email": "marie@example.com"}
    service.make(f"{V2}/users", marie)
    for user_id in USERS:
        person = {"id": user_id, "name": user_id, "email": f"{user_id}@example.com"}
        service.make(f"{V2}/users", person)


def _presuppose_v2(service: Service) -> None:
    """The page's schedule, though a request before may have deleted it, with its shifts: one in
    March, one to come, one now."""
    service.make(f"{V2}/schedules", {**NIGHTS, "id": "sched_abc123"})
    path = f"{V2}/schedules/sched_abc123/entries"
    for entry_id, days in (("entry_now", 0), ("entry_456", 30)):
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days, hours=-1)
        times = {"start": start.isoformat(), "end": (start + timedelta(hours=14)).isoformat()}
        service.make(path, {"id": entry_id, "user_id": "user_012", **times})
    march = {"start": "2026-03-08T18:00:00+01:00", "end": "2026-03-09T08:00:00+01:00"}
    service.make(path, {"id": "entry_march", "user_id": "user_012", **march})


def _presupposed_v1(service: Service, printed: Printed) -> Printed:
    """``printed`` once the page's schedule is there, or is not there yet to be created."""
    document = v1_document()
    headers = {"X-API-Key": service.key}
    path = f"{V1}/schedules/{document['id']}"
    if (printed.method, printed.path) == ("POST", f"{V1}/schedules"):
        service.http.delete(path, headers=headers)
        return printed
    service.make(f"{V1}/schedules", document)
    if "{overrideID}" not in printed.path:
        return printed
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    window = {"start_at": start.isoformat(), "end_at": (start + timedelta(hours=8)).isoformat()}
    made = service.make(f"{path}/overrides", {"user_id": "usr_frank", **window})
    return Printed(
        printed.line,
        printed.method,
        printed.path.replace("{overrideID}", made["id"]),
        printed.key_header,
    )


Check = Callable[[httpx.Response], Iterator[str]]


class Wanted(NamedTuple):
    """What is wanted of an answer, in words and as a check."""

    status: int
    what: str
    check: Check


def _compared(service: Service, printed: Printed, wanted: Wanted) -> Compared:
    response = service.ask(printed)
    if response.status_code != wanted.status:
        found = [f"status {response.status_code}, not {wanted.status}: {response.text}"]
    else:
        found = list(wanted.check(response))
    return Compared(printed.line, response.status_code, wanted.what, found)


def _of_v2(printed: Printed) -> Wanted:
    if printed.method == "DELETE":
        return Wanted(204, "no body", _no_body)
    one, many = _v2_samples()
    if printed.sample is not None:
        wanted = {"name": "Marie Laurent", "email": "marie@example.com", "user_id": "user_012"}

        def printed_answer(response: httpx.Response) -> Iterator[str]:
            answer = response.json()
            yield from differences(printed.sample, answer)
            if "on_call" in printed.sample:
                yield from not_equal(wanted, answer["on_call"])
            else:
                yield from not_equal({"total": 3, "limit": 25, "offset": 0}, answer)

        return Wanted(200, "the printed answer", printed_answer)
    if printed.path.endswith("/swap"):
        return Wanted(200, "who has the entry", _handed_over(printed))
    if "/entries" in printed.path:
        return _of_entries(printed, many)
    if printed.method == "GET":
        return Wanted(200, "the listed fields", _one(one))
    status = 201 if printed.method == "POST" else 200
    return Wanted(status, "the listed fields, the sent values", _echo(printed, one))


def _of_entries(printed: Printed, envelope: Any) -> Wanted:
    body = {"user_id": "user_012", "start": "", "end": ""}
    if printed.method == "GET":
        sample = {**envelope, "data": [body]}
        return Wanted(
            200, "the list's envelope", lambda response: differences(sample, response.json())
        )
    return Wanted(201, "the sent values", _echo(printed, body))


def _of_v1(printed: Printed) -> Wanted:
    if printed.method == "DELETE":
        return Wanted(204, "no body", _no_body)
    document = v1_document()
    if "/on-call" in printed.path:
        return Wanted(200, "the printed fields, by the rules", _on_call(printed))
    if printed.path.endswith("/overrides"):
        return Wanted(201, "the sent values", _echo(printed, json.loads(printed.body or b"")))
    if printed.method == "GET" and printed.path.endswith("/schedules"):
        sample = {"data": [{"id": "", "name": "", "timezone": "", "layers": []}]}
        _, envelope = _v2_samples()
        sample = {**envelope, **sample}
        return Wanted(
            200, "the list's envelope", lambda response: differences(sample, response.json())
        )
    if printed.method == "GET":
        return Wanted(200, "the printed document", _document(document))
    status = 201 if printed.method == "POST" else 200
    return Wanted(status, "the printed document", _document(document))


def _v2_samples() -> tuple[Any, Any]:
    """A schedule as the v2 page lists it, and the envelope of a list."""
    listed = v2_requests()[0].sample
    return listed["data"][0], listed


def _no_body(response: httpx.Response) -> Iterator[str]:
    if response.content:
        yield f"a body: {response.text}"


def _one(sample: Any) -> Check:
    return lambda response: differences({"data": sample}, response.json())


def _echo(printed: Printed, sample: Any) -> Check:
    """The fields of ``sample``, with the values that were sent."""

    def check(response: httpx.Response) -> Iterator[str]:
        yield from differences({"data": sample}, response.json())
        yield from not_equal(json.loads(printed.body or b"{}"), response.json().get("data", {}))

    return check


def _document(document: Any) -> Check:
    def check(response: httpx.Response) -> Iterator[str]:
        yield from differences({"data": document}, response.json())
        yield from not_equal(document, response.json().get("data", {}))

    return check


def _on_call(printed: Printed) -> Check:
    """The fields of the sample; its values are those of the rules, which it contradicts."""
    sample = next(each.sample for each in v1_requests() if each.sample is not None)

    def check(response: httpx.Response) -> Iterator[str]:
        yield from differences(sample, response.json())
        if "at=" in printed.path:
            yield from not_equal(BY_THE_RULES, response.json().get("data", {}))

    return check


def _handed_over(printed: Printed) -> Check:
    taker = json.loads(printed.body or b"")["swap_with_user_id"]

    def check(response: httpx.Response) -> Iterator[str]:
        entry = response.json()["data"]["entries"][0]
        yield from not_equal({"id": "entry_456", "user_id": taker}, entry)

    return check
