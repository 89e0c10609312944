"""What a paid endpoint is, and how a product's result is written in each media type."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, NamedTuple

import msgspec
from limits import RateLimitItem, parse
from msgspec import Struct

from app.errors import FieldError
from app.formats.svg.drawing import timeline_bytes
from app.formats.timeline import Timeline
from app.http.rate_limits import in_words
from app.http.validation import RequestModel, validated

JSON, CALENDAR, CSV, SVG = "application/json", "text/calendar", "text/csv", "image/svg+xml"


@dataclass(frozen=True)
class Category:
    """A group of endpoints in the catalogue, with what its members have in common."""

    name: str
    description: str


@dataclass(frozen=True)
class WorkedExample:
    """A request that shows what else an endpoint can do, in a few words and as a document."""

    title: str
    text: str
    example: Mapping[str, Any]


class Result(NamedTuple):
    """What an endpoint computed, as the two shapes that formats are written from.

    ``answer`` makes the JSON answer, with warnings about the request; ``timeline`` makes what a
    calendar and a picture show.
    """

    answer: Callable[[Sequence[FieldError]], Struct]
    timeline: Callable[[], Timeline]


@dataclass(frozen=True)
class Format:
    """One format of an answer: how it is written, and what people are told about it.

    ``purpose`` completes "for" or stands alone. An answer with an ``extension`` is a file and gets
    a name. ``parameters`` follow the media type in ``Content-Type``.
    """

    write: Callable[[Result, Sequence[FieldError]], bytes]
    name: str
    purpose: str
    extension: str = ""
    parameters: str = ""


def formats_with(table: Callable[[Any], bytes]) -> Mapping[str, Format]:
    """Return the formats of a product by media type; ``table`` writes a JSON answer as CSV.

    Only JSON has a place for warnings. The payer has read them with the terms.
    """
    return {
        JSON: Format(
            lambda result, warnings: msgspec.json.encode(result.answer(warnings)),
            "JSON",
            "for programs, and for whoever asks for nothing else",
        ),
        CALENDAR: Format(
            lambda result, _: _calendar(result.timeline()),
            "iCalendar",
            "for calendars: one event a shift",
            extension="ics",
            parameters="; charset=utf-8",
        ),
        CSV: Format(
            lambda result, _: table(result.answer(())),
            "CSV",
            "for spreadsheets: one row a shift",
            extension="csv",
            parameters="; charset=utf-8; header=present",
        ),
        SVG: Format(
            lambda result, _: timeline_bytes(result.timeline()),
            "SVG",
            "the timeline as a picture",
            extension="svg",
        ),
    }


def _calendar(timeline: Timeline) -> bytes:
    from app.formats.ical import calendar_bytes  # noqa: PLC0415 - 60 ms that few need

    return calendar_bytes(timeline)


def _finds_nothing(_: object) -> None:
    """Validation has found everything that is wrong."""


@dataclass(frozen=True)
class Endpoint:
    """One paid resource.

    ``description`` sells it in a few words and travels in every 402; ``rules`` are what a caller
    should know beyond those of the fields. ``compute`` turns a valid request into a ``Result``;
    ``formats`` writes that, one function a media type, the default first. ``examine`` finds, free
    of charge, what only heavy work finds wrong with a request; it raises ``InvalidRequest``.
    ``example`` is a request that must be valid, and so are those of ``worked``. ``work`` is heavy
    if a small request can keep a processor busy: it is then not done on the event loop.
    ``rate_limit`` is how often a client may ask, as ``limits`` writes it: ``120/minute``.
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
    work: Literal["light", "heavy"] = "light"
    worked: Sequence[WorkedExample] = ()
    examine: Callable[[Any], object] = _finds_nothing

    method = "POST"

    def __post_init__(self) -> None:
        needed = [item.name for item in fields(self) if item.name != "worked"]
        lacking = [name for name in needed if not getattr(self, name)]
        if lacking:
            raise ValueError(f"endpoint {self.slug or self.path!r} lacks {', '.join(lacking)}")
        _ = self.limit  # raises ValueError for what is no limit
        for example in (self.example, *(worked.example for worked in self.worked)):
            validated(example, self.request)

    @cached_property
    def limit(self) -> RateLimitItem:
        """``rate_limit``, parsed once."""
        return parse(self.rate_limit)

    @property
    def limit_in_words(self) -> str:
        """The limit in words, such as "120 requests a minute"."""
        return in_words(self.limit)

    @property
    def catalog_path(self) -> str:
        return f"/catalog/{self.slug}"

    def is_light(self, media_type: str, document: RequestModel) -> bool:
        """Whether the answer to ``document`` in ``media_type`` keeps no processor busy for long.

        10,000 shifts take some 10 ms as JSON and ten times that as anything else.
        """
        return self.work == "light" and media_type == JSON and not document.is_heavy

    def validates_quickly(self, value: object) -> bool:
        """Whether ``value``, parsed from up to a megabyte, is validated within milliseconds."""
        given = value if isinstance(value, dict) else {}
        return self.work == "light" and self.request.heavy_fields().isdisjoint(given)

    def headers(self, media_type: str) -> Mapping[str, str]:
        """What describes an answer in ``media_type``; what is a file has a name."""
        chosen = self.formats[media_type]
        described = {"Content-Type": media_type + chosen.parameters}
        if chosen.extension:
            name = f"{self.path.rpartition('/')[2]}.{chosen.extension}"
            described["Content-Disposition"] = f'inline; filename="{name}"'
        return described

    def example_answer(self, media_type: str = JSON) -> bytes:
        """What the example is answered with: computed, never typed."""
        return self.answer_to(self.example, media_type)

    def answer_to(self, example: Mapping[str, Any], media_type: str = JSON) -> bytes:
        """What an example is answered with."""
        result = self.compute(validated(example, self.request))
        return self.formats[media_type].write(result, ())
