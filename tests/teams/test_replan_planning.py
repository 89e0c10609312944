"""Plans of kept schedules, computed in the process of the tests, as a worker computes them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from app.engine.intervals import Interval
from app.engine.layered.limits import DAY_MS as DAY
from app.engine.layered.model import Layer, Participant
from app.engine.walltime import FOREVER
from app.errors import InvalidRequest
from app.products.roster.rules import RulesDocument
from app.teams.covers.candidates import Obstacle, packed
from app.teams.on_call.store import History
from app.teams.overrides.store import ManualAssignmentFields, new_assignment
from app.teams.replans import planning
from app.teams.replans.planning import Asked, Plan, plan_around, plan_in

PEOPLE = ["ann", "bob", "cat"]


def days(first: int, last: int) -> Interval:
    return first * DAY, last * DAY


def by_hand(*people: str) -> History:
    """Return a schedule that gives a day to each of ``people``, from the first day on."""
    made = [
        new_assignment(
            "entry", f"e{day}", "s", ManualAssignmentFields(name, *days(day, day + 1)), 0
        )
        for day, name in enumerate(people, 1)
    ]
    return History([(1, -FOREVER, "UTC", None, "[]")], made)


def by_turns(*participants: Participant, role: str | None = None) -> History:
    """Return a schedule of one layer, whose turns take a day each from the first day on."""
    layer = Layer("turns", participants, start_at=DAY, role=role)
    return History([(1, -FOREVER, "UTC", None, msgspec.json.encode([layer]).decode())], [])


def asked(window: Interval, **more: Any) -> Asked:
    return Asked("s", window, PEOPLE, {}, {}, None, "prefer", 0)._replace(**more)


def rules(document: Mapping[str, Any]) -> RulesDocument:
    return msgspec.convert(document, RulesDocument)


def given(plan: Plan) -> list[tuple[int, str, str]]:
    """Return what changes hands: the day, and who has it before and after."""
    return [(made.fields.start_at // DAY, had, str(made.fields.user_id)) for made, had in plan.made]


def test_only_what_somebody_cannot_have_changes_hands() -> None:
    wanted = asked(days(1, 5), away={"ann": [days(1, 2)]}, busy={"bob": [days(1, 2)]})
    plan = plan_in(by_hand("ann", "bob", "ann", "bob"), *days(0, 9), wanted)
    assert given(plan) == [(1, "ann", "cat")]
    assert plan.uncovered == []
    assert [each.user_id for each in plan.changes] == ["ann", "cat"]
    assert all(proof.optimal for proof in plan.proofs)
    [(made, _)] = plan.made
    assert (made.kind, made.fields.reason, made.fields.end_at) == ("override", "replan", 2 * DAY)


def test_what_nobody_can_take_stays_and_says_why() -> None:
    document = rules({"minRestHours": 24, "soft": [{"rule": {"maxConsecutive": 1}}]})
    wanted = asked(days(1, 4), names=["ann", "bob"], away={"ann": [days(1, 2)]}, keep="must")
    plan = plan_in(by_hand("ann", "bob", "ann"), *days(0, 9), wanted._replace(rules=document))
    assert given(plan) == []
    [kept] = plan.uncovered
    assert kept.stretch == (*days(1, 2), ("ann",), True)
    assert sorted(kept.why) == ["ann is away", "the rule minRestHours 24"]
    assert [proof.name for proof in plan.proofs][1] == "rules"


def test_whoever_is_not_asked_for_keeps_nothing_that_is_planned() -> None:
    plan = plan_in(by_hand("eve", "eve"), *days(0, 9), asked(days(1, 2), names=["ann"]))
    assert given(plan) == [(1, "eve", "ann")]


def test_what_several_have_together_stays() -> None:
    history = by_turns("ann", ("bob", "cat"))
    wanted = asked(days(1, 3), away={"ann": [days(1, 2)], "bob": [days(2, 3)]})
    assert [each[0] for each in given(plan_in(history, *days(0, 6), wanted))] == [1]


def test_around_absences_and_shifts_of_other_schedules() -> None:
    wanted = asked(days(1, 5), away={"ann": [days(1, 2)]})
    obstacles = {"ann": [Obstacle(*days(3, 4), "away")], "bob": [Obstacle(*days(1, 4), "on_call")]}
    history = by_hand("ann", "bob", "ann", "bob")
    plan = plan_around(history, *days(0, 9), wanted, packed(obstacles))
    assert given(plan) == [(1, "ann", "cat"), (3, "ann", "cat")]  # and bob keeps his own


def test_of_what_goes_on_only_the_window_is_planned() -> None:
    history = by_turns("ann")
    plan = plan_in(history, *days(0, 9), asked(days(3, 5), away={"ann": [days(4, 6)]}))
    assert [each.fields.start_at for each, _ in plan.made] == [3 * DAY]
    assert [each.fields.end_at for each, _ in plan.made] == [5 * DAY]


def test_nothing_to_plan() -> None:
    plan = plan_in(by_hand("ann"), *days(0, 9), asked(days(5, 6)))
    assert (plan.made, plan.uncovered, plan.proofs, plan.changes) == ([], [], (), [])


def test_more_than_can_be_planned_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MOST_PAIRS", 5)
    with pytest.raises(InvalidRequest, match="there are 6 pairs"):
        plan_in(by_hand("ann", "bob"), *days(0, 9), asked(days(1, 3)))


def test_layers_with_roles_are_refused() -> None:
    history = by_turns("ann", role="primary")
    with pytest.raises(InvalidRequest, match="layers of this schedule have roles"):
        plan_in(history, *days(0, 9), asked(days(1, 2)))
    [first] = history.rules
    later = (2, 4 * DAY, *by_turns("ann").rules[0][2:])
    before = replace(history, rules=[first, later])
    with pytest.raises(InvalidRequest, match="within 28 days of it"):
        plan_in(before, *days(0, 9), asked(days(5, 6)))
    assert plan_in(before, *days(4, 9), asked(days(5, 6))).made == []
