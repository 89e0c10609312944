"""The log: one line for each event, of ours and of libraries."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import structlog

from app.logs import configure_logs


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Restore the logging of the process after each test."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    handlers, level, disabled = root.handlers[:], root.level, access.disabled
    root.handlers = []  # else ``force`` would close pytest's own
    yield
    root.handlers, access.disabled = handlers, disabled
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_our_event_is_a_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    structlog.get_logger().info("request", status=200)
    [line] = lines(capsys)
    event = json.loads(line)
    timestamp = event.pop("timestamp")
    assert event == {"event": "request", "level": "info", "status": 200}
    assert timestamp.endswith("Z")


def test_what_a_logger_is_bound_to_is_on_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    structlog.get_logger().bind(part="claims").warning("readiness")
    [line] = lines(capsys)
    assert json.loads(line)["part"] == "claims"


def test_a_librarys_event_is_a_json_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    logging.getLogger("a.library").warning("%d left", 3)
    [line] = lines(capsys)
    event = json.loads(line)
    assert (event["event"], event["level"]) == ("3 left", "warning")


def test_the_request_id_is_on_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    structlog.contextvars.bind_contextvars(request_id="abc")
    structlog.get_logger().info("ours")
    logging.getLogger("a.library").warning("theirs")
    assert [json.loads(line)["request_id"] for line in lines(capsys)] == ["abc", "abc"]


def test_an_exception_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    try:
        int("what went wrong")
    except ValueError:
        structlog.get_logger().exception("unhandled")
    [line] = lines(capsys)
    event = json.loads(line)
    assert event["event"] == "unhandled"
    assert event["exception"].endswith("with base 10: 'what went wrong'")


@pytest.mark.parametrize("injected", ["a\nb", 'a", "level": "critical', "a\x1b[31m"])
def test_a_value_cannot_forge_a_line(capsys: pytest.CaptureFixture[str], injected: str) -> None:
    configure_logs("json")
    structlog.get_logger().info("request", path=injected)
    [line] = lines(capsys)
    event = json.loads(line)
    assert (event["path"], event["level"]) == (injected, "info")
    assert "\x1b" not in line


def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("text")
    structlog.get_logger().info("request", status=200)
    [line] = lines(capsys)
    assert line.rstrip().endswith("status=200")
    assert "[info     ] request" in line
    assert "\x1b" not in line  # no colours: the test's standard error is no terminal


def test_a_traceback_in_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("text")
    try:
        int("what went wrong")
    except ValueError:
        structlog.get_logger().exception("unhandled")
    assert lines(capsys)[-1].startswith("ValueError: invalid literal for int()")


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_below_the_level_nothing_is_written(
    capsys: pytest.CaptureFixture[str], log_format: Literal["json", "text"]
) -> None:
    configure_logs(log_format, logging.WARNING)
    structlog.get_logger().info("ours")
    logging.getLogger("a.library").info("theirs")
    assert lines(capsys) == []


def test_configured_twice_each_line_is_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("text")
    configure_logs("json")
    structlog.get_logger().info("request")
    assert len(lines(capsys)) == 1


def test_uvicorns_access_log_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    logging.getLogger("uvicorn.access").info("GET /?key=secret")
    logging.getLogger("uvicorn.error").info("started")
    assert [json.loads(line)["event"] for line in lines(capsys)] == ["started"]


def test_what_json_cannot_hold_is_still_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")
    structlog.get_logger().info("request", path="/\ud800", limit={frozenset({1}): 2}, of=Literal)
    [line] = lines(capsys)
    assert json.loads(line)["path"] == "/\ud800"


def test_a_log_that_cannot_be_written_costs_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr("sys.stderr", io.TextIOWrapper(full))
        configure_logs("json")
        structlog.get_logger().info("request")
    structlog.get_logger().info("after it was closed")
    assert lines(capsys) == []


def test_lines_of_an_event_loop_keep_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json")

    async def serve() -> None:
        structlog.get_logger().info("first")
        structlog.get_logger().info("second")

    asyncio.run(serve())
    structlog.get_logger().info("third")
    events = [json.loads(line)["event"] for line in lines(capsys)]
    assert events == ["first", "second", "third"]


def test_lines_of_an_event_loop_that_ended_early_are_written_by_the_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("json")

    ended, other = asyncio.new_event_loop(), asyncio.new_event_loop()
    for loop, event in ((ended, "left"), (other, "found")):
        loop.call_soon(structlog.get_logger().info, event)
        loop.call_soon(loop.stop)
        loop.run_forever()
    for loop in (other, ended):
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
    assert [json.loads(line)["event"] for line in lines(capsys)] == ["left", "found"]
