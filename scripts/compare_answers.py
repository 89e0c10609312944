"""Compare two checkouts' answers to the same requests: ``scripts/compare_answers.py OLD NEW``.

Each checkout needs a ``.venv`` (``make setup`` in it). The script needs nothing but Python, knows
both checkouts by their command line and over HTTP alone, and takes some 80 seconds on two idle
cores. Of each checkout it starts four services on free ports: payments in the sandbox with a new
SQLite file, payments off, payments off without a database, and the sandbox with a required payment
identifier. Both sides are sent the requests of ``recorded_requests.py`` in order, side by side.
Status, headers (in their order) and body bytes are compared, and so are exit status and output of
commands. Prints a table by area and every difference; exits with 1 if there is one.

What may differ is told by its form (``MADE``): ids, keys, tokens, wallets, signatures, digests and
request ids must stand in the same places and correspond one to one all through the run; instants
must lie within the run; version numbers must be those of each side's ``openapi.json``. Everything
else must be equal, byte for byte. ``Date`` is left out, and of ``/metrics`` the numbers.
"""

import argparse
import base64
import binascii
import contextlib
import difflib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import singledispatch
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from recorded_requests import PUBLIC_URL, RECORDED, Command, Exchange, File, Recorded, Wire

SERVICES: Mapping[str, Mapping[str, str]] = {
    "sandbox": {"ONCALL_PAYMENTS": "sandbox"},
    "off": {"ONCALL_PAYMENTS": "off"},
    "bare": {"ONCALL_PAYMENTS": "off", "ONCALL_DATABASE_URL": "none"},
    "identified": {"ONCALL_PAYMENTS": "sandbox", "ONCALL_PAYMENT_ID": "required"},
}
START_SECONDS = 30
ANSWER_SECONDS = 30
SHOWN_LINES = 12
"""So many lines of a difference are printed."""

MADE = re.compile(
    r"""
      0x[0-9a-fA-F]{40,}                              # wallets, transactions
    | ak_(?:live|test)_[A-Za-z0-9]{10}(?:_[\w-]{43})? # API keys
    | (?<=[?]token=)[\w-]{20,}                        # secrets of calendars
    | (?<="token":")[\w-]{20,}
    | (?<="key_id":")\w+                              # API keys' ids
    | (?<=\bKey[ ])\w{10}\b
    | \b[a-z0-9]{10}(?=[ ](?:live|test)[ ])
    | \b[0-9A-HJKMNP-TV-Z]{26}\b                      # ULIDs
    | (?<=_)[0-9A-HJKMNP-TV-Z]{26}\b
    | \b[0-9a-f]{16,64}\b                             # digests, request ids
    | (?<="paymentSignature":")[A-Za-z0-9+/=]+
    | (?<=PAYMENT-SIGNATURE:[ ])[A-Za-z0-9+/=]+
    | \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) # instants
    | \d{4}-\d\d-\d\d[ ]\d\d:\d\dZ
    | \b\d{8}T\d{6}Z
    | \b\d{13}\b
    | (?<=\bt=)\d+                                    # seconds until a limit is free again
    | (?<=^retry-after:[ ])\d+
    """,
    re.VERBOSE,
)
ENCODED = ("payment-required", "payment-response")
"""Headers of base64 encoded JSON."""


@dataclass
class Side:
    """One checkout, its services by name with their ports, and what it has made so far."""

    checkout: Path
    folder: Path
    version: str
    ports: dict[str, int] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)

    @property
    def python(self) -> str:
        return str(self.checkout / ".venv" / "bin" / "python")

    def environment(self, service: str) -> Mapping[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("ONCALL_")}
        return {
            **kept,
            "COLUMNS": "100",
            "NO_COLOR": "1",
            "PYTHONHASHSEED": "0",  # the order of a set's members may show in an answer
            "ONCALL_PUBLIC_URL": PUBLIC_URL,
            "ONCALL_TRUSTED_PROXIES": "127.0.0.0/8",
            "ONCALL_LOG_FORMAT": "json",
            "ONCALL_DATABASE_URL": f"sqlite:///{self.folder / service}.db",
            **SERVICES[service],
        }

    def filled(self, text: str) -> str:
        """``text`` with each ``«name»`` replaced by what this side has made under that name."""
        return re.sub(r"«(\w+)»", lambda match: self.made[match[1]], text)

    def lines(self, text: str) -> list[str]:
        """``text`` as lines, without this side's version."""
        neutral = re.sub(rf"(version\W{{1,5}}){re.escape(self.version)}\b", r"\1VERSION", text)
        return re.split(r"(?<=\n)", neutral)


@dataclass(frozen=True)
class Reply:
    """An answer as lines: its status, its headers and its body, decoded without loss."""

    status: str
    lines: Sequence[str]
    body: str


def main() -> None:
    arguments = argparse.ArgumentParser(description="Compare what two checkouts answer.")
    arguments.add_argument("old", type=Path)
    arguments.add_argument("new", type=Path)
    given = arguments.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        sides = [
            make_side(checkout.resolve(), Path(folder) / name)
            for name, checkout in (("old", given.old), ("new", given.new))
        ]
        for side in sides:
            start_services(side, stack)
        comparison = Comparison(*sides)
        for recorded in RECORDED:
            comparison.compare(recorded)
    comparison.report()
    print(f"\n{time.monotonic() - began:.0f} s")
    sys.exit(1 if comparison.differences else 0)


def make_side(checkout: Path, folder: Path) -> Side:
    folder.mkdir()
    described = json.loads((checkout / "openapi.json").read_text())
    return Side(checkout, folder, described["info"]["version"])


def start_services(side: Side, stack: contextlib.ExitStack) -> None:
    """Start every service of ``side`` and wait until it is ready; all end with ``stack``."""
    for service in SERVICES:
        port = side.ports[service] = free_port()
        log = stack.enter_context((side.folder / f"{service}.log").open("wb"))
        process = subprocess.Popen(
            [side.python, "-m", "app", "serve", "--port", str(port)],
            cwd=side.checkout,
            env=side.environment(service),
            stdout=log,
            stderr=log,
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
    for service, port in side.ports.items():
        wait_until_ready(port, side.folder / f"{service}.log")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(port: int, log: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    sys.exit(f"{log.stem} of {log.parent.name} is not ready:\n{log.read_text()[-2000:]}")


class Comparison:
    """Sends each record to both sides and remembers what differs and what corresponds."""

    def __init__(self, old: Side, new: Side) -> None:
        self._sides = (old, new)
        self._began = datetime.now(UTC) - timedelta(seconds=60)
        self._pairs: dict[str, str] = {}
        self._paired_with: dict[str, str] = {}
        self._statuses: dict[str, Counter[str]] = {}
        self._different: Counter[str] = Counter()
        self._number = 0
        self._pool = ThreadPoolExecutor(2)
        self.differences: list[str] = []

    def compare(self, recorded: Recorded) -> None:
        """Send ``recorded`` to both sides at once and compare the answers."""
        self._number += 1
        old, new = self._pool.map(lambda side: ask(recorded, side, self._number), self._sides)
        self._statuses.setdefault(recorded.area, Counter())[old.status] += 1
        found = [
            (before, after)
            for before, after in zip_longest_lines(old.lines, new.lines)
            if not self._same(before, after)
        ]
        if found:
            self._different[recorded.area] += 1
            self.differences.append(f"{recorded.area}: {recorded.title}\n{shown(found)}")
        for side, reply in zip(self._sides, (old, new), strict=True):
            for name, read in recorded.save.items():
                side.made[name] = read(reply.body)

    def report(self) -> None:
        """Print every difference, and the table."""
        for difference in self.differences:
            print(difference, end="\n\n")
        head = ("area", "requests", "equal", "different", "statuses")
        rows = [head, *self._rows()]
        widths = [max(len(row[place]) for row in rows) for place in range(len(head) - 1)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
            print("  ".join((*cells, row[-1])))

    def _rows(self) -> Iterator[tuple[str, ...]]:
        everything: Counter[str] = Counter()
        for area, statuses in self._statuses.items():
            everything += statuses
            yield self._row(area, statuses, self._different[area])
        yield self._row("all", everything, self._different.total())

    def _row(self, area: str, statuses: Counter[str], different: int) -> tuple[str, ...]:
        count = statuses.total()
        told = " ".join(f"{status}×{times}" for status, times in sorted(statuses.items()))
        return area, str(count), str(count - different), str(different), told

    def _same(self, before: str, after: str) -> bool:
        """Whether two lines differ in nothing but what may differ."""
        if before == after:
            return True
        if MADE.sub("", before) != MADE.sub("", after):
            return False
        made = zip(MADE.findall(before), MADE.findall(after), strict=False)
        return all(one == other or self._corresponds(one, other) for one, other in made)

    def _corresponds(self, one: str, other: str) -> bool:
        if max(len(one), len(other)) <= 3:  # seconds until a limit is free again
            return abs(int(one) - int(other)) <= START_SECONDS
        instants = [instant_in(text) for text in (one, other)]
        if None not in instants:
            now = datetime.now(UTC) + timedelta(seconds=60)
            return all(at is not None and self._began <= at <= now for at in instants)
        first = self._pairs.setdefault(one, other)
        return first == other and self._paired_with.setdefault(other, one) == one


def zip_longest_lines(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Lines side by side, as ``difflib`` aligns them where their numbers differ."""
    if len(old) == len(new):
        yield from zip(old, new, strict=True)
        return
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for _, start, end, new_start, new_end in matcher.get_opcodes():
        before, after = list(old[start:end]), list(new[new_start:new_end])
        missing = len(before) - len(after)
        yield from zip(
            before + [""] * max(0, -missing), after + [""] * max(0, missing), strict=True
        )


def shown(found: Sequence[tuple[str, str]]) -> str:
    """Lines that differ, cut to the part around the first difference."""
    lines = []
    for before, after in found[:SHOWN_LINES]:
        pairs = enumerate(zip(before, after, strict=False))
        place = next((at for at, (one, other) in pairs if one != other), 0)
        start = max(0, place - 60)
        lines += [f"  - {before[start : start + 240]}", f"  + {after[start : start + 240]}"]
    more = len(found) - SHOWN_LINES
    return "\n".join([*lines, f"  … and {more} more"] if more > 0 else lines)


def instant_in(text: str) -> datetime | None:
    """The instant that ``text`` writes: as in JSON, in the key list, in iCalendar, or in ms."""
    if len(text) == 13 and text.isdecimal():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    if text.startswith("2") and re.search("[T ]", text):
        return datetime.fromisoformat(text)
    return None


# --- asking ---------------------------------------------------------------------------------


@singledispatch
def ask(recorded: Recorded, side: Side, number: int) -> Reply:
    """What ``side`` answers to ``recorded``, the ``number``-th of all."""
    raise NotImplementedError(f"{recorded.title} for {side.checkout}: {number}")


@ask.register
def ask_exchange(recorded: Exchange, side: Side, number: int) -> Reply:
    """Send an HTTP request, as often as it says; the last answer. Each comes from a new client."""
    connection = http.client.HTTPConnection(
        "127.0.0.1", side.ports[recorded.service], timeout=ANSWER_SECONDS
    )
    with contextlib.closing(connection):
        for _ in range(recorded.times):
            connection.putrequest(
                recorded.method,
                side.filled(recorded.path),
                skip_host=True,
                skip_accept_encoding=True,
            )
            body = side.filled(recorded.body).encode(errors="surrogateescape")
            sent = {name.lower() for name, _ in recorded.headers}
            if "host" not in sent:
                connection.putheader("Host", PUBLIC_URL.partition("//")[2])
            if "x-forwarded-for" not in sent:
                client = f"198.18.{number // 250}.{number % 250 + 1}"
                connection.putheader("X-Forwarded-For", client)
            if body and "content-length" not in sent:
                connection.putheader("Content-Length", str(len(body)))
            for name, value in recorded.headers:
                connection.putheader(name, side.filled(value).encode("latin-1"))
            connection.endheaders(body or None)
            response = connection.getresponse()
            content = response.read()
    headers = response.getheaders()
    if recorded.path == "/metrics":
        content, headers = without_numbers(content), []
    return reply_of(side, str(response.status), headers, content)


@ask.register
def ask_wire(recorded: Wire, side: Side, number: int) -> Reply:
    """Send bytes as they are; everything that comes until the service closes the connection."""
    with socket.create_connection(
        ("127.0.0.1", side.ports[recorded.service]), timeout=ANSWER_SECONDS
    ) as stream:
        stream.sendall(recorded.sent.replace(b"{client}", f"198.19.0.{number % 250}".encode()))
        received = b""
        with contextlib.suppress(OSError):
            while piece := stream.recv(65_536):
                received += piece
    text = "\n".join(
        line for line in text_of(received).splitlines() if not line.startswith("date: ")
    )
    status = text.split(" ", 2)[1] if " " in text else "nothing"
    return Reply(status, side.lines(text), text)


@ask.register
def ask_command(recorded: Command, side: Side, _: int) -> Reply:
    """Run ``python -m app …``: its exit status, what it wrote to standard output and to error."""
    environment = {**side.environment(recorded.service), **recorded.environment}
    arguments = [
        side.filled(text).replace("{port}", str(side.ports[recorded.service]))
        for text in recorded.arguments
    ]
    done = subprocess.run(
        [side.python, "-m", "app", *arguments],
        cwd=side.checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=ANSWER_SECONDS,
        check=False,
    )
    told = done.stdout + done.stderr
    for ours, name in (
        (str(side.folder), "FOLDER"),
        (str(side.checkout), "CHECKOUT"),
        (f":{side.ports[recorded.service]}", ":PORT"),
    ):
        told = told.replace(ours, name)
    return Reply(f"exit{done.returncode}", told.splitlines(), done.stdout.strip())


@ask.register
def read_file(recorded: File, side: Side, _: int) -> Reply:
    """A file of the checkout."""
    text = text_of((side.checkout / recorded.path).read_bytes())
    return Reply("file", side.lines(text), text)


def reply_of(side: Side, status: str, headers: Sequence[tuple[str, str]], content: bytes) -> Reply:
    lines = [status]
    for name, value in headers:
        if name.lower() in ENCODED:
            lines.append(f"{name}: {decoded(value)}")
        elif name.lower() == "content-length" and value == str(len(content)):
            lines.append(f"{name}: right")  # the body is compared itself
        elif name.lower() != "date":
            lines.append(f"{name}: {value}")
    body = text_of(content)
    return Reply(status, lines + side.lines(body), body)


def decoded(value: str) -> str:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return value


def without_numbers(content: bytes) -> bytes:
    """Names and labels of metrics; none of the interpreter's own."""
    lines = (line for line in content.decode().splitlines() if "python_" not in line)
    names = (line if line.startswith("#") else line.rpartition(" ")[0] for line in lines)
    return "\n".join(names).encode()


def text_of(content: bytes) -> str:
    return content.decode(errors="surrogateescape")


if __name__ == "__main__":
    main()
