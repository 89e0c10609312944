"""The type of a paid endpoint, and the formats in which a product's result is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple, cast

import msgspec
from limits import RateLimitItem, parse
from msgspec import Struct

from app.errors import AnswerTooLarge, FieldError
from app.formats.svg.drawing import timeline_bytes
from app.formats.timeline import Timeline
from app.http.rate_limits import in_words
from app.http.request_body import MAX_BODY_BYTES
from app.http.validation import RequestModel, validated

OPTIONAL = ("worked", "samples", "brief", "keeps")
"""The fields of a row that may be absent."""
MAX_ANSWER_BYTES = 16 * 1024 * 1024
FREE_BODY_BYTES = 128 * 1024
AFTER_SIGNING = "after you have signed and before you are charged"
"""When something is looked at that costs more than a free request may."""
JSON, CALENDAR, CSV, SVG = "application/json", "text/calendar", "text/csv", "image/svg+xml"


@dataclass(frozen=True)
class Category:
    """A group of endpoints in the catalogue, with what its members have in common."""

    name: str
    description: str


@dataclass(frozen=True)
class WorkedExample:
    """A request that shows a further use of an endpoint, with a title and a few sentences."""

    title: str
    text: str
    example: Mapping[str, Any]


class Result(NamedTuple):
    """The result of an endpoint, in the two shapes from which formats are written.

    ``answer`` returns the JSON answer. ``timeline`` returns the timeline that a calendar and a
    picture show; a product that has neither has none.
    """

    answer: Callable[[], Struct]
    timeline: Callable[[], Timeline] | None = None


@dataclass(frozen=True)
class Format:
    """One format of an answer: how it is written, and what people are told about it.

    ``purpose`` completes "for" or stands alone. An answer with an ``extension`` is a file and gets
    a name. ``parameters`` follow the media type in ``Content-Type``.
    """

    write: Callable[[Result], bytes]
    name: str
    purpose: str
    extension: str = ""
    parameters: str = ""


def formats_with(table: Callable[[Any], bytes]) -> Mapping[str, Format]:
    """Return the formats of a product by media type; ``table`` writes a JSON answer as CSV."""
    return {
        **json_format(),
        CALENDAR: Format(
            lambda result: _calendar(timeline_of(result)),
            "iCalendar",
            "for calendars: one event a shift",
            extension="ics",
            parameters="; charset=utf-8",
        ),
        CSV: _csv_format(table, "one row a shift"),
        SVG: Format(
            lambda result: timeline_bytes(timeline_of(result)),
            "SVG",
            "the timeline as a picture",
            extension="svg",
        ),
    }


def tables_with(table: Callable[[Any], bytes], rows: str) -> Mapping[str, Format]:
    """Return the formats of a product that draws nothing; ``rows`` says what a row is."""
    return {**json_format(), CSV: _csv_format(table, rows)}


def json_format() -> Mapping[str, Format]:
    """Return JSON, which every product has."""
    return {
        JSON: Format(
            lambda result: msgspec.json.encode(result.answer()),
            "JSON",
            "for programs, and for whoever asks for nothing else",
        )
    }


def _csv_format(table: Callable[[Any], bytes], rows: str) -> Format:
    return Format(
        lambda result: table(result.answer()),
        "CSV",
        f"for spreadsheets: {rows}",
        extension="csv",
        parameters="; charset=utf-8; header=present",
    )


def timeline_of(result: Result) -> Timeline:
    """Return the timeline of a result that has one."""
    return cast(Callable[[], Timeline], result.timeline)()


def _calendar(timeline: Timeline) -> bytes:
    from app.formats.ical import calendar_bytes  # noqa: PLC0415 - takes 60 ms, and few need it

    return calendar_bytes(timeline)


def _finds_nothing(_: object) -> Sequence[FieldError]:
    """Return no warning: validation has found every error."""
    return ()


@dataclass(frozen=True)
class Endpoint:
    """One paid resource: a row of the endpoint table.

    ``description`` is in every 402. ``rules`` are the rules beyond those of single fields.
    ``compute`` turns a valid request into a ``Result``, and ``formats`` write it by media type, the
    default first. ``examine`` looks, before payment and in a worker process, for errors that
    validation does not find, and raises ``InvalidRequest``; it returns a warning for what is only
    read after payment. ``example``, the requests of ``worked``, which pages show, those of
    ``samples``, which texts for programs show, and ``brief``, a shorter example for listings, must
    be valid. ``cpu_seconds`` is the most processor time that an answer may take.
    ``rate_limit`` is the limit of one client, as ``limits`` writes it: ``120/minute``.
    ``most_body_bytes`` is the limit of a body over HTTP, and ``free_body_bytes`` of one that is
    read before anybody pays, which may take 50 ms of a processor. ``keeps`` says that something is
    kept for the payer, which no function of the request can answer with: ``compute`` then shows
    what an answer looks like, and answers are neither kept nor for any cache.
    """

    slug: str
    path: str
    category: Category
    title: str
    description: str
    rules: str
    tags: Sequence[str]
    price_usd: Decimal
    rate_limit: str
    request: type[RequestModel]
    answer: type[Struct]
    compute: Callable[[Any], Result]
    formats: Mapping[str, Format]
    example: Mapping[str, Any]
    cpu_seconds: float
    worked: Sequence[WorkedExample] = ()
    samples: Sequence[WorkedExample] = ()
    brief: Mapping[str, Any] | None = None
    examine: Callable[[Any], Sequence[FieldError]] = _finds_nothing
    most_body_bytes: int = MAX_BODY_BYTES
    free_body_bytes: int = FREE_BODY_BYTES
    keeps: bool = False

    method = "POST"

    def __post_init__(self) -> None:
        needed = [item.name for item in fields(self) if item.name not in OPTIONAL]
        lacking = [name for name in needed if not getattr(self, name)]
        if lacking:
            raise ValueError(f"endpoint {self.slug or self.path!r} lacks {', '.join(lacking)}")
        _ = self.limit  # raises ValueError if it cannot be parsed

    @cached_property
    def limit(self) -> RateLimitItem:
        """The parsed ``rate_limit``."""
        return parse(self.rate_limit)

    @property
    def brief_example(self) -> Mapping[str, Any]:
        """The example for places where every byte counts."""
        return self.brief or self.example

    @property
    def formats_by_name(self) -> Mapping[str, str]:
        """The media types by the names of the formats: ``json``, or the extension of the file."""
        return {each.extension or "json": name for name, each in self.formats.items()}

    @property
    def limit_in_words(self) -> str:
        """The limit in words, such as "120 requests a minute"."""
        return in_words(self.limit)

    @property
    def catalog_path(self) -> str:
        return f"/catalog/{self.slug}"

    def is_light(self, media_type: str, document: RequestModel) -> bool:
        """Whether the answer to ``document`` in ``media_type`` is quick enough for the event loop.

        10,000 shifts take about 10 ms in JSON and ten times that in every other format.
        """
        return media_type == JSON and not document.is_heavy

    def headers(self, media_type: str) -> Mapping[str, str]:
        """Return the headers that describe an answer in ``media_type``. A file gets a name."""
        chosen = self.formats[media_type]
        described = {"Content-Type": media_type + chosen.parameters}
        if chosen.extension:
            described["Content-Disposition"] = f'inline; filename="{self.file_name(media_type)}"'
        return described

    def file_name(self, media_type: str) -> str:
        """Return the name of the file that an answer in ``media_type`` is."""
        return f"{self.path.rpartition('/')[2]}.{self.formats[media_type].extension}"

    @cached_property
    def example_answer(self) -> bytes:
        """The JSON answer to the example, which every listing shows."""
        return self.answer_to(self.example)

    @cached_property
    def brief_answer(self) -> bytes:
        """The JSON answer to the brief example."""
        return self.example_answer if self.brief is None else self.answer_to(self.brief)

    def answer_to(self, example: Mapping[str, Any], media_type: str = JSON) -> bytes:
        """Compute the answer to an example."""
        return self.written(validated(example, self.request), media_type)

    def written(self, document: RequestModel, media_type: str) -> bytes:
        """Compute the answer to ``document`` and write it. Raises ``AnswerTooLarge``."""
        answer = self.formats[media_type].write(self.compute(document))
        if len(answer) > MAX_ANSWER_BYTES:
            raise AnswerTooLarge
        return answer
