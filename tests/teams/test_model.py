"""The stored schedules beside a simple model of them in memory, under writes in any order.

The model keeps rules, overrides and entries in lists and walks them for every question. For a
number of instants it records who was on call by the service at that very instant: that may change
only by a record about the past, or by taking back one that was made afterwards.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.database.database import Database
from app.formats.instants import iso
from app.teams.keys.store import SCOPES, create_key
from tests.conftest import Clock
from tests.support.replica_callers import V1, V2, Caller

HOUR, DAY = 3_600_000, 86_400_000
START = 20_608 * DAY + 7 * HOUR
"""2026-06-04T07:00:00Z."""
PEOPLE = ("alice", "bob", "carol")
HORIZON = 366 * DAY
BEHIND, AHEAD = 8 * DAY, 12 * DAY
"""What the model looks at, around now."""
ORGANISATIONS = count()

people = st.sampled_from(PEOPLE)
rotations = st.lists(people, max_size=3)
handoffs = st.integers(0, 23)
starts = st.integers(-72, 200).map(lambda halves: halves * HOUR // 2)
lengths = st.integers(1, 60).map(lambda halves: halves * HOUR // 2)
picks = st.integers(0, 1_000_000)


@dataclass
class Assignment:
    """An override or entry; ``[from_at, until_at)`` is the part in force."""

    id: str
    user_id: str
    from_at: int
    until_at: int
    created_at: int
    swap_id: str | None = None
    cancelled: bool = False

    def holds(self, at: int) -> bool:
        return self.from_at <= at < self.until_at

    def can_be_taken_back(self, now: int) -> bool:
        stood = max(self.from_at, self.created_at) < min(self.until_at, now)
        return not self.cancelled and not (stood and self.until_at <= now)

    def take_back(self, now: int) -> None:
        start, end = max(self.from_at, self.created_at), min(self.until_at, now)
        self.from_at, self.until_at = (start, end) if start < end else (self.from_at, self.from_at)
        self.cancelled = True


class Rules(NamedTuple):
    """Daily turns from ``from_at`` on, with handoffs at an hour of the day.

    Whoever is at ``place`` in the list has the turn that holds ``from_at``.
    """

    from_at: int
    names: Sequence[str]
    handoff: int
    place: int
    begins_at: int

    def place_at(self, at: int) -> int:
        days = [(each - self.handoff * HOUR) // DAY for each in (self.begins_at, at)]
        return (self.place + days[1] - days[0]) % len(self.names)

    def edited(self, names: Sequence[str], handoff: int, at: int) -> "Rules":
        """Return other rules from ``at`` on: who has the turn then keeps it, or passes it on."""
        place = 0
        order = []
        if self.names:
            order = [self.names[(self.place_at(at) + n) % len(self.names)] for n in range(3)]
        staying = [name for name in order[: len(self.names)] if name in names]
        if staying:
            holder, follower = (staying * 2)[:2]
            places = [each for each, name in enumerate(names) if name == holder]
            followed = [each for each in places if names[(each + 1) % len(names)] == follower]
            place = [*followed, *places][0]
        return Rules(at, names, handoff, place, at)


@dataclass
class Model:
    """The expected state of the one schedule, oldest first."""

    rules: list[Rules] = field(default_factory=list)
    overrides: list[Assignment] = field(default_factory=list)
    entries: list[Assignment] = field(default_factory=list)
    recorded: dict[int, str | None] = field(default_factory=dict)

    def scheduled(self, at: int) -> str | None:
        """Return who has the layer at an instant."""
        rules = self.rules_at(at)
        return rules.names[rules.place_at(at)] if rules.names else None

    def rules_at(self, at: int) -> Rules:
        return [rules for rules in self.rules if rules.from_at <= at][-1]

    def assignment(self, at: int) -> Assignment | None:
        for assignments in (self.overrides, self.entries):
            for assignment in reversed(assignments):
                if assignment.holds(at):
                    return assignment
        return None

    def on_call(self, at: int) -> str | None:
        assignment = self.assignment(at)
        return assignment.user_id if assignment else self.scheduled(at)

    def correct(self, from_at: int, until_at: int) -> None:
        """Somebody wrote down who was on call then, or took that back."""
        for at in self.recorded:
            if from_at <= at < until_at:
                self.recorded[at] = self.on_call(at)


class Stored(RuleBasedStateMachine):
    """One schedule of one organisation, and its model."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.clock = Clock(START / 1000)
        self.model = Model()
        self.caller = self.loop.run(self.opened(url))

    async def opened(self, url: str) -> Caller:
        database = Database(url)
        await database.open()
        name = f"organisation {next(ORGANISATIONS)}"
        _, key = await database.write(
            lambda tx: create_key(tx, name, "tests", SCOPES, "live", None, self.now)
        )
        caller = Caller(database, key, self.clock)
        for person in PEOPLE:
            await caller.add_user(person)
        return caller

    def teardown(self) -> None:
        self.loop.run(self.caller.http.aclose())
        self.loop.run(self.caller.database.aclose())
        self.loop.close()

    @property
    def now(self) -> int:
        return int(self.clock() * 1000)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = self.loop.run(self.caller.ask(method, path, body))
        return answer.status_code, answer.json() if answer.content else None

    def done(self, method: str, path: str, body: Any = None) -> Any:
        return self.loop.run(self.caller.done(method, path, body))

    # --- what may be done ---------------------------------------------------------------------

    @initialize(names=rotations, handoff=handoffs)
    def create(self, names: list[str], handoff: int) -> None:
        self.loop.run(self.caller.schedule("s", *names, handoff_time=f"{handoff:02}:00"))
        self.model.rules.append(Rules(-(2**62), names, handoff, 0, self.now))

    @rule(names=rotations, handoff=handoffs, wait=st.one_of(st.just(0), st.integers(1, 90)))
    def update(self, names: list[str], handoff: int, wait: int) -> None:
        """Change the rules, from now or some half-hours from now on."""
        at = self.now + wait * HOUR // 2
        query = f"?effective_from={iso(at)}" if wait else ""
        body = {"participants": names, "handoff_time": f"{handoff:02}:00"}
        holding = self.model.rules_at(self.now)
        status, answer = self.ask("PATCH", f"{V2}/schedules/s{query}", body)
        if (holding.names, holding.handoff) == (names, handoff):
            assert status == 200, answer
        elif holding is not self.model.rules[-1]:
            assert status == 409, answer
        else:
            assert status == 200, answer
            self.model.rules.append(holding.edited(names, handoff, at))
            pending = answer["data"].get("pending", [])
            assert [at_of(each["effective_from"]) for each in pending] == [at] * bool(wait)

    @rule(names=rotations)
    def update_at_the_next_handoff(self, names: list[str]) -> None:
        holding = self.model.rules_at(self.now)
        since = (self.now - holding.handoff * HOUR) % DAY
        body = {"participants": names}
        status, answer = self.ask("PATCH", f"{V2}/schedules/s?effective_from=next_handoff", body)
        if not holding.names:
            assert status == 422, answer
        elif holding.names == names:
            assert status == 200, answer
        elif holding is not self.model.rules[-1]:
            assert status == 409, answer
        else:
            assert status == 200, answer
            at = self.now - since + DAY
            self.model.rules.append(holding.edited(names, holding.handoff, at))

    @rule()
    def withdraw(self) -> None:
        pending = self.model.rules[-1].from_at > self.now
        status, answer = self.ask("DELETE", f"{V2}/schedules/s/pending")
        assert status == (204 if pending else 404), answer
        if pending:
            self.model.rules.pop()

    @rule(halves=st.integers(1, 60))
    def time_passes(self, halves: int) -> None:
        self.clock.advance(1800 * halves)
        just_now = self.now - 1
        self.model.recorded[just_now] = self.asked_at(just_now)["user_id"]

    @rule(name=people, start=starts, length=lengths)
    def override(self, name: str, start: int, length: int) -> None:
        from_at, until_at = self.now + start, self.now + start + length
        body = {"user_id": name, "start_at": iso(from_at), "end_at": iso(until_at)}
        made = self.done("POST", f"{V1}/schedules/s/overrides", body)
        self.model.overrides.append(Assignment(made["id"], name, from_at, until_at, self.now))
        self.model.correct(from_at, min(until_at, self.now))

    @precondition(lambda self: any(not each.swap_id for each in self.model.overrides))
    @rule(pick=picks)
    def cancel_override(self, pick: int) -> None:
        plain = [each for each in self.model.overrides if not each.swap_id]
        self.take_back(plain[pick % len(plain)], f"{V1}/schedules/s/overrides")

    @rule(name=people, start=starts, length=lengths)
    def entry(self, name: str, start: int, length: int) -> None:
        from_at, until_at = self.now + start, self.now + start + length
        body = {"user_id": name, "start": iso(from_at), "end": iso(until_at)}
        status, answer = self.ask("POST", f"{V2}/schedules/s/entries", body)
        if status == 409:
            meanwhile = [
                each
                for each in self.model.entries
                if max(each.from_at, from_at) < min(each.until_at, until_at)
            ]
            assert meanwhile, answer
            return
        assert status == 201, answer
        self.model.entries.append(
            Assignment(answer["data"]["id"], name, from_at, until_at, self.now)
        )
        self.model.correct(from_at, min(until_at, self.now))

    @precondition(lambda self: self.model.entries)
    @rule(pick=picks)
    def delete_entry(self, pick: int) -> None:
        assignment = self.model.entries[pick % len(self.model.entries)]
        swapped = [
            swap["id"]
            for swap in self.loop.run(self.caller.every(f"{V2}/schedules/s/swaps"))
            if swap["undone_at"] is None and assignment.id in swap["entry_ids"]
        ]
        if self.take_back(assignment, f"{V2}/entries"):
            for swap_id in swapped:
                self.forget_swap(swap_id)

    @rule(pick=picks, name=people)
    def swap(self, pick: int, name: str) -> None:
        entries = self.entries(self.now, self.now + AHEAD)
        others = [
            entry for entry in entries if entry["user_id"] != name and entry["end"] > self.now
        ]
        if not others:
            return
        entry = others[pick % len(others)]
        back = self.entry_back(entry, name)
        swapped = [entry, *([back] if back else [])]
        overlapped = any(self.is_overlapped(each) for each in swapped)
        body = {"swap_with_user_id": name}
        status, answer = self.ask("POST", f"{V2}/entries/{entry['id']}/swap", body)
        if overlapped:
            assert status == 409, answer
            return
        assert status == 200, answer
        swap = answer["data"]
        assert swap["entry_ids"] == [each["id"] for each in swapped]
        takers = (name, entry["user_id"])
        assert [each["user_id"] for each in swap["entries"]] == list(takers[: len(swapped)])
        for each, taker in zip(swapped, takers, strict=False):
            from_at = max(each["start"], self.now)
            self.model.overrides.append(
                Assignment("", taker, from_at, each["end"], self.now, swap["id"])
            )

    @precondition(lambda self: any(each.swap_id for each in self.model.overrides))
    @rule(pick=picks)
    def undo(self, pick: int) -> None:
        ids = sorted({each.swap_id for each in self.model.overrides if each.swap_id})
        swap_id = ids[pick % len(ids)]
        halves = [each for each in self.model.overrides if each.swap_id == swap_id]
        status, answer = self.ask("DELETE", f"{V2}/swaps/{swap_id}")
        is_over = all(each.cancelled or each.until_at <= self.now for each in halves)
        if status == 409 and "would have" in answer["message"]:
            return
        assert status == (409 if is_over else 204), answer
        if status == 204:
            self.forget_swap(swap_id)

    # --- what must hold -----------------------------------------------------------------------

    @invariant()
    def all_agree(self) -> None:
        now = self.now
        assert self.asked_at(now)["user_id"] == self.model.on_call(now)
        from_at, to_at = now - BEHIND, now + AHEAD
        path = f"{V1}/schedules/s/final-schedule?from={iso(from_at)}&to={iso(to_at)}"
        segments = self.done("GET", path)["segments"]
        for at in range(from_at, to_at, HOUR):
            assert found(segments, at) == self.model.on_call(at), iso(at)
        for at, name in self.model.recorded.items():
            if from_at <= at:
                assert found(segments, at) == name, iso(at)

    @invariant()
    def the_past_is_as_it_was_told(self) -> None:
        for at in list(self.model.recorded)[-2:]:
            assert self.asked_at(at)["user_id"] == self.model.recorded[at]

    @invariant()
    def entries_agree(self) -> None:
        from_at, to_at = self.now - BEHIND, self.now + AHEAD
        entries = self.entries(from_at, to_at)
        for at in range(from_at, to_at, 5 * HOUR):
            here = [entry for entry in entries if entry["start"] <= at < entry["end"]]
            assignment = self.model.assignment(at)
            if assignment is None:
                names = [self.model.scheduled(at)] if self.model.scheduled(at) else []
                assert [entry["scheduled_user_id"] for entry in here] == names
            elif assignment in self.model.entries:
                assert assignment.id in [entry["id"] for entry in here]
            for entry in here if len(here) == 1 else ():
                partly = any(
                    max(each.from_at, entry["start"]) < min(each.until_at, entry["end"])
                    for each in self.model.overrides
                )
                assert partly or entry["user_id"] == self.model.on_call(at)

    @invariant()
    def an_entry_is_as_it_is_listed(self) -> None:
        first, last = iso(self.now)[:10], iso(self.now + DAY)[:10]
        path = f"{V2}/schedules/s/entries?start_date={first}&end_date={last}"
        for entry in self.loop.run(self.caller.every(path))[:3]:
            assert self.done("GET", f"{V2}/entries/{entry['id']}") == entry

    def asked_at(self, at: int) -> Any:
        answer = self.done("GET", f"{V1}/schedules/s/on-call?at={iso(at)}")
        assert answer["until"] is None or answer["until"] > answer["at"]
        return answer

    def entries(self, from_at: int, to_at: int) -> list[dict[str, Any]]:
        """What the service lists, with instants as numbers."""
        first, last = iso(from_at)[:10], iso(to_at - 1)[:10]
        path = f"{V2}/schedules/s/entries?start_date={first}&end_date={last}"
        every = self.loop.run(self.caller.every(path))
        return [
            {**entry, **{name: at_of(entry[name]) for name in ("start", "end")}} for entry in every
        ]

    def is_overlapped(self, entry: dict[str, Any]) -> bool:
        return any(
            other["id"] != entry["id"]
            and max(other["start"], entry["start"]) < min(other["end"], entry["end"])
            for other in self.entries(entry["start"] - DAY, entry["end"] + DAY)
        )

    def entry_back(self, entry: dict[str, Any], name: str) -> dict[str, Any] | None:
        """The person's next entry after it, else the nearest before that has not started."""
        after = [
            other
            for other in self.entries(entry["end"], entry["end"] + HORIZON)
            if entry["end"] <= other["start"] < entry["end"] + HORIZON and other["user_id"] == name
        ]
        before = [
            other
            for other in self.entries(self.now, max(entry["start"], self.now + 1))
            if self.now < other["start"]
            and other["end"] <= entry["start"]
            and other["user_id"] == name
        ]
        return [*after, *reversed(before), None][0]

    def take_back(self, assignment: Assignment, path: str) -> bool:
        status, answer = self.ask("DELETE", f"{path}/{assignment.id}")
        if status == 409 and "would have" in answer["message"]:
            return False
        expected = 204 if assignment.can_be_taken_back(self.now) else 409
        assert status == expected, answer
        if status == 204:
            span = (assignment.from_at, min(assignment.until_at, assignment.created_at))
            assignment.take_back(self.now)
            self.model.correct(*span)
        return status == 204

    def forget_swap(self, swap_id: str) -> None:
        for assignment in self.model.overrides:
            if (
                assignment.swap_id == swap_id
                and not assignment.cancelled
                and assignment.until_at > self.now
            ):
                assignment.take_back(self.now)


def found(segments: Sequence[dict[str, Any]], at: int) -> str | None:
    inside = [each for each in segments if at_of(each["start"]) <= at < at_of(each["end"])]
    assert len(inside) <= 1
    return inside[0]["user_id"] if inside else None


def at_of(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def test_whatever_is_done_the_model_agrees(database_url: str) -> None:
    examples, steps = (12, 25) if database_url.startswith("sqlite") else (4, 15)
    modest = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to make one smaller takes minutes
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(partial(Stored, database_url), settings=modest)
