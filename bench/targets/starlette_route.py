"""A bare Starlette route that sends the same bytes every time: what ``stored.py`` compares with.

``--answer`` is a JSON file: ``[[[name, value], …], base64 of the body]``.
"""

import argparse
import base64
import json
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.server.run import SERVER


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--answer", type=Path, required=True)
    options = parser.parse_args()
    headers, encoded = json.loads(options.answer.read_bytes())
    body = base64.b64decode(encoded)

    async def answer(_: Request) -> Response:
        return Response(body, headers=dict(headers))

    app = Starlette(routes=[Route(options.path, answer)])
    uvicorn.run(app, port=options.port, lifespan="off", **SERVER)


if __name__ == "__main__":
    main()
