"""A service whose days pass in seconds.

Run as ``python -m tests.support.fast_service PORT DATABASE START SPEED``.
Its clock begins at START, an RFC 3339 instant, and goes SPEED times as fast as ours.
"""

import sys
import time
from datetime import datetime

import uvicorn

from app.main import create_app
from tests.support.services import settings


def main(port: str, url: str, start: str, speed: str) -> None:
    began, first = time.monotonic(), datetime.fromisoformat(start).timestamp()

    def clock() -> float:
        return first + (time.monotonic() - began) * float(speed)

    app = create_app(settings(database_url=url, payments="off"), clock=clock)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
