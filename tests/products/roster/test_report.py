"""Reports of hours and money: payrolls by hand, random ones by sums, and what is refused."""

import csv
import io
from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest

from app.errors import InvalidFields
from app.http.validation import validated
from app.products.endpoint import CSV
from app.products.roster.report_endpoint import report_endpoint
from app.products.roster.report_request import ReportRequest

ENDPOINT = report_endpoint()
WORK = [
    {"person": "ana", "start": "2026-12-01T17:00", "end": "2026-12-02T09:00", "kind": "night"},
    {"person": "ben", "start": "2026-12-02T17:00", "end": "2026-12-03T09:00", "role": "primary"},
]
VALID: Mapping[str, Any] = {
    "timezone": "Europe/Berlin",
    "assignments": WORK,
    "rates": [{"rate": 4.5}],
}
LAYERS = {
    "layers": [
        {
            "name": "all",
            "rotation_type": "daily",
            "handoff_time": "09:00",
            "participants": ["ana", "ben"],
            "start_at": "2026-10-24T09:00",
        }
    ]
}


def report(**fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.json.decode(ENDPOINT.answer_to({**VALID, **fields}))
    return answer


def lines(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (line["person"], line["name"], line["minutes"], line["shifts"], line["amount"])
        for line in answer["lines"]
    ]


def errors(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidFields) as caught:
        _ = validated(document, ReportRequest).held
    return [(error.pointer, error.detail) for error in caught.value.errors]


RATES = [
    {"name": "holiday", "when": {"holiday": True}, "multiplier": 2},
    {"name": "weekend", "when": {"weekend": True}, "multiplier": 1.5},
    {"name": "night", "when": {"between": ["22:00", "06:00"]}, "perHour": 5},
    {"name": "standby", "rate": 4.5},
]


def test_a_payroll_by_hand_over_the_autumn_change_and_christmas() -> None:
    """Ana: Saturday 24 October 20:00 to Sunday 08:00, 13 hours because of the clock change, all
    weekend: 13 × 6.75. Ben in Bavaria: Thursday 24 December 20:00 to Friday 08:00: two hours
    standby (9.00), two of the night until midnight (10.00), eight of the holiday (8 × 9 = 72).
    """
    answer = report(
        holidays="DE-BY",
        currency="EUR",
        rates=RATES,
        assignments=[
            {"person": "ana", "start": "2026-10-24T20:00", "end": "2026-10-25T08:00"},
            {"person": "ben", "start": "2026-12-24T20:00", "end": "2026-12-25T08:00"},
        ],
    )
    assert lines(answer) == [
        ("ana", "weekend", 780, 1, "87.75"),
        ("ben", "holiday", 480, 1, "72.00"),
        ("ben", "night", 120, 1, "10.00"),
        ("ben", "standby", 120, 1, "9.00"),
    ]
    assert answer["totals"] == {
        "ana": {"minutes": 780, "hours": 13, "shifts": 1, "amount": "87.75"},
        "ben": {"minutes": 720, "hours": 12, "shifts": 1, "amount": "91.00"},
    }
    assert answer["total"]["amount"] == "178.75"
    assert answer["interpretation"] == "2 shift(s) of 2 people, 25 h 0 min: 178.75 EUR."


def test_a_payroll_by_hand_over_the_spring_change_with_a_shift_allowance() -> None:
    """Ana has Friday 27 March 22:00 to Monday 30 March 06:00: 56 hours by the wall, 55 elapsed.
    Saturday and Sunday are 47 hours at 3.10, and 50 for the shift that has a part in Friday
    night or Monday morning (8 hours). Ben has 20 minutes on Monday at a base of 7.
    """
    answer = report(
        rate=7,
        rates=[
            {"name": "weekend", "when": {"weekend": True}, "rate": 3.1},
            {"when": {"person": "ana", "weekend": False}, "perShift": 50},
            {"multiplier": 1},
        ],
        assignments=[
            {"person": "ana", "start": "2026-03-27T22:00", "end": "2026-03-30T06:00"},
            {"person": "ben", "start": "2026-03-30T06:00", "end": "2026-03-30T06:20"},
        ],
    )
    assert lines(answer) == [
        ("ana", "weekend", 2820, 1, "145.70"),
        ("ana", "rate 2", 480, 1, "50.00"),
        ("ben", "rate 3", 20, 1, "2.33"),
    ]
    assert answer["total"] == {"minutes": 3320, "hours": 55.3333, "shifts": 2, "amount": "198.03"}
    assert "currency" not in answer


@pytest.mark.parametrize("seed", range(20))
def test_lines_add_up_to_what_people_have(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    conditions: list[dict[str, Any]] = [
        {"holiday": True},
        {"holiday": False, "weekend": False},
        {"weekend": True, "between": ["20:15", "07:45"]},
        {"between": ["01:30", "03:10"]},
        {"days": ["sun", "mon"]},
        {"kind": "night"},
        {"person": "ben", "days": ["sat"], "between": ["22:00", "02:30"]},
    ]
    for _ in range(50):
        rates = [
            {"when": when, **random.choice([{"rate": 1.25}, {"perShift": 9}, {"multiplier": 1.1}])}
            for when in random.sample(conditions, random.randint(1, 5))
        ]
        work = []
        for _ in range(random.randint(1, 6)):
            day, month = random.choice([(28, "03"), (29, "03"), (24, "10"), (25, "10"), (24, "12")])
            start = f"2026-{month}-{day}T{random.randrange(24):02}:{random.randrange(60):02}:00Z"
            last = f"2026-{month}-{day + 2}T{random.randrange(24):02}:{random.randrange(60):02}:00Z"
            who = random.choice(["ana", "ben"])
            work.append({"person": who, "start": start, "end": last, "kind": "night"})
        people = [{"name": "ana", "holidays": "DE-BY"}, {"name": "ben", "holidays": "US"}]
        answer = report(rates=rates, rate=4, assignments=work, people=people)
        for name, total in answer["totals"].items():
            own = [line for line in answer["lines"] if line["person"] == name]
            elapsed = sum(minutes(each) for each in work if each["person"] == name)
            assert sum(line["minutes"] for line in own) == total["minutes"] == elapsed
            assert sum(Decimal(line["amount"]) for line in own) == Decimal(total["amount"])


def minutes(work: Mapping[str, str]) -> int:
    def at(text: str) -> int:
        return (int(text[8:10]) * 24 + int(text[11:13])) * 60 + int(text[14:16])

    return at(work["end"]) - at(work["start"])


def test_what_no_rule_is_for_is_named_and_not_paid() -> None:
    answer = report(rates=[{"when": {"kind": "night"}, "rate": 1}])
    assert lines(answer) == [
        ("ana", "rate 1", 960, 1, "16.00"),
        ("ben", "not paid", 960, 1, "0.00"),
    ]
    assert "rule" not in answer["lines"][1]
    assert answer["warnings"] == ["960 minutes are for no rule, and not paid."]


def test_what_somebody_has_twice_is_counted_twice_and_named() -> None:
    answer = report(assignments=[WORK[0], {**WORK[0], "start": "2026-12-02T08:00"}])
    assert answer["total"]["minutes"] == 960 + 60
    assert answer["warnings"] == ["/assignments/1: ana has something else then; both are counted."]


@pytest.mark.parametrize(
    ("decimals", "amount"), [(0, "1"), (2, "1.13"), (3, "1.125"), (4, "1.1250")]
)
def test_amounts_are_rounded_half_up(decimals: int, amount: str) -> None:
    work = [{"person": "ana", "start": "2026-12-01T17:00", "end": "2026-12-01T17:15"}]
    assert report(assignments=work, decimals=decimals)["total"]["amount"] == amount


def test_roles_are_paid_apart() -> None:
    rates = [{"when": {"role": "primary"}, "perShift": 120.5}, {"rate": 0}]
    answer = report(rates=rates)
    assert lines(answer)[1] == ("ben", "rate 1", 960, 1, "120.50")
    assert answer["lines"][1]["perShift"] == "120.5"
    assert answer["lines"][0]["perHour"] == "0"


def test_a_layered_schedule_is_paid_over_its_window() -> None:
    answer = report(
        **{"assignments": None, "schedule": LAYERS, "from": "2026-10-24T09:00", "to": "2026-10-26"}
    )
    assert answer["totals"]["ana"]["minutes"] == 25 * 60 + 15 * 60
    assert answer["totals"]["ben"]["minutes"] == 24 * 60
    assert answer["understood"]["end"] == "2026-10-26T23:00:00.000Z"


def test_turns_of_several_and_of_nobody_are_of_those_who_have_them() -> None:
    layer = {**LAYERS["layers"][0], "participants": [["ana", "ben"], None]}
    window = {"from": "2026-10-26T09:00", "to": "2026-10-27", "assignments": None}
    answer = report(**window, schedule={"layers": [layer]})
    assert {name: total["minutes"] for name, total in answer["totals"].items()} == {
        "ana": 24 * 60,
        "ben": 24 * 60,
    }


def test_a_window_cuts_what_goes_beyond_it() -> None:
    answer = report(**{"from": "2026-12-02", "to": "2026-12-02"})
    assert [line["minutes"] for line in answer["lines"]] == [540, 420]


def test_a_roster_is_paid_as_it_was_answered() -> None:
    shown = {
        "slot": 1,
        "start": "2026-12-01T16:00:00.000Z",
        "end": "2026-12-02T08:00:00.000Z",
        "startLocal": "2026-12-01T17:00:00.000+01:00",
        "endLocal": "2026-12-02T09:00:00.000+01:00",
        "people": [{"person": "ana", "skill": "senior"}, {"person": "ben"}],
    }
    answer = report(assignments=[shown])
    assert [total["amount"] for total in answer["totals"].values()] == ["72.00", "72.00"]


def test_as_csv() -> None:
    document = {**VALID, "currency": "=EUR", "rates": [{"when": {"kind": "night"}, "perShift": 5}]}
    text = ENDPOINT.answer_to(document, CSV).decode()
    assert list(csv.reader(io.StringIO(text))) == [
        [
            *("person", "rule", "name", "minutes", "hours", "shifts"),
            *("perHour", "perShift", "amount", "currency"),
        ],
        ["ana", "1", "rate 1", "960", "16", "1", "", "5", "5.00", "'=EUR"],
        ["ben", "", "not paid", "960", "16", "1", "", "", "0.00", "'=EUR"],
    ]


@pytest.mark.parametrize(
    ("fields", "pointer", "detail"),
    [
        ({"rates": []}, "/rates", "1 to 50 rules"),
        ({"assignments": None}, "/assignments", "is required, or schedule"),
        ({"schedule": LAYERS}, "/schedule", "says who has what, as assignments does"),
        ({"assignments": None, "schedule": LAYERS}, "/from", "is required with schedule"),
        ({"from": "2026-12-03T12:00"}, "/assignments/0/end", "is not after from"),
        ({"to": "2026-12-01T12:00"}, "/assignments/0/start", "is not before to"),
        ({"assignments": [{**WORK[0], "person": None}]}, "/assignments/0/person", "or people"),
        (
            {"assignments": [{**WORK[0], "people": [{"person": "ana"}]}]},
            "/assignments/0/people",
            "says who, as person does",
        ),
        ({"people": [{"name": "anna"}]}, "/assignments/0/person", "did you mean 'anna'?"),
        ({"rates": [{"name": "x"}]}, "/rates/0", "says nothing of pay"),
        ({"rates": [{"rate": 1, "perShift": 2}]}, "/rates/0/perShift", "says what is paid"),
        ({"rates": [{"rate": 0.1234567}]}, "/rates/0/rate", "is finer than six decimals"),
        ({"rates": [{"multiplier": 2}]}, "/rates/0/multiplier", "is of no base"),
        ({"rates": [{"rate": 1}, {"rate": 2}]}, "/rates/1", "is never reached"),
        ({"rates": [{"when": {}, "rate": 1}]}, "/rates/0/when", "is empty"),
        (
            {"rates": [{"when": {"between": ["08:00", "08:00"]}, "rate": 1}]},
            "/rates/0/when/between",
            "is no part of a day",
        ),
        ({"rates": [{"when": {"kind": "x"}, "rate": 1}]}, "/rates/0/when/kind", "is not the kind"),
        ({"rates": [{"when": {"role": "x"}, "rate": 1}]}, "/rates/0/when/role", "is not the role"),
        (
            {"rates": [{"when": {"person": "bem"}, "rate": 1}]},
            "/rates/0/when/person",
            "did you mean 'ben'?",
        ),
        (
            {
                "rates": [{"when": {"person": "zoe"}, "rate": 1}],
                "people": [{"name": "ana"}, {"name": "ben"}],
            },
            "/rates/0/when/person",
            "is not one of people",
        ),
        ({"pay": []}, "/pay", "is not a known field"),
        ({"assignments": [{**WORK[0], "person": 3}]}, "/assignments/0/person", "a string"),
    ],
)
def test_a_fault_is_named_where_it_is(fields: dict[str, Any], pointer: str, detail: str) -> None:
    found = errors({**VALID, **fields})
    assert any(where == pointer and detail in text for where, text in found), found


def test_faults_of_a_schedule_are_named_within_it() -> None:
    window = {"from": "2026-10-24", "to": "2026-10-26", "assignments": None}
    turned = {"layers": LAYERS["layers"] * 60}
    found = errors({**VALID, **window, "schedule": turned})
    assert found[0][0] == "/schedule/layers"
    swap = {"start": "2026-10-24T00:00", "end": "2026-10-24T01:00", "swap_with_user_id": "ben"}
    found = errors({**VALID, **window, "schedule": {**LAYERS, "swaps": [swap]}})
    assert [where for where, _ in found] == ["/schedule/swaps/0"]
    many = [
        {"user_id": "ana", "start_at": "2026-10-24T00:00", "end_at": "2026-10-25T00:00"}
    ] * 1_001
    found = errors({**VALID, **window, "schedule": {**LAYERS, "overrides": many}})
    assert found[0][0] == "/schedule/overrides"
    found = errors({**VALID, **window, "schedule": LAYERS, "timezone": "Nowhere"})
    assert [where for where, _ in found] == ["/timezone"]


def test_work_of_a_schedule_is_bounded_within_it() -> None:
    layer = {**LAYERS["layers"][0], "rotation_type": "custom", "handoff_time": None}
    layer["interval"] = {"count": 1, "unit": "hours"}
    window = {"from": "2026-01-01", "to": "2027-12-30", "assignments": None}
    found = errors({**VALID, **window, "schedule": {"layers": [layer] * 50}})
    assert all(where.startswith("/schedule") for where, _ in found)


def test_of_one_kind_so_many_are_named() -> None:
    found = errors({**VALID, "to": "2026-12-01T12:00", "assignments": WORK * 30})
    assert ("", "has more errors: of one kind the first 20 are named") in found


def test_it_is_examined_before_payment() -> None:
    request = validated(VALID, ReportRequest)
    assert request.is_heavy
    assert request.is_examined
    assert ENDPOINT.examine(request) == ()
    assert request.understood.shifts == 2
