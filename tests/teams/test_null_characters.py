"""U+0000 in requests, found wherever it stands."""

import pytest

from app.teams.null_characters import null_character_errors


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        ("a\0", [""]),
        ({"a": "\0", "b": ["c", "\0", {"d": "e\0"}], "f": 1, "g": None}, ["/a", "/b/1", "/b/2/d"]),
        ({"a": ["b"]}, []),
    ],
)
def test_every_one_is_named(value: object, pointers: list[str]) -> None:
    assert [error.pointer for error in null_character_errors(value)] == pointers
