"""Every format carries the same shifts: random requests, each read back from all four."""

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.engine.layered.resolve import final_schedule, on_call_at
from app.formats.instants import iso
from app.formats.plain import plain_text
from app.http.validation import validated
from app.products.endpoint import CALENDAR, CSV, JSON, SVG, Endpoint, Result
from app.products.layered.endpoints import now_result, schedule_result
from app.products.registry import paid_endpoints
from tests.support.formats import drawn, events, milliseconds, rows, stretches
from tests.support.schedule_documents import (
    DAY,
    MINUTE,
    Document,
    places_and_documents,
    schedule_of,
)

ROTATION, SCHEDULE, NOW, *_ = paid_endpoints()
SEVERAL = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Shown = tuple[dict[str, Any], bytes, bytes, bytes]

REQUESTS = st.fixed_dictionaries(
    {
        "start": st.integers(0, 2_500_000_000).map(lambda second: iso(second * 1_000)),
        "people": st.lists(
            st.text("aé王\u202e \n\t\0=+'\\N,;:<&", min_size=1, max_size=12).filter(str.strip),
            min_size=1,
            max_size=4,
        ),
        "shifts": st.integers(1, 40),
        "shiftLengthHours": st.sampled_from([24, 8, 0.5, 168, 7.123, 1e-3]),
        "handoffOffsetHours": st.sampled_from([0, 0.0005, -0.001]),
    }
)


def in_each_format(endpoint: Endpoint, result: Result) -> Shown:
    """A result as JSON, calendar, table and picture."""
    written = {name: each.write(result) for name, each in endpoint.formats.items()}
    return msgspec.json.decode(written[JSON]), written[CALENDAR], written[CSV], written[SVG]


@given(REQUESTS)
@SEVERAL
def test_a_rotation(request: dict[str, Any]) -> None:
    document: Any = validated(request, ROTATION.request)
    answer, calendar, table, picture = in_each_format(ROTATION, ROTATION.compute(document))
    expected = [
        (plain_text(shift["person"]), milliseconds(shift["start"]), milliseconds(shift["end"]))
        for shift in answer["rotation"]
    ]
    assert [(event.summary, event.start, event.end) for event in events(calendar)] == [
        (f"On call: {person}", start // 1_000, end // 1_000) for person, start, end in expected
    ]
    assert rows(table) == [
        {name: plain_text(str(value)) for name, value in shift.items()}
        for shift in answer["rotation"]
    ]
    assert [(bar.person, bar.start, bar.end) for bar in drawn(picture)] == expected


@given(places_and_documents())
@SEVERAL
def test_a_schedule_over_a_window(place: tuple[int, Document]) -> None:
    middle, document = place
    asked = schedule_of(document)
    window = ((middle - 2 * DAY) * MINUTE, (middle + 2 * DAY) * MINUTE)
    final = final_schedule(asked, *window)
    shown = in_each_format(SCHEDULE, schedule_result(asked, final))
    answer, calendar, table, picture = shown
    stretched = sorted((*answer["final_schedule"], *answer["gaps"]), key=lambda part: part["start"])
    people = [part.get("user_id") for part in stretched]
    together = [", ".join(part.get("user_ids", ())) or part.get("user_id") for part in stretched]
    assert [(event.summary, event.start, event.end) for event in events(calendar)] == [
        (
            "Nobody on call" if person is None else f"On call: {person}",
            milliseconds(part["start"]) // 1_000,
            milliseconds(part["end"]) // 1_000,
        )
        for person, part in zip(together, stretched, strict=True)
    ]
    assert [(row["user_id"] or None, row["start"], row["end"]) for row in rows(table)] == [
        (person, part["start"], part["end"]) for person, part in zip(people, stretched, strict=True)
    ]
    assert stretches(picture) >= len(stretched)


@given(places_and_documents())
@SEVERAL
def test_an_instant(place: tuple[int, Document]) -> None:
    middle, document = place
    asked = schedule_of(document)
    at = middle * MINUTE
    found = on_call_at(asked, at)
    answer, calendar, table, picture = in_each_format(NOW, now_result(asked, found))
    [event], [row] = events(calendar), rows(table)
    person = answer["user_id"]
    together = ", ".join(answer.get("user_ids", ())) or person
    assert event.summary == (f"On call: {together}" if person else "Nobody on call")
    assert event.start * 1_000 <= at < event.end * 1_000
    for name, side in (("since", event.start), ("until", event.end)):
        assert row[name] == (answer[name] or "")
        assert answer[name] is None or milliseconds(answer[name]) // 1_000 == side
    assert row["user_id"] == (person or "")
    assert row["next_user_id"] == (answer["next"]["user_id"] if answer["next"] else "")
    assert stretches(picture) >= 1
