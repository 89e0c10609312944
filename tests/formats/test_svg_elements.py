"""The style's contrasts, computed; names that are cut."""

import re

import pytest

from app.formats.svg.elements import COLOURS, STYLE, truncated

LIGHT, DARK = STYLE.split("@media")
RULE = re.compile(r"\.oncall ([.\w]+)\{[^}]*?(?:fill|stroke):(#[0-9a-f]{6})")


def colours(css: str) -> dict[str, str]:
    return {name: colour for name, colour in RULE.findall(css)}  # noqa: C416 - says what is what


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("css", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("behind", [".paper", ".stripe"])
@pytest.mark.parametrize(
    ("name", "least"),
    [
        *((f".c{number}", 3) for number in range(COLOURS)),
        *((name, 3) for name in (".others", ".gap", ".mark", ".handoff")),
        ("text", 4.5),
        (".quiet", 4.5),
    ],
)
def test_contrast(css: str, behind: str, name: str, least: float) -> None:
    found = colours(css)
    assert contrast(found[name], found[behind]) >= least


def test_both_sides_colour_the_same_things() -> None:
    assert set(colours(DARK)) <= set(colours(LIGHT))
    assert len(set(colours(DARK))) == COLOURS + 9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("alice", "alice", id="short"),
        pytest.param("a" * 18, "a" * 18, id="just-fits"),
        pytest.param("a" * 19, "a" * 18 + "…", id="cut"),
        pytest.param("M" * 19, "M" * 10 + "…", id="capitals-are-wide"),
        pytest.param("王" * 10, "王" * 9 + "…", id="han-is-wide"),
        pytest.param("e\u0301" * 18, "e\u0301" * 18, id="accents-have-no-width"),
        pytest.param("x" * 15 + "👩\u200d💻!", "x" * 15 + "👩…", id="not-within-a-joined-sign"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_cut(text: str, expected: str) -> None:
    assert truncated(text, 18) == expected
