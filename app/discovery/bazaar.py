"""The ``bazaar`` discovery extension of an endpoint, which tells marketplaces how to call it.

Strategy: the SDK makes it from the endpoint's example and its computed answer. It is sent in
headers: in the terms and again in the payment that repeats them. Proxies and clients commonly
accept 8 KiB there, so schemas are only outlines, with a few words where a name does not say
enough, and the example is a brief one; ``openapi.json`` has all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct
from x402.extensions.bazaar.resource_service import (
    DeclareMcpDiscoveryConfig,
    OutputConfig,
    declare_discovery_extension,
    declare_mcp_discovery_extension,
)
from x402.extensions.bazaar.types import BAZAAR

from app.discovery.field_notes import FIELD_NOTES
from app.discovery.openapi import schema_of
from app.discovery.schema_tables import is_read_only
from app.products.endpoint import Endpoint

SERVICE_NAME = "On-call rotations"
MAX_TAGS = 5
"""The most tags in terms, by the extension's specification."""
ICON_PATH = "/icon.png"
FIELDS_PATH = "/llms.txt"
"""Where every field is told, with examples: terms have room for outlines only."""
MAX_DESCRIPTION = 500
"""The most characters of a description in terms: CDP refuses a payment whose terms have more."""

OUTLINED = ("type", "enum", "required")
"""The keywords that an outline keeps. The rules in words are in ``openapi.json``."""
OPAQUE = (
    *("OverrideGiven", "VacantShift", "AbsenceOf"),
    *("ConvertedLayer", "ConvertedOverride", "ConvertedEntry"),
    *("SoftRuleDocument", "PreviousDocument", "WishDocument"),
    *("FixedSlotDocument", "AwayDocument", "SlotDocument", "MaxHoursDocument", "MaxSlotsDocument"),
    *("MinDaysOffDocument", "RestAfterDocument", "GapReason", "RosterChange", "RosterGap"),
    *("RosterPlace", "RosterObjective", "LayeredDocument", "HeldPlace", "AbsentDocument"),
    *("CheckOverlap", "CheckStretch", "CheckSpread", "ReportTotal"),
    *("GivenDocument", "CoverOverride"),
)
"""The structs whose fields an outline leaves out: they are those of others, or few need them."""
ROLES = ("role", "roles")
UNLISTED = ("understood", "notOwed", "user_ids", "passed_over", "four_weeks", *ROLES)
"""The fields of an answer that an outline leaves out: nobody buys an answer for them, or few of the
answers have them. A request has its roles, but those of what is made by hand."""
BY_HAND = ("OverrideDocument", "EntryDocument", "SwapDocument")
DEEPEST = 4
"""How deep the outline of an answer goes: to the objects of a list within those of a list."""
NULL = "null"


def bazaar_extension(endpoint: Endpoint) -> dict[str, Any]:
    """Return the extension under its key. It is valid against the schema in it.

    The method is added here, because the SDK's middleware, which would add it, is not used. Of the
    kinds of a body, only ours is described.
    """
    declared = declare_discovery_extension(
        input=dict(endpoint.brief_example),
        input_schema=request_outline(endpoint),
        body_type="json",
        output=_output(endpoint, endpoint.brief_answer),
    )
    extension = declared[BAZAAR.key]
    extension["info"]["input"]["method"] = endpoint.method
    described = extension["schema"]["properties"]["input"]["properties"]
    described |= {"method": {"const": endpoint.method}, "bodyType": {"const": "json"}}
    return declared


def resource_description(endpoint: Endpoint, public_url: str) -> str:
    """Return the description of an endpoint for its terms, with the address of all fields.

    Clients drop what the protocol does not know, so the address stands in the text; one that is
    too long for it is left out.
    """
    told = f"{endpoint.description} Fields: {public_url}{FIELDS_PATH}"
    return told if len(told) <= MAX_DESCRIPTION else endpoint.description


def bazaar_tool_extension(endpoint: Endpoint) -> dict[str, Any]:
    """Return the extension of the endpoint's MCP tool. It is valid against the schema in it.

    It travels in messages, which have room for the whole example.
    """
    schema = request_outline(endpoint)
    schema["properties"]["format"] = {"enum": list(endpoint.formats_by_name)}
    tool = DeclareMcpDiscoveryConfig(
        tool_name=endpoint.slug,
        description=endpoint.title,
        transport="streamable-http",
        input_schema=schema,
        example=dict(endpoint.example),
        output=_output(endpoint, endpoint.example_answer),
    )
    return declare_mcp_discovery_extension(tool)


def _output(endpoint: Endpoint, example: bytes) -> OutputConfig:
    """Return the answer ``example``, and the outline of its schema.

    The answer is without what only says how the request was read. The SDK puts the schema's
    keywords beside the ``type`` that it writes itself.
    """
    answer = msgspec.json.decode(example)
    listed = {name: item for name, item in answer.items() if name not in UNLISTED}
    return OutputConfig(example=listed, schema=outline(endpoint.answer, answer=True))


def request_outline(endpoint: Endpoint) -> dict[str, Any]:
    """Return the outline of an endpoint's request, without what only other APIs' answers have."""
    outlined = outline(endpoint.request)
    for name in endpoint.request.as_shown:
        outlined["properties"].pop(name, None)
    return outlined


def outline(kind: type[Struct], *, answer: bool = False) -> dict[str, Any]:
    """Return the schema of ``kind`` with only its fields, their types and the required ones.

    Fields of ``FIELD_NOTES`` have their note as description. In a request null means absent, so it
    is left out; in an ``answer`` it stands, and only the answer itself lists what is required. What
    is accepted and not used is left out as well. What is within the fields of an answer is named,
    without a plain type: the example has values of it.
    """
    schema = schema_of(kind)
    outlined = _Outline(schema["$defs"], answer).of(schema)
    if answer:
        required = schema["$defs"][kind.__name__]["required"]
        outlined["required"] = [name for name in required if name not in UNLISTED]
    return outlined


def is_nullable(schema: Mapping[str, Any]) -> bool:
    """Whether a value may be null."""
    return any(choice.get("type") == NULL for choice in schema.get("anyOf", ()))


@dataclass(frozen=True)
class _Outline:
    """Makes outlines of schemas whose references lead to ``definitions``."""

    definitions: Mapping[str, Any]
    answer: bool

    def of(self, schema: Mapping[str, Any], level: int = 0) -> dict[str, Any]:
        """Return the outline of a part: 0 is the document itself, 1 a field of it."""
        if "$ref" in schema:
            return self._of_struct(schema["$ref"].rpartition("/")[2], level)
        if "anyOf" in schema:
            return self._of_choice(schema["anyOf"], level)
        outlined = {name: schema[name] for name in OUTLINED if schema.get(name)}
        if "enum" in outlined:
            outlined.pop("type", None)  # its values have one
        if isinstance(outlined.get("type"), list):
            return {}  # of several kinds, as turns are: a note says more
        if self.answer:
            outlined.pop("required", None)
        if "properties" in schema:
            fields = schema["properties"].items()
            outlined["properties"] = {
                name: self.of(field, level + 1)
                for name, field in fields
                if not self._is_unlisted(name) and not is_read_only(field)
            }
        if "items" in schema:
            outlined["items"] = self._of_item(schema["items"], level + 1)
        is_plain = not {"enum", "properties", "items"} & outlined.keys()
        return {} if self.answer and level > 1 and is_plain else outlined

    def _is_unlisted(self, name: str) -> bool:
        return name in UNLISTED and (self.answer or name not in ROLES)

    def _of_item(self, item: Mapping[str, Any], level: int) -> dict[str, Any]:
        """Return the outline of an item of a list, where null is a value, also in a request."""
        outlined = self.of(item, level)
        kinds = outlined.get("type")
        if self.answer or not kinds or not is_nullable(item):
            return outlined
        return {**outlined, "type": [*([kinds] if isinstance(kinds, str) else kinds), NULL]}

    def _of_struct(self, name: str, level: int) -> dict[str, Any]:
        if name in OPAQUE or (self.answer and level > DEEPEST):
            return {"type": "object"}
        outlined = self.of(self.definitions[name], level)
        if name in BY_HAND:
            outlined["properties"].pop("role", None)
        for field, note in FIELD_NOTES.get(name, {}).items():
            outlined["properties"][field]["description"] = note
        return outlined

    def _of_choice(self, choices: Sequence[Mapping[str, Any]], level: int) -> dict[str, Any]:
        """Return the outline of one kind of value or of several, or null."""
        kinds = [choice for choice in choices if choice.get("type") != NULL]
        types = [str(kind.get("type")) for kind in kinds]
        if {"object", "string"} == set(types):
            return {"type": types}
        outlined = self.of(kinds[-1], level)  # of whole and other numbers, which come last, any
        if not self.answer or len(kinds) == len(choices):
            return outlined
        if "enum" in outlined:
            return {**outlined, "enum": [*outlined["enum"], None]}
        return {**outlined, "type": [kinds[-1].get("type", "object"), NULL]}
