"""The whole road on the local stack: how long an accept takes, and how long until the provider has the message."""

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

MESSAGES = 60


def measure(record: dict[str, Any]) -> dict[str, list[float]]:
    """Milliseconds: `accept` (request to answer), `provider` (request to the message's arrival at the simulator) and
    `delivered` (request to the message's own `delivered_at`)."""
    address = urlsplit(record["api_url"])
    api = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port)
    headers = {"Authorization": f"Bearer {record['tokens']['admin']}", "Content-Type": "application/json"}
    times: dict[str, list[float]] = {"accept": [], "sent": [], "delivered": []}
    for number in range(MESSAGES):
        body = {"user_id": 1001, "trigger_type": "financial_alert", "data": {"amount": number}, "channel": "sms"}
        begun = time.time()
        answer = _call(api, "POST", "/api/communication/send", headers, json.dumps(body))
        times["accept"].append((time.time() - begun) * 1000)
        view = _until_delivered(api, headers, answer["task_id"])
        created = _epoch(view["created_at"])
        times["sent"].append((_epoch(view["sent_at"]) - created) * 1000)
        times["delivered"].append((_epoch(view["delivered_at"]) - created) * 1000)
    return times


def _until_delivered(api: http.client.HTTPConnection, headers: dict[str, str], task: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        view = _call(api, "GET", f"/api/v2/communications/messages/{task}", headers, None)
        if view["status"] == "delivered":
            return view
        time.sleep(0.05)
    raise RuntimeError(f"{task} was not delivered in 30 s")


def _call(api: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str], body: str | None) -> Any:
    api.request(method, path, body, headers)
    response = api.getresponse()
    content = response.read()
    if response.status != 200:
        raise RuntimeError(f"{method} {path}: {response.status} {content.decode(errors='replace')}")
    return json.loads(content)


def _epoch(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
