"""The elements of a picture and the style sheet of all pictures.

Strategy: pictures are element trees, so that the library escapes every text. The style sheet has a
light and a dark variant. Each colour has a contrast of at least 3 to its background, and text of at
least 4.5 (a test computes them). Class names begin with ``oncall``, so that a picture within a page
changes no other style.
"""

from unicodedata import combining, east_asian_width
from xml.etree.ElementTree import Element, SubElement, tostring

from app.formats.plain import plain_text

COLOURS = 6
"""The number of classes ``c0`` to ``c5``. Their colours follow Okabe and Ito and are distinct for
colour-blind people."""

STYLE = """
.oncall{font:14px system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif}
.oncall .paper{fill:#ffffff}.oncall .stripe{fill:#f3f5f7}.oncall .grid{stroke:#cfd6dd}
.oncall text{fill:#1c2128}.oncall .title{font-size:18px;font-weight:600}
.oncall .quiet{fill:#57606a;font-size:13px}
.oncall .others{fill:#57606a}.oncall .gap{stroke:#c2410c;stroke-width:1.5}
.oncall .mark{stroke:#1c2128;stroke-width:2}
.oncall .handoff{stroke:#57606a;stroke-width:1.5;stroke-dasharray:2 2}
.oncall .c0{fill:#0069b4}.oncall .c1{fill:#b45309}.oncall .c2{fill:#047857}
.oncall .c3{fill:#a8327e}.oncall .c4{fill:#5b6470}.oncall .c5{fill:#7c6200}
@media (prefers-color-scheme:dark){
.oncall .paper{fill:#0d1117}.oncall .stripe{fill:#161b22}.oncall .grid{stroke:#30363d}
.oncall text{fill:#e6edf3}.oncall .quiet{fill:#9da7b3}
.oncall .others{fill:#9da7b3}.oncall .gap{stroke:#fb8c3c}
.oncall .mark{stroke:#e6edf3}.oncall .handoff{stroke:#9da7b3}
.oncall .c0{fill:#56a8f0}.oncall .c1{fill:#f0a53c}.oncall .c2{fill:#2fbf8f}
.oncall .c3{fill:#e58ac0}.oncall .c4{fill:#a3adb8}.oncall .c5{fill:#dccb4e}
}
"""


def new_picture(key: str, title: str, description: str, width: int) -> Element:
    """Return an empty picture with its text alternative. ``key`` makes ids unique within a page."""
    attributes = {"class": "oncall", "role": "img", "aria-labelledby": f"t{key} d{key}"}
    root = Element(
        "svg", {"xmlns": "http://www.w3.org/2000/svg", "width": str(width), **attributes}
    )
    add(root, "title", {"id": f"t{key}"}, title)
    add(root, "desc", {"id": f"d{key}"}, description)
    add(root, "style", {}, STYLE)
    return root


def add(parent: Element, tag: str, attributes: dict[str, str], text: str = "") -> Element:
    """Add an element as the last child of ``parent`` and return it."""
    element = SubElement(parent, tag, attributes)
    element.text = plain_text(text) or None
    return element


def add_text(parent: Element, x: float, y: float, text: str, **attributes: str) -> Element:
    """Add a line of text. ``kind`` is its class; ``anchor`` is the part of it that is at ``x``."""
    names = {"kind": "class", "anchor": "text-anchor"}
    named = {names[name]: value for name, value in attributes.items()}
    return add(parent, "text", {"x": px(x), "y": px(y), **named}, text)


def add_rect(
    parent: Element, kind: str, left: float, top: float, right: float, bottom: float
) -> Element:
    """Add a rectangle of the class ``kind``."""
    box = {"x": px(left), "y": px(top), "width": px(right - left), "height": px(bottom - top)}
    return add(parent, "rect", {"class": kind, **box})


def px(pixels: float) -> str:
    """Return a coordinate to a tenth of a pixel, such as 12 or 0.5."""
    return f"{pixels:.1f}".removesuffix(".0")


def truncated(text: str, columns: int) -> str:
    """Return the part of ``text`` that fits into about ``columns`` small letters.

    It ends with an ellipsis unless it is the whole text.
    """
    width = 0.0
    for end, letter in enumerate(text):
        width += _columns(letter)
        if width > columns:
            return text[:end].rstrip("\N{ZERO WIDTH JOINER}") + "…"
    return text


def _columns(letter: str) -> float:
    if east_asian_width(letter) in "FW":
        return 2
    return 0 if combining(letter) else 1.7 if letter.isupper() or letter in "mw" else 1


def svg_bytes(root: Element, height: int) -> bytes:
    """Return ``root`` as a file in UTF-8."""
    root.set("height", str(height))
    root.set("viewBox", f"0 0 {root.get('width')} {height}")
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))
