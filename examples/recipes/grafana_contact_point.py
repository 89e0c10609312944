"""Makes an e-mail contact point of Grafana Alerting send to whoever is on call.

pip install httpx
KEY=ak_live_… TEAM=platform GRAFANA_URL=https://grafana.example.com GRAFANA_TOKEN=glsa_… \
    CONTACT_POINT=oncall-platform python examples/recipes/grafana_contact_point.py

The service account in Grafana needs to read and write contact points. The contact point is made if
there is none under the name. Run it every few minutes, or whenever examples/handoffs.py posts.
"""

import os
import sys

import httpx

ONCALL = os.environ.get("ONCALL_URL", "http://127.0.0.1:8402")
POINTS = f"{os.environ['GRAFANA_URL']}/api/v1/provisioning/contact-points"
NAME = os.environ["CONTACT_POINT"]
GRAFANA = {
    "Authorization": f"Bearer {os.environ['GRAFANA_TOKEN']}",
    "X-Disable-Provenance": "true",  # so that it can still be edited in Grafana's own pages
}

with httpx.Client(timeout=30) as client:
    found = client.get(
        f"{ONCALL}/api/v2/oncall/on-call",
        params={"team_id": os.environ["TEAM"], "limit": 100},
        headers={"X-API-Key": os.environ["KEY"]},
    )
    emails = {each["user_email"] for each in found.raise_for_status().json()["data"]} - {None}
    if not emails:
        sys.exit("nobody is on call: the contact point stays as it is")
    body = {"name": NAME, "type": "email", "settings": {"addresses": ";".join(sorted(emails))}}
    known = client.get(POINTS, params={"name": NAME}, headers=GRAFANA).raise_for_status().json()
    if known:
        point = {**known[0], **body}
        answer = client.put(f"{POINTS}/{point['uid']}", json=point, headers=GRAFANA)
    else:
        answer = client.post(POINTS, json=body, headers=GRAFANA)
    answer.raise_for_status()
    print(f"{NAME}: {body['settings']}")
