"""Calling the API and the simulator as the soak needs it."""

import http.client
import json
import time
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

PERSON = 990_001
PHONE = "+18085550123"


class Api:
    def __init__(self, record: dict[str, Any]) -> None:
        self._record = record
        self.reconnect()
        self._headers = {"Authorization": f"Bearer {record['tokens']['admin']}", "Content-Type": "application/json"}

    def reconnect(self) -> None:
        self._api = _connection(self._record["api_url"])
        self._simulator = _connection(self._record["simulator_url"])

    def register_person(self) -> None:
        body = {"user_id": PERSON, "phone_number": PHONE, "consent_source": "soak", "send_code": False}
        self.call("POST", "/api/communication/consent/sms", body)

    def create_job(self) -> dict[str, Any]:
        body = {"channel": "sms", "class": "transactional", "message": "Hello {{ name }}, this is the soak."}
        return self.call("POST", "/api/v2/communications/jobs", body)

    def job(self, job: str) -> dict[str, Any]:
        return self.call("GET", f"/api/v2/communications/jobs/{job}", None)

    def urgent_until_arrived(self) -> float:
        """Milliseconds from the request until the simulator had the text."""
        asked = time.time()
        body = {"user_id": PERSON, "trigger_type": "security_alert", "data": {}, "channel": "sms", "fallback": "none"}
        task = self.call("POST", "/api/communication/send", body)["task_id"]
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            message = self.call("GET", f"/api/v2/communications/messages/{task}", None)
            if message["sent_at"]:
                return (datetime.fromisoformat(message["sent_at"]).timestamp() - asked) * 1000
            time.sleep(0.2)
        raise TimeoutError(f"{task} was not sent in two minutes")

    def arrived(self) -> dict[str, int]:
        """How often something arrived for each number."""
        counts: dict[str, int] = {}
        after = ""
        while True:
            page = self.simulator(f"/_sim/messages?limit=10000&after={after}")
            for message in page:
                counts[message["to"]] = counts.get(message["to"], 0) + 1
            if not page:
                return counts
            after = str(page[-1]["seq"])

    def simulator(self, path: str) -> Any:
        self._simulator.request("GET", path)
        response = self._simulator.getresponse()
        return json.loads(response.read())

    def call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        self._api.request(method, path, None if body is None else json.dumps(body), self._headers)
        response = self._api.getresponse()
        content = response.read()
        if response.status not in (200, 202):
            raise RuntimeError(f"{method} {path}: {response.status} {content.decode(errors='replace')[:300]}")
        return json.loads(content)


def put(url: str, headers: dict[str, str], content: bytes) -> None:
    """Uploads to a presigned address."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port)
    connection.request("PUT", f"{address.path}?{address.query}", content, headers)
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200:
        raise RuntimeError(f"upload: {response.status} {answer.decode(errors='replace')[:300]}")


def get(url: str) -> str:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port)
    connection.request("GET", f"{address.path}?{address.query}")
    return connection.getresponse().read().decode()


def _connection(url: str) -> http.client.HTTPConnection:
    address = urlsplit(url)
    return http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=150)
