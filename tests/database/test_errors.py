"""The text for each failure of a driver, and how many runs it is worth."""

import errno
import socket
import sqlite3

import pytest
from sqlalchemy.exc import DBAPIError, InvalidRequestError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.database.errors import attempts_allowed, failure_text


class PostgresFailure(Exception):
    """A failure as SQLAlchemy's adapter of asyncpg raises it."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("connection to secret@host failed")
        self.sqlstate = sqlstate


class SqliteFailure(sqlite3.OperationalError):
    """A failure as sqlite3 raises it."""

    def __init__(self, code: int) -> None:
        super().__init__("disk I/O error")
        self.sqlite_errorcode = code


def wrapped(failure: Exception, *, lost: bool = False) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, failure, connection_invalidated=lost)


def postgres(sqlstate: str | None, *, lost: bool = False) -> DBAPIError:
    return wrapped(PostgresFailure(sqlstate), lost=lost)


def sqlite(code: int) -> DBAPIError:
    return wrapped(SqliteFailure(code))


CALLED: list[tuple[str | None, SQLAlchemyError | OSError, str]] = [
    ("is busy", PoolTimeout(), "no connection is free"),
    ("does not answer in time", TimeoutError(), "time ran out"),
    (
        "cannot be reached (Connection refused)",
        ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('10.0.0.1', 5432)"),
        "refused",
    ),
    ("cannot be reached", OSError("Multiple exceptions"), "several addresses"),
    ("cannot be reached", socket.gaierror(socket.EAI_NONAME, "no name"), "unknown host"),
    ("cannot be reached", postgres("08006"), "connection failure"),
    ("cannot be reached", postgres(None, lost=True), "asyncpg: connection closed"),
    (None, postgres(None), "asyncpg: wrong use"),
    ("refuses the user name or password", postgres("28P01"), "password"),
    ("does not exist on its server", postgres("3D000"), "no database"),
    ("takes no writes at the moment", postgres("25006"), "a standby"),
    ("is out of connections, memory or disk", postgres("53300"), "connections"),
    ("is busy", postgres("57014"), "statement too long"),
    ("is busy", postgres("55P03"), "lock too long"),
    ("is busy", postgres("40001"), "serialization"),
    ("is being stopped", postgres("57P01"), "shutdown"),
    ("is starting or being stopped", postgres("57P03"), "starting"),
    (None, postgres("23505"), "unique"),
    (None, postgres("42601"), "syntax"),
    ("is busy", sqlite(sqlite3.SQLITE_BUSY), "SQLITE_BUSY"),
    ("is busy", sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), "SQLITE_BUSY_SNAPSHOT"),
    ("has trouble with its disk", sqlite(sqlite3.SQLITE_IOERR_FSYNC), "SQLITE_IOERR_FSYNC"),
    ("has no room on its disk", sqlite(sqlite3.SQLITE_FULL), "SQLITE_FULL"),
    (
        "cannot be written: its file or folder is read-only",
        sqlite(sqlite3.SQLITE_READONLY_DIRECTORY),
        "SQLITE_READONLY_DIRECTORY",
    ),
    ("is damaged", sqlite(sqlite3.SQLITE_CORRUPT), "SQLITE_CORRUPT"),
    (None, sqlite(sqlite3.SQLITE_ERROR), "SQLITE_ERROR"),
    (None, sqlite(sqlite3.SQLITE_CONSTRAINT_UNIQUE), "SQLITE_CONSTRAINT_UNIQUE"),
    (None, InvalidRequestError(), "SQLAlchemy: wrong use"),
]


@pytest.mark.parametrize(
    ("words", "error"), [case[:2] for case in CALLED], ids=[case[2] for case in CALLED]
)
def test_what_it_is_called(words: str | None, error: SQLAlchemyError | OSError) -> None:
    assert failure_text(error) == words


@pytest.mark.parametrize(
    ("runs", "error"),
    [
        pytest.param(64, postgres("40001"), id="serialization failure"),
        pytest.param(64, postgres("40P01"), id="deadlock"),
        pytest.param(4, postgres("23505"), id="unique violation"),
        pytest.param(4, postgres("23503"), id="foreign key violation"),
        pytest.param(4, postgres("23001"), id="restrict violation"),
        pytest.param(1, postgres("57P01", lost=True), id="connection lost"),
        pytest.param(1, postgres("23502"), id="not null violation"),
        pytest.param(1, postgres(None), id="of asyncpg's own"),
        pytest.param(1, sqlite(sqlite3.SQLITE_BUSY), id="SQLite waited already"),
        pytest.param(1, sqlite(sqlite3.SQLITE_CONSTRAINT_UNIQUE), id="SQLite has one writer"),
    ],
)
def test_how_many_runs_it_is_worth(runs: int, error: DBAPIError) -> None:
    assert attempts_allowed(error) == runs
