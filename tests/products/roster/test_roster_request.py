"""Requests for rosters: what is refused, and where, and what the rest means to the engine."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from app.engine.roster.model import (
    Apart,
    MaxConsecutive,
    MaxHours,
    MaxSlots,
    MinDaysOff,
    Rest,
    Together,
)
from app.engine.walltime import HOUR
from app.errors import InvalidRequest
from app.http.validation import validated
from app.products.roster import solving
from app.products.roster import translation as translations
from app.products.roster.endpoint import roster_endpoint
from app.products.roster.request import RosterRequest

ENDPOINT = roster_endpoint()
SLOTS = [
    {"start": "2026-12-01T17:00", "end": "2026-12-02T09:00", "kind": "night"},
    {"start": "2026-12-02T17:00", "end": "2026-12-03T09:00", "kind": "night"},
    {"start": "2026-12-02T17:00", "end": "2026-12-03T09:00", "kind": "backup"},
]
VALID: Mapping[str, Any] = {
    "timezone": "Europe/Berlin",
    "people": [{"name": "ana"}, {"name": "ben"}],
    "slots": SLOTS,
}
NIGHT = {"start": "17:00", "end": "09:00"}


def translated(**fields: Any) -> translations.Translated:
    return validated({**VALID, **fields}, RosterRequest).translated


def errors(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        _ = validated(document, RosterRequest).translated
    return [(error.pointer, error.detail) for error in caught.value.errors]


def person(**fields: Any) -> dict[str, Any]:
    return {"people": [{"name": "ana", **fields}]}


def previous(**fields: Any) -> dict[str, Any]:
    return {"previous": fields}


@pytest.mark.parametrize(
    ("fields", "pointer", "detail"),
    [
        ({"timezone": None}, "/timezone", "is required"),
        ({"people": []}, "/people", "1 to 200 people"),
        ({"slots": None}, "/slots", "is required, or pattern"),
        ({"slots": [], "pattern": []}, "/slots", "is required, or pattern"),
        ({"people": [{"name": "ana"}, {"name": " ana"}]}, "/people/1/name", "is a name already"),
        ({"colour": 1}, "/colour", "is not a known field"),
        ({"rules": {"maxHour": []}}, "/rules/maxHour", "did you mean 'maxHours'?"),
        ({"shifts": []}, "/shifts", "did you mean 'slots'?"),
        ({"from": "2026-12-03", "to": "2026-12-01"}, "/to", "is not after from"),
        ({"from": "2026-12-01", "to": "2029-01-01"}, "/to", "more than two years"),
        ({"from": "2026-12-01T00:00:30"}, "/from", "is not a whole minute"),
        ({"from": "2026-12-02"}, "/slots/0/start", "is before from"),
        ({"to": "2026-12-01"}, "/slots/1/start", "is not before to"),
        ({"pattern": [NIGHT]}, "/from", "is required with pattern"),
        ({"pattern": [{**NIGHT, "end": "9:00"}]}, "/pattern/0/end", "local time of day"),
        ({"pattern": [{**NIGHT, "need": 2, "skills": [None]}]}, "/pattern/0/skills", "need of 2"),
        ({"slots": [{**SLOTS[0], "end": "2026-11-30"}]}, "/slots/0/end", "is not after start"),
        (
            {"slots": [{**SLOTS[0], "start": "2026-12-01T00:00:01"}]},
            "/slots/0/start",
            "is not a whole minute",
        ),
        ({"slots": [{**SLOTS[0], "need": 1, "skills": ["a", "b"]}]}, "/slots/0/skills", "2 items"),
        ({"holidays": "XX"}, "/holidays", "is no country of ISO 3166"),
        (person(holidays="DE-XX"), "/people/0/holidays", "DE-BY"),
        (person(weight=0.333), "/people/0/weight", "is finer than 0.01"),
        (person(weight=1, targetHours=8), "/people/0/targetHours", "is in place of weight"),
        (
            person(joins="2026-12-03", leaves="2026-12-01"),
            "/people/0/leaves",
            "is not after joins",
        ),
        (person(avoid=[{}]), "/people/0/avoid/0", "has neither kind nor days"),
        (person(avoid=["nights"]), "/people/0/avoid/0/kind", "did you mean 'night'?"),
        (person(prefer=[{"day": "mon"}]), "/people/0/prefer/0/day", "did you mean 'days'?"),
        ({"people": [{"name": "ana", "prefer": [3]}]}, "/people/0/prefer/0", "object"),
        ({"people": [4]}, "/people/0", "object"),
        ({"people": "ana"}, "/people", "an array"),
        (
            person(unavailable=[{"start": "2026-12-02", "end": "2026-12-01"}]),
            "/people/0/unavailable/0/end",
            "is not after start",
        ),
        ({"rules": {"apart": [["ana", "ana"]]}}, "/rules/apart/0/1", "is the same person"),
        ({"rules": {"apart": [["ana", "bem"]]}}, "/rules/apart/0/1", "did you mean 'ben'?"),
        (
            {"rules": {"soft": [{"rule": {"together": [["zoe", "ben"]]}}]}},
            "/rules/soft/0/rule/together/0/0",
            "is not one of people",
        ),
        (
            {"rules": {"minDaysOff": [{"count": 3, "days": 2}]}},
            "/rules/minDaysOff/0/count",
            "is more than days",
        ),
        (
            {"rules": {"maxSlots": [{"count": 1, "kind": "x"}]}},
            "/rules/maxSlots/0/kind",
            "is not the kind of any slot",
        ),
        ({"rules": {"minRestHours": 0.001}}, "/rules/minRestHours", "whole number of minutes"),
        (
            {"rules": {"maxHours": [{"hours": 0.001}]}},
            "/rules/maxHours/0/hours",
            "whole number of minutes",
        ),
        (
            {"rules": {"restAfter": [{"kind": "night", "hours": 0.001}]}},
            "/rules/restAfter/0/hours",
            "whole number of minutes",
        ),
        ({"points": {"nigth": 1}}, "/points/nigth", "did you mean 'night'?"),
        ({"points": {"night": True}}, "/points/night", "is not a number from 0 to 100"),
        ({"points": {"night": 0.001}}, "/points/night", "is finer than 0.01"),
        ({"fixed": [{"person": "ana"}]}, "/fixed/0/slot", "is required, or start"),
        ({"fixed": [{"person": "zoe", "slot": 1}]}, "/fixed/0/person", "is not one of people"),
        ({"fixed": [{"person": "ana", "slot": 4}]}, "/fixed/0", "is after the last slot, 3"),
        (
            {"fixed": [{"person": "ana", "start": "2026-12-02T17:00"}]},
            "/fixed/0",
            "is one of 2 slots that start then",
        ),
        (
            {"fixed": [{"person": "ana", "start": "2026-12-05"}]},
            "/fixed/0",
            "is no slot: none starts then",
        ),
        (
            {"fixed": [{"person": "ana", "start": "2026-12-01T17:00", "kind": "backup"}]},
            "/fixed/0",
            "is no slot of kind backup",
        ),
        (
            {"fixed": [{"person": "ana", "slot": 1}, {"person": "ana", "slot": 1}]},
            "/fixed/1",
            "is fixed already",
        ),
        (
            {"fixed": [{"person": "ana", "slot": 1}, {"person": "ben", "slot": 1}]},
            "/fixed/1",
            "is one more than the slot has places",
        ),
        (
            {"fixed": [{"person": "ana", "slot": 1, "kind": "x"}]},
            "/fixed/0/kind",
            "is not the kind of any slot",
        ),
        ({"objectives": ["load"]}, "/objectives", "lacks coverage"),
        ({"objectives": ["coverage", "coverage"]}, "/objectives/1", "is an objective already"),
        (
            {
                "objectives": ["coverage"],
                **previous(keep="prefer", assignments=[{"slot": 1, "person": "ana"}]),
            },
            "/objectives",
            "lacks stability",
        ),
        (previous(keep="must"), "/previous/assignments", "is required with keep"),
        (
            previous(assignments=[{"slot": 1}]),
            "/previous/assignments/0/person",
            "is required, or people",
        ),
        (
            previous(assignments=[{"slot": 1, "person": 3}]),
            "/previous/assignments/0/person",
            "name",
        ),
        (
            previous(assignments=[{"slot": 1, "person": "ana", "people": [{"person": "ana"}]}]),
            "/previous/assignments/0/people",
            "says who, as person does",
        ),
        (
            previous(assignments=[{"person": "ana", "start": "2026-12-02T17:00"}]),
            "/previous/assignments/0",
            "is one of 2 slots",
        ),
        (previous(carryOver={"ana": 3}), "/previous/carryOver/ana", "is not an object with hours"),
        (previous(carryOver={"ana": {"x": 3}}), "/previous/carryOver/ana/x", "is not one of hours"),
        (
            previous(carryOver={"ana": {"hours": -1}}),
            "/previous/carryOver/ana/hours",
            "is not a number from 0",
        ),
        (
            previous(carryOver={"ana": {"kinds": {"night": "1"}}}),
            "/previous/carryOver/ana/kinds/night",
            "is not a number from 0",
        ),
        (
            {"from": "2026-01-01", "to": "2027-12-30", "pattern": [NIGHT] * 5},
            "/pattern",
            "makes about 3,6",
        ),
        (
            {"people": [{"name": f"p{n}", "weight": n / 100} for n in range(2, 100)]},
            "/people",
            "too unlike each other",
        ),
    ],
)
def test_a_fault_is_named_where_it_is(fields: dict[str, Any], pointer: str, detail: str) -> None:
    found = errors({**VALID, **fields})
    assert pointer in [where for where, _ in found]
    assert any(detail in text for where, text in found if where == pointer)


def test_every_fault_is_named_at_once() -> None:
    found = errors(
        {
            "people": [{"name": "ana", "weight": 0}, {"nam": "ben"}],
            "slots": [{"start": "soon", "end": "2026-12-01"}],
            "rules": {"minRestHours": -1, "maxConsecutive": 0.5},
            "x": 1,
        }
    )
    assert {pointer for pointer, _ in found} == {
        *("/timezone", "/people/0/weight", "/people/1/name", "/people/1/nam"),
        *("/slots/0/start", "/rules/minRestHours", "/rules/maxConsecutive", "/x"),
    }


def test_of_one_kind_so_many_are_named() -> None:
    found = errors({**VALID, "fixed": [{"person": "zoe", "slot": 1}] * 30})
    assert len(found) == 21
    assert found[-1] == ("", "has more errors: of one kind the first 20 are named")


def test_absences_in_all_are_bounded() -> None:
    away = [{"start": "2026-12-01", "end": "2026-12-01"}] * 6_000
    people = [{"name": name, "unavailable": away} for name in ("ana", "ben")]
    assert errors({**VALID, "people": people}) == [
        ("/people", "has 12,000 absences: at most 10,000 are taken")
    ]


def test_a_window_without_a_slot_is_refused() -> None:
    pattern = [{**NIGHT, "days": ["mon"]}]
    window = {"from": "2026-12-01", "to": "2026-12-02"}
    document = {**VALID, "slots": None, "pattern": pattern, **window}
    assert errors(document) == [("/pattern", "has no slot from from to to")]


def test_slots_that_lie_too_far_apart_are_refused() -> None:
    far = {"start": "2028-12-05T17:00", "end": "2028-12-06T09:00"}
    why = "span more than two years: ask for less at once"
    assert errors({**VALID, "slots": [*SLOTS, far]}) == [("/slots", why)]


def test_what_is_too_large_to_be_solved_is_refused() -> None:
    people = [{"name": f"p{number}"} for number in range(100)]
    window = {"from": "2026-01-01", "to": "2026-12-31", "people": people, "slots": None}
    pattern = {**NIGHT, "need": 1}
    [(pointer, detail)] = errors({**VALID, **window, "pattern": [pattern]})
    assert pointer == ""
    assert detail.startswith("has 36,500 pairs of a place and a person who can take it")
    [(_, detail)] = errors({**VALID, **window, "pattern": [{**NIGHT, "need": 20}] * 2})
    assert detail == "has 14,600 places in all: at most 10,000 are solved"
    [(_, detail)] = errors({**VALID, **window, "pattern": [pattern] * 5})
    assert detail.startswith("has 182,500 of all pairs")


def test_rules_are_those_of_the_engine() -> None:
    rules = {
        "minRestHours": 11,
        "maxHours": [{"hours": 48, "days": 7}, {"hours": 9, "kind": "night"}],
        "maxSlots": [{"count": 1, "days": 21, "kind": "backup"}, {"count": 2}],
        "maxConsecutive": 2,
        "minDaysOff": [{"count": 1, "days": 7}],
        "restAfter": [{"kind": "night", "hours": 24}],
        "apart": [["ana", "ben"]],
        "together": [["ben", "ana"]],
        "soft": [{"rule": {"minRestHours": 24}, "weight": 3}, {"rule": {"maxConsecutive": 1}}],
    }
    found = translated(rules=rules)
    assert found.roster.rules == (
        Rest(11 * HOUR),
        MaxHours(48 * HOUR, 7),
        MaxHours(9 * HOUR, 0, "night"),
        MaxSlots(1, 21, "backup"),
        MaxSlots(2),
        MaxConsecutive(2),
        MinDaysOff(1, 7),
        Rest(24 * HOUR, after="night"),
        Apart(0, 1),
        Together(1, 0),
    )
    assert [(named.pointer, named.text) for named in found.rules.values()][::-1] == [
        ("/rules/minRestHours", "minRestHours 11"),
        ("/rules/maxHours/0", "maxHours 48 in 7 days"),
        ("/rules/maxHours/1", "maxHours 9 of night"),
        ("/rules/maxSlots/0", "maxSlots 1 of backup in 21 days"),
        ("/rules/maxSlots/1", "maxSlots 2"),
        ("/rules/maxConsecutive", "maxConsecutive 2"),
        ("/rules/minDaysOff/0", "minDaysOff 1 in 7 days"),
        ("/rules/restAfter/0", "restAfter night 24"),
        ("/rules/apart/0", "apart ana and ben"),
        ("/rules/together/0", "together ben and ana"),
        ("/rules/soft/0/rule/minRestHours", "minRestHours 24"),
        ("/rules/soft/1/rule/maxConsecutive", "maxConsecutive 1"),
    ]
    assert [(named.rule, named.weight) for named in found.soft] == [
        (Rest(24 * HOUR), 3),
        (MaxConsecutive(1), 1),
    ]


def test_people_are_those_of_the_engine() -> None:
    people = [
        {"name": "ana", "skills": ["senior"], "holidays": "DE", "targetHours": 40},
        {"name": "ben", "weight": 0.5, "joins": "2026-12-02", "avoid": ["night"]},
        {"name": "eva", "leaves": "2026-12-01", "prefer": [{"days": ["wed"], "kind": "backup"}]},
        {"name": "dan", "avoid": ["night"], "prefer": ["night", "backup"]},
    ]
    found = translated(people=people)
    ana, ben, eva, dan = found.roster.people
    assert ana.skills == {"senior"}
    assert found.wishes.targets == {0: 40 * HOUR}
    assert (ben.weight, eva.weight, dan.weight) == (Fraction(4, 10), Fraction(2, 10), 1)
    assert [ben.away[0][1], eva.away[0][0]] == [1796166000000, 1796166000000]
    assert found.wishes.costs == {(1, 0): 1, (1, 1): 1, (2, 2): -1, (3, 2): -1}
    assert [level.name for level in found.roster.levels] == [
        *("coverage", "load", "kinds", "preferences")
    ]


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, ["coverage", "load", "kinds"]),
        ({"objectives": ["load", "coverage"]}, ["load", "coverage"]),
        (
            {
                "rules": {"soft": [{"rule": {"minRestHours": 24}}]},
                **previous(keep="prefer", assignments=[{"slot": 1, "person": "ana"}]),
            },
            ["coverage", "load", "kinds", "rules", "stability"],
        ),
    ],
)
def test_objectives_that_say_something(fields: dict[str, Any], names: list[str]) -> None:
    assert [level.name for level in translated(**fields).roster.levels] == names


def test_what_is_before_coverage_is_warned_of() -> None:
    found = translated(objectives=["load", "coverage"])
    assert found.warnings == ["load comes before coverage: empty slots make it better."]


def test_what_is_carried_over_is_the_engines() -> None:
    own = {"hours": 8.5, "nights": 4, "holidaySlots": 1, "kinds": {"night": 0.5}}
    found = translated(**previous(carryOver={"ana": own, "zoe": {"hours": 3}}))
    assert found.roster.people[0].carried == {
        "hours": 8.5 * HOUR,
        "nights": 4 * HOUR,
        "holiday slots": 100,
        "kind night": 50,
    }
    assert found.warnings == ["/previous/carryOver: zoe is not one of people any more."]
    found = translated(**previous(carryOver={"ana": {"weekends": 2}}))
    assert found.roster.people[0].carried == {"weekends": 2 * HOUR}


def test_the_roster_before_is_found_by_number_and_by_start() -> None:
    given = [
        {"slot": 1, "person": "ana"},
        {"start": "2026-12-02T17:00", "kind": "backup", "people": [{"person": "ben"}]},
        {"start": "2026-12-02T16:00:00.000Z", "slot": 2, "people": [{"person": "zoe"}]},
        {"start": "2026-12-09", "person": "ana"},
    ]
    found = translated(**previous(assignments=given))
    assert found.before == {(0, 0), (1, 2)}
    assert found.warnings == [
        "/previous/assignments/2: zoe is not one of people any more.",
        "/previous/assignments/3 is no slot: none starts then.",
    ]


def test_a_calendar_without_holidays_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.products.holiday_fields.holidays_of", lambda *_: ())
    assert translated(holidays="DE").warnings == ["No holiday of DE is known around these days."]


def test_time_goes_with_size(monkeypatch: pytest.MonkeyPatch) -> None:
    assert translated().seconds == 2
    monkeypatch.setattr(translations, "SMALL", 5)
    assert translated().seconds == 8


def test_what_cannot_be_counted_is_refused() -> None:
    weights = [9.97, 9.91, 9.89, 9.83]
    people = [{"name": f"p{n}", "weight": weight} for n, weight in enumerate(weights)]
    points = {"night": 0.01, "backup": 99.99}
    document = {**VALID, "people": people[:2], "points": points}
    request = validated(document, RosterRequest)
    assert solving.solved(request).proofs[0].value == 0
    found = errors({**VALID, "people": people})
    assert found == [
        ("/people", "has weights that are too unlike each other: round them to tenths")
    ]


def test_a_solver_that_overflows_is_a_fault_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflow(*_: object) -> None:
        raise OverflowError("too large")

    monkeypatch.setattr("app.solver.roster.solve_roster", overflow)
    with pytest.raises(InvalidRequest, match="cannot be counted: too large"):
        solving.solved(validated(VALID, RosterRequest))


def test_what_was_understood() -> None:
    document = {
        **VALID,
        "holidays": "DE-BY",
        "from": "2026-12-24",
        "to": "2026-12-26",
        "slots": None,
        "pattern": [NIGHT],
        **previous(keep="must", assignments=[{"slot": 1, "person": "ana"}]),
    }
    understood = msgspec.to_builtins(validated(document, RosterRequest).understood)
    assert understood == {
        "timezone": "Europe/Berlin",
        "start": "2026-12-24T16:00:00.000Z",
        "end": "2026-12-27T08:00:00.000Z",
        "startLocal": "2026-12-24T17:00:00.000+01:00",
        "endLocal": "2026-12-27T09:00:00.000+01:00",
        "slots": 3,
        "places": 3,
        "choices": 6,
        "seconds": 2,
        "absences": 0,
        "holidays": [
            {"calendar": "DE-BY", "date": "2026-12-25", "name": "Christmas Day"},
            {"calendar": "DE-BY", "date": "2026-12-26", "name": "Second Day of Christmas"},
        ],
        "kept": 1,
    }


def test_a_request_is_examined_before_payment() -> None:
    request = validated({**VALID, "fixed": [{"person": "ana", "slot": 9}]}, RosterRequest)
    assert request.is_heavy
    assert request.is_examined
    with pytest.raises(InvalidRequest, match="is after the last slot"):
        ENDPOINT.examine(request)
    assert ENDPOINT.examine(validated(VALID, RosterRequest)) == ()
