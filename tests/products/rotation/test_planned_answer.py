"""A planned rotation in every format: gaps, roles and local times are shown, and all agree."""

import csv
import io
import json
from itertools import count
from typing import Any

import msgspec
import pytest

from app.engine.planning.request import PlannedRotation
from app.errors import InvalidRequest
from app.formats.ical import calendar_bytes
from app.formats.svg.drawing import timeline_bytes
from app.http.validation import validated
from app.products.csv import rotation_csv
from app.products.rotation.endpoint import rotation_endpoint
from app.products.rotation.planned_answer import planned_answer, planned_in_words
from app.products.rotation.planning import planned_rotation
from app.products.rotation.request import RotationRequest
from app.products.rotation.timeline import planned_timeline, rotation_timeline
from tests.support.formats import events_by_ical, titles

SEED = {"start": "2026-06-04T00:00:00Z", "people": ["alice", "bob"], "shifts": 3}
BOTH_AWAY = [
    {"person": person, "start": "2026-06-05", "end": "2026-06-05"} for person in ("alice", "bob")
]


def planned(**changes: Any) -> PlannedRotation:
    request = validated({**SEED, "strategy": "fair", **changes}, RotationRequest)
    return planned_rotation(request, lambda: 0.0).rotation


def answered(**changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(msgspec.json.encode(planned_answer(planned(**changes))))
    return answer


def bought(**changes: Any) -> dict[str, Any]:
    """Return the whole answer, with what was understood."""
    request = validated({**SEED, "strategy": "fair", **changes}, RotationRequest)
    answer: dict[str, Any] = json.loads(
        msgspec.json.encode(rotation_endpoint().compute(request).answer())
    )
    return answer


def table(**changes: Any) -> list[list[str]]:
    text = rotation_csv(planned_answer(planned(**changes))).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


# --- JSON -----------------------------------------------------------------------------------


def test_the_fields_beyond_those_of_a_plain_rotation() -> None:
    plain = ["rotation", "shiftCounts", "shiftLengthHours", "balanced", "interpretation"]
    assert list(answered()) == [*plain, "fairness", "gaps", "carryOver", "nextPerson"]


def test_the_whole_answer() -> None:
    assert answered(unavailable=BOTH_AWAY, shifts=2, handoffOffsetHours=0.5) == {
        "rotation": [
            {
                "shift": 1,
                "person": "alice",
                "start": "2026-06-04T00:00:00.000Z",
                "end": "2026-06-05T00:00:00.000Z",
                "nextHandoff": "2026-06-05T00:30:00.000Z",
            },
            {
                "shift": 2,
                "person": None,
                "start": "2026-06-05T00:00:00.000Z",
                "end": "2026-06-06T00:00:00.000Z",
                "nextHandoff": "2026-06-06T00:30:00.000Z",
            },
        ],
        "shiftCounts": {"alice": 1, "bob": 0},
        "shiftLengthHours": 24,
        "balanced": False,
        "interpretation": "2 shift(s) of 24h across 2 people from 2026-06-04T00:00:00.000Z. "
        "Handoffs are 0.5h after each shift ends. 1 place stays empty, "
        "because of absences. "
        "Loads lie within 24h of each other, proven to be the least.",
        "fairness": {
            "hours": {"alice": 24, "bob": 0},
            "weekendHours": {"alice": 0, "bob": 0},
            "nightHours": {"alice": 8, "bob": 0},
            "spread": 24,
            "lowerBound": 24,
            "optimal": True,
            "explanations": ["Shift 2: nobody can take it: alice is away, bob is away."],
        },
        "gaps": [
            {
                "shift": 2,
                "start": "2026-06-05T00:00:00.000Z",
                "end": "2026-06-06T00:00:00.000Z",
                "reasons": {"alice": "is away", "bob": "is away"},
            }
        ],
        "carryOver": {"alice": 24, "bob": 0},
        "nextPerson": "alice",
    }


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        pytest.param(
            "Europe/Berlin",
            "2026-10-25T02:30:00",
            ["2026-10-25T02:30:00.000+02:00", "2026-10-26T02:30:00.000+01:00"],
            id="the-first-pass-is-told",
        ),
        pytest.param(
            "America/St_Johns",
            "2026-06-04",
            ["2026-06-04T00:00:00.000-02:30", "2026-06-05T00:00:00.000-02:30"],
            id="half-an-hour",
        ),
        pytest.param(
            "Africa/Monrovia",
            "1971-01-01",
            ["1971-01-01T00:00:00.000-00:44:30", "1971-01-02T00:00:00.000-00:44:30"],
            id="seconds",
        ),
        pytest.param(
            "UTC",
            "2026-06-04",
            ["2026-06-04T00:00:00.000+00:00", "2026-06-05T00:00:00.000+00:00"],
            id="utc",
        ),
    ],
)
def test_local_times(zone: str, start: str, expected: list[str]) -> None:
    [shift] = answered(timezone=zone, start=start, shifts=1)["rotation"]
    assert [shift["startLocal"], shift["endLocal"]] == expected


def test_roles() -> None:
    answer = answered(roles=["primary", "secondary"], people=["alice"], shifts=1)
    [shift] = answer["rotation"]
    assert (shift["person"], shift["roles"]) == ("alice", {"primary": "alice", "secondary": None})
    assert [gap["role"] for gap in answer["gaps"]] == ["secondary"]


def test_what_is_not_proven_is_said_so() -> None:
    clock = count()
    wished = {"shifts": 40, "strategy": "fair", "unavailable": BOTH_AWAY}
    request = validated({**SEED, **wished}, RotationRequest)
    found = planned_rotation(request, lambda: 1e9 * next(clock)).rotation  # the time is up at once
    assert planned_in_words(found).endswith("of each other, at least 0h in any assignment.")


HALF_TIME = {"people": ["ana", "ben", "tom"], "shifts": 10, "weights": {"tom": 0.5}}


@pytest.mark.parametrize(
    ("changes", "balanced"),
    [
        pytest.param({}, True, id="counts"),
        pytest.param({"carryOver": {"alice": 72}}, False, id="counts-after-more-was-carried"),
        pytest.param({"carryOver": {"alice": 72}, "weights": {}}, False, id="no-weights-given"),
        pytest.param({"unavailable": BOTH_AWAY}, False, id="never-with-a-gap"),
        pytest.param(HALF_TIME, True, id="half-time-at-half-the-shifts"),
        pytest.param({**HALF_TIME, "shifts": 11}, True, id="within-a-shift-of-hers"),
        pytest.param({**HALF_TIME, "strategy": "round-robin"}, False, id="half-time-in-turns"),
        pytest.param({**HALF_TIME, "shifts": 2}, True, id="too-few-for-everybody"),
        pytest.param(
            {**HALF_TIME, "carryOver": {"ana": 72}}, True, id="loads-count-what-was-carried"
        ),
        pytest.param(
            {**HALF_TIME, "shifts": 2, "carryOver": {"ana": 96}}, False, id="carried-too-much"
        ),
        pytest.param(
            {"people": ["ana", "ben", "tom"], "shifts": 10, "weights": {"tom": 0.1}},
            True,
            id="one-shift-of-a-small-weight-is-a-large-load",
        ),
        pytest.param(
            {"weights": {"bob": 0.5}, "fixed": [{"shift": n, "person": "bob"} for n in (1, 2)]},
            False,
            id="not-by-many-shifts-of-hers",
        ),
    ],
)
def test_balanced(changes: dict[str, Any], balanced: bool) -> None:
    """Of counts, or of weighted loads within one shift."""
    assert answered(**changes)["balanced"] is balanced


def test_the_interpretation_is_in_the_zone_that_was_asked_for() -> None:
    text = answered(timezone="Europe/Berlin", start="2026-06-04T09:00:00")["interpretation"]
    assert text.startswith(
        "3 shift(s) of 24h across 2 people from 2026-06-04T09:00:00.000+02:00, "
        "by the clock of Europe/Berlin. "
    )


def test_why_places_stay_empty_is_told_in_the_interpretation() -> None:
    alone = {"people": ["alice"], "unavailable": BOTH_AWAY[:1], "roles": ["a", "b"]}
    text = answered(**alone, minRestHours=25)["interpretation"]
    assert "places stay empty, because of absences, minRestHours and too few people." in text


def test_of_many_gaps_and_people_the_first_have_reasons() -> None:
    people = [f"p{number}" for number in range(25)]
    away = [{"person": name, "start": "2026-06-04", "end": "2028-06-04"} for name in people]
    gaps = answered(people=people, shifts=502, unavailable=away)["gaps"]
    assert [len(gap.get("reasons", ())) for gap in gaps] == [20] * 500 + [0] * 2


def test_carry_over_comes_back_as_it_was_read() -> None:
    carried = answered(weights={"alice": 0.7, "bob": 0.3}, shifts=7)["carryOver"]
    idle = answered(start="2026-06-05", shifts=1, unavailable=BOTH_AWAY, carryOver=carried)
    assert max(carried.values()) > 0
    assert idle["carryOver"] == carried


def test_holidays_are_counted_named_and_carried_over() -> None:
    christmas = {"start": "2026-12-24", "timezone": "Europe/Berlin", "shifts": 4}
    answer = bought(**christmas, holidays="DE")
    assert [(day["date"], day["name"]) for day in answer["understood"]["holidays"]] == [
        ("2026-12-25", "Christmas Day"),
        ("2026-12-26", "Second Day of Christmas"),
    ]
    assert answer["fairness"]["holidayHours"] == {"alice": 24, "bob": 24}
    assert answer["carryOverHolidays"] == {"alice": 0, "bob": 0}
    carried = bought(**christmas, holidays="DE", carryOverHolidays={"bob": 48})
    assert carried["fairness"]["holidayHours"] == {"alice": 48, "bob": 0}
    assert carried["carryOverHolidays"] == {"alice": 0, "bob": 0}
    plain = bought(**christmas)
    assert "holidayHours" not in plain["fairness"]
    assert "carryOverHolidays" not in plain
    assert "holidays" not in plain["understood"]


def test_of_days_that_a_calendar_does_not_know_there_are_none() -> None:
    answer = bought(start="9000-12-24", holidays="DE")
    assert answer["understood"]["holidays"] == []


@pytest.mark.parametrize(
    ("changes", "pointer", "detail"),
    [
        pytest.param({"holidays": "XX"}, "/holidays", "is no country of ISO 3166", id="country"),
        pytest.param({"holidays": "DE-XX"}, "/holidays", "is no subdivision", id="part"),
        pytest.param(
            {"carryOverHolidays": {"alice": 8}},
            "/carryOverHolidays",
            "has no effect without holidays",
            id="nothing-to-carry-to",
        ),
        pytest.param(
            {"holidays": "DE", "carryOverHolidays": {"alice": -1}},
            "/carryOverHolidays/alice",
            "is not a number of hours from 0 to 1,000,000",
            id="number",
        ),
        pytest.param(
            {"holidays": "DE", "carryOverHolidays": {"alcie": 1}},
            "/carryOverHolidays/alcie",
            "is not one of people",
            id="person",
        ),
    ],
)
def test_holidays_that_are_refused(changes: dict[str, Any], pointer: str, detail: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        answered(**changes)
    [error] = refused.value.errors
    assert (error.pointer, error.detail[: len(detail)]) == (pointer, detail)


# --- table ----------------------------------------------------------------------------------

COLUMNS = ["shift", "person", "start", "end", "nextHandoff"]


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        pytest.param({}, [], id="as-a-plain-one"),
        pytest.param({"timezone": "UTC"}, ["startLocal", "endLocal"], id="local"),
        pytest.param({"roles": ["a", "=b"]}, ["a", "'=b"], id="roles-are-texts-of-the-caller"),
        pytest.param(
            {"timezone": "UTC", "roles": ["a"]}, ["startLocal", "endLocal", "a"], id="both"
        ),
    ],
)
def test_columns(changes: dict[str, Any], more: list[str]) -> None:
    header, *rows = table(**changes)
    assert header == COLUMNS + more
    assert all(len(row) == len(header) for row in rows)


def test_a_gap_is_an_empty_cell() -> None:
    assert [row[1] for row in table(unavailable=BOTH_AWAY)] == ["person", "alice", "", "bob"]


# --- calendar and picture -------------------------------------------------------------------


def test_a_gap_is_an_event_and_is_hatched() -> None:
    timeline = planned_timeline(planned(unavailable=BOTH_AWAY))
    summaries = [event.summary for event in events_by_ical(calendar_bytes(timeline))]
    assert summaries == ["On call: alice", "Nobody on call", "On call: bob"]
    assert "Hatched: nobody is on call (1 gap)." in timeline_bytes(timeline).decode()


def test_every_role_is_an_event_with_its_own_uid() -> None:
    timeline = planned_timeline(planned(roles=["primary", "secondary"], people=["alice"]))
    events = events_by_ical(calendar_bytes(timeline))
    assert [event.summary for event in events] == [
        *["On call (primary): alice"] * 3,
        *["Nobody on call (secondary)"] * 3,
    ]
    assert len({event.uid for event in events}) == 6


def test_roles_share_a_persons_lane_and_are_told_apart() -> None:
    timeline = planned_timeline(planned(roles=["primary", "secondary"]))
    told = [title for title in titles(timeline_bytes(timeline)) if title.startswith("alice (")]
    assert [title.partition(":")[0] for title in told] == [
        *("alice (primary)", "alice (secondary)", "alice (primary)"),
    ]


def test_a_role_that_nobody_has_is_hatched() -> None:
    timeline = planned_timeline(planned(roles=["primary", "secondary"], people=["alice"]))
    assert "Hatched: a role that nobody has (3 gaps)." in timeline_bytes(timeline).decode()


def test_the_picture_is_by_the_clock_of_the_zone() -> None:
    picture = timeline_bytes(planned_timeline(planned(timezone="Asia/Tokyo", start="2026-06-04")))
    assert "2026-06-04 00:00 +09:00" in picture.decode()


def test_who_follows_is_told() -> None:
    timeline = planned_timeline(planned(unavailable=BOTH_AWAY, handoffOffsetHours=-1))
    assert [item.note for item in timeline.items] == [
        "Next: nobody, from 1h before the shift ends.",
        "Nobody is on call.",
        "The last shift of the rotation.",
    ]


def test_a_planned_shift_updates_the_event_of_the_plain_one() -> None:
    """A shift that another person takes over stays the same shift."""
    plain = validated(SEED, RotationRequest).rotation()
    before = events_by_ical(calendar_bytes(rotation_timeline(plain)))
    after = events_by_ical(calendar_bytes(planned_timeline(planned())))
    assert [event.uid for event in after] == [event.uid for event in before]
