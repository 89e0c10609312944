"""Conditional requests (RFC 9110, 13): ETags are versions, or digests of what has none."""

import hashlib
import re
from collections.abc import Sequence

from app.errors import FieldError, InvalidRequest, PreconditionFailed

TAG = r'(?:W/)?"[^"]*"|\*'
TAGS = re.compile(rf"\s*(?:{TAG})\s*(?:,\s*(?:{TAG})\s*)*")


def etag(version: int) -> str:
    return f'"{version}"'


def digest_etag(content: bytes) -> str:
    """The tag of content that has no version."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def tags_in(values: Sequence[str], name: str) -> Sequence[str]:
    """The entity tags of a header field; none if it was not sent. Raises ``InvalidRequest``."""
    if not values:
        return []
    if not all(TAGS.fullmatch(value) for value in values):
        raise InvalidRequest([FieldError(name, 'write an ETag as it was given, such as "3", or *')])
    return [tag for value in values for tag in re.findall(TAG, value)]


def require_match(tags: Sequence[str], version: int) -> None:
    """Raise ``PreconditionFailed`` unless one of ``tags`` is this version's; none: no condition.

    Compared strongly: a weak tag never matches.
    """
    if tags and "*" not in tags and etag(version) not in tags:
        raise PreconditionFailed(f"the version is {version} now: read it again")


def is_fresh(tags: Sequence[str], tag: str) -> bool:
    """Whether ``If-None-Match`` says that the caller has it; compared weakly."""
    return "*" in tags or tag in [each.removeprefix("W/") for each in tags]
