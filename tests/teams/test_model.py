"""The stored schedules beside a simple model of them in memory, under writes in any order.

Edits, overrides, entries, swaps, absences and cover requests are made through the HTTP API. For a
number of instants it is recorded who was on call by the service at that very instant: that may
change only by a record about the past, or by taking back one that was made afterwards. An edit
moves nobody who stays before their turn is over.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any, TypeVar

import pytest
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
from tests.support.schedule_model import (
    DAY,
    HALF_HOUR,
    HOUR,
    Absence,
    Assignment,
    Cover,
    Model,
    Rules,
    Span,
    overlap,
)

START = 20_608 * DAY + 7 * HOUR
"""2026-06-04T07:00:00Z."""
PEOPLE = ("alice", "bob", "carol")
HORIZON = 366 * DAY
BEHIND, AHEAD = 8 * DAY, 12 * DAY
"""What the model looks at, around now."""
ORGANISATIONS = count()
T = TypeVar("T")

people = st.sampled_from(PEOPLE)
rotations = st.lists(people, max_size=3)
handoffs = st.integers(0, 23)
starts = st.integers(-72, 200).map(lambda halves: halves * HOUR // 2)
lengths = st.integers(1, 60).map(lambda halves: halves * HOUR // 2)
picks = st.integers(0, 1_000_000)
cover_starts = st.integers(-10, 200).map(lambda halves: halves * HALF_HOUR)
cover_lengths = st.integers(1, 40)
offers = st.one_of(st.none(), st.sets(people, min_size=1))
parts = st.one_of(st.none(), st.tuples(st.integers(0, 20), st.integers(1, 20)))
"""Of a cover request, what is accepted, in half-hours from its start; ``None``: all of it."""


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

    @initialize(
        names=rotations,
        handoff=handoffs,
        when_away=st.sampled_from(["next", "gap"]),
        start=cover_starts,
        halves=cover_lengths,
    )
    def create(
        self, names: list[str], handoff: int, when_away: str, start: int, halves: int
    ) -> None:
        """Create the schedule, with a first request for cover."""
        more = {"handoff_time": f"{handoff:02}:00", "when_away": when_away}
        self.loop.run(self.caller.schedule("s", *names, **more))
        self.model.when_away = when_away
        self.model.rules.append(Rules(-(2**62), names, handoff, 0, self.now))
        self.ask_cover(start, halves, None, None)

    @rule(names=rotations, handoff=handoffs, wait=st.one_of(*[st.just(0)] * 3, st.integers(1, 90)))
    def update(self, names: list[str], handoff: int, wait: int) -> None:
        """Change the rules, from now or some half-hours from now on."""
        at = self.now + wait * HOUR // 2
        query = f"?effective_from={iso(at)}" if wait else ""
        body = {"participants": names, "handoff_time": f"{handoff:02}:00"}
        holding = self.model.rules_at(self.now)
        before = self.segments(self.now, at + 2 * DAY)
        status, answer = self.ask("PATCH", f"{V2}/schedules/s{query}", body)
        if status == 200:
            self.nobody_who_stays_is_moved(before, names, handoff, at)
        if (holding.names, holding.handoff) == (names, handoff):
            assert status == 200, answer
        elif holding is not self.model.rules[-1]:
            assert status == 409, answer
        else:
            assert status == 200, answer
            self.model.rules.append(holding.edited(names, handoff, at))
            pending = answer["data"].get("pending", [])
            assert [at_of(each["effective_from"]) for each in pending] == [at] * bool(wait)

    def nobody_who_stays_is_moved(
        self, before: Sequence[dict[str, Any]], names: Sequence[str], handoff: int, at: int
    ) -> None:
        """Whoever has the turn at ``at`` and stays has it until it ends; before, nothing moves."""
        after = self.segments(self.now, at + 2 * DAY)
        for each in range(self.now, at, HALF_HOUR):
            assert found(after, each) == found(before, each), iso(each)
        held = [one for one in before if at_of(one["start"]) <= at < at_of(one["end"])]
        if not held or held[0]["source"] != "layer" or held[0]["user_id"] not in names:
            return
        [holder] = {one["user_id"] for one in held}
        if holder != self.model.scheduled(at):
            return  # they stand in for somebody who is away
        for each in range(at, Rules(at, names, handoff, 0, at).next_handoff(at), HALF_HOUR):
            if self.model.assignment(each) is None and not self.model.is_away(holder, each):
                assert found(after, each) == holder, iso(each)

    @rule(names=rotations)
    def update_at_the_next_handoff(self, names: list[str]) -> None:
        holding = self.model.rules_at(self.now)
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
            at = holding.next_handoff(self.now)
            self.model.rules.append(holding.edited(names, holding.handoff, at))

    @precondition(lambda self: len(self.model.rules) > 1)
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
        self.take_back(picked(plain, pick), f"{V1}/schedules/s/overrides")

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
        assignment = picked(self.model.entries, pick)
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
        entry = picked(others, pick)
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
        swap_id = picked(ids, pick)
        halves = [each for each in self.model.overrides if each.swap_id == swap_id]
        status, answer = self.ask("DELETE", f"{V2}/swaps/{swap_id}")
        is_over = all(each.cancelled or each.until_at <= self.now for each in halves)
        if status == 409 and "would have" in answer["message"]:
            return
        assert status == (409 if is_over else 204), answer
        if status == 204:
            self.forget_swap(swap_id)

    @rule(name=people, start=starts, length=lengths)
    def be_away(self, name: str, start: int, length: int) -> None:
        span = (self.now + start, self.now + start + length)
        had = self.on_call_ahead()
        path = f"{V2}/users/{name}/absences"
        made = self.done("POST", path, {"start": iso(span[0]), "end": iso(span[1])})
        absence = Absence(made["id"], name)
        self.model.absences.append(absence)
        absence.write(span, self.now)
        self.gaps_are_told(had, made)

    @precondition(lambda self: self.model.standing_absences())
    @rule(pick=picks, start=starts, length=lengths)
    def be_away_at_another_time(self, pick: int, start: int, length: int) -> None:
        absence = picked(self.model.standing_absences(), pick)
        span = (self.now + start, self.now + start + length)
        body = {"start": iso(span[0]), "end": iso(span[1])}
        self.done("PATCH", f"{V2}/users/{absence.user_id}/absences/{absence.id}", body)
        absence.write(span, self.now)

    @precondition(lambda self: self.model.standing_absences())
    @rule(pick=picks)
    def be_there(self, pick: int) -> None:
        absence = picked(self.model.standing_absences(), pick)
        self.done("DELETE", f"{V2}/users/{absence.user_id}/absences/{absence.id}")
        absence.write(None, self.now)
        absence.deleted = True

    def on_call_ahead(self) -> dict[int, str | None]:
        return {at: self.model.on_call(at) for at in range(self.now, self.now + AHEAD, HALF_HOUR)}

    def gaps_are_told(self, had: dict[int, str | None], absence: dict[str, Any]) -> None:
        """What nobody has by an absence is in the answer, and nothing that somebody has."""
        gaps = [(at_of(each["start"]), at_of(each["end"])) for each in absence["gaps"]]
        for at, name in had.items():
            is_told = any(start <= at < end for start, end in gaps)
            now_nobody = self.model.on_call(at) is None
            assert is_told <= now_nobody, iso(at)
            assert is_told or not now_nobody or name is None, iso(at)

    @rule(start=cover_starts, halves=cover_lengths, offered=offers, other=st.none() | people)
    def ask_for_cover(
        self, start: int, halves: int, offered: set[str] | None, other: str | None
    ) -> None:
        self.ask_cover(start, halves, offered, other)

    def ask_cover(
        self, start: int, halves: int, offered: set[str] | None, other: str | None
    ) -> None:
        """Somebody asks who has the stretch, as far as they have it; or ``other`` does."""
        span = (self.now + start, self.now + start + halves * HALF_HOUR)
        name = other or self.model.on_call(span[0]) or PEOPLE[0]
        if other is None:
            lost = (at for at in range(*span, HALF_HOUR) if self.model.on_call(at) != name)
            span = (span[0], max(next(lost, span[1]), span[0] + HALF_HOUR))
        offered_to = None if offered is None else sorted(offered - {name})
        body: dict[str, Any] = {"user_id": name, "start": iso(span[0]), "end": iso(span[1])}
        if offered_to:
            body["offered_to"] = offered_to
        asked = [
            part
            for cover in self.model.covers
            if cover.user_id == name
            for part in cover.open_parts(self.now)
        ]
        status, answer = self.ask("POST", f"{V2}/schedules/s/covers", body)
        if span[1] <= self.now or not self.model.has_all(name, [span]):
            assert status == 422, answer
        elif any(overlap(part, span) for part in asked):
            assert status == 409, answer
        else:
            assert status == 201, answer
            cover = Cover(answer["data"]["id"], name, span, offered_to or None, span[1])
            self.model.covers.append(cover)

    @precondition(lambda self: self.answerable())
    @rule(pick=picks, part=parts)
    def accept_by_somebody_it_is_offered_to(self, pick: int, part: Span | None) -> None:
        cover, name = picked(self.answerable(), pick)
        self.accept(cover, name, part)

    @precondition(lambda self: self.open_covers())
    @rule(pick=picks, name=people, part=parts)
    def accept_by_anybody(self, pick: int, name: str, part: Span | None) -> None:
        self.accept(picked(self.open_covers(), pick), name, part)

    def accept(self, cover: Cover, name: str, part: Span | None) -> None:
        body = {"user_id": name}
        open_parts = cover.open_parts(self.now)
        wanted = [(max(start, self.now), end) for start, end in open_parts if end > self.now]
        if part is not None:
            first = min(cover.span[0] + part[0] * HALF_HOUR, cover.span[1] - HALF_HOUR)
            last = min(first + part[1] * HALF_HOUR, cover.span[1])
            body |= {"start": iso(first), "end": iso(last)}
            wanted = [(max(first, self.now), last)]
        status, answer = self.ask("POST", f"{V2}/covers/{cover.id}/accept", body)
        if name == cover.user_id or name not in self.offered(cover):
            assert status == 422, answer
        elif not self.can_take(cover, wanted, name):
            assert status == 409, answer
        else:
            assert status == 200, answer
            made = answer["data"]["accepted"][len(cover.taken) :]
            assert [(at_of(each["start"]), at_of(each["end"])) for each in made] == wanted
            cover.accept(wanted, name, self.now)
            for each, (start, end) in zip(made, wanted, strict=True):
                override = Assignment(each["override_id"], name, start, end, self.now)
                self.model.overrides.append(override)

    def can_take(self, cover: Cover, wanted: Sequence[Span], name: str) -> bool:
        """Whether parts are to come, open and still the asker's, and somebody is there in them."""
        if wanted[0][1] <= self.now or not self.model.has_all(cover.user_id, wanted):
            return False
        taken = [(start, end) for start, end, _ in cover.taken]
        hindered = [*taken, *self.model.away(name)]
        return not any(overlap(one, other) for one in wanted for other in hindered)

    @precondition(lambda self: self.open_covers())
    @rule(pick=picks, name=people)
    def refuse_cover(self, pick: int, name: str) -> None:
        cover = picked(self.open_covers(), pick)
        status, answer = self.ask("POST", f"{V2}/covers/{cover.id}/refuse", {"user_id": name})
        if name == cover.user_id or name not in self.offered(cover):
            assert status == 422, answer
        elif name in cover.refused:
            assert status == 409, answer
        else:
            assert status == 200, answer
            cover.refuse(name)

    @precondition(lambda self: self.model.covers)
    @rule(pick=picks)
    def withdraw_cover(self, pick: int) -> None:
        cover = picked(self.model.covers, pick)
        is_open = cover.state(self.now) == "open"
        status, answer = self.ask("DELETE", f"{V2}/covers/{cover.id}")
        assert status == (204 if is_open else 409), answer
        if is_open:
            cover.written_state = "withdrawn"

    def open_covers(self) -> list[Cover]:
        return [each for each in self.model.covers if each.state(self.now) == "open"]

    def answerable(self) -> list[tuple[Cover, str]]:
        return [
            (cover, name)
            for cover in self.open_covers()
            for name in sorted(self.offered(cover) - {cover.user_id})
        ]

    def offered(self, cover: Cover) -> set[str]:
        if cover.offered_to is not None:
            return {*cover.offered_to}
        return self.model.taking_part(self.now)

    # --- what must hold -----------------------------------------------------------------------

    @invariant()
    def all_agree(self) -> None:
        now = self.now
        assert self.asked_at(now)["user_id"] == self.model.on_call(now)
        from_at, to_at = now - BEHIND, now + AHEAD
        segments = self.segments(from_at, to_at)
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
                names = [self.model.scheduled(at)] if self.model.on_call(at) else []
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

    @invariant()
    def covers_agree(self) -> None:
        listed = self.loop.run(self.caller.every(f"{V2}/schedules/s/covers"))
        assert [self.told(each) for each in listed] == [
            (
                cover.id,
                cover.state(self.now),
                cover.open_parts(self.now),
                cover.taken,
                cover.refused,
            )
            for cover in self.model.covers
        ]

    def told(self, cover: dict[str, Any]) -> tuple[Any, ...]:
        """Return a cover request as the model has it."""

        def span(each: dict[str, Any]) -> Span:
            return at_of(each["start"]), at_of(each["end"])

        return (
            cover["id"],
            cover["state"],
            [span(each) for each in cover["open"]],
            [(*span(each), each["user_id"]) for each in cover["accepted"]],
            [each["user_id"] for each in cover["refused"]],
        )

    def segments(self, from_at: int, to_at: int) -> list[dict[str, Any]]:
        path = f"{V1}/schedules/s/final-schedule?from={iso(from_at)}&to={iso(to_at)}"
        told: list[dict[str, Any]] = self.done("GET", path)["segments"]
        return told

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


def picked(items: Sequence[T], pick: int) -> T:
    return items[pick % len(items)]


def at_of(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.timeout(900)
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
