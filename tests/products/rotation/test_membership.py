"""The fields ``joins`` and ``leaves`` of a rotation: their faults, and what the answer tells."""

from typing import Any

import msgspec
import pytest

from app.errors import InvalidRequest
from app.http.validation import validated
from app.products.registry import paid_endpoints
from app.products.rotation.planning import planned_rotation
from app.products.rotation.request import RotationRequest
from app.products.rotation.timeline import planned_timeline

ROTATION, *_ = paid_endpoints()
SEED: dict[str, Any] = {
    "start": "2026-12-21", "timezone": "Europe/Berlin", "shifts": 30, "strategy": "fair",
    "people": ["ana", "ben", "chloe", "zoe"],
    "joins": {"zoe": "2027-01-04"}, "leaves": {"ben": "2027-01-10"},
}  # fmt: skip


def answered(**changes: Any) -> Any:
    return msgspec.json.decode(ROTATION.answer_to({**SEED, **changes}))


def faults(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        validated({**SEED, **changes}, RotationRequest)
    return [(error.pointer, error.detail) for error in caught.value.errors]


def starts_of(answer: Any, person: str) -> list[str]:
    return [each["startLocal"][:10] for each in answer["rotation"] if each["person"] == person]


@pytest.mark.parametrize("strategy", ["fair", "round-robin"])
def test_a_date_is_the_first_day_or_the_last(strategy: str) -> None:
    found = answered(strategy=strategy, shifts=28)
    assert starts_of(found, "zoe")[0] >= "2027-01-04"
    assert starts_of(found, "ben")[-1] <= "2027-01-10"
    alone = answered(people=["ben"], joins=None, shifts=25, strategy=strategy)
    assert starts_of(alone, "ben")[-1] == "2027-01-10"
    assert alone["gaps"][0]["reasons"] == {"ben": "has left (leaves)"}
    assert " 4 places stay empty, because of leaves." in alone["interpretation"]


def test_it_is_told_what_was_understood_and_what_is_not_owed() -> None:
    found = answered()
    assert found["understood"]["members"] == [
        {
            "person": "ben", "shifts": 21,
            "leaves": "2027-01-10T23:00:00.000Z", "leavesLocal": "2027-01-11T00:00:00.000+01:00",
        },
        {
            "person": "zoe", "shifts": 16,
            "joins": "2027-01-03T23:00:00.000Z", "joinsLocal": "2027-01-04T00:00:00.000+01:00",
        },
    ]  # fmt: skip
    assert found["fairness"]["notOwed"] == {"ben": 72, "zoe": 14 * 24 / 3}
    assert (found["balanced"], found["fairness"]["optimal"]) == (True, True)
    assert "membersLeftOut" not in found["understood"]


def test_without_a_zone_a_time_is_told_as_an_instant_alone() -> None:
    found = answered(timezone=None, start="2026-12-21T00:00:00Z", leaves=None)
    assert found["understood"]["members"] == [
        {"person": "zoe", "shifts": 16, "joins": "2027-01-04T00:00:00.000Z"}
    ]


def test_of_many_members_the_first_are_told() -> None:
    people = [f"p{number}" for number in range(103)]
    found = answered(
        people=people,
        strategy="round-robin",
        leaves=None,
        joins=dict.fromkeys(people, "2027-01-01"),
    )
    assert len(found["understood"]["members"]) == 100
    assert found["understood"]["membersLeftOut"] == 3


def test_who_does_not_join_or_leave_is_not_told_of() -> None:
    found = answered(joins=None, leaves=None)
    assert "members" not in found["understood"]
    assert "notOwed" not in found["fairness"]


TIME = "Wanted: an instant, a local time or a date, as `start` of the rotation."


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"joins": {"zoey": "2027-01-04"}},
         [("/joins/zoey", "is not one of people; did you mean 'zoe'?")]),
        ({"joins": {"zoey": "2027-01-04", "ana": 7, "ben": "soon"}},
         [("/joins/ana", f"Expected a string, got a number. {TIME}"),
          ("/joins/ben", f"'soon' is not an RFC 3339 instant. {TIME}"),
          ("/joins/zoey", "is not one of people; did you mean 'zoe'?")]),
        ({"leaves": {"zoe": "2027-01-03"}},
         [("/leaves/zoe", "is not after the same person's joins: write a later time")]),
        ({"joins": {"zoe": None}}, [("/joins/zoe", f"Expected a string, got null. {TIME}")]),
        ({"join": {"zoe": "2027-01-04"}, "joins": None},
         [("/join", "is not a known field; did you mean 'joins'?")]),
    ],
)  # fmt: skip
def test_faults_have_their_pointer(changes: dict[str, Any], expected: Any) -> None:
    assert faults(**changes) == expected


def test_too_many_names_are_a_fault_and_not_read_as_times() -> None:
    (where, detail), *_ = faults(joins={f"p{number}": "2027-01-01" for number in range(1001)})
    assert (where, detail[:41]) == ("/joins", "Expected an object of length <= 1000. Wan")


def test_the_picture_shows_when_somebody_is_not_there() -> None:
    planned = planned_rotation(validated(SEED, RotationRequest), lambda: 0.0)
    timeline = planned_timeline(planned.rotation)
    assert [(item.person, item.note) for item in timeline.absences] == [
        ("zoe", "has not joined yet"), ("ben", "has left"),
    ]  # fmt: skip
    always = {**SEED, "joins": {"zoe": "2026-12-01"}, "leaves": {"ben": "2027-12-01"}}
    planned = planned_rotation(validated(always, RotationRequest), lambda: 0.0)
    assert planned_timeline(planned.rotation).absences == []
