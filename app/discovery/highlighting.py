"""Code on pages, with strings, names, numbers, keywords and comments marked for the style sheet.

Strategy: Pygments finds the tokens, here, so that a page needs no script for it. Neighbours of one
kind become one element and nothing else has one, which is half of what Pygments' own HTML weighs.
"""

import html
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from pygments.lexer import Lexer

MARKED = {
    "Token.Name.Tag": "a",
    "Token.Name.Attribute": "a",
    "Token.Name.Builtin": "a",
    "Token.Name.Function": "a",
    "Token.Keyword": "k",
    "Token.Comment": "c",
    "Token.Literal.String": "s",
    "Token.Literal.Number": "n",
    "Token.Literal": "s",
}
"""The classes of kinds of tokens; a kind within one of these has its class."""


def highlighted(text: str, language: str) -> Markup:
    """Return ``text`` as the content of an element. Its text is the same, whatever it is."""
    parts = []
    for kind, value in _merged(_tokens(text, language)):
        written = html.escape(value, quote=False)
        parts.append(f'<span class="{kind}">{written}</span>' if kind else written)
    return Markup("".join(parts))  # noqa: S704 - escaped above


def _tokens(text: str, language: str) -> Iterator[tuple[str, str]]:
    """Yield each token with its class. White space has none."""
    for kind, value in _lexer(language).get_tokens(text):
        yield ("" if value.isspace() else _class_of(str(kind))), value


def _merged(tokens: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for kind, group in groupby(tokens, key=itemgetter(0)):
        yield kind, "".join(value for _, value in group)


@cache
def _class_of(kind: str) -> str:
    """Return the class of a kind of token or of the nearest kind that it is within."""
    while kind and kind not in MARKED:
        kind = kind.rpartition(".")[0]
    return MARKED.get(kind, "")


@cache
def _lexer(language: str) -> "Lexer":
    from pygments.lexers import (  # noqa: PLC0415 - takes 20 ms; a start need not wait
        get_lexer_by_name,
    )

    return get_lexer_by_name(language, stripnl=False, ensurenl=False)
