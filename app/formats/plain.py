"""Texts of callers without the characters that formats other than JSON cannot escape.

JSON escapes every character. XML 1.0, RFC 5545 and RFC 4180 have no escapes for control characters,
and a reader that splits lines as Unicode does would see a line break that nobody wrote.
"""

_CONTROLS = dict.fromkeys(
    (*range(32), *range(127, 160), 0xFFFE, 0xFFFF), "\N{REPLACEMENT CHARACTER}"
)
_BREAKS = dict.fromkeys(map(ord, "\n\r\v\f\x85\u2028\u2029"), "\n")
_TABLE = {**_CONTROLS, **_BREAKS, ord("\t"): "\t"}


def plain_text(text: str) -> str:
    """Return ``text`` with a newline for each line break and U+FFFD for other control characters.

    Tabs are kept.
    """
    return text if text.isprintable() else text.replace("\r\n", "\n").translate(_TABLE)
