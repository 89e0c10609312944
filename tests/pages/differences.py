"""How an answer differs from what a page prints: status, envelope, field names and their order."""

from collections.abc import Iterator, Mapping
from typing import Any

JSON_NAMES: Mapping[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    type(None): "null",
}


def differences(sample: Any, answer: Any, where: str = "") -> Iterator[str]:
    """What of ``sample`` is not in ``answer``; an answer may have more fields than the page."""
    wanted, found = JSON_NAMES[type(sample)], JSON_NAMES[type(answer)]
    if wanted != found:
        yield f"{where or 'the answer'} is {found}, not {wanted}"
    elif isinstance(sample, dict):
        yield from _of_fields(sample, answer, where)
    elif isinstance(sample, list):
        if len(answer) < 1 <= len(sample):
            yield f"{where} is empty"
        for index, item in enumerate(answer if sample else ()):
            yield from differences(sample[min(index, len(sample) - 1)], item, f"{where}[{index}]")


def not_equal(wanted: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
    """What of ``wanted`` has another value in ``answer``."""
    for name, value in wanted.items():
        if answer.get(name) != value:
            yield f"{name} is {answer.get(name)!r}, not {value!r}"


def _of_fields(sample: dict[str, Any], answer: dict[str, Any], where: str) -> Iterator[str]:
    missing = [name for name in sample if name not in answer]
    if missing:
        yield f"{where or 'the answer'} lacks {', '.join(missing)}"
        return
    order = [name for name in answer if name in sample]
    if order != list(sample):
        yield f"{where or 'the answer'} has {', '.join(order)} in this order"
    for name, value in sample.items():
        yield from differences(value, answer[name], f"{where}.{name}".lstrip("."))
