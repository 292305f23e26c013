"""How long `otp/verify` takes for a right code, a wrong one, one that was used, and one for a number nobody sent a code to;
and `2fa/start` and `2fa/check` for somebody who enrolled a phone and for somebody who did not: the answers must not differ
in time either. The kinds take turns, so that a slow minute slows all of them. Run it alone against a stack that is up:
`PYTHONPATH=infra .local/venv/bin/python -m bench.codes`."""

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
FACTORS = "/api/v2/2fa"
# A person is locked after five wrong codes: four of each, of so many people.
PEOPLE, WRONG = 15, 4
CODES = ("right", "wrong", "used", "unknown")
SIGN_INS = ("2fa/start, enrolled", "2fa/start, unknown", "2fa/check wrong, enrolled", "2fa/check wrong, unknown")


def measure(record: dict[str, Any]) -> dict[str, list[float]]:
    """Milliseconds by kind."""
    api, headers = _connect(record)
    simulator = urllib.parse.urlsplit(record["simulator_url"])
    inbox = http.client.HTTPConnection(simulator.hostname or "127.0.0.1", simulator.port)
    took: dict[str, list[float]] = {kind: [] for kind in CODES}
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


def measure_sign_ins(record: dict[str, Any]) -> dict[str, list[float]]:
    """Milliseconds by kind."""
    api, headers = _connect(record)
    simulator = urllib.parse.urlsplit(record["simulator_url"])
    inbox = http.client.HTTPConnection(simulator.hostname or "127.0.0.1", simulator.port)
    took: dict[str, list[float]] = {kind: [] for kind in SIGN_INS}

    def timed(kind: str, step: str, body: dict[str, Any]) -> dict[str, Any]:
        begun = time.perf_counter()
        answer = _call(api, "POST", f"{FACTORS}/{step}", headers, json.dumps(body))
        took[kind].append((time.perf_counter() - begun) * 1000)
        return answer

    start = int(time.time())
    for number in range(PEOPLE):
        enrolled, unknown = f"bench-{start}-{number}", f"bench-{start}-{number}-unknown"
        phone = f"+1303{220 + (start + number) % 80}{(start * 13 + number * 137) % 10_000:04}"
        _call(api, "POST", f"{FACTORS}/enrol", headers, json.dumps({"user_id": enrolled, "phone_number": phone}))
        confirmed = {"user_id": enrolled, "code": _code(inbox, phone)}
        _call(api, "POST", f"{FACTORS}/enrol/confirm", headers, json.dumps(confirmed))
        for turn in range(WRONG):
            both = [(enrolled, "enrolled"), (unknown, "unknown")]
            # Whoever comes second comes while the other's code is being delivered: they take turns in that, too.
            for person, title in both if turn % 2 else reversed(both):
                timed(f"2fa/start, {title}", "start", {"user_id": person})
                wrong = {"user_id": person, "code": "0000000000", "audience": "bench"}
                if timed(f"2fa/check wrong, {title}", "check", wrong)["verified"]:
                    raise RuntimeError(f"{title}: verified")
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


def print_table(codes: dict[str, list[float]], sign_ins: dict[str, list[float]]) -> None:
    print(f"\n| {ROUNDS} of each, in turns, whole local stack | p50, ms | p95, ms | mean, ms | ± (95 %) |")
    print("|---|---:|---:|---:|---:|")
    titled = {f"otp/verify, {kind}": values for kind, values in codes.items()} | sign_ins
    for title, unsorted in titled.items():
        values = sorted(unsorted)
        error = 1.96 * statistics.stdev(values) / len(values) ** 0.5
        print(f"| {title} | {values[len(values) // 2]:.1f} | {values[int(len(values) * 0.95)]:.1f} "
              f"| {statistics.mean(values):.1f} | {error:.1f} |")


if __name__ == "__main__":
    stack = Stack(settings.load())
    if not stack.is_up():
        sys.exit("no stack is up; start one with: make up")
    print_table(measure(stack.recorded()), measure_sign_ins(stack.recorded()))
