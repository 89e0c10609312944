"""The one character that JSON can say and PostgreSQL cannot keep: U+0000."""

from collections.abc import Iterator

from app.errors import FieldError

NULL = "\0"
NULL_ESCAPED = b"u0000"
"""How JSON writes it, which may not hold it as it is."""


def null_character_errors(value: object, pointer: str = "") -> Iterator[FieldError]:
    """Every text in a JSON value that has one."""
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
