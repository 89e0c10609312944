"""The form of a tool's answer: a file is an embedded resource, bought like every answer."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from icalendar import Calendar
from mcp.types import CallToolResult, EmbeddedResource, TextResourceContents

from app.errors import InvalidRequest
from app.http.large_bodies import LARGE_BYTES
from app.mcp.arguments import asked_in
from app.products.endpoint import CALENDAR, CSV, JSON, SVG
from app.products.registry import paid_endpoints
from tests.support.mcp_agents import agent_of, content_of, receipt_in
from tests.support.services import EXAMPLE, Sandbox, service, settings
from tests.support.timing import least_seconds

ROWS = paid_endpoints()
ROTATION, *_ = ROWS
FILES: Mapping[str, str] = {"ics": CALENDAR, "csv": CSV, "svg": SVG}
EACH = pytest.mark.parametrize(("name", "media_type"), FILES.items(), ids=FILES)


def file_in(result: CallToolResult) -> TextResourceContents:
    """The one resource of a result."""
    assert not result.isError
    [block] = result.content
    assert isinstance(block, EmbeddedResource)
    assert isinstance(block.resource, TextResourceContents)
    return block.resource


def text_of(file: TextResourceContents) -> bytes:
    return file.text.encode()


@pytest.fixture
def served() -> Sandbox:
    return Sandbox()


@pytest.mark.anyio
class TestPaid:
    @pytest.mark.parametrize(
        ("row", "name", "media_type"),
        [(row, *each) for row in ROWS for each in FILES.items() if each[1] in row.formats],
    )
    async def test_a_file_is_what_accept_gives(
        self, served: Sandbox, row: Any, name: str, media_type: str
    ) -> None:
        async with agent_of(served) as agent:
            result = await agent.buy({**row.example, "format": name}, row.slug)
        file = file_in(result)
        assert text_of(file) == row.answer_to(row.example, media_type)
        assert file.mimeType == media_type
        assert str(file.uri) == f"oncall:///{row.path.rpartition('/')[2]}.{name}"
        assert result.structuredContent is None
        assert receipt_in(result)["success"]
        assert served.facilitator.token.balance_of(agent.wallet.address) == (
            10_000_000 - row.price_usd * 10**6
        )

    async def test_a_calendar_can_be_read(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            file = file_in(await agent.buy({**EXAMPLE, "format": "ics"}))
        events = Calendar.from_ical(file.text).walk("VEVENT")
        assert [str(event["SUMMARY"]) for event in events] == [
            "On call: alice",
            "On call: bob",
            "On call: alice",
        ]

    async def test_a_call_without_a_format_is_one_for_json(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            payment = await agent.payment()
            first = await agent.ask({**EXAMPLE, "format": "json"}, payment)
            again = await agent.ask(EXAMPLE, payment)
            absent = await agent.ask({**EXAMPLE, "format": None}, payment)
        assert content_of(first) == content_of(again) == content_of(absent)
        assert (again.meta or {})["Idempotent-Replayed"] == "true"
        assert served.transfers == 1

    async def test_a_payment_buys_one_form(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            payment = await agent.payment()
            first = await agent.ask({**EXAMPLE, "format": "ics"}, payment)
            again = await agent.ask({"format": "ics", **EXAMPLE}, payment)
            other = await agent.ask({**EXAMPLE, "format": "csv"}, payment)
        assert file_in(first) == file_in(again)
        assert receipt_in(again) == receipt_in(first)
        assert (again.meta or {})["Idempotent-Replayed"] == "true"
        assert content_of(other)["code"] == "payment_already_used"
        assert served.transfers == 1

    async def test_a_large_document_is_sold_in_every_form(self, served: Sandbox) -> None:
        people = [f"person {number:04}" for number in range(1_000)]
        async with agent_of(served) as agent:
            payment = await agent.payment()
            large = {**EXAMPLE, "people": people, "format": "csv"}
            first = await agent.ask(large, payment)
            again = await agent.ask(dict(reversed(large.items())), payment)
        assert "person 0002" in file_in(first).text
        assert file_in(again) == file_in(first)
        assert served.transfers == 1

    @pytest.mark.parametrize("name", ["pdf", "ICS", "text/calendar", "", 7, ["ics"], {}])
    async def test_an_unknown_format_is_refused_free_of_charge(
        self, served: Sandbox, name: object
    ) -> None:
        async with agent_of(served) as agent:
            payment = await agent.payment()
            problem = content_of(await agent.ask({**EXAMPLE, "format": name}, payment))
        assert (problem["code"], problem["retry"]) == ("invalid_request", "no")
        [error] = problem["errors"]
        assert error == {"pointer": "/format", "detail": "is not one of json, ics, csv, svg"}
        assert served.transfers == 0

    async def test_the_terms_of_a_tool_list_the_formats(self, served: Sandbox) -> None:
        async with agent_of(served) as agent:
            terms = content_of(await agent.ask(None))
        schema = terms["extensions"]["bazaar"]["info"]["input"]["inputSchema"]
        assert schema["properties"]["format"] == {"enum": ["json", "ics", "csv", "svg"]}


@pytest.mark.anyio
class TestFree:
    async def free(self, arguments: dict[str, Any]) -> CallToolResult:
        async with agent_of(service(settings(payments="off"))) as agent:
            return await agent.ask(arguments)

    @EACH
    async def test_the_json_answer_stands_beside_the_file(self, name: str, media_type: str) -> None:
        """Such a tool declares a schema of its results, which the client holds them against."""
        result = await self.free({**EXAMPLE, "format": name})
        assert text_of(file_in(result)) == ROTATION.answer_to(ROTATION.example, media_type)
        assert result.structuredContent == json.loads(ROTATION.example_answer)
        assert result.meta is None


class TestArguments:
    def test_no_product_has_a_field_of_that_name(self) -> None:
        names = {field.encode_name for row in ROWS for field in msgspec.structs.fields(row.request)}
        assert "format" not in names

    @pytest.mark.parametrize("name", [*FILES, "json"])
    def test_large_arguments_are_taken_apart_without_being_read(self, name: str) -> None:
        large = {"people": ["x" * 100] * 400, "start": {"any": 1}, "format": name}
        media_type, body = asked_in(json.dumps(large).encode(), ROTATION)
        assert media_type == {**FILES, "json": JSON}[name]
        assert json.loads(body) == {"people": large["people"], "start": {"any": 1}}

    @pytest.mark.parametrize(
        "large",
        [
            {"people": ["x" * LARGE_BYTES]},
            {"people": ['"format"' * LARGE_BYTES]},
            {"people": [{"format": "ics", "x": "x" * LARGE_BYTES}]},
        ],
        ids=["absent", "in a text", "nested"],
    )
    def test_large_arguments_without_a_format_stay_as_they_are(self, large: Any) -> None:
        body = json.dumps(large).encode()
        assert asked_in(body, ROTATION) == (JSON, body)

    def test_what_is_malformed_stays_as_it_is(self) -> None:
        for body in (b"", b'{"format":', b'{"format":"ics","people":"%b' % (b"x" * LARGE_BYTES)):
            assert asked_in(body, ROTATION) == (JSON, body)

    def test_an_unknown_field_of_large_arguments_is_named(self) -> None:
        large = {"format": "ics", "peopel": [], "people": ["x" * LARGE_BYTES]}
        with pytest.raises(InvalidRequest, match="unknown field `peopel`"):
            asked_in(json.dumps(large).encode(), ROTATION)

    @pytest.mark.parametrize("value", [["x" * LARGE_BYTES], "x" * LARGE_BYTES, [1e308] * 5_000])
    def test_a_large_format_is_not_read(self, value: object) -> None:
        body = json.dumps({"format": value}).encode()

        def asked() -> None:
            with pytest.raises(InvalidRequest, match="is not one of json"):
                asked_in(body, ROTATION)

        assert least_seconds(asked) < 0.01

    def test_a_hundred_thousand_names_take_no_time(self) -> None:
        names = {f"name {number}": number for number in range(100_000)}
        body = json.dumps({**names, "format": "ics"}).encode()

        def asked() -> None:
            with pytest.raises(InvalidRequest, match="unknown field `name 0`"):
                asked_in(body, ROTATION)

        assert least_seconds(asked) < 0.01
