"""The query of a paid request, which has no parameters: whatever is in it was not understood.

Strategy: a parameter that is passed over in silence would be paid for and ignored, so each is a
fault, told before anybody pays, with the place where it belongs.
"""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from app.errors import FieldError, InvalidRequest
from app.http.scalars import MAX_NAME
from app.http.validation import known_fields, similar_field
from app.products.endpoint import CALENDAR, CSV, JSON, SVG, Endpoint

MAX_NAMED = 20
"""The most parameters that are named."""

FORMS = ("accept", "as", "export", "fmt", "format", "mime", "output", "type")
"""The parameters by which other APIs choose the form of an answer."""

MEDIA_TYPES = {
    "calendar": CALENDAR,
    "csv": CSV,
    "ical": CALENDAR,
    "icalendar": CALENDAR,
    "ics": CALENDAR,
    "json": JSON,
    "svg": SVG,
}


def require_no_query(query: bytes, endpoint: Endpoint) -> None:
    """Raise ``InvalidRequest`` that says of each parameter in ``query`` where it belongs."""
    if not query:
        return
    parts = query.decode("latin-1").split("&", MAX_NAMED)[:MAX_NAMED]
    pairs = parse_qsl("&".join(parts), keep_blank_values=True)
    raise InvalidRequest([_error(name, value, endpoint) for name, value in pairs] or [NOTHING])


NOTHING = FieldError("", "the address has a query, and there are no query parameters")


def _error(name: str, value: str, endpoint: Endpoint) -> FieldError:
    shown = name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}…"
    advice = _advice(name, value, endpoint)
    return FieldError("", f"the query parameter {shown!r} is not known: {advice}")


def _advice(name: str, value: str, endpoint: Endpoint) -> str:
    if name.lower() in FORMS:
        return f"the form is chosen by the header Accept: {_media_types(value, endpoint)}"
    kind = endpoint.request
    field = name if name in known_fields(kind) else similar_field(name, kind)
    return f"send {field!r} in the JSON body" if field else "fields stand in the JSON body"


def _media_types(value: str, endpoint: Endpoint) -> str:
    """The media type that ``value`` asks for, or else all that there are."""
    wanted: Sequence[str] = [MEDIA_TYPES.get(value.lower(), value.lower())]
    return wanted[0] if wanted[0] in endpoint.formats else " or ".join(endpoint.formats)
