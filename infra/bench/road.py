"""The whole road on the local stack: how long an accept takes, and how long until the provider has the message."""

import http.client
import json
import time
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

MESSAGES = 60
PERSON = 1001


def register(record: dict[str, Any]) -> None:
    """The person the messages go to."""
    api, headers = _connect(record)
    body = {"user_id": PERSON, "phone_number": "+14155550123", "consent_source": "bench", "send_code": False}
    _call(api, "POST", "/api/communication/consent/sms", headers, json.dumps(body))


def send(record: dict[str, Any]) -> tuple[list[str], list[float]]:
    """Sends them one after the other; their ids, and how long each answer took in milliseconds."""
    api, headers = _connect(record)
    tasks, took = [], []
    for number in range(MESSAGES):
        body = {"user_id": PERSON, "trigger_type": "financial_alert", "data": {"amount": number}, "channel": "sms"}
        begun = time.perf_counter()
        tasks.append(_call(api, "POST", "/api/communication/send", headers, json.dumps(body))["task_id"])
        took.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.4)  # one at a time: this measures the road, not a queue
    time.sleep(2)
    return tasks, took


def times(record: dict[str, Any], tasks: list[str]) -> dict[str, list[float]]:
    """Milliseconds by the messages' own times: `sent` (accepted to the provider's answer) and `delivered` (accepted to
    the provider's callback)."""
    api, headers = _connect(record)
    result: dict[str, list[float]] = {"sent": [], "delivered": []}
    for task in tasks:
        view = until_delivered(api, headers, task)
        created = _epoch(view["created_at"])
        result["sent"].append((_epoch(view["sent_at"]) - created) * 1000)
        result["delivered"].append((_epoch(view["delivered_at"]) - created) * 1000)
    return result


def _connect(record: dict[str, Any]) -> tuple[http.client.HTTPConnection, dict[str, str]]:
    address = urlsplit(record["api_url"])
    api = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port)
    return api, {"Authorization": f"Bearer {record['tokens']['admin']}", "Content-Type": "application/json"}


def until_delivered(api: http.client.HTTPConnection, headers: dict[str, str], task: str) -> dict[str, Any]:
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
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
