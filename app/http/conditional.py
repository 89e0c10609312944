"""Conditional requests (RFC 9110, 13). An ETag is a version, or a digest of content without one."""

import hashlib
import re
from collections.abc import Sequence

from app.errors import FieldError, InvalidRequest, PreconditionFailed

TAG = r'(?:W/)?"[^"]*"|\*'
TAGS = re.compile(rf"\s*(?:{TAG})\s*(?:,\s*(?:{TAG})\s*)*")


def etag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


def digest_etag(content: bytes) -> str:
    """Return the ETag of content that has no version."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def tags_in(values: Sequence[str], name: str) -> Sequence[str]:
    """Return the entity tags in a header field, none if it is absent. Raises ``InvalidRequest``."""
    if not values:
        return []
    if not all(TAGS.fullmatch(value) for value in values):
        raise InvalidRequest([FieldError(name, 'write an ETag as it was given, such as "3", or *')])
    return [tag for value in values for tag in re.findall(TAG, value)]


def require_match(tags: Sequence[str], version: int) -> None:
    """Raise ``PreconditionFailed`` unless ``tags`` is empty or holds the tag of ``version``.

    The comparison is strong: a weak tag never matches.
    """
    if tags and "*" not in tags and etag(version) not in tags:
        raise PreconditionFailed(f"the version is {version} now: read it again")


def is_fresh(tags: Sequence[str], tag: str) -> bool:
    """Whether the ``tags`` of ``If-None-Match`` hold ``tag``. The comparison is weak."""
    return "*" in tags or tag in [each.removeprefix("W/") for each in tags]
