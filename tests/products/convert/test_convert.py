"""The product: its request, its answer in every form, and that others take the schedule."""

import json
from typing import Any

import pytest

from app.errors import InvalidRequest, TooManyLayers
from app.http.validation import validated
from app.moving.tools import TOOLS
from app.products.convert.answer import MAX_DIFFERENCES
from app.products.convert.endpoint import convert_endpoint
from app.products.convert.request import OncallConvertRequest, ToolName
from app.products.endpoint import CALENDAR, CSV, SVG
from app.products.examples import PAGERDUTY_SOURCE
from app.products.layered.request import OncallScheduleRequest
from app.teams.schedules.schemas import V1SchedulePost
from tests.moving.documents import icalendar, opsgenie, pagerduty, splunk_oncall

ROW = convert_endpoint()
AT = "2026-01-05T12:00:00Z"


def answered(document: object, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(ROW.answer_to({"document": document, "at": AT, **more}))
    return answer


def test_the_names_of_forms_are_those_of_tools() -> None:
    assert list(ToolName.__args__) == list(TOOLS)  # type: ignore[attr-defined]


def test_the_example_is_the_same_as_there() -> None:
    answer = json.loads(ROW.example_answer)
    assert answer["check"] == {
        "from": "2026-06-02T06:00:00.000Z",
        "to": "2026-06-03T06:00:00.000Z",
        "same": True,
        "differences": [],
        "more_differences": 0,
    }
    assert answer["lost"] == []
    assert answer["interpretation"] == (
        "PagerDuty schedule Database on-call as 2 layers, 1 override, 0 entries of 4 people; "
        "nothing is lost; who is on call is the same as there over what the document shows."
    )


def test_the_answer_is_a_request_of_others() -> None:
    answer = answered(PAGERDUTY_SOURCE)
    stored = validated(answer["schedule"], V1SchedulePost)
    assert [layer.name for layer in stored.layers] == ["Nights", "Weekly"]
    whole = {
        **answer["schedule"],
        "overrides": answer["overrides"],
        "entries": answer["entries"],
        "to": "2027-06-01T00:00:00Z",
        "from": AT,
    }
    schedule = validated(whole, OncallScheduleRequest).schedule()
    assert len(schedule.overrides) == 1


def test_layers_are_written_as_short_as_they_are_said() -> None:
    two = opsgenie.rotation("ana ben", "2025-12-15T09:00:00Z", "weekly", 2)
    hours = opsgenie.rotation("cy", "2026-01-01T00:00:00Z", "hourly", 6)
    [weeks, six] = answered(opsgenie.schedule("Europe/London", two, hours))["schedule"]["layers"]
    assert weeks == {
        "name": "Rota ana ben",
        "rotation_type": "custom",
        "participants": ["u-ana", "u-ben"],
        "start_at": "2025-12-15T09:00:00.000Z",
        "handoff_time": "Mon 09:00",
        "interval": {"count": 2, "unit": "weeks"},
    }
    assert "handoff_time" not in six
    [work] = answered(icalendar.DOCUMENTS["one person, always on work days"])["schedule"]["layers"]
    assert work["turns_on" if "turns_on" in work else "rotation_type"] == "weekly"
    assert work["restrictions"] == [
        {"start": "09:00", "end": "17:00", "days": ["mon", "tue", "wed", "thu", "fri"]}
    ]


def test_a_calendar_has_entries_and_the_given_zone() -> None:
    answer = answered(icalendar.DOCUMENTS["all days"], timezone="Asia/Tokyo")
    assert answer["schedule"] == {"name": "Calendar", "timezone": "Asia/Tokyo", "layers": []}
    assert answer["entries"][0] == {
        "user_id": "ana",
        "start": "2026-01-11T15:00:00.000Z",
        "end": "2026-01-18T15:00:00.000Z",
    }
    assert answer["people"][0] == {"id": "ana", "name": "ana", "email": None}
    assert answer["understood"] == {"source": "icalendar", "at": "2026-01-05T12:00:00.000Z"}


def test_what_is_lost_has_its_place_in_the_request() -> None:
    document, lost = opsgenie.PARTLY["two rotations at once"]
    [told] = answered(document)["lost"]
    assert (f"/document{next(iter(lost))}", next(iter(lost.values()))) == (
        told["pointer"],
        told["instead"],
    )


def test_differences_after_a_hundred_are_counted() -> None:
    entries = [
        {
            "start": f"2026-02-{1 + hour // 24:02}T{hour % 24:02}:00:00Z",
            "end": f"2026-02-{1 + hour // 24:02}T{hour % 24:02}:30:00Z",
            **pagerduty.user("ben"),
        }
        for hour in range(100)
    ]
    document = pagerduty.schedule(
        "UTC",
        pagerduty.layer("ana", "2026-01-01T00:00:00Z"),
        final_schedule={"rendered_schedule_entries": entries},
    )
    check = answered(document)["check"]
    assert (check["same"], len(check["differences"])) == (False, MAX_DIFFERENCES)
    assert check["more_differences"] == 99
    assert check["differences"][0] == {
        "start": "2026-02-01T00:00:00.000Z",
        "end": "2026-02-01T00:30:00.000Z",
        "source": ["PBEN"],
        "converted": ["PANA"],
    }
    assert "differs from there" not in answered(document)["interpretation"]


def test_every_form_shows_four_weeks() -> None:
    document = opsgenie.schedule("UTC", opsgenie.rotation("ana ben", "2026-01-05T12:00:00Z"))
    request = {"document": document, "at": AT}
    assert len(answered(document)["four_weeks"]["final_schedule"]) == 4
    assert ROW.answer_to(request, CSV).count(b"\r\n") == 5
    assert ROW.answer_to(request, CALENDAR).count(b"BEGIN:VEVENT") == 4
    assert b"u-ana" in ROW.answer_to(request, SVG)


# --- the request ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({}, "/document"),
        ({"document": 5}, "/document"),
        ({"document": {}, "source": "excel"}, "/source"),
        ({"document": {}, "tool": "opsgenie"}, "/tool"),
        ({"document": {}, "at": "soon"}, "/at"),
        ({"document": {}, "at": "9998-12-31T00:00:00Z"}, "/at"),
        ({"document": {}, "timezone": "Mars"}, "/timezone"),
    ],
)
def test_faults_of_the_request(given: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        validated({"at": AT, **given}, OncallConvertRequest)
    assert [error.pointer for error in caught.value.errors] == [pointer]


def test_without_a_now_it_must_be_given() -> None:
    given = {"document": PAGERDUTY_SOURCE}
    with pytest.raises(InvalidRequest, match="/at: is required"):
        validated(given, OncallConvertRequest)
    assert validated(given, OncallConvertRequest, 1_767_614_400_000).understood.at == (
        "2026-01-05T12:00:00.000Z"
    )
    assert OncallConvertRequest.depends_on_now(given)
    assert not OncallConvertRequest.depends_on_now({**given, "at": AT})
    assert not OncallConvertRequest.depends_on_now([])


def test_faults_of_the_document_are_found_before_anybody_pays() -> None:
    wrong = validated({"document": {"x": 1}, "at": AT}, OncallConvertRequest)
    assert wrong.is_heavy
    assert wrong.is_examined
    assert wrong.understood.source is None
    with pytest.raises(InvalidRequest, match=r"^/document: is of no form that is known"):
        ROW.examine(wrong)
    many = pagerduty.schedule("UTC", *[pagerduty.layer("ana", AT)] * 51)
    with pytest.raises(TooManyLayers):
        ROW.examine(validated({"document": many, "at": AT}, OncallConvertRequest))
    right = validated({"document": PAGERDUTY_SOURCE, "at": AT}, OncallConvertRequest)
    assert ROW.examine(right) == ()


def test_what_is_looked_for_before_payment_lays_nothing_out() -> None:
    """Errors are found all the same, and stand-ins and entries, which take long, are not made."""
    text = icalendar.DOCUMENTS["a series that ends"]
    request = validated({"document": text, "at": AT}, OncallConvertRequest)
    assert request.conversion(is_quick=True)[1].entries == []
    assert len(request.conversion()[1].entries) > 10
    document = splunk_oncall.DOCUMENTS["a list of one group, with overrides"]
    request = validated({"document": document, "at": AT}, OncallConvertRequest)
    assert request.conversion(is_quick=True)[1].overrides == []
    assert len(request.conversion()[1].overrides) > 1


def test_json_may_be_a_text_as_forms_send_it() -> None:
    text = f" {json.dumps(PAGERDUTY_SOURCE)}"
    assert answered(text) == answered(PAGERDUTY_SOURCE)
    request = validated({"document": "{nothing", "at": AT}, OncallConvertRequest)
    assert request.understood.source is None
    with pytest.raises(InvalidRequest, match="/document: "):
        request.conversion()


def test_the_tool_and_the_schedule_may_be_named() -> None:
    document = {"data": [opsgenie.schedule("UTC"), {**opsgenie.schedule("UTC"), "name": "B"}]}
    assert answered(document, source="opsgenie", schedule="B")["schedule"]["name"] == "B"
