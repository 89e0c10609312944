"""The limit: an ASGI application that sends recorded answers and does nothing else.

``--answers`` is a JSON file: path → ``[status, [[name, value], …], base64 of the body]``.
"""

import argparse
import base64
import json
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from app.server.run import SERVER


def bare_app(recorded: dict[str, Any]) -> ASGIApp:
    """An application that answers each path of ``recorded`` with what stands there."""
    answers = {path: _messages(*answer) for path, answer in recorded.items()}

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        start, body = answers[scope["path"]]
        await send(start)
        await send(body)

    return app


def _messages(
    status: int, headers: list[list[str]], body: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return (
        {"type": "http.response.start", "status": status, "headers": raw},
        {"type": "http.response.body", "body": base64.b64decode(body)},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--answers", type=Path, required=True)
    options = parser.parse_args()
    app = bare_app(json.loads(options.answers.read_bytes()))
    uvicorn.run(app, port=options.port, lifespan="off", **SERVER)


if __name__ == "__main__":
    main()
