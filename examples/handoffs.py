"""Posts who is on call to a webhook, whenever that changes on any of an organisation's schedules.

pip install httpx
KEY=ak_live_… WEBHOOK=https://hooks.example.com/… python examples/handoffs.py [URL] [STATE]

STATE is a file with the cursor and with what was posted. The bot can be killed at any time, and
goes on from there. What it was posting just then it posts again, under the same Idempotency-Key.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import httpx

CHANGES = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8402") + "/api/v2/oncall/changes"
STATE = Path(sys.argv[2] if len(sys.argv) > 2 else "handoffs.json")
PAUSE_SECONDS = float(os.environ.get("PAUSE", "15"))
REMEMBERED = 10_000


def follow(http: httpx.Client, state: dict[str, Any]) -> bool:
    """Post what is new; return whether there is more."""
    since = {"since": state["since"]} if state["since"] else {}
    answer = http.get(CHANGES, params=since, headers={"X-API-Key": os.environ["KEY"]})
    changes = answer.raise_for_status().json()
    for change in changes["data"]:
        if change["type"] == "handoff" and change["id"] not in state["posted"]:
            who = change["user_name"] or change["user_id"]
            body = {"text": f"{who} is on call for {change['schedule_name']}", **change}
            key = {"Idempotency-Key": change["id"]}
            http.post(os.environ["WEBHOOK"], json=body, headers=key).raise_for_status()
            state["posted"] = [*state["posted"][-REMEMBERED:], change["id"]]
    state["since"] = changes["next"]
    STATE.with_suffix(".new").write_text(json.dumps(state))
    STATE.with_suffix(".new").replace(STATE)  # all of it or nothing, whenever we are killed
    return bool(changes["more"])


with httpx.Client(timeout=30) as client:
    kept = json.loads(STATE.read_text()) if STATE.exists() else {"since": None, "posted": []}
    while True:
        try:
            pause = 0 if follow(client, kept) else PAUSE_SECONDS
        except httpx.HTTPError as error:  # the service or the webhook is away: ask again
            print(error, file=sys.stderr)
            pause = PAUSE_SECONDS
        time.sleep(pause)
