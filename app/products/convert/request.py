"""The request for a conversion: another tool's document, and how it is meant."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from app.engine.layered.limits import check_window
from app.errors import BodyTooLarge, FieldError, InvalidRequest, MalformedBody, OutOfBounds
from app.formats.instants import iso
from app.http.scalars import Name
from app.http.validation import RequestModel, parsed_json
from app.moving.comparing import COMPARED_MS
from app.moving.conversion import Conversion
from app.moving.tools import convert, tool_of
from app.products.layered.layer_fields import LocalZone, Point

ToolName = Literal[
    "pagerduty",
    "pagerduty-shifts",
    "opsgenie",
    "grafana-oncall",
    "goalert",
    "splunk-oncall",
    "icalendar",
]


class UnderstoodDocument(Struct, frozen=True):
    """How the document was read."""

    source: Annotated[str, Meta(description="Whose form it has; null: none that is known.")] | None
    at: Annotated[str, Meta(description="When it was read there; now if that was not given.")]


class OncallConvertRequest(RequestModel, frozen=True, kw_only=True):
    """A schedule of another tool."""

    document: Annotated[
        dict[str, Any] | str,
        Meta(
            description="a schedule as the API of PagerDuty, Opsgenie, Grafana OnCall, GoAlert or "
            "Splunk On-Call answers it, as JSON or its text, with overrides and rotations beside "
            "it; or the text of a calendar",
            examples=["BEGIN:VCALENDAR…END:VCALENDAR"],
        ),
    ]
    source: (
        Annotated[
            ToolName,
            Meta(description="whose form the document has; absent: it is known by its members"),
        ]
        | None
    ) = None
    schedule: (
        Annotated[
            Name,
            Meta(
                description="name or id of the one to convert, if the document has several",
                examples=["Primary"],
            ),
        ]
        | None
    ) = None
    timezone: (
        Annotated[
            LocalZone,
            Meta(
                description="for a calendar: the zone of its times without one; absent: UTC",
                examples=["Europe/Berlin"],
            ),
        ]
        | None
    ) = None
    at: (
        Annotated[
            Point,
            Meta(
                description="an RFC 3339 instant, when the document was read there: what is over "
                "by then is left out, and whose turn it is there holds then; absent: now"
            ),
        ]
        | None
    ) = None

    synonyms: ClassVar[Mapping[str, str]] = {
        "body": "document",
        "data": "document",
        "calendar": "document",
        "ics": "document",
        "tool": "source",
        "vendor": "source",
        "tz": "timezone",
        "zone": "timezone",
        "readat": "at",
        "now": "at",
    }

    @classmethod
    def depends_on_now(cls, value: object) -> bool:
        return isinstance(value, dict) and value.get("at") is None

    @classmethod
    def completed(cls, value: dict[str, Any], now: int | None) -> dict[str, Any]:
        return {"at": iso(now), **value} if now is not None else value

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        at = values.get("at", 0)
        if at is None:
            yield FieldError("/at", "is required")
        elif "at" in values:
            try:
                check_window(at, at + COMPARED_MS)
            except OutOfBounds as error:
                yield FieldError("/at", error.detail)

    @property
    def is_heavy(self) -> bool:
        return True

    @property
    def is_examined(self) -> bool:
        return True

    @property
    def understood(self) -> UnderstoodDocument:
        try:
            tool = self.source or tool_of(self.parsed)
        except InvalidRequest:
            tool = ""
        return UnderstoodDocument(tool or None, iso(self.at or 0))

    @property
    def parsed(self) -> object:
        """The document; JSON that was sent as a text, as a form does, is parsed.

        Raises ``InvalidRequest`` for one that is not JSON.
        """
        given = self.document
        if not isinstance(given, str) or not given.lstrip().startswith("{"):
            return given
        try:
            return parsed_json(given.encode(errors="replace"))
        except (MalformedBody, BodyTooLarge) as error:
            raise InvalidRequest([FieldError("/document", error.detail)]) from error

    def conversion(self, *, is_quick: bool = False) -> tuple[str, Conversion]:
        """Return whose form the document has, and its conversion.

        One that ``is_quick`` is for its errors alone. Raises ``InvalidRequest`` with every error in
        the document, and ``OutOfBounds``.
        """
        return convert(
            self.parsed,
            int(self.at or 0),
            tool=self.source or "",
            schedule=str(self.schedule or ""),
            timezone=str(self.timezone or ""),
            pointer="/document",
            is_quick=is_quick,
        )
