"""The meaning of both drivers' failures, as two tables.

One table has a text for each failure that passes or that an operator must mend; the other says how
many runs of a transaction a failure is worth. A failure in neither table is a defect of ours.
asyncpg's errors carry ``sqlstate`` (SQLAlchemy's adapter copies it), sqlite3's carry
``sqlite_errorcode``, whose low byte is the primary code. A text never repeats a driver's message,
which may hold a part of the address.
"""

import os
import sqlite3
from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

UNREACHABLE = "cannot be reached"
BUSY = "is busy"

TEXT_BY_SQLSTATE: Mapping[str, str] = {
    "08": UNREACHABLE,
    "28": "refuses the user name or password",
    "3D": "does not exist on its server",
    "25006": "takes no writes at the moment",
    "40001": BUSY,
    "40P01": BUSY,
    "53": "is out of connections, memory or disk",
    "55P03": BUSY,
    "57014": BUSY,
    "57P01": "is being stopped",
    "57P02": "is being stopped",
    "57P03": "is starting or being stopped",
    "57P05": UNREACHABLE,
    "58": "has trouble with its disk",
    "XX": "reports an internal error",
}
"""By code, or by its first two characters, which are its class."""

TEXT_BY_SQLITE_CODE: Mapping[int, str] = {
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_READONLY: "cannot be written: its file or folder is read-only",
    sqlite3.SQLITE_IOERR: "has trouble with its disk",
    sqlite3.SQLITE_CORRUPT: "is damaged",
    sqlite3.SQLITE_FULL: "has no room on its disk",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: its file is missing or not ours to write",
    sqlite3.SQLITE_PROTOCOL: BUSY,
    sqlite3.SQLITE_NOTADB: "is no SQLite database",
}

ATTEMPTS_BY_SQLSTATE: Mapping[str, int] = {
    # Another's commit came first: of 32 writers of a schedule the slowest may see 31 of these, and
    # conflicts that only look like one. On a slow machine time ends it before.
    "40001": 64,
    "40P01": 64,
    # Another's commit came between: the next run sees it. Still there then, it is a defect.
    "23505": 4,
    "23503": 4,
    "23001": 4,
}


def failure_text(error: SQLAlchemyError | OSError) -> str | None:
    """Return why the database cannot be used; ``None`` for a defect of ours."""
    if isinstance(error, OSError):
        return _system_failure_text(error)
    if isinstance(error, DBAPIError):
        return _driver_failure_text(error)
    return BUSY if isinstance(error, PoolTimeout) else None


def attempts_allowed(error: DBAPIError) -> int:
    """Return how often a transaction may be run in all before ``error`` is final."""
    return ATTEMPTS_BY_SQLSTATE.get(sqlstate_of(error) or "", 1)


def sqlstate_of(error: DBAPIError) -> str | None:
    """Return PostgreSQL's code of five characters; ``None`` for another source of errors."""
    code: str | None = getattr(error.orig, "sqlstate", None)
    return code


def _system_failure_text(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "does not answer in time"
    if error.errno is None or error.errno < 0:  # below 0: a name that could not be looked up
        return UNREACHABLE
    return f"{UNREACHABLE} ({os.strerror(error.errno)})"


def _driver_failure_text(error: DBAPIError) -> str | None:
    number: int | None = getattr(error.orig, "sqlite_errorcode", None)
    if number is not None:
        return TEXT_BY_SQLITE_CODE.get(number & 0xFF)
    code = sqlstate_of(error)
    if code is None:  # a driver's own error, about a connection that is gone or about our use of it
        return UNREACHABLE if error.connection_invalidated else None
    return TEXT_BY_SQLSTATE.get(code) or TEXT_BY_SQLSTATE.get(code[:2])
