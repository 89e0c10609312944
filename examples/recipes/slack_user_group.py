"""Makes whoever is on call the members of a Slack user group, such as @oncall-platform.

pip install httpx
KEY=ak_live_… TEAM=platform SLACK_TOKEN=xoxb-… USER_GROUP=S0123456789 \
    python examples/recipes/slack_user_group.py

The app in Slack needs the scopes usergroups:write and users:read.email. Run it every few minutes,
or whenever examples/handoffs.py posts a handoff. People are found by their e-mail address.
"""

import os
import sys
from typing import Any

import httpx

ONCALL = os.environ.get("ONCALL_URL", "http://127.0.0.1:8402")
SLACK = os.environ.get("SLACK_URL", "https://slack.com")


def slack(http: httpx.Client, method: str, **arguments: str) -> dict[str, Any]:
    """Call a method of Slack, which answers 200 to failures as well."""
    token = {"Authorization": f"Bearer {os.environ['SLACK_TOKEN']}"}
    response = http.post(f"{SLACK}/api/{method}", data=arguments, headers=token)
    answer: dict[str, Any] = response.raise_for_status().json()
    if not answer["ok"]:
        sys.exit(f"{method}: {answer['error']}")
    return answer


with httpx.Client(timeout=30) as client:
    found = client.get(
        f"{ONCALL}/api/v2/oncall/on-call",
        params={"team_id": os.environ["TEAM"], "limit": 100},
        headers={"X-API-Key": os.environ["KEY"]},
    )
    emails = {each["user_email"] for each in found.raise_for_status().json()["data"]} - {None}
    if not emails:
        sys.exit("nobody is on call: a user group cannot be empty, so it stays as it is")
    users = [
        slack(client, "users.lookupByEmail", email=email)["user"]["id"] for email in sorted(emails)
    ]
    slack(
        client,
        "usergroups.users.update",
        usergroup=os.environ["USER_GROUP"],
        users=",".join(users),
    )
    print(f"{os.environ['USER_GROUP']}: {', '.join(sorted(emails))}")
