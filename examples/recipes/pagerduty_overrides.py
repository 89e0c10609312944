"""Makes a schedule of PagerDuty follow a kept schedule, by overrides over the next 14 days.

pip install httpx
KEY=ak_live_… SCHEDULE=sched_… PAGERDUTY_TOKEN=… PAGERDUTY_SCHEDULE=PABC123 \
    python examples/recipes/pagerduty_overrides.py

Run it every hour, or whenever examples/handoffs.py posts. Overrides that are right stay; those that
are not are deleted, which ends one that is running. People are found by their e-mail address.
"""

import os
from datetime import UTC, datetime, timedelta

import httpx

ONCALL = os.environ.get("ONCALL_URL", "http://127.0.0.1:8402")
PAGERDUTY = os.environ.get("PAGERDUTY_URL", "https://api.pagerduty.com")
OVERRIDES = f"{PAGERDUTY}/schedules/{os.environ['PAGERDUTY_SCHEDULE']}/overrides"
DUTY = {
    "Authorization": f"Token token={os.environ['PAGERDUTY_TOKEN']}",
    "Accept": "application/vnd.pagerduty+json;version=2",
}
NOW = datetime.now(UTC)
WINDOW = [f"{NOW:%Y-%m-%dT%H:%M:%SZ}", f"{NOW + timedelta(days=14):%Y-%m-%dT00:00:00Z}"]
"""It ends at midnight, so that the last override is made anew once a day and not each time."""


def instant(text: str) -> datetime:
    """Read an instant, whatever its offset."""
    return datetime.fromisoformat(text).astimezone(UTC)


with httpx.Client(timeout=30) as client:
    key = {"X-API-Key": os.environ["KEY"]}
    found = client.get(
        f"{ONCALL}/api/v2/oncall/schedules/{os.environ['SCHEDULE']}/final-schedule",
        params={"from": WINDOW[0], "to": WINDOW[1], "timezone": "UTC"},
        headers=key,
    )
    duty_ids = {}
    wanted = set()
    for shift in found.raise_for_status().json()["data"]["segments"]:
        user_id = shift["user_id"]
        if user_id not in duty_ids:
            user = client.get(f"{ONCALL}/api/v2/oncall/users/{user_id}", headers=key)
            email = user.raise_for_status().json()["data"]["email"]
            people = client.get(f"{PAGERDUTY}/users", params={"query": email}, headers=DUTY)
            [duty_ids[user_id]] = [
                person["id"]
                for person in people.raise_for_status().json()["users"]
                if person["email"].lower() == email.lower()
            ]
        wanted.add((instant(shift["start"]), instant(shift["end"]), duty_ids[user_id]))
    window = {"since": WINDOW[0], "until": WINDOW[1]}
    kept = client.get(OVERRIDES, params=window, headers=DUTY).raise_for_status().json()
    for override in kept["overrides"]:
        has = (instant(override["start"]), instant(override["end"]), override["user"]["id"])
        same_end = [each for each in wanted if each[1:] == has[1:] and has[0] <= each[0]]
        if same_end:  # one that has begun is longer than what is left of it
            wanted.remove(same_end[0])
        else:
            client.delete(f"{OVERRIDES}/{override['id']}", headers=DUTY).raise_for_status()
    if wanted:
        body = [
            {
                "start": start.isoformat(),
                "end": end.isoformat(),
                "user": {"id": person, "type": "user_reference"},
            }
            for start, end, person in sorted(wanted)
        ]
        client.post(OVERRIDES, json={"overrides": body}, headers=DUTY).raise_for_status()
    print(f"{len(wanted)} new overrides")
