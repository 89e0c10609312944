"""Copies the next 28 days of a schedule into a Google calendar, where they are at once.

pip install httpx
KEY=ak_live_… SCHEDULE=sched_… GOOGLE_TOKEN=ya29.… CALENDAR_ID=…@group.calendar.google.com \
    python examples/recipes/google_calendar.py

Google reads a calendar that is added by its address (docs/recipes.md) once or twice a day; this is
for those who want a change to show within minutes. Events that are no longer right are deleted.
The token needs the scope https://www.googleapis.com/auth/calendar.events.
"""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx

ONCALL = os.environ.get("ONCALL_URL", "http://127.0.0.1:8402")
GOOGLE = os.environ.get("GOOGLE_URL", "https://www.googleapis.com")
SCHEDULE = os.environ["SCHEDULE"]
EVENTS = f"{GOOGLE}/calendar/v3/calendars/{quote(os.environ['CALENDAR_ID'], safe='')}/events"
OWN = {"oncallSchedule": SCHEDULE}

NOW = datetime.now(UTC)
FROM, TO = ((NOW + timedelta(days=days)).strftime("%Y-%m-%dT00:00:00Z") for days in (-31, 28))
"""The past is looked at as well: a shift that began long ago may have been given away since."""

with httpx.Client(timeout=30) as client:
    found = client.get(
        f"{ONCALL}/api/v2/oncall/schedules/{SCHEDULE}/final-schedule",
        params={"from": FROM, "to": TO},
        headers={"X-API-Key": os.environ["KEY"]},
    )
    shown = found.raise_for_status().json()["data"]
    google = {"Authorization": f"Bearer {os.environ['GOOGLE_TOKEN']}"}
    wanted, to_come = {}, set()
    for shift in shown["segments"]:
        named = "\0".join((SCHEDULE, shift["start"], shift["end"], shift["user_id"]))
        event_id = hashlib.sha256(named.encode()).hexdigest()[:32]
        if datetime.fromisoformat(shift["end"]) > NOW:
            to_come.add(event_id)
        wanted[event_id] = {
            "summary": f"On call: {shift['user_name'] or shift['user_id']}",
            "start": {"dateTime": shift["start"]},
            "end": {"dateTime": shift["end"]},
            "transparency": "transparent",
            "extendedProperties": {"private": OWN},
        }
    query = {
        "privateExtendedProperty": f"oncallSchedule={SCHEDULE}",
        "timeMin": shown["from"],
        "maxResults": 2500,
    }
    kept = client.get(EVENTS, params=query, headers=google).raise_for_status().json()["items"]
    known = {event["id"] for event in kept}
    for event_id in known - wanted.keys():
        client.delete(f"{EVENTS}/{event_id}", headers=google).raise_for_status()
    for event_id in to_come - known:
        event = {"id": event_id, **wanted[event_id]}
        answer = client.post(EVENTS, json=event, headers=google)
        if answer.status_code == 409:  # it was deleted once, and its id is still taken
            answer = client.put(f"{EVENTS}/{event_id}", json=event, headers=google)
        answer.raise_for_status()
    print(f"{len(to_come - known)} new events, {len(known - wanted.keys())} deleted")
