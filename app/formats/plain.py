"""Text from callers as text that no other format than JSON mistakes for structure.

JSON escapes every character; XML 1.0, RFC 5545 and RFC 4180 have none for control characters, and
readers that split lines as Unicode does would see a new line where the writer wrote none.
"""

_CONTROLS = dict.fromkeys(
    (*range(32), *range(127, 160), 0xFFFE, 0xFFFF), "\N{REPLACEMENT CHARACTER}"
)
_BREAKS = dict.fromkeys(map(ord, "\n\r\v\f\x85\u2028\u2029"), "\n")
_TABLE = {**_CONTROLS, **_BREAKS, ord("\t"): "\t"}


def plain_text(text: str) -> str:
    """``text`` with every kind of line break as a newline, and other control characters but tabs as
    U+FFFD."""
    return text if text.isprintable() else text.replace("\r\n", "\n").translate(_TABLE)
