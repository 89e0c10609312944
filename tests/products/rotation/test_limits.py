"""The field ``limits`` of a rotation: its faults, and what the answer tells."""

from typing import Any

import msgspec
import pytest

from app.errors import InvalidRequest
from app.http.validation import validated
from app.products.registry import paid_endpoints
from app.products.rotation.request import LIMITS_RULE, RotationRequest

ROTATION, *_ = paid_endpoints()
SEED: dict[str, Any] = {
    "start": "2027-01-04", "timezone": "Europe/Berlin", "shifts": 28, "strategy": "fair",
    "people": ["ana", "ben", "chloe"],
}  # fmt: skip


def answered(**changes: Any) -> Any:
    return msgspec.json.decode(ROTATION.answer_to({**SEED, **changes}))


def faults(limits: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        validated({**SEED, "limits": limits}, RotationRequest)
    return [(error.pointer, error.detail) for error in caught.value.errors]


def test_they_are_kept_and_told() -> None:
    limits = {"ana": {"shifts": 4, "weekends": 1}, "ben": {"hours": 240}}
    found = answered(limits=limits)
    assert found["shiftCounts"] == {"ana": 4, "ben": 10, "chloe": 14}
    assert found["gaps"] == []
    assert found["understood"]["limits"] == {"places": 28, "atMost": 28}


def test_too_little_room_is_told_before_the_payment_and_in_the_answer() -> None:
    limits = {name: {"shifts": 6, "hours": 130} for name in SEED["people"]}
    assert validated({**SEED, "limits": limits}, RotationRequest).understood.limits is not None
    found = answered(limits=limits)
    assert found["understood"]["limits"] == {"places": 28, "atMost": 15}
    assert len(found["gaps"]) == 13
    assert found["gaps"][0]["reasons"]["ana"] == "has 120h of at most 130h (limits)"
    assert " 13 places stay empty, because of limits." in found["interpretation"]
    assert (found["fairness"]["optimal"], found["balanced"]) == (True, False)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"anna": {"shifts": 1}}, [("/limits/anna", "is not one of people; did you mean 'ana'?")]),
        ({"ana": {}}, [("/limits/ana", "has no limit: write shifts, hours or weekends")]),
        ({"ana": {"shift": 1, "hours": 1}},
         [("/limits/ana/shift", "is not a known field; did you mean 'shifts'?")]),
        ({"ana": 4},
         [("/limits/ana", f"Expected an object, got a whole number. Wanted: {LIMITS_RULE}.")]),
        ({"ana": {"shifts": -1}, "bert": {"hours": 1}, "ben": {}},
         [("/limits/ana/shifts",
           "Expected a number >= 0. Wanted: shifts at most, 0 to 10,000."),
          ("/limits/ben", "has no limit: write shifts, hours or weekends"),
          ("/limits/bert", "is not one of people")]),
    ],
)  # fmt: skip
def test_faults_have_their_pointer(limits: Any, expected: Any) -> None:
    assert faults(limits) == expected
