"""What the emulator and the simulator take when nothing else runs: the ceiling of what the soak can show on this machine."""

import base64
import http.client
import multiprocessing
import threading
import time
import urllib.parse
from typing import Any
from urllib.parse import urlsplit

from local import deploy

SECONDS = 4.0
WORKERS = 4
SENDER = "+15005550006"  # the number every Twilio account may send from in tests


def emulator(record: dict[str, Any]) -> float:
    """DynamoDB calls a second: a put, an update and a get in turn, from four processes."""
    return _together(_calls, record)


def simulator(record: dict[str, Any]) -> float:
    """Texts a second handed over as a client of Twilio does, from four processes."""
    return _together(_texts, record)


def _together(work: Any, record: dict[str, Any]) -> float:
    context = multiprocessing.get_context("spawn")
    with context.Pool(WORKERS) as pool:
        return sum(pool.starmap(work, [(record, worker) for worker in range(WORKERS)]))


def _calls(record: dict[str, Any], worker: int) -> float:
    dynamodb = deploy.Aws(record["aws_endpoint"]).client("dynamodb")
    table, done, begun = record["tables"]["ephemera"], 0, time.monotonic()
    while time.monotonic() - begun < SECONDS:
        key = {"key": {"S": f"soak#{worker}#{done}"}}
        expires = {"N": str(int(time.time()) + 600)}
        dynamodb.put_item(TableName=table, Item={**key, "count": {"N": "1"}, "expires": expires})
        dynamodb.update_item(
            TableName=table, Key=key, UpdateExpression="SET #c = :c", ConditionExpression="#c < :c",
            ExpressionAttributeNames={"#c": "count"}, ExpressionAttributeValues={":c": {"N": "2"}},
        )
        dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)
        done += 3
    return done / (time.monotonic() - begun)


def _texts(record: dict[str, Any], worker: int) -> float:
    address, secrets = urlsplit(record["simulator_url"]), record["secrets"]
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port)
    account = secrets["twilio_account_sid"]
    token = base64.b64encode(f"{account}:{secrets['twilio_auth_token']}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/x-www-form-urlencoded"}
    done, begun = 0, time.monotonic()
    while time.monotonic() - begun < SECONDS:
        form = {"To": f"+1901555{worker}{done % 1000:03d}", "From": SENDER, "Body": f"{worker} {done}"}
        connection.request("POST", f"/2010-04-01/Accounts/{account}/Messages.json", urllib.parse.urlencode(form), headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != 201:
            raise RuntimeError(f"the simulator answered {response.status}: {body[:200]!r}")
        done += 1
    return done / (time.monotonic() - begun)


def forget(record: dict[str, Any]) -> None:
    """The simulator's memory of what came before is not the soak's."""
    address = urlsplit(record["simulator_url"])
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port)
    connection.request("DELETE", "/_sim")
    connection.getresponse().read()


class Urgent:
    """One urgent text after the other, and how long each took from the request to the provider, in milliseconds."""

    def __init__(self, record: dict[str, Any], pause: float, limit: int | None = None) -> None:
        self.took: list[float] = []
        self.failed = 0
        self.sent = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(record, pause, limit), daemon=True)
        self._thread.start()

    def _run(self, record: dict[str, Any], pause: float, limit: int | None) -> None:
        from .api import Api

        api = Api(record)
        api.register_person()
        while not self._stop.is_set() and (limit is None or self.sent < limit):
            self.sent += 1
            try:
                self.took.append(api.urgent_until_arrived())
            except (TimeoutError, OSError, RuntimeError, http.client.HTTPException):
                self.failed += 1
                api = Api(record)
            self._stop.wait(pause)

    def wait(self) -> None:
        self._thread.join()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
