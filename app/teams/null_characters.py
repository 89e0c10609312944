"""The one character that JSON can express and PostgreSQL cannot store: U+0000."""

from collections.abc import Iterator

from app.errors import FieldError

NULL = "\0"
NULL_ESCAPED = b"u0000"
"""The character in JSON, which must escape it."""


def null_character_errors(value: object, pointer: str = "") -> Iterator[FieldError]:
    """Yield an error for every text in a JSON value that contains a null character."""
    if isinstance(value, str):
        if NULL in value:
            yield FieldError(
                pointer, "holds a null character, which cannot be stored: leave it out"
            )
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from null_character_errors(item, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from null_character_errors(item, f"{pointer}/{name}")
