"""Pages and static files: missing variables are errors, and addresses name their content."""

import mimetypes
from pathlib import Path

import jinja2
import pytest

from app.discovery import html
from app.discovery.html import asset, html_page, static_files


def test_a_template_that_lacks_a_name_fails() -> None:
    with pytest.raises(jinja2.UndefinedError):
        html_page("catalog.html", public_url="", path="/catalog")


def test_an_assets_address_changes_with_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "STATIC", tmp_path)
    seen = set()
    for text in ("a", "b"):
        (tmp_path / "style.css").write_text(text)
        static_files.cache_clear()
        html._static.cache_clear()
        seen.add(asset("style.css"))
    static_files.cache_clear()
    html._static.cache_clear()
    assert len(seen) == 2


def test_an_imported_scripts_content_is_in_the_address_of_what_imports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "STATIC", tmp_path)
    (tmp_path / "form.js").write_text('import { a } from "./part.js";')
    seen = set()
    for text in ("export const a = 1;", "export const a = 2;"):
        (tmp_path / "part.js").write_text(text)
        html._static.cache_clear()
        seen.add(asset("form.js"))
        sent = html._static("form.js").body.decode()
        assert sent == f'import {{ a }} from "{asset("part.js")}";'
    html._static.cache_clear()
    assert len(seen) == 2


def test_every_static_file_has_a_type() -> None:
    for name, file in static_files().items():
        assert mimetypes.guess_type(name)[0] == file.media_type
        assert file.body, name
