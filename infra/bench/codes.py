"""How long `otp/verify` takes for a right code, a wrong one, one that was used, and one for a number nobody sent a code to:
the answers must not differ in time either. The kinds take turns, so that a slow minute slows all of them. Run it alone
against a stack that is up: `PYTHONPATH=infra .local/venv/bin/python -m bench.codes`."""

import http.client
import json
import re
import statistics
import sys
import time
import urllib.parse
from typing import Any

from local import settings
from local.stack import Stack

from .road import _call, _connect

ROUNDS = 60
SEND = "/api/v2/communications/otp/send"
VERIFY = "/api/v2/communications/otp/verify"
KINDS = ("right", "wrong", "used", "unknown")


def measure(record: dict[str, Any]) -> dict[str, list[float]]:
    """Milliseconds by kind."""
    api, headers = _connect(record)
    simulator = urllib.parse.urlsplit(record["simulator_url"])
    inbox = http.client.HTTPConnection(simulator.hostname or "127.0.0.1", simulator.port)
    took: dict[str, list[float]] = {kind: [] for kind in KINDS}
    # Numbers no earlier run has used; a block of its own every few rounds, which the guard counts apart.
    start = int(time.time()) % 80_000
    for number in range(ROUNDS):
        exchange, line = 220 + (start + number) % 80, (start * 7 + number * 131) % 10_000
        phone, stranger = f"+1303{exchange}{line:04}", f"+1312{exchange}{line:04}"
        purpose = f"bench-{start}-{number}"
        _call(api, "POST", SEND, headers, json.dumps({"phone_number": phone, "purpose": purpose, "fallback": "none"}))
        code = _code(inbox, phone)
        wrong = ("1" if code[0] != "1" else "2") + code[1:]
        for kind, to, entered in (
            ("wrong", phone, wrong), ("unknown", stranger, wrong), ("right", phone, code), ("used", phone, code),
        ):
            body = json.dumps({"phone_number": to, "purpose": purpose, "code": entered})
            begun = time.perf_counter()
            answer = _call(api, "POST", VERIFY, headers, body)
            took[kind].append((time.perf_counter() - begun) * 1000)
            if answer["verified"] != (kind == "right"):
                raise RuntimeError(f"{kind}: {answer}")
    return took


def _code(inbox: http.client.HTTPConnection, phone: str) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        inbox.request("GET", f"/_sim/messages?to={urllib.parse.quote(phone, safe='')}")
        arrived = json.loads(inbox.getresponse().read())
        found = re.search(r"\b\d{6}\b", arrived[-1]["text"]) if arrived else None
        if found:
            return found.group()
        time.sleep(0.05)
    raise RuntimeError("no code arrived in 30 s")


def print_table(took: dict[str, list[float]]) -> None:
    print(f"\n| a code is verified, {ROUNDS} of each, whole local stack | p50, ms | p95, ms | mean, ms | ± (95 %) |")
    print("|---|---:|---:|---:|---:|")
    for kind in KINDS:
        values = sorted(took[kind])
        error = 1.96 * statistics.stdev(values) / len(values) ** 0.5
        print(f"| {kind} | {values[len(values) // 2]:.1f} | {values[int(len(values) * 0.95)]:.1f} "
              f"| {statistics.mean(values):.1f} | {error:.1f} |")


if __name__ == "__main__":
    stack = Stack(settings.load())
    if not stack.is_up():
        sys.exit("no stack is up; start one with: make up")
    print_table(measure(stack.recorded()))
