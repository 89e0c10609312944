"""Texts of callers without characters that other formats cannot escape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.formats.plain import plain_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("alice", "alice", id="a-name"),
        pytest.param("Łukasz 王 👩‍💻", "Łukasz 王 👩‍💻", id="any-script"),
        pytest.param("a\u202eb\u00a0c", "a\u202eb\u00a0c", id="marks-and-hard-spaces-stay"),
        pytest.param("a\tb", "a\tb", id="a-tab-stays"),
        pytest.param("a\nb\rc\r\nd", "a\nb\nc\nd", id="line-breaks-are-newlines"),
        pytest.param("a\vb\fc\x85d\u2028e\u2029f", "a\nb\nc\nd\ne\nf", id="also-those-of-unicode"),
        pytest.param("a\0b\x1bc\x7fd\x9fe", "a�b�c�d�e", id="control-characters"),
        pytest.param("\ufffe\uffff", "��", id="what-xml-has-no-place-for"),
    ],
)
def test_plain(text: str, expected: str) -> None:
    assert plain_text(text) == expected


@given(st.text())
def test_lines_are_split_where_newlines_are_and_nowhere_else(text: str) -> None:
    line = f"{plain_text(text)}."
    assert line.splitlines() == line.split("\n")


@given(st.text())
def test_once_is_enough(text: str) -> None:
    assert plain_text(plain_text(text)) == plain_text(text)
