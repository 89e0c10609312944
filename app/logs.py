"""Logs as JSON lines, or as text for people, for our own events and for those of libraries.

Strategy: our own events, one for each request, are encoded by msgspec and written directly, which
costs a fifth of what ``logging`` costs. The events of libraries go through ``logging`` and come out
in the same form.

Invariant: no payment header, key or body is ever logged. Events carry names and numbers only.
"""

import asyncio
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, BinaryIO, Literal

import msgspec
import structlog
from structlog.typing import EventDict, Processor

SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.format_exc_info,
)


def configure_logs(log_format: Literal["json", "text"], level: int = logging.INFO) -> None:
    """Write every log line of the process to standard error in ``log_format``."""
    renderer: Processor = (
        (lambda *event: _json_line(*event).decode())
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").disabled = True  # OuterMiddleware logs more
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # six lines each time
    direct = log_format == "json"
    lines = _Lines(sys.stderr.buffer)
    wrap = structlog.stdlib.ProcessorFormatter.wrap_for_formatter
    structlog.configure(
        processors=[*SHARED, wrap],
        logger_factory=(lambda *_: lines) if direct else structlog.stdlib.LoggerFactory(),
        wrapper_class=(_direct_logger if direct else structlog.make_filtering_bound_logger)(level),
        cache_logger_on_first_use=True,
    )


def _direct_logger(level: int) -> type[Any]:
    """Return a structlog logger that applies ``SHARED`` and ``_json_line`` by plain calls."""

    class Direct(structlog.make_filtering_bound_logger(level)):  # type: ignore[misc] # made here
        def _proxy_to_logger(
            self, method_name: str, event: str | None = None, **fields: Any
        ) -> None:
            line: EventDict = {**self._context, **fields, "event": event}
            line = structlog.contextvars.merge_contextvars(self._logger, method_name, line)
            line["level"] = method_name
            line["timestamp"] = datetime.now(UTC)  # noqa: TID251 - as structlog stamps
            if "exc_info" in line:
                line = structlog.processors.format_exc_info(self._logger, method_name, line)
            self._logger.msg(_json_line(self._logger, method_name, line))

    return Direct


class _Lines:
    """A writer that joins the lines of one event loop turn and writes them in the next.

    Under load a turn serves many requests, and a system call for each line cost more than making
    the line. Only a process that is killed outright loses lines. If the log cannot be written,
    callers still get their answers.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._waiting: list[bytes] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def msg(self, line: bytes) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write(line + b"\n")
            return
        if not self._waiting or loop is not self._loop:  # a loop may end with lines waiting
            self._loop = loop
            loop.call_soon(self._write_waiting)
        self._waiting.append(line)

    def _write_waiting(self) -> None:
        lines, self._waiting = self._waiting, []
        if lines:
            self._write(b"\n".join(lines) + b"\n")

    def _write(self, text: bytes) -> None:
        try:
            self._file.write(text)
            self._file.flush()
        except (OSError, ValueError):
            pass  # nobody reads the log any more


def _json_line(_: Any, __: str, event: EventDict) -> bytes:
    try:
        return msgspec.json.encode(event, enc_hook=repr)
    except (UnicodeEncodeError, TypeError, ValueError):  # a lone surrogate, a strange key
        return json.dumps(event, default=repr, skipkeys=True).encode()
