"""The sentences of a page, line by line, and the tests that hold the service to them."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.stored import Stored

PAGES = Path(__file__).resolve().parents[1] / "pages"

Check = Callable[[Stored], Awaitable[None]]
Promises = Mapping[Check, Sequence[str]]


def cases(promises: Promises) -> Sequence[Any]:
    """Return one case for each check, named after its lines."""
    return [pytest.param(check, id=" | ".join(lines)) for check, lines in promises.items()]


def unnamed_lines(page: str, promises: Promises, silent: Iterable[str]) -> list[str]:
    """Return the lines of a page that are neither tested nor ``silent``, which promise nothing."""
    named = {*(line for lines in promises.values() for line in lines), *silent}
    lines = (PAGES / page).read_text().splitlines()
    return [line for line in map(str.strip, lines) if line and line not in named]
