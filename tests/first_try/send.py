"""Send the requests that a reader wrote for the sixteen asks, and count.

``python -m tests.first_try.send FILE``, where FILE is JSON: by the number of each ask, from "1", a
request ``{"path": "/v1/…", "body": {…}, "headers": {…}}`` or a call ``{"tool": "…", "body": {…}}``.
They go to the real application, at the time of ``briefs.NOW``. Nothing is paid there, so whatever
is answered would have been charged, and whatever is refused would have been free.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.products.endpoint import JSON
from app.products.registry import paid_endpoints
from tests.first_try.briefs import BRIEFS, NOW, Brief, Reply
from tests.support.mcp_agents import message, posted
from tests.support.services import PUBLIC_URL, Service, living, service, settings

RIGHT, REFUSED, WRONG = "right", "refused free", "charged and wrong"
MEDIA_TYPES = {
    name: media_type
    for endpoint in paid_endpoints()
    for name, media_type in endpoint.formats_by_name.items()
}


class Refused(Exception):
    """The service did not answer; nothing would have been charged."""


async def outcomes_of(requests: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What becomes of the request for each ask, and why, if it is not right."""
    served = service(settings(payments="off"), clock=NOW.timestamp)
    async with living(served.app):
        return [
            await outcome_of(served, brief, requests.get(str(number)))
            for number, brief in enumerate(BRIEFS, start=1)
        ]


async def outcome_of(served: Service, brief: Brief, request: Any) -> tuple[str, str]:
    try:
        reply = await _reply_to(served, request or {})
    except Refused as refused:
        return REFUSED, str(refused)
    return (RIGHT, "") if brief.is_right(reply) else (WRONG, _shown(reply))


async def _reply_to(served: Service, request: Mapping[str, Any]) -> Reply:
    if "tool" in request:
        return await _called(served, request["tool"], request.get("body") or {})
    if "path" not in request:
        raise Refused("there is no request")
    headers = {"Content-Type": JSON, **request.get("headers", {})}
    path = request["path"].removeprefix(PUBLIC_URL)
    content = json.dumps(request.get("body"))
    response = await served.http.post(path, content=content, headers=headers)
    if response.status_code != 200:
        raise Refused(f"{response.status_code}: {response.json().get('detail')}")
    media_type = response.headers["Content-Type"].partition(";")[0]
    if media_type != JSON:  # judged by what the answer is in JSON
        headers = {name: text for name, text in headers.items() if name.lower() != "accept"}
        response = await served.http.post(path, content=content, headers=headers)
    return Reply(media_type, response.json())


async def _called(served: Service, tool: str, arguments: dict[str, Any]) -> Reply:
    call = message("tools/call", {"name": tool, "arguments": arguments})
    answered = (await posted(served.http, call)).json()
    result = answered.get("result")
    if result is None:
        raise Refused(answered["error"]["message"])
    content = result["structuredContent"]
    if result["isError"]:
        raise Refused(content["detail"])
    return Reply(MEDIA_TYPES[arguments.get("format") or "json"], content)


def _shown(reply: Reply) -> str:
    starts = [each.start.isoformat()[:16] for each in reply.stretches]
    pairs = [f"{start} {name}" for start, name in zip(starts, reply.names, strict=True)]
    return f"{reply.media_type}: {', '.join(pairs[:40]) or reply.answer.get('interpretation')}"


def main(path: str) -> None:
    """Print a line for each ask, and the counts."""
    requests = msgspec.json.decode(Path(path).read_bytes())
    outcomes = asyncio.run(outcomes_of(requests))
    for number, (brief, (outcome, why)) in enumerate(zip(BRIEFS, outcomes, strict=True), start=1):
        print(f"{number:2} {outcome:18} {brief.words[:60]}… {why}")  # noqa: T201 - what it is for
    counts = Counter(outcome for outcome, _ in outcomes)
    print(", ".join(f"{counts[each]} {each}" for each in (RIGHT, REFUSED, WRONG)))  # noqa: T201 - as above


if __name__ == "__main__":
    main(*sys.argv[1:])
