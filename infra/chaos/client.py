"""Calling the API and the simulator, and remembering every answer with its time."""

import base64
import hashlib
import hmac
import http.client
import json
import time
from typing import Any
from urllib.parse import urlencode, urlsplit


class Client:
    """One connection each to the API and the simulator, for one thread."""

    def __init__(self, record: dict[str, Any], token: str | None = None) -> None:
        self._record = record
        self._token = token or record["tokens"]["admin"]
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def api(self, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any, dict[str, str]]:
        """Status, body and headers; the status is 0 if no answer came."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        try:
            return self._ask("api_url", method, path, body, headers)
        except (OSError, http.client.HTTPException):
            return 0, None, {}

    def must(self, method: str, path: str, body: Any = None) -> Any:
        """The body of a 2xx; asks again for a while if there is none."""
        status, answer = 0, None
        for _ in range(20):
            status, answer, _ = self.api(method, path, body)
            if 200 <= status < 300:
                return answer
            if 400 <= status < 500 and status != 429:
                break
            time.sleep(0.5)
        raise RuntimeError(f"{method} {path}: {status} {answer}")

    def simulator(self, method: str, path: str, body: Any = None) -> Any:
        status, answer, _ = self._ask("simulator_url", method, path, body, {"Content-Type": "application/json"})
        if not 200 <= status < 300:
            raise RuntimeError(f"simulator {method} {path}: {status} {answer}")
        return answer

    def form(self, path: str, form: dict[str, str]) -> int:
        """Posts a form as Twilio signs it, and gives the status."""
        signed = self._record["api_url"] + path + "".join(f"{name}{form[name]}" for name in sorted(form))
        mark = hmac.new(self._record["secrets"]["twilio_auth_token"].encode(), signed.encode(), hashlib.sha1).digest()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": base64.b64encode(mark).decode()}
        try:
            return self._ask("api_url", "POST", path, urlencode(form), headers)[0]
        except (OSError, http.client.HTTPException):
            return 0

    def _ask(self, base: str, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        connection = self._connections.get(base)
        if connection is None:
            address = urlsplit(self._record[base])
            connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=90)
            self._connections[base] = connection
        try:
            content = body if body is None or isinstance(body, str) else json.dumps(body)
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            del self._connections[base]
            raise
        try:
            parsed = json.loads(answer) if answer else None
        except ValueError:
            parsed = answer.decode(errors="replace")
        return response.status, parsed, {name.lower(): value for name, value in response.getheaders()}
