"""The requests that the pages print, parsed out of their texts, with what they say of the answer.

Nothing is retyped: a request is what stands there, but for the host and the key.
"""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FOLDER = Path(__file__).parent
V1_ROW = re.compile(
    r"(GET|POST|PATCH|DELETE)(/api/v1(?:/(?:[a-z-]+|\{\w+\}))+)([A-Z].*)\.schedules"
)
V1_REQUEST = re.compile(r"(GET|POST) (/api/v1/\S+)")


@dataclass(frozen=True)
class Printed:
    """One request. ``sample`` is the answer that is printed, ``wanted`` what is said of it."""

    line: str
    method: str
    path: str
    key_header: str
    body: bytes | None = None
    sample: Any = None
    wanted: str = ""


def v2_requests() -> Sequence[Printed]:
    """Every curl line of the v2 page, in order."""
    lines = _lines("oncall-api-v2.txt")
    starts = [index for index, line in enumerate(lines) if line.startswith("curl ")]
    ends = [*starts[1:], len(lines)]
    return [_curl("\n".join(lines[start:end])) for start, end in zip(starts, ends, strict=True)]


def v1_requests() -> Sequence[Printed]:
    """Every row of the v1 page's table and every request below it, in order."""
    lines = _lines("schedules-api-v1.txt")
    text = "\n".join(lines)
    document, override = _json_after(text, "schedules\n{"), _json_after(text, "/overrides\n{")
    identity = document["id"]
    bodies = {
        ("POST", "/api/v1/schedules"): document,
        ("PATCH", "/api/v1/schedules/{id}"): {
            name: value for name, value in document.items() if name != "id"
        },
        ("POST", "/api/v1/schedules/{id}/overrides"): override,
    }
    return [
        Printed(
            line,
            method,
            path.replace("{id}", identity),
            "Authorization",
            _bytes(bodies.get((method, path))),
            _json_after(text, f"{line}\n\n{{") if "?" in path else None,
            about,
        )
        for line, method, path, about in _v1_lines(lines)
    ]


def v1_document() -> Any:
    """The schedule that the v1 page shows."""
    return _json_after("\n".join(_lines("schedules-api-v1.txt")), "schedules\n{")


def _v1_lines(lines: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    for line in lines:
        if row := V1_ROW.fullmatch(line):
            yield line, row[1], row[2], row[3]
        elif request := V1_REQUEST.fullmatch(line):
            yield line, request[1], request[2], ""


def _curl(text: str) -> Printed:
    """A curl command, and what stands between it and the next one."""
    command, rest = _command(text)
    url, *options = shlex.split(command.replace("\\\n", " "))[1:]
    if url == "-X":
        options = [url, *options]
        url = options.pop(2)
    pairs = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(value.split(": ") for name, value in pairs if name == "-H")
    chosen = {name: value for name, value in pairs if name != "-H"}
    parts = urlsplit(url)
    key_header, *_ = headers
    return Printed(
        command.partition(" \\\n")[0],
        chosen.get("-X", "GET"),
        parts.path + (f"?{parts.query}" if parts.query else ""),
        key_header,
        chosen["-d"].encode() if "-d" in chosen else None,
        _json_after(rest, "Response:\n\n{") if "Response:\n" in rest else None,
        "Returns 204" if "Returns 204 No Content on success." in rest else "",
    )


def _command(text: str) -> tuple[str, str]:
    """A command, which ends where its quotes are closed and no line goes on; and the rest."""
    lines = text.split("\n")
    for count in range(1, len(lines) + 1):
        command = "\n".join(lines[:count])
        if not command.endswith("\\") and command.count("'") % 2 == 0:
            return command, "\n".join(lines[count:])
    raise ValueError(text)


def _json_after(text: str, mark: str) -> Any:
    """The JSON value that begins with the last character of ``mark``."""
    at = text.index(mark) + len(mark) - 1
    value, _ = json.JSONDecoder().raw_decode(text[at:])
    return value


def _bytes(body: Any) -> bytes | None:
    return None if body is None else json.dumps(body).encode()


def _lines(page: str) -> Sequence[str]:
    return (FOLDER / page).read_text().splitlines()
