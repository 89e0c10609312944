"""Primary and secondary in one schedule, as they are sold."""

import csv
import io
from typing import Any

import msgspec
import pytest
from icalendar import Calendar

from app.products.endpoint import CALENDAR, CSV, SVG
from tests.products.layered.test_several_and_nobody import NOW, SCHEDULE, faults, written

FIRST = {
    "name": "x",
    "role": "primary",
    "rotation_type": "daily",
    "participants": ["ana", "ben"],
    "start_at": "2026-06-01T09:00:00Z",
}
SECOND = {**FIRST, "role": "secondary", "participants": ["cy", "ana"]}
WINDOW = {"from": "2026-06-01T09:00:00Z", "to": "2026-06-03T09:00:00Z"}
SPAN = {"start_at": "2026-06-01T20:00:00Z", "end_at": "2026-06-02T00:00:00Z"}
COVER = {"user_id": "dee", **SPAN}
CLOSED = {"user_id": None, **SPAN, "reason": "holiday"}


def document(*layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"timezone": "UTC", "layers": list(layers or (FIRST, SECOND)), **more}


def window(*layers: dict[str, Any], **more: Any) -> Any:
    return msgspec.json.decode(written(SCHEDULE, document(*layers, **WINDOW, **more)))


def now(at: str, **more: Any) -> Any:
    return msgspec.json.decode(written(NOW, document(at=at, **more)))


def rows(answer: Any) -> list[tuple[str, str, str, str]]:
    return [
        (part["role"], part["start"][8:13], part["end"][8:13], part["user_id"])
        for part in answer["final_schedule"]
    ]


PLAIN = [
    ("primary", "01T09", "02T09", "ana"),
    ("secondary", "01T09", "02T09", "cy"),
    ("primary", "02T09", "03T09", "ben"),
    ("secondary", "02T09", "03T09", "ana"),
]


def test_each_role_has_its_own_shifts() -> None:
    answer = window()
    assert rows(answer) == PLAIN
    assert [(each["role"], each["user_id"], each["hours"]) for each in answer["tally"]] == [
        ("primary", "ana", 24), ("primary", "ben", 24),
        ("secondary", "cy", 24), ("secondary", "ana", 24),
    ]  # fmt: skip
    assert (answer["balanced"], answer["gaps"]) == (True, [])


def test_what_is_made_by_hand_is_of_a_role() -> None:
    first = window(overrides=[COVER])
    assert [row[0] for row in rows(first) if row[3] == "dee"] == ["primary"]
    second = window(overrides=[{**COVER, "role": " secondary "}])
    assert [row[0] for row in rows(second) if row[3] == "dee"] == ["secondary"]
    entry = {"user_id": "dee", "start": SPAN["start_at"], "end": SPAN["end_at"]}
    third = window(entries=[{**entry, "role": "secondary"}])
    assert [row[0] for row in rows(third) if row[3] == "dee"] == ["secondary"]
    swap = {"start": "2026-06-01T09:00:00Z", "end": "2026-06-02T09:00:00Z"}
    swapped = window(swaps=[{**swap, "swap_with_user_id": "ana", "role": "secondary"}])
    assert rows(swapped)[1::2] == [
        ("secondary", "01T09", "02T09", "ana"),
        ("secondary", "02T09", "03T09", "cy"),
    ]
    assert rows(swapped)[::2] == PLAIN[::2]


def test_nobody_closes_one_role_or_all() -> None:
    closed = window(overrides=[CLOSED])["gaps"]
    assert [(gap["role"], gap["override"]["reason"]) for gap in closed] == [
        ("primary", "holiday"), ("secondary", "holiday"),
    ]  # fmt: skip
    one = window(overrides=[{**CLOSED, "role": "secondary"}])["gaps"]
    assert [gap["role"] for gap in one] == ["secondary"]


def test_who_is_on_call_in_each_role() -> None:
    answer = now("2026-06-01T21:00:00Z", overrides=[{**CLOSED, "role": "secondary"}])
    assert (answer["role"], answer["user_id"]) == ("primary", "ana")
    first, second = answer["roles"]
    same = set(first) - {"role"}
    assert {name: first[name] for name in same} == {name: answer[name] for name in same}
    assert (second["user_id"], second["source"], second["next"]) == (
        None, "override", {"user_id": "cy", "at": "2026-06-02T00:00:00.000Z"},
    )  # fmt: skip
    assert answer["interpretation"] == (
        "ana is on call as primary at 2026-06-01T21:00:00.000Z by layer x, until "
        "2026-06-02T09:00:00.000Z; ben is next, from 2026-06-02T09:00:00.000Z. "
        "Nobody is on call as secondary at 2026-06-01T21:00:00.000Z by an override (holiday), "
        "until 2026-06-02T00:00:00.000Z; cy is next, from 2026-06-02T00:00:00.000Z."
    )


def test_without_roles_nothing_says_so() -> None:
    plain = {name: item for name, item in FIRST.items() if name != "role"}
    text = written(SCHEDULE, document(plain, **WINDOW, overrides=[CLOSED]))
    assert "role" not in text
    assert "role" not in written(NOW, document(plain, at="2026-06-01T21:00:00Z"))


def test_the_other_forms_name_the_role() -> None:
    value = document(**WINDOW, overrides=[{**CLOSED, "role": "secondary"}])
    table = list(csv.DictReader(io.StringIO(written(SCHEDULE, value, CSV))))
    assert [(row["role"], row["user_id"]) for row in table] == [
        ("primary", "ana"), ("secondary", "cy"), ("secondary", ""), ("secondary", "cy"),
        ("primary", "ben"), ("secondary", "ana"),
    ]  # fmt: skip
    assert "a role that nobody has (1 gap)" in written(SCHEDULE, value, SVG)
    events = Calendar.from_ical(written(SCHEDULE, value, CALENDAR)).walk("VEVENT")
    assert sorted(str(event["SUMMARY"]) for event in events) == [
        "Nobody on call (secondary)", "On call (primary): ana", "On call (primary): ben",
        "On call (secondary): ana", "On call (secondary): cy", "On call (secondary): cy",
    ]  # fmt: skip
    assert len({str(event["UID"]) for event in events}) == len(events)
    at = document(at="2026-06-01T10:00:00Z")
    table = list(csv.DictReader(io.StringIO(written(NOW, at, CSV))))
    assert [(row["role"], row["user_id"], row["next_user_id"]) for row in table] == [
        ("primary", "ana", "ben"), ("secondary", "cy", "ana"),
    ]  # fmt: skip
    assert "ana (primary)" in written(NOW, at, SVG)
    own = {
        str(event["UID"]) for event in Calendar.from_ical(written(NOW, at, CALENDAR)).walk("VEVENT")
    }
    assert own <= {str(event["UID"]) for event in events}


def test_a_pause_before_who_is_next_is_of_the_role() -> None:
    at = document(
        {**FIRST, "restrictions": [{"start": "09:00", "end": "17:00"}]}, SECOND,
        at="2026-06-01T10:00:00Z",
    )  # fmt: skip
    assert "Nobody (primary)" in written(NOW, at, SVG)


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (document({**FIRST, "role": None}, SECOND, **WINDOW),
         {"/layers/0/role": "is required where other layers have one"}),
        (document(*({**FIRST, "role": f"r{n}"} for n in range(6)), **WINDOW),
         {"/layers/5/role": "is one role too many, at most 5: write one of r0, r1, r2, r3, r4"}),
        (document(overrides=[{**COVER, "role": "secondry"}], **WINDOW),
         {"/overrides/0/role": "no layer has this role: write one of primary, secondary; did you "
          "mean 'secondary'?"}),
        (document(overrides=[COVER, {**COVER, "role": "xyz"}], **WINDOW),
         {"/overrides/1/role": "no layer has this role: write one of primary, secondary"}),
        (document({**FIRST, "role": None}, overrides=[{**COVER, "role": "primary"}], **WINDOW),
         {"/overrides/0/role": "goes with layers that have roles: leave it out"}),
        (document(entries=[{"user_id": "dee", "start": "2026-06-01", "end": "2026-06-02",
                            "role": "third"}], **WINDOW),
         {"/entries/0/role": "no layer has this role: write one of primary, secondary"}),
        (document(swaps=[{"swap_with_user_id": "dee", "start": "2026-06-01", "end": "2026-06-02",
                          "role": "third"}], **WINDOW),
         {"/swaps/0/role": "no layer has this role: write one of primary, secondary"}),
        (document({**FIRST, "participants": 7}, SECOND, overrides=[{**COVER, "role": "x"}],
                  **WINDOW), {"/layers/0/participants": None}),
        (document(*({**FIRST, "role": f"r{n % 5}"} for n in range(9)), **WINDOW,
                  overrides=[{**COVER, "role": ""}]), {"/overrides/0/role": None}),
    ],
)  # fmt: skip
def test_faults_of_roles_are_named(value: dict[str, Any], wrong: dict[str, str | None]) -> None:
    found = faults(value)
    assert set(found) == set(wrong)
    assert all(detail in (None, found[pointer]) for pointer, detail in wrong.items())
