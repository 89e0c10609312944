"""Merge patches (RFC 7396): a given field replaces, ``null`` removes, objects are merged."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

from app.errors import FieldError, InvalidRequest
from app.http.validation import RequestModel, validated

RequestModelT = TypeVar("RequestModelT", bound=RequestModel)


def patched_document(
    current: Mapping[str, Any], patch: object, kind: type[RequestModelT], read_only: Collection[str]
) -> RequestModelT:
    """Return ``current`` (JSON types, as callers see it) after ``patch``, as a ``kind``.

    A read-only field may be sent back unchanged. Raises ``InvalidRequest`` with every error.
    """
    if not isinstance(patch, dict):
        raise InvalidRequest(
            [FieldError("", "Expected an object. Wanted: a merge patch (RFC 7396).")]
        )
    errors = list(_read_only_errors(current, patch, read_only))
    merged = merge_patch(current, patch)
    value = {name: item for name, item in merged.items() if name not in read_only}
    try:
        document = validated(value, kind)
    except InvalidRequest as error:
        raise InvalidRequest([*errors, *error.errors]) from error
    if errors:
        raise InvalidRequest(errors)
    return document


def merge_patch(target: object, patch: object) -> Any:
    """Return ``target`` after ``patch``, as RFC 7396 defines in section 2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, item in patch.items():
        if item is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), item)
    return merged


def _read_only_errors(
    current: Mapping[str, Any], patch: Mapping[str, Any], read_only: Collection[str]
) -> Iterator[FieldError]:
    for name in read_only:
        if name in patch and patch[name] != current.get(name):
            yield FieldError(
                f"/{name}", "cannot be changed: leave it out, or send it back as it is"
            )
