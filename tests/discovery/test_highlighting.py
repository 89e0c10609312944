"""The code on pages: its tokens are marked, and its text is the same."""

import html
import re

import pytest

from app.discovery.highlighting import highlighted


@pytest.mark.parametrize(
    ("language", "text", "marked"),
    [
        ("json", '{"a": [1, "x"]}', [("a", '"a"'), ("n", "1"), ("s", '"x"')]),
        ("json", "[null, true]", [("k", "null"), ("k", "true")]),
        ("python", "import a  # why", [("k", "import"), ("c", "# why")]),
        ("bash", "curl 'x'", [("s", "'x'")]),
        ("typescript", "const a = `b`;", [("k", "const"), ("s", "`b`")]),
        ("text", '{"a": 1}', []),
    ],
)
def test_tokens_are_marked(language: str, text: str, marked: list[tuple[str, str]]) -> None:
    written = str(highlighted(text, language))
    found = re.findall(r'<span class="(\w)">(.*?)</span>', written)
    assert [(kind, html.unescape(value)) for kind, value in found] == marked


@pytest.mark.parametrize("language", ["json", "python", "bash", "typescript", "http", "text"])
@pytest.mark.parametrize("text", ["", "\n\n a\n\n", "<script>alert(\"x\")</script> & 'y' {[\n"])
def test_whatever_it_is_the_text_stays_and_gets_out_of_nothing(language: str, text: str) -> None:
    written = str(highlighted(text, language))
    assert html.unescape(re.sub(r'<span class="\w">|</span>', "", written)) == text
    assert "<script" not in written
