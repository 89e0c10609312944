"""One call to a facilitator as its operator sees it: what was asked, and what came back.

Strategy: an answer is read once, and everything that helps an operator is taken from it here: the
status, the vendor's error type and correlation id, the target of a redirect, and what became of the
extensions (marketplaces say in ``EXTENSION-RESPONSES`` why they did not index a product). Texts are
a facilitator's own, so each is bounded, and those that have not the form of a code are dropped.
"""

import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from msgspec import Struct
from pydantic_core import from_json
from x402.http.extension_responses import extract_extension_responses_header

LONGEST_TEXT = 200
LONGEST_WAIT_SECONDS = 3600
CODE = re.compile(r"\A[A-Za-z0-9_:./-]{1,80}\Z")
CORRELATION_FIELDS = ("X-Correlation-Id", "X-Request-Id", "CF-Ray")
"""Where vendors put the id of a call if it is not in the body."""


class ExtensionResponse(Struct, frozen=True):
    """What a facilitator did with one extension: ``success``, ``processing`` or ``rejected``."""

    extension: str
    status: str
    reason: str = ""


class Answer(Struct, frozen=True):
    """A facilitator's answer: its status, its body as it came, and what its head says."""

    status: int
    body: bytes
    retry_after: int | None = None
    redirect: str = ""
    request_id: str = ""
    extensions: tuple[ExtensionResponse, ...] = ()

    @property
    def document(self) -> Mapping[str, Any]:
        """The JSON object in the body; empty if it holds none."""
        try:
            found = from_json(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def correlation_id(self) -> str:
        """The vendor's id of the call, which its support asks for; empty if it gave none."""
        return code_in(self.document.get("correlationId")) or self.request_id

    @property
    def error_type(self) -> str:
        """The vendor's code of an error, or the reason code of a failed settlement."""
        said = self.document
        return next(
            (
                code
                for name in ("errorType", "errorReason", "invalidReason")
                if (code := code_in(said.get(name)))
            ),
            "",
        )

    @property
    def transaction(self) -> str:
        """The transaction that the body names; empty if it names none."""
        return code_in(self.document.get("transaction"))

    @property
    def summary(self) -> str:
        """The status and the error's code, as a part of a sentence."""
        return f"{self.status} {self.error_type}".rstrip()


class FacilitatorCall(Struct, frozen=True):
    """One call: of which facilitator, at which path (``settle``), and its answer, if there was one.

    ``failure`` says why there was none.
    """

    facilitator: str
    operation: str
    answer: Answer | None
    failure: str = ""


CallRecorder = Callable[[FacilitatorCall], None]


def ignore_call(_: FacilitatorCall) -> None:
    """Record nothing."""


def answer_of(response: "aiohttp.ClientResponse", body: bytes) -> Answer:
    """What is known of ``response``, whose body has been read."""
    fields = response.headers
    named = (code_in(fields.get(name)) for name in CORRELATION_FIELDS)
    return Answer(
        response.status,
        body,
        retry_after=_seconds_to_wait(fields),
        redirect=_target_of(response),
        request_id=next(filter(None, named), ""),
        extensions=_extensions_in(response),
    )


def code_in(value: object) -> str:
    """A code as it was sent; empty for free text, which is not passed on."""
    return value if isinstance(value, str) and CODE.match(value) else ""


def _seconds_to_wait(fields: Mapping[str, str]) -> int | None:
    """The seconds in ``Retry-After``, which may be a date; from 1 to an hour."""
    text = fields.get("Retry-After", "").strip()
    if text.isdecimal():
        seconds = int(text[:9])
    else:
        try:  # held against the answer's own date, so that no clock of ours matters
            dates = [parsedate_to_datetime(each) for each in (text, fields.get("Date", ""))]
            seconds = int((dates[0] - dates[1]).total_seconds())
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 1), LONGEST_WAIT_SECONDS)


def _target_of(response: "aiohttp.ClientResponse") -> str:
    """Where a redirect leads, without query and user name; empty if the answer is none."""
    location = response.headers.get("Location", "")
    if not (HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST and location):
        return ""
    try:
        parts = urlsplit(urljoin(str(response.url), location))
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    target = f"{parts.scheme}://{host}{parts.path}"
    return "".join(filter(str.isprintable, target))[:LONGEST_TEXT]


def _extensions_in(response: "aiohttp.ClientResponse") -> tuple[ExtensionResponse, ...]:
    responses = extract_extension_responses_header(response) or {}
    return tuple(
        ExtensionResponse(
            code_in(name),
            code_in(said.get("status")),
            _text_in(said.get("rejectedReason") or said.get("reason") or said.get("code")),
        )
        for name, said in list(responses.items())[:8]
        if isinstance(said, dict)
    )


def _text_in(value: object) -> str:
    """A text for the log: one line, and not long."""
    if not isinstance(value, str):
        return ""
    return "".join(each if each.isprintable() else " " for each in value)[:LONGEST_TEXT]
