"""Content negotiation: the meaning of ``Accept`` and ``Content-Type`` (RFC 9110, 12.5.1)."""

import re
from collections.abc import Sequence
from functools import lru_cache

from app.errors import NotAcceptable, UnsupportedMediaType
from app.http.request_head import RequestHead

WEIGHT = re.compile(r"0(\.\d*)?|1(\.0*)?", re.ASCII)
"""A ``q``, from 0 to 1 in decimals. ``float`` would also accept nan, -1 and 1e3."""


@lru_cache(maxsize=256)  # callers send few different values
def negotiated(accept: str, offered: tuple[str, ...]) -> str:
    """Return the media type of ``offered`` that ``accept`` prefers; on a tie the first offered.

    Raises ``NotAcceptable`` if it accepts none.
    """
    ranges = [_range(part) for part in accept.split(",") if part.strip()] or [("*/*", 1.0)]
    quality, _, best = max(
        (_quality(media_type, ranges), -position, media_type)
        for position, media_type in enumerate(offered)
    )
    if not quality:
        raise NotAcceptable(f"offered are {', '.join(offered)}")
    return best


def require_json(head: RequestHead) -> None:
    """Raise ``UnsupportedMediaType`` unless the body that ``head`` announces is JSON."""
    if not is_json(head.value("content-type")):
        raise UnsupportedMediaType("send Content-Type: application/json")


@lru_cache(maxsize=256)
def is_json(content_type: str) -> bool:
    """Whether a ``Content-Type`` is JSON. An absent one counts, since nothing else is accepted."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence in ("", "application/json") or essence.endswith("+json")


def _range(part: str) -> tuple[str, float]:
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weights = [text[2:].strip() for text in parameters if text.startswith("q=")]
    if not weights:
        return media_range, 1.0
    return media_range, float(weights[0]) if WEIGHT.fullmatch(weights[0]) else 0.0


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the weight of the most specific range that matches ``media_type``; 0 if none does."""
    family = media_type.partition("/")[0] + "/*"
    for wanted in (media_type, family, "*/*"):
        for media_range, quality in ranges:
            if media_range == wanted:
                return quality
    return 0.0
