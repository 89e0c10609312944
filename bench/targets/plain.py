"""A plain Starlette + msgspec handler: what most people would write for a rotation, and free.

It decodes into a struct, formats each instant with ``datetime`` and encodes structs. It answers
with the same bytes as ours for shifts of whole hours, which the run checks.
"""

import argparse
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.server.run import SERVER


class Order(msgspec.Struct, rename="camel"):
    start: datetime
    people: list[str]
    shifts: int
    shift_length_hours: int = 24


class Shift(msgspec.Struct, rename="camel"):
    shift: int
    person: str
    start: str
    end: str
    next_handoff: str


class Answer(msgspec.Struct, rename="camel"):
    rotation: list[Shift]
    shift_counts: dict[str, int]
    shift_length_hours: int
    balanced: bool
    interpretation: str


def answer_to(order: Order) -> Answer:
    length = timedelta(hours=order.shift_length_hours)
    counts = Counter(dict.fromkeys(order.people, 0))
    rotation = []
    for index in range(order.shifts):
        person = order.people[index % len(order.people)]
        counts[person] += 1
        start = order.start + index * length
        end = text_of(start + length)
        rotation.append(Shift(index + 1, person, text_of(start), end, end))
    return Answer(
        rotation=rotation,
        shift_counts=counts,
        shift_length_hours=order.shift_length_hours,
        balanced=max(counts.values()) - min(counts.values()) <= 1,
        interpretation=f"{order.shifts} shift(s) of {order.shift_length_hours}h across "
        f"{len(counts)} people from {text_of(order.start)}.",
    )


def text_of(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def rotation(request: Request) -> Response:
    order = msgspec.json.decode(await request.body(), type=Order)
    return Response(msgspec.json.encode(answer_to(order)), media_type="application/json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    app = Starlette(routes=[Route("/rotation", rotation, methods=["POST"])])
    uvicorn.run(app, port=parser.parse_args().port, **SERVER)


if __name__ == "__main__":
    main()
