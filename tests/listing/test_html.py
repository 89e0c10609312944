"""Templates: what is written is escaped, what is missing is an error, files name their content."""

import ast
import json
import mimetypes
import shlex
from pathlib import Path
from typing import Any

import jinja2
import pytest

from app.api.endpoints import paid_endpoints
from app.listing import html
from app.listing.html import asset, breakable, html_page, json_text, prose, static_files

HOSTILE = "<script>alert('x')</script>"


def filtered(value: object, name: str) -> str:
    """What a template writes where it says ``value | name``."""
    environment = html._environment()
    return environment.from_string("{{ value | " + name + " }}").render(value=value)


@pytest.mark.parametrize("name", ["json", "shell", "prose", "breakable", "first_sentence", "upper"])
def test_nothing_gets_out_of_its_element(name: str) -> None:
    assert "<script" not in filtered(HOSTILE, name).lower()


def test_a_python_literal_is_escaped_as_well() -> None:
    assert "<script" not in filtered({HOSTILE: HOSTILE}, "python")


def test_a_template_that_lacks_a_name_fails() -> None:
    with pytest.raises(jinja2.UndefinedError):
        html_page("catalog.html", public_url="", path="/catalog")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({}, id="empty"),
        pytest.param({"a": [], "b": None, "c": True, "d": "ä\n"}, id="short"),
        *(pytest.param(endpoint.example, id=endpoint.slug) for endpoint in paid_endpoints()),
    ],
)
def test_json_says_what_it_is_given(value: dict[str, Any]) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert max(map(len, text.splitlines())) <= html.LINE_WIDTH


def test_short_json_stays_on_its_line() -> None:
    assert json_text({"people": ["alice", "bob"]}) == '{"people": ["alice", "bob"]}'


def test_a_shell_reads_back_the_json() -> None:
    value = {"reason": "Alice's PTO; $HOME `x`"}
    text = filtered(value, "shell").replace("&amp;", "&")
    assert json.loads(shlex.split(text)[0]) == value


def test_python_reads_back_a_literal() -> None:
    value = {"start": "it's", "people": ["a", 'b"'], "shifts": 3, "flag": True}
    assert ast.literal_eval(filtered(value, "python")) == value


def test_prose_marks_code_and_joins_lines() -> None:
    assert prose("`end` plus\n    `a < b`.") == "<code>end</code> plus <code>a &lt; b</code>."


def test_an_address_may_be_broken_after_a_slash() -> None:
    assert breakable("/a/b") == "/<wbr>a/<wbr>b"


# --- static files ---------------------------------------------------------------------------


def test_an_assets_address_changes_with_its_content(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "static").mkdir()
    monkeypatch.setattr(html, "HERE", tmp_path)
    seen = set()
    for text in ("a", "b"):
        (tmp_path / "static" / "style.css").write_text(text)
        static_files.cache_clear()
        seen.add(asset("style.css"))
    static_files.cache_clear()
    assert len(seen) == 2


def test_every_static_file_has_a_type() -> None:
    for name, file in static_files().items():
        assert mimetypes.guess_type(name)[0] == file.media_type
        assert file.body, name
